//! SELinux's mode.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let enforce = r.files.sys_number("fs/selinux/enforce");
    let enabled = gauge("node_selinux_enabled", "1 where SELinux is on.");
    r.out.one(&enabled, f64::from(u8::from(enforce.is_some())));
    let Some(enforce) = enforce else {
        return Ok(());
    };
    let current = gauge(
        "node_selinux_current_mode",
        "SELinux now: 1 enforces, 0 only reports.",
    );
    r.out.one(&current, enforce);
    let config = r.files.other("etc/selinux/config").unwrap_or_default();
    let mode = config
        .lines()
        .find_map(|l| l.trim().strip_prefix("SELINUX="));
    let configured = match mode.map(str::trim) {
        Some("enforcing") => 1.0,
        Some("permissive") => 0.0,
        _ => -1.0,
    };
    let desc = gauge(
        "node_selinux_config_mode",
        "SELinux as configured: 1 enforces, 0 only reports, -1 is off.",
    );
    r.out.one(&desc, configured);
    Ok(())
}
