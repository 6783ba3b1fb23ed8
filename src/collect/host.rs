//! This server, read from /proc and /sys: the families of node_exporter's default set under the
//! same names, labels and types.
//!
//! One file per collector, one row per collector in [`COLLECTORS`]. A collector is a plain
//! function: it reads through [`files::Files`], so that a directory tree can stand in for the
//! machine, and hands its points to [`families::Families`]. Families of hardware that is absent
//! are absent, never zero. Processes are apart, in [`process`]: no series carries a pid.

#![expect(
    clippy::unnecessary_wraps,
    reason = "collectors share one signature, also those that cannot fail"
)]

mod arp;
mod bcache;
mod bonding;
mod btrfs;
mod calls;
mod conntrack;
mod cpu;
mod cpufreq;
mod diskstats;
mod dmi;
mod edac;
mod entropy;
pub mod facts;
mod families;
mod fibrechannel;
mod filefd;
mod files;
mod filesystem;
mod hwmon;
mod infiniband;
mod ipvs;
mod loadavg;
mod mdadm;
mod meminfo;
mod mounts;
mod netclass;
mod netdev;
mod netstat;
mod nfs;
mod nfsd;
mod nvme;
mod os;
mod power_supply;
mod pressure;
mod rapl;
mod registry;
mod schedstat;
mod selinux;
mod sockstat;
mod softnet;
mod stat;
mod tapestats;
mod text;
mod textfile;
mod thermal_zone;
mod time;
mod timex;
mod udp_queues;
mod uname;
mod vmstat;
mod xfs;
mod zfs;

pub mod process;
pub mod run;

pub use crate::collect::host::registry::{COLLECTORS, Collector, Pace};

use crate::base::clock;
use crate::base::clock::Clock;
use crate::collect::host::families::{Families, gauge};
use crate::collect::host::files::Files;
use crate::config::host::Picks;
use crate::model::family::Family;
use std::path::PathBuf;
use std::time::Duration;

/// Where and what to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// `/`, or a tree that has `proc`, `sys`, `etc` and `run` below it.
    pub root: PathBuf,
    pub clock: Clock,
    /// Directory of `*.prom` files; `None` reads none.
    pub textfile_directory: Option<PathBuf>,
    /// How long one reading waits for file systems that may hang, all of them together.
    pub mount_deadline: Duration,
    /// Collectors switched on or off by name; the others are as their table says.
    pub switched: Vec<(String, bool)>,
    /// Which disks, interfaces and mounts are read.
    pub picks: Picks,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            clock: Clock::System,
            textfile_directory: None,
            mount_deadline: Duration::from_millis(200),
            switched: Vec::new(),
            picks: Picks::default(),
        }
    }
}

/// Reads the machine again and again with the buffers of the time before.
#[derive(Debug)]
pub struct Host {
    files: Files,
    keep: Keep,
    options: Options,
    failures: Vec<(&'static str, String)>,
}

/// What collectors remember between two readings.
#[derive(Debug, Default)]
pub(crate) struct Keep {
    cpu: cpu::Before,
    mounts: mounts::Watch,
    udev: diskstats::Udev,
    /// Mount points that did not answer.
    stuck: Vec<String>,
}

/// What one collector is given.
pub(crate) struct Reading<'a> {
    pub(crate) files: &'a mut Files,
    pub(crate) out: &'a mut Families,
    pub(crate) keep: &'a mut Keep,
    pub(crate) options: &'a Options,
}

impl Host {
    pub fn new(options: Options) -> Self {
        Self {
            files: Files::new(&options.root),
            keep: Keep::default(),
            options,
            failures: Vec::new(),
        }
    }

    /// Every family of every collector that is on.
    pub fn read(&mut self) -> Vec<Family> {
        self.read_those(|_| true)
    }

    /// The families of the collectors that cost little enough for every two seconds.
    pub fn read_quick(&mut self) -> Vec<Family> {
        self.read_those(|c| c.pace == Pace::Quick)
    }

    /// What each failed collector said at the last reading that ran it: its name and a sentence.
    pub fn failures(&self) -> &[(&'static str, String)] {
        &self.failures
    }

    /// Mount points that did not answer at the last reading.
    pub fn stuck(&self) -> &[String] {
        &self.keep.stuck
    }

    fn read_those(&mut self, wanted: impl Fn(&Collector) -> bool) -> Vec<Family> {
        let mut out = Families::default();
        let mut runs = Vec::with_capacity(COLLECTORS.len());
        self.failures.clear();
        self.files.begin();
        let switched = |c: &Collector| {
            let said = self
                .options
                .switched
                .iter()
                .find(|(name, _)| name == c.name);
            said.map_or(c.on, |(_, on)| *on)
        };
        for collector in COLLECTORS.iter().filter(|c| switched(c) && wanted(c)) {
            let begun = clock::monotonic();
            let mut reading = Reading {
                files: &mut self.files,
                out: &mut out,
                keep: &mut self.keep,
                options: &self.options,
            };
            let result = (collector.read)(&mut reading);
            runs.push((collector.name, begun.elapsed(), result.is_ok()));
            if let Err(failure) = result {
                self.failures.push((collector.name, failure.to_string()));
            }
        }
        report(&runs, &mut out);
        out.finish()
    }
}

/// How long each collector took and whether it succeeded.
fn report(runs: &[(&'static str, Duration, bool)], out: &mut Families) {
    let took = gauge(
        "node_scrape_collector_duration_seconds",
        "Time one collector took at this reading.",
    );
    let fine = gauge(
        "node_scrape_collector_success",
        "1 where the collector found and read what it looks for.",
    );
    for (name, time, ok) in runs {
        out.add(&took, &[("collector", name)], time.as_secs_f64());
        out.add(&fine, &[("collector", name)], f64::from(u8::from(*ok)));
    }
    let build = gauge(
        "node_exporter_build_info",
        "The program that stands in for node_exporter here, as labels.",
    );
    let labels = [
        ("branch", "bongsu"),
        ("goarch", families::go_arch()),
        ("goos", std::env::consts::OS),
        ("goversion", "none"),
        ("revision", "none"),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    out.add(&build, &labels, 1.0);
}
