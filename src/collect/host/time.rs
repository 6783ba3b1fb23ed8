//! The machine's time, its zone, and the clock it is kept by.

use crate::collect::host::Reading;
use crate::collect::host::calls;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let now = r.options.clock.now_ms();
    let time = gauge("node_time_seconds", "The time, in seconds since 1970.");
    r.out.one(&time, now as f64 / 1e3);
    if let Some((name, offset)) = calls::zone(now / 1000) {
        let zone = gauge(
            "node_time_zone_offset_seconds",
            "The zone's distance from UTC in seconds, east is positive.",
        );
        r.out.add(&zone, &[("time_zone", &name)], offset as f64);
    }
    let root = "devices/system/clocksource";
    let available = gauge(
        "node_time_clocksource_available_info",
        "The clocks the kernel could use.",
    );
    let current = gauge(
        "node_time_clocksource_current_info",
        "The clock the kernel uses.",
    );
    for folder in r.files.sys_those(root, "clocksource") {
        let device = &folder["clocksource".len()..];
        let files = [
            ("available_clocksource", &available),
            ("current_clocksource", &current),
        ];
        for (file, desc) in files {
            let names = r.files.sys_text(&format!("{root}/{folder}/{file}"));
            for name in names.unwrap_or_default().split_ascii_whitespace() {
                let labels = [("clocksource", name), ("device", device)];
                r.out.add(desc, &labels, 1.0);
            }
        }
    }
    Ok(())
}
