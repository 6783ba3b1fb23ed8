//! The files of cgroups, read again and again: those of every pass are held open, since opening and
//! closing them costs several times what reading does.
//!
//! A cgroup that is removed is not kept alive by that: its files then answer with an error, and are
//! opened anew in case another one took the name. How many may be held follows from how many files
//! this process may open; what is over that is opened each time.

use crate::collect::container::cgroup::parse;
use crate::collect::container::cgroup::read::{Device, Devices, Reading, Spec};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// No cgroup file is longer; `memory.stat` has some 4 KiB.
const MOST: usize = 64 << 10;
/// The kernel gives these files in pieces of nearly a page: a shorter one is the last.
const LAST_PIECE: usize = 3 << 10;
/// Limits change seldom: they are read again after this time, in milliseconds.
const SPEC_MS: i64 = 60_000;
/// The part of the files this process may open that is held here at most.
const SHARE: u64 = 4;

/// Of so many containers and fewer, each is read whole at every pass.
const FEW: usize = 100;

/// The files that are read again and again; the first eight at every pass, live ones too.
pub(crate) const CPU: usize = 0;
pub(crate) const CPU_PARTS: usize = 1;
pub(crate) const THROTTLING: usize = 2;
pub(crate) const MEMORY: usize = 3;
pub(crate) const MEMORY_PARTS: usize = 4;
pub(crate) const IO: usize = 5;
pub(crate) const IO_COUNTS: usize = 6;
pub(crate) const PIDS: usize = 7;
pub(crate) const PROCESSES: usize = 8;
/// v1's `memory.failcnt` has this place.
pub(crate) const SWAP: usize = 9;
pub(crate) const PEAK: usize = 10;
pub(crate) const EVENTS: usize = 11;
pub(crate) const PRESSURE: [usize; 3] = [12, 13, 14];
const HELD: usize = 15;

/// What is kept of the containers from pass to pass.
#[derive(Debug)]
pub struct Files {
    bytes: Vec<u8>,
    patched: String,
    path: PathBuf,
    devices: Devices,
    kept: HashMap<String, Kept>,
    /// The container that is read now.
    now: Kept,
    /// Files that may still be held open.
    room: usize,
    pass: u32,
}

#[derive(Debug, Default)]
struct Kept {
    files: [Option<File>; HELD],
    /// The last whole reading.
    last: Option<Reading>,
    /// With the time at which it was read.
    spec: Option<(Spec, i64)>,
}

impl Default for Files {
    fn default() -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let may = limit.current.unwrap_or(1 << 20).min(1 << 20);
        Self::holding((may / SHARE) as usize)
    }
}

impl Files {
    /// Holds so many files open at most.
    pub fn holding(room: usize) -> Self {
        Self {
            bytes: vec![0; MOST],
            patched: String::new(),
            path: PathBuf::new(),
            devices: Devices::default(),
            kept: HashMap::new(),
            now: Kept::default(),
            room,
            pass: 0,
        }
    }

    /// A pass over all containers begins.
    pub(crate) fn next_pass(&mut self) {
        self.pass = self.pass.wrapping_add(1);
    }

    /// Whether a container is read whole in this pass.
    pub(crate) fn is_turn(&self, id: &str) -> bool {
        let own = u32::from(id.bytes().last().unwrap_or(0));
        self.kept.len() < FEW || (self.pass + (own & 1)).is_multiple_of(2)
    }

    /// Lets go of the containers that are not among these.
    pub fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        let gone = self.kept.extract_if(|id, _| !is_there(id));
        self.room += gone.map(|(_, kept)| kept.open()).sum::<usize>();
    }

    /// Turns to a container.
    pub(crate) fn enter(&mut self, id: &str) {
        self.now = self.kept.remove(id).unwrap_or_default();
        let nameless = |f: &File| f.metadata().is_ok_and(|m| m.nlink() == 0);
        // Only trees that are no cgroups leave files readable that were removed.
        if self.now.files.iter().flatten().next().is_some_and(nameless) {
            self.forget();
        }
    }

    /// What was kept of the container is of no use.
    pub(crate) fn forget(&mut self) {
        self.room += self.now.open();
        self.now = Kept::default();
    }

    /// The container was read.
    pub(crate) fn leave(&mut self, id: &str, whole: Option<&Reading>) {
        let mut kept = std::mem::take(&mut self.now);
        if let Some(reading) = whole {
            kept.last = Some(reading.clone());
        }
        self.kept.insert(id.to_owned(), kept);
    }

    /// The last whole reading.
    pub(crate) fn last(&self) -> Option<&Reading> {
        self.now.last.as_ref()
    }

    /// The limits, where they were read lately.
    pub(crate) fn spec(&self, now: i64) -> Option<Spec> {
        let (spec, at) = self.now.spec.as_ref()?;
        (now >= *at && now - at < SPEC_MS).then(|| spec.clone())
    }

    pub(crate) fn note_spec(&mut self, spec: Spec, now: i64) -> Spec {
        self.now.spec = Some((spec.clone(), now));
        spec
    }

    pub(crate) fn device(&mut self, root: &Path, io: parse::Io) -> Device {
        Device {
            name: self.devices.name(root, &io.device),
            reads: io.reads,
            writes: io.writes,
            read_bytes: io.read_bytes,
            written_bytes: io.written_bytes,
        }
    }

    /// A file that is read now and then; `None` where it is not, or may not be read.
    pub(crate) fn of(&mut self, dir: &Path, name: &str) -> Option<&str> {
        let file = self.open(dir, name)?;
        let len = read(&file, &mut self.bytes)?;
        Some(self.text(len))
    }

    /// One of the container's files that every pass reads.
    pub(crate) fn held(&mut self, which: usize, dir: &Path, name: &str) -> Option<&str> {
        if let Some(file) = self.now.files[which].take() {
            if let Some(len) = read(&file, &mut self.bytes) {
                self.now.files[which] = Some(file);
                return Some(self.text(len));
            }
            self.room += 1;
        }
        let file = self.open(dir, name)?;
        let len = read(&file, &mut self.bytes)?;
        if self.room > 0 {
            self.room -= 1;
            self.now.files[which] = Some(file);
        }
        Some(self.text(len))
    }

    fn open(&mut self, dir: &Path, name: &str) -> Option<File> {
        self.path.clear();
        self.path.push(dir);
        self.path.push(name);
        File::open(&self.path).ok()
    }

    fn text(&mut self, len: usize) -> &str {
        let bytes = &self.bytes[..len];
        if let Ok(text) = std::str::from_utf8(bytes) {
            return text;
        }
        self.patched = String::from_utf8_lossy(bytes).into_owned();
        &self.patched
    }
}

impl Kept {
    fn open(&self) -> usize {
        self.files.iter().flatten().count()
    }
}

/// Reads from the beginning; the number of bytes.
fn read(file: &File, bytes: &mut [u8]) -> Option<usize> {
    let mut len = 0;
    while len < bytes.len() {
        let more = file.read_at(&mut bytes[len..], len as u64).ok()?;
        len += more;
        if more < LAST_PIECE {
            break;
        }
    }
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_are_held_open_as_far_as_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "1").unwrap();
        fs::write(dir.path().join("b"), "2").unwrap();
        let mut files = Files::holding(1);
        for _ in 0..2 {
            files.enter("x");
            assert_eq!(files.held(CPU, dir.path(), "a"), Some("1"));
            assert_eq!(files.held(MEMORY, dir.path(), "b"), Some("2"));
            assert_eq!(files.held(IO, dir.path(), "c"), None);
            assert_eq!((files.now.open(), files.room), (1, 0));
            files.leave("x", None);
        }
        files.retain(|_| false);
        assert_eq!((files.kept.len(), files.room), (0, 1));
    }

    #[test]
    fn a_file_that_took_the_name_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut files = Files::holding(8);
        for n in ["1", "22", "3"] {
            fs::write(&path, n).unwrap();
            files.enter("x");
            assert_eq!(files.held(CPU, dir.path(), "a"), Some(n));
            files.leave("x", None);
            fs::remove_file(&path).unwrap();
        }
        assert_eq!(files.room, 7);
    }

    #[test]
    fn of_many_every_second_one_is_read_whole() {
        let mut files = Files::holding(0);
        let turns = |files: &Files| [files.is_turn("a0"), files.is_turn("a1")];
        assert_eq!(turns(&files), [true, true]);
        for n in 0..FEW {
            files.enter("x");
            files.leave(&n.to_string(), None);
        }
        let first = turns(&files);
        files.next_pass();
        let second = turns(&files);
        assert_eq!((first, second), ([true, false], [false, true]));
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), b"x \xff 1").unwrap();
        assert_eq!(Files::holding(0).of(dir.path(), "a"), Some("x \u{fffd} 1"));
    }
}
