//! `host`: what is collected of this server itself.

use crate::base::clock::Duration;
use crate::base::regex::Regex;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, key};
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
const DISKS: &str = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$";
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
    pub include_disks: Option<Regex>,
    pub include_interfaces: Option<Regex>,
    /// `None`: node_exporter's default.
    pub exclude_disks: Option<Regex>,
    pub exclude_interfaces: Option<Regex>,
    pub exclude_mount_points: Option<Regex>,
    pub exclude_fs_types: Option<Regex>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: None,
            labels: Labels::empty(),
            textfile_directory: None,
            collectors: Vec::new(),
            include_disks: None,
            include_interfaces: None,
            exclude_disks: unanchored(DISKS),
            exclude_interfaces: None,
            exclude_mount_points: unanchored(MOUNT_POINTS),
            exclude_fs_types: unanchored(FS_TYPES),
        }
    }
}

/// node_exporter matches these anywhere in the text; its defaults carry their own anchors.
fn unanchored(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Host {
    let default = Host::default();
    let labels = of.pairs("labels");
    for (name, _, place) in &labels {
        check.label_name(name, *place);
    }
    let switches = of.get("collectors").map_or(&[][..], |n| n.entries()).iter();
    let include = of.section("includes", &INCLUDES);
    let exclude = of.section("excludes", &EXCLUDES);
    // An empty text excludes nothing, which is not the same as not being written.
    let pattern = |section: Option<Fields<'_>>, key: &str, default: Option<Regex>| match section
        .and_then(|s| s.text(key))
    {
        None => default,
        Some("") => None,
        Some(text) => unanchored(text),
    };
    Host {
        enabled: of.bool("enabled").unwrap_or(true),
        interval: of.positive("interval"),
        labels: Labels::from_pairs(labels.into_iter().map(|(n, v, _)| (n, v))),
        textfile_directory: of.path("textfile_directory", check.folder),
        collectors: switches
            .filter_map(|e| Some((e.key.clone(), crate::config::shape::node_bool(&e.value)?)))
            .collect(),
        include_disks: pattern(include, "disks", None),
        include_interfaces: pattern(include, "interfaces", None),
        exclude_disks: pattern(exclude, "disks", default.exclude_disks),
        exclude_interfaces: pattern(exclude, "interfaces", None),
        exclude_mount_points: pattern(exclude, "mount_points", default.exclude_mount_points),
        exclude_fs_types: pattern(exclude, "fs_types", default.exclude_fs_types),
    }
}
