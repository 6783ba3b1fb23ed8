//! What the lines of one window add up to.

use crate::query::logql::ast::RangeOp;

/// The growing result of one series in one window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gather {
    count: f64,
    /// A sum, a mean, an extreme, or the value of the first or last line.
    value: f64,
    /// Squares of distances from the mean.
    squares: f64,
    t: i64,
}

impl Gather {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0.0
    }

    /// Lines come in order of time.
    pub(super) fn add(&mut self, op: RangeOp, t: i64, v: f64) {
        let first = self.count == 0.0;
        self.count += 1.0;
        match op {
            RangeOp::Count | RangeOp::Absent => {}
            RangeOp::Rate | RangeOp::BytesRate | RangeOp::Bytes | RangeOp::Sum => self.value += v,
            RangeOp::Avg => self.mean(v, first),
            RangeOp::Min if first || v < self.value || self.value.is_nan() => self.value = v,
            RangeOp::Max if first || v > self.value || self.value.is_nan() => self.value = v,
            RangeOp::First if first => (self.value, self.t) = (v, t),
            RangeOp::Last if first || t >= self.t => (self.value, self.t) = (v, t),
            RangeOp::Stddev | RangeOp::Stdvar => {
                // Welford.
                let delta = v - self.value;
                self.value += delta / self.count;
                self.squares += delta * (v - self.value);
            }
            _ => {}
        }
    }

    /// So many lines with so many bytes in all, for what only counts.
    pub(super) fn add_many(&mut self, op: RangeOp, lines: u64, bytes: u64) {
        self.count += lines as f64;
        match op {
            RangeOp::Rate => self.value += lines as f64,
            RangeOp::Bytes | RangeOp::BytesRate => self.value += bytes as f64,
            _ => {}
        }
    }

    /// Incremental, so that large values do not overflow; infinities stay what they are.
    fn mean(&mut self, v: f64, first: bool) {
        if first {
            self.value = v;
            return;
        }
        if self.value.is_infinite() {
            let same = v.is_infinite() && (self.value > 0.0) == (v > 0.0);
            if same || (!v.is_infinite() && !v.is_nan()) {
                return;
            }
        }
        self.value += v / self.count - self.value / self.count;
    }

    /// `seconds` is the length of the window.
    pub(super) fn result(&self, op: RangeOp, seconds: f64) -> f64 {
        match op {
            RangeOp::Count => self.count,
            RangeOp::Rate | RangeOp::BytesRate => self.value / seconds,
            RangeOp::Stdvar => self.squares / self.count,
            RangeOp::Stddev => (self.squares / self.count).sqrt(),
            RangeOp::Absent => 1.0,
            _ => self.value,
        }
    }
}

/// Linear between the two nearest; below 0 and above 1 there is nothing.
pub(super) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(f64::total_cmp);
    let rank = q * (values.len() - 1) as f64;
    let low = rank.floor() as usize;
    let high = (low + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[low] * (1.0 - weight) + values[high] * weight
}

/// A counter's increase per second with its resets, carried to the ends of the window as
/// Prometheus does; fewer than two samples give 0. `from` and `to` bound the window.
pub(super) fn counter_rate(samples: &[(i64, f64)], from: i64, to: i64) -> f64 {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return 0.0;
    };
    if samples.len() < 2 {
        return 0.0;
    }
    let mut increase = last.1 - first.1;
    let mut before = first.1;
    for (_, v) in samples {
        if *v < before {
            increase += before;
        }
        before = *v;
    }
    let seconds = |ns: i64| ns as f64 / 1e9;
    let sampled = seconds(last.0 - first.0);
    let between = sampled / (samples.len() - 1) as f64;
    let mut to_start = seconds(first.0 - from);
    let to_end = seconds(to - last.0);
    let reach = between * 1.1;
    if to_start >= reach {
        to_start = between / 2.0;
    }
    if increase > 0.0 && first.1 >= 0.0 {
        // A counter does not begin below zero.
        to_start = to_start.min(sampled * (first.1 / increase));
    }
    let mut length = sampled + to_start;
    length += if to_end < reach {
        to_end
    } else {
        between / 2.0
    };
    if sampled == 0.0 {
        return 0.0;
    }
    increase * (length / sampled) / seconds(to - from)
}
