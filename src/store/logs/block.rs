//! One block: some 256 KiB of lines, packed. The columns and the bytes of the lines are packed
//! apart, so that levels are counted without the lines, and lines are searched before any is cut.
//!
//! A block holds one stream, or runs of several that are too quiet for one of their own. Layout:
//! `docs/format/logs.md`.

use crate::model::log_entry::{Level, LevelCounts};
use crate::store::disk::bytes::{Reader, put_uvarint, put_varint};
use crate::store::logs::buffer::Buffer;
use crate::store::logs::merge::Hits;
use crate::store::logs::select::Filter;
use std::cell::RefCell;

/// Measured: level 3 is no smaller on logs and slower (`docs/decisions/051-plain-blocks.md`).
const LEVEL: i32 = 1;
/// A block that unpacks to more is not believed.
const MAX_RAW: u64 = 64 << 20;

/// What is known of a block without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    /// First and last time.
    pub(crate) min: i64,
    pub(crate) max: i64,
    /// Bytes of lines.
    pub(crate) raw: u64,
    pub(crate) levels: LevelCounts,
    /// The part's number of each stream, and how many lines of it follow.
    pub(crate) runs: Vec<(u32, u32)>,
}

impl Meta {
    pub(crate) fn rows(&self) -> u64 {
        self.runs.iter().map(|r| u64::from(r.1)).sum()
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.min);
        put_uvarint(out, self.max.wrapping_sub(self.min) as u64);
        put_uvarint(out, self.raw);
        for n in self.levels {
            put_uvarint(out, n);
        }
        put_uvarint(out, self.runs.len() as u64);
        for (stream, rows) in &self.runs {
            put_uvarint(out, u64::from(*stream));
            put_uvarint(out, u64::from(*rows));
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let min = r.varint()?;
        let max = min.wrapping_add(r.uvarint()? as i64);
        let raw = r.uvarint()?;
        let mut levels = LevelCounts::default();
        for n in &mut levels {
            *n = r.uvarint()?;
        }
        let mut meta = Self {
            min,
            max,
            raw,
            levels,
            runs: Vec::new(),
        };
        for _ in 0..r.uvarint()? {
            let stream = u32::try_from(r.uvarint()?).ok()?;
            meta.runs.push((stream, u32::try_from(r.uvarint()?).ok()?));
        }
        Some(meta)
    }
}

/// Packs runs of lines; the numbers are the part's own of the streams.
pub(crate) fn pack(runs: &[(u32, &Buffer)]) -> std::io::Result<(Meta, Vec<u8>)> {
    let mut meta = Meta {
        min: i64::MAX,
        max: i64::MIN,
        ..Meta::default()
    };
    let mut columns = Vec::new();
    for (stream, lines) in runs {
        let (min, max) = lines.span().unwrap_or((i64::MAX, i64::MIN));
        meta.min = meta.min.min(min);
        meta.max = meta.max.max(max);
        meta.raw += lines.bytes.len() as u64;
        for (sum, n) in meta.levels.iter_mut().zip(lines.level_counts()) {
            *sum += n;
        }
        meta.runs.push((*stream, lines.len() as u32));
        lines.put_columns(0, &mut columns);
    }
    let mut packer = zstd::bulk::Compressor::new(LEVEL)?;
    let packed_columns = packer.compress(&columns)?;
    let packed = match runs {
        [(_, one)] => packer.compress(&one.bytes)?,
        many => {
            let parts: Vec<&[u8]> = many.iter().map(|(_, l)| l.bytes.as_slice()).collect();
            packer.compress(&parts.concat())?
        }
    };
    let mut out = Vec::with_capacity(packed.len() + packed_columns.len() + 64);
    meta.put(&mut out);
    put_uvarint(&mut out, columns.len() as u64);
    put_uvarint(&mut out, packed_columns.len() as u64);
    out.extend_from_slice(&packed_columns);
    out.extend_from_slice(&packed);
    Ok((meta, out))
}

thread_local! {
    /// Making one takes longer than unpacking a small block.
    static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

fn unpack(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    UNPACKER.with_borrow_mut(|kept| {
        let unpacker = match kept {
            Some(unpacker) => unpacker,
            None => kept.insert(zstd::bulk::Decompressor::new().ok()?),
        };
        unpacker.decompress(packed, len).ok()
    })
}

/// A packed block that was read.
pub(crate) struct Packed<'a> {
    pub(crate) meta: Meta,
    columns_raw: usize,
    columns: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    pub(crate) fn read(payload: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(payload);
        let meta = Meta::read(&mut r)?;
        let columns_raw = r.uvarint().filter(|n| *n <= MAX_RAW)? as usize;
        let len = usize::try_from(r.uvarint()?).ok()?;
        let columns = r.bytes(len)?;
        (meta.raw <= MAX_RAW).then_some(Self {
            meta,
            columns_raw,
            columns,
            bytes: r.rest,
        })
    }

    fn columns(&self) -> Option<Vec<u8>> {
        unpack(self.columns, self.columns_raw)
    }

    /// Unpacks all lines, run by run.
    #[cfg(test)]
    pub(crate) fn runs(&self, each: &mut dyn FnMut(u32, Buffer)) -> Option<()> {
        let bytes = unpack(self.bytes, self.meta.raw as usize)?;
        self.cut(bytes, each)
    }

    fn cut(&self, mut bytes: Vec<u8>, each: &mut dyn FnMut(u32, Buffer)) -> Option<()> {
        let columns = self.columns()?;
        let mut r = Reader::new(&columns);
        let mut at = 0;
        for (i, (stream, rows)) in self.meta.runs.iter().enumerate() {
            let mut lines = Buffer::default();
            lines.read_columns(&mut r)?;
            let len = lines.ends.last().copied().unwrap_or(0) as usize;
            let mine = bytes.get(at..at + len)?;
            if lines.len() != *rows as usize {
                return None;
            }
            if i == 0 && len == bytes.len() {
                lines.bytes = std::mem::take(&mut bytes);
            } else {
                lines.bytes.extend_from_slice(mine);
                at += len;
            }
            each(*stream, lines);
        }
        Some(())
    }

    /// The lines of the wanted streams that satisfy the filter. `stream` gives the store's number
    /// of a wanted stream of the part.
    pub(crate) fn search(
        &self,
        filter: &Filter<'_>,
        stream: &dyn Fn(u32) -> Option<u32>,
        out: &mut Hits,
    ) -> Option<()> {
        let bytes = unpack(self.bytes, self.meta.raw as usize)?;
        if !filter.perhaps(&bytes) {
            return Some(());
        }
        let mut found = Vec::new();
        self.cut(bytes, &mut |local, lines| {
            let Some(id) = stream(local) else { return };
            out.take(filter, lines, id, &mut found);
        })
    }

    /// Hands on the columns of each wanted run, with the rows that satisfy the filter; the lines
    /// are unpacked only where the filter asks about them. `found` is scratch.
    pub(crate) fn tally(
        &self,
        filter: &Filter<'_>,
        stream: &dyn Fn(u32) -> Option<u32>,
        each: &mut dyn FnMut(u32, &Buffer, &[u32]),
    ) -> Option<()> {
        let mut found = Vec::new();
        let mut rows = |local: u32, lines: Buffer| {
            let Some(id) = stream(local) else { return };
            found.clear();
            filter.rows(&lines, 0..lines.len(), &mut found);
            each(id, &lines, &found);
        };
        if !filter.takes_all() {
            let bytes = unpack(self.bytes, self.meta.raw as usize)?;
            if !filter.perhaps(&bytes) {
                return Some(());
            }
            return self.cut(bytes, &mut rows);
        }
        let columns = self.columns()?;
        let mut r = Reader::new(&columns);
        for (local, _) in &self.meta.runs {
            let mut lines = Buffer::default();
            lines.read_columns(&mut r)?;
            rows(*local, lines);
        }
        Some(())
    }

    /// Time and level of each line, without the lines, of the wanted streams.
    pub(crate) fn levels(
        &self,
        wanted: &dyn Fn(u32) -> bool,
        each: &mut dyn FnMut(i64, Level),
    ) -> Option<()> {
        let columns = self.columns()?;
        let mut r = Reader::new(&columns);
        let mut lines = Buffer::default();
        for (stream, _) in &self.meta.runs {
            lines.read_columns(&mut r)?;
            if wanted(*stream) {
                for (t, level) in lines.times.iter().zip(&lines.levels) {
                    each(*t, Level::from_number(*level));
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::log_entry::NanoRange;
    use crate::store::read::logs::LogSelect;
    use proptest::prelude::*;

    #[test]
    fn runs_read_back_and_are_searched() {
        let mut a = Buffer::default();
        let mut b = Buffer::default();
        for i in 0..500i64 {
            a.push(
                i * 1000,
                Level::Info,
                None,
                format!("line {i} of a").as_bytes(),
            );
            b.push(
                i * 1000,
                Level::Error,
                None,
                format!("line {i} of b").as_bytes(),
            );
        }
        let (meta, bytes) = pack(&[(4, &a), (9, &b)]).unwrap();
        assert_eq!((meta.min, meta.max, meta.rows()), (0, 499_000, 1000));
        assert_eq!(meta.levels[Level::Error as usize], 500);
        let packed = Packed::read(&bytes).unwrap();
        assert_eq!(packed.meta, meta);
        let mut streams = Vec::new();
        packed
            .runs(&mut |s, lines| {
                assert_eq!(lines.bytes, if s == 4 { &a } else { &b }.bytes);
                streams.push(s);
            })
            .unwrap();
        assert_eq!(streams, [4, 9]);
        let tests = [crate::model::log_entry::LineTest::contains("77 of")];
        let select = LogSelect {
            tests: &tests,
            ..LogSelect::new(&[], NanoRange::all())
        };
        let mut hits = Hits::default();
        let filter = Filter::new(&select);
        let nine = |s: u32| (s == 9).then_some(1);
        packed.search(&filter, &nine, &mut hits).unwrap();
        let lines: Vec<_> = (0..hits.lines.len()).map(|i| hits.lines.line(i)).collect();
        let expect = [
            "line 77 of b",
            "line 177 of b",
            "line 277 of b",
            "line 377 of b",
            "line 477 of b",
        ];
        assert_eq!(lines, expect.map(str::as_bytes));
        assert_eq!(hits.streams, [1; 5]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
            if let Some(packed) = Packed::read(&bytes) {
                let _ = packed.runs(&mut |_, _| ());
            }
        }
    }
}
