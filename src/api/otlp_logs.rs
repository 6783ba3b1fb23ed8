//! Where log records are pushed: OTLP over HTTP and gRPC, into streams by Loki's mapping.
//!
//! Shares its ports with spans. Source: `wire::otlp::logs`.

use crate::api::otlp::{answered, grpc_answered, grpc_asked, is_json, is_packed, plain, sender};
use crate::api::server::{Call, Done};
use crate::source::api::SourceError;
use crate::wire::otlp::{self, LogRecords};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;

/// How a request's records are called in the answer in part.
const REJECTED: &str = "rejectedLogRecords";

/// Records that were left out, and why.
type Refused = (u64, String);

/// Unpacks, decodes and stores on a thread that may wait.
async fn keep(
    call: &Call,
    kind: &'static str,
    (body, packed): (Bytes, bool),
    as_json: bool,
) -> Result<Refused, SourceError> {
    let refused: Arc<Mutex<Refused>> = Arc::default();
    let now = call.api.clock.now_ms().saturating_mul(1_000_000);
    let decode = {
        let refused = Arc::clone(&refused);
        move || {
            let bad = |said: String| SourceError::BadRequest { said, at: None };
            let plain = plain(body, packed)?;
            let read = if as_json {
                otlp::logs_from_json(&plain, now)
            } else {
                otlp::logs_from_protobuf(&plain, now)
            };
            let records: LogRecords = read.map_err(|e| bad(e.to_string()))?;
            *refused.lock() = (records.refused_count(), records.refusal());
            Ok(records.streams)
        }
    };
    let sender = sender(call, kind);
    let kept = call.api.engine.push_lines(Box::new(decode)).await;
    let refused = std::mem::take(&mut *refused.lock());
    let noted = match &kept {
        Ok(_) if refused.0 > 0 => Err(refused.1.clone()),
        Ok(kept) => Ok(*kept),
        Err(e) => Err(e.to_string()),
    };
    call.api.engine.pushed(&sender, noted);
    kept.map(|_| refused)
}

/// `POST /v1/logs`, `POST /otlp/v1/logs`
pub(crate) async fn http(call: Call) -> Done {
    let as_json = is_json(&call)?;
    let body = (call.body.clone(), is_packed(&call.content.1)?);
    let kept = keep(&call, "OTLP logs over HTTP", body, as_json).await;
    Ok(answered(kept.map(|r| partial(&r, as_json)), as_json))
}

/// `opentelemetry.proto.collector.logs.v1.LogsService/Export`
pub(crate) async fn grpc(call: Call) -> Done {
    let message = match grpc_asked(&call) {
        Ok(message) => message,
        Err(answer) => return *answer,
    };
    let kept = keep(&call, "OTLP logs over gRPC", message, false).await;
    Ok(grpc_answered(kept.map(|r| partial(&r, false))))
}

fn partial((n, said): &Refused, as_json: bool) -> Vec<u8> {
    otlp::partial(*n, said, REJECTED, as_json)
}
