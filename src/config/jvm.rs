//! `jvm`: JVMs of this server, read without an exporter or an agent.

use crate::base::clock::Duration;
use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, key};
use crate::model::jvm::AttachPolicy;

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
        key(
            "attach",
            Shape::Word(&["ask", "never", "always"]),
            "ask",
            "Whether JVMs may be asked by attaching: on a person's order, never, or also by itself.",
        ),
    ]],
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jvm {
    pub enabled: bool,
    /// `None`: the host collector's.
    pub interval: Option<Duration>,
    pub attach: AttachPolicy,
}

impl Default for Jvm {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: None,
            attach: AttachPolicy::Ask,
        }
    }
}

pub(crate) fn read(of: Fields<'_>) -> Jvm {
    Jvm {
        enabled: of.bool("enabled").unwrap_or(true),
        interval: of.positive("interval"),
        attach: match of.text("attach") {
            Some("never") => AttachPolicy::Never,
            Some("always") => AttachPolicy::Always,
            _ => AttachPolicy::Ask,
        },
    }
}
