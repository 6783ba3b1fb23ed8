//! A disk in memory that fails when it is told to, and loses what was not synced.
//!
//! Bytes count as on the disk after a sync of the file, names after a sync of their directory.
//! [`Sim::after_crash`] gives the disk as the next start would find it.

use crate::base::fs::{Entry, Facts};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One operation fails (EIO); those after it work.
    Error,
    /// One append writes half of its bytes and fails.
    ShortWrite,
    /// Every write from there on finds the disk full (ENOSPC).
    NoSpace,
    /// Every write from there on finds the disk read-only (EROFS).
    ReadOnly,
    /// Nothing from there on reaches the disk.
    Crash,
}

/// What the next start finds of writes that were never synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// Nothing: the power failed.
    Lost,
    /// The first half of each file's: a torn write.
    Half,
    /// All of it: only the process died.
    Kept,
}

/// The disk.
#[derive(Debug, Default)]
pub struct Sim(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
    operations: u64,
    fault: Option<(u64, Fault)>,
}

#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

/// An open file of a simulated disk.
#[derive(Debug)]
pub struct SimFile {
    sim: Arc<Sim>,
    index: usize,
}

enum Step {
    Go,
    Half,
}

impl State {
    /// A changing operation that a full disk allows: shortening, removing, syncing.
    fn free_step(&mut self) -> io::Result<Step> {
        if let Some((_, Fault::NoSpace)) = self.fault {
            self.operations += 1;
            return Ok(Step::Go);
        }
        self.step()
    }

    /// Counts a changing operation and lets the fault strike.
    fn step(&mut self) -> io::Result<Step> {
        self.operations += 1;
        let Some((at, fault)) = self.fault else {
            return Ok(Step::Go);
        };
        if self.operations < at {
            return Ok(Step::Go);
        }
        let once = self.operations == at;
        match fault {
            Fault::Error if once => Err(io::Error::from_raw_os_error(libc::EIO)),
            Fault::ShortWrite if once => Ok(Step::Half),
            Fault::NoSpace => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            Fault::ReadOnly => Err(io::Error::from_raw_os_error(libc::EROFS)),
            Fault::Crash => Err(io::Error::other("the simulated machine has crashed")),
            Fault::Error | Fault::ShortWrite => Ok(Step::Go),
        }
    }

    /// Reading works on a full disk, and on a machine that is up.
    fn up(&self) -> io::Result<()> {
        match self.fault {
            Some((at, Fault::Crash)) if self.operations >= at => {
                Err(io::Error::other("the simulated machine has crashed"))
            }
            _ => Ok(()),
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.up()?;
        let found = self.names.get(path).copied();
        found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl Sim {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Lets `fault` strike at the `nth` changing operation from now; the first is 1.
    pub fn fail_at(&self, nth: u64, fault: Fault) {
        let mut state = self.0.lock();
        state.fault = Some((state.operations + nth, fault));
    }

    pub fn heal(&self) {
        self.0.lock().fault = None;
    }

    /// Changing operations so far.
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// The disk as the next start finds it.
    pub fn after_crash(&self, unsynced: Unsynced) -> Arc<Self> {
        let state = self.0.lock();
        let keep = |c: &Content| {
            let bytes = match unsynced {
                Unsynced::Lost => c.durable.clone(),
                Unsynced::Kept => c.bytes.clone(),
                Unsynced::Half => {
                    let more = c.bytes.len().saturating_sub(c.durable.len()) / 2;
                    let end = (c.durable.len() + more).min(c.bytes.len());
                    if more == 0 {
                        c.durable.clone()
                    } else {
                        c.bytes[..end].to_vec()
                    }
                }
            };
            Content {
                durable: bytes.clone(),
                bytes,
            }
        };
        let names = match unsynced {
            Unsynced::Lost => &state.durable_names,
            _ => &state.names,
        };
        Arc::new(Self(Mutex::new(State {
            files: state.files.iter().map(keep).collect(),
            names: names.clone(),
            durable_names: names.clone(),
            dirs: state.dirs.clone(),
            ..State::default()
        })))
    }

    /// Changes one file's bytes behind everybody's back, as a bad disk does.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        if let Ok(index) = state.find(path) {
            let content = &mut state.files[index];
            change(&mut content.bytes);
            content.durable = content.bytes.clone();
        }
    }

    /// Every file, sorted.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().names.keys().cloned().collect()
    }

    pub(super) fn open(self: &Arc<Self>, path: &Path) -> io::Result<SimFile> {
        let index = self.0.lock().find(path)?;
        Ok(SimFile {
            sim: Arc::clone(self),
            index,
        })
    }

    pub(super) fn create(self: &Arc<Self>, path: &Path) -> io::Result<SimFile> {
        let mut state = self.0.lock();
        state.step()?;
        let index = if let Ok(index) = state.find(path) {
            state.files[index].bytes.clear();
            index
        } else {
            if !path.parent().is_some_and(|p| state.dirs.contains(p)) {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            state.files.push(Content::default());
            let index = state.files.len() - 1;
            state.names.insert(path.to_owned(), index);
            index
        };
        Ok(SimFile {
            sim: Arc::clone(self),
            index,
        })
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.step()?;
        let index = state.find(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), index);
        Ok(())
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.free_step()?;
        state.find(path)?;
        state.names.remove(path);
        Ok(())
    }

    pub(super) fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.step()?;
        let index = state.find(from)?;
        state.names.insert(to.to_owned(), index);
        Ok(())
    }

    pub(super) fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let missing: Vec<PathBuf> = path
            .ancestors()
            .filter(|p| !state.dirs.contains(*p))
            .map(Path::to_owned)
            .collect();
        if !missing.is_empty() {
            state.step()?;
            state.dirs.extend(missing);
        }
        Ok(())
    }

    pub(super) fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.free_step()?;
        let here = |p: &PathBuf| p.parent() == Some(path);
        state.durable_names.retain(|p, _| !here(p));
        let now: Vec<_> = state
            .names
            .iter()
            .filter(|(p, _)| here(p))
            .map(|(p, i)| (p.clone(), *i))
            .collect();
        state.durable_names.extend(now);
        Ok(())
    }

    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let state = self.0.lock();
        if !state.dirs.contains(path) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned());
        let files = state.names.iter().map(|(p, i)| (p, Some(*i)));
        let dirs = state.dirs.iter().map(|p| (p, None));
        Ok(files
            .chain(dirs)
            .filter(|(p, _)| p.parent() == Some(path))
            .filter_map(|(p, index)| {
                Some(Entry {
                    name: name(p)?,
                    is_dir: index.is_none(),
                    len: index.map_or(0, |i| state.files[i].bytes.len() as u64),
                })
            })
            .collect())
    }

    pub(super) fn facts(&self, path: &Path) -> io::Result<Facts> {
        let state = self.0.lock();
        let is_dir = state.dirs.contains(path);
        let index = if is_dir { 0 } else { state.find(path)? };
        Ok(Facts {
            is_dir,
            len: if is_dir {
                0
            } else {
                state.files[index].bytes.len() as u64
            },
            modified_ms: 0,
            device: 0,
            inode: index as u64,
        })
    }

    pub(super) fn lock(&self, path: &Path) -> bool {
        self.0.lock().locks.insert(path.to_owned())
    }

    pub(super) fn unlock(&self, path: &Path) {
        self.0.lock().locks.remove(path);
    }
}

impl SimFile {
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.sim.0.lock();
        let step = state.step()?;
        let content = &mut state.files[self.index];
        match step {
            Step::Go => content.bytes.extend_from_slice(bytes),
            Step::Half => {
                content.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
                return Err(io::Error::from_raw_os_error(libc::EIO));
            }
        }
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        let mut state = self.sim.0.lock();
        state.free_step()?;
        let content = &mut state.files[self.index];
        content.durable = content.bytes.clone();
        Ok(())
    }

    pub(super) fn facts(&self) -> io::Result<Facts> {
        Ok(Facts {
            is_dir: false,
            len: self.len()?,
            modified_ms: 0,
            device: 0,
            inode: self.index as u64,
        })
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        let state = self.sim.0.lock();
        state.up()?;
        Ok(state.files[self.index].bytes.len() as u64)
    }

    pub(super) fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.sim.0.lock();
        state.free_step()?;
        state.files[self.index].bytes.truncate(len as usize);
        Ok(())
    }

    pub(super) fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let state = self.sim.0.lock();
        state.up()?;
        let bytes = &state.files[self.index].bytes;
        let from = bytes.get(at as usize..).unwrap_or_default();
        let n = from.len().min(buf.len());
        buf[..n].copy_from_slice(&from[..n]);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fs::Fs;

    #[test]
    fn a_crash_loses_what_was_not_synced() {
        let sim = Sim::new();
        let fs = Fs::sim(Arc::clone(&sim));
        let dir = Path::new("/d");
        fs.create_dir_all(dir).unwrap();
        let mut file = fs.create(&dir.join("a")).unwrap();
        file.append(b"one").unwrap();
        file.sync().unwrap();
        file.append(b"more").unwrap();
        let after = |u| Fs::sim(sim.after_crash(u)).read(&dir.join("a"), 99);
        assert!(after(Unsynced::Lost).is_err());
        fs.sync_dir(dir).unwrap();
        let after = |u| {
            Fs::sim(sim.after_crash(u))
                .read(&dir.join("a"), 99)
                .unwrap()
        };
        assert_eq!(after(Unsynced::Lost), b"one");
        assert_eq!(after(Unsynced::Half), b"onemo");
        assert_eq!(after(Unsynced::Kept), b"onemore");
    }

    #[test]
    fn faults_strike_at_their_operation() {
        let sim = Sim::new();
        let fs = Fs::sim(Arc::clone(&sim));
        fs.create_dir_all(Path::new("/d")).unwrap();
        let mut file = fs.create(Path::new("/d/a")).unwrap();
        sim.fail_at(2, Fault::ShortWrite);
        file.append(b"1234").unwrap();
        assert!(file.append(b"5678").is_err());
        assert_eq!(file.len().unwrap(), 6);
        sim.fail_at(1, Fault::NoSpace);
        assert!(file.append(b"x").unwrap_err().is_full());
        assert!(file.append(b"x").unwrap_err().is_full());
        sim.heal();
        file.append(b"x").unwrap();
    }
}
