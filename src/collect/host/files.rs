//! Reads small files of /proc and /sys into one buffer that is used again.
//!
//! Every file is bounded: nothing the kernel offers here is longer, and a tree that a person
//! mounted by mistake must not fill the memory. Bytes that are no UTF-8 become `?`.

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// The longest file that is read; what is longer is cut.
const LONGEST: usize = 4 << 20;
/// The most entries of one directory.
const MOST_ENTRIES: usize = 65_536;

/// Why a collector has nothing, or not all, to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// This machine has no such hardware, module or kernel feature.
    #[error("{0} is not there: this machine has nothing of the kind")]
    Absent(String),
    #[error("{path} cannot be read: {why}")]
    Unreadable { path: String, why: Errno },
    #[error("{path} has {text:?} where {wanted} should stand")]
    Odd {
        path: String,
        text: String,
        wanted: &'static str,
    },
    #[error("{0}")]
    Said(String),
}

impl Failure {
    pub(crate) fn odd(path: &str, text: &str, wanted: &'static str) -> Self {
        Self::Odd {
            path: path.to_owned(),
            text: text.chars().take(80).collect(),
            wanted,
        }
    }
}

/// The roots of a machine, or of a tree that stands in for one.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    proc: Option<OwnedFd>,
    sys: Option<OwnedFd>,
    buf: Vec<u8>,
    /// `/proc/stat` of this reading: two collectors want it, and the kernel adds up every
    /// interrupt of every core each time it is opened.
    stat: Option<String>,
}

impl Files {
    pub(crate) fn new(root: &Path) -> Self {
        let open = |name: &str| openat(CWD, root.join(name), OFlags::PATH, Mode::empty()).ok();
        Self {
            root: root.to_owned(),
            proc: open("proc"),
            sys: open("sys"),
            buf: Vec::with_capacity(16 << 10),
            stat: None,
        }
    }

    /// Forgets what was kept for the reading before.
    pub(crate) fn begin(&mut self) {
        self.stat = None;
    }

    /// `/proc/stat`, read once per reading.
    pub(crate) fn stat(&mut self) -> Result<&str, Failure> {
        if self.stat.is_none() {
            self.stat = Some(self.proc("stat")?.to_owned());
        }
        Ok(self.stat.as_deref().unwrap_or_default())
    }

    /// A file below `/proc`.
    pub(crate) fn proc(&mut self, rel: &str) -> Result<&str, Failure> {
        let got = read(self.proc.as_ref(), rel, &mut self.buf);
        self.answer(got, "/proc/", rel)
    }

    /// A file below `/sys`, white space at its end cut.
    pub(crate) fn sys(&mut self, rel: &str) -> Result<&str, Failure> {
        let got = read(self.sys.as_ref(), rel, &mut self.buf);
        self.answer(got, "/sys/", rel).map(str::trim_end)
    }

    /// A file below the root, such as `etc/os-release`.
    pub(crate) fn other(&mut self, rel: &str) -> Result<&str, Failure> {
        let path = self.root.join(rel);
        let got = openat(CWD, &path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .and_then(|fd| fill(&fd, &mut self.buf));
        self.answer(got, "/", rel)
    }

    /// A number below `/sys`; `None` where it is absent, refused, or no number. Hexadecimal
    /// with `0x` counts.
    pub(crate) fn sys_number(&mut self, rel: &str) -> Option<f64> {
        crate::collect::host::text::number(self.sys(rel).ok()?)
    }

    /// A text below `/sys`; `None` where it is absent or refused.
    pub(crate) fn sys_text(&mut self, rel: &str) -> Option<String> {
        self.sys(rel).ok().map(|t| t.trim().to_owned())
    }

    /// The names in a directory below `/sys`, sorted.
    pub(crate) fn sys_list(&self, rel: &str) -> Result<Vec<String>, Failure> {
        list(self.sys.as_ref(), rel).map_err(|why| failure("/sys/", rel, why))
    }

    /// The names in a directory below `/proc`, sorted.
    pub(crate) fn proc_list(&self, rel: &str) -> Result<Vec<String>, Failure> {
        list(self.proc.as_ref(), rel).map_err(|why| failure("/proc/", rel, why))
    }

    /// The names in a directory below `/sys` that begin so; none where there is no directory.
    pub(crate) fn sys_those(&self, rel: &str, prefix: &str) -> Vec<String> {
        let mut names = self.sys_list(rel).unwrap_or_default();
        names.retain(|n| n.starts_with(prefix));
        names
    }

    /// Where a name below `/sys` really is, links followed.
    pub(crate) fn sys_real(&self, rel: &str) -> Option<PathBuf> {
        std::fs::canonicalize(self.root.join("sys").join(rel)).ok()
    }

    pub(crate) fn sys_is_dir(&self, rel: &str) -> bool {
        self.root.join("sys").join(rel).is_dir()
    }

    fn answer(&mut self, got: Result<(), Errno>, room: &str, rel: &str) -> Result<&str, Failure> {
        got.map_err(|why| failure(room, rel, why))?;
        if std::str::from_utf8(&self.buf).is_err() {
            let clean = String::from_utf8_lossy(&self.buf).replace('\u{fffd}', "?");
            self.buf = clean.into_bytes();
        }
        std::str::from_utf8(&self.buf).map_err(|_| failure(room, rel, Errno::ILSEQ))
    }
}

fn failure(room: &str, rel: &str, why: Errno) -> Failure {
    let path = format!("{room}{rel}");
    if [Errno::NOENT, Errno::NOTDIR].contains(&why) {
        Failure::Absent(path)
    } else {
        Failure::Unreadable { path, why }
    }
}

fn read(dir: Option<&OwnedFd>, rel: &str, buf: &mut Vec<u8>) -> Result<(), Errno> {
    let dir = dir.ok_or(Errno::NOENT)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    fill(&openat(dir, rel, flags, Mode::empty())?, buf)
}

/// Reads to the end, in place, without giving the buffer's memory back.
pub(crate) fn fill(fd: &OwnedFd, buf: &mut Vec<u8>) -> Result<(), Errno> {
    buf.clear();
    loop {
        if buf.capacity() - buf.len() < 1024 {
            buf.reserve(buf.capacity().max(4096));
        }
        let got = rustix::io::read(fd, rustix::buffer::spare_capacity(buf));
        match got {
            Ok(0) => return Ok(()),
            Ok(_) if buf.len() >= LONGEST => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(why) => return Err(why),
        }
    }
}

fn list(dir: Option<&OwnedFd>, rel: &str) -> Result<Vec<String>, Errno> {
    let dir = dir.ok_or(Errno::NOENT)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
    let fd = openat(dir, rel, flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::new(fd)?.take(MOST_ENTRIES) {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
