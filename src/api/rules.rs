//! Rules and alerts in Prometheus' form: `/api/v1/rules`, `/api/v1/alerts`.
//!
//! Source of the shapes: Prometheus `web/api/v1/api.go`.

use crate::api::prometheus::plain;
use crate::api::reply::{self, bad_data};
use crate::api::server::{Call, Done};
use crate::api::targets::rfc3339;
use crate::base::digest::sha256_hex;
use crate::model::alert::fingerprint;
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::view::{AlertRow, RuleGroupRow, RuleRow};
use crate::query::syntax;
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
    let wanted = Wanted::of(&call)?;
    let with_alerts = match call.params.get("exclude_alerts") {
        "" | "false" | "0" => true,
        "true" | "1" => false,
        other => return Err(bad_data(format!("{other:?} is not true or false"))),
    };
    let engine = call.api.engine.clone();
    let (all, rows) = off_the_runtime(move || (engine.rule_groups(), engine.alerts())).await?;
    let mut by_rule = ByRule::new();
    for row in rows.iter().filter(|_| with_alerts) {
        let key = (row.file.as_str(), row.group.as_str(), row.expr.as_str());
        by_rule.entry(key).or_default().push(row);
    }
    let page = wanted.page(&all).map_err(bad_data)?;
    let groups = page.groups.iter();
    let groups = groups.map(|(group, rules)| GroupOut::of(group, rules, &by_rule));
    Ok(success(&GroupsOut {
        groups: groups.collect(),
        group_next_token: page.next,
    }))
}

/// Which rules are asked for, and how many groups of them at once.
#[derive(Default)]
struct Wanted {
    kind: String,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    /// Alternatives; all matchers of one must fit the labels that a rule is configured with.
    labels: Vec<Vec<Matcher>>,
    /// 0 is no limit.
    most: usize,
    /// The token of the first group that is wanted.
    from: String,
}

/// Groups with those of their rules that are wanted.
struct Page<'a> {
    groups: Vec<(&'a RuleGroupRow, Vec<&'a RuleRow>)>,
    /// The token of the first group that did not fit.
    next: String,
}

/// Matchers of all `match[]` of a request: each may be a regular expression to compile.
const MAX_MATCHERS: usize = 100;

impl Wanted {
    fn of(call: &Call) -> Result<Self, reply::Failed> {
        let kind = call.params.get("type").to_owned();
        if !["", "alert", "record"].contains(&kind.as_str()) {
            let said = format!("not supported value {kind:?}");
            return Err(bad_data(said));
        }
        let mut labels: Vec<Vec<Matcher>> = Vec::new();
        for text in call.params.all("match[]") {
            let read = syntax::selector(&text);
            let read = read.map_err(|e| bad_data(format!("match[] {text:?}: {}", e.message)))?;
            labels.push(read);
            if labels.iter().map(Vec::len).sum::<usize>() > MAX_MATCHERS {
                let said = format!("more than {MAX_MATCHERS} matchers in match[]");
                return Err(bad_data(said));
            }
        }
        let (limit, from) = (
            call.params.get("group_limit"),
            call.params.get("group_next_token").to_owned(),
        );
        if limit.is_empty() && !from.is_empty() {
            let said = "group_limit needs to be present in order to paginate over the groups";
            return Err(bad_data(said));
        }
        let most = match limit {
            "" => 0,
            text => text
                .parse()
                .map_err(|_| bad_data(format!("group_limit {text:?} is not a number of groups")))?,
        };
        Ok(Self {
            kind,
            names: call.params.all("rule_name[]"),
            groups: call.params.all("rule_group[]"),
            files: call.params.all("file[]"),
            labels,
            most,
            from,
        })
    }

    fn takes(&self, rule: &RuleRow) -> bool {
        let fits = |set: &Vec<Matcher>| set.iter().all(|m| m.matches_labels(&rule.labels));
        named(&self.names, &rule.name)
            && (self.labels.is_empty() || self.labels.iter().any(fits))
            && match self.kind.as_str() {
                "alert" => rule.alerts,
                "record" => !rule.alerts,
                _ => true,
            }
    }

    /// Groups without any wanted rule are left out.
    fn page<'a>(&self, all: &'a [RuleGroupRow]) -> Result<Page<'a>, String> {
        let mut page = Page {
            groups: Vec::new(),
            next: String::new(),
        };
        let first = match self.from.as_str() {
            "" => 0,
            from => all.iter().position(|g| token(g) == from).ok_or_else(|| {
                format!("invalid group_next_token {from:?}: did the rules change?")
            })?,
        };
        for group in &all[first..] {
            if !named(&self.groups, &group.name) || !named(&self.files, &group.file) {
                continue;
            }
            let rules: Vec<&RuleRow> = group.rules.iter().filter(|r| self.takes(r)).collect();
            if rules.is_empty() {
                continue;
            }
            if self.most > 0 && page.groups.len() == self.most {
                page.next = token(group);
                break;
            }
            page.groups.push((group, rules));
        }
        Ok(page)
    }
}

fn named(list: &[String], word: &str) -> bool {
    list.is_empty() || list.iter().any(|w| w == word)
}

/// What names a group from one page to the next.
fn token(group: &RuleGroupRow) -> String {
    sha256_hex(format!("{};{}", group.file, group.name).as_bytes())
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
#[serde(rename_all = "camelCase")]
struct GroupsOut<'a> {
    groups: Vec<GroupOut<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    group_next_token: String,
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

impl<'a> GroupOut<'a> {
    fn of(group: &'a RuleGroupRow, rules: &[&'a RuleRow], by_rule: &ByRule<'a>) -> Self {
        let rules = rules.iter().map(|r| RuleOut::of(group, r, by_rule));
        Self {
            name: &group.name,
            file: &group.file,
            rules: rules.collect(),
            interval: seconds(group.interval_ms),
            limit: group.limit,
            evaluation_time: group.seconds,
            last_evaluation: rfc3339(group.last_evaluation),
        }
    }
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
    fn groups() -> Vec<RuleGroupRow> {
        let rule = |name: &str, severity: &str| RuleRow {
            name: name.to_owned(),
            alerts: true,
            labels: Labels::from_pairs([("severity", severity)]),
            ..RuleRow::default()
        };
        let group = |name: &str, rules: Vec<RuleRow>| RuleGroupRow {
            name: name.to_owned(),
            file: "rules.yml".to_owned(),
            rules,
            ..RuleGroupRow::default()
        };
        vec![
            group("a", vec![rule("A", "page"), rule("B", "info")]),
            group("b", vec![rule("C", "info")]),
            group("empty", Vec::new()),
            group("c", vec![rule("D", "page")]),
        ]
    }

    fn names(page: &Page<'_>) -> Vec<String> {
        let of = |(g, rules): &(&RuleGroupRow, Vec<&RuleRow>)| {
            let rules: Vec<&str> = rules.iter().map(|r| r.name.as_str()).collect();
            format!("{} {}", g.name, rules.join(","))
        };
        page.groups.iter().map(of).collect()
    }

    #[test]
    fn rules_are_chosen_by_their_labels() {
        let all = groups();
        let set = |text: &str| syntax::selector(text).unwrap();
        let wanted = |labels: Vec<Vec<Matcher>>| Wanted {
            labels,
            ..Wanted::default()
        };
        let page = wanted(vec![set("{severity=\"page\"}")]);
        assert_eq!(names(&page.page(&all).unwrap()), ["a A", "c D"]);
        let either = wanted(vec![set("{severity=\"page\"}"), set("{severity=~\"i.*\"}")]);
        assert_eq!(names(&either.page(&all).unwrap()), ["a A,B", "b C", "c D"]);
    }

    #[test]
    fn groups_come_page_by_page() {
        let all = groups();
        let mut wanted = Wanted {
            most: 2,
            ..Wanted::default()
        };
        let first = wanted.page(&all).unwrap();
        assert_eq!(names(&first), ["a A,B", "b C"]);
        wanted.from = first.next;
        let second = wanted.page(&all).unwrap();
        assert_eq!(names(&second), ["c D"]);
        assert_eq!(second.next, "");
        wanted.from = "gone".to_owned();
        assert!(wanted.page(&all).is_err());
    }
}
