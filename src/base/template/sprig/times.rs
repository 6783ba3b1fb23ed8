//! Times and durations.

use crate::base::clock::Clock;
use crate::base::template::cast::{said, whole};
use crate::base::template::sprig::{Given, Row, text};
use crate::base::template::{
    Value, duration, format_time, parse_shown_time, show_duration, time_value,
};
use crate::base::units::parse_duration_ms;
use chrono::{DateTime, FixedOffset, Offset, TimeDelta, TimeZone, Utc};

fn now() -> DateTime<FixedOffset> {
    let now = Utc.timestamp_millis_opt(Clock::System.now_ms()).single();
    now.unwrap_or_default().fixed_offset()
}

/// A time that a function made, seconds since the Unix epoch, or now.
fn time(value: &Value) -> DateTime<FixedOffset> {
    match value {
        Value::Int(_) | Value::Uint(_) => {
            let at = Utc.timestamp_opt(whole(value), 0).single();
            at.unwrap_or_default().fixed_offset()
        }
        other => {
            let args = std::slice::from_ref(other);
            parse_shown_time(&said(args, 0)).map_or_else(now, |(at, _)| at)
        }
    }
}

fn in_zone(at: DateTime<FixedOffset>, zone: &str) -> (DateTime<FixedOffset>, String) {
    match zone.parse::<chrono_tz::Tz>() {
        Ok(zone) => {
            let at = at.with_timezone(&zone);
            let word = at.format("%Z").to_string();
            (at.with_timezone(&at.offset().fix()), word)
        }
        Err(_) => (at.with_timezone(&Utc).fixed_offset(), "UTC".to_owned()),
    }
}

fn date_in_zone(args: &[Value]) -> Given {
    let (at, zone) = in_zone(time(&args[1]), &said(args, 2));
    text(format_time(at, &zone, &said(args, 0)))
}

/// `date_modify "-1.5h" time`
#[expect(
    clippy::unnecessary_wraps,
    reason = "functions of templates answer in this form"
)]
fn modified(args: &[Value]) -> Given {
    let said = said(args, 0);
    let (negative, plain) = match said.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, said.strip_prefix('+').unwrap_or(&said)),
    };
    let at = time(&args[1]);
    let Ok(ms) = parse_duration_ms(plain) else {
        return Ok(time_value(at, "UTC"));
    };
    let by = TimeDelta::milliseconds(if negative { -ms } else { ms });
    let moved = at.checked_add_signed(by).unwrap_or(at);
    Ok(time_value(moved, "UTC"))
}

/// The largest unit of a duration alone: `3h`, `2d`.
fn rounded(ms: i64) -> String {
    let seconds = ms.unsigned_abs() / 1000;
    let units = [
        (31_536_000, "y"),
        (2_592_000, "mo"),
        (86_400, "d"),
        (3_600, "h"),
        (60, "m"),
        (1, "s"),
    ];
    let unit = units.iter().find(|(n, _)| seconds >= *n);
    unit.map_or("0s".to_owned(), |(n, word)| {
        format!("{}{word}", seconds / n)
    })
}

pub(super) const TIMES: &[Row] = &[
    ("date_in_zone", 3, 3, |_, a| date_in_zone(a)),
    ("dateInZone", 3, 3, |_, a| date_in_zone(a)),
    ("htmlDate", 1, 1, |_, a| {
        text(time(&a[0]).format("%Y-%m-%d").to_string())
    }),
    ("date_modify", 2, 2, |_, a| modified(a)),
    ("dateModify", 2, 2, |_, a| modified(a)),
    ("must_date_modify", 2, 2, |_, a| modified(a)),
    ("mustDateModify", 2, 2, |_, a| modified(a)),
    ("ago", 1, 1, |_, a| {
        let seconds = now().signed_duration_since(time(&a[0])).num_seconds();
        Ok(duration(seconds.saturating_mul(1_000_000_000)))
    }),
    ("duration", 1, 1, |_, a| {
        text(show_duration(whole(&a[0]).saturating_mul(1_000_000_000)))
    }),
    ("durationRound", 1, 1, |_, a| {
        text(match &a[0] {
            Value::Int(nanos) => rounded(nanos / 1_000_000),
            _ => rounded(parse_duration_ms(&said(a, 0)).unwrap_or(0)),
        })
    }),
];
