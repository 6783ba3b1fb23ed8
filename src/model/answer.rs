//! What a backend answers.

mod logs;

pub use logs::{
    Field, FieldKind, Followed, LevelHistogram, LogCost, LogLine, LogPattern, LogReply, LogTotals,
    LogsAnswer, LogsValue,
};

use crate::model::labels::Labels;
use crate::model::sample::Sample;
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
