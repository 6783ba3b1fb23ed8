//! The JSON of Alertmanager's API v2, and of what is told by webhook.
//!
//! Times travel as RFC 3339 and are milliseconds since the epoch inside; 0 is Go's zero time.
//! Source: Alertmanager's `api/v2/openapi.yaml` and documentation, "webhook_config".

use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::matcher::parse::shown;
use crate::model::matcher::{MatchOp, Matcher};
use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Alerts of one request at most.
pub const MAX_ALERTS: usize = 100_000;
/// Bytes of all texts of one alert: it is held in memory as long as it fires.
const MAX_ALERT: usize = 64 << 10;

/// An alert as a Prometheus sends it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostableAlert {
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default, with = "time")]
    pub starts_at: i64,
    #[serde(default, with = "time")]
    pub ends_at: i64,
    #[serde(default, rename = "generatorURL")]
    pub generator_url: String,
}

impl PostableAlert {
    /// The alert, with what was not said filled in by Alertmanager's rules; a sentence where it is
    /// none. `resolve_timeout` is in milliseconds.
    pub fn into_alert(mut self, now: i64, resolve_timeout: i64) -> Result<Alert, String> {
        self.labels.retain(|_, value| !value.is_empty());
        let texts = self.labels.iter().chain(&self.annotations);
        let bytes: usize = texts.map(|(n, v)| n.len() + v.len()).sum();
        if bytes + self.generator_url.len() > MAX_ALERT {
            return Err(format!("an alert has more than {MAX_ALERT} bytes of text"));
        }
        if self.labels.is_empty() {
            return Err("an alert needs at least one label with a value".to_owned());
        }
        if self.labels.keys().any(String::is_empty) {
            return Err("a label has no name".to_owned());
        }
        if self.starts_at == 0 {
            self.starts_at = if self.ends_at == 0 {
                now
            } else {
                self.ends_at.min(now)
            };
        }
        if self.ends_at == 0 {
            self.ends_at = now + resolve_timeout;
        }
        if self.ends_at < self.starts_at {
            return Err("an alert ends before it starts".to_owned());
        }
        let over = self.ends_at <= now;
        Ok(Alert {
            labels: Labels::from_pairs(self.labels),
            annotations: Labels::from_pairs(self.annotations),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            updated_at: now,
            generator_url: self.generator_url,
            value: f64::NAN,
            state: if over {
                AlertState::Resolved
            } else {
                AlertState::Firing
            },
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GettableAlert {
    pub annotations: BTreeMap<String, String>,
    #[serde(with = "time")]
    pub ends_at: i64,
    pub fingerprint: String,
    pub receivers: Vec<Named>,
    #[serde(with = "time")]
    pub starts_at: i64,
    pub status: AlertStatus,
    #[serde(with = "time")]
    pub updated_at: i64,
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    pub labels: BTreeMap<String, String>,
}

/// A receiver by itself; its name is one of its labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

/// A receiver where others refer to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertStatus {
    /// `unprocessed`, `active` or `suppressed`.
    pub state: String,
    pub silenced_by: Vec<String>,
    pub inhibited_by: Vec<String>,
    pub muted_by: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertGroup {
    pub labels: BTreeMap<String, String>,
    pub receiver: Named,
    pub route_labels: BTreeMap<String, String>,
    pub alerts: Vec<GettableAlert>,
}

/// A silence, as it is kept and as it travels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    pub matchers: Vec<MatcherJson>,
    #[serde(with = "time")]
    pub starts_at: i64,
    #[serde(with = "time")]
    pub ends_at: i64,
    #[serde(default, with = "time")]
    pub updated_at: i64,
    pub created_by: String,
    pub comment: String,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SilenceStatus>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceStatus {
    /// `pending`, `active` or `expired`.
    pub state: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatcherJson {
    pub name: String,
    pub value: String,
    pub is_regex: bool,
    #[serde(default = "yes")]
    pub is_equal: bool,
}

fn yes() -> bool {
    true
}

impl MatcherJson {
    pub fn of(matcher: &Matcher) -> Self {
        Self {
            name: matcher.name.clone(),
            value: matcher.value.clone(),
            is_regex: matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex),
            is_equal: matches!(matcher.op, MatchOp::Equal | MatchOp::Regex),
        }
    }

    pub fn matcher(&self) -> Result<Matcher, String> {
        let op = match (self.is_regex, self.is_equal) {
            (false, true) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (true, false) => MatchOp::NotRegex,
        };
        if self.name.is_empty() {
            return Err("a matcher has no name".to_owned());
        }
        Matcher::new(&self.name, op, &self.value).map_err(|e| e.to_string())
    }

    pub fn shown(&self) -> String {
        self.matcher()
            .map_or_else(|_| self.name.clone(), |m| shown(&m))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostedSilence {
    #[serde(rename = "silenceID")]
    pub silence_id: String,
}

/// One alert as templates and webhooks see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToldAlert {
    pub status: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    #[serde(with = "time")]
    pub starts_at: i64,
    #[serde(with = "time")]
    pub ends_at: i64,
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    pub fingerprint: String,
}

/// What a webhook receives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    pub receiver: String,
    pub status: String,
    pub alerts: Vec<ToldAlert>,
    pub group_labels: BTreeMap<String, String>,
    pub common_labels: BTreeMap<String, String>,
    pub common_annotations: BTreeMap<String, String>,
    pub route_labels: BTreeMap<String, String>,
    #[serde(rename = "externalURL")]
    pub external_url: String,
    #[serde(rename = "notification_reason")]
    pub notification_reason: String,
    pub version: String,
    pub group_key: String,
    pub truncated_alerts: u64,
}

/// Names and values, as JSON objects hold them.
pub fn pairs(labels: &Labels) -> BTreeMap<String, String> {
    let pairs = labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
    pairs.collect()
}

/// RFC 3339 with milliseconds; 0 is Go's zero time.
pub fn time_text(t: i64) -> String {
    match DateTime::from_timestamp_millis(t) {
        Some(at) if t != 0 => at.to_rfc3339_opts(SecondsFormat::Millis, true),
        _ => "0001-01-01T00:00:00Z".to_owned(),
    }
}

/// Milliseconds of an RFC 3339 time; years before 1970 are "not said".
pub fn read_time(text: &str) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let at =
        DateTime::parse_from_rfc3339(text).map_err(|_| format!("{text:?} is no RFC 3339 time"))?;
    Ok(at.timestamp_millis().max(0))
}

mod time {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(t: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&crate::wire::alertmanager_json::time_text(*t))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let text = Option::<String>::deserialize(from)?.unwrap_or_default();
        crate::wire::alertmanager_json::read_time(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn alerts_of_a_prometheus_are_read() {
        let text = r#"[{"labels":{"alertname":"A","empty":""},"annotations":{"summary":"s"},"startsAt":"2026-01-02T03:04:05.678Z","generatorURL":"http://p"}]"#;
        let alerts: Vec<PostableAlert> = serde_json::from_str(text).unwrap();
        let alert = alerts[0]
            .clone()
            .into_alert(1_767_323_100_000, 300_000)
            .unwrap();
        assert_eq!(alert.starts_at, 1_767_323_045_678);
        assert_eq!(alert.ends_at, 1_767_323_400_000);
        assert_eq!(alert.labels.iter().count(), 1);
        assert_eq!(alert.state, AlertState::Firing);
        let none = PostableAlert::default().into_alert(0, 0).unwrap_err();
        assert!(none.contains("label"), "{none}");
    }

    #[test]
    fn a_silence_keeps_its_shape() {
        let text = r#"{"matchers":[{"name":"a","value":"b","isRegex":true}],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2026-01-01T01:00:00+01:00","createdBy":"kim","comment":"c"}"#;
        let silence: Silence = serde_json::from_str(text).unwrap();
        assert_eq!(silence.matchers[0].shown(), "a=~\"b\"");
        assert_eq!(silence.starts_at, silence.ends_at);
        let json = serde_json::to_string(&silence).unwrap();
        assert_eq!(serde_json::from_str::<Silence>(&json).unwrap(), silence);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = serde_json::from_str::<Silence>(&text);
            let _ = serde_json::from_str::<Vec<PostableAlert>>(&text);
            let _ = read_time(&text);
        }
    }
}
