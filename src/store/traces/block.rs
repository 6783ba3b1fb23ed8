//! A block: whole traces in the order of their starts, in one immutable file.
//!
//! `header, groups, index, identifiers, footer`. A group is some hundred traces, packed; the index
//! says of each group where it is, what times it covers, its longest span and whether it has an
//! error, so that most groups are passed over. The identifiers are sorted, with the number of their
//! group, and are looked up by page. Layout: `docs/format/traces.md`.

mod filter;
mod write;

pub(super) use crate::store::disk::sealed::BlockError;
pub(super) use write::Writer;

use filter::Filter;

use crate::base::fs::{File, Fs};
use crate::model::span::{Trace, TraceId};
use crate::store::disk::bytes::Reader;
use crate::store::disk::cache::Cache;
use crate::store::disk::sealed::Form;
use crate::store::read::Number;
use crate::store::traces::codec;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const MAGIC: [u8; 8] = *b"BONGSUBT";
const FOOTER: usize = 92;
static FORM: Form = Form {
    magic: MAGIC,
    version: 1,
    footer: FOOTER,
    name: "the format of traces",
};
/// An identifier and the number of its group.
const ENTRY: usize = 20;
/// Entries that one look-up reads.
const PAGE: usize = 200;
const MAX_INDEX: usize = 256 << 20;
const MAX_GROUP: usize = 256 << 20;

/// Indexes of blocks, by the block's own number.
pub(super) type IndexCache = Cache<u64, Index>;

/// What the footer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// First and last start of a trace, and the last end of a span, nanoseconds.
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) end: u64,
    pub(super) traces: u64,
    pub(super) spans: u64,
    /// Segments of the log before this one are in blocks.
    pub(super) until_segment: u32,
    index_at: u64,
    index_len: u32,
    index_raw: u32,
    index_crc: u32,
    ids_at: u64,
    ids_crc: u32,
    pub(super) bytes: u64,
}

/// One group, as the index knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    at: u64,
    texts_len: u32,
    texts_raw: u32,
    body_len: u32,
    body_raw: u32,
    crc: u32,
    pub(super) traces: u32,
    pub(super) spans: u32,
    /// First and last start of its traces.
    pub(super) first: u64,
    pub(super) last: u64,
    /// The longest duration of a span.
    pub(super) longest: u64,
    pub(super) has_error: bool,
}

/// The groups, and the first identifier of each page.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) rows: Vec<Row>,
    fences: Vec<TraceId>,
    /// Traces that have spans in older blocks as well, or may have; sorted.
    pub(super) split: Vec<TraceId>,
    /// Made of the identifiers when the index is read.
    filter: Filter,
}

pub(super) struct Block {
    pub(super) path: PathBuf,
    pub(super) facts: Facts,
    file: File,
    /// Names the block in the cache; never used twice in one run.
    pub(super) key: u64,
    cache: Arc<IndexCache>,
}

static KEYS: AtomicU64 = AtomicU64::new(0);

impl Block {
    /// Reads the footer; the rest is read when it is asked for.
    pub(super) fn open(fs: &Fs, path: &Path, cache: Arc<IndexCache>) -> Result<Self, BlockError> {
        let opened = FORM.open(fs, path)?;
        let footer: Option<&[u8; FOOTER]> = opened.footer.as_slice().try_into().ok();
        let facts = footer.and_then(|foot| Facts::read(foot, opened.len));
        let facts = facts.ok_or_else(|| BlockError::Damaged {
            path: path.to_owned(),
            what: "its footer does not read",
        })?;
        Ok(Self {
            path: path.to_owned(),
            facts,
            file: opened.file,
            key: KEYS.fetch_add(1, Ordering::Relaxed),
            cache,
        })
    }

    fn damaged(&self, what: &'static str) -> BlockError {
        BlockError::Damaged {
            path: self.path.clone(),
            what,
        }
    }

    pub(super) fn forget(&self) {
        self.cache.forget(|key| *key == self.key);
    }

    pub(super) fn index(&self) -> Result<Arc<Index>, BlockError> {
        if let Some(index) = self.cache.get(self.key) {
            return Ok(index);
        }
        let facts = &self.facts;
        let raw = self.unpacked(
            facts.index_at,
            facts.index_len,
            facts.index_raw,
            facts.index_crc,
        )?;
        let mut index = Index::read(&raw).ok_or_else(|| self.damaged("its index does not read"))?;
        index.filter = self.check_ids()?;
        let index = Arc::new(index);
        self.cache.put(self.key, &index, index.bytes());
        Ok(index)
    }

    /// Look-ups trust the pages of identifiers: they are checked once, with the index.
    fn check_ids(&self) -> Result<Filter, BlockError> {
        let mut filter = Filter::new(self.facts.traces as usize);
        let mut crc = crc32fast::Hasher::new();
        let (mut at, mut left) = (self.facts.ids_at, self.facts.traces as usize * ENTRY);
        let mut page = vec![0; left.min(PAGE * ENTRY * 16)];
        while left > 0 {
            let n = left.min(page.len());
            self.file.read_exact_at(&mut page[..n], at)?;
            crc.update(&page[..n]);
            for entry in page[..n].chunks_exact(ENTRY) {
                filter.add(&entry[..16]);
            }
            at += n as u64;
            left -= n;
        }
        if crc.finalize() == self.facts.ids_crc {
            return Ok(filter);
        }
        Err(self.damaged("the checksum of its identifiers is wrong"))
    }

    fn unpacked(&self, at: u64, len: u32, raw: u32, crc: u32) -> Result<Vec<u8>, BlockError> {
        let mut packed = vec![0; len as usize];
        self.file.read_exact_at(&mut packed, at)?;
        if crc32fast::hash(&packed) != crc {
            return Err(self.damaged("a checksum is wrong"));
        }
        if raw as usize > MAX_INDEX {
            return Err(self.damaged("its index is too long"));
        }
        let unpacked = zstd::bulk::decompress(&packed, raw as usize);
        unpacked.map_err(|_| self.damaged("a part of it does not unpack"))
    }

    /// The packed bytes of a group: texts, then body.
    fn group_bytes(&self, row: &Row) -> Result<Vec<u8>, BlockError> {
        if row.texts_raw as usize + row.body_raw as usize > MAX_GROUP {
            return Err(self.damaged("a group is too long"));
        }
        let mut packed = vec![0; row.texts_len as usize + row.body_len as usize];
        self.file.read_exact_at(&mut packed, row.at)?;
        if crc32fast::hash(&packed) != row.crc {
            return Err(self.damaged("the checksum of a group is wrong"));
        }
        Ok(packed)
    }

    /// The traces of a group whose texts hold all of `wanted`, and whose attributes may be the
    /// numbers; none where one is missing.
    pub(super) fn group(
        &self,
        row: &Row,
        wanted: &[&str],
        numbers: &[&Number],
    ) -> Result<Vec<Trace>, BlockError> {
        let packed = self.group_bytes(row)?;
        let (texts, body) = packed.split_at(row.texts_len as usize);
        let bad = |_| self.damaged("a group does not unpack");
        let texts = unpack(texts, row.texts_raw as usize).map_err(bad)?;
        let stands = |text: &&str| memchr::memmem::find(&texts, text.as_bytes()).is_some();
        if !wanted.iter().all(stands) {
            return Ok(Vec::new());
        }
        if !wanted.is_empty() {
            let known = codec::texts(&texts).ok_or_else(|| self.damaged("texts do not read"))?;
            if !wanted.iter().all(|w| known.contains(w)) {
                return Ok(Vec::new());
            }
        }
        let body = unpack(body, row.body_raw as usize).map_err(bad)?;
        for number in numbers {
            let may = codec::may_hold(&texts, &body, number);
            if !may.ok_or_else(|| self.damaged("a group does not read"))? {
                return Ok(Vec::new());
            }
        }
        codec::decode(&texts, &body).ok_or_else(|| self.damaged("a group does not read"))
    }

    /// The number of the group that holds a trace.
    pub(super) fn find(&self, id: TraceId) -> Result<Option<u32>, BlockError> {
        let index = self.index()?;
        if !index.filter.may_have(&id.0) {
            return Ok(None);
        }
        let page = index.fences.partition_point(|f| *f <= id);
        let Some(page) = page.checked_sub(1) else {
            return Ok(None);
        };
        let from = page * PAGE;
        let count = PAGE.min(self.facts.traces as usize - from);
        let mut bytes = vec![0; count * ENTRY];
        self.file
            .read_exact_at(&mut bytes, self.facts.ids_at + (from * ENTRY) as u64)?;
        let entry = |i: usize| &bytes[i * ENTRY..(i + 1) * ENTRY];
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = usize::midpoint(low, high);
            match entry(middle)[..16].cmp(&id.0) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    return Ok(Reader::new(&entry(middle)[16..]).u32());
                }
            }
        }
        Ok(None)
    }

    /// All that this block has of a trace.
    pub(super) fn trace(&self, id: TraceId) -> Result<Option<Trace>, BlockError> {
        let Some(group) = self.find(id)? else {
            return Ok(None);
        };
        let index = self.index()?;
        let row = index.rows.get(group as usize);
        let row = row.ok_or_else(|| self.damaged("an identifier names no group"))?;
        let traces = self.group(row, &[], &[])?;
        Ok(traces.into_iter().find(|t| t.id == id))
    }
}

/// The context of an unpacker is large: each thread has one.
fn unpack(packed: &[u8], raw: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
            const { RefCell::new(None) };
    }
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(zstd::bulk::Decompressor::new()?),
        };
        unpacker.decompress(packed, raw)
    })
}

impl Facts {
    fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER);
        for n in [self.first, self.last, self.end, self.traces, self.spans] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        out.extend_from_slice(&self.until_segment.to_le_bytes());
        out.extend_from_slice(&self.index_at.to_le_bytes());
        for n in [self.index_len, self.index_raw, self.index_crc] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        out.extend_from_slice(&self.ids_at.to_le_bytes());
        out.extend_from_slice(&self.ids_crc.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&MAGIC);
        out
    }

    fn read(foot: &[u8; FOOTER], file: u64) -> Option<Self> {
        let (said, end) = foot.split_at(FOOTER - 12);
        let mut r = Reader::new(end);
        if r.u32()? != crc32fast::hash(said) || r.rest != MAGIC {
            return None;
        }
        let mut r = Reader::new(said);
        let facts = Self {
            first: r.u64()?,
            last: r.u64()?,
            end: r.u64()?,
            traces: r.u64()?,
            spans: r.u64()?,
            until_segment: r.u32()?,
            index_at: r.u64()?,
            index_len: r.u32()?,
            index_raw: r.u32()?,
            index_crc: r.u32()?,
            ids_at: r.u64()?,
            ids_crc: r.u32()?,
            bytes: file,
        };
        let fits = facts.index_at.checked_add(u64::from(facts.index_len))? <= file
            && facts
                .ids_at
                .checked_add(facts.traces.checked_mul(ENTRY as u64)?)?
                <= file;
        fits.then_some(facts)
    }
}

impl Row {
    pub(super) fn raw_bytes(&self) -> u64 {
        u64::from(self.texts_raw) + u64::from(self.body_raw)
    }
}

impl Index {
    fn bytes(&self) -> usize {
        self.rows.len() * size_of::<Row>()
            + (self.fences.len() + self.split.len()) * 16
            + self.filter.bytes()
    }

    fn read(raw: &[u8]) -> Option<Self> {
        let mut r = Reader::new(raw);
        let mut index = Self::default();
        for _ in 0..r.u32()? {
            index.rows.push(Row {
                at: r.u64()?,
                texts_len: r.u32()?,
                texts_raw: r.u32()?,
                body_len: r.u32()?,
                body_raw: r.u32()?,
                crc: r.u32()?,
                traces: r.u32()?,
                spans: r.u32()?,
                first: r.u64()?,
                last: r.u64()?,
                longest: r.u64()?,
                has_error: r.u8()? == 1,
            });
        }
        for list in [&mut index.fences, &mut index.split] {
            for _ in 0..r.u32()? {
                list.push(TraceId(r.bytes(16)?.try_into().ok()?));
            }
        }
        Some(index)
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&(self.rows.len() as u32).to_le_bytes());
        for row in &self.rows {
            out.extend_from_slice(&row.at.to_le_bytes());
            let small = [
                row.texts_len,
                row.texts_raw,
                row.body_len,
                row.body_raw,
                row.crc,
                row.traces,
                row.spans,
            ];
            out.extend(small.iter().flat_map(|n| n.to_le_bytes()));
            let times = [row.first, row.last, row.longest];
            out.extend(times.iter().flat_map(|n| n.to_le_bytes()));
            out.push(u8::from(row.has_error));
        }
        for list in [&self.fences, &self.split] {
            out.extend_from_slice(&(list.len() as u32).to_le_bytes());
            out.extend(list.iter().flat_map(|id| id.0));
        }
        out
    }
}
