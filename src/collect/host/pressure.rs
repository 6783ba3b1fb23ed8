//! Pressure stall information: time in which tasks waited for a resource (Linux 4.20).

use crate::collect::host::Reading;
use crate::collect::host::families::{Families, counter};
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    // The first one decides whether this kernel has them; `irq` came with 6.1.
    let text = r.files.proc("pressure/cpu")?;
    put(
        r.out,
        text,
        "some",
        "node_pressure_cpu_waiting_seconds_total",
    );
    if let Ok(text) = r.files.proc("pressure/io") {
        put(
            r.out,
            text,
            "some",
            "node_pressure_io_waiting_seconds_total",
        );
        put(
            r.out,
            text,
            "full",
            "node_pressure_io_stalled_seconds_total",
        );
    }
    if let Ok(text) = r.files.proc("pressure/memory") {
        let (some, full) = (
            "node_pressure_memory_waiting_seconds_total",
            "node_pressure_memory_stalled_seconds_total",
        );
        put(r.out, text, "some", some);
        put(r.out, text, "full", full);
    }
    if let Ok(text) = r.files.proc("pressure/irq") {
        put(
            r.out,
            text,
            "full",
            "node_pressure_irq_stalled_seconds_total",
        );
    }
    Ok(())
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234` in microseconds.
fn put(out: &mut Families, text: &str, kind: &str, name: &'static str) {
    let line = text.lines().find(|l| l.starts_with(kind));
    let total = line.and_then(|l| l.rsplit_once("total="));
    let Some(micros) = total.and_then(|(_, t)| t.trim().parse::<f64>().ok()) else {
        return;
    };
    let help = match kind {
        "some" => "Seconds in which some task waited for the resource.",
        _ => "Seconds in which every task waited for the resource.",
    };
    out.one(&counter(name, help), micros / 1e6);
}
