//! Writing a block: series in the order of their labels, then the index, then the footer. The file
//! has its name only once it is whole and synced.

use crate::base::fs::{File, Fs};
use crate::model::labels::Labels;
use crate::model::sample::Samples;
use crate::store::disk::bytes::Reader;
use crate::store::metrics::block::index::{self, Chunk, Draft, Group};
use crate::store::metrics::block::{BlockError, FOOTER, FORM, MAGIC};
use crate::store::metrics::chunk::Packer;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Chunk bytes that are packed together: the unit of reading.
const GROUP: usize = 64 << 10;
/// Samples of one chunk.
const CHUNK: usize = 4096;
const LEVEL: i32 = 1;
const INDEX_LEVEL: i32 = 6;
/// Bytes that are collected before they are written.
const BUFFER: usize = 1 << 20;

/// What the footer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) min_t: i64,
    pub(crate) max_t: i64,
    /// The head answers from this time on: the block was cut from it. `i64::MIN` for other blocks.
    pub(crate) until: i64,
    pub(crate) series: u64,
    pub(crate) samples: u64,
    pub(crate) index_at: u64,
    pub(crate) index_len: u32,
    pub(crate) index_raw: u32,
    pub(crate) index_crc: u32,
    /// Bytes of the file. Not in the footer.
    pub(crate) bytes: u64,
}

impl Facts {
    fn put(&self, out: &mut Vec<u8>) {
        let at = out.len();
        for n in [self.min_t, self.max_t, self.until] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        for n in [self.series, self.samples, self.index_at] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        for n in [self.index_len, self.index_raw, self.index_crc] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        let crc = crc32fast::hash(&out[at..]);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[0; 4]);
    }

    pub(super) fn read(foot: &[u8; FOOTER], file_len: u64) -> Option<Self> {
        let mut r = Reader::new(foot);
        let facts = Self {
            min_t: r.u64()? as i64,
            max_t: r.u64()? as i64,
            until: r.u64()? as i64,
            series: r.u64()?,
            samples: r.u64()?,
            index_at: r.u64()?,
            index_len: r.u32()?,
            index_raw: r.u32()?,
            index_crc: r.u32()?,
            bytes: file_len,
        };
        let good = r.u32()? == crc32fast::hash(&foot[..60])
            && r.bytes(8)? == MAGIC
            && r.u32()? == 0
            && facts.index_at.checked_add(u64::from(facts.index_len))? == file_len - FOOTER as u64;
        good.then_some(facts)
    }
}

/// Writes one block.
pub(crate) struct Writer {
    fs: Fs,
    path: PathBuf,
    tmp: PathBuf,
    file: File,
    written: u64,
    buffer: Vec<u8>,
    group: Vec<u8>,
    draft: Draft,
    names: HashMap<String, u32>,
    pairs: HashMap<(u32, String), u32>,
    packer: Packer,
    facts: Facts,
}

impl Writer {
    /// Begins a block that will be named `path`.
    pub(crate) fn new(fs: &Fs, path: &Path, until: i64) -> Result<Self, BlockError> {
        let tmp = path.with_extension("tmp");
        let file = fs.create(&tmp)?;
        let mut buffer = Vec::with_capacity(BUFFER / 4);
        buffer.extend_from_slice(&FORM.header());
        Ok(Self {
            fs: fs.clone(),
            path: path.to_owned(),
            tmp,
            file,
            written: 0,
            buffer,
            group: Vec::new(),
            draft: Draft::default(),
            names: HashMap::new(),
            pairs: HashMap::new(),
            packer: Packer::default(),
            facts: Facts {
                min_t: i64::MAX,
                max_t: i64::MIN,
                until,
                ..Facts::default()
            },
        })
    }

    /// Adds a series. Labels rise from call to call; times rise and no time stands twice. A series
    /// without samples is left out.
    pub(crate) fn add(&mut self, labels: &Labels, samples: &Samples) -> Result<(), BlockError> {
        if samples.is_empty() {
            return Ok(());
        }
        for (name, value) in labels {
            let pair = self.pair(name, value);
            self.draft.series_pairs.push(pair);
        }
        let ends = self.draft.series_pairs.len() as u32;
        self.draft.series_ends.push(ends);
        let chunks = samples
            .times
            .chunks(CHUNK)
            .zip(samples.values.chunks(CHUNK));
        for (times, values) in chunks {
            let at = self.group.len();
            self.packer.put(&mut self.group, times, values, 0);
            let (min, max) = (times[0], times[times.len() - 1]);
            self.draft.chunks.push(Chunk {
                group: self.draft.groups.len() as u32,
                at: at as u32,
                len: (self.group.len() - at) as u32,
                min,
                max,
            });
            self.facts.min_t = self.facts.min_t.min(min);
            self.facts.max_t = self.facts.max_t.max(max);
            if self.group.len() >= GROUP {
                self.end_group()?;
            }
        }
        self.draft.chunk_ends.push(self.draft.chunks.len() as u32);
        self.facts.series += 1;
        self.facts.samples += samples.len() as u64;
        Ok(())
    }

    fn pair(&mut self, name: &str, value: &str) -> u32 {
        let n = if let Some(n) = self.names.get(name) {
            *n
        } else {
            let n = self.draft.names.len() as u32;
            self.draft.names.push(name.to_owned());
            self.names.insert(name.to_owned(), n);
            n
        };
        let key = (n, value.to_owned());
        if let Some(p) = self.pairs.get(&key) {
            return *p;
        }
        let p = self.draft.pairs.len() as u32;
        self.draft.pairs.push(key.clone());
        self.pairs.insert(key, p);
        p
    }

    fn end_group(&mut self) -> Result<(), BlockError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let packed = zstd::bulk::compress(&self.group, LEVEL).unwrap_or_default();
        // What shrinks by less than a thirtieth is not worth unpacking.
        let worth = !packed.is_empty() && packed.len() + self.group.len() / 32 < self.group.len();
        let bytes = if worth { &packed } else { &self.group };
        self.draft.groups.push(Group {
            at: 0,
            len: bytes.len() as u32,
            raw: if worth { self.group.len() as u32 } else { 0 },
            crc: crc32fast::hash(bytes),
        });
        self.buffer.extend_from_slice(bytes);
        self.group.clear();
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.file.append(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Ends the block and gives it its name. A block without samples leaves no file: `false`.
    pub(crate) fn finish(mut self) -> Result<bool, BlockError> {
        if self.facts.series == 0 {
            let _ = self.fs.remove_file(&self.tmp);
            return Ok(false);
        }
        let done = self.write_end();
        if done.is_err() {
            let _ = self.fs.remove_file(&self.tmp);
        }
        done.map(|()| true)
    }

    fn write_end(&mut self) -> Result<(), BlockError> {
        self.end_group()?;
        let raw = index::put(&self.draft, self.facts.min_t);
        let packed = zstd::bulk::compress(&raw, INDEX_LEVEL).map_err(|_| BlockError::Damaged {
            path: self.path.clone(),
            what: "its index cannot be packed",
        })?;
        self.facts.index_at = self.written + self.buffer.len() as u64;
        self.facts.index_len = packed.len() as u32;
        self.facts.index_raw = raw.len() as u32;
        self.facts.index_crc = crc32fast::hash(&packed);
        self.buffer.extend_from_slice(&packed);
        self.facts.put(&mut self.buffer);
        self.flush()?;
        self.file.sync()?;
        self.fs.rename(&self.tmp, &self.path)?;
        if let Some(dir) = self.path.parent() {
            self.fs.sync_dir(dir)?;
        }
        Ok(())
    }
}
