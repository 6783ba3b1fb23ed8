//! What stands behind and between series: topk, bottomk, comparison, arithmetic.

use crate::model::answer::Series;
use crate::model::sample::Sample;
use crate::query::traceql::ast::{Metrics, Op, SecondStage};
use crate::query::traceql::value::{self, Value};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A number, or series.
enum Side {
    Number(f64),
    Series(Vec<Series>),
}

/// Walks the tree; `next` gives the series of each pipeline, in the order in which they stand.
pub(super) fn evaluate(metrics: &Metrics, next: &mut dyn FnMut() -> Vec<Series>) -> Vec<Series> {
    match side(metrics, next) {
        Side::Series(series) => series,
        Side::Number(_) => Vec::new(),
    }
}

fn side(metrics: &Metrics, next: &mut dyn FnMut() -> Vec<Series>) -> Side {
    match metrics {
        Metrics::Number(v) => Side::Number(*v),
        Metrics::Pipeline { .. } => Side::Series(next()),
        Metrics::Binary { op, lhs, rhs } => {
            let (l, r) = (side(lhs, next), side(rhs, next));
            combined(*op, l, r)
        }
        Metrics::Second(inner, stage) => {
            let series = evaluate(inner, next);
            Side::Series(match stage {
                SecondStage::Top(n) => best(series, *n, true),
                SecondStage::Bottom(n) => best(series, *n, false),
                SecondStage::Compare(op, limit) => compared(series, *op, *limit),
            })
        }
    }
}

fn calculate(op: Op, l: f64, r: f64) -> f64 {
    let value = value::arithmetic(op, &Value::Float(l), &Value::Float(r));
    value.number().unwrap_or(f64::NAN)
}

fn combined(op: Op, lhs: Side, rhs: Side) -> Side {
    let mapped = |series: Vec<Series>, f: &dyn Fn(f64) -> f64| {
        let each = series.into_iter().map(|s| Series {
            labels: s.labels.without_name(),
            samples: s
                .samples
                .iter()
                .map(|p| Sample { t: p.t, v: f(p.v) })
                .collect(),
        });
        Side::Series(each.collect())
    };
    match (lhs, rhs) {
        (Side::Number(l), Side::Number(r)) => Side::Number(calculate(op, l, r)),
        (Side::Series(l), Side::Number(r)) => mapped(l, &|v| calculate(op, v, r)),
        (Side::Number(l), Side::Series(r)) => mapped(r, &|v| calculate(op, l, v)),
        (Side::Series(l), Side::Series(r)) => {
            let mut right: HashMap<_, _> = r
                .into_iter()
                .map(|s| (s.labels.without_name(), s.samples))
                .collect();
            let pair = |s: Series| {
                let labels = s.labels.without_name();
                let other: BTreeMap<i64, f64> =
                    right.remove(&labels)?.iter().map(|p| (p.t, p.v)).collect();
                let both = s.samples.iter().filter_map(|p| {
                    let v = calculate(op, p.v, *other.get(&p.t)?);
                    Some(Sample { t: p.t, v })
                });
                Some(Series {
                    samples: both.collect(),
                    labels,
                })
            };
            Side::Series(l.into_iter().filter_map(pair).collect())
        }
    }
}

fn compared(mut series: Vec<Series>, op: Op, limit: f64) -> Vec<Series> {
    for s in &mut series {
        let holds = |v| value::compare(op, &Value::Float(v), &Value::Float(limit));
        s.samples.retain(|p| holds(p.v));
    }
    series.retain(|s| !s.samples.is_empty());
    series
}

/// At each step the `n` series with the highest (or lowest) values; labels decide between equals.
fn best(mut series: Vec<Series>, n: i64, highest: bool) -> Vec<Series> {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    let mut steps: BTreeMap<i64, Vec<(f64, usize)>> = BTreeMap::new();
    for (i, s) in series.iter().enumerate() {
        for p in s.samples.iter().filter(|p| !p.v.is_nan()) {
            steps.entry(p.t).or_default().push((p.v, i));
        }
    }
    let mut kept: HashSet<(i64, usize)> = HashSet::new();
    for (t, mut values) in steps {
        values.sort_by(|a, b| {
            if highest {
                b.0.total_cmp(&a.0)
            } else {
                a.0.total_cmp(&b.0)
            }
        });
        let n = usize::try_from(n).unwrap_or(0);
        kept.extend(values.iter().take(n).map(|(_, i)| (t, *i)));
    }
    for (i, s) in series.iter_mut().enumerate() {
        s.samples.retain(|p| kept.contains(&(p.t, i)));
    }
    series.retain(|s| !s.samples.is_empty());
    series
}
