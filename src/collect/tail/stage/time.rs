//! The timestamp stage: when an entry was written, from an extracted value.

use crate::collect::tail::stage::{Entry, show};
use crate::config::logs::stages::{Layout, Timestamp};
use crate::model::labels::Labels;
use crate::wire::go_time;
use chrono::{Datelike, NaiveDateTime, Offset, TimeZone};
use std::collections::{HashMap, VecDeque};

/// Label sets whose last time is known; the one that was met first gives way.
const MOST: usize = 10_000;

/// The last time that was known of each label set, for entries whose own cannot be read.
#[derive(Default)]
pub(crate) struct Last {
    known: HashMap<Labels, i64>,
    order: VecDeque<Labels>,
}

impl Last {
    fn note(&mut self, labels: Labels, t: i64) {
        if self.known.insert(labels.clone(), t).is_some() {
            return;
        }
        self.order.push_back(labels);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

pub(crate) fn stamp(config: &Timestamp, last: &mut Last, entry: &mut Entry) {
    let value = entry.extracted.get(&config.source).and_then(show);
    let read = value.and_then(|text| {
        let mut layouts = config.formats.iter();
        layouts.find_map(|layout| time(layout, &text, config, entry.now))
    });
    if let Some(t) = read {
        entry.t = t;
        // Where entries that cannot be read keep their time, nothing needs to be remembered.
        if !config.skip {
            last.note(entry.labels.clone().finish(), t);
        }
    } else if !config.skip
        && let Some(t) = last.known.get_mut(&entry.labels.clone().finish())
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
