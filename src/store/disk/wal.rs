//! The write-ahead log: one implementation, one log per kind of data.
//!
//! Records are queued in memory and written by one thread, which commits (write, fsync) at the
//! latest [`Settings::commit_every`] after the first of them. A failed fsync poisons the log: what
//! the disk holds is then unknown, so nothing more is accepted until the next start. A full disk
//! stalls it: what is queued stays queued and is tried again.
//!
//! Not here: what a record means. That is `metrics::journal`, `snapshots` and `state`.

mod replay;
mod writer;

pub(crate) use replay::{Event, Replayed};

use crate::base::fs::{Fs, FsError};
use crate::model::view::{QueueRow, QueueUnit};
use crate::store::write::WriteError;
use parking_lot::{Condvar, Mutex};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) const MAGIC: [u8; 8] = *b"BONGSUWL";
pub(crate) const VERSION: u16 = 1;
pub(crate) const HEADER: usize = 16;
/// Records of one commit that follow each other and may be one are joined up to this size.
const JOIN: usize = 4 << 20;

/// How one log behaves.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) fs: Fs,
    pub(crate) dir: PathBuf,
    /// Written into every segment, so that logs are not mistaken for each other.
    pub(crate) kind: u16,
    pub(crate) commit_every: Duration,
    /// Queued bytes from which [`Wal::admit`] waits.
    pub(crate) queue_bytes: usize,
}

/// Why a log takes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WalError {
    #[error("{0}; this log accepts nothing more until bongsu is started again, reading goes on")]
    Poisoned(String),
    #[error("{0}; collecting goes on as soon as there is room")]
    Full(String),
}

impl From<WalError> for WriteError {
    fn from(e: WalError) -> Self {
        match e {
            WalError::Poisoned(_) => Self::Poisoned(e.to_string()),
            WalError::Full(_) => Self::Io(e.to_string()),
        }
    }
}

/// A log that is open for appending. Dropping it commits what is queued and joins the thread.
pub(crate) struct Wal {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    settings: Settings,
    state: Mutex<State>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes those who wait for a commit or for room.
    done: Condvar,
}

#[derive(Default)]
struct State {
    queue: Vec<Queued>,
    queued_bytes: usize,
    /// Number of the newest queued record and of the newest committed one.
    newest: u64,
    committed: u64,
    /// Somebody waits for the commit: do not wait for more.
    urgent: bool,
    closing: bool,
    trouble: Option<WalError>,
    /// The segment that records queued now go to.
    segment: u32,
    segments: Vec<Segment>,
}

enum Queued {
    Record { kind: u8, payload: Vec<u8> },
    Rotate,
}

/// One file of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) number: u32,
    pub(crate) bytes: u64,
}

impl Wal {
    /// Reads what is there, hands every record to `each` in order, cuts a torn tail, and starts the
    /// writer at a new segment. The segment's file appears with its first record.
    pub(crate) fn open(
        settings: Settings,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(Self, Replayed), OpenWalError> {
        settings.fs.create_dir_all(&settings.dir)?;
        let replayed = replay::run(&settings, each)?;
        let first = replayed.segments.last().map_or(1, |s| s.number + 1);
        let state = State {
            segment: first,
            segments: replayed.segments.clone(),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
            settings,
        });
        let name = shared.settings.dir.file_name().unwrap_or_default();
        let thread = std::thread::Builder::new()
            .name(format!("wal-{}", name.to_string_lossy()))
            .spawn({
                let shared = Arc::clone(&shared);
                move || writer::run(&shared, first)
            })
            .map_err(|e| OpenWalError::Thread(e.to_string()))?;
        let wal = Self {
            shared,
            thread: Mutex::new(Some(thread)),
        };
        Ok((wal, replayed))
    }

    /// Waits until the queue has room. Asked before any lock is taken that readers need, since
    /// [`Wal::push`] does not wait.
    pub(crate) fn admit(&self) -> Result<(), WalError> {
        let mut state = self.shared.state.lock();
        loop {
            let full = state.queued_bytes >= self.shared.settings.queue_bytes;
            match &state.trouble {
                Some(e @ WalError::Poisoned(_)) => return Err(e.clone()),
                Some(e) if full => return Err(e.clone()),
                _ if !full => return Ok(()),
                _ => {}
            }
            self.shared.work.notify_one();
            self.shared.done.wait(&mut state);
        }
    }

    /// Queues a record and returns its number. With `join` it may become one record with the
    /// records of its type that stand before it in the same commit.
    pub(crate) fn push(&self, kind: u8, payload: &[u8], join: bool) -> u64 {
        let mut state = self.shared.state.lock();
        state.newest += 1;
        state.queued_bytes += payload.len();
        match state.queue.last_mut() {
            Some(Queued::Record {
                kind: last,
                payload: body,
            }) if join && *last == kind && body.len() + payload.len() <= JOIN => {
                body.extend_from_slice(payload);
            }
            _ => state.queue.push(Queued::Record {
                kind,
                payload: payload.to_vec(),
            }),
        }
        if state.newest == state.committed + 1
            || state.queued_bytes >= self.shared.settings.queue_bytes / 2
        {
            self.shared.work.notify_one();
        }
        state.newest
    }

    /// What is pushed from here on goes to the next segment, whose number is returned.
    pub(crate) fn rotate(&self) -> u32 {
        let mut state = self.shared.state.lock();
        state.queue.push(Queued::Rotate);
        state.segment += 1;
        state.segment
    }

    /// The segment that a record pushed now would go to.
    pub(crate) fn segment(&self) -> u32 {
        self.shared.state.lock().segment
    }

    /// Waits until record `number` is on the disk.
    pub(crate) fn wait(&self, number: u64) -> Result<(), WalError> {
        let mut state = self.shared.state.lock();
        while state.committed < number {
            if let Some(e) = &state.trouble {
                return Err(e.clone());
            }
            state.urgent = true;
            self.shared.work.notify_one();
            self.shared.done.wait(&mut state);
        }
        Ok(())
    }

    /// Waits until everything queued is on the disk.
    pub(crate) fn flush(&self) -> Result<(), WalError> {
        let newest = self.shared.state.lock().newest;
        self.wait(newest)
    }

    pub(crate) fn trouble(&self) -> Option<WalError> {
        self.shared.state.lock().trouble.clone()
    }

    pub(crate) fn segments(&self) -> Vec<Segment> {
        self.shared.state.lock().segments.clone()
    }

    /// Bytes on the disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments().iter().map(|s| s.bytes).sum()
    }

    /// What waits for the disk.
    pub(crate) fn queue(&self) -> QueueRow {
        let state = self.shared.state.lock();
        let name = self.shared.settings.dir.file_name().unwrap_or_default();
        QueueRow {
            name: format!("wal/{}", name.to_string_lossy()),
            len: state.queued_bytes as u64,
            capacity: self.shared.settings.queue_bytes as u64,
            // A poisoned log commits nothing more: what came since is lost to it.
            dropped: match state.trouble {
                Some(WalError::Poisoned(_)) => state.newest - state.committed,
                _ => 0,
            },
            unit: QueueUnit::Bytes,
        }
    }

    /// Reads one segment again, as far as it is written.
    pub(crate) fn read_segment(
        &self,
        number: u32,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), OpenWalError> {
        replay::reread(&self.shared.settings, number, each)
    }

    /// Removes the segments before `number`.
    pub(crate) fn remove_before(&self, number: u32) -> Result<(), FsError> {
        let settings = &self.shared.settings;
        let old: Vec<u32> = {
            let state = self.shared.state.lock();
            let current = state.segment;
            let old = state.segments.iter().map(|s| s.number);
            old.filter(|n| *n < number && *n < current).collect()
        };
        for n in &old {
            settings.fs.remove_file(&segment_path(&settings.dir, *n))?;
            self.shared.state.lock().segments.retain(|s| s.number != *n);
        }
        if old.is_empty() {
            return Ok(());
        }
        settings.fs.sync_dir(&settings.dir)
    }

    /// Commits what is queued and ends the thread.
    pub(crate) fn close(&self) {
        self.shared.state.lock().closing = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        self.close();
    }
}

/// Why a log cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenWalError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("{} was written by a newer bongsu (version {version} of the log's format; this one knows {VERSION}): start that one, or move the file away", path.display())]
    Newer { path: PathBuf, version: u16 },
    #[error("the log's writer could not be started: {0}")]
    Thread(String),
}

pub(crate) fn segment_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.wal"))
}

#[cfg(test)]
mod tests;
