//! The query languages behind the embedded source.

use crate::base::cancel::Cancel;
use crate::config::Config;
use crate::model::answer::PromAnswer;
use crate::model::matcher::Matcher;
use crate::model::request::PromQuery;
use crate::query::promql::ast::Kind;
use crate::query::promql::eval::{Engine, ErrorKind, Limits, QueryError};
use crate::query::promql::{Span, parse};
use crate::source::api::SourceError;
use crate::source::embedded::Languages;
use crate::store::read::SeriesSource;

/// PromQL with the limits of the configuration.
pub(crate) struct PromQl {
    engine: Engine,
}

impl PromQl {
    pub(crate) fn new(config: &Config) -> Self {
        let limits = Limits {
            max_samples: config.limits.query_samples,
            timeout: config.limits.query_time,
            ..Limits::default()
        };
        let engine = Engine {
            limits,
            experimental: config.promql.experimental,
        };
        Self { engine }
    }
}

impl Languages for PromQl {
    fn evaluate(
        &self,
        series: &dyn SeriesSource,
        query: &PromQuery,
        cancel: &Cancel,
    ) -> Result<PromAnswer, SourceError> {
        self.engine.run(series, query, cancel).map_err(failed)
    }

    fn selector(&self, text: &str) -> Result<Vec<Matcher>, SourceError> {
        let bad = |said: String, span: Option<Span>| SourceError::BadRequest {
            said,
            at: span.map(|s| (s.start, s.end)),
        };
        let expr = parse(text).map_err(|e| bad(e.to_string(), Some(e.span)))?;
        match expr.kind {
            Kind::Selector(selector) => Ok(selector.matchers),
            _ => Err(bad(format!("{text:?} is not a selector"), None)),
        }
    }
}

fn failed(e: QueryError) -> SourceError {
    let said = e.message;
    match e.kind {
        ErrorKind::BadQuery => SourceError::BadRequest {
            said,
            at: e.span.map(|s| (s.start, s.end)),
        },
        ErrorKind::Execution => SourceError::Execution(said),
        ErrorKind::Timeout => SourceError::Timeout(said),
        ErrorKind::Cancelled => SourceError::Cancelled,
        ErrorKind::Storage => SourceError::Internal(said),
    }
}
