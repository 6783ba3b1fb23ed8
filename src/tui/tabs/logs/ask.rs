//! The questions of the tab, and what their answers lead to.
//!
//! While the newest lines run in, the stretch of time is cut at a whole minute: what lies before is
//! asked once a minute, what lies behind at every tick. While the view is held it is cut there. A
//! search with filters goes back in widening steps, so that the newest hits stand there at once and
//! how far it has come can be said.

use crate::model::log_entry::NanoRange;
use crate::model::request::{
    LevelsQuery, LogRequest, LogsQuery, Request, StreamsQuery, StreamsWhat,
};
use crate::query::syntax::logql::{Composed, EVERYTHING};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::logs::{
    EARLIER, LABELS, LEVELS, LINES, METRIC, MS, Mode, NEWER, OLDER, PATTERNS, SEEK, VALUES, bar,
    chart, composed, fields, id, keys, lines, paint, patterns, question, rows, saved, seek, slot,
};
use ratatui::layout::Rect;

const MINUTE: i64 = 60_000 * MS;
/// The first step of a search is this part of the whole, each further one so many times longer.
const FIRST: i64 = 16;
const WIDER: i64 = 4;

/// How far back the search for one query has come, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    expr: String,
    depth: i64,
}

/// True while the newest lines run in at the bottom.
pub(super) fn follows(state: &State) -> bool {
    state.locals.logs.held.is_none() && state.time.instant().is_none()
}

/// True while what comes behind the older lines is asked as well.
pub(super) fn joined(state: &State) -> bool {
    state.locals.logs.held.is_some() || follows(state)
}

/// The stretch of time in nanoseconds that ends where the view is held, else at the time cursor,
/// else now.
pub(super) fn range(state: &State) -> NanoRange {
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

/// How far back is searched now: the whole range where nothing is filtered.
fn depth(state: &State, composed: &Composed) -> i64 {
    let whole = state.time.range * MS;
    if composed.expr == EVERYTHING {
        return whole;
    }
    let reach = &state.locals.logs.reach;
    let known = if reach.expr == composed.expr {
        reach.depth
    } else {
        0
    };
    known.max(whole / FIRST).min(whole)
}

/// While a search goes back in steps: the time that it has come to, and how much that is in a
/// hundred.
pub(super) fn searched(state: &State) -> Option<(i64, i64)> {
    let composed = composed(state);
    let whole = state.time.range * MS;
    let asked = question(state, OLDER)?;
    if asked.expr != composed.expr || state.time.selection.is_some() {
        return None;
    }
    let deep = asked.range.end - asked.range.start;
    let going = slot(state, OLDER)?.is_loading() && depth(state, &composed) > deep;
    let stopped = state.locals.logs.stopped.as_ref() == Some(&composed.expr);
    let done = lines(state, OLDER).len() >= asked.limit;
    let begun = (going || stopped) && !done && deep < whole;
    begun.then(|| (asked.range.start.div_euclid(MS), deep * 100 / whole.max(1)))
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

/// The questions for lines: those before, and those behind.
fn of_lines(state: &State, composed: &Composed) -> Vec<(usize, LogsQuery)> {
    let local = &state.locals.logs;
    let now = (state.tick + 1) * MS;
    let query = |range: NanoRange, limit: usize| {
        let mut query = LogsQuery::newest(composed.expr.clone(), range, limit);
        query.levels = composed.levels;
        query
    };
    let mut whole = range(state);
    let mut out = Vec::new();
    if let Some(held) = local.held {
        if now > held {
            let mut behind = query(NanoRange::new(held, now), LINES);
            behind.newest_first = false;
            out.push((NEWER, behind));
        }
    } else if follows(state) {
        let end = now.div_euclid(MINUTE) * MINUTE;
        whole = NanoRange::new(end - state.time.range * MS, end);
        // Until what lies before the new minute is there, the old one goes on.
        let known = question(state, OLDER).filter(|q| q.expr == composed.expr);
        let from = known.map_or(end, |q| q.range.end);
        let from = from.clamp(end - 10 * MINUTE, end);
        out.push((NEWER, query(NanoRange::new(from, now), LINES)));
    }
    if joined(state) {
        whole.start = whole.end - depth(state, composed);
    }
    out.push((OLDER, query(whole, local.limit)));
    out
}

pub(super) fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let local = &state.locals.logs;
    let composed = composed(state);
    let logs = |part: usize, request: LogRequest| (id(part), Request::Logs(request));
    let levels = histogram(state, &composed, paint::plot_width(body));
    let mut out = Vec::new();
    if composed.metric {
        let query = chart::query(state, &composed, paint::plot_width(body));
        out.push(logs(METRIC, LogRequest::Query(query)));
        out.extend(names(state));
        return out;
    }
    let stopped = local.stopped.as_ref() == Some(&composed.expr);
    if local.mode == Mode::Patterns {
        out.push(logs(PATTERNS, LogRequest::Patterns(levels.clone())));
        let earlier = patterns::earlier(state, &composed, &levels);
        out.extend(earlier.map(|query| logs(EARLIER, LogRequest::Patterns(query))));
    } else if local.mode == Mode::Fields {
        let asked = fields::requests(state, &composed).into_iter();
        out.extend(asked.map(|(part, request)| logs(part, request)));
    } else if !stopped {
        let asked = of_lines(state, &composed).into_iter();
        out.extend(asked.map(|(part, query)| logs(part, LogRequest::Query(query))));
    }
    if let Some(seek) = &local.seek {
        out.push(logs(SEEK, LogRequest::Query(seek.query(&composed))));
    }
    if !stopped {
        out.push(logs(LEVELS, LogRequest::Levels(levels)));
    }
    out.extend(names(state));
    out.extend(saved::request(state));
    out
}

/// What the bar offers: the labels of streams, and the values of one.
fn names(state: &State) -> Vec<(SlotId, Request)> {
    let logs = |part: usize, request: LogRequest| (id(part), Request::Logs(request));
    let mut out = Vec::new();
    let end = range(state).end;
    let wide = NanoRange::new(end.saturating_sub(7 * 86_400_000 * MS), end);
    let streams = |what| StreamsQuery {
        what,
        selectors: Vec::new(),
        range: wide,
        limit: 200,
    };
    // Names change seldom: they are asked once, and again whenever a query is typed.
    if bar::wants_names(state) {
        let names = streams(StreamsWhat::LabelNames);
        out.push(logs(LABELS, LogRequest::Streams(names)));
    }
    if let Some(name) = bar::value_wanted(state) {
        let values = streams(StreamsWhat::LabelValues(name));
        out.push(logs(VALUES, LogRequest::Streams(values)));
    }
    out
}

/// Widens a search that has found too little, finds the chosen line again, follows a jump.
pub(super) fn answered(state: &mut State, of: SlotId) -> bool {
    if of == id(SEEK) {
        return seek::answered(state);
    }
    if of != id(OLDER) && of != id(NEWER) {
        return false;
    }
    let composed = composed(state);
    let Some(asked) = question(state, OLDER).filter(|q| q.expr == composed.expr) else {
        return false;
    };
    let deep = asked.range.end - asked.range.start;
    let (limit, found) = (asked.limit, lines(state, OLDER).len());
    find_again(state);
    let whole = state.time.range * MS;
    let wider = found < limit && deep >= depth(state, &composed) && deep < whole && joined(state);
    if of == id(OLDER) && wider {
        state.locals.logs.reach = Reach {
            expr: composed.expr,
            depth: deep * WIDER,
        };
    }
    wider
}

/// Puts the keys on the line that had them before the question changed.
fn find_again(state: &mut State) {
    let Some((t, text)) = state.locals.logs.target.clone() else {
        return;
    };
    let found = {
        let rows = rows::rows(state);
        let is_it = |row: &rows::Row<'_>| row.line.t == t && row.line.line == text;
        rows.rows.iter().position(is_it).map(|p| rows.counted(p))
    };
    if let Some(at) = found {
        let local = &mut state.locals.logs;
        local.target = None;
        local.top += at - local.at;
        local.at = at;
        keys::keep_on_screen(state);
    }
}

/// Ends the search that runs; true where one did.
pub(super) fn stop(state: &mut State) -> Vec<SlotId> {
    let slow = |part: usize| slot(state, part).is_some_and(|s| s.is_loading());
    let parts: Vec<SlotId> = [OLDER, LEVELS, SEEK]
        .into_iter()
        .filter(|part| slow(*part))
        .map(id)
        .collect();
    if !parts.is_empty() {
        let expr = composed(state).expr;
        state.locals.logs.stopped = Some(expr);
        state.locals.logs.seek = None;
        for part in &parts {
            state.slots.stop(*part);
        }
    }
    parts
}

/// True where a person has waited for lines for so long that giving up is offered.
pub(super) fn is_slow(state: &State) -> bool {
    let since = |part| slot(state, part).and_then(|s| s.loading_since());
    let waits = [OLDER, SEEK].into_iter().filter_map(since).min();
    waits.is_some_and(|since| state.now - since >= 300)
}
