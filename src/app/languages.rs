//! The query languages behind the embedded source.

use crate::app::spans;
use crate::base::cancel::Cancel;
use crate::config::Config;
use crate::model::answer::{Answer, LogReply, PromAnswer};
use crate::model::matcher::Matcher;
use crate::model::request::{LogRequest, PromQuery, SpanRequest};
use crate::query::logql;
use crate::query::promql::ast::Kind;
use crate::query::promql::eval::{Engine, ErrorKind, Limits, QueryError};
use crate::query::promql::known::Known;
use crate::query::promql::{Span, parse};
use crate::source::api::SourceError;
use crate::source::embedded::Languages;
use crate::store::read::logs::LogSource;
use crate::store::read::{SeriesSource, TraceSource};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// One question may hold this part of the memory that the program may take: four run at a time, and
/// the head takes half.
const SHARE_OF_MEMORY: u64 = 8;
const SAMPLE_BYTES: u64 = 16;

/// PromQL and LogQL with the limits of the configuration.
pub(crate) struct PromQl {
    engine: ArcSwap<Engine>,
    known: Known,
    memory: u64,
}

impl PromQl {
    /// `memory` is what the whole program may take.
    pub(crate) fn new(config: &Config, memory: u64) -> Self {
        let engine = ArcSwap::from_pointee(engine(config, memory));
        let known = Known::default();
        Self {
            engine,
            known,
            memory,
        }
    }

    /// Takes the limits of another configuration; questions that run keep theirs.
    pub(crate) fn apply(&self, config: &Config) {
        self.engine.store(Arc::new(engine(config, self.memory)));
    }
}

fn engine(config: &Config, memory: u64) -> Engine {
    let fits = memory / SHARE_OF_MEMORY / SAMPLE_BYTES;
    let limits = Limits {
        max_samples: config.limits.query_samples.min(fits),
        timeout: config.limits.query_time,
        ..Limits::default()
    };
    Engine {
        limits,
        experimental: config.promql.experimental,
    }
}

impl Languages for PromQl {
    fn evaluate(
        &self,
        series: &dyn SeriesSource,
        query: &PromQuery,
        cancel: &Cancel,
    ) -> Result<PromAnswer, SourceError> {
        let engine = **self.engine.load();
        let read = |text: &str| self.known.parse(text);
        let answer = engine.run_read(series, query, cancel, read);
        answer.map_err(failed)
    }

    fn ask_logs(
        &self,
        logs: &dyn LogSource,
        request: &LogRequest,
        cancel: &Cancel,
    ) -> Result<LogReply, SourceError> {
        let engine = logql::eval::Engine::default();
        engine
            .ask(logs, request, cancel)
            .map_err(|e| failed_logs(&e))
    }

    fn spans(
        &self,
        traces: &dyn TraceSource,
        request: &SpanRequest,
        cancel: &Cancel,
    ) -> Result<Answer, SourceError> {
        spans::answer(traces, request, cancel)
    }

    fn selectors(&self, text: &str) -> Result<Vec<Vec<Matcher>>, SourceError> {
        let expr = parse(text).map_err(|e| SourceError::BadRequest {
            said: e.to_string(),
            at: Some((e.span.start, e.span.end)),
        })?;
        let mut out = Vec::new();
        let mut open = vec![&expr];
        while let Some(expr) = open.pop() {
            match &expr.kind {
                Kind::Selector(selector) => out.push(selector.matchers.clone()),
                Kind::Range(range) => out.push(range.selector.matchers.clone()),
                _ => open.extend(expr.children().into_iter().rev()),
            }
        }
        Ok(out)
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

fn failed_logs(e: &logql::eval::QueryError) -> SourceError {
    use logql::eval::QueryError as E;
    let said = e.to_string();
    match e {
        E::Parse(fault) => SourceError::BadRequest {
            said,
            at: Some((fault.span.start, fault.span.end)),
        },
        // Loki answers both with 400.
        E::Bad(_) | E::Failed(_) => SourceError::BadRequest { said, at: None },
        E::Stopped(stopped) => (*stopped).into(),
        E::Store(_) => SourceError::Internal(said),
    }
}
