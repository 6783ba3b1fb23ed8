//! What a console, a command or the HTTP API can ask of any backend.
//!
//! A closed list: an attached console sends it as JSON over the socket and gets an
//! [`Answer`](crate::model::answer::Answer) of the matching kind.

mod logs;

pub use logs::{
    FieldsQuery, FollowQuery, LevelsQuery, LogRequest, LogsQuery, StreamsQuery, StreamsWhat,
};

use crate::model::span::TraceId;
use crate::model::time::{Steps, TimeRange};
use crate::model::trace_report::TraceReport;
use serde::{Deserialize, Serialize};

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// PromQL at one instant or over steps.
    Prom(PromQuery),
    /// The label sets that match any of the selectors.
    Series {
        selectors: Vec<String>,
        range: TimeRange,
        limit: usize,
    },
    /// All label names; an empty `selectors` means every series.
    LabelNames {
        selectors: Vec<String>,
        range: TimeRange,
        limit: usize,
    },
    /// All values of one label.
    LabelValues {
        name: String,
        selectors: Vec<String>,
        range: TimeRange,
        limit: usize,
    },
    /// The exemplars of every series that a PromQL expression names, each selector of it for
    /// itself; the newest where there are more than the limit. A limit of 0 is none.
    Exemplars {
        expr: String,
        range: TimeRange,
        limit: usize,
    },
    /// Help, type and unit by metric; an empty name means all.
    Metadata { metric: String, limit: usize },
    /// The newest value of a live view, or, with `at`, the stored record nearest before that time.
    View { view: ViewName, at: Option<i64> },
    /// The processes as they are now. The rows of the pids on the asker's screen are completed,
    /// I/O included, from the next reading on.
    Processes { in_sight: Vec<i32> },
    /// LogQL, and what there is to ask it about.
    Logs(LogRequest),
    /// The engine's own health.
    Status,
    /// Spans and traces.
    Spans(SpanRequest),
}

/// A PromQL question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromQuery {
    pub expr: String,
    pub steps: Steps,
    /// True: answer with an instant vector at `steps.start`.
    pub instant: bool,
    /// May read the five-minute ring at 2 s. Only the console sets it.
    pub live: bool,
    /// Milliseconds; `None` is the engine's default.
    pub timeout_ms: Option<u64>,
    /// Milliseconds of lookback; `None` is five minutes.
    pub lookback_ms: Option<i64>,
}

/// A question about spans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SpanRequest {
    /// All that is kept of one trace.
    Trace { id: TraceId },
    /// The traces that a TraceQL query picks.
    Search(TraceQuery),
    /// The series that a TraceQL query makes, with at most so many spans that stand behind them.
    Series {
        query: String,
        steps: Steps,
        exemplars: usize,
    },
    /// The names of attributes in use.
    Tags { range: TimeRange },
    /// The values of one field.
    TagValues { tag: String, range: TimeRange },
    /// What several traces did together.
    Report(TraceReport),
}

/// A search over traces. Times in nanoseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceQuery {
    /// TraceQL.
    pub query: String,
    /// First and last start of a trace.
    pub from: u64,
    pub to: u64,
    /// Traces that are told at most.
    pub limit: usize,
    /// Spans of each spanset that are told.
    pub per_set: usize,
    pub order: TraceOrder,
    /// Shortest and longest duration of a trace.
    pub shortest: Option<u64>,
    pub longest: Option<u64>,
}

/// Which traces come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TraceOrder {
    #[default]
    Newest,
    Slowest,
    /// Most spans.
    Spans,
    /// Most errors.
    Errors,
}

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TagScope {
    Span,
    Resource,
    Instrumentation,
    Event,
    Link,
}

impl TagScope {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Resource => "resource",
            Self::Instrumentation => "instrumentation",
            Self::Event => "event",
            Self::Link => "link",
        }
    }
}

/// The live views: what a panel shows that is no series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ViewName {
    /// Process rows: all of them while live, the recorded greediest when rewound.
    Processes,
    /// Scrape targets with their state and errors.
    Targets,
    /// What this engine cannot read, and the command that would allow it.
    Blind,
    /// Facts of the machine: host name, kernel, cores, boot time.
    Machine,
    /// Stretches without collecting, and marks on charts (events).
    Marks,
    /// Queries of logs that were given a name.
    SavedQueries,
    /// Series, blocks, WAL and retention of the store.
    Storage,
    /// The JVMs of this server, with the reason where one shows no numbers.
    Jvms,
    /// Who pushes to this engine, how much, and what was refused.
    Senders,
    /// The containers of this server, and the engines that tell of them.
    Containers,
    /// The inspection of one container, by [`container_key`](crate::model::view::container_key).
    ContainerFacts(u64),
    /// The newest output of one container, streamed while it is asked for.
    ContainerOutput(u64),
    /// The processes inside one container.
    ContainerProcesses(u64),
    /// Alerts that are pending, firing, or were resolved in the last minutes.
    Alerts,
    /// Rule groups: state, health and cost of each rule.
    Rules,
    /// Where notifications go, with the last sends and failures.
    Receivers,
    /// Silences that are in force, to come, or lately expired.
    Silences,
    /// Who is told of what: routes, inhibition, the calendar of time intervals.
    Routing,
    /// Why one alert was told or not: every decision on it, by its fingerprint.
    AlertStory(u64),
    /// What JVMs answered when they were asked, up to that time, the newest first.
    JvmReports,
    /// One of those answers: the newest that is not younger than that time.
    JvmReport,
    /// What was asked in query bars before.
    Queries,
    /// Whether the asker sees a console of this engine for the first time; asking is seeing it.
    Greeting,
}
