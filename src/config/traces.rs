//! `traces`: where spans are taken in, and what of them is not kept.

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::http::{self, HttpClient};
use crate::config::listener::{self, Listener};
use crate::config::shape::{Section, Shape, key};

pub(crate) static TRACES: Section = Section {
    name: "traces",
    keys: &[&[
        key(
            "otlp_grpc",
            Shape::Either(&Shape::Text, &RECEIVER),
            "",
            "OTLP over gRPC, on 127.0.0.1:4317 unless said: ADDRESS:PORT, `containers:PORT`, off, or the long form of `api`.",
        ),
        key(
            "otlp_http",
            Shape::Either(&Shape::Text, &RECEIVER),
            "",
            "OTLP over HTTP, protobuf and JSON, on 127.0.0.1:4318 unless said.",
        ),
        key(
            "zipkin",
            Shape::Either(&Shape::Text, &RECEIVER),
            "",
            "Zipkin's second format, JSON and protobuf, on 127.0.0.1:9411 unless said.",
        ),
        key(
            "forward",
            Shape::List(&Shape::Section(&FORWARD)),
            "",
            "Where spans are sent on to as well, over OTLP/HTTP in protobuf.",
        ),
        key(
            "drop",
            Shape::List(&Shape::Text),
            "",
            "Attributes that are not kept, by name.",
        ),
        key(
            "hash",
            Shape::List(&Shape::Text),
            "",
            "Attributes of which only a hash is kept: equal values stay equal.",
        ),
    ]],
};

pub(crate) static FORWARD: Section = Section {
    name: "traces.forward",
    keys: &[
        &[
            key(
                "url",
                Shape::Text,
                "",
                "The receiver's address; /v1/traces where it has no path.",
            ),
            key(
                "timeout",
                Shape::Duration,
                "10s",
                "How long one request may take.",
            ),
        ],
        http::CLIENT,
    ],
};

pub(crate) static RECEIVER: Section = Section {
    name: "traces listener",
    keys: &[listener::KEYS],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traces {
    pub otlp_grpc: Receiver,
    pub otlp_http: Receiver,
    pub zipkin: Receiver,
    pub forward: Vec<Forward>,
    pub drop: Vec<String>,
    pub hash: Vec<String>,
}

/// A receiver that spans are sent on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// With its path.
    pub url: String,
    pub timeout: Duration,
    pub http: HttpClient,
}

/// Where one protocol is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    pub listener: Listener,
    /// The file names it; else a port that is taken is only remarked.
    pub given: bool,
}

impl Receiver {
    fn loopback(port: u16) -> Self {
        Self {
            listener: Listener::loopback(port),
            given: false,
        }
    }
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            otlp_grpc: Receiver::loopback(4317),
            otlp_http: Receiver::loopback(4318),
            zipkin: Receiver::loopback(9411),
            forward: Vec::new(),
            drop: Vec::new(),
            hash: Vec::new(),
        }
    }
}

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Traces {
    let default = Traces::default();
    let mut receiver = |name: &str, default: Receiver| {
        if let Some(listener) =
            listener::read_either(of, name, &RECEIVER, default.listener.clone(), check)
        {
            return Receiver {
                listener,
                given: true,
            };
        }
        default
    };
    Traces {
        otlp_grpc: receiver("otlp_grpc", default.otlp_grpc),
        otlp_http: receiver("otlp_http", default.otlp_http),
        zipkin: receiver("zipkin", default.zipkin),
        forward: of
            .sections("forward", &FORWARD)
            .into_iter()
            .map(|of| read_forward(of, check))
            .collect(),
        drop: of.strings("drop"),
        hash: of.strings("hash"),
    }
}

fn read_forward(of: Fields<'_>, check: &mut Check<'_>) -> Forward {
    check.require(of, &["url"]);
    let url = of.string("url").unwrap_or_default();
    if !url.is_empty() {
        check.url(&url, of.value_place("url"), &["http", "https"]);
    }
    Forward {
        url: with_path(url),
        timeout: of.positive("timeout").unwrap_or(Duration::from_secs(10)),
        http: http::read(of, check),
    }
}

/// Collectors are named by host and port; where they take spans stands in the specification.
fn with_path(url: String) -> String {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    match rest.split_once('/') {
        None if !rest.is_empty() => format!("{url}/v1/traces"),
        Some((_, "")) => format!("{url}v1/traces"),
        _ => url,
    }
}
