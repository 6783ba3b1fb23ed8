//! What this process costs: memory, processor time, threads, open files.
//!
//! Read from /proc/self, so the figures are the kernel's and not our own opinion. Where they
//! cannot be read (another system, no /proc) they are zero.

mod code;

pub use code::give_back_code;

use crate::base::clock::{self, Instant};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs;

/// The name of an account of this machine, else its number: `kim`, `uid 1000`. What is known only to
/// a directory service has its number.
pub fn account(uid: u32) -> String {
    static KNOWN: Mutex<BTreeMap<u32, String>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock();
    if let Some(name) = known.get(&uid) {
        return name.clone();
    }
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = named(&text, uid).unwrap_or_else(|| format!("uid {uid}"));
    if known.len() < MOST_ACCOUNTS {
        known.insert(uid, name.clone());
    }
    name
}

/// What the environment says of the person beside the account: `sudo by kim`, `ssh from 10.0.0.7`. A
/// remark for records, never a right.
pub fn remark() -> String {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    remark_of(&var("SUDO_USER"), &var("SSH_CONNECTION"))
}

/// sshd's variable is `CLIENT PORT SERVER PORT`.
fn remark_of(sudo: &str, ssh: &str) -> String {
    let sudo = (!sudo.is_empty()).then(|| format!("sudo by {sudo}"));
    let ssh = ssh.split_whitespace().next();
    let ssh = ssh.map(|client| format!("ssh from {client}"));
    let all: Vec<String> = sudo.into_iter().chain(ssh).collect();
    all.join(", ")
}

/// Names that are remembered.
const MOST_ACCOUNTS: usize = 1_000;

/// passwd(5): name, password, number and more, parted by colons.
fn named(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
    })
}

/// One reading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Resident bytes, and the highest they have been.
    pub rss: u64,
    pub rss_peak: u64,
    /// Of `rss`, what is backed by files: the code.
    pub rss_file: u64,
    /// Seconds of processor time since the start.
    pub cpu_seconds: f64,
    /// Share of one core since the reading before, or since the start at the first one.
    pub cpu: f64,
    pub threads: u32,
    pub open_files: u32,
    /// The most files that may be open.
    pub open_files_limit: u64,
    /// When the process was started, in clock ticks after boot.
    pub started: u64,
    pub allocator: Option<Allocator>,
}

/// What the allocator holds, in bytes; only where jemalloc is compiled in and used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocator {
    /// Asked for by the program and in use.
    pub allocated: u64,
    /// In pages that hold something in use.
    pub active: u64,
    /// Held in physical memory.
    pub resident: u64,
    /// Kept for later without being held in memory.
    pub retained: u64,
}

/// The memory that this process's cgroup allows it, where one does: version 2's `memory.max`, else
/// version 1's `memory.limit_in_bytes`. A parent's smaller limit is not looked for.
pub fn memory_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limit = |line: &str| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let path = path.trim_start_matches('/');
        let file = match controllers {
            "" => format!("/sys/fs/cgroup/{path}/memory.max"),
            c if c.split(',').any(|c| c == "memory") => {
                format!("/sys/fs/cgroup/memory/{path}/memory.limit_in_bytes")
            }
            _ => return None,
        };
        fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()
    };
    groups.lines().filter_map(limit).min()
}

/// Remembers the reading before, for the share of a core.
#[derive(Debug)]
pub struct Own {
    before: Option<(Instant, f64)>,
    begun: Instant,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            before: None,
            begun: clock::monotonic(),
        }
    }
}

impl Own {
    pub fn read(&mut self) -> Cost {
        let at = clock::monotonic();
        let mut cost = stat().unwrap_or_default();
        let (since, spent) = self.before.unwrap_or((self.begun, 0.0));
        let seconds = at.duration_since(since).as_secs_f64();
        if seconds > 0.0 {
            cost.cpu = (cost.cpu_seconds - spent).max(0.0) / seconds;
        }
        self.before = Some((at, cost.cpu_seconds));
        status(&mut cost);
        // The list itself is one of the open files.
        let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        cost.open_files = files.saturating_sub(1) as u32;
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        cost.open_files_limit = limit.current.unwrap_or(u64::MAX);
        cost.allocator = allocator();
        cost
    }
}

/// Files that this process lets itself open at most, as far as it may: the soft limit that shells
/// and services give, 1,024, is there for programs that call `select`.
const OPEN_FILES: u64 = 65_536;

/// Raises the limit on open files to what the hard one allows. Where that is refused it stays.
pub fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES);
    if limit.current.is_some_and(|now| now < most) {
        limit.current = Some(most);
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// Processor time, threads and start of `/proc/self/stat`.
fn stat() -> Option<Cost> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The name ends at the last bracket; the state is the first word behind it.
    let words: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |i: usize| words.get(i)?.parse::<u64>().ok();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    Some(Cost {
        cpu_seconds: (number(11)? + number(12)?) as f64 / ticks,
        threads: number(17)? as u32,
        started: number(19)?,
        ..Cost::default()
    })
}

fn status(cost: &mut Cost) {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |key: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(key))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    cost.rss = kib("VmRSS:").unwrap_or(0) * 1024;
    cost.rss_peak = kib("VmHWM:").unwrap_or(0) * 1024;
    cost.rss_file = kib("RssFile:").unwrap_or(0) * 1024;
}

#[cfg(all(
    feature = "release-allocator",
    target_os = "linux",
    not(debug_assertions)
))]
fn allocator() -> Option<Allocator> {
    use tikv_jemalloc_ctl::{epoch, stats};
    epoch::advance().ok()?;
    Some(Allocator {
        allocated: stats::allocated::read().ok()? as u64,
        active: stats::active::read().ok()? as u64,
        resident: stats::resident::read().ok()? as u64,
        retained: stats::retained::read().ok()? as u64,
    })
}

#[cfg(not(all(
    feature = "release-allocator",
    target_os = "linux",
    not(debug_assertions)
)))]
fn allocator() -> Option<Allocator> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_names() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbad\n김:x:1000:1000::/home/kim:/bin/sh\n";
        assert_eq!(named(passwd, 0).as_deref(), Some("root"));
        assert_eq!(named(passwd, 1000).as_deref(), Some("김"));
        assert_eq!(named(passwd, 7), None);
        assert_eq!(account(4_000_000_000), "uid 4000000000");
    }

    #[test]
    fn a_person_behind_an_account_is_remarked() {
        for (sudo, ssh, want) in [
            ("", "", ""),
            ("kim", "", "sudo by kim"),
            ("", "10.0.0.7 50122 10.0.0.1 22", "ssh from 10.0.0.7"),
            ("kim", "fe80::1 1 ::1 22", "sudo by kim, ssh from fe80::1"),
        ] {
            assert_eq!(remark_of(sudo, ssh), want);
        }
    }

    #[test]
    fn this_process_costs_something() {
        let mut own = Own::default();
        let cost = own.read();
        assert!(cost.rss > 1 << 20 && cost.rss_peak >= cost.rss);
        assert!(cost.threads > 0 && cost.started > 0 && cost.open_files >= 3);
        assert!(cost.open_files_limit >= u64::from(cost.open_files));
        // Work until the kernel has counted some of it.
        let mut sum = 0_u64;
        while own.read().cpu_seconds <= cost.cpu_seconds {
            sum = (0..100_000).fold(sum, |s, i| std::hint::black_box(s ^ i));
        }
    }
}
