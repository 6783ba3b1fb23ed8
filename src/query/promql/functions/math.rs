//! Functions of one value.

use crate::query::promql::eval::ABSENT;
use std::f64::consts::PI;

/// In Go's order of operations, so that the last bit agrees.
pub(crate) fn degrees(v: f64) -> f64 {
    v * 180.0 / PI
}

pub(crate) fn radians(v: f64) -> f64 {
    v * PI / 180.0
}

/// Keeps the sign of zero and of infinities.
pub(crate) fn asinh(v: f64) -> f64 {
    if v.is_infinite() { v } else { v.asinh() }
}

pub(crate) fn sgn(v: f64) -> f64 {
    if v < 0.0 {
        -1.0
    } else if v > 0.0 {
        1.0
    } else {
        v
    }
}

/// NaN bounds make NaN; a lower bound above the upper one gives no point.
pub(crate) fn clamp(v: f64, args: &[f64]) -> f64 {
    let (low, high) = (args[0], args[1]);
    if high < low {
        return ABSENT;
    }
    go_max(low, go_min(high, v))
}

pub(crate) fn clamp_max(v: f64, args: &[f64]) -> f64 {
    go_min(args[0], v)
}

pub(crate) fn clamp_min(v: f64, args: &[f64]) -> f64 {
    go_max(args[0], v)
}

/// As Go's `math.Max`: NaN wins over everything but infinity.
fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

fn go_min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

/// Ties go up. The inverse keeps `round(x, 0.1)` free of the error of 0.1.
pub(crate) fn round(v: f64, args: &[f64]) -> f64 {
    let inverse = 1.0 / args.first().copied().unwrap_or(1.0);
    (v * inverse + 0.5).floor() / inverse
}
