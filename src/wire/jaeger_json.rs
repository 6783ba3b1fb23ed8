//! What Jaeger's query service answers, and its page saves: `{"data": [{traceID, spans, processes}]}`.
//!
//! Read only, so that traces somebody attached to a ticket can be looked at here. `process` becomes
//! the resource, `logs` become events, a reference CHILD_OF becomes the parent, other references become
//! links, and the tags that Jaeger's exporters made of OpenTelemetry's fields become those again:
//! `span.kind`, `otel.status_code`, `otel.status_description`, `error`, `otel.scope.name` and
//! `otel.scope.version`. Times are microseconds. Source: Jaeger's `model/json/model.go`; OpenTelemetry
//! specification, "Jaeger transformation".

use crate::model::span::{
    Attribute, Attributes, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink,
    SpanStatus, TraceId,
};
use crate::wire::otlp::{Batch, MOST_ATTRIBUTES, MOST_EVENTS, OtlpError};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// One answer, or one trace by itself.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    data: Vec<RawTrace>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawTrace {
    /// Each is read by itself, so that one that does not read harms no other.
    spans: Vec<Value>,
    processes: HashMap<String, Process>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Process {
    service_name: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Tag {
    key: String,
    #[serde(rename = "type")]
    kind: String,
    value: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawSpan {
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    id: String,
    /// As older versions wrote the parent.
    #[serde(rename = "parentSpanID")]
    parent: String,
    operation_name: String,
    references: Vec<Reference>,
    start_time: u64,
    duration: u64,
    tags: Vec<Tag>,
    logs: Vec<Log>,
    #[serde(rename = "processID")]
    process: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    ref_type: String,
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Log {
    timestamp: u64,
    fields: Vec<Tag>,
}

/// A saved answer of `/api/traces`, or one of its traces.
pub fn read(bytes: &[u8]) -> Result<Batch, OtlpError> {
    let bad = |e: serde_json::Error| OtlpError::Json(e.to_string());
    let value: Value = serde_json::from_slice(bytes).map_err(bad)?;
    let traces = if value.get("data").is_some() {
        serde_json::from_value::<Answer>(value).map_err(bad)?.data
    } else if value.get("spans").is_some() {
        vec![serde_json::from_value(value).map_err(bad)?]
    } else {
        let said = "there is neither `data` nor `spans`: is it an answer of Jaeger's /api/traces?";
        return Err(OtlpError::Json(said.to_owned()));
    };
    let mut batch = Batch::default();
    for trace in traces {
        let resources: HashMap<String, Arc<Resource>> = trace
            .processes
            .into_iter()
            .map(|(id, process)| (id, Arc::new(resource(process))))
            .collect();
        for raw in trace.spans {
            match span(raw, &resources) {
                Ok(span) => batch.spans.push(span),
                Err(why) => batch.refuse(why),
            }
        }
    }
    Ok(batch)
}

fn resource(process: Process) -> Resource {
    let name = (
        "service.name".into(),
        Attribute::text(&process.service_name),
    );
    let mut attributes: Attributes = vec![name];
    let tags = process.tags.into_iter().take(MOST_ATTRIBUTES);
    attributes.extend(tags.map(|t| (Arc::from(t.key.as_str()), attribute(t))));
    Resource { attributes }
}

fn attribute(tag: Tag) -> Attribute {
    match (tag.kind.as_str(), &tag.value) {
        ("int64", Value::Number(n)) => Attribute::Int(n.as_i64().unwrap_or_default()),
        // Browsers cannot hold 64 bits, so some write them as text.
        ("int64", Value::String(text)) if text.parse::<i64>().is_ok() => {
            Attribute::Int(text.parse().unwrap_or_default())
        }
        (_, Value::Number(n)) => Attribute::Float(n.as_f64().unwrap_or_default()),
        (_, Value::Bool(b)) => Attribute::Bool(*b),
        (_, Value::String(text)) => Attribute::text(text),
        (_, Value::Null) => Attribute::text(""),
        (_, other) => Attribute::text(&other.to_string()),
    }
}

/// What tags say beside being attributes.
#[derive(Default)]
struct Told {
    kind: SpanKind,
    status: Option<SpanStatus>,
    failed: bool,
    message: String,
    scope: Scope,
}

impl Told {
    /// Takes a tag that stands for a field; gives any other back.
    fn take(&mut self, tag: Tag) -> Option<Tag> {
        let text = match &tag.value {
            Value::String(text) => text.clone(),
            Value::Bool(b) => b.to_string(),
            _ => return Some(tag),
        };
        match tag.key.as_str() {
            "span.kind" => {
                let named = SpanKind::ALL.into_iter().find(|k| k.as_str() == text);
                self.kind = named.unwrap_or_default();
            }
            "otel.status_code" => {
                let named = |s: &SpanStatus| s.as_str().eq_ignore_ascii_case(&text);
                self.status = SpanStatus::ALL.into_iter().find(named);
            }
            "otel.status_description" => self.message = text,
            "error" if text == "true" || text == "false" => self.failed = text == "true",
            "otel.scope.name" | "otel.library.name" => self.scope.name = text.into(),
            "otel.scope.version" | "otel.library.version" => self.scope.version = text.into(),
            _ => return Some(tag),
        }
        None
    }
}

fn span(raw: Value, resources: &HashMap<String, Arc<Resource>>) -> Result<Span, &'static str> {
    let raw: RawSpan = serde_json::from_value(raw).map_err(|_| "it does not read")?;
    if raw.tags.len() > MOST_ATTRIBUTES {
        return Err("it has more than 1024 tags");
    }
    if raw.logs.len() > MOST_EVENTS || raw.references.len() > MOST_EVENTS {
        return Err("it has more than 4096 logs or references");
    }
    let trace = TraceId::parse(&raw.trace).ok_or("the trace id is not hexadecimal, or zero")?;
    let id = SpanId::parse(&raw.id).ok_or("the span id is not hexadecimal, or zero")?;
    let mut told = Told::default();
    let tags = raw.tags.into_iter().filter_map(|tag| told.take(tag));
    let attributes = tags
        .map(|t| (Arc::from(t.key.as_str()), attribute(t)))
        .collect();
    let (parent, links) = references(raw.references, trace);
    let start = raw.start_time.saturating_mul(1000);
    let status = told.status.unwrap_or(if told.failed {
        SpanStatus::Error
    } else {
        SpanStatus::Unset
    });
    Ok(Span {
        trace,
        id,
        parent: parent.or_else(|| SpanId::parse(&raw.parent)),
        name: raw.operation_name.into(),
        kind: told.kind,
        status,
        status_message: told.message.into(),
        start,
        end: start.saturating_add(raw.duration.saturating_mul(1000)),
        attributes,
        events: raw.logs.into_iter().map(event).collect(),
        links,
        resource: resources.get(&raw.process).cloned().unwrap_or_default(),
        scope: Arc::new(told.scope),
        shared: false,
    })
}

/// The first CHILD_OF of the same trace is the parent, else the first FOLLOWS_FROM; the others link.
fn references(all: Vec<Reference>, trace: TraceId) -> (Option<SpanId>, Vec<SpanLink>) {
    let known = all.into_iter().filter_map(|r| {
        let link = SpanLink {
            trace: TraceId::parse(&r.trace)?,
            span: SpanId::parse(&r.span)?,
            attributes: Attributes::new(),
        };
        Some((r.ref_type == "CHILD_OF", link))
    });
    let mut known: Vec<(bool, SpanLink)> = known.collect();
    let of = |child: bool| {
        let fits =
            move |(is_child, link): &(bool, SpanLink)| *is_child == child && link.trace == trace;
        known.iter().position(fits)
    };
    let parent = of(true).or_else(|| of(false));
    let parent = parent.map(|at| known.remove(at).1.span);
    (parent, known.into_iter().map(|(_, link)| link).collect())
}

/// Its name is the field `event`, as OpenTelemetry and OpenTracing write it.
fn event(log: Log) -> SpanEvent {
    let mut name: Arc<str> = "".into();
    let mut attributes = Attributes::new();
    for tag in log.fields.into_iter().take(MOST_ATTRIBUTES) {
        match (&*tag.key, &tag.value) {
            ("event", Value::String(text)) if name.is_empty() => name = text.as_str().into(),
            _ => attributes.push((Arc::from(tag.key.as_str()), attribute(tag))),
        }
    }
    SpanEvent {
        time: log.timestamp.saturating_mul(1000),
        name,
        attributes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXAMPLE: &str = r#"{"data":[{"traceID":"3c6a7a3ee0a5c2ab","spans":[
        {"traceID":"3c6a7a3ee0a5c2ab","spanID":"3c6a7a3ee0a5c2ab","operationName":"GET /orders","references":[],
         "startTime":1700000000000000,"duration":25000,"processID":"p1","warnings":null,"logs":[],
         "tags":[{"key":"span.kind","type":"string","value":"server"},{"key":"http.status_code","type":"int64","value":500},
                 {"key":"error","type":"bool","value":true},{"key":"ratio","type":"float64","value":0.5}]},
        {"traceID":"3c6a7a3ee0a5c2ab","spanID":"1","operationName":"SELECT",
         "references":[{"refType":"FOLLOWS_FROM","traceID":"ff","spanID":"9"},
                       {"refType":"CHILD_OF","traceID":"3c6a7a3ee0a5c2ab","spanID":"3c6a7a3ee0a5c2ab"}],
         "startTime":1700000000001000,"duration":10,"processID":"p2",
         "tags":[{"key":"otel.status_code","type":"string","value":"ERROR"},{"key":"otel.status_description","type":"string","value":"dead"},
                 {"key":"otel.scope.name","type":"string","value":"jdbc"}],
         "logs":[{"timestamp":1700000000001005,"fields":[{"key":"event","type":"string","value":"exception"},{"key":"n","type":"int64","value":"7"}]}]},
        {"traceID":"0","spanID":"1"}
      ],"processes":{"p1":{"serviceName":"shop","tags":[{"key":"hostname","type":"string","value":"web1"}]},"p2":{"serviceName":"db"}}}],
      "total":0,"limit":0,"offset":0,"errors":null}"#;

    #[test]
    fn as_jaegers_page_saves_it() {
        let batch = read(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((batch.spans.len(), batch.refused_count()), (2, 1));
        let [root, child] = &batch.spans[..] else {
            panic!("two spans")
        };
        assert_eq!(
            (root.service(), root.kind, root.parent),
            ("shop", SpanKind::Server, None)
        );
        assert!(root.is_error() && child.is_error());
        assert_eq!(
            root.attribute("http.status_code"),
            Some(&Attribute::Int(500))
        );
        assert_eq!(root.attribute("ratio"), Some(&Attribute::Float(0.5)));
        assert_eq!(root.attribute("span.kind"), None);
        assert_eq!(root.duration(), 25_000_000);
        assert_eq!(child.parent, Some(root.id));
        assert_eq!(
            (&*child.status_message, &*child.scope.name),
            ("dead", "jdbc")
        );
        assert_eq!(child.links[0].trace, TraceId::parse("ff").unwrap());
        assert_eq!(&*child.events[0].name, "exception");
        assert_eq!(
            child.events[0].attributes,
            [("n".into(), Attribute::Int(7))]
        );
        assert!(read(b"{}").is_err());
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0..EXAMPLE.len(), with in any::<char>()) {
            let mut text = EXAMPLE.to_owned();
            text.insert(at, with);
            let _ = read(text.as_bytes());
            let _ = read(&text.as_bytes()[..at]);
        }
    }
}
