//! What a backend answers.

mod logs;

pub use logs::{
    Field, FieldKind, Followed, LevelHistogram, LogCost, LogLine, LogPattern, LogReply, LogTotals,
    LogsAnswer, LogsValue,
};

use crate::model::exemplar::ExemplarSeries;
use crate::model::labels::Labels;
use crate::model::request::TagScope;
use crate::model::sample::Sample;
use crate::model::span::{Attribute, SpanId, SpanStatus, Trace, TraceId};
use crate::model::trace_report::ReportAnswer;
use crate::model::view::{Status, View};
use serde::{Deserialize, Serialize};

/// The answer to a [`Request`](crate::model::request::Request) of the same kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    Prom(PromAnswer),
    Logs(LogReply),
    Series(Vec<Labels>, Notes),
    Names(Vec<String>, Notes),
    Metadata(Vec<Metadata>),
    View(View),
    Status(Box<Status>),
    Traces(TracesAnswer),
    /// `None` where nothing is kept of that trace.
    Trace(Option<Trace>, Notes),
    /// Names of attributes by scope.
    Tags(Vec<(TagScope, Vec<String>)>, Notes),
    TagValues(Vec<Attribute>, Notes),
    /// In the order of the series' labels.
    Exemplars(Vec<ExemplarSeries>, Notes),
    /// What TraceQL makes of spans: a matrix, and for some of its points the spans behind them,
    /// under the labels of their series.
    SpanSeries(PromAnswer, Vec<ExemplarSeries>),
    Report(ReportAnswer),
}

/// A PromQL value with what was said about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromAnswer {
    pub value: Value,
    pub notes: Notes,
    pub cost: Cost,
}

/// PromQL's result types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    #[serde(with = "crate::model::sample::exact")]
    Scalar(Sample),
    Text {
        t: i64,
        text: String,
    },
    Vector(Vec<VectorPoint>),
    Matrix(Vec<Series>),
}

/// One series of an instant vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorPoint {
    pub labels: Labels,
    #[serde(with = "crate::model::sample::exact")]
    pub sample: Sample,
}

/// One series of a matrix, in rising time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub labels: Labels,
    #[serde(with = "crate::model::sample::exact_many")]
    pub samples: Vec<Sample>,
}

/// What the answer wants said beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Notes {
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
    /// Something that should have been read could not be: the answer is not complete.
    pub partial: bool,
}

/// What the question cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub series: u64,
    pub samples: u64,
    pub millis: f64,
}

/// What a metric's exposition says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    pub metric: String,
    pub kind: MetricKind,
    pub help: String,
    pub unit: String,
}

/// The types of the exposition formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    #[default]
    Unknown,
}

impl MetricKind {
    /// OpenMetrics' word; text 0.0.4 and the HTTP API have their own for `Unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }
}

/// Traces that a search found, in the order that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TracesAnswer {
    pub traces: Vec<TraceHit>,
    pub notes: Notes,
    /// Traces and spans that were looked at, and the time it took.
    pub inspected: Inspected,
}

/// What a search over traces cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspected {
    pub traces: u64,
    pub spans: u64,
    pub bytes: u64,
    pub millis: f64,
}

/// One trace of a search. Times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceHit {
    pub id: TraceId,
    /// `None` while the root span has not arrived.
    pub root_service: Option<String>,
    pub root_name: Option<String>,
    pub start: u64,
    pub duration: u64,
    pub spans: u64,
    pub errors: u64,
    pub services: Vec<ServiceCount>,
    pub sets: Vec<SpanSet>,
}

/// How much of a trace one service did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceCount {
    pub service: String,
    pub spans: u64,
    pub errors: u64,
}

/// Spans of a trace that a query picked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanSet {
    /// The first of them.
    pub spans: Vec<HitSpan>,
    pub matched: u64,
    /// What they were grouped by, and what aggregates said.
    pub attributes: Vec<(String, Attribute)>,
}

/// One span of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HitSpan {
    pub id: SpanId,
    pub name: std::sync::Arc<str>,
    pub service: std::sync::Arc<str>,
    pub start: u64,
    pub duration: u64,
    pub status: SpanStatus,
    /// The fields that the query names.
    pub attributes: Vec<(String, Attribute)>,
}
