//! `remote_write` and `remote_read`: checked as Prometheus checks them; nothing is sent yet.

use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::http;
use crate::config::relabel;
use crate::config::shape::{Key, Section, Shape, field};

pub(crate) static WRITE: Section = Section {
    name: "remote_write",
    keys: &[WRITE_KEYS, http::CLIENT],
};

static WRITE_KEYS: &[Key] = &[
    field("url", Shape::Text),
    field("name", Shape::Text),
    field("remote_timeout", Shape::Duration),
    field("headers", Shape::Texts),
    field(
        "write_relabel_configs",
        Shape::List(&Shape::Section(&relabel::RULE)),
    ),
    field("send_exemplars", Shape::Bool),
    field("send_native_histograms", Shape::Bool),
    field("round_robin_dns", Shape::Bool),
    field("protobuf_message", Shape::Word(MESSAGES)),
    field("queue_config", Shape::Section(&QUEUE)),
    field("metadata_config", Shape::Section(&METADATA)),
    field("sigv4", Shape::Any),
    field("azuread", Shape::Any),
    field("google_iam", Shape::Any),
];

const MESSAGES: &[&str] = &[
    "",
    "prometheus.WriteRequest",
    "io.prometheus.write.v2.Request",
];

static QUEUE: Section = Section {
    name: "queue_config",
    keys: &[&[
        field("capacity", Shape::Int(1, i64::MAX)),
        field("max_shards", Shape::Int(1, i64::MAX)),
        field("min_shards", Shape::Int(0, i64::MAX)),
        field("max_samples_per_send", Shape::Int(1, i64::MAX)),
        field("batch_send_deadline", Shape::Duration),
        field("min_backoff", Shape::Duration),
        field("max_backoff", Shape::Duration),
        field("retry_on_http_429", Shape::Bool),
        field("sample_age_limit", Shape::Duration),
    ]],
};

static METADATA: Section = Section {
    name: "metadata_config",
    keys: &[&[
        field("send", Shape::Bool),
        field("send_interval", Shape::Duration),
        field("max_samples_per_send", Shape::Int(0, i64::MAX)),
    ]],
};

pub(crate) static READ: Section = Section {
    name: "remote_read",
    keys: &[READ_KEYS, http::CLIENT],
};

static READ_KEYS: &[Key] = &[
    field("url", Shape::Text),
    field("name", Shape::Text),
    field("remote_timeout", Shape::Duration),
    field("headers", Shape::Texts),
    field("read_recent", Shape::Bool),
    field("chunked_read_limit", Shape::Any),
    field("required_matchers", Shape::Texts),
    field("filter_external_labels", Shape::Bool),
];

/// Headers of the protocol itself, which no `headers` may replace.
pub(crate) const RESERVED: &[&str] = &[
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// Both lists under `key`, each of `section`.
pub(crate) fn check(of: Fields<'_>, check: &mut Check<'_>) {
    for (key, section) in [("remote_write", &WRITE), ("remote_read", &READ)] {
        let mut names: Vec<&str> = Vec::new();
        for node in of.items(key) {
            if node.is_null() {
                let text = "this block is empty; remove the `-` or give it a `url`";
                check.report.error(node.place, text);
                continue;
            }
            let of = Fields::new(node, section);
            check_end(of, check);
            if let Some(name) = of.text("name").filter(|n| !n.is_empty()) {
                if names.contains(&name) {
                    let text = format!("another {key} is named {name:?}");
                    check.report.error(of.value_place("name"), text);
                }
                names.push(name);
            }
            if key == "remote_write" {
                relabel::read_list(of, "write_relabel_configs", check);
                check_queue(of, check);
            }
        }
    }
}

fn check_end(of: Fields<'_>, check: &mut Check<'_>) {
    check.require(of, &["url"]);
    http::read(of, check);
    for (name, _, place) in of.pairs("headers") {
        check.header_name(name, place, RESERVED);
    }
}

fn check_queue(of: Fields<'_>, check: &mut Check<'_>) {
    let Some(queue) = of.section("queue_config", &QUEUE) else {
        return;
    };
    let most = queue.int("max_shards").unwrap_or(50);
    if queue.int("min_shards").is_some_and(|least| least > most) {
        let text = format!("`min_shards` is above `max_shards`, which is {most}");
        check.report.error(queue.value_place("min_shards"), text);
    }
}
