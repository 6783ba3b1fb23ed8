//! The engine's door: bounds, errors, and the state of one running query.

use crate::base::cancel::{Cancel, Stopped};
use crate::base::clock::{self, Duration, Instant};
use crate::model::answer::{Cost, PromAnswer};
use crate::model::request::PromQuery;
use crate::model::time::Steps;
use crate::query::promql::ast::{Expr, Span};
use crate::query::promql::eval::notes::Annotations;
use crate::query::promql::{ParseError, check, parse};
use crate::store::read::{ReadError, SeriesSource};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// Milliseconds from the epoch in either direction that can be asked: 285,000 years.
const FARTHEST: i64 = 1 << 53;

/// Answers PromQL queries. Cheap to copy; holds no state between queries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Engine {
    pub limits: Limits,
    /// Evaluate experimental functions and forms; else they are refused by name.
    pub experimental: bool,
}

/// What one query may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Samples held in memory at one time.
    pub max_samples: u64,
    /// Steps of a range query.
    pub max_points: usize,
    pub timeout: Duration,
    /// How old a sample may be and still count as the value of an instant, in milliseconds.
    pub lookback_ms: i64,
    /// The step of subqueries that give none, in milliseconds.
    pub subquery_step_ms: i64,
}

/// Prometheus' defaults.
impl Default for Limits {
    fn default() -> Self {
        Self {
            max_samples: 50_000_000,
            max_points: 11_000,
            timeout: Duration::from_mins(2),
            lookback_ms: 300_000,
            subquery_step_ms: 60_000,
        }
    }
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    pub kind: ErrorKind,
    pub message: String,
    /// The bytes of the query that are to blame, where some are.
    pub span: Option<Span>,
}

/// Prometheus' classes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is no query, or asks for too many points.
    BadQuery,
    /// The query cannot be worked out over this data.
    Execution,
    Timeout,
    Cancelled,
    /// The store could not be read.
    Storage,
}

impl Engine {
    /// Answers one query. Synchronous; looks at `cancel` at least once per series.
    pub fn run(
        &self,
        source: &dyn SeriesSource,
        query: &PromQuery,
        cancel: &Cancel,
    ) -> Result<PromAnswer, QueryError> {
        let read = |text: &str| parse(text).map(Arc::new);
        self.run_read(source, query, cancel, read)
    }

    /// The same, with the caller's way from the text to the tree.
    pub fn run_read(
        &self,
        source: &dyn SeriesSource,
        query: &PromQuery,
        cancel: &Cancel,
        read: impl FnOnce(&str) -> Result<Arc<Expr>, ParseError>,
    ) -> Result<PromAnswer, QueryError> {
        let started = clock::monotonic();
        let expr = self.prepare(query, read)?;
        let allowed = match query.timeout_ms {
            Some(ms) => Duration::from_millis(ms).min(self.limits.timeout),
            None => self.limits.timeout,
        };
        let grid = if query.instant {
            Steps::at(query.steps.start)
        } else {
            query.steps
        };
        let run = Run {
            source,
            cancel,
            deadline: started + allowed,
            text: &query.expr,
            top: grid,
            instant: query.instant,
            lookback: query.lookback_ms.unwrap_or(self.limits.lookback_ms),
            live: query.live,
            limits: self.limits,
            held: Cell::new(0),
            samples: Cell::new(0),
            series: Cell::new(0),
            notes: RefCell::default(),
        };
        let value = run.answer(&expr)?;
        let cost = Cost {
            series: run.series.get(),
            samples: run.samples.get(),
            millis: started.elapsed().as_secs_f64() * 1000.0,
        };
        Ok(PromAnswer {
            value,
            notes: run.notes.into_inner().finish(),
            cost,
        })
    }

    fn prepare(
        &self,
        query: &PromQuery,
        read: impl FnOnce(&str) -> Result<Arc<Expr>, ParseError>,
    ) -> Result<Arc<Expr>, QueryError> {
        let bad = |message: String, span| QueryError {
            kind: ErrorKind::BadQuery,
            message,
            span,
        };
        for t in [query.steps.start, query.steps.end] {
            if !(-FARTHEST..=FARTHEST).contains(&t) {
                let why = format!("the time {t} ms lies too far from now to be asked");
                return Err(bad(why, None));
            }
        }
        if !query.instant {
            if query.steps.step <= 0 {
                let why = "zero or negative query resolution step widths are not accepted. Try a positive integer";
                return Err(bad(why.to_owned(), None));
            }
            if query.steps.end < query.steps.start {
                return Err(bad(
                    "end timestamp must not be before start time".to_owned(),
                    None,
                ));
            }
            let points = self.limits.max_points;
            if query.steps.count() > points {
                let why = format!(
                    "exceeded maximum resolution of {points} points per timeseries. Try decreasing the query resolution (?step=XX)"
                );
                return Err(bad(why, None));
            }
        }
        let expr = read(&query.expr).map_err(|e| bad(e.to_string(), Some(e.span)))?;
        if !self.experimental
            && let Some((name, span)) = check::experimental(&expr)
        {
            let why = format!("{name} is experimental; set promql.experimental to use it");
            return Err(bad(why, Some(span)));
        }
        Ok(expr)
    }
}

/// One query while it runs.
pub(crate) struct Run<'q> {
    pub(crate) source: &'q dyn SeriesSource,
    pub(crate) cancel: &'q Cancel,
    deadline: Instant,
    pub(crate) text: &'q str,
    /// The steps of the query itself, which `@ start()` and `step()` mean even in a subquery.
    pub(crate) top: Steps,
    pub(crate) instant: bool,
    pub(crate) lookback: i64,
    pub(crate) live: bool,
    pub(crate) limits: Limits,
    held: Cell<u64>,
    pub(crate) samples: Cell<u64>,
    pub(crate) series: Cell<u64>,
    pub(crate) notes: RefCell<Annotations>,
}

/// When a query is to stop, for every thread that works for it.
#[derive(Clone, Copy)]
pub(crate) struct Guard<'q> {
    cancel: &'q Cancel,
    deadline: Instant,
}

impl Guard<'_> {
    /// `Err` once the work should stop.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        self.cancel.check().map_err(stopped)?;
        if clock::monotonic() >= self.deadline {
            return Err(stopped(Stopped::Deadline));
        }
        Ok(())
    }
}

impl<'q> Run<'q> {
    pub(crate) fn guard(&self) -> Guard<'q> {
        Guard {
            cancel: self.cancel,
            deadline: self.deadline,
        }
    }

    /// `Err` once the work should stop.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        self.guard().check()
    }

    /// Counts samples that stay in memory.
    pub(crate) fn hold(&self, samples: usize) -> Result<(), QueryError> {
        let now = self.held.get().saturating_add(samples as u64);
        if now > self.limits.max_samples {
            return Err(self.too_many(None));
        }
        self.held.set(now);
        Ok(())
    }

    pub(crate) fn release(&self, samples: usize) {
        self.held
            .set(self.held.get().saturating_sub(samples as u64));
    }

    /// Refuses what would not fit beside what is held already.
    pub(crate) fn would_fit(&self, samples: u64, span: Span) -> Result<(), QueryError> {
        if self.held.get().saturating_add(samples) > self.limits.max_samples {
            return Err(self.too_many(Some(span)));
        }
        Ok(())
    }

    fn too_many(&self, span: Option<Span>) -> QueryError {
        QueryError {
            kind: ErrorKind::Execution,
            message: format!(
                "query processing would load too many samples into memory in query execution (more than {}); ask for fewer series, a shorter time or larger steps",
                self.limits.max_samples
            ),
            span,
        }
    }

    pub(crate) fn step_seconds(&self) -> f64 {
        if self.instant {
            0.0
        } else {
            self.top.step as f64 / 1000.0
        }
    }
}

/// The query cannot be worked out, because of what stands at `span`.
pub(crate) fn fault(span: Span, message: impl Into<String>) -> QueryError {
    QueryError {
        kind: ErrorKind::Execution,
        message: message.into(),
        span: Some(span),
    }
}

fn stopped(why: Stopped) -> QueryError {
    let (kind, message) = match why {
        Stopped::Cancelled => (
            ErrorKind::Cancelled,
            "query was canceled in expression evaluation",
        ),
        Stopped::Deadline => (
            ErrorKind::Timeout,
            "query timed out in expression evaluation",
        ),
    };
    QueryError {
        kind,
        message: message.to_owned(),
        span: None,
    }
}

impl From<ReadError> for QueryError {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::Stopped(why) => stopped(why),
            ReadError::Damaged(message) | ReadError::Io(message) => Self {
                kind: ErrorKind::Storage,
                message,
                span: None,
            },
        }
    }
}
