//! The door for those who ask for log lines.

use crate::base::cancel::Cancel;
use crate::model::labels::Labels;
use crate::model::log_entry::{Level, LevelCounts, LevelSet, LineTest, NanoRange};
use crate::model::matcher::Matcher;
use crate::store::read::{Found, ReadError};
use std::ops::ControlFlow;

/// Streams and their lines.
pub trait LogSource: Send + Sync {
    /// Hands every line that satisfies the question to `visit`, in order of time until it breaks
    /// off. Lines of one stream and one time come in the order in which they were written
    /// (reversed where the newest come first).
    fn lines(
        &self,
        select: &LogSelect<'_>,
        cancel: &Cancel,
        visit: &mut dyn FnMut(&LogRow<'_>) -> ControlFlow<()>,
    ) -> Result<LogScan, ReadError>;

    /// Lines per level and bucket of time.
    fn level_counts(
        &self,
        matchers: &[Matcher],
        buckets: Buckets,
        cancel: &Cancel,
    ) -> Result<Histogram, ReadError>;

    /// How many lines satisfy the question in each span of time between two edges, by stream and
    /// level, in no order: what counting needs, without handing out lines. `None` where that says
    /// too little: where lines have metadata, or there are too many cells. The caller then goes
    /// through [`LogSource::lines`].
    fn tally(
        &self,
        select: &LogSelect<'_>,
        edges: &[i64],
        cancel: &Cancel,
    ) -> Result<Option<Tallies>, ReadError> {
        let _ = (select, edges, cancel);
        Ok(None)
    }

    /// The lines that were appended after the one of that number, in the order of their arrival,
    /// for those who follow. Asked without `after` it only says from where to follow.
    fn arrived(
        &self,
        after: Option<u64>,
        matchers: &[Matcher],
        tests: &[LineTest],
        visit: &mut dyn FnMut(&LogRow<'_>) -> ControlFlow<()>,
    ) -> Arrived;

    /// Label names of the streams that match any of the selectors (all where there is none),
    /// sorted.
    fn log_label_names(
        &self,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError>;

    /// Values of one label, sorted.
    fn log_label_values(
        &self,
        name: &str,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError>;

    /// Label sets, sorted.
    fn streams(&self, ask: &LogAsk<'_>, cancel: &Cancel) -> Result<Found<Labels>, ReadError>;

    /// How much there is, from the index alone: parts of blocks at the edges count whole.
    fn log_stats(&self, ask: &LogAsk<'_>, cancel: &Cancel) -> Result<LogStats, ReadError>;

    /// Bytes of lines by stream, from the index alone, as [`LogSource::log_stats`].
    fn volumes(
        &self,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Vec<(Labels, LogStats)>, ReadError>;
}

/// Which lines are wanted, and in which order.
#[derive(Clone, Copy, Debug)]
pub struct LogSelect<'a> {
    pub matchers: &'a [Matcher],
    pub range: NanoRange,
    pub newest_first: bool,
    /// All must pass. The store tests them, so the asker need not.
    pub tests: &'a [LineTest],
    pub levels: LevelSet,
}

impl<'a> LogSelect<'a> {
    pub fn new(matchers: &'a [Matcher], range: NanoRange) -> Self {
        Self {
            matchers,
            range,
            newest_first: false,
            tests: &[],
            levels: LevelSet::ALL,
        }
    }
}

/// One line as the store shows it.
#[derive(Clone, Copy, Debug)]
pub struct LogRow<'a> {
    pub stream: &'a Labels,
    /// Nanoseconds since the Unix epoch.
    pub t: i64,
    pub line: &'a [u8],
    pub metadata: &'a Labels,
    pub level: Level,
}

/// What a scan cost, and what it could not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogScan {
    /// The answer is partial where this is not empty.
    pub warnings: Vec<String>,
    /// Bytes of lines that were looked at, and those that an index allowed to pass over.
    pub scanned_bytes: u64,
    pub skipped_bytes: u64,
    pub lines: u64,
}

/// What a question about streams needs.
#[derive(Clone, Copy, Debug)]
pub struct LogAsk<'a> {
    /// Alternatives; none means every stream.
    pub selectors: &'a [Vec<Matcher>],
    pub range: NanoRange,
    /// At most so many results; 0 is no limit.
    pub limit: usize,
}

/// `count` buckets of `step` nanoseconds from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    pub start: i64,
    pub step: i64,
    pub count: usize,
}

impl Buckets {
    pub fn range(self) -> NanoRange {
        let length = self.step.saturating_mul(self.count as i64);
        NanoRange::new(self.start, self.start.saturating_add(length))
    }

    /// The bucket of a time; `None` outside.
    pub fn of(self, t: i64) -> Option<usize> {
        let inside = self.step > 0 && self.range().contains(t);
        inside.then(|| (t.wrapping_sub(self.start) / self.step) as usize)
    }
}

/// Lines per bucket and level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    pub buckets: Vec<LevelCounts>,
    pub warnings: Vec<String>,
}

/// What [`LogSource::tally`] counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    pub of: Vec<Tally>,
    pub scan: LogScan,
}

/// The lines of one stream and level: their number and bytes in each cell, the i-th from the i-th
/// edge, included, to the next, excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    pub stream: Labels,
    pub level: Level,
    pub cells: Vec<(u64, u64)>,
}

/// Where following stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// The number to ask with next time.
    pub next: u64,
    /// Lines that went by before they were asked for; a range query still finds them.
    pub missed: u64,
}

/// How much some streams hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    pub streams: u64,
    pub blocks: u64,
    /// Bytes of lines.
    pub bytes: u64,
    pub lines: u64,
}
