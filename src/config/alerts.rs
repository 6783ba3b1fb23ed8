//! `alerts`: the rules that come with the program, and who watches the watcher.

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, key};

pub(crate) static ALERTS: Section = Section {
    name: "alerts",
    keys: &[&[
        key(
            "defaults",
            Shape::Bool,
            "true",
            "Evaluates the rules that come with bongsu.",
        ),
        key(
            "heartbeat",
            Shape::Section(&HEARTBEAT),
            "",
            "An address that is called while rules are evaluated: silence there means that this watch has ended.",
        ),
    ]],
};

static HEARTBEAT: Section = Section {
    name: "heartbeat",
    keys: &[&[
        key("url", Shape::Secret, "", "What is called, by GET."),
        key("every", Shape::Duration, "1m", "How often."),
    ]],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts {
    /// Evaluate the rules that come with the program.
    pub defaults: bool,
    pub heartbeat: Option<Heartbeat>,
}

/// Called while rules are evaluated.
#[derive(Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Often holds a token, so it is never printed.
    pub url: String,
    pub every: Duration,
}

impl std::fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Heartbeat(<secret>, {:?})", self.every)
    }
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            defaults: true,
            heartbeat: None,
        }
    }
}

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Alerts {
    let heartbeat = of.section("heartbeat", &HEARTBEAT).map(|of| {
        check.require(of, &["url"]);
        let url = of.string("url").unwrap_or_default();
        if !url.is_empty() {
            check.url(&url, of.value_place("url"), &["https", "http"]);
        }
        let every = of.positive("every").unwrap_or(Duration::from_mins(1));
        Heartbeat { url, every }
    });
    Alerts {
        defaults: of.bool("defaults").unwrap_or(true),
        heartbeat,
    }
}
