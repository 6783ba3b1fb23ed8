//! The door for those who collect: series, the live ring, snapshots.
//!
//! Traits, so that collectors are tested against a plain list. The store's own implementation is
//! durable within the group commit of 200 ms.

pub mod logs;

use crate::model::answer::Metadata;
use crate::model::exemplar::Exemplar;
use crate::model::labels::Labels;
use crate::model::span::Span;

/// Names a series inside one run of the store. Given by [`MetricSink::resolve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u64);

/// One sample for a series that was resolved before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Append {
    pub series: SeriesId,
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    pub v: f64,
}

/// What became of a batch. What is not counted here was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Older than the series' newest sample and outside the out-of-order window.
    pub out_of_order: u64,
    /// The same time again with another value.
    pub duplicate: u64,
    /// The series was dropped since it was resolved: resolve its labels again and append those.
    pub gone: Vec<SeriesId>,
}

/// Takes samples.
pub trait MetricSink: Send + Sync {
    /// Finds the series or creates it.
    fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError>;

    /// One commit: all of it is on disk within 200 ms, or none of it after a crash.
    fn append(&self, batch: &[Append]) -> Result<Appended, WriteError>;

    /// Samples for the five-minute ring that only live questions read; never stored.
    fn append_live(&self, batch: &[(Labels, i64, f64)]);

    /// Help, type and unit of metrics. The newest description of a metric stands.
    fn describe(&self, metadata: &[Metadata]);

    /// Observations of series that were resolved before. They are a hint, never data: a sink may
    /// keep some or none, and says nothing of it.
    fn append_exemplars(&self, _batch: Vec<(SeriesId, Exemplar)>) {}
}

/// Takes spans.
pub trait SpanSink: Send + Sync {
    /// Tells of each span whether it was new: one that is sent again is kept once. All of it is on
    /// disk within 200 ms, or none of it after a crash.
    fn spans(&self, batch: &[Span]) -> Result<Vec<bool>, WriteError>;
}

/// Takes small records of what is no series.
pub trait SnapshotSink: Send + Sync {
    /// `kind` is one of the names in `docs/format/snapshots.md`; `body` is at most 1 MiB.
    fn snapshot(&self, kind: &str, t: i64, body: &[u8]) -> Result<(), WriteError>;
}

/// Why nothing was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The limit on series or memory is reached; the sentence names it.
    #[error("{0}")]
    Limit(String),
    /// An earlier write or fsync failed: this log accepts nothing more until a restart.
    #[error("{0}")]
    Poisoned(String),
    #[error("{0}")]
    Io(String),
}
