//! A classic histogram whose bounds double, with the newest observation of each bucket.

use crate::collect::span_metrics::{Lines, named};
use crate::model::exemplar::Exemplar;
use crate::model::span::{Span, SpanId, TraceId};

pub(super) struct Histogram {
    bounds: Vec<f64>,
    /// By bound, and one more for what is above all.
    counts: Vec<u64>,
    sum: f64,
    /// By bucket: what was observed since the last round.
    newest: Vec<Option<(Seen, f64)>>,
}

/// Where an observation was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    trace: TraceId,
    span: SpanId,
    /// Milliseconds since the Unix epoch.
    t: i64,
}

impl Seen {
    /// At the span's end, and never later than now: a clock that is ahead would keep all that
    /// follow out of the ring.
    pub(super) fn of(span: &Span, now_ms: i64) -> Self {
        let end = i64::try_from(span.end / 1_000_000).unwrap_or(i64::MAX);
        Self {
            trace: span.trace,
            span: span.id,
            t: end.min(now_ms),
        }
    }
}

impl Histogram {
    pub(super) fn new((first, count): (f64, usize)) -> Self {
        let bounds: Vec<f64> = (0..count)
            .map(|i| first * f64::powi(2.0, i as i32))
            .collect();
        Self {
            counts: vec![0; bounds.len() + 1],
            newest: vec![None; bounds.len() + 1],
            bounds,
            sum: 0.0,
        }
    }

    pub(super) fn add(&mut self, v: f64, seen: Seen) {
        let at = self.bounds.partition_point(|b| *b < v);
        self.counts[at] += 1;
        self.sum += v;
        if self.newest[at].is_none_or(|(s, _)| s.t <= seen.t) {
            self.newest[at] = Some((seen, v));
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// `NAME_bucket`, `NAME_sum` and `NAME_count`; what was observed since the last call beside the
    /// buckets.
    pub(super) fn lines(&mut self, name: &str, base: &[(&str, &str)], out: &mut Lines) {
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (i, n) in self.counts.iter().enumerate() {
            below += n;
            let le = self
                .bounds
                .get(i)
                .map_or_else(|| "+Inf".to_owned(), ToString::to_string);
            let labels = [base, &[("le", le.as_str())]].concat();
            let labels = named(&bucket, &labels);
            if let Some((seen, v)) = self.newest[i].take() {
                let exemplar = Exemplar::of_span(seen.trace, seen.span, v, seen.t);
                out.exemplars.push((labels.clone(), exemplar));
            }
            out.push(labels, below as f64);
        }
        out.push(named(&format!("{name}_sum"), base), self.sum);
        out.push(named(&format!("{name}_count"), base), self.count() as f64);
    }
}
