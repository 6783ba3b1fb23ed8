//! Writing a part: blocks are appended, and count once the log says so; closing it is final.

use crate::base::fs::{File, Fs};
use crate::model::labels::Labels;
use crate::store::disk::bytes::put_text;
use crate::store::disk::record;
use crate::store::logs::block::{self, Meta};
use crate::store::logs::buffer::Buffer;
use crate::store::logs::gram::Grams;
use crate::store::logs::part::{
    BLOCK, FILTER, FilterPlace, HEADER, INDEX, Index, MAGIC, PartError, PartFile, Place, STREAMS,
    TRAILER_MAGIC, VERSION,
};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of lines that one filter covers at least.
const FILTER_BYTES: u64 = 2 << 20;

pub(crate) fn path_of(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.part"))
}

/// The part that blocks go to now.
pub(crate) struct Writer {
    pub(crate) number: u32,
    pub(crate) index: Arc<Index>,
    pub(crate) reader: Arc<PartFile>,
    file: File,
    /// Bytes that the log vouches for, or will once it is told of them.
    pub(crate) len: u64,
    /// When the first block came, in milliseconds since the epoch.
    pub(crate) since: i64,
    local: HashMap<Labels, u32>,
    /// So many of the index's streams are named in the file.
    named: usize,
    grams: Grams,
    /// Bytes of lines since the last filter, and the first block it does not cover.
    unfiltered: u64,
    covered: u32,
}

/// Where a part is written, and when that begins, in milliseconds since the epoch.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) fs: &'a Fs,
    pub(crate) dir: &'a Path,
    pub(crate) number: u32,
    pub(crate) now: i64,
}

impl Spot<'_> {
    fn path(&self) -> PathBuf {
        path_of(self.dir, self.number)
    }
}

/// Runs of lines that become one block.
pub(crate) type Run<'a> = (&'a Labels, &'a Buffer);

/// A block on its way to the file, packed on any thread.
pub(crate) struct Ready {
    meta: Meta,
    bytes: Vec<u8>,
    grams: Grams,
}

impl Ready {
    /// `local` gives the part's number of each run's stream.
    pub(crate) fn pack(runs: &[Run<'_>], local: &[u32]) -> std::io::Result<Self> {
        let numbered: Vec<(u32, &Buffer)> =
            local.iter().zip(runs).map(|(n, r)| (*n, r.1)).collect();
        let (meta, bytes) = block::pack(&numbered)?;
        let mut grams = Grams::new();
        for (_, lines) in runs {
            grams.add(&lines.bytes);
        }
        Ok(Self { meta, bytes, grams })
    }
}

impl Writer {
    pub(crate) fn create(spot: Spot<'_>) -> Result<Self, PartError> {
        let mut file = spot.fs.create(&spot.path())?;
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.extend_from_slice(&[0; 2]);
        header.extend_from_slice(&spot.number.to_le_bytes());
        file.append(&header)?;
        file.sync()?;
        spot.fs.sync_dir(spot.dir)?;
        Self::over(spot, file, HEADER, Index::default())
    }

    /// Goes on with a part that a crash left open: what the log does not vouch for is cut off.
    pub(crate) fn resume(spot: Spot<'_>, len: u64, index: Index) -> Result<Self, PartError> {
        let file = spot.fs.open_append(&spot.path())?;
        file.set_len(len)?;
        file.sync()?;
        Self::over(spot, file, len, index)
    }

    fn over(spot: Spot<'_>, file: File, len: u64, index: Index) -> Result<Self, PartError> {
        let streams = index.streams.iter().enumerate();
        Ok(Self {
            number: spot.number,
            local: streams.map(|(i, l)| (l.clone(), i as u32)).collect(),
            named: index.streams.len(),
            // Blocks behind the last filter of a crash have none: they are always looked at.
            covered: index.blocks.len() as u32,
            index: Arc::new(index),
            reader: Arc::new(PartFile::open(spot.fs, &spot.path())?),
            file,
            len,
            since: spot.now,
            grams: Grams::new(),
            unfiltered: 0,
        })
    }

    /// The part's numbers of some streams.
    pub(crate) fn number(&mut self, runs: &[Run<'_>]) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(runs.len());
        for (labels, _) in runs {
            let next = self.local.len() as u32;
            let n = *self.local.entry((*labels).clone()).or_insert(next);
            if n == next {
                Arc::make_mut(&mut self.index)
                    .streams
                    .push((*labels).clone());
            }
            numbers.push(n);
        }
        numbers
    }

    /// Appends blocks and syncs. Where it fails the file is as long as before, or the error of
    /// cutting it is returned.
    pub(crate) fn append(&mut self, blocks: Vec<Ready>) -> Result<(), PartError> {
        let mut index = (*self.index).clone();
        let mut frames = Vec::new();
        let mut names = Vec::new();
        for labels in &index.streams[self.named..] {
            put_text(&mut names, labels.as_packed());
        }
        if !names.is_empty() {
            record::put(&mut frames, STREAMS, &names);
        }
        for ready in blocks {
            let at = self.len + frames.len() as u64;
            record::put_frame(&mut frames, BLOCK, &[&ready.bytes]);
            let len = (self.len + frames.len() as u64 - at) as u32;
            self.unfiltered += ready.meta.raw;
            self.grams.join(&ready.grams);
            index.blocks.push(Arc::new((Place { at, len }, ready.meta)));
            if self.unfiltered >= FILTER_BYTES {
                self.put_filter(&mut frames, &mut index);
            }
        }
        let written = self.write(&frames);
        if written.is_err() {
            // The blocks that come next are covered by a filter that knows of them alone.
            self.covered = self.index.blocks.len() as u32;
            self.unfiltered = 0;
            self.grams.clear();
        } else {
            self.named = index.streams.len();
            self.index = Arc::new(index);
        }
        written
    }

    fn put_filter(&mut self, frames: &mut Vec<u8>, index: &mut Index) {
        let at = self.len + frames.len() as u64;
        let until = index.blocks.len() as u32;
        let blocks = (until - self.covered).to_le_bytes();
        let body = [&blocks[..], &self.grams.fold()].concat();
        record::put(frames, FILTER, &body);
        let len = (self.len + frames.len() as u64 - at) as u32;
        index.filters.push(FilterPlace {
            place: Place { at, len },
            from: self.covered,
            until,
        });
        self.covered = until;
        self.unfiltered = 0;
        self.grams.clear();
    }

    fn write(&mut self, frames: &[u8]) -> Result<(), PartError> {
        if let Err(e) = self.file.append(frames) {
            self.file.set_len(self.len)?;
            return Err(e.into());
        }
        self.file.sync()?;
        self.len += frames.len() as u64;
        Ok(())
    }

    /// Writes the index and the trailer: nothing comes behind them.
    pub(crate) fn close(mut self) -> Result<(Arc<Index>, Arc<PartFile>, u64), PartError> {
        let mut frames = Vec::new();
        let mut index = (*self.index).clone();
        if self.unfiltered > 0 {
            self.put_filter(&mut frames, &mut index);
        }
        let at = self.len + frames.len() as u64;
        let mut body = Vec::new();
        index.put(&mut body);
        record::put(&mut frames, INDEX, &body);
        let len = (self.len + frames.len() as u64 - at) as u32;
        frames.extend_from_slice(&at.to_le_bytes());
        frames.extend_from_slice(&len.to_le_bytes());
        frames.extend_from_slice(&0u32.to_le_bytes());
        frames.extend_from_slice(&TRAILER_MAGIC);
        self.write(&frames)?;
        Ok((Arc::new(index), self.reader, self.len))
    }
}
