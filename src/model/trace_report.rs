//! What the spans of several traces did together: asked with a [`TraceReport`], told as
//! [`ReportPart`]s.
//!
//! All durations are nanoseconds. A path of calls is told downwards: each row says how deep it
//! stands, parents before their children.

use crate::model::answer::{Notes, TraceHit};
use crate::model::request::TraceQuery;
use crate::model::span::TraceId;
use serde::{Deserialize, Serialize};

mod compare;

pub use compare::{Compared, compare};

/// A question about several traces at once; they are gone through once for all parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceReport {
    pub of: TracePick,
    pub parts: Vec<ReportKind>,
}

/// Which traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TracePick {
    Ids(Vec<TraceId>),
    /// Those a search finds. Where there are more than its `limit`, the newest; its order says nothing.
    Found(TraceQuery),
}

/// What is wanted of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ReportKind {
    /// The paths of calls, merged over all traces.
    Calls,
    /// Spans by the values of these fields, as TraceQL writes them.
    By {
        fields: Vec<String>,
        /// Only where a request enters a service: roots, servers, consumers.
        entries: bool,
    },
    /// Services, and what they call.
    Map,
    /// Requests by time and latency.
    Dots {
        /// Nanoseconds since the epoch.
        from: u64,
        to: u64,
        columns: u16,
    },
    /// The slowest requests, so many at most.
    Slowest(usize),
}

/// The answer, its parts in the order of the question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportAnswer {
    pub parts: Vec<ReportPart>,
    pub traces: u64,
    pub spans: u64,
    /// The earliest start of these traces, nanoseconds since the epoch.
    pub earliest: u64,
    /// There were more traces than were asked for, or more spans than one report goes through.
    pub cut: bool,
    pub notes: Notes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ReportPart {
    Calls(Vec<CallRow>),
    By(Vec<GroupRow>),
    Map(ServiceMap),
    Dots(Dots),
    Slowest(Vec<TraceHit>),
}

/// One place in the merged paths of calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallRow {
    pub depth: u32,
    pub service: String,
    pub name: String,
    pub calls: u64,
    pub errors: u64,
    /// Of all calls together.
    pub total: u64,
    /// In which no child ran.
    pub own: u64,
    pub longest: u64,
    /// Its own time and that of all below it: what a flame graph draws, so that children never
    /// stand out over their parent, however many ran at once.
    pub weight: u64,
    /// Calls that the end of their trace waited for.
    pub critical: u64,
}

/// Spans with the same values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupRow {
    /// One for each field; `None` where the span has no such attribute.
    pub values: Vec<Option<String>>,
    pub traces: u64,
    pub spans: u64,
    pub errors: u64,
    pub total: u64,
    pub own: u64,
    pub p50: u64,
    pub p95: u64,
    pub longest: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceMap {
    pub nodes: Vec<MapNode>,
    pub edges: Vec<MapEdge>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapNode {
    pub name: String,
    pub kind: NodeKind,
    pub load: Load,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapEdge {
    /// Places in [`ServiceMap::nodes`].
    pub from: u32,
    pub to: u32,
    pub load: Load,
}

/// What a node took or an edge carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    pub requests: u64,
    pub errors: u64,
    pub p95: u64,
}

/// What stands behind a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NodeKind {
    /// Where requests come from that nobody here sent.
    User,
    Service,
    Database,
    Queue,
    /// Something that is called and sends no spans.
    External,
}

impl NodeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Database => "database",
            Self::Queue => "queue",
            Self::External => "external",
        }
    }
}

/// Requests by time and latency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dots {
    /// As asked; nanoseconds since the epoch, both included.
    pub from: u64,
    pub to: u64,
    pub columns: u16,
    /// By column, then by level.
    pub dots: Vec<Dot>,
}

impl Dots {
    /// The column of an instant; `None` outside of the range.
    pub fn column_of(&self, start: u64) -> Option<u16> {
        if start < self.from || start > self.to {
            return None;
        }
        let whole = u128::from(self.to - self.from) + 1;
        let at = u128::from(start - self.from) * u128::from(self.columns) / whole;
        u16::try_from(at).ok()
    }

    /// The first instant of a column; that of the column behind the last is behind the range.
    pub fn column_start(&self, column: u16) -> u64 {
        let whole = u128::from(self.to - self.from) + 1;
        let columns = u128::from(self.columns.max(1));
        let at = (u128::from(column) * whole).div_ceil(columns);
        self.from
            .saturating_add(u64::try_from(at).unwrap_or(u64::MAX))
    }
}

/// Requests of one column of time and one level of latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dot {
    pub column: u16,
    /// See [`level_of`].
    pub level: u16,
    pub good: u32,
    pub failed: u32,
}

/// Levels of latency in each power of ten.
pub const LEVELS: f64 = 16.0;

/// The level of a latency: sixteen to each power of ten, level 0 at a microsecond and below.
pub fn level_of(ns: u64) -> u16 {
    let micros = (ns as f64 / 1e3).max(1.0);
    (micros.log10() * LEVELS).floor().min(f64::from(u16::MAX)) as u16
}

/// The shortest latency of a level, nanoseconds.
pub fn level_start(level: u16) -> u64 {
    if level == 0 {
        return 0;
    }
    // The smallest number that `level_of` puts there.
    let near = 10f64.powf(f64::from(level) / LEVELS) * 1e3;
    let near = near as u64;
    let mut ns = near.saturating_sub(2);
    while level_of(ns) < level {
        ns += 1;
    }
    ns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_latencies_belong_to_each_other() {
        for level in 0..160 {
            let start = level_start(level);
            assert_eq!(level_of(start), level);
            if level > 0 {
                assert_eq!(level_of(start - 1), level - 1);
            }
        }
        assert_eq!(level_of(1_000_000), 48);
    }

    #[test]
    fn columns_and_instants_belong_to_each_other() {
        let dots = Dots {
            from: 1_000,
            to: 1_999,
            columns: 7,
            dots: Vec::new(),
        };
        for column in 0..7 {
            let start = dots.column_start(column);
            assert_eq!(dots.column_of(start), Some(column));
            let before = dots.column_of(start - 1);
            assert_eq!(before, column.checked_sub(1));
        }
        assert_eq!(dots.column_start(7), 2_000);
        assert_eq!(dots.column_of(2_000), None);
    }
}
