//! Silences: what they match, when they hold, what may be asked of them. They are kept under
//! [`KIND`] in the state. Source: Alertmanager `silence/silence.go`.

use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::store::state::State;
use crate::wire::alertmanager_json::{MatcherJson, Silence, SilenceStatus};
use std::collections::BTreeMap;

/// Their kind in the state table.
pub const KIND: &str = "silence";
/// How long an expired one is kept, in milliseconds.
pub const RETENTION: i64 = 120 * 3_600_000;
const MAX_COMMENT: usize = 64 << 10;
const MAX_MATCHERS: usize = 100;

/// A silence with its matchers ready.
#[derive(Clone, Debug)]
pub struct Kept {
    pub silence: Silence,
    matchers: Vec<Matcher>,
}

impl Kept {
    /// Checked: at least one matcher does not take the empty text, there is an author and a
    /// comment, and it ends after it starts.
    pub fn new(silence: Silence) -> Result<Self, String> {
        if silence.matchers.is_empty() || silence.matchers.len() > MAX_MATCHERS {
            return Err(format!("a silence has 1 to {MAX_MATCHERS} matchers"));
        }
        let matchers = silence.matchers.iter().map(MatcherJson::matcher);
        let matchers = matchers.collect::<Result<Vec<_>, _>>()?;
        if matchers.iter().all(Matcher::accepts_empty) {
            return Err("at least one matcher must ask for a value: this silence fits alerts without any of its labels".to_owned());
        }
        if silence.created_by.trim().is_empty() {
            return Err("a silence needs an author (createdBy)".to_owned());
        }
        if silence.comment.trim().is_empty() {
            return Err("a silence needs a comment: why is it there?".to_owned());
        }
        if silence.comment.len() > MAX_COMMENT {
            return Err(format!("the comment has more than {MAX_COMMENT} bytes"));
        }
        if silence.ends_at <= silence.starts_at {
            return Err("a silence must end after it starts".to_owned());
        }
        Ok(Self { silence, matchers })
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|m| m.matches_labels(labels))
    }

    pub fn is_active(&self, now: i64) -> bool {
        (self.silence.starts_at..self.silence.ends_at).contains(&now)
    }

    pub fn state(&self, now: i64) -> &'static str {
        match () {
            () if now >= self.silence.ends_at => "expired",
            () if now < self.silence.starts_at => "pending",
            () => "active",
        }
    }

    /// As the API shows it at a time.
    pub fn at(&self, now: i64) -> Silence {
        let state = self.state(now).to_owned();
        Silence {
            status: Some(SilenceStatus { state }),
            ..self.silence.clone()
        }
    }

    /// True where it fits every alert that has any name.
    pub fn fits_everything(&self) -> bool {
        let any = Labels::from_pairs([("alertname", "\u{1}")]);
        let made_up = |m: &Matcher| m.matches("\u{1}") && m.matches("x");
        self.matchers
            .iter()
            .all(|m| m.matches_labels(&any) || made_up(m))
    }
}

/// All silences, by id.
#[derive(Clone, Debug, Default)]
pub struct Silences {
    pub(super) by_id: BTreeMap<String, Kept>,
}

impl Silences {
    pub fn load(state: &State) -> Self {
        let rows = state.list(KIND).into_iter();
        let read = rows.filter_map(|(id, bytes)| {
            let silence: Silence = serde_json::from_slice(&bytes).ok()?;
            Some((id, Kept::new(silence).ok()?))
        });
        Self {
            by_id: read.collect(),
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &Kept> {
        self.by_id.values()
    }

    pub fn get(&self, id: &str) -> Option<&Kept> {
        self.by_id.get(id)
    }

    /// The ids of those that mute a set of labels now.
    pub fn muting(&self, labels: &Labels, now: i64) -> Vec<String> {
        let hits = self
            .by_id
            .values()
            .filter(|s| s.is_active(now) && s.matches(labels));
        hits.map(|s| s.silence.id.clone()).collect()
    }

    /// Makes or changes one; what is written is on the disk when this returns. A change of matchers
    /// or of the start of a running one ends it and makes another.
    pub fn set(&mut self, mut new: Silence, now: i64, state: &State) -> Result<String, String> {
        new.status = None;
        new.updated_at = now;
        if new.starts_at < now {
            let running = self.by_id.get(&new.id).is_some_and(|k| k.is_active(now));
            if !running {
                new.starts_at = now;
            }
        }
        if new.ends_at <= now {
            return Err("the silence ends in the past".to_owned());
        }
        // Judged before anything is changed: what is refused must not end the one that holds.
        Kept::new(new.clone())?;
        if new.id.is_empty() {
            new.id = new_id(&new, now);
        } else {
            let Some(old) = self.by_id.get(&new.id) else {
                return Err(format!("there is no silence {}", new.id));
            };
            let same = old.silence.matchers == new.matchers;
            let movable = match old.state(now) {
                "active" => same && old.silence.starts_at == new.starts_at,
                "pending" => same,
                _ => false,
            };
            if !movable {
                if old.state(now) != "expired" {
                    self.expire(&new.id.clone(), now, state)?;
                }
                new.starts_at = new.starts_at.max(now);
                new.id = new_id(&new, now);
            }
        }
        let kept = Kept::new(new)?;
        let id = kept.silence.id.clone();
        write(&kept, state)?;
        self.by_id.insert(id.clone(), kept);
        Ok(id)
    }

    /// Ends one now.
    pub fn expire(&mut self, id: &str, now: i64, state: &State) -> Result<(), String> {
        let Some(kept) = self.by_id.get(id) else {
            return Err(format!("there is no silence {id}"));
        };
        if kept.silence.ends_at <= now {
            return Err(format!("the silence {id} has ended already"));
        }
        let mut ended = kept.clone();
        ended.silence.ends_at = now;
        ended.silence.starts_at = ended.silence.starts_at.min(now);
        ended.silence.updated_at = now;
        write(&ended, state)?;
        self.by_id.insert(id.to_owned(), ended);
        Ok(())
    }

    /// Forgets what ended long ago.
    pub fn forget(&mut self, now: i64, state: &State) {
        let old = self
            .by_id
            .iter()
            .filter(|(_, k)| k.silence.ends_at + RETENTION < now);
        for id in old.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            if state.remove(KIND, &id).is_ok() {
                self.by_id.remove(&id);
            }
        }
    }
}

fn write(kept: &Kept, state: &State) -> Result<(), String> {
    let bytes = serde_json::to_vec(&kept.silence).map_err(|e| e.to_string())?;
    let written = state.put(KIND, &kept.silence.id, &bytes);
    written.map_err(|e| format!("the silence cannot be kept: {e}"))
}

/// In the form of a UUID, made of what the silence says and of the time.
fn new_id(silence: &Silence, now: i64) -> String {
    use xxhash_rust::xxh3::xxh3_128;
    let text = serde_json::to_string(silence).unwrap_or_default();
    let hash = format!("{:032x}", xxh3_128(format!("{now} {text}").as_bytes()));
    let cut = |a: usize, b: usize| &hash[a..b];
    format!(
        "{}-{}-{}-{}-{}",
        cut(0, 8),
        cut(8, 12),
        cut(12, 16),
        cut(16, 20),
        cut(20, 32)
    )
}
