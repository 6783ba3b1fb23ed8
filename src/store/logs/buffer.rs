//! Lines in memory, by columns: times, ends, levels, metadata, and the bytes of all lines in a row.
//!
//! The head holds one for each stream; a block that was read is one too, and so is a record of the
//! log. Layout of the columns on disk: `docs/format/logs.md`.

use crate::model::labels::Labels;
use crate::model::log_entry::{Level, LevelCounts};
use crate::store::disk::bytes::{Reader, put_text, put_uvarint, put_varint};
use std::collections::HashMap;

/// Times are written in the coarsest of these units that loses nothing.
const UNITS: [i64; 4] = [1_000_000_000, 1_000_000, 1_000, 1];
/// More than this in one piece is not believed.
const MAX_ROWS: usize = 1 << 24;

#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer {
    pub(crate) times: Vec<i64>,
    /// Where each line ends in the bytes; it begins where the one before ends.
    pub(crate) ends: Vec<u32>,
    pub(crate) levels: Vec<u8>,
    /// For each line 0, or the number of its metadata plus one. Empty while no line has any.
    metas: Vec<u32>,
    dictionary: Vec<Labels>,
    by_meta: HashMap<Labels, u32>,
    pub(crate) bytes: Vec<u8>,
}

impl Buffer {
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub(crate) fn push(&mut self, t: i64, level: Level, metadata: Option<&Labels>, line: &[u8]) {
        if let Some(labels) = metadata.filter(|m| !m.is_empty()) {
            let next = self.dictionary.len() as u32 + 1;
            let id = *self.by_meta.entry(labels.clone()).or_insert(next);
            if id == next {
                self.dictionary.push(labels.clone());
            }
            self.metas.resize(self.times.len(), 0);
            self.metas.push(id);
        } else if !self.metas.is_empty() {
            self.metas.push(0);
        }
        self.times.push(t);
        self.levels.push(level as u8);
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len() as u32);
    }

    /// Row `i` of another buffer.
    pub(crate) fn push_row(&mut self, other: &Self, i: usize) {
        let level = Level::from_number(other.levels[i]);
        self.push(other.times[i], level, other.meta(i), other.line(i));
    }

    pub(crate) fn start(&self, i: usize) -> usize {
        if i == 0 { 0 } else { self.ends[i - 1] as usize }
    }

    pub(crate) fn line(&self, i: usize) -> &[u8] {
        &self.bytes[self.start(i)..self.ends[i] as usize]
    }

    pub(crate) fn meta(&self, i: usize) -> Option<&Labels> {
        let id = self.metas.get(i).copied().unwrap_or(0);
        self.dictionary.get((id as usize).wrapping_sub(1))
    }

    /// Whether any line may have metadata.
    pub(crate) fn has_metadata(&self) -> bool {
        !self.dictionary.is_empty()
    }

    /// First and last time, whatever the order of the lines.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let min = self.times.iter().min()?;
        let max = self.times.iter().max()?;
        Some((*min, *max))
    }

    pub(crate) fn level_counts(&self) -> LevelCounts {
        let mut counts = LevelCounts::default();
        for level in &self.levels {
            counts[usize::from(level & 7)] += 1;
        }
        counts
    }

    /// An estimate in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.times.capacity() * 8
            + self.ends.capacity() * 4
            + self.levels.capacity()
            + self.metas.capacity() * 4
            + self.bytes.capacity()
            + self
                .dictionary
                .iter()
                .map(|l| 2 * l.as_packed().len() + 64)
                .sum::<usize>()
            + size_of::<Self>()
    }

    /// Everything but the bytes of the lines, each column behind its own: times, lengths, levels
    /// two to a byte, metadata.
    pub(crate) fn put_split(&self, out: &mut [Vec<u8>; 4]) {
        let [times, lengths, levels, metas] = out;
        put_times(&self.times, times);
        for i in 0..self.len() {
            put_uvarint(lengths, (self.ends[i] as usize - self.start(i)) as u64);
        }
        let two = |pair: &[u8]| (pair[0] & 15) | pair.get(1).map_or(0, |b| b << 4);
        levels.extend(self.levels.chunks(2).map(two));
        self.put_metas(0, metas);
    }

    /// Reads so many rows of columns, as [`Buffer::read_columns`].
    pub(crate) fn read_split(&mut self, rows: usize, r: &mut [Reader<'_>; 4]) -> Option<()> {
        self.clear();
        let [times, lengths, levels, metas] = r;
        // Each row takes at least a byte: a lie about their number costs no memory.
        if rows > MAX_ROWS || rows > lengths.rest.len() {
            return None;
        }
        read_times(times, rows, &mut self.times)?;
        self.read_lengths(rows, lengths)?;
        let pairs = levels.bytes(rows.div_ceil(2))?;
        self.levels
            .extend(pairs.iter().flat_map(|b| [b & 15, b >> 4]));
        self.levels.truncate(rows);
        self.read_metas(rows, metas)
    }

    /// Everything but the bytes of the lines `from` to the last.
    pub(crate) fn put_columns(&self, from: usize, out: &mut Vec<u8>) {
        put_uvarint(out, (self.len() - from) as u64);
        put_times(&self.times[from..], out);
        for i in from..self.len() {
            put_uvarint(out, (self.ends[i] as usize - self.start(i)) as u64);
        }
        out.extend_from_slice(&self.levels[from..]);
        self.put_metas(from, out);
    }

    fn put_metas(&self, from: usize, out: &mut Vec<u8>) {
        if self
            .metas
            .get(from..)
            .is_none_or(|m| m.iter().all(|id| *id == 0))
        {
            put_uvarint(out, 0);
            return;
        }
        put_uvarint(out, self.dictionary.len() as u64);
        for labels in &self.dictionary {
            put_text(out, labels.as_packed());
        }
        for i in from..self.len() {
            put_uvarint(out, u64::from(self.metas.get(i).copied().unwrap_or(0)));
        }
    }

    /// Reads columns, replacing what is here; the bytes of the lines are the caller's to fill in,
    /// as many as the last of `ends` says.
    pub(crate) fn read_columns(&mut self, r: &mut Reader<'_>) -> Option<()> {
        self.clear();
        let rows = usize::try_from(r.uvarint()?)
            .ok()
            .filter(|n| *n <= MAX_ROWS)?;
        // Each row takes at least three bytes: a lie about their number costs no memory.
        if rows > r.rest.len() {
            return None;
        }
        read_times(r, rows, &mut self.times)?;
        self.read_lengths(rows, r)?;
        self.levels.extend_from_slice(r.bytes(rows)?);
        self.read_metas(rows, r)
    }

    fn read_lengths(&mut self, rows: usize, r: &mut Reader<'_>) -> Option<()> {
        let mut end = 0u32;
        self.ends.reserve(rows);
        for _ in 0..rows {
            end = end.checked_add(u32::try_from(r.uvarint()?).ok()?)?;
            self.ends.push(end);
        }
        Some(())
    }

    fn read_metas(&mut self, rows: usize, r: &mut Reader<'_>) -> Option<()> {
        let known = usize::try_from(r.uvarint()?).ok()?;
        for _ in 0..known {
            self.dictionary.push(Labels::from_packed(r.text()?)?);
        }
        if known > 0 {
            self.metas.reserve(rows);
            for _ in 0..rows {
                let id = u32::try_from(r.uvarint()?).ok()?;
                self.metas.push(id);
            }
        }
        Some(())
    }

    pub(crate) fn clear(&mut self) {
        self.times.clear();
        self.ends.clear();
        self.levels.clear();
        self.metas.clear();
        self.dictionary.clear();
        self.by_meta.clear();
        self.bytes.clear();
    }
}

fn put_times(times: &[i64], out: &mut Vec<u8>) {
    let whole = |unit: &i64| times.iter().all(|t| t % unit == 0);
    let unit = UNITS.iter().position(whole).unwrap_or(UNITS.len() - 1);
    out.push(unit as u8);
    let mut last = 0i64;
    for t in times {
        let t = t / UNITS[unit];
        put_varint(out, t.wrapping_sub(last));
        last = t;
    }
}

fn read_times(r: &mut Reader<'_>, rows: usize, out: &mut Vec<i64>) -> Option<()> {
    let unit = *UNITS.get(usize::from(r.u8()?))?;
    let mut last = 0i64;
    out.reserve(rows);
    for _ in 0..rows {
        last = last.wrapping_add(r.varint()?);
        out.push(last.wrapping_mul(unit));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn columns_read_back(
            rows in proptest::collection::vec(
                (any::<i64>(), 0u8..8, proptest::option::of("[a-c]"), "[ -~]{0,9}"), 0..20),
            from in 0usize..20,
            unit in 0usize..4,
        ) {
            let mut buffer = Buffer::default();
            for (t, level, meta, line) in &rows {
                let meta = meta.as_ref().map(|m| Labels::from_pairs([("m", m.as_str())]));
                let t = t / UNITS[unit] * UNITS[unit];
                buffer.push(t, Level::from_number(*level), meta.as_ref(), line.as_bytes());
            }
            let from = from.min(buffer.len());
            let mut out = Vec::new();
            buffer.put_columns(from, &mut out);
            let mut r = Reader::new(&out);
            let mut back = Buffer::default();
            back.read_columns(&mut r).unwrap();
            prop_assert!(r.is_empty());
            let mut split: [Vec<u8>; 4] = Default::default();
            buffer.put_split(&mut split);
            let mut readers = split.each_ref().map(|c| Reader::new(c));
            let mut whole = Buffer::default();
            whole.read_split(buffer.len(), &mut readers).unwrap();
            prop_assert!(readers.iter().all(Reader::is_empty));
            prop_assert_eq!(&whole.times, &buffer.times);
            prop_assert_eq!(&whole.ends, &buffer.ends);
            prop_assert_eq!(&whole.levels, &buffer.levels);
            back.bytes.extend_from_slice(&buffer.bytes[buffer.start(from)..]);
            prop_assert_eq!(back.len(), buffer.len() - from);
            for i in 0..back.len() {
                let j = from + i;
                prop_assert_eq!(back.times[i], buffer.times[j]);
                prop_assert_eq!(back.levels[i], buffer.levels[j]);
                prop_assert_eq!(back.line(i), buffer.line(j));
                prop_assert_eq!(back.meta(i), buffer.meta(j));
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Buffer::default().read_columns(&mut Reader::new(&bytes));
        }
    }
}
