//! The door for small durable values: silences, acknowledgements, positions, bookmarks.
//!
//! A table of kind and key in memory, and a log of its changes. What a call has answered `Ok` to is
//! on the disk. Layout: `docs/format/state.md`.

use crate::base::fs::Fs;
use crate::model::view::QueueRow;
use crate::store::disk::bytes::{Reader, put_text, put_uvarint};
use crate::store::disk::wal::{Event, OpenWalError, Settings, Wal};
use crate::store::write::WriteError;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of one value at most.
pub const MAX_VALUE: usize = 1 << 20;
/// Bytes of all keys and values at most.
pub const MAX_TOTAL: usize = 32 << 20;
/// A log shorter than this is not rewritten.
const REWRITE_FROM: u64 = 1 << 20;
const KIND: u16 = 3;

const PUT: u8 = 1;
const REMOVE: u8 = 2;
const WHOLE: u8 = 3;

type Table = BTreeMap<String, BTreeMap<String, Arc<[u8]>>>;

/// The table. Clones share it.
#[derive(Clone)]
pub struct State(Arc<Inner>);

struct Inner {
    wal: Wal,
    table: Mutex<Table>,
    /// Held while a change is on its way, so that the log and the table have one order.
    writing: Mutex<()>,
}

impl State {
    pub(crate) fn open(fs: &Fs, dir: &Path) -> Result<(Self, Vec<String>), OpenWalError> {
        let mut table = Table::new();
        let mut unreadable = 0u64;
        let settings = Settings {
            fs: fs.clone(),
            dir: dir.to_owned(),
            kind: KIND,
            commit_every: Duration::ZERO,
            queue_bytes: 4 * MAX_VALUE,
        };
        let (wal, found) = Wal::open(settings, &mut |event| {
            if let Event::Record { kind, payload } = event
                && apply(&mut table, kind, payload).is_none()
            {
                unreadable += 1;
            }
        })?;
        let mut problems = found.damage;
        if unreadable > 0 {
            let dir = dir.display();
            problems.push(format!(
                "{dir}: {unreadable} records do not read and were left out"
            ));
        }
        let inner = Inner {
            wal,
            table: Mutex::new(table),
            writing: Mutex::new(()),
        };
        Ok((Self(Arc::new(inner)), problems))
    }

    pub fn get(&self, kind: &str, key: &str) -> Option<Arc<[u8]>> {
        self.0.table.lock().get(kind)?.get(key).cloned()
    }

    /// Keys and values of one kind, by key.
    pub fn list(&self, kind: &str) -> Vec<(String, Arc<[u8]>)> {
        let table = self.0.table.lock();
        let rows = table.get(kind).into_iter().flatten();
        rows.map(|(k, v)| (k.clone(), Arc::clone(v))).collect()
    }

    /// Sets a value. After `Ok` it is on the disk; after an error it may or may not be there at the
    /// next start.
    pub fn put(&self, kind: &str, key: &str, value: &[u8]) -> Result<(), WriteError> {
        self.put_many(kind, &[(key, value)])
    }

    /// Sets several values in one commit.
    pub fn put_many(&self, kind: &str, rows: &[(&str, &[u8])]) -> Result<(), WriteError> {
        let more: usize = rows.iter().map(|(k, v)| k.len() + v.len()).sum();
        if let Some((key, value)) = rows.iter().find(|(_, v)| v.len() > MAX_VALUE) {
            let len = value.len();
            return Err(WriteError::Limit(format!(
                "{kind} {key:?} has {len} bytes; a kept value has at most {MAX_VALUE}"
            )));
        }
        let _order = self.0.writing.lock();
        if self.bytes() + more > MAX_TOTAL {
            return Err(WriteError::Limit(format!(
                "the small values of all kinds may have {MAX_TOTAL} bytes together: remove some of {kind}"
            )));
        }
        self.0.wal.admit()?;
        let mut last = 0;
        for (key, value) in rows {
            last = self.0.wal.push(PUT, &entry(kind, key, value), false);
        }
        self.0.wal.wait(last)?;
        {
            let mut table = self.0.table.lock();
            let of_kind = table.entry(kind.to_owned()).or_default();
            for (key, value) in rows {
                of_kind.insert((*key).to_owned(), Arc::from(*value));
            }
        }
        self.rewrite_if_long()
    }

    /// Removes a value; one that is not there is fine.
    pub fn remove(&self, kind: &str, key: &str) -> Result<(), WriteError> {
        let _order = self.0.writing.lock();
        self.0.wal.admit()?;
        let n = self.0.wal.push(REMOVE, &entry(kind, key, &[]), false);
        self.0.wal.wait(n)?;
        if let Some(of_kind) = self.0.table.lock().get_mut(kind) {
            of_kind.remove(key);
        }
        self.rewrite_if_long()
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        let table = self.0.table.lock();
        let rows = table.values().flatten();
        rows.map(|(k, v)| k.len() + v.len() + 16).sum()
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        self.0.wal.bytes()
    }

    pub(crate) fn queue(&self) -> QueueRow {
        self.0.wal.queue()
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.0.wal.trouble().map(|e| e.to_string())
    }

    pub(crate) fn close(&self) {
        self.0.wal.close();
    }

    /// Writes the whole table into a new segment once the log is mostly of the past.
    fn rewrite_if_long(&self) -> Result<(), WriteError> {
        let long = self.0.wal.bytes();
        if long < REWRITE_FROM || long < 4 * self.bytes() as u64 {
            return Ok(());
        }
        let mut whole = Vec::new();
        for (kind, rows) in self.0.table.lock().iter() {
            for (key, value) in rows {
                put_text(&mut whole, kind);
                put_text(&mut whole, key);
                put_uvarint(&mut whole, value.len() as u64);
                whole.extend_from_slice(value);
            }
        }
        let segment = self.0.wal.rotate();
        let n = self.0.wal.push(WHOLE, &whole, false);
        self.0.wal.wait(n)?;
        // The old segments are no harm where they stay: the whole table comes after them.
        let _ = self.0.wal.remove_before(segment);
        Ok(())
    }
}

fn entry(kind: &str, key: &str, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(kind.len() + key.len() + value.len() + 4);
    put_text(&mut out, kind);
    put_text(&mut out, key);
    out.extend_from_slice(value);
    out
}

fn apply(table: &mut Table, record: u8, payload: &[u8]) -> Option<()> {
    let mut r = Reader::new(payload);
    if record == WHOLE {
        table.clear();
        while !r.is_empty() {
            let (kind, key) = (r.text()?, r.text()?);
            let n = usize::try_from(r.uvarint()?).ok()?;
            let of_kind = table.entry(kind.to_owned()).or_default();
            of_kind.insert(key.to_owned(), Arc::from(r.bytes(n)?));
        }
        return Some(());
    }
    let (kind, key) = (r.text()?, r.text()?);
    let of_kind = table.entry(kind.to_owned()).or_default();
    match record {
        PUT => {
            of_kind.insert(key.to_owned(), Arc::from(r.rest));
        }
        REMOVE => {
            of_kind.remove(key);
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fs::sim::{Fault, Sim, Unsynced};

    fn open(sim: &Arc<Sim>) -> State {
        let (state, problems) =
            State::open(&Fs::sim(Arc::clone(sim)), Path::new("/d/state")).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        state
    }

    #[test]
    fn what_was_answered_survives() {
        let sim = Sim::new();
        let state = open(&sim);
        state.put("silence", "a", b"1").unwrap();
        state.put("silence", "b", b"2").unwrap();
        state.put("ack", "a", b"3").unwrap();
        state.put("silence", "a", b"4").unwrap();
        state.remove("silence", "b").unwrap();
        let again = open(&sim.after_crash(Unsynced::Lost));
        assert_eq!(again.get("silence", "a").as_deref(), Some(&b"4"[..]));
        assert_eq!(again.list("silence").len(), 1);
        assert_eq!(again.list("ack").len(), 1);
        assert_eq!(again.list("nothing").len(), 0);
        assert!(matches!(
            state.put("k", "k", &vec![0; MAX_VALUE + 1]),
            Err(WriteError::Limit(_))
        ));
    }

    #[test]
    fn a_long_log_is_rewritten_and_nothing_is_lost_at_any_operation() {
        let body: Vec<u8> = (0..300_000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        for nth in (1..40).chain([1000]) {
            let sim = Sim::new();
            let mut answered = 0;
            sim.fail_at(nth, Fault::Crash);
            if let Ok((state, _)) = State::open(&Fs::sim(Arc::clone(&sim)), Path::new("/d/state")) {
                for i in 1..=9u8 {
                    let mut body = body.clone();
                    body[0] = i;
                    if state.put("k", "big", &body).is_ok() {
                        answered = i;
                    }
                }
                assert!(answered < 9 || state.disk_bytes() < 1_600_000);
            }
            let again = open(&sim.after_crash(Unsynced::Lost));
            let got = again.get("k", "big").map_or(0, |v| v[0]);
            assert!(got >= answered, "{nth}: {got} for {answered}");
            assert!(nth < 1000 || answered == 9);
        }
    }
}
