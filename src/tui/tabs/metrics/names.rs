//! Names for completion and for the metric browser, asked while they are needed.

use crate::model::answer::{Answer, Metadata};
use crate::model::matcher::Matcher;
use crate::model::request::Request;
use crate::model::time::TimeRange;
use crate::query::syntax::{self, Want};
use crate::tui::overlay::{Item, List, ListKind, Run};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::metrics::edit::{self, Candidate};
use crate::tui::tabs::metrics::{NAME, letter};

const METRICS: SlotId = part(20);
const LABELS: SlotId = part(21);
const VALUES: SlotId = part(22);
const HELP: SlotId = part(23);
/// Names that are taken of an answer.
const LIMIT: usize = 20_000;
/// Names are of the window's stretch, in steps of this, so that they are not asked every tick.
const ROUND: i64 = 5 * 60_000;
/// The word by which the browser gives a name to the tab.
pub(crate) const INSERT: &str = "insert";

const fn part(part: u16) -> SlotId {
    SlotId { owner: NAME, part }
}

fn range(state: &State) -> TimeRange {
    let end = state.time.instant().unwrap_or(state.tick);
    let end = (end / ROUND + 1) * ROUND;
    TimeRange::new(end - state.time.range.max(ROUND) - ROUND, end)
}

pub(crate) fn requests(state: &State) -> Vec<(SlotId, Request)> {
    let local = &state.locals.metrics;
    if !local.names_wanted {
        return Vec::new();
    }
    let range = range(state);
    let values = |name: &str, selectors: Vec<String>| Request::LabelValues {
        name: name.to_owned(),
        selectors,
        range,
        limit: LIMIT,
    };
    let mut out = vec![(METRICS, values("__name__", Vec::new()))];
    if state.slots.get(HELP).is_none_or(|s| s.answer().is_none()) {
        let metric = String::new();
        out.push((
            HELP,
            Request::Metadata {
                metric,
                limit: LIMIT,
            },
        ));
    }
    let selectors = |of: &[Matcher]| match of {
        [] => Vec::new(),
        of => vec![syntax::selector_text(of)],
    };
    for want in edit::want(state).into_iter().flat_map(|c| c.wants) {
        match want {
            Want::LabelName { of } => {
                let request = Request::LabelNames {
                    selectors: selectors(&of),
                    range,
                    limit: LIMIT,
                };
                out.push((LABELS, request));
            }
            Want::LabelValue { label, of } => out.push((VALUES, values(&label, selectors(&of)))),
            _ => {}
        }
    }
    out
}

fn names(state: &State, id: SlotId) -> &[String] {
    match state.slots.get(id).and_then(|s| s.answer()) {
        Some(Answer::Names(names, _)) => names,
        _ => &[],
    }
}

/// Help and type of a metric; of a histogram's parts, of the whole.
fn metadata<'a>(state: &'a State, metric: &str) -> Option<&'a Metadata> {
    let Some(Answer::Metadata(all)) = state.slots.get(HELP).and_then(|s| s.answer()) else {
        return None;
    };
    let base = ["_bucket", "_count", "_sum", "_total"]
        .iter()
        .find_map(|end| metric.strip_suffix(end));
    all.iter()
        .find(|m| m.metric == metric)
        .or_else(|| all.iter().find(|m| Some(m.metric.as_str()) == base))
}

fn about(state: &State, metric: &str) -> String {
    metadata(state, metric).map_or_else(String::new, |m| format!("{}: {}", m.kind.as_str(), m.help))
}

/// Everything that can stand where `want` says.
pub(crate) fn candidates(state: &State, want: &Want) -> Vec<Candidate> {
    let plain = |text: &str, tail: &'static str| Candidate {
        text: text.to_owned(),
        detail: String::new(),
        tail,
    };
    let words = |words: Vec<syntax::Word>| -> Vec<Candidate> {
        let word = |w: syntax::Word| Candidate {
            text: w.name.to_owned(),
            detail: format!("{}: {}", w.signature, w.help),
            tail: "(",
        };
        words.into_iter().map(word).collect()
    };
    match want {
        Want::Metric => names(state, METRICS)
            .iter()
            .map(|name| Candidate {
                detail: about(state, name),
                ..plain(name, "")
            })
            .collect(),
        Want::Function => words(syntax::functions()),
        Want::Aggregator => words(syntax::aggregators()),
        Want::Keywords(words) => words.iter().map(|w| plain(w, "")).collect(),
        Want::LabelName { .. } => {
            let real = names(state, LABELS).iter().filter(|n| *n != "__name__");
            real.map(|n| plain(n, "")).collect()
        }
        Want::LabelValue { .. } => {
            let all = names(state, VALUES).iter();
            all.map(|n| plain(n, "\"")).collect()
        }
        Want::Duration => Vec::new(),
    }
}

/// All metrics with their help; choosing one puts it into the query.
pub(crate) fn browser(state: &State) -> List {
    let item = |name: &String| {
        let run = Run::Give {
            tag: INSERT,
            text: name.clone(),
        };
        Item::new(name.clone(), about(state, name), run)
    };
    let items: Vec<Item> = names(state, METRICS).iter().map(item).collect();
    let slot = state.slots.get(METRICS);
    let empty = match slot.and_then(|s| s.error()) {
        Some(error) => error.to_string(),
        None if slot.is_none_or(|s| s.answer().is_none()) => "asking ...".to_owned(),
        None => "no metric was collected in this stretch of time".to_owned(),
    };
    let at = letter(state.locals.metrics.at);
    let title = format!("Metrics: {} ({at})", items.len());
    let mut list = List::new(ListKind::Browser, &title, items).or_say(empty);
    list.typing = true;
    list
}
