//! OTLP, the protocol of OpenTelemetry: spans in protobuf and in JSON, and what is answered.
//!
//! Read by hand, as far as spans need it; unknown fields are passed over. A span that cannot be kept
//! is left out and counted with the reason, the rest of the request is kept. Sources: OTLP
//! specification 1.x; `opentelemetry/proto/trace/v1/trace.proto`, `common/v1`, `resource/v1` and
//! `collector/trace/v1` for the field numbers.

mod json;
mod proto;
mod reply;
mod write;

pub use json::read as from_json;
pub use proto::read as from_protobuf;
pub use reply::{grpc_message, partial, read_partial, read_partial_json, read_status, status};
pub(crate) use write::value_json;
pub use write::{to_json, to_protobuf};

use crate::model::span::{Resource, Scope, Span, SpanId, TraceId};
use crate::wire::protobuf::Malformed;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Attributes of one span, resource, event or link.
pub const MOST_ATTRIBUTES: usize = 1024;
/// Events, and links, of one span.
pub const MOST_EVENTS: usize = 4096;
/// Bytes of one span.
pub const MOST_BYTES: usize = 1 << 20;
/// Values in values.
const MAX_DEPTH: u32 = 16;

/// What a request carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub spans: Vec<Span>,
    /// Spans that were left out, by reason.
    pub refused: BTreeMap<&'static str, u64>,
}

/// Why nothing of a request can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtlpError {
    #[error("{0}")]
    Protobuf(#[from] Malformed),
    #[error("the JSON does not read: {0}")]
    Json(String),
}

impl Batch {
    pub(crate) fn refuse(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }

    pub fn refused_count(&self) -> u64 {
        self.refused.values().sum()
    }

    /// `3 spans: the trace id is zero; 1 span: ...`
    pub fn refusal(&self) -> String {
        let each = self.refused.iter().map(|(reason, n)| {
            let word = if *n == 1 { "span" } else { "spans" };
            format!("{n} {word}: {reason}")
        });
        each.collect::<Vec<_>>().join("; ")
    }
}

/// Why one span is left out.
mod reason {
    pub(super) const TRACE_ID: &str = "the trace id is not 16 bytes, or zero";
    pub(super) const SPAN_ID: &str = "the span id is not 8 bytes, or zero";
    pub(super) const LARGE: &str = "it is larger than 1 MiB";
    pub(super) const ATTRIBUTES: &str = "it has more than 1024 attributes";
    pub(super) const EVENTS: &str = "it has more than 4096 events or links";
    pub(super) const TEXT: &str = "a text in it is not UTF-8";
    pub(super) const DEPTH: &str = "a value in it is nested too deeply";
    pub(super) const BROKEN: &str = "it does not read";
}

/// A span before its places are known.
fn blank(resource: &Arc<Resource>, scope: &Arc<Scope>) -> Span {
    Span {
        trace: TraceId::default(),
        id: SpanId::default(),
        parent: None,
        name: Arc::default(),
        kind: crate::model::span::SpanKind::Unspecified,
        status: crate::model::span::SpanStatus::Unset,
        status_message: Arc::default(),
        start: 0,
        end: 0,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        shared: false,
    }
}

/// A message in JSON, in which null stands for what is not said. Source: proto3's JSON mapping.
pub(crate) fn lenient<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok().or_else(|| {
        let mut value: Value = serde_json::from_str(text).ok()?;
        drop_nulls(&mut value);
        serde_json::from_value(value).ok()
    })
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, v| !v.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
