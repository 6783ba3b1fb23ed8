//! Which spans are told behind the series that were made of them.
//!
//! Of each group one span a step is held, the one with the greatest value: it is what a person who
//! follows a peak looks for. Behind counts, whose spans have no value of their own, it is the
//! longest, and it is told at the height of its series.

use crate::model::answer::Series;
use crate::model::exemplar::{Exemplar, ExemplarSeries};
use crate::model::labels::Labels;
use crate::model::span::{Span, SpanId, TraceId};
use crate::model::time::Steps;
use std::collections::{BTreeMap, HashSet};

/// The spans that one group tells, by step.
#[derive(Default)]
pub(super) struct Picked(BTreeMap<u32, Seen>);

#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    trace: TraceId,
    span: SpanId,
    /// Milliseconds since the Unix epoch.
    t: i64,
    value: f64,
    duration: u64,
    step: u32,
}

/// A span that was picked, with the labels of its group.
pub(super) struct Told {
    pub(super) group: Labels,
    /// The series count spans: the value is theirs.
    pub(super) is_counted: bool,
    pub(super) seen: Seen,
}

impl Picked {
    /// Holds it where its step has none that is greater. Steps beyond `most` give way, the oldest
    /// first.
    pub(super) fn offer(&mut self, span: &Span, value: f64, step: u32, most: usize) {
        let seen = Seen {
            trace: span.trace,
            span: span.id,
            t: i64::try_from(span.start / 1_000_000).unwrap_or(i64::MAX),
            value,
            duration: span.duration(),
            step,
        };
        match self.0.get_mut(&step) {
            Some(held) if (held.value, held.duration) < (value, seen.duration) => *held = seen,
            Some(_) => {}
            None => {
                self.0.insert(step, seen);
                if self.0.len() > most {
                    self.0.pop_first();
                }
            }
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Seen> {
        self.0.values().copied()
    }
}

/// Gives each span to the series of its group: of several quantiles or buckets, to the lowest that
/// is not below it at its step. Spans whose series a later stage took away are not told.
pub(super) fn attach(
    series: &[Series],
    mut told: Vec<Told>,
    steps: Steps,
    most: usize,
) -> Vec<ExemplarSeries> {
    told.sort_by_key(|t| (t.seen.t, t.seen.span));
    let every = told.len().div_ceil(most.max(1)).max(1);
    let mut out: BTreeMap<usize, Vec<Exemplar>> = BTreeMap::new();
    let mut done = HashSet::new();
    for Told {
        group,
        is_counted,
        seen,
    } in told.into_iter().step_by(every)
    {
        let Some((at, height)) = home(series, &group, &seen, steps) else {
            continue;
        };
        let value = if is_counted { height } else { seen.value };
        if done.insert((at, seen.trace, seen.span)) {
            let exemplar = Exemplar::of_span(seen.trace, seen.span, value, seen.t);
            out.entry(at).or_default().push(exemplar);
        }
    }
    let named = out.into_iter().map(|(at, exemplars)| ExemplarSeries {
        labels: series[at].labels.clone(),
        exemplars,
    });
    named.collect()
}

/// The place of a span's series, and the series' value at the span's step.
fn home(series: &[Series], group: &Labels, seen: &Seen, steps: Steps) -> Option<(usize, f64)> {
    let t = (steps.start + i64::from(seen.step) * steps.step).min(steps.end);
    let mut best: Option<(usize, f64, f64)> = None;
    for (i, s) in series.iter().enumerate() {
        if !group.iter().all(|(n, v)| s.labels.get(n) == v) {
            continue;
        }
        let Some(point) = s.samples.iter().find(|p| p.t == t) else {
            continue;
        };
        // A bucket's bound is what it is called by, a quantile's the value it has there.
        let bound = s.labels.get("__bucket").parse().unwrap_or(point.v);
        let better = best.is_none_or(|(_, _, b)| match (bound >= seen.value, b >= seen.value) {
            (true, true) => bound < b,
            (fits, false) => fits || bound > b,
            (false, true) => false,
        });
        if better {
            best = Some((i, point.v, bound));
        }
    }
    best.map(|(i, v, _)| (i, v))
}
