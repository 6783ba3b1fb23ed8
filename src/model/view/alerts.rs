//! What the console shows of alerts, rules and those who are told.
//!
//! Rows come from the rules; their [`Standing`] comes from routing. Times are milliseconds since
//! the Unix epoch, 0 is never.

use crate::model::alert::{Alert, Language};
use crate::model::labels::Labels;
use serde::{Deserialize, Serialize};

/// All alerts that matter now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertsView {
    pub taken_at: i64,
    /// Firing first, then pending, then lately resolved; within each by severity and age.
    pub rows: Vec<AlertRow>,
    /// Rows that did not fit; counted, not shown.
    pub left_out: u64,
    pub counts: AlertCounts,
}

/// How many alerts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertCounts {
    pub firing: u64,
    pub pending: u64,
    /// Alerts that have begun to fire since the start: the header flashes when this grew.
    pub begun: u64,
}

/// One alert, where it comes from and how it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertRow {
    pub alert: Alert,
    /// [`crate::model::alert::fingerprint`] of its labels.
    pub fingerprint: u64,
    /// Since when the condition holds.
    pub active_at: i64,
    /// The rule it comes from: its group and file; empty for an alert that was sent here.
    pub group: String,
    pub file: String,
    pub expr: String,
    #[serde(default)]
    pub language: Language,
    /// `for` of the rule.
    pub for_ms: i64,
    pub standing: Standing,
}

/// What routing made of an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub receivers: Vec<String>,
    /// The keys of its notification groups.
    pub groups: Vec<String>,
    /// Silences by id; alerts by fingerprint in hexadecimal; time intervals by name.
    pub silenced_by: Vec<String>,
    pub inhibited_by: Vec<String>,
    pub muted_by: Vec<String>,
    pub acknowledged: Option<Acknowledgement>,
    pub last_sent: i64,
    pub next_reminder: i64,
}

impl Standing {
    /// Nobody is told of it now.
    pub fn is_muted(&self) -> bool {
        let lists = [&self.silenced_by, &self.inhibited_by, &self.muted_by];
        lists.iter().any(|l| !l.is_empty())
    }
}

/// Somebody is on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub by: String,
    pub at: i64,
    pub note: String,
    pub until: Option<i64>,
}

/// A group of rules that are evaluated one after another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleGroupRow {
    pub name: String,
    /// Where it was read; `defaults` for the rules that come with the program.
    pub file: String,
    pub interval_ms: i64,
    pub limit: u64,
    pub query_offset_ms: i64,
    #[serde(default)]
    pub language: Language,
    pub last_evaluation: i64,
    /// Of the last evaluation of all its rules.
    pub seconds: f64,
    /// Evaluations that were left out because the one before still ran.
    pub missed: u64,
    pub rules: Vec<RuleRow>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleRow {
    pub name: String,
    pub expr: String,
    /// False for a recording rule.
    pub alerts: bool,
    pub for_ms: i64,
    pub keep_firing_for_ms: i64,
    pub labels: Labels,
    pub annotations: Labels,
    pub health: RuleHealth,
    /// Why the last evaluation failed; empty where it did not.
    pub error: String,
    pub last_evaluation: i64,
    pub seconds: f64,
    /// Series of the last answer.
    pub series: u64,
    pub firing: u64,
    pub pending: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleHealth {
    Ok,
    Err,
    #[default]
    Unknown,
}

impl RuleHealth {
    /// As the HTTP API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Err => "err",
            Self::Unknown => "unknown",
        }
    }
}

/// What every console tells the one who looks at it, outside of its screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Rises with each; a console tells what is newer than what it saw at its start.
    pub number: u64,
    pub at: i64,
    /// Rings the terminal's bell.
    pub bell: bool,
    /// Asks the terminal for a notification of the desktop.
    pub desktop: bool,
    pub title: String,
    pub text: String,
}

/// One integration of a receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverRow {
    pub receiver: String,
    /// `slack`, `webhook`, `email`; with its number where there are several.
    pub integration: String,
    pub sent: u64,
    pub failed: u64,
    pub last_sent: i64,
    pub last_failed: i64,
    /// What the last failure said, and whether it is tried again.
    pub last_error: String,
    /// Groups of alerts that wait for it now.
    pub waiting: u64,
    /// Alerts that were told in what was sent.
    #[serde(default)]
    pub alerts: u64,
    /// How long the receiver takes to answer, in milliseconds: the mean and the longest.
    #[serde(default)]
    pub took_ms: u64,
    #[serde(default)]
    pub slowest_ms: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceRow {
    pub id: String,
    pub matchers: Vec<String>,
    pub starts_at: i64,
    pub ends_at: i64,
    pub created_by: String,
    pub comment: String,
    /// `pending`, `active` or `expired`.
    pub state: String,
    /// Alerts it mutes now.
    pub mutes: u64,
}

/// Everything that was decided on one alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertStory {
    pub row: AlertRow,
    /// Oldest first.
    pub steps: Vec<StoryStep>,
}

/// One decision, or one send with its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryStep {
    pub t: i64,
    /// `rule`, `route`, `group`, `inhibit`, `silence`, `mute`, `acknowledge`, `send`.
    pub stage: String,
    pub said: String,
}
