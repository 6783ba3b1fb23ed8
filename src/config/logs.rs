//! `logs`, and promtail.yml: which files are read, with which labels, through which stages.

pub mod stages;

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::finding::Report;
use crate::config::logs::stages::{STAGE, Stage};
use crate::config::relabel::{self, RULE, RelabelRule};
use crate::config::shape::{Key, Section, Shape, idle, key, later};
use crate::config::targets::{GROUP, TargetGroup, read_static};
use crate::model::labels::Labels;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

const OWN_POSITIONS: &str =
    "bongsu keeps its positions with the lines, in its own store; this is left out";
const OWN_SERVER: &str = "bongsu answers on its own port (`api.listen`); this is left out";

/// bongsu's own section: Promtail's keys, and whether logs are read at all.
pub(crate) static LOGS: Section = Section {
    name: "logs",
    keys: &[
        &[key(
            "enabled",
            Shape::Bool,
            "true",
            "Reads logs. Where no job is configured: /var/log, the journal, containers.",
        )],
        PROMTAIL_KEYS,
    ],
};

/// The whole of a promtail.yml.
pub(crate) static PROMTAIL: Section = Section {
    name: "",
    keys: &[PROMTAIL_KEYS],
};

static PROMTAIL_KEYS: &[Key] = &[
    key(
        "scrape_configs",
        Shape::List(&Shape::Section(&JOB)),
        "",
        "The jobs: which logs are read and how, in Promtail's form.",
    ),
    later("clients", Shape::Any, "forwarding of logs to a Loki"),
    later("client", Shape::Any, "forwarding of logs to a Loki"),
    later("limits_config", Shape::Any, "limits on the rate of reading"),
    key(
        "rule_files",
        Shape::List(&Shape::Text),
        "",
        "Files of rules in LogQL, in Loki's form; `*` may stand in the last part.",
    ),
    idle("positions", Shape::Any, OWN_POSITIONS),
    idle("server", Shape::Any, OWN_SERVER),
    idle(
        "target_config",
        Shape::Any,
        "files are found as they appear; this is left out",
    ),
    idle(
        "global",
        Shape::Any,
        "files are watched, not polled; this is left out",
    ),
    idle(
        "options",
        Shape::Any,
        "bongsu has no such options; this is left out",
    ),
    idle(
        "tracing",
        Shape::Any,
        "bongsu does not trace itself; this is left out",
    ),
];

static JOB: Section = Section {
    name: "scrape_configs",
    keys: &[&[
        key("job_name", Shape::Text, "", "Names the job in Targets."),
        key(
            "static_configs",
            Shape::List(&Shape::Section(&GROUP)),
            "",
            "Labels; `__path__` is the pattern of files, `__path_exclude__` what is left out of it.",
        ),
        key(
            "relabel_configs",
            Shape::List(&Shape::Section(&RULE)),
            "",
            "Changes labels before anything is read.",
        ),
        key(
            "pipeline_stages",
            Shape::List(&Shape::Section(&STAGE)),
            "",
            "What is done to each line, in order.",
        ),
        key(
            "journal",
            Shape::Section(&JOURNAL),
            "",
            "Reads systemd's journal.",
        ),
        key(
            "detect",
            Shape::Bool,
            "false",
            "Finds times and joins stack traces by itself, as for what is read without a configuration.",
        ),
        later("file_sd_configs", Shape::Any, "log targets from files"),
        later("docker_sd_configs", Shape::Any, "log targets from Docker"),
        later("syslog", Shape::Any, "receiving syslog"),
        later(
            "loki_push_api",
            Shape::Any,
            "a listener of its own for pushed logs",
        ),
        later("encoding", Shape::Text, "decoding of log files"),
        later("gelf", Shape::Any, "receiving GELF"),
        later("kafka", Shape::Any, "reading from Kafka"),
        later(
            "kubernetes_sd_configs",
            Shape::Any,
            "discovery in Kubernetes",
        ),
        later("consul_sd_configs", Shape::Any, "discovery in Consul"),
        later("consulagent_sd_configs", Shape::Any, "discovery in Consul"),
        later("gcplog", Shape::Any, "reading from Google Cloud"),
        later("azure_event_hubs", Shape::Any, "reading from Azure"),
        later("cloudflare", Shape::Any, "reading from Cloudflare"),
        later("heroku_drain", Shape::Any, "receiving from Heroku"),
        idle(
            "windows_events",
            Shape::Any,
            "Windows' events are not on this system",
        ),
        idle(
            "decompression",
            Shape::Any,
            "compressed files are known by their first bytes",
        ),
        idle(
            "entry_parser",
            Shape::Any,
            "Promtail itself has left this key behind; use the docker or cri stage",
        ),
    ]],
};

static JOURNAL: Section = Section {
    name: "journal",
    keys: &[&[
        key(
            "json",
            Shape::Bool,
            "false",
            "The line is the whole entry as JSON.",
        ),
        key(
            "max_age",
            Shape::Duration,
            "7h",
            "How far back the first reading goes.",
        ),
        key("labels", Shape::Texts, "", "Labels of every line."),
        key(
            "path",
            Shape::Text,
            "",
            "The folder of the journal; the system's where nothing is said.",
        ),
        key(
            "matches",
            Shape::Text,
            "",
            "Fields an entry must have: `_SYSTEMD_UNIT=a.service`, several with spaces between.",
        ),
    ]],
};

/// What is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Logs {
    pub enabled: bool,
    /// Empty: what a server has by itself.
    pub jobs: Vec<LogJob>,
    /// Patterns of files with rules in LogQL.
    pub rule_files: Vec<PathBuf>,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            enabled: true,
            jobs: Vec::new(),
            rule_files: Vec::new(),
        }
    }
}

/// One job.
#[derive(Clone, Debug, PartialEq)]
pub struct LogJob {
    pub name: String,
    pub groups: Vec<TargetGroup>,
    pub relabel: Vec<RelabelRule>,
    pub stages: Arc<[Stage]>,
    pub journal: Option<JournalJob>,
    /// Times and stack traces are found without stages.
    pub detect: bool,
}

/// A reading of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalJob {
    pub json: bool,
    pub max_age: Duration,
    pub labels: Labels,
    pub path: String,
    pub matches: Vec<String>,
}

/// The jobs of `logs` or of a promtail.yml.
pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Vec<LogJob> {
    let mut names = HashSet::new();
    let mut jobs = Vec::new();
    for job in of.sections("scrape_configs", &JOB) {
        let name = job.string("job_name").unwrap_or_default();
        if !names.insert(name.clone()) {
            let text = format!(
                "a second job is called {name:?}; their files are told apart by the job's name"
            );
            check.report.warning(job.place_of("job_name"), text);
        }
        jobs.push(LogJob {
            name,
            groups: read_static(job, false, check),
            relabel: relabel::read_list(job, "relabel_configs", check),
            stages: stages::read(job, "pipeline_stages", check).into(),
            journal: job.section("journal", &JOURNAL).map(journal),
            detect: job.bool("detect").unwrap_or(false),
        });
    }
    jobs
}

pub(crate) fn rule_files(of: Fields<'_>, check: &mut Check<'_>) -> Vec<PathBuf> {
    check.patterns(of.texts("rule_files"))
}

pub(crate) fn enabled(of: Fields<'_>) -> bool {
    of.bool("enabled").unwrap_or(true)
}

fn journal(of: Fields<'_>) -> JournalJob {
    let matches = of.text("matches").unwrap_or_default();
    JournalJob {
        json: of.bool("json").unwrap_or(false),
        max_age: of.positive("max_age").unwrap_or(Duration::from_hours(7)),
        labels: Labels::from_pairs(of.pairs("labels").into_iter().map(|(n, v, _)| (n, v))),
        path: of.string("path").unwrap_or_default(),
        matches: matches.split_whitespace().map(str::to_owned).collect(),
    }
}

/// A regular expression in which `\\` stands before a letter or sign: written in single quotes,
/// where a backslash is itself, it asks for a backslash in the line.
pub(crate) fn judge_backslashes(
    pattern: &str,
    place: crate::config::place::Place,
    report: &mut Report,
) {
    let doubled = pattern.as_bytes().windows(3).any(|w| {
        w[..2] == *b"\\\\" && (b"sSdDwWbBntr".contains(&w[2]) || b"{}[]().*+?^$|".contains(&w[2]))
    });
    if doubled {
        let meant = pattern.replace("\\\\", "\\");
        let text = format!(
            "this matches only lines that hold a backslash: in single quotes `\\\\` is two characters. Meant was probably '{meant}'"
        );
        report.warning(place, text);
    }
}
