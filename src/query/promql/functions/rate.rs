//! Growth of counters and differences of gauges.

use crate::query::promql::eval::ABSENT;
use crate::query::promql::functions::window::Window;

pub(crate) fn rate(w: &Window<'_>) -> f64 {
    extrapolated(w, true, true)
}

pub(crate) fn increase(w: &Window<'_>) -> f64 {
    extrapolated(w, true, false)
}

pub(crate) fn delta(w: &Window<'_>) -> f64 {
    extrapolated(w, false, false)
}

/// [`ABSENT`] where there are fewer than two samples.
///
/// The difference between first and last sample, extended to the edges of the window where a
/// sample is near enough that the series must have reached them: 1.1 times the mean distance.
/// Source: Prometheus' `extrapolatedRate`.
fn extrapolated(w: &Window<'_>, counter: bool, per_second: bool) -> f64 {
    if w.len() < 2 {
        return ABSENT;
    }
    let (times, values) = (w.times(), w.values());
    let last = values.len() - 1;
    let mut result = values[last] - values[0];
    if counter {
        for i in w.resets() {
            result += w.all_values[*i as usize - 1];
        }
    }
    let mut to_start = (times[0] - w.from) as f64 / 1000.0;
    let mut to_end = (w.to - times[last]) as f64 / 1000.0;
    let sampled = (times[last] - times[0]) as f64 / 1000.0;
    let mean = sampled / last as f64;
    let near = mean * 1.1;
    if to_start >= near {
        to_start = mean / 2.0;
    }
    if counter && result > 0.0 && values[0] >= 0.0 {
        // A counter does not start below zero.
        let to_zero = sampled * (values[0] / result);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= near {
        to_end = mean / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if per_second {
        factor /= (w.to - w.from) as f64 / 1000.0;
    }
    result * factor
}

pub(crate) fn irate(w: &Window<'_>) -> f64 {
    instant(w, true)
}

pub(crate) fn idelta(w: &Window<'_>) -> f64 {
    instant(w, false)
}

/// The last two samples only.
fn instant(w: &Window<'_>, counter: bool) -> f64 {
    if w.len() < 2 {
        return ABSENT;
    }
    let (times, values) = (w.times(), w.values());
    let last = values.len() - 1;
    let between = times[last] - times[last - 1];
    if between == 0 {
        return ABSENT;
    }
    let reset = counter && values[last] < values[last - 1];
    let result = if reset {
        values[last]
    } else {
        values[last] - values[last - 1]
    };
    if counter {
        result / (between as f64 / 1000.0)
    } else {
        result
    }
}
