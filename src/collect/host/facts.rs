//! Facts of this machine, and what this user may not read of it.
//!
//! Nothing here is hot: it is asked at start and every few minutes.

use crate::collect::host::files::{Failure, Files};
use crate::collect::host::{calls, mounts, text};
use crate::model::view::{BlindSpot, Machine};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// Name, kernel, cores and memory; `now_ms` decides the offset of the zone.
pub fn machine(root: &Path, now_ms: i64) -> Machine {
    let mut files = Files::new(root);
    let cpuinfo = files.proc("cpuinfo").unwrap_or_default();
    let (cpu_model, cores) = cores(cpuinfo);
    let meminfo = files.proc("meminfo").unwrap_or_default();
    let total = meminfo.lines().find(|l| l.starts_with("MemTotal:"));
    let memory = total.and_then(|l| text::nth(l, 1)).unwrap_or(0.0) as u64 * 1024;
    let stat = files.stat().unwrap_or_default();
    let booted = stat.lines().find(|l| l.starts_with("btime "));
    let booted_at = booted.and_then(|l| text::nth(l, 1)).unwrap_or(0.0) as i64 * 1000;
    let zone = calls::zone(now_ms / 1000);
    Machine {
        host: host_name(),
        os: sysinfo::System::long_os_version().unwrap_or_default(),
        kernel: sysinfo::System::kernel_version().unwrap_or_default(),
        cpu_model,
        cores,
        memory,
        booted_at,
        utc_offset: zone.map_or(0, |(_, offset)| offset as i32),
    }
}

/// What the kernel calls this machine; the value of `instance`.
pub fn host_name() -> String {
    let name = sysinfo::System::host_name().unwrap_or_default();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}

/// Model and number of cores, of the forms x86 and ARM kernels have.
fn cores(cpuinfo: &str) -> (String, u32) {
    let value = |key: &str| {
        let line = cpuinfo.lines().find(|l| l.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = value("model name")
        .or_else(|| value("Model"))
        .or_else(|| value("Hardware"))
        .unwrap_or_default();
    let count = cpuinfo
        .lines()
        .filter(|l| l.starts_with("processor"))
        .count();
    (model, count as u32)
}

/// What is asked beside the machine itself.
pub(crate) struct Look<'a> {
    pub(crate) root: &'a Path,
    pub(crate) textfile_directory: Option<&'a Path>,
    /// Mount points that did not answer at the last reading.
    pub(crate) stuck: &'a [String],
}

/// What cannot be read as this user, why, and the command that would allow it.
pub(crate) fn blind_spots(look: &Look<'_>) -> Vec<BlindSpot> {
    let mut files = Files::new(look.root);
    let mut out = Vec::new();
    others(&mut files, &mut out);
    if let Err(Failure::Absent(_)) = files.proc("pressure/cpu").map(|_| ()) {
        out.push(spot(
            "Pressure: how long tasks wait for CPU, memory and disks",
            "this kernel has no /proc/pressure (it came with Linux 4.20, some distributions switch it off)",
            "add psi=1 to the kernel's command line and start again, or update the kernel",
        ));
    }
    sensors(&mut files, look.root, &mut out);
    if let Some(directory) = look.textfile_directory
        && let Err(e) = std::fs::read_dir(directory)
    {
        out.push(BlindSpot {
            what: format!("Metrics of the text files in {}", directory.display()),
            why: format!("the directory cannot be read: {e}"),
            way_out: format!("sudo install -d -m 755 {}", directory.display()),
        });
    }
    for point in look.stuck {
        out.push(BlindSpot {
            what: format!("Space of the file system on {point}"),
            why: "it does not answer; its server or disk may be gone".to_owned(),
            way_out: format!("sudo umount -l {point}"),
        });
    }
    out
}

fn spot(what: &str, why: &str, way_out: &str) -> BlindSpot {
    BlindSpot {
        what: what.to_owned(),
        why: why.to_owned(),
        way_out: way_out.to_owned(),
    }
}

/// The command that gives this program what it lacks, by the path it runs from.
fn grant(capabilities: &str) -> String {
    let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("bongsu"));
    format!("sudo setcap {capabilities}+ep {}", own.display())
}

/// Other users' processes.
fn others(files: &mut Files, out: &mut Vec<BlindSpot>) {
    if let Err(Failure::Unreadable { why, .. }) = files.proc("1/io").map(|_| ())
        && why == Errno::ACCESS
    {
        out.push(spot(
            "Disk reads and writes of other users' processes",
            "only root and a program with CAP_SYS_PTRACE may read /proc/PID/io of others",
            &grant("cap_sys_ptrace,cap_dac_read_search"),
        ));
    }
    let mounts = files.proc("mounts").unwrap_or_default();
    let hidden = mounts.lines().any(|l| {
        let mut words = l.split_ascii_whitespace().skip(1);
        words.next() == Some("/proc") && words.nth(1).is_some_and(|options| {
            let hides =
                |o: &str| matches!(o.strip_prefix("hidepid="), Some(v) if v != "0" && v != "off");
            options.split(',').any(hides)
        })
    });
    if hidden && !rustix::process::geteuid().is_root() {
        out.push(spot(
            "Other users' processes",
            "/proc is mounted with hidepid, which hides them",
            "sudo mount -o remount,hidepid=0 /proc",
        ));
    }
}

/// Sensors that are not there, or that root alone may read.
fn sensors(files: &mut Files, root: &Path, out: &mut Vec<BlindSpot>) {
    let refused = files.sys_those("class/powercap", "intel-rapl:");
    let refused = refused.iter().any(|zone| {
        let got = files.sys(&format!("class/powercap/{zone}/energy_uj"));
        matches!(got, Err(Failure::Unreadable { why, .. }) if why == Errno::ACCESS)
    });
    if refused {
        out.push(spot(
            "Energy used by the processor",
            "the kernel shows it to root alone",
            &grant("cap_dac_read_search"),
        ));
    }
    // A tree that stands in for a machine has no sensors of its own.
    if root != Path::new("/") {
        return;
    }
    let found = sysinfo::Components::new_with_refreshed_list();
    if found.is_ok_and(|c| c.is_empty()) {
        out.push(spot(
            "Temperatures",
            "the kernel shows no sensor, which is usual on a virtual machine",
            "on real hardware: sudo sensors-detect (package lm-sensors) names the driver to load",
        ));
    }
}

/// The mount points among `mounts` whose answer is missing.
pub(crate) fn stuck(mounts: &[mounts::Mount], answers: &[Option<mounts::Space>]) -> Vec<String> {
    let all = mounts.iter().zip(answers);
    all.filter(|(_, answer)| answer.is_none())
        .map(|(mount, _)| mount.point.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_of_intel_and_arm() {
        let intel =
            "processor\t: 0\nmodel name\t: Xeon X\n\nprocessor\t: 1\nmodel name\t: Xeon X\n";
        assert_eq!(cores(intel), ("Xeon X".to_owned(), 2));
        let arm = "processor\t: 0\nBogoMIPS : 1\n\nModel\t\t: Pi 4\n";
        assert_eq!(cores(arm), ("Pi 4".to_owned(), 1));
    }

    #[test]
    fn this_machine_has_a_name_and_memory() {
        let machine = machine(Path::new("/"), 0);
        assert!(!machine.host.is_empty() && machine.cores > 0 && machine.memory > 0);
        assert!(machine.booted_at > 0 && !machine.kernel.is_empty());
    }

    #[test]
    fn what_is_missing_names_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc")).unwrap();
        let missing = dir.path().join("textfiles");
        let look = Look {
            root: dir.path(),
            textfile_directory: Some(&missing),
            stuck: &["/nas".to_owned()],
        };
        let spots = blind_spots(&look);
        let text = format!("{spots:?}");
        for part in ["psi=1", "sudo install -d", "sudo umount -l /nas"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
