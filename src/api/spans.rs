//! Where spans are pushed: OTLP over HTTP and gRPC, Zipkin.
//!
//! gRPC's unary call is a POST whose body is one framed message and whose result stands in the
//! trailers; nothing more of it is needed. Sources: OTLP specification 1.x, "OTLP/HTTP" and
//! "OTLP/gRPC"; gRPC over HTTP/2.

use crate::api::Sender;
use crate::api::reply::{self, Answer, Failed};
use crate::api::server::{Call, Done};
use crate::base::net::http::Payload;
use crate::collect::listen::spans::Taken;
use crate::source::api::SourceError;
use crate::wire::otlp::{self, Batch, OtlpError};
use crate::wire::zipkin;
use bytes::Bytes;
use flate2::read::GzDecoder;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Response};
use std::io::Read;

/// What a packed body may unpack to, in bytes.
const UNPACKED_MOST: u64 = 64 << 20;
const PROTOBUF: &str = "application/x-protobuf";
const GRPC: &str = "application/grpc";

/// gRPC's numbers, as far as they are answered.
mod code {
    pub(super) const OK: u32 = 0;
    pub(super) const INVALID_ARGUMENT: u32 = 3;
    pub(super) const UNIMPLEMENTED: u32 = 12;
    pub(super) const INTERNAL: u32 = 13;
    pub(super) const UNAVAILABLE: u32 = 14;
}

type Reads = fn(&[u8]) -> Result<Batch, OtlpError>;

fn sender(call: &Call, kind: &'static str) -> Sender {
    let (address, agent) = call.from.clone();
    Sender {
        kind,
        address,
        agent,
    }
}

/// Unpacks, decodes and stores on a thread that may wait.
async fn keep(
    call: &Call,
    kind: &'static str,
    body: Bytes,
    packed: bool,
    read: Reads,
) -> Result<Taken, SourceError> {
    let decode = move || {
        let bad = |said: String| SourceError::BadRequest { said, at: None };
        let plain = if packed {
            Bytes::from(unpacked(&body).map_err(bad)?)
        } else {
            body
        };
        read(&plain).map_err(|e| bad(e.to_string()))
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

fn unpacked(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = GzDecoder::new(body)
        .take(UNPACKED_MOST + 1)
        .read_to_end(&mut out);
    read.map_err(|e| format!("the body is not gzip: {e}"))?;
    if out.len() as u64 > UNPACKED_MOST {
        return Err(format!(
            "the body unpacks to more than {UNPACKED_MOST} bytes: send smaller batches"
        ));
    }
    Ok(out)
}

/// gzip or nothing; `Err` for what is not known.
fn is_packed(encoding: &str) -> Result<bool, Failed> {
    match encoding {
        "" | "identity" => Ok(false),
        "gzip" => Ok(true),
        other => Err(Failed::Plain(
            415,
            format!("Content-Encoding {other:?} is not taken; send gzip or nothing"),
        )),
    }
}

/// `POST /v1/traces`
pub(crate) async fn otlp_http(call: Call) -> Done {
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
    let read: Reads = if as_json {
        otlp::from_json
    } else {
        otlp::from_protobuf
    };
    let form = if as_json { reply::JSON } else { PROTOBUF };
    let body = call.body.clone();
    match keep(&call, "OTLP over HTTP", body, packed, read).await {
        Ok(taken) => {
            let said = otlp::partial(taken.refused, &taken.said, as_json);
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
                answer
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Ok(answer)
        }
    }
}

/// `POST /api/v2/spans`
pub(crate) async fn zipkin_v2(call: Call) -> Done {
    let packed = is_packed(&call.content.1)?;
    // Old senders name no type for their JSON, some name text/plain.
    let read: Reads = if call.content.0.contains("protobuf") {
        zipkin::from_protobuf
    } else {
        zipkin::from_json
    };
    let body = call.body.clone();
    let kept = keep(&call, "Zipkin", body, packed, read).await;
    match kept {
        Ok(_) => Ok(reply::body(202, reply::JSON, Vec::new())),
        Err(SourceError::Unavailable(said)) => Err(Failed::Plain(503, said)),
        Err(e @ SourceError::BadRequest { .. }) => Err(Failed::Plain(400, e.to_string())),
        Err(e) => Err(Failed::Plain(500, e.to_string())),
    }
}

/// `opentelemetry.proto.collector.trace.v1.TraceService/Export`
pub(crate) async fn otlp_grpc(call: Call) -> Done {
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
    let kept = keep(
        &call,
        "OTLP over gRPC",
        message,
        packed,
        otlp::from_protobuf,
    )
    .await;
    Ok(match kept {
        Ok(taken) => {
            let said = otlp::partial(taken.refused, &taken.said, false);
            grpc_done(&said)
        }
        Err(e @ SourceError::BadRequest { .. }) => {
            grpc_failed(code::INVALID_ARGUMENT, &e.to_string())
        }
        Err(e @ SourceError::Unavailable(_)) => grpc_failed(code::UNAVAILABLE, &e.to_string()),
        Err(e) => grpc_failed(code::INTERNAL, &e.to_string()),
    })
}

/// The other services of OpenTelemetry's collector.
pub(crate) async fn grpc_unserved(call: Call) -> Done {
    let said = format!("{} is not served here: spans are", call.path);
    Ok(grpc_failed(code::UNIMPLEMENTED, &said))
}

/// The one message of a body, and whether it is packed.
fn framed(body: &Bytes) -> Result<(Bytes, bool), &'static str> {
    let Some((head, rest)) = body.split_at_checked(5) else {
        return Err("the body holds no message");
    };
    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if rest.len() != len || head[0] > 1 {
        return Err("the body is not one whole message");
    }
    Ok((body.slice(5..), head[0] == 1))
}

fn grpc_head(payload: Payload) -> Answer {
    let mut answer = Response::new(payload);
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    answer
}

fn grpc_status(code: u32, said: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(
        HeaderName::from_static("grpc-status"),
        HeaderValue::from(code),
    );
    // Percent-encoded, as the protocol asks; only plain characters stay.
    let plain: String =
        percent_encoding::utf8_percent_encode(said, percent_encoding::CONTROLS).to_string();
    if let Ok(value) = HeaderValue::from_str(&plain)
        && !said.is_empty()
    {
        trailers.insert(HeaderName::from_static("grpc-message"), value);
    }
    trailers
}

fn grpc_done(message: &[u8]) -> Answer {
    let framed = Bytes::from(otlp::grpc_message(message));
    grpc_head(Payload::Trailed(
        Some(framed),
        Some(grpc_status(code::OK, "")),
    ))
}

/// A status without a message stands in the headers.
fn grpc_failed(code: u32, said: &str) -> Answer {
    let mut answer = grpc_head(Payload::Whole(None));
    answer.headers_mut().extend(grpc_status(code, said));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_or_refused() {
        let whole = Bytes::from(otlp::grpc_message(b"abc"));
        assert_eq!(framed(&whole), Ok((Bytes::from_static(b"abc"), false)));
        assert!(framed(&whole.slice(..7)).is_err());
        assert!(framed(&Bytes::from_static(b"\0\0")).is_err());
        let mut two = whole.to_vec();
        two.extend_from_slice(&whole);
        assert!(framed(&Bytes::from(two)).is_err());
    }
}
