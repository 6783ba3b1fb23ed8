//! News that are no notification of a group: somebody is on it, a silence is about to end, an alert
//! ended while nobody was told of it.
//!
//! A notice goes to receivers who were told of the alerts before, in one line. It is kept under
//! [`KIND`] from the moment it is decided, so that it outlives a crash, and with its key for a day
//! after it was told, so that it is not told twice.

use crate::model::labels::Labels;
use crate::store::state::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Their kind in the state table.
pub const KIND: &str = "notice";
/// How long the key of one that was told is remembered, in milliseconds.
const REMEMBERED: i64 = 24 * 3_600_000;
/// One that could not be told for so long is no news any more.
pub const STALE: i64 = 3_600_000;

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Of every alert of the group that fires, or of some of them.
    Acknowledged {
        whole: bool,
    },
    TakenBack,
    SilenceEnds,
    ResolvedInSilence,
}

impl What {
    /// In which the story of an alert tells of it.
    pub fn stage(self) -> &'static str {
        match self {
            Self::Acknowledged { .. } | Self::TakenBack => "acknowledge",
            Self::SilenceEnds | Self::ResolvedInSilence => "silence",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub what: What,
    /// The line, as a person reads it.
    pub line: String,
    /// Who did it, where it is a person's doing; with a note.
    pub by: String,
    pub note: String,
    /// The group whose receivers hear of it, and which of them.
    pub group_key: String,
    pub group_labels: Labels,
    pub route_labels: BTreeMap<String, String>,
    pub receiver: String,
    pub integration: String,
    /// The alerts that it is about, by fingerprint.
    pub alerts: Vec<u64>,
    pub at: i64,
    /// True once it was told or given up.
    pub done: bool,
}

/// All notices of the last day, by their key.
#[derive(Clone, Debug, Default)]
pub struct Notices(BTreeMap<String, Notice>);

impl Notices {
    pub fn load(state: &State) -> Self {
        let rows = state.list(KIND).into_iter();
        let read =
            rows.filter_map(|(key, bytes)| Some((key, serde_json::from_slice(&bytes).ok()?)));
        Self(read.collect())
    }

    pub fn knows(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Those that wait to be told, with their keys.
    pub fn waiting(&self) -> impl Iterator<Item = (&str, &Notice)> {
        let open = self.0.iter().filter(|(_, n)| !n.done);
        open.map(|(key, notice)| (key.as_str(), notice))
    }

    /// On the disk when this returns `Ok`; known here in any case.
    pub fn add(&mut self, new: Vec<(String, Notice)>, state: &State) -> Result<(), String> {
        let bytes: Vec<(&str, Vec<u8>)> = new
            .iter()
            .filter_map(|(key, notice)| Some((key.as_str(), serde_json::to_vec(notice).ok()?)))
            .collect();
        let rows: Vec<(&str, &[u8])> = bytes.iter().map(|(k, b)| (*k, b.as_slice())).collect();
        let written = state.put_many(KIND, &rows);
        self.0.extend(new);
        written.map_err(|e| format!("notices cannot be kept: {e}"))
    }

    pub fn done(&mut self, key: &str, state: &State) -> Result<(), String> {
        let Some(notice) = self.0.get_mut(key) else {
            return Ok(());
        };
        notice.done = true;
        let bytes = serde_json::to_vec(notice).map_err(|e| e.to_string())?;
        let written = state.put(KIND, key, &bytes);
        written.map_err(|e| format!("notices cannot be kept: {e}"))
    }

    pub fn forget(&mut self, now: i64, state: &State) {
        let old = self.0.iter().filter(|(_, n)| n.at + REMEMBERED < now);
        for key in old.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            if state.remove(KIND, &key).is_ok() {
                self.0.remove(&key);
            }
        }
    }
}

/// Which notices are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Acknowledgements, and what was taken back of them.
    pub acknowledge: bool,
    /// A silence is about to end; an alert was resolved under one.
    pub silence: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            acknowledge: true,
            silence: true,
        }
    }
}
