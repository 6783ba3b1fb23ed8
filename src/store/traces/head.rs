//! The newest spans: encoded batches in memory, and which trace is in which of them.

use crate::model::span::{Span, SpanId, Trace, TraceId};
use crate::store::disk::bytes::{Reader, put_uvarint};
use crate::store::traces::codec::{self, Encoded};
use crate::store::traces::intern::Interner;
use hashbrown::{HashMap, HashSet};
use std::collections::VecDeque;

/// Spans from which a batch is encoded.
const BATCH_SPANS: usize = 512;
/// Spans that come together and are a batch by themselves.
const MANY: usize = 128;
/// Decoded batches that a walk over all traces keeps.
const DECODED: usize = 24;

/// Spans of some time, until they are in a block.
#[derive(Default)]
pub(super) struct Head {
    batches: Vec<Encoded>,
    /// Not encoded yet.
    open: Vec<Span>,
    interner: Interner,
    traces: HashMap<TraceId, Slot>,
    pub(super) bytes: usize,
    pub(super) spans: usize,
    /// When the first of them came, milliseconds.
    pub(super) since: Option<i64>,
}

/// What is known of one trace.
#[derive(Default)]
pub(super) struct Slot {
    batches: Vec<u32>,
    seen: HashSet<(SpanId, bool)>,
    pub(super) first: u64,
    /// Blocks have spans of it too.
    pub(super) late: bool,
}

impl Slot {
    pub(super) fn has(&self, span: &Span) -> bool {
        self.seen.contains(&span.identity())
    }
}

impl Head {
    /// Another place has spans of this trace too.
    pub(super) fn is_late(&mut self, id: TraceId) {
        if let Some(slot) = self.traces.get_mut(&id) {
            slot.late = true;
        }
    }

    pub(super) fn slot(&self, id: TraceId) -> Option<&Slot> {
        self.traces.get(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.traces.len()
    }

    /// Traces of which blocks, or the head before, have spans too.
    pub(super) fn late(&self) -> impl Iterator<Item = TraceId> {
        self.traces
            .iter()
            .filter(|(_, s)| s.late)
            .map(|(id, _)| *id)
    }

    /// Traces that another head has as well.
    pub(super) fn also_in(&self, other: &Self) -> impl Iterator<Item = TraceId> {
        let ids = self.traces.keys().copied();
        ids.filter(|id| other.traces.contains_key(id))
    }

    /// The traces, newest start first.
    pub(super) fn by_start(&self) -> Vec<(u64, TraceId)> {
        let mut all: Vec<_> = self.traces.iter().map(|(id, s)| (s.first, *id)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    }

    /// Whether this span is not here yet; then it is from now on. `stored` are the spans of the
    /// trace that blocks have.
    pub(super) fn note(&mut self, span: &Span, stored: Option<&HashSet<(SpanId, bool)>>) -> bool {
        let number = self.batches.len() as u32;
        let slot = self.traces.entry(span.trace).or_insert_with(|| Slot {
            first: u64::MAX,
            ..Slot::default()
        });
        slot.late |= stored.is_some_and(|s| !s.is_empty());
        if stored.is_some_and(|s| s.contains(&span.identity()))
            || !slot.seen.insert(span.identity())
        {
            return false;
        }
        slot.first = slot.first.min(span.start);
        if slot.batches.last() != Some(&number) {
            slot.batches.push(number);
        }
        true
    }

    /// So many spans are noted and pushed next: many begin a batch of their own.
    pub(super) fn begin(&mut self, spans: usize) {
        if spans >= MANY {
            self.seal();
        }
    }

    /// Takes spans that were noted, and the same ones encoded.
    pub(super) fn push(&mut self, spans: &[&Span], encoded: Encoded, now_ms: i64) {
        self.since.get_or_insert(now_ms);
        self.spans += spans.len();
        // An estimate of what finding them again takes, and of them until they are encoded.
        self.bytes += spans.len() * 48;
        if spans.len() >= MANY && self.open.is_empty() {
            self.bytes += encoded.texts.len() + encoded.body.len();
            self.batches.push(encoded);
            return;
        }
        for span in spans {
            let mut span = Span::clone(span);
            self.interner.span(&mut span);
            self.open.push(span);
        }
        if self.open.len() >= BATCH_SPANS {
            self.seal();
        }
    }

    /// Encodes what is open.
    pub(super) fn seal(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let open = std::mem::take(&mut self.open);
        let encoded = encode(&open.iter().collect::<Vec<_>>());
        self.bytes += encoded.texts.len() + encoded.body.len();
        self.batches.push(encoded);
    }

    fn decoded(&self, number: u32) -> Vec<Trace> {
        match self.batches.get(number as usize) {
            Some(batch) => codec::decode(&batch.texts, &batch.body).unwrap_or_default(),
            None => grouped(self.open.clone()),
        }
    }

    /// All that is here of a trace.
    pub(super) fn trace(&self, id: TraceId) -> Option<Trace> {
        Walk::new(self).trace(id)
    }

    /// The batches whose texts hold `text`, or may. The open batch counts as one.
    pub(super) fn batches_with(&self, text: &str) -> HashSet<u32> {
        let finder = memchr::memmem::Finder::new(text.as_bytes());
        let numbers = self.batches.iter().enumerate();
        let found = numbers.filter(|(_, b)| finder.find(&b.texts).is_some());
        let found = found.map(|(i, _)| i as u32);
        found.chain([self.batches.len() as u32]).collect()
    }

    pub(super) fn is_in(&self, id: TraceId, batches: &HashSet<u32>) -> bool {
        let slot = self.traces.get(&id);
        slot.is_some_and(|s| s.batches.iter().any(|b| batches.contains(b)))
    }
}

/// Reads one trace after the other; traces that stand near each other share decoded batches.
pub(super) struct Walk<'a> {
    head: &'a Head,
    decoded: HashMap<u32, HashMap<TraceId, Trace>>,
    order: VecDeque<u32>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(head: &'a Head) -> Self {
        Self {
            head,
            decoded: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(super) fn trace(&mut self, id: TraceId) -> Option<Trace> {
        let slot = self.head.traces.get(&id)?;
        let mut spans = Vec::new();
        for number in &slot.batches {
            if !self.decoded.contains_key(number) {
                if self.order.len() >= DECODED
                    && let Some(old) = self.order.pop_front()
                {
                    self.decoded.remove(&old);
                }
                let traces = self.head.decoded(*number).into_iter().map(|t| (t.id, t));
                self.decoded.insert(*number, traces.collect());
                self.order.push_back(*number);
            }
            let here = self.decoded.get(number).and_then(|t| t.get(&id));
            spans.extend(here.into_iter().flat_map(|t| t.spans.iter().cloned()));
        }
        (!spans.is_empty()).then(|| Trace::new(id, spans))
    }
}

/// Spans as traces, in the order in which each trace appears first.
pub(super) fn grouped(spans: Vec<Span>) -> Vec<Trace> {
    let mut places: HashMap<TraceId, usize> = HashMap::new();
    let mut out: Vec<Trace> = Vec::new();
    for span in spans {
        let place = *places.entry(span.trace).or_insert_with(|| {
            out.push(Trace {
                id: span.trace,
                spans: Vec::new(),
            });
            out.len() - 1
        });
        out[place].spans.push(span);
    }
    out
}

/// Spans as bytes, by trace.
pub(super) fn encode(spans: &[&Span]) -> Encoded {
    let mut places: HashMap<TraceId, usize> = HashMap::new();
    let mut traces: Vec<(TraceId, Vec<&Span>)> = Vec::new();
    for span in spans {
        // Most stand beside others of their trace.
        if let Some((id, last)) = traces.last_mut()
            && *id == span.trace
        {
            last.push(span);
            continue;
        }
        let place = *places.entry(span.trace).or_insert_with(|| {
            traces.push((span.trace, Vec::new()));
            traces.len() - 1
        });
        traces[place].1.push(span);
    }
    codec::encode_refs(&traces)
}

/// A batch as a record of the log.
pub(super) fn to_record(encoded: &Encoded) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded.texts.len() + encoded.body.len() + 5);
    put_uvarint(&mut out, encoded.texts.len() as u64);
    out.extend_from_slice(&encoded.texts);
    out.extend_from_slice(&encoded.body);
    out
}

pub(super) fn from_record(payload: &[u8]) -> Option<Vec<Span>> {
    let mut r = Reader::new(payload);
    let len = usize::try_from(r.uvarint()?).ok()?;
    let texts = r.bytes(len)?;
    let traces = codec::decode(texts, r.rest)?;
    Some(traces.into_iter().flat_map(|t| t.spans).collect())
}
