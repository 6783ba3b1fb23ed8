//! Bytes to spans. `None` wherever the bytes are not what was written.

use crate::model::span::{
    Attribute, Attributes, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink,
    SpanStatus, Trace, TraceId,
};
use crate::store::disk::bytes::Reader;
use crate::store::traces::codec::{MAX_DEPTH, parent, tag};
use std::sync::Arc;

/// The distinct texts, in their order.
pub(crate) fn texts(bytes: &[u8]) -> Option<Vec<&str>> {
    let mut r = Reader::new(bytes);
    let mut out = Vec::new();
    while !r.is_empty() {
        out.push(r.text()?);
    }
    Some(out)
}

/// The traces, in the order in which they were written.
pub(crate) fn decode(texts: &[u8], body: &[u8]) -> Option<Vec<Trace>> {
    let texts: Vec<Arc<str>> = self::texts(texts)?.into_iter().map(Arc::from).collect();
    let mut r = Reader::new(body);
    let count = r.uvarint()?;
    let (resources, scopes) = (r.uvarint()?, r.uvarint()?);
    let mut tables = Columns::read(&mut r)?;
    let mut columns = Columns::read(&mut r)?;
    let mut reader = Decoder {
        texts: &texts,
        resources: Vec::new(),
        scopes: Vec::new(),
    };
    for _ in 0..resources {
        let attributes = reader.attributes(&mut tables, 0)?;
        reader.resources.push(Arc::new(Resource { attributes }));
    }
    for _ in 0..scopes {
        let scope = reader.scope(&mut tables)?;
        reader.scopes.push(Arc::new(scope));
    }
    let mut traces = Vec::new();
    for _ in 0..count {
        traces.push(reader.trace(&mut columns)?);
    }
    Some(traces)
}

#[derive(Clone, Copy)]
struct Columns<'a> {
    ids: Reader<'a>,
    shapes: Reader<'a>,
    times: Reader<'a>,
    values: Reader<'a>,
}

impl<'a> Columns<'a> {
    fn read(r: &mut Reader<'a>) -> Option<Self> {
        let mut next = || {
            let len = usize::try_from(r.uvarint()?).ok()?;
            Some(Reader::new(r.bytes(len)?))
        };
        Some(Self {
            ids: next()?,
            shapes: next()?,
            times: next()?,
            values: next()?,
        })
    }

    fn span_id(&mut self) -> Option<SpanId> {
        Some(SpanId(self.ids.bytes(8)?.try_into().ok()?))
    }

    fn trace_id(&mut self) -> Option<TraceId> {
        Some(TraceId(self.ids.bytes(16)?.try_into().ok()?))
    }

    /// How many follow; more than bytes are left is not believed.
    fn count(&mut self) -> Option<usize> {
        let n = usize::try_from(self.shapes.uvarint()?).ok()?;
        (n <= self.shapes.rest.len()).then_some(n)
    }
}

struct Decoder<'t> {
    texts: &'t [Arc<str>],
    resources: Vec<Arc<Resource>>,
    scopes: Vec<Arc<Scope>>,
}

fn nth<T: Clone>(list: &[T], n: u64) -> Option<T> {
    list.get(usize::try_from(n).ok()?).cloned()
}

impl Decoder<'_> {
    fn trace(&self, c: &mut Columns<'_>) -> Option<Trace> {
        let id = c.trace_id()?;
        let count = c.count()?;
        let base = c.times.uvarint()?;
        let mut spans: Vec<Span> = Vec::with_capacity(count);
        // A parent may stand behind its child: its place is kept until all are read.
        let mut places = Vec::with_capacity(count);
        for _ in 0..count {
            let (span, place) = self.span(c, id, base)?;
            spans.push(span);
            places.push(place);
        }
        for (i, place) in places.into_iter().enumerate() {
            if let Some(place) = place {
                let above = spans.get(usize::try_from(place).ok()?)?.id;
                spans[i].parent = Some(above);
            }
        }
        Some(Trace { id, spans })
    }

    fn span(&self, c: &mut Columns<'_>, trace: TraceId, base: u64) -> Option<(Span, Option<u64>)> {
        let id = c.span_id()?;
        let (above, place) = match c.shapes.uvarint()? {
            parent::NONE => (None, None),
            parent::ELSEWHERE => (Some(c.span_id()?), None),
            n => (None, Some(n - parent::HERE)),
        };
        let flags = c.shapes.u8()?;
        let resource = nth(&self.resources, c.shapes.uvarint()?)?;
        let scope = nth(&self.scopes, c.shapes.uvarint()?)?;
        let name = nth(self.texts, c.shapes.uvarint()?)?;
        let status_message = nth(self.texts, c.shapes.uvarint()?)?;
        let start = base.checked_add(c.times.uvarint()?)?;
        let end = start.wrapping_add(c.times.varint()? as u64);
        let attributes = self.attributes(c, 0)?;
        let mut events = Vec::new();
        for _ in 0..c.count()? {
            events.push(SpanEvent {
                name: nth(self.texts, c.shapes.uvarint()?)?,
                time: start.wrapping_add(c.times.varint()? as u64),
                attributes: self.attributes(c, 0)?,
            });
        }
        let mut links = Vec::new();
        for _ in 0..c.count()? {
            links.push(SpanLink {
                trace: c.trace_id()?,
                span: c.span_id()?,
                attributes: self.attributes(c, 0)?,
            });
        }
        let span = Span {
            trace,
            id,
            parent: above,
            name,
            kind: SpanKind::from_number(i64::from(flags & 7)),
            status: SpanStatus::from_number(i64::from(flags >> 3 & 3)),
            status_message,
            start,
            end,
            attributes,
            events,
            links,
            resource,
            scope,
            shared: flags >> 5 & 1 == 1,
        };
        Some((span, place))
    }

    fn scope(&self, tables: &mut Columns<'_>) -> Option<Scope> {
        let mut own = *tables;
        for column in [&mut own.shapes, &mut own.values] {
            let len = usize::try_from(tables.times.uvarint()?).ok()?;
            *column = Reader::new(tables.times.bytes(len)?);
        }
        Some(Scope {
            name: nth(self.texts, own.shapes.uvarint()?)?,
            version: nth(self.texts, own.shapes.uvarint()?)?,
            attributes: self.attributes(&mut own, 0)?,
        })
    }

    fn attributes(&self, c: &mut Columns<'_>, depth: u32) -> Option<Attributes> {
        let count = c.count()?;
        let mut out = Attributes::with_capacity(count);
        for _ in 0..count {
            let name = nth(self.texts, c.shapes.uvarint()?)?;
            out.push((name, self.value(c, depth)?));
        }
        Some(out)
    }

    fn value(&self, c: &mut Columns<'_>, depth: u32) -> Option<Attribute> {
        if depth > MAX_DEPTH {
            return None;
        }
        Some(match c.shapes.uvarint()? {
            tag::TEXT => Attribute::Text(nth(self.texts, c.values.uvarint()?)?),
            tag::TRUE => Attribute::Bool(true),
            tag::FALSE => Attribute::Bool(false),
            tag::INT => Attribute::Int(c.values.varint()?),
            tag::FLOAT => Attribute::Float(f64::from_bits(c.values.u64()?)),
            tag::BYTES => {
                let len = usize::try_from(c.values.uvarint()?).ok()?;
                Attribute::Bytes(c.values.bytes(len)?.to_vec())
            }
            tag::LIST => {
                let count = c.count()?;
                let items = (0..count).map(|_| self.value(c, depth + 1));
                Attribute::List(items.collect::<Option<_>>()?)
            }
            tag::MAP => Attribute::Map(self.attributes(c, depth + 1)?),
            _ => return None,
        })
    }
}
