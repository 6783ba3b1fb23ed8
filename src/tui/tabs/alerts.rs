//! Tab 7, Alerts: what fires and what is about to, the rules behind it, and who is told.
//!
//! Four lists, changed with Tab: alerts (the gravest first, each with its states over the shown
//! stretch of time), rules, receivers with silences, and routing. Enter opens what is chosen below the list.
//! States over time are asked of the series `ALERTS`, and the list of a rewound screen is read from
//! it: alerts are those of then, and nothing can be ordered about them.

mod days;
mod detail;
mod order;
mod receivers;
mod routing;
mod rows;
mod rules;

pub(crate) use rows::{age, place, state_style, state_word};

use crate::model::action::Silence;
use crate::model::alert::Language;
use crate::model::request::{Request, ViewName};
use crate::query::syntax;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::line_edit::LineEdit;
use crate::tui::msg::Mouse;
use crate::tui::overlay::{Item, Overlay, Prompt, PromptKind, Run};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::{Export, Tab, list, logs};
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub(crate) const NAME: &str = "Alerts";

pub(crate) const TAB: Tab = Tab {
    digit: Some('7'),
    requests,
    act,
    click,
    prompt,
    prompted,
    preview: order::preview,
    menu,
    logs: logs_of_chosen,
    line: |state| rows::current(state).map(|row| row.alert.labels.to_string()),
    export: |state| Some(export(state)),
    ..Tab::new(
        NAME,
        "what fires and what is about to; rules and their cost; who is told; silences",
        view,
    )
};

/// Bytes of a filter.
const MOST_FILTER: usize = 200;

const ALERTS: SlotId = slot(0);
const RULES: SlotId = slot(1);
/// `ALERTS` over the shown stretch of time.
const STATES: SlotId = slot(2);
/// The expression of the chosen alert over the same.
const WATCHED: SlotId = slot(3);

const fn slot(part: u16) -> SlotId {
    SlotId { owner: NAME, part }
}

const RECEIVERS: SlotId = slot(4);
const SILENCES: SlotId = slot(5);
/// Everything that was decided on the chosen alert.
const STORY: SlotId = slot(6);
const ROUTING: SlotId = slot(7);
/// How long the chosen alert fired on each of the last days, and how often it began to.
const DAYS: SlotId = slot(8);
const BEGINNINGS: SlotId = slot(9);

/// Which list is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Which {
    #[default]
    Alerts,
    Rules,
    Receivers,
    Routing,
}

impl Which {
    const ALL: [Self; 4] = [Self::Alerts, Self::Rules, Self::Receivers, Self::Routing];

    fn next(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|w| *w == self).unwrap_or(0);
        Self::ALL[(at + by) % Self::ALL.len()]
    }

    fn title(self) -> &'static str {
        match self {
            Self::Alerts => "Alerts",
            Self::Rules => "Rules",
            Self::Receivers => "Receivers",
            Self::Routing => "Routing",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Local {
    which: Which,
    lists: [list::Cursor; 4],
    filter: String,
    details: bool,
    /// The silence whose preview is under way.
    silence: Option<Silence>,
}

impl Local {
    fn list(&self) -> list::Cursor {
        self.lists[self.which as usize]
    }
}

fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let local = &state.locals.alerts;
    let view = |view| Request::View { view, at: None };
    match local.which {
        Which::Alerts => {
            let mut out = vec![(ALERTS, state.ask(0).view(ViewName::Alerts))];
            out.extend(rows::states(state, body));
            if local.details {
                out.extend(detail::requests(state, body));
            }
            out
        }
        Which::Rules => vec![(RULES, view(ViewName::Rules))],
        Which::Receivers => vec![
            (RECEIVERS, view(ViewName::Receivers)),
            (SILENCES, view(ViewName::Silences)),
        ],
        Which::Routing => vec![(ROUTING, view(ViewName::Routing))],
    }
}

fn count(state: &State) -> usize {
    match state.locals.alerts.which {
        Which::Alerts => rows::rows(state).len(),
        Which::Rules => rules::lines(state).len(),
        Which::Receivers => receivers::count(state),
        Which::Routing => routing::count(state),
    }
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let count = count(state);
    let page = state.height.saturating_sub(6).into();
    let local = &mut state.locals.alerts;
    if local.lists[local.which as usize].act(act, count, page) {
        return Some(Vec::new());
    }
    match act {
        Act::NextPane => local.which = local.which.next(1),
        Act::PrevPane => local.which = local.which.next(Which::ALL.len() - 1),
        Act::Open | Act::ZoomPane => local.details = !local.details,
        Act::Escape | Act::Back if local.details => local.details = false,
        Act::Escape | Act::Back if !local.filter.is_empty() => local.filter.clear(),
        Act::Filter => {
            let prompt = Prompt {
                edit: LineEdit::new(local.filter.clone()),
                ..prompt(state, "filter")
            };
            state.overlays.push(Overlay::Prompt(prompt));
        }
        Act::Acknowledge => return Some(order::acknowledge(state, false)),
        Act::AcknowledgeGroup => return Some(order::acknowledge(state, true)),
        Act::Silence => return Some(order::silence(state)),
        _ => return None,
    }
    Some(Vec::new())
}

fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    let (list, count) = (state.locals.alerts.list(), count(state));
    let (table, _) = split(state, body);
    let found = match state.locals.alerts.which {
        Which::Alerts | Which::Rules => list::row_under(mouse, table, (list.at(count), count)),
        Which::Receivers => receivers::row_under(state, body, mouse),
        Which::Routing => {
            let tree = routing::tree_place(state, table);
            list::row_under(mouse, tree, (list.at(count), count))
        }
    };
    if let Some(row) = found {
        let local = &mut state.locals.alerts;
        local.lists[local.which as usize].go(row);
    }
    found.is_some()
}

fn prompt(state: &State, tag: &'static str) -> Prompt {
    match tag {
        "filter" => {}
        routing::TRY | routing::TEMPLATE => return routing::prompt(state, tag),
        _ => return order::prompt(state, tag),
    }
    let hint = "words that must stand in it; !word leaves out";
    Prompt::new(PromptKind::Tab(tag), "Filter", "", hint)
}

fn prompted(state: &mut State, tag: &'static str, text: &str) -> Result<Vec<Cmd>, String> {
    match tag {
        "filter" => {}
        routing::TRY | routing::TEMPLATE => return routing::prompted(state, tag, text),
        _ => return order::prompted(state, tag, text),
    }
    if text.len() > MOST_FILTER {
        return Err(format!("a filter has at most {MOST_FILTER} letters"));
    }
    text.trim().clone_into(&mut state.locals.alerts.filter);
    Ok(Vec::new())
}

/// The lines of the moment in which it began: those that its expression counts, else those with
/// errors.
fn logs_of_chosen(state: &State) -> Option<logs::Opening> {
    let row = rows::current(state)?;
    let query = match row.language {
        Language::LogQl => syntax::lines_of_rule(&row.expr).unwrap_or_default(),
        Language::PromQl | Language::TraceQl => "level:error".to_owned(),
    };
    Some(logs::Opening {
        query,
        at: Some(row.active_at).filter(|at| *at > 0),
    })
}

fn menu(state: &State) -> Vec<Item> {
    if let Some(items) = routing::menu(state) {
        return items;
    }
    let mut items = order::menu(state);
    if let Some(row) = rows::current(state) {
        let labels = row.alert.labels.to_string();
        let expr = row.expr.clone();
        items.push(Item::new("copy labels", labels.clone(), Run::Copy(labels)));
        items.push(Item::new("copy expression", expr.clone(), Run::Copy(expr)));
        let runbook = row.alert.annotations.get("runbook_url");
        if !runbook.is_empty() {
            items.push(Item::new(
                "copy the runbook's address",
                runbook,
                Run::Copy(runbook.to_owned()),
            ));
        }
        let instance = row.alert.labels.get("instance");
        if !instance.is_empty() {
            items.push(Item::new(
                "look at this instance",
                instance,
                Run::Instance(Some(instance.to_owned())),
            ));
        }
        if let Some(to) = logs_of_chosen(state) {
            let said = "the lines around its beginning";
            let keys = state.keymap.label(Act::Logs);
            items.push(Item::new("logs of the moment", said, Run::Logs(to)).keys(keys));
        }
        if row.active_at > 0 {
            items.push(Item::new(
                "traces of the moment",
                "those with errors around its beginning",
                Run::Traces {
                    query: "{ status = error }".to_owned(),
                    at: Some(row.active_at),
                },
            ));
        }
        if row.active_at > 0 {
            items.push(Item::new(
                "go to its beginning",
                state.time.date_clock(row.active_at),
                Run::GoTo(row.active_at),
            ));
        }
    }
    items
}

fn export(state: &State) -> Export {
    match state.locals.alerts.which {
        Which::Alerts | Which::Receivers | Which::Routing => rows::export(state),
        Which::Rules => rules::export(state),
    }
}

fn view(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    match state.locals.alerts.which {
        Which::Alerts => {
            let (table, below) = split(state, body);
            rows::paint(state, theme, table, buffer);
            if let (Some(place), Some(row)) = (below, rows::current(state)) {
                detail::paint(state, theme, row, place, buffer);
            }
        }
        Which::Rules => {
            let (table, below) = split(state, body);
            rules::paint(state, theme, table, buffer);
            if let Some(place) = below {
                rules::paint_detail(state, theme, place, buffer);
            }
        }
        Which::Receivers => receivers::paint(state, theme, body, buffer),
        Which::Routing => {
            let (tree, below) = split(state, body);
            routing::paint(state, theme, tree, buffer);
            if let Some(place) = below {
                routing::paint_detail(state, theme, place, buffer);
            }
        }
    }
    None
}

/// The list, and what is opened below it.
fn split(state: &State, body: Rect) -> (Rect, Option<Rect>) {
    if !state.locals.alerts.details || count(state) == 0 {
        return (body, None);
    }
    let below = body.height * 3 / 5;
    let table = Rect {
        height: body.height - below,
        ..body
    };
    let place = Rect::new(body.x, body.y + table.height, body.width, below);
    (table, Some(place))
}

/// The lists by name, the shown one marked: the right end of the frame.
fn lists(state: &State) -> String {
    let which = state.locals.alerts.which;
    let others = Which::ALL.iter().filter(|w| **w != which);
    let names: Vec<&str> = others.map(|w| w.title()).collect();
    let filter = &state.locals.alerts.filter;
    if filter.is_empty() {
        format!("Tab: {}", names.join(", "))
    } else {
        format!("filter: {filter}")
    }
}
