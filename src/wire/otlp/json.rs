//! Spans from JSON: protobuf's JSON form with identifiers in hexadecimal, enumerations as numbers
//! and 64-bit integers as text or number. `batches` stands for `resourceSpans` in Tempo's answers.

use crate::model::span::{
    Attribute, Attributes, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink,
    SpanStatus, TraceId,
};
use crate::wire::otlp::{
    Batch, MAX_DEPTH, MOST_ATTRIBUTES, MOST_BYTES, MOST_EVENTS, OtlpError, blank, lenient, reason,
};
use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    #[serde(alias = "batches")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ResourceSpans {
    resource: RawResource,
    #[serde(alias = "instrumentationLibrarySpans")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawResource {
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ScopeSpans {
    scope: RawScope,
    /// Each is read by itself, so that one that does not read harms no other.
    spans: Vec<Box<RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawScope {
    name: String,
    version: String,
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct KeyValue {
    key: String,
    value: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawSpan {
    trace_id: String,
    span_id: String,
    parent_span_id: String,
    name: String,
    kind: Number,
    start_time_unix_nano: Number,
    end_time_unix_nano: Number,
    attributes: Vec<KeyValue>,
    events: Vec<RawEvent>,
    links: Vec<RawLink>,
    status: RawStatus,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawEvent {
    time_unix_nano: Number,
    name: String,
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawLink {
    trace_id: String,
    span_id: String,
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawStatus {
    message: String,
    code: Number,
}

/// A 64-bit integer, written as a number or as text.
#[derive(Clone, Copy, Default)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let number = match &value {
            Value::Null => Some(0),
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        let bad = || serde::de::Error::custom(format!("{value} is no number"));
        number.map(Self).ok_or_else(bad)
    }
}

/// An `ExportTraceServiceRequest`.
pub fn read(bytes: &[u8]) -> Result<Batch, OtlpError> {
    let request: Request =
        serde_json::from_slice(bytes).map_err(|e| OtlpError::Json(e.to_string()))?;
    let mut batch = Batch::default();
    for of_resource in request.resource_spans {
        let resource = attributes(of_resource.resource.attributes, 0);
        let resource = resource.map(|attributes| Arc::new(Resource { attributes }));
        for of_scope in of_resource.scope_spans {
            let scope = of_scope.scope;
            let scope = attributes(scope.attributes, 0).map(|attributes| {
                Arc::new(Scope {
                    name: scope.name.into(),
                    version: scope.version.into(),
                    attributes,
                })
            });
            for raw in of_scope.spans {
                let read = match (&resource, &scope) {
                    (Ok(resource), Ok(scope)) => span(raw.get(), blank(resource, scope)),
                    (Err(why), _) | (_, Err(why)) => Err(*why),
                };
                match read {
                    Ok(span) => batch.spans.push(span),
                    Err(why) => batch.refuse(why),
                }
            }
        }
    }
    Ok(batch)
}

fn span(raw: &str, mut span: Span) -> Result<Span, &'static str> {
    if raw.len() > MOST_BYTES {
        return Err(reason::LARGE);
    }
    let raw: RawSpan = lenient(raw).ok_or(reason::BROKEN)?;
    if raw.events.len() > MOST_EVENTS || raw.links.len() > MOST_EVENTS {
        return Err(reason::EVENTS);
    }
    span.trace = full(&raw.trace_id, 32, TraceId::parse).ok_or(reason::TRACE_ID)?;
    span.id = full(&raw.span_id, 16, SpanId::parse).ok_or(reason::SPAN_ID)?;
    span.parent = SpanId::parse(&raw.parent_span_id);
    span.name = raw.name.into();
    span.kind = SpanKind::from_number(raw.kind.0 as i64);
    span.status = SpanStatus::from_number(raw.status.code.0 as i64);
    span.status_message = raw.status.message.into();
    span.start = raw.start_time_unix_nano.0;
    span.end = raw.end_time_unix_nano.0;
    span.attributes = attributes(raw.attributes, 0)?;
    for event in raw.events {
        span.events.push(SpanEvent {
            time: event.time_unix_nano.0,
            name: event.name.into(),
            attributes: attributes(event.attributes, 0)?,
        });
    }
    for link in raw.links {
        let ids = TraceId::parse(&link.trace_id).zip(SpanId::parse(&link.span_id));
        if let Some((trace, id)) = ids {
            span.links.push(SpanLink {
                trace,
                span: id,
                attributes: attributes(link.attributes, 0)?,
            });
        }
    }
    Ok(span)
}

/// An identifier of just that many digits.
fn full<T>(text: &str, digits: usize, parse: fn(&str) -> Option<T>) -> Option<T> {
    (text.len() == digits).then(|| parse(text)).flatten()
}

fn attributes(list: Vec<KeyValue>, depth: u32) -> Result<Attributes, &'static str> {
    if list.len() > MOST_ATTRIBUTES {
        return Err(reason::ATTRIBUTES);
    }
    let each = list
        .into_iter()
        .map(|kv| Ok((kv.key.into(), value(&kv.value, depth)?)));
    each.collect()
}

/// `{"stringValue": ".."}` and its like; nothing is an empty text.
fn value(raw: &Value, depth: u32) -> Result<Attribute, &'static str> {
    if depth >= MAX_DEPTH {
        return Err(reason::DEPTH);
    }
    let Some((kind, inner)) = raw.as_object().and_then(|o| o.iter().next()) else {
        return Ok(Attribute::text(""));
    };
    let found = match kind.as_str() {
        "stringValue" => inner.as_str().map(Attribute::text),
        "boolValue" => inner.as_bool().map(Attribute::Bool),
        "intValue" => match inner {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        }
        .map(Attribute::Int),
        "doubleValue" => match inner {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        }
        .map(Attribute::Float),
        "bytesValue" => {
            let text = inner.as_str().unwrap_or_default();
            let bytes = base64::engine::general_purpose::STANDARD.decode(text);
            bytes.ok().map(Attribute::Bytes)
        }
        "arrayValue" => {
            let items = inner.get("values").and_then(Value::as_array);
            let items = items.into_iter().flatten().map(|v| value(v, depth + 1));
            Some(Attribute::List(items.collect::<Result<_, _>>()?))
        }
        "kvlistValue" => {
            let list = inner.get("values").cloned().unwrap_or_default();
            let list: Vec<KeyValue> = serde_json::from_value(list).unwrap_or_default();
            Some(Attribute::Map(attributes(list, depth + 1)?))
        }
        _ => Some(Attribute::text("")),
    };
    found.ok_or(reason::BROKEN)
}
