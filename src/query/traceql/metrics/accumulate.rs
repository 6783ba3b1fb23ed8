//! What is kept of one series in one step, and what a function makes of it.

use crate::model::answer::Series;
use crate::model::time::Steps;
use crate::query::traceql::ast::{Field, MetricsFunction, Statistic};
use crate::query::traceql::eval;
use crate::query::traceql::metrics::{labelled, sample};
use crate::query::traceql::relate::Tree;
use crate::query::traceql::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One step of one series.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    /// By the exponent of two that bounds them from above: how many values.
    buckets: BTreeMap<i32, u64>,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            buckets: BTreeMap::new(),
        }
    }
}

impl Cell {
    pub(super) fn add(&mut self, v: f64, function: &MetricsFunction) {
        self.count += 1;
        self.sum += v;
        self.min = self.min.min(v);
        self.max = self.max.max(v);
        let bucketed = matches!(
            function,
            MetricsFunction::Quantile(..) | MetricsFunction::Histogram(_)
        );
        if bucketed && v > 0.0 && v.is_finite() {
            *self.buckets.entry(v.log2().ceil() as i32).or_default() += 1;
        }
    }

    fn statistic(&self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::Min => self.min,
            Statistic::Max => self.max,
            Statistic::Avg => self.sum / self.count as f64,
            Statistic::Sum => self.sum,
        }
    }

    /// Between the bounds of the bucket in which the rank falls, exponentially.
    fn quantile(&self, q: f64) -> Option<f64> {
        let total: u64 = self.buckets.values().sum();
        let rank = (q * total as f64).max(1.0).min(total as f64);
        let mut below = 0.0;
        for (exponent, n) in &self.buckets {
            if below + *n as f64 >= rank {
                let part = (rank - below) / *n as f64;
                return Some(2f64.powf(f64::from(*exponent) - 1.0 + part));
            }
            below += *n as f64;
        }
        None
    }
}

/// A field as a number; durations in seconds.
pub(super) fn number(field: &Field, tree: &Tree<'_>, span: u32) -> Option<f64> {
    match eval::value(field, tree, span) {
        Value::Duration(d) => Some(d as f64 / 1e9),
        other => other.number(),
    }
}

/// The series that a function makes of one group.
pub(super) fn series(
    function: &MetricsFunction,
    base: &[(&str, &str)],
    cells: &BTreeMap<u32, Cell>,
    steps: Steps,
) -> Vec<Series> {
    let seconds = steps.step as f64 / 1000.0;
    let one = |extra: &[(&str, &str)], samples| Series {
        labels: labelled(&[base, extra].concat()),
        samples,
    };
    // A count is 0 where nothing happened.
    let counted = |scale: f64| {
        let samples = (0..steps.count() as u32).map(|i| {
            let n = cells.get(&i).map_or(0, |c| c.count);
            sample(steps, i, n as f64 * scale)
        });
        let late = cells.range(steps.count() as u32..);
        let late = late.map(|(i, c)| sample(steps, *i, c.count as f64 * scale));
        samples.chain(late).collect()
    };
    let name = |word| {
        if base.is_empty() {
            vec![("__name__", word)]
        } else {
            Vec::new()
        }
    };
    match function {
        MetricsFunction::Rate => vec![one(&name("rate"), counted(1.0 / seconds))],
        MetricsFunction::CountOverTime => vec![one(&name("count_over_time"), counted(1.0))],
        MetricsFunction::OverTime(statistic, _) => {
            let samples = cells
                .iter()
                .map(|(i, c)| sample(steps, *i, c.statistic(*statistic)));
            let word = match statistic {
                Statistic::Min => "min_over_time",
                Statistic::Max => "max_over_time",
                Statistic::Avg => "avg_over_time",
                Statistic::Sum => "sum_over_time",
            };
            vec![one(&name(word), samples.collect())]
        }
        MetricsFunction::Quantile(_, quantiles) => {
            let each = quantiles.iter().map(|q| {
                let at = |(i, c): (&u32, &Cell)| Some(sample(steps, *i, c.quantile(*q)?));
                one(
                    &[("p", &q.to_string())],
                    cells.iter().filter_map(at).collect(),
                )
            });
            each.collect()
        }
        MetricsFunction::Histogram(_) => {
            let exponents: BTreeSet<i32> = cells
                .values()
                .flat_map(|c| c.buckets.keys().copied())
                .collect();
            let each = exponents.into_iter().map(|e| {
                let at =
                    |(i, c): (&u32, &Cell)| Some(sample(steps, *i, *c.buckets.get(&e)? as f64));
                let bound = 2f64.powi(e).to_string();
                one(
                    &[("__bucket", &bound)],
                    cells.iter().filter_map(at).collect(),
                )
            });
            each.collect()
        }
        MetricsFunction::Compare { .. } => Vec::new(),
    }
}
