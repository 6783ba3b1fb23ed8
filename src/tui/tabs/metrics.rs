//! Tab 8, Metrics: ask anything in PromQL, with completion, charts, tables and what it cost.
//!
//! Typing asks nothing but names for completion; Enter asks. Several queries share one chart.

mod edit;
mod exemplars;
mod export;
mod names;
mod paint;

pub(crate) use crate::tui::tabs::metrics::names::browser;

use crate::model::query::Language;
use crate::model::request::Request;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::line_edit::LineEdit;
use crate::tui::overlay::{Item, Overlay, Run};
use crate::tui::recall::Recall;
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::zoom::Zoom;
use crate::tui::tabs::{Tab, by_name, list};
use ratatui::layout::Rect;

pub(crate) const NAME: &str = "Metrics";
/// Queries beside each other.
const MOST_QUERIES: usize = 5;

pub(crate) const TAB: Tab = Tab {
    digit: Some('8'),
    requests,
    act,
    click: paint::click,
    key: edit::key,
    paste: edit::paste,
    prompted: |state, tag, text| {
        Ok(if tag == names::INSERT {
            insert(state, text)
        } else {
            Vec::new()
        })
    },
    menu,
    line: |state| paint::legend_line(state),
    export: |state| Some(export::csv(state)),
    ..Tab::new(
        NAME,
        "ask anything in PromQL: chart, table, cost",
        paint::view,
    )
};

/// One line of the query bar.
#[derive(Debug, Default)]
pub(crate) struct Query {
    edit: LineEdit,
    /// What was asked last; empty asks nothing.
    ran: String,
}

#[derive(Debug)]
pub(crate) struct Local {
    queries: Vec<Query>,
    /// The query that has the keys.
    at: usize,
    editing: bool,
    table: bool,
    /// Largest value first, else as the answer has it.
    falling: bool,
    legend: list::Cursor,
    /// The chart, or the series, alone.
    zoom: Zoom,
    /// Only the chosen series is drawn.
    alone: bool,
    recall: Recall,
    menu: edit::Menu,
    /// Names and help are asked from the first edit on.
    names_wanted: bool,
}

impl Default for Local {
    fn default() -> Self {
        Self {
            queries: vec![Query::default()],
            at: 0,
            editing: false,
            table: false,
            falling: true,
            legend: list::Cursor::default(),
            zoom: Zoom::default(),
            alone: false,
            recall: Recall::new(Language::PromQl),
            menu: edit::Menu::default(),
            names_wanted: false,
        }
    }
}

impl Local {
    fn query(&mut self) -> &mut Query {
        self.at = self.at.min(self.queries.len() - 1);
        &mut self.queries[self.at]
    }
}

fn slot_id(query: usize) -> SlotId {
    SlotId::new(NAME, query)
}

/// The slot of the n-th query, if its answer is about what was asked last.
fn slot(state: &State, query: usize) -> Option<&Slot> {
    state.slots.get(slot_id(query))
}

/// `A`, `B`, ...: how a query is called where there are several.
fn letter(query: usize) -> char {
    char::from(b'A' + query as u8 % 26)
}

fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let local = &state.locals.metrics;
    let ask = state.ask(paint::plot_width(body));
    let mut out = Vec::new();
    for (n, query) in local.queries.iter().enumerate() {
        if query.ran.is_empty() {
            continue;
        }
        let request = if local.table {
            ask.instant(query.ran.clone())
        } else {
            ask.range(query.ran.clone())
        };
        out.push((slot_id(n), request));
    }
    out.extend(exemplars::requests(state, body));
    out.extend(names::requests(state));
    out
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let count = paint::legend_rows(state).len();
    let local = &mut state.locals.metrics;
    if local.legend.act(act, count, 10) {
        return Some(Vec::new());
    }
    match act {
        Act::TraceOfExemplar => exemplars::follow(state),
        Act::Edit | Act::Filter => begin(state),
        Act::Open if count == 0 => begin(state),
        Act::Open => local.alone = !local.alone,
        // A table has the whole body already.
        Act::ZoomPane if count > 0 && !local.table => {
            local.zoom = local.zoom.next(Zoom::Upper);
        }
        Act::Escape | Act::Back if local.zoom != Zoom::Both => local.zoom = Zoom::Both,
        Act::Escape | Act::Back if local.alone => local.alone = false,
        Act::NextPane => local.at = (local.at + 1) % local.queries.len(),
        Act::PrevPane => local.at = (local.at + local.queries.len() - 1) % local.queries.len(),
        Act::AddQuery => add(state),
        Act::RemoveQuery => remove(state),
        Act::ChartOrTable => {
            (local.table, local.zoom) = (!local.table, Zoom::Both);
            (0..MOST_QUERIES).for_each(|n| state.slots.forget_one(slot_id(n)));
        }
        Act::Sort | Act::SortReverse => local.falling = !local.falling,
        Act::Browse => {
            local.names_wanted = true;
            let list = browser(state);
            state.overlays.push(Overlay::List(list));
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn begin(state: &mut State) {
    let local = &mut state.locals.metrics;
    local.editing = true;
    local.names_wanted = true;
    local.recall.rest();
    local.menu = edit::Menu::default();
}

fn add(state: &mut State) {
    let local = &mut state.locals.metrics;
    if local.queries.len() == MOST_QUERIES {
        let said = format!("{MOST_QUERIES} queries are the most; remove one first");
        state.toast(said, true);
        return;
    }
    local.queries.push(Query::default());
    local.at = local.queries.len() - 1;
    begin(state);
}

fn remove(state: &mut State) {
    let local = &mut state.locals.metrics;
    if local.queries.len() > 1 {
        local.queries.remove(local.at);
        local.at = local.at.min(local.queries.len() - 1);
    } else {
        local.queries[0] = Query::default();
    }
    // What was answered belongs to other places now.
    (0..MOST_QUERIES).for_each(|n| state.slots.forget_one(slot_id(n)));
}

/// Asks what the query bar says.
fn run(state: &mut State) -> Vec<Cmd> {
    let read_only = state.options.read_only;
    let local = &mut state.locals.metrics;
    local.editing = false;
    local.alone = false;
    let query = local.query();
    let expr = query.edit.text().trim().to_owned();
    query.ran.clone_from(&expr);
    local.recall.note(&expr, read_only)
}

/// Asks `expr` beside what is asked already, for another tab that leads here.
pub(crate) fn ask(state: &mut State, expr: &str) {
    let local = &mut state.locals.metrics;
    let same = |q: &Query| q.ran == expr;
    match local.queries.iter().position(same) {
        Some(at) => local.at = at,
        None if local.queries.len() < MOST_QUERIES && !local.query().edit.is_empty() => {
            local.queries.push(Query::default());
            local.at = local.queries.len() - 1;
        }
        None => {}
    }
    local.query().edit.set(expr);
    // Whoever followed a link did not write it: it is remembered here, and not kept.
    let _ = run(state);
}

/// A name from the browser: into the query at the caret; alone in the bar it is asked at once.
fn insert(state: &mut State, name: &str) -> Vec<Cmd> {
    let query = state.locals.metrics.query();
    let was_empty = query.edit.is_empty();
    query.edit.insert(name);
    if was_empty {
        return run(state);
    }
    begin(state);
    Vec::new()
}

fn menu(state: &State) -> Vec<Item> {
    let mut items = exemplars::menu(state);
    let local = &state.locals.metrics;
    let query = &local.queries[local.at.min(local.queries.len() - 1)];
    let nothing = query
        .ran
        .is_empty()
        .then(|| "ask something first".to_owned());
    let command = export::command(state, &query.ran);
    let curl = match export::curl(state, &query.ran) {
        Some(curl) => {
            Item::new("copy as curl", curl.clone(), Run::Copy(curl)).unless(nothing.clone())
        }
        None => Item::new("copy as curl", "", Run::Nothing).unless(Some(
            "this engine answers on no port (api.listen)".to_owned(),
        )),
    };
    items.push(curl);
    let ask = Item::new("copy as a command", command.clone(), Run::Copy(command));
    items.push(ask.unless(nothing.clone()));
    let expr = query.ran.clone();
    items.push(Item::new("copy the query", expr.clone(), Run::Copy(expr)).unless(nothing.clone()));
    let key = state.keymap.label(Act::Save);
    let csv = Item::new(
        "save as CSV",
        "times with their offset",
        Run::Act(Act::Save),
    );
    items.push(csv.keys(key).unless(nothing));
    for (name, about) in [
        ("Targets", "what is scraped, and adding one"),
        ("Storage", "what is kept"),
    ] {
        if let Some(at) = by_name(name) {
            items.push(Item::new(format!("open {name}"), about, Run::Tab(at)));
        }
    }
    items
}
