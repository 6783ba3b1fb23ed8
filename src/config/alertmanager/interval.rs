//! Time intervals: when a route is mute, or active.
//!
//! Fields of one interval must all fit, one element of each list is enough; times end before their
//! end. Source: Alertmanager, "Configuration", `<time_interval>`, and `timeinterval.go`.

use crate::config::alertmanager::rows;
use crate::config::check::Check;
use crate::config::fields::Fields;
use chrono::{DateTime, Datelike, Local, NaiveDate, NaiveDateTime, Timelike};
use chrono_tz::Tz;

/// Intervals under one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeIntervals {
    pub name: String,
    pub intervals: Vec<Interval>,
}

impl TimeIntervals {
    /// Whether the time, milliseconds since the epoch, lies in one of them.
    pub fn contains(&self, t: i64) -> bool {
        self.intervals.iter().any(|i| i.contains(t))
    }
}

/// One interval; an empty list fits every time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    /// Minutes of the day, the end excluded.
    pub times: Vec<(u32, u32)>,
    /// 0 is Sunday.
    pub weekdays: Vec<(u32, u32)>,
    /// Negative ones count from the month's end.
    pub days_of_month: Vec<(i32, i32)>,
    pub months: Vec<(u32, u32)>,
    pub years: Vec<(i32, i32)>,
    pub place: Place,
}

/// Whose clock counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    #[default]
    Utc,
    /// This machine's.
    Local,
    Zone(Tz),
}

/// Why a text is no interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IntervalError(String);

fn bad(text: impl Into<String>) -> IntervalError {
    IntervalError(text.into())
}

impl Interval {
    pub fn contains(&self, t: i64) -> bool {
        let Some(utc) = DateTime::from_timestamp_millis(t) else {
            return false;
        };
        let at: NaiveDateTime = match self.place {
            Place::Utc => utc.naive_utc(),
            Place::Local => utc.with_timezone(&Local).naive_local(),
            Place::Zone(zone) => utc.with_timezone(&zone).naive_local(),
        };
        let minute = at.hour() * 60 + at.minute();
        let within = |n: u32, ranges: &[(u32, u32)]| {
            ranges.is_empty() || ranges.iter().any(|(a, b)| (*a..=*b).contains(&n))
        };
        let times =
            self.times.is_empty() || self.times.iter().any(|(a, b)| (*a..*b).contains(&minute));
        times
            && within(at.weekday().num_days_from_sunday(), &self.weekdays)
            && within(at.month(), &self.months)
            && (self.years.is_empty()
                || self
                    .years
                    .iter()
                    .any(|(a, b)| (*a..=*b).contains(&at.year())))
            && self.fits_day(at.date())
    }

    fn fits_day(&self, date: NaiveDate) -> bool {
        let last = last_day(date);
        let day = date.day() as i32;
        self.days_of_month.is_empty()
            || self.days_of_month.iter().any(|(a, b)| {
                let real = |n: i32| if n < 0 { last + n + 1 } else { n };
                // What lies wholly behind the month's end fits no day of it.
                let (begin, end) = (real(*a), real(*b));
                begin <= last && (begin.clamp(1, last)..=end.clamp(-last, last)).contains(&day)
            })
    }
}

fn last_day(date: NaiveDate) -> i32 {
    let next = match date.month() {
        12 => NaiveDate::from_ymd_opt(date.year() + 1, 1, 1),
        m => NaiveDate::from_ymd_opt(date.year(), m + 1, 1),
    };
    next.and_then(|d| d.pred_opt())
        .map_or(31, |d| d.day() as i32)
}

/// `HH:MM`, up to `24:00`.
fn minutes(text: &str) -> Result<u32, IntervalError> {
    let fault = || bad(format!("{text:?} is no time of day; write HH:MM"));
    let (hours, minutes) = text.split_once(':').ok_or_else(fault)?;
    let two = |t: &str| t.len() == 2 && t.chars().all(|c| c.is_ascii_digit());
    if !two(hours) || !two(minutes) {
        return Err(fault());
    }
    let hours: u32 = hours.parse().map_err(|_| fault())?;
    let minutes: u32 = minutes.parse().map_err(|_| fault())?;
    if minutes > 59 || hours * 60 + minutes > 24 * 60 {
        return Err(fault());
    }
    Ok(hours * 60 + minutes)
}

const DAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn named(text: &str, names: &[&str], first: u32) -> Option<u32> {
    let lower = text.to_lowercase();
    let at = names.iter().position(|n| *n == lower)?;
    Some(at as u32 + first)
}

fn range<T: PartialOrd + Copy>(
    text: &str,
    one: impl Fn(&str) -> Result<T, IntervalError>,
) -> Result<(T, T), IntervalError> {
    let (a, b) = match text.split_once(':') {
        Some((a, b)) => (one(a.trim())?, one(b.trim())?),
        None => (one(text.trim())?, one(text.trim())?),
    };
    if a > b {
        return Err(bad(format!("{text:?} ends before it begins")));
    }
    Ok((a, b))
}

fn weekday(text: &str) -> Result<u32, IntervalError> {
    named(text, &DAYS, 0).ok_or_else(|| bad(format!("{text:?} is no day of the week")))
}

fn month(text: &str) -> Result<u32, IntervalError> {
    let number = || text.parse().ok().filter(|m| (1..=12).contains(m));
    named(text, &MONTHS, 1)
        .or_else(number)
        .ok_or_else(|| bad(format!("{text:?} is no month")))
}

fn year(text: &str) -> Result<i32, IntervalError> {
    let found = text.parse().ok().filter(|y| *y >= 0);
    found.ok_or_else(|| bad(format!("{text:?} is no year")))
}

fn days(text: &str) -> Result<(i32, i32), IntervalError> {
    let one = |text: &str| {
        let found = text.parse().ok().filter(|d: &i32| *d != 0 && d.abs() <= 31);
        found.ok_or_else(|| bad(format!("{text:?} is no day of a month: 1 to 31, -1 to -31")))
    };
    let (a, b) = match text.split_once(':') {
        Some((a, b)) => (one(a.trim())?, one(b.trim())?),
        None => (one(text.trim())?, one(text.trim())?),
    };
    if a < 0 && b > 0 {
        return Err(bad("a negative day cannot begin what a positive one ends"));
    }
    // Held against the longest month, as Alertmanager does.
    let real = |n: i32| if n < 0 { 31 + n + 1 } else { n };
    if real(a) > real(b) {
        return Err(bad(format!("{text:?} ends before it begins")));
    }
    Ok((a, b))
}

fn place(text: &str) -> Result<Place, IntervalError> {
    match text {
        "" | "UTC" => Ok(Place::Utc),
        "Local" => Ok(Place::Local),
        name => name.parse().map(Place::Zone).map_err(|_| {
            bad(format!(
                "{name:?} is no time zone; write one such as Asia/Seoul"
            ))
        }),
    }
}

pub(super) fn read_list(
    of: Fields<'_>,
    key: &str,
    out: &mut Vec<TimeIntervals>,
    check: &mut Check<'_>,
) {
    for named in of.sections(key, &rows::INTERVALS) {
        let name = named.string("name").unwrap_or_default();
        if name.is_empty() {
            check
                .report
                .error(named.place(), "a time interval needs a `name`");
        } else if out.iter().any(|i| i.name == name) {
            let text = format!("another time interval is named {name:?}");
            check.report.error(named.value_place("name"), text);
        }
        let intervals = named.sections("time_intervals", &rows::INTERVAL);
        let intervals = intervals.into_iter().map(|i| read(i, check)).collect();
        out.push(TimeIntervals { name, intervals });
    }
}

fn read(of: Fields<'_>, check: &mut Check<'_>) -> Interval {
    let mut times = Vec::new();
    for time in of.sections("times", &rows::TIMES) {
        let at = |key| minutes(time.text(key).unwrap_or_default());
        match (at("start_time"), at("end_time")) {
            (Ok(a), Ok(b)) if a < b => times.push((a, b)),
            (Ok(_), Ok(_)) => {
                let text = "the start must come before the end; for a night write two times";
                check.report.error(time.place(), text);
            }
            (Err(e), _) | (_, Err(e)) => check.report.error(time.place(), e.to_string()),
        }
    }
    Interval {
        times,
        weekdays: each(of, "weekdays", |t| range(t, weekday), check),
        days_of_month: each(of, "days_of_month", days, check),
        months: each(of, "months", |t| range(t, month), check),
        years: each(of, "years", |t| range(t, year), check),
        place: place(of.text("location").unwrap_or_default()).unwrap_or_else(|e| {
            check
                .report
                .error(of.value_place("location"), e.to_string());
            Place::Utc
        }),
    }
}

fn each<T>(
    of: Fields<'_>,
    key: &str,
    read: impl Fn(&str) -> Result<T, IntervalError>,
    check: &mut Check<'_>,
) -> Vec<T> {
    let mut out = Vec::new();
    for (text, at) in of.texts(key) {
        match read(text) {
            Ok(value) => out.push(value),
            Err(e) => check.report.error(at, e.to_string()),
        }
    }
    out
}
