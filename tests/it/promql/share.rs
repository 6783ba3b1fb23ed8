//! Many series are worked on by two threads: what comes of them is what one thread says of each.

use crate::promql::memory::Memory;
use bongsu::base::cancel::Cancel;
use bongsu::model::answer::{PromAnswer, Series, Value};
use bongsu::model::labels::Labels;
use bongsu::model::request::PromQuery;
use bongsu::model::sample::stale_marker;
use bongsu::model::time::Steps;
use bongsu::query::promql::eval::{Engine, Limits, QueryError};

const SERIES: i64 = 301;

/// Counters that reset, with gaps and ends, at distances that are not all alike.
fn many() -> Memory {
    let mut memory = Memory::default();
    for n in 0..SERIES {
        let labels = Labels::from_pairs([("__name__", "m".to_owned()), ("n", format!("{n:03}"))]);
        for k in 0..200_i64 {
            if (k + n) % 17 == 3 {
                continue;
            }
            let t = k * 10_000 + (k * n) % 700;
            let v = ((k + n) % 61) as f64 * 1.1 + n as f64 / 7.0;
            let end = n % 29 == 5 && k == 90;
            memory.add(&labels, t, if end { stale_marker() } else { v });
        }
    }
    memory
}

fn ask(memory: &Memory, expr: &str, limits: Limits) -> Result<PromAnswer, QueryError> {
    let query = PromQuery {
        expr: expr.to_owned(),
        steps: Steps {
            start: 60_000,
            end: 1_980_000,
            step: 17_000,
        },
        instant: false,
        live: false,
        timeout_ms: None,
        lookback_ms: None,
    };
    let engine = Engine {
        limits,
        ..Engine::default()
    };
    engine.run(memory, &query, &Cancel::never())
}

fn matrix(answer: &PromAnswer) -> &[Series] {
    match &answer.value {
        Value::Matrix(all) => all,
        other => panic!("{other:?}"),
    }
}

#[test]
fn together_they_say_what_each_says_alone() {
    let memory = many();
    for expr in [
        "m{}",
        "rate(m{}[1m])",
        "avg_over_time(m{}[90s])",
        "max_over_time(m{}[5m] offset 30s)",
        "last_over_time(m{}[45s] @ 600)",
    ] {
        let whole = ask(&memory, expr, Limits::default()).unwrap();
        let mut alone = Vec::new();
        let mut samples = 0;
        for n in 0..SERIES {
            let one = expr.replace("{}", &format!("{{n=\"{n:03}\"}}"));
            let answer = ask(&memory, &one, Limits::default()).unwrap();
            samples += answer.cost.samples;
            alone.extend(matrix(&answer).to_vec());
        }
        assert_eq!(matrix(&whole), alone, "{expr}");
        assert_eq!(
            (whole.cost.series, whole.cost.samples),
            (SERIES as u64, samples),
            "{expr}"
        );
    }
}

#[test]
fn sums_do_not_depend_on_who_was_faster() {
    let memory = many();
    let bits = || {
        let answer = ask(&memory, "sum(rate(m[1m]))", Limits::default()).unwrap();
        let all = matrix(&answer);
        let samples = all[0].samples.iter();
        samples.map(|s| s.v.to_bits()).collect::<Vec<_>>()
    };
    let first = bits();
    assert!(first.len() > 100);
    for _ in 0..20 {
        assert_eq!(bits(), first);
    }
}

#[test]
fn faults_and_remarks_come_from_both_threads() {
    let memory = many();
    let answer = ask(&memory, "quantile_over_time(2, m[1m])", Limits::default()).unwrap();
    let said = answer.notes.warnings.join("; ");
    assert!(said.contains("between 0 and 1, got 2"), "{said}");
    // Fewer than the rows need: the question ends in the middle, and its second thread with it.
    let limits = Limits {
        max_samples: 9_000,
        ..Limits::default()
    };
    let error = ask(&memory, "rate(m[1m])", limits).unwrap_err();
    assert!(error.message.contains("too many samples"), "{error}");
}
