//! The half of a process row that costs more than one file: user, command line, cgroup, I/O.

use crate::base::clock::Instant;
use crate::collect::host::files::fill;
use crate::collect::host::process::stat::Stat;
use crate::model::view::ProcessRow;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// Processes whose details are read for the first time in one pass, at most.
const NEW_PER_PASS: usize = 200;
/// Bytes of a command line that are kept.
const LONGEST_COMMAND: usize = 2048;
/// The list of users is read again at most so often.
const USERS_AGE: Duration = Duration::from_mins(5);

#[derive(Debug)]
pub(crate) struct Details {
    proc: Option<OwnedFd>,
    known: HashMap<i32, Known>,
    users: Users,
    buf: Vec<u8>,
    round: u64,
}

#[derive(Debug)]
struct Known {
    started: u64,
    /// `execve` changes it, and with it the command line.
    name: Vec<u8>,
    uid: u32,
    command: String,
    cgroup: String,
    io: Option<Io>,
    rates: Option<(f64, f64)>,
    /// The last round in which the process was there.
    round: u64,
}

#[derive(Clone, Copy, Debug)]
struct Io {
    read: u64,
    written: u64,
    at: Instant,
}

impl Details {
    pub(crate) fn new(root: &Path) -> Self {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        Self {
            proc: openat(CWD, root.join("proc"), flags, Mode::empty()).ok(),
            known: HashMap::new(),
            users: Users::default(),
            buf: Vec::with_capacity(4096),
            round: 0,
        }
    }

    /// Reads what is not known yet, `first` before the others, and the I/O of `first`; forgets
    /// the processes that are gone.
    pub(crate) fn refresh(&mut self, all: &[Stat], first: &[usize], at: Instant) {
        self.round += 1;
        let mut left = NEW_PER_PASS;
        for i in first.iter().copied().chain(0..all.len()) {
            let stat = &all[i];
            let fresh = match self.known.get_mut(&stat.pid) {
                Some(known) if known.started == stat.started && known.name == stat.name_bytes() => {
                    known.round = self.round;
                    false
                }
                _ => true,
            };
            if fresh && left > 0 {
                left -= 1;
                self.learn(stat);
            }
        }
        for i in first {
            self.measure(&all[*i], at);
        }
        let round = self.round;
        self.known.retain(|_, k| k.round == round);
        self.users.refresh(at);
    }

    /// Fills in what is known.
    pub(crate) fn complete(&self, stat: &Stat, row: &mut ProcessRow) {
        let known = self.known.get(&stat.pid);
        if let Some(known) = known.filter(|k| k.started == stat.started) {
            row.user = self.users.name(known.uid);
            row.command.clone_from(&known.command);
            row.cgroup.clone_from(&known.cgroup);
            row.read_rate = known.rates.map(|r| r.0);
            row.write_rate = known.rates.map(|r| r.1);
        }
    }

    fn learn(&mut self, stat: &Stat) {
        let Some(proc) = &self.proc else {
            return;
        };
        let pid = stat.pid;
        let Ok(meta) = statat(proc, pid.to_string().as_str(), AtFlags::empty()) else {
            return; // gone
        };
        let uid = meta.st_uid;
        self.users.want(uid);
        let mut known = Known {
            started: stat.started,
            name: stat.name_bytes().to_vec(),
            uid,
            command: String::new(),
            cgroup: String::new(),
            io: None,
            rates: None,
            round: self.round,
        };
        // Threads of the kernel have neither command line nor a cgroup of their own.
        if !stat.kernel {
            if let Some(bytes) = self.read(pid, "cmdline") {
                known.command = command(bytes);
            }
            if let Some(bytes) = self.read(pid, "cgroup") {
                known.cgroup = cgroup(&String::from_utf8_lossy(bytes));
            }
        }
        self.known.insert(pid, known);
    }

    fn measure(&mut self, stat: &Stat, at: Instant) {
        if stat.kernel {
            return;
        }
        let io = self.read(stat.pid, "io").and_then(io);
        let Some(known) = self.known.get_mut(&stat.pid) else {
            return;
        };
        let now = io.map(|(read, written)| Io { read, written, at });
        known.rates = match (known.io, now) {
            (Some(old), Some(new)) => {
                let seconds = new.at.duration_since(old.at).as_secs_f64();
                let rate = |new: u64, old: u64| new.saturating_sub(old) as f64 / seconds;
                let rates = (rate(new.read, old.read), rate(new.written, old.written));
                // Twice at one pass: the rates stand.
                if seconds > 0.0 {
                    Some(rates)
                } else {
                    known.rates
                }
            }
            _ => None,
        };
        known.io = now;
    }

    fn read(&mut self, pid: i32, file: &str) -> Option<&[u8]> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let path = format!("{pid}/{file}");
        let fd = openat(self.proc.as_ref()?, path, flags, Mode::empty()).ok()?;
        fill(&fd, &mut self.buf).ok()?;
        Some(&self.buf)
    }
}

/// Arguments are divided by NUL; a program that wrote over them may have left blanks behind.
fn command(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(LONGEST_COMMAND)];
    let text = String::from_utf8_lossy(bytes);
    let plain: String = text
        .chars()
        .map(|c| {
            if c == '\0' || c.is_whitespace() {
                ' '
            } else {
                c
            }
        })
        .collect();
    plain.trim_end().to_owned()
}

/// Bytes really read from and written to disks.
fn io(bytes: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let value = |key: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(key))?;
        line.trim().parse().ok()
    };
    Some((value("read_bytes:")?, value("write_bytes:")?))
}

/// The path that says most: of cgroup v2, else of the memory or systemd hierarchy; shortened to
/// its unit or container.
fn cgroup(text: &str) -> String {
    let paths: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|l| l.split_once(':')?.1.split_once(':'))
        .collect();
    let of = |wanted: &str| {
        let found = paths
            .iter()
            .find(|(controllers, _)| controllers.split(',').any(|c| c == wanted));
        found.map(|(_, path)| *path).filter(|p| *p != "/")
    };
    let path = ["", "memory", "name=systemd", "cpu", "pids"]
        .into_iter()
        .find_map(of);
    path.map(shorten).unwrap_or_default()
}

/// `/system.slice/docker-0123...cdef.scope` becomes `docker 0123456789ab`, `/system.slice/x.service`
/// becomes `x.service`.
fn shorten(path: &str) -> String {
    let mut parts = path.split('/').filter(|p| !p.is_empty()).rev();
    let last = parts.clone().next().unwrap_or_default();
    for part in parts.clone() {
        let bare = part.strip_suffix(".scope").unwrap_or(part);
        let (engine, id) = bare.rsplit_once('-').unwrap_or(("", bare));
        if id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            let engine = match engine {
                "" if path.contains("kubepods") => "pod",
                "" if path.contains("docker") => "docker",
                "" => "container",
                engine => engine,
            };
            return format!("{engine} {}", &id[..12]);
        }
    }
    let unit = |p: &&str| {
        let kind = p.rsplit_once('.').map(|(_, kind)| kind);
        matches!(kind, Some("service" | "scope"))
    };
    parts.find(unit).unwrap_or(last).to_owned()
}

/// Names of users by number, from the system's own list.
#[derive(Debug, Default)]
struct Users {
    names: HashMap<u32, String>,
    /// A number without a name was met.
    unknown: bool,
    read_at: Option<Instant>,
}

impl Users {
    fn want(&mut self, uid: u32) {
        self.unknown |= !self.names.contains_key(&uid);
    }

    fn refresh(&mut self, at: Instant) {
        let old = |read: Instant| at.duration_since(read) >= USERS_AGE;
        if !self.unknown || !self.read_at.is_none_or(old) {
            return;
        }
        // Where the list cannot be read, rows show the number.
        if let Ok(users) = sysinfo::Users::new_with_refreshed_list() {
            self.names = users
                .iter()
                .map(|u| (**u.id(), u.name().to_owned()))
                .collect();
        }
        self.unknown = false;
        self.read_at = Some(at);
    }

    fn name(&self, uid: u32) -> String {
        let name = self.names.get(&uid).cloned();
        name.unwrap_or_else(|| uid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_is_shortened_to_its_unit_or_container() {
        let id = "0123456789abcdef".repeat(4);
        let cases = [
            ("0::/system.slice/ssh.service\n".to_owned(), "ssh.service"),
            (
                format!("0::/system.slice/docker-{id}.scope\n"),
                "docker 0123456789ab",
            ),
            (
                format!("5:memory:/docker/{id}\n1:name=systemd:/docker/{id}\n"),
                "docker 0123456789ab",
            ),
            (
                format!("0::/kubepods/burstable/podx/{id}\n"),
                "pod 0123456789ab",
            ),
            (
                "0::/user.slice/user-1000.slice/session-2.scope\n".to_owned(),
                "session-2.scope",
            ),
            ("0::/\n".to_owned(), ""),
            ("broken".to_owned(), ""),
        ];
        for (text, short) in cases {
            assert_eq!(cgroup(&text), short, "{text}");
        }
    }

    #[test]
    fn a_command_is_one_line() {
        assert_eq!(command(b"java\0-jar\0a b.jar\0\0"), "java -jar a b.jar");
        assert_eq!(command(b"sh\0-c\0a\nb\0"), "sh -c a b");
        assert_eq!(command(&[b'x'; 5000]).len(), LONGEST_COMMAND);
    }

    #[test]
    fn io_needs_both_numbers() {
        let text = b"rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 0\n";
        assert_eq!(io(text), Some((4096, 8192)));
        assert_eq!(io(b"read_bytes: 1\n"), None);
    }
}
