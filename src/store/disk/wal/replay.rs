//! Reading a log at start.
//!
//! A bad record behind which nothing readable stands, at the end of the last segment, is a torn
//! tail: the write that a crash interrupted. It is cut. Anywhere else it is damage: it is named,
//! and reading goes on at the next place where a whole record stands.

use crate::base::fs::{File, FsError};
use crate::store::disk::bytes::Reader;
use crate::store::disk::record::{self, Front};
use crate::store::disk::wal::{
    HEADER, MAGIC, OpenWalError, Segment, Settings, VERSION, segment_path,
};
use std::path::Path;

/// What a replay meets, in order.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The records that follow stand in this segment.
    Segment(u32),
    Record {
        kind: u8,
        payload: &'a [u8],
    },
    /// Bytes are missing here: what builds on earlier records cannot.
    Damage,
}

/// What a replay found.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    pub(crate) segments: Vec<Segment>,
    /// Sentences that name file and place.
    pub(crate) damage: Vec<String>,
    /// Bytes of torn tail that were cut.
    pub(crate) cut: u64,
}

const READ: usize = 1 << 18;

pub(super) fn run(
    settings: &Settings,
    each: &mut dyn FnMut(Event<'_>),
) -> Result<Replayed, OpenWalError> {
    let mut numbers: Vec<u32> = Vec::new();
    for entry in settings.fs.list(&settings.dir)? {
        let stem = entry.name.strip_suffix(".wal");
        if let Some(n) = stem.and_then(|s| s.parse().ok()) {
            numbers.push(n);
        }
    }
    numbers.sort_unstable();
    // All versions are looked at before anything is changed.
    for &n in &numbers {
        refuse_newer(settings, &segment_path(&settings.dir, n))?;
    }
    let mut found = Replayed::default();
    for (i, &n) in numbers.iter().enumerate() {
        let last = i + 1 == numbers.len();
        each(Event::Segment(n));
        let bytes = segment(settings, n, last, each, &mut found)?;
        found.segments.push(Segment { number: n, bytes });
    }
    Ok(found)
}

/// Reads one segment without changing it.
pub(super) fn reread(
    settings: &Settings,
    number: u32,
    each: &mut dyn FnMut(Event<'_>),
) -> Result<(), OpenWalError> {
    if settings.fs.exists(&segment_path(&settings.dir, number)) {
        segment(settings, number, false, each, &mut Replayed::default())?;
    }
    Ok(())
}

fn refuse_newer(settings: &Settings, path: &Path) -> Result<(), OpenWalError> {
    let mut head = [0; HEADER];
    let file = settings.fs.open(path)?;
    if file.read_exact_at(&mut head, 0).is_err() || head[..8] != MAGIC {
        return Ok(()); // judged when it is read
    }
    let version = Reader::new(&head[8..]).u16().unwrap_or(0);
    if version > VERSION {
        return Err(OpenWalError::Newer {
            path: path.to_owned(),
            version,
        });
    }
    Ok(())
}

/// Reads one segment; returns its length after a cut.
fn segment(
    settings: &Settings,
    number: u32,
    last: bool,
    each: &mut dyn FnMut(Event<'_>),
    found: &mut Replayed,
) -> Result<u64, OpenWalError> {
    let path = segment_path(&settings.dir, number);
    let file = settings.fs.open(&path)?;
    let len = file.len()?;
    let mut head = [0; HEADER];
    let whole = len >= HEADER as u64;
    if whole {
        file.read_exact_at(&mut head, 0)?;
    }
    if !whole || head[..8] != MAGIC || head[10..12] != settings.kind.to_le_bytes() {
        if last && !whole {
            cut(settings, &path, 0, len, found);
            return Ok(0);
        }
        found.damage.push(format!(
            "{} does not begin as a log segment of this kind: its {len} bytes were left out",
            path.display()
        ));
        each(Event::Damage);
        return Ok(len);
    }
    let mut window = Window::new(&file, HEADER as u64, len);
    loop {
        match window.read(each)? {
            Step::End => return Ok(len),
            Step::Record(size) => window.skip(size),
            Step::Bad => {
                let from = window.at;
                let next = window.resync()?;
                if !next && last {
                    cut(settings, &path, from, len, found);
                    return Ok(from);
                }
                found.damage.push(format!(
                    "{} is damaged from byte {from} to {}: the samples or records there are missing",
                    path.display(),
                    window.at
                ));
                each(Event::Damage);
            }
        }
    }
}

/// Shortens the last segment. Where that fails (a read-only disk), it is only left unread.
fn cut(settings: &Settings, path: &Path, to: u64, len: u64, found: &mut Replayed) {
    found.cut += len - to;
    let done = settings
        .fs
        .open_append(path)
        .and_then(|f| f.set_len(to).and_then(|()| f.sync()));
    if let Err(e) = done {
        found
            .damage
            .push(format!("{e}; the torn tail from byte {to} is left unread"));
    }
}

enum Step {
    /// Bytes of the record in front, which was handed on.
    Record(usize),
    Bad,
    End,
}

/// A moving view of a file, so that memory is bounded by the longest record.
struct Window<'a> {
    file: &'a File,
    /// Position in the file of the first byte that was not consumed.
    at: u64,
    len: u64,
    buf: Vec<u8>,
    start: usize,
}

impl<'a> Window<'a> {
    fn new(file: &'a File, at: u64, len: u64) -> Self {
        Self {
            file,
            at,
            len,
            buf: Vec::new(),
            start: 0,
        }
    }

    fn front(&self) -> &[u8] {
        &self.buf[self.start..]
    }

    fn skip(&mut self, n: usize) {
        self.start += n;
        self.at += n as u64;
    }

    /// Holds at least `n` bytes, or all that the file has.
    fn fill(&mut self, n: usize) -> Result<(), FsError> {
        if self.front().len() >= n {
            return Ok(());
        }
        self.buf.drain(..self.start);
        self.start = 0;
        let have = self.buf.len();
        let more = (self.len - self.at) as usize - have;
        let take = more.min((n - have).max(READ));
        self.buf.resize(have + take, 0);
        self.file
            .read_exact_at(&mut self.buf[have..], self.at + have as u64)
    }

    fn read(&mut self, each: &mut dyn FnMut(Event<'_>)) -> Result<Step, FsError> {
        if self.at >= self.len {
            return Ok(Step::End);
        }
        let mut need = record::FRAME;
        loop {
            self.fill(need)?;
            match record::read(self.front()) {
                Front::Record {
                    kind,
                    payload,
                    size,
                } => {
                    each(Event::Record {
                        kind,
                        payload: &payload,
                    });
                    return Ok(Step::Record(size));
                }
                Front::Needs(n) if n as u64 <= self.len - self.at => need = n,
                Front::Needs(_) | Front::Bad => return Ok(Step::Bad),
            }
        }
    }

    /// Moves to the next whole record behind the present byte; false where there is none.
    fn resync(&mut self) -> Result<bool, FsError> {
        while self.at < self.len {
            self.fill(1)?;
            self.skip(1);
            if let Step::Record(_) = self.read(&mut |_| ())? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
