//! Spans from protobuf.
//!
//! | message | fields |
//! |---|---|
//! | ExportTraceServiceRequest | 1 resource_spans |
//! | ResourceSpans | 1 resource, 2 scope_spans |
//! | ScopeSpans | 1 scope, 2 spans |
//! | Span | 1 trace_id, 2 span_id, 4 parent_span_id, 5 name, 6 kind, 7 start, 8 end, 9 attributes, 11 events, 13 links, 15 status |
//! | Event | 1 time, 2 name, 3 attributes |
//! | Link | 1 trace_id, 2 span_id, 4 attributes |
//! | Status | 2 message, 3 code |
//! | KeyValue | 1 key, 2 value |
//! | AnyValue | 1 string, 2 bool, 3 int, 4 double, 5 array, 6 kvlist, 7 bytes |

use crate::model::span::{
    Attribute, Attributes, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink,
    SpanStatus, TraceId,
};
use crate::wire::otlp::{
    Batch, MAX_DEPTH, MOST_ATTRIBUTES, MOST_BYTES, MOST_EVENTS, OtlpError, blank, reason,
};
use crate::wire::protobuf::{Malformed, Reader, Wire};
use std::sync::Arc;

/// Why one span is not read.
type Refused = &'static str;

/// An `ExportTraceServiceRequest`, or `TracesData`, which has the same fields.
pub fn read(bytes: &[u8]) -> Result<Batch, OtlpError> {
    let mut batch = Batch::default();
    each(bytes, &mut |number, wire| {
        if number == 1 {
            resource_spans(wire.bytes()?, &mut batch)?;
        }
        Ok(())
    })?;
    Ok(batch)
}

pub(super) fn each<'a>(
    bytes: &'a [u8],
    see: &mut dyn FnMut(u32, Wire<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        see(field.number, field.wire)?;
    }
    Ok(())
}

fn resource_spans(bytes: &[u8], batch: &mut Batch) -> Result<(), Malformed> {
    // The resource may stand behind its spans.
    let mut attributes: Result<Attributes, Refused> = Ok(Attributes::new());
    let mut scopes = Vec::new();
    each(bytes, &mut |number, wire| {
        match number {
            1 => attributes = listed(wire.bytes()?, 1, 0),
            2 => scopes.push(wire.bytes()?),
            _ => {}
        }
        Ok(())
    })?;
    let attributes = attributes.map(|attributes| Arc::new(Resource { attributes }));
    scopes
        .into_iter()
        .try_for_each(|s| scope_spans(s, &attributes, batch))
}

fn scope_spans(
    bytes: &[u8],
    resource: &Result<Arc<Resource>, Refused>,
    batch: &mut Batch,
) -> Result<(), Malformed> {
    let mut scope: Result<Scope, Refused> = Ok(Scope::default());
    let mut spans = Vec::new();
    each(bytes, &mut |number, wire| {
        match number {
            1 => scope = self::scope(wire.bytes()?),
            2 => spans.push(wire.bytes()?),
            _ => {}
        }
        Ok(())
    })?;
    let scope = scope.map(Arc::new);
    for bytes in spans {
        let read = match (resource, &scope) {
            (Ok(resource), Ok(scope)) => span(bytes, blank(resource, scope)),
            (Err(why), _) | (_, Err(why)) => Err(*why),
        };
        match read {
            Ok(span) => batch.spans.push(span),
            Err(why) => batch.refuse(why),
        }
    }
    Ok(())
}

impl From<Malformed> for Broken {
    fn from(_: Malformed) -> Self {
        Self(reason::BROKEN)
    }
}

/// So that `?` turns a malformed message into a reason.
pub(super) struct Broken(Refused);

impl From<Refused> for Broken {
    fn from(why: Refused) -> Self {
        Self(why)
    }
}

/// Calls `see` for each field; a reason ends it.
pub(super) fn fields<'a>(
    bytes: &'a [u8],
    see: &mut dyn FnMut(u32, Wire<'a>) -> Result<(), Broken>,
) -> Result<(), Refused> {
    let mut reader = Reader::new(bytes);
    loop {
        match reader.next_field() {
            Ok(Some(field)) => see(field.number, field.wire).map_err(|b| b.0)?,
            Ok(None) => return Ok(()),
            Err(_) => return Err(reason::BROKEN),
        }
    }
}

pub(super) fn text(wire: Wire<'_>) -> Result<Arc<str>, Broken> {
    let text = std::str::from_utf8(wire.bytes()?).map_err(|_| Broken(reason::TEXT))?;
    Ok(Arc::from(text))
}

pub(super) fn scope(bytes: &[u8]) -> Result<Scope, Refused> {
    let mut scope = Scope::default();
    fields(bytes, &mut |number, wire| {
        match number {
            1 => scope.name = text(wire)?,
            2 => scope.version = text(wire)?,
            3 => push(&mut scope.attributes, wire, 0)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(scope)
}

/// The attributes in the fields of that number.
pub(super) fn listed(bytes: &[u8], wanted: u32, depth: u32) -> Result<Attributes, Refused> {
    let mut out = Attributes::new();
    fields(bytes, &mut |number, wire| {
        if number == wanted {
            push(&mut out, wire, depth)?;
        }
        Ok(())
    })?;
    Ok(out)
}

pub(super) fn push(out: &mut Attributes, wire: Wire<'_>, depth: u32) -> Result<(), Broken> {
    if out.len() >= MOST_ATTRIBUTES {
        return Err(Broken(reason::ATTRIBUTES));
    }
    let mut key: Arc<str> = "".into();
    let mut value = Attribute::Text("".into());
    fields(wire.bytes()?, &mut |number, wire| {
        match number {
            1 => key = text(wire)?,
            2 => value = self::value(wire.bytes()?, depth)?,
            _ => {}
        }
        Ok(())
    })?;
    out.push((key, value));
    Ok(())
}

pub(super) fn value(bytes: &[u8], depth: u32) -> Result<Attribute, Broken> {
    if depth >= MAX_DEPTH {
        return Err(Broken(reason::DEPTH));
    }
    let mut value = Attribute::Text("".into());
    fields(bytes, &mut |number, wire| {
        value = match number {
            1 => Attribute::Text(text(wire)?),
            2 => Attribute::Bool(wire.number()? != 0),
            3 => Attribute::Int(wire.number()? as i64),
            4 => Attribute::Float(f64::from_bits(wire.number()?)),
            5 => {
                let mut items = Vec::new();
                fields(wire.bytes()?, &mut |number, wire| {
                    if number == 1 {
                        items.push(self::value(wire.bytes()?, depth + 1)?);
                    }
                    Ok(())
                })?;
                Attribute::List(items)
            }
            6 => Attribute::Map(listed(wire.bytes()?, 1, depth + 1)?),
            7 => Attribute::Bytes(wire.bytes()?.to_vec()),
            _ => return Ok(()),
        };
        Ok(())
    })?;
    Ok(value)
}

fn span(bytes: &[u8], mut span: Span) -> Result<Span, Refused> {
    if bytes.len() > MOST_BYTES {
        return Err(reason::LARGE);
    }
    let (mut trace, mut id) = (None, None);
    fields(bytes, &mut |number, wire| {
        match number {
            1 => trace = TraceId::from_bytes(wire.bytes()?),
            2 => id = SpanId::from_bytes(wire.bytes()?),
            4 => span.parent = SpanId::from_bytes(wire.bytes()?),
            5 => span.name = text(wire)?,
            6 => span.kind = SpanKind::from_number(wire.number()? as i64),
            7 => span.start = wire.number()?,
            8 => span.end = wire.number()?,
            9 => push(&mut span.attributes, wire, 0)?,
            11 if span.events.len() < MOST_EVENTS => span.events.push(event(wire.bytes()?)?),
            13 if span.links.len() < MOST_EVENTS => span.links.extend(link(wire.bytes()?)?),
            11 | 13 => return Err(Broken(reason::EVENTS)),
            15 => fields(wire.bytes()?, &mut |number, wire| {
                match number {
                    2 => span.status_message = text(wire)?,
                    3 => span.status = SpanStatus::from_number(wire.number()? as i64),
                    _ => {}
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    span.trace = trace.ok_or(reason::TRACE_ID)?;
    span.id = id.ok_or(reason::SPAN_ID)?;
    Ok(span)
}

fn event(bytes: &[u8]) -> Result<SpanEvent, Refused> {
    let mut event = SpanEvent {
        time: 0,
        name: "".into(),
        attributes: Attributes::new(),
    };
    fields(bytes, &mut |number, wire| {
        match number {
            1 => event.time = wire.number()?,
            2 => event.name = text(wire)?,
            3 => push(&mut event.attributes, wire, 0)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(event)
}

/// A link to nowhere is no link.
fn link(bytes: &[u8]) -> Result<Option<SpanLink>, Refused> {
    let (mut trace, mut span, mut attributes) = (None, None, Attributes::new());
    fields(bytes, &mut |number, wire| {
        match number {
            1 => trace = TraceId::from_bytes(wire.bytes()?),
            2 => span = SpanId::from_bytes(wire.bytes()?),
            4 => push(&mut attributes, wire, 0)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(trace.zip(span).map(|(trace, span)| SpanLink {
        trace,
        span,
        attributes,
    }))
}
