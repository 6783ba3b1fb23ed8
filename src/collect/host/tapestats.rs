//! Tape drives.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;

const ROOT: &str = "class/scsi_tape";

/// File in `stats`, what stands after `node_tape_`, divisor, meaning.
const FILES: &[(&str, &str, f64, &str)] = &[
    ("in_flight", "io_now", 1.0, "Operations under way."),
    (
        "io_ns",
        "io_time_seconds_total",
        1e9,
        "Seconds in which the drive was busy.",
    ),
    (
        "other_cnt",
        "io_others_total",
        1.0,
        "Operations that neither read nor write.",
    ),
    ("read_byte_cnt", "read_bytes_total", 1.0, "Bytes read."),
    (
        "read_cnt",
        "reads_completed_total",
        1.0,
        "Reads that were completed.",
    ),
    (
        "read_ns",
        "read_time_seconds_total",
        1e9,
        "Seconds all reads took together.",
    ),
    (
        "resid_cnt",
        "residual_total",
        1.0,
        "Reads or writes that were cut short.",
    ),
    (
        "write_byte_cnt",
        "written_bytes_total",
        1.0,
        "Bytes written.",
    ),
    (
        "write_cnt",
        "writes_completed_total",
        1.0,
        "Writes that were completed.",
    ),
    (
        "write_ns",
        "write_time_seconds_total",
        1e9,
        "Seconds all writes took together.",
    ),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for device in r.files.sys_list(ROOT)? {
        // `nst0`, `st0a` and the like are other views of the same drive.
        let number = device.strip_prefix("st").unwrap_or_default();
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        for (file, name, divisor, help) in FILES {
            let path = format!("{ROOT}/{device}/stats/{file}");
            let Some(value) = r.files.sys_number(&path) else {
                continue;
            };
            let name = format!("node_tape_{name}");
            let desc = if name.ends_with("_total") {
                counter(name, *help)
            } else {
                gauge(name, *help)
            };
            r.out.add(&desc, &[("device", &device)], value / divisor);
        }
    }
    Ok(())
}
