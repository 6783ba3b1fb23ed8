//! The door for those who ask: what a query engine may know of a store.
//!
//! The engines see these traits only, so that tests and remote stores can stand behind them.

pub mod logs;

use crate::base::cancel::{Cancel, Stopped};
use crate::model::answer::Metadata;
use crate::model::exemplar::ExemplarSeries;
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::sample::Samples;
use crate::model::span::{Span, Trace, TraceId};
use crate::model::time::TimeRange;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Series by matcher. One call per selector of a query.
pub trait SeriesSource: Send + Sync {
    /// The series that satisfy every matcher and may have samples in the range, in the order of
    /// their labels.
    fn select<'a>(
        &'a self,
        select: &Select<'_>,
        cancel: &Cancel,
    ) -> Result<Selection<'a>, ReadError>;

    /// Label names of the series that match any of the selectors (all series where there is none),
    /// sorted.
    fn label_names(&self, ask: &Ask<'_>, cancel: &Cancel) -> Result<Found<String>, ReadError>;

    /// Values of one label, sorted.
    fn label_values(
        &self,
        name: &str,
        ask: &Ask<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError>;

    /// Distinct label sets, sorted.
    fn series(&self, ask: &Ask<'_>, cancel: &Cancel) -> Result<Found<Labels>, ReadError>;

    /// What is known of metrics; an empty name means all.
    fn metadata(&self, metric: &str, limit: usize) -> Vec<Metadata>;

    /// The exemplars of series that match any of the selectors, in the order of the series' labels.
    /// A source that keeps none has none.
    fn exemplars(&self, _ask: &Ask<'_>) -> Found<ExemplarSeries> {
        Found {
            items: Vec::new(),
            warnings: Vec::new(),
            cut: false,
        }
    }
}

/// What one selector needs.
#[derive(Clone, Copy, Debug)]
pub struct Select<'a> {
    pub matchers: &'a [Matcher],
    pub range: TimeRange,
    /// May answer from the ring of the last five minutes.
    pub live: bool,
}

/// What a question about labels needs.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Alternatives; none means every series.
    pub selectors: &'a [Vec<Matcher>],
    pub range: TimeRange,
    /// At most so many results; 0 is no limit.
    pub limit: usize,
}

/// Series that were found.
pub struct Selection<'a> {
    pub series: Vec<Box<dyn SeriesReader + 'a>>,
    /// What could not be read: the answer is partial where this is not empty.
    pub warnings: Vec<String>,
}

/// Names or label sets that were found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found<T> {
    pub items: Vec<T>,
    pub warnings: Vec<String>,
    /// More exist than the limit let through.
    pub cut: bool,
}

/// One series of a selection.
pub trait SeriesReader: Send {
    fn labels(&self) -> &Labels;

    /// Appends the samples of the range, in rising time, staleness markers included, to `out`.
    fn read(&mut self, range: TimeRange, out: &mut Samples) -> Result<(), ReadError>;
}

/// Traces by id and by what they must have.
pub trait TraceSource: Send + Sync {
    /// All that is kept of one trace.
    fn trace(
        &self,
        id: TraceId,
        cancel: &Cancel,
    ) -> Result<(Option<Trace>, Vec<String>), ReadError>;

    /// Hands every trace that starts in the range and may satisfy all needs to `each`, whole, those
    /// that start later mostly first, until it says stop. The second argument of `each` is a start
    /// that no trace still to come exceeds.
    fn visit(
        &self,
        select: &SelectTraces<'_>,
        cancel: &Cancel,
        each: &mut dyn FnMut(&Trace, u64) -> ControlFlow<()>,
    ) -> Result<Visited, ReadError>;
}

/// A place in the log of spans: all that stands before it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogPlace {
    pub segment: u32,
    /// Records of that segment that were read.
    pub record: u32,
}

/// The log of spans, for those who send them on.
pub trait SpanLog: Send + Sync {
    /// Behind everything that was taken in.
    fn end(&self) -> LogPlace;

    /// The spans behind a place, whole records until there are `most`, and the place behind them.
    /// Only what is on the disk is told.
    fn spans_after(&self, place: LogPlace, most: usize)
    -> Result<(Vec<Span>, LogPlace), ReadError>;

    /// Bytes of log behind a place, about.
    fn behind(&self, place: LogPlace) -> u64;

    /// Nothing from this segment on leaves the log until `who` says otherwise; `None` holds nothing.
    fn hold(&self, who: &str, segment: Option<u32>);
}

/// What a search needs of a store of traces.
#[derive(Clone, Copy, Debug)]
pub struct SelectTraces<'a> {
    /// First and last start of a trace, nanoseconds since the Unix epoch, both included.
    pub from: u64,
    pub to: u64,
    pub needs: &'a [Need],
}

/// Something that some span of a trace must have.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// A name, a message or the value of an attribute, exactly this.
    Text(String),
    /// A status of error.
    Error,
    /// A duration of at least so many nanoseconds.
    Duration(u64),
    /// An attribute that is a number of that range, or a list with one.
    Number(Number),
}

/// An attribute by its name, wherever it stands, and the numbers it may be, both ends included.
/// Integers are compared as floats, so that a match may be told of what is none, never the other way.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    pub name: String,
    pub least: f64,
    pub most: f64,
}

impl Number {
    pub fn may_be(&self, n: f64) -> bool {
        self.least <= n && n <= self.most
    }
}

/// What a visit took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visited {
    pub traces: u64,
    pub spans: u64,
    /// Unpacked.
    pub bytes: u64,
    /// What could not be read: the answer is partial where this is not empty.
    pub warnings: Vec<String>,
}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The sentence names file and place.
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    Io(String),
}
