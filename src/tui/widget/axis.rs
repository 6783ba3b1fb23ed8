//! Axes: round values, round local times, and windows that move by whole dot columns.

use crate::model::time::TimeRange;
use crate::tui::widget::unit::Unit;
use chrono::{DateTime, FixedOffset, NaiveDateTime, Timelike};

/// Bounds of a value axis and its ticks, from the lowest to the highest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueAxis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) log: bool,
    pub(crate) ticks: Vec<f64>,
    pub(crate) labels: Vec<String>,
}

/// What the axis must hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueSpan {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The bound stands as it is given; else it moves outwards to a round value.
    pub(crate) low_fixed: bool,
    pub(crate) high_fixed: bool,
}

impl ValueAxis {
    /// `rows` is the height in cells; about one tick in three rows, at least the two ends.
    pub(crate) fn linear(span: ValueSpan, rows: u16, unit: Unit) -> Self {
        let (mut low, mut high) = (span.low, span.high);
        if !(low.is_finite() && high.is_finite()) || high < low {
            (low, high) = (0.0, 1.0);
        }
        if high == low {
            high = if low == 0.0 { 1.0 } else { low + low.abs() };
        }
        let most = f64::from((rows / 3).max(u16::from(rows >= 4) * 2).clamp(1, 6));
        let step = round_step((high - low) / most, unit);
        if !span.low_fixed {
            low = (low / step).floor() * step;
        }
        if !span.high_fixed {
            high = (high / step - 1e-9).ceil() * step;
        }
        let first = (low / step).ceil();
        let count = ((high - low) / step + 1e-9).floor() as usize;
        let mut ticks: Vec<f64> = (0..=count.min(12))
            .map(|i| (first + i as f64) * step)
            .filter(|v| *v <= high + step * 1e-6)
            .collect();
        if ticks.len() < 2 {
            ticks = vec![low, high];
        }
        let labels = labels(&ticks, unit, step);
        Self {
            low,
            high,
            log: false,
            ticks,
            labels,
        }
    }

    /// Powers of ten around what is above zero.
    pub(crate) fn logarithmic(low: f64, high: f64, rows: u16, unit: Unit) -> Self {
        let high = if high > 0.0 { high } else { 1.0 };
        let low = if low > 0.0 { low } else { high / 1000.0 };
        let first = low.log10().floor() as i32;
        let last = (high.log10().ceil() as i32).max(first + 1);
        let most = i32::from((rows / 2).max(1));
        let stride = ((last - first) + most - 1) / most;
        let ticks: Vec<f64> = (first..=last)
            .step_by(stride.max(1) as usize)
            .map(|e| 10f64.powi(e))
            .collect();
        Self {
            low: 10f64.powi(first),
            high: 10f64.powi(last),
            log: true,
            labels: ticks.iter().map(|v| unit.tight(*v)).collect(),
            ticks,
        }
    }

    /// Where a value stands between the lowest (0) and the highest (1); outside is cut.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let at = if self.log {
            (value.max(self.low).ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            (value - self.low) / (self.high - self.low)
        };
        at.clamp(0.0, 1.0)
    }
}

/// One divisor and one number of decimals for the whole axis.
fn labels(ticks: &[f64], unit: Unit, step: f64) -> Vec<String> {
    let largest = ticks.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let scale = unit.scale_for(largest);
    let step = step / scale.divisor;
    let decimals = (0..4)
        .find(|d| {
            let shifted = step * 10f64.powi(*d);
            (shifted - shifted.round()).abs() < 1e-6 * shifted.max(1.0)
        })
        .unwrap_or(2) as usize;
    let suffix = scale.suffix.replace("iB", "").replace("/s", "");
    let one = |v: &f64| {
        let v = v / scale.divisor;
        if v == 0.0 {
            return "0".to_owned();
        }
        format!("{v:.decimals$}{suffix}")
    };
    ticks.iter().map(one).collect()
}

/// The smallest round step that is not below `least`.
fn round_step(least: f64, unit: Unit) -> f64 {
    let least = if least > 0.0 && least.is_finite() {
        least
    } else {
        1.0
    };
    if unit.is_binary() {
        return 2f64.powi(least.log2().ceil() as i32);
    }
    if unit == Unit::Seconds && least > 30.0 {
        let known = [60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0, 43200.0];
        if let Some(step) = known.iter().find(|s| **s >= least) {
            return *step;
        }
        return round_step(least / 86_400.0, Unit::Short) * 86_400.0;
    }
    let power = 10f64.powf(least.log10().floor());
    let share = least / power;
    let round = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|r| *r >= share - 1e-9)
        .unwrap_or(10.0);
    round * power
}

/// A window of time cut into dot columns of equal, whole width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// A multiple of `column`; the first column holds what is later than this.
    pub(crate) start: i64,
    /// Milliseconds of one dot column.
    pub(crate) column: i64,
    pub(crate) columns: usize,
}

impl Window {
    /// The window of about `span` milliseconds that holds `end`. Its edges are multiples of the
    /// column, so that a moving end repaints one column at a time and questions repeat exactly.
    pub(crate) fn ending(end: i64, span: i64, columns: usize) -> Self {
        let columns = columns.max(1);
        let column = round_column(span.max(1) / columns as i64);
        let end = end.div_euclid(column) * column + if end % column == 0 { 0 } else { column };
        Self {
            start: end - column * columns as i64,
            column,
            columns,
        }
    }

    /// The same end and at least the same span in another number of columns.
    pub(crate) fn recut(self, columns: usize) -> Self {
        let columns = columns.max(1);
        if columns == self.columns {
            return self;
        }
        let span = self.column * self.columns as i64;
        let column = (span + columns as i64 - 1) / columns as i64;
        Self {
            start: self.end() - column * columns as i64,
            column,
            columns,
        }
    }

    pub(crate) fn end(self) -> i64 {
        self.start + self.column * self.columns as i64
    }

    pub(crate) fn range(self) -> TimeRange {
        TimeRange::new(self.start, self.end())
    }

    /// The column of a time; the left edge belongs to the column before, as in PromQL's ranges.
    pub(crate) fn column_of(self, t: i64) -> Option<usize> {
        if t <= self.start || t > self.end() {
            return None;
        }
        Some(((t - self.start - 1) / self.column) as usize)
    }

    /// The end of a column.
    pub(crate) fn time_of(self, column: usize) -> i64 {
        self.start + self.column * (column as i64 + 1)
    }
}

/// Up to a second, round parts of it; above, whole seconds; above a minute, multiples of five.
fn round_column(least: i64) -> i64 {
    match least.max(1) {
        ms if ms <= 1000 => [50, 100, 200, 250, 500, 1000]
            .into_iter()
            .find(|s| *s >= ms)
            .unwrap_or(1000),
        ms if ms <= 60_000 => (ms + 999) / 1000 * 1000,
        ms => (ms + 4999) / 5000 * 5000,
    }
}

/// Milliseconds between ticks that people count in, with how many dots between days.
const TIME_STEPS: [i64; 24] = [
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    604_800_000,
    1_209_600_000,
    2_592_000_000,
    7_776_000_000,
    31_536_000_000,
];

/// Ticks of a time axis: a time and what is written there.
pub(crate) fn time_ticks(range: TimeRange, cells: u16, offset: i32) -> Vec<(i64, String)> {
    let span = (range.end - range.start).max(1);
    let fits = |step: i64| {
        let label = if step < 60_000 { 8 } else { 5 };
        span / step * (label + 4) <= i64::from(cells)
    };
    let step = TIME_STEPS.into_iter().find(|s| fits(*s));
    let step = step.unwrap_or(TIME_STEPS[TIME_STEPS.len() - 1]);
    let local = i64::from(offset) * 1000;
    let first = (range.start + local).div_euclid(step) * step + step - local;
    (0..1000)
        .map(|i| first + i * step)
        .take_while(|t| *t <= range.end)
        .map(|t| (t, tick_label(t, step, offset)))
        .collect()
}

fn tick_label(t: i64, step: i64, offset: i32) -> String {
    let time = local(t, offset);
    let midnight = time.num_seconds_from_midnight() == 0;
    match step {
        s if s >= 31_536_000_000 => time.format("%Y").to_string(),
        s if s >= 86_400_000 || midnight => time.format("%m-%d").to_string(),
        s if s < 60_000 => time.format("%H:%M:%S").to_string(),
        _ => time.format("%H:%M").to_string(),
    }
}

/// The wall time of the zone that is `offset` seconds ahead of UTC.
pub(crate) fn local(t: i64, offset: i32) -> NaiveDateTime {
    let zone = FixedOffset::east_opt(offset);
    let utc = DateTime::from_timestamp_millis(t).unwrap_or_default();
    zone.map_or_else(|| utc.naive_utc(), |z| utc.with_timezone(&z).naive_local())
}

/// `14:32:05`, for read-outs.
pub(crate) fn clock(t: i64, offset: i32) -> String {
    local(t, offset).format("%H:%M:%S").to_string()
}

/// `+09:00`.
pub(crate) fn zone(offset: i32) -> String {
    if offset == 0 {
        return "UTC".to_owned();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let size = offset.unsigned_abs();
    format!("{sign}{:02}:{:02}", size / 3600, size / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: f64, high: f64, unit: Unit) -> Vec<String> {
        let span = ValueSpan {
            low,
            high,
            low_fixed: true,
            high_fixed: false,
        };
        ValueAxis::linear(span, 12, unit).labels
    }

    #[test]
    fn ticks_stand_at_round_values_with_one_unit() {
        let cases: [(f64, f64, Unit, &[&str]); 6] = [
            (0.0, 97.0, Unit::Percent, &["0", "50%", "100%"]),
            (0.0, 1.3, Unit::Short, &["0", "0.5", "1.0", "1.5"]),
            (
                0.0,
                3.1 * 1073741824.0,
                Unit::Bytes,
                &["0", "1G", "2G", "3G", "4G"],
            ),
            (
                0.0,
                0.031,
                Unit::Seconds,
                &["0", "10ms", "20ms", "30ms", "40ms"],
            ),
            (0.0, 0.0, Unit::Short, &["0", "0.5", "1.0"]),
            (f64::NAN, 1.0, Unit::Short, &["0", "0.5", "1.0"]),
        ];
        for (low, high, unit, want) in cases {
            assert_eq!(axis(low, high, unit), want, "{low} {high} {unit:?}");
        }
    }

    #[test]
    fn a_log_axis_names_powers_of_ten() {
        let axis = ValueAxis::logarithmic(0.002, 3.0, 12, Unit::Seconds);
        assert_eq!(axis.labels, ["1ms", "10ms", "100ms", "1s", "10s"]);
        assert!((axis.place(0.1) - 0.5).abs() < 1e-9);
        assert_eq!(axis.place(0.0), 0.0);
    }

    #[test]
    fn windows_move_by_whole_columns() {
        let end = 1_700_000_000_000;
        let one = Window::ending(end, 1_800_000, 120);
        assert_eq!(one.column, 15_000);
        assert_eq!(one.start % 15_000, 0);
        assert!(one.end() >= end && one.end() - end < 15_000);
        assert_eq!(Window::ending(one.end() - 1, 1_800_000, 120), one);
        assert_eq!(one.column_of(one.start), None);
        assert_eq!(one.column_of(one.start + 1), Some(0));
        assert_eq!(one.column_of(one.end()), Some(119));
        assert_eq!(one.column_of(one.time_of(7)), Some(7));
    }

    #[test]
    fn time_ticks_are_round_in_the_servers_zone() {
        let start = 1_763_683_200_000; // 2025-11-21 00:00 UTC
        let hour = TimeRange::new(start + 60_000, start + 3_660_000);
        let labels = |offset| -> Vec<String> {
            time_ticks(hour, 60, offset)
                .into_iter()
                .map(|t| t.1)
                .collect()
        };
        assert_eq!(labels(0)[..3], ["00:10", "00:20", "00:30"]);
        // A zone half an hour off the hour still counts from its own full hours.
        assert_eq!(labels(5 * 3600 + 1800)[..2], ["05:40", "05:50"]);
        let days = TimeRange::new(start - 1, start + 4 * 86_400_000);
        let labels: Vec<String> = time_ticks(days, 60, 0).into_iter().map(|t| t.1).collect();
        assert_eq!(labels[..2], ["11-21", "11-22"]);
        assert_eq!(
            (zone(32_400), zone(-12_600)),
            ("+09:00".into(), "-03:30".into())
        );
        assert_eq!(clock(start + 1_000, 32_400), "09:00:01");
    }
}
