//! From samples to dot columns: lowest and highest per column, so that no spike is averaged away.

use crate::model::sample::Sample;
use crate::model::time::TimeRange;
use crate::tui::widget::axis::Window;

/// What one series shows in one dot column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) first: f64,
    pub(super) last: f64,
    /// The line comes from the column before that has samples; else a gap lies between.
    pub(super) joined: bool,
}

/// Last, lowest, mean and highest value inside a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) last: Option<f64>,
    pub(crate) min: f64,
    pub(crate) mean: f64,
    pub(crate) max: f64,
}

/// The samples that lie in the window.
pub(super) fn inside(samples: &[Sample], window: Window) -> &[Sample] {
    let from = samples.partition_point(|s| s.t <= window.start);
    let to = samples.partition_point(|s| s.t <= window.end());
    &samples[from..to.max(from)]
}

/// Columns of one series. Samples further apart than `gap` milliseconds are not joined; those that
/// stand in one of the `holes` were not collected then, but carried forward, and are left out.
pub(super) fn columns(
    samples: &[Sample],
    window: Window,
    gap: i64,
    holes: &[TimeRange],
) -> Vec<Option<Column>> {
    let mut out: Vec<Option<Column>> = vec![None; window.columns];
    let mut before: Option<i64> = None;
    for s in inside(samples, window) {
        if !s.v.is_finite() || holes.iter().any(|h| h.start < s.t && s.t < h.end) {
            before = None;
            continue;
        }
        let Some(at) = window.column_of(s.t) else {
            continue;
        };
        match &mut out[at] {
            Some(column) => {
                column.min = column.min.min(s.v);
                column.max = column.max.max(s.v);
                column.last = s.v;
            }
            empty => {
                *empty = Some(Column {
                    min: s.v,
                    max: s.v,
                    first: s.v,
                    last: s.v,
                    joined: before.is_some_and(|t| s.t - t <= gap),
                });
            }
        }
        before = Some(s.t);
    }
    out
}

/// Summary of the finite values.
pub(crate) fn summary(samples: &[Sample], window: Window) -> Summary {
    let mut sum = 0.0;
    let mut count = 0.0;
    let mut out = Summary {
        last: None,
        min: f64::INFINITY,
        mean: f64::NAN,
        max: f64::NEG_INFINITY,
    };
    for s in inside(samples, window).iter().filter(|s| s.v.is_finite()) {
        out.min = out.min.min(s.v);
        out.max = out.max.max(s.v);
        out.last = Some(s.v);
        sum += s.v;
        count += 1.0;
    }
    if count > 0.0 {
        out.mean = sum / count;
    }
    out
}

/// The value at `t`: the newest that is not later and not older than `gap`.
pub(crate) fn value_at(samples: &[Sample], t: i64, gap: i64) -> Option<f64> {
    let at = samples.partition_point(|s| s.t <= t);
    let s = samples.get(at.checked_sub(1)?)?;
    (t - s.t <= gap && s.v.is_finite()).then_some(s.v)
}

/// Stacked series: for each dot column the upper edge of each layer, `layers` values a column, at
/// the instant whose total is the highest. `NaN` where nothing was collected.
pub(super) fn stack(series: &[&[Sample]], window: Window, holes: &[TimeRange]) -> Vec<f64> {
    let layers = series.len();
    let mut out = vec![f64::NAN; window.columns * layers];
    let mut rest: Vec<&[Sample]> = series.iter().map(|s| inside(s, window)).collect();
    let mut values = vec![0.0; layers];
    while let Some(t) = rest.iter().filter_map(|r| r.first()).map(|s| s.t).min() {
        let mut any = false;
        for (value, rest) in values.iter_mut().zip(&mut rest) {
            *value = 0.0;
            if let Some((s, later)) = rest.split_first().filter(|(s, _)| s.t == t) {
                *rest = later;
                any |= s.v.is_finite();
                *value = if s.v.is_finite() { s.v.max(0.0) } else { 0.0 };
            }
        }
        let hole = holes.iter().any(|h| h.start < t && t < h.end);
        let Some(at) = window.column_of(t).filter(|_| any && !hole) else {
            continue;
        };
        let slot = &mut out[at * layers..(at + 1) * layers];
        let total: f64 = values.iter().sum();
        if slot[layers - 1].is_nan() || total > slot[layers - 1] {
            let mut edge = 0.0;
            for (slot, value) in slot.iter_mut().zip(&values) {
                edge += value;
                *slot = edge;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(points: &[(i64, f64)]) -> Vec<Sample> {
        points.iter().map(|&(t, v)| Sample { t, v }).collect()
    }

    const WINDOW: Window = Window {
        start: 0,
        column: 10,
        columns: 4,
    };

    #[test]
    fn a_spike_inside_a_column_stays() {
        let s = samples(&[(1, 1.0), (5, 90.0), (10, 2.0), (11, 3.0), (45, 7.0)]);
        let found = columns(&s, WINDOW, 10, &[]);
        let first = found[0].unwrap();
        assert_eq!((first.min, first.max, first.last), (1.0, 90.0, 2.0));
        assert!(found[1].unwrap().joined);
        assert_eq!(found[2], None);
        assert_eq!(summary(&s, WINDOW).max, 90.0);
        assert_eq!(summary(&s, WINDOW).last, Some(3.0));
    }

    #[test]
    fn far_samples_and_holes_are_not_joined() {
        let s = samples(&[(1, 1.0), (25, 2.0), (35, f64::NAN), (38, 4.0)]);
        let found = columns(&s, WINDOW, 10, &[]);
        assert!(!found[2].unwrap().joined);
        assert!(!found[3].unwrap().joined);
        let hole = [TimeRange::new(20, 30)];
        assert_eq!(columns(&s, WINDOW, 10, &hole)[2], None);
        assert_eq!(value_at(&s, 30, 10), Some(2.0));
        assert_eq!(value_at(&s, 36, 10), None);
        assert_eq!(value_at(&s, 0, 10), None);
    }

    #[test]
    fn a_stack_keeps_the_highest_total_and_takes_what_is_missing_as_nothing() {
        let a = samples(&[(5, 1.0), (9, 2.0), (15, 1.0)]);
        let b = samples(&[(5, 1.0), (9, 3.0)]);
        let edges = stack(&[&a, &b], WINDOW, &[]);
        assert_eq!(edges[..4], [2.0, 5.0, 1.0, 1.0]);
        assert!(edges[4].is_nan());
    }
}
