//! A Tempo file, answered with what corresponds to it here.
//!
//! Nothing of it is taken: Tempo's addresses are those of a container, bongsu's are of this server. So
//! each part is named with the line that does the same here.

use crate::config::check::Check;
use crate::config::place::Node;

/// Parts of Tempo's file by their path, and what to write here. `{}` stands for the value.
const PARTS: [(&[&str], &str); 13] = [
    (
        &["server", "http_listen_port"],
        "Tempo's API is answered at the same paths on api.listen (127.0.0.1:9470 where nothing is said)",
    ),
    (
        &["distributor", "receivers", "otlp", "protocols", "grpc"],
        "traces.otlp_grpc takes these spans: write `traces: {otlp_grpc: {}}` (127.0.0.1:4317 where nothing is said)",
    ),
    (
        &["distributor", "receivers", "otlp", "protocols", "http"],
        "traces.otlp_http takes these spans: write `traces: {otlp_http: {}}` (127.0.0.1:4318 where nothing is said)",
    ),
    (
        &["distributor", "receivers", "zipkin"],
        "traces.zipkin takes these spans: write `traces: {zipkin: {}}` (127.0.0.1:9411 where nothing is said)",
    ),
    (
        &["distributor", "receivers", "jaeger"],
        "Jaeger's own protocol is not taken: its clients have ended, OpenTelemetry's send OTLP; a saved trace is taken in by `bongsu import jaeger FILE`",
    ),
    (
        &["distributor", "receivers", "opencensus"],
        "OpenCensus is not taken: send OTLP",
    ),
    (
        &["distributor", "receivers", "kafka"],
        "spans are not read from Kafka: send OTLP",
    ),
    (
        &["storage", "trace"],
        "spans are kept in storage.path, in blocks of bongsu's own; object stores are not used",
    ),
    (
        &["compactor", "compaction", "block_retention"],
        "write `storage: {retention: {traces: {}}}`",
    ),
    (
        &["backend_worker", "compaction", "block_retention"],
        "write `storage: {retention: {traces: {}}}`",
    ),
    (
        &["metrics_generator"],
        "span metrics and the service graph are always derived, under Tempo's names, and need no storage of their own",
    ),
    (
        &["overrides"],
        "there are no tenants: limits are those of `limits` and `storage`",
    ),
    (
        &["query_frontend"],
        "queries need no part of their own: limits.query_time bounds them",
    ),
];

/// One warning for the file and one for each part that it has.
pub(super) fn answer(tree: &Node, check: &mut Check<'_>) {
    let text =
        "this is a Tempo file: bongsu takes spans in by itself, and this is what corresponds";
    check.report.warning(tree.place, text);
    for (path, said) in PARTS {
        let node = path.iter().try_fold(tree, |node, key| node.get(key));
        if let Some(node) = node {
            check
                .report
                .warning(node.place, said.replace("{}", &value(node)));
        }
    }
}

/// The address, or the value itself.
fn value(node: &Node) -> String {
    let endpoint = node.get("endpoint").unwrap_or(node);
    let text = endpoint.text().unwrap_or("ADDRESS:PORT");
    // Inside a container everybody may come; here it must be said who.
    match text.strip_prefix("0.0.0.0:") {
        Some(port) => format!("'containers:{port}'"),
        None => text.to_owned(),
    }
}
