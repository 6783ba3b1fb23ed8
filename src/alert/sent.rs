//! What was told to whom: the record by which nothing is told twice and nothing is forgotten.
//!
//! One entry for each group and integration, kept under [`KIND`] in the state and written after the
//! receiver's answer. Source of the rules: Alertmanager `notify/notify.go`, `DedupStage`.

use crate::store::state::State;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Their kind in the state table.
pub const KIND: &str = "sent";
/// How long an entry is kept that is not renewed, in milliseconds.
pub const RETENTION: i64 = 120 * 3_600_000;

/// The last telling of one group through one integration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Grows by one with each telling: a part of the key by which a receiver knows a repetition.
    pub number: u64,
    pub at: i64,
    pub firing: BTreeSet<u64>,
    pub resolved: BTreeSet<u64>,
    /// What the vendor answered that a later telling needs (Slack: the message's place).
    #[serde(default)]
    pub memo: String,
}

/// Why something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    First,
    NewAlerts,
    AllResolved,
    NewResolved,
    Repeat,
}

impl Reason {
    /// As templates and webhooks see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts in group",
            Self::AllResolved => "all alerts resolved",
            Self::NewResolved => "some alerts resolved",
            Self::Repeat => "repeat interval elapsed",
        }
    }
}

/// What is known of one group's alerts when it is decided.
pub struct Standing<'a> {
    pub firing: &'a BTreeSet<u64>,
    pub resolved: &'a BTreeSet<u64>,
    /// Of the firing ones, those somebody acknowledged.
    pub acknowledged: &'a BTreeSet<u64>,
    pub send_resolved: bool,
    pub repeat: i64,
    pub now: i64,
}

/// Whether to tell, and why; the sentence says why not.
pub fn decide(last: Option<&Entry>, is: &Standing<'_>) -> Result<Reason, String> {
    let mut news = is.firing.difference(is.acknowledged);
    let Some(last) = last else {
        return match (news.next(), is.firing.is_empty()) {
            (Some(_), _) => Ok(Reason::First),
            (None, true) => Err("resolved before anybody was told".to_owned()),
            (None, false) => Err("acknowledged".to_owned()),
        };
    };
    if news.any(|alert| !last.firing.contains(alert)) {
        return Ok(Reason::NewAlerts);
    }
    if is.firing.is_empty() {
        if last.firing.is_empty() {
            return Err("told before that all is resolved".to_owned());
        }
        return Ok(Reason::AllResolved);
    }
    // As Alertmanager: also of one that came and went between two turns.
    let resolved_news = !is.resolved.is_subset(&last.resolved);
    if is.send_resolved && resolved_news {
        return Ok(Reason::NewResolved);
    }
    if is.now - last.at < is.repeat {
        return Err("told before, nothing is new".to_owned());
    }
    if is.firing.is_subset(is.acknowledged) {
        return Err("acknowledged, so it is not repeated".to_owned());
    }
    Ok(Reason::Repeat)
}

/// All entries, by group key and integration.
#[derive(Clone, Debug, Default)]
pub struct Sent(BTreeMap<String, Entry>);

/// The name of an entry.
pub fn name(group: &str, receiver: &str, integration: &str) -> String {
    format!("{receiver}/{integration}:{group}")
}

impl Sent {
    pub fn load(state: &State) -> Self {
        let rows = state.list(KIND).into_iter();
        let read = rows.filter_map(|(k, bytes)| Some((k, serde_json::from_slice(&bytes).ok()?)));
        Self(read.collect())
    }

    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    /// A clock that was set back leaves entries in the future: they count as of now.
    pub fn not_after(&mut self, now: i64) {
        for entry in self.0.values_mut() {
            entry.at = entry.at.min(now);
        }
    }

    /// On the disk when this returns `Ok`; known here in any case, so that a full disk does not
    /// make a telling repeat without an end.
    pub fn set(&mut self, name: &str, entry: Entry, state: &State) -> Result<(), String> {
        let bytes = serde_json::to_vec(&entry).map_err(|e| e.to_string())?;
        self.0.insert(name.to_owned(), entry);
        let written = state.put(KIND, name, &bytes);
        written.map_err(|e| format!("what was sent cannot be recorded: {e}"))
    }

    pub fn forget(&mut self, now: i64, state: &State) {
        let old = self.0.iter().filter(|(_, e)| e.at + RETENTION < now);
        for name in old.map(|(n, _)| n.clone()).collect::<Vec<_>>() {
            if state.remove(KIND, &name).is_ok() {
                self.0.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_when_there_is_news() {
        let set = |numbers: &[u64]| numbers.iter().copied().collect::<BTreeSet<u64>>();
        let last = |firing: &[u64], resolved: &[u64]| {
            Some(Entry {
                at: 0,
                firing: set(firing),
                resolved: set(resolved),
                ..Entry::default()
            })
        };
        use Reason::*;
        for (entry, firing, resolved, acknowledged, now, wanted) in [
            (None, vec![1], vec![], vec![], 0, Ok(First)),
            (None, vec![], vec![1], vec![], 0, Err(())),
            (None, vec![1], vec![], vec![1], 0, Err(())),
            (last(&[1], &[]), vec![1], vec![], vec![], 5, Err(())),
            (
                last(&[1], &[]),
                vec![1, 2],
                vec![],
                vec![],
                5,
                Ok(NewAlerts),
            ),
            (last(&[1], &[]), vec![1, 2], vec![], vec![2], 5, Err(())),
            (last(&[1], &[]), vec![], vec![1], vec![], 5, Ok(AllResolved)),
            (last(&[], &[1]), vec![], vec![1], vec![], 5, Err(())),
            (
                last(&[1, 2], &[]),
                vec![2],
                vec![1],
                vec![],
                5,
                Ok(NewResolved),
            ),
            (last(&[1, 2], &[1]), vec![2], vec![1], vec![], 5, Err(())),
            (
                last(&[1], &[]),
                vec![1],
                vec![2],
                vec![],
                5,
                Ok(NewResolved),
            ),
            (last(&[1], &[]), vec![1], vec![], vec![], 10, Ok(Repeat)),
            (last(&[1], &[]), vec![1], vec![], vec![1], 10, Err(())),
            (
                last(&[1, 2], &[]),
                vec![1, 2],
                vec![],
                vec![1],
                10,
                Ok(Repeat),
            ),
        ] {
            let (firing, resolved) = (set(&firing), set(&resolved));
            let acknowledged = set(&acknowledged);
            let standing = Standing {
                firing: &firing,
                resolved: &resolved,
                acknowledged: &acknowledged,
                send_resolved: true,
                repeat: 10,
                now,
            };
            let found = decide(entry.as_ref(), &standing).map_err(|_| ());
            assert_eq!(found, wanted, "{entry:?} {firing:?} {resolved:?} {now}");
        }
    }
}
