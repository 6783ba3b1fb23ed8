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
use hashbrown::HashMap;
use std::cell::RefCell;
use std::sync::Arc;

/// Why one span is not read.
type Refused = &'static str;

/// An `ExportTraceServiceRequest`, or `TracesData`, which has the same fields.
pub fn read(bytes: &[u8]) -> Result<Batch, OtlpError> {
    let mut batch = Batch::default();
    let texts = Texts::default();
    each(bytes, &mut |number, wire| {
        if number == 1 {
            resource_spans(wire.bytes()?, &texts, &mut batch)?;
        }
        Ok(())
    })?;
    Ok(batch)
}

fn each<'a>(
    bytes: &'a [u8],
    see: &mut dyn FnMut(u32, Wire<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        see(field.number, field.wire)?;
    }
    Ok(())
}

fn resource_spans<'a>(bytes: &'a [u8], t: &Texts<'a>, batch: &mut Batch) -> Result<(), Malformed> {
    // The resource may stand behind its spans.
    let mut attributes: Result<Attributes, Refused> = Ok(Attributes::new());
    let mut scopes = Vec::new();
    each(bytes, &mut |number, wire| {
        match number {
            1 => attributes = listed(wire.bytes()?, 1, 0, t),
            2 => scopes.push(wire.bytes()?),
            _ => {}
        }
        Ok(())
    })?;
    let attributes = attributes.map(|attributes| Arc::new(Resource { attributes }));
    scopes
        .into_iter()
        .try_for_each(|s| scope_spans(s, &attributes, t, batch))
}

fn scope_spans<'a>(
    bytes: &'a [u8],
    resource: &Result<Arc<Resource>, Refused>,
    t: &Texts<'a>,
    batch: &mut Batch,
) -> Result<(), Malformed> {
    let mut scope: Result<Scope, Refused> = Ok(Scope::default());
    let mut spans = Vec::new();
    each(bytes, &mut |number, wire| {
        match number {
            1 => scope = self::scope(wire.bytes()?, t),
            2 => spans.push(wire.bytes()?),
            _ => {}
        }
        Ok(())
    })?;
    let scope = scope.map(Arc::new);
    for bytes in spans {
        let read = match (resource, &scope) {
            (Ok(resource), Ok(scope)) => span(bytes, blank(resource, scope), t),
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
struct Broken(Refused);

impl From<Refused> for Broken {
    fn from(why: Refused) -> Self {
        Self(why)
    }
}

/// Calls `see` for each field; a reason ends it.
fn fields<'a>(
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

/// The texts of one request, each once: keys and names repeat in every span.
#[derive(Default)]
struct Texts<'a>(RefCell<HashMap<&'a [u8], Arc<str>>>);

/// Longer texts seldom come twice.
const REPEATED: usize = 128;

impl<'a> Texts<'a> {
    fn read(&self, wire: Wire<'a>) -> Result<Arc<str>, Broken> {
        let bytes = wire.bytes()?;
        if bytes.is_empty() {
            return Ok(Arc::default());
        }
        if bytes.len() > REPEATED {
            return read_text(bytes);
        }
        let mut known = self.0.borrow_mut();
        if let Some(text) = known.get(bytes) {
            return Ok(Arc::clone(text));
        }
        let text = read_text(bytes)?;
        known.insert(bytes, Arc::clone(&text));
        Ok(text)
    }
}

fn read_text(bytes: &[u8]) -> Result<Arc<str>, Broken> {
    let text = std::str::from_utf8(bytes).map_err(|_| Broken(reason::TEXT))?;
    Ok(Arc::from(text))
}

fn scope<'a>(bytes: &'a [u8], t: &Texts<'a>) -> Result<Scope, Refused> {
    let mut scope = Scope::default();
    fields(bytes, &mut |number, wire| {
        match number {
            1 => scope.name = t.read(wire)?,
            2 => scope.version = t.read(wire)?,
            3 => push(&mut scope.attributes, wire, 0, t)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(scope)
}

/// The attributes in the fields of that number.
fn listed<'a>(
    bytes: &'a [u8],
    wanted: u32,
    depth: u32,
    t: &Texts<'a>,
) -> Result<Attributes, Refused> {
    let mut out = Attributes::new();
    fields(bytes, &mut |number, wire| {
        if number == wanted {
            push(&mut out, wire, depth, t)?;
        }
        Ok(())
    })?;
    Ok(out)
}

fn push<'a>(out: &mut Attributes, wire: Wire<'a>, depth: u32, t: &Texts<'a>) -> Result<(), Broken> {
    if out.len() >= MOST_ATTRIBUTES {
        return Err(Broken(reason::ATTRIBUTES));
    }
    let (mut key, mut value) = (None, None);
    fields(wire.bytes()?, &mut |number, wire| {
        match number {
            1 => key = Some(t.read(wire)?),
            2 => value = Some(self::value(wire.bytes()?, depth, t)?),
            _ => {}
        }
        Ok(())
    })?;
    if out.is_empty() {
        out.reserve(8);
    }
    let value = value.unwrap_or_else(|| Attribute::Text(Arc::default()));
    out.push((key.unwrap_or_default(), value));
    Ok(())
}

fn value<'a>(bytes: &'a [u8], depth: u32, t: &Texts<'a>) -> Result<Attribute, Broken> {
    if depth >= MAX_DEPTH {
        return Err(Broken(reason::DEPTH));
    }
    let mut value = None;
    fields(bytes, &mut |number, wire| {
        value = Some(match number {
            1 => Attribute::Text(t.read(wire)?),
            2 => Attribute::Bool(wire.number()? != 0),
            3 => Attribute::Int(wire.number()? as i64),
            4 => Attribute::Float(f64::from_bits(wire.number()?)),
            5 => {
                let mut items = Vec::new();
                fields(wire.bytes()?, &mut |number, wire| {
                    if number == 1 {
                        items.push(self::value(wire.bytes()?, depth + 1, t)?);
                    }
                    Ok(())
                })?;
                Attribute::List(items)
            }
            6 => Attribute::Map(listed(wire.bytes()?, 1, depth + 1, t)?),
            7 => Attribute::Bytes(wire.bytes()?.to_vec()),
            _ => return Ok(()),
        });
        Ok(())
    })?;
    Ok(value.unwrap_or_else(|| Attribute::Text(Arc::default())))
}

fn span<'a>(bytes: &'a [u8], mut span: Span, t: &Texts<'a>) -> Result<Span, Refused> {
    if bytes.len() > MOST_BYTES {
        return Err(reason::LARGE);
    }
    let (mut trace, mut id) = (None, None);
    fields(bytes, &mut |number, wire| {
        match number {
            1 => trace = TraceId::from_bytes(wire.bytes()?),
            2 => id = SpanId::from_bytes(wire.bytes()?),
            4 => span.parent = SpanId::from_bytes(wire.bytes()?),
            5 => span.name = t.read(wire)?,
            6 => span.kind = SpanKind::from_number(wire.number()? as i64),
            7 => span.start = wire.number()?,
            8 => span.end = wire.number()?,
            9 => push(&mut span.attributes, wire, 0, t)?,
            11 if span.events.len() < MOST_EVENTS => span.events.push(event(wire.bytes()?, t)?),
            13 if span.links.len() < MOST_EVENTS => span.links.extend(link(wire.bytes()?, t)?),
            11 | 13 => return Err(Broken(reason::EVENTS)),
            15 => fields(wire.bytes()?, &mut |number, wire| {
                match number {
                    2 => span.status_message = t.read(wire)?,
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

fn event<'a>(bytes: &'a [u8], t: &Texts<'a>) -> Result<SpanEvent, Refused> {
    let mut event = SpanEvent {
        time: 0,
        name: Arc::default(),
        attributes: Attributes::new(),
    };
    fields(bytes, &mut |number, wire| {
        match number {
            1 => event.time = wire.number()?,
            2 => event.name = t.read(wire)?,
            3 => push(&mut event.attributes, wire, 0, t)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(event)
}

/// A link to nowhere is no link.
fn link<'a>(bytes: &'a [u8], t: &Texts<'a>) -> Result<Option<SpanLink>, Refused> {
    let (mut trace, mut span, mut attributes) = (None, None, Attributes::new());
    fields(bytes, &mut |number, wire| {
        match number {
            1 => trace = TraceId::from_bytes(wire.bytes()?),
            2 => span = SpanId::from_bytes(wire.bytes()?),
            4 => push(&mut attributes, wire, 0, t)?,
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
