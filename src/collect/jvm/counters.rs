//! The bytes of a JVM's counters, or why there are none.
//!
//! They lie below the JVM's own root, which another user, or a container, fills as they like: paths
//! are resolved inside that root, links are not followed, and the file must belong to the JVM's user.

use crate::collect::jvm::find::{Found, Machine};
use crate::collect::jvm::hsperf::MAX_FILE;
use crate::collect::jvm::read::Problem;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Folders of `/tmp` that are looked at; each user that ever ran a JVM there has one.
const MAX_FOLDERS: usize = 4096;

/// Opens a folder below the JVM's root. A link in it leads to where it does for the JVM, never to
/// that place of our own root.
pub(crate) fn open_below_root(proc: &Path, pid: i32, path: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
    let root = proc.join(format!("{pid}/root"));
    let root = rustix::fs::open(&root, flags, Mode::empty())?;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(&root, path, flags, Mode::empty(), inside) {
        // Kernels before 5.6, and sandboxes that refuse the call: a link is then refused instead.
        Err(Errno::NOSYS | Errno::PERM) => {
            rustix::fs::openat(&root, path, flags | OFlags::NOFOLLOW, Mode::empty())
        }
        opened => opened,
    }
}

/// The way to what was opened, for calls that take paths only.
pub(crate) fn path_of(folder: &OwnedFd) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()))
}

/// Where a JVM's counters were found, so that the next reading opens one file only, or none.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// `hsperfdata_kim`, once it is known.
    folder: Option<String>,
    /// Held open where the JVM lives in no container: there it would keep the container's file
    /// system mounted.
    file: Option<fs::File>,
}

impl Place {
    /// Reads the whole file into `out`.
    pub(crate) fn read(
        &mut self,
        proc: &Path,
        found: &Found,
        out: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        speaks(found)?;
        if let Some(file) = &self.file {
            // A file that lost its name is not written any more.
            let named = file.metadata().is_ok_and(|m| m.nlink() > 0);
            if named && read_whole(file, out).is_ok() {
                return Ok(());
            }
            self.file = None;
        }
        if let Some(folder) = &self.folder {
            let name = format!("{}/root/tmp/{folder}/{}", found.pid, found.inner_pid);
            if let Ok(file) = read_owned(&proc.join(name), found.uid, out) {
                self.file = Some(file).filter(|_| found.container.is_none());
                return Ok(());
            }
        }
        self.search(proc, found, out)
    }

    fn search(&mut self, proc: &Path, found: &Found, out: &mut Vec<u8>) -> Result<(), Problem> {
        let tmp = open_below_root(proc, found.pid, "tmp").map_err(|_| other_user(found))?;
        let folders = fs::read_dir(path_of(&tmp)).map_err(|_| other_user(found))?;
        for folder in folders.flatten().take(MAX_FOLDERS) {
            let name = folder.file_name().to_string_lossy().into_owned();
            if !name.starts_with("hsperfdata_") {
                continue;
            }
            match read_owned(
                &folder.path().join(found.inner_pid.to_string()),
                found.uid,
                out,
            ) {
                Ok(_) => {
                    // Where /tmp is a link the short way would lead elsewhere: it is not taken.
                    let straight =
                        fs::symlink_metadata(proc.join(format!("{}/root/tmp", found.pid)));
                    self.folder = straight.is_ok_and(|m| m.is_dir()).then_some(name);
                    return Ok(());
                }
                Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                    return Err(other_user(found));
                }
                Err(_) => {}
            }
        }
        Err(none_written(found))
    }
}

/// Whether it is a machine whose counters are understood, and has them switched on.
fn speaks(found: &Found) -> Result<(), Problem> {
    match found.machine {
        Machine::HotSpot => {}
        Machine::OpenJ9 => {
            return Err(Problem {
                why: "OpenJ9 keeps no HotSpot counters".to_owned(),
                way_out: "scrape it through Micrometer or the JMX exporter".to_owned(),
            });
        }
        Machine::Hidden => return Err(other_user(found)),
    }
    let switched_off = ["-XX:-UsePerfData", "-XX:+PerfDisableSharedMem"];
    let mut flags = found.command.iter().chain(&found.environment);
    if let Some(flag) = flags.find(|a| switched_off.contains(&a.as_str())) {
        return Err(Problem {
            why: format!("it runs with {flag}"),
            way_out: format!("start it without {flag}, or scrape it through Micrometer"),
        });
    }
    Ok(())
}

fn none_written(found: &Found) -> Problem {
    let way_out = if found.container.is_some() {
        "give that user a line in the container's /etc/passwd and a writable /tmp, or scrape it through Micrometer"
    } else {
        "give that user a line in /etc/passwd and a writable /tmp, or scrape it through Micrometer"
    };
    Problem {
        why: format!(
            "it wrote no counters below its /tmp: uid {} has no line in /etc/passwd, or /tmp is not writable",
            found.uid
        ),
        way_out: way_out.to_owned(),
    }
}

pub(crate) fn other_user(found: &Found) -> Problem {
    Problem {
        why: format!("it belongs to another user (uid {})", found.uid),
        way_out: "run bongsu as root, or as a service with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
            .to_owned(),
    }
}

/// The file's bytes, if it belongs to the JVM's own user: anybody may write into `/tmp`.
fn read_owned(path: &Path, uid: u32, out: &mut Vec<u8>) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    // A pipe of that name must not hold up the reading thread either.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let about = file.metadata()?;
    if about.uid() != uid || !about.is_file() {
        return Err(std::io::Error::other("not the JVM's own file"));
    }
    read_whole(&file, out)?;
    Ok(file)
}

/// At most [`MAX_FILE`] bytes, into memory that is used again.
fn read_whole(file: &fs::File, out: &mut Vec<u8>) -> std::io::Result<()> {
    const USUAL: usize = 64 << 10;
    out.resize(out.len().clamp(USUAL, MAX_FILE), 0);
    let mut len = 0;
    loop {
        len += file.read_at(&mut out[len..], len as u64)?;
        // A file gives all there is: less than was asked for is its end.
        if len < out.len() || len == MAX_FILE {
            break;
        }
        out.resize((2 * len).min(MAX_FILE), 0);
    }
    out.truncate(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn found(uid: u32) -> Found {
        Found {
            pid: 42,
            inner_pid: 7,
            started: 1,
            uid,
            command: vec!["java".to_owned()],
            environment: Vec::new(),
            machine: Machine::HotSpot,
            container: None,
        }
    }

    fn own_uid() -> u32 {
        rustix::process::getuid().as_raw()
    }

    #[test]
    fn a_link_in_a_foreign_root_leads_nowhere_else() {
        let proc = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("hsperfdata_kim");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("7"), b"a secret").unwrap();
        let root = proc.path().join("42/root");
        fs::create_dir_all(&root).unwrap();
        symlink(outside.path(), root.join("tmp")).unwrap();
        let mut out = Vec::new();
        let read = Place::default().read(proc.path(), &found(own_uid()), &mut out);
        assert!(read.is_err() && out.is_empty(), "{out:?}");
        // The file itself may be a link as well.
        fs::remove_file(root.join("tmp")).unwrap();
        fs::create_dir_all(root.join("tmp/hsperfdata_kim")).unwrap();
        symlink(folder.join("7"), root.join("tmp/hsperfdata_kim/7")).unwrap();
        let read = Place::default().read(proc.path(), &found(own_uid()), &mut out);
        assert!(read.is_err() && out.is_empty(), "{out:?}");
    }

    #[test]
    fn a_file_of_another_user_is_not_the_jvms() {
        let proc = tempfile::tempdir().unwrap();
        let folder = proc.path().join("42/root/tmp/hsperfdata_kim");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("7"), b"bytes").unwrap();
        let mut out = Vec::new();
        let mut place = Place::default();
        assert!(
            place
                .read(proc.path(), &found(own_uid() + 1), &mut out)
                .is_err()
        );
        place
            .read(proc.path(), &found(own_uid()), &mut out)
            .unwrap();
        place
            .read(proc.path(), &found(own_uid()), &mut out)
            .unwrap();
        assert_eq!(out, b"bytes");
    }

    #[test]
    fn each_absence_has_its_reason() {
        let proc = tempfile::tempdir().unwrap();
        let why = |found: &Found| {
            let read = Place::default().read(proc.path(), found, &mut Vec::new());
            let problem = read.unwrap_err();
            assert!(!problem.way_out.is_empty());
            problem.why
        };
        let with = |edit: &dyn Fn(&mut Found)| {
            let mut found = found(7);
            edit(&mut found);
            why(&found)
        };
        assert!(with(&|_| ()).contains("another user (uid 7)"));
        fs::create_dir_all(proc.path().join("42/root/tmp")).unwrap();
        assert!(with(&|_| ()).contains("no line in /etc/passwd"));
        assert!(with(&|f| f.machine = Machine::OpenJ9).contains("OpenJ9"));
        let flag = || "-XX:-UsePerfData".to_owned();
        assert!(with(&|f| f.command.push(flag())).contains("-XX:-UsePerfData"));
        assert!(with(&|f| f.environment.push(flag())).contains("-XX:-UsePerfData"));
    }
}
