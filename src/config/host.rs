//! `host`: what is collected of this server itself.

use crate::base::clock::Duration;
use crate::base::regex::Regex;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, key, node_bool};
use crate::model::labels::Labels;
use std::path::PathBuf;

pub(crate) static HOST: Section = Section {
    name: "host",
    keys: &[&[
        key(
            "enabled",
            Shape::Bool,
            "true",
            "Collects this server's CPU, memory, disks, network and pressure.",
        ),
        key(
            "interval",
            Shape::Duration,
            "",
            "How often a reading is stored; global.scrape_interval unless said, else 15s.",
        ),
        key(
            "labels",
            Shape::Texts,
            "",
            "Labels of the built-in series; `job` and `instance` may be replaced here.",
        ),
        key(
            "textfile_directory",
            Shape::Text,
            "",
            "A folder of .prom files whose samples are stored with the readings.",
        ),
        key(
            "collectors",
            Shape::Named(&Shape::Bool),
            "",
            "Switches single collectors on or off: {pressure: false}.",
        ),
        key(
            "includes",
            Shape::Section(&INCLUDES),
            "",
            "Only what matches is collected.",
        ),
        key(
            "excludes",
            Shape::Section(&EXCLUDES),
            "",
            "What matches is left out. The defaults are node_exporter's.",
        ),
    ]],
};

pub(crate) static INCLUDES: Section = Section {
    name: "host.includes",
    keys: &[&[
        key("disks", Shape::Regex, "", "Block devices."),
        key("interfaces", Shape::Regex, "", "Network interfaces."),
    ]],
};

pub(crate) static EXCLUDES: Section = Section {
    name: "host.excludes",
    keys: &[&[
        key("disks", Shape::Regex, DISKS, "Block devices."),
        key("interfaces", Shape::Regex, "", "Network interfaces."),
        key(
            "mount_points",
            Shape::Regex,
            MOUNT_POINTS,
            "Where filesystems are mounted.",
        ),
        key("fs_types", Shape::Regex, FS_TYPES, "Kinds of filesystems."),
    ]],
};

/// node_exporter's `--collector.diskstats.device-exclude`.
const DISKS: &str = r"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$";
/// node_exporter's `--collector.filesystem.mount-points-exclude`.
const MOUNT_POINTS: &str =
    "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
/// node_exporter's `--collector.filesystem.fs-types-exclude`.
const FS_TYPES: &str = "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$";

#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    pub enabled: bool,
    /// `None`: global's where it was given, else 15 s.
    pub interval: Option<Duration>,
    pub labels: Labels,
    pub textfile_directory: Option<PathBuf>,
    /// Collectors switched by name; all others stand at their default.
    pub collectors: Vec<(String, bool)>,
    pub picks: Picks,
}

/// What is taken of what there are many of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picks {
    pub disks: Pick,
    pub interfaces: Pick,
    pub mount_points: Pick,
    pub fs_types: Pick,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pick {
    pub include: Option<Regex>,
    pub exclude: Exclude,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Exclude {
    /// node_exporter's default, which the collector knows without an expression.
    #[default]
    Default,
    Nothing,
    What(Regex),
}

impl Pick {
    /// `left_out`: the collector's default. It does not count where names are included by choice.
    pub fn takes(&self, name: &str, left_out: impl FnOnce() -> bool) -> bool {
        if self.include.as_ref().is_some_and(|r| !r.is_match(name)) {
            return false;
        }
        match &self.exclude {
            Exclude::Default => self.include.is_some() || !left_out(),
            Exclude::Nothing => true,
            Exclude::What(pattern) => !pattern.is_match(name),
        }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: None,
            labels: Labels::empty(),
            textfile_directory: None,
            collectors: Vec::new(),
            picks: Picks::default(),
        }
    }
}

/// Every collector's name; a test holds them equal to the collectors' own table.
pub const COLLECTORS: &[&str] = &[
    "arp",
    "bcache",
    "bonding",
    "btrfs",
    "conntrack",
    "cpu",
    "cpufreq",
    "diskstats",
    "dmi",
    "edac",
    "entropy",
    "fibrechannel",
    "filefd",
    "filesystem",
    "hwmon",
    "infiniband",
    "ipvs",
    "loadavg",
    "mdadm",
    "meminfo",
    "netclass",
    "netdev",
    "netstat",
    "nfs",
    "nfsd",
    "nvme",
    "os",
    "powersupplyclass",
    "pressure",
    "rapl",
    "schedstat",
    "selinux",
    "sockstat",
    "softnet",
    "stat",
    "tapestats",
    "textfile",
    "thermal_zone",
    "time",
    "timex",
    "udp_queues",
    "uname",
    "vmstat",
    "xfs",
    "zfs",
];

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Host {
    let labels = of.pairs("labels");
    for (name, _, place) in &labels {
        check.label_name(name, *place);
    }
    let mut collectors = Vec::new();
    for entry in of.get("collectors").map_or(&[][..], |n| n.entries()) {
        check.word(&entry.key, entry.place, COLLECTORS);
        collectors.extend(node_bool(&entry.value).map(|on| (entry.key.clone(), on)));
    }
    let include = of.section("includes", &INCLUDES);
    let exclude = of.section("excludes", &EXCLUDES);
    // node_exporter matches anywhere in the text, so these are not anchored.
    let only = |key: &str| {
        let text = include?.text(key).filter(|t| !t.is_empty())?;
        Regex::new(text).ok()
    };
    let not = |key: &str| match exclude.and_then(|e| e.text(key)) {
        None => Exclude::Default,
        Some("") => Exclude::Nothing,
        Some(text) => Regex::new(text).map_or(Exclude::Default, Exclude::What),
    };
    let pick = |include, exclude| Pick { include, exclude };
    Host {
        enabled: of.bool("enabled").unwrap_or(true),
        interval: of.positive("interval"),
        labels: Labels::from_pairs(labels.into_iter().map(|(n, v, _)| (n, v))),
        textfile_directory: of.path("textfile_directory", check.folder),
        collectors,
        picks: Picks {
            disks: pick(only("disks"), not("disks")),
            interfaces: pick(only("interfaces"), not("interfaces")),
            mount_points: pick(None, not("mount_points")),
            fs_types: pick(None, not("fs_types")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pick_follows_include_exclude_and_default() {
        let regex = |text: &str| Regex::new(text).unwrap();
        let by_default = Pick::default();
        assert!(by_default.takes("sda", || false) && !by_default.takes("sda1", || true));
        let chosen = Pick {
            include: Some(regex("^sd")),
            exclude: Exclude::Default,
        };
        assert!(chosen.takes("sda1", || true) && !chosen.takes("nvme0n1", || false));
        let all = Pick {
            include: None,
            exclude: Exclude::Nothing,
        };
        assert!(all.takes("loop0", || true));
        let some = Pick {
            include: None,
            exclude: Exclude::What(regex("^veth")),
        };
        assert!(some.takes("eth0", || true) && !some.takes("veth1", || false));
    }
}
