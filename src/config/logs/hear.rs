//! Log jobs that are pushed to or follow others: `syslog`, `loki_push_api`, `docker_sd_configs`.

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::listener::{ListenAt, Listener, TlsServer, read_address, read_allow};
use crate::config::shape::{Section, Shape, idle, key, later};
use crate::model::labels::Labels;

const ALLOW: &str = "Networks that may come, as 10.0.0.0/8. Needed off loopback where no client certificates are asked for.";

pub(crate) static SYSLOG: Section = Section {
    name: "syslog",
    keys: &[&[
        key(
            "listen_address",
            Shape::Text,
            "",
            "ADDRESS:PORT where messages are taken.",
        ),
        key(
            "listen_protocol",
            Shape::Word(&["tcp", "udp", ""]),
            "tcp",
            "tcp or udp.",
        ),
        key(
            "syslog_format",
            Shape::Word(&["rfc5424", "rfc3164", ""]),
            "rfc5424",
            "The grammar of messages: rfc5424 or rfc3164.",
        ),
        key(
            "idle_timeout",
            Shape::Duration,
            "120s",
            "A connection without messages is closed after this time.",
        ),
        key(
            "label_structured_data",
            Shape::Bool,
            "false",
            "Structured data becomes `__syslog_message_sd_*`.",
        ),
        key("labels", Shape::Texts, "", "Labels of every line."),
        key(
            "use_incoming_timestamp",
            Shape::Bool,
            "false",
            "Lines keep the time that the message says.",
        ),
        key(
            "use_rfc5424_message",
            Shape::Bool,
            "false",
            "The line is the whole message, not its text alone.",
        ),
        key(
            "max_message_length",
            Shape::Int(0, 1 << 20),
            "8192",
            "Bytes of one message at most; what is longer is cut.",
        ),
        key(
            "tls_config",
            Shape::Section(&TLS),
            "",
            "Speaks TLS, over TCP.",
        ),
        key("allow", Shape::List(&Shape::Text), "", ALLOW),
    ]],
};

pub(crate) static TLS: Section = Section {
    name: "tls_config",
    keys: &[&[
        key("cert_file", Shape::Text, "", "The certificate chain (PEM)."),
        key("key_file", Shape::Text, "", "Its key (PEM)."),
        key(
            "ca_file",
            Shape::Text,
            "",
            "Certificates that clients must be signed by.",
        ),
        idle(
            "server_name",
            Shape::Text,
            "a server does not ask for a server's name",
        ),
        idle(
            "insecure_skip_verify",
            Shape::Bool,
            "whether clients are judged is said by `ca_file`",
        ),
    ]],
};

pub(crate) static PUSH: Section = Section {
    name: "loki_push_api",
    keys: &[&[
        key(
            "server",
            Shape::Section(&SERVER),
            "",
            "Where lines are pushed to.",
        ),
        key("labels", Shape::Texts, "", "Labels of every line."),
        key(
            "use_incoming_timestamp",
            Shape::Bool,
            "false",
            "Lines keep the time they are pushed with.",
        ),
        key("allow", Shape::List(&Shape::Text), "", ALLOW),
    ]],
};

pub(crate) static SERVER: Section = Section {
    name: "server",
    keys: &[&[
        key(
            "http_listen_address",
            Shape::Text,
            "127.0.0.1",
            "The address; that of loopback where nothing is said.",
        ),
        key("http_listen_port", Shape::Int(0, 65_535), "", "The port."),
        idle("grpc_listen_port", Shape::Any, "lines are pushed over HTTP"),
        idle(
            "grpc_listen_address",
            Shape::Any,
            "lines are pushed over HTTP",
        ),
        idle(
            "log_level",
            Shape::Any,
            "bongsu has no such options; this is left out",
        ),
        idle(
            "http_server_read_timeout",
            Shape::Any,
            "bongsu has its own limits of time",
        ),
        idle(
            "http_server_write_timeout",
            Shape::Any,
            "bongsu has its own limits of time",
        ),
        idle(
            "http_server_idle_timeout",
            Shape::Any,
            "bongsu has its own limits of time",
        ),
        idle(
            "register_instrumentation",
            Shape::Any,
            "bongsu answers on its own port (`api.listen`)",
        ),
    ]],
};

pub(crate) static DOCKER_SD: Section = Section {
    name: "docker_sd_configs",
    keys: &[&[
        key(
            "host",
            Shape::Text,
            "",
            "Docker's or podman's API: unix:///var/run/docker.sock, tcp://HOST:2375.",
        ),
        key(
            "refresh_interval",
            Shape::Duration,
            "60s",
            "How often the containers are asked for.",
        ),
        key(
            "filters",
            Shape::List(&Shape::Section(&FILTER)),
            "",
            "Only containers that pass, as `docker ps --filter` means them.",
        ),
        idle(
            "port",
            Shape::Any,
            "output is read over the API, whatever ports a container has",
        ),
        idle(
            "host_networking_host",
            Shape::Any,
            "output is read over the API, whatever address a container has",
        ),
        idle(
            "match_first_network",
            Shape::Any,
            "the first network is told, as Promtail does by default",
        ),
        later("basic_auth", Shape::Any, "credentials for Docker's API"),
        later("authorization", Shape::Any, "credentials for Docker's API"),
        later("oauth2", Shape::Any, "credentials for Docker's API"),
        later("bearer_token", Shape::Any, "credentials for Docker's API"),
        later(
            "bearer_token_file",
            Shape::Any,
            "credentials for Docker's API",
        ),
        later("tls_config", Shape::Any, "TLS for Docker's API"),
        later("proxy_url", Shape::Any, "a proxy for Docker's API"),
        later("follow_redirects", Shape::Any, "redirects of Docker's API"),
    ]],
};

pub(crate) static FILTER: Section = Section {
    name: "filters",
    keys: &[&[
        key("name", Shape::Text, "", "label, name, network, status ..."),
        key("values", Shape::List(&Shape::Text), "", "Any of these."),
    ]],
};

/// The containers of one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerSd {
    pub host: String,
    pub refresh: Duration,
    pub filters: Vec<(String, Vec<String>)>,
}

pub(super) fn docker(of: Fields<'_>, check: &mut Check<'_>) -> Vec<DockerSd> {
    let mut out = Vec::new();
    for of in of.sections("docker_sd_configs", &DOCKER_SD) {
        check.require(of, &["host"]);
        let Some(host) = of.string("host").filter(|h| !h.is_empty()) else {
            continue;
        };
        let filters = of.sections("filters", &FILTER).into_iter();
        let filter = |f: Fields<'_>| Some((f.string("name")?, f.strings("values")));
        out.push(DockerSd {
            host,
            refresh: of
                .positive("refresh_interval")
                .unwrap_or(Duration::from_mins(1)),
            filters: filters.filter_map(filter).collect(),
        });
    }
    out
}

/// Taking in syslog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogJob {
    pub listener: Listener,
    pub udp: bool,
    /// RFC 3164; else RFC 5424.
    pub old: bool,
    pub idle: Duration,
    pub structured: bool,
    pub labels: Labels,
    /// Lines keep the time that the message says.
    pub own_time: bool,
    /// The line is the whole message.
    pub whole: bool,
    /// Bytes.
    pub most: usize,
}

/// Taking in pushes on a port of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushJob {
    pub listener: Listener,
    pub labels: Labels,
    pub own_time: bool,
}

pub(super) fn syslog(of: Fields<'_>, check: &mut Check<'_>) -> Option<SyslogJob> {
    check.require(of, &["listen_address"]);
    let address = of.string("listen_address").filter(|a| !a.is_empty())?;
    let tls = of.section("tls_config", &TLS).and_then(|of| tls(of, check));
    let udp = of.text("listen_protocol") == Some("udp");
    if udp && tls.is_some() {
        let text =
            "datagrams are not encrypted: leave `tls_config` out, or write `listen_protocol: tcp`";
        check.report.error(of.place_of("tls_config"), text);
    }
    let labels = of.pairs("labels").into_iter().map(|(n, v, _)| (n, v));
    Some(SyslogJob {
        listener: listener(of, "listen_address", &address, tls, check)?,
        udp,
        old: of.text("syslog_format") == Some("rfc3164"),
        idle: of
            .positive("idle_timeout")
            .unwrap_or(Duration::from_mins(2)),
        structured: of.bool("label_structured_data").unwrap_or(false),
        labels: Labels::from_pairs(labels),
        own_time: of.bool("use_incoming_timestamp").unwrap_or(false),
        whole: of.bool("use_rfc5424_message").unwrap_or(false),
        most: of
            .count("max_message_length")
            .filter(|n| *n > 0)
            .map_or(8192, |n| n as usize),
    })
}

pub(super) fn push(of: Fields<'_>, check: &mut Check<'_>) -> Option<PushJob> {
    let Some(server) = of.section("server", &SERVER) else {
        let text = "`server` is needed here, with `http_listen_port`";
        check.report.error(of.place(), text);
        return None;
    };
    let Some(port) = server.count("http_listen_port").filter(|p| *p > 0) else {
        let text = "`http_listen_port` is needed here";
        check.report.error(server.place(), text);
        return None;
    };
    let host = server
        .string("http_listen_address")
        .filter(|h| !h.is_empty());
    let address = format!("{}:{port}", host.as_deref().unwrap_or("127.0.0.1"));
    let labels = of.pairs("labels").into_iter().map(|(n, v, _)| (n, v));
    Some(PushJob {
        listener: listener(of, "server", &address, None, check)?,
        labels: Labels::from_pairs(labels),
        own_time: of.bool("use_incoming_timestamp").unwrap_or(false),
    })
}

fn tls(of: Fields<'_>, check: &mut Check<'_>) -> Option<TlsServer> {
    check.require(of, &["cert_file", "key_file"]);
    Some(TlsServer {
        cert_file: of.path("cert_file", check.folder)?,
        key_file: of.path("key_file", check.folder)?,
        client_ca_file: of.path("ca_file", check.folder),
    })
}

/// A door that is open to others than this machine needs to be told who may come: without that the
/// job is left out, with a warning, and the rest runs.
fn listener(
    of: Fields<'_>,
    key: &str,
    address: &str,
    tls: Option<TlsServer>,
    check: &mut Check<'_>,
) -> Option<Listener> {
    let at = match read_address(address) {
        Ok(at) => at,
        Err(e) => {
            check.report.error(of.value_place(key), e);
            return None;
        }
    };
    if matches!(at, ListenAt::Containers(_)) {
        let text = "the word `containers` is not known for log jobs; write an address and `allow`";
        check.report.error(of.value_place(key), text);
        return None;
    }
    let allow = read_allow(of, check);
    let outside = matches!(at, ListenAt::Address(a) if !a.ip().is_loopback());
    let judged = tls.as_ref().is_some_and(|t| t.client_ca_file.is_some());
    if outside && allow.is_empty() && !judged {
        let text = format!(
            "{address} can be reached from outside: write `allow: [networks]` beside it, or listen on 127.0.0.1; until then this job takes nothing in"
        );
        check.report.warning(of.place_of(key), text);
        return None;
    }
    Some(Listener {
        at,
        tls,
        users: Vec::new(),
        allow,
    })
}
