//! Packets taken in by each core.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;
use crate::collect::host::text;

/// Column of /proc/net/softnet_stat, family, meaning. Newer kernels have more columns.
const COLUMNS: &[(usize, &str, &str)] = &[
    (0, "node_softnet_processed_total", "Packets taken in."),
    (
        1,
        "node_softnet_dropped_total",
        "Packets dropped because the queue was full.",
    ),
    (
        2,
        "node_softnet_times_squeezed_total",
        "Times the work ran out of its share of time.",
    ),
    (
        8,
        "node_softnet_cpu_collision_total",
        "Collisions while taking a device's lock to send.",
    ),
    (
        9,
        "node_softnet_received_rps_total",
        "Times this core was woken by another to take packets.",
    ),
    (
        10,
        "node_softnet_flow_limit_count_total",
        "Times the limit for one flow was reached.",
    ),
    (11, "node_softnet_backlog_len", "Packets waiting now."),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("net/softnet_stat")?;
    for (i, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.split_ascii_whitespace().collect();
        // Column 12 is the core's number where it exists; before, the lines were counted.
        let cpu = cells
            .get(12)
            .and_then(|c| text::hex(c))
            .unwrap_or(i as f64)
            .to_string();
        for (column, name, help) in COLUMNS {
            let Some(value) = cells.get(*column).and_then(|c| text::hex(c)) else {
                continue;
            };
            let desc = if name.ends_with("_total") {
                counter(*name, *help)
            } else {
                gauge(*name, *help)
            };
            r.out.add(&desc, &[("cpu", &cpu)], value);
        }
    }
    Ok(())
}
