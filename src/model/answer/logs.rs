//! What is answered about log lines.

use crate::model::answer::{Notes, Series, VectorPoint};
use crate::model::labels::Labels;
use crate::model::log_entry::{Level, LevelCounts};
use crate::model::sample::Sample;
use serde::{Deserialize, Serialize};

/// The answer to a [`LogRequest`](crate::model::request::LogRequest) of the same kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LogReply {
    Value(LogsAnswer),
    Followed(Followed),
    Levels(LevelHistogram),
    Names(Vec<String>, Notes),
    Streams(Vec<Labels>, Notes),
    Totals(LogTotals),
    Volumes(Vec<(Labels, LogTotals)>),
    Fields(Vec<Field>, Notes),
    Patterns(Vec<LogPattern>, Notes),
}

/// A LogQL value with what was said about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogsAnswer {
    pub value: LogsValue,
    pub notes: Notes,
    pub cost: LogCost,
}

/// LogQL's result types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LogsValue {
    /// In the order that was asked for, over all streams.
    Lines(Vec<LogLine>),
    #[serde(with = "crate::model::sample::exact")]
    Scalar(Sample),
    Vector(Vec<VectorPoint>),
    Matrix(Vec<Series>),
}

/// A line as a query leaves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Nanoseconds since the Unix epoch.
    pub t: i64,
    /// What is no UTF-8 stands as U+FFFD.
    pub line: String,
    pub stream: Labels,
    /// Structured metadata.
    pub metadata: Labels,
    /// What stages found, errors among it.
    pub parsed: Labels,
    pub level: Level,
}

impl LogLine {
    /// All labels together: their names are distinct.
    pub fn labels(&self) -> Labels {
        if self.metadata.is_empty() && self.parsed.is_empty() {
            return self.stream.clone();
        }
        let parts = [&self.stream, &self.metadata, &self.parsed];
        Labels::from_pairs(parts.into_iter().flat_map(Labels::iter))
    }
}

/// What a question about lines cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogCost {
    /// Lines that were looked at.
    pub lines: u64,
    /// Bytes of lines that were read, and those that an index allowed to pass over.
    pub scanned_bytes: u64,
    pub skipped_bytes: u64,
    pub millis: f64,
}

/// Lines that arrived.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Followed {
    /// In the order of their arrival.
    pub lines: Vec<LogLine>,
    /// What to ask with next time.
    pub next: u64,
    /// Lines that went by unseen; a query over the time finds them.
    pub missed: u64,
}

/// Lines by level, one row for each stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LevelHistogram {
    pub start: i64,
    pub step: i64,
    pub counts: Vec<LevelCounts>,
    pub notes: Notes,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTotals {
    pub streams: u64,
    pub blocks: u64,
    /// Bytes of lines.
    pub bytes: u64,
    pub lines: u64,
}

/// Something that lines hold under one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub kind: FieldKind,
    pub cardinality: u64,
    /// The parsers that find it: `json`, `logfmt`; none for structured metadata.
    pub parsers: Vec<String>,
    /// Where it stands in JSON; empty where it does not.
    pub json_path: Vec<String>,
    /// The most frequent values with the number of lines.
    pub top: Vec<(String, u64)>,
}

/// What the values of a field look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    String,
    Int,
    Float,
    Boolean,
    Duration,
    Bytes,
}

/// Lines of one shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogPattern {
    /// With `<_>` where lines differ: what a pattern filter takes.
    pub pattern: String,
    pub level: Level,
    pub lines: u64,
    /// Nanoseconds since the Unix epoch.
    pub first: i64,
    pub last: i64,
    /// Lines for each stretch of time that was asked for.
    pub counts: Vec<u64>,
    pub sample: String,
}
