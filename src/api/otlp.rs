//! OTLP's manners over HTTP and gRPC, for spans and for log records alike: which bodies are taken,
//! how a call is answered, and how it is refused.
//!
//! gRPC's unary call is a POST whose body is one framed message and whose result stands in the
//! trailers; nothing more of it is needed. Sources: OTLP specification 1.x, "OTLP/HTTP" and
//! "OTLP/gRPC"; gRPC over HTTP/2.

use crate::api::Sender;
use crate::api::reply::{self, Answer, Failed};
use crate::api::server::{Call, Done};
use crate::base::net::http::Payload;
use crate::source::api::SourceError;
use crate::wire::otlp;
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

/// Who pushes.
pub(crate) fn sender(call: &Call, kind: &'static str) -> Sender {
    let (address, agent) = call.from.clone();
    Sender {
        kind,
        address,
        agent,
    }
}

/// A body as it was before it was packed; what is wrong is the sender's fault.
pub(crate) fn plain(body: Bytes, packed: bool) -> Result<Bytes, SourceError> {
    if !packed {
        return Ok(body);
    }
    let bad = |said: String| SourceError::BadRequest { said, at: None };
    unpacked(&body).map(Bytes::from).map_err(bad)
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
pub(crate) fn is_packed(encoding: &str) -> Result<bool, Failed> {
    match encoding {
        "" | "identity" => Ok(false),
        "gzip" => Ok(true),
        other => Err(Failed::Plain(
            415,
            format!("Content-Encoding {other:?} is not taken; send gzip or nothing"),
        )),
    }
}

/// Whether a body over HTTP is JSON; else it is protobuf.
pub(crate) fn is_json(call: &Call) -> Result<bool, Failed> {
    let kind = call.content.0.split(';').next().unwrap_or_default().trim();
    match kind {
        PROTOBUF => Ok(false),
        reply::JSON => Ok(true),
        other => {
            let said = format!(
                "Content-Type {other:?} is not taken; send {PROTOBUF} or {}",
                reply::JSON
            );
            Err(Failed::Plain(415, said))
        }
    }
}

/// The answer over HTTP: `Ok` holds its message, in the form of the request.
pub(crate) fn answered(done: Result<Vec<u8>, SourceError>, as_json: bool) -> Answer {
    let form = if as_json { reply::JSON } else { PROTOBUF };
    let why = match done {
        Ok(message) => return reply::body(200, form, message),
        Err(why) => why,
    };
    let status = match &why {
        SourceError::BadRequest { .. } => 400,
        SourceError::Unavailable(_) => 503,
        _ => 500,
    };
    let said = otlp::status(code_of(&why), &why.to_string(), as_json);
    let mut answer = reply::body(status, form, said);
    if status == 503 {
        let headers = answer.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

fn code_of(why: &SourceError) -> u32 {
    match why {
        SourceError::BadRequest { .. } => code::INVALID_ARGUMENT,
        SourceError::Unavailable(_) => code::UNAVAILABLE,
        _ => code::INTERNAL,
    }
}

/// The message of a call over gRPC, and whether it is packed; else the whole answer.
pub(crate) fn grpc_asked(call: &Call) -> Result<(Bytes, bool), Box<Done>> {
    if !call.content.0.starts_with(GRPC) {
        let said = format!("this path speaks gRPC: {GRPC}");
        return Err(Box::new(Err(Failed::Plain(415, said))));
    }
    let (message, packed) = framed(&call.body)
        .map_err(|said| Box::new(Ok(grpc_failed(code::INVALID_ARGUMENT, said))))?;
    if packed && call.grpc_encoding != "gzip" {
        let said = "grpc-encoding is not taken; send gzip or nothing";
        return Err(Box::new(Ok(grpc_failed(code::UNIMPLEMENTED, said))));
    }
    Ok((message, packed))
}

/// The answer over gRPC.
pub(crate) fn grpc_answered(done: Result<Vec<u8>, SourceError>) -> Answer {
    match done {
        Ok(message) => grpc_done(&message),
        Err(why) => grpc_failed(code_of(&why), &why.to_string()),
    }
}

/// The other services of OpenTelemetry's collector.
pub(crate) async fn grpc_unserved(call: Call) -> Done {
    let said = format!("{} is not served here: spans and logs are", call.path);
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
