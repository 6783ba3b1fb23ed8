//! A trace as OTLP says it: for Tempo's API, for files, for passing on.

use crate::model::span::{Attribute, Attributes, Resource, Scope, Span, Trace};
use crate::wire::protobuf::Field;
use base64::Engine as _;
use serde_json::{Value, json};
use std::sync::Arc;

/// Spans that share resource and scope, in the order in which they appear.
type Groups<'a> = Vec<(&'a Arc<Resource>, Vec<(&'a Arc<Scope>, Vec<&'a Span>)>)>;

fn grouped(trace: &Trace) -> Groups<'_> {
    let mut out: Groups<'_> = Vec::new();
    for span in &trace.spans {
        let place = out.iter().position(|(r, _)| **r == span.resource);
        let place = place.unwrap_or_else(|| {
            out.push((&span.resource, Vec::new()));
            out.len() - 1
        });
        let scopes = &mut out[place].1;
        match scopes.iter_mut().find(|(s, _)| **s == span.scope) {
            Some((_, spans)) => spans.push(span),
            None => scopes.push((&span.scope, vec![span])),
        }
    }
    out
}

/// The list that stands under `resourceSpans` (`batches` in Tempo's first API).
pub fn to_json(trace: &Trace) -> Value {
    let resources = grouped(trace).into_iter().map(|(resource, scopes)| {
        let scopes = scopes.into_iter().map(|(scope, spans)| {
            let spans: Vec<Value> = spans.into_iter().map(span_json).collect();
            let mut of = json!({"name": scope.name, "version": scope.version});
            if !scope.attributes.is_empty() {
                of["attributes"] = attributes_json(&scope.attributes);
            }
            json!({"scope": of, "spans": spans})
        });
        json!({
            "resource": {"attributes": attributes_json(&resource.attributes)},
            "scopeSpans": scopes.collect::<Vec<_>>(),
        })
    });
    Value::Array(resources.collect())
}

fn span_json(span: &Span) -> Value {
    let mut out = json!({
        "traceId": span.trace,
        "spanId": span.id,
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": span.start.to_string(),
        "endTimeUnixNano": span.end.to_string(),
        "attributes": attributes_json(&span.attributes),
        "status": {"code": span.status as u8, "message": span.status_message},
    });
    if let Some(parent) = span.parent {
        out["parentSpanId"] = json!(parent);
    }
    if !span.events.is_empty() {
        let events = span.events.iter().map(|e| {
            json!({
                "timeUnixNano": e.time.to_string(),
                "name": e.name,
                "attributes": attributes_json(&e.attributes),
            })
        });
        out["events"] = events.collect();
    }
    if !span.links.is_empty() {
        let links = span.links.iter().map(|l| {
            json!({
                "traceId": l.trace,
                "spanId": l.span,
                "attributes": attributes_json(&l.attributes),
            })
        });
        out["links"] = links.collect();
    }
    out
}

/// `[{"key": .., "value": {"stringValue": ..}}]`
fn attributes_json(attributes: &Attributes) -> Value {
    let each = attributes.iter();
    each.map(|(key, value)| json!({"key": key, "value": value_json(value)}))
        .collect()
}

/// `{"stringValue": ..}` and its like.
pub(crate) fn value_json(value: &Attribute) -> Value {
    match value {
        Attribute::Text(text) => json!({"stringValue": text}),
        Attribute::Bool(b) => json!({"boolValue": b}),
        Attribute::Int(i) => json!({"intValue": i.to_string()}),
        Attribute::Float(v) => json!({"doubleValue": v}),
        Attribute::Bytes(bytes) => {
            let text = base64::engine::general_purpose::STANDARD.encode(bytes);
            json!({"bytesValue": text})
        }
        Attribute::List(items) => {
            let values: Vec<Value> = items.iter().map(value_json).collect();
            json!({"arrayValue": {"values": values}})
        }
        Attribute::Map(items) => json!({"kvlistValue": {"values": attributes_json(items)}}),
    }
}

/// `TracesData`, which is also Tempo's `Trace` and the body of an export.
pub fn to_protobuf(trace: &Trace) -> Vec<u8> {
    let mut out = Vec::new();
    for (resource, scopes) in grouped(trace) {
        let mut of_resource = Vec::new();
        let mut inner = Vec::new();
        attributes(1, &resource.attributes, &mut inner);
        Field::bytes(1, &inner, &mut of_resource);
        for (scope, spans) in scopes {
            let (mut of_scope, mut inner) = (Vec::new(), Vec::new());
            Field::bytes(1, scope.name.as_bytes(), &mut inner);
            Field::bytes(2, scope.version.as_bytes(), &mut inner);
            attributes(3, &scope.attributes, &mut inner);
            Field::bytes(1, &inner, &mut of_scope);
            for s in spans {
                Field::bytes(2, &span(s), &mut of_scope);
            }
            Field::bytes(2, &of_scope, &mut of_resource);
        }
        Field::bytes(1, &of_resource, &mut out);
    }
    out
}

fn span(span: &Span) -> Vec<u8> {
    let mut out = Vec::new();
    Field::bytes(1, &span.trace.0, &mut out);
    Field::bytes(2, &span.id.0, &mut out);
    if let Some(parent) = span.parent {
        Field::bytes(4, &parent.0, &mut out);
    }
    Field::bytes(5, span.name.as_bytes(), &mut out);
    Field::varint(6, span.kind as u64, &mut out);
    Field::fixed64(7, span.start, &mut out);
    Field::fixed64(8, span.end, &mut out);
    attributes(9, &span.attributes, &mut out);
    for event in &span.events {
        let mut inner = Vec::new();
        Field::fixed64(1, event.time, &mut inner);
        Field::bytes(2, event.name.as_bytes(), &mut inner);
        attributes(3, &event.attributes, &mut inner);
        Field::bytes(11, &inner, &mut out);
    }
    for link in &span.links {
        let mut inner = Vec::new();
        Field::bytes(1, &link.trace.0, &mut inner);
        Field::bytes(2, &link.span.0, &mut inner);
        attributes(4, &link.attributes, &mut inner);
        Field::bytes(13, &inner, &mut out);
    }
    let mut status = Vec::new();
    Field::bytes(2, span.status_message.as_bytes(), &mut status);
    Field::varint(3, span.status as u64, &mut status);
    Field::bytes(15, &status, &mut out);
    out
}

fn attributes(number: u32, list: &Attributes, out: &mut Vec<u8>) {
    for (key, value) in list {
        let mut inner = Vec::new();
        Field::bytes(1, key.as_bytes(), &mut inner);
        Field::bytes(2, &self::value(value), &mut inner);
        Field::bytes(number, &inner, out);
    }
}

fn value(value: &Attribute) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Attribute::Text(text) => Field::bytes(1, text.as_bytes(), &mut out),
        Attribute::Bool(b) => Field::varint(2, u64::from(*b), &mut out),
        Attribute::Int(i) => Field::varint(3, *i as u64, &mut out),
        Attribute::Float(v) => Field::fixed64(4, v.to_bits(), &mut out),
        Attribute::Bytes(bytes) => Field::bytes(7, bytes, &mut out),
        Attribute::List(items) => {
            let mut inner = Vec::new();
            for item in items {
                Field::bytes(1, &self::value(item), &mut inner);
            }
            Field::bytes(5, &inner, &mut out);
        }
        Attribute::Map(items) => {
            let mut inner = Vec::new();
            attributes(1, items, &mut inner);
            Field::bytes(6, &inner, &mut out);
        }
    }
    out
}
