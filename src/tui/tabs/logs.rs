//! Tab 5, Logs: the lines of this server, filtered as one types, with their levels over time.
//!
//! While nothing is chosen the newest lines run in at the bottom. Moving up holds the view: it is
//! about the lines up to that moment and those behind them, so that nothing moves under a reader,
//! and what has come since is counted. Filters are chips; switched off, the place stays.

mod bar;
mod detail;
mod keys;
mod link;
mod paint;
mod rows;

pub(crate) use link::{Opening, open, there_and_back};
pub(crate) use paint::{level_tag, stack_style, stacked, stream_name};

use crate::model::answer::{Answer, LogReply, LogsValue};
use crate::model::log_entry::NanoRange;
use crate::model::query::Language;
use crate::model::request::{
    LevelsQuery, LogRequest, LogsQuery, Request, StreamsQuery, StreamsWhat,
};
use crate::query::syntax::logql::{Composed, Term, compose, read};
use crate::tui::line_edit::LineEdit;
use crate::tui::recall::Recall;
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::Tab;
use ratatui::layout::Rect;

pub(crate) const NAME: &str = "Logs";
/// Lines that are asked for at a time, and at most.
const LINES: usize = 500;
const MOST_LINES: usize = 5000;

/// The questions of the tab.
const OLDER: usize = 0;
const NEWER: usize = 1;
const LEVELS: usize = 2;
const LABELS: usize = 3;
const VALUES: usize = 4;
const PATTERNS: usize = 5;

pub(crate) const TAB: Tab = Tab {
    digit: Some('5'),
    requests,
    act: keys::act,
    key: bar::key,
    paste: bar::paste,
    prompted: keys::prompted,
    menu: keys::menu,
    line: |state| rows::chosen(state).map(|row| row.line.line.clone()),
    export: |state| Some(rows::export(state)),
    ..Tab::new(
        NAME,
        "log lines: filtered as you type, levels over time, patterns",
        paint::view,
    )
};

/// What the list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Lines,
    /// Lines by their shape.
    Patterns,
}

#[derive(Debug)]
pub(crate) struct Local {
    edit: LineEdit,
    recall: Recall,
    editing: bool,
    chips: Vec<Chip>,
    /// All chips are switched off for now.
    bare: bool,
    /// Nanoseconds since the epoch: the view is held there. `None` runs along.
    held: Option<i64>,
    /// The chosen row; 0 is the first one behind the held time, -1 the last one before it.
    at: i64,
    /// The first row on the screen, counted the same way.
    top: i64,
    limit: usize,
    wrap: bool,
    unfolded: bool,
    details: bool,
    /// Fields that stand before the line.
    columns: Vec<String>,
    mode: Mode,
    pattern: usize,
    /// The tab that a link came from.
    from: Option<link::From>,
}

impl Default for Local {
    fn default() -> Self {
        Self {
            edit: LineEdit::default(),
            recall: Recall::new(Language::LogQl),
            editing: false,
            chips: Vec::new(),
            bare: false,
            held: None,
            at: -1,
            top: 0,
            limit: LINES,
            wrap: false,
            unfolded: false,
            details: false,
            columns: Vec::new(),
            mode: Mode::Lines,
            pattern: 0,
            from: None,
        }
    }
}

/// One filter.
#[derive(Clone, Debug)]
struct Chip {
    term: Term,
    on: bool,
}

fn id(part: usize) -> SlotId {
    SlotId::new(NAME, part)
}

fn reply(state: &State, part: usize) -> Option<&LogReply> {
    match state.slots.get(id(part))?.answer()? {
        Answer::Logs(reply) => Some(reply),
        _ => None,
    }
}

fn slot(state: &State, part: usize) -> Option<&Slot> {
    state.slots.get(id(part))
}

fn lines(state: &State, part: usize) -> &[crate::model::answer::LogLine] {
    match reply(state, part) {
        Some(LogReply::Value(answer)) => match &answer.value {
            LogsValue::Lines(lines) => lines,
            _ => &[],
        },
        _ => &[],
    }
}

fn label_names(state: &State) -> &[String] {
    match reply(state, LABELS) {
        Some(LogReply::Names(names, _)) => names,
        _ => &[],
    }
}

/// What is asked now: chips that are on, and what is being typed.
fn composed(state: &State) -> Composed {
    let local = &state.locals.logs;
    let typed = if local.editing {
        read(local.edit.text())
    } else {
        Vec::new()
    };
    let chips = local.chips.iter().filter(|c| c.on && !local.bare);
    let terms: Vec<&Term> = chips.map(|c| &c.term).chain(&typed).collect();
    compose(&terms, label_names(state))
}

const MS: i64 = 1_000_000;

/// The stretch of time in nanoseconds that ends where the view is held, else at the time cursor,
/// else now.
fn range(state: &State) -> NanoRange {
    let local = &state.locals.logs;
    // A marked stretch of time is what a person wants to read.
    if let (None, Some(from), Some(to)) = (local.held, state.time.selection, state.time.cursor) {
        return NanoRange::new(from.min(to) * MS, (from.max(to) + 1) * MS);
    }
    let end = match (local.held, state.time.instant()) {
        (Some(held), _) => held,
        // The line of that very millisecond belongs to it.
        (None, Some(at)) => (at + 1) * MS,
        (None, None) => (state.tick + 1) * MS,
    };
    NanoRange::new(end.saturating_sub(state.time.range * MS), end)
}

/// The columns of the histogram: whole steps of the console's window.
fn histogram(state: &State, composed: &Composed, width: u16) -> LevelsQuery {
    let ask = state.ask(width.max(1));
    let step = ask.window.step.max(1);
    let start = ask.window.start - step;
    let count = ((ask.window.end - start) / step).max(1);
    LevelsQuery {
        expr: composed.expr.clone(),
        levels: composed.levels,
        start: start * MS,
        step: step * MS,
        count: count as usize,
    }
}

fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let local = &state.locals.logs;
    let composed = composed(state);
    let range = range(state);
    let logs = |part: usize, request: LogRequest| (id(part), Request::Logs(request));
    let levels = histogram(state, &composed, paint::plot_width(body));
    let mut out = Vec::new();
    if local.mode == Mode::Patterns {
        out.push(logs(PATTERNS, LogRequest::Patterns(levels.clone())));
    } else {
        let mut older = LogsQuery::newest(composed.expr.clone(), range, local.limit);
        older.levels = composed.levels;
        if local.held.is_some() {
            let after = NanoRange::new(range.end, (state.tick + 1) * MS);
            let mut newer = LogsQuery::newest(composed.expr.clone(), after, LINES);
            newer.levels = composed.levels;
            newer.newest_first = false;
            if after.end > after.start {
                out.push(logs(NEWER, LogRequest::Query(newer)));
            }
        }
        out.push(logs(OLDER, LogRequest::Query(older)));
    }
    out.push(logs(LEVELS, LogRequest::Levels(levels)));
    let wide = NanoRange::new(range.end.saturating_sub(7 * 86_400_000 * MS), range.end);
    let known = reply(state, LABELS).is_some();
    let streams = |what| StreamsQuery {
        what,
        selectors: Vec::new(),
        range: wide,
        limit: 200,
    };
    // Names change seldom: they are asked once, and again whenever a query is typed.
    if !known || (local.editing && local.edit.is_empty()) {
        let names = streams(StreamsWhat::LabelNames);
        out.push(logs(LABELS, LogRequest::Streams(names)));
    }
    if let Some(name) = bar::value_wanted(state) {
        let values = streams(StreamsWhat::LabelValues(name));
        out.push(logs(VALUES, LogRequest::Streams(values)));
    }
    out
}
