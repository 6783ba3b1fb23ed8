//! Tree to answer: lines, or numbers over steps.
//!
//! Log queries stream through [`lines`] and stop at their limit. Metric queries are computed node
//! by node over all steps ([`metric`]); the lines of a window are read once, in order of time
//! ([`range`]). Bounds: [`Limits`].

mod aggregate;
mod binary;
mod grid;
mod lines;
mod metric;
mod range;
mod window;

pub(crate) use lines::through;

use crate::base::cancel::{Cancel, Stopped};
use crate::model::answer::{LogCost, LogsAnswer, Notes};
use crate::model::request::LogsQuery;
use crate::query::logql::ast;
use crate::query::logql::ast::Expr;
use crate::query::logql::parse::{ParseError, parse};
use crate::query::logql::stage::{Pipeline, Unwrapping};
use crate::store::read::ReadError;
use crate::store::read::logs::{LogScan, LogSource};

/// What one query may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Series of an answer, as in Loki.
    pub series: usize,
    /// Series inside an aggregation.
    pub inner_series: usize,
    /// Steps of a range query, as in Loki.
    pub steps: usize,
    /// Values of all steps that are kept at a time, and samples that are kept for quantiles.
    pub values: usize,
    /// Lines of an answer.
    pub lines: usize,
    /// Bytes of lines of an answer.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series: 500,
            inner_series: 20_000,
            steps: 11_000,
            values: 4_000_000,
            lines: 5000,
            bytes: 64 << 20,
        }
    }
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// A bound of [`Limits`], or a parameter that makes no sense.
    #[error("{0}")]
    Bad(String),
    /// A line failed in a stage, or series do not fit together.
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Stopped(#[from] Stopped),
    #[error("{0}")]
    Store(String),
}

impl From<ReadError> for QueryError {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::Stopped(stopped) => Self::Stopped(stopped),
            ReadError::Damaged(said) | ReadError::Io(said) => Self::Store(said),
        }
    }
}

/// Reads the text and builds every stage, without asking anything.
pub fn check(text: &str) -> Result<Expr, ParseError> {
    let expr = parse(text)?;
    match &expr {
        Expr::Log(log) => {
            Pipeline::compile(log).map_err(|e| e.placed(text))?;
        }
        Expr::Metric(metric) => stages(metric).map_err(|e| e.placed(text))?,
    }
    Ok(expr)
}

fn stages(metric: &ast::Metric) -> Result<(), ParseError> {
    match metric {
        ast::Metric::Number(_) | ast::Metric::Vector(_) => Ok(()),
        ast::Metric::Range(a) => {
            Pipeline::compile(&a.log)?;
            if let Some(unwrap) = &a.unwrap {
                let fault = |why: String| ParseError::new(a.log.span, why);
                Unwrapping::new(unwrap).map_err(fault)?;
            }
            Ok(())
        }
        ast::Metric::Aggregate(a) => stages(&a.inner),
        ast::Metric::Binary(b) => {
            stages(&b.left)?;
            stages(&b.right)
        }
        ast::Metric::Replace(r) => stages(&r.inner),
    }
}

/// Answers queries over a source of lines.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    pub limits: Limits,
}

impl Engine {
    pub fn run(
        &self,
        source: &dyn LogSource,
        query: &LogsQuery,
        cancel: &Cancel,
    ) -> Result<LogsAnswer, QueryError> {
        let mut ask = Asking {
            source,
            query,
            limits: &self.limits,
            cancel,
            scan: LogScan::default(),
        };
        let value = match check(&query.expr)? {
            Expr::Log(log) => lines::run(&mut ask, &log)?,
            Expr::Metric(expr) => metric::run(&mut ask, &expr)?,
        };
        let scan = ask.scan;
        Ok(LogsAnswer {
            value,
            notes: Notes {
                partial: !scan.warnings.is_empty(),
                warnings: scan.warnings,
                infos: Vec::new(),
            },
            cost: LogCost {
                lines: scan.lines,
                scanned_bytes: scan.scanned_bytes,
                skipped_bytes: scan.skipped_bytes,
                millis: 0.0,
            },
        })
    }
}

/// One query on its way.
struct Asking<'a> {
    source: &'a dyn LogSource,
    query: &'a LogsQuery,
    limits: &'a Limits,
    cancel: &'a Cancel,
    scan: LogScan,
}

impl Asking<'_> {
    /// What every scan of this query adds up to.
    fn scanned(&mut self, scan: LogScan) {
        self.scan.lines += scan.lines;
        self.scan.scanned_bytes += scan.scanned_bytes;
        self.scan.skipped_bytes += scan.skipped_bytes;
        for warning in scan.warnings {
            if !self.scan.warnings.contains(&warning) {
                self.scan.warnings.push(warning);
            }
        }
    }
}
