//! One reading of one container.

use crate::collect::container::cgroup::files::{self, Files};
use crate::collect::container::cgroup::find::{Cgroups, Directory, Place};
use crate::collect::container::cgroup::parse;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// What a container used at one time. Times in seconds, sizes in bytes, counters since its cgroup
/// was made. What its kernel does not tell is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub cpu: Option<f64>,
    pub cpu_user: Option<f64>,
    pub cpu_system: Option<f64>,
    /// Enforcement periods, those in which it was throttled, and for how long.
    pub periods: Option<f64>,
    pub throttled: Option<f64>,
    pub throttled_time: Option<f64>,
    pub memory: Option<Memory>,
    pub devices: Vec<Device>,
    pub interfaces: Vec<Interface>,
    pub processes: Option<f64>,
    pub threads: Option<f64>,
    /// CPU, memory, I/O.
    pub pressure: [Option<Pressure>; 3],
    pub spec: Spec,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    pub usage: f64,
    /// Usage without the file cache that can go at once.
    pub working_set: f64,
    pub rss: Option<f64>,
    pub cache: Option<f64>,
    pub mapped_file: Option<f64>,
    pub swap: Option<f64>,
    pub max_usage: Option<f64>,
    /// How often the limit was hit.
    pub failcnt: Option<f64>,
    pub oom_kills: Option<f64>,
    pub page_faults: Option<f64>,
    pub major_page_faults: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// `/dev/sda`; the numbers where the kernel does not name it.
    pub name: String,
    pub reads: f64,
    pub writes: f64,
    pub read_bytes: f64,
    pub written_bytes: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interface {
    pub name: String,
    /// Received bytes, packets, errors, drops; the same for what was sent.
    pub received: [f64; 4],
    pub sent: [f64; 4],
}

/// Seconds in which some, or all, of its tasks stood still.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    pub waiting: f64,
    pub stalled: f64,
}

/// What it may use; 0 is no limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    pub memory_limit: Option<f64>,
    pub memory_swap_limit: Option<f64>,
    pub memory_reservation: Option<f64>,
    /// Microseconds of CPU in each period; `None` without a limit.
    pub cpu_quota: Option<f64>,
    pub cpu_period: Option<f64>,
    pub cpu_shares: Option<f64>,
    pub threads_max: Option<f64>,
}

/// How much is read: a console that looks every 2 s needs less than the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    Live,
    Full,
}

impl Cgroups {
    /// Reads one container; `None` once its cgroup is gone. `files` are the same from pass to pass,
    /// and `now` is in milliseconds.
    ///
    /// A live reading of a container that used no CPU since it was last read whole takes its network,
    /// and where its memory did not change that memory's parts, as they were: it did nothing. Of many
    /// containers every second one is read whole in turn; of the others the network is left out, and
    /// the parts of the memory are as before. A stored reading takes everything anew.
    pub fn read(
        &self,
        place: &Place,
        depth: Depth,
        files: &mut Files,
        now: i64,
    ) -> Option<Reading> {
        files.enter(&place.id);
        let mut reading = Reading::default();
        read_cpu(&mut reading, place, files);
        if reading.cpu.is_none() && !place.directory().is_dir() {
            files.forget();
            return None;
        }
        let last = files.last().filter(|_| depth == Depth::Live);
        let idle = last.is_some_and(|l| l.cpu.is_some() && l.cpu == reading.cpu);
        let whole = last.is_none() || files.is_turn(&place.id);
        let before = last.and_then(|l| l.memory.clone());
        let interfaces = last.filter(|_| idle).map(|l| l.interfaces.clone());
        reading.memory = read_memory(place.memory(), (depth, idle, whole), before, files);
        let devices = read_devices(place.blkio(), files);
        reading.devices = devices
            .into_iter()
            .map(|io| files.device(self.root(), io))
            .collect();
        let pids = &place.pids().path;
        let threads = files.held(files::PIDS, pids, "pids.current");
        reading.threads = threads.and_then(parse::number);
        reading.interfaces = match interfaces {
            Some(interfaces) => interfaces,
            None if whole => self.interfaces(place, files),
            None => Vec::new(),
        };
        if depth == Depth::Full {
            let procs = files.held(files::PROCESSES, place.directory(), "cgroup.procs");
            reading.processes = procs.map(|p| p.lines().count() as f64);
            reading.pressure = read_pressure(place, files);
            reading.spec = if let Some(spec) = files.spec(now) {
                spec
            } else {
                let spec = read_spec(place, files);
                files.note_spec(spec, now)
            };
        }
        files.leave(&place.id, whole.then_some(&reading));
        Some(reading)
    }

    /// The file is opened each time: one held open would keep the container's network alive after
    /// its end.
    fn interfaces(&self, place: &Place, files: &mut Files) -> Vec<Interface> {
        if place.pid <= 0 || place.host_network {
            return Vec::new();
        }
        let process = self.root().join(format!("proc/{}/net", place.pid));
        let text = files.of(&process, "dev").unwrap_or_default();
        parse::net_dev(text).into_iter().map(interface).collect()
    }
}

fn interface(dev: parse::NetDev) -> Interface {
    let [rb, rp, re, rd, tb, tp, te, td] = dev.counts;
    Interface {
        name: dev.interface,
        received: [rb, rp, re, rd],
        sent: [tb, tp, te, td],
    }
}

fn read_cpu(reading: &mut Reading, place: &Place, file: &mut Files) {
    let Directory { path, v2 } = place.cpuacct();
    if *v2 {
        if let Some(text) = file.held(files::CPU, path, "cpu.stat") {
            let seconds = |key| parse::keyed(text, key).map(|us| us / 1e6);
            reading.cpu = seconds("usage_usec");
            reading.cpu_user = seconds("user_usec");
            reading.cpu_system = seconds("system_usec");
            // One file has both where both controllers are on v2.
            if place.cpu() == place.cpuacct() {
                read_throttling(reading, text, true);
                return;
            }
        }
    } else {
        let usage = file
            .held(files::CPU, path, "cpuacct.usage")
            .and_then(parse::number);
        reading.cpu = usage.map(|ns| ns / 1e9);
        if let Some(text) = file.held(files::CPU_PARTS, path, "cpuacct.stat") {
            // In ticks of USER_HZ, which is 100 on every architecture Linux has today.
            let seconds = |key| parse::keyed(text, key).map(|ticks| ticks / 100.0);
            reading.cpu_user = seconds("user");
            reading.cpu_system = seconds("system");
        }
    }
    let Directory { path, v2 } = place.cpu();
    if let Some(text) = file.held(files::THROTTLING, path, "cpu.stat") {
        read_throttling(reading, text, *v2);
    }
}

fn read_throttling(reading: &mut Reading, text: &str, v2: bool) {
    reading.periods = parse::keyed(text, "nr_periods");
    reading.throttled = parse::keyed(text, "nr_throttled");
    reading.throttled_time = if v2 {
        parse::keyed(text, "throttled_usec").map(|us| us / 1e6)
    } else {
        parse::keyed(text, "throttled_time").map(|ns| ns / 1e9)
    };
}

/// The file of usage, then what `memory.stat` calls inactive files, anonymous, file, mapped, swap,
/// faults and major faults; empty where it has no line.
const MEMORY_V2: [&str; 8] = [
    "memory.current",
    "inactive_file",
    "anon",
    "file",
    "file_mapped",
    "",
    "pgfault",
    "pgmajfault",
];
const MEMORY_V1: [&str; 8] = [
    "memory.usage_in_bytes",
    "total_inactive_file",
    "total_rss",
    "total_cache",
    "total_mapped_file",
    "total_swap",
    "total_pgfault",
    "total_pgmajfault",
];

/// `before` are the numbers of the last whole reading. Those of an idle container stand where its
/// usage is the same; where it is not read whole, what could go at once is as much as it was.
fn read_memory(
    dir: &Directory,
    (depth, idle, whole): (Depth, bool, bool),
    before: Option<Memory>,
    file: &mut Files,
) -> Option<Memory> {
    let Directory { path, v2 } = dir;
    let names = if *v2 { &MEMORY_V2 } else { &MEMORY_V1 };
    let usage = file
        .held(files::MEMORY, path, names[0])
        .and_then(parse::number)?;
    if let Some(before) = before.filter(|b| !whole || idle && b.usage == usage) {
        let inactive = before.usage - before.working_set;
        return Some(Memory {
            usage,
            working_set: (usage - inactive).max(0.0),
            ..before
        });
    }
    let mut memory = Memory {
        usage,
        working_set: usage,
        ..Memory::default()
    };
    if let Some(text) = file.held(files::MEMORY_PARTS, path, "memory.stat") {
        let of = |i: usize| parse::keyed(text, names[i]);
        memory.working_set = (usage - of(1).unwrap_or(0.0)).max(0.0);
        memory.rss = of(2);
        memory.cache = of(3);
        memory.mapped_file = of(4);
        memory.swap = of(5);
        // v1 without a hierarchy of its own writes no totals of faults.
        memory.page_faults = of(6).or_else(|| parse::keyed(text, "pgfault"));
        memory.major_page_faults = of(7).or_else(|| parse::keyed(text, "pgmajfault"));
    }
    if depth == Depth::Live {
        return Some(memory);
    }
    if *v2 {
        memory.swap = file
            .held(files::SWAP, path, "memory.swap.current")
            .and_then(parse::number);
        memory.max_usage = file
            .held(files::PEAK, path, "memory.peak")
            .and_then(parse::number);
        if let Some(text) = file.held(files::EVENTS, path, "memory.events") {
            memory.failcnt = parse::keyed(text, "max");
            memory.oom_kills = parse::keyed(text, "oom_kill");
        }
    } else {
        memory.max_usage = file
            .held(files::PEAK, path, "memory.max_usage_in_bytes")
            .and_then(parse::number);
        memory.failcnt = file
            .held(files::SWAP, path, "memory.failcnt")
            .and_then(parse::number);
        let control = file.held(files::EVENTS, path, "memory.oom_control");
        memory.oom_kills = control.and_then(|text| parse::keyed(text, "oom_kill"));
    }
    Some(memory)
}

fn read_devices(dir: &Directory, file: &mut Files) -> Vec<parse::Io> {
    if dir.v2 {
        return file
            .held(files::IO, &dir.path, "io.stat")
            .map(parse::io_stat)
            .unwrap_or_default();
    }
    let bytes = file.held(files::IO, &dir.path, "blkio.throttle.io_service_bytes");
    let bytes = bytes.unwrap_or_default().to_owned();
    let operations = file.held(files::IO_COUNTS, &dir.path, "blkio.throttle.io_serviced");
    parse::blkio(&bytes, operations.unwrap_or_default())
}

/// Pressure is of v2 only, also where the controllers are on v1.
fn read_pressure(place: &Place, file: &mut Files) -> [Option<Pressure>; 3] {
    let of = |(dir, name, which): (&Directory, &str, usize), file: &mut Files| {
        if !dir.v2 {
            return None;
        }
        let text = file.held(which, &dir.path, name);
        let (waiting, stalled) = text.and_then(parse::pressure)?;
        Some(Pressure { waiting, stalled })
    };
    [
        of((place.cpu(), "cpu.pressure", files::PRESSURE[0]), file),
        of(
            (place.memory(), "memory.pressure", files::PRESSURE[1]),
            file,
        ),
        of((place.blkio(), "io.pressure", files::PRESSURE[2]), file),
    ]
}

fn read_spec(place: &Place, file: &mut Files) -> Spec {
    let mut spec = Spec::default();
    let Directory { path, v2 } = place.memory();
    let names = if *v2 {
        ["memory.max", "memory.swap.max", "memory.low"]
    } else {
        [
            "memory.limit_in_bytes",
            "memory.memsw.limit_in_bytes",
            "memory.soft_limit_in_bytes",
        ]
    };
    spec.memory_limit = file.of(path, names[0]).and_then(parse::limit);
    spec.memory_swap_limit = file.of(path, names[1]).and_then(parse::limit);
    spec.memory_reservation = file.of(path, names[2]).and_then(parse::limit);
    let Directory { path, v2 } = place.cpu();
    if *v2 {
        let max = file.of(path, "cpu.max").map(parse::cpu_max);
        (spec.cpu_quota, spec.cpu_period) = max.unwrap_or_default();
        let weight = file.of(path, "cpu.weight").and_then(parse::number);
        spec.cpu_shares = weight.map(parse::shares_of_weight);
    } else {
        spec.cpu_quota = file.of(path, "cpu.cfs_quota_us").and_then(parse::number);
        spec.cpu_period = file.of(path, "cpu.cfs_period_us").and_then(parse::number);
        spec.cpu_shares = file.of(path, "cpu.shares").and_then(parse::number);
    }
    spec.threads_max = file
        .of(&place.pids().path, "pids.max")
        .and_then(parse::limit);
    spec
}

/// The names of block devices by their numbers; each is looked up once.
#[derive(Debug, Default)]
pub(crate) struct Devices(HashMap<String, String>);

impl Devices {
    pub(crate) fn name(&mut self, root: &Path, numbers: &str) -> String {
        if let Some(known) = self.0.get(numbers) {
            return known.clone();
        }
        let link = fs::read_link(root.join("sys/dev/block").join(numbers));
        let named = link
            .ok()
            .and_then(|l| Some(format!("/dev/{}", l.file_name()?.to_str()?)));
        let name = named.unwrap_or_else(|| numbers.to_owned());
        if self.0.len() < 1_000 {
            self.0.insert(numbers.to_owned(), name.clone());
        }
        name
    }
}

#[cfg(test)]
mod tests;
