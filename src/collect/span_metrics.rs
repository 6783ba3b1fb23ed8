//! Series derived from spans: calls and latencies by operation, and the graph of services.
//!
//! Names, labels and buckets are those of Tempo's metrics generator, so that dashboards hold. Only
//! spans that were new are counted. A series that nothing was added to for 15 minutes ends. Each
//! bucket tells the newest span of a round as its exemplar.

mod graph;
mod histogram;

use crate::model::exemplar::Exemplar;
use crate::model::labels::Labels;
use crate::model::sample::stale_marker;
use crate::model::span::{Attribute, Span, SpanKind, SpanStatus, find};
use crate::store::write::{Append, MetricSink, SeriesId, WriteError};
use graph::Graph;
use histogram::{Histogram, Seen};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Operations that are told apart; further ones are counted as dropped.
const MOST: usize = 2_000;
const IDLE_MS: i64 = 15 * 60_000;
/// 0.002 s times powers of two, as Tempo's.
const LATENCY: (f64, usize) = (0.002, 14);

/// Service, operation, kind, status.
type Key = (Arc<str>, Arc<str>, SpanKind, SpanStatus);

/// Counts spans, and writes what was counted as samples.
#[derive(Default)]
pub struct SpanMetrics(Mutex<State>);

#[derive(Default)]
struct State {
    operations: HashMap<Key, Operation>,
    dropped: u64,
    graph: Graph,
    /// Numbers of series in the store, by their labels.
    ids: HashMap<Labels, SeriesId>,
}

struct Operation {
    latency: Histogram,
    touched: i64,
}

/// What one round writes.
#[derive(Default)]
struct Lines {
    samples: Vec<(Labels, f64)>,
    exemplars: Vec<(Labels, Exemplar)>,
}

impl Lines {
    fn push(&mut self, labels: Labels, v: f64) {
        self.samples.push((labels, v));
    }
}

impl SpanMetrics {
    /// Counts new spans.
    pub fn add<'a>(&self, spans: impl Iterator<Item = &'a Span>, now_ms: i64) {
        let mut state = self.0.lock();
        let state = &mut *state;
        for span in spans {
            let key = (
                service_of(span),
                Arc::clone(&span.name),
                span.kind,
                span.status,
            );
            if state.operations.len() >= MOST && !state.operations.contains_key(&key) {
                state.dropped += 1;
            } else {
                let operation = state.operations.entry(key).or_insert_with(|| Operation {
                    latency: Histogram::new(LATENCY),
                    touched: now_ms,
                });
                let seconds = span.duration() as f64 / 1e9;
                operation.latency.add(seconds, Seen::of(span, now_ms));
                operation.touched = now_ms;
            }
            state.graph.add(span, now_ms);
        }
    }

    /// Writes the counts of now; series that have been idle end.
    pub fn write(&self, sink: &dyn MetricSink, now_ms: i64) -> Result<(), WriteError> {
        let (lines, ended) = {
            let mut state = self.0.lock();
            let mut lines = Lines::default();
            let mut ended = Lines::default();
            for (key, operation) in &mut state.operations {
                let idle = now_ms - operation.touched > IDLE_MS;
                lines_of(key, operation, if idle { &mut ended } else { &mut lines });
            }
            state
                .operations
                .retain(|_, o| now_ms - o.touched <= IDLE_MS);
            state.graph.expire(now_ms);
            state.graph.lines(now_ms - IDLE_MS, &mut lines, &mut ended);
            if state.dropped > 0 {
                let name = [("__name__", "traces_spanmetrics_dropped_spans_total")];
                lines.push(Labels::from_pairs(name), state.dropped as f64);
            }
            (lines, ended)
        };
        self.append(sink, &lines.samples, now_ms)?;
        let exemplars = {
            let state = self.0.lock();
            let known = lines.exemplars.into_iter();
            known
                .filter_map(|(labels, e)| Some((*state.ids.get(&labels)?, e)))
                .collect()
        };
        sink.append_exemplars(exemplars);
        let ended = ended.samples.into_iter();
        let stale: Vec<_> = ended.map(|(l, _)| (l, stale_marker())).collect();
        self.append(sink, &stale, now_ms)?;
        let mut state = self.0.lock();
        for (labels, _) in &stale {
            state.ids.remove(labels);
        }
        Ok(())
    }

    fn append(
        &self,
        sink: &dyn MetricSink,
        lines: &[(Labels, f64)],
        t: i64,
    ) -> Result<(), WriteError> {
        let mut batch = Vec::with_capacity(lines.len());
        for (labels, v) in lines {
            let known = self.0.lock().ids.get(labels).copied();
            let series = if let Some(id) = known {
                id
            } else {
                let id = sink.resolve(labels)?;
                self.0.lock().ids.insert(labels.clone(), id);
                id
            };
            batch.push(Append { series, t, v: *v });
        }
        if batch.is_empty() {
            return Ok(());
        }
        let done = sink.append(&batch)?;
        if !done.gone.is_empty() {
            // Resolved anew in the next round.
            self.0.lock().ids.retain(|_, id| !done.gone.contains(id));
        }
        Ok(())
    }
}

fn lines_of(key: &Key, operation: &mut Operation, out: &mut Lines) {
    let (service, name, kind, status) = key;
    let kind = format!("SPAN_KIND_{}", kind.as_str().to_ascii_uppercase());
    let status = format!("STATUS_CODE_{}", status.as_str().to_ascii_uppercase());
    let base = [
        ("service", &**service),
        ("span_name", &**name),
        ("span_kind", &kind),
        ("status_code", &status),
    ];
    out.push(
        named("traces_spanmetrics_calls_total", &base),
        operation.latency.count() as f64,
    );
    operation
        .latency
        .lines("traces_spanmetrics_latency", &base, out);
}

fn service_of(span: &Span) -> Arc<str> {
    match find(&span.resource.attributes, "service.name") {
        Some(Attribute::Text(text)) => Arc::clone(text),
        _ => Arc::default(),
    }
}

fn named(name: &str, labels: &[(&str, &str)]) -> Labels {
    let name = [("__name__", name)];
    let filled = labels.iter().filter(|(_, v)| !v.is_empty());
    Labels::from_pairs(name.iter().chain(filled).copied())
}

#[cfg(test)]
mod tests;
