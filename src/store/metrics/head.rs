//! The newest samples, in memory: a table of series, each with an open chunk and closed ones.
//!
//! A series is a slot; a [`SeriesId`] is a slot with the generation that it is in. The head knows
//! nothing of files: [`Head::append`] writes the journal's bytes beside, and the caller logs them.

mod order;

use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::sample::Samples;
use crate::model::time::TimeRange;
use crate::store::metrics::chunk::{self, Packer};
use crate::store::metrics::journal::{Batch, Target};
use crate::store::metrics::matching::Postings;
use crate::store::metrics::merge;
use crate::store::metrics::stream::{self, Writer};
use crate::store::metrics::symbols::Symbols;
use crate::store::write::{Append, Appended, SeriesId};
use hashbrown::HashTable;
use std::collections::HashMap;

/// Samples of a closed chunk.
const CHUNK: u8 = 120;
/// An open chunk is closed early at this length: values that are no decimals.
const OPEN_BYTES: usize = 384;

/// What an appended sample must keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// A sample that is older than the head's newest by at most this is taken out of order, in
    /// milliseconds; 0 takes none.
    pub(crate) late_window: i64,
    /// Samples after this time are refused.
    pub(crate) newest: i64,
}

/// One call of [`Head::append`].
struct Pass<'a> {
    rules: Rules,
    batch: Batch<'a>,
    result: &'a mut Appended,
}

/// The part of a series that appending touches.
struct Hot {
    writer: Writer,
    /// Time of the open chunk's first sample.
    first: i64,
    open: Vec<u8>,
    /// Epoch of the log in which the series was last written whole; 0 is never.
    epoch: u32,
    generation: u32,
    /// Samples in the open chunk.
    count: u8,
    alive: bool,
}

struct Cold {
    pairs: Box<[u32]>,
    fingerprint: u64,
    closed: Vec<Closed>,
}

struct Closed {
    min: i64,
    max: i64,
    bytes: Box<[u8]>,
}

/// The table.
pub(crate) struct Head {
    pub(crate) symbols: Symbols,
    hot: Vec<Hot>,
    cold: Vec<Cold>,
    free: Vec<u32>,
    by_fingerprint: HashTable<u32>,
    order: order::Order,
    /// Samples out of order by slot, sorted; with the number of the cut they came before.
    late: HashMap<u32, Vec<(i64, f64, u32)>>,
    cuts: u32,
    /// A block is being cut, or was, up to here: what is older comes too late for it.
    cutting: i64,
    /// Samples before this time are in blocks: the head does not answer for them.
    pub(crate) from: i64,
    newest: i64,
    pub(crate) samples: u64,
    pub(crate) created: u64,
    pub(crate) removed: u64,
    closed_bytes: usize,
    /// The log's present epoch, and the first one of its present segment.
    epoch: u32,
    segment_epoch: u32,
    scratch: Samples,
    packer: Packer,
}

impl Head {
    pub(crate) fn new(from: i64) -> Self {
        Self {
            symbols: Symbols::default(),
            hot: Vec::new(),
            cold: Vec::new(),
            free: Vec::new(),
            by_fingerprint: HashTable::new(),
            order: order::Order::default(),
            late: HashMap::new(),
            cuts: 0,
            cutting: from,
            from,
            newest: i64::MIN,
            samples: 0,
            created: 0,
            removed: 0,
            closed_bytes: 0,
            epoch: 1,
            segment_epoch: 1,
            scratch: Samples::default(),
            packer: Packer::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.hot.len() - self.free.len()
    }

    /// Time of the newest sample; `None` where there is none.
    pub(crate) fn newest(&self) -> Option<i64> {
        (self.newest > i64::MIN).then_some(self.newest)
    }

    /// Time of the oldest sample the head answers for.
    pub(crate) fn oldest(&self) -> Option<i64> {
        let slots = (0..self.hot.len()).filter(|s| self.hot[*s].alive);
        let oldest = slots.filter_map(|s| self.span(s as u32)).map(|s| s.start);
        oldest.min().map(|t| t.max(self.from))
    }

    pub(crate) fn find(&self, labels: &Labels) -> Option<SeriesId> {
        self.find_slot(labels, labels.fingerprint())
            .map(|s| self.id(s))
    }

    fn find_slot(&self, labels: &Labels, fingerprint: u64) -> Option<u32> {
        let same = |s: &u32| {
            let cold = &self.cold[*s as usize];
            cold.fingerprint == fingerprint && self.symbols.same(&cold.pairs, labels)
        };
        self.by_fingerprint.find(fingerprint, same).copied()
    }

    fn id(&self, slot: u32) -> SeriesId {
        let generation = self.hot[slot as usize].generation;
        SeriesId(u64::from(generation) << 32 | u64::from(slot))
    }

    /// The slot that an id names, while the series lives.
    #[inline]
    fn slot(&self, id: SeriesId) -> Option<u32> {
        let slot = id.0 as u32;
        let hot = self.hot.get(slot as usize)?;
        (hot.alive && hot.generation == (id.0 >> 32) as u32).then_some(slot)
    }

    /// Finds the series or creates it.
    pub(crate) fn resolve(&mut self, labels: &Labels) -> SeriesId {
        let slot = self.resolve_slot(labels);
        self.id(slot)
    }

    fn resolve_slot(&mut self, labels: &Labels) -> u32 {
        let fingerprint = labels.fingerprint();
        if let Some(slot) = self.find_slot(labels, fingerprint) {
            return slot;
        }
        let slot = self.free.pop().unwrap_or(self.hot.len() as u32);
        let cold = Cold {
            pairs: self.symbols.add(labels, slot),
            fingerprint,
            closed: Vec::new(),
        };
        let hot = |generation| Hot {
            writer: Writer {
                t: i64::MIN,
                ..Writer::default()
            },
            first: 0,
            open: Vec::new(),
            epoch: 0,
            generation,
            count: 0,
            alive: true,
        };
        if let Some(old) = self.hot.get_mut(slot as usize) {
            *old = hot(old.generation);
            self.cold[slot as usize] = cold;
        } else {
            self.hot.push(hot(0));
            self.cold.push(cold);
        }
        let all = &self.cold;
        self.by_fingerprint
            .insert_unique(fingerprint, slot, |s| all[*s as usize].fingerprint);
        self.created += 1;
        self.order.added(slot);
        slot
    }

    pub(crate) fn labels(&self, id: SeriesId) -> Option<Labels> {
        let slot = self.slot(id)?;
        Some(self.symbols.labels(&self.cold[slot as usize].pairs))
    }

    /// The next record of the log begins an epoch: series are written whole again. In a new segment
    /// with their labels.
    pub(crate) fn begin_epoch(&mut self, segment: bool) {
        self.epoch += 1;
        if segment {
            self.segment_epoch = self.epoch;
        }
    }

    /// Appends a batch and writes what the log must say to `journal`.
    pub(crate) fn append(
        &mut self,
        samples: &[Append],
        rules: &Rules,
        journal: &mut Vec<u8>,
        result: &mut Appended,
    ) {
        let mut pass = Pass {
            rules: *rules,
            batch: Batch::new(journal),
            result,
        };
        for &Append { series, t, v } in samples {
            let Some(slot) = self.slot(series) else {
                pass.result.gone.push(series);
                continue;
            };
            let hot = &mut self.hot[slot as usize];
            if t <= hot.writer.t || t < self.cutting || t > rules.newest {
                self.odd(slot, t, v, &mut pass);
                continue;
            }
            pass.batch.at(slot, t);
            let token = hot.writer.value.next(v);
            if hot.epoch == self.epoch {
                pass.batch.value(token);
            } else {
                if hot.epoch < self.segment_epoch {
                    let pairs = &self.cold[slot as usize].pairs;
                    pass.batch.define(&self.symbols.labels(pairs));
                }
                hot.epoch = self.epoch;
                pass.batch.value(hot.writer.value.whole(v));
            }
            self.push(slot, t, v, token);
        }
    }

    /// Appends without a log.
    pub(crate) fn append_unlogged(
        &mut self,
        samples: &[Append],
        rules: &Rules,
        result: &mut Appended,
    ) {
        let mut unread = Vec::new();
        for &Append { series, t, v } in samples {
            let Some(slot) = self.slot(series) else {
                result.gone.push(series);
                continue;
            };
            let hot = &mut self.hot[slot as usize];
            if t > hot.writer.t {
                let token = hot.writer.value.next(v);
                self.push(slot, t, v, token);
                continue;
            }
            let mut pass = Pass {
                rules: *rules,
                batch: Batch::new(&mut unread),
                result,
            };
            self.odd(slot, t, v, &mut pass);
            unread.clear();
        }
    }

    /// Lets go of the samples out of order before `until`.
    pub(crate) fn forget_late(&mut self, until: i64) {
        for late in self.late.values_mut() {
            late.retain(|s| s.0 >= until);
        }
    }

    /// Lets go of all samples; the series stay.
    pub(crate) fn forget_samples(&mut self) {
        for (hot, cold) in self.hot.iter_mut().zip(&mut self.cold) {
            hot.open = Vec::new();
            hot.count = 0;
            cold.closed = Vec::new();
        }
        self.late.clear();
        self.closed_bytes = 0;
    }

    /// Adds to the open chunk. `token` was given by the slot's writer for `v`.
    #[inline]
    fn push(&mut self, slot: u32, t: i64, v: f64, token: stream::Token) {
        self.samples += 1;
        self.newest = self.newest.max(t);
        let hot = &mut self.hot[slot as usize];
        if hot.count == 0 {
            hot.first = t;
            hot.open.reserve(48);
            let token = hot.writer.value.whole(v);
            hot.writer.first(&mut hot.open, t, token);
        } else {
            hot.writer.more(&mut hot.open, t, token);
        }
        hot.count += 1;
        if hot.count >= CHUNK || hot.open.len() >= OPEN_BYTES {
            self.close(slot);
        }
    }

    /// Packs the open chunk.
    fn close(&mut self, slot: u32) {
        let hot = &mut self.hot[slot as usize];
        let open = std::mem::take(&mut hot.open);
        hot.count = 0;
        self.scratch.clear();
        if stream::read(&open, hot.first, &mut self.scratch).is_none() {
            return; // cannot be: we wrote it
        }
        let hint = hot.writer.value.scale();
        let closed = self.pack(hint);
        self.cold[slot as usize].closed.push(closed);
    }

    /// Packs what stands in `scratch`, which is not empty.
    fn pack(&mut self, hint: u8) -> Closed {
        let mut bytes = Vec::with_capacity(160);
        let (times, values) = (&self.scratch.times, &self.scratch.values);
        self.packer.put(&mut bytes, times, values, hint);
        self.closed_bytes += bytes.len();
        Closed {
            min: times.first().copied().unwrap_or(0),
            max: times.last().copied().unwrap_or(0),
            bytes: bytes.into_boxed_slice(),
        }
    }

    /// A sample that does not simply follow: the same again, late, or out of bounds.
    #[cold]
    fn odd(&mut self, slot: u32, t: i64, v: f64, pass: &mut Pass<'_>) {
        let Pass {
            rules,
            batch,
            result,
        } = pass;
        let hot = &self.hot[slot as usize];
        if t == hot.writer.t && t <= rules.newest {
            let mut same = Samples::default();
            self.read(slot, TimeRange::new(t, t), &mut same);
            let known = same.values.first().map(|k| k.to_bits());
            result.duplicate += u64::from(known.is_some_and(|k| k != v.to_bits()));
            return;
        }
        let window = rules.late_window;
        if window == 0 || t > rules.newest || t < self.newest.saturating_sub(window) {
            result.out_of_order += 1;
            return;
        }
        let epoch = self.epoch;
        let hot = &mut self.hot[slot as usize];
        batch.at(slot, t);
        if hot.epoch < self.segment_epoch {
            let pairs = &self.cold[slot as usize].pairs;
            batch.define(&self.symbols.labels(pairs));
            // Named in this segment, but not yet written whole in this epoch.
            hot.epoch = epoch - 1;
        }
        batch.late(t, v);
        if !self.put_late(slot, t, v) {
            result.duplicate += 1;
        }
    }

    /// False where another value stands at that time.
    fn put_late(&mut self, slot: u32, t: i64, v: f64) -> bool {
        let late = self.late.entry(slot).or_default();
        match late.binary_search_by_key(&t, |s| s.0) {
            Ok(at) => late[at].1.to_bits() == v.to_bits(),
            Err(at) => {
                late.insert(at, (t, v, self.cuts));
                self.samples += 1;
                true
            }
        }
    }

    /// First and last time of a series' samples.
    fn span(&self, slot: u32) -> Option<TimeRange> {
        let (hot, cold) = (&self.hot[slot as usize], &self.cold[slot as usize]);
        let mut span: Option<TimeRange> = None;
        let mut widen = |start: i64, end: i64| {
            let s = span.get_or_insert(TimeRange { start, end });
            *s = TimeRange::new(s.start.min(start), s.end.max(end));
        };
        if let (Some(a), Some(b)) = (cold.closed.first(), cold.closed.last()) {
            widen(a.min, b.max);
        }
        if hot.count > 0 {
            widen(hot.first, hot.writer.t);
        }
        if !self.late.is_empty()
            && let Some(late) = self.late.get(&slot)
            && let (Some(a), Some(b)) = (late.first(), late.last())
        {
            widen(a.0, b.0);
        }
        span
    }

    /// The series that satisfy every matcher and may have samples in the range, by their labels.
    pub(crate) fn select(&self, matchers: &[Matcher], range: TimeRange) -> Vec<SeriesId> {
        let all = || {
            let slots = 0..self.hot.len() as u32;
            slots.filter(|s| self.hot[*s as usize].alive).collect()
        };
        let mut slots = self.symbols.select(matchers, all);
        slots.retain(|s| self.span(*s).is_some_and(|span| span.overlaps(range)));
        self.order.sort(self, &mut slots);
        slots.into_iter().map(|s| self.id(s)).collect()
    }

    /// Appends the samples of a series in the range; nothing where it has gone.
    pub(crate) fn read_series(&self, id: SeriesId, range: TimeRange, out: &mut Samples) {
        if let Some(slot) = self.slot(id) {
            self.read(slot, range, out);
        }
    }

    fn read(&self, slot: u32, range: TimeRange, out: &mut Samples) {
        let (hot, cold) = (&self.hot[slot as usize], &self.cold[slot as usize]);
        let start = out.len();
        let mut spare = Vec::new();
        // Before `from` only late samples are the head's own: the others are in blocks.
        let own = TimeRange::new(range.start.max(self.from), range.end);
        let first = cold.closed.partition_point(|c| c.max < own.start);
        for closed in &cold.closed[first..] {
            if closed.min > own.end {
                break;
            }
            let _ = chunk::read(&closed.bytes, own, out, &mut spare);
        }
        if hot.count > 0 && hot.first <= own.end && hot.writer.t >= own.start {
            let at = out.len();
            let _ = stream::read(&hot.open, hot.first, out);
            merge::clip(out, at, own);
        }
        if self.late.is_empty() {
            return;
        }
        if let Some(late) = self.late.get(&slot) {
            let at = out.len();
            for &(t, v, _) in late.iter().filter(|s| range.contains(s.0)) {
                out.push(t, v);
            }
            merge::join(out, start, at);
        }
    }

    /// A block is going to be cut of everything before `until`.
    pub(crate) fn begin_cut(&mut self, until: i64) {
        self.cutting = self.cutting.max(until);
        self.cuts += 1;
    }

    /// Lets go of everything before `from` that was there when the last cut began, and of the
    /// series that have nothing else.
    pub(crate) fn truncate(&mut self, from: i64) {
        self.from = self.from.max(from);
        self.cutting = self.cutting.max(from);
        let cuts = self.cuts;
        let mut gone = Vec::new();
        for slot in 0..self.hot.len() {
            let (hot, cold) = (&mut self.hot[slot], &mut self.cold[slot]);
            if !hot.alive {
                continue;
            }
            let old = cold.closed.partition_point(|c| c.max < from);
            self.closed_bytes -= cold
                .closed
                .drain(..old)
                .map(|c| c.bytes.len())
                .sum::<usize>();
            cold.closed.shrink_to(4);
            if hot.count > 0 && hot.writer.t < from {
                hot.count = 0;
                hot.open = Vec::new();
            }
            if let Some(late) = self.late.get_mut(&(slot as u32)) {
                late.retain(|s| s.0 >= from || s.2 >= cuts);
                if late.is_empty() {
                    self.late.remove(&(slot as u32));
                }
            }
            if self.span(slot as u32).is_none() {
                gone.push(slot as u32);
            }
        }
        self.remove(&gone);
    }

    /// Removes series; `gone` rises.
    fn remove(&mut self, gone: &[u32]) {
        if gone.is_empty() {
            return;
        }
        let mut pairs: Vec<u32> = Vec::new();
        for &slot in gone {
            let cold = &mut self.cold[slot as usize];
            let fingerprint = cold.fingerprint;
            pairs.extend_from_slice(&cold.pairs);
            cold.pairs = Box::default();
            cold.closed = Vec::new();
            let hot = &mut self.hot[slot as usize];
            hot.alive = false;
            hot.generation = hot.generation.wrapping_add(1);
            hot.open = Vec::new();
            if let Ok(entry) = self.by_fingerprint.find_entry(fingerprint, |s| *s == slot) {
                entry.remove();
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        self.symbols
            .remove(&pairs, |s| gone.binary_search(&s).is_ok());
        self.removed += gone.len() as u64;
        self.free.extend_from_slice(gone);
        self.order.removed(gone);
    }

    /// Chunks in memory, the open ones included.
    pub(crate) fn chunks(&self) -> u64 {
        let open = self.hot.iter().filter(|h| h.count > 0).count();
        let closed: usize = self.cold.iter().map(|c| c.closed.len()).sum();
        (open + closed) as u64
    }

    /// Bytes in memory, estimated from what is held.
    pub(crate) fn bytes(&self) -> usize {
        let open: usize = self.hot.iter().map(|h| h.open.capacity()).sum();
        let closed: usize = self.cold.iter().map(|c| c.closed.capacity()).sum();
        let late: usize = self.late.values().map(|l| l.capacity() * 24 + 64).sum();
        let tables = self.hot.capacity() * (size_of::<Hot>() + size_of::<Cold>() + 8)
            + self.by_fingerprint.capacity() * 5;
        let pairs: usize = self.cold.iter().map(|c| c.pairs.len() * 4 + 8).sum();
        let chunks = self.closed_bytes + closed * size_of::<Closed>();
        open + chunks + late + tables + pairs + self.symbols.bytes()
    }
}

/// Replaying the log fills the head without writing a log.
impl Target for Head {
    fn define(&mut self, labels: &Labels) -> Option<u32> {
        Some(self.resolve_slot(labels))
    }

    fn sample(&mut self, slot: u32, t: i64, v: f64) {
        let hot = &mut self.hot[slot as usize];
        if t > hot.writer.t && t >= self.from {
            let token = hot.writer.value.next(v);
            self.push(slot, t, v, token);
        }
    }

    fn late(&mut self, slot: u32, t: i64, v: f64) {
        self.put_late(slot, t, v);
    }

    fn delete(&mut self, slot: u32, from: i64, to: i64) {
        self.delete_slot(slot, TimeRange::new(from, to));
    }
}

impl Head {
    /// Deletes the samples of a series in a range.
    pub(crate) fn delete(&mut self, id: SeriesId, range: TimeRange, journal: &mut Vec<u8>) {
        let Some(slot) = self.slot(id) else { return };
        let mut batch = Batch::new(journal);
        batch.at(slot, range.start);
        if self.hot[slot as usize].epoch < self.segment_epoch {
            let pairs = &self.cold[slot as usize].pairs;
            batch.define(&self.symbols.labels(pairs));
        }
        batch.delete(range.start, range.end);
        self.delete_slot(slot, range);
        // The open chunk may have gone: the next value is written whole.
        self.hot[slot as usize].epoch = self.epoch - 1;
    }

    fn delete_slot(&mut self, slot: u32, range: TimeRange) {
        let everything = TimeRange::new(i64::MIN, i64::MAX);
        if self.hot[slot as usize].count > 0 {
            self.close(slot);
        }
        let closed = std::mem::take(&mut self.cold[slot as usize].closed);
        let mut kept = Vec::with_capacity(closed.len());
        for old in closed {
            if old.max < range.start || old.min > range.end {
                kept.push(old);
                continue;
            }
            self.closed_bytes -= old.bytes.len();
            let mut all = Samples::default();
            let _ = chunk::read(&old.bytes, everything, &mut all, &mut Vec::new());
            self.scratch.clear();
            for s in all
                .iter()
                .filter(|s| s.t >= self.from && !range.contains(s.t))
            {
                self.scratch.push(s.t, s.v);
            }
            if !self.scratch.is_empty() {
                kept.push(self.pack(0));
            }
        }
        self.cold[slot as usize].closed = kept;
        if let Some(late) = self.late.get_mut(&slot) {
            late.retain(|s| !range.contains(s.0));
        }
        if self.span(slot).is_none() {
            self.hot[slot as usize].writer.t = i64::MIN; // as if it were new
        }
    }
}

#[cfg(test)]
mod tests;
