//! Zipkin's second format, in JSON and protobuf, as Brave, ClickHouse, Envoy and nginx send it.
//!
//! A server's half of a shared span keeps its identity beside the client's. `localEndpoint` becomes
//! `service.name`, `remoteEndpoint` becomes `peer.service` and `network.peer.*`, annotations become
//! events, a tag `error` of any value a status of error. Source: `zipkin2-api.yaml`.

mod proto;

pub use proto::read as from_protobuf;

use crate::model::span::{
    Attribute, Attributes, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanStatus, TraceId,
};
use crate::wire::otlp::{Batch, MOST_ATTRIBUTES, MOST_BYTES, MOST_EVENTS, OtlpError, lenient};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Raw {
    #[serde(deserialize_with = "hexadecimal")]
    trace_id: Option<TraceId>,
    #[serde(deserialize_with = "hexadecimal")]
    id: Option<SpanId>,
    #[serde(deserialize_with = "hexadecimal")]
    parent_id: Option<SpanId>,
    #[serde(deserialize_with = "kind")]
    kind: SpanKind,
    name: Option<String>,
    /// Microseconds since the Unix epoch.
    timestamp: Option<u64>,
    duration: Option<u64>,
    local_endpoint: Option<Endpoint>,
    remote_endpoint: Option<Endpoint>,
    annotations: Vec<Annotation>,
    tags: BTreeMap<String, String>,
    shared: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Endpoint {
    service_name: Option<String>,
    ipv4: Option<String>,
    ipv6: Option<String>,
    port: Option<u16>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Annotation {
    timestamp: u64,
    value: String,
}

/// What is no identifier is none; which of them a span needs is judged later.
fn hexadecimal<'de, D: Deserializer<'de>, T: FromHex>(from: D) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.and_then(|t| T::from_hex(&t)))
}

trait FromHex: Sized {
    fn from_hex(text: &str) -> Option<Self>;
}

impl FromHex for TraceId {
    fn from_hex(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl FromHex for SpanId {
    fn from_hex(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<SpanKind, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(match text.as_deref() {
        Some("CLIENT") => SpanKind::Client,
        Some("SERVER") => SpanKind::Server,
        Some("PRODUCER") => SpanKind::Producer,
        Some("CONSUMER") => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    })
}

/// A list of spans.
pub fn from_json(bytes: &[u8]) -> Result<Batch, OtlpError> {
    let list: Vec<&RawValue> =
        serde_json::from_slice(bytes).map_err(|e| OtlpError::Json(e.to_string()))?;
    let mut batch = Batch::default();
    for text in list {
        let read = if text.get().len() > MOST_BYTES {
            Err(LARGE)
        } else {
            let raw = lenient::<Raw>(text.get());
            raw.ok_or("it does not read").and_then(span)
        };
        match read {
            Ok(span) => batch.spans.push(span),
            Err(why) => batch.refuse(why),
        }
    }
    Ok(batch)
}

const LARGE: &str = "it is larger than 1 MiB";
const MOST_TAGS: usize = MOST_ATTRIBUTES;
const MOST_ANNOTATIONS: usize = MOST_EVENTS;

fn span(raw: Raw) -> Result<Span, &'static str> {
    if raw.tags.len() > MOST_TAGS {
        return Err("it has more than 1024 tags");
    }
    if raw.annotations.len() > MOST_ANNOTATIONS {
        return Err("it has more than 4096 annotations");
    }
    let trace = raw.trace_id.ok_or("the trace id is none, or zero")?;
    let id = raw.id.ok_or("the span id is none, or zero")?;
    let error = raw.tags.get("error").cloned();
    let start = raw.timestamp.unwrap_or(0).saturating_mul(1000);
    let duration = raw.duration.unwrap_or(0).saturating_mul(1000);
    let events = raw.annotations.into_iter().map(|a| SpanEvent {
        time: a.timestamp.saturating_mul(1000),
        name: a.value.into(),
        attributes: Vec::new(),
    });
    let tags = raw
        .tags
        .into_iter()
        .map(|(k, v)| (k.into(), Attribute::Text(v.into())));
    let mut attributes: Attributes = tags.collect();
    if let Some(remote) = raw.remote_endpoint {
        peer(remote, &mut attributes);
    }
    let service = raw.local_endpoint.and_then(|e| e.service_name);
    let service = service.map(|s| ("service.name".into(), Attribute::Text(s.into())));
    Ok(Span {
        trace,
        id,
        parent: raw.parent_id,
        name: raw.name.unwrap_or_default().into(),
        kind: raw.kind,
        status: match error {
            Some(_) => SpanStatus::Error,
            None => SpanStatus::Unset,
        },
        status_message: error.unwrap_or_default().into(),
        start,
        end: start.saturating_add(duration),
        attributes,
        events: events.collect(),
        links: Vec::new(),
        resource: Arc::new(Resource {
            attributes: service.into_iter().collect(),
        }),
        scope: Arc::new(Scope::default()),
        shared: raw.shared,
    })
}

fn peer(remote: Endpoint, out: &mut Attributes) {
    if let Some(name) = remote.service_name {
        out.push(("peer.service".into(), Attribute::Text(name.into())));
    }
    if let Some(address) = remote.ipv4.or(remote.ipv6) {
        out.push((
            "network.peer.address".into(),
            Attribute::Text(address.into()),
        ));
    }
    if let Some(port) = remote.port {
        out.push(("network.peer.port".into(), Attribute::Int(i64::from(port))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXAMPLE: &str = r#"[
        {"traceId":"5982fe77008310cc80f1da5e10147517","parentId":"90394f6bcffb5d13","id":"67fae42571535f60",
         "kind":"SERVER","name":"/m/n/2.6.1","timestamp":1516781775726000,"duration":26000,"shared":true,
         "localEndpoint":{"serviceName":"api"},"remoteEndpoint":{"serviceName":"apip","ipv4":"10.0.0.1","port":80},
         "annotations":[{"timestamp":1516781775730000,"value":"wr"}],"tags":{"error":"","data.http_response_code":"500"}},
        {"traceId":"1","id":"2"},
        {"traceId":"zz","id":"2"},
        7
    ]"#;

    #[test]
    fn as_the_specification_shows_it() {
        let batch = from_json(EXAMPLE.as_bytes()).unwrap();
        let span = &batch.spans[0];
        assert_eq!((span.service(), &*span.name), ("api", "/m/n/2.6.1"));
        assert!(span.is_error() && span.shared);
        assert_eq!(span.duration(), 26_000_000);
        assert_eq!(
            span.attribute("peer.service"),
            Some(&Attribute::text("apip"))
        );
        assert_eq!(span.events[0].time, 1516781775730000000);
        assert_eq!(batch.spans.len(), 2);
        assert_eq!(batch.refused_count(), 2);
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0..EXAMPLE.len(), with in any::<char>()) {
            let mut text = EXAMPLE.to_owned();
            text.insert(at, with);
            let _ = from_json(text.as_bytes());
            let _ = from_json(&text.as_bytes()[..at]);
        }
    }
}
