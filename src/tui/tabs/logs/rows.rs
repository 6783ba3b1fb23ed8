//! The lines as rows: in order of time, with what belongs to a line folded under it.

use crate::base::text;
use crate::model::answer::LogLine;
use crate::model::request::LogsQuery;
use crate::tui::state::State;
use crate::tui::tabs::Export;
use crate::tui::tabs::logs::paint::{STREAM, stream_name};
use crate::tui::tabs::logs::{LINES, NEWER, OLDER, ask, lines, question};

/// One row of the list.
pub(super) struct Row<'a> {
    pub(super) line: &'a LogLine,
    /// Lines that are folded under it.
    pub(super) folded: Vec<&'a LogLine>,
}

impl Row<'_> {
    /// The time of its last line, in nanoseconds since the epoch.
    pub(super) fn end(&self) -> i64 {
        self.folded.last().unwrap_or(&self.line).t
    }
}

/// All rows, oldest first, and how many of them lie before the held time.
pub(super) struct List<'a> {
    pub(super) rows: Vec<Row<'a>>,
    pub(super) before: usize,
    /// Columns that the longest name of a stream takes.
    pub(super) names: usize,
}

impl List<'_> {
    /// The place in `rows` of a row that is counted from the held time.
    pub(super) fn place(&self, at: i64) -> usize {
        let place = at.saturating_add(self.before as i64);
        place.clamp(0, self.rows.len().saturating_sub(1) as i64) as usize
    }

    /// Counted from the held time.
    pub(super) fn counted(&self, place: usize) -> i64 {
        place as i64 - self.before as i64
    }
}

/// The lines of both answers in rising time. Which of them lie before the held time is told by
/// their own times, so that an answer to an older question moves nothing.
fn merged(state: &State) -> Vec<&LogLine> {
    let older = lines(state, OLDER).iter().rev();
    let newer = lines(state, NEWER);
    let (Some(old), Some(new)) = (question(state, OLDER), question(state, NEWER)) else {
        return older.collect();
    };
    let same = |a: &LogsQuery, b: &LogsQuery| a.expr == b.expr && a.levels == b.levels;
    if !ask::joined(state) {
        return older.collect();
    }
    let in_order: Vec<&LogLine> = if new.newest_first {
        newer.iter().rev().collect()
    } else {
        newer.iter().collect()
    };
    if !same(old, new) {
        // One of them is still to come: the one that is about what is asked now is shown.
        let now = now_asked(state);
        return if new.expr == now {
            in_order
        } else {
            older.collect()
        };
    }
    // So many have come that the newest alone are known: what was before is not next to them.
    if new.newest_first && newer.len() >= LINES && new.range.start >= old.range.end {
        return in_order;
    }
    let fresh = in_order.into_iter().filter(|l| l.t >= old.range.end);
    older.chain(fresh).collect()
}

fn now_asked(state: &State) -> String {
    crate::tui::tabs::logs::composed(state).expr
}

/// True where more lines lie behind the last row than were asked for.
pub(super) fn cut_behind(state: &State) -> bool {
    let asked = question(state, NEWER);
    state.locals.logs.held.is_some()
        && asked.is_some_and(|q| !q.newest_first)
        && lines(state, NEWER).len() >= LINES
}

pub(super) fn rows(state: &State) -> List<'_> {
    let local = &state.locals.logs;
    let mut out: Vec<Row<'_>> = Vec::new();
    let fold = !local.unfolded;
    let mut before = None;
    for line in merged(state) {
        let behind = local.held.is_some_and(|held| line.t >= held);
        // Nothing is folded across the held time, else counting from it would change.
        let first = behind && before.is_none();
        if first {
            before = Some(out.len());
        }
        push(&mut out, line, fold && !first);
    }
    let before = before.unwrap_or(out.len());
    let names = name_columns(&out);
    List {
        rows: out,
        before,
        names,
    }
}

/// Of all rows and not of those in sight, so that nothing moves sideways while one scrolls.
fn name_columns(rows: &[Row<'_>]) -> usize {
    let mut most = 0;
    let mut last = None;
    for stream in rows.iter().map(|row| &row.line.stream) {
        if last.replace(stream) != Some(stream) {
            most = most.max(text::width(&text::display(&stream_name(stream))));
        }
        if most >= STREAM {
            return STREAM;
        }
    }
    most
}

fn push<'a>(rows: &mut Vec<Row<'a>>, line: &'a LogLine, fold: bool) {
    if fold
        && let Some(head) = rows.last_mut()
        && head.line.stream == line.stream
        && continues(&line.line)
    {
        head.folded.push(line);
        return;
    }
    let folded = Vec::new();
    rows.push(Row { line, folded });
}

/// Belongs to the line before it: a frame of a stack trace, or what follows one.
fn continues(line: &str) -> bool {
    let text = line.trim_start();
    let indented = text.len() < line.len();
    let frame = text.starts_with("at ") || text.starts_with("... ") || text.starts_with("File \"");
    (indented && frame) || line.starts_with("Caused by:")
}

/// The row that has the keys: while running along, the newest.
pub(super) fn chosen(state: &State) -> Option<Row<'_>> {
    let mut rows = rows(state);
    let place = place(state, &rows);
    (place < rows.rows.len()).then(|| rows.rows.swap_remove(place))
}

pub(super) fn place(state: &State, rows: &List<'_>) -> usize {
    let local = &state.locals.logs;
    match local.held {
        Some(_) => rows.place(local.at),
        None => rows.rows.len().saturating_sub(1),
    }
}

/// The lines that are shown, with their times, streams and levels.
pub(super) fn export(state: &State) -> Export {
    let mut text = String::new();
    for row in rows(state).rows {
        for line in std::iter::once(row.line).chain(row.folded) {
            let time = state.time.rfc3339(line.t.div_euclid(1_000_000));
            let (level, stream) = (line.level.as_str(), &line.stream);
            let said = crate::base::text::sanitise(&line.line).into_owned();
            text.push_str(&format!("{time}\t{level}\t{stream}\t{said}\n"));
        }
    }
    Export { kind: "log", text }
}
