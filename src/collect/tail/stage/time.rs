//! The timestamp stage: when an entry was written, from an extracted value.

use crate::collect::tail::stage::{Entry, show};
use crate::config::logs::stages::{Layout, Timestamp};
use crate::wire::go_time;
use chrono::{Datelike, NaiveDateTime, Offset, TimeZone};

/// The last time that was known, for entries whose own cannot be read.
#[derive(Default)]
pub(crate) struct Last(Option<i64>);

pub(crate) fn stamp(config: &Timestamp, last: &mut Last, entry: &mut Entry) {
    let value = entry.extracted.get(&config.source).map(show);
    let read = value.and_then(|text| {
        let mut layouts = config.formats.iter();
        layouts.find_map(|layout| time(layout, &text, config, entry.now))
    });
    if let Some(t) = read {
        entry.t = t;
        last.0 = Some(t);
    } else if !config.skip
        && let Some(t) = last.0.as_mut()
    {
        *t += 1;
        entry.t = *t;
    }
}

fn time(layout: &Layout, text: &str, config: &Timestamp, now: i64) -> Option<i64> {
    let number = || text.trim().parse::<i64>().ok();
    match layout {
        Layout::Unix => {
            let seconds: f64 = text.trim().parse().ok()?;
            let whole = seconds.floor();
            let nanos = ((seconds - whole) * 1e9).round();
            (whole as i64)
                .checked_mul(1_000_000_000)?
                .checked_add(nanos as i64)
        }
        Layout::UnixMs => number()?.checked_mul(1_000_000),
        Layout::UnixUs => number()?.checked_mul(1_000),
        Layout::UnixNs => number(),
        Layout::Go(layout) => {
            let read = go_time::parse(layout, text).ok()?;
            if read.has_year {
                return nanos(read.at, read.offset, config);
            }
            // Around New Year the nearest year is not always this one.
            let year = chrono::DateTime::from_timestamp_nanos(now).year();
            let of = |year| nanos(read.at.with_year(year)?, read.offset, config);
            let near = [year - 1, year, year + 1].into_iter().filter_map(of);
            near.min_by_key(|t| t.abs_diff(now))
        }
    }
}

fn nanos(at: NaiveDateTime, offset: Option<i32>, config: &Timestamp) -> Option<i64> {
    let east = match (offset, config.location) {
        (Some(east), _) => east,
        (None, Some(zone)) => zone
            .offset_from_local_datetime(&at)
            .earliest()?
            .fix()
            .local_minus_utc(),
        (None, None) => 0,
    };
    at.and_utc()
        .timestamp_nanos_opt()?
        .checked_sub(i64::from(east) * 1_000_000_000)
}
