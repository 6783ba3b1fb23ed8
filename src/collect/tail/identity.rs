//! Which file is it? By device and inode, by what it begins with, and by what stands before the
//! place that was reached: so that a file keeps its place when it is renamed or copied, and loses
//! it when it was replaced, rewritten or cut.

use crate::base::fs::{Facts, File};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of the beginning that name a file, and of what stands before the place reached.
pub(crate) const HEAD: u64 = 1024;
pub(crate) const TAIL: u64 = 64;

/// What is kept of a file in the store, with the place up to which its lines are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The job that reads it: two jobs that name one file read it each for themselves.
    pub(crate) job: String,
    pub(crate) path: PathBuf,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// The first byte that is in no stored entry. Of a compressed file: of what it holds.
    pub(crate) offset: u64,
    /// Length and hash of the beginning, at most [`HEAD`] bytes and never beyond the place.
    pub(crate) head_len: u64,
    pub(crate) head: u64,
    /// Length and hash of the bytes before the place.
    pub(crate) tail_len: u64,
    pub(crate) tail: u64,
    /// When it last grew, milliseconds since the epoch.
    pub(crate) seen: i64,
    /// Of a compressed file that was read to its end: how long it was.
    #[serde(default)]
    pub(crate) packed: u64,
}

/// Bytes by position, of a plain file or of what a compressed one holds.
pub(crate) trait Content {
    fn at(&self, from: u64, len: u64) -> Option<Vec<u8>>;
}

impl Content for File {
    fn at(&self, from: u64, len: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len as usize];
        self.read_exact_at(&mut bytes, from).ok()?;
        Some(bytes)
    }
}

impl Content for [u8] {
    fn at(&self, from: u64, len: u64) -> Option<Vec<u8>> {
        let from = usize::try_from(from).ok()?;
        let bytes = self.get(from..from.checked_add(len as usize)?)?;
        Some(bytes.to_vec())
    }
}

/// Bytes that were just read, and their file for what stands elsewhere: by now it may have been cut.
pub(crate) struct Seen<'a> {
    pub(crate) from: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) file: &'a File,
}

impl Content for Seen<'_> {
    fn at(&self, from: u64, len: u64) -> Option<Vec<u8>> {
        let before = from.checked_sub(self.from);
        match before.and_then(|n| self.bytes.at(n, len)) {
            Some(bytes) => Some(bytes),
            None => self.file.at(from, len),
        }
    }
}

impl Known {
    pub(crate) fn new(job: &str, path: &Path, facts: &Facts) -> Self {
        let nothing = xxh3_64(&[]);
        Self {
            head: nothing,
            tail: nothing,
            job: job.to_owned(),
            path: path.to_owned(),
            device: facts.device,
            inode: facts.inode,
            ..Self::default()
        }
    }

    /// Notes that the lines up to `offset` are stored. Where the content was cut meanwhile, the
    /// place before stands: by it a copy is still known.
    pub(crate) fn reach(&mut self, offset: u64, content: &(impl Content + ?Sized)) {
        let tail_len = offset.min(TAIL);
        let Some(tail) = content.at(offset - tail_len, tail_len) else {
            return;
        };
        self.offset = offset;
        self.tail_len = tail_len;
        self.tail = xxh3_64(&tail);
        let head_len = offset.min(HEAD);
        if (self.head_len != head_len || head_len == 0)
            && let Some(bytes) = content.at(0, head_len)
        {
            self.head_len = head_len;
            self.head = xxh3_64(&bytes);
        }
    }

    /// Whether the content is this file's, as far as it was read.
    pub(crate) fn fits(&self, content: &(impl Content + ?Sized)) -> bool {
        let before = self.offset.saturating_sub(self.tail_len);
        let tail = content.at(before, self.tail_len);
        self.begins_as(content) && tail.is_some_and(|b| xxh3_64(&b) == self.tail)
    }

    /// Whether the content begins as this file did.
    pub(crate) fn begins_as(&self, content: &(impl Content + ?Sized)) -> bool {
        let head = content.at(0, self.head_len);
        head.is_some_and(|b| xxh3_64(&b) == self.head)
    }

    pub(crate) fn is_at(&self, facts: &Facts) -> bool {
        (self.device, self.inode) == (facts.device, facts.inode)
    }
}

/// A path without what rotation adds: `app.log.1`, `app.log-20261120.gz` and `app.log` are one.
pub(crate) fn stem(path: &Path) -> String {
    let mut text = path.to_string_lossy().into_owned();
    loop {
        let cut = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let next = match cut.strip_suffix(['.', '-', '_']) {
            Some(rest) if cut.len() < text.len() => rest.to_owned(),
            _ => match [".gz", ".bz2", ".zst", ".old", ".bak"]
                .iter()
                .find_map(|e| text.strip_suffix(e))
            {
                Some(rest) => rest.to_owned(),
                None => return text,
            },
        };
        text = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_have_one_stem() {
        for name in [
            "/l/app.log",
            "/l/app.log.1",
            "/l/app.log.2.gz",
            "/l/app.log-20261120.gz",
            "/l/app.log-2026-11-20",
            "/l/app.log.old",
        ] {
            assert_eq!(stem(Path::new(name)), "/l/app.log");
        }
        assert_eq!(stem(Path::new("/l/app2.log")), "/l/app2.log");
    }

    #[test]
    fn a_place_fits_what_was_read_only() {
        let text: Vec<u8> = (0..3000u32).flat_map(|i| i.to_le_bytes()).collect();
        let mut known = Known::default();
        known.reach(5000, text.as_slice());
        assert!(known.fits(text.as_slice()));
        assert!(!known.fits(&text[..4999]));
        let mut other = text.clone();
        other[4990] ^= 1;
        assert!(!known.fits(other.as_slice()));
        let mut other = text.clone();
        other[10] ^= 1;
        assert!(!known.fits(other.as_slice()));
        known.reach(3, text.as_slice());
        assert_eq!((known.head_len, known.tail_len), (3, 3));
        known.reach(0, text.as_slice());
        assert!(known.fits(&[] as &[u8]));
    }
}
