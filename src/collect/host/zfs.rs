//! ZFS: its caches, and its pools.

use crate::collect::host::Reading;
use crate::collect::host::families::{Families, gauge, untyped};
use crate::collect::host::files::Failure;

const ROOT: &str = "spl/kstat/zfs";
const HELP: &str = "A counter of ZFS, as its kstat files name it.";

/// File, and what stands after `node_zfs_`.
const FILES: &[(&str, &str)] = &[
    ("abdstats", "abd"),
    ("arcstats", "arc"),
    ("dbufstats", "dbuf"),
    ("dmu_tx", "dmu_tx"),
    ("dnodestats", "dnode"),
    ("fm", "fm"),
    ("vdev_cache_stats", "vdev_cache"),
    ("vdev_mirror_stats", "vdev_mirror"),
    ("xuio_stats", "xuio"),
    ("zfetchstats", "zfetch"),
    ("zil", "zil"),
];

const STATES: &[&str] = &[
    "online",
    "degraded",
    "faulted",
    "offline",
    "removed",
    "suspended",
    "unavail",
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let names = r.files.proc_list(ROOT)?;
    for (file, part) in FILES {
        // Versions of ZFS differ in which files they have.
        if let Ok(text) = r.files.proc(&format!("{ROOT}/{file}")) {
            for (key, value) in kstat(text) {
                let key = key.replace('-', "_");
                let desc = untyped(format!("node_zfs_{part}_{key}"), HELP);
                r.out.one(&desc, value);
            }
        }
    }
    for pool in names {
        let at = format!("{ROOT}/{pool}");
        let Ok(files) = r.files.proc_list(&at) else {
            continue; // a file, not a pool
        };
        if let Ok(text) = r.files.proc(&format!("{at}/io")) {
            pool_io(r.out, &pool, text);
        }
        if let Ok(text) = r.files.proc(&format!("{at}/state")) {
            let now = text.trim().to_lowercase();
            let desc = gauge("node_zfs_zpool_state", "1 for the state the pool is in.");
            for state in STATES {
                let value = f64::from(u8::from(now == *state));
                r.out
                    .add(&desc, &[("state", state), ("zpool", &pool)], value);
            }
        }
        for file in files.iter().filter(|f| f.starts_with("objset-")) {
            if let Ok(text) = r.files.proc(&format!("{at}/{file}")) {
                dataset(r.out, &pool, text);
            }
        }
    }
    Ok(())
}

/// Lines of `name type value` whose type is a number.
fn kstat(text: &str) -> impl Iterator<Item = (&str, f64)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (name, kind, value) = (words.next()?, words.next()?, words.next()?);
        // 3 and 4 are signed and unsigned 64-bit numbers.
        (["3", "4"].contains(&kind) && words.next().is_none()).then_some(())?;
        Some((name, value.parse().ok()?))
    })
}

/// A line of names and one of values.
fn pool_io(out: &mut Families, pool: &str, text: &str) {
    let mut lines = text.lines().skip_while(|l| !l.starts_with("nread"));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return;
    };
    let values = values.split_ascii_whitespace();
    for (name, value) in names.split_ascii_whitespace().zip(values) {
        if let Ok(value) = value.parse() {
            let desc = untyped(format!("node_zfs_zpool_{name}"), HELP);
            out.add(&desc, &[("zpool", pool)], value);
        }
    }
}

fn dataset(out: &mut Families, pool: &str, text: &str) {
    let name = text.lines().find_map(|l| {
        let rest = l.strip_prefix("dataset_name")?;
        let mut words = rest.split_ascii_whitespace();
        words.next()?;
        words.next()
    });
    let Some(name) = name else {
        return;
    };
    for (key, value) in kstat(text) {
        let desc = untyped(format!("node_zfs_zpool_dataset_{key}"), HELP);
        out.add(&desc, &[("dataset", name), ("zpool", pool)], value);
    }
}
