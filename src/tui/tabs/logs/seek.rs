//! The next error or warning where none is among the lines that are known: asked of the store.

use crate::model::log_entry::{Level, LevelSet, NanoRange};
use crate::model::request::LogsQuery;
use crate::query::syntax::logql::Composed;
use crate::tui::state::State;
use crate::tui::tabs::logs::{MS, SEEK, keys, lines, question, rows};

/// A jump to a line of some level.
#[derive(Clone, Debug)]
pub(super) struct Seek {
    pub(super) forward: bool,
    pub(super) levels: LevelSet,
    /// How the level is called.
    pub(super) word: &'static str,
    /// Lines behind this time are looked at, or before it.
    from: i64,
    until: i64,
}

impl Seek {
    pub(super) fn query(&self, composed: &Composed) -> LogsQuery {
        let range = if self.forward {
            NanoRange::new(self.from, self.until)
        } else {
            NanoRange::new(0, self.from)
        };
        let mut query = LogsQuery::newest(composed.expr.clone(), range, 1);
        query.newest_first = !self.forward;
        query.levels = LevelSet(self.levels.0 & composed.levels.0);
        query
    }
}

pub(super) const ERRORS: (&[Level], &str) =
    (&[Level::Error, Level::Critical, Level::Fatal], "error");
pub(super) const WARNINGS: (&[Level], &str) = (&[Level::Warn], "warning");

/// To the next line of these levels: among the rows, else of all that is stored.
pub(super) fn jump(state: &mut State, forward: bool, (levels, word): (&[Level], &'static str)) {
    let (found, edge) = {
        let rows = rows::rows(state);
        let at = rows::place(state, &rows);
        let hit = |i: &usize| levels.contains(&rows.rows[*i].line.level);
        let found = if forward {
            (at + 1..rows.rows.len()).find(hit)
        } else {
            (0..at.min(rows.rows.len())).rev().find(hit)
        };
        let edge = if forward {
            rows.rows.last().map(|row| row.end() + 1)
        } else {
            rows.rows.first().map(|row| row.line.t)
        };
        (found, edge)
    };
    if let Some(place) = found {
        state.locals.logs.seek = None;
        keys::go(state, place);
        return;
    }
    let now = (state.now + 1) * MS;
    let from = edge.unwrap_or(now);
    if forward && from >= now {
        return state.toast(format!("no later {word}"), false);
    }
    keys::hold(state);
    state.locals.logs.seek = Some(Seek {
        forward,
        levels: LevelSet::of(levels),
        word,
        from,
        until: now,
    });
}

/// Goes where the jump leads.
pub(super) fn answered(state: &mut State) -> bool {
    let composed = crate::tui::tabs::logs::composed(state);
    let Some(seek) = state.locals.logs.seek.clone() else {
        return false;
    };
    if question(state, SEEK) != Some(&seek.query(&composed)) {
        return false;
    }
    state.locals.logs.seek = None;
    let found = lines(state, SEEK).first().map(|l| (l.t, l.line.clone()));
    let Some((t, text)) = found else {
        let way = if seek.forward { "later" } else { "earlier" };
        state.toast(format!("no {way} {}", seek.word), false);
        return false;
    };
    keys::hold_before(state, t + 1);
    state.locals.logs.target = Some((t, text));
    true
}
