//! Btrfs file systems: space by kind of data, devices, commits.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;

const ROOT: &str = "fs/btrfs";

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for uuid in r.files.sys_list(ROOT).unwrap_or_default() {
        let at = format!("{ROOT}/{uuid}");
        // `features` is a folder beside the file systems.
        if !r.files.sys_is_dir(&format!("{at}/allocation")) {
            continue;
        }
        let label = r.files.sys_text(&format!("{at}/label")).unwrap_or_default();
        let info = gauge("node_btrfs_info", "The file system's label.");
        r.out.add(&info, &[("label", &label), ("uuid", &uuid)], 1.0);
        let reserve = r
            .files
            .sys_number(&format!("{at}/allocation/global_rsv_size"));
        if let Some(bytes) = reserve {
            let desc = gauge(
                "node_btrfs_global_rsv_size_bytes",
                "Bytes kept back for the file system itself.",
            );
            r.out.add(&desc, &[("uuid", &uuid)], bytes);
        }
        let devices = r
            .files
            .sys_list(&format!("{at}/devices"))
            .unwrap_or_default();
        let size = gauge("node_btrfs_device_size_bytes", "The device's size.");
        for device in &devices {
            let sectors = r.files.sys_number(&format!("{at}/devices/{device}/size"));
            if let Some(sectors) = sectors {
                let labels = [("device", device.as_str()), ("uuid", &uuid)];
                r.out.add(&size, &labels, sectors * 512.0);
            }
        }
        for group in ["data", "metadata", "system"] {
            read_group(r, &uuid, group, devices.len() as f64);
        }
        read_commits(r, &uuid);
    }
    Ok(())
}

fn read_group(r: &mut Reading<'_>, uuid: &str, group: &str, devices: f64) {
    let at = format!("{ROOT}/{uuid}/allocation/{group}");
    if let Some(bytes) = r.files.sys_number(&format!("{at}/bytes_reserved")) {
        let desc = gauge("node_btrfs_reserved_bytes", "Bytes kept back for writes.");
        let labels = [("block_group_type", group), ("uuid", uuid)];
        r.out.add(&desc, &labels, bytes);
    }
    let used_desc = gauge("node_btrfs_used_bytes", "Bytes in use.");
    let size_desc = gauge("node_btrfs_size_bytes", "Bytes set aside, in use or not.");
    let ratio_desc = gauge(
        "node_btrfs_allocation_ratio",
        "Bytes on the devices for each byte of data.",
    );
    for mode in r.files.sys_list(&at).unwrap_or_default() {
        // A folder below the group is a layout: `single`, `raid1`.
        let used = r.files.sys_number(&format!("{at}/{mode}/used_bytes"));
        let total = r.files.sys_number(&format!("{at}/{mode}/total_bytes"));
        let (Some(used), Some(total)) = (used, total) else {
            continue;
        };
        let labels = [
            ("block_group_type", group),
            ("mode", mode.as_str()),
            ("uuid", uuid),
        ];
        r.out.add(&used_desc, &labels, used);
        r.out.add(&size_desc, &labels, total);
        r.out.add(&ratio_desc, &labels, ratio(&mode, devices));
    }
}

/// How many bytes on disk one byte takes.
fn ratio(mode: &str, devices: f64) -> f64 {
    match mode {
        "dup" | "raid1" | "raid10" => 2.0,
        "raid1c3" => 3.0,
        "raid1c4" => 4.0,
        "raid5" if devices > 1.0 => devices / (devices - 1.0),
        "raid6" if devices > 2.0 => devices / (devices - 2.0),
        _ => 1.0,
    }
}

/// `commit_stats` came with Linux 6.0: a word and a number a line, times in milliseconds.
fn read_commits(r: &mut Reading<'_>, uuid: &str) {
    let path = format!("{ROOT}/{uuid}/commit_stats");
    let Some(text) = r.files.sys_text(&path) else {
        return;
    };
    for line in text.lines() {
        let Some((word, value)) = line.split_once(' ') else {
            continue;
        };
        let Ok(value) = value.trim().parse::<f64>() else {
            continue;
        };
        let (desc, divisor) = match word {
            "commits" => (counter("node_btrfs_commits_total", "Commits."), 1.0),
            "last_commit_ms" => (
                gauge("node_btrfs_last_commit_seconds", "Time of the last commit."),
                1e3,
            ),
            "max_commit_ms" => (
                gauge(
                    "node_btrfs_max_commit_seconds",
                    "Time of the longest commit.",
                ),
                1e3,
            ),
            "total_commit_ms" => (
                counter("node_btrfs_commit_seconds_total", "Time of all commits."),
                1e3,
            ),
            _ => continue,
        };
        r.out.add(&desc, &[("uuid", uuid)], value / divisor);
    }
}
