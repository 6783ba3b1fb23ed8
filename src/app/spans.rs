//! Spans in the engine: how they are kept, what is derived of them, how questions are answered.

use crate::app::engine::Shared;
use crate::base::cancel::Cancel;
use crate::base::clock::{Clock, monotonic};
use crate::base::task::Stop;
use crate::collect::listen::spans::{Policy, Spans, Taken};
use crate::config::Config;
use crate::model::answer::{Answer, Cost, Notes, PromAnswer, Value};
use crate::model::request::SpanRequest;
use crate::query::traceql::search::{self, SearchError};
use crate::source::api::SourceError;
use crate::source::embedded::Embedded;
use crate::store::open::Store;
use crate::store::read::TraceSource;
use crate::store::write::WriteError;
use crate::wire::otlp::Batch;
use std::sync::Arc;

/// Spans that one answer of series tells at most.
const MOST_EXEMPLARS: usize = 1_000;

/// History is open: spans can be kept.
pub(crate) fn open(shared: &Arc<Shared>, store: &Store) {
    let config = &shared.launch.config;
    let spans = Spans::new(
        Arc::new(store.clone()),
        shared.clock.clone(),
        policy(config),
    );
    let _ = shared.spans.set(spans);
}

/// What is not kept as it is sent, as the configuration says.
fn policy(config: &Config) -> Policy {
    Policy {
        drop: config.traces.drop.clone(),
        hash: config.traces.hash.clone(),
        keep_ns: u64::try_from(config.storage.retention_traces.as_nanos()).unwrap_or(u64::MAX),
    }
}

/// Takes spans in that no sender pushes: they came in a file. The store must not be used elsewhere.
pub(crate) fn take_alone(
    config: &Config,
    store: &Store,
    batch: Batch,
) -> Result<Taken, WriteError> {
    let spans = Spans::new(Arc::new(store.clone()), Clock::System, policy(config));
    let taken = spans.take(batch)?;
    store.flush()?;
    Ok(taken)
}

/// Writes what is derived from spans as often as the host is read, on the thread that takes pushes.
pub(crate) async fn write_metrics(shared: Arc<Shared>, embedded: Embedded, mut stop: Stop) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(shared.interval) => {}
            () = stop.wait() => return,
        }
        let shared = shared.clone();
        // A store in trouble says so itself, in `status`; the counts stay for the next round.
        let _ = embedded
            .take_in(move || {
                if let (Some(spans), Some(store)) = (shared.spans.get(), shared.store.load_full()) {
                    let _ = spans.metrics().write(&*store, shared.clock.now_ms());
                }
                Ok(())
            })
            .await;
    }
}

/// Answers a question about spans.
pub(crate) fn answer(
    traces: &dyn TraceSource,
    request: &SpanRequest,
    cancel: &Cancel,
) -> Result<Answer, SourceError> {
    let started = monotonic();
    let millis = || started.elapsed().as_secs_f64() * 1000.0;
    Ok(match request {
        SpanRequest::Trace { id } => {
            let (trace, warnings) = traces.trace(*id, cancel)?;
            let notes = Notes {
                partial: !warnings.is_empty(),
                warnings,
                infos: Vec::new(),
            };
            Answer::Trace(trace, notes)
        }
        SpanRequest::Search(query) => {
            let mut answer = search::search(traces, query, cancel).map_err(failed)?;
            answer.inspected.millis = millis();
            Answer::Traces(answer)
        }
        SpanRequest::Series {
            query,
            steps,
            exemplars,
        } => {
            let asked = (*steps, (*exemplars).min(MOST_EXEMPLARS));
            let found = search::series(traces, query, asked, cancel).map_err(failed)?;
            let answer = PromAnswer {
                cost: Cost {
                    series: found.series.len() as u64,
                    samples: found.inspected.spans,
                    millis: millis(),
                },
                value: Value::Matrix(found.series),
                notes: found.notes,
            };
            Answer::SpanSeries(answer, found.exemplars)
        }
        SpanRequest::Tags { range } => {
            let (tags, notes) = search::tags(traces, *range, cancel).map_err(failed)?;
            Answer::Tags(tags.into_iter().collect(), notes)
        }
        SpanRequest::TagValues { tag, range } => {
            let found = search::tag_values(traces, tag, *range, cancel).map_err(failed)?;
            Answer::TagValues(found.0, found.1)
        }
    })
}

fn failed(e: SearchError) -> SourceError {
    match e {
        SearchError::Query(e) => SourceError::BadRequest {
            said: e.to_string(),
            at: Some((e.span.start, e.span.end)),
        },
        SearchError::Read(e) => e.into(),
    }
}
