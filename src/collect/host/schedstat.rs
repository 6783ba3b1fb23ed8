//! How long tasks ran and waited, by core.

use crate::collect::host::Reading;
use crate::collect::host::families::counter;
use crate::collect::host::files::Failure;
use crate::collect::host::text;

/// Column of a `cpuN` line, family, divisor, meaning.
const COLUMNS: &[(usize, &str, f64, &str)] = &[
    (
        7,
        "node_schedstat_running_seconds_total",
        1e9,
        "Seconds in which tasks ran on this core.",
    ),
    (
        8,
        "node_schedstat_waiting_seconds_total",
        1e9,
        "Seconds tasks waited for this core.",
    ),
    (
        9,
        "node_schedstat_timeslices_total",
        1.0,
        "Slices of time given to tasks on this core.",
    ),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("schedstat")?;
    for line in text.lines() {
        let (word, _) = line.split_once(' ').unwrap_or((line, ""));
        let Some(cpu) = word.strip_prefix("cpu") else {
            continue;
        };
        for (column, name, divisor, help) in COLUMNS {
            if let Some(value) = text::nth(line, *column) {
                let desc = counter(*name, *help);
                r.out.add(&desc, &[("cpu", cpu)], value / divisor);
            }
        }
    }
    Ok(())
}
