//! The one seam through which files are read and written.
//!
//! [`Fs`] is the machine's disk, or a simulated one ([`sim`]) that fails at the n-th operation and
//! forgets what was not synced. Data is appended and read back by position; nothing is mapped.
//! Configuration files are read with [`read_text`], which bounds their size.

pub mod sim;

use sim::{Sim, SimFile};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A disk. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Fs(Seat);

#[derive(Clone, Debug, Default)]
enum Seat {
    #[default]
    Real,
    Sim(Arc<Sim>),
}

/// A file that is open for reading by position, and for appending where it was opened so.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    seat: FileSeat,
}

#[derive(Debug)]
enum FileSeat {
    Real(std::fs::File),
    Sim(SimFile),
}

/// Held for as long as this process owns a directory; let go when dropped, or by the kernel.
#[derive(Debug)]
pub struct Lock {
    _file: Option<std::fs::File>,
    sim: Option<(Arc<Sim>, PathBuf)>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some((sim, path)) = &self.sim {
            sim.unlock(path);
        }
    }
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub is_dir: bool,
    /// Bytes; 0 for a directory.
    pub len: u64,
}

/// What is known of a file without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub is_dir: bool,
    pub len: u64,
    /// Milliseconds since the epoch.
    pub modified_ms: i64,
    pub device: u64,
    pub inode: u64,
}

/// What could not be done, with which file, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {why}", .path.display())]
pub struct FsError {
    pub doing: &'static str,
    pub path: PathBuf,
    pub why: io::Error,
}

impl FsError {
    pub fn is_missing(&self) -> bool {
        self.why.kind() == io::ErrorKind::NotFound
    }

    /// The disk, or the user's share of it, is full.
    pub fn is_full(&self) -> bool {
        matches!(
            self.why.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }

    pub fn is_denied(&self) -> bool {
        self.why.kind() == io::ErrorKind::PermissionDenied
    }

    pub fn is_read_only(&self) -> bool {
        self.why.kind() == io::ErrorKind::ReadOnlyFilesystem
    }
}

pub type Result<T> = std::result::Result<T, FsError>;

trait At<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T> {
        self.map_err(|why| FsError {
            doing,
            path: path.to_owned(),
            why,
        })
    }
}

fn facts_of(m: &std::fs::Metadata) -> Facts {
    Facts {
        is_dir: m.is_dir(),
        len: m.len(),
        modified_ms: m.mtime() * 1000 + m.mtime_nsec() / 1_000_000,
        device: m.dev(),
        inode: m.ino(),
    }
}

impl Fs {
    /// The machine's own.
    pub fn real() -> Self {
        Self(Seat::Real)
    }

    /// One that a test holds the other end of.
    pub fn sim(sim: Arc<Sim>) -> Self {
        Self(Seat::Sim(sim))
    }

    /// Opens for reading by position.
    pub fn open(&self, path: &Path) -> Result<File> {
        self.file(
            path,
            "open",
            |sim| sim.open(path),
            || std::fs::File::open(path),
        )
    }

    /// Opens what exists, for appending and reading by position.
    pub fn open_append(&self, path: &Path) -> Result<File> {
        self.file(
            path,
            "open",
            |sim| sim.open(path),
            || {
                std::fs::OpenOptions::new()
                    .read(true)
                    .append(true)
                    .open(path)
            },
        )
    }

    /// Creates an empty file, for appending and reading by position; what was there is emptied.
    pub fn create(&self, path: &Path) -> Result<File> {
        self.file(
            path,
            "create",
            |sim| sim.create(path),
            || {
                let file = std::fs::OpenOptions::new()
                    .read(true)
                    .append(true)
                    .create(true)
                    .open(path)?;
                file.set_len(0)?;
                Ok(file)
            },
        )
    }

    fn file(
        &self,
        path: &Path,
        doing: &'static str,
        sim: impl FnOnce(&Arc<Sim>) -> io::Result<SimFile>,
        real: impl FnOnce() -> io::Result<std::fs::File>,
    ) -> Result<File> {
        let seat = match &self.0 {
            Seat::Real => FileSeat::Real(real().at(doing, path)?),
            Seat::Sim(s) => FileSeat::Sim(sim(s).at(doing, path)?),
        };
        Ok(File {
            path: path.to_owned(),
            seat,
        })
    }

    pub fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        match &self.0 {
            Seat::Real => std::fs::rename(from, to),
            Seat::Sim(sim) => sim.rename(from, to),
        }
        .at("rename", from)
    }

    pub fn remove_file(&self, path: &Path) -> Result<()> {
        match &self.0 {
            Seat::Real => std::fs::remove_file(path),
            Seat::Sim(sim) => sim.remove(path),
        }
        .at("remove", path)
    }

    /// A second name for the same file, on the same disk.
    pub fn hard_link(&self, from: &Path, to: &Path) -> Result<()> {
        match &self.0 {
            Seat::Real => std::fs::hard_link(from, to),
            Seat::Sim(sim) => sim.hard_link(from, to),
        }
        .at("link", to)
    }

    /// Creates the directory and its parents; those that exist are fine.
    pub fn create_dir_all(&self, path: &Path) -> Result<()> {
        match &self.0 {
            Seat::Real => std::fs::create_dir_all(path),
            Seat::Sim(sim) => sim.create_dir_all(path),
        }
        .at("create the directory", path)
    }

    /// Makes the names in a directory durable: after creating, renaming or removing in it.
    pub fn sync_dir(&self, path: &Path) -> Result<()> {
        match &self.0 {
            Seat::Real => std::fs::File::open(path).and_then(|d| d.sync_all()),
            Seat::Sim(sim) => sim.sync_dir(path),
        }
        .at("sync the directory", path)
    }

    /// The names in a directory, sorted.
    pub fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let mut entries = match &self.0 {
            Seat::Real => list_real(path),
            Seat::Sim(sim) => sim.list(path),
        }
        .at("list", path)?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    pub fn facts(&self, path: &Path) -> Result<Facts> {
        match &self.0 {
            Seat::Real => std::fs::metadata(path).map(|m| facts_of(&m)),
            Seat::Sim(sim) => sim.facts(path),
        }
        .at("look at", path)
    }

    pub fn exists(&self, path: &Path) -> bool {
        self.facts(path).is_ok()
    }

    /// Bytes that an unprivileged user may still write on the disk that holds `path`.
    pub fn free_space(&self, path: &Path) -> Result<u64> {
        match &self.0 {
            Seat::Real => rustix::fs::statvfs(path)
                .map(|s| s.f_bavail * s.f_frsize)
                .map_err(io::Error::from),
            Seat::Sim(_) => Ok(1 << 40),
        }
        .at("look at the disk of", path)
    }

    /// Takes the lock file, or says `None` where another process holds it.
    pub fn lock(&self, path: &Path) -> Result<Option<Lock>> {
        match &self.0 {
            Seat::Real => {
                let file = std::fs::OpenOptions::new()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .open(path)
                    .at("open", path)?;
                match file.try_lock() {
                    Ok(()) => Ok(Some(Lock {
                        _file: Some(file),
                        sim: None,
                    })),
                    Err(std::fs::TryLockError::WouldBlock) => Ok(None),
                    Err(std::fs::TryLockError::Error(why)) => Err(why).at("lock", path),
                }
            }
            Seat::Sim(sim) => Ok(sim.lock(path).then(|| Lock {
                _file: None,
                sim: Some((Arc::clone(sim), path.to_owned())),
            })),
        }
    }

    /// The whole file, refused where it is longer than `max` bytes.
    pub fn read(&self, path: &Path, max: u64) -> Result<Vec<u8>> {
        let file = self.open(path)?;
        let len = file.len()?;
        if len > max {
            return Err(too_long(len, max)).at("read", path);
        }
        let mut bytes = vec![0; len as usize];
        let mut done = 0;
        while done < bytes.len() {
            let n = file.read_at(&mut bytes[done..], done as u64)?;
            if n == 0 {
                break;
            }
            done += n;
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    /// Replaces a file so that a crash leaves the old one or the new one, never half of it: writes
    /// `path.tmp`, syncs, renames, syncs the directory.
    pub fn write_atomic(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".tmp");
        let tmp = PathBuf::from(name);
        let mut file = self.create(&tmp)?;
        let done = file.append(bytes).and_then(|()| file.sync());
        drop(file);
        if let Err(e) = done.and_then(|()| self.rename(&tmp, path)) {
            let _ = self.remove_file(&tmp);
            return Err(e);
        }
        match path.parent() {
            Some(dir) => self.sync_dir(dir),
            None => Ok(()),
        }
    }
}

impl File {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes at the end. After an error an unknown part of it may be there.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.seat {
            FileSeat::Real(file) => io::Write::write_all(file, bytes),
            FileSeat::Sim(file) => file.append(bytes),
        }
        .at("write to", &self.path)
    }

    /// Waits until the file's bytes are on the disk.
    pub fn sync(&self) -> Result<()> {
        match &self.seat {
            FileSeat::Real(file) => file.sync_data(),
            FileSeat::Sim(file) => file.sync(),
        }
        .at("sync", &self.path)
    }

    pub fn len(&self) -> Result<u64> {
        match &self.seat {
            FileSeat::Real(file) => file.metadata().map(|m| m.len()),
            FileSeat::Sim(file) => file.len(),
        }
        .at("look at", &self.path)
    }

    /// What is known of the open file itself, whatever stands at its name by now.
    pub fn facts(&self) -> Result<Facts> {
        match &self.seat {
            FileSeat::Real(file) => file.metadata().map(|m| facts_of(&m)),
            FileSeat::Sim(file) => file.facts(),
        }
        .at("look at", &self.path)
    }

    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file off behind its first `len` bytes.
    pub fn set_len(&self, len: u64) -> Result<()> {
        match &self.seat {
            FileSeat::Real(file) => file.set_len(len),
            FileSeat::Sim(file) => file.set_len(len),
        }
        .at("shorten", &self.path)
    }

    /// Reads some bytes at a position; 0 at the end.
    pub fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize> {
        match &self.seat {
            FileSeat::Real(file) => file.read_at(buf, at),
            FileSeat::Sim(file) => file.read_at(buf, at),
        }
        .at("read", &self.path)
    }

    /// Fills the buffer from a position, or fails where the file ends before.
    pub fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        let mut done = 0;
        while done < buf.len() {
            match self.read_at(&mut buf[done..], at + done as u64) {
                Ok(0) => {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof))
                        .at("read", &self.path);
                }
                Ok(n) => done += n,
                Err(e) if e.why.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// Removes a folder with all that is in it; one that is gone is no error.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// A fresh file for what another process prints.
pub fn output_file(path: &Path) -> io::Result<std::fs::File> {
    std::fs::File::create(path)
}

/// Who a file belongs to, and who may do what with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// The owner of what stands at a path, links followed.
pub fn owner(path: &Path) -> io::Result<Owner> {
    use std::os::unix::fs::MetadataExt;
    let of = std::fs::metadata(path)?;
    Ok(Owner {
        uid: of.uid(),
        gid: of.gid(),
        mode: of.mode() & 0o7777,
    })
}

/// A text file of at most `max_bytes`, from the machine's disk.
pub fn read_text(path: &Path, max_bytes: u64) -> Result<String> {
    use io::Read as _;
    let file = std::fs::File::open(path).at("open", path)?;
    // A pipe or a file of /proc has no length that could be asked before.
    let mut bytes = Vec::new();
    let read = file.take(max_bytes + 1).read_to_end(&mut bytes);
    read.at("read", path)?;
    if bytes.len() as u64 > max_bytes {
        return Err(too_long(bytes.len() as u64, max_bytes)).at("read", path);
    }
    String::from_utf8(bytes)
        .map_err(|e| {
            let place = e.utf8_error().valid_up_to();
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it is not UTF-8 text at byte {place}"),
            )
        })
        .at("read", path)
}

fn too_long(len: u64, max: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("it has {len} bytes or more; at most {max} are accepted"),
    )
}

fn list_real(path: &Path) -> io::Result<Vec<Entry>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let Ok(meta) = entry.metadata() else {
            continue; // removed since it was listed
        };
        out.push(Entry {
            name: entry.file_name().to_string_lossy().into_owned(),
            is_dir: meta.is_dir(),
            len: if meta.is_dir() { 0 } else { meta.len() },
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_file_is_appended_read_and_locked() {
        let dir = tempfile::tempdir().unwrap();
        let fs = Fs::real();
        let path = dir.path().join("a");
        let mut file = fs.create(&path).unwrap();
        file.append(b"hello").unwrap();
        file.sync().unwrap();
        let mut buf = [0; 3];
        file.read_exact_at(&mut buf, 2).unwrap();
        assert_eq!(&buf, b"llo");
        assert!(file.read_exact_at(&mut buf, 4).is_err());
        file.set_len(2).unwrap();
        file.append(b"!").unwrap();
        assert_eq!(fs.read(&path, 10).unwrap(), b"he!");
        fs.write_atomic(&path, b"new").unwrap();
        assert_eq!(read_text(&path, 3).unwrap(), "new");
        assert!(
            read_text(&path, 2)
                .unwrap_err()
                .to_string()
                .contains("at most 2")
        );
        let lock = fs.lock(&dir.path().join("LOCK")).unwrap();
        assert!(lock.is_some());
        assert!(fs.lock(&dir.path().join("LOCK")).unwrap().is_none());
        drop(lock);
        assert!(fs.lock(&dir.path().join("LOCK")).unwrap().is_some());
        assert!(fs.free_space(dir.path()).unwrap() > 0);
    }
}
