//! What can be asked of log lines. Times are nanoseconds since the Unix epoch.

use crate::model::log_entry::{LevelSet, NanoRange};
use serde::{Deserialize, Serialize};

/// One question about logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LogRequest {
    /// Lines, or numbers from lines.
    Query(LogsQuery),
    /// What has arrived since the last time.
    Follow(FollowQuery),
    /// Lines by level and time.
    Levels(LevelsQuery),
    /// Streams, their labels, and how much they hold.
    Streams(StreamsQuery),
    /// What the lines themselves hold: names, types, numbers of values.
    Fields(FieldsQuery),
    /// The lines by their shape: which there are, how often, since when.
    Patterns(LevelsQuery),
}

/// A LogQL question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogsQuery {
    pub expr: String,
    /// Of lines: from the start, included, to the end, excluded. Of numbers: the first step, and
    /// the time after which no step lies.
    pub range: NanoRange,
    /// Between two steps of a metric query.
    pub step: i64,
    /// True: a metric query at `range.end` alone.
    pub instant: bool,
    /// Lines at most; 0 is the engine's own bound.
    pub limit: usize,
    pub newest_first: bool,
    /// Between two lines at least; 0 takes all.
    pub interval: i64,
    /// Only lines of these levels.
    pub levels: LevelSet,
    /// Milliseconds; `None` is the engine's default.
    pub timeout_ms: Option<u64>,
}

impl LogsQuery {
    /// The newest lines of a range.
    pub fn newest(expr: impl Into<String>, range: NanoRange, limit: usize) -> Self {
        Self {
            expr: expr.into(),
            range,
            step: 0,
            instant: false,
            limit,
            newest_first: true,
            interval: 0,
            levels: LevelSet::ALL,
            timeout_ms: None,
        }
    }
}

/// Lines of a log query in the order of their arrival.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowQuery {
    pub expr: String,
    pub levels: LevelSet,
    /// The number that came with the last answer; `None` only asks from where to follow.
    pub after: Option<u64>,
    /// Lines at most; the rest comes with the next answer.
    pub limit: usize,
}

/// `count` stretches of `step` from `start` on, over the lines of a log query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelsQuery {
    pub expr: String,
    pub levels: LevelSet,
    pub start: i64,
    pub step: i64,
    pub count: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamsQuery {
    pub what: StreamsWhat,
    /// Alternatives, as `{app="api"}`; none means every stream.
    pub selectors: Vec<String>,
    pub range: NanoRange,
    /// Results at most; 0 is no limit.
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamsWhat {
    LabelNames,
    LabelValues(String),
    Streams,
    Stats,
    Volumes,
}

/// What the newest lines of a log query hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldsQuery {
    pub expr: String,
    pub range: NanoRange,
    /// Lines that are looked at.
    pub lines: usize,
    /// The values of this field alone.
    pub values_of: Option<String>,
    /// Results at most; 0 is no limit.
    pub limit: usize,
}
