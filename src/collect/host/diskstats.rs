//! Reads, writes and their times by block device.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::{Failure, Files};
use std::collections::HashMap;

/// Bytes in a sector, whatever the device's own size is.
const SECTOR: f64 = 512.0;

/// Column after the device's name in /proc/diskstats, family, factor, meaning. Kernels before
/// 4.18 have eleven columns, those before 5.5 fifteen.
const COLUMNS: &[(usize, &str, f64, &str)] = &[
    (
        0,
        "node_disk_reads_completed_total",
        1.0,
        "Reads that were completed.",
    ),
    (
        1,
        "node_disk_reads_merged_total",
        1.0,
        "Reads joined with a neighbour.",
    ),
    (2, "node_disk_read_bytes_total", SECTOR, "Bytes read."),
    (
        3,
        "node_disk_read_time_seconds_total",
        1e-3,
        "Seconds all reads took together.",
    ),
    (
        4,
        "node_disk_writes_completed_total",
        1.0,
        "Writes that were completed.",
    ),
    (
        5,
        "node_disk_writes_merged_total",
        1.0,
        "Writes joined with a neighbour.",
    ),
    (6, "node_disk_written_bytes_total", SECTOR, "Bytes written."),
    (
        7,
        "node_disk_write_time_seconds_total",
        1e-3,
        "Seconds all writes took together.",
    ),
    (8, "node_disk_io_now", 1.0, "Operations under way."),
    (
        9,
        "node_disk_io_time_seconds_total",
        1e-3,
        "Seconds in which the device was busy.",
    ),
    (
        10,
        "node_disk_io_time_weighted_seconds_total",
        1e-3,
        "Seconds in which the device was busy, times the operations under way.",
    ),
    (
        11,
        "node_disk_discards_completed_total",
        1.0,
        "Discards that were completed.",
    ),
    (
        12,
        "node_disk_discards_merged_total",
        1.0,
        "Discards joined with a neighbour.",
    ),
    (
        13,
        "node_disk_discarded_sectors_total",
        1.0,
        "Sectors discarded.",
    ),
    (
        14,
        "node_disk_discard_time_seconds_total",
        1e-3,
        "Seconds all discards took together.",
    ),
    (
        15,
        "node_disk_flush_requests_total",
        1.0,
        "Flushes that were completed.",
    ),
    (
        16,
        "node_disk_flush_requests_time_seconds_total",
        1e-3,
        "Seconds all flushes took together.",
    ),
];

/// What udev knows of a device, by `major:minor`; it is asked once per device and start.
#[derive(Debug, Default)]
pub(crate) struct Udev(HashMap<String, HashMap<String, String>>);

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("diskstats")?.to_owned();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(major), Some(minor), Some(device)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        // Kernels before 2.6.25 had four columns for partitions.
        let cells: Vec<&str> = words.collect();
        let disks = &r.options.picks.disks;
        if !disks.takes(device, || left_out(device)) || cells.len() < 11 {
            continue;
        }
        for (column, name, factor, help) in COLUMNS {
            let Some(value) = cells.get(*column).and_then(|c| c.parse::<f64>().ok()) else {
                continue;
            };
            let desc = if *column == 8 {
                gauge(*name, *help)
            } else {
                counter(*name, *help)
            };
            // Dividing keeps thousandths as node_exporter prints them.
            let value = if *factor < 1.0 {
                value / 1e3
            } else {
                value * factor
            };
            r.out.add(&desc, &[("device", device)], value);
        }
        facts(r, device, major, minor);
    }
    Ok(())
}

/// node_exporter's default exclusion,
/// `^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`, written out.
pub(crate) fn left_out(device: &str) -> bool {
    let head = device.trim_end_matches(|c: char| c.is_ascii_digit());
    if head.len() == device.len() {
        return false;
    }
    if matches!(head, "ram" | "loop" | "fd") {
        return true;
    }
    let disk = ["xvd", "hd", "sd", "vd"]
        .iter()
        .find_map(|p| head.strip_prefix(p));
    if disk.is_some_and(|d| d.len() == 1 && d.bytes().all(|b| b.is_ascii_lowercase())) {
        return true;
    }
    let nvme = head.strip_prefix("nvme").and_then(|n| n.strip_suffix('p'));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    nvme.and_then(|n| n.split_once('n'))
        .is_some_and(|(a, b)| digits(a) && digits(b))
}

fn facts(r: &mut Reading<'_>, device: &str, major: &str, minor: &str) {
    let known = r.keep.udev.of(r.files, major, minor);
    let get = |key: &str| known.get(key).map_or("", String::as_str);
    let labels = [
        ("device", device),
        ("major", major),
        ("minor", minor),
        ("model", get("ID_MODEL")),
        ("path", get("ID_PATH")),
        ("revision", get("ID_REVISION")),
        ("serial", get("ID_SERIAL_SHORT")),
        ("wwn", get("ID_WWN")),
    ];
    let info = gauge(
        "node_disk_info",
        "What udev knows of the device, as labels.",
    );
    r.out.add(&info, &labels, 1.0);
    if !get("DM_NAME").is_empty() {
        let labels = [
            ("device", device),
            ("lv_layer", get("DM_LV_LAYER")),
            ("lv_name", get("DM_LV_NAME")),
            ("name", get("DM_NAME")),
            ("uuid", get("DM_UUID")),
            ("vg_name", get("DM_VG_NAME")),
        ];
        let desc = gauge(
            "node_disk_device_mapper_info",
            "Names of a device-mapper device, as labels.",
        );
        r.out.add(&desc, &labels, 1.0);
    }
    if !get("ID_FS_TYPE").is_empty() {
        let labels = [
            ("device", device),
            ("type", get("ID_FS_TYPE")),
            ("usage", get("ID_FS_USAGE")),
            ("uuid", get("ID_FS_UUID")),
            ("version", get("ID_FS_VERSION")),
        ];
        let desc = gauge(
            "node_disk_filesystem_info",
            "The file system on the device, as labels.",
        );
        r.out.add(&desc, &labels, 1.0);
    }
    let ata = [
        (
            "ID_ATA_WRITE_CACHE",
            "write_cache",
            "1 where the disk has a write cache.",
        ),
        (
            "ID_ATA_WRITE_CACHE_ENABLED",
            "write_cache_enabled",
            "1 where its write cache is on.",
        ),
        (
            "ID_ATA_ROTATION_RATE_RPM",
            "rotation_rate_rpm",
            "Turns per minute; 0 for a disk that does not turn.",
        ),
    ];
    for (key, name, help) in ata.iter().filter(|_| !get("ID_ATA").is_empty()) {
        if let Ok(value) = get(key).parse() {
            let desc = gauge(format!("node_disk_ata_{name}"), *help);
            r.out.add(&desc, &[("device", device)], value);
        }
    }
}

impl Udev {
    fn of(&mut self, files: &mut Files, major: &str, minor: &str) -> &HashMap<String, String> {
        let key = format!("{major}:{minor}");
        self.0.entry(key).or_insert_with(|| {
            let path = format!("run/udev/data/b{major}:{minor}");
            let text = files.other(&path).unwrap_or_default();
            let pair = |l: &str| {
                let (key, value) = l.strip_prefix("E:")?.split_once('=')?;
                Some((key.to_owned(), value.to_owned()))
            };
            text.lines().filter_map(pair).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_loops_are_left_out() {
        for device in ["ram0", "loop12", "fd0", "sda1", "xvdb3", "nvme0n1p2"] {
            assert!(left_out(device), "{device}");
        }
        for device in [
            "sda",
            "vda",
            "nvme0n1",
            "dm-0",
            "md127",
            "zram0",
            "sr0",
            "sdaa1",
            "mmcblk0p1",
        ] {
            assert!(!left_out(device), "{device}");
        }
    }
}
