//! Spans to bytes.

use crate::model::span::{Attribute, Attributes, Resource, Scope, Span, SpanId, Trace, TraceId};
use crate::store::disk::bytes::{put_text, put_uvarint, put_varint};
use crate::store::traces::codec::{Encoded, MAX_DEPTH, parent, tag};
use hashbrown::HashMap;
use std::sync::Arc;

#[derive(Default)]
struct Writer<'a> {
    texts: HashMap<&'a str, u64>,
    text_bytes: Vec<u8>,
    resources: HashMap<*const Resource, u64>,
    scopes: HashMap<*const Scope, u64>,
    /// Resources and scopes, each once.
    tables: Columns,
    spans: Columns,
}

#[derive(Default)]
struct Columns {
    ids: Vec<u8>,
    shapes: Vec<u8>,
    times: Vec<u8>,
    values: Vec<u8>,
}

/// The bytes of some traces, in their order.
pub(crate) fn encode(traces: &[Trace]) -> Encoded {
    let refs = traces.iter().map(|t| (t.id, t.spans.iter().collect()));
    encode_refs(&refs.collect::<Vec<_>>())
}

/// As [`encode`], of spans that stand elsewhere.
pub(crate) fn encode_refs(traces: &[(TraceId, Vec<&Span>)]) -> Encoded {
    let mut w = Writer::default();
    for (id, spans) in traces {
        w.trace(*id, spans);
    }
    let mut body = Vec::new();
    put_uvarint(&mut body, traces.len() as u64);
    put_uvarint(&mut body, w.resources.len() as u64);
    put_uvarint(&mut body, w.scopes.len() as u64);
    for columns in [&w.tables, &w.spans] {
        for column in [
            &columns.ids,
            &columns.shapes,
            &columns.times,
            &columns.values,
        ] {
            put_uvarint(&mut body, column.len() as u64);
            body.extend_from_slice(column);
        }
    }
    Encoded {
        texts: w.text_bytes,
        body,
    }
}

impl<'a> Writer<'a> {
    fn text(&mut self, text: &'a str) -> u64 {
        let next = self.texts.len() as u64;
        match self.texts.entry(text) {
            hashbrown::hash_map::Entry::Occupied(known) => *known.get(),
            hashbrown::hash_map::Entry::Vacant(new) => {
                new.insert(next);
                put_text(&mut self.text_bytes, text);
                next
            }
        }
    }

    fn trace(&mut self, id: TraceId, spans: &[&'a Span]) {
        let base = spans.iter().map(|s| s.start).min().unwrap_or(0);
        self.spans.ids.extend_from_slice(&id.0);
        put_uvarint(&mut self.spans.shapes, spans.len() as u64);
        put_uvarint(&mut self.spans.times, base);
        let few = spans.len() <= 16;
        let mut places: HashMap<SpanId, u64> = HashMap::new();
        if !few {
            let ids = spans.iter().enumerate().rev();
            places.extend(ids.map(|(i, s)| (s.id, i as u64)));
        }
        let place = |id: SpanId| {
            if few {
                spans.iter().position(|s| s.id == id).map(|i| i as u64)
            } else {
                places.get(&id).copied()
            }
        };
        for span in spans {
            let above = span.parent.map(|id| (id, place(id)));
            self.span(span, base, above);
        }
    }

    fn span(&mut self, span: &'a Span, base: u64, above: Option<(SpanId, Option<u64>)>) {
        let resource = self.resource(&span.resource);
        let scope = self.scope(&span.scope);
        let (name, message) = (self.text(&span.name), self.text(&span.status_message));
        let c = &mut self.spans;
        c.ids.extend_from_slice(&span.id.0);
        match above {
            None => put_uvarint(&mut c.shapes, parent::NONE),
            Some((_, Some(place))) => put_uvarint(&mut c.shapes, parent::HERE + place),
            Some((id, None)) => {
                put_uvarint(&mut c.shapes, parent::ELSEWHERE);
                c.ids.extend_from_slice(&id.0);
            }
        }
        let flags = span.kind as u8 | (span.status as u8) << 3 | u8::from(span.shared) << 5;
        c.shapes.push(flags);
        for n in [resource, scope, name, message] {
            put_uvarint(&mut c.shapes, n);
        }
        put_uvarint(&mut c.times, span.start - base);
        put_varint(&mut c.times, span.end.wrapping_sub(span.start) as i64);
        self.attributes(&span.attributes, false, 0);
        put_uvarint(&mut self.spans.shapes, span.events.len() as u64);
        for event in &span.events {
            let name = self.text(&event.name);
            put_uvarint(&mut self.spans.shapes, name);
            put_varint(
                &mut self.spans.times,
                event.time.wrapping_sub(span.start) as i64,
            );
            self.attributes(&event.attributes, false, 0);
        }
        put_uvarint(&mut self.spans.shapes, span.links.len() as u64);
        for link in &span.links {
            self.spans.ids.extend_from_slice(&link.trace.0);
            self.spans.ids.extend_from_slice(&link.span.0);
            self.attributes(&link.attributes, false, 0);
        }
    }

    /// Spans of one request share theirs, so the address is enough to know it again.
    fn resource(&mut self, resource: &'a Arc<Resource>) -> u64 {
        let key = Arc::as_ptr(resource);
        if let Some(n) = self.resources.get(&key) {
            return *n;
        }
        let n = self.resources.len() as u64;
        self.resources.insert(key, n);
        self.attributes(&resource.attributes, true, 0);
        n
    }

    fn scope(&mut self, scope: &'a Arc<Scope>) -> u64 {
        let key = Arc::as_ptr(scope);
        if let Some(n) = self.scopes.get(&key) {
            return *n;
        }
        let n = self.scopes.len() as u64;
        self.scopes.insert(key, n);
        // Into the columns of values, so that resources and scopes may stand in any order.
        let (name, version) = (self.text(&scope.name), self.text(&scope.version));
        let mut own = Columns::default();
        put_uvarint(&mut own.shapes, name);
        put_uvarint(&mut own.shapes, version);
        std::mem::swap(&mut own, &mut self.tables);
        self.attributes(&scope.attributes, true, 0);
        std::mem::swap(&mut own, &mut self.tables);
        for column in [&own.shapes, &own.values] {
            put_uvarint(&mut self.tables.times, column.len() as u64);
            self.tables.times.extend_from_slice(column);
        }
        n
    }

    fn attributes(&mut self, attributes: &'a Attributes, of_table: bool, depth: u32) {
        let put = |w: &mut Self, n| put_uvarint(&mut w.columns(of_table).shapes, n);
        put(self, attributes.len() as u64);
        for (name, value) in attributes {
            let name = self.text(name);
            put(self, name);
            self.value(value, of_table, depth);
        }
    }

    fn columns(&mut self, of_table: bool) -> &mut Columns {
        if of_table {
            &mut self.tables
        } else {
            &mut self.spans
        }
    }

    fn value(&mut self, value: &'a Attribute, of_table: bool, depth: u32) {
        let tag = match value {
            _ if depth >= MAX_DEPTH => tag::FALSE,
            Attribute::Text(_) => tag::TEXT,
            Attribute::Bool(true) => tag::TRUE,
            Attribute::Bool(false) => tag::FALSE,
            Attribute::Int(_) => tag::INT,
            Attribute::Float(_) => tag::FLOAT,
            Attribute::Bytes(_) => tag::BYTES,
            Attribute::List(_) => tag::LIST,
            Attribute::Map(_) => tag::MAP,
        };
        put_uvarint(&mut self.columns(of_table).shapes, tag);
        if depth >= MAX_DEPTH {
            return;
        }
        match value {
            Attribute::Bool(_) => {}
            Attribute::Text(text) => {
                let n = self.text(text);
                put_uvarint(&mut self.columns(of_table).values, n);
            }
            Attribute::Int(i) => put_varint(&mut self.columns(of_table).values, *i),
            Attribute::Float(v) => {
                let bytes = v.to_bits().to_le_bytes();
                self.columns(of_table).values.extend_from_slice(&bytes);
            }
            Attribute::Bytes(bytes) => {
                let values = &mut self.columns(of_table).values;
                put_uvarint(values, bytes.len() as u64);
                values.extend_from_slice(bytes);
            }
            Attribute::List(items) => {
                put_uvarint(&mut self.columns(of_table).shapes, items.len() as u64);
                for item in items {
                    self.value(item, of_table, depth + 1);
                }
            }
            Attribute::Map(items) => self.attributes(items, of_table, depth + 1),
        }
    }
}
