//! What keys do: moving, holding, filters, jumps.

use crate::query::syntax::logql::read;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::msg::{Mouse, MouseKind};
use crate::tui::overlay::{PromptKind, Run};
use crate::tui::state::State;
use crate::tui::tabs::logs::{
    Chip, LINES, MOST_LINES, MS, Mode, ask, bar, composed, fields, link, lists, paint, patterns,
    rows, saved, seek,
};
use crate::tui::update::mouse::{is_over, on_chart};
use crate::tui::view;
use ratatui::layout::Rect;

/// Rows of lines on the screen.
fn visible(state: &State) -> i64 {
    paint::list_height(view::body(state), state).max(1) as i64
}

/// Holds the view where it is: nothing moves under a reader.
pub(super) fn hold(state: &mut State) {
    if state.locals.logs.held.is_some() {
        return;
    }
    let count = rows::rows(state).rows.len();
    let visible = visible(state);
    let newest = rows::chosen(state).map(|row| row.end() + 1);
    let end = match state.time.instant() {
        Some(at) => (at + 1) * MS,
        None => newest.unwrap_or((state.tick + 1) * MS),
    };
    let local = &mut state.locals.logs;
    local.held = Some(end);
    local.at = -1;
    local.top = -visible.min(count as i64);
}

/// Holds the view in the middle of the lines around a time in nanoseconds; the last line before it
/// is chosen.
pub(super) fn hold_before(state: &mut State, end: i64) {
    let visible = visible(state);
    let local = &mut state.locals.logs;
    local.held = Some(end);
    local.at = -1;
    local.top = -(visible / 2).max(1);
    local.limit = LINES;
    local.target = None;
}

/// Runs along with the newest lines again.
pub(super) fn along(state: &mut State) {
    let local = &mut state.locals.logs;
    local.held = None;
    local.limit = LINES;
    local.target = None;
    local.seek = None;
}

/// Holds the view at a row, which stays where it is on the screen: what lies before and behind it
/// is asked from there.
fn hold_at_row(state: &mut State, place: usize) {
    let visible = visible(state);
    let moved = {
        let rows = rows::rows(state);
        let local = &state.locals.logs;
        let first = match local.held {
            Some(_) => rows.place(local.top),
            None => rows.rows.len().saturating_sub(visible as usize),
        };
        rows.rows.get(place).map(|row| {
            let held = row.end() + 1;
            let behind = rows.rows[place + 1..].iter();
            let same = behind.take_while(|r| r.line.t < held).count();
            let target = (row.line.t, row.line.line.clone());
            // A screen that is not full is filled by what lies before the row.
            let count = rows.rows.len() as i64;
            let behind = (count - 1 - place as i64).min(visible / 2);
            let above = if count < visible {
                visible - 1 - behind
            } else {
                place as i64 - first as i64
            };
            (held, -1 - same as i64, above, target)
        })
    };
    let Some((held, at, above, target)) = moved else {
        return;
    };
    let local = &mut state.locals.logs;
    local.held = Some(held);
    local.at = at;
    local.top = at - above.clamp(0, visible.max(1) - 1);
    local.limit = LINES;
    local.target = Some(target);
}

/// Holds the view at the chosen line, so that it stays in its place under other filters.
pub(super) fn pin(state: &mut State) {
    let place = {
        let rows = rows::rows(state);
        rows::place(state, &rows)
    };
    hold_at_row(state, place);
}

/// Puts the keys on a row and keeps it on the screen. At either end of what is known, further
/// lines are asked for.
pub(super) fn go(state: &mut State, place: usize) {
    hold(state);
    let (at, first, last, cut, all) = {
        let rows = rows::rows(state);
        let last = place + 1 >= rows.rows.len() && !rows.rows.is_empty();
        let first = place == 0 && !rows.rows.is_empty();
        let cut = rows::cut_behind(state);
        (rows.counted(place), first, last, cut, rows.before)
    };
    let local = &mut state.locals.logs;
    local.at = at;
    local.target = None;
    keep_on_screen(state);
    let local = &mut state.locals.logs;
    if first && all >= local.limit && local.limit < MOST_LINES {
        local.limit = (local.limit * 2).min(MOST_LINES);
    } else if first || (last && cut) {
        hold_at_row(state, place);
    }
}

/// Moves the first row so that the chosen one is on the screen.
pub(super) fn keep_on_screen(state: &mut State) {
    let visible = visible(state);
    let local = &mut state.locals.logs;
    local.top = local.top.min(local.at).max(local.at - visible + 1);
    paint::keep_in_sight(state);
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    if state.locals.logs.mode == Mode::Patterns
        && let Some(cmds) = patterns::act(state, act)
    {
        return Some(cmds);
    }
    if state.locals.logs.mode == Mode::Fields
        && let Some(cmds) = fields::act(state, act)
    {
        return Some(cmds);
    }
    if moves(state, act) || jumps(state, act) {
        return Some(Vec::new());
    }
    match act {
        Act::Open => state.locals.logs.details = !state.locals.logs.details,
        Act::ZoomPane if composed(state).metric => return None,
        Act::ZoomPane => zoom(state),
        Act::Filter => bar::begin(state),
        Act::AllFilters => all_filters(state),
        Act::Filters => lists::filters(state),
        Act::Columns => lists::columns(state),
        Act::CopyField => lists::copy_field(state),
        Act::Context => context(state),
        Act::Wrap => state.locals.logs.wrap = !state.locals.logs.wrap,
        Act::FoldStacks => {
            hold(state);
            state.locals.logs.unfolded = !state.locals.logs.unfolded;
        }
        Act::Fields => state.locals.logs.mode = Mode::Fields,
        Act::SavedQueries => saved::open(state),
        Act::Patterns => state.locals.logs.mode = Mode::Patterns,
        Act::AtThisTime => at_this_time(state),
        Act::TraceOfLine => link::to_trace(state),
        Act::Bookmark => return bookmark(state),
        Act::Escape | Act::Back => return back(state),
        Act::Refresh => {
            state.locals.logs.stopped = None;
            return None;
        }
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

/// One level back: a search, the details, the hold.
fn back(state: &mut State) -> Option<Vec<Cmd>> {
    if ask::is_slow(state) {
        let stopped = ask::stop(state);
        let key = state.keymap.label(Act::Refresh);
        state.toast(
            format!("the search was given up; {key} takes it up again"),
            false,
        );
        return Some(stopped.into_iter().map(Cmd::Stop).collect());
    }
    let local = &mut state.locals.logs;
    if local.seek.take().is_some() {
        return Some(Vec::new());
    }
    if local.zoomed {
        zoom(state);
    } else if local.details {
        local.details = false;
    } else if local.held.is_some() {
        along(state);
    } else {
        return None;
    }
    Some(Vec::new())
}

/// All rows below the bar to the lines, or to the chosen one, and back.
fn zoom(state: &mut State) {
    state.locals.logs.zoomed = !state.locals.logs.zoomed;
    if state.locals.logs.held.is_some() {
        keep_on_screen(state);
    }
}

/// Through the rows; true where it was such a key.
fn moves(state: &mut State, act: Act) -> bool {
    let page = paint::list_height(view::body(state), state).max(1);
    let (count, place) = {
        let rows = rows::rows(state);
        (rows.rows.len(), rows::place(state, &rows))
    };
    let last = count.saturating_sub(1);
    let more = rows::cut_behind(state);
    match act {
        Act::Up => go(state, place.saturating_sub(1)),
        Act::PageUp => go(state, place.saturating_sub(page)),
        Act::Top => go(state, 0),
        Act::Down if place >= last && !more => newest(state, last),
        Act::Down => go(state, (place + 1).min(last)),
        Act::PageDown if place + page >= last && !more => newest(state, last),
        Act::PageDown => go(state, (place + page).min(last)),
        Act::Bottom => along(state),
        Act::Follow if state.locals.logs.held.is_some() => {
            along(state);
            state.time.now_again();
        }
        Act::Follow => hold(state),
        _ => return false,
    }
    true
}

/// Behind the last row: lines run in again where the console looks at now.
fn newest(state: &mut State, last: usize) {
    if state.time.is_live() {
        along(state);
    } else {
        go(state, last);
    }
}

fn jumps(state: &mut State, act: Act) -> bool {
    match act {
        Act::NextError => seek::jump(state, true, seek::ERRORS),
        Act::PrevError => seek::jump(state, false, seek::ERRORS),
        Act::NextWarning => seek::jump(state, true, seek::WARNINGS),
        Act::PrevWarning => seek::jump(state, false, seek::WARNINGS),
        Act::NextBookmark => to_bookmark(state, true),
        Act::PrevBookmark => to_bookmark(state, false),
        _ => return false,
    }
    true
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

/// The chosen line's instant, to be found again.
fn bookmark(state: &mut State) -> Option<Vec<Cmd>> {
    let t = rows::chosen(state)?.line.t.div_euclid(MS);
    pin(state);
    let run = Run::Prompt(PromptKind::Bookmark(t));
    Some(crate::tui::update::run(state, run))
}

fn to_bookmark(state: &mut State, forward: bool) {
    let times = state.bookmark_times();
    let at = rows::chosen(state).map_or(state.now, |row| row.line.t.div_euclid(MS));
    let next = if forward {
        times.iter().find(|t| **t > at)
    } else {
        times.iter().rev().find(|t| **t < at)
    };
    match next {
        Some(t) => link::hold_at(state, *t),
        None if times.is_empty() => {
            let key = state.keymap.label(Act::Bookmark);
            state.toast(format!("no bookmark yet; {key} sets one"), false);
        }
        None => state.toast("no further bookmark that way", false),
    }
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
        if term.is_query() {
            local.chips.retain(|c| !c.term.is_query());
        }
        if !local.chips.iter().any(|c| c.term == term) {
            local.chips.push(Chip { term, on: true });
        }
    }
}

/// Over the levels the mouse moves the time cursor and selects; a row is chosen.
pub(super) fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    if let Some(plot) = paint::plot_of_levels(state, body).filter(|p| is_over(mouse, *p)) {
        along(state);
        on_chart(state, plot, mouse);
        return true;
    }
    let pressed = mouse.kind == MouseKind::Press;
    match paint::row_at(state, body, mouse.row).filter(|_| pressed) {
        Some(place) => {
            pin(state);
            let rows = rows::rows(state);
            let place = place.min(rows.rows.len().saturating_sub(1));
            go(state, place);
            true
        }
        None => false,
    }
}
