//! `alerting`: the Alertmanagers that alerts are sent on to, in Prometheus' form.

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::discovery;
use crate::config::fields::Fields;
use crate::config::http::{self, HttpClient};
use crate::config::relabel::{self, RelabelRule};
use crate::config::shape::{Key, Section, Shape, idle, key, later};
use crate::config::targets::{self, FILE_SD, FileSd, GROUP, TargetGroup};

pub(crate) static ALERTING: Section = Section {
    name: "alerting",
    keys: &[&[
        key(
            "alert_relabel_configs",
            Shape::List(&Shape::Section(&relabel::RULE)),
            "",
            "What the labels of alerts become before they are sent on.",
        ),
        key(
            "alertmanagers",
            Shape::List(&Shape::Section(&ALERTMANAGER)),
            "",
            "Existing Alertmanagers that alerts are sent on to.",
        ),
    ]],
};

static ALERTMANAGER: Section = Section {
    name: "alertmanagers",
    keys: &[OWN, http::CLIENT, discovery::KINDS],
};

static OWN: &[Key] = &[
    idle(
        "api_version",
        Shape::Word(&["v2"]),
        "every Alertmanager since 0.16 speaks v2, and no other is spoken here",
    ),
    key(
        "timeout",
        Shape::Duration,
        "10s",
        "How long one sending may take.",
    ),
    key(
        "scheme",
        Shape::Word(&["http", "https"]),
        "http",
        "http or https.",
    ),
    key(
        "path_prefix",
        Shape::Text,
        "",
        "What stands before /api/v2/alerts.",
    ),
    later("sigv4", Shape::Any, "signing for AWS"),
    later("google_iam", Shape::Any, "signing for Google"),
    key(
        "static_configs",
        Shape::List(&Shape::Section(&GROUP)),
        "",
        "Alertmanagers named here.",
    ),
    key(
        "file_sd_configs",
        Shape::List(&Shape::Section(&FILE_SD)),
        "",
        "Alertmanagers named in files, which are read when the configuration is.",
    ),
    key(
        "relabel_configs",
        Shape::List(&Shape::Section(&relabel::RULE)),
        "",
        "What their addresses become; a dropped one is not sent to.",
    ),
    key(
        "alert_relabel_configs",
        Shape::List(&Shape::Section(&relabel::RULE)),
        "",
        "What the labels of alerts become on their way to these.",
    ),
];

/// What is sent on, and to whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerting {
    /// What alerts become before they are sent to any of them.
    pub relabel: Vec<RelabelRule>,
    pub alertmanagers: Vec<AlertmanagerSet>,
}

/// Alertmanagers that share their settings.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertmanagerSet {
    pub scheme: String,
    pub path_prefix: String,
    pub timeout: Duration,
    pub http: HttpClient,
    /// What their addresses become.
    pub relabel: Vec<RelabelRule>,
    /// What alerts become on their way to these.
    pub alert_relabel: Vec<RelabelRule>,
    pub static_configs: Vec<TargetGroup>,
    pub file_sd: Vec<FileSd>,
}

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Alerting {
    let mut alertmanagers = Vec::new();
    let above = relabel::read_list(of, "alert_relabel_configs", check);
    for node in of.items("alertmanagers") {
        if node.is_null() {
            let text = "this Alertmanager is empty; remove the `-` or name its targets";
            check.report.error(node.place, text);
            continue;
        }
        let of = Fields::new(node, &ALERTMANAGER);
        let http = http::read(of, check);
        let rules = relabel::read_list(of, "relabel_configs", check);
        let judged = !rules.iter().any(|rule| rule.may_write("__address__"));
        discovery::check_kinds(of, check);
        alertmanagers.push(AlertmanagerSet {
            scheme: of.text("scheme").unwrap_or("http").to_owned(),
            path_prefix: of.string("path_prefix").unwrap_or_default(),
            timeout: of.positive("timeout").unwrap_or(Duration::from_secs(10)),
            http,
            alert_relabel: relabel::read_list(of, "alert_relabel_configs", check),
            static_configs: targets::read_static(of, judged, check),
            file_sd: targets::read_file_sd(of, check),
            relabel: rules,
        });
    }
    Alerting {
        relabel: above,
        alertmanagers,
    }
}
