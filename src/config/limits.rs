//! `limits`: what this program may take, and what one query may.

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, key};

pub(crate) static LIMITS: Section = Section {
    name: "limits",
    keys: &[&[
        key(
            "memory",
            Shape::Size,
            "",
            "The most memory the whole program may take; a quarter of the machine's (or the cgroup's), at least 64MB, unless said.",
        ),
        key(
            "series",
            Shape::Int(0, i64::MAX),
            "0",
            "The most series held at once; further ones are refused and counted. 0 leaves it to limits.memory.",
        ),
        key(
            "query_samples",
            Shape::Int(1, i64::MAX),
            "50000000",
            "The most samples one query may hold at once.",
        ),
        key(
            "query_time",
            Shape::Duration,
            "2m",
            "How long one query may run.",
        ),
    ]],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes; `None` is a quarter of the machine's or cgroup's memory, at least 64 MiB.
    pub memory: Option<u64>,
    /// 0 is no limit but memory's.
    pub series: u64,
    pub query_samples: u64,
    pub query_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: None,
            series: 0,
            query_samples: 50_000_000,
            query_time: Duration::from_mins(2),
        }
    }
}

/// Below this nothing useful runs.
const LEAST_MEMORY: u64 = 32 << 20;

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Limits {
    let default = Limits::default();
    let memory = of.bytes("memory").filter(|n| *n > 0);
    if memory.is_some_and(|n| n < LEAST_MEMORY) {
        let text = "bongsu cannot run in less than 32MB";
        check.report.error(of.value_place("memory"), text);
    }
    Limits {
        memory,
        series: of.count("series").unwrap_or(default.series),
        query_samples: of.count("query_samples").unwrap_or(default.query_samples),
        query_time: of.positive("query_time").unwrap_or(default.query_time),
    }
}
