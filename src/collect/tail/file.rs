//! One file: its lines from where reading stood, exactly once.
//!
//! The place is that of the oldest byte that is in no stored entry. What is read beyond it (the
//! beginning of a line, lines that a stage holds back) is read again after a crash.

use crate::base::fs::{Facts, File, Fs};
use crate::collect::tail::identity::{Content, Known, Seen, TAIL};
use crate::collect::tail::output::Output;
use crate::collect::tail::pipeline::{Line, Pipeline};
use crate::store::write::logs::MAX_LINE;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes that are read in one go.
const CHUNK: usize = 1 << 20;
/// A last line without an end is taken as one after this time without growth, in milliseconds.
const UNENDED_MS: i64 = 5_000;
/// A file without news for so long is closed, in milliseconds.
const CLOSE_MS: i64 = 30_000;
/// A file that lost its name is let go so long after it did, and after it last grew: a writer is
/// told of a rotation only behind it.
const LINGER_MS: i64 = 10_000;
/// Bytes that a compressed file may hold.
const MOST_UNPACKED: u64 = 4 << 30;
/// The length that is noted of a compressed file before it was read to its end.
const BEGUN: u64 = 1;
pub(crate) const GZIP: [u8; 2] = [0x1f, 0x8b];

pub(crate) struct Tailed {
    pub(crate) path: PathBuf,
    /// Names the position in the store.
    pub(crate) source: String,
    pub(crate) known: Known,
    pub(crate) pipeline: Pipeline,
    file: Option<File>,
    /// Where the first line begins that was not taken yet, and how far its end was looked for.
    offset: u64,
    scanned: u64,
    /// When it last grew, milliseconds since the epoch.
    pub(crate) grew: i64,
    /// It was read to its end once: what comes now is written now.
    live: bool,
    /// Since when the name is another file's, or nobody's, milliseconds since the epoch: who writes
    /// may go on with this one for a moment. Read until nothing has come for a while, then let go.
    pub(crate) left: Option<i64>,
    /// It goes on under another name: the how-manieth that did.
    pub(crate) renamed: Option<u64>,
    pub(crate) lines: u64,
    /// Lines that were longer than is stored.
    pub(crate) cut: u64,
    pub(crate) error: Option<String>,
}

/// What a look at the file brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Everything there is was taken.
    End,
    More,
    /// A stage lets no more through for now.
    Later,
}

impl Tailed {
    pub(crate) fn new(source: String, known: Known, pipeline: Pipeline, now: i64) -> Self {
        Self {
            path: known.path.clone(),
            source,
            offset: known.offset,
            scanned: known.offset,
            known,
            pipeline,
            file: None,
            grew: now,
            live: false,
            left: None,
            renamed: None,
            lines: 0,
            cut: 0,
            error: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Lets the file go until there is news of it.
    pub(crate) fn close(&mut self) {
        self.file = None;
    }

    /// Bytes that were not taken yet, of a file of that length.
    pub(crate) fn behind(&self, len: u64) -> u64 {
        len.saturating_sub(self.offset)
    }

    /// Whether the file was cut or written anew since the last look, under its name.
    pub(crate) fn was_rewritten(&mut self, fs: &Fs) -> bool {
        let path = self.path.clone();
        let Ok(facts) = fs.facts(&path) else {
            return false;
        };
        if !self.known.is_at(&facts) {
            return false;
        }
        if facts.len < self.scanned {
            return true;
        }
        let _ = self.open(fs, &path);
        let file = self.file.as_ref();
        file.is_some_and(|f| !self.known.fits(f))
    }

    /// How far it was read, lines that stages hold back included.
    pub(crate) fn end(&self) -> u64 {
        self.offset
    }

    /// Whether the path still names this file, and not one that was given its number.
    pub(crate) fn is_now(&self, fs: &Fs, path: &Path) -> bool {
        let known = &self.known;
        self.is_open() || known.packed > 0 || fs.open(path).is_ok_and(|f| known.fits(&f))
    }

    /// Begins again at the front: the file was cut or rewritten. What stages hold back goes on,
    /// unless it is read again from a copy.
    pub(crate) fn restart(&mut self, again: bool, out: &mut Output) {
        if again {
            self.pipeline = self.pipeline.fresh();
        } else {
            self.pipeline.tick(None, out);
        }
        self.offset = 0;
        self.scanned = 0;
        self.known.reach(0, &[] as &[u8]);
        self.note(out);
    }

    /// Opens what the path names now, if it is still this file.
    fn open(&mut self, fs: &Fs, path: &Path) -> Option<()> {
        if self.file.is_some() {
            return Some(());
        }
        let facts = fs.facts(path).ok().filter(|f| self.known.is_at(f))?;
        match fs.open(path) {
            Ok(file) => {
                self.error = None;
                // Another may have taken the name in between.
                let same = file.facts().is_ok_and(|f| self.known.is_at(&f));
                self.file = Some(file).filter(|_| same && !facts.is_dir);
            }
            Err(e) => self.error = Some(e.to_string()),
        }
        self.file.as_ref().map(|_| ())
    }

    /// Looks for the file under another name of its folder, where it was renamed while closed.
    pub(crate) fn find_renamed(&mut self, fs: &Fs) {
        if self.file.is_some() {
            return;
        }
        let Some(folder) = self.path.parent().map(Path::to_owned) else {
            return;
        };
        for entry in fs.list(&folder).unwrap_or_default() {
            let path = folder.join(entry.name);
            if fs
                .facts(&path)
                .is_ok_and(|f| !f.is_dir && self.known.is_at(&f))
            {
                self.open(fs, &path);
                return;
            }
        }
    }

    /// Takes at most one chunk; `now` in nanoseconds.
    pub(crate) fn read(&mut self, fs: &Fs, now: i64, out: &mut Output) -> Look {
        let path = self.path.clone();
        if self.open(fs, &path).is_none() {
            return Look::End;
        }
        let Some(file) = self.file.take() else {
            return Look::End;
        };
        let look = self.read_open(&file, now, out);
        self.file = Some(file);
        look
    }

    fn read_open(&mut self, file: &File, now: i64, out: &mut Output) -> Look {
        let mut chunk = std::mem::take(&mut out.chunk);
        chunk.resize(CHUNK, 0);
        let look = self.read_chunk(file, &mut chunk, now, out);
        out.chunk = chunk;
        look
    }

    fn read_chunk(&mut self, file: &File, chunk: &mut [u8], now: i64, out: &mut Output) -> Look {
        // A long line is looked through from where its end was looked for last.
        let long = self.scanned - self.offset > MAX_LINE as u64;
        let from = if long { self.scanned } else { self.offset };
        // With what stands before it: the file may be cut before the place is noted.
        let lead = from.min(TAIL) as usize;
        let n = match file.read_at(chunk, from - lead as u64) {
            Ok(n) => n,
            Err(e) => {
                self.error = Some(e.to_string());
                return Look::End;
            }
        };
        let full = n == chunk.len();
        let Some(n) = n.checked_sub(lead) else {
            return Look::End; // cut just now
        };
        let seen = Seen {
            from: from - lead as u64,
            bytes: &chunk[..lead + n],
            file,
        };
        let chunk = &chunk[lead..lead + n];
        if from + n as u64 > self.scanned {
            self.grew = now / 1_000_000;
        }
        let mut start = 0;
        if long {
            let Some(end) = memchr::memchr(b'\n', chunk) else {
                self.scanned = from + n as u64;
                return if full { Look::More } else { Look::End };
            };
            self.take_long(file, now, out);
            start = end + 1;
            self.offset = from + start as u64;
        }
        for end in memchr::memchr_iter(b'\n', chunk) {
            if end < start {
                continue;
            }
            if self.pipeline.waits(now, out) {
                self.offset = from + start as u64;
                self.scanned = self.offset;
                self.settle(&seen, out);
                return Look::Later;
            }
            self.take(&chunk[start..end], from + start as u64, now, out);
            start = end + 1;
        }
        self.offset = from + start as u64;
        self.scanned = from + n as u64;
        self.settle(&seen, out);
        if full {
            return Look::More;
        }
        self.live = true;
        Look::End
    }

    /// The line at the offset, of which only the beginning is stored.
    fn take_long(&mut self, file: &File, now: i64, out: &mut Output) {
        if let Some(bytes) = file.at(self.offset, MAX_LINE as u64) {
            self.cut += 1;
            let from = self.offset;
            self.take(&bytes, from, now, out);
        }
    }

    fn take(&mut self, line: &[u8], from: u64, now: i64, out: &mut Output) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > MAX_LINE {
            self.cut += 1;
        }
        self.lines += 1;
        let line = Line {
            bytes: &line[..line.len().min(MAX_LINE)],
            from,
            now: out.stamp(now),
            live: self.live,
        };
        self.pipeline.take(line, out);
    }

    /// Notes in the batch how far the stored entries reach.
    fn settle(&mut self, content: &impl Content, out: &mut Output) {
        let reached = self.pipeline.oldest().unwrap_or(self.offset);
        if reached != self.known.offset || self.known.head_len == 0 {
            self.known.reach(reached, content);
            self.note(out);
        }
    }

    /// Keeps the place with the lines of the batch.
    pub(crate) fn note(&mut self, out: &mut Output) {
        self.known.path.clone_from(&self.path);
        self.known.seen = self.grew;
        out.reached(&self.source, serde_json::to_vec(&self.known).ok());
    }

    /// What is due without news: entries that waited, a last line without an end, closing.
    pub(crate) fn tick(&mut self, fs: &Fs, now: i64, out: &mut Output) {
        let ms = now / 1_000_000;
        let quiet = ms - self.grew;
        let before = (self.pipeline.oldest(), self.offset);
        let over = self.is_over(ms);
        let whole = over || quiet >= UNENDED_MS;
        if whole && self.scanned > self.offset {
            self.take_unended(fs, now, out);
        }
        self.pipeline.tick((!over).then_some(ms), out);
        if before != (self.pipeline.oldest(), self.offset) {
            let path = self.path.clone();
            let _ = self.open(fs, &path);
            if let Some(file) = self.file.take() {
                self.settle(&file, out);
                self.file = Some(file);
            }
        }
        if quiet >= CLOSE_MS && self.scanned == self.offset {
            self.close();
        }
    }

    /// It lost its name, and nothing more is to come.
    pub(crate) fn is_over(&self, ms: i64) -> bool {
        let lingered = |left: i64| ms - left.max(self.grew) >= LINGER_MS;
        self.left.is_some_and(lingered)
    }

    /// The last line, whose end has not come.
    fn take_unended(&mut self, fs: &Fs, now: i64, out: &mut Output) {
        let path = self.path.clone();
        let _ = self.open(fs, &path);
        let len = self.scanned - self.offset;
        let file = self.file.as_ref();
        if let Some(bytes) = file.and_then(|f| f.at(self.offset, len.min(MAX_LINE as u64))) {
            self.cut += u64::from(len > MAX_LINE as u64);
            let from = self.offset;
            self.offset = self.scanned;
            self.take(&bytes, from, now, out);
        }
    }

    /// Reads a compressed file to its end, from its place on. What does not unpack is read as far as
    /// it does, and not again before the file has changed: else its lines would come each time.
    pub(crate) fn read_packed(
        &mut self,
        fs: &Fs,
        now: i64,
        out: &mut Output,
    ) -> Result<(), String> {
        let packed = fs.open(&self.path).map_err(|e| e.to_string())?;
        let len = packed.len().map_err(|e| e.to_string())?;
        let path = self.path.display().to_string();
        match self.unpack(&packed, now, out) {
            Ok(true) => self.error = None,
            Ok(false) => return Ok(()), // the place stands where the store has its lines
            Err(e) => self.error = Some(format!("{path}: {e}")),
        }
        self.pipeline.tick(None, out);
        self.scanned = self.offset;
        self.known.offset = self.offset;
        self.known.packed = len;
        self.note(out);
        Ok(())
    }

    /// A compressed file that did not read to its end, and has become longer.
    pub(crate) fn may_unpack(&self, facts: &Facts) -> bool {
        self.known.packed > 0 && self.error.is_some() && self.known.packed != facts.len
    }

    /// False where the store takes no more.
    fn unpack(&mut self, packed: &File, now: i64, out: &mut Output) -> std::io::Result<bool> {
        let mut unpacked = MultiGzDecoder::new(Positioned(packed, 0)).take(MOST_UNPACKED);
        let passed = std::io::copy(&mut (&mut unpacked).take(self.offset), &mut std::io::sink())?;
        // Of what was packed more may have been read: it was copied before its last lines came.
        self.offset = passed;
        let mut rest = Vec::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let n = unpacked.read(&mut chunk)?;
            rest.extend_from_slice(&chunk[..n]);
            let mut start = 0;
            while let Some(end) = memchr::memchr(b'\n', &rest[start..]) {
                let (from, end) = (self.offset, start + end);
                self.offset += (end + 1 - start) as u64;
                self.take(&rest[start..end], from, now, out);
                start = end + 1;
            }
            rest.drain(..start);
            if n == 0 {
                break;
            }
            if rest.len() > MAX_LINE {
                self.offset += rest.len() as u64;
                self.take(&rest, self.offset - rest.len() as u64, now, out);
                rest.clear();
            }
            if out.is_full() {
                // Begun: no file is so short, so that reading goes on here after a restart.
                self.known.offset = self.pipeline.oldest().unwrap_or(self.offset);
                self.known.packed = BEGUN;
                self.note(out);
                if !out.hand_over() {
                    return Ok(false);
                }
            }
        }
        if !rest.is_empty() {
            let from = self.offset;
            self.offset += rest.len() as u64;
            self.take(&rest, from, now, out);
        }
        Ok(true)
    }
}

/// A file as a reader from a place on.
struct Positioned<'a>(&'a File, u64);

impl Read for Positioned<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read_at(buf, self.1).map_err(std::io::Error::other)?;
        self.1 += n as u64;
        Ok(n)
    }
}

/// The first bytes of what a compressed file holds, at most `len`.
pub(crate) fn unpacked_head(file: &File, len: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let _ = MultiGzDecoder::new(Positioned(file, 0))
        .take(len)
        .read_to_end(&mut out);
    out
}

pub(crate) fn is_gzip(file: &File) -> bool {
    file.at(0, 2).is_some_and(|b| b == GZIP)
}
