//! What keys do: moving, holding, filters, jumps, the action menu.

use crate::model::log_entry::Level;
use crate::query::syntax::logql::read;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::overlay::{Item, Run};
use crate::tui::state::State;
use crate::tui::tabs::logs::{Chip, LINES, MOST_LINES, MS, Mode, bar, detail, link, paint, rows};
use crate::tui::view;

/// Words by which the menu's items come back.
const ADD: &str = "log-filter";
const SWITCH: &str = "log-switch";
const REMOVE: &str = "log-remove";
const COLUMN: &str = "log-column";

/// Holds the view where it is: nothing moves under a reader.
pub(super) fn hold(state: &mut State) {
    if state.locals.logs.held.is_some() {
        return;
    }
    let count = rows::rows(state).rows.len();
    let visible = paint::list_height(view::body(state), state) as i64;
    let newest = rows::chosen(state).map(|row| row.line.t + 1);
    let end = match state.time.instant() {
        Some(at) => (at + 1) * MS,
        None => newest.unwrap_or((state.tick + 1) * MS),
    };
    let local = &mut state.locals.logs;
    local.held = Some(end);
    local.at = -1;
    local.top = -visible.min(count as i64);
}

/// Runs along with the newest lines again.
pub(super) fn along(state: &mut State) {
    let local = &mut state.locals.logs;
    local.held = None;
    local.limit = LINES;
}

/// Puts the keys on a row and keeps it on the screen.
fn go(state: &mut State, place: usize) {
    hold(state);
    let (at, wanted_more) = {
        let rows = rows::rows(state);
        (rows.counted(place), place == 0 && !rows.rows.is_empty())
    };
    let visible = paint::list_height(view::body(state), state) as i64;
    let local = &mut state.locals.logs;
    local.at = at;
    local.top = local.top.min(at).max(at - visible + 1);
    if wanted_more {
        local.limit = (local.limit * 2).min(MOST_LINES);
    }
    paint::keep_in_sight(state);
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    if state.locals.logs.mode == Mode::Patterns
        && let Some(cmds) = in_patterns(state, act)
    {
        return Some(cmds);
    }
    let page = paint::list_height(view::body(state), state).max(1);
    let (count, place) = {
        let rows = rows::rows(state);
        (rows.rows.len(), rows::place(state, &rows))
    };
    let last = count.saturating_sub(1);
    match act {
        Act::Up => go(state, place.saturating_sub(1)),
        Act::PageUp => go(state, place.saturating_sub(page)),
        Act::Top => go(state, 0),
        Act::Down if place >= last => along(state),
        Act::Down => go(state, place + 1),
        Act::PageDown if place + page >= last => along(state),
        Act::PageDown => go(state, place + page),
        Act::Bottom => along(state),
        Act::Follow if state.locals.logs.held.is_some() => {
            along(state);
            state.time.now_again();
        }
        Act::Follow => hold(state),
        Act::Open => state.locals.logs.details = !state.locals.logs.details,
        Act::Filter => bar::begin(state),
        Act::AllFilters => all_filters(state),
        Act::Context => context(state),
        Act::NextError => jump(state, true, rows::is_error, "error"),
        Act::PrevError => jump(state, false, rows::is_error, "error"),
        Act::NextWarning => jump(state, true, rows::is_warning, "warning"),
        Act::PrevWarning => jump(state, false, rows::is_warning, "warning"),
        Act::Wrap => state.locals.logs.wrap = !state.locals.logs.wrap,
        Act::Fold => {
            hold(state);
            state.locals.logs.unfolded = !state.locals.logs.unfolded;
        }
        Act::Patterns => state.locals.logs.mode = Mode::Patterns,
        Act::AtThisTime => at_this_time(state),
        Act::TraceOfLine => link::to_trace(state),
        Act::Escape | Act::Back if state.locals.logs.details => {
            state.locals.logs.details = false;
        }
        Act::Escape | Act::Back if state.locals.logs.held.is_some() => along(state),
        // The time of the console moves: the lines are those of that time.
        Act::Now
        | Act::CursorLeft
        | Act::CursorRight
        | Act::PanBack
        | Act::PanForward
        | Act::GoToTime => {
            along(state);
            return None;
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn in_patterns(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let count = paint::patterns(state).len();
    let last = count.saturating_sub(1);
    let at = state.locals.logs.pattern.min(last);
    let local = &mut state.locals.logs;
    match act {
        Act::Up => local.pattern = at.saturating_sub(1),
        Act::Down => local.pattern = (at + 1).min(last),
        Act::PageUp => local.pattern = at.saturating_sub(10),
        Act::PageDown => local.pattern = (at + 10).min(last),
        Act::Top => local.pattern = 0,
        Act::Bottom => local.pattern = last,
        Act::Patterns | Act::Escape | Act::Back => local.mode = Mode::Lines,
        Act::Open => {
            let chosen = paint::patterns(state).get(at).map(|p| p.pattern.clone());
            let local = &mut state.locals.logs;
            local.mode = Mode::Lines;
            if let Some(pattern) = chosen {
                add(state, &paint::pattern_query(&pattern, false));
            }
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// All filters off, or on again; the place stays.
fn all_filters(state: &mut State) {
    if state.locals.logs.chips.is_empty() {
        state.toast("there are no filters; / makes one", false);
        return;
    }
    pin(state);
    let local = &mut state.locals.logs;
    local.bare = !local.bare;
}

/// The lines around the chosen one, whatever the filters are.
fn context(state: &mut State) {
    pin(state);
    state.locals.logs.bare = true;
    let said = format!(
        "all lines around this one; {} brings the filters back",
        state.keymap.label(Act::AllFilters)
    );
    state.toast(said, false);
}

/// Holds the view at the chosen line, so that it stays in its place under other filters.
pub(super) fn pin(state: &mut State) {
    let Some(t) = rows::chosen(state).map(|row| row.line.t) else {
        return;
    };
    let visible = paint::list_height(view::body(state), state) as i64;
    let local = &mut state.locals.logs;
    local.held = Some(t + 1);
    local.at = -1;
    local.top = -(visible / 2).max(1);
}

fn jump(state: &mut State, forward: bool, wanted: fn(Level) -> bool, word: &str) {
    let found = {
        let rows = rows::rows(state);
        let at = rows::place(state, &rows);
        let hit = |i: &usize| wanted(rows.rows[*i].line.level);
        if forward {
            (at + 1..rows.rows.len()).find(hit)
        } else {
            (0..at.min(rows.rows.len())).rev().find(hit)
        }
    };
    if let Some(place) = found {
        go(state, place);
        return;
    }
    let way = if forward { "later" } else { "earlier" };
    let said = format!("no {way} {word} among the lines shown; / level:{word} looks further");
    state.toast(said, false);
}

/// The console's time cursor to the chosen line: charts and the other tabs follow.
fn at_this_time(state: &mut State) {
    let Some(t) = rows::chosen(state).map(|row| row.line.t.div_euclid(MS)) else {
        return;
    };
    pin(state);
    state.time.go_to(t, state.now);
    let clock = state.time.clock(t);
    state.toast(format!("every tab is at {clock} now; 0 goes back"), false);
}

/// A further filter, from the menu or from a pattern.
pub(super) fn add(state: &mut State, text: &str) {
    pin(state);
    let local = &mut state.locals.logs;
    local.bare = false;
    for term in read(text) {
        // A whole query takes the place of the one before.
        if text.starts_with('{') {
            local.chips.retain(|c| !c.term.text.starts_with('{'));
        }
        if !local.chips.iter().any(|c| c.term == term) {
            local.chips.push(Chip { term, on: true });
        }
    }
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
        ADD => add(state, text),
        SWITCH => {
            let place = place()?;
            pin(state);
            if let Some(chip) = state.locals.logs.chips.get_mut(place) {
                chip.on = !chip.on;
            }
        }
        REMOVE => {
            let place = place()?;
            pin(state);
            if place < state.locals.logs.chips.len() {
                state.locals.logs.chips.remove(place);
            }
        }
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

pub(super) fn menu(state: &State) -> Vec<Item> {
    let local = &state.locals.logs;
    let mut items = Vec::new();
    if local.mode == Mode::Patterns {
        if let Some(pattern) = paint::patterns(state).get(local.pattern) {
            for (label, not) in [("only this pattern", false), ("without this pattern", true)] {
                let text = paint::pattern_query(&pattern.pattern, not);
                let run = Run::Give { tag: ADD, text };
                items.push(Item::new(label, pattern.pattern.clone(), run));
            }
        }
        return items;
    }
    for (i, chip) in local.chips.iter().enumerate() {
        let word = if chip.on { "off" } else { "on" };
        let text = i.to_string();
        let run = Run::Give {
            tag: SWITCH,
            text: text.clone(),
        };
        let detail = "the filter stays in the bar";
        items.push(Item::new(
            format!("switch {word}: {}", chip.term.text),
            detail,
            run,
        ));
        let run = Run::Give { tag: REMOVE, text };
        items.push(Item::new(format!("remove: {}", chip.term.text), "", run));
    }
    if let Some(row) = rows::chosen(state) {
        if let Some(id) = link::trace_of(row.line) {
            let run = Run::Act(Act::TraceOfLine);
            let keys = state.keymap.label(Act::TraceOfLine);
            items.push(Item::new("the trace of this line", id.to_string(), run).keys(keys));
        }
        let fields = detail::fields(row.line);
        for (name, value) in &fields {
            let shown = crate::base::text::display(value).into_owned();
            if value.contains(char::is_whitespace) {
                continue;
            }
            let only = Run::Give {
                tag: ADD,
                text: format!("{name}={value}"),
            };
            items.push(Item::new(format!("only {name}={shown}"), "filter", only));
            let without = Run::Give {
                tag: ADD,
                text: format!("{name}!={value}"),
            };
            items.push(Item::new(
                format!("without {name}={shown}"),
                "filter",
                without,
            ));
        }
        for (name, value) in fields {
            let shown = crate::base::text::display(&value).into_owned();
            items.push(Item::new(format!("copy {name}"), shown, Run::Copy(value)));
            let column = Run::Give {
                tag: COLUMN,
                text: name.clone(),
            };
            items.push(Item::new(format!("column {name}"), "on and off", column));
        }
    }
    items
}
