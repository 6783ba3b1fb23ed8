//! bcache: block devices cached on faster ones.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;

const ROOT: &str = "fs/bcache";

/// File below the set, what stands after `node_bcache_`. What ends in `_total` counts.
const SET: &[(&str, &str)] = &[
    ("average_key_size", "average_key_size_sectors"),
    ("btree_cache_size", "btree_cache_size_bytes"),
    ("cache_available_percent", "cache_available_percent"),
    ("congested", "congested"),
    ("internal/active_journal_entries", "active_journal_entries"),
    ("internal/btree_nodes", "btree_nodes"),
    ("internal/cache_read_races", "cache_read_races_total"),
    ("root_usage_percent", "root_usage_percent"),
    ("tree_depth", "tree_depth"),
];

/// File below `bdevN`.
const BACKING: &[(&str, &str)] = &[
    ("dirty_data", "dirty_data_bytes"),
    ("stats_total/bypassed", "bypassed_bytes_total"),
    ("stats_total/cache_bypass_hits", "cache_bypass_hits_total"),
    (
        "stats_total/cache_bypass_misses",
        "cache_bypass_misses_total",
    ),
    ("stats_total/cache_hits", "cache_hits_total"),
    (
        "stats_total/cache_miss_collisions",
        "cache_miss_collisions_total",
    ),
    ("stats_total/cache_misses", "cache_misses_total"),
    ("stats_total/cache_readaheads", "cache_readaheads_total"),
];

/// Line of `bdevN/writeback_rate_debug`.
const WRITEBACK: &[(&str, &str)] = &[
    ("rate", "writeback_rate"),
    ("target", "dirty_target_bytes"),
    ("proportional", "writeback_rate_proportional_term"),
    ("integral", "writeback_rate_integral_term"),
    ("change", "writeback_change"),
];

/// File below `cacheN`.
const CACHE: &[(&str, &str)] = &[
    ("io_errors", "io_errors"),
    ("metadata_written", "metadata_written_bytes_total"),
    ("written", "written_bytes_total"),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for uuid in r.files.sys_list(ROOT).unwrap_or_default() {
        // A set's name is a UUID; `register` and the like are files beside the sets.
        if uuid.len() != 36 {
            continue;
        }
        let set = format!("{ROOT}/{uuid}");
        let labels = [("uuid", uuid.as_str())];
        read_files(r, &set, SET, &labels);
        let path = format!("{set}/internal/btree_read_average_duration_us");
        if let Some(micros) = r.files.sys_number(&path) {
            // The file's name says microseconds; the kernel's number is nanoseconds.
            let desc = gauge(
                "node_bcache_btree_read_average_duration_seconds",
                "Average time to read a node of the tree.",
            );
            r.out.add(&desc, &labels, micros / 1e9);
        }
        for device in r.files.sys_list(&set)? {
            let at = format!("{set}/{device}");
            if device.starts_with("bdev") {
                let labels = [("backing_device", device.as_str()), ("uuid", &uuid)];
                read_files(r, &at, BACKING, &labels);
                read_writeback(r, &at, &labels);
            } else if device.starts_with("cache") && r.files.sys_is_dir(&at) {
                let labels = [("cache_device", device.as_str()), ("uuid", &uuid)];
                read_files(r, &at, CACHE, &labels);
            }
        }
    }
    Ok(())
}

fn read_files(r: &mut Reading<'_>, at: &str, files: &[(&str, &str)], labels: &[(&str, &str)]) {
    for (file, name) in files {
        let text = r.files.sys_text(&format!("{at}/{file}"));
        if let Some(value) = text.as_deref().and_then(size) {
            put(r, name, labels, value);
        }
    }
}

fn read_writeback(r: &mut Reading<'_>, at: &str, labels: &[(&str, &str)]) {
    let path = format!("{at}/writeback_rate_debug");
    let Some(text) = r.files.sys_text(&path) else {
        return;
    };
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = size(value.trim().trim_end_matches("/sec"));
        let name = WRITEBACK.iter().find(|(k, _)| *k == key.trim());
        if let (Some((_, name)), Some(value)) = (name, value) {
            put(r, name, labels, value);
        }
    }
}

fn put(r: &mut Reading<'_>, name: &str, labels: &[(&str, &str)], value: f64) {
    let (name, help) = (
        format!("node_bcache_{name}"),
        "A reading of bcache, in the unit its name tells.",
    );
    let desc = if name.ends_with("_total") {
        counter(name, help)
    } else {
        gauge(name, help)
    };
    r.out.add(&desc, labels, value);
}

/// `512`, `1.1k`, `20.4G`: powers of 1024.
fn size(text: &str) -> Option<f64> {
    let text = text.trim();
    let unit = text.chars().next_back()?;
    let power = "kMGTPEZY".find(unit);
    let digits = match power {
        Some(_) => &text[..text.len() - 1],
        None => text,
    };
    let value: f64 = digits.parse().ok()?;
    Some(value * 1024_f64.powi(power.map_or(0, |p| p as i32 + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(
            (size("512"), size("1.5k"), size("2M"), size("-3"), size("x")),
            (
                Some(512.0),
                Some(1536.0),
                Some(2_097_152.0),
                Some(-3.0),
                None
            )
        );
    }
}
