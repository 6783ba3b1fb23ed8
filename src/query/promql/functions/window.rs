//! Functions over the samples of a range: `*_over_time`, `deriv`, `predict_linear`, `changes`.
//!
//! A window is `(from, to]`. Sums carry a correction (Neumaier), as Prometheus' do, so that large
//! and small values may meet.

use crate::query::promql::eval::ABSENT;

/// What is worked out once per series, so that windows that overlap share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prepare {
    Nothing,
    /// Where a counter fell.
    Resets,
    /// Running sums, where they are exact.
    Sums,
}

/// Samples of one series with what was prepared.
#[derive(Default)]
pub(crate) struct Prepared {
    /// Indexes `i` with `values[i] < values[i - 1]`.
    pub(crate) resets: Vec<u32>,
    /// `sums[i]` is the sum of the first `i` values; empty where that would not be exact.
    pub(crate) sums: Vec<f64>,
}

impl Prepared {
    pub(crate) fn prepare(&mut self, what: Prepare, values: &[f64]) {
        self.resets.clear();
        self.sums.clear();
        match what {
            Prepare::Nothing => {}
            Prepare::Resets => {
                let falls = values.windows(2).enumerate().filter(|(_, w)| w[1] < w[0]);
                self.resets.extend(falls.map(|(i, _)| i as u32 + 1));
            }
            Prepare::Sums => self.prefix_sums(values),
        }
    }

    /// Sums of whole numbers stay exact below 2^53: then a window's sum is one subtraction.
    fn prefix_sums(&mut self, values: &[f64]) {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let (mut sum, mut size) = (0.0, 0.0);
        self.sums.push(0.0);
        for v in values {
            sum += v;
            size += v.abs();
            // NaN fails both comparisons as well.
            if !(size < EXACT && v.fract() == 0.0) {
                self.sums.clear();
                return;
            }
            self.sums.push(sum);
        }
    }
}

/// The samples `lo..hi` of a series, never empty.
pub(crate) struct Window<'w> {
    pub(crate) all_times: &'w [i64],
    pub(crate) all_values: &'w [f64],
    pub(crate) lo: usize,
    pub(crate) hi: usize,
    /// Milliseconds; samples are later than `from` and not later than `to`.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// The step's own time.
    pub(crate) at: i64,
    pub(crate) args: [f64; 2],
    pub(crate) prepared: &'w Prepared,
}

impl Window<'_> {
    pub(crate) fn times(&self) -> &[i64] {
        &self.all_times[self.lo..self.hi]
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.all_values[self.lo..self.hi]
    }

    pub(crate) fn len(&self) -> usize {
        self.hi - self.lo
    }

    /// The indexes of falls between two samples of the window.
    pub(crate) fn resets(&self) -> &[u32] {
        let all = &self.prepared.resets;
        if all.is_empty() {
            return all;
        }
        let start = all.partition_point(|i| (*i as usize) <= self.lo);
        let end = all.partition_point(|i| (*i as usize) < self.hi);
        &all[start.min(end)..end]
    }

    fn exact_sum(&self) -> Option<f64> {
        let sums = &self.prepared.sums;
        (!sums.is_empty()).then(|| sums[self.hi] - sums[self.lo])
    }
}

/// One step of Neumaier's summation.
#[inline]
pub(crate) fn add(inc: f64, sum: f64, c: f64) -> (f64, f64) {
    let t = sum + inc;
    let c = if t.is_infinite() {
        0.0
    } else if sum.abs() >= inc.abs() {
        c + ((sum - t) + inc)
    } else {
        c + ((inc - t) + sum)
    };
    (t, c)
}

pub(crate) fn sum(w: &Window<'_>) -> f64 {
    if let Some(sum) = w.exact_sum() {
        return sum;
    }
    let (mut sum, mut c) = (0.0, 0.0);
    for v in w.values() {
        (sum, c) = add(*v, sum, c);
    }
    if f64::is_infinite(sum) { sum } else { sum + c }
}

/// The sum by the count; where the sum would overflow, a running mean.
pub(crate) fn avg(w: &Window<'_>) -> f64 {
    if let Some(sum) = w.exact_sum() {
        return sum / w.len() as f64;
    }
    let values = w.values();
    let mut mean = Mean::new(values[0]);
    for v in &values[1..] {
        mean.push(*v);
    }
    mean.value()
}

/// A mean that grows value by value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mean {
    /// The sum, or, once that overflowed, the mean.
    value: f64,
    c: f64,
    count: f64,
    running: bool,
}

impl Mean {
    pub(crate) fn new(first: f64) -> Self {
        Self {
            value: first,
            c: 0.0,
            count: 1.0,
            running: false,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, v: f64) {
        self.count += 1.0;
        if !self.running {
            let (sum, c) = add(v, self.value, self.c);
            if !sum.is_infinite() {
                (self.value, self.c) = (sum, c);
                return;
            }
            self.running = true;
            self.value /= self.count - 1.0;
            self.c /= self.count - 1.0;
        }
        let q = (self.count - 1.0) / self.count;
        (self.value, self.c) = add(v / self.count, q * self.value, q * self.c);
    }

    pub(crate) fn value(self) -> f64 {
        if self.running {
            self.value + self.c
        } else {
            self.value / self.count + self.c / self.count
        }
    }
}

pub(crate) fn count(w: &Window<'_>) -> f64 {
    w.len() as f64
}

pub(crate) fn present(_: &Window<'_>) -> f64 {
    1.0
}

pub(crate) fn first(w: &Window<'_>) -> f64 {
    w.values()[0]
}

pub(crate) fn last(w: &Window<'_>) -> f64 {
    w.values()[w.len() - 1]
}

/// NaN only where there is nothing else.
pub(crate) fn max(w: &Window<'_>) -> f64 {
    w.values().iter().copied().fold(f64::NAN, f64::max)
}

pub(crate) fn min(w: &Window<'_>) -> f64 {
    w.values().iter().copied().fold(f64::NAN, f64::min)
}

/// The index of the last value that `better` prefers to all before.
fn place_of(w: &Window<'_>, better: fn(f64, f64) -> bool) -> f64 {
    let (values, times) = (w.values(), w.times());
    let mut best = 0;
    for (i, v) in values.iter().enumerate() {
        if better(*v, values[best]) || values[best].is_nan() {
            best = i;
        }
    }
    times[best] as f64 / 1000.0
}

pub(crate) fn ts_of_max(w: &Window<'_>) -> f64 {
    place_of(w, |a, b| a >= b)
}

pub(crate) fn ts_of_min(w: &Window<'_>) -> f64 {
    place_of(w, |a, b| a <= b)
}

pub(crate) fn ts_of_first(w: &Window<'_>) -> f64 {
    w.times()[0] as f64 / 1000.0
}

pub(crate) fn ts_of_last(w: &Window<'_>) -> f64 {
    w.times()[w.len() - 1] as f64 / 1000.0
}

fn variance(values: &[f64]) -> f64 {
    let mut count = 0.0;
    let (mut mean, mut c_mean) = (0.0, 0.0);
    let (mut aux, mut c_aux) = (0.0, 0.0);
    for v in values {
        count += 1.0;
        let delta = v - (mean + c_mean);
        (mean, c_mean) = add(delta / count, mean, c_mean);
        (aux, c_aux) = add(delta * (v - (mean + c_mean)), aux, c_aux);
    }
    (aux + c_aux) / count
}

pub(crate) fn stdvar(w: &Window<'_>) -> f64 {
    variance(w.values())
}

pub(crate) fn stddev(w: &Window<'_>) -> f64 {
    variance(w.values()).sqrt()
}

pub(crate) fn changes(w: &Window<'_>) -> f64 {
    let changed = |p: &&[f64]| p[0] != p[1] && !(p[0].is_nan() && p[1].is_nan());
    w.values().windows(2).filter(changed).count() as f64
}

pub(crate) fn resets(w: &Window<'_>) -> f64 {
    w.values().windows(2).filter(|p| p[1] < p[0]).count() as f64
}

/// The quantile of unsorted values, interpolated; NaN sorts below everything. `values` is sorted
/// on the way.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        _ => a.total_cmp(b),
    });
    let rank = q * (values.len() as f64 - 1.0);
    let low = rank.floor().max(0.0) as usize;
    let high = (low + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[low] * (1.0 - weight) + values[high] * weight
}

pub(crate) fn quantile_over(w: &Window<'_>) -> f64 {
    quantile(w.args[0], &mut w.values().to_vec())
}

pub(crate) fn mad(w: &Window<'_>) -> f64 {
    let mut values = w.values().to_vec();
    let median = quantile(0.5, &mut values);
    let mut off: Vec<f64> = w.values().iter().map(|v| (v - median).abs()).collect();
    quantile(0.5, &mut off)
}

/// Slope per second and value at `at`, by least squares.
fn regression(times: &[i64], values: &[f64], at: i64) -> (f64, f64) {
    let first = values[0];
    if values.iter().all(|v| *v == first) {
        if first.is_infinite() {
            return (f64::NAN, f64::NAN);
        }
        return (0.0, first);
    }
    let n = values.len() as f64;
    let (mut sx, mut cx, mut sy, mut cy) = (0.0, 0.0, 0.0, 0.0);
    let (mut sxy, mut cxy, mut sxx, mut cxx) = (0.0, 0.0, 0.0, 0.0);
    for (t, y) in times.iter().zip(values) {
        let x = (t - at) as f64 / 1e3;
        (sx, cx) = add(x, sx, cx);
        (sy, cy) = add(*y, sy, cy);
        (sxy, cxy) = add(x * y, sxy, cxy);
        (sxx, cxx) = add(x * x, sxx, cxx);
    }
    let (sx, sy, sxy, sxx) = (sx + cx, sy + cy, sxy + cxy, sxx + cxx);
    let slope = (sxy - sx * sy / n) / (sxx - sx * sx / n);
    (slope, sy / n - slope * sx / n)
}

pub(crate) fn deriv(w: &Window<'_>) -> f64 {
    if w.len() < 2 {
        return ABSENT;
    }
    // A time near the samples keeps the sums small.
    regression(w.times(), w.values(), w.times()[0]).0
}

pub(crate) fn predict_linear(w: &Window<'_>) -> f64 {
    if w.len() < 2 {
        return ABSENT;
    }
    let (slope, now) = regression(w.times(), w.values(), w.at);
    slope * w.args[0] + now
}

/// Double exponential smoothing (Holt): level and trend. The factors are checked by the caller.
pub(crate) fn smoothing(w: &Window<'_>) -> f64 {
    let values = w.values();
    if values.len() < 2 {
        return ABSENT;
    }
    let (sf, tf) = (w.args[0], w.args[1]);
    let (mut before, mut level) = (0.0, values[0]);
    let mut trend = values[1] - values[0];
    for (i, v) in values.iter().enumerate().skip(1) {
        if i > 1 {
            trend = tf * (level - before) + (1.0 - tf) * trend;
        }
        let next = sf * v + (1.0 - sf) * (level + trend);
        (before, level) = (level, next);
    }
    level
}
