//! What a receiver answers: success in part, and `google.rpc.Status`.

use crate::wire::protobuf::{Field, Reader, Wire};
use serde_json::{Value, json};

/// An `ExportTraceServiceResponse`. With nothing refused and nothing said it is empty.
pub fn partial(refused: u64, said: &str, as_json: bool) -> Vec<u8> {
    if refused == 0 && said.is_empty() {
        return if as_json { b"{}".to_vec() } else { Vec::new() };
    }
    if as_json {
        let partial = json!({"rejectedSpans": refused.to_string(), "errorMessage": said});
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

/// What an `ExportTraceServiceResponse` says: spans that were refused, and why.
pub fn read_partial(bytes: &[u8]) -> (u64, String) {
    let (mut refused, mut said) = (0, String::new());
    let partial = nested(bytes, 1);
    let mut reader = Reader::new(partial.unwrap_or_default());
    while let Ok(Some(field)) = reader.next_field() {
        match field.number {
            1 => refused = field.wire.number().unwrap_or(0),
            2 => said = text(field.wire),
            _ => {}
        }
    }
    (refused, said)
}

/// As [`read_partial`], in JSON; a `google.rpc.Status` says why as well.
pub fn read_partial_json(bytes: &[u8]) -> (u64, String) {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let partial = &value["partialSuccess"];
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let refused = text(&partial["rejectedSpans"]).parse();
    let said = [&partial["errorMessage"], &value["message"]].map(text);
    (refused.unwrap_or(0), said.concat())
}

/// The sentence of a `google.rpc.Status`; nothing where it is none.
pub fn read_status(bytes: &[u8]) -> String {
    let mut reader = Reader::new(bytes);
    while let Ok(Some(field)) = reader.next_field() {
        if field.number == 2 {
            return text(field.wire);
        }
    }
    String::new()
}

fn nested(bytes: &[u8], number: u32) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    while let Ok(Some(field)) = reader.next_field() {
        if field.number == number {
            return field.wire.bytes().ok();
        }
    }
    None
}

fn text(wire: Wire<'_>) -> String {
    String::from_utf8_lossy(wire.bytes().unwrap_or_default()).into_owned()
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
