//! The doors for logs of an open store.

use crate::base::cancel::Cancel;
use crate::model::labels::Labels;
use crate::model::log_entry::LineTest;
use crate::model::matcher::Matcher;
use crate::store::open::Store;
use crate::store::read::logs::{
    Arrived, Buckets, Histogram, LogAsk, LogRow, LogScan, LogSelect, LogSource, LogStats, Tallies,
};
use crate::store::read::{Found, ReadError};
use crate::store::write::WriteError;
use crate::store::write::logs::{LogBatch, LogSink, StreamId};
use std::ops::ControlFlow;
use std::sync::Arc;

impl Store {
    /// Waits until lines find room, or says why they are not taken.
    pub fn admit_lines(&self) -> Result<(), WriteError> {
        self.0.logs.admit()
    }

    /// Done before each commit of lines, on the thread that commits: what has to be on the disk
    /// before the positions are up to which sources were read.
    pub fn before_line_commits(&self, work: impl Fn() + Send + Sync + 'static) {
        self.0.logs.before_commits(Arc::new(work));
    }
}

impl LogSink for Store {
    fn stream(&self, labels: &Labels) -> Result<StreamId, WriteError> {
        self.0.logs.stream(labels)
    }

    fn append_lines(&self, batch: &LogBatch) -> Result<(), WriteError> {
        self.0.logs.append(batch)
    }

    fn flush_lines(&self) -> Result<(), WriteError> {
        self.0.logs.flush()
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.0.logs.position(source)
    }

    fn positions(&self) -> Vec<(String, Vec<u8>)> {
        self.0.logs.positions()
    }
}

impl LogSource for Store {
    fn lines(
        &self,
        select: &LogSelect<'_>,
        cancel: &Cancel,
        visit: &mut dyn FnMut(&LogRow<'_>) -> ControlFlow<()>,
    ) -> Result<LogScan, ReadError> {
        self.0.logs.lines(select, cancel, visit)
    }

    fn tally(
        &self,
        select: &LogSelect<'_>,
        edges: &[i64],
        cancel: &Cancel,
    ) -> Result<Option<Tallies>, ReadError> {
        self.0.logs.tally(select, edges, cancel)
    }

    fn level_counts(
        &self,
        matchers: &[Matcher],
        buckets: Buckets,
        cancel: &Cancel,
    ) -> Result<Histogram, ReadError> {
        self.0.logs.level_counts(matchers, buckets, cancel)
    }

    fn arrived(
        &self,
        after: Option<u64>,
        matchers: &[Matcher],
        tests: &[LineTest],
        visit: &mut dyn FnMut(&LogRow<'_>) -> ControlFlow<()>,
    ) -> Arrived {
        self.0.logs.arrived(after, matchers, tests, visit)
    }

    fn log_label_names(
        &self,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError> {
        self.0.logs.log_label_names(ask, cancel)
    }

    fn log_label_values(
        &self,
        name: &str,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError> {
        self.0.logs.log_label_values(name, ask, cancel)
    }

    fn streams(&self, ask: &LogAsk<'_>, cancel: &Cancel) -> Result<Found<Labels>, ReadError> {
        self.0.logs.streams(ask, cancel)
    }

    fn log_stats(&self, ask: &LogAsk<'_>, cancel: &Cancel) -> Result<LogStats, ReadError> {
        self.0.logs.log_stats(ask, cancel)
    }

    fn volumes(
        &self,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Vec<(Labels, LogStats)>, ReadError> {
        self.0.logs.volumes(ask, cancel)
    }
}
