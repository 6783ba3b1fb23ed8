//! What several traces did together: call tree, flame graph, statistics by any attribute, the map of
//! services, and two of them beside each other.
//!
//! A report is of one trace or of a selection, as it was when it was opened: it stands still while
//! the scatter behind it moves on.

mod by;
mod calls;
mod compare;
mod flame;
mod map;

use crate::base::text;
use crate::model::request::{Request, SpanRequest, TraceOrder, TraceQuery};
use crate::model::trace_report::{
    CallRow, ReportAnswer, ReportKind, ReportPart, TracePick, TraceReport,
};
use crate::query::syntax::check_traceql;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::overlay::{Item, List, ListKind, Overlay, Run};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::Export;
use crate::tui::tabs::list::{self, Empty};
use crate::tui::tabs::traces::{
    self, AGAINST, LOOKED_AT, REPORT, bar, found, ms, requests, take_query, told,
};
use crate::tui::view as screen;
use crate::tui::widget::Look;
use crate::tui::widget::frame::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::HashSet;

/// Words by which lists and prompts come back.
const BY: &str = "by";
const SHOW: &str = "report";
const COMPARE_CHOSEN: &str = "compare-trace";
const COMPARE_ALL: &str = "compare-all";
/// What spans are grouped by at first.
const FIRST_FIELD: &str = "resource.service.name";

/// One trace or many, with the words for them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subject {
    of: TracePick,
    title: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Shows {
    Calls,
    Flame,
    By(String),
    Map,
    /// Against this.
    Compare(Subject),
}

#[derive(Debug)]
pub(crate) struct Open {
    subject: Subject,
    shows: Shows,
    rows: list::Cursor,
    /// Rows whose children are folded away.
    folded: HashSet<usize>,
    /// Column, and whether it falls.
    sort: Option<(usize, bool)>,
    /// The map as a table.
    as_table: bool,
    /// The flame graph's row that takes the whole width.
    zoom: Option<usize>,
}

impl Open {
    fn new(subject: Subject, shows: Shows) -> Self {
        Self {
            subject,
            shows,
            rows: list::Cursor::default(),
            folded: HashSet::new(),
            sort: None,
            as_table: false,
            zoom: None,
        }
    }

    fn kind(&self) -> ReportKind {
        match &self.shows {
            Shows::Calls | Shows::Flame | Shows::Compare(_) => ReportKind::Calls,
            Shows::By(field) => ReportKind::By {
                fields: vec![field.clone()],
                entries: false,
            },
            Shows::Map => ReportKind::Map,
        }
    }

    fn request(&self, of: &TracePick) -> Request {
        Request::Spans(SpanRequest::Report(TraceReport {
            of: of.clone(),
            parts: vec![self.kind()],
        }))
    }

    pub(super) fn asked(&self) -> Vec<(SlotId, Request)> {
        let mut out = vec![(REPORT, self.request(&self.subject.of))];
        if let Shows::Compare(other) = &self.shows {
            out.push((AGAINST, self.request(&other.of)));
        }
        out
    }

    fn title(&self) -> String {
        match &self.shows {
            Shows::Calls => "Call tree".to_owned(),
            Shows::Flame => "Flame graph".to_owned(),
            Shows::By(field) => format!("By {}", text::display(field)),
            Shows::Map => "Service map".to_owned(),
            Shows::Compare(_) => "Comparison".to_owned(),
        }
    }
}

/// What was told of the subject that is open, not of one before it.
fn answer(state: &State) -> Option<&ReportAnswer> {
    let open = state.locals.traces.report.as_ref()?;
    let asked = open.request(&open.subject.of);
    let slot = state.slots.get(REPORT)?;
    (slot.settled() == Some(&asked)).then(|| told(state, REPORT))?
}

fn against(state: &State) -> Option<&ReportAnswer> {
    let open = state.locals.traces.report.as_ref()?;
    let Shows::Compare(other) = &open.shows else {
        return None;
    };
    let asked = open.request(&other.of);
    let slot = state.slots.get(AGAINST)?;
    (slot.settled() == Some(&asked)).then(|| told(state, AGAINST))?
}

fn calls_of(answer: Option<&ReportAnswer>) -> &[CallRow] {
    let parts = answer.map_or(&[][..], |a| &a.parts);
    let found = parts.iter().find_map(|p| match p {
        ReportPart::Calls(rows) => Some(rows.as_slice()),
        _ => None,
    });
    found.unwrap_or(&[])
}

/// What the search has found, as a whole.
fn listed(state: &State) -> Subject {
    let local = &state.locals.traces;
    let query = traces::search(state, screen::body(state), LOOKED_AT);
    let what = match local.query.as_str() {
        "" => "all requests".to_owned(),
        query => text::display(query).into_owned(),
    };
    let clock = |ns| state.time.clock(ms(ns));
    let when = match local.picked {
        Some(picked) => picked.words(state),
        None => format!("{} to {}", clock(query.from), clock(query.to)),
    };
    Subject {
        of: TracePick::Found(TraceQuery {
            order: TraceOrder::Newest,
            ..query
        }),
        title: format!("{what}, {when}"),
    }
}

/// The trace that is open, else the chosen one.
fn one(state: &State) -> Option<Subject> {
    let id = traces::chosen_trace(state)?;
    let known = found(state).iter().find(|h| h.id == id);
    let title = known.map_or_else(
        || id.to_string(),
        |h| {
            let name = h.root_name.as_deref().unwrap_or("root not yet received");
            format!("{} {}", text::display(name), state.time.clock(ms(h.start)))
        },
    );
    Some(Subject {
        of: TracePick::Ids(vec![id]),
        title,
    })
}

/// What a key asks about: the open trace, else everything that is listed.
fn subject(state: &State) -> Option<Subject> {
    match &state.locals.traces.open {
        Some(_) => one(state),
        None => Some(listed(state)),
    }
}

fn shows(act: Act) -> Option<Shows> {
    Some(match act {
        Act::CallTree => Shows::Calls,
        Act::Flame => Shows::Flame,
        Act::ByAttribute => Shows::By(FIRST_FIELD.to_owned()),
        Act::ServiceMap => Shows::Map,
        _ => return None,
    })
}

/// Opens a report; false where the action is none.
pub(super) fn begin(state: &mut State, act: Act) -> bool {
    if act == Act::CompareTraces {
        let is_box = state.locals.traces.open.is_none() && state.locals.traces.picked.is_some();
        let subject = if is_box {
            Some(listed(state))
        } else {
            one(state)
        };
        match subject {
            Some(subject) => compare_with(state, subject),
            None => state.toast("no request is chosen", false),
        }
        return true;
    }
    let Some(shows) = shows(act) else {
        return false;
    };
    if let Some(subject) = subject(state) {
        state.locals.traces.sketch = None;
        state.locals.traces.report = Some(Open::new(subject, shows));
    }
    true
}

/// The first of two is marked, the second opens the comparison.
fn compare_with(state: &mut State, subject: Subject) {
    let key = state.keymap.label(Act::CompareTraces);
    let local = &mut state.locals.traces;
    match local.marked.take() {
        Some(first) if first == subject => state.toast("not compared", false),
        Some(first) => local.report = Some(Open::new(first, Shows::Compare(subject))),
        None => {
            let said = format!(
                "{} is the first; choose another and press {key}",
                subject.title
            );
            local.marked = Some(subject);
            state.toast(said, false);
        }
    }
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let open = state.locals.traces.report.as_ref()?;
    let comparing = matches!(open.shows, Shows::Compare(_));
    if act == Act::ByAttribute && matches!(open.shows, Shows::By(_)) {
        choose_field(state);
        return Some(Vec::new());
    }
    if let Some(shows) = shows(act) {
        if !comparing {
            let subject = open.subject.clone();
            state.locals.traces.report = Some(Open::new(subject, shows));
        }
        return Some(Vec::new());
    }
    if act == Act::CompareTraces {
        if !comparing {
            let subject = open.subject.clone();
            compare_with(state, subject);
        }
        return Some(Vec::new());
    }
    let taken = match &open.shows {
        Shows::Calls => calls::act(state, act),
        Shows::Flame => flame::act(state, act),
        Shows::By(_) => by::act(state, act),
        Shows::Map => map::act(state, act),
        Shows::Compare(_) => compare::act(state, act),
    };
    if taken {
        return Some(Vec::new());
    }
    match act {
        Act::Escape | Act::Back => state.locals.traces.report = None,
        Act::Filter => state.toast(
            "there is nothing to filter here; Enter lists its requests",
            false,
        ),
        _ => return None,
    }
    Some(Vec::new())
}

/// Moves in a list of so many rows.
fn moved(state: &mut State, act: Act, count: usize) -> bool {
    let page = usize::from(screen::body(state).height).saturating_sub(4);
    let open = state.locals.traces.report.as_mut();
    open.is_some_and(|o| o.rows.act(act, count, page))
}

/// The requests that have such a span.
fn drill(state: &mut State, query: Option<String>) {
    if let Some(query) = query {
        take_query(state, &query);
    }
}

/// A text as TraceQL writes it.
pub(super) fn quoted(value: &str) -> String {
    let inner = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{inner}\"")
}

fn span_query(service: &str, name: &str) -> String {
    format!(
        "{{ resource.service.name = {} && name = {} }}",
        quoted(service),
        quoted(name)
    )
}

/// A field as TraceQL writes it: a bare name is an attribute.
fn written(field: &str) -> String {
    if check_traceql(&format!("{{ }} | by({field})")).is_ok() {
        field.to_owned()
    } else {
        format!(".{field}")
    }
}

/// The requests with spans of these values.
pub(super) fn query_of(kind: &ReportKind, values: &[Option<String>]) -> String {
    let ReportKind::By { fields, .. } = kind else {
        return "{ }".to_owned();
    };
    let term = |(field, value): (&String, &Option<String>)| {
        let field = written(field);
        let Some(value) = value else {
            return format!("{field} = nil");
        };
        let keyword = ["status", "kind", "span:status", "span:kind"].contains(&field.as_str());
        let plain = value.parse::<f64>().is_ok() || value == "true" || value == "false";
        match (keyword, plain) {
            (true, _) => format!("{field} = {value}"),
            (_, true) => format!("({field} = {value} || {field} = {})", quoted(value)),
            _ => format!("{field} = {}", quoted(value)),
        }
    };
    let terms: Vec<String> = fields.iter().zip(values).map(term).collect();
    let query = format!("{{ {} }}", terms.join(" && "));
    if check_traceql(&query).is_ok() {
        return query;
    }
    // A number cannot be compared as a text where the field is a number by itself.
    let text = |(f, v): (&String, &Option<String>)| {
        format!("{} = {}", written(f), v.as_deref().unwrap_or("nil"))
    };
    let terms: Vec<String> = fields.iter().zip(values).map(text).collect();
    format!("{{ {} }}", terms.join(" && "))
}

/// Names of attributes are wanted for the list of fields.
pub(super) fn wants_tags(state: &State) -> bool {
    let open = state.locals.traces.report.as_ref();
    open.is_some_and(|o| matches!(o.shows, Shows::By(_)))
}

/// All fields that spans can be grouped by.
fn choose_field(state: &mut State) {
    let fixed = [
        "resource.service.name",
        "name",
        "kind",
        "status",
        "statusMessage",
        "rootName",
    ];
    let give = |field: &str| Run::Give {
        tag: BY,
        text: field.to_owned(),
    };
    let mut items: Vec<Item> = fixed.iter().map(|f| Item::new(*f, "", give(f))).collect();
    for (scope, name) in bar::tags(state) {
        let field = format!("{scope}.{name}");
        if !fixed.contains(&field.as_str()) && ["span", "resource"].contains(&scope) {
            items.push(Item::new(text::display(&field), "", give(&field)));
        }
    }
    let mut list = List::new(ListKind::Menu, "Group spans by", items);
    list.typing = true;
    state.overlays.push(Overlay::List(list));
}

/// What came back from a list or a prompt.
pub(super) fn prompted(state: &mut State, tag: &'static str, text: &str) {
    match tag {
        BY => {
            if let Some(open) = &mut state.locals.traces.report {
                open.shows = Shows::By(text.trim().to_owned());
                (open.rows, open.sort) = (list::Cursor::default(), None);
            }
        }
        SHOW => {
            let acts = [Act::CallTree, Act::Flame, Act::ByAttribute, Act::ServiceMap];
            let act = acts.into_iter().find(|a| word(*a) == text);
            if let (Some(subject), Some(shows)) = (one(state), act.and_then(shows)) {
                state.locals.traces.report = Some(Open::new(subject, shows));
            }
        }
        COMPARE_CHOSEN => {
            if let Some(subject) = one(state) {
                compare_with(state, subject);
            }
        }
        COMPARE_ALL => {
            let subject = listed(state);
            compare_with(state, subject);
        }
        _ => {}
    }
}

fn word(act: Act) -> &'static str {
    match act {
        Act::CallTree => "calls",
        Act::Flame => "flame",
        Act::ByAttribute => "by",
        _ => "map",
    }
}

/// What can be done with what is listed or chosen.
pub(super) fn menu(state: &State) -> Vec<Item> {
    let local = &state.locals.traces;
    if local.report.is_some() {
        return Vec::new();
    }
    let mut items = Vec::new();
    let acts = [
        (Act::CallTree, "call tree"),
        (Act::Flame, "flame graph"),
        (Act::ByAttribute, "statistics by any attribute"),
        (Act::ServiceMap, "map of services"),
    ];
    let whose = if local.open.is_some() {
        "this trace"
    } else {
        "all that is listed"
    };
    for (act, what) in acts {
        let keys = state.keymap.label(act);
        items.push(Item::new(format!("{what}: {whose}"), "", Run::Act(act)).keys(keys));
    }
    let give = |tag, text: &str| Run::Give {
        tag,
        text: text.to_owned(),
    };
    if local.open.is_none() && requests::chosen(state).is_some() {
        for (act, what) in acts {
            let run = give(SHOW, word(act));
            items.push(Item::new(format!("{what}: the chosen trace"), "", run));
        }
    }
    let first = local.marked.as_ref().map(|m| format!("with {}", m.title));
    let first = first.unwrap_or_else(|| "with another, chosen next".to_owned());
    let key = state.keymap.label(Act::CompareTraces);
    let trace = Item::new(
        "compare this trace",
        first.clone(),
        give(COMPARE_CHOSEN, ""),
    );
    items.push(trace.keys(key));
    if local.open.is_none() {
        items.push(Item::new(
            "compare all that is listed",
            first,
            give(COMPARE_ALL, ""),
        ));
    }
    items
}

pub(super) fn line(state: &State) -> Option<String> {
    let open = state.locals.traces.report.as_ref()?;
    let text = export(state).text;
    let at = match open.shows {
        Shows::Calls => *calls::shown(state).get(open.rows.at(usize::MAX))?,
        Shows::Flame => open.rows.at(usize::MAX),
        _ => open.rows.at(text.lines().count().saturating_sub(1)),
    };
    text.lines().nth(at + 1).map(|l| l.trim_start().to_owned())
}

pub(super) fn export(state: &State) -> Export {
    let text = match state.locals.traces.report.as_ref().map(|o| &o.shows) {
        Some(Shows::Calls | Shows::Flame) => calls::csv(calls_of(answer(state))),
        Some(Shows::By(_)) => by::csv(state),
        Some(Shows::Map) => map::csv(state),
        Some(Shows::Compare(_)) => compare::csv(state),
        None => String::new(),
    };
    Export { kind: "csv", text }
}

pub(super) fn view(state: &State, look: &Look, body: Rect, buf: &mut Buffer) {
    let Some(open) = &state.locals.traces.report else {
        return;
    };
    let title = open.title();
    let found = answer(state);
    let headline = match (found, &open.shows) {
        (_, Shows::Compare(other)) => format!("{}  against  {}", open.subject.title, other.title),
        (Some(a), _) if a.cut => {
            format!("{}: the newest {} requests", open.subject.title, a.traces)
        }
        (Some(a), _) if matches!(open.subject.of, TracePick::Found(_)) => {
            format!(
                "{}: {} requests, {} spans",
                open.subject.title, a.traces, a.spans
            )
        }
        _ => open.subject.title.clone(),
    };
    let headline = text::fit(
        &headline,
        usize::from(body.width).saturating_sub(text::width(&title) + 8),
        look.symbols.ellipsis(),
    );
    let frame = Frame {
        title: &title,
        headline: &headline,
        headline_style: look.dim,
        focused: true,
        ..Frame::default()
    };
    let inside = frame.paint(buf, body, look);
    let ready =
        found.is_some() && (!matches!(open.shows, Shows::Compare(_)) || against(state).is_some());
    let failed = [REPORT, AGAINST]
        .into_iter()
        .find_map(|id| state.slots.get(id)?.error());
    if !ready || found.is_some_and(|a| a.traces == 0) {
        let slot = state
            .slots
            .get(REPORT)
            .filter(|_| ready || failed.is_some());
        let empty = Empty {
            slot,
            nothing: "No request is in this selection any more.",
            way_out: "Esc goes back.",
            filtered: false,
        };
        return list::why_empty(buf, inside, look, empty);
    }
    match &open.shows {
        Shows::Calls => calls::paint(state, open, look, (inside, buf)),
        Shows::Flame => flame::paint(state, open, look, (inside, buf)),
        Shows::By(_) => by::paint(state, open, look, (inside, buf)),
        Shows::Map => map::paint(state, open, look, (inside, buf)),
        Shows::Compare(_) => compare::paint(state, open, look, (inside, buf)),
    }
}

/// An indented name as trees show it.
fn indented(depth: u32, sign: &str, service: &str, name: &str) -> String {
    let depth = depth as usize;
    let deep = if depth > 20 {
        format!("{depth} ")
    } else {
        String::new()
    };
    let service = if service.is_empty() {
        String::new()
    } else {
        format!("{} ", text::display(service))
    };
    format!(
        "{}{deep}{sign} {service}{}",
        " ".repeat(depth.min(20)),
        text::display(name)
    )
}
