//! `storage`: where data lies and how long. Prometheus' own `storage.tsdb` is answered with what
//! corresponds.

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, field, idle, key, later};
use std::path::PathBuf;

pub(crate) static STORAGE: Section = Section {
    name: "storage",
    keys: &[&[
        key(
            "path",
            Shape::Text,
            "",
            "The data folder; --data-dir and BONGSU_DATA_DIR go before it.",
        ),
        key(
            "size",
            Shape::Size,
            "0",
            "The most that stored data may take on disk, the oldest goes first; 0 is no limit.",
        ),
        key(
            "retention",
            Shape::Section(&RETENTION),
            "",
            "How long each kind of data is kept.",
        ),
        key(
            "tsdb",
            Shape::Section(&TSDB),
            "",
            "Prometheus' form: tsdb.retention.time and .size are taken where ours are not given.",
        ),
        key(
            "exemplars",
            Shape::Section(&EXEMPLARS),
            "",
            "Observations that lead from a bucket to its trace, in memory.",
        ),
    ]],
};

pub(crate) static RETENTION: Section = Section {
    name: "storage.retention",
    keys: &[&[
        key(
            "metrics",
            Shape::Duration,
            "15d",
            "How long samples are kept.",
        ),
        key(
            "logs",
            Shape::Duration,
            "15d",
            "How long log lines are kept.",
        ),
        key("traces", Shape::Duration, "3d", "How long spans are kept."),
    ]],
};

pub(crate) static TSDB: Section = Section {
    name: "storage.tsdb",
    keys: &[&[
        key(
            "retention",
            Shape::Section(&TSDB_RETENTION),
            "",
            "Taken where storage.retention.metrics and storage.size are not given.",
        ),
        later(
            "out_of_order_time_window",
            Shape::Duration,
            "out-of-order samples",
        ),
        later(
            "stale_series_compaction_threshold",
            Shape::Float,
            "early compaction of stale series",
        ),
        idle(
            "chunk_encoding",
            Shape::Section(&CHUNK_ENCODING),
            "bongsu chooses its own encoding; this is left out",
        ),
    ]],
};

pub(crate) static TSDB_RETENTION: Section = Section {
    name: "storage.tsdb.retention",
    keys: &[&[
        key("time", Shape::Duration, "", "As storage.retention.metrics."),
        key("size", Shape::Size, "", "As storage.size."),
        later(
            "percentage",
            Shape::Float,
            "retention by a share of the disk",
        ),
    ]],
};

static CHUNK_ENCODING: Section = Section {
    name: "storage.tsdb.chunk_encoding",
    keys: &[&[field("floats", Shape::Word(&["xor", "xor2"]))]],
};

static EXEMPLARS: Section = Section {
    name: "storage.exemplars",
    keys: &[&[key(
        "max_exemplars",
        Shape::Int(0, 1_000_000),
        "10000",
        "The most that are held; 0 keeps none.",
    )]],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    pub path: Option<PathBuf>,
    /// Bytes; 0 is no limit.
    pub size: u64,
    pub retention_metrics: Duration,
    pub retention_logs: Duration,
    pub retention_traces: Duration,
    pub max_exemplars: usize,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            path: None,
            size: 0,
            retention_metrics: Duration::from_hours(15 * 24),
            retention_logs: Duration::from_hours(15 * 24),
            retention_traces: Duration::from_hours(3 * 24),
            max_exemplars: 10_000,
        }
    }
}

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Storage {
    let tsdb = of
        .section("tsdb", &TSDB)
        .and_then(|t| t.section("retention", &TSDB_RETENTION));
    if let Some(tsdb) = tsdb
        && tsdb
            .float("percentage")
            .is_some_and(|p| !(0.0..=100.0).contains(&p))
    {
        let text = "a percentage lies between 0 and 100";
        check.report.error(tsdb.value_place("percentage"), text);
    }
    let own = of.section("retention", &RETENTION);
    let time = own.and_then(|r| r.positive("metrics"));
    let their_time = tsdb.and_then(|t| t.positive("time"));
    let their_size = tsdb.and_then(|t| t.bytes("size"));
    Storage {
        path: of.path("path", check.folder),
        size: of.bytes("size").or(their_size).unwrap_or(0),
        retention_metrics: time
            .or(their_time)
            .unwrap_or(Storage::default().retention_metrics),
        retention_logs: own
            .and_then(|r| r.positive("logs"))
            .unwrap_or(Storage::default().retention_logs),
        retention_traces: own
            .and_then(|r| r.positive("traces"))
            .unwrap_or(Storage::default().retention_traces),
        max_exemplars: of
            .section("exemplars", &EXEMPLARS)
            .and_then(|e| e.count("max_exemplars"))
            .map_or(Storage::default().max_exemplars, |n| n as usize),
    }
}
