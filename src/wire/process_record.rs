//! The bytes in which the greediest processes are kept, every 15 seconds for weeks.
//!
//! A record stands alone. Its columns follow one another, first those that hardly change from one
//! record to the next (names, users, command lines), then those that do: the store packs a record
//! with an earlier one as the dictionary, and finds the first half there in one piece.
//!
//! ```text
//! record = version:u8 taken_at count column*
//! column = one value per row, rows by rising pid:
//!          pid parent started user name command cgroup state:u8 threads cpu rss read write
//! cpu, read, write = 0 for unknown, else 1 + the value (cpu in 1/1000 of a core)
//! rss    = in KiB, rounded to 64 above 16 MiB: what a rewind shows is not finer
//! text   = length, bytes
//! ```
//!
//! Numbers are LEB128 varints. Everything read is bounded: rows and texts.

use crate::model::view::{ProcessRow, ProcessView};

/// The name under which these records are kept.
pub const KIND: &str = "processes";

const VERSION: u8 = 1;
/// Bounds of what is read.
const MOST_ROWS: u64 = 4096;
const LONGEST_TEXT: u64 = 64 << 10;
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
}

/// The bytes for one view.
pub fn encode(view: &ProcessView) -> Vec<u8> {
    let mut rows: Vec<&ProcessRow> = view.rows.iter().collect();
    rows.sort_by_key(|r| (r.pid, r.started));
    let mut out = Vec::with_capacity(64 + 160 * rows.len());
    out.push(VERSION);
    varint(&mut out, view.taken_at as u64);
    varint(&mut out, rows.len() as u64);
    let numbers: [fn(&ProcessRow) -> u64; 3] =
        [|r| r.pid as u64, |r| r.parent as u64, |r| r.started];
    let texts: [fn(&ProcessRow) -> &str; 4] =
        [|r| &r.user, |r| &r.name, |r| cut(&r.command), |r| &r.cgroup];
    let moving: [fn(&ProcessRow) -> u64; 5] = [
        |r| u64::from(r.threads),
        |r| known(r.cpu.map(|c| c * 1000.0)),
        |r| rounded(r.rss / 1024),
        |r| known(r.read_rate),
        |r| known(r.write_rate),
    ];
    for column in numbers {
        for row in &rows {
            varint(&mut out, column(row));
        }
    }
    for column in texts {
        for row in &rows {
            text(&mut out, column(row));
        }
    }
    out.extend(rows.iter().map(|r| r.state as u8));
    for column in moving {
        for row in &rows {
            varint(&mut out, column(row));
        }
    }
    out
}

fn known(value: Option<f64>) -> u64 {
    value.map_or(0, |v| 1 + v.max(0.0).round() as u64)
}

fn rounded(kib: u64) -> u64 {
    if kib > 16 << 10 { kib & !63 } else { kib }
}

/// Reads a record.
pub fn decode(record: &[u8]) -> Result<ProcessView, RecordError> {
    let mut from = match record {
        [VERSION, rest @ ..] => rest,
        [version, ..] => return Err(RecordError::Newer(*version)),
        [] => return Err(RecordError::Damaged("it is empty")),
    };
    let taken_at = take(&mut from)? as i64;
    let count = take(&mut from)?;
    if count > MOST_ROWS {
        return Err(RecordError::Damaged("it has too many rows"));
    }
    let mut rows = vec![ProcessRow::default(); count as usize];
    let numbers: [fn(&mut ProcessRow, u64); 3] = [
        |r, v| r.pid = v as i32,
        |r, v| r.parent = v as i32,
        |r, v| r.started = v,
    ];
    let texts: [fn(&mut ProcessRow, String); 4] = [
        |r, v| r.user = v,
        |r, v| r.name = v,
        |r, v| r.command = v,
        |r, v| r.cgroup = v,
    ];
    let moving: [fn(&mut ProcessRow, u64); 5] = [
        |r, v| r.threads = v as u32,
        |r, v| r.cpu = value(v).map(|c| c / 1000.0),
        |r, v| r.rss = v.saturating_mul(1024),
        |r, v| r.read_rate = value(v),
        |r, v| r.write_rate = value(v),
    ];
    for set in numbers {
        for row in &mut rows {
            set(row, take(&mut from)?);
        }
    }
    for set in texts {
        for row in &mut rows {
            set(row, take_text(&mut from)?);
        }
    }
    for row in &mut rows {
        let (state, rest) = from.split_first().ok_or(EARLY)?;
        row.state = char::from(*state);
        from = rest;
    }
    for set in moving {
        for row in &mut rows {
            set(row, take(&mut from)?);
        }
    }
    Ok(ProcessView {
        taken_at,
        complete: false,
        rows,
    })
}

const EARLY: RecordError = RecordError::Damaged("it ends too early");

fn value(v: u64) -> Option<f64> {
    (v > 0).then(|| (v - 1) as f64)
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
        let (byte, rest) = from.split_first().ok_or(EARLY)?;
        *from = rest;
        value |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Ok(value);
        }
    }
    Err(RecordError::Damaged("a number in it has no end"))
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
    let (text, rest) = from.split_at_checked(length as usize).ok_or(EARLY)?;
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
    fn a_record_gives_the_view_back() {
        let rows = (1..=30)
            .map(|p| process(p, 0.125, 900 + p as u64))
            .collect();
        let view = view(30_000, rows);
        let record = encode(&view);
        assert_eq!(decode(&record), Ok(view));
        for cut in 0..record.len() {
            assert!(matches!(
                decode(&record[..cut]),
                Err(RecordError::Damaged(_))
            ));
        }
    }

    /// 40 rows of which ten work, and every minute a process that was not there before, packed as
    /// the store packs them: with the record before the last 32 as the dictionary.
    #[test]
    fn a_day_of_a_busy_server_stays_below_two_megabytes() {
        let mut bytes = 0;
        let mut random = 88_172_645_463_325_252_u64;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let mut key = Vec::new();
        let records = 24 * 3600 / 15;
        for i in 0..records {
            let rows = (0..40).map(|p| {
                let pid = if p == 0 { 5000 + i / 4 } else { 100 + p };
                let mut row = process(pid, 0.0, 40_000);
                row.write_rate = Some(0.0);
                if p <= 10 {
                    row.cpu = Some(next(1000) as f64 / 1000.0);
                    row.rss = (50_000 + next(2000)) * 1024;
                    row.write_rate = Some(next(4) as f64 * 4096.0);
                }
                row
            });
            let record = encode(&view(i64::from(i) * 15_000 + 1, rows.collect()));
            if i % 32 == 0 {
                bytes += zstd::bulk::compress(&record, 6).unwrap().len();
                key = record;
            } else {
                let mut packer = zstd::bulk::Compressor::with_dictionary(6, &key).unwrap();
                bytes += packer.compress(&record).unwrap().len();
            }
        }
        println!("{bytes} bytes a day, {} a record", bytes / records as usize);
        assert!(bytes < 2_000_000, "{bytes}");
    }

    #[test]
    fn a_newer_version_is_refused_by_number() {
        assert_eq!(decode(&[9, 0, 0]), Err(RecordError::Newer(9)));
        assert!(matches!(decode(&[]), Err(RecordError::Damaged(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in any::<Vec<u8>>()) {
            let _ = decode(&bytes);
            bytes.insert(0, VERSION);
            let _ = decode(&bytes);
        }

        #[test]
        fn every_row_comes_back(
            pids in proptest::collection::btree_set(1..200_i32, 0..50),
            cpu in 0..64_000_u32,
            megabytes in 0..90_000_u64,
        ) {
            let cpu = f64::from(cpu) / 1000.0;
            let rows = pids.iter().map(|p| process(*p, cpu, megabytes * 1024)).collect();
            let view = view(7, rows);
            prop_assert_eq!(decode(&encode(&view)), Ok(view));
        }
    }
}
