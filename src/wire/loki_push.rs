//! Loki's push: streams of entries as JSON (today's form and that of `/api/prom/push`), or as
//! protobuf in one snappy block.
//!
//! | message | fields |
//! |---|---|
//! | PushRequest | 1 streams |
//! | StreamAdapter | 1 labels (text), 2 entries |
//! | EntryAdapter | 1 timestamp (seconds, nanos), 2 line, 3 structured metadata |
//! | LabelPairAdapter | 1 name, 2 value |
//!
//! Source: the HTTP API of Grafana Loki, `pkg/push/push.proto` for the field numbers.

use crate::model::labels::{Labels, LabelsBuilder};
use crate::model::log_entry::LogEntry;
use crate::wire::protobuf::{Field, Malformed, Reader, Wire};
use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::Value;
use std::borrow::Cow;
use std::io::Read;

/// Entries of one stream as they were pushed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushStream {
    pub labels: Labels,
    pub entries: Vec<LogEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    #[error("Content-Encoding \"{0}\" not supported")]
    Encoding(String),
    #[error("the body would decompress to more than {0} bytes: send smaller batches")]
    TooLarge(usize),
    #[error("the body does not decompress: {0}")]
    Packed(String),
    #[error("the body is no push: {0}")]
    Json(String),
    #[error("the body is not a logproto.PushRequest: {0}")]
    Proto(String),
    #[error("error parsing labels: {0}")]
    Labels(String),
    #[error("error at least one label pair is required per stream")]
    NoLabels,
}

impl From<Malformed> for PushError {
    fn from(e: Malformed) -> Self {
        Self::Proto(e.to_string())
    }
}

/// Reads a body. Anything but JSON is protobuf, as Loki takes it; `limit` bounds what it may
/// decompress to, in bytes.
pub fn decode(
    body: &[u8],
    content_type: &str,
    encoding: &str,
    limit: usize,
) -> Result<Vec<PushStream>, PushError> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let body = match encoding {
        "" | "snappy" => Cow::Borrowed(body),
        "gzip" => Cow::Owned(unpacked(GzDecoder::new(body), limit)?),
        "deflate" => Cow::Owned(unpacked(ZlibDecoder::new(body), limit)?),
        other => return Err(PushError::Encoding(other.to_owned())),
    };
    let streams = if kind == "application/json" {
        json(&body)?
    } else {
        let snappy = |e: snap::Error| PushError::Packed(e.to_string());
        if snap::raw::decompress_len(&body).map_err(snappy)? > limit {
            return Err(PushError::TooLarge(limit));
        }
        let bytes = snap::raw::Decoder::new()
            .decompress_vec(&body)
            .map_err(snappy)?;
        protobuf(&bytes)?
    };
    if streams.iter().any(|s| s.labels.is_empty()) {
        return Err(PushError::NoLabels);
    }
    Ok(streams)
}

fn unpacked(from: impl Read, limit: usize) -> Result<Vec<u8>, PushError> {
    let mut out = Vec::new();
    let read = from.take(limit as u64 + 1).read_to_end(&mut out);
    read.map_err(|e| PushError::Packed(e.to_string()))?;
    if out.len() > limit {
        return Err(PushError::TooLarge(limit));
    }
    Ok(out)
}

fn json(body: &[u8]) -> Result<Vec<PushStream>, PushError> {
    let bad = |what: &str| PushError::Json(what.to_owned());
    let value: Value = serde_json::from_slice(body).map_err(|e| PushError::Json(e.to_string()))?;
    let streams = value.get("streams").and_then(Value::as_array);
    let streams = streams.ok_or_else(|| bad("`streams` is missing"))?;
    let mut out = Vec::with_capacity(streams.len());
    for stream in streams {
        let mut found = PushStream::default();
        if let Some(labels) = stream.get("stream").and_then(Value::as_object) {
            found.labels = texts(labels);
            let values = stream.get("values").and_then(Value::as_array);
            for value in values.ok_or_else(|| bad("a stream has no `values`"))? {
                found.entries.push(entry(value)?);
            }
        } else {
            let labels = stream.get("labels").and_then(Value::as_str);
            found.labels = parse_labels(labels.ok_or_else(|| bad("a stream has no `stream`"))?)?;
            let entries = stream.get("entries").and_then(Value::as_array);
            for value in entries.ok_or_else(|| bad("a stream has no `entries`"))? {
                found.entries.push(old_entry(value)?);
            }
        }
        out.push(found);
    }
    Ok(out)
}

fn texts(map: &serde_json::Map<String, Value>) -> Labels {
    let mut labels = LabelsBuilder::default();
    for (name, value) in map {
        match value {
            Value::String(text) => labels.set(name, text),
            Value::Null => &mut labels,
            other => labels.set(name, &other.to_string()),
        };
    }
    labels.finish()
}

/// `["nanoseconds", "line", {metadata}]`.
fn entry(value: &Value) -> Result<LogEntry, PushError> {
    let bad = |what: &str| PushError::Json(what.to_owned());
    let t = value
        .get(0)
        .and_then(Value::as_str)
        .and_then(|t| t.parse().ok());
    let line = value.get(1).and_then(Value::as_str);
    let metadata = value.get(2).and_then(Value::as_object);
    Ok(LogEntry {
        t: t.ok_or_else(|| bad("a time is a text of nanoseconds since 1970"))?,
        line: line
            .ok_or_else(|| bad("a line is a text"))?
            .as_bytes()
            .to_vec(),
        metadata: metadata.map(texts).unwrap_or_default(),
    })
}

fn old_entry(value: &Value) -> Result<LogEntry, PushError> {
    let bad = |what: &str| PushError::Json(what.to_owned());
    let time = value.get("ts").and_then(Value::as_str).unwrap_or_default();
    let time = chrono::DateTime::parse_from_rfc3339(time).ok();
    let line = value.get("line").and_then(Value::as_str);
    Ok(LogEntry {
        t: time
            .and_then(|t| t.timestamp_nanos_opt())
            .ok_or_else(|| bad("`ts` is a time as RFC 3339 writes it"))?,
        line: line
            .ok_or_else(|| bad("`line` is a text"))?
            .as_bytes()
            .to_vec(),
        metadata: Labels::empty(),
    })
}

/// A `PushRequest`, unpacked.
pub fn protobuf(bytes: &[u8]) -> Result<Vec<PushStream>, PushError> {
    let mut out = Vec::new();
    let mut fields = Reader::new(bytes);
    while let Some(field) = fields.next_field()? {
        if let (1, Wire::Bytes(stream)) = (field.number, field.wire) {
            out.push(proto_stream(stream)?);
        }
    }
    Ok(out)
}

fn proto_stream(bytes: &[u8]) -> Result<PushStream, PushError> {
    let mut stream = PushStream::default();
    let mut fields = Reader::new(bytes);
    while let Some(field) = fields.next_field()? {
        match (field.number, field.wire) {
            (1, Wire::Bytes(labels)) => stream.labels = parse_labels(text(labels)?)?,
            (2, Wire::Bytes(entry)) => stream.entries.push(proto_entry(entry)?),
            _ => {}
        }
    }
    Ok(stream)
}

fn proto_entry(bytes: &[u8]) -> Result<LogEntry, PushError> {
    let mut entry = LogEntry {
        t: 0,
        line: Vec::new(),
        metadata: Labels::empty(),
    };
    let mut metadata = LabelsBuilder::default();
    let mut fields = Reader::new(bytes);
    while let Some(field) = fields.next_field()? {
        match (field.number, field.wire) {
            (1, Wire::Bytes(time)) => entry.t = proto_time(time)?,
            (2, Wire::Bytes(line)) => entry.line = line.to_vec(),
            (3, Wire::Bytes(pair)) => {
                let (name, value) = proto_pair(pair)?;
                metadata.set(name, value);
            }
            _ => {}
        }
    }
    entry.metadata = metadata.finish();
    Ok(entry)
}

fn proto_time(bytes: &[u8]) -> Result<i64, PushError> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    let mut fields = Reader::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            Field {
                number: 1,
                wire: Wire::Varint(n),
            } => seconds = n as i64,
            Field {
                number: 2,
                wire: Wire::Varint(n),
            } => nanos = n as i64,
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

fn proto_pair(bytes: &[u8]) -> Result<(&str, &str), PushError> {
    let (mut name, mut value) = ("", "");
    let mut fields = Reader::new(bytes);
    while let Some(field) = fields.next_field()? {
        match (field.number, field.wire) {
            (1, Wire::Bytes(bytes)) => name = text(bytes)?,
            (2, Wire::Bytes(bytes)) => value = text(bytes)?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn text(bytes: &[u8]) -> Result<&str, PushError> {
    std::str::from_utf8(bytes).map_err(|_| PushError::Proto("a text is no UTF-8".to_owned()))
}

/// `{a="b", c="d"}` with the escapes of Go's texts.
/// A `PushRequest`, not packed. Several of them, one behind the other, are one as well.
pub fn encode(streams: &[PushStream]) -> Vec<u8> {
    let mut out = Vec::new();
    for stream in streams {
        let mut body = Vec::new();
        Field::bytes(1, written(&stream.labels).as_bytes(), &mut body);
        for entry in &stream.entries {
            let mut time = Vec::new();
            Field::varint(1, entry.t.div_euclid(1_000_000_000) as u64, &mut time);
            Field::varint(2, entry.t.rem_euclid(1_000_000_000) as u64, &mut time);
            let mut line = Vec::new();
            Field::bytes(1, &time, &mut line);
            Field::bytes(2, &entry.line, &mut line);
            for (name, value) in &entry.metadata {
                let mut pair = Vec::new();
                Field::bytes(1, name.as_bytes(), &mut pair);
                Field::bytes(2, value.as_bytes(), &mut pair);
                Field::bytes(3, &pair, &mut line);
            }
            Field::bytes(2, &line, &mut body);
        }
        Field::bytes(1, &body, &mut out);
    }
    out
}

/// `{app="x", env="dev"}`, quoted as Go reads it.
fn written(labels: &Labels) -> String {
    let pairs = labels.iter();
    let pairs = pairs.map(|(n, v)| format!("{n}={}", Value::from(v)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

fn parse_labels(written: &str) -> Result<Labels, PushError> {
    let bad = || PushError::Labels(written.to_owned());
    let inside = written
        .trim()
        .strip_prefix('{')
        .and_then(|t| t.strip_suffix('}'));
    let mut rest = inside.ok_or_else(bad)?.trim();
    let mut labels = LabelsBuilder::default();
    while !rest.is_empty() {
        let (name, more) = rest.split_once('=').ok_or_else(bad)?;
        let (value, behind) = quoted(more.trim_start()).ok_or_else(bad)?;
        labels.set(name.trim(), &value);
        rest = behind.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err(bad()),
        };
    }
    Ok(labels.finish())
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[i + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                'a' => out.push('\u{7}'),
                'b' => out.push('\u{8}'),
                'f' => out.push('\u{c}'),
                'v' => out.push('\u{b}'),
                escape @ ('x' | 'u' | 'U') => {
                    let digits = match escape {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let mut code = 0;
                    for _ in 0..digits {
                        code = code * 16 + chars.next()?.1.to_digit(16)?;
                    }
                    out.push(char::from_u32(code)?);
                }
                other => out.push(other),
            },
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    fn one() -> PushStream {
        PushStream {
            labels: Labels::from_pairs([("app", "x \"y\""), ("b", "한")]),
            entries: vec![LogEntry {
                t: 1_700_000_000_000_000_001,
                line: b"hello".to_vec(),
                metadata: Labels::from_pairs([("trace", "1")]),
            }],
        }
    }

    fn tagged(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
        out.push(number << 3 | 2);
        out.push(bytes.len() as u8);
        out.extend_from_slice(bytes);
    }

    fn as_proto() -> Vec<u8> {
        let mut time = vec![1 << 3];
        let mut seconds = 1_700_000_000u64;
        while seconds >= 128 {
            time.push(seconds as u8 | 128);
            seconds >>= 7;
        }
        time.extend_from_slice(&[seconds as u8, 2 << 3, 1]);
        let mut pair = Vec::new();
        tagged(&mut pair, 1, b"trace");
        tagged(&mut pair, 2, b"1");
        let mut entry = Vec::new();
        tagged(&mut entry, 1, &time);
        tagged(&mut entry, 2, b"hello");
        tagged(&mut entry, 3, &pair);
        let mut stream = Vec::new();
        tagged(&mut stream, 1, "{app=\"x \\\"y\\\"\", b=\"한\"}".as_bytes());
        tagged(&mut stream, 2, &entry);
        let mut request = Vec::new();
        tagged(&mut request, 1, &stream);
        request
    }

    #[test]
    fn all_forms_say_the_same() {
        let body = r#"{"streams":[{"stream":{"app":"x \"y\"","b":"한"},
            "values":[["1700000000000000001","hello",{"trace":"1"}]]}]}"#;
        let json = "application/json; charset=utf-8";
        assert_eq!(decode(body.as_bytes(), json, "", LIMIT).unwrap(), [one()]);
        let packed = snap::raw::Encoder::new().compress_vec(&as_proto()).unwrap();
        assert_eq!(decode(&packed, "", "snappy", LIMIT).unwrap(), [one()]);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, body.as_bytes()).unwrap();
        let gz = gz.finish().unwrap();
        assert_eq!(decode(&gz, json, "gzip", LIMIT).unwrap(), [one()]);
        assert_eq!(decode(&gz, json, "gzip", 10), Err(PushError::TooLarge(10)));
        let old = r#"{"streams":[{"labels":"{a=\"b\"}","entries":[{"ts":"2023-11-14T22:13:20Z","line":"x"}]}]}"#;
        let found = decode(old.as_bytes(), json, "", LIMIT).unwrap();
        assert_eq!(found[0].entries[0].t, 1_700_000_000_000_000_000);
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut streams = vec![one(), one()];
        streams[1].labels = Labels::from_pairs([("a", "q\" \\ \n한\u{1b}\u{8}\u{c}")]);
        let mut bytes = encode(&streams[..1]);
        bytes.extend_from_slice(&encode(&streams[1..]));
        assert_eq!(protobuf(&bytes).unwrap(), streams);
    }

    #[test]
    fn what_is_no_push_is_said() {
        let json = |body: &str| decode(body.as_bytes(), "application/json", "", LIMIT);
        assert!(json("{}").is_err() && json("[").is_err());
        assert_eq!(
            json(r#"{"streams":[{"stream":{},"values":[]}]}"#),
            Err(PushError::NoLabels)
        );
        let number = r#"{"streams":[{"stream":{"a":"b"},"values":[[1,"x"]]}]}"#;
        assert!(
            json(number)
                .unwrap_err()
                .to_string()
                .contains("nanoseconds")
        );
        let encoding = decode(b"", "application/json", "br", LIMIT).unwrap_err();
        assert_eq!(
            encoding.to_string(),
            "Content-Encoding \"br\" not supported"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..80), kind in 0..3) {
            let encoding = ["", "gzip", "deflate"][kind as usize];
            let _ = decode(&body, "application/json", encoding, LIMIT);
            let _ = decode(&body, "", encoding, LIMIT);
            let _ = protobuf(&body);
            let _ = parse_labels(&String::from_utf8_lossy(&body));
        }
    }
}
