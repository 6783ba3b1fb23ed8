//! Batteries and mains.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

const ROOT: &str = "class/power_supply";
const MICRO: f64 = 1e6;
const TENTH: f64 = 10.0;

/// File, what stands after `node_power_supply_`, divisor.
const VALUES: &[(&str, &str, f64)] = &[
    ("authentic", "authentic", 1.0),
    ("calibrate", "calibrate", 1.0),
    ("capacity", "capacity", 1.0),
    ("capacity_alert_max", "capacity_alert_max", 1.0),
    ("capacity_alert_min", "capacity_alert_min", 1.0),
    ("cycle_count", "cyclecount", 1.0),
    ("online", "online", 1.0),
    ("present", "present", 1.0),
    ("time_to_empty_now", "time_to_empty_seconds", 1.0),
    ("time_to_full_now", "time_to_full_seconds", 1.0),
    ("current_boot", "current_boot", MICRO),
    ("current_max", "current_max", MICRO),
    ("current_now", "current_ampere", MICRO),
    ("energy_empty", "energy_empty", MICRO),
    ("energy_empty_design", "energy_empty_design", MICRO),
    ("energy_full", "energy_full", MICRO),
    ("energy_full_design", "energy_full_design", MICRO),
    ("energy_now", "energy_watthour", MICRO),
    ("voltage_boot", "voltage_boot", MICRO),
    ("voltage_max", "voltage_max", MICRO),
    ("voltage_max_design", "voltage_max_design", MICRO),
    ("voltage_min", "voltage_min", MICRO),
    ("voltage_min_design", "voltage_min_design", MICRO),
    ("voltage_now", "voltage_volt", MICRO),
    ("voltage_ocv", "voltage_ocv", MICRO),
    ("charge_control_limit", "charge_control_limit", MICRO),
    (
        "charge_control_limit_max",
        "charge_control_limit_max",
        MICRO,
    ),
    ("charge_counter", "charge_counter", MICRO),
    ("charge_empty", "charge_empty", MICRO),
    ("charge_empty_design", "charge_empty_design", MICRO),
    ("charge_full", "charge_full", MICRO),
    ("charge_full_design", "charge_full_design", MICRO),
    ("charge_now", "charge_ampere", MICRO),
    ("charge_term_current", "charge_term_current", MICRO),
    ("constant_charge_current", "constant_charge_current", MICRO),
    (
        "constant_charge_current_max",
        "constant_charge_current_max",
        MICRO,
    ),
    ("constant_charge_voltage", "constant_charge_voltage", MICRO),
    (
        "constant_charge_voltage_max",
        "constant_charge_voltage_max",
        MICRO,
    ),
    ("precharge_current", "precharge_current", MICRO),
    ("input_current_limit", "input_current_limit", MICRO),
    ("power_now", "power_watt", MICRO),
    ("temp", "temp_celsius", TENTH),
    ("temp_alert_max", "temp_alert_max_celsius", TENTH),
    ("temp_alert_min", "temp_alert_min_celsius", TENTH),
    ("temp_ambient", "temp_ambient_celsius", TENTH),
    ("temp_ambient_max", "temp_ambient_max_celsius", TENTH),
    ("temp_ambient_min", "temp_ambient_min_celsius", TENTH),
    ("temp_max", "temp_max_celsius", TENTH),
    ("temp_min", "temp_min_celsius", TENTH),
];

/// Files that are labels of `node_power_supply_info`; those that are empty are left out.
const FACTS: &[&str] = &[
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "scope",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for supply in r.files.sys_list(ROOT)? {
        for (file, name, divisor) in VALUES {
            let path = format!("{ROOT}/{supply}/{file}");
            if let Some(value) = r.files.sys_number(&path) {
                let desc = gauge(
                    format!("node_power_supply_{name}"),
                    "A reading of the power supply, in the unit its name tells.",
                );
                r.out
                    .add(&desc, &[("power_supply", &supply)], value / divisor);
            }
        }
        let mut labels = vec![("power_supply", supply.clone())];
        for fact in FACTS {
            let value = r.files.sys_text(&format!("{ROOT}/{supply}/{fact}"));
            labels.push((*fact, value.unwrap_or_default()));
        }
        let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let desc = gauge(
            "node_power_supply_info",
            "Kind, maker and state of the power supply, as labels.",
        );
        r.out.add(&desc, &labels, 1.0);
    }
    Ok(())
}
