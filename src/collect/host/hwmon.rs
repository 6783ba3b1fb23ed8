//! Temperatures, fans, voltages and the like of /sys/class/hwmon.
//!
//! A chip's folder holds files such as `temp1_input` and `temp1_max`: kind, number, property.
//! Names and units follow node_exporter's rules, odd ones included (a temperature's alarm that is
//! not plainly called `alarm` ends in `_celsius`), since dashboards ask for them.

use crate::collect::host::Reading;
use crate::collect::host::families::{Families, counter, gauge};
use crate::collect::host::files::{Failure, Files};
use crate::collect::host::text::clean;
use std::collections::BTreeMap;

const ROOT: &str = "class/hwmon";

const KINDS: &[&str] = &[
    "vrm",
    "beep_enable",
    "update_interval",
    "in",
    "cpu",
    "fan",
    "pwm",
    "temp",
    "curr",
    "power",
    "energy",
    "humidity",
    "intrusion",
    "freq",
];

const HELP: &str = "A reading of the machine's sensors, in the unit its name tells.";

/// A sensor's name, and its properties with their text.
type Sensors = BTreeMap<(String, &'static str), BTreeMap<String, String>>;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let names = gauge("node_hwmon_chip_names", "What the driver calls the chip.");
    for folder in r.files.sys_list(ROOT)? {
        let at = format!("{ROOT}/{folder}");
        let chip = chip(r.files, &at, &folder);
        if let Some(name) = r.files.sys_text(&format!("{at}/name")).map(|n| clean(&n))
            && !name.is_empty()
        {
            let labels = [("chip", chip.as_str()), ("chip_name", &name)];
            r.out.add(&names, &labels, 1.0);
        }
        let mut sensors = Sensors::new();
        gather(r.files, &at, &mut sensors);
        // Old drivers keep the sensors with the device.
        gather(r.files, &format!("{at}/device"), &mut sensors);
        for ((sensor, kind), properties) in &sensors {
            put(r.out, &chip, sensor, kind, properties);
        }
    }
    Ok(())
}

/// The device's own place is unique; else the driver's name; else the folder's.
fn chip(files: &mut Files, at: &str, folder: &str) -> String {
    if let Some(device) = files.sys_real(&format!("{at}/device")) {
        let part = |p: Option<&std::ffi::OsStr>| clean(&p.unwrap_or_default().to_string_lossy());
        let name = part(device.file_name());
        let bus = part(device.parent().and_then(|p| p.file_name()));
        match (bus.is_empty(), name.is_empty()) {
            (false, false) => return format!("{bus}_{name}"),
            (true, false) => return name,
            _ => {}
        }
    }
    let name = files.sys_text(&format!("{at}/name"));
    match name.map(|n| clean(&n)) {
        Some(name) if !name.is_empty() => name,
        _ => clean(folder),
    }
}

fn gather(files: &mut Files, at: &str, into: &mut Sensors) {
    for file in files.sys_list(at).unwrap_or_default() {
        let Some((kind, number, property)) = explode(&file) else {
            continue;
        };
        if let Some(value) = files.sys_text(&format!("{at}/{file}")) {
            let sensor = (format!("{kind}{number}"), kind);
            into.entry(sensor)
                .or_default()
                .insert(property.to_owned(), value);
        }
    }
}

/// `temp1_max` is kind `temp`, number 1, property `max`; a kind without number counts as 0.
fn explode(file: &str) -> Option<(&'static str, u32, &str)> {
    let digits = file.find(|c: char| c.is_ascii_digit());
    let (kind, rest) = file.split_at(digits.unwrap_or(file.len()));
    let kind = KINDS.iter().find(|k| **k == kind)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let property = match &rest[end..] {
        "" => "",
        more => more.strip_prefix('_')?,
    };
    let number = match &rest[..end] {
        "" => 0,
        number => number.parse().ok()?,
    };
    Some((kind, number, property))
}

fn put(
    out: &mut Families,
    chip: &str,
    sensor: &str,
    kind: &str,
    properties: &BTreeMap<String, String>,
) {
    let labels = [("chip", chip), ("sensor", sensor)];
    if let Some(label) = properties.get("label") {
        let desc = gauge(
            "node_hwmon_sensor_label",
            "What the driver calls the sensor.",
        );
        let labels = [("chip", chip), ("label", label), ("sensor", sensor)];
        out.add(&desc, &labels, 1.0);
    }
    let plain = properties.get("").map_or("", String::as_str);
    let number = plain.parse::<f64>().ok();
    match kind {
        "beep_enable" => {
            let on = f64::from(u8::from(plain == "1"));
            out.add(&gauge("node_hwmon_beep_enabled", HELP), &labels, on);
            return;
        }
        "vrm" => {
            if let Some(version) = number {
                let desc = gauge("node_hwmon_voltage_regulator_version", HELP);
                out.add(&desc, &labels, version);
            }
            return;
        }
        "update_interval" => {
            if let Some(millis) = number {
                let desc = gauge("node_hwmon_update_interval_seconds", HELP);
                out.add(&desc, &labels, millis / 1e3);
            }
            return;
        }
        _ => {}
    }
    for (property, text) in properties {
        let Ok(value) = text.parse::<f64>() else {
            continue;
        };
        if property == "label" {
            continue;
        }
        let mut name = format!("node_hwmon_{kind}");
        if property == "input" {
            if properties.contains_key("") {
                name.push_str("_input");
            }
        } else if !property.is_empty() {
            name.push('_');
            name.push_str(&clean(property));
        }
        if kind == "freq" && property == "input" {
            // Named by its label, in millions.
            if let Some(label) = properties.get("label") {
                let sensor = clean(label);
                let labels = [("chip", chip), ("sensor", sensor.as_str())];
                let desc = gauge(format!("{name}_freq_mhz"), HELP);
                out.add(&desc, &labels, value / 1e6);
            }
            continue;
        }
        let (unit, value) = unit(kind, property, value);
        name.push_str(unit);
        let desc = if unit == "_joule_total" {
            counter(name, HELP)
        } else {
            gauge(name, HELP)
        };
        out.add(&desc, &labels, value);
    }
}

/// What follows the name, and the value in that unit. The kernel gives thousandths of a volt,
/// degree and ampere, millionths of a watt and joule.
fn unit(kind: &str, property: &str, value: f64) -> (&'static str, f64) {
    match (kind, property) {
        (_, "fault" | "alarm") => ("", value),
        (_, "beep") => ("_enabled", value),
        ("in" | "cpu", _) => ("_volts", value * 0.001),
        ("temp", "type") => ("", value),
        ("temp", _) => ("_celsius", value * 0.001),
        ("curr", _) => ("_amps", value * 0.001),
        ("energy", _) => ("_joule_total", value / 1e6),
        ("power", "accuracy") => ("", value / 1e6),
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => {
            ("_seconds", value * 0.001)
        }
        ("power", _) => ("_watt", value / 1e6),
        ("humidity", _) => ("", value / 1e6),
        ("fan", "input" | "min" | "max" | "target") => ("_rpm", value),
        _ => ("", value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_come_apart() {
        assert_eq!(explode("temp1_max"), Some(("temp", 1, "max")));
        assert_eq!(
            explode("pwm2_auto_point1_temp"),
            Some(("pwm", 2, "auto_point1_temp"))
        );
        assert_eq!(explode("update_interval"), Some(("update_interval", 0, "")));
        assert_eq!(explode("in0"), Some(("in", 0, "")));
        assert_eq!(
            (explode("name"), explode("temp1x"), explode("")),
            (None, None, None)
        );
    }
}
