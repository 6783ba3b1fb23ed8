//! Where each core's time goes, and how often it was slowed down by heat.

use crate::collect::host::Reading;
use crate::collect::host::families::{Families, counter, gauge};
use crate::collect::host::files::Failure;
use crate::collect::host::{calls, text};
use std::collections::BTreeSet;

/// The columns of a `cpuN` line in /proc/stat, in its order.
const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];
const IDLE: usize = 3;
const COLUMNS: usize = 10;
/// The idle counter of Linux can step back a little; more than this many seconds means the core
/// was taken out and came back with counters at zero.
const IDLE_STEP_BACK: f64 = 3.0;

/// The seconds shown last, by core, so that no counter runs backwards.
#[derive(Debug, Default)]
pub(crate) struct Before(Vec<(u32, [f64; COLUMNS])>);

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let ticks = calls::ticks_per_second();
    for line in r.files.stat()?.lines() {
        if let Some((cpu, seconds)) = core_line(line, ticks) {
            let seconds = r.keep.cpu.forward(cpu, seconds);
            write(r.out, cpu, &seconds);
        }
    }
    let isolated = gauge(
        "node_cpu_isolated",
        "1 for each core that the scheduler leaves alone.",
    );
    if let Ok(list) = r.files.sys("devices/system/cpu/isolated") {
        for cpu in text::ranges(list) {
            r.out.add(&isolated, &[("cpu", &cpu.to_string())], 1.0);
        }
    }
    throttles(r);
    Ok(())
}

/// `cpu3 1 2 3 ...` as seconds; `None` for every other line. Old kernels have fewer columns.
fn core_line(line: &str, ticks: f64) -> Option<(u32, [f64; COLUMNS])> {
    let mut words = line.split_ascii_whitespace();
    let cpu = words.next()?.strip_prefix("cpu")?.parse().ok()?;
    let mut seconds = [0.0; COLUMNS];
    for (word, second) in words.zip(&mut seconds) {
        *second = word.parse::<f64>().ok()? / ticks;
    }
    Some((cpu, seconds))
}

impl Before {
    /// The new reading, held at the old one where a counter stepped back.
    fn forward(&mut self, cpu: u32, new: [f64; COLUMNS]) -> [f64; COLUMNS] {
        let Some((_, old)) = self.0.iter_mut().find(|(c, _)| *c == cpu) else {
            self.0.push((cpu, new));
            return new;
        };
        if old[IDLE] - new[IDLE] >= IDLE_STEP_BACK {
            *old = new;
        }
        for (old, new) in old.iter_mut().zip(new) {
            *old = old.max(new);
        }
        *old
    }
}

fn write(out: &mut Families, cpu: u32, seconds: &[f64; COLUMNS]) {
    let time = counter(
        "node_cpu_seconds_total",
        "Seconds each core spent in each mode.",
    );
    let guest = counter(
        "node_cpu_guest_seconds_total",
        "Seconds each core spent running guests, by the guest's priority.",
    );
    let cpu = cpu.to_string();
    for (mode, seconds) in MODES.iter().zip(seconds) {
        out.add(&time, &[("cpu", &cpu), ("mode", mode)], *seconds);
    }
    out.add(&guest, &[("cpu", &cpu), ("mode", "user")], seconds[8]);
    out.add(&guest, &[("cpu", &cpu), ("mode", "nice")], seconds[9]);
}

/// Each physical core and package once, whatever the number of its threads.
fn throttles(r: &mut Reading<'_>) {
    let core_desc = counter(
        "node_cpu_core_throttles_total",
        "Times this core was slowed down by its temperature.",
    );
    let package_desc = counter(
        "node_cpu_package_throttles_total",
        "Times this package was slowed down by its temperature.",
    );
    if !r
        .files
        .sys_is_dir("devices/system/cpu/cpu0/thermal_throttle")
    {
        return;
    }
    let (mut cores, mut packages) = (BTreeSet::new(), BTreeSet::new());
    for cpu in r.files.sys_those("devices/system/cpu", "cpu") {
        let at = |file: &str| format!("devices/system/cpu/{cpu}/{file}");
        let Some(package) = r.files.sys_text(&at("topology/physical_package_id")) else {
            continue;
        };
        let Some(core) = r.files.sys_text(&at("topology/core_id")) else {
            continue;
        };
        let count = r
            .files
            .sys_number(&at("thermal_throttle/core_throttle_count"));
        if let Some(count) = count.filter(|_| cores.insert((package.clone(), core.clone()))) {
            let labels = [("core", core.as_str()), ("package", package.as_str())];
            r.out.add(&core_desc, &labels, count);
        }
        let count = r
            .files
            .sys_number(&at("thermal_throttle/package_throttle_count"));
        if let Some(count) = count.filter(|_| packages.insert(package.clone())) {
            r.out.add(&package_desc, &[("package", &package)], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_line_of_an_old_kernel_has_fewer_columns() {
        let (cpu, seconds) = core_line("cpu7 100 0 50 900", 100.0).unwrap();
        assert_eq!(
            (cpu, seconds[0], seconds[3], seconds[9]),
            (7, 1.0, 9.0, 0.0)
        );
        assert!(core_line("cpu  1 2 3 4", 100.0).is_none());
        assert!(core_line("intr 1", 100.0).is_none());
    }

    #[test]
    fn counters_only_go_forward_unless_the_core_came_back() {
        let mut before = Before::default();
        let at = |idle: f64, user: f64| {
            let mut s = [0.0; COLUMNS];
            (s[0], s[IDLE]) = (user, idle);
            s
        };
        before.forward(0, at(100.0, 5.0));
        assert_eq!(before.forward(0, at(99.5, 6.0)), at(100.0, 6.0));
        assert_eq!(before.forward(0, at(1.0, 0.5)), at(1.0, 0.5));
    }
}
