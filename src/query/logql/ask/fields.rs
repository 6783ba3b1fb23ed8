//! What lines hold: the names in JSON and logfmt and in structured metadata, the look of their
//! values, the most frequent of them.

use crate::model::answer::{Field, FieldKind, LogLine, Notes};
use crate::model::request::FieldsQuery;
use crate::query::logql::ask::{Asked, newest};
use crate::query::logql::ast::{Logfmt, Stage};
use crate::query::logql::eval::QueryError;
use crate::query::logql::stage::{Origin, Work, parse_line, quantity};
use std::collections::BTreeMap;

/// Lines that are looked at where nothing is said, and at most.
const LINES: usize = 1000;
const MOST_LINES: usize = 5000;
/// Values of one field that are told apart.
const VALUES: usize = 5000;
/// Values that are shown with their number.
const TOP: usize = 20;
const FIELDS: usize = 1000;

#[derive(Default)]
struct Seen {
    parsers: Vec<&'static str>,
    values: BTreeMap<String, u64>,
}

pub(super) fn find(
    asked: &Asked<'_>,
    query: &FieldsQuery,
) -> Result<(Vec<Field>, Notes), QueryError> {
    let lines = match query.lines {
        0 => LINES,
        n => n.min(MOST_LINES),
    };
    let (lines, notes) = newest(asked, &query.expr, query.range, lines)?;
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut work = Work::default();
    for line in &lines {
        look(line, &mut work, &mut |name, value, parser| {
            let wanted = query.values_of.as_ref().is_none_or(|n| n == name);
            if !wanted || (seen.len() >= FIELDS && !seen.contains_key(name)) {
                return;
            }
            let field = seen.entry(name.to_owned()).or_default();
            if let Some(parser) = parser
                && !field.parsers.contains(&parser)
            {
                field.parsers.push(parser);
            }
            if let Some(count) = field.values.get_mut(value) {
                *count += 1;
            } else if field.values.len() < VALUES {
                field.values.insert(value.to_owned(), 1);
            }
        });
    }
    let limit = if query.limit == 0 {
        FIELDS
    } else {
        query.limit
    };
    let whole = query.values_of.is_some();
    let fields = seen.into_iter().take(limit);
    Ok((
        fields.map(|(n, s)| field(n, s, whole, limit)).collect(),
        notes,
    ))
}

/// Structured metadata, labels that the query itself parsed, then what the line is made of.
fn look(line: &LogLine, work: &mut Work, see: &mut dyn FnMut(&str, &str, Option<&'static str>)) {
    for (name, value) in &line.metadata {
        see(name, value, None);
    }
    let text = line.line.trim_start();
    let (stage, parser) = if text.starts_with('{') {
        (Stage::Json(Vec::new()), "json")
    } else if text.contains('=') {
        (Stage::Logfmt(Logfmt::default()), "logfmt")
    } else {
        return;
    };
    work.start(&line.stream, &line.metadata);
    parse_line(&stage, text, work);
    // A line that only looked like it says nothing.
    if parser == "json" && work.error().is_some() {
        return;
    }
    for (name, value) in &work.of(Origin::Parsed) {
        if !name.starts_with("__error") {
            see(name, value, Some(parser));
        }
    }
}

fn field(name: String, seen: Seen, whole: bool, limit: usize) -> Field {
    let kind = kind(seen.values.keys());
    let cardinality = seen.values.len() as u64;
    let mut top: Vec<(String, u64)> = seen.values.into_iter().collect();
    top.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    top.truncate(if whole { limit } else { TOP });
    let json = seen.parsers.contains(&"json");
    Field {
        json_path: if json { vec![name.clone()] } else { Vec::new() },
        name,
        kind,
        cardinality,
        parsers: seen.parsers.iter().map(|p| (*p).to_owned()).collect(),
        top,
    }
}

/// The narrowest kind that fits every value.
fn kind<'v>(values: impl Iterator<Item = &'v String> + Clone) -> FieldKind {
    let all = |fits: fn(&str) -> bool| values.clone().all(|v| fits(v));
    if all(|v| v.parse::<i64>().is_ok()) {
        FieldKind::Int
    } else if all(|v| v.parse::<f64>().is_ok()) {
        FieldKind::Float
    } else if all(|v| v == "true" || v == "false") {
        FieldKind::Boolean
    } else if all(|v| quantity::duration_ns(v).is_ok()) {
        FieldKind::Duration
    } else if all(|v| quantity::bytes(v).is_ok()) {
        FieldKind::Bytes
    } else {
        FieldKind::String
    }
}
