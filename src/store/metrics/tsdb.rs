//! The series of this store as one: ring, head, log and blocks behind one face.

mod cut;
mod select;
mod upkeep;

use crate::base::fs::Fs;
use crate::model::answer::Metadata;
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::time::TimeRange;
use crate::store::disk::bytes::Reader;
use crate::store::disk::wal::{Event, OpenWalError, Settings, Wal};
use crate::store::live::Ring;
use crate::store::metrics::block::BlockError;
use crate::store::metrics::blocks::Blocks;
use crate::store::metrics::head::{Head, Rules};
use crate::store::metrics::journal::{self, Replay};
use crate::store::state::State;
use crate::store::write::{Append, Appended, SeriesId, WriteError};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const KIND: u16 = 1;
/// An epoch of the log: damage costs at most so much. Longer where there are many series, which
/// are written whole at its beginning.
const EPOCH_BYTES: usize = 1 << 20;
const EPOCH_BYTES_PER_SERIES: usize = 100;
const SEGMENT_BYTES: usize = 8 << 20;
const SEGMENT_BYTES_PER_SERIES: usize = 200;
/// The share of the memory that is for what was read from blocks: one part of so many.
const CACHE_SHARE: usize = 4;
const QUEUE_BYTES: usize = 8 << 20;
/// A sample may be so far in the future, in milliseconds, as in Prometheus' scrape loop.
const FUTURE: i64 = 10 * 60_000;
/// Where descriptions of metrics are kept among the small values.
const METADATA: &str = "metadata";

/// What the series may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of memory for the head.
    pub(crate) memory: usize,
    pub(crate) series: usize,
    /// How late a sample may be, in milliseconds.
    pub(crate) late_window: i64,
}

/// Why the series cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenTsdbError {
    #[error(transparent)]
    Wal(#[from] OpenWalError),
    #[error(transparent)]
    Block(#[from] BlockError),
}

/// What the series stand on.
pub(crate) struct Place {
    pub(crate) fs: Fs,
    pub(crate) dir: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) ring: Ring,
    pub(crate) state: State,
}

pub(crate) struct Tsdb {
    pub(crate) head: RwLock<Live>,
    pub(crate) wal: Wal,
    pub(crate) ring: Ring,
    limits: RwLock<Limits>,
    metadata: Mutex<BTreeMap<String, Metadata>>,
    state: State,
    pub(crate) blocks: Blocks,
    fs: Fs,
    /// Held while a block is cut and while samples are deleted.
    cutting: Mutex<()>,
    /// Cloned into every selection, so that the head keeps what an older one may still read.
    pin: Mutex<Arc<()>>,
    /// A cut whose samples are in a block, and still in the head: up to where, and the pin of the
    /// selections that do not know the block.
    pending: Mutex<Option<(i64, Arc<()>)>>,
    /// What the last round of upkeep could not do.
    problem: Mutex<Option<String>>,
    /// The memory budget is spent: no series are added.
    pub(crate) full: AtomicBool,
}

/// The head, and where its log stands.
pub(crate) struct Live {
    pub(crate) head: Head,
    journal: Vec<u8>,
    epoch_bytes: usize,
    segment_bytes: usize,
    segment: u32,
    /// The next batch begins a new segment.
    ending: bool,
    /// Newest time in each segment of the log.
    pub(crate) newest: BTreeMap<u32, i64>,
}

impl Tsdb {
    /// Opens the blocks and reads the log of what is newer.
    pub(crate) fn open(place: Place) -> Result<(Self, Vec<String>), OpenTsdbError> {
        let cache = place.limits.memory / CACHE_SHARE;
        let blocks = Blocks::open(&place.fs, &place.dir.join("metrics"), cache)?;
        let settings = Settings {
            fs: place.fs.clone(),
            dir: place.dir.join("wal").join("metrics"),
            kind: KIND,
            commit_every: Duration::from_millis(200),
            queue_bytes: QUEUE_BYTES,
        };
        let mut head = Head::new(blocks.until());
        let mut replay = Replay::default();
        let mut newest = BTreeMap::new();
        let mut segment = 0;
        let (wal, found) = Wal::open(settings, &mut |event| match event {
            Event::Segment(n) => {
                newest.insert(segment, replay.newest);
                segment = n;
                replay.segment();
            }
            Event::Damage => replay.damage(),
            Event::Record {
                kind: journal::CUT,
                payload,
            } => {
                // What came late for earlier blocks and in time for this one is in it.
                let until = Reader::new(payload).varint();
                if let Some(until) = until.filter(|u| *u <= blocks.until()) {
                    head.forget_late(until);
                }
            }
            Event::Record { kind, payload } => replay.record(kind, payload, &mut head),
        })?;
        newest.insert(segment, replay.newest);
        newest.remove(&0);
        let mut problems = found.damage;
        if replay.orphans + replay.unreadable > 0 {
            problems.push(format!(
                "the log of metrics: {} samples without a name and {} unreadable records were left out",
                replay.orphans, replay.unreadable
            ));
        }
        let live = Live {
            head,
            journal: Vec::new(),
            epoch_bytes: usize::MAX / 2, // the first append begins an epoch
            segment_bytes: 0,
            segment: wal.segment(),
            ending: false,
            newest,
        };
        let known = place.state.list(METADATA).into_iter();
        let known = known.filter_map(|(k, v)| Some((k, serde_json::from_slice(&v).ok()?)));
        let tsdb = Self {
            head: RwLock::new(live),
            wal,
            ring: place.ring,
            limits: RwLock::new(place.limits),
            metadata: Mutex::new(known.collect()),
            state: place.state,
            blocks,
            fs: place.fs,
            cutting: Mutex::new(()),
            pin: Mutex::default(),
            pending: Mutex::new(None),
            problem: Mutex::new(None),
            full: AtomicBool::new(false),
        };
        Ok((tsdb, problems))
    }

    pub(crate) fn limits(&self) -> Limits {
        *self.limits.read()
    }

    /// Other limits from now on. The cache of blocks shrinks at once, the head with the next upkeep.
    pub(crate) fn allow(&self, memory: usize, series: usize) {
        {
            let mut limits = self.limits.write();
            (limits.memory, limits.series) = (memory, series);
        }
        self.blocks.allow_cache(memory / CACHE_SHARE);
    }

    pub(crate) fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
        if let Some(id) = self.head.read().head.find(labels) {
            return Ok(id);
        }
        let mut live = self.head.write();
        if let Some(id) = live.head.find(labels) {
            return Ok(id);
        }
        let limits = self.limits();
        if live.head.len() >= limits.series {
            return Err(WriteError::Limit(format!(
                "{} series are kept, which is the limit (limits.series): {labels} was not added",
                limits.series
            )));
        }
        if self.full.load(Ordering::Relaxed) {
            return Err(WriteError::Limit(format!(
                "the head has its {} MiB of memory (limits.memory): the new series {labels} was not added",
                limits.memory >> 20
            )));
        }
        Ok(live.head.resolve(labels))
    }

    pub(crate) fn append(&self, batch: &[Append], now: i64) -> Result<Appended, WriteError> {
        self.wal.admit()?;
        let rules = Rules {
            late_window: self.limits().late_window,
            newest: now.saturating_add(FUTURE),
        };
        let mut result = Appended::default();
        let mut guard = self.head.write();
        let live = &mut *guard;
        live.begin_epoch_if_due(&self.wal);
        live.journal.clear();
        live.head
            .append(batch, &rules, &mut live.journal, &mut result);
        live.log(&self.wal);
        Ok(result)
    }

    /// Deletes the samples in the range of every series that satisfies the matchers.
    pub(crate) fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<(), WriteError> {
        self.wal.admit()?;
        let _cutting = self.cutting.lock();
        let mut guard = self.head.write();
        let live = &mut *guard;
        let series = live.head.select(matchers, range);
        live.begin_epoch_if_due(&self.wal);
        live.journal.clear();
        for id in series {
            live.head.delete(id, range, &mut live.journal);
        }
        live.log(&self.wal);
        drop(guard);
        let deleted = self.blocks.delete(matchers, range);
        deleted.map_err(|e| WriteError::Io(e.to_string()))
    }

    pub(crate) fn describe(&self, metadata: &[Metadata]) {
        let mut changed = Vec::new();
        {
            let mut known = self.metadata.lock();
            for m in metadata {
                if known.get(&m.metric) != Some(m) {
                    known.insert(m.metric.clone(), m.clone());
                    if let Ok(json) = serde_json::to_vec(m) {
                        changed.push((m.metric.clone(), json));
                    }
                }
            }
        }
        let rows: Vec<(&str, &[u8])> = changed.iter().map(|(k, v)| (k.as_str(), &v[..])).collect();
        if !rows.is_empty() {
            // Descriptions come again with every scrape: one that was not kept is no loss.
            let _ = self.state.put_many(METADATA, &rows);
        }
    }

    pub(crate) fn metadata(&self, metric: &str, limit: usize) -> Vec<Metadata> {
        let known = self.metadata.lock();
        crate::store::live::pick_metadata(&known, metric, limit)
    }
}

impl Live {
    /// The next batch begins a new segment of the log.
    fn end_segment(&mut self) {
        self.ending = true;
    }

    fn begin_epoch_if_due(&mut self, wal: &Wal) {
        let series = self.head.len();
        let long = self.segment_bytes >= SEGMENT_BYTES.max(SEGMENT_BYTES_PER_SERIES * series);
        let segment = self.segment_bytes > 0 && (long || self.ending);
        if !segment && self.epoch_bytes < EPOCH_BYTES.max(EPOCH_BYTES_PER_SERIES * series) {
            return;
        }
        self.ending = false;
        if segment {
            self.segment = wal.rotate();
            self.segment_bytes = 0;
        }
        self.head.begin_epoch(self.segment_bytes == 0);
        self.epoch_bytes = 0;
        wal.push(journal::EPOCH, &[], false);
    }

    /// Hands the journal to the log.
    fn log(&mut self, wal: &Wal) {
        if self.journal.is_empty() {
            return;
        }
        self.epoch_bytes += self.journal.len();
        self.segment_bytes += self.journal.len();
        wal.push(journal::DATA, &self.journal, true);
        if let Some(t) = self.head.newest() {
            let newest = self.newest.entry(self.segment).or_insert(t);
            *newest = (*newest).max(t);
        }
        self.journal.shrink_to(1 << 20);
    }
}

#[cfg(test)]
mod tests;
