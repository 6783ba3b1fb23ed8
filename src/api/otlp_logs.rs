//! Where log records are pushed: OTLP over HTTP and gRPC, into streams by Loki's mapping.
//!
//! Shares its ports and its framing with spans. Sources: as there, and `wire::otlp::logs`.

use crate::api::Sender;
use crate::api::reply::{self, Failed};
use crate::api::server::{Call, Done};
use crate::api::spans::{
    GRPC, PROTOBUF, code, framed, grpc_done, grpc_failed, is_packed, unpacked,
};
use crate::source::api::SourceError;
use crate::wire::otlp::{self, LogRecords};
use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
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
    body: Bytes,
    packed: bool,
    as_json: bool,
) -> Result<Refused, SourceError> {
    let refused: Arc<Mutex<Refused>> = Arc::default();
    let now = call.api.clock.now_ms().saturating_mul(1_000_000);
    let decode = {
        let refused = Arc::clone(&refused);
        move || {
            let bad = |said: String| SourceError::BadRequest { said, at: None };
            let plain = if packed {
                unpacked(&body).map_err(bad)?
            } else {
                body.to_vec()
            };
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
    let (address, agent) = call.from.clone();
    let sender = Sender {
        kind,
        address,
        agent,
    };
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
    let kind = call.content.0.split(';').next().unwrap_or_default().trim();
    let as_json = match kind {
        PROTOBUF => false,
        reply::JSON => true,
        other => {
            let said = format!(
                "Content-Type {other:?} is not taken; send {PROTOBUF} or {}",
                reply::JSON
            );
            return Err(Failed::Plain(415, said));
        }
    };
    let packed = is_packed(&call.content.1)?;
    let form = if as_json { reply::JSON } else { PROTOBUF };
    let body = call.body.clone();
    match keep(&call, "OTLP logs over HTTP", body, packed, as_json).await {
        Ok((n, said)) => {
            let said = otlp::partial(n, &said, REJECTED, as_json);
            Ok(reply::body(200, form, said))
        }
        Err(e) => {
            let (status, code) = match &e {
                SourceError::BadRequest { .. } => (400, code::INVALID_ARGUMENT),
                SourceError::Unavailable(_) => (503, code::UNAVAILABLE),
                _ => (500, code::INTERNAL),
            };
            let said = otlp::status(code, &e.to_string(), as_json);
            let mut answer = reply::body(status, form, said);
            if status == 503 {
                let headers = answer.headers_mut();
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Ok(answer)
        }
    }
}

/// `opentelemetry.proto.collector.logs.v1.LogsService/Export`
pub(crate) async fn grpc(call: Call) -> Done {
    if !call.content.0.starts_with(GRPC) {
        return Err(Failed::Plain(415, format!("this path speaks gRPC: {GRPC}")));
    }
    let (message, packed) = match framed(&call.body) {
        Ok(found) => found,
        Err(said) => return Ok(grpc_failed(code::INVALID_ARGUMENT, said)),
    };
    if packed && call.grpc_encoding != "gzip" {
        let said = "grpc-encoding is not taken; send gzip or nothing";
        return Ok(grpc_failed(code::UNIMPLEMENTED, said));
    }
    Ok(
        match keep(&call, "OTLP logs over gRPC", message, packed, false).await {
            Ok((n, said)) => grpc_done(&otlp::partial(n, &said, REJECTED, false)),
            Err(e @ SourceError::BadRequest { .. }) => {
                grpc_failed(code::INVALID_ARGUMENT, &e.to_string())
            }
            Err(e @ SourceError::Unavailable(_)) => grpc_failed(code::UNAVAILABLE, &e.to_string()),
            Err(e) => grpc_failed(code::INTERNAL, &e.to_string()),
        },
    )
}
