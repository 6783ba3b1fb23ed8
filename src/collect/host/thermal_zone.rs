//! Thermal zones and what cools them.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

const ROOT: &str = "class/thermal";

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let temp = gauge(
        "node_thermal_zone_temp",
        "The zone's temperature in Celsius.",
    );
    for folder in r.files.sys_those(ROOT, "thermal_zone") {
        let at = |file: &str| format!("{ROOT}/{folder}/{file}");
        let kind = r.files.sys_text(&at("type")).unwrap_or_default();
        // A sensor that is asleep answers with an error: the others still count.
        if let Some(milli) = r.files.sys_number(&at("temp")) {
            let zone = &folder["thermal_zone".len()..];
            r.out
                .add(&temp, &[("type", &kind), ("zone", zone)], milli / 1e3);
        }
    }
    let current = gauge(
        "node_cooling_device_cur_state",
        "How hard the device cools now.",
    );
    let most = gauge(
        "node_cooling_device_max_state",
        "How hard the device can cool.",
    );
    for folder in r.files.sys_those(ROOT, "cooling_device") {
        let at = |file: &str| format!("{ROOT}/{folder}/{file}");
        let kind = r.files.sys_text(&at("type")).unwrap_or_default();
        let labels = [("name", &folder["cooling_device".len()..]), ("type", &kind)];
        for (file, desc) in [("cur_state", &current), ("max_state", &most)] {
            if let Some(state) = r.files.sys_number(&at(file)) {
                r.out.add(desc, &labels, state);
            }
        }
    }
    Ok(())
}
