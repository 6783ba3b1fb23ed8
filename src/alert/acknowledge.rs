//! Acknowledgements: somebody is on it.
//!
//! While one holds, its alert is not repeated and does not count as news; it ends by itself once
//! the alert has been resolved for longer than its group's interval, so that the next trouble is
//! told again. Kept under [`KIND`] in the state.

use crate::model::view::Acknowledgement;
use crate::store::state::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Their kind in the state table.
pub const KIND: &str = "acknowledge";
const MAX_NOTE: usize = 4 << 10;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    pub by: String,
    pub at: i64,
    pub note: String,
    pub until: Option<i64>,
    /// Since when the alert is resolved; 0 while it fires.
    pub resolved_at: i64,
}

impl Kept {
    pub fn view(&self) -> Acknowledgement {
        Acknowledgement {
            by: self.by.clone(),
            at: self.at,
            note: self.note.clone(),
            until: self.until,
        }
    }
}

/// How an alert was found at its group's turn.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub resolved: bool,
    pub now: i64,
    /// Its group's, in milliseconds.
    pub interval: i64,
}

/// All acknowledgements, by the alert's fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Acknowledgements(BTreeMap<u64, Kept>);

impl Acknowledgements {
    pub fn load(state: &State) -> Self {
        let rows = state.list(KIND).into_iter();
        let read = rows.filter_map(|(key, bytes)| {
            let alert = u64::from_str_radix(&key, 16).ok()?;
            Some((alert, serde_json::from_slice(&bytes).ok()?))
        });
        Self(read.collect())
    }

    /// The one that holds now.
    pub fn of(&self, alert: u64, now: i64) -> Option<&Kept> {
        let kept = self.0.get(&alert)?;
        kept.until.is_none_or(|until| now < until).then_some(kept)
    }

    /// On the disk when this returns.
    pub fn set(&mut self, alerts: &[u64], kept: &Kept, state: &State) -> Result<(), String> {
        if kept.note.len() > MAX_NOTE {
            return Err(format!("the note has more than {MAX_NOTE} bytes"));
        }
        let bytes = serde_json::to_vec(kept).map_err(|e| e.to_string())?;
        let keys: Vec<String> = alerts.iter().map(|a| format!("{a:016x}")).collect();
        let rows: Vec<(&str, &[u8])> = keys.iter().map(|k| (k.as_str(), &bytes[..])).collect();
        let written = state.put_many(KIND, &rows);
        written.map_err(|e| format!("the acknowledgement cannot be kept: {e}"))?;
        for alert in alerts {
            self.0.insert(*alert, kept.clone());
        }
        Ok(())
    }

    pub fn remove(&mut self, alert: u64, state: &State) -> Result<bool, String> {
        if !self.0.contains_key(&alert) {
            return Ok(false);
        }
        let removed = state.remove(KIND, &format!("{alert:016x}"));
        removed.map_err(|e| format!("the acknowledgement cannot be taken back: {e}"))?;
        Ok(self.0.remove(&alert).is_some())
    }

    /// Notes that an alert fires or is resolved; true where the acknowledgement ended by this.
    pub fn seen(&mut self, alert: u64, is: &Seen, state: &State) -> bool {
        let Seen {
            resolved,
            now,
            interval,
        } = *is;
        let Some(kept) = self.0.get_mut(&alert) else {
            return false;
        };
        if !resolved {
            if kept.resolved_at == 0 || now - kept.resolved_at <= interval {
                let changed = kept.resolved_at != 0;
                kept.resolved_at = 0;
                if changed {
                    let kept = kept.clone();
                    let _ = self.set(&[alert], &kept, state);
                }
                return false;
            }
            return self.remove(alert, state).unwrap_or(false);
        }
        if kept.resolved_at == 0 {
            let kept = Kept {
                resolved_at: now,
                ..kept.clone()
            };
            let _ = self.set(&[alert], &kept, state);
            return false;
        }
        if now - kept.resolved_at > interval {
            return self.remove(alert, state).unwrap_or(false);
        }
        false
    }

    /// Ends those whose alert is unknown, or resolved for longer than `interval`.
    pub fn forget(&mut self, now: i64, most: i64, state: &State) {
        let over = self.0.iter().filter(|(_, k)| {
            let resolved = k.resolved_at != 0 && now - k.resolved_at > most;
            resolved || k.until.is_some_and(|until| until + most < now)
        });
        for alert in over.map(|(a, _)| *a).collect::<Vec<_>>() {
            let _ = self.remove(alert, state);
        }
    }
}
