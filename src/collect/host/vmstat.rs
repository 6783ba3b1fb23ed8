//! Paging and swapping: the fields of /proc/vmstat node_exporter keeps by default.

use crate::collect::host::Reading;
use crate::collect::host::families::untyped;
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("vmstat")?;
    for line in text.lines() {
        let Some((field, value)) = line.split_once(' ') else {
            continue;
        };
        if !kept(field) {
            continue;
        }
        let value = value
            .trim()
            .parse()
            .map_err(|_| Failure::odd("/proc/vmstat", line, "a number"))?;
        let desc = untyped(
            format!("node_vmstat_{field}"),
            "A counter of the kernel's memory management, as /proc/vmstat names it.",
        );
        r.out.one(&desc, value);
    }
    Ok(())
}

/// node_exporter's default `^(oom_kill|pgpg|pswp|pg.*fault).*`, written out.
fn kept(field: &str) -> bool {
    field.starts_with("oom_kill")
        || field.starts_with("pgpg")
        || field.starts_with("pswp")
        || (field.starts_with("pg") && field[2..].contains("fault"))
}
