//! What every file of a block has: a header that names it, and a footer of a fixed length.
//!
//! The header is the magic, the version and zeros to sixteen bytes; what the footer says is the
//! block's own.

use crate::base::fs::{File, Fs, FsError};
use crate::store::disk::bytes::Reader;
use std::path::{Path, PathBuf};

pub(crate) const HEADER: usize = 16;

/// One kind of block.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u16,
    /// Bytes of the footer.
    pub(crate) footer: usize,
    /// How the format is called in sentences: `the format of traces`.
    pub(crate) name: &'static str,
}

/// Why a block, or a part of it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlockError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("{} is damaged: {what}", path.display())]
    Damaged { path: PathBuf, what: &'static str },
    #[error("{} was written by a newer bongsu (version {version} of {}; this one knows {}): start that one, or move the file away", path.display(), form.name, form.version)]
    Newer {
        path: PathBuf,
        version: u16,
        form: &'static Form,
    },
}

/// A block that was opened.
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) len: u64,
    pub(crate) footer: Vec<u8>,
}

impl Form {
    pub(crate) fn header(&self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        out.extend_from_slice(&self.version.to_le_bytes());
        out.resize(HEADER, 0);
        out
    }

    /// Reads header and footer.
    pub(crate) fn open(&'static self, fs: &Fs, path: &Path) -> Result<Opened, BlockError> {
        let file = fs.open(path)?;
        let damaged = |what| BlockError::Damaged {
            path: path.to_owned(),
            what,
        };
        let len = file.len()?;
        if len < (HEADER + self.footer) as u64 {
            return Err(damaged("it is too short"));
        }
        let mut head = [0; HEADER];
        file.read_exact_at(&mut head, 0)?;
        if head[..8] != self.magic {
            return Err(damaged("it does not begin as a block of its kind"));
        }
        let version = Reader::new(&head[8..]).u16().unwrap_or(0);
        if version > self.version {
            return Err(BlockError::Newer {
                path: path.to_owned(),
                version,
                form: self,
            });
        }
        let mut footer = vec![0; self.footer];
        file.read_exact_at(&mut footer, len - self.footer as u64)?;
        Ok(Opened { file, len, footer })
    }
}
