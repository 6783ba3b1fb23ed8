//! What a receiver answers: success in part, and `google.rpc.Status`.

use crate::wire::protobuf::Field;
use serde_json::json;

/// An `ExportTraceServiceResponse`, or that of logs: `what` is how what was left out is called there,
/// `rejectedSpans` or `rejectedLogRecords`. With nothing refused and nothing said it is empty.
pub fn partial(refused: u64, said: &str, what: &str, as_json: bool) -> Vec<u8> {
    if refused == 0 && said.is_empty() {
        return if as_json { b"{}".to_vec() } else { Vec::new() };
    }
    if as_json {
        let partial = json!({what: refused.to_string(), "errorMessage": said});
        return json!({ "partialSuccess": partial })
            .to_string()
            .into_bytes();
    }
    let mut partial = Vec::new();
    if refused > 0 {
        Field::varint(1, refused, &mut partial);
    }
    Field::bytes(2, said.as_bytes(), &mut partial);
    let mut out = Vec::new();
    Field::bytes(1, &partial, &mut out);
    out
}

/// A `google.rpc.Status`: one of gRPC's codes, and a sentence.
pub fn status(code: u32, said: &str, as_json: bool) -> Vec<u8> {
    if as_json {
        return json!({"code": code, "message": said})
            .to_string()
            .into_bytes();
    }
    let mut out = Vec::new();
    Field::varint(1, u64::from(code), &mut out);
    Field::bytes(2, said.as_bytes(), &mut out);
    out
}

/// One message as gRPC frames it: not packed, length, bytes.
pub fn grpc_message(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend_from_slice(&(message.len() as u32).to_be_bytes());
    out.extend_from_slice(message);
    out
}
