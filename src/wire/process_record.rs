//! The bytes in which the greediest processes are kept, every 15 seconds for weeks.
//!
//! Names, users and command lines hardly change from one record to the next. So every so often a
//! record is a *key*: it spells them out, packed with zstd. The records after it name the key by
//! its time and their processes by their place in it, and spell out only what the key does not
//! have. One record and its key give the whole view; no record needs more than one other.
//!
//! ```text
//! record   = version:u8 kind:u8 rest
//! kind     = 0 key, rest is zstd(body) | 1 delta, rest is body | 2 delta, rest is zstd(body)
//! body     = taken_at | key's distance before taken_at (0 in a key) | count, row*
//! row      = place+1 in the key's list, or 0 and then: pid parent started user name command cgroup
//!            | state:u8 threads cpu rss read write
//! cpu, read, write = 0 for unknown, else 1 + the value (cpu in 1/1000 of a core)
//! rss      = KiB; in a row that has a place, the zigzag difference to the key's row
//! text     = length, bytes
//! ```
//!
//! Numbers are LEB128 varints. Everything read is bounded: rows, text, and what zstd unpacks.

use crate::model::view::{ProcessRow, ProcessView};
use std::collections::HashMap;

/// The name under which these records are kept.
pub const KIND: &str = "processes";

const VERSION: u8 = 1;
const KEY: u8 = 0;
const DELTA: u8 = 1;
const PACKED_DELTA: u8 = 2;
/// A key is written anew after so many records, or when so many rows were spelled out beside it.
const KEY_EVERY: u32 = 60;
const MOST_NEW: usize = 24;
/// Bounds of what is read.
const MOST_ROWS: u64 = 4096;
const LONGEST_TEXT: u64 = 64 << 10;
const LARGEST_BODY: usize = 1 << 20;
/// Bytes of a command line that are kept: rewinding asks who it was, not with which 90 options.
const COMMAND: usize = 160;

/// Why a record cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error(
        "the record of processes has version {0}; this program reads up to {VERSION}, a newer one is needed"
    )]
    Newer(u8),
    #[error("the record of processes is damaged: {0}")]
    Damaged(&'static str),
    /// The record that holds the names is gone or not the right one.
    #[error("the names of these processes stood in the record of {0} ms, which is no longer kept")]
    NoKey(i64),
}

/// Writes records one after another.
#[derive(Debug, Default)]
pub struct Encoder {
    key: Option<Key>,
    since: u32,
}

#[derive(Debug)]
struct Key {
    taken_at: i64,
    /// Pid and start to place and KiB.
    places: HashMap<(i32, u64, String), (u64, u64)>,
}

impl Encoder {
    /// The bytes for one view. After a failed write call [`Encoder::restart`], so that no record
    /// names a key that was not kept.
    pub fn encode(&mut self, view: &ProcessView) -> Vec<u8> {
        let new = match &self.key {
            Some(key) => view.rows.iter().filter(|r| key.place(r).is_none()).count(),
            None => usize::MAX,
        };
        let backwards = |key: &Key| view.taken_at <= key.taken_at;
        if self.since >= KEY_EVERY || new > MOST_NEW || self.key.as_ref().is_some_and(backwards) {
            self.key = None;
        }
        self.since += 1;
        let body = body(view, self.key.as_ref());
        if self.key.is_none() {
            self.since = 0;
            self.key = Some(Key::of(view));
            return packed(KEY, &body);
        }
        let packed = packed(PACKED_DELTA, &body);
        if packed.len() < body.len() + 2 {
            return packed;
        }
        let mut out = vec![VERSION, DELTA];
        out.extend_from_slice(&body);
        out
    }

    /// Begins anew: the next record is a key.
    pub fn restart(&mut self) {
        self.key = None;
    }
}

impl Key {
    fn of(view: &ProcessView) -> Self {
        let place = |(i, row): (usize, &ProcessRow)| {
            let id = (row.pid, row.started, row.name.clone());
            (id, (i as u64, row.rss / 1024))
        };
        Self {
            taken_at: view.taken_at,
            places: view.rows.iter().enumerate().map(place).collect(),
        }
    }

    fn place(&self, row: &ProcessRow) -> Option<(u64, u64)> {
        let id = (row.pid, row.started, row.name.clone());
        self.places.get(&id).copied()
    }
}

fn packed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![VERSION, kind];
    // Compression into memory cannot fail; should it ever, the plain body is as good.
    if let Ok(bytes) = zstd::bulk::compress(body, 3) {
        out.extend_from_slice(&bytes);
    } else {
        out[1] = DELTA;
        out.extend_from_slice(body);
    }
    out
}

fn body(view: &ProcessView, key: Option<&Key>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    varint(&mut out, view.taken_at as u64);
    varint(
        &mut out,
        key.map_or(0, |k| (view.taken_at - k.taken_at) as u64),
    );
    varint(&mut out, view.rows.len() as u64);
    for row in &view.rows {
        let kib = row.rss / 1024;
        let rss = if let Some((place, before)) = key.and_then(|k| k.place(row)) {
            varint(&mut out, place + 1);
            zigzag(kib as i64 - before as i64)
        } else {
            varint(&mut out, 0);
            varint(&mut out, row.pid as u64);
            varint(&mut out, row.parent as u64);
            varint(&mut out, row.started);
            text(&mut out, &row.user);
            text(&mut out, &row.name);
            text(&mut out, cut(&row.command));
            text(&mut out, &row.cgroup);
            kib
        };
        out.push(row.state as u8);
        varint(&mut out, u64::from(row.threads));
        let known = |v: Option<f64>| v.map_or(0, |v| 1 + v.max(0.0).round() as u64);
        varint(&mut out, known(row.cpu.map(|c| c * 1000.0)));
        varint(&mut out, rss);
        varint(&mut out, known(row.read_rate));
        varint(&mut out, known(row.write_rate));
    }
    out
}

/// The time of the key a record needs beside it; `None` where it is a key itself.
pub fn key_time(record: &[u8]) -> Result<Option<i64>, RecordError> {
    let body = unpack(record)?;
    let mut from = body.as_slice();
    let taken_at = take(&mut from)? as i64;
    let distance = take(&mut from)? as i64;
    Ok((distance > 0).then(|| taken_at.saturating_sub(distance)))
}

/// Reads a record; `key` is the record of the time [`key_time`] tells, where it tells one.
pub fn decode(record: &[u8], key: Option<&[u8]>) -> Result<ProcessView, RecordError> {
    let Some(key_at) = key_time(record)? else {
        return rows(&unpack(record)?, &[]);
    };
    let key = key.ok_or(RecordError::NoKey(key_at))?;
    if key_time(key)?.is_some() {
        return Err(RecordError::NoKey(key_at));
    }
    let key = rows(&unpack(key)?, &[])?;
    if key.taken_at != key_at {
        return Err(RecordError::NoKey(key_at));
    }
    rows(&unpack(record)?, &key.rows)
}

fn unpack(record: &[u8]) -> Result<Vec<u8>, RecordError> {
    match record {
        [version, ..] if *version != VERSION => Err(RecordError::Newer(*version)),
        [_, DELTA, rest @ ..] => Ok(rest.to_vec()),
        [_, KEY | PACKED_DELTA, rest @ ..] => zstd::bulk::decompress(rest, LARGEST_BODY)
            .map_err(|_| RecordError::Damaged("it does not unpack")),
        _ => Err(RecordError::Damaged("it is of no known kind")),
    }
}

fn rows(body: &[u8], key: &[ProcessRow]) -> Result<ProcessView, RecordError> {
    let mut from = body;
    let taken_at = take(&mut from)? as i64;
    take(&mut from)?;
    let count = take(&mut from)?;
    if count > MOST_ROWS {
        return Err(RecordError::Damaged("it has too many rows"));
    }
    let mut rows = Vec::new();
    for _ in 0..count {
        rows.push(row(&mut from, key)?);
    }
    Ok(ProcessView {
        taken_at,
        complete: false,
        rows,
    })
}

fn row(from: &mut &[u8], key: &[ProcessRow]) -> Result<ProcessRow, RecordError> {
    let place = take(from)? as usize;
    let mut row = if place == 0 {
        ProcessRow {
            pid: take(from)? as i32,
            parent: take(from)? as i32,
            started: take(from)?,
            user: take_text(from)?,
            name: take_text(from)?,
            command: take_text(from)?,
            cgroup: take_text(from)?,
            ..ProcessRow::default()
        }
    } else {
        let known = key.get(place - 1).cloned();
        known.ok_or(RecordError::Damaged("it names a row its key does not have"))?
    };
    let (state, rest) = from
        .split_first()
        .ok_or(RecordError::Damaged("it ends too early"))?;
    row.state = char::from(*state);
    *from = rest;
    row.threads = take(from)? as u32;
    let known = |v: u64| (v > 0).then(|| (v - 1) as f64);
    row.cpu = known(take(from)?).map(|c| c / 1000.0);
    let rss = take(from)?;
    let kib = if place == 0 {
        rss
    } else {
        (row.rss / 1024).saturating_add_signed(unzigzag(rss))
    };
    row.rss = kib.saturating_mul(1024);
    row.read_rate = known(take(from)?);
    row.write_rate = known(take(from)?);
    Ok(row)
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(from: &mut &[u8]) -> Result<u64, RecordError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from
            .split_first()
            .ok_or(RecordError::Damaged("it ends too early"))?;
        *from = rest;
        value |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Ok(value);
        }
    }
    Err(RecordError::Damaged("a number in it has no end"))
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn text(out: &mut Vec<u8>, text: &str) {
    varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn take_text(from: &mut &[u8]) -> Result<String, RecordError> {
    let length = take(from)?;
    if length > LONGEST_TEXT {
        return Err(RecordError::Damaged("a text in it is too long"));
    }
    let (text, rest) = from
        .split_at_checked(length as usize)
        .ok_or(RecordError::Damaged("it ends too early"))?;
    *from = rest;
    String::from_utf8(text.to_vec()).map_err(|_| RecordError::Damaged("a text in it is no text"))
}

fn cut(command: &str) -> &str {
    let mut end = command.len().min(COMMAND);
    while !command.is_char_boundary(end) {
        end -= 1;
    }
    &command[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn process(pid: i32, cpu: f64, rss: u64) -> ProcessRow {
        ProcessRow {
            pid,
            parent: 1,
            started: 1000 + pid as u64,
            user: "한글".to_owned(),
            name: format!("prog{pid}"),
            command: format!("/usr/bin/prog{pid} --serve --port 80{pid}"),
            state: 'S',
            cpu: Some(cpu),
            rss: rss * 1024,
            threads: 12,
            read_rate: None,
            write_rate: Some(4096.0),
            cgroup: "prog.service".to_owned(),
        }
    }

    fn view(t: i64, rows: Vec<ProcessRow>) -> ProcessView {
        ProcessView {
            taken_at: t,
            complete: false,
            rows,
        }
    }

    #[test]
    fn a_record_and_its_key_give_the_view_back() {
        let mut encoder = Encoder::default();
        let first = view(15_000, (1..=30).map(|p| process(p, 0.5, 1000)).collect());
        let key = encoder.encode(&first);
        assert_eq!(key_time(&key), Ok(None));
        assert_eq!(decode(&key, None), Ok(first));
        // One went, one came, the others moved.
        let mut rows: Vec<_> = (2..=30)
            .map(|p| process(p, 0.125, 900 + p as u64))
            .collect();
        rows.push(process(77, 1.25, 5));
        let second = view(30_000, rows);
        let delta = encoder.encode(&second);
        assert_eq!(key_time(&delta), Ok(Some(15_000)));
        assert_eq!(decode(&delta, Some(&key)), Ok(second));
        assert!(delta.len() * 2 < key.len() + 400);
        assert_eq!(decode(&delta, None), Err(RecordError::NoKey(15_000)));
        assert_eq!(
            decode(&delta, Some(&delta)),
            Err(RecordError::NoKey(15_000))
        );
    }

    #[test]
    fn a_day_of_a_busy_server_stays_below_two_megabytes() {
        // 40 rows that all move, and every minute one process that was not there before.
        let mut encoder = Encoder::default();
        let mut bytes = 0;
        let mut random = 88_172_645_463_325_252_u64;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let records = 24 * 3600 / 15;
        for i in 0..records {
            let rows = (0..40).map(|p| {
                let pid = if p == 0 { 5000 + i / 4 } else { 100 + p };
                let mut row = process(pid, next(1000) as f64 / 1000.0, 50_000 + next(2000));
                if p > 10 {
                    // Most of a server's processes idle.
                    row.cpu = Some(0.0);
                    row.write_rate = Some(0.0);
                    row.rss = 40_000 * 1024;
                }
                row
            });
            bytes += encoder
                .encode(&view(i64::from(i) * 15_000 + 1, rows.collect()))
                .len();
        }
        println!("{bytes} bytes a day, {} a record", bytes / records as usize);
        assert!(bytes < 2_000_000, "{bytes}");
    }

    #[test]
    fn a_newer_version_is_refused_by_number() {
        assert_eq!(decode(&[9, 0, 0], None), Err(RecordError::Newer(9)));
        assert!(matches!(decode(&[], None), Err(RecordError::Damaged(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in any::<Vec<u8>>(), kind in 0_u8..4) {
            let _ = decode(&bytes, Some(&bytes));
            bytes.splice(0..0, [VERSION, kind]);
            let _ = decode(&bytes, Some(&bytes));
        }

        #[test]
        fn every_row_comes_back(pids in proptest::collection::vec(1..200_i32, 0..50), cpu in 0..64_000_u32) {
            let mut encoder = Encoder::default();
            let mut pids = pids;
            pids.sort_unstable();
            pids.dedup();
            let make = |t: i64, rss: u64| {
                view(t, pids.iter().map(|p| process(*p, f64::from(cpu) / 1000.0, rss)).collect())
            };
            let (first, second) = (make(1, 70_000), make(2, u64::from(cpu)));
            let key = encoder.encode(&first);
            let delta = encoder.encode(&second);
            prop_assert_eq!(decode(&key, None), Ok(first));
            prop_assert_eq!(decode(&delta, Some(&key)), Ok(second));
        }
    }
}
