//! Tab 5, Logs: the lines of this server, filtered as one types, with their levels over time.
//!
//! While nothing is chosen the newest lines run in at the bottom. Moving up holds the view: it is
//! about the lines up to that moment and those behind them, so that nothing moves under a reader,
//! and what has come since is counted. Filters are chips; switched off, the place stays.

mod ask;
mod bar;
mod chart;
mod detail;
mod fields;
mod keys;
mod link;
mod lists;
mod paint;
mod patterns;
mod rows;
mod saved;
mod seek;

pub(crate) use bar::paint::{bar as paint_bar, list as paint_bar_list};
pub(crate) use bar::{begin_in_panel, in_panel, key_in_panel, paste_in_panel};
pub(crate) use link::{Opening, open, there_and_back};
pub(crate) use paint::{level_tag, stack_style, stacked, stream_name};

use crate::model::answer::{Answer, LogLine, LogReply, LogsValue};
use crate::model::query::Language;
use crate::model::request::{LogRequest, LogsQuery, Request};
use crate::query::syntax::logql::{Composed, Term, compose, read};
use crate::tui::line_edit::LineEdit;
use crate::tui::recall::Recall;
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::{Export, Tab};

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
const SEEK: usize = 6;
const METRIC: usize = 7;
const FIELDS: usize = 8;
const VOLUMES: usize = 9;
const SAVED: usize = 10;
const EARLIER: usize = 11;

pub(crate) const TAB: Tab = Tab {
    digit: Some('5'),
    requests: ask::requests,
    answered: ask::answered,
    lively: |state| ask::follows(state) && state.locals.logs.mode == Mode::Lines,
    act: keys::act,
    key: bar::key,
    paste: bar::paste,
    click: keys::click,
    prompt: lists::prompt,
    prompted: lists::prompted,
    menu: lists::menu,
    line: |state| rows::chosen(state).map(|row| row.line.line.clone()),
    export: |state| Some(export(state)),
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
    /// What their labels and fields hold.
    Fields,
}

#[derive(Debug)]
pub(crate) struct Local {
    edit: LineEdit,
    recall: Recall,
    editing: bool,
    bar: bar::Bar,
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
    /// The lines, or the details where they are open, have all rows below the bar.
    zoomed: bool,
    /// Fields that stand before the line.
    columns: Vec<String>,
    mode: Mode,
    pattern: usize,
    fields: fields::Local,
    /// The line that was chosen when the question changed: found again in the answer.
    target: Option<(i64, String)>,
    /// How far back the search for these filters has come.
    reach: ask::Reach,
    /// The question that was given up, by its query.
    stopped: Option<String>,
    seek: Option<seek::Seek>,
    /// The tab that a link came from.
    from: Option<link::From>,
}

impl Default for Local {
    fn default() -> Self {
        Self {
            edit: LineEdit::default(),
            recall: Recall::new(Language::LogQl),
            editing: false,
            bar: bar::Bar::default(),
            chips: Vec::new(),
            bare: false,
            held: None,
            at: -1,
            top: 0,
            limit: LINES,
            wrap: false,
            unfolded: false,
            details: false,
            zoomed: false,
            columns: Vec::new(),
            mode: Mode::Lines,
            pattern: 0,
            fields: fields::Local::default(),
            target: None,
            reach: ask::Reach::default(),
            stopped: None,
            seek: None,
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

/// The lines of the last good answer, in the order that was asked for.
fn lines(state: &State, part: usize) -> &[LogLine] {
    match reply(state, part) {
        Some(LogReply::Value(answer)) => match &answer.value {
            LogsValue::Lines(lines) => lines,
            _ => &[],
        },
        _ => &[],
    }
}

/// The question that the last good answer is to.
fn question(state: &State, part: usize) -> Option<&LogsQuery> {
    match slot(state, part)?.question()? {
        Request::Logs(LogRequest::Query(query)) => Some(query),
        _ => None,
    }
}

fn label_names(state: &State) -> &[String] {
    match reply(state, LABELS) {
        Some(LogReply::Names(names, _)) => names,
        _ => &[],
    }
}

/// What is asked now: chips that are on, and what is being typed as far as it can be asked.
pub(crate) fn composed(state: &State) -> Composed {
    let local = &state.locals.logs;
    let typed = if local.editing {
        read(&local.bar.good)
    } else {
        Vec::new()
    };
    let chips = local.chips.iter().filter(|c| c.on && !local.bare);
    let terms: Vec<&Term> = chips.map(|c| &c.term).chain(&typed).collect();
    compose(&terms, label_names(state))
}

fn export(state: &State) -> Export {
    if composed(state).metric {
        let text = chart::export(state);
        return Export { kind: "csv", text };
    }
    rows::export(state)
}

const MS: i64 = 1_000_000;
