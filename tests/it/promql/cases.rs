//! What the console and the API rely on, one by one.

use crate::promql::memory::Memory;
use bongsu::base::cancel::Cancel;
use bongsu::model::answer::{PromAnswer, Value};
use bongsu::model::labels::Labels;
use bongsu::model::request::PromQuery;
use bongsu::model::sample::stale_marker;
use bongsu::model::time::Steps;
use bongsu::query::promql::eval::{Engine, ErrorKind, QueryError};

fn counter() -> Memory {
    let mut memory = Memory::default();
    for (instance, slope) in [("a", 1.0), ("b", 2.0)] {
        let labels = Labels::from_pairs([("__name__", "c_total"), ("instance", instance)]);
        for i in 0..=40_i64 {
            memory.add(&labels, i * 15_000, i as f64 * 15.0 * slope);
        }
    }
    memory
}

fn range(expr: &str, start: i64, end: i64, step: i64) -> PromQuery {
    PromQuery {
        expr: expr.to_owned(),
        steps: Steps { start, end, step },
        instant: false,
        live: false,
        timeout_ms: None,
        lookback_ms: None,
    }
}

fn ask(memory: &Memory, query: &PromQuery) -> Result<PromAnswer, QueryError> {
    Engine::default().run(memory, query, &Cancel::never())
}

#[test]
fn a_rate_over_steps_is_grouped_and_sorted() {
    let query = range(
        "sum by (instance) (rate(c_total[1m]))",
        120_000,
        180_000,
        30_000,
    );
    let Value::Matrix(found) = ask(&counter(), &query).unwrap().value else {
        panic!()
    };
    let shown: Vec<String> = found.iter().map(|s| s.labels.to_string()).collect();
    assert_eq!(shown, ["{instance=\"a\"}", "{instance=\"b\"}"]);
    let rounded: Vec<(i64, f64)> = found[1]
        .samples
        .iter()
        .map(|s| (s.t, (s.v * 1e9).round() / 1e9))
        .collect();
    assert_eq!(rounded, [(120_000, 2.0), (150_000, 2.0), (180_000, 2.0)]);
}

#[test]
fn a_stale_marker_ends_a_series_at_once() {
    let mut memory = counter();
    let labels = Labels::from_pairs([("__name__", "c_total"), ("instance", "a")]);
    memory.add(&labels, 601_000, stale_marker());
    let query = range("c_total", 600_000, 900_000, 60_000);
    let Value::Matrix(found) = ask(&memory, &query).unwrap().value else {
        panic!()
    };
    assert_eq!((found[0].samples.len(), found[1].samples.len()), (1, 5));
}

#[test]
fn faults_carry_the_bytes_to_underline() {
    let error = ask(&counter(), &range("sum(c_total) + foo(", 0, 1, 1)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadQuery);
    let span = error.span.unwrap();
    assert_eq!((span.start, span.end), (15, 18));
    let error = ask(&counter(), &range("info(c_total)", 0, 1, 1)).unwrap_err();
    assert_eq!(
        error.message,
        "info() is experimental; set promql.experimental to use it"
    );
}

#[test]
fn what_would_not_fit_is_refused_in_time() {
    let started = std::time::Instant::now();
    for expr in [
        "max_over_time(c_total[3y:1ms])",
        "sum_over_time(vector(1)[100y:1ms])",
        "max_over_time(sum_over_time(c_total[1y:1s])[1y:1s])",
    ] {
        let error = ask(&counter(), &range(expr, 0, 600_000, 60_000)).unwrap_err();
        assert!(
            error.message.contains("too many samples"),
            "{expr}: {}",
            error.message
        );
    }
    assert!(started.elapsed().as_secs() < 60);
    let error = ask(&counter(), &range("c_total", 0, 20_000_000, 1)).unwrap_err();
    assert!(error.message.contains("11000 points"), "{}", error.message);
}

#[test]
fn a_cancelled_query_stops() {
    let cancel = Cancel::never();
    cancel.cancel();
    let query = range("c_total", 0, 600_000, 60_000);
    let error = Engine::default()
        .run(&counter(), &query, &cancel)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    let query = PromQuery {
        timeout_ms: Some(0),
        ..query
    };
    assert_eq!(
        ask(&counter(), &query).unwrap_err().kind,
        ErrorKind::Timeout
    );
}

#[test]
fn the_deepest_queries_are_answered() {
    let memory = counter();
    let deep =
        |open: &str, close: &str, n: usize| format!("{}c_total{}", open.repeat(n), close.repeat(n));
    for expr in [
        deep("(", ")", 97),
        deep("abs(", ")", 97),
        deep("sum by (instance) (", ")", 97),
        deep("max_over_time(", "[1m:])", 48),
        deep("1 + (", ")", 48),
        vec!["c_total"; 98].join(" or "),
        vec!["c_total"; 98].join(" + "),
        vec!["c_total"; 98].join(" ^ "),
        format!(
            "histogram_quantile({}0.5{}, c_total)",
            "(".repeat(96),
            ")".repeat(96)
        ),
    ] {
        let query = range(&expr, 600_000, 600_000, 60_000);
        let answer = ask(&memory, &query);
        assert!(answer.is_ok(), "{expr}: {}", answer.unwrap_err());
    }
}
