//! `containers`: containers of this server, read from their cgroups and asked of Docker or podman.

use crate::base::clock::Duration;
use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, key};

pub(crate) static CONTAINERS: Section = Section {
    name: "containers",
    keys: &[&[
        key(
            "enabled",
            Shape::Bool,
            "true",
            "Reads CPU, memory, network and disk of every container, and asks Docker or podman for names.",
        ),
        key(
            "interval",
            Shape::Duration,
            "",
            "How often a reading is stored; as `host.interval` unless said.",
        ),
        key(
            "sockets",
            Shape::List(&Shape::Text),
            "",
            "Where engines listen; DOCKER_HOST and the usual sockets unless said.",
        ),
        key(
            "labels",
            Shape::List(&Shape::Text),
            "",
            "Labels of containers to keep in the series beside compose's; `*` keeps all.",
        ),
        key(
            "logs",
            Shape::Bool,
            "",
            "Reads what containers write. Unless said: where `logs` names no jobs, as these may read the same files.",
        ),
    ]],
};

#[derive(Clone, Debug, PartialEq)]
pub struct Containers {
    pub enabled: bool,
    /// `None`: the host collector's.
    pub interval: Option<Duration>,
    /// As `DOCKER_HOST` is written; none: the usual places.
    pub sockets: Vec<String>,
    pub labels: Vec<String>,
    /// Whether their output is read; `None`: where no other log is named.
    pub logs: Option<bool>,
}

impl Default for Containers {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: None,
            sockets: Vec::new(),
            labels: Vec::new(),
            logs: None,
        }
    }
}

pub(crate) fn read(of: Fields<'_>) -> Containers {
    Containers {
        enabled: of.bool("enabled").unwrap_or(true),
        interval: of.positive("interval"),
        sockets: of.strings("sockets"),
        labels: of.strings("labels"),
        logs: of.bool("logs"),
    }
}
