//! The mounted file systems, and asking them without ever waiting for a dead one.
//!
//! `statfs` on a dead NFS server sleeps where no signal reaches. So every file system that may
//! hang has a thread of its own: it is asked through a channel and has a deadline; while it is
//! stuck it is reported as such at once and not asked again. A thread ends when its mount goes.

use crate::base::clock;
use crate::collect::host::text::unescape;
use crate::config::host::Picks;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Kinds that are left out: node_exporter's default, without its own `|`.
const KINDS_LEFT_OUT: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "erofs",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "procfs",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tracefs",
];

/// Kinds that answer from memory or a local disk. All others may hang.
const KINDS_TRUSTED: &[&str] = &[
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfsplus", "jfs", "minix",
    "msdos", "nilfs2", "ntfs3", "ramfs", "reiserfs", "rootfs", "tmpfs", "udf", "ufs", "vfat",
    "xfs", "zfs",
];

/// More threads than this are never started; mounts beyond it count as not answering.
const MOST_THREADS: usize = 64;

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) device: String,
    pub(crate) point: String,
    pub(crate) kind: String,
    pub(crate) read_only: bool,
}

/// What a file system answers, in bytes and files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Space {
    pub(crate) size: f64,
    pub(crate) free: f64,
    pub(crate) available: f64,
    pub(crate) files: f64,
    pub(crate) files_free: f64,
}

/// The mounts of a /proc/mounts that are not left out, each once.
pub(crate) fn parse(text: &str, picks: &Picks) -> Vec<Mount> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(device), Some(point), Some(kind), Some(options)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let (device, point) = (unescape(device), unescape(point));
        let takes_kind = picks
            .fs_types
            .takes(kind, || KINDS_LEFT_OUT.contains(&kind));
        if !takes_kind || !picks.mount_points.takes(&point, || point_left_out(&point)) {
            continue;
        }
        if seen.insert((device.clone(), point.clone(), kind.to_owned())) {
            out.push(Mount {
                device,
                point,
                kind: kind.to_owned(),
                read_only: options.split(',').any(|o| o == "ro"),
            });
        }
    }
    out
}

/// node_exporter's default `^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|
/// var/lib/containers/storage/.+)($|/)`, written out.
fn point_left_out(point: &str) -> bool {
    let below = |root: &str| {
        point
            .strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let inside = |root: &str| {
        point
            .strip_prefix(root)
            .is_some_and(|rest| !rest.is_empty())
    };
    ["/dev", "/proc", "/sys"].into_iter().any(below)
        || [
            "/run/credentials/",
            "/var/lib/docker/",
            "/var/lib/containers/storage/",
        ]
        .into_iter()
        .any(inside)
}

/// The threads that ask the mounts that may hang.
#[derive(Debug, Default)]
pub(crate) struct Watch(BTreeMap<PathBuf, Asker>);

#[derive(Debug)]
struct Asker {
    ask: SyncSender<()>,
    answer: Receiver<Option<Space>>,
    /// Asked and not yet answered.
    waiting: bool,
}

impl Watch {
    /// One answer per mount, in order; `None` where it failed or did not come in time. All
    /// mounts together wait no longer than `deadline`.
    pub(crate) fn ask(
        &mut self,
        mounts: &[Mount],
        root: &Path,
        deadline: Duration,
    ) -> Vec<Option<Space>> {
        let place = |m: &Mount| root.join(m.point.trim_start_matches('/'));
        let suspect = |m: &&Mount| !KINDS_TRUSTED.contains(&m.kind.as_str());
        let places: BTreeSet<PathBuf> = mounts.iter().filter(suspect).map(place).collect();
        // Dropping an asker closes its channel: its thread ends as soon as it wakes.
        self.0.retain(|place, _| places.contains(place));
        let begun = clock::monotonic();
        let fresh: BTreeSet<PathBuf> = places
            .into_iter()
            .filter(|place| self.send(place))
            .collect();
        let mut out = Vec::with_capacity(mounts.len());
        for mount in mounts {
            let place = place(mount);
            out.push(if suspect(&mount) {
                let left = deadline.saturating_sub(begun.elapsed());
                // What was stuck before has had its time.
                let left = if fresh.contains(&place) {
                    left
                } else {
                    Duration::ZERO
                };
                self.receive(&place, left)
            } else {
                statfs(&place)
            });
        }
        out
    }

    /// True where the mount was asked just now, false where it still owes the last answer.
    fn send(&mut self, place: &Path) -> bool {
        if !self.0.contains_key(place) {
            if self.0.len() >= MOST_THREADS {
                return false;
            }
            let Some(asker) = Asker::start(place.to_owned()) else {
                return false;
            };
            self.0.insert(place.to_owned(), asker);
        }
        let Some(asker) = self.0.get_mut(place) else {
            return false;
        };
        if asker.waiting {
            return false;
        }
        asker.waiting = asker.ask.try_send(()).is_ok();
        asker.waiting
    }

    fn receive(&mut self, place: &Path, wait: Duration) -> Option<Space> {
        let asker = self.0.get_mut(place)?;
        let got = asker.answer.recv_timeout(wait).ok()?;
        asker.waiting = false;
        got
    }
}

impl Asker {
    fn start(place: PathBuf) -> Option<Self> {
        let (ask, asked) = sync_channel::<()>(1);
        let (tell, answer) = sync_channel(1);
        std::thread::Builder::new()
            .name("mount".to_owned())
            .stack_size(64 << 10)
            .spawn(move || {
                while asked.recv().is_ok() {
                    if tell.send(statfs(&place)).is_err() {
                        return;
                    }
                }
            })
            .ok()?;
        Some(Self {
            ask,
            answer,
            waiting: false,
        })
    }
}

fn statfs(place: &Path) -> Option<Space> {
    let s = rustix::fs::statvfs(place).ok()?;
    let block = s.f_frsize as f64;
    Some(Space {
        size: s.f_blocks as f64 * block,
        free: s.f_bfree as f64 * block,
        available: s.f_bavail as f64 * block,
        files: s.f_files as f64,
        files_free: s.f_ffree as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_left_out_and_what_is_once() {
        let text = "proc /proc proc rw 0 0\n\
            /dev/sda1 / ext4 rw,noatime 0 0\n\
            /dev/sda1 / ext4 rw,noatime 0 0\n\
            /dev/sdb /mnt/two\\040words xfs ro,relatime 0 0\n\
            overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0\n\
            tmpfs /dev/shm tmpfs rw 0 0\n\
            tmpfs /devices tmpfs rw 0 0\n\
            nas:/x /nas nfs4 rw 0 0\nbroken line\n";
        let points: Vec<_> = parse(text, &Picks::default())
            .into_iter()
            .map(|m| (m.point, m.read_only))
            .collect();
        assert_eq!(
            points,
            [
                ("/".to_owned(), false),
                ("/mnt/two words".to_owned(), true),
                ("/devices".to_owned(), false),
                ("/nas".to_owned(), false),
            ]
        );
    }

    #[test]
    fn a_mount_that_never_answers_holds_up_nobody() {
        let mount = Mount {
            device: "nas:/x".to_owned(),
            point: "/".to_owned(),
            kind: "nfs4".to_owned(),
            read_only: false,
        };
        let mut watch = Watch::default();
        // An asker whose thread took the question and says nothing.
        let (ask, _asked) = sync_channel(1);
        let (tell, answer) = sync_channel(1);
        let stuck = Asker {
            ask,
            answer,
            waiting: false,
        };
        watch.0.insert(PathBuf::from("/"), stuck);
        let mounts = [mount];
        let short = Duration::from_millis(1);
        assert_eq!(watch.ask(&mounts, Path::new("/"), short), [None]);
        // The second time it is not waited for, however long the deadline.
        let begun = clock::monotonic();
        let long = Duration::from_mins(10);
        assert_eq!(watch.ask(&mounts, Path::new("/"), long), [None]);
        assert!(begun.elapsed() < long);
        // When it comes back, its late answer counts, and then it is asked anew.
        let space = statfs(Path::new("/"));
        tell.send(space).unwrap();
        assert_eq!(watch.ask(&mounts, Path::new("/"), short), [space]);
        // Gone from the list, gone from the threads.
        assert_eq!(watch.ask(&[], Path::new("/"), short), []);
        assert!(watch.0.is_empty());
    }

    #[test]
    fn a_suspect_mount_answers_through_its_thread() {
        let mount = Mount {
            device: "x".to_owned(),
            point: "/".to_owned(),
            kind: "fuse.sshfs".to_owned(),
            read_only: false,
        };
        let mut watch = Watch::default();
        let got = watch.ask(&[mount], Path::new("/"), Duration::from_mins(1));
        assert!(got[0].is_some_and(|s| s.size > 0.0));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "([ -~]|\\\\[0-7]{0,3}|\n)*") {
            let _ = parse(&text, &Picks::default());
        }
    }
}
