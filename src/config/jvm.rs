//! `jvm`: JVMs of this server, read without an exporter or an agent.

use crate::base::clock::Duration;
use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, key, later};

pub(crate) static JVM: Section = Section {
    name: "jvm",
    keys: &[&[
        key(
            "enabled",
            Shape::Bool,
            "true",
            "Reads heap, collections and threads of every JVM on this server.",
        ),
        key(
            "interval",
            Shape::Duration,
            "",
            "How often a reading is stored; as `host.interval` unless said.",
        ),
        later("attach", Shape::Text, "asking JVMs by attaching to them"),
    ]],
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jvm {
    pub enabled: bool,
    /// `None`: the host collector's.
    pub interval: Option<Duration>,
}

impl Default for Jvm {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: None,
        }
    }
}

pub(crate) fn read(of: Fields<'_>) -> Jvm {
    Jvm {
        enabled: of.bool("enabled").unwrap_or(true),
        interval: of.positive("interval"),
    }
}
