//! The same data in a real Prometheus and in memory, the same random queries to both.
//!
//! Debian's Prometheus is 2.42. What it and Prometheus 3 mean differently is kept out of the
//! queries: no sample and no subquery step lies on the edge of a window (3 leaves the left edge
//! out), every selector has one name (3 drops names later), counters never fall near zero (3
//! extrapolates otherwise), and nothing that jumps (`floor`, `==`) stands over values whose last
//! bit depends on the order of additions. `BONGSU_QUERIES` sets how many, `BONGSU_SEED` which: without
//! it each run asks others, and says its seed. What differed once is asked first, from
//! `tests/promql/differential.txt`; what differs now is written there in its smallest form.

pub(crate) mod generate;
mod server;

use crate::interop::prometheus_queries::generate::{Random, data, query};
use crate::interop::prometheus_queries::server::{Answer, Prometheus};
use crate::promql::memory::Memory;
use bongsu::base::cancel::Cancel;
use bongsu::model::answer::Value;
use bongsu::model::request::PromQuery;
use bongsu::model::time::Steps;
use bongsu::query::promql::{self, eval::Engine};
use std::collections::BTreeMap;

/// Milliseconds; all data lies in the hour after it.
pub(crate) const START: i64 = 1_700_000_000_000;

fn ask_memory(memory: &Memory, expr: &str, steps: Steps, instant: bool) -> Answer {
    let query = PromQuery {
        expr: expr.to_owned(),
        steps,
        instant,
        live: false,
        timeout_ms: None,
        lookback_ms: None,
    };
    let answer = Engine::default().run(memory, &query, &Cancel::never());
    let mut out = BTreeMap::new();
    let flat = |labels: &bongsu::model::labels::Labels| {
        labels
            .iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect()
    };
    match answer.map_err(|e| e.message)?.value {
        Value::Scalar(s) => {
            out.insert(BTreeMap::new(), vec![(s.t, s.v)]);
        }
        Value::Text { .. } => {}
        Value::Vector(points) => {
            for p in points {
                out.insert(flat(&p.labels), vec![(p.sample.t, p.sample.v)]);
            }
        }
        Value::Matrix(series) => {
            for s in series {
                out.insert(
                    flat(&s.labels),
                    s.samples.iter().map(|s| (s.t, s.v)).collect(),
                );
            }
        }
    }
    Ok(out)
}

fn near(a: f64, b: f64) -> bool {
    a == b
        || (a.is_nan() && b.is_nan())
        || (a - b).abs() <= 1e-5_f64.max(1e-7 * a.abs().max(b.abs()))
}

/// What differs, in a sentence.
fn difference(expr: &str, ours: &Answer, theirs: &Answer) -> Option<String> {
    let (ours, theirs) = match (ours, theirs) {
        (Err(_), Err(_)) => return None,
        // Prometheus 3 refuses a clash even where the comparison would have hidden it.
        (Err(e), Ok(_)) if e.contains("multiple matches for labels") => return None,
        (Err(e), Ok(_)) => return Some(format!("only we fail: {e}")),
        (Ok(_), Err(e)) => return Some(format!("only Prometheus fails: {e}")),
        (Ok(a), Ok(b)) => (a, b),
    };
    for (labels, points) in theirs {
        let Some(own) = ours.get(labels) else {
            return Some(format!("{labels:?} is missing, {} points", points.len()));
        };
        let times = |p: &[(i64, f64)]| p.iter().map(|p| p.0).collect::<Vec<_>>();
        if times(own) != times(points) {
            return Some(format!(
                "{labels:?} has points at other times: {} and {}",
                own.len(),
                points.len()
            ));
        }
        // The spread of infinite values is NaN since 3.0, and was 0 where there is only one.
        let spread = expr.contains("std");
        let same = |a: f64, b: f64| near(a, b) || (spread && a.is_nan() && b == 0.0);
        if let Some((a, b)) = own.iter().zip(points).find(|(a, b)| !same(a.1, b.1)) {
            return Some(format!("{labels:?} at {}: we {}, they {}", a.0, a.1, b.1));
        }
    }
    let extra = ours.keys().find(|l| !theirs.contains_key(*l));
    extra.map(|l| format!("{l:?} should not be there"))
}

struct Both {
    memory: Memory,
    server: Prometheus,
}

impl Both {
    fn judge(&self, expr: &str, steps: Steps, instant: bool) -> Option<String> {
        let ours = ask_memory(&self.memory, expr, steps, instant);
        let theirs = self.server.ask(expr, steps, instant);
        difference(expr, &ours, &theirs)
    }

    /// The smallest part of the expression that differs still.
    fn shrink(&self, expr: &str, steps: Steps, instant: bool) -> String {
        let Ok(tree) = promql::parse(expr) else {
            return expr.to_owned();
        };
        for child in tree.children() {
            let part = child.to_string();
            let plain = !matches!(
                child.value_type(),
                promql::ast::ValueType::Range | promql::ast::ValueType::Text
            );
            if plain && self.judge(&part, steps, instant).is_some() {
                return self.shrink(&part, steps, instant);
            }
            // A subquery or range selector by itself: look below it.
            if let promql::ast::Kind::Subquery(s) = &child.kind {
                let part = s.expr.to_string();
                if self.judge(&part, steps, instant).is_some() {
                    return self.shrink(&part, steps, instant);
                }
            }
        }
        expr.to_owned()
    }
}

/// Queries that differed once: `instant START | EXPR` or `range START END STEP | EXPR`, milliseconds.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promql/differential.txt");

struct Case {
    expr: String,
    steps: Steps,
    instant: bool,
}

impl Case {
    fn read(line: &str) -> Option<Self> {
        let (head, expr) = line.split_once(" | ")?;
        let mut words = head.split_whitespace();
        let instant = words.next()? == "instant";
        let numbers: Vec<i64> = words.filter_map(|w| w.parse().ok()).collect();
        let steps = match numbers[..] {
            [at] if instant => Steps::at(at),
            [start, end, step] if !instant => Steps { start, end, step },
            _ => return None,
        };
        Some(Self {
            expr: expr.to_owned(),
            steps,
            instant,
        })
    }

    fn line(&self) -> String {
        let Steps { start, end, step } = self.steps;
        if self.instant {
            format!("instant {start} | {}\n", self.expr)
        } else {
            format!("range {start} {end} {step} | {}\n", self.expr)
        }
    }
}

fn kept() -> Vec<Case> {
    let text = std::fs::read_to_string(KEPT).unwrap();
    let lines = text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|l| Case::read(l).unwrap_or_else(|| panic!("{l} is no case")))
        .collect()
}

/// Writes down what differs, so that it is asked again.
fn keep(case: &Case) {
    let mut text = std::fs::read_to_string(KEPT).unwrap();
    let line = case.line();
    if !text.contains(&line) {
        text.push_str(&line);
        std::fs::write(KEPT, text).unwrap();
    }
}

fn random_case(random: &mut Random) -> Case {
    let instant = random.below(2) == 0;
    let expr = query(random);
    // Whole seconds that are 3 more than a multiple of 10.
    let start = START + 3_000 + 10_000 * (60 + random.below(200) as i64);
    let step = 10_000 * (1 + random.below(12) as i64);
    let steps = Steps {
        start,
        end: start + step * 20,
        step,
    };
    Case {
        expr,
        steps: if instant { Steps::at(start) } else { steps },
        instant,
    }
}

#[test]
fn random_queries_have_one_answer() {
    let number = |name: &str, default: u64| {
        std::env::var(name)
            .ok()
            .and_then(|v| v.parse().ok())
            .unwrap_or(default)
    };
    let now = bongsu::base::clock::Clock::System.now_ms() as u64;
    let (count, seed) = (
        number("BONGSU_QUERIES", 500),
        number("BONGSU_SEED", now % 1_000_000_000),
    );
    println!("differential promql: BONGSU_SEED={seed}");
    let memory = data();
    let Some(server) = Prometheus::start(&memory) else {
        println!("differential promql: skipped, prometheus or promtool is not installed");
        return;
    };
    let both = Both { memory, server };
    let mut random = Random::new(seed);
    let known = kept();
    let again = known.len();
    let new = (0..count).map(|_| random_case(&mut random));
    let mut faults = Vec::new();
    let mut errors = 0;
    for case in known.into_iter().chain(new) {
        let Case {
            expr,
            steps,
            instant,
        } = &case;
        errors += usize::from(ask_memory(&both.memory, expr, *steps, *instant).is_err());
        if let Some(why) = both.judge(expr, *steps, *instant) {
            let small = both.shrink(expr, *steps, *instant);
            let why_small = both.judge(&small, *steps, *instant).unwrap_or(why);
            faults.push(format!(
                "{expr}\n  smallest: {small}\n  {steps:?}: {why_small}"
            ));
            keep(&Case {
                expr: small,
                ..case
            });
        }
    }
    println!(
        "differential promql: {count} queries and {again} of earlier runs, {errors} failed in both, {} differ",
        faults.len()
    );
    let said = faults.join("\n");
    assert!(
        faults.is_empty(),
        "BONGSU_SEED={seed}, written to {KEPT}\n{said}\n"
    );
    assert!(errors < count as usize / 4, "too many of the queries fail");
}
