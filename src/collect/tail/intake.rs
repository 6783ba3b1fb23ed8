//! Entries that are pushed rather than read: through a job's stages into the store.

use crate::base::cancel::Cancel;
use crate::base::clock::{Clock, Duration};
use crate::collect::tail::output::Output;
use crate::collect::tail::pipeline::{LEVEL, Pipeline};
use crate::collect::tail::stage::{Entry, Shared};
use crate::config::logs::LogJob;
use crate::model::labels::Labels;
use crate::model::log_entry::Level;
use crate::store::write::logs::LogSink;
use std::collections::VecDeque;
use std::sync::Arc;

/// The stages of one job, and its way into the store.
pub(crate) struct Intake {
    pipeline: Pipeline,
    out: Output,
    sink: Arc<dyn LogSink>,
    number: u64,
    /// Positions of sources, by the number of the entry that reached them.
    reached: VecDeque<(u64, String, Vec<u8>)>,
}

impl Intake {
    pub(crate) fn new(
        job: &Arc<LogJob>,
        sink: Arc<dyn LogSink>,
        shared: &Arc<Shared>,
        stop: &Cancel,
    ) -> Self {
        let ends = {
            let stop = stop.clone();
            move || stop.check().is_err()
        };
        Self {
            pipeline: Pipeline::new(job, Labels::empty(), 0),
            out: Output::new(Arc::clone(&sink), Box::new(ends)).sharing(shared),
            sink,
            number: 0,
            reached: VecDeque::new(),
        }
    }

    pub(crate) fn take(
        &mut self,
        mut entry: Entry,
        level: Option<Level>,
        reached: Option<(String, Vec<u8>)>,
    ) {
        self.reach(reached);
        entry.from = self.number;
        if let Some(level) = level {
            entry.labels.set(LEVEL, level.as_str());
        }
        self.pipeline.take_entry(entry, &mut self.out);
    }

    /// Waits while a limit lets nothing through.
    pub(crate) fn wait(&self, mut now: i64, ends: impl Fn() -> bool, clock: &Clock) {
        while self.pipeline.waits(now, &self.out) && !ends() {
            std::thread::sleep(Duration::from_millis(10));
            now = clock.now_ms().saturating_mul(1_000_000);
        }
    }

    pub(crate) fn drop_line(&mut self, reason: &str, reached: Option<(String, Vec<u8>)>) {
        self.reach(reached);
        self.out.drop_line(reason);
    }

    /// Keeps no position of a source any more.
    pub(crate) fn forget(&mut self, source: &str) {
        self.out.reached(source, None);
    }

    fn reach(&mut self, reached: Option<(String, Vec<u8>)>) {
        self.number += 1;
        let number = self.number;
        self.reached
            .extend(reached.map(|(source, at)| (number, source, at)));
    }

    pub(crate) fn tick(&mut self, now_ms: Option<i64>) {
        self.pipeline.tick(now_ms, &mut self.out);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.out.is_full()
    }

    /// Everything goes into the store; `durable` waits until it is on the disk.
    pub(crate) fn hand_over(&mut self, durable: bool) -> Result<(), String> {
        // What a stage holds back is read again after a crash.
        let oldest = self.pipeline.oldest().unwrap_or(u64::MAX);
        while self.reached.front().is_some_and(|(n, ..)| *n < oldest) {
            if let Some((_, source, at)) = self.reached.pop_front() {
                self.out.reached(&source, Some(at));
            }
        }
        if !self.out.hand_over() {
            return Err(self.out.trouble.clone().unwrap_or_default());
        }
        if durable {
            self.sink.flush_lines().map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}
