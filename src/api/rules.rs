//! Rules and alerts in Prometheus' form: `/api/v1/rules`, `/api/v1/alerts`.
//!
//! Source of the shapes: Prometheus `web/api/v1/api.go`.

use crate::api::prometheus::plain;
use crate::api::reply::{self, bad_data};
use crate::api::server::{Call, Done};
use crate::api::targets::rfc3339;
use crate::model::alert::fingerprint;
use crate::model::labels::Labels;
use crate::model::view::{AlertRow, RuleGroupRow, RuleRow};
use crate::wire::prom_json::write;
use serde::Serialize;
use std::collections::HashMap;

/// Alerts by the group and the rule they come from.
type ByRule<'a> = HashMap<(&'a str, &'a str, &'a str), Vec<&'a AlertRow>>;

pub(crate) async fn alerts(call: Call) -> Done {
    let engine = call.api.engine.clone();
    let rows = off_the_runtime(move || engine.alerts()).await?;
    let alerts = rows.iter().map(AlertOut::of).collect();
    Ok(success(&AlertsOut { alerts }))
}

pub(crate) async fn rules(call: Call) -> Done {
    let kind = call.params.get("type").to_owned();
    if !["", "alert", "record"].contains(&kind.as_str()) {
        let said = format!("not supported value {kind:?}");
        return Err(bad_data(said));
    }
    let with_alerts = match call.params.get("exclude_alerts") {
        "" | "false" | "0" => true,
        "true" | "1" => false,
        other => return Err(bad_data(format!("{other:?} is not true or false"))),
    };
    let names = call.params.all("rule_name[]");
    let groups = call.params.all("rule_group[]");
    let files = call.params.all("file[]");
    let engine = call.api.engine.clone();
    let (all, rows) = off_the_runtime(move || (engine.rule_groups(), engine.alerts())).await?;
    let mut by_rule = ByRule::new();
    for row in rows.iter().filter(|_| with_alerts) {
        let key = (row.file.as_str(), row.group.as_str(), row.expr.as_str());
        by_rule.entry(key).or_default().push(row);
    }
    let wanted = |list: &[String], word: &str| list.is_empty() || list.iter().any(|w| w == word);
    let mut out = Vec::new();
    for group in &all {
        if !wanted(&groups, &group.name) || !wanted(&files, &group.file) {
            continue;
        }
        let fits = |rule: &&RuleRow| {
            wanted(&names, &rule.name)
                && match kind.as_str() {
                    "alert" => rule.alerts,
                    "record" => !rule.alerts,
                    _ => true,
                }
        };
        let found = group.rules.iter().filter(fits);
        let found: Vec<RuleOut<'_>> = found.map(|r| RuleOut::of(group, r, &by_rule)).collect();
        let asked = !names.is_empty() || !kind.is_empty();
        if found.is_empty() && asked {
            continue;
        }
        out.push(GroupOut {
            name: &group.name,
            file: &group.file,
            rules: found,
            interval: seconds(group.interval_ms),
            limit: group.limit,
            evaluation_time: group.seconds,
            last_evaluation: rfc3339(group.last_evaluation),
        });
    }
    Ok(success(&GroupsOut { groups: out }))
}

/// Many alerts take a while to gather; the workers of the runtime are for sockets.
async fn off_the_runtime<T: Send + 'static>(
    gather: impl FnOnce() -> T + Send + 'static,
) -> Result<T, reply::Failed> {
    let gathered = tokio::task::spawn_blocking(gather).await;
    gathered.map_err(|_| bad_data("the answer broke off"))
}

fn success(data: &impl Serialize) -> reply::Answer {
    reply::json(write::success(&plain(), |out| {
        // Maps with text keys always have a JSON form.
        let _ = serde_json::to_writer(out, data);
    }))
}

// Written as they are walked: tens of thousands of alerts are no tree in memory first.

#[derive(Serialize)]
struct AlertsOut<'a> {
    alerts: Vec<AlertOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertOut<'a> {
    labels: &'a Labels,
    annotations: &'a Labels,
    state: &'static str,
    active_at: String,
    value: String,
}

impl<'a> AlertOut<'a> {
    fn of(row: &'a AlertRow) -> Self {
        Self {
            labels: &row.alert.labels,
            annotations: &row.alert.annotations,
            state: row.alert.state.as_str(),
            active_at: rfc3339(row.active_at),
            value: exponent(row.alert.value),
        }
    }
}

#[derive(Serialize)]
struct GroupsOut<'a> {
    groups: Vec<GroupOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupOut<'a> {
    name: &'a str,
    file: &'a str,
    rules: Vec<RuleOut<'a>>,
    interval: f64,
    limit: u64,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleOut<'a> {
    name: &'a str,
    query: &'a str,
    health: &'static str,
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    last_error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a Labels>,
    #[serde(flatten)]
    alerting: Option<Alerting<'a>>,
}

/// What only a rule that alerts has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alerting<'a> {
    state: &'static str,
    duration: f64,
    keep_firing_for: f64,
    annotations: &'a Labels,
    alerts: Vec<AlertOut<'a>>,
}

impl<'a> RuleOut<'a> {
    fn of(group: &'a RuleGroupRow, rule: &'a RuleRow, by_rule: &ByRule<'a>) -> Self {
        let alerting = rule.alerts.then(|| {
            let key = (group.file.as_str(), group.name.as_str(), rule.expr.as_str());
            let rows = by_rule.get(&key).into_iter().flatten().copied();
            let mut rows: Vec<&AlertRow> = rows.filter(|r| r.alert.name() == rule.name).collect();
            rows.sort_by_cached_key(|r| fingerprint(&r.alert.labels));
            Alerting {
                state: state(rule),
                duration: seconds(rule.for_ms),
                keep_firing_for: seconds(rule.keep_firing_for_ms),
                annotations: &rule.annotations,
                alerts: rows.into_iter().map(AlertOut::of).collect(),
            }
        });
        let has_labels = !rule.labels.is_empty() || rule.alerts;
        Self {
            name: &rule.name,
            query: &rule.expr,
            health: rule.health.as_str(),
            evaluation_time: rule.seconds,
            last_evaluation: rfc3339(rule.last_evaluation),
            kind: if rule.alerts { "alerting" } else { "recording" },
            last_error: &rule.error,
            labels: has_labels.then_some(&rule.labels),
            alerting,
        }
    }
}

/// The gravest state of a rule's alerts.
fn state(rule: &RuleRow) -> &'static str {
    match (rule.firing, rule.pending, rule.last_evaluation) {
        (_, _, 0) => "unknown",
        (0, 0, _) => "inactive",
        (0, ..) => "pending",
        _ => "firing",
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// Go's shortest form with an exponent: `1.5e+02`.
fn exponent(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{v:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.strip_prefix('-') {
        Some(down) => format!("{digits}e-{down:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_in_go() {
        for (v, want) in [
            (1.0, "1e+00"),
            (150.0, "1.5e+02"),
            (0.001, "1e-03"),
            (0.0, "0e+00"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(exponent(v), want);
        }
    }
}
