//! `clients`: the Lokis that lines are sent on to.

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::http::{self, HttpClient};
use crate::config::secret::without_credentials;
use crate::config::shape::{self, Section, Shape, idle, key};
use crate::model::labels::Labels;

/// Headers that the sender sets itself.
const RESERVED: &[&str] = &["content-type", "content-encoding", "content-length", "host"];

pub(crate) static LOKI: Section = Section {
    name: "clients",
    keys: &[
        &[
            key(
                "url",
                Shape::Text,
                "",
                "Where lines are pushed to: http://loki:3100/loki/api/v1/push.",
            ),
            key(
                "name",
                Shape::Text,
                "",
                "Its name: the place up to which it has lines is kept under it.",
            ),
            key(
                "tenant_id",
                Shape::Text,
                "",
                "The tenant, for a server that has several.",
            ),
            key(
                "batchwait",
                Shape::Duration,
                "1s",
                "How long lines are gathered.",
            ),
            key(
                "batchsize",
                Shape::Int(0, 64 << 20),
                "1048576",
                "Bytes of lines in one push.",
            ),
            key(
                "timeout",
                Shape::Duration,
                "10s",
                "How long one push may take.",
            ),
            key(
                "headers",
                Shape::Texts,
                "",
                "Further headers sent with every push.",
            ),
            key(
                "external_labels",
                Shape::Texts,
                "",
                "Labels of every line that has none of that name.",
            ),
            key(
                "drop_rate_limited_batches",
                Shape::Bool,
                "false",
                "What the server finds too much (429) is left out; else it is sent again.",
            ),
            key(
                "backoff_config",
                Shape::Section(&BACKOFF),
                "",
                "Pauses between tries.",
            ),
            idle(
                "stream_lag_labels",
                Shape::Any,
                "Promtail itself has left this key behind",
            ),
        ],
        http::CLIENT,
    ],
};

pub(crate) static BACKOFF: Section = Section {
    name: "backoff_config",
    keys: &[&[
        key("min_period", Shape::Duration, "500ms", "The first pause."),
        key("max_period", Shape::Duration, "5m", "The longest pause."),
        idle(
            "max_retries",
            Shape::Any,
            "lines wait on disk until the server takes them, however long that is",
        ),
    ]],
};

/// One Loki.
#[derive(Clone, Debug, PartialEq)]
pub struct LokiClient {
    /// Distinct among the clients.
    pub name: String,
    pub url: String,
    /// Empty where none is named.
    pub tenant: String,
    pub batch_wait: Duration,
    pub batch_bytes: usize,
    pub timeout: Duration,
    pub min_backoff: Duration,
    pub max_backoff: Duration,
    pub drop_rate_limited: bool,
    pub external_labels: Labels,
    pub headers: Vec<(String, String)>,
    pub http: HttpClient,
}

impl LokiClient {
    /// The address without secrets.
    pub fn shown(&self) -> String {
        without_credentials(&self.url)
    }
}

/// `clients`, and `client` as older files have it.
pub(super) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Vec<LokiClient> {
    let mut all = of.sections("clients", &LOKI);
    if let Some(node) = of.get("client") {
        shape::check(node, &LOKI, check.report);
    }
    all.extend(of.section("client", &LOKI));
    let mut out: Vec<LokiClient> = Vec::new();
    for of in all {
        let Some(mut client) = one(of, check) else {
            continue;
        };
        let taken = |name: &str| out.iter().any(|c| c.name == name);
        if of.text("name").is_none_or(str::is_empty) && taken(&client.name) {
            // Several without a name at one address are told apart by their order.
            let of_address = out.iter().filter(|c| c.url == client.url).count();
            client.name = format!("{} #{}", client.name, of_address + 1);
        }
        if taken(&client.name) {
            let text = format!(
                "a second client is called {:?}: give each a `name` of its own",
                client.name
            );
            check.report.error(of.place_of("url"), text);
            continue;
        }
        out.push(client);
    }
    out
}

fn one(of: Fields<'_>, check: &mut Check<'_>) -> Option<LokiClient> {
    check.require(of, &["url"]);
    let url = of.string("url").filter(|u| !u.is_empty())?;
    check.url(&url, of.value_place("url"), &["http", "https"]);
    for (name, _, place) in of.pairs("headers") {
        check.header_name(name, place, RESERVED);
    }
    let backoff = of.section("backoff_config", &BACKOFF);
    let pause = |key: &str, or: Duration| backoff.and_then(|b| b.positive(key)).unwrap_or(or);
    let pairs = |key: &str| {
        let pairs = of.pairs(key).into_iter();
        pairs
            .map(|(n, v, _)| (n.to_owned(), v.to_owned()))
            .collect::<Vec<_>>()
    };
    let name = of.string("name").filter(|n| !n.is_empty());
    let min_backoff = pause("min_period", Duration::from_millis(500));
    Some(LokiClient {
        name: name.unwrap_or_else(|| without_credentials(&url)),
        tenant: of.string("tenant_id").unwrap_or_default(),
        batch_wait: of.positive("batchwait").unwrap_or(Duration::from_secs(1)),
        batch_bytes: of
            .count("batchsize")
            .filter(|n| *n > 0)
            .map_or(1 << 20, |n| n as usize),
        timeout: of.positive("timeout").unwrap_or(Duration::from_secs(10)),
        min_backoff,
        max_backoff: pause("max_period", Duration::from_mins(5)).max(min_backoff),
        drop_rate_limited: of.bool("drop_rate_limited_batches").unwrap_or(false),
        external_labels: Labels::from_pairs(pairs("external_labels")),
        headers: pairs("headers"),
        http: http::read(of, check),
        url,
    })
}
