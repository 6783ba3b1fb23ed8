//! A queue on disk: records in segments, read from any place by any number of readers.
//!
//! | bytes | meaning |
//! |---|---|
//! | 8 | `BNGSPL01`, once for each segment |
//! | 4 | length of the payload, little-endian |
//! | 4 | crc32 of the payload |
//! | n | payload, zstd |
//!
//! A segment is never written again after a restart, so that a torn end harms nothing behind it.
//! Beyond its bound the oldest segment goes, and what was in it is counted.

use crate::base::fs::{File, Fs, FsError};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"BNGSPL01";
const HEAD: u64 = 8;
/// Bytes from which the next segment begins.
const SEGMENT: u64 = 8 << 20;
/// Bytes of one record, as it is stored and unpacked.
const RECORD: usize = 64 << 20;

/// Where a reader stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub segment: u64,
    pub offset: u64,
}

/// The queue. All calls may wait for the disk.
pub struct Spool {
    fs: Fs,
    folder: PathBuf,
    most: u64,
    state: Mutex<State>,
}

struct State {
    /// Length by number, the one being written included.
    segments: BTreeMap<u64, u64>,
    writing: Option<File>,
    /// Something of what was written may not be on the disk.
    dirty: bool,
    /// Segments that gave way.
    lost: u64,
}

/// What a reader got.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub records: Vec<Vec<u8>>,
    /// Where to go on once they are dealt with.
    pub next: Place,
    /// True where records were missing or broken in between.
    pub gap: bool,
}

impl Spool {
    /// `most` bounds its bytes on disk.
    pub fn open(fs: &Fs, folder: &Path, most: u64) -> Result<Self, FsError> {
        fs.create_dir_all(folder)?;
        let mut segments = BTreeMap::new();
        for entry in fs.list(folder)? {
            let name = entry.name;
            let number = name.strip_suffix(".spool").and_then(|n| n.parse().ok());
            if let Some(number) = number {
                segments.insert(number, fs.facts(&folder.join(&name))?.len);
            }
        }
        Ok(Self {
            fs: fs.clone(),
            folder: folder.to_owned(),
            most,
            state: Mutex::new(State {
                segments,
                writing: None,
                dirty: false,
                lost: 0,
            }),
        })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:020}.spool"))
    }

    /// Where the next record will stand.
    pub fn end(&self) -> Place {
        let state = self.state.lock();
        let last = state.segments.last_key_value();
        match (last, &state.writing) {
            (Some((number, len)), Some(_)) => Place {
                segment: *number,
                offset: *len,
            },
            (Some((number, _)), None) => Place {
                segment: number + 1,
                offset: 0,
            },
            (None, _) => Place::default(),
        }
    }

    /// Adds a record. It is on the disk after [`Spool::sync`].
    pub fn append(&self, payload: &[u8]) -> Result<(), String> {
        let packed = zstd::bulk::compress(payload, 1).map_err(|e| e.to_string())?;
        let mut record = Vec::with_capacity(packed.len() + 8);
        record.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        record.extend_from_slice(&crc32fast::hash(&packed).to_le_bytes());
        record.extend_from_slice(&packed);
        let mut state = self.state.lock();
        let state = &mut *state;
        let written = self.write(state, &record);
        if written.is_err() {
            // What is torn there ends this segment.
            if let Some(old) = state.writing.take() {
                let _ = old.sync();
            }
        }
        written.map_err(|e| e.to_string())?;
        self.give_way(state);
        Ok(())
    }

    fn write(&self, state: &mut State, record: &[u8]) -> Result<(), FsError> {
        let last = state.segments.last_key_value().map(|(n, len)| (*n, *len));
        let full = last.is_none_or(|(_, len)| len + record.len() as u64 > SEGMENT);
        if full || state.writing.is_none() {
            if let Some(old) = &state.writing {
                old.sync()?;
            }
            state.writing = None;
            let number = last.map_or(0, |(n, _)| n + 1);
            let mut file = self.fs.create(&self.path(number))?;
            state.segments.insert(number, HEAD);
            file.append(MAGIC)?;
            state.writing = Some(file);
            self.fs.sync_dir(&self.folder)?;
        }
        let (Some(file), Some(mut len)) = (&mut state.writing, state.segments.last_entry()) else {
            return Ok(());
        };
        file.append(record)?;
        *len.get_mut() += record.len() as u64;
        state.dirty = true;
        Ok(())
    }

    /// Everything that was added is on the disk.
    pub fn sync(&self) -> Result<(), String> {
        let mut state = self.state.lock();
        if let Some(file) = state.writing.as_ref().filter(|_| state.dirty) {
            file.sync().map_err(|e| e.to_string())?;
        }
        state.dirty = false;
        Ok(())
    }

    fn give_way(&self, state: &mut State) {
        while state.segments.values().sum::<u64>() > self.most && state.segments.len() > 1 {
            let Some((oldest, _)) = state.segments.pop_first() else {
                return;
            };
            state.lost += 1;
            let _ = self.fs.remove_file(&self.path(oldest));
        }
    }

    /// Records from a place on, `bytes` of them unpacked at most, but at least one.
    pub fn read(&self, from: Place, bytes: usize) -> Result<Read, String> {
        let segments = self.state.lock().segments.clone();
        let mut out = Read {
            next: from,
            ..Read::default()
        };
        let mut total = 0;
        let first = segments.range(from.segment..).next().map(|(n, _)| *n);
        if let Some(first) = first.filter(|n| *n > from.segment) {
            // Segments that gave way, or the one that is only begun after a restart.
            out.gap = from.offset > 0 || segments.keys().next() > Some(&from.segment);
            out.next = Place {
                segment: first,
                offset: 0,
            };
        }
        for (number, len) in segments.range(out.next.segment..) {
            if *number != out.next.segment {
                out.next = Place {
                    segment: *number,
                    offset: 0,
                };
            }
            let Ok(file) = self.fs.open(&self.path(*number)) else {
                out.gap = true;
                continue;
            };
            let mut at = out.next.offset.max(HEAD);
            while at < *len {
                if let Some((payload, next)) = record(&file, at, *len) {
                    total += payload.len();
                    out.records.push(payload);
                    at = next;
                    out.next.offset = at;
                    if total >= bytes {
                        return Ok(out);
                    }
                } else {
                    out.gap = true;
                    break;
                }
            }
        }
        Ok(out)
    }

    /// Segments before this place are no longer needed by anybody.
    pub fn forget(&self, before: Place) {
        let mut state = self.state.lock();
        let old: Vec<u64> = state
            .segments
            .range(..before.segment)
            .map(|(n, _)| *n)
            .collect();
        for number in old {
            state.segments.remove(&number);
            let _ = self.fs.remove_file(&self.path(number));
        }
    }

    /// Bytes on disk from a place on, and segments that gave way since the start.
    pub fn waiting(&self, from: Place) -> (u64, u64) {
        let state = self.state.lock();
        let bytes = state.segments.range(from.segment..).map(|(number, len)| {
            if *number == from.segment {
                len.saturating_sub(from.offset.max(HEAD))
            } else {
                len.saturating_sub(HEAD)
            }
        });
        (bytes.sum(), state.lost)
    }
}

/// The record at a place, and where the next begins; `None` where it does not read.
fn record(file: &File, at: u64, len: u64) -> Option<(Vec<u8>, u64)> {
    let mut head = [0; 8];
    file.read_exact_at(&mut head, at).ok()?;
    let size = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let crc = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if size > RECORD || at + 8 + size as u64 > len {
        return None;
    }
    let mut packed = vec![0; size];
    file.read_exact_at(&mut packed, at + 8).ok()?;
    if crc32fast::hash(&packed) != crc {
        return None;
    }
    let mut payload = Vec::new();
    let unpacked = zstd::stream::read::Decoder::new(packed.as_slice()).ok()?;
    let n = unpacked
        .take(RECORD as u64 + 1)
        .read_to_end(&mut payload)
        .ok()?;
    (n <= RECORD).then(|| (payload, at + 8 + size as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(read: &Read) -> Vec<String> {
        let text = |r: &Vec<u8>| String::from_utf8(r.clone()).unwrap();
        read.records.iter().map(text).collect()
    }

    #[test]
    fn records_are_read_in_order_across_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let fs = Fs::real();
        let spool = Spool::open(&fs, dir.path(), 1 << 30).unwrap();
        let start = spool.end();
        spool.append(b"one").unwrap();
        spool.append(b"two").unwrap();
        let read = spool.read(start, 1).unwrap();
        assert_eq!(texts(&read), ["one"]);
        let kept = read.next;
        drop(spool);
        let spool = Spool::open(&fs, dir.path(), 1 << 30).unwrap();
        spool.append(b"three").unwrap();
        let read = spool.read(kept, 1 << 20).unwrap();
        assert_eq!(
            (texts(&read), read.gap),
            (vec!["two".to_owned(), "three".to_owned()], false)
        );
        let rest = spool.read(read.next, 1 << 20).unwrap();
        assert_eq!((texts(&rest), rest.next), (Vec::new(), read.next));
        assert_eq!(spool.waiting(read.next), (0, 0));
        assert!(spool.waiting(kept).0 > 0);
        spool.forget(read.next);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(spool.read(read.next, 9).unwrap().next, read.next);
    }

    #[test]
    fn a_torn_end_harms_nothing_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let fs = Fs::real();
        let spool = Spool::open(&fs, dir.path(), 1 << 30).unwrap();
        let start = spool.end();
        spool.append(b"one").unwrap();
        spool.append(b"two").unwrap();
        drop(spool);
        let path = dir.path().join(format!("{:020}.spool", 0));
        let len = std::fs::metadata(&path).unwrap().len();
        std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(len - 2)
            .unwrap();
        let spool = Spool::open(&fs, dir.path(), 1 << 30).unwrap();
        spool.append(b"three").unwrap();
        let read = spool.read(start, 1 << 20).unwrap();
        assert_eq!(
            (texts(&read), read.gap),
            (vec!["one".to_owned(), "three".to_owned()], true)
        );
    }

    #[test]
    fn beyond_its_bound_the_oldest_goes_and_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(&Fs::real(), dir.path(), 20 << 20).unwrap();
        let start = spool.end();
        let mut noise = vec![0_u8; 5 << 20];
        for (i, byte) in noise.iter_mut().enumerate() {
            *byte = (i.wrapping_mul(2_654_435_761) >> 13) as u8;
        }
        for n in 0..8 {
            noise[0] = n;
            spool.append(&noise).unwrap();
        }
        let (bytes, lost) = spool.waiting(Place::default());
        let read = spool.read(start, 1).unwrap();
        // What compresses well may all find room.
        assert!(bytes <= 20 << 20);
        assert_eq!(read.gap, lost > 0);
        assert_eq!(read.records[0][0] == 0, lost == 0);
    }
}
