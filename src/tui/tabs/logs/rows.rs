//! The lines as rows: in order of time, with what belongs to a line folded under it.

use crate::model::answer::LogLine;
use crate::model::log_entry::Level;
use crate::tui::state::State;
use crate::tui::tabs::Export;
use crate::tui::tabs::logs::{NEWER, OLDER, lines};

/// One row of the list.
pub(super) struct Row<'a> {
    pub(super) line: &'a LogLine,
    /// Lines that are folded under it.
    pub(super) folded: Vec<&'a LogLine>,
}

/// All rows, oldest first, and how many of them lie before the held time.
pub(super) struct Rows<'a> {
    pub(super) rows: Vec<Row<'a>>,
    pub(super) before: usize,
}

impl Rows<'_> {
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

pub(super) fn rows(state: &State) -> Rows<'_> {
    let local = &state.locals.logs;
    let mut out: Vec<Row<'_>> = Vec::new();
    let fold = !local.unfolded;
    for line in lines(state, OLDER).iter().rev() {
        push(&mut out, line, fold);
    }
    let before = out.len();
    if local.held.is_some() {
        for line in lines(state, NEWER) {
            let fold = fold && out.len() > before;
            push(&mut out, line, fold);
        }
    }
    Rows { rows: out, before }
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

pub(super) fn place(state: &State, rows: &Rows<'_>) -> usize {
    let local = &state.locals.logs;
    match local.held {
        Some(_) => rows.place(local.at),
        None => rows.rows.len().saturating_sub(1),
    }
}

pub(super) fn is_error(level: Level) -> bool {
    level >= Level::Error
}

pub(super) fn is_warning(level: Level) -> bool {
    level == Level::Warn
}

/// The lines that are shown, with their times, streams and levels.
pub(super) fn export(state: &State) -> Export {
    let mut text = String::new();
    for row in rows(state).rows {
        let line = row.line;
        let time = state.time.rfc3339(line.t.div_euclid(1_000_000));
        let (level, stream) = (line.level.as_str(), &line.stream);
        let said = crate::base::text::sanitise(&line.line).into_owned();
        text.push_str(&format!("{time}\t{level}\t{stream}\t{said}\n"));
    }
    Export { kind: "log", text }
}
