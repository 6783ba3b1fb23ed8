//! Clock rates and governors of the cores.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

/// File (in kHz), family, meaning.
const FILES: &[(&str, &str, &str)] = &[
    (
        "cpuinfo_cur_freq",
        "node_cpu_frequency_hertz",
        "The core's clock rate now.",
    ),
    (
        "cpuinfo_min_freq",
        "node_cpu_frequency_min_hertz",
        "The lowest clock rate of the core.",
    ),
    (
        "cpuinfo_max_freq",
        "node_cpu_frequency_max_hertz",
        "The highest clock rate of the core.",
    ),
    (
        "scaling_cur_freq",
        "node_cpu_scaling_frequency_hertz",
        "The clock rate the kernel last asked for.",
    ),
    (
        "scaling_min_freq",
        "node_cpu_scaling_frequency_min_hertz",
        "The lowest clock rate the kernel may ask for.",
    ),
    (
        "scaling_max_freq",
        "node_cpu_scaling_frequency_max_hertz",
        "The highest clock rate the kernel may ask for.",
    ),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for folder in r.files.sys_those("devices/system/cpu", "cpu") {
        let cpu = &folder[3..];
        if !cpu.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let at = |file: &str| format!("devices/system/cpu/{folder}/cpufreq/{file}");
        for (file, name, help) in FILES {
            if let Some(kilohertz) = r.files.sys_number(&at(file)) {
                let desc = gauge(*name, *help);
                r.out.add(&desc, &[("cpu", cpu)], kilohertz * 1000.0);
            }
        }
        let Some(governor) = r.files.sys_text(&at("scaling_governor")) else {
            continue;
        };
        let desc = gauge(
            "node_cpu_scaling_governor",
            "1 for the governor in use, 0 for the others that could be.",
        );
        let all = r.files.sys_text(&at("scaling_available_governors"));
        for name in all.unwrap_or_default().split_ascii_whitespace() {
            let labels = [("cpu", cpu), ("governor", name)];
            r.out
                .add(&desc, &labels, f64::from(u8::from(name == governor)));
        }
    }
    Ok(())
}
