//! The top keys: of bongsu's own file, in which Prometheus' keys all stand too, and of the files
//! that `scrape_config_files` names.

use crate::config::shape::{Key, Section, Shape, State, field, idle, key, later};
use crate::config::{
    alerting, alerts, api, global, host, jvm, limits, logs, otlp, promql, remote, scrape, storage,
    traces, ui,
};
use std::collections::HashSet;

pub(crate) static ROOT: Section = Section {
    name: "",
    keys: &[&[
        key(
            "global",
            Shape::Section(&global::GLOBAL),
            "",
            "What jobs and rules take where they say nothing themselves.",
        ),
        key(
            "scrape_configs",
            Shape::List(&Shape::Section(&scrape::JOB)),
            "",
            "The jobs: what is scraped and how, in Prometheus' form.",
        ),
        key(
            "scrape_config_files",
            Shape::List(&Shape::Text),
            "",
            "Files of further scrape_configs; `*` may stand in the last part.",
        ),
        key(
            "rule_files",
            Shape::List(&Shape::Text),
            "",
            "Files of rules, alerting and recording; `*` may stand in the last part.",
        ),
        key(
            "host",
            Shape::Section(&host::HOST),
            "",
            "What is collected of this server itself.",
        ),
        key(
            "containers",
            Shape::Section(&crate::config::containers::CONTAINERS),
            "",
            "Containers of this server, without cAdvisor.",
        ),
        key(
            "jvm",
            Shape::Section(&jvm::JVM),
            "",
            "JVMs of this server, without an exporter.",
        ),
        key(
            "storage",
            Shape::Section(&storage::STORAGE),
            "",
            "Where data lies and how long.",
        ),
        key(
            "limits",
            Shape::Section(&limits::LIMITS),
            "",
            "What this program may take, and what one query may.",
        ),
        key(
            "api",
            Shape::Section(&api::API),
            "",
            "The port on which queries, pushes and metrics are answered.",
        ),
        key("ui", Shape::Section(&ui::UI), "", "The console."),
        key(
            "promql",
            Shape::Section(&promql::PROMQL),
            "",
            "Switches of the query language.",
        ),
        key(
            "include",
            Shape::Section(&INCLUDE),
            "",
            "Files of other tools that stay where they are.",
        ),
        key(
            "alerting",
            Shape::Section(&alerting::ALERTING),
            "",
            "Existing Alertmanagers that alerts are sent on to, in Prometheus' form.",
        ),
        later(
            "remote_write",
            Shape::List(&Shape::Section(&remote::WRITE)),
            "remote write to other servers",
        ),
        later(
            "remote_read",
            Shape::List(&Shape::Section(&remote::READ)),
            "remote read from other servers",
        ),
        later("otlp", Shape::Section(&otlp::OTLP), "OTLP metrics"),
        later(
            "tracing",
            Shape::Section(&otlp::TRACING),
            "tracing of its own requests",
        ),
        idle(
            "runtime",
            Shape::Section(&RUNTIME),
            "these are settings of the Go runtime; bongsu has none",
        ),
        key(
            "alertmanager",
            Shape::Any,
            "",
            "Who is told of alerts, when and how: route, receivers and all else in the form of alertmanager.yml.",
        ),
        key(
            "alerts",
            Shape::Section(&alerts::ALERTS),
            "",
            "The rules that come with bongsu, and who watches the watcher.",
        ),
        key(
            "logs",
            Shape::Section(&logs::LOGS),
            "",
            "Logs: files, the journal, containers.",
        ),
        key(
            "traces",
            Shape::Section(&traces::TRACES),
            "",
            "Where spans are taken in.",
        ),
    ]],
};

pub(crate) static INCLUDE: Section = Section {
    name: "include",
    keys: &[&[
        key(
            "prometheus",
            Shape::Text,
            "",
            "A prometheus.yml whose jobs and rules are taken as well.",
        ),
        key(
            "rules",
            Shape::List(&Shape::Text),
            "",
            "Files of rules, as under rule_files.",
        ),
        key(
            "promtail",
            Shape::Text,
            "",
            "A promtail.yml whose jobs are taken as well.",
        ),
        key(
            "alertmanager",
            Shape::Text,
            "",
            "An alertmanager.yml that says who is told of alerts.",
        ),
        later("dashboards", Shape::List(&Shape::Text), "dashboards"),
    ]],
};

static RUNTIME: Section = Section {
    name: "runtime",
    keys: &[&[field("gogc", Shape::Int(i64::MIN, i64::MAX))]],
};

pub(crate) static JOBS_FILE: Section = Section {
    name: "",
    keys: &[&[key(
        "scrape_configs",
        Shape::List(&Shape::Section(&scrape::JOB)),
        "",
        "",
    )]],
};

/// A key that works, by its path: `scrape_configs[].static_configs[].targets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub path: String,
    pub default: &'static str,
    pub doc: &'static str,
}

/// Every key that works, in the order of the registry: for the documentation and the tests. What
/// several sections share (an HTTP client, relabelling) is told where it stands first.
pub fn keys() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut told: HashSet<*const Key> = HashSet::new();
    walk(&ROOT, "", &mut |_, key, path| {
        if !told.insert(std::ptr::from_ref(key)) {
            return;
        }
        rows.push(Row {
            path: path.to_owned(),
            default: key.default,
            doc: key.doc,
        });
    });
    rows
}

type Visit<'a> = dyn FnMut(&'static Section, &'static Key, &str) + 'a;

/// Every row that works, with its section and its path.
pub(crate) fn walk(section: &'static Section, above: &str, visit: &mut Visit<'_>) {
    for key in section.all().filter(|k| k.state == State::Works) {
        let path = match above {
            "" => key.name.to_owned(),
            above => format!("{above}.{}", key.name),
        };
        visit(section, key, &path);
        descend(key.shape, path, visit);
    }
}

fn descend(shape: Shape, path: String, visit: &mut Visit<'_>) {
    match shape {
        Shape::Section(section) | Shape::Either(_, section) => walk(section, &path, visit),
        Shape::List(item) => descend(*item, path + "[]", visit),
        Shape::Named(value) => descend(*value, path + ".*", visit),
        _ => {}
    }
}
