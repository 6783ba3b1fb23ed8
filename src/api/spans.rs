//! Where spans are pushed: OTLP over HTTP and gRPC, Zipkin.

use crate::api::otlp::{answered, grpc_answered, grpc_asked, is_json, is_packed, plain, sender};
use crate::api::reply::{self, Failed};
use crate::api::server::{Call, Done};
use crate::collect::listen::spans::Taken;
use crate::source::api::SourceError;
use crate::wire::otlp::{self, Batch, OtlpError};
use crate::wire::zipkin;
use bytes::Bytes;

/// How what was left out is called in the answer.
const REJECTED: &str = "rejectedSpans";

type Reads = fn(&[u8]) -> Result<Batch, OtlpError>;

/// Unpacks, decodes and stores on a thread that may wait.
async fn keep(
    call: &Call,
    kind: &'static str,
    (body, packed): (Bytes, bool),
    read: Reads,
) -> Result<Taken, SourceError> {
    let decode = move || {
        let bad = |e: OtlpError| SourceError::BadRequest {
            said: e.to_string(),
            at: None,
        };
        read(&plain(body, packed)?).map_err(bad)
    };
    let taken = call.api.engine.receive(Box::new(decode)).await;
    let noted = match &taken {
        Ok(taken) if taken.refused > 0 => Err(taken.said.clone()),
        Ok(taken) => Ok(taken.new + taken.again),
        Err(e) => Err(e.to_string()),
    };
    call.api.engine.pushed(&sender(call, kind), noted);
    taken
}

fn partial(taken: &Taken, as_json: bool) -> Vec<u8> {
    otlp::partial(taken.refused, &taken.said, REJECTED, as_json)
}

/// `POST /v1/traces`
pub(crate) async fn otlp_http(call: Call) -> Done {
    let as_json = is_json(&call)?;
    let read: Reads = if as_json {
        otlp::from_json
    } else {
        otlp::from_protobuf
    };
    let body = (call.body.clone(), is_packed(&call.content.1)?);
    let taken = keep(&call, "OTLP over HTTP", body, read).await;
    Ok(answered(taken.map(|t| partial(&t, as_json)), as_json))
}

/// `opentelemetry.proto.collector.trace.v1.TraceService/Export`
pub(crate) async fn otlp_grpc(call: Call) -> Done {
    let message = match grpc_asked(&call) {
        Ok(message) => message,
        Err(answer) => return *answer,
    };
    let taken = keep(&call, "OTLP over gRPC", message, otlp::from_protobuf).await;
    Ok(grpc_answered(taken.map(|t| partial(&t, false))))
}

/// `POST /api/v2/spans`
pub(crate) async fn zipkin_v2(call: Call) -> Done {
    let body = (call.body.clone(), is_packed(&call.content.1)?);
    // Old senders name no type for their JSON, some name text/plain.
    let read: Reads = if call.content.0.contains("protobuf") {
        zipkin::from_protobuf
    } else {
        zipkin::from_json
    };
    let kept = keep(&call, "Zipkin", body, read).await;
    match kept {
        Ok(_) => Ok(reply::body(202, reply::JSON, Vec::new())),
        Err(SourceError::Unavailable(said)) => Err(Failed::Plain(503, said)),
        Err(e @ SourceError::BadRequest { .. }) => Err(Failed::Plain(400, e.to_string())),
        Err(e) => Err(Failed::Plain(500, e.to_string())),
    }
}
