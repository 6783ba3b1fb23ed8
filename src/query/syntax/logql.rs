//! The same of LogQL.

pub use crate::query::logql::words::{Composed, Term, compose, fault, read};
pub use crate::query::syntax::logql_complete::{Completion, Want, complete};

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

/// The words that keep the lines of a pattern, or leave them out; beside other words.
pub fn pattern_term(pattern: &str, not: bool) -> String {
    let op = if not { "!>" } else { "|>" };
    format!("{op}{}", quote(pattern))
}

/// The word that asks for a value of a label or field: what is no plain word stands in LogQL.
pub fn label_term(name: &str, op: &str, value: &str) -> String {
    let plain = !value.is_empty() && !value.contains([' ', '"', '\t', '\n', '/', '!']);
    if plain {
        return format!("{name}{op}{value}");
    }
    format!(
        "| json | logfmt | drop __error__, __error_details__ | {name}{op}{}",
        quote(value)
    )
}

/// The selector of a log query, as text; `None` where it is for every stream or is no log query.
pub fn selector_of(text: &str) -> Option<String> {
    let Ok(Expr::Log(log)) = logql::parse(text) else {
        return None;
    };
    let every = |m: &&crate::model::matcher::Matcher| m.name != logql::ast::EVERY;
    let matchers: Vec<String> = log
        .matchers
        .iter()
        .filter(every)
        .map(ToString::to_string)
        .collect();
    (!matchers.is_empty()).then(|| format!("{{{}}}", matchers.join(",")))
}

/// A test whether a line has the shape of one of these patterns.
pub fn fits_one<'p>(patterns: impl Iterator<Item = &'p str>) -> impl Fn(&str) -> bool {
    logql::fits_one(patterns)
}

/// The word for the lines that name a trace.
pub fn trace_term(id: &str) -> String {
    format!("trace:{id}")
}

/// A query for the lines of the streams that have one of these values of a label.
pub fn label_query(name: &str, values: &[&str]) -> String {
    match values {
        [one] => format!("{{{name}={}}}", quote(one)),
        many => {
            let escaped: Vec<String> = many.iter().map(|v| crate::base::regex::escape(v)).collect();
            format!("{{{name}=~{}}}", quote(&escaped.join("|")))
        }
    }
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
