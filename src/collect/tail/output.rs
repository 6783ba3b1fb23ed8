//! The way into the store: streams by their labels, lines gathered into batches.

use crate::base::clock::Duration;
use crate::collect::tail::stage::{Shared, Tally};
use crate::model::labels::Labels;
use crate::model::log_entry::Level;
use crate::store::write::WriteError;
use crate::store::write::logs::{LogBatch, LogSink, StreamId};
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes from which a batch is handed over.
const FULL: usize = 1 << 20;
/// Where the store takes nothing, it is asked again after this time.
const RETRY: Duration = Duration::from_millis(500);

pub(crate) struct Output {
    sink: Arc<dyn LogSink>,
    batch: LogBatch,
    streams: HashMap<Labels, StreamId>,
    /// Lines that were kept.
    pub(crate) lines: u64,
    pub(crate) tally: Tally,
    /// Why the store takes nothing at the moment.
    pub(crate) trouble: Option<String>,
    /// Reading time of the newest line, nanoseconds since the epoch.
    stamped: i64,
    /// Memory for the bytes of a file, used again and again.
    pub(crate) chunk: Vec<u8>,
    /// True once everything is to end.
    ends: Box<dyn Fn() -> bool + Send>,
}

impl Output {
    pub(crate) fn new(sink: Arc<dyn LogSink>, ends: Box<dyn Fn() -> bool + Send>) -> Self {
        Self {
            sink,
            batch: LogBatch::default(),
            streams: HashMap::new(),
            lines: 0,
            tally: Tally::default(),
            trouble: None,
            stamped: 0,
            chunk: Vec::new(),
            ends,
        }
    }

    /// The stream of some labels; `None` where there are too many.
    pub(crate) fn stream(&mut self, labels: &Labels) -> Option<StreamId> {
        if let Some(id) = self.streams.get(labels) {
            return Some(*id);
        }
        match self.sink.stream(labels) {
            Ok(id) => {
                self.streams.insert(labels.clone(), id);
                Some(id)
            }
            Err(e) => {
                self.trouble = Some(e.to_string());
                None
            }
        }
    }

    /// The reading time of a line that is read now. Lines follow each other by a nanosecond at
    /// least, so that no two have one time: the order of reading is the order of time, and whoever
    /// asks page by page can go on from any of them.
    pub(crate) fn stamp(&mut self, now: i64) -> i64 {
        self.stamped = now.max(self.stamped + 1);
        self.stamped
    }

    pub(crate) fn push(&mut self, stream: StreamId, t: i64, level: Level, line: &[u8]) {
        self.batch.push(stream, t, level, line);
        self.lines += 1;
    }

    /// Metadata of the line that was pushed last.
    pub(crate) fn describe(&mut self, metadata: Labels) {
        self.batch.describe(metadata);
    }

    /// Counts into what other outputs count into as well.
    #[must_use]
    pub(crate) fn sharing(mut self, shared: &Arc<Shared>) -> Self {
        self.tally.shared = Arc::clone(shared);
        self
    }

    pub(crate) fn drop_line(&mut self, reason: &str) {
        self.tally.drop_line(reason);
    }

    /// With what was pushed so far, the source is read up to there.
    pub(crate) fn reached(&mut self, source: &str, position: Option<Vec<u8>>) {
        self.batch.reached(source, position);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.batch.bytes() >= FULL
    }

    /// Hands the batch over; waits as long as the store takes nothing. False where all is to end
    /// before it did: the lines stay in their source.
    pub(crate) fn hand_over(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        loop {
            match self.sink.append_lines(&self.batch) {
                Ok(()) => {
                    self.trouble = None;
                    self.batch.clear();
                    return true;
                }
                Err(e) => {
                    let for_good = matches!(e, WriteError::Poisoned(_));
                    self.trouble = Some(e.to_string());
                    if for_good || (self.ends)() {
                        self.batch.clear();
                        return false;
                    }
                    std::thread::sleep(RETRY);
                }
            }
        }
    }
}
