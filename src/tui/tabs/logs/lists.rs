//! What opens as a list: the action menu, the filters, the columns, the fields to copy.

use crate::base::text;
use crate::query::syntax::logql;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::overlay::{Item, List, ListKind, Overlay, Prompt, Run};
use crate::tui::state::State;
use crate::tui::tabs::logs::{Mode, detail, keys, link, patterns, rows, saved};

/// Words by which the items come back.
pub(super) const ADD: &str = "log-filter";
const SWITCH: &str = "log-switch";
const REMOVE: &str = "log-remove";
const COLUMN: &str = "log-column";

pub(super) fn prompt(state: &State, _tag: &'static str) -> Prompt {
    saved::prompt(state)
}

pub(super) fn prompted(
    state: &mut State,
    tag: &'static str,
    text: &str,
) -> Result<Vec<Cmd>, String> {
    let place = || {
        let read = text.parse::<usize>();
        read.map_err(|_| format!("{text:?} is no filter"))
    };
    match tag {
        ADD => {
            state.locals.logs.mode = Mode::Lines;
            keys::add(state, text);
        }
        SWITCH => {
            let place = place()?;
            keys::pin(state);
            let local = &mut state.locals.logs;
            local.bare = false;
            if let Some(chip) = local.chips.get_mut(place) {
                chip.on = !chip.on;
            }
        }
        REMOVE => {
            let place = place()?;
            keys::pin(state);
            if place < state.locals.logs.chips.len() {
                state.locals.logs.chips.remove(place);
            }
        }
        saved::NAME | saved::TAKE => return saved::prompted(state, tag, text),
        COLUMN => {
            let columns = &mut state.locals.logs.columns;
            match columns.iter().position(|c| c == text) {
                Some(at) => {
                    columns.remove(at);
                }
                None => columns.push(text.to_owned()),
            }
        }
        _ => {}
    }
    Ok(Vec::new())
}

fn give(tag: &'static str, text: impl Into<String>) -> Run {
    let text = text.into();
    Run::Give { tag, text }
}

/// The filters, each to be switched or, with `x`, removed.
fn filter_items(state: &State) -> Vec<Item> {
    let local = &state.locals.logs;
    let item = |(i, chip): (usize, &crate::tui::tabs::logs::Chip)| {
        let on = chip.on && !local.bare;
        let label = format!("{} {}", if on { "on " } else { "off" }, chip.term.text);
        let said = if on { "switch off" } else { "switch on" };
        let place = i.to_string();
        Item::new(text::display(&label), said, give(SWITCH, place.clone()))
            .or_delete(give(REMOVE, place))
    };
    local.chips.iter().enumerate().map(item).collect()
}

/// One filter is switched at once, several stand in a list.
pub(super) fn filters(state: &mut State) {
    match state.locals.logs.chips.len() {
        0 => state.toast("there are no filters; / makes one", false),
        1 => {
            let _ = prompted(state, SWITCH, "0");
        }
        _ => {
            let title = "Filters (Enter switches, x removes)";
            let list = List::new(ListKind::Menu, title, filter_items(state));
            state.overlays.push(Overlay::List(list));
        }
    }
}

/// Which fields stand before the line: those of the chosen line, and those that stand there.
pub(super) fn columns(state: &mut State) {
    let chosen = state.locals.logs.columns.iter().cloned();
    let mut names: Vec<(String, String)> = chosen.map(|name| (name, String::new())).collect();
    if let Some(row) = rows::chosen(state) {
        for (name, value) in detail::fields(row.line) {
            match names.iter_mut().find(|(n, _)| *n == name) {
                Some(known) => known.1 = value,
                None => names.push((name, value)),
            }
        }
    }
    let columns = &state.locals.logs.columns;
    let item = |(name, value): (String, String)| {
        let on = if columns.contains(&name) {
            "on "
        } else {
            "off"
        };
        let label = format!("{on} {}", text::display(&name));
        let value = text::display(&value).into_owned();
        Item::new(label, value, give(COLUMN, name))
    };
    let items = names.into_iter().map(item).collect();
    let list = List::new(ListKind::Menu, "Columns before the line", items);
    let list = list.or_say("the chosen line has no fields");
    state.overlays.push(Overlay::List(list));
}

/// The fields of the chosen line; choosing one copies its value.
pub(super) fn copy_field(state: &mut State) {
    let Some(row) = rows::chosen(state) else {
        return state.toast("no line is chosen", false);
    };
    let item = |(name, value): (String, String)| {
        let shown = text::display(&value).into_owned();
        Item::new(text::display(&name), shown, Run::Copy(value))
    };
    let items = detail::fields(row.line).into_iter().map(item).collect();
    let list = List::new(ListKind::Menu, "Copy a field", items);
    let list = list.or_say("this line has no fields");
    state.overlays.push(Overlay::List(list));
}

pub(super) fn menu(state: &State) -> Vec<Item> {
    if state.locals.logs.mode == Mode::Patterns {
        return patterns::menu(state);
    }
    let mut items = filter_items(state);
    let Some(row) = rows::chosen(state) else {
        return items;
    };
    if let Some(id) = link::trace_of(row.line) {
        let run = Run::Act(Act::TraceOfLine);
        let keys = state.keymap.label(Act::TraceOfLine);
        items.push(Item::new("the trace of this line", id.to_string(), run).keys(keys));
    }
    for (name, value) in detail::fields(row.line) {
        let shown = text::display(&value).into_owned();
        for (word, op) in [("only", "="), ("without", "!=")] {
            let label = format!("{word} {name}{op}{shown}");
            let run = give(ADD, logql::label_term(&name, op, &value));
            items.push(Item::new(label, "filter", run));
        }
    }
    items
}
