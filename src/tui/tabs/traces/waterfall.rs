//! One trace: its spans below each other, each with a bar on the one axis of time.
//!
//! Clocks that differ are shown as they are, and marked. The critical path is what the end of the
//! trace waited for ([`SpanTree::critical`](crate::model::span_tree::SpanTree::critical)).

mod paint;
mod rows;

pub(super) use paint::{title, view};
pub(super) use rows::said;

use crate::base::units::format_nanoseconds;
use crate::model::answer::Answer;
use crate::model::span::{Attribute, Trace, TraceId, find};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::overlay::{Item, Overlay, Run};
use crate::tui::slot::Slot;
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::traces::{self, OPENED, detail, ms};
use crate::tui::view as screen;
use rows::{Kept, Row};

/// The prompt of the filter.
pub(super) const FILTER: &str = "spans";
/// Spans shorter than these parts of the trace are hidden, one step after the other.
const SHORT: [(u64, &str); 4] = [(0, ""), (1000, "0.1%"), (100, "1%"), (20, "5%")];
/// A trace may still grow for so long after its last span, in milliseconds.
const GROWS: i64 = 60_000;

/// What is remembered of an open trace.
#[derive(Debug)]
pub(crate) struct Open {
    pub(super) id: TraceId,
    spans: list::Cursor,
    kept: Kept,
    /// As it was typed.
    pub(super) filter: String,
    /// Place in [`SHORT`].
    short: usize,
    details: bool,
    /// The details have the keys.
    in_details: bool,
    /// First line of the details that is shown.
    pub(super) top: usize,
    /// Stack traces are shown whole.
    pub(super) stacks: bool,
}

impl Open {
    pub(super) fn new(id: TraceId) -> Self {
        Self {
            id,
            spans: list::Cursor::default(),
            kept: Kept::default(),
            filter: String::new(),
            short: 0,
            details: false,
            in_details: false,
            top: 0,
            stacks: false,
        }
    }

    pub(super) fn filter_by(&mut self, typed: &str) -> Result<(), String> {
        self.kept.terms = rows::terms(typed)?;
        typed.trim().clone_into(&mut self.filter);
        self.spans = list::Cursor::default();
        Ok(())
    }
}

fn opened(state: &State) -> Option<&Trace> {
    match state.slots.get(OPENED).and_then(Slot::answer) {
        Some(Answer::Trace(Some(trace), _)) => {
            let wanted = state.locals.traces.open.as_ref()?.id;
            (trace.id == wanted).then_some(trace)
        }
        _ => None,
    }
}

/// Whether it must be asked (again): spans of a young trace are still on their way.
pub(super) fn may_grow(state: &State) -> bool {
    opened(state).is_none_or(|t| state.tick - ms(t.bounds().1) < GROWS)
}

/// What is shown, and how many are hidden as too short.
fn shown(state: &State) -> (Vec<Row<'_>>, usize) {
    match (opened(state), &state.locals.traces.open) {
        (Some(trace), Some(open)) => rows::rows(trace, &open.kept),
        _ => (Vec::new(), 0),
    }
}

/// Places of the rows that a jump may go to, and the chosen one.
struct Places {
    count: usize,
    at: usize,
    chosen: Option<(crate::model::span::SpanId, bool)>,
    /// Where the next or previous error is.
    error: usize,
    /// The row that did most itself.
    slowest: Option<usize>,
}

fn places(state: &State, act: Act) -> Option<Places> {
    let (rows, _) = shown(state);
    let count = rows.len();
    let at = state.locals.traces.open.as_ref()?.spans.at(count);
    Some(Places {
        count,
        at,
        chosen: rows.get(at).map(|r| r.span.identity()),
        error: list::to_match(act, at, count, |i| rows[i].span.is_error()),
        slowest: (0..count).max_by_key(|i| (rows[*i].own, std::cmp::Reverse(*i))),
    })
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let places = places(state, act)?;
    let (count, at) = (places.count, places.at);
    let page = usize::from(screen::body(state).height).saturating_sub(4);
    let whole = opened(state).map_or(0, Trace::duration);
    let open = state.locals.traces.open.as_mut()?;
    if open.in_details && open.details && scroll(&mut open.top, act, page / 3) {
        return Some(Vec::new());
    }
    if open.spans.act(act, count, page) {
        open.top = 0;
        return Some(Vec::new());
    }
    let mut go = |row: Option<usize>| {
        open.spans.go(row.unwrap_or(at));
        open.top = 0;
    };
    match act {
        Act::NextError | Act::PrevError => go(Some(places.error)),
        Act::Sort | Act::Slowest => go(places.slowest),
        Act::Open => open.details = !open.details,
        Act::NextPane | Act::PrevPane if open.details => open.in_details = !open.in_details,
        Act::Fold => {
            if let Some(id) = places.chosen
                && !open.kept.folded.remove(&id)
            {
                open.kept.folded.insert(id);
            }
        }
        Act::HideShort => {
            open.short = (open.short + 1) % SHORT.len();
            let (part, _) = SHORT[open.short];
            open.kept.shortest = whole.checked_div(part).map_or(0, |ns| ns.max(1));
        }
        Act::Stacks => open.stacks = !open.stacks,
        Act::Filter => {
            let prompt = traces::prompt(state, FILTER);
            state.overlays.push(Overlay::Prompt(prompt));
        }
        Act::Escape | Act::Back if open.details => (open.details, open.in_details) = (false, false),
        Act::Escape | Act::Back if !open.filter.is_empty() => {
            open.filter.clear();
            open.kept.terms.clear();
        }
        Act::Escape | Act::Back => state.locals.traces.open = None,
        _ => return None,
    }
    Some(Vec::new())
}

/// Moves the details; the painter keeps the end in sight.
fn scroll(top: &mut usize, act: Act, page: usize) -> bool {
    *top = match act {
        Act::Up => top.saturating_sub(1),
        Act::Down => *top + 1,
        Act::PageUp => top.saturating_sub(page.max(1)),
        Act::PageDown => *top + page.max(1),
        Act::Top => 0,
        Act::Bottom => usize::MAX / 2,
        _ => return false,
    };
    true
}

/// When the chosen span began, in nanoseconds since the epoch.
pub(super) fn begun(state: &State) -> Option<u64> {
    let (rows, _) = shown(state);
    let at = state.locals.traces.open.as_ref()?.spans.at(rows.len());
    rows.get(at).map(|r| r.span.start)
}

/// The text of a resource's attribute of the chosen span.
pub(super) fn resource(state: &State, names: &[&str]) -> Option<String> {
    let (rows, _) = shown(state);
    let at = state.locals.traces.open.as_ref()?.spans.at(rows.len());
    let span = rows.get(at)?.span;
    names
        .iter()
        .find_map(|n| match find(&span.resource.attributes, n) {
            Some(Attribute::Text(text)) if !text.is_empty() => Some(text.to_string()),
            _ => None,
        })
}

/// What can be done with the chosen span.
pub(super) fn menu(state: &State) -> Vec<Item> {
    let (rows, _) = shown(state);
    let Some(open) = &state.locals.traces.open else {
        return Vec::new();
    };
    let Some(row) = rows.get(open.spans.at(rows.len())) else {
        return Vec::new();
    };
    let span = row.span;
    let mut items = Vec::new();
    for link in span.links.iter().take(20) {
        let run = Run::Give {
            tag: "open",
            text: link.trace.to_string(),
        };
        items.push(Item::new(
            "open the linked trace",
            link.trace.to_string(),
            run,
        ));
    }
    if let Some(sql) = detail::statement(span) {
        items.push(Item::new("copy the statement", sql.clone(), Run::Copy(sql)));
    }
    let query = format!(
        "{{ resource.service.name = {} && name = {} }}",
        traces::report::quoted(span.service()),
        traces::report::quoted(&span.name)
    );
    let run = Run::Give {
        tag: "query",
        text: query.clone(),
    };
    items.push(Item::new("requests with such a span", query, run));
    items
}

pub(super) fn line(state: &State) -> Option<String> {
    let (rows, _) = shown(state);
    let at = state.locals.traces.open.as_ref()?.spans.at(rows.len());
    rows.get(at).map(|r| one_line(r, 0))
}

fn one_line(row: &Row<'_>, start: u64) -> String {
    let span = row.span;
    let offset = format_nanoseconds(span.start.saturating_sub(start));
    format!(
        "{}{} {} +{offset} {}{}",
        "  ".repeat(row.depth.min(40)),
        span.service(),
        span.name,
        format_nanoseconds(span.duration()),
        if span.is_error() { " error" } else { "" }
    )
}

/// All rows as text.
pub(super) fn text(state: &State) -> String {
    let start = opened(state).map_or(0, |t| t.bounds().0);
    let (rows, _) = shown(state);
    rows.iter().map(|r| one_line(r, start) + "\n").collect()
}
