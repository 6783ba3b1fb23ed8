//! Small records of what is no series, by kind and time: the greediest processes, events, dumps.
//!
//! They live in their log and are read from it: memory holds only which segment covers which times.
//! A record is packed with an earlier one of its kind as the dictionary, since the next list of
//! processes is much like the one before. Layout: `docs/format/snapshots.md`.

use crate::base::fs::Fs;
use crate::store::disk::bytes::{Reader, put_text, put_uvarint, put_varint};
use crate::store::disk::wal::{Event, OpenWalError, Settings, Wal};
use crate::store::read::ReadError;
use crate::store::write::WriteError;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

/// Bytes of one record at most.
const MAX_BODY: usize = 1 << 20;
const KIND: u16 = 2;
const LEVEL: i32 = 6;
/// A record that needs no other is written at least once in so many of its kind.
const KEY_EVERY: u32 = 32;
const SEGMENT_BYTES: u64 = 1 << 20;

/// Record types: one that stands alone, and one packed with the last of those as its dictionary.
const KEY: u8 = 1;
const NEXT: u8 = 2;

/// Sees a record's time, and may ask for its body.
type See<'a> = &'a mut dyn FnMut(i64, &dyn Fn() -> Option<Vec<u8>>);

pub(crate) struct Snapshots {
    wal: Wal,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By segment, by kind: first and last time.
    spans: BTreeMap<u32, HashMap<String, (i64, i64)>>,
    /// By kind: the last record that stands alone, and how many were written since.
    keys: HashMap<String, (Vec<u8>, u32)>,
    segment: u32,
}

impl State {
    fn note(&mut self, segment: u32, kind: &str, t: i64) {
        let kinds = self.spans.entry(segment).or_default();
        match kinds.get_mut(kind) {
            Some(span) => *span = (span.0.min(t), span.1.max(t)),
            None => {
                kinds.insert(kind.to_owned(), (t, t));
            }
        }
    }
}

/// One record as its payload says it.
struct Packed<'a> {
    kind: &'a str,
    t: i64,
    len: usize,
    body: &'a [u8],
}

impl<'a> Packed<'a> {
    fn read(payload: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(payload);
        let (kind, t) = (r.text()?, r.varint()?);
        let len = usize::try_from(r.uvarint()?).ok()?;
        (len <= MAX_BODY).then_some(Self {
            kind,
            t,
            len,
            body: r.rest,
        })
    }

    fn unpack(&self, key: &[u8]) -> Option<Vec<u8>> {
        let mut unpacker = zstd::bulk::Decompressor::with_dictionary(key).ok()?;
        let body = unpacker.decompress(self.body, self.len).ok()?;
        (body.len() == self.len).then_some(body)
    }
}

impl Snapshots {
    pub(crate) fn open(fs: &Fs, dir: &Path) -> Result<(Self, Vec<String>), OpenWalError> {
        let mut state = State::default();
        let mut segment = 0;
        let settings = Settings {
            fs: fs.clone(),
            dir: dir.to_owned(),
            kind: KIND,
            commit_every: Duration::from_millis(200),
            queue_bytes: 4 * MAX_BODY,
        };
        let (wal, found) = Wal::open(settings, &mut |event| match event {
            Event::Segment(n) => segment = n,
            Event::Record { payload, .. } => {
                if let Some(record) = Packed::read(payload) {
                    state.note(segment, record.kind, record.t);
                }
            }
            Event::Damage => {}
        })?;
        state.segment = wal.segment();
        let snapshots = Self {
            wal,
            state: Mutex::new(state),
        };
        Ok((snapshots, found.damage))
    }

    pub(crate) fn put(&self, kind: &str, t: i64, body: &[u8]) -> Result<(), WriteError> {
        if body.len() > MAX_BODY {
            let len = body.len();
            return Err(WriteError::Limit(format!(
                "a record of {kind} has {len} bytes; at most {MAX_BODY} are kept"
            )));
        }
        self.wal.admit()?;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let current = self.wal.segments().last().copied();
        if current.is_some_and(|s| s.number == state.segment && s.bytes >= SEGMENT_BYTES) {
            state.segment = self.wal.rotate();
            state.keys.clear();
        }
        let key = state.keys.get(kind).filter(|(_, n)| *n < KEY_EVERY);
        let record = if key.is_some() { NEXT } else { KEY };
        let dictionary = key.map(|(body, _)| body.as_slice()).unwrap_or_default();
        let packed = zstd::bulk::Compressor::with_dictionary(LEVEL, dictionary)
            .and_then(|mut c| c.compress(body))
            .map_err(|e| WriteError::Io(format!("a record of {kind} cannot be packed: {e}")))?;
        let mut payload = Vec::with_capacity(packed.len() + kind.len() + 16);
        put_text(&mut payload, kind);
        put_varint(&mut payload, t);
        put_uvarint(&mut payload, body.len() as u64);
        payload.extend_from_slice(&packed);
        self.wal.push(record, &payload, false);
        let segment = state.segment;
        state.note(segment, kind, t);
        match state.keys.get_mut(kind) {
            Some((_, n)) if record == NEXT => *n += 1,
            _ => {
                state.keys.insert(kind.to_owned(), (body.to_vec(), 1));
            }
        }
        Ok(())
    }

    /// The newest record of a kind that is not younger than `t`, with its time.
    pub(crate) fn at(&self, kind: &str, t: i64) -> Result<Option<(i64, Vec<u8>)>, ReadError> {
        // Segments are in order of writing; the one with the newest time up to t has it.
        let mut segments: Vec<(i64, u32)> = {
            let state = self.state.lock();
            let spans = state.spans.iter();
            let covering = spans.filter_map(|(n, kinds)| {
                let (first, last) = kinds.get(kind)?;
                (*first <= t).then_some(((*last).min(t), *n))
            });
            covering.collect()
        };
        segments.sort_unstable_by(|a, b| b.cmp(a));
        let mut best: Option<(i64, Vec<u8>)> = None;
        for (reach, segment) in segments {
            if best.as_ref().is_some_and(|b| b.0 >= reach) {
                break;
            }
            let mut found = Vec::new();
            self.scan(segment, kind, &mut |at, body| {
                if at <= t && found.last().is_none_or(|(b, _)| at >= *b) {
                    found.clear();
                    found.push((at, body()));
                }
            })?;
            if let Some((at, Some(body))) = found.pop()
                && best.as_ref().is_none_or(|b| at > b.0)
            {
                best = Some((at, body));
            }
        }
        Ok(best)
    }

    /// The records of a kind from `from` to `to`, oldest first, at most `limit`.
    pub(crate) fn between(
        &self,
        kind: &str,
        from: i64,
        to: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Vec<u8>)>, ReadError> {
        let segments: Vec<u32> = {
            let state = self.state.lock();
            let spans = state.spans.iter();
            let inside = |(a, b): &(i64, i64)| *a <= to && *b >= from;
            let hits = spans.filter(|(_, kinds)| kinds.get(kind).is_some_and(inside));
            hits.map(|(n, _)| *n).collect()
        };
        let mut out = Vec::new();
        for segment in segments {
            self.scan(segment, kind, &mut |t, body| {
                if (from..=to).contains(&t)
                    && out.len() < limit
                    && let Some(body) = body()
                {
                    out.push((t, body));
                }
            })?;
        }
        out.sort_by_key(|(t, _)| *t);
        Ok(out)
    }

    /// Walks the records of a kind in one segment; the body is unpacked when it is asked for.
    fn scan(&self, segment: u32, kind: &str, see: See<'_>) -> Result<(), ReadError> {
        // What was put just now is read too. A log in trouble still has what it had.
        let _ = self.wal.flush();
        // Unknown after damage: what is packed with it cannot be read until the next.
        let mut key: Option<Vec<u8>> = None;
        let walk = self.wal.read_segment(segment, &mut |event| {
            let Event::Record {
                kind: record,
                payload,
            } = event
            else {
                key = None;
                return;
            };
            let Some(packed) = Packed::read(payload).filter(|p| p.kind == kind) else {
                return;
            };
            if record == KEY {
                key = packed.unpack(&[]);
                see(packed.t, &|| key.clone());
            } else {
                see(packed.t, &|| packed.unpack(key.as_ref()?));
            }
        });
        walk.map_err(|e| ReadError::Io(e.to_string()))
    }

    /// Removes whole segments: those that end before `oldest`, and the oldest beyond `bytes`.
    pub(crate) fn retain(&self, oldest: i64, bytes: u64) {
        let mut state = self.state.lock();
        let mut total = self.wal.bytes();
        let mut first = 0;
        for s in self.wal.segments() {
            if s.number >= state.segment {
                break;
            }
            let kinds = state.spans.get(&s.number);
            let newest = kinds.and_then(|k| k.values().map(|span| span.1).max());
            if newest.is_some_and(|t| t >= oldest) && total <= bytes {
                break;
            }
            total -= s.bytes;
            first = s.number + 1;
        }
        if self.wal.remove_before(first).is_ok() {
            state.spans.retain(|n, _| *n >= first);
        }
    }

    pub(crate) fn wal(&self) -> &Wal {
        &self.wal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fs::sim::{Sim, Unsynced};
    use std::sync::Arc;

    fn open(sim: &Arc<Sim>) -> Snapshots {
        Snapshots::open(&Fs::sim(Arc::clone(sim)), Path::new("/d/snapshots"))
            .unwrap()
            .0
    }

    /// Twenty rows of processes, most of them like those before.
    fn body(i: i64) -> Vec<u8> {
        let row = |p: i64| {
            format!(
                "{{\"pid\":{},\"name\":\"worker-{p}\",\"cpu\":{},\"rss\":{}}}",
                p * 37,
                (i * p * 7919) % 100,
                4096 * ((i + p) % 50)
            )
        };
        (0..20).map(row).collect::<String>().into_bytes()
    }

    #[test]
    fn the_nearest_before_is_found_also_after_a_crash() {
        let sim = Sim::new();
        let snapshots = open(&sim);
        for i in 0..200 {
            snapshots.put("processes", i * 15_000, &body(i)).unwrap();
            if i % 50 == 0 {
                snapshots.put("event", i * 15_000 + 1, b"started").unwrap();
            }
        }
        let check = |s: &Snapshots| {
            assert_eq!(
                s.at("processes", 77 * 15_000 + 4).unwrap(),
                Some((77 * 15_000, body(77)))
            );
            assert_eq!(
                s.at("processes", i64::MAX).unwrap().unwrap().0,
                199 * 15_000
            );
            assert_eq!(s.at("processes", -1).unwrap(), None);
            assert_eq!(s.at("nothing", 5).unwrap(), None);
            assert_eq!(
                s.at("event", 60 * 15_000).unwrap().unwrap().0,
                50 * 15_000 + 1
            );
            let some = s.between("processes", 15_000, 60_000, 99).unwrap();
            assert_eq!(
                some.iter().map(|s| s.0).collect::<Vec<_>>(),
                [15_000, 30_000, 45_000, 60_000]
            );
        };
        check(&snapshots);
        let bytes = snapshots.wal().bytes();
        assert!(bytes < 200 * 350, "{bytes}");
        check(&open(&sim.after_crash(Unsynced::Lost)));
    }

    #[test]
    fn old_segments_go() {
        let sim = Sim::new();
        for start in 0..4i64 {
            let snapshots = open(&sim);
            for i in 0..10 {
                snapshots.put("k", start * 100 + i, &body(i)).unwrap();
            }
        }
        let snapshots = open(&sim);
        snapshots.retain(105, u64::MAX);
        assert_eq!(snapshots.at("k", 99).unwrap(), None);
        assert_eq!(snapshots.at("k", 150).unwrap().unwrap().0, 109);
        snapshots.retain(0, 0);
        assert_eq!(snapshots.at("k", 999).unwrap(), None);
    }
}
