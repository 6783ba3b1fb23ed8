//! Hearing of changes: inotify on folders, and nothing where the kernel has none left to give.
//! Then the regular look at every file is all there is, and comes more often.

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Folders that are watched at most.
const MOST_FOLDERS: usize = 4_000;

pub(crate) struct Watch {
    fd: Option<OwnedFd>,
    folders: HashMap<i32, PathBuf>,
    by_path: HashMap<PathBuf, i32>,
    /// Why some folder is not watched.
    pub(crate) lacking: Option<String>,
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Files that changed.
    pub(crate) files: Vec<PathBuf>,
    /// Names came or went: look at the patterns again.
    pub(crate) names: bool,
}

impl Watch {
    pub(crate) fn new() -> Self {
        let made = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        let lacking = made.as_ref().err().map(ToString::to_string);
        Self {
            fd: made.ok(),
            folders: HashMap::new(),
            by_path: HashMap::new(),
            lacking,
        }
    }

    /// Watches these folders and no others.
    pub(crate) fn set(&mut self, folders: &[PathBuf]) {
        let Some(fd) = &self.fd else { return };
        self.lacking = None;
        let gone: Vec<PathBuf> = self
            .by_path
            .keys()
            .filter(|p| !folders.contains(p))
            .cloned()
            .collect();
        for path in gone {
            if let Some(id) = self.by_path.remove(&path) {
                self.folders.remove(&id);
                let _ = inotify::remove_watch(fd, id);
            }
        }
        let flags = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        for path in folders {
            if self.by_path.contains_key(path) {
                continue;
            }
            if self.by_path.len() >= MOST_FOLDERS {
                self.lacking = Some(format!("more than {MOST_FOLDERS} folders"));
                return;
            }
            match inotify::add_watch(fd, path, flags) {
                Ok(id) => {
                    self.folders.insert(id, path.clone());
                    self.by_path.insert(path.clone(), id);
                }
                Err(e) => self.lacking = Some(format!("{}: {e}", path.display())),
            }
        }
    }

    /// True where every folder is watched, so that files need be looked at only now and then.
    pub(crate) fn is_whole(&self) -> bool {
        self.fd.is_some() && self.lacking.is_none()
    }

    /// Waits for news at most so long.
    pub(crate) fn wait(&mut self, most_ms: i64) -> Heard {
        let mut heard = Heard::default();
        let Some(fd) = &self.fd else {
            std::thread::sleep(std::time::Duration::from_millis(most_ms.unsigned_abs()));
            return heard;
        };
        let mut poll = [rustix::event::PollFd::new(fd, rustix::event::PollFlags::IN)];
        let wait = rustix::time::Timespec {
            tv_sec: most_ms / 1000,
            tv_nsec: most_ms % 1000 * 1_000_000,
        };
        if !matches!(rustix::event::poll(&mut poll, Some(&wait)), Ok(1)) {
            return heard;
        }
        let mut space = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = Reader::new(fd, &mut space);
        while let Ok(event) = reader.next() {
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                heard.names = true;
                continue;
            }
            // The folder is gone, or has another name: one that takes its place is watched anew.
            let moved = event.events().contains(ReadFlags::MOVE_SELF);
            if moved {
                let _ = inotify::remove_watch(fd, event.wd());
            }
            if moved || event.events().contains(ReadFlags::IGNORED) {
                if let Some(folder) = self.folders.remove(&event.wd()) {
                    self.by_path.remove(&folder);
                    heard.names = true;
                }
                continue;
            }
            heard.names |= !event.events().contains(ReadFlags::MODIFY);
            let name = event
                .file_name()
                .map(|n| Path::new(std::ffi::OsStr::from_bytes(n.to_bytes())));
            if let (Some(folder), Some(name)) = (self.folders.get(&event.wd()), name) {
                let path = folder.join(name);
                if heard.files.last() != Some(&path) {
                    heard.files.push(path);
                }
            }
        }
        heard
    }
}
