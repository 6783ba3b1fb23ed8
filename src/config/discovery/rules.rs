//! What must hold between the keys of a discovery block.

use crate::config::check::Check;
use crate::config::discovery::keys;
use crate::config::fields::Fields;
use crate::config::http::{self, one_of};

/// Blocks with an HTTP client and no rule of their own.
pub(crate) fn client(of: Fields<'_>, check: &mut Check<'_>) {
    http::read(of, check);
}

pub(crate) fn http(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    server_url(of, "url", check);
}

pub(crate) fn dns(of: Fields<'_>, check: &mut Check<'_>) {
    some(of, "names", check);
    let kind = of.text("type").unwrap_or("SRV").to_uppercase();
    let known = check.word(
        &kind,
        of.value_place("type"),
        &["SRV", "A", "AAAA", "MX", "NS"],
    );
    if known && kind != "SRV" && of.int("port").unwrap_or(0) == 0 {
        let text = format!("records of type {kind} carry no port: `port` is needed");
        check.report.error(of.place_of("port"), text);
    }
}

pub(crate) fn docker(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    check.require(of, &["host"]);
    filters(of, check);
}

pub(crate) fn dockerswarm(of: Fields<'_>, check: &mut Check<'_>) {
    docker(of, check);
    check.require(of, &["role"]);
}

pub(crate) fn aws(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    filters(of, check);
    if of.int("request_concurrency").is_some_and(|n| n <= 0) {
        let text = "at least one request must be allowed at a time";
        check
            .report
            .error(of.value_place("request_concurrency"), text);
    }
}

pub(crate) fn aws_role(of: Fields<'_>, check: &mut Check<'_>) {
    aws(of, check);
    check.require(of, &["role"]);
    if let Some(role) = of.text("role").filter(|r| !r.is_empty()) {
        let roles = ["ec2", "ecs", "elasticache", "lightsail", "mq", "msk", "rds"];
        check.word(role, of.value_place("role"), &roles);
    }
}

pub(crate) fn azure(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    check.require(of, &["subscription_id"]);
    if of
        .text("authentication_method")
        .is_none_or(|m| m == "OAuth")
    {
        check.require(of, &["tenant_id", "client_id", "client_secret"]);
    }
}

pub(crate) fn consul(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    if of.text("server").is_some_and(|s| s.trim().is_empty()) {
        check.require(of, &["server"]);
    }
    one_of(of, check, &["username", "basic_auth", "oauth2"]);
    one_of(of, check, &["token", "authorization", "oauth2"]);
}

pub(crate) fn eureka(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    server_url(of, "server", check);
}

pub(crate) fn gce(of: Fields<'_>, check: &mut Check<'_>) {
    check.require(of, &["project", "zone"]);
}

pub(crate) fn hetzner(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    check.require(of, &["role"]);
}

pub(crate) fn ionos(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    check.require(of, &["datacenter_id"]);
}

pub(crate) fn kuma(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    server_url(of, "server", check);
}

pub(crate) fn marathon(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    some(of, "servers", check);
    let token = if of.has("auth_token_file") {
        "auth_token_file"
    } else {
        "auth_token"
    };
    one_of(of, check, &["auth_token", "auth_token_file"]);
    for other in [
        "basic_auth",
        "bearer_token",
        "bearer_token_file",
        "authorization",
    ] {
        one_of(of, check, &[token, other]);
    }
}

pub(crate) fn zookeeper(of: Fields<'_>, check: &mut Check<'_>) {
    some(of, "servers", check);
    some(of, "paths", check);
    for (path, place) in of.texts("paths") {
        if !path.starts_with('/') {
            check
                .report
                .error(place, format!("{path:?} must begin with `/`"));
        }
    }
}

pub(crate) fn nomad(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    if of.text("server").is_some_and(|s| s.trim().is_empty()) {
        check.require(of, &["server"]);
    }
}

pub(crate) fn openstack(of: Fields<'_>, check: &mut Check<'_>) {
    check.require(of, &["role", "region"]);
}

pub(crate) fn outscale(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    if of.written("region") {
        check.require(of, &["region"]);
    }
    check.require(of, &["access_key"]);
    secret_key(of, check);
}

pub(crate) fn ovhcloud(of: Fields<'_>, check: &mut Check<'_>) {
    let needed = [
        "application_key",
        "application_secret",
        "consumer_key",
        "service",
    ];
    check.require(of, &needed);
}

pub(crate) fn puppetdb(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    server_url(of, "url", check);
    check.require(of, &["query"]);
}

pub(crate) fn scaleway(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    check.require(of, &["role", "project_id", "access_key"]);
    secret_key(of, check);
}

pub(crate) fn stackit(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    if let Some(endpoint) = of.text("endpoint").filter(|e| !e.is_empty()) {
        check.url(endpoint, of.value_place("endpoint"), &["https", "http"]);
    }
}

pub(crate) fn triton(of: Fields<'_>, check: &mut Check<'_>) {
    check.require(of, &["account", "dns_suffix", "endpoint"]);
}

pub(crate) fn uyuni(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    server_url(of, "server", check);
    check.require(of, &["username", "password"]);
}

/// Source: Prometheus `kubernetes.SDConfig.UnmarshalYAML`.
pub(crate) fn kubernetes(of: Fields<'_>, check: &mut Check<'_>) {
    client(of, check);
    check.require(of, &["role"]);
    one_of(of, check, &["api_server", "kubeconfig_file"]);
    let own_client = CLIENT_KEYS.iter().find(|k| of.has(k));
    if let Some(key) = own_client
        && !of.has("api_server")
    {
        let text = format!(
            "`{key}` needs `api_server`: within the cluster and with a kubeconfig the client is given"
        );
        check.report.error(of.place_of(key), text);
    }
    if let Some(namespaces) = of.section("namespaces", &keys::NAMESPACES)
        && namespaces.bool("own_namespace") == Some(true)
        && (of.has("api_server") || of.has("kubeconfig_file"))
    {
        let text = "only a program inside the cluster has an own namespace";
        check
            .report
            .error(namespaces.place_of("own_namespace"), text);
    }
    selectors(of, check);
}

/// Keys that make the client differ from the default one.
const CLIENT_KEYS: &[&str] = &[
    "basic_auth",
    "authorization",
    "oauth2",
    "bearer_token",
    "bearer_token_file",
    "tls_config",
    "proxy_url",
    "follow_redirects",
    "enable_http2",
    "http_headers",
];

/// Which objects a role watches, and so which a selector may narrow.
const SELECTABLE: &[(&str, &[&str])] = &[
    ("node", &["node"]),
    ("pod", &["pod", "node"]),
    ("service", &["service"]),
    ("endpoints", &["pod", "service", "endpoints"]),
    ("endpointslice", &["pod", "service", "endpointslice"]),
    ("ingress", &["ingress"]),
];

fn selectors(of: Fields<'_>, check: &mut Check<'_>) {
    let role = of.text("role").unwrap_or_default();
    let Some((_, allowed)) = SELECTABLE.iter().find(|(r, _)| *r == role) else {
        return;
    };
    let mut seen: Vec<&str> = Vec::new();
    for selector in of.sections("selectors", &keys::SELECTOR) {
        let of = selector.text("role").unwrap_or_default();
        if !allowed.contains(&of) {
            let text = format!("role {role} has selectors for {} only", allowed.join(", "));
            check.report.error(selector.place_of("role"), text);
        } else if seen.contains(&of) {
            let text = format!("there is another selector for {of}; join them with a comma");
            check.report.error(selector.place_of("role"), text);
        }
        seen.push(of);
        let field = selector.text("field").unwrap_or_default();
        if field
            .split(',')
            .any(|part| !part.trim().is_empty() && !part.contains('='))
        {
            let text = format!("{field:?} is not a field selector; write metadata.name=web");
            check.report.error(selector.value_place("field"), text);
        }
        let label = selector.text("label").unwrap_or_default();
        if !label_selector_is_valid(label) {
            let text = format!("{label:?} is not a label selector; write app=web or app in (a,b)");
            check.report.error(selector.value_place("label"), text);
        }
    }
}

/// `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b)`, joined by commas.
fn label_selector_is_valid(text: &str) -> bool {
    let mut depth = 0i32;
    for c in text.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if !(0..=1).contains(&depth) {
            return false;
        }
    }
    let sets = text.contains(" in ") || text.contains(" notin ");
    depth == 0 && (!text.contains('(') || sets)
}

fn filters(of: Fields<'_>, check: &mut Check<'_>) {
    for filter in of.sections("filters", &keys::FILTER) {
        some(filter, "values", check);
    }
}

fn secret_key(of: Fields<'_>, check: &mut Check<'_>) {
    one_of(of, check, &["secret_key", "secret_key_file"]);
    if !of.has("secret_key") && !of.has("secret_key_file") {
        let text = "one of `secret_key` and `secret_key_file` is needed";
        check.report.error(of.place(), text);
    }
}

/// A list that must not be empty.
fn some(of: Fields<'_>, key: &str, check: &mut Check<'_>) {
    if of.items(key).is_empty() {
        let text = format!("`{key}` needs at least one entry");
        check.report.error(of.place_of(key), text);
    }
}

fn server_url(of: Fields<'_>, key: &str, check: &mut Check<'_>) {
    check.require(of, &[key]);
    if let Some(url) = of.text(key).filter(|u| !u.is_empty()) {
        check.url(url, of.value_place(key), &["http", "https"]);
    }
}
