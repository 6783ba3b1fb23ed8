//! The store of lines: head, log and parts together, and the thread that commits.
//!
//! A commit is one record of the log. Before it is written, full buffers become blocks at the end
//! of the open part; the record says how long that file is now, which lines it has taken over, the
//! lines that are in no block yet, and how far every source is read. So the record is the one
//! moment at which all of it counts: after a crash what the part holds beyond is cut off and read
//! again from its source.

mod commit;
mod open;
mod search;
mod tally;
mod upkeep;

use crate::base::clock::Clock;
use crate::base::fs::Fs;
use crate::model::labels::Labels;
use crate::model::view::QueueRow;
use crate::store::disk::cache::Cache;
use crate::store::disk::wal::Wal;
use crate::store::logs::head::{Head, SEAL};
use crate::store::logs::part::{Index, PartFile};
use crate::store::write::WriteError;
use crate::store::write::logs::{LogBatch, StreamId};
use parking_lot::{Condvar, Mutex, RwLock};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) use open::OpenLogsError;
pub(crate) use upkeep::Keep;

/// A commit comes at the latest so long after its first line.
const COMMIT_EVERY: Duration = Duration::from_millis(200);
/// Sealed bytes from which the committer starts at once, and from which writers wait.
const HURRY: usize = 16 * SEAL;
const WAIT: usize = 32 * SEAL;
/// Bytes of the indexes of closed parts that are kept in memory.
const INDEX_CACHE: usize = 4 << 20;

/// What is done before each commit, on the thread that commits.
pub(crate) type Before = Arc<dyn Fn() + Send + Sync>;

/// What a store of lines is opened with.
pub(crate) struct Setting {
    pub(crate) fs: Fs,
    pub(crate) clock: Clock,
    /// The data directory.
    pub(crate) dir: PathBuf,
    pub(crate) max_streams: usize,
}

/// Clones share the store.
#[derive(Clone)]
pub(crate) struct LogDb(Arc<Inner>);

struct Inner {
    setting: Setting,
    wal: Wal,
    state: RwLock<State>,
    turn: Mutex<Turn>,
    /// Wakes the committer.
    work: Condvar,
    /// Wakes those who wait for a commit or for room.
    done: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
    indexes: Cache<u32, Opened>,
    damage: Mutex<Vec<String>>,
    /// Why nothing more is taken while the disk is nearly full.
    low_disk: Mutex<Option<String>>,
    before: Mutex<Option<Before>>,
}

struct State {
    head: Head,
    parts: Vec<Arc<Closed>>,
    /// What readers see of the part that is being written.
    open: Option<OpenPart>,
}

#[derive(Clone)]
struct OpenPart {
    number: u32,
    opened: Arc<Opened>,
    bytes: u64,
}

/// A part as a search uses it.
struct Opened {
    file: Arc<PartFile>,
    index: Arc<Index>,
    /// The store's number of each of the part's streams.
    streams: Vec<u32>,
}

/// A part that nothing is added to any more.
struct Closed {
    number: u32,
    min: i64,
    max: i64,
    /// Bytes of the file, of lines, lines, blocks.
    bytes: u64,
    raw: u64,
    rows: u64,
    blocks: u64,
}

/// Who works, and what waits for it.
#[derive(Default)]
struct Turn {
    /// Number of the newest append, and of the newest that a commit took.
    appended: u64,
    committed: u64,
    pending: bool,
    urgent: bool,
    closing: bool,
    sealed_bytes: usize,
    trouble: Option<WriteError>,
}

impl LogDb {
    pub(crate) fn stream(&self, labels: &Labels) -> Result<StreamId, WriteError> {
        let mut state = self.0.state.write();
        let max = self.0.setting.max_streams;
        if state.head.streams.len() >= max && !state.head.knows(labels) {
            return Err(WriteError::Limit(format!(
                "the store holds {max} streams, and {labels} would be one more: a label with ever new values makes a stream of each line; drop it, or keep it as structured metadata"
            )));
        }
        Ok(StreamId(state.head.stream(labels)))
    }

    pub(crate) fn append(&self, batch: &LogBatch) -> Result<(), WriteError> {
        self.admit()?;
        let now = self.0.setting.clock.now_ms();
        let sealed = {
            let mut state = self.0.state.write();
            state.head.append(batch, now);
            state.head.sealed_bytes
        };
        let mut turn = self.0.turn.lock();
        turn.appended += 1;
        turn.sealed_bytes = sealed;
        let first = !std::mem::replace(&mut turn.pending, true);
        if first || sealed >= HURRY {
            self.0.work.notify_one();
        }
        Ok(())
    }

    /// What has to be on the disk before lines and positions are.
    pub(crate) fn before_commits(&self, work: Before) {
        *self.0.before.lock() = Some(work);
    }

    /// Waits until there is room for more.
    pub(crate) fn admit(&self) -> Result<(), WriteError> {
        if let Some(why) = self.0.low_disk.lock().clone() {
            return Err(WriteError::Io(why));
        }
        let mut turn = self.0.turn.lock();
        loop {
            match &turn.trouble {
                Some(e @ WriteError::Poisoned(_)) => return Err(e.clone()),
                Some(e) if turn.sealed_bytes >= WAIT => return Err(e.clone()),
                _ if turn.sealed_bytes < WAIT => return Ok(()),
                _ => {}
            }
            self.0.work.notify_one();
            self.0.done.wait(&mut turn);
        }
    }

    /// Waits until everything that was appended is on the disk.
    pub(crate) fn flush(&self) -> Result<(), WriteError> {
        let mut turn = self.0.turn.lock();
        let until = turn.appended;
        while turn.committed < until {
            if let Some(e) = &turn.trouble {
                return Err(e.clone());
            }
            turn.urgent = true;
            self.0.work.notify_one();
            self.0.done.wait(&mut turn);
        }
        Ok(())
    }

    pub(crate) fn queue(&self) -> QueueRow {
        self.0.wal.queue()
    }

    pub(crate) fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.0.state.read().head.positions.get(source).cloned()
    }

    pub(crate) fn positions(&self) -> Vec<(String, Vec<u8>)> {
        let state = self.0.state.read();
        let all = state.head.positions.iter();
        all.map(|(s, p)| (s.clone(), p.clone())).collect()
    }

    /// Commits, and ends the thread. Reading goes on.
    pub(crate) fn close(&self) {
        self.0.turn.lock().closing = true;
        self.0.work.notify_one();
        if let Some(thread) = self.0.thread.lock().take() {
            let _ = thread.join();
        }
        self.0.wal.close();
    }
}

impl State {
    fn opened(&self, index: Arc<Index>, file: Arc<PartFile>) -> Opened {
        let streams = index.streams.iter().map(|l| self.head.number(l));
        Opened {
            streams: streams.collect(),
            file,
            index,
        }
    }
}

impl Closed {
    fn of(number: u32, index: &Index, bytes: u64) -> Self {
        let blocks = index.blocks.iter().map(|b| &b.1);
        Self {
            number,
            bytes,
            min: blocks.clone().map(|b| b.min).min().unwrap_or(i64::MAX),
            max: blocks.clone().map(|b| b.max).max().unwrap_or(i64::MIN),
            raw: blocks.clone().map(|b| b.raw).sum(),
            rows: blocks.clone().map(|b| b.rows()).sum(),
            blocks: index.blocks.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests;
