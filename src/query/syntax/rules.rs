//! The expressions of rules, in any of the three languages: are they ones, and what do they watch.

use crate::model::alert::Language;
use crate::query::logql::ast::{Metric, Op as LogOp};
use crate::query::logql::{self, Expr};
use crate::query::syntax::{self, Fault, Span};
use crate::query::traceql;
use crate::query::traceql::ast::{Body, Metrics, SecondStage};

/// Checks what a rule is to evaluate: it is a query of that language, and it makes numbers.
pub fn check_rule(language: Language, text: &str) -> Result<(), Fault> {
    match language {
        Language::PromQl => syntax::check(text),
        Language::LogQl => log_metric(text).map(|_| ()),
        Language::TraceQl => trace_metric(text).map(|_| ()),
    }
}

/// What a rule watches, and the value that it compares it with, as [`syntax::watched`] does for
/// PromQL.
pub fn watched_by_rule(language: Language, text: &str) -> Result<(String, Option<f64>), Fault> {
    match language {
        Language::PromQl => syntax::watched(text),
        Language::LogQl => log_metric(text).map(|metric| log_watched(&metric)),
        Language::TraceQl => trace_metric(text).map(|metrics| match &metrics {
            Metrics::Second(inner, SecondStage::Compare(_, limit)) => {
                (inner.to_string(), Some(*limit))
            }
            other => (other.to_string(), None),
        }),
    }
}

fn log_metric(text: &str) -> Result<Metric, Fault> {
    let fault = |e: logql::ParseError| Fault {
        message: e.message,
        span: Span::new(e.span.start, e.span.end),
        line: e.line,
        column: e.column,
    };
    match logql::check(text).map_err(fault)? {
        Expr::Metric(metric) => Ok(metric),
        Expr::Log(_) => Err(whole(
            text,
            "a rule needs a number, and this answers with lines; count them, as in count_over_time({app=\"api\"} |= \"error\" [5m]) > 10",
        )),
    }
}

/// The query for the lines that a rule in LogQL counts, the first of them where it counts several.
pub fn lines_of_rule(text: &str) -> Option<String> {
    let mut at = log_metric(text).ok()?;
    loop {
        at = match at {
            Metric::Range(range) => return Some(range.log.to_string()),
            Metric::Aggregate(of) => of.inner,
            Metric::Binary(of) => of.left,
            Metric::Replace(of) => of.inner,
            Metric::Number(_) | Metric::Vector(_) => return None,
        };
    }
}

fn log_watched(metric: &Metric) -> (String, Option<f64>) {
    let mut at = metric;
    loop {
        match at {
            Metric::Binary(b) if matches!(b.op, LogOp::And | LogOp::Unless) => at = &b.left,
            Metric::Binary(b) if matches!(b.op, LogOp::Compare(_)) => {
                return match (&b.left, &b.right) {
                    (_, Metric::Number(n)) => (b.left.to_string(), Some(*n)),
                    (Metric::Number(n), _) => (b.right.to_string(), Some(*n)),
                    _ => (b.left.to_string(), None),
                };
            }
            _ => return (at.to_string(), None),
        }
    }
}

fn trace_metric(text: &str) -> Result<Metrics, Fault> {
    let query = traceql::parse(text).map_err(|e| Fault {
        message: e.message,
        span: Span::new(e.span.start, e.span.end),
        line: e.line,
        column: e.column,
    })?;
    match query.body {
        Body::Metrics(metrics) => Ok(metrics),
        Body::Spans(_) | Body::Pipelines(_) => Err(whole(
            text,
            "a rule needs a number, and this answers with traces; add a function, as in { status = error } | rate() > 1",
        )),
    }
}

fn whole(text: &str, said: &str) -> Fault {
    Fault {
        message: said.to_owned(),
        span: Span::new(0, text.len()),
        line: 1,
        column: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{LogQl, PromQl, TraceQl};

    #[test]
    fn a_rule_makes_numbers() {
        for (language, text, said) in [
            (PromQl, "up == 0", ""),
            (LogQl, "sum(rate({app=\"a\"} |= \"x\" [5m])) > 1", ""),
            (LogQl, "{app=\"a\"}", "answers with lines"),
            (LogQl, "sum(rate({app=\"a\"}[5m]", "1:"),
            (TraceQl, "{ status = error } | rate() > 1", ""),
            (TraceQl, "{ status = error }", "answers with traces"),
            (TraceQl, "{ status = ", "1:"),
        ] {
            let found =
                check_rule(language, text).map_or_else(|e| e.to_string(), |()| String::new());
            let fits = if said.is_empty() {
                found.is_empty()
            } else {
                found.contains(said)
            };
            assert!(fits, "{text}: {found:?}");
        }
    }

    #[test]
    fn the_lines_of_a_rule_are_found() {
        let lines = lines_of_rule("sum by (a) (rate({app=\"a\"} |= \"x\" [5m])) > 1 and vector(1)");
        assert_eq!(lines.as_deref(), Some("{app=\"a\"} |= \"x\""));
        assert_eq!(lines_of_rule("vector(1)"), None);
    }

    #[test]
    fn the_watched_value_and_its_limit_are_found() {
        for (language, text, expr, limit) in [
            (PromQl, "up == 0", "up", Some(0.0)),
            (
                LogQl,
                "count_over_time({app=\"a\"}[5m]) > 10 and vector(1) == 1",
                "count_over_time({app=\"a\"}[5m])",
                Some(10.0),
            ),
            (
                TraceQl,
                "{ status = error } | rate() by (resource.service.name) > 2",
                "{ status = error } | rate() by(resource.service.name)",
                Some(2.0),
            ),
        ] {
            let (found, at) = watched_by_rule(language, text).unwrap();
            let plain = |t: &str| t.replace([' ', '(', ')'], "");
            assert_eq!((plain(&found), at), (plain(expr), limit));
        }
    }
}
