//! The index of a block, as it stands in memory: labels, postings, places of chunks.

use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::time::TimeRange;
use crate::store::disk::bytes::{Reader, put_text, put_uvarint, put_varint};
use crate::store::metrics::block::HEADER;
use crate::store::metrics::matching::Postings;

/// Flat tables, so that a series costs little more than its numbers.
pub(crate) struct Index {
    text: String,
    /// Ends of names and of values in `text`.
    names: Vec<u32>,
    pairs: Vec<Pair>,
    /// Numbers of pairs of all series one after the other, and where each series' begin.
    series_pairs: Vec<u32>,
    series_starts: Vec<u32>,
    chunks: Vec<Chunk>,
    chunk_starts: Vec<u32>,
    /// Series that have each pair, and where each pair's begin.
    posted: Vec<u32>,
    posted_starts: Vec<u32>,
    pub(crate) groups: Vec<Group>,
}

#[derive(Clone, Copy)]
struct Pair {
    name: u32,
    from: u32,
    to: u32,
}

/// Where a chunk stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub(crate) group: u32,
    pub(crate) at: u32,
    pub(crate) len: u32,
    pub(crate) min: i64,
    pub(crate) max: i64,
}

/// Chunks that are packed together; `raw` is their length unpacked, 0 where they are not packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) at: u64,
    pub(crate) len: u32,
    pub(crate) raw: u32,
    pub(crate) crc: u32,
}

/// What a writer has collected, for [`put`].
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) names: Vec<String>,
    pub(crate) pairs: Vec<(u32, String)>,
    pub(crate) series_pairs: Vec<u32>,
    pub(crate) series_ends: Vec<u32>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) chunk_ends: Vec<u32>,
    pub(crate) groups: Vec<Group>,
}

pub(crate) fn put(draft: &Draft, min_t: i64) -> Vec<u8> {
    let mut out = Vec::new();
    put_uvarint(&mut out, draft.names.len() as u64);
    for name in &draft.names {
        put_text(&mut out, name);
    }
    put_uvarint(&mut out, draft.pairs.len() as u64);
    for (name, value) in &draft.pairs {
        put_uvarint(&mut out, u64::from(*name));
        put_text(&mut out, value);
    }
    put_uvarint(&mut out, draft.groups.len() as u64);
    for group in &draft.groups {
        put_uvarint(&mut out, u64::from(group.len));
        put_uvarint(&mut out, u64::from(group.raw));
        out.extend_from_slice(&group.crc.to_le_bytes());
    }
    put_uvarint(&mut out, draft.series_ends.len() as u64);
    let mut before: &[u32] = &[];
    let (mut from, mut chunk_from, mut group) = (0, 0, 0);
    for (to, chunk_to) in draft.series_ends.iter().zip(&draft.chunk_ends) {
        let pairs = &draft.series_pairs[from..*to as usize];
        put_uvarint(&mut out, pairs.len() as u64);
        for (i, pair) in pairs.iter().enumerate() {
            let near = before.get(i).copied().unwrap_or(0);
            put_varint(&mut out, i64::from(*pair) - i64::from(near));
        }
        (before, from) = (pairs, *to as usize);
        let chunks = &draft.chunks[chunk_from..*chunk_to as usize];
        put_uvarint(&mut out, chunks.len() as u64);
        for chunk in chunks {
            put_uvarint(
                &mut out,
                u64::from(chunk.len) << 1 | u64::from(chunk.group != group),
            );
            put_varint(&mut out, chunk.min.wrapping_sub(min_t));
            put_uvarint(&mut out, chunk.max.wrapping_sub(chunk.min) as u64);
            group = chunk.group;
        }
        chunk_from = *chunk_to as usize;
    }
    out
}

impl Index {
    pub(crate) fn read(bytes: &[u8], min_t: i64) -> Option<Self> {
        let mut r = Reader::new(bytes);
        let mut index = Self {
            text: String::new(),
            names: Vec::new(),
            pairs: Vec::new(),
            series_pairs: Vec::new(),
            series_starts: vec![0],
            chunks: Vec::new(),
            chunk_starts: vec![0],
            posted: Vec::new(),
            posted_starts: Vec::new(),
            groups: Vec::new(),
        };
        for _ in 0..r.uvarint()? {
            index.text.push_str(r.text()?);
            index.names.push(index.text.len() as u32);
        }
        for _ in 0..r.uvarint()? {
            let name = u32::try_from(r.uvarint()?).ok()?;
            if name as usize >= index.names.len() {
                return None;
            }
            let from = index.text.len() as u32;
            index.text.push_str(r.text()?);
            let to = u32::try_from(index.text.len()).ok()?;
            index.pairs.push(Pair { name, from, to });
        }
        let mut at = HEADER as u64;
        for _ in 0..r.uvarint()? {
            let (len, raw) = (r.uvarint()?, r.uvarint()?);
            index.groups.push(Group {
                at,
                len: u32::try_from(len).ok()?,
                raw: u32::try_from(raw).ok()?,
                crc: r.u32()?,
            });
            at += len;
        }
        index.read_series(&mut r, min_t)?;
        if !r.is_empty() {
            return None;
        }
        index.post();
        Some(index)
    }

    fn read_series(&mut self, r: &mut Reader<'_>, min_t: i64) -> Option<()> {
        let (mut group, mut at) = (0u32, 0u32);
        let mut before = 0..0;
        for _ in 0..r.uvarint()? {
            let start = self.series_pairs.len();
            for i in 0..r.uvarint()? as usize {
                let near = before.start + i;
                let near = if near < before.end {
                    self.series_pairs[near]
                } else {
                    0
                };
                let pair = u32::try_from(i64::from(near) + r.varint()?).ok()?;
                if pair as usize >= self.pairs.len() {
                    return None;
                }
                self.series_pairs.push(pair);
            }
            before = start..self.series_pairs.len();
            self.series_starts.push(before.end as u32);
            for _ in 0..r.uvarint()? {
                let len = r.uvarint()?;
                if len & 1 == 1 {
                    (group, at) = (group + 1, 0);
                }
                let len = u32::try_from(len >> 1).ok()?;
                let min = min_t.wrapping_add(r.varint()?);
                let max = min.wrapping_add(r.uvarint()? as i64);
                self.chunks.push(Chunk {
                    group,
                    at,
                    len,
                    min,
                    max,
                });
                at = at.checked_add(len)?;
            }
            self.chunk_starts.push(self.chunks.len() as u32);
        }
        Some(())
    }

    /// Makes the postings, by counting.
    fn post(&mut self) {
        let mut starts = vec![0u32; self.pairs.len() + 1];
        for pair in &self.series_pairs {
            starts[*pair as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut posted = vec![0; self.series_pairs.len()];
        for series in 0..self.len() {
            for pair in self.pairs_of(series) {
                let at = &mut next[*pair as usize];
                posted[*at as usize] = series;
                *at += 1;
            }
        }
        self.posted = posted;
        self.posted_starts = starts;
    }

    fn pairs_of(&self, series: u32) -> &[u32] {
        let s = series as usize;
        let (from, to) = (self.series_starts[s], self.series_starts[s + 1]);
        &self.series_pairs[from as usize..to as usize]
    }

    pub(crate) fn len(&self) -> u32 {
        self.series_starts.len() as u32 - 1
    }

    fn name(&self, n: u32) -> &str {
        let from = if n == 0 {
            0
        } else {
            self.names[n as usize - 1]
        };
        &self.text[from as usize..self.names[n as usize] as usize]
    }

    fn pair(&self, p: u32) -> (&str, &str) {
        let pair = self.pairs[p as usize];
        let value = &self.text[pair.from as usize..pair.to as usize];
        (self.name(pair.name), value)
    }

    fn having(&self, pair: usize) -> &[u32] {
        let (from, to) = (self.posted_starts[pair], self.posted_starts[pair + 1]);
        &self.posted[from as usize..to as usize]
    }

    pub(crate) fn labels(&self, series: u32) -> Labels {
        let pairs: Vec<_> = self
            .pairs_of(series)
            .iter()
            .map(|p| self.pair(*p))
            .collect();
        Labels::from_sorted(&pairs).unwrap_or_else(|| Labels::from_pairs(pairs))
    }

    pub(crate) fn chunks(&self, series: u32) -> &[Chunk] {
        let s = series as usize;
        let (from, to) = (self.chunk_starts[s], self.chunk_starts[s + 1]);
        &self.chunks[from as usize..to as usize]
    }

    /// First and last time of a series.
    pub(crate) fn span(&self, series: u32) -> Option<TimeRange> {
        let chunks = self.chunks(series);
        let (first, last) = (chunks.first()?, chunks.last()?);
        Some(TimeRange::new(first.min, last.max))
    }

    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<u32> {
        Postings::select(self, matchers, || (0..self.len()).collect())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity()
            + self.names.capacity() * 4
            + self.pairs.capacity() * size_of::<Pair>()
            + (self.series_pairs.capacity() + self.posted.capacity()) * 4
            + (self.series_starts.capacity() + self.chunk_starts.capacity()) * 4
            + self.posted_starts.capacity() * 4
            + self.chunks.capacity() * size_of::<Chunk>()
            + self.groups.capacity() * size_of::<Group>()
    }
}

impl Postings for Index {
    fn of_value(&self, name: &str, value: &str) -> &[u32] {
        let pair = (0..self.pairs.len()).find(|p| self.pair(*p as u32) == (name, value));
        pair.map_or(&[], |p| self.having(p))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = (&str, &[u32])> {
        let number = (0..self.names.len() as u32).find(|n| self.name(*n) == name);
        let pairs = self.pairs.iter().enumerate();
        let mine = pairs.filter(move |(_, pair)| Some(pair.name) == number);
        mine.map(|(p, _)| (self.pair(p as u32).1, self.having(p)))
    }
}
