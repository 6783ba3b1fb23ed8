//! Series out of spans: `rate()` and its like, counted in steps.
//!
//! A span counts in the step in which it starts: the step that ends at time `t` covers what is
//! later than the end of the step before, up to `t`. Durations are told in seconds. Quantiles come
//! of buckets whose bounds are powers of two, with exponential interpolation, as Tempo's do.

mod accumulate;
mod compare;
mod exemplars;
mod second;

use crate::model::answer::Series;
use crate::model::exemplar::ExemplarSeries;
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::model::span::Trace;
use crate::model::time::Steps;
use crate::query::traceql::ast::{Field, Metrics, MetricsFunction, Pipeline};
use crate::query::traceql::eval::{self, Program};
use crate::query::traceql::parse::{ParseError, Parsed};
use crate::query::traceql::relate::Tree;
use accumulate::Cell;
use compare::Comparison;
use exemplars::{Picked, Told};
use std::collections::BTreeMap;
use std::collections::HashMap;

/// Series that one query may make.
pub const MAX_SERIES: usize = 10_000;

/// Groups of which spans are told.
const MOST_SEEN: usize = 500;

/// Values of the labels of a series, in the order of `by`.
type Key = Vec<String>;

/// One `{..} | rate() by (..)` of a query, being counted.
struct Counter {
    program: Program,
    function: MetricsFunction,
    by: Vec<Field>,
    cells: HashMap<Key, BTreeMap<u32, Cell>>,
    comparison: Option<Comparison>,
    /// Spans to tell of each series at most.
    most_seen: usize,
    seen: HashMap<Key, Picked>,
}

/// A query that answers with series, fed with one trace after the other.
pub struct Run {
    tree: Metrics,
    steps: Steps,
    counters: Vec<Counter>,
    exemplars: usize,
}

impl Run {
    /// At most `exemplars` spans are told of all series together.
    pub fn new(metrics: &Metrics, steps: Steps, exemplars: usize) -> Parsed<Self> {
        let mut counters = Vec::new();
        collect(metrics, &mut counters)?;
        for counter in &mut counters {
            counter.most_seen = exemplars;
        }
        Ok(Self {
            tree: metrics.clone(),
            steps,
            counters,
            exemplars,
        })
    }

    /// The pipelines whose traces are wanted.
    pub fn pipelines(metrics: &Metrics) -> Vec<&Pipeline> {
        match metrics {
            Metrics::Number(_) => Vec::new(),
            Metrics::Pipeline { spans, .. } => vec![spans],
            Metrics::Binary { lhs, rhs, .. } => {
                let mut all = Self::pipelines(lhs);
                all.extend(Self::pipelines(rhs));
                all
            }
            Metrics::Second(inner, _) => Self::pipelines(inner),
        }
    }

    /// Counts a trace. Fails where the series become too many.
    pub fn add(&mut self, trace: &Trace) -> Parsed<()> {
        let tree = Tree::new(trace);
        for counter in &mut self.counters {
            for set in counter.program.run(&tree) {
                for span in set.spans {
                    if let Some(step) = step(self.steps, tree.span(span).start) {
                        counter.count(&tree, span, step);
                    }
                }
            }
            if counter.cells.len() > MAX_SERIES {
                return Err(ParseError::whole(format!(
                    "the query makes more than {MAX_SERIES} series; group by something with fewer values"
                )));
            }
        }
        Ok(())
    }

    /// The series, sorted by their labels, and the spans that were picked behind them.
    pub fn finish(self) -> (Vec<Series>, Vec<ExemplarSeries>) {
        let steps = self.steps;
        let told: Vec<Told> = self.counters.iter().flat_map(Counter::told).collect();
        let mut counters = self.counters.into_iter();
        let mut series = second::evaluate(&self.tree, &mut || {
            counters.next().map(|c| c.finish(steps)).unwrap_or_default()
        });
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        let exemplars = exemplars::attach(&series, told, steps, self.exemplars);
        (series, exemplars)
    }
}

fn collect(metrics: &Metrics, out: &mut Vec<Counter>) -> Parsed<()> {
    match metrics {
        Metrics::Number(_) => Ok(()),
        Metrics::Pipeline {
            spans,
            function,
            by,
        } => {
            out.push(Counter {
                program: Program::new(spans)?,
                comparison: Comparison::new(function)?,
                function: function.clone(),
                by: by.clone(),
                cells: HashMap::new(),
                most_seen: 0,
                seen: HashMap::new(),
            });
            Ok(())
        }
        Metrics::Binary { lhs, rhs, .. } => {
            collect(lhs, out)?;
            collect(rhs, out)
        }
        Metrics::Second(inner, _) => collect(inner, out),
    }
}

/// The number of the step that a time in nanoseconds falls into.
fn step(steps: Steps, nanoseconds: u64) -> Option<u32> {
    let t = i64::try_from(nanoseconds / 1_000_000).ok()?;
    let since = t.checked_sub(steps.start)?.checked_add(steps.step)?;
    if since <= 0 || t > steps.end {
        return None;
    }
    u32::try_from((since - 1) / steps.step).ok()
}

impl Counter {
    fn count(&mut self, tree: &Tree<'_>, span: u32, step: u32) {
        if let Some(comparison) = &mut self.comparison {
            comparison.add(tree, span, step);
            return;
        }
        let number = match &self.function {
            MetricsFunction::Rate | MetricsFunction::CountOverTime => Some(1.0),
            MetricsFunction::OverTime(_, f)
            | MetricsFunction::Quantile(f, _)
            | MetricsFunction::Histogram(f) => accumulate::number(f, tree, span),
            MetricsFunction::Compare { .. } => None,
        };
        let Some(number) = number else {
            return;
        };
        let key: Key = self.by.iter().map(|f| eval::label(f, tree, span)).collect();
        if self.most_seen > 0 && (self.seen.len() < MOST_SEEN || self.seen.contains_key(&key)) {
            let seen = self.seen.entry(key.clone()).or_default();
            seen.offer(tree.span(span), number, step, self.most_seen);
        }
        let cells = self.cells.entry(key).or_default();
        cells.entry(step).or_default().add(number, &self.function);
    }

    /// What was picked, with the labels that its group has in every series made of it.
    fn told(&self) -> impl Iterator<Item = Told> {
        let names: Vec<String> = self.by.iter().map(ToString::to_string).collect();
        let is_counted = matches!(
            self.function,
            MetricsFunction::Rate | MetricsFunction::CountOverTime
        );
        self.seen.iter().flat_map(move |(key, picked)| {
            let pairs = names.iter().map(String::as_str);
            let group: Vec<(&str, &str)> = pairs.zip(key.iter().map(String::as_str)).collect();
            let group = labelled(&group);
            let told = picked.all().map(move |seen| Told {
                group: group.clone(),
                is_counted,
                seen,
            });
            told.collect::<Vec<_>>()
        })
    }

    fn finish(self, steps: Steps) -> Vec<Series> {
        if let Some(comparison) = self.comparison {
            return comparison.finish(steps);
        }
        let mut out = Vec::new();
        let names: Vec<String> = self.by.iter().map(ToString::to_string).collect();
        for (key, cells) in &self.cells {
            let base: Vec<(&str, &str)> = names
                .iter()
                .zip(key)
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            out.extend(accumulate::series(&self.function, &base, cells, steps));
        }
        out
    }
}

/// One sample at the end of a step.
fn sample(steps: Steps, step: u32, v: f64) -> Sample {
    let t = steps.start + i64::from(step) * steps.step;
    Sample {
        t: t.min(steps.end),
        v,
    }
}

fn labelled(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}
