//! Every reason not to send SIGQUIT to a JVM.

use crate::collect::jvm::attach::AttachError;
use crate::collect::jvm::counters::Place;
use crate::collect::jvm::find::{Found, Machine, field, read_bounded};
use crate::collect::jvm::hsperf;
use std::fs;
use std::path::Path;

/// Bit of SIGQUIT in the masks of `/proc/PID/status`.
const QUIT_BIT: u64 = 1 << 2;

/// Flags with which the signal prints or kills.
const REFUSING: [&str; 3] = [
    "-XX:+DisableAttachMechanism",
    "-XX:+ReduceSignalUsage",
    "-Xrs",
];

/// Says yes only where nothing is in doubt.
pub(super) fn may_signal(proc: &Path, found: &Found) -> Result<(), AttachError> {
    if found.machine != Machine::HotSpot {
        return Err(AttachError::NotHotSpot);
    }
    let dir = proc.join(found.pid.to_string());
    // By `exec` the same process may have become something else since it was found.
    let maps = read_bounded(&dir.join("maps")).map_err(|_| AttachError::Gone)?;
    if memchr::memmem::find(&maps, b"/libjvm.so").is_none() {
        return Err(AttachError::NotHotSpot);
    }
    flags(proc, found)?;
    let status = read_bounded(&dir.join("status")).map_err(|_| AttachError::Gone)?;
    let status = String::from_utf8_lossy(&status);
    match field(&status, "State:").and_then(|s| s.chars().next()) {
        Some('T' | 't') => return Err(AttachError::Stopped { how: "stopped" }),
        Some('Z' | 'X') | None => return Err(AttachError::Gone),
        Some(_) => {}
    }
    if is_frozen(&dir) {
        return Err(AttachError::Stopped { how: "paused" });
    }
    let caught = field(&status, "SigCgt:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    match caught {
        Some(mask) if mask & QUIT_BIT != 0 => Ok(()),
        _ => Err(AttachError::WouldDie),
    }
}

/// Flags stand on the command line, in the environment, in files that either names, and in the
/// counters, where the JVM itself wrote all of them.
fn flags(proc: &Path, found: &Found) -> Result<(), AttachError> {
    let mut bytes = Vec::new();
    let readable = Place::default().read(proc, found, &mut bytes).is_ok();
    let counters = hsperf::parse(&bytes).ok().filter(|_| readable);
    let texts = ["java.rt.vmArgs", "java.rt.vmFlags"];
    let told = texts.iter().filter_map(|t| counters.as_ref()?.text(t));
    let told = told.flat_map(str::split_whitespace);
    let mut given = found.command.iter().chain(&found.environment);
    let written = given.clone().map(String::as_str);
    if let Some(flag) = written.chain(told).find(|f| REFUSING.contains(f)) {
        return Err(AttachError::Refuses {
            flag: flag.to_owned(),
        });
    }
    let hidden = |word: &&String| {
        let files = ["@", "-XX:Flags=", "-XX:VMOptionsFile="];
        files.iter().any(|f| word.starts_with(f))
    };
    match given.find(hidden) {
        Some(place) if counters.is_none() => Err(AttachError::Unknown {
            place: place.clone(),
        }),
        _ => Ok(()),
    }
}

/// A paused container: its processes see no signal until it goes on.
fn is_frozen(dir: &Path) -> bool {
    let cgroup = read_bounded(&dir.join("cgroup")).unwrap_or_default();
    let cgroup = String::from_utf8_lossy(&cgroup).into_owned();
    cgroup.lines().any(|line| {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(kinds), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let read = |file: String| fs::read_to_string(file).unwrap_or_default();
        if kinds.split(',').any(|k| k == "freezer") {
            read(format!("/sys/fs/cgroup/freezer{path}/freezer.state")).starts_with("FRO")
        } else {
            let events = read(format!("/sys/fs/cgroup{path}/cgroup.events"));
            kinds.is_empty() && events.lines().any(|l| l == "frozen 1")
        }
    })
}

/// The effective group of a process.
pub(super) fn group_of(proc: &Path, pid: i32) -> Option<u32> {
    let status = read_bounded(&proc.join(format!("{pid}/status"))).ok()?;
    let status = String::from_utf8_lossy(&status).into_owned();
    field(&status, "Gid:")?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}
