//! Answers about traces in the shapes of Tempo's HTTP API.
//!
//! 64-bit numbers are text, as protobuf's JSON writes them; ids of traces lose their leading zeros in
//! search results, as Tempo's do. Source: Tempo's API documentation.

use crate::model::answer::{Inspected, Notes, Series, SpanSet, TraceHit, TracesAnswer};
use crate::model::exemplar::{Exemplar, ExemplarSeries};
use crate::model::request::TagScope;
use crate::model::span::{Attribute, Trace};
use crate::wire::otlp;
use serde_json::{Map, Value, json};

/// What Tempo shows where the root has not arrived.
pub const NO_ROOT: &str = "<root span not yet received>";

/// `/api/search`
pub fn search(answer: &TracesAnswer) -> Value {
    let traces: Vec<Value> = answer.traces.iter().map(hit).collect();
    json!({"traces": traces, "metrics": metrics(&answer.inspected)})
}

fn metrics(cost: &Inspected) -> Value {
    json!({
        "inspectedTraces": cost.traces,
        "inspectedSpans": cost.spans.to_string(),
        "inspectedBytes": cost.bytes.to_string(),
        "completedJobs": 1,
        "totalJobs": 1,
    })
}

fn hit(hit: &TraceHit) -> Value {
    let id = hit.id.to_string();
    let sets: Vec<Value> = hit.sets.iter().map(set).collect();
    let stats: Map<String, Value> = hit
        .services
        .iter()
        .map(|s| {
            let mut counts = json!({"spanCount": s.spans});
            if s.errors > 0 {
                counts["errorCount"] = json!(s.errors);
            }
            (s.service.clone(), counts)
        })
        .collect();
    let mut out = json!({
        "traceID": id.trim_start_matches('0'),
        "rootServiceName": hit.root_service.as_deref().unwrap_or(NO_ROOT),
        "rootTraceName": hit.root_name.as_deref().unwrap_or_default(),
        "startTimeUnixNano": hit.start.to_string(),
        "durationMs": hit.duration / 1_000_000,
        "serviceStats": stats,
    });
    if let Some(first) = sets.first() {
        out["spanSet"] = first.clone();
        out["spanSets"] = Value::Array(sets);
    }
    out
}

fn set(set: &SpanSet) -> Value {
    let spans = set.spans.iter().map(|span| {
        json!({
            "spanID": span.id,
            "name": span.name,
            "startTimeUnixNano": span.start.to_string(),
            "durationNanos": span.duration.to_string(),
            "attributes": attributes(&span.attributes),
        })
    });
    json!({
        "spans": spans.collect::<Vec<_>>(),
        "matched": set.matched,
        "attributes": attributes(&set.attributes),
    })
}

fn attributes(list: &[(String, Attribute)]) -> Value {
    let each = list.iter();
    each.map(|(key, value)| json!({"key": key, "value": otlp::value_json(value)}))
        .collect()
}

/// `/api/traces/{id}`
pub fn trace_v1(trace: &Trace) -> Value {
    json!({"batches": otlp::to_json(trace)})
}

/// `/api/v2/traces/{id}`
pub fn trace_v2(trace: &Trace, notes: &Notes) -> Value {
    json!({
        "trace": {"resourceSpans": otlp::to_json(trace)},
        "metrics": {},
        "status": if notes.partial { "PARTIAL" } else { "COMPLETE" },
        "message": notes.warnings.join("; "),
    })
}

/// `/api/search/tags`
pub fn tags_v1(tags: &[(TagScope, Vec<String>)]) -> Value {
    let mut names: Vec<&String> = tags.iter().flat_map(|(_, names)| names).collect();
    names.sort_unstable();
    names.dedup();
    json!({"tagNames": names, "metrics": {}})
}

/// `/api/v2/search/tags`; intrinsic fields are a scope of their own.
pub fn tags_v2(tags: &[(TagScope, Vec<String>)], intrinsics: &[&str]) -> Value {
    let scopes = tags
        .iter()
        .map(|(scope, names)| json!({"name": scope.as_str(), "tags": names}));
    let own = (!intrinsics.is_empty()).then(|| json!({"name": "intrinsic", "tags": intrinsics}));
    json!({"scopes": scopes.chain(own).collect::<Vec<_>>(), "metrics": {}})
}

/// `/api/search/tag/{tag}/values`
pub fn values_v1(values: &[Attribute]) -> Value {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    json!({"tagValues": texts, "metrics": {}})
}

/// `/api/v2/search/tag/{tag}/values`: each with its type.
pub fn values_v2(values: &[(Attribute, &str)]) -> Value {
    let each = values
        .iter()
        .map(|(value, kind)| json!({"type": kind, "value": value.to_string()}));
    json!({"tagValues": each.collect::<Vec<_>>(), "metrics": {}})
}

fn labels(series: &Series) -> Value {
    let each = series.labels.iter();
    each.map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
        .collect()
}

/// An exemplar as Tempo tells it: `trace:id` and `span:id` among its labels.
fn exemplar(e: &Exemplar) -> Value {
    let label = |key: &str, id: Option<String>| {
        let id = id?;
        Some(json!({"key": key, "value": {"stringValue": id}}))
    };
    let labels = [
        label("trace:id", e.trace().map(|id| id.to_string())),
        label("span:id", e.span().map(|id| id.to_string())),
    ];
    json!({
        "labels": labels.into_iter().flatten().collect::<Vec<_>>(),
        "value": e.value,
        "timestampMs": e.t.to_string(),
    })
}

/// `/api/metrics/query_range`
pub fn series_range(series: &[Series], exemplars: &[ExemplarSeries]) -> Value {
    let behind = |s: &Series| {
        let of = exemplars.iter().filter(|e| e.labels == s.labels);
        let each = of.flat_map(|e| e.exemplars.iter().map(exemplar));
        each.collect::<Vec<_>>()
    };
    let each = series.iter().map(|s| {
        let samples = s
            .samples
            .iter()
            .map(|p| json!({"timestampMs": p.t.to_string(), "value": p.v}));
        json!({
            "labels": labels(s),
            "promLabels": s.labels.to_string(),
            "samples": samples.collect::<Vec<_>>(),
            "exemplars": behind(s),
        })
    });
    json!({"series": each.collect::<Vec<_>>(), "metrics": {}, "status": "COMPLETE"})
}

/// `/api/metrics/query`: the last value of each.
pub fn series_instant(series: &[Series]) -> Value {
    let each = series.iter().filter_map(|s| {
        let last = s.samples.last()?;
        Some(json!({"labels": labels(s), "promLabels": s.labels.to_string(), "value": last.v}))
    });
    json!({"series": each.collect::<Vec<_>>(), "metrics": {}, "status": "COMPLETE"})
}
