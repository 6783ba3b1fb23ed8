//! One block: some 256 KiB of lines, packed. The columns and the text of the lines are packed
//! apart, so that levels are counted without the lines, and text is searched before any line is
//! put together. The text is shrunk ([`shrink`]) unless it holds the bytes that needs.
//!
//! A block holds one stream, or runs of several that are too quiet for one of their own. Layout:
//! `docs/format/logs.md`.

use crate::model::log_entry::{Level, LevelCounts};
use crate::store::disk::bytes::{Reader, put_uvarint, put_varint};
use crate::store::logs::buffer::Buffer;
use crate::store::logs::merge::Hits;
use crate::store::logs::select::Filter;
use crate::store::logs::shrink::{self, Clock, Outline, Rows, Shrunk, Stamp};
use std::borrow::Cow;
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

/// Columns of their own: they pack better apart. The text, and the identifiers taken out of it.
const COLUMNS: usize = 4;
const SECTIONS: usize = COLUMNS + 2;
const TEXT: usize = COLUMNS;
const IDS: usize = COLUMNS + 1;
/// Shorter sections are not worth a compressor.
const PACK_FROM: usize = 48;

/// Packs runs of lines; the numbers are the part's own of the streams.
pub(crate) fn pack(runs: &[(u32, &Buffer)]) -> std::io::Result<(Meta, Vec<u8>)> {
    let mut meta = Meta {
        min: i64::MAX,
        max: i64::MIN,
        ..Meta::default()
    };
    let mut columns: [Vec<u8>; COLUMNS] = Default::default();
    let shrinks = runs.iter().all(|(_, l)| shrink::can_shrink(&l.bytes));
    let mut shrunk = Shrunk::default();
    let mut stamps = vec![u8::from(shrinks)];
    for (stream, lines) in runs {
        let (min, max) = lines.span().unwrap_or((i64::MAX, i64::MIN));
        meta.min = meta.min.min(min);
        meta.max = meta.max.max(max);
        meta.raw += lines.bytes.len() as u64;
        for (sum, n) in meta.levels.iter_mut().zip(lines.level_counts()) {
            *sum += n;
        }
        meta.runs.push((*stream, lines.len() as u32));
        lines.put_split(&mut columns);
        if shrinks {
            Stamp::put(shrunk.add(lines), &mut stamps);
        }
    }
    let text = match runs {
        _ if shrinks => Cow::Borrowed(shrunk.text.as_slice()),
        [(_, one)] => Cow::Borrowed(one.bytes.as_slice()),
        many => {
            let parts: Vec<&[u8]> = many.iter().map(|(_, l)| l.bytes.as_slice()).collect();
            Cow::Owned(parts.concat())
        }
    };
    let mut packer = zstd::bulk::Compressor::new(LEVEL)?;
    let mut out = Vec::with_capacity(text.len() / 4);
    meta.put(&mut out);
    out.extend_from_slice(&stamps);
    let [times, lengths, levels, metas] = &columns;
    for section in [times, lengths, levels, metas, &*text, &shrunk.ids] {
        put_section(&mut packer, section, &mut out)?;
    }
    Ok((meta, out))
}

fn put_section(
    packer: &mut zstd::bulk::Compressor<'_>,
    section: &[u8],
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    put_uvarint(out, section.len() as u64);
    let packed = if section.len() < PACK_FROM {
        Cow::Borrowed(section)
    } else {
        let packed = packer.compress(section)?;
        if packed.len() < section.len() {
            Cow::Owned(packed)
        } else {
            Cow::Borrowed(section)
        }
    };
    put_uvarint(out, packed.len() as u64);
    out.extend_from_slice(&packed);
    Ok(())
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

/// A piece of a block as it was read.
#[derive(Clone, Copy, Default)]
struct Section<'a> {
    len: usize,
    bytes: &'a [u8],
    packed: bool,
}

impl<'a> Section<'a> {
    fn read(r: &mut Reader<'a>) -> Option<Self> {
        let len = r.uvarint().filter(|n| *n <= MAX_RAW)? as usize;
        let there = usize::try_from(r.uvarint()?).ok()?;
        Some(Self {
            len,
            bytes: r.bytes(there)?,
            packed: there != len,
        })
    }

    fn unpack(self) -> Option<Cow<'a, [u8]>> {
        if !self.packed {
            return Some(Cow::Borrowed(self.bytes));
        }
        unpack(self.bytes, self.len).map(Cow::Owned)
    }
}

/// A packed block that was read.
pub(crate) struct Packed<'a> {
    pub(crate) meta: Meta,
    /// For each run, where the text is shrunk.
    stamps: Option<Vec<Option<Stamp>>>,
    sections: [Section<'a>; SECTIONS],
    /// All columns in one section, as blocks were written at first.
    mixed: bool,
}

impl<'a> Packed<'a> {
    pub(crate) fn read(payload: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(payload);
        let meta = Meta::read(&mut r)?;
        let mut stamps = None;
        if r.u8()? != 0 {
            let each = meta.runs.iter().map(|_| Stamp::read(&mut r));
            stamps = Some(each.collect::<Option<Vec<_>>>()?);
        }
        let mut sections = [Section::default(); SECTIONS];
        for section in &mut sections {
            *section = Section::read(&mut r)?;
        }
        (meta.raw <= MAX_RAW).then_some(Self {
            meta,
            stamps,
            sections,
            mixed: false,
        })
    }

    /// A block of the first kind: one section of columns, and the lines as they are.
    pub(crate) fn read_first(payload: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(payload);
        let meta = Meta::read(&mut r)?;
        let mut sections = [Section::default(); SECTIONS];
        sections[0] = Section::read(&mut r)?;
        sections[0].packed = true;
        sections[TEXT] = Section {
            len: usize::try_from(meta.raw).ok()?,
            bytes: r.rest,
            packed: true,
        };
        (meta.raw <= MAX_RAW).then_some(Self {
            meta,
            stamps: None,
            sections,
            mixed: true,
        })
    }

    /// Hands on number and columns of each run, without lines; breaks off where `each` does.
    fn columns(&self, each: &mut dyn FnMut(usize, u32, Buffer) -> Option<()>) -> Option<()> {
        let mut bytes: [Cow<'_, [u8]>; COLUMNS] = Default::default();
        for (bytes, section) in bytes.iter_mut().zip(self.sections) {
            *bytes = section.unpack()?;
        }
        let mut readers = bytes.each_ref().map(|b| Reader::new(b));
        for (i, (stream, rows)) in self.meta.runs.iter().enumerate() {
            let mut lines = Buffer::default();
            if self.mixed {
                lines.read_columns(&mut readers[0])?;
            } else {
                lines.read_split(*rows as usize, &mut readers)?;
            }
            if lines.len() != *rows as usize {
                return None;
            }
            each(i, *stream, lines)?;
        }
        Some(())
    }

    /// Hands on the whole of each run.
    fn whole(&self, each: &mut dyn FnMut(u32, Buffer)) -> Option<()> {
        let text = self.sections[TEXT].unpack()?;
        let Some(stamps) = &self.stamps else {
            let mut at = 0;
            return self.columns(&mut |_, stream, mut lines| {
                let len = lines.ends.last().copied().unwrap_or(0) as usize;
                lines.bytes.extend_from_slice(text.get(at..at + len)?);
                at += len;
                each(stream, lines);
                Some(())
            });
        };
        let ids = self.sections[IDS].unpack()?;
        let mut outline = Outline::new(&text, &ids);
        self.columns(&mut |i, stream, mut lines| {
            let rows = outline.run(&lines, stamps[i])?;
            put_together(&rows, &mut stamps[i].map(Clock::new), &mut lines)?;
            each(stream, lines);
            Some(())
        })?;
        outline.is_over().then_some(())
    }

    /// Hands on each wanted run with the rows that satisfy the filter, and their lines: all of the
    /// run's where that is cheapest, or only those rows', in their order, with ends of their own.
    fn find(
        &self,
        filter: &Filter<'_>,
        stream: &dyn Fn(u32) -> Option<u32>,
        each: &mut dyn FnMut(u32, Found<'_>),
    ) -> Option<()> {
        let text = self.sections[TEXT].unpack()?;
        let Some(stamps) = self.stamps.as_ref().filter(|_| filter.has_core()) else {
            if self.stamps.is_none() && !filter.perhaps(&text) {
                return Some(());
            }
            let mut found = Vec::new();
            return self.whole(&mut |local, lines| {
                let Some(id) = stream(local) else { return };
                found.clear();
                filter.rows(&lines, 0..lines.len(), &mut found);
                each(id, Found::Whole(lines, &found));
            });
        };
        if !filter.perhaps_shrunk(&text) {
            return Some(());
        }
        let ids = self.sections[IDS].unpack()?;
        let mut outline = Outline::new(&text, &ids);
        let mut found = Vec::new();
        self.columns(&mut |i, local, lines| {
            let rows = outline.run(&lines, stamps[i])?;
            let Some(id) = stream(local) else {
                return Some(());
            };
            let mut clock = stamps[i].map(Clock::new);
            found.clear();
            filter.shrunk_rows(&lines, &rows, &mut clock, &mut found)?;
            each(id, Found::Rows(&lines, &found, &rows, &mut clock));
            Some(())
        })
    }

    /// The lines of the wanted streams that satisfy the filter. `stream` gives the store's number
    /// of a wanted stream of the part.
    pub(crate) fn search(
        &self,
        filter: &Filter<'_>,
        stream: &dyn Fn(u32) -> Option<u32>,
        out: &mut Hits,
    ) -> Option<()> {
        let mut sound = true;
        self.find(filter, stream, &mut |id, found| match found {
            Found::Whole(lines, rows) => out.keep(lines, rows, id),
            Found::Rows(lines, found, rows, clock) => {
                let mut line = Vec::new();
                for row in found {
                    let i = *row as usize;
                    line.clear();
                    sound &= rows.write(i, lines.times[i], clock, &mut line).is_some();
                    out.push(lines, i, &line, id);
                }
            }
        })?;
        sound.then_some(())
    }

    /// Hands on the columns of each wanted run, with the rows that satisfy the filter; no line is
    /// put together unless the filter asks about it.
    pub(crate) fn tally(
        &self,
        filter: &Filter<'_>,
        stream: &dyn Fn(u32) -> Option<u32>,
        each: &mut dyn FnMut(u32, &Buffer, &[u32]),
    ) -> Option<()> {
        if filter.asks_lines() {
            return self.find(filter, stream, &mut |id, found| match found {
                Found::Whole(lines, rows) => each(id, &lines, rows),
                Found::Rows(lines, rows, ..) => each(id, lines, rows),
            });
        }
        let mut found = Vec::new();
        self.columns(&mut |_, local, lines| {
            let Some(id) = stream(local) else {
                return Some(());
            };
            found.clear();
            filter.rows(&lines, 0..lines.len(), &mut found);
            each(id, &lines, &found);
            Some(())
        })
    }

    /// Time and level of each line, without the lines, of the wanted streams.
    pub(crate) fn levels(
        &self,
        wanted: &dyn Fn(u32) -> bool,
        each: &mut dyn FnMut(i64, Level),
    ) -> Option<()> {
        self.columns(&mut |_, stream, lines| {
            if wanted(stream) {
                for (t, level) in lines.times.iter().zip(&lines.levels) {
                    each(*t, Level::from_number(*level));
                }
            }
            Some(())
        })
    }
}

/// What a search found in a run.
enum Found<'a> {
    /// Everything was put together.
    Whole(Buffer, &'a [u32]),
    /// Columns, rows, and what puts their lines together.
    Rows(&'a Buffer, &'a [u32], &'a Rows<'a>, &'a mut Option<Clock>),
}

/// All lines of a run, behind its columns. `None` where they are not as long as those say.
fn put_together(rows: &Rows<'_>, clock: &mut Option<Clock>, lines: &mut Buffer) -> Option<()> {
    let mut bytes = Vec::with_capacity(lines.ends.last().copied().unwrap_or(0) as usize);
    for i in 0..lines.len() {
        rows.write(i, lines.times[i], clock, &mut bytes)?;
        if bytes.len() != lines.ends[i] as usize {
            return None;
        }
    }
    lines.bytes = bytes;
    Some(())
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
            .whole(&mut |s, lines| {
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
        fn a_search_finds_what_the_lines_hold(
            lines in proptest::collection::vec(
                (0i64..90_000, 0u8..8, any::<bool>(), "[a-g ]{0,6}|[0-9a-f]{0,20}|[xyz\u{1}]{0,2}"), 1..40),
            needle in "[a-g ]{0,2}|[0-9a-f]{0,4}|[x-z]",
            pattern in "[a-c ]{0,2}[a-g0-9.]?",
            stamped in any::<bool>(),
        ) {
            let mut buffer = Buffer::default();
            for (t, level, timed, line) in &lines {
                let (t, of_day) = (t * 1_000_000_000, t % 86_400);
                let time = format!("{:02}:{:02}:{:02} ", of_day / 3600, of_day / 60 % 60, of_day % 60);
                let time = if *timed && stamped { time } else { String::new() };
                buffer.push(t, Level::from_number(*level), None, format!("{time}{line}").as_bytes());
            }
            let (_, bytes) = pack(&[(0, &buffer)]).unwrap();
            let packed = Packed::read(&bytes).unwrap();
            let regex = crate::base::regex::LineRegex::new(&pattern).unwrap();
            let tests = [
                crate::model::log_entry::LineTest::contains(needle),
                crate::model::log_entry::LineTest::regex(regex),
            ];
            let select = LogSelect { tests: &tests, ..LogSelect::new(&[], NanoRange::all()) };
            let filter = Filter::new(&select);
            let mut hits = Hits::default();
            packed.search(&filter, &|_| Some(7), &mut hits).unwrap();
            let mut counted = Vec::new();
            packed.tally(&filter, &|_| Some(7), &mut |_, _, rows| counted.extend_from_slice(rows)).unwrap();
            let wanted = |i: &usize| tests.iter().all(|t| t.passes(buffer.line(*i)));
            let expect: Vec<usize> = (0..buffer.len()).filter(wanted).collect();
            let found: Vec<&[u8]> = (0..hits.lines.len()).map(|i| hits.lines.line(i)).collect();
            let lines: Vec<&[u8]> = expect.iter().map(|i| buffer.line(*i)).collect();
            prop_assert_eq!(found, lines);
            prop_assert_eq!(counted, expect.iter().map(|i| *i as u32).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
            if let Some(packed) = Packed::read(&bytes) {
                let _ = packed.whole(&mut |_, _| ());
            }
            if let Some(packed) = Packed::read_first(&bytes) {
                let _ = packed.whole(&mut |_, _| ());
            }
        }
    }
}
