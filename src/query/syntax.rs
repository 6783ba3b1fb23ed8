//! What an editor, a configuration file and an API need to know of a query, without running it:
//! is it one, where is it wrong, how is it coloured, what could stand at the caret.
//!
//! Never fetches: `complete` says what to ask for, and with which matchers.

mod complete;
mod highlight;
mod log_selector;
pub mod logql;
mod rules;
mod traceql;

pub use crate::query::promql::ast::Span;
pub use complete::{Completion, Want, complete};
pub use highlight::{Class, Piece, highlight};
pub use log_selector::log_selector;
pub use rules::{check_rule, lines_of_rule, watched_by_rule};
pub use traceql::{
    check_traceql, traceql_intrinsics, traceql_of_tags, traceql_of_words, traceql_type,
};

use crate::model::matcher::Matcher;
use crate::query::promql;
use crate::query::promql::ast::{Aggregator, Kind, Op};
use crate::query::promql::functions::FUNCTIONS;

/// Why a text is no query, and which bytes are to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct Fault {
    pub message: String,
    pub span: Span,
    /// Both from 1; columns in characters.
    pub line: usize,
    pub column: usize,
}

impl From<promql::ParseError> for Fault {
    fn from(e: promql::ParseError) -> Self {
        Self {
            message: e.message,
            span: e.span,
            line: e.line,
            column: e.column,
        }
    }
}

/// Checks an expression: grammar, types, arguments.
pub fn check(text: &str) -> Result<(), Fault> {
    promql::parse(text)?;
    Ok(())
}

/// Reads a series selector such as the API's `match[]`: `up{job="node"}`.
pub fn selector(text: &str) -> Result<Vec<Matcher>, Fault> {
    let expr = promql::parse(text)?;
    let whole = expr.span;
    match expr.kind {
        Kind::Selector(s) if s.when == promql::ast::When::default() && s.extended.is_none() => {
            Ok(s.matchers)
        }
        _ => Err(Fault {
            message: "a series selector such as up{job=\"node\"} is needed here".to_owned(),
            span: whole,
            line: 1,
            column: 1,
        }),
    }
}

/// The text of a selector with these matchers; reads back as the same.
pub fn selector_text(matchers: &[Matcher]) -> String {
    promql::selector_text(matchers)
}

/// The expression on one line, in the form that Prometheus prints.
pub fn format(text: &str) -> Result<String, Fault> {
    Ok(promql::parse(text)?.to_string())
}

/// What an alert's expression watches, and the values that it compares it with: `a / b > 0.9` is
/// `a / b` and 0.9. Of conditions joined by `and` or `unless` the first counts. Where nothing is
/// compared with a number, the whole expression is what is watched.
pub fn watched(text: &str) -> Result<(String, Option<f64>), Fault> {
    let whole = promql::parse(text)?;
    let mut expr = &whole;
    loop {
        match &expr.kind {
            Kind::Paren(inner) => expr = inner,
            Kind::Binary(b) if matches!(b.op, Op::And | Op::Unless) => expr = &b.lhs,
            Kind::Binary(b) if b.op.is_comparison() => {
                return Ok(match (&b.lhs.kind, &b.rhs.kind) {
                    (_, Kind::Number(n)) => (b.lhs.to_string(), Some(n.value)),
                    (Kind::Number(n), _) => (b.rhs.to_string(), Some(n.value)),
                    _ => (b.lhs.to_string(), None),
                });
            }
            _ => return Ok((expr.to_string(), None)),
        }
    }
}

/// A word of the language with a line of help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub name: &'static str,
    /// How it is called.
    pub signature: String,
    pub help: &'static str,
    pub experimental: bool,
}

/// Every function.
pub fn functions() -> Vec<Word> {
    let word = |f: &promql::functions::Function| Word {
        name: f.name,
        signature: f.signature(),
        help: f.help,
        experimental: f.experimental,
    };
    FUNCTIONS.iter().map(word).collect()
}

/// Every aggregator.
pub fn aggregators() -> Vec<Word> {
    let word = |(op, name, help): &(Aggregator, &'static str, &'static str)| Word {
        name,
        signature: if op.has_param() {
            format!("{name}(parameter, instant vector)")
        } else {
            format!("{name}(instant vector)")
        },
        help,
        experimental: op.is_experimental(),
    };
    Aggregator::ALL.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_say_where() {
        assert_eq!(check("rate(up[5m])"), Ok(()));
        let fault = check("sum(up").unwrap_err();
        assert_eq!((fault.span.start, fault.line, fault.column), (6, 1, 7));
        assert!(
            fault
                .to_string()
                .starts_with("1:7: unexpected end of input")
        );
    }

    #[test]
    fn selectors_read_and_print() {
        let matchers = selector("up{job=~\"a|b\"}").unwrap();
        assert_eq!(matchers.len(), 2);
        assert_eq!(selector_text(&matchers), "up{job=~\"a|b\"}");
        for bad in ["rate(up[5m])", "up[5m]", "up offset 5m", "{}", "1"] {
            assert!(selector(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_an_alert_watches_is_found() {
        for (text, want, limit) in [
            ("a / b > 0.9", "a / b", Some(0.9)),
            ("(rate(x[5m]) > 3) and y", "rate(x[5m])", Some(3.0)),
            ("0.1 > a", "a", Some(0.1)),
            ("a > b", "a", None),
            ("absent(up)", "absent(up)", None),
        ] {
            assert_eq!(watched(text), Ok((want.to_owned(), limit)), "{text}");
        }
        assert!(watched("sum(").is_err());
    }

    #[test]
    fn words_have_help() {
        assert_eq!(functions().len(), 90);
        assert_eq!(aggregators().len(), 14);
        let rate = functions().into_iter().find(|w| w.name == "rate").unwrap();
        assert_eq!(rate.signature, "rate(range vector) instant vector");
    }
}
