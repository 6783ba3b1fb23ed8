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
        key(
            "acknowledge",
            Shape::Section(&NOTIFY),
            "",
            "Whether an acknowledgement is told to those who were told of the alert.",
        ),
        key(
            "exec",
            Shape::Bool,
            "false",
            "Whether receivers may run programs (exec_configs), as the user of the engine.",
        ),
        key(
            "silence",
            Shape::Section(&NOTIFY),
            "",
            "Whether they are told before a silence ends, and of what was resolved under one.",
        ),
    ]],
};

static NOTIFY: Section = Section {
    name: "notify",
    keys: &[&[key(
        "notify",
        Shape::Bool,
        "true",
        "In one line: Slack, Mattermost, Discord, Telegram; pagers are told in their own way.",
    )]],
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
    /// Acknowledgements are told.
    pub tell_acknowledged: bool,
    /// Receivers may run programs.
    pub exec: bool,
    /// The ends of silences, and what was resolved under them, are told.
    pub tell_silence: bool,
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
            tell_acknowledged: true,
            tell_silence: true,
            exec: false,
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
    let notify = |key| {
        let of = of.section(key, &NOTIFY);
        of.and_then(|of| of.bool("notify")).unwrap_or(true)
    };
    Alerts {
        defaults: of.bool("defaults").unwrap_or(true),
        heartbeat,
        tell_acknowledged: notify("acknowledge"),
        tell_silence: notify("silence"),
        exec: of.bool("exec").unwrap_or(false),
    }
}
