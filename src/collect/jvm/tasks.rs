//! CPU time of a process' threads by their native ids, as its own thread dump names them.

use crate::collect::jvm::find::Found;
use hashbrown::HashMap;
use std::fs;
use std::path::Path;

/// More threads than any JVM that is looked at.
const MAX_TASKS: usize = 50_000;

/// Nanoseconds on a CPU by thread id of the process' own pid namespace.
pub(crate) fn cpu_times(proc: &Path, found: &Found) -> HashMap<u64, u64> {
    let dir = proc.join(format!("{}/task", found.pid));
    let mut out = HashMap::new();
    for task in fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .take(MAX_TASKS)
    {
        let path = task.path();
        let outer = task.file_name().to_str().and_then(|n| n.parse().ok());
        let id = if found.pid == found.inner_pid {
            outer
        } else {
            inner_id(&path)
        };
        if let (Some(id), Some(ns)) = (id, nanoseconds(&path)) {
            out.insert(id, ns);
        }
    }
    out
}

/// The last of `NSpid`: the thread's number in the innermost namespace.
fn inner_id(task: &Path) -> Option<u64> {
    let status = fs::read_to_string(task.join("status")).ok()?;
    let ids = status.lines().find_map(|l| l.strip_prefix("NSpid:"))?;
    ids.split_whitespace().last()?.parse().ok()
}

/// From the scheduler's statistics; kernels without them count ticks of 10 ms.
fn nanoseconds(task: &Path) -> Option<u64> {
    let schedstat = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    if let Some(ns) = schedstat
        .split_whitespace()
        .next()
        .and_then(|w| w.parse().ok())
    {
        return Some(ns);
    }
    let stat = fs::read_to_string(task.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok());
    Some((ticks(11)? + ticks(12)?) * 10_000_000)
}

/// Shares of one core between two looks that were `elapsed_ns` apart.
pub(crate) fn shares(
    before: &HashMap<u64, u64>,
    after: &HashMap<u64, u64>,
    elapsed_ns: u64,
) -> Vec<(u64, f64)> {
    let share = |(id, now): (&u64, &u64)| {
        let then = before.get(id)?;
        Some((
            *id,
            now.saturating_sub(*then) as f64 / elapsed_ns.max(1) as f64,
        ))
    };
    let mut out: Vec<(u64, f64)> = after.iter().filter_map(share).collect();
    out.sort_by_key(|(id, _)| *id);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::jvm::find::Machine;

    #[test]
    fn threads_are_known_by_the_number_of_their_own_namespace() {
        let proc = tempfile::tempdir().unwrap();
        for (outer, inner, ns) in [(100, 1, 5_000_000u64), (101, 9, 7_000_000)] {
            let task = proc.path().join(format!("100/task/{outer}"));
            fs::create_dir_all(&task).unwrap();
            fs::write(task.join("status"), format!("NSpid:\t{outer}\t{inner}\n")).unwrap();
            fs::write(task.join("schedstat"), format!("{ns} 1 2\n")).unwrap();
        }
        let mut found = Found {
            pid: 100,
            inner_pid: 1,
            started: 0,
            uid: 0,
            command: Vec::new(),
            environment: Vec::new(),
            machine: Machine::HotSpot,
            container: None,
        };
        let times = cpu_times(proc.path(), &found);
        assert_eq!((times[&1], times[&9]), (5_000_000, 7_000_000));
        let before = HashMap::from([(9, 2_000_000)]);
        assert_eq!(shares(&before, &times, 10_000_000), [(9, 0.5)]);
        found.inner_pid = 100;
        assert!(cpu_times(proc.path(), &found).contains_key(&101));
        let stat = format!("101 (a) b) S {} 3 4 0", "0 ".repeat(10).trim());
        let task = proc.path().join("100/task/101");
        fs::write(task.join("stat"), stat).unwrap();
        fs::remove_file(task.join("schedstat")).unwrap();
        assert_eq!(cpu_times(proc.path(), &found)[&101], 70_000_000);
    }
}
