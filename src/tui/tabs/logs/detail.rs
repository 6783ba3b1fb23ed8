//! One line in full: its labels, its fields, JSON with its structure.

use crate::base::text;
use crate::model::answer::LogLine;

/// Rows of the pretty print, at most.
const ROWS: usize = 400;

/// Labels of the stream, metadata, what the query parsed, and the top of a JSON object or the pairs
/// of logfmt.
pub(super) fn fields(line: &LogLine) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let parts = [&line.stream, &line.metadata, &line.parsed];
    for (name, value) in parts.into_iter().flatten() {
        out.push((name.to_owned(), value.to_owned()));
    }
    for (name, value) in crate::query::syntax::logql::fields(&line.line) {
        if !out.iter().any(|(n, _)| *n == name) {
            out.push((name, value));
        }
    }
    out
}

/// The value of one field for a column.
pub(super) fn field(line: &LogLine, name: &str) -> String {
    for labels in [&line.stream, &line.metadata, &line.parsed] {
        if labels.has(name) {
            return labels.get(name).to_owned();
        }
    }
    let found = crate::query::syntax::logql::fields(&line.line);
    let found = found.into_iter().find(|(n, _)| n == name);
    found.map(|(_, v)| v).unwrap_or_default()
}

/// The line for reading: JSON indented, everything else as it is, cut at its own line breaks.
pub(super) fn pretty(line: &str) -> Vec<String> {
    let json = line
        .trim_start()
        .starts_with(['{', '['])
        .then(|| serde_json::from_str::<serde_json::Value>(line.trim()).ok())
        .flatten();
    let pretty = json.and_then(|v| serde_json::to_string_pretty(&v).ok());
    let whole = pretty.unwrap_or_else(|| line.to_owned());
    let rows = whole.lines().take(ROWS);
    rows.map(|row| text::display(row).into_owned()).collect()
}
