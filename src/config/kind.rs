//! Whose file is this? Told by its keys, never by its name.

use crate::config::place::{Node, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// bongsu's own.
    Native,
    Prometheus,
    Alertmanager,
    Promtail,
    /// Prometheus' rule file, or Kubernetes' PrometheusRule.
    Rules,
    /// promtool's unit tests of rules.
    RuleTests,
    /// A list of targets, as `file_sd_configs` names them.
    Targets,
    Tempo,
    Loki,
    Dashboard,
}

impl Kind {
    /// Whether several files of this kind make sense beside each other.
    pub(crate) fn may_repeat(self) -> bool {
        match self {
            Self::Rules | Self::RuleTests | Self::Targets | Self::Dashboard => true,
            Self::Native
            | Self::Prometheus
            | Self::Alertmanager
            | Self::Promtail
            | Self::Tempo
            | Self::Loki => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "bongsu",
            Self::Prometheus => "Prometheus",
            Self::Alertmanager => "Alertmanager",
            Self::Promtail => "Promtail",
            Self::Rules => "rules",
            Self::RuleTests => "rule tests",
            Self::Targets => "targets",
            Self::Tempo => "Tempo",
            Self::Loki => "Loki",
            Self::Dashboard => "dashboard",
        }
    }
}

/// Top keys that only bongsu's own file has.
const NATIVE: &[&str] = &[
    "alertmanager",
    "alerts",
    "logs",
    "traces",
    "host",
    "containers",
    "jvm",
    "limits",
    "api",
    "ui",
    "promql",
    "include",
];
const TEMPO: &[&str] = &[
    "metrics_generator",
    "query_frontend",
    "distributor",
    "compactor",
];
const LOKI: &[&str] = &[
    "schema_config",
    "auth_enabled",
    "storage_config",
    "ruler",
    "common",
    "chunk_store_config",
    "table_manager",
    "query_range",
];
const PROMTAIL: &[&str] = &[
    "clients",
    "client",
    "positions",
    "server",
    "target_config",
    "limits_config",
];
const PROMTAIL_JOB: &[&str] = &["pipeline_stages", "journal", "syslog", "loki_push_api"];

/// The kind of a file; an empty one is Prometheus' (all defaults).
pub(crate) fn detect(tree: &Node) -> Kind {
    let has = |key: &str| tree.entry(key).is_some();
    let any = |keys: &[&str]| keys.iter().any(|k| has(k));
    let own_storage = tree.get("storage").is_some_and(|s| {
        ["path", "size", "retention"]
            .iter()
            .any(|k| s.entry(k).is_some())
    });
    let is_rule_object = tree.get("kind").and_then(Node::text) == Some("PrometheusRule");
    if matches!(tree.value, Value::List(_)) {
        Kind::Targets
    } else if has("groups") || is_rule_object {
        Kind::Rules
    } else if has("tests") {
        Kind::RuleTests
    } else if has("panels")
        || tree
            .get("spec")
            .is_some_and(|s| s.entry("elements").is_some())
    {
        Kind::Dashboard
    } else if any(NATIVE) || own_storage {
        Kind::Native
    } else if any(LOKI) {
        Kind::Loki
    } else if any(TEMPO)
        || tree
            .get("storage")
            .is_some_and(|s| s.entry("trace").is_some())
    {
        Kind::Tempo
    } else if any(PROMTAIL) || jobs_are_promtails(tree) {
        Kind::Promtail
    } else if has("route") {
        Kind::Alertmanager
    } else {
        Kind::Prometheus
    }
}

fn jobs_are_promtails(tree: &Node) -> bool {
    let jobs = tree.get("scrape_configs").map_or(&[][..], Node::items);
    jobs.iter().any(|job| {
        let groups = job.get("static_configs").map_or(&[][..], Node::items);
        let paths = |g: &Node| {
            let labels = g.get("labels");
            labels
                .is_some_and(|l| matches!(l.value, Value::Map(_)) && l.entry("__path__").is_some())
        };
        PROMTAIL_JOB.iter().any(|k| job.entry(k).is_some()) || groups.iter().any(paths)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::place::parse;

    #[test]
    fn kinds_are_told_by_keys() {
        for (text, want) in [
            ("scrape_configs: []", Kind::Prometheus),
            ("{}", Kind::Prometheus),
            ("storage: {tsdb: {}}", Kind::Prometheus),
            ("storage: {path: x}", Kind::Native),
            ("host: {enabled: yes}\nscrape_configs: []", Kind::Native),
            ("groups: []", Kind::Rules),
            ("kind: PrometheusRule", Kind::Rules),
            ("rule_files: []\ntests: []", Kind::RuleTests),
            ("- targets: []", Kind::Targets),
            ("route: {receiver: x}\nreceivers: []", Kind::Alertmanager),
            ("clients: []", Kind::Promtail),
            (
                "scrape_configs: [{job_name: a, pipeline_stages: []}]",
                Kind::Promtail,
            ),
            (
                "scrape_configs: [{static_configs: [{labels: {__path__: /x}}]}]",
                Kind::Promtail,
            ),
            (
                "server: {}\ndistributor: {}\nstorage: {trace: {}}",
                Kind::Tempo,
            ),
            ("auth_enabled: false\nserver: {}", Kind::Loki),
            ("{\"panels\": []}", Kind::Dashboard),
        ] {
            assert_eq!(detect(&parse(text).tree.unwrap()), want, "{text}");
        }
    }
}
