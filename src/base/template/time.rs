//! Go's `time.Time` and `time.Duration` as templates see them: their text, their methods, and
//! layouts such as `2006-01-02 15:04:05` (Go's package `time`, "Constants").

use crate::base::template::value::{self, Value};
use chrono::{DateTime, Datelike, FixedOffset, Local, NaiveDateTime, TimeDelta, Timelike};
use std::fmt::Write as _;

/// As `time.Time.String`: `2026-11-21 13:55:03.25 +0000 UTC`.
pub(super) fn show(at: DateTime<FixedOffset>, zone: &str) -> String {
    let layout = "2006-01-02 15:04:05.999999999 -0700 MST";
    format_time(at, zone, layout)
}

/// The time and zone that [`show`] printed.
pub fn parse_shown_time(text: &str) -> Option<(DateTime<FixedOffset>, &str)> {
    let mut parts = text.splitn(4, ' ');
    let (date, clock) = (parts.next()?, parts.next()?);
    let (offset, zone) = (parts.next()?, parts.next()?);
    let at = format!("{date} {clock}");
    let at = NaiveDateTime::parse_from_str(&at, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    let number: i32 = offset.get(1..)?.parse().ok()?;
    let seconds = (number / 100) * 3600 + (number % 100) * 60;
    let seconds = if offset.starts_with('-') {
        -seconds
    } else {
        seconds
    };
    let at = at.and_local_timezone(FixedOffset::east_opt(seconds)?);
    Some((at.single()?, zone))
}

/// A duration as Go prints it: `1h2m3.5s`, `1.5ms`, `0s`.
pub fn show_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    if n == 0 {
        return "0s".to_owned();
    }
    if n < 1_000_000_000 {
        let (unit, word) = match n {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{word}", decimal(n, unit));
    }
    let (hours, rest) = (n / 3_600_000_000_000, n % 3_600_000_000_000);
    let (minutes, rest) = (rest / 60_000_000_000, rest % 60_000_000_000);
    let mut out = sign.to_owned();
    if hours > 0 {
        out.push_str(&format!("{hours}h"));
    }
    if hours > 0 || minutes > 0 {
        out.push_str(&format!("{minutes}m"));
    }
    out + &decimal(rest, 1_000_000_000) + "s"
}

fn decimal(n: u64, unit: u64) -> String {
    let (whole, rest) = (n / unit, n % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    let rest = format!("{rest:0>digits$}");
    format!("{whole}.{}", rest.trim_end_matches('0'))
}

/// The nanoseconds that [`show_duration`] printed.
fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "h" => 3.6e12,
                "m" => 6e10,
                "s" => 1e9,
                "ms" => 1e6,
                "µs" | "us" => 1e3,
                "ns" => 1.0,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Some((sign * total) as i64)
}

/// Go's words for the parts of a layout, longest first where one begins another.
const WORDS: [&str; 27] = [
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "-07:00:00",
    "-070000",
    "-07:00",
    "-0700",
    "-07",
    "Z07:00:00",
    "Z070000",
    "Z07:00",
    "Z0700",
    "Z07",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "PM",
    "pm",
    "_2",
];

/// The time in a layout of Go's.
pub fn format_time(at: DateTime<FixedOffset>, zone: &str, layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        if let Some((text, used)) = fraction(at, rest) {
            out.push_str(&text);
            rest = &rest[used..];
            continue;
        }
        let word = WORDS.into_iter().find(|w| rest.starts_with(w));
        // `Jan` inside a word such as `Janet` still counts, as in Go only a lower-case letter
        // behind it says otherwise.
        let word = word.filter(|w| {
            !matches!(*w, "Jan" | "Mon")
                || !rest[w.len()..].starts_with(|c: char| c.is_ascii_lowercase())
        });
        if let Some(word) = word {
            part(at, zone, word, &mut out);
            rest = &rest[word.len()..];
        } else {
            let single = match c {
                '1' => Some(at.month()),
                '2' => Some(at.day()),
                '3' => Some(at.hour12().1),
                '4' => Some(at.minute()),
                '5' => Some(at.second()),
                _ => None,
            };
            match single {
                Some(n) => out.push_str(&n.to_string()),
                None => out.push(c),
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

fn part(at: DateTime<FixedOffset>, zone: &str, word: &str, out: &mut String) {
    let done = match word {
        "January" => write!(out, "{}", at.format("%B")),
        "Jan" => write!(out, "{}", at.format("%b")),
        "Monday" => write!(out, "{}", at.format("%A")),
        "Mon" => write!(out, "{}", at.format("%a")),
        "MST" => write!(out, "{zone}"),
        "2006" => write!(out, "{:04}", at.year()),
        "06" => write!(out, "{:02}", at.year().rem_euclid(100)),
        "002" => write!(out, "{:03}", at.ordinal()),
        "01" => write!(out, "{:02}", at.month()),
        "02" => write!(out, "{:02}", at.day()),
        "_2" => write!(out, "{:2}", at.day()),
        "15" => write!(out, "{:02}", at.hour()),
        "03" => write!(out, "{:02}", at.hour12().1),
        "04" => write!(out, "{:02}", at.minute()),
        "05" => write!(out, "{:02}", at.second()),
        "PM" => write!(out, "{}", if at.hour12().0 { "PM" } else { "AM" }),
        "pm" => write!(out, "{}", if at.hour12().0 { "pm" } else { "am" }),
        offset => write!(out, "{}", show_offset(at, offset)),
    };
    debug_assert!(done.is_ok(), "writing to a text does not fail");
}

fn show_offset(at: DateTime<FixedOffset>, layout: &str) -> String {
    let seconds = at.offset().local_minus_utc();
    if layout.starts_with('Z') && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let n = seconds.abs();
    let (hours, minutes, seconds) = (n / 3600, n / 60 % 60, n % 60);
    match &layout[1..] {
        "07" => format!("{sign}{hours:02}"),
        "0700" => format!("{sign}{hours:02}{minutes:02}"),
        "07:00" => format!("{sign}{hours:02}:{minutes:02}"),
        "070000" => format!("{sign}{hours:02}{minutes:02}{seconds:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// `.000`, `,000` (all digits) and `.999` (without zeros at the end), behind seconds.
fn fraction(at: DateTime<FixedOffset>, layout: &str) -> Option<(String, usize)> {
    let mark = layout.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digit = layout[1..].chars().next().filter(|c| "09".contains(*c))?;
    let digits = layout[1..].chars().take_while(|c| *c == digit).count();
    let next = layout[1 + digits..].chars().next();
    if digits > 9 || next.is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    let nanos = format!("{:09}", at.nanosecond() % 1_000_000_000);
    let shown = &nanos[..digits];
    let text = if digit == '0' {
        format!("{mark}{shown}")
    } else {
        let shown = shown.trim_end_matches('0');
        if shown.is_empty() {
            String::new()
        } else {
            format!("{mark}{shown}")
        }
    };
    Some((text, 1 + digits))
}

pub(super) fn time_method(shown: &str, name: &str, args: &[Value]) -> Result<Value, String> {
    let (at, zone) = parse_shown_time(shown).ok_or("this is no time")?;
    let text = |s: String| Ok(Value::String(s.into()));
    let other = || -> Result<DateTime<FixedOffset>, String> {
        let shown = crate::base::template::functions::text(args, 0)?;
        let found = parse_shown_time(shown).map(|(at, _)| at);
        found.ok_or_else(|| format!("{name} needs a time"))
    };
    Ok(match name {
        "Format" => {
            let layout = crate::base::template::functions::text(args, 0)?;
            return text(format_time(at, zone, layout));
        }
        "Unix" => Value::Int(at.timestamp()),
        "UnixMilli" => Value::Int(at.timestamp_millis()),
        "UnixMicro" => Value::Int(at.timestamp_micros()),
        "UnixNano" => Value::Int(at.timestamp_nanos_opt().unwrap_or(i64::MAX)),
        "Sub" => value::duration(between(at, other()?)),
        "Add" => {
            let by = TimeDelta::nanoseconds(nanoseconds(args)?);
            let moved = at.checked_add_signed(by);
            value::time(moved.ok_or("leaves the calendar")?, zone)
        }
        "Local" => {
            let local = at.with_timezone(&Local);
            let offset = *local.offset();
            value::time(at.with_timezone(&offset), &zone_name(offset))
        }
        "UTC" => value::time(at.to_utc().fixed_offset(), "UTC"),
        "Before" => Value::Bool(at < other()?),
        "After" => Value::Bool(at > other()?),
        "Equal" => Value::Bool(at == other()?),
        "IsZero" => Value::Bool(at.timestamp() == ZERO_SECONDS && at.nanosecond() == 0),
        "Year" => Value::Int(at.year().into()),
        "Month" => return text(at.format("%B").to_string()),
        "Day" => Value::Int(at.day().into()),
        "YearDay" => Value::Int(at.ordinal().into()),
        "Weekday" => return text(at.format("%A").to_string()),
        "Hour" => Value::Int(at.hour().into()),
        "Minute" => Value::Int(at.minute().into()),
        "Second" => Value::Int(at.second().into()),
        "Nanosecond" => Value::Int(at.nanosecond().into()),
        "String" => return text(shown.to_owned()),
        _ => return Err(format!("there is no method {name} of time.Time")),
    })
}

/// Seconds between the year 1 and 1970: Go's zero time.
const ZERO_SECONDS: i64 = -62_135_596_800;

/// Without a name of its own, a zone is called by its offset, as Go does.
fn zone_name(offset: FixedOffset) -> String {
    let seconds = offset.local_minus_utc();
    if seconds == 0 {
        return "UTC".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    match minutes {
        0 => format!("{sign}{hours:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}"),
    }
}

/// Nanoseconds from one time to another; what does not fit is the longest duration, as in Go.
fn between(at: DateTime<FixedOffset>, other: DateTime<FixedOffset>) -> i64 {
    let distance = at.signed_duration_since(other);
    let most = if distance < TimeDelta::zero() {
        i64::MIN
    } else {
        i64::MAX
    };
    distance.num_nanoseconds().unwrap_or(most)
}

fn nanoseconds(args: &[Value]) -> Result<i64, String> {
    match args.first() {
        Some(Value::Int(n)) => Ok(*n),
        Some(Value::Float(f)) => Ok(*f as i64),
        Some(Value::Safe { s, .. }) => parse_duration(s).ok_or_else(|| "no duration".to_owned()),
        _ => Err("a duration is needed".to_owned()),
    }
}

pub(super) fn duration_method(shown: &str, name: &str, args: &[Value]) -> Result<Value, String> {
    let nanos = parse_duration(shown).ok_or("this is no duration")?;
    let to = |unit: i64| nanos - nanos % unit.max(1);
    Ok(match name {
        "Hours" => Value::Float(nanos as f64 / 3.6e12),
        "Minutes" => Value::Float(nanos as f64 / 6e10),
        "Seconds" => Value::Float(nanos as f64 / 1e9),
        "Milliseconds" => Value::Int(nanos / 1_000_000),
        "Microseconds" => Value::Int(nanos / 1_000),
        "Nanoseconds" => Value::Int(nanos),
        "Truncate" => value::duration(to(nanoseconds(args)?)),
        "Round" => {
            let unit = nanoseconds(args)?.max(1);
            let half = if nanos < 0 { -(unit / 2) } else { unit / 2 };
            let moved = nanos.saturating_add(half);
            value::duration(moved - moved % unit)
        }
        "Abs" => value::duration(nanos.saturating_abs()),
        "String" => Value::String(shown.into()),
        _ => return Err(format!("there is no method {name} of time.Duration")),
    })
}
