//! A part: one file of blocks in the order in which they were written, with what finds them.
//!
//! While it is written it is a row of frames, of which the log says how many bytes count; when it
//! is full an index and a trailer close it for good. Layout: `docs/format/logs.md`.

mod write;

pub(crate) use write::{Ready, Run, Spot, Writer, path_of};

use crate::base::fs::{File, Fs, FsError};
use crate::model::labels::Labels;
use crate::store::disk::bytes::{Reader, put_text, put_uvarint};
use crate::store::disk::record::{self, Front};
use crate::store::logs::block::{Meta, Packed};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) const MAGIC: [u8; 8] = *b"BONGSULP";
pub(crate) const VERSION: u16 = 1;
pub(crate) const HEADER: u64 = 16;
const TRAILER: u64 = 24;
const TRAILER_MAGIC: [u8; 8] = *b"BONGSULE";

/// Frame types.
const STREAMS: u8 = 1;
const BLOCK: u8 = 6;
/// Blocks as they were at first: still read, no longer written.
const FIRST_BLOCK: u8 = 2;
/// Type 3 was a filter that noted other pieces: it is passed over, and denies nothing.
const FILTER: u8 = 5;
const INDEX: u8 = 4;

/// Why a part, or a piece of it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("{} is damaged at byte {at}: {what}", path.display())]
    Damaged {
        path: PathBuf,
        at: u64,
        what: &'static str,
    },
    #[error("{} was written by a newer bongsu (version {version} of the format of logs; this one knows {VERSION}): start that one, or move the file away", path.display())]
    Newer { path: PathBuf, version: u16 },
}

/// Where a frame lies in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: u64,
    pub(crate) len: u32,
}

/// A filter, and the number of the first block it does not cover any more; it covers those from
/// the filter before on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FilterPlace {
    pub(crate) place: Place,
    pub(crate) from: u32,
    pub(crate) until: u32,
}

/// Everything about a part but its blocks' contents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// The labels of each of the part's streams.
    pub(crate) streams: Vec<Labels>,
    pub(crate) blocks: Vec<Arc<(Place, Meta)>>,
    pub(crate) filters: Vec<FilterPlace>,
}

impl Index {
    /// An estimate in bytes.
    pub(crate) fn memory(&self) -> usize {
        let streams: usize = self.streams.iter().map(|l| l.as_packed().len() + 40).sum();
        let blocks: usize = self.blocks.iter().map(|b| 200 + b.1.runs.len() * 8).sum();
        streams + blocks + self.filters.len() * size_of::<FilterPlace>()
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_uvarint(out, self.streams.len() as u64);
        for labels in &self.streams {
            put_text(out, labels.as_packed());
        }
        put_uvarint(out, self.blocks.len() as u64);
        for block in &self.blocks {
            put_uvarint(out, block.0.at);
            put_uvarint(out, u64::from(block.0.len));
            block.1.put(out);
        }
        put_uvarint(out, self.filters.len() as u64);
        for filter in &self.filters {
            put_uvarint(out, filter.place.at);
            put_uvarint(out, u64::from(filter.place.len));
            put_uvarint(out, u64::from(filter.from));
            put_uvarint(out, u64::from(filter.until));
        }
    }

    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let mut index = Self::default();
        for _ in 0..r.uvarint()? {
            index.streams.push(Labels::from_packed(r.text()?)?);
        }
        for _ in 0..r.uvarint()? {
            let place = read_place(r)?;
            let meta = Meta::read(r)?;
            let known = |run: &(u32, u32)| (run.0 as usize) < index.streams.len();
            if !meta.runs.iter().all(known) {
                return None;
            }
            index.blocks.push(Arc::new((place, meta)));
        }
        for _ in 0..r.uvarint()? {
            index.filters.push(FilterPlace {
                place: read_place(r)?,
                from: u32::try_from(r.uvarint()?).ok()?,
                until: u32::try_from(r.uvarint()?).ok()?,
            });
        }
        Some(index)
    }
}

fn read_place(r: &mut Reader<'_>) -> Option<Place> {
    let at = r.uvarint()?;
    let len = u32::try_from(r.uvarint()?).ok()?;
    Some(Place { at, len })
}

/// A part's file, open for reading.
pub(crate) struct PartFile {
    pub(crate) path: PathBuf,
    file: File,
}

impl PartFile {
    /// Opens and judges the header.
    pub(crate) fn open(fs: &Fs, path: &Path) -> Result<Self, PartError> {
        let file = fs.open(path)?;
        let part = Self {
            path: path.to_owned(),
            file,
        };
        let mut head = [0; HEADER as usize];
        let whole = part.file.len()? >= HEADER;
        if whole {
            part.file.read_exact_at(&mut head, 0)?;
        }
        if !whole || head[..8] != MAGIC {
            return Err(part.damaged(0, "it does not begin as a part"));
        }
        let version = Reader::new(&head[8..]).u16().unwrap_or(0);
        if version > VERSION {
            return Err(PartError::Newer {
                path: part.path,
                version,
            });
        }
        Ok(part)
    }

    fn damaged(&self, at: u64, what: &'static str) -> PartError {
        PartError::Damaged {
            path: self.path.clone(),
            at,
            what,
        }
    }

    /// Hands on one frame's payload; its checksum was right.
    fn frame<T>(
        &self,
        place: Place,
        each: impl FnOnce(u8, &[u8]) -> Option<T>,
    ) -> Result<T, PartError> {
        if place.len as usize > record::MAX_PAYLOAD + record::FRAME {
            return Err(self.damaged(place.at, "a frame is longer than any"));
        }
        let mut bytes = vec![0; place.len as usize];
        self.file.read_exact_at(&mut bytes, place.at)?;
        let Front::Record { kind, payload, .. } = record::read(&bytes) else {
            return Err(self.damaged(place.at, "the checksum of a frame is wrong"));
        };
        each(kind, &payload).ok_or_else(|| self.damaged(place.at, "a frame does not read"))
    }

    pub(crate) fn block<T>(
        &self,
        place: Place,
        each: impl FnOnce(&Packed<'_>) -> Option<T>,
    ) -> Result<T, PartError> {
        self.frame(place, |kind, payload| match kind {
            BLOCK => each(&Packed::read(payload)?),
            FIRST_BLOCK => each(&Packed::read_first(payload)?),
            _ => None,
        })
    }

    pub(crate) fn filter<T>(
        &self,
        place: Place,
        each: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, PartError> {
        self.frame(place, |kind, payload| {
            (kind == FILTER).then_some(())?;
            Some(each(payload.get(4..)?))
        })
    }

    /// The index of a closed part; `None` where it was never closed.
    pub(crate) fn index(&self) -> Result<Option<Index>, PartError> {
        let len = self.file.len()?;
        let Some(at) = len.checked_sub(TRAILER).filter(|at| *at >= HEADER) else {
            return Ok(None);
        };
        let mut trailer = [0; TRAILER as usize];
        self.file.read_exact_at(&mut trailer, at)?;
        let mut r = Reader::new(&trailer);
        let (Some(index_at), Some(index_len), Some(_)) = (r.u64(), r.u32(), r.u32()) else {
            return Ok(None);
        };
        if r.rest != TRAILER_MAGIC || index_at.saturating_add(u64::from(index_len)) != at {
            return Ok(None);
        }
        let place = Place {
            at: index_at,
            len: index_len,
        };
        let read = self.frame(place, |kind, payload| {
            (kind == INDEX).then_some(())?;
            Index::read(&mut Reader::new(payload))
        });
        read.map(Some)
    }

    /// What the frames up to `until` say: the way back where there is no index. Damaged frames are
    /// passed over and named.
    pub(crate) fn scan(&self, until: u64, damage: &mut Vec<String>) -> Result<Index, PartError> {
        let mut index = Index::default();
        let mut at = HEADER;
        while at < until {
            let mut head = [0; 4];
            if self.file.read_exact_at(&mut head, at).is_err() {
                damage.push(self.damaged(at, "it ends too soon").to_string());
                break;
            }
            let len = u32::from_le_bytes(head).saturating_add(record::FRAME as u32);
            let place = Place { at, len };
            if at + u64::from(len) > until {
                damage.push(
                    self.damaged(at, "a frame reaches beyond the end")
                        .to_string(),
                );
                break;
            }
            let mut bytes = vec![0; len as usize];
            self.file.read_exact_at(&mut bytes, at)?;
            at += u64::from(len);
            let Front::Record { kind, payload, .. } = record::read(&bytes) else {
                let what = "the checksum of a block is wrong; its lines are missing";
                damage.push(self.damaged(place.at, what).to_string());
                continue;
            };
            let mut r = Reader::new(&payload);
            match kind {
                STREAMS => {
                    while let Some(labels) = r.text().and_then(Labels::from_packed) {
                        index.streams.push(labels);
                    }
                }
                BLOCK | FIRST_BLOCK => index
                    .blocks
                    .extend(Meta::read(&mut r).map(|m| Arc::new((place, m)))),
                FILTER => {
                    let until = index.blocks.len() as u32;
                    // Damaged blocks in between are missing here: such a filter covers too much.
                    let from = until.saturating_sub(r.u32().unwrap_or(0));
                    if damage.is_empty() {
                        index.filters.push(FilterPlace { place, from, until });
                    }
                }
                _ => {}
            }
        }
        Ok(index)
    }
}
