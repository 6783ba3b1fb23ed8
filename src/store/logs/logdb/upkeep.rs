//! What the store of lines does for itself: retention, idle buffers, the floor of free space.

use crate::store::logs::logdb::{Inner, LogDb};
use crate::store::logs::part::path_of;
use crate::store::write::WriteError;

/// A buffer that got its first line so long ago becomes a block, in milliseconds.
const IDLE_MS: i64 = 30 * 60_000;
/// Bytes of the log beyond which old segments are emptied into blocks.
const LOG_BYTES: u64 = 24 << 20;
/// Nothing is written while less of the disk is free.
const FLOOR: u64 = 64 << 20;

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// Lines before this time go, in nanoseconds since the epoch.
    pub(crate) oldest: i64,
    /// Bytes of parts that are kept at most; 0 is no limit.
    pub(crate) bytes: u64,
    /// Bytes that stay free on the disk: the oldest parts go first.
    pub(crate) free: u64,
}

/// How much there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogFacts {
    pub(crate) streams: u64,
    pub(crate) blocks: u64,
    pub(crate) lines: u64,
    /// Bytes of lines, and of files including the log.
    pub(crate) raw_bytes: u64,
    pub(crate) disk_bytes: u64,
    pub(crate) memory: u64,
    pub(crate) problems: Vec<String>,
}

impl LogDb {
    /// One round.
    pub(crate) fn upkeep(&self, keep: Keep) {
        self.seal_idle();
        self.drop_parts(keep);
        let free = self.0.setting.fs.free_space(&self.0.setting.dir).ok();
        let low = free.filter(|f| *f < FLOOR).map(|free| {
            format!(
                "only {} MiB are free where {} lies: no more log lines are stored until {} MiB are; they wait in their files",
                free >> 20,
                self.0.setting.dir.display(),
                FLOOR >> 20
            )
        });
        *self.0.low_disk.lock() = low;
    }

    fn seal_idle(&self) {
        let now = self.0.setting.clock.now_ms();
        let segments = self.0.wal.segments();
        let last = segments.last().map_or(0, |s| s.number);
        let long = self.0.wal.bytes() > LOG_BYTES;
        let mut sealed = false;
        {
            let mut state = self.0.state.write();
            for id in 0..state.head.streams.len() as u32 {
                let stream = &state.head.streams[id as usize];
                let idle = now - stream.since >= IDLE_MS;
                let holds = long && stream.segment.is_some_and(|n| n < last);
                if !stream.open.is_empty() && (idle || holds) {
                    state.head.seal(id);
                    sealed = true;
                }
            }
        }
        if sealed {
            let mut turn = self.0.turn.lock();
            turn.pending = true;
            self.0.work.notify_one();
        }
    }

    fn drop_parts(&self, keep: Keep) {
        let inner: &Inner = &self.0;
        let free = || {
            inner
                .setting
                .fs
                .free_space(&inner.setting.dir)
                .unwrap_or(u64::MAX)
        };
        let mut parts = inner.state.read().parts.clone();
        parts.sort_by_key(|p| p.max);
        let mut total: u64 = parts.iter().map(|p| p.bytes).sum();
        for part in parts {
            let beyond = keep.bytes > 0 && total > keep.bytes;
            if part.max >= keep.oldest && !beyond && free() >= keep.free {
                break;
            }
            total -= part.bytes;
            inner
                .state
                .write()
                .parts
                .retain(|p| p.number != part.number);
            inner.indexes.forget(|n| *n == part.number);
            let path = path_of(&inner.setting.dir.join("logs"), part.number);
            if let Err(e) = inner.setting.fs.remove_file(&path) {
                inner.damage.lock().push(e.to_string());
            }
        }
    }

    pub(crate) fn facts(&self) -> LogFacts {
        let state = self.0.state.read();
        let mut facts = LogFacts {
            streams: state.head.streams.len() as u64,
            disk_bytes: self.0.wal.bytes(),
            memory: (state.head.memory() + self.0.indexes.bytes()) as u64,
            ..LogFacts::default()
        };
        for part in &state.parts {
            facts.blocks += part.blocks;
            facts.lines += part.rows;
            facts.raw_bytes += part.raw;
            facts.disk_bytes += part.bytes;
        }
        if let Some(open) = &state.open {
            facts.disk_bytes += open.bytes;
            for block in &open.opened.index.blocks {
                facts.blocks += 1;
                facts.lines += block.1.rows();
                facts.raw_bytes += block.1.raw;
            }
        }
        let memory = state.head.streams.iter().map(|s| &*s.open);
        for lines in memory.chain(state.head.sealed.iter().map(|s| &*s.lines)) {
            facts.lines += lines.len() as u64;
            facts.raw_bytes += lines.bytes.len() as u64;
        }
        drop(state);
        facts.problems.extend(self.0.damage.lock().iter().cloned());
        facts.problems.extend(self.0.low_disk.lock().clone());
        let trouble = self.0.turn.lock().trouble.clone();
        facts
            .problems
            .extend(trouble.as_ref().map(WriteError::to_string));
        facts
    }
}
