//! The same of LogQL.

pub use crate::query::logql::words::{Composed, Term, compose, read};

use crate::query::logql::{self, Expr};
use crate::query::promql::literal::quote;
use std::borrow::Cow;

/// A query for every line there is.
pub const EVERYTHING: &str = "{__stream__=\"\"}";

/// True where the text is LogQL rather than words to look for.
pub fn is_query(text: &str) -> bool {
    text.trim_start().starts_with('{') || logql::parse(text).is_ok_and(|e| !is_number(&e))
}

/// A bare number is looked for in lines.
fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Metric(logql::ast::Metric::Number(_)))
}

/// The names and values in a line of JSON or logfmt.
pub fn fields(line: &str) -> Vec<(String, String)> {
    logql::fields(line)
}

/// The line without the sequences that colour a terminal.
pub fn plain(line: &str) -> Cow<'_, str> {
    logql::plain(line)
}

/// A query for the lines of a pattern, or for all others.
pub fn pattern_query(pattern: &str, not: bool) -> String {
    let op = if not { "!>" } else { "|>" };
    format!("{EVERYTHING} {op} {}", quote(pattern))
}

/// A query for the lines that name a trace, in their text.
pub fn trace_query(id: &str) -> String {
    // Some write the shorter half alone where the other is zero.
    let short = id.strip_prefix("0000000000000000").unwrap_or(id);
    format!("{EVERYTHING} |= {}", quote(short))
}

/// True for a query of lines, false for one of numbers.
pub fn is_log(text: &str) -> Result<bool, logql::ParseError> {
    Ok(matches!(logql::check(text)?, Expr::Log(_)))
}

/// The labels that the selector of a log query names.
pub fn selector_labels(text: &str) -> Result<Vec<String>, logql::ParseError> {
    match logql::parse(text)? {
        Expr::Log(log) => Ok(log.matchers.into_iter().map(|m| m.name).collect()),
        Expr::Metric(_) => Ok(Vec::new()),
    }
}

/// The query on one line; the error has Loki's form and words.
pub fn format(text: &str) -> Result<String, logql::ParseError> {
    Ok(logql::parse(text)?.to_string())
}
