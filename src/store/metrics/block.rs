//! A block: many series over a span of time in one immutable file.
//!
//! `header, groups of chunks, index, footer`. Series stand in the order of their labels, so chunks of
//! one metric are neighbours and share a packed group. The index has labels and places of chunks;
//! postings are made from it when it is loaded. Layout: `docs/format/metrics.md`.

mod index;
mod write;

pub(crate) use crate::store::disk::sealed::{BlockError, HEADER};
pub(crate) use index::Index;
pub(crate) use write::{Facts, Writer};

use crate::base::fs::{File, Fs};
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::sample::Samples;
use crate::model::time::TimeRange;
use crate::store::disk::bytes::Reader;
use crate::store::disk::cache::Cache;
use crate::store::disk::sealed::Form;
use crate::store::metrics::chunk;
use crate::store::metrics::merge;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const MAGIC: [u8; 8] = *b"BONGSUBM";
pub(crate) const FOOTER: usize = 76;
pub(crate) static FORM: Form = Form {
    magic: MAGIC,
    version: 1,
    footer: FOOTER,
    name: "the block format",
};
/// An index that unpacks to more is not believed.
const MAX_INDEX: usize = 1 << 30;
const MAX_GROUP: usize = 64 << 20;

/// What a [`Cache`] holds of blocks: by the block's own number, its index or one of its groups.
pub(crate) type BlockCache = Cache<(u64, u32), Held>;
const INDEX: u32 = u32::MAX;

pub(crate) enum Held {
    Index(Box<Index>),
    Group(Vec<u8>),
}

/// An open block.
pub(crate) struct Block {
    pub(crate) path: PathBuf,
    pub(crate) facts: Facts,
    /// Deleted spans by number of series, sorted.
    pub(crate) gone: Vec<(u32, TimeRange)>,
    file: File,
    /// Names the block in the cache; never used twice in one run.
    key: u64,
    cache: Arc<BlockCache>,
}

/// One series of a block.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) block: Arc<Block>,
    index: Arc<Held>,
    series: u32,
}

static KEYS: AtomicU64 = AtomicU64::new(0);

impl Block {
    /// Reads the footer; the rest is read when it is asked for.
    pub(crate) fn open(fs: &Fs, path: &Path, cache: Arc<BlockCache>) -> Result<Self, BlockError> {
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
            gone: read_gone(fs, path)?,
            file: opened.file,
            key: KEYS.fetch_add(1, Ordering::Relaxed),
            cache,
        })
    }

    pub(crate) fn range(&self) -> TimeRange {
        TimeRange::new(self.facts.min_t, self.facts.max_t)
    }

    fn damaged(&self, what: &'static str) -> BlockError {
        BlockError::Damaged {
            path: self.path.clone(),
            what,
        }
    }

    fn index(&self) -> Result<Arc<Held>, BlockError> {
        if let Some(held) = self.cache.get((self.key, INDEX)) {
            return Ok(held);
        }
        let facts = &self.facts;
        let mut packed = vec![0; facts.index_len as usize];
        self.file.read_exact_at(&mut packed, facts.index_at)?;
        if crc32fast::hash(&packed) != facts.index_crc {
            return Err(self.damaged("the checksum of its index is wrong"));
        }
        let raw_len = facts.index_raw as usize;
        let raw = (raw_len <= MAX_INDEX)
            .then(|| zstd::bulk::decompress(&packed, raw_len).ok())
            .flatten()
            .ok_or_else(|| self.damaged("its index does not unpack"))?;
        let index = Index::read(&raw, facts.min_t)
            .ok_or_else(|| self.damaged("its index does not read"))?;
        let bytes = index.bytes();
        let held = Arc::new(Held::Index(Box::new(index)));
        self.cache.put((self.key, INDEX), &held, bytes);
        Ok(held)
    }

    /// The series that satisfy every matcher and may have samples in the range, by labels.
    pub(crate) fn select(
        self: &Arc<Self>,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<(Labels, Place)>, BlockError> {
        let held = self.index()?;
        let Held::Index(index) = &*held else {
            return Ok(Vec::new());
        };
        let found = index.select(matchers).into_iter();
        let found = found.filter(|s| index.span(*s).is_some_and(|span| span.overlaps(range)));
        let place = |series| Place {
            block: Arc::clone(self),
            index: Arc::clone(&held),
            series,
        };
        Ok(found.map(|s| (index.labels(s), place(s))).collect())
    }

    /// Series number `n`, by labels; `None` behind the last.
    pub(crate) fn nth(self: &Arc<Self>, n: u32) -> Result<Option<(Labels, Place)>, BlockError> {
        let held = self.index()?;
        let Held::Index(index) = &*held else {
            return Ok(None);
        };
        if n >= index.len() {
            return Ok(None);
        }
        let labels = index.labels(n);
        let place = Place {
            block: Arc::clone(self),
            index: held,
            series: n,
        };
        Ok(Some((labels, place)))
    }

    fn group(&self, index: &Index, number: u32) -> Result<Arc<Held>, BlockError> {
        if let Some(held) = self.cache.get((self.key, number)) {
            return Ok(held);
        }
        let group = index
            .groups
            .get(number as usize)
            .ok_or_else(|| self.damaged("its index names a group that is not there"))?;
        if group.len as usize > MAX_GROUP || group.raw as usize > MAX_GROUP {
            return Err(self.damaged("a group is too long"));
        }
        let mut bytes = vec![0; group.len as usize];
        self.file.read_exact_at(&mut bytes, group.at)?;
        if crc32fast::hash(&bytes) != group.crc {
            return Err(self.damaged("the checksum of a group of chunks is wrong"));
        }
        if group.raw > 0 {
            bytes = zstd::bulk::decompress(&bytes, group.raw as usize)
                .map_err(|_| self.damaged("a group of chunks does not unpack"))?;
        }
        let len = bytes.len();
        let held = Arc::new(Held::Group(bytes));
        self.cache.put((self.key, number), &held, len);
        Ok(held)
    }

    /// Lets the cache forget this block.
    pub(crate) fn forget(&self) {
        self.cache.forget(|(key, _)| *key == self.key);
    }
}

impl Place {
    /// Appends the samples in the range that were not deleted.
    pub(crate) fn read(&self, range: TimeRange, out: &mut Samples) -> Result<(), BlockError> {
        let Held::Index(index) = &*self.index else {
            return Ok(());
        };
        let start = out.len();
        let mut spare = Vec::new();
        for place in index.chunks(self.series) {
            if place.min > range.end || place.max < range.start {
                continue;
            }
            let held = self.block.group(index, place.group)?;
            let Held::Group(bytes) = &*held else { continue };
            let (from, to) = (place.at as usize, place.at as usize + place.len as usize);
            bytes
                .get(from..to)
                .and_then(|chunk| chunk::read(chunk, range, out, &mut spare))
                .ok_or_else(|| self.block.damaged("a chunk does not read"))?;
        }
        for deleted in self.deleted() {
            merge::remove(out, start, *deleted);
        }
        Ok(())
    }

    pub(crate) fn series(&self) -> u32 {
        self.series
    }

    fn deleted(&self) -> impl Iterator<Item = &TimeRange> {
        let gone = &self.block.gone;
        let from = gone.partition_point(|g| g.0 < self.series);
        let mine = gone[from..].iter();
        mine.take_while(|g| g.0 == self.series).map(|g| &g.1)
    }
}

/// Where a block's deleted spans are kept.
pub(crate) fn gone_path(block: &Path) -> PathBuf {
    block.with_extension("gone")
}

const GONE_MAGIC: [u8; 8] = *b"BONGSUGM";

fn read_gone(fs: &Fs, block: &Path) -> Result<Vec<(u32, TimeRange)>, BlockError> {
    let path = gone_path(block);
    let bytes = match fs.read(&path, MAX_INDEX as u64) {
        Ok(bytes) => bytes,
        Err(e) if e.is_missing() => return Ok(Vec::new()),
        Err(e) => return Err(e.into()),
    };
    parse_gone(&bytes).ok_or(BlockError::Damaged {
        path,
        what: "the list of deleted samples does not read",
    })
}

fn parse_gone(bytes: &[u8]) -> Option<Vec<(u32, TimeRange)>> {
    let mut r = Reader::new(bytes);
    if r.bytes(8)? != GONE_MAGIC || r.u32()? != crc32fast::hash(bytes.get(12..)?) {
        return None;
    }
    let mut out = Vec::new();
    while !r.is_empty() {
        let series = u32::try_from(r.uvarint()?).ok()?;
        out.push((series, TimeRange::new(r.varint()?, r.varint()?)));
    }
    Some(out)
}

/// Replaces the list of deleted spans of a block; `gone` is sorted by series.
pub(crate) fn write_gone(
    fs: &Fs,
    block: &Path,
    gone: &[(u32, TimeRange)],
) -> Result<(), BlockError> {
    use crate::store::disk::bytes::{put_uvarint, put_varint};
    let mut body = Vec::new();
    for (series, range) in gone {
        put_uvarint(&mut body, u64::from(*series));
        put_varint(&mut body, range.start);
        put_varint(&mut body, range.end);
    }
    let mut bytes = GONE_MAGIC.to_vec();
    bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    fs.write_atomic(&gone_path(block), &bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests;
