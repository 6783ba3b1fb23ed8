//! Zipkin's second format in protobuf.
//!
//! | message | fields |
//! |---|---|
//! | ListOfSpans | 1 spans |
//! | Span | 1 trace_id, 2 parent_id, 3 id, 4 kind, 5 name, 6 timestamp (µs, fixed), 7 duration (µs), 8 local_endpoint, 9 remote_endpoint, 10 annotations, 11 tags, 13 shared |
//! | Endpoint | 1 service_name, 2 ipv4, 3 ipv6, 4 port |
//! | Annotation | 1 timestamp (fixed), 2 value |
//!
//! Source: `zipkin.proto` of zipkin-api. A tag is an entry of a map: 1 key, 2 value.

use crate::model::span::{SpanId, SpanKind, TraceId};
use crate::wire::otlp::{Batch, MOST_BYTES, OtlpError};
use crate::wire::protobuf::{Malformed, Reader, Wire};
use crate::wire::zipkin::{Annotation, Endpoint, LARGE, MOST_ANNOTATIONS, MOST_TAGS, Raw, span};
use std::net::{Ipv4Addr, Ipv6Addr};

const BROKEN: &str = "it does not read";

/// A list of spans.
pub fn read(bytes: &[u8]) -> Result<Batch, OtlpError> {
    let mut batch = Batch::default();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        if field.number != 1 {
            continue;
        }
        let bytes = field.wire.bytes()?;
        let read = if bytes.len() > MOST_BYTES {
            Err(LARGE)
        } else {
            raw(bytes).map_err(|_| BROKEN).and_then(span)
        };
        match read {
            Ok(span) => batch.spans.push(span),
            Err(why) => batch.refuse(why),
        }
    }
    Ok(batch)
}

/// Calls `see` for each field.
fn fields<'a>(
    bytes: &'a [u8],
    see: &mut dyn FnMut(u32, Wire<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        see(field.number, field.wire)?;
    }
    Ok(())
}

fn text(wire: Wire<'_>) -> Result<String, Malformed> {
    let text = std::str::from_utf8(wire.bytes()?);
    text.map(str::to_owned)
        .map_err(|_| Malformed("a text that is not UTF-8"))
}

fn raw(bytes: &[u8]) -> Result<Raw, Malformed> {
    let mut raw = Raw::default();
    fields(bytes, &mut |number, wire| {
        match number {
            1 => raw.trace_id = trace_id(wire.bytes()?),
            2 => raw.parent_id = SpanId::from_bytes(wire.bytes()?),
            3 => raw.id = SpanId::from_bytes(wire.bytes()?),
            4 => raw.kind = kind(wire.number()?),
            5 => raw.name = Some(text(wire)?),
            6 => raw.timestamp = Some(wire.number()?),
            7 => raw.duration = Some(wire.number()?),
            8 => raw.local_endpoint = Some(endpoint(wire.bytes()?)?),
            9 => raw.remote_endpoint = Some(endpoint(wire.bytes()?)?),
            // One more than is taken is enough to refuse the span.
            10 if raw.annotations.len() <= MOST_ANNOTATIONS => {
                raw.annotations.push(annotation(wire.bytes()?)?);
            }
            11 if raw.tags.len() <= MOST_TAGS => {
                let (key, value) = tag(wire.bytes()?)?;
                raw.tags.insert(key, value);
            }
            13 => raw.shared = wire.number()? != 0,
            _ => {}
        }
        Ok(())
    })?;
    Ok(raw)
}

/// Eight bytes are the lower half.
fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    if bytes.len() == 8 {
        return TraceId::from_bytes(&[&[0; 8], bytes].concat());
    }
    TraceId::from_bytes(bytes)
}

fn kind(number: u64) -> SpanKind {
    match number {
        1 => SpanKind::Client,
        2 => SpanKind::Server,
        3 => SpanKind::Producer,
        4 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

fn endpoint(bytes: &[u8]) -> Result<Endpoint, Malformed> {
    let mut endpoint = Endpoint::default();
    fields(bytes, &mut |number, wire| {
        match number {
            1 => endpoint.service_name = Some(text(wire)?),
            2 => {
                let bytes = <[u8; 4]>::try_from(wire.bytes()?).ok();
                endpoint.ipv4 = bytes.map(|b| Ipv4Addr::from(b).to_string());
            }
            3 => {
                let bytes = <[u8; 16]>::try_from(wire.bytes()?).ok();
                endpoint.ipv6 = bytes.map(|b| Ipv6Addr::from(b).to_string());
            }
            4 => endpoint.port = u16::try_from(wire.number()?).ok(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(endpoint)
}

fn annotation(bytes: &[u8]) -> Result<Annotation, Malformed> {
    let mut annotation = Annotation::default();
    fields(bytes, &mut |number, wire| {
        match number {
            1 => annotation.timestamp = wire.number()?,
            2 => annotation.value = text(wire)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(annotation)
}

fn tag(bytes: &[u8]) -> Result<(String, String), Malformed> {
    let (mut key, mut value) = (String::new(), String::new());
    fields(bytes, &mut |number, wire| {
        match number {
            1 => key = text(wire)?,
            2 => value = text(wire)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::span::Attribute;
    use crate::wire::protobuf::Field;
    use proptest::prelude::*;

    fn message(build: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        build(&mut out);
        out
    }

    /// The halves of one shared span, and one whose text is not UTF-8.
    fn example() -> Vec<u8> {
        let half = |kind: u64, service: &str, shared: bool| {
            message(|out| {
                Field::bytes(1, &[0, 0, 0, 0, 0, 0, 0, 7], out);
                Field::bytes(3, &[9; 8], out);
                Field::varint(4, kind, out);
                Field::bytes(5, b"get", out);
                Field::fixed64(6, 1_000_000, out);
                Field::varint(7, 250, out);
                let local = message(|out| Field::bytes(1, service.as_bytes(), out));
                Field::bytes(8, &local, out);
                let remote = message(|out| {
                    Field::bytes(2, &[10, 0, 0, 1], out);
                    Field::varint(4, 8080, out);
                });
                Field::bytes(9, &remote, out);
                let note = message(|out| {
                    Field::fixed64(1, 1_000_100, out);
                    Field::bytes(2, b"wr", out);
                });
                Field::bytes(10, &note, out);
                let tag = message(|out| {
                    Field::bytes(1, b"error", out);
                    Field::bytes(2, b"no", out);
                });
                Field::bytes(11, &tag, out);
                Field::varint(13, u64::from(shared), out);
            })
        };
        message(|out| {
            Field::bytes(1, &half(1, "front", false), out);
            Field::bytes(1, &half(2, "back", true), out);
            let bad = message(|out| Field::bytes(5, b"\xff", out));
            Field::bytes(1, &bad, out);
        })
    }

    #[test]
    fn both_halves_of_a_shared_span_are_kept() {
        let batch = read(&example()).unwrap();
        assert_eq!((batch.spans.len(), batch.refused_count()), (2, 1));
        let [client, server] = &batch.spans[..] else {
            panic!("two halves")
        };
        assert_eq!(client.id, server.id);
        assert_ne!(client.identity(), server.identity());
        assert_eq!((client.service(), server.service()), ("front", "back"));
        assert_eq!(
            (client.kind, server.kind),
            (SpanKind::Client, SpanKind::Server)
        );
        assert_eq!(client.trace.to_string(), format!("{:0>32}", "7"));
        assert_eq!((client.start, client.end), (1_000_000_000, 1_000_250_000));
        assert!(client.is_error() && &*client.status_message == "no");
        assert_eq!(
            client.attribute("network.peer.address"),
            Some(&Attribute::text("10.0.0.1"))
        );
        assert_eq!(
            client.attribute("network.peer.port"),
            Some(&Attribute::Int(8080))
        );
        assert_eq!(client.events[0].time, 1_000_100_000);
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut bytes = example();
            let at = at.index(bytes.len());
            bytes[at] = with;
            let _ = read(&bytes);
            let _ = read(&bytes[..at]);
        }
    }
}
