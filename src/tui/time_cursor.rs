//! The one time axis of the console: range, end, pause and cursor, shared by every tab.
//!
//! Live, the window's end follows the clock. Paused or rewound it stands, while collecting goes
//! on. The end is always rounded down to a whole dot column, so that a chart moves by whole dots
//! and most ticks repaint nothing.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, Offset, TimeZone};

/// The ranges that zooming goes through, in milliseconds.
pub(crate) const RANGES: &[i64] = &[
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
    90 * DAY,
    365 * DAY,
];
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const DEFAULT_RANGE: i64 = 30 * MINUTE;
/// Where nothing is kept yet: what comes in moves, instead of filling the last columns of half an
/// hour.
pub(crate) const FIRST_RANGE: i64 = 5 * MINUTE;

/// Where the console looks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TimeCursor {
    /// Milliseconds of the window.
    pub(crate) range: i64,
    /// `None` follows the clock.
    pub(crate) end: Option<i64>,
    /// True where Space stopped the clock, false where a person went back.
    pub(crate) paused: bool,
    /// The instant that panels of rows are about; `None` is the window's end.
    pub(crate) cursor: Option<i64>,
    /// Where a selection along the axis began (`v`).
    pub(crate) selection: Option<i64>,
    pub(crate) utc: bool,
    /// Seconds of the server's zone.
    pub(crate) offset: i32,
}

impl Default for TimeCursor {
    fn default() -> Self {
        Self {
            range: DEFAULT_RANGE,
            end: None,
            paused: false,
            cursor: None,
            selection: None,
            utc: false,
            offset: 0,
        }
    }
}

/// A stretch of time cut into dot columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Milliseconds of one dot column.
    pub(crate) step: i64,
}

impl TimeCursor {
    pub(crate) fn is_live(&self) -> bool {
        self.end.is_none() && self.cursor.is_none()
    }

    /// The window for a chart of `cells` columns: two dot columns a cell, both ends on the grid.
    pub(crate) fn window(&self, now: i64, cells: u16) -> Window {
        let dots = (i64::from(cells.max(1))) * 2;
        let step = (self.range / dots).max(1);
        let end = self.end.unwrap_or(now).div_euclid(step) * step;
        Window {
            start: end - step * (dots - 1),
            end,
            step,
        }
    }

    /// The instant that rows, logs and traces are about: the cursor, else the window's end; `None`
    /// while live.
    pub(crate) fn instant(&self) -> Option<i64> {
        self.cursor.or(self.end)
    }

    pub(crate) fn now_again(&mut self) {
        (self.end, self.cursor, self.selection) = (None, None, None);
        self.paused = false;
    }

    pub(crate) fn toggle_pause(&mut self, now: i64) {
        if self.paused {
            self.now_again();
        } else {
            self.paused = true;
            self.end.get_or_insert(now);
        }
    }

    /// One step in or out, around the cursor where there is one.
    pub(crate) fn zoom(&mut self, out: bool, now: i64) {
        let next = if out {
            RANGES.iter().find(|r| **r > self.range)
        } else {
            RANGES.iter().rev().find(|r| **r < self.range)
        };
        if let Some(range) = next {
            self.set_range(*range, now);
        }
    }

    pub(crate) fn set_range(&mut self, range: i64, now: i64) {
        self.range = range.clamp(10_000, *RANGES.last().unwrap_or(&DAY));
        if let Some(at) = self.cursor {
            self.center(at, now);
        }
    }

    /// Half a window back or forward; arriving at now is being live again.
    pub(crate) fn pan(&mut self, forward: bool, now: i64) {
        let by = if forward {
            self.range / 2
        } else {
            -self.range / 2
        };
        let end = self.end.unwrap_or(now) + by;
        self.cursor = None;
        if end >= now {
            self.now_again();
        } else {
            self.end = Some(end.max(self.range));
        }
    }

    /// Moves the cursor by `columns` dot columns of a chart that is `cells` wide.
    pub(crate) fn step(&mut self, columns: i64, now: i64, cells: u16) {
        let window = self.window(now, cells);
        let at = self.cursor.unwrap_or(window.end) + columns * window.step;
        if at > window.end && self.end.is_none() {
            self.cursor = None;
            return;
        }
        let at = at.clamp(self.range.min(at), now);
        self.cursor = Some(at);
        if at < window.start || at > window.end {
            self.center(at, now);
        }
    }

    /// Puts the cursor at an instant and brings it into the window.
    pub(crate) fn go_to(&mut self, at: i64, now: i64) {
        let at = at.min(now);
        self.cursor = Some(at);
        let end = self.end.unwrap_or(now);
        if at < end - self.range || at > end {
            self.center(at, now);
        }
    }

    fn center(&mut self, at: i64, now: i64) {
        let end = (at + self.range / 2).min(now);
        self.end = Some(end);
    }

    pub(crate) fn zone(&self) -> FixedOffset {
        let seconds = if self.utc { 0 } else { self.offset };
        FixedOffset::east_opt(seconds).unwrap_or_else(|| chrono::Utc.fix())
    }

    fn local(&self, t: i64) -> Option<DateTime<FixedOffset>> {
        self.zone().timestamp_millis_opt(t).single()
    }

    /// `14:32:05`.
    pub(crate) fn clock(&self, t: i64) -> String {
        self.format(t, "%H:%M:%S")
    }

    /// `2026-11-21 14:32:05`.
    pub(crate) fn date_clock(&self, t: i64) -> String {
        self.format(t, "%Y-%m-%d %H:%M:%S")
    }

    /// `Sat 21`.
    pub(crate) fn weekday(&self, t: i64) -> String {
        self.format(t, "%a %d")
    }

    /// `20261121-143205`, for names of files.
    pub(crate) fn file_stamp(&self, t: i64) -> String {
        self.format(t, "%Y%m%d-%H%M%S")
    }

    /// RFC 3339 with the offset, for exports.
    pub(crate) fn rfc3339(&self, t: i64) -> String {
        self.format(t, "%Y-%m-%dT%H:%M:%S%.3f%:z")
    }

    fn format(&self, t: i64, pattern: &str) -> String {
        self.local(t)
            .map_or_else(|| t.to_string(), |at| at.format(pattern).to_string())
    }

    /// `UTC`, or the zone's offset as `+09:00`.
    pub(crate) fn zone_name(&self) -> String {
        match (self.utc, self.offset) {
            (true, _) | (_, 0) => "UTC".to_owned(),
            _ => self.format(0, "%:z"),
        }
    }
}

/// Reads what a person types for a time, in `zone`, seen from `now` (milliseconds since the epoch):
/// `14:32`, `14:32:05`, `-15m`, `yesterday 9:00`, `yesterday 9`, `today 8:30`, `mon 14:00`,
/// `11-20 14:32`, `2026-11-20 14:32`, `2026-11-20`, RFC 3339, unix seconds, `now`.
pub(crate) fn parse_when(text: &str, now: i64, zone: FixedOffset) -> Result<i64, String> {
    let text = text.trim();
    let no =
        || format!("{text:?} is no time; write 14:32, -15m, yesterday 9:00 or 2026-11-20 14:32");
    if text == "now" {
        return Ok(now);
    }
    let back = text.strip_prefix("now").unwrap_or(text);
    if let Some(ago) = back.strip_prefix('-').or(text.strip_suffix(" ago")) {
        let by = crate::base::units::parse_duration_ms(ago.trim()).map_err(|e| e.to_string())?;
        return Ok(now - by);
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.timestamp_millis());
    }
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit()) {
        let seconds: i64 = text.parse().map_err(|_| no())?;
        return Ok(if text.len() >= 12 {
            seconds
        } else {
            seconds * 1000
        });
    }
    let today = zone.timestamp_millis_opt(now).single().ok_or_else(no)?;
    let (day, clock) = match text.split_once([' ', 'T']) {
        Some((day, clock)) => (Some(day), Some(clock.trim())),
        None if text.contains(':') => (None, Some(text)),
        None => (Some(text), None),
    };
    let date = match day {
        None => today.date_naive(),
        Some(word) => read_day(word, today.date_naive()).ok_or_else(no)?,
    };
    let time = match clock {
        None => NaiveTime::MIN,
        Some(word) => read_clock(word).ok_or_else(no)?,
    };
    let at = date.and_time(time).and_local_timezone(zone).single();
    let at = at.ok_or_else(no)?.timestamp_millis();
    // A bare clock that is still to come was meant of yesterday.
    Ok(if day.is_none() && at > now {
        at - DAY
    } else {
        at
    })
}

fn read_day(word: &str, today: NaiveDate) -> Option<NaiveDate> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "today" => return Some(today),
        "yesterday" => return today.pred_opt(),
        _ => {}
    }
    if let Ok(date) = NaiveDate::parse_from_str(word, "%Y-%m-%d") {
        return Some(date);
    }
    if let Some((month, day)) = word.split_once('-') {
        let date = NaiveDate::from_ymd_opt(today.year(), month.parse().ok()?, day.parse().ok()?)?;
        let last_year = NaiveDate::from_ymd_opt(today.year() - 1, date.month(), date.day());
        return if date > today { last_year } else { Some(date) };
    }
    let weekday: chrono::Weekday = lower.parse().ok()?;
    (0..7)
        .filter_map(|n| today.checked_sub_days(chrono::Days::new(n)))
        .find(|date| date.weekday() == weekday)
}

fn read_clock(word: &str) -> Option<NaiveTime> {
    let mut parts = word.split(':').map(str::parse::<u32>);
    let hour = parts.next()?.ok()?;
    let minute = parts.next().unwrap_or(Ok(0)).ok()?;
    let second = parts.next().unwrap_or(Ok(0)).ok()?;
    if parts.next().is_some() {
        return None;
    }
    NaiveTime::from_hms_opt(hour, minute, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 (a Saturday) 12:00:00 in Seoul.
    const NOW: i64 = 1_795_230_000_000;

    #[test]
    fn the_end_moves_by_whole_dot_columns() {
        let time = TimeCursor::default();
        let a = time.window(NOW, 60);
        assert_eq!(a.step, 15_000);
        assert_eq!(
            a,
            time.window(NOW + a.step - 1 - NOW.rem_euclid(a.step), 60)
        );
        assert_eq!(a.end % a.step, 0);
        assert_eq!((a.end - a.start) / a.step, 119);
    }

    #[test]
    fn going_back_and_now_again() {
        let mut time = TimeCursor::default();
        time.pan(false, NOW);
        assert_eq!(time.end, Some(NOW - time.range / 2));
        assert!(!time.is_live() && !time.paused);
        time.pan(true, NOW);
        assert!(time.is_live());
        time.toggle_pause(NOW);
        assert_eq!((time.end, time.paused), (Some(NOW), true));
        time.toggle_pause(NOW + 5000);
        assert!(time.is_live());
        time.step(-3, NOW, 60);
        assert_eq!(time.cursor, Some(NOW - 3 * 15_000));
        time.zoom(false, NOW);
        assert_eq!(time.range, 15 * 60_000);
        time.step(3, NOW + 10, 60);
        time.now_again();
        time.step(1, NOW, 60);
        assert!(time.is_live(), "there is nothing after now");
    }

    #[test]
    fn times_as_people_type_them() {
        let zone = FixedOffset::east_opt(9 * 3600).unwrap();
        let time = TimeCursor {
            offset: 9 * 3600,
            ..TimeCursor::default()
        };
        for (text, want) in [
            ("11:32", "2026-11-21 11:32:00"),
            ("14:32", "2026-11-20 14:32:00"),
            ("-15m", "2026-11-21 11:45:00"),
            ("now-1h30m", "2026-11-21 10:30:00"),
            ("yesterday 9:00", "2026-11-20 09:00:00"),
            ("yesterday 9", "2026-11-20 09:00:00"),
            ("yesterday", "2026-11-20 00:00:00"),
            ("wed 14:00", "2026-11-18 14:00:00"),
            ("2026-11-01 08:05:09", "2026-11-01 08:05:09"),
            ("12-24 18:00", "2025-12-24 18:00:00"),
            ("2026-11-20T23:00:00Z", "2026-11-21 08:00:00"),
            ("1795230000", "2026-11-21 12:00:00"),
            ("now", "2026-11-21 12:00:00"),
        ] {
            let at = parse_when(text, NOW, zone).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(time.date_clock(at), want, "{text}");
        }
        for text in ["", "25:00", "soon", "-15", "1:2:3:4", "99-99"] {
            assert!(parse_when(text, NOW, zone).is_err(), "{text}");
        }
        assert_eq!(time.zone_name(), "+09:00");
        assert!(time.rfc3339(NOW).ends_with("+09:00"));
    }
}
