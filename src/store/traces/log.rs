//! Taking spans in, and moving them from the head into blocks.

use crate::base::fs::Fs;
use crate::model::span::{Span, SpanId, Trace, TraceId};
use crate::store::disk::wal::{Event, OpenWalError, Settings, Wal};
use crate::store::traces::block::BlockError;
use crate::store::traces::blocks::{Blocks, CACHE};
use crate::store::traces::head::{self, Head, Walk, from_record, to_record};
use crate::store::traces::intern::Interner;
use crate::store::write::WriteError;
use hashbrown::{HashMap, HashSet};
use parking_lot::{Mutex, RwLock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const KIND: u16 = 5;
const SPANS: u8 = 1;
const QUEUE_BYTES: usize = 16 << 20;
/// Spans older than this leave the head, so that the log stays short.
const HEAD_MS: i64 = 30 * 60_000;

/// Merges of one round of upkeep.
const MERGES: usize = 16;

/// Where spans are kept.
pub(crate) struct Place {
    pub(crate) fs: Fs,
    pub(crate) dir: PathBuf,
    pub(crate) limits: Limits,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of head from which it is written as a block; twice as many refuse spans.
    pub(crate) head_bytes: usize,
}

/// Why the traces of a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenTracesError {
    #[error(transparent)]
    Wal(#[from] OpenWalError),
    #[error("{0}")]
    Block(String),
}

pub(crate) struct Traces {
    pub(crate) wal: Wal,
    limits: Limits,
    pub(super) blocks: Blocks,
    pub(super) head: RwLock<Heads>,
    /// Held by whoever writes a block out of the head.
    cutting: Mutex<()>,
    pub(super) problem: Mutex<Option<String>>,
    /// Segments from these on stay in the log, by who needs them.
    pub(super) held: Mutex<std::collections::BTreeMap<String, u32>>,
}

#[derive(Default)]
pub(super) struct Heads {
    pub(super) live: Head,
    /// Being written as a block, with the segment that the log goes on in behind it.
    pub(super) frozen: Option<(Arc<Head>, u32)>,
}

impl Traces {
    /// Reads back what was kept. The sentences name damage.
    pub(crate) fn open(place: Place) -> Result<(Self, Vec<String>), OpenTracesError> {
        let blocks = Blocks::open(&place.fs, &place.dir.join("traces"))
            .map_err(|e| OpenTracesError::Block(e.to_string()))?;
        let settings = Settings {
            fs: place.fs.clone(),
            dir: place.dir.join("wal").join("traces"),
            kind: KIND,
            commit_every: Duration::from_millis(200),
            queue_bytes: QUEUE_BYTES,
        };
        let until = blocks.until_segment();
        let (mut segment, mut head) = (0, Head::default());
        let (wal, found) = Wal::open(settings, &mut |event| match event {
            Event::Segment(n) => segment = n,
            Event::Record { payload, .. } if segment >= until => {
                let spans = from_record(payload).unwrap_or_default();
                let stored = stored_spans(&blocks, spans.iter().map(|s| s.trace));
                head.begin(spans.len());
                let new = spans.iter();
                let new: Vec<&Span> = new.filter(|s| head.note(s, stored.get(&s.trace))).collect();
                let encoded = head::encode(&new);
                head.push(&new, encoded, 0);
            }
            _ => {}
        })?;
        // A log of which all is in blocks has no file left to count on from: records in segments
        // before that number would not be read back.
        while wal.segment() < until {
            wal.rotate();
        }
        let traces = Self {
            wal,
            limits: place.limits,
            blocks,
            head: RwLock::new(Heads {
                live: head,
                frozen: None,
            }),
            cutting: Mutex::new(()),
            problem: Mutex::new(None),
            held: Mutex::default(),
        };
        Ok((traces, found.damage))
    }

    /// Keeps spans. Tells of each whether it was new: a span that is sent again is kept once.
    pub(crate) fn append(&self, spans: &[Span], now_ms: i64) -> Result<Vec<bool>, WriteError> {
        self.wal.admit()?;
        if self.head.read().live.bytes > 2 * self.limits.head_bytes {
            let why = self.problem.lock().clone().unwrap_or_default();
            return Err(WriteError::Limit(format!(
                "spans cannot be kept: the newest are still waiting to be written to the disk; {why}"
            )));
        }
        let unknown: Vec<TraceId> = {
            let heads = self.head.read();
            let mut ids: Vec<TraceId> = spans.iter().map(|s| s.trace).collect();
            ids.dedup();
            ids.retain(|id| heads.live.slot(*id).is_none());
            ids
        };
        let stored = stored_spans(&self.blocks, unknown.into_iter());
        let full = {
            let mut heads = self.head.write();
            let Heads { live, frozen } = &mut *heads;
            let mut new = Vec::with_capacity(spans.len());
            live.begin(spans.len());
            for span in spans {
                let earlier = frozen.as_ref().and_then(|(f, _)| f.slot(span.trace));
                let again = earlier.is_some_and(|slot| slot.has(span));
                new.push(!again && live.note(span, stored.get(&span.trace)));
                if earlier.is_some() {
                    live.is_late(span.trace);
                }
            }
            let kept = spans.iter().zip(&new).filter(|(_, new)| **new);
            let kept: Vec<&Span> = kept.map(|(span, _)| span).collect();
            if !kept.is_empty() {
                let encoded = head::encode(&kept);
                self.wal.push(SPANS, &to_record(&encoded), false);
                live.push(&kept, encoded, now_ms);
            }
            let full = live.bytes >= self.limits.head_bytes;
            drop(heads);
            (full, new)
        };
        if full.0 {
            self.cut();
        }
        Ok(full.1)
    }

    /// Writes the head as a block. What cannot be written stays, and is tried again.
    pub(crate) fn cut(&self) {
        let Some(_cutting) = self.cutting.try_lock() else {
            return;
        };
        let (frozen, segment) = {
            let mut heads = self.head.write();
            if heads.frozen.is_none() {
                if heads.live.len() == 0 {
                    return;
                }
                let mut live = std::mem::take(&mut heads.live);
                live.seal();
                heads.frozen = Some((Arc::new(live), self.wal.rotate()));
            }
            match &heads.frozen {
                Some((frozen, segment)) => (Arc::clone(frozen), *segment),
                None => return,
            }
        };
        let written = self.write_block(&frozen, segment);
        *self.problem.lock() = written.as_ref().err().map(ToString::to_string);
        if written.is_ok() {
            self.head.write().frozen = None;
            self.trim_log(segment);
        }
    }

    fn write_block(&self, head: &Head, segment: u32) -> Result<(), BlockError> {
        let mut order = head.by_start();
        order.reverse();
        let mut walk = Walk::new(head);
        let mut interner = Interner::default();
        let traces = order.into_iter().filter_map(|(_, id)| {
            let mut trace = walk.trace(id)?;
            trace.spans.iter_mut().for_each(|s| interner.span(s));
            Some((trace, head.slot(id).is_some_and(|s| s.late)))
        });
        self.blocks.write(traces, segment)
    }

    /// One round of upkeep: an old head becomes a block, blocks are merged, old ones go.
    pub(crate) fn upkeep(&self, now_ms: i64, oldest_ms: i64, bytes: u64) {
        let (waiting, since) = {
            let heads = self.head.read();
            (heads.frozen.is_some(), heads.live.since)
        };
        if waiting || since.is_some_and(|t| now_ms - t >= HEAD_MS) {
            self.cut();
        }
        let oldest = u64::try_from(oldest_ms)
            .unwrap_or(0)
            .saturating_mul(1_000_000);
        self.blocks.retain(oldest, bytes);
        for _ in 0..MERGES {
            match self.blocks.merge() {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => {
                    *self.problem.lock() = Some(e.to_string());
                    break;
                }
            }
        }
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut all = self.blocks.missing();
        all.extend(self.problem.lock().clone());
        all.extend(self.wal.trouble().map(|e| e.to_string()));
        all
    }

    /// Head and indexes in memory: name, bytes now, bytes allowed.
    pub(crate) fn memory(&self) -> (String, u64, u64) {
        let heads = self.head.read();
        let frozen = heads.frozen.as_ref().map_or(0, |(f, _)| f.bytes);
        let now = heads.live.bytes + frozen + self.blocks.cache_bytes();
        let allowed = 2 * self.limits.head_bytes + CACHE;
        ("traces".to_owned(), now as u64, allowed as u64)
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        self.blocks.bytes() + self.wal.bytes()
    }

    /// Spans that are kept, resent ones once.
    #[cfg(test)]
    pub(crate) fn spans(&self) -> u64 {
        let heads = self.head.read();
        let frozen = heads.frozen.as_ref().map_or(0, |(f, _)| f.spans);
        let stored: u64 = self.blocks.list().iter().map(|b| b.facts.spans).sum();
        stored + (heads.live.spans + frozen) as u64
    }

    /// All that is kept of a trace, and what could not be read.
    pub(super) fn whole(&self, id: TraceId, warnings: &mut Vec<String>) -> Option<Trace> {
        let mut parts = self.blocks.trace(id, warnings);
        {
            let heads = self.head.read();
            parts.extend(heads.frozen.as_ref().and_then(|(f, _)| f.trace(id)));
            parts.extend(heads.live.trace(id));
        }
        if parts.len() < 2 {
            return parts.pop();
        }
        let spans = parts.into_iter().flat_map(|t| t.spans).collect();
        Some(Trace::new(id, spans))
    }
}

/// The spans of traces that blocks have, by trace.
fn stored_spans(
    blocks: &Blocks,
    ids: impl Iterator<Item = TraceId>,
) -> HashMap<TraceId, HashSet<(SpanId, bool)>> {
    let mut out = HashMap::new();
    for id in ids {
        if !out.contains_key(&id) && blocks.has(id) {
            let parts = blocks.trace(id, &mut Vec::new());
            let spans = parts
                .iter()
                .flat_map(|t| t.spans.iter().map(Span::identity));
            out.insert(id, spans.collect());
        }
    }
    out
}
