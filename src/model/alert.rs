//! An alert: what a rule (or a Prometheus elsewhere) says is wrong, with its times.
//!
//! Times are milliseconds since the Unix epoch. Source of the fields: Prometheus
//! `notifier.Alert` and `rules.Alert`, Alertmanager `types.Alert`.

use crate::model::labels::Labels;
use crate::model::sample::exact_value;
use serde::{Deserialize, Serialize};

/// The label that names the alert.
pub const ALERT_NAME: &str = "alertname";

/// One alert; its labels are its identity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// With `alertname`.
    pub labels: Labels,
    /// Rendered texts by name.
    pub annotations: Labels,
    /// Since when it fires; of a pending one, since when its condition holds.
    pub starts_at: i64,
    /// Of a resolved alert the time of its end; of a firing one the time at which it counts as
    /// resolved unless it is told again. 0 is not said.
    pub ends_at: i64,
    /// When it was told last.
    pub updated_at: i64,
    /// Where the expression can be looked at.
    pub generator_url: String,
    /// The sample that made it, as of the last evaluation; NaN where the sender did not say.
    #[serde(with = "exact_value")]
    pub value: f64,
    pub state: AlertState,
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum AlertState {
    /// The condition no longer holds.
    Resolved,
    /// The condition holds, not yet for as long as `for` asks.
    Pending,
    #[default]
    Firing,
}

impl AlertState {
    /// As the label `alertstate` and the HTTP API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

impl Alert {
    pub fn name(&self) -> &str {
        self.labels.get(ALERT_NAME)
    }

    /// See [`fingerprint`].
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.labels)
    }

    /// Over at `now`: said to be resolved, or not told again in time.
    pub fn is_resolved_at(&self, now: i64) -> bool {
        self.state == AlertState::Resolved || (self.ends_at != 0 && self.ends_at <= now)
    }
}

/// What the expression of a rule is written in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    PromQl,
    LogQl,
    TraceQl,
}

impl Language {
    /// As a rule file's `language` has it.
    pub const WORDS: &'static [&'static str] = &["promql", "logql", "traceql"];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::PromQl => "promql",
            Self::LogQl => "logql",
            Self::TraceQl => "traceql",
        }
    }

    pub fn read(text: &str) -> Option<Self> {
        let all = [Self::PromQl, Self::LogQl, Self::TraceQl];
        all.into_iter().find(|l| l.as_str() == text)
    }
}

/// How grave the values of a `severity` label are, 0 first: the words that rule sets use.
pub fn gravity(severity: &str) -> u8 {
    match severity.to_ascii_lowercase().as_str() {
        "critical" | "page" | "emergency" | "disaster" | "fatal" => 0,
        "error" | "major" | "high" => 1,
        "warning" | "warn" | "minor" | "medium" => 2,
        "info" | "information" | "notice" | "low" => 3,
        _ => 4,
    }
}

/// The number by which Prometheus and Alertmanager know a label set; the APIs print it as sixteen
/// hexadecimal digits.
///
/// Source: prometheus/common `labelSetToFingerprint`, FNV-1a over names and values, each ended by
/// the byte 0xff.
pub fn fingerprint(labels: &Labels) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for (name, value) in labels {
        name.bytes().for_each(&mut add);
        add(0xff);
        value.bytes().for_each(&mut add);
        add(0xff);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_alertmanager() {
        assert_eq!(fingerprint(&Labels::empty()), 0xcbf2_9ce4_8422_2325);
        let labels = Labels::from_pairs([(ALERT_NAME, "A"), ("b", "c")]);
        assert_eq!(format!("{:016x}", fingerprint(&labels)), "3d26ff7573ff9ab2");
    }

    #[test]
    fn an_alert_ends_when_it_is_not_told_again() {
        let alert = Alert {
            ends_at: 100,
            ..Alert::default()
        };
        assert!(!alert.is_resolved_at(99) && alert.is_resolved_at(100));
        let open = Alert::default();
        assert!(!open.is_resolved_at(i64::MAX));
    }
}
