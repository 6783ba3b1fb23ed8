//! The rules as Loki's ruler shows them: YAML, groups by the file they stand in.

use crate::api::loki::bad;
use crate::api::reply::{self, Failed};
use crate::api::server::{Call, Done};
use crate::base::units::format_duration_ms;
use crate::model::labels::Labels;
use crate::model::view::{RuleGroupRow, RuleRow};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use std::fmt::Write as _;

/// `/loki/api/v1/rules`, `/loki/api/v1/rules/FILE`, `/loki/api/v1/rules/FILE/GROUP`; the file is
/// percent-encoded.
pub(crate) async fn rules(call: Call) -> Done {
    let heads = ["/loki/api/v1/rules", "/api/prom/rules"];
    let rest = heads.iter().find_map(|head| call.path.strip_prefix(head));
    let mut parts = rest.unwrap_or_default().trim_matches('/').split('/');
    let mut part = || -> Result<Option<String>, Failed> {
        let Some(text) = parts.next().filter(|t| !t.is_empty()) else {
            return Ok(None);
        };
        let text = percent_encoding::percent_decode_str(text).decode_utf8();
        let text = text.map_err(|_| bad("the path is not UTF-8"))?;
        Ok(Some(text.into_owned()))
    };
    let (file, group) = (part()?, part()?);
    let engine = call.api.engine.clone();
    let all = tokio::task::spawn_blocking(move || engine.rule_groups()).await;
    let mut all = all.map_err(|_| Failed::Plain(500, "the question broke off".to_owned()))?;
    all.retain(|g| {
        file.as_ref().is_none_or(|f| *f == g.file) && group.as_ref().is_none_or(|n| *n == g.name)
    });
    let text = match (all.as_slice(), &group) {
        ([], Some(_)) => return Err(Failed::Plain(404, "group does not exist".to_owned())),
        ([], None) => return Err(Failed::Plain(404, "no rule groups found".to_owned())),
        ([one, ..], Some(_)) => group_yaml(one, ""),
        (all, None) => by_file(all),
    };
    let mut answer = reply::text(200, text.trim_end());
    let kind = HeaderValue::from_static("application/yaml");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(answer)
}

fn by_file(all: &[RuleGroupRow]) -> String {
    let mut files: Vec<&str> = all.iter().map(|g| g.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let mut out = String::new();
    for file in files {
        let _ = writeln!(out, "{}:", quoted(file));
        for group in all.iter().filter(|g| g.file == file) {
            let text = group_yaml(group, "      ");
            out.push_str("    - ");
            out.push_str(text.trim_start());
        }
    }
    out
}

/// A text in double quotes: what JSON writes is YAML.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn group_yaml(group: &RuleGroupRow, pad: &str) -> String {
    let mut out = format!("{pad}name: {}\n", quoted(&group.name));
    let interval = format_duration_ms(group.interval_ms);
    let _ = writeln!(out, "{pad}interval: {interval}");
    if group.limit > 0 {
        let _ = writeln!(out, "{pad}limit: {}", group.limit);
    }
    let _ = writeln!(out, "{pad}rules:");
    for rule in &group.rules {
        rule_yaml(rule, pad, &mut out);
    }
    out
}

fn rule_yaml(rule: &RuleRow, pad: &str, out: &mut String) {
    let kind = if rule.alerts { "alert" } else { "record" };
    let _ = writeln!(out, "{pad}    - {kind}: {}", quoted(&rule.name));
    let _ = writeln!(out, "{pad}      expr: {}", quoted(&rule.expr));
    for (key, ms) in [
        ("for", rule.for_ms),
        ("keep_firing_for", rule.keep_firing_for_ms),
    ] {
        if ms > 0 {
            let _ = writeln!(out, "{pad}      {key}: {}", format_duration_ms(ms));
        }
    }
    for (key, labels) in [("labels", &rule.labels), ("annotations", &rule.annotations)] {
        if labels.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{pad}      {key}:");
        for (name, value) in pairs(labels) {
            let _ = writeln!(out, "{pad}        {name}: {}", quoted(value));
        }
    }
}

fn pairs(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_read_back_as_yaml() {
        let rule = RuleRow {
            name: "Errors".to_owned(),
            expr: "sum(rate({app=\"x\"} |= \"error\" [5m])) > 1".to_owned(),
            alerts: true,
            for_ms: 60_000,
            labels: Labels::from_pairs([("severity", "page: now")]),
            ..RuleRow::default()
        };
        let group = RuleGroupRow {
            name: "g".to_owned(),
            file: "/etc/rules.yml".to_owned(),
            interval_ms: 60_000,
            rules: vec![rule],
            ..RuleGroupRow::default()
        };
        let want = "\"/etc/rules.yml\":\n    - name: \"g\"\n      interval: 1m\n      rules:\n          - alert: \"Errors\"\n            expr: \"sum(rate({app=\\\"x\\\"} |= \\\"error\\\" [5m])) > 1\"\n            for: 1m\n            labels:\n              severity: \"page: now\"\n";
        assert_eq!(by_file(&[group]), want);
    }
}
