//! Counts of the whole system in /proc/stat.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;
use crate::collect::host::text;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for line in r.files.stat()?.lines() {
        let (word, _) = line.split_once(' ').unwrap_or((line, ""));
        let desc = match word {
            "intr" => counter("node_intr_total", "Interrupts served."),
            "ctxt" => counter("node_context_switches_total", "Switches between tasks."),
            "processes" => counter("node_forks_total", "Processes and threads begun."),
            "btime" => gauge(
                "node_boot_time_seconds",
                "When the machine was started, in seconds since 1970.",
            ),
            "procs_running" => gauge("node_procs_running", "Tasks that run or could run."),
            "procs_blocked" => gauge("node_procs_blocked", "Tasks that wait for a disk."),
            _ => continue,
        };
        if let Some(value) = text::nth(line, 1) {
            r.out.one(&desc, value);
        }
    }
    Ok(())
}
