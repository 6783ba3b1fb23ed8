//! The stages of Promtail: what is done to each entry between its source and the store.
//!
//! One file for each group; [`Stages`] runs them in order. What they may say is checked by
//! `config::logs::stages`.

mod choose;
mod extract;
mod join;
mod labels;
mod limit;
mod metrics;
mod template;
mod time;

pub use metrics::{Line, Metrics};

use crate::config::logs::stages::{Limit, Stage};
use crate::model::labels::{Labels, LabelsBuilder};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One entry on its way.
#[derive(Clone, Debug)]
pub struct Entry {
    pub labels: LabelsBuilder,
    /// What stages found and later stages use; the labels it came with are in it.
    pub extracted: BTreeMap<String, Value>,
    /// Nanoseconds since the epoch.
    pub t: i64,
    pub line: Vec<u8>,
    pub metadata: LabelsBuilder,
    /// Where its first line begins in the source.
    pub from: u64,
    /// When it was read, nanoseconds since the epoch.
    pub now: i64,
}

impl Entry {
    pub fn new(labels: &Labels, line: &[u8], now: i64) -> Self {
        let extracted = labels.iter().map(|(n, v)| (n.to_owned(), Value::from(v)));
        Self {
            labels: labels.edit(),
            extracted: extracted.collect(),
            t: now,
            line: line.to_vec(),
            metadata: LabelsBuilder::default(),
            from: 0,
            now,
        }
    }

    /// The text that a stage works on: an extracted value, else the line.
    fn text(&self, source: Option<&str>) -> Option<String> {
        match source {
            Some(name) => self.extracted.get(name).and_then(show),
            None => Some(String::from_utf8_lossy(&self.line).into_owned()),
        }
    }
}

/// A value as text: numbers in full, objects as JSON. Nothing has none.
fn show(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(text) => text.clone(),
        Value::Null => return None,
        Value::Number(n) if n.is_f64() => n.as_f64().map_or_else(String::new, |f| f.to_string()),
        other => other.to_string(),
    })
}

/// What the stages of all sources share.
#[derive(Default)]
pub struct Shared {
    pub metrics: Metrics,
    /// By the stage, which lives as long as its job.
    limits: Mutex<HashMap<usize, limit::Buckets>>,
}

impl Shared {
    /// With this the jobs are others.
    pub fn forget_limits(&self) {
        self.limits.lock().clear();
    }

    /// True where the entry may go on.
    fn admits(&self, config: &Limit, entry: &Entry) -> bool {
        let mut limits = self.limits.lock();
        let of = limits.entry(name_of(config));
        of.or_default().admits(config, entry)
    }

    /// Whether the source of such entries is to wait.
    fn is_used_up(&self, config: &Limit, now: i64) -> bool {
        let mut limits = self.limits.lock();
        let of = limits.get_mut(&name_of(config));
        of.is_some_and(|buckets| buckets.is_used_up(config, now))
    }
}

/// A stage is known by where it stands; the limit of all jobs is one.
fn name_of(config: &Limit) -> usize {
    if config.common {
        0
    } else {
        std::ptr::from_ref(config) as usize
    }
}

/// What is counted on the way: lines that were dropped, by reason, and what the stages share.
#[derive(Clone, Default)]
pub struct Tally {
    pub dropped: BTreeMap<String, u64>,
    pub shared: Arc<Shared>,
}

impl Tally {
    pub fn drop_line(&mut self, reason: &str) {
        match self.dropped.get_mut(reason) {
            Some(n) => *n += 1,
            None => {
                self.dropped.insert(reason.to_owned(), 1);
            }
        }
    }
}

/// The stages of one source, with what they hold back.
pub struct Stages {
    config: Arc<[Stage]>,
    held: Vec<Held>,
}

/// What a stage holds between entries.
enum Held {
    Nothing,
    Lines(join::Lines),
    Parts(join::Parts),
    Inner(Stages),
    Last(time::Last),
    Count(choose::Counter),
}

impl Stages {
    pub fn new(config: &Arc<[Stage]>) -> Self {
        let held = config.iter().map(|stage| match stage {
            Stage::Multiline(_) => Held::Lines(join::Lines::default()),
            Stage::Cri(_) => Held::Parts(join::Parts::default()),
            Stage::Match(m) => Held::Inner(Self::new(&m.stages)),
            Stage::Timestamp(_) => Held::Last(time::Last::default()),
            Stage::Sampling(_) => Held::Count(choose::Counter::default()),
            _ => Held::Nothing,
        });
        Self {
            held: held.collect(),
            config: Arc::clone(config),
        }
    }

    pub fn fresh(&self) -> Self {
        Self::new(&self.config)
    }

    pub fn is_empty(&self) -> bool {
        self.config.is_empty()
    }

    /// Takes one entry; those that come through are appended.
    pub fn take(&mut self, entry: Entry, out: &mut Vec<Entry>, tally: &mut Tally) {
        self.through(0, entry, out, tally);
    }

    fn through(
        &mut self,
        mut from: usize,
        mut entry: Entry,
        out: &mut Vec<Entry>,
        tally: &mut Tally,
    ) {
        while let Some(stage) = self.config.get(from) {
            from += 1;
            let mut ready = Vec::new();
            match (stage, &mut self.held[from - 1]) {
                (Stage::Multiline(config), Held::Lines(held)) => {
                    held.take(config, entry, &mut ready);
                }
                (Stage::Cri(config), Held::Parts(held)) => held.take(config, entry, &mut ready),
                (Stage::Match(config), Held::Inner(inner)) => {
                    if !choose::matches(config, &entry) {
                        ready.push(entry);
                    } else if config.drop {
                        tally.drop_line(&config.reason);
                    } else {
                        inner.take(entry, &mut ready, tally);
                    }
                }
                (Stage::Timestamp(config), Held::Last(last)) => {
                    time::stamp(config, last, &mut entry);
                    ready.push(entry);
                }
                (Stage::Sampling(rate), Held::Count(count)) => {
                    if count.keeps(*rate) {
                        ready.push(entry);
                    } else {
                        tally.drop_line("sampling_stage");
                    }
                }
                (Stage::Limit(config), _) => {
                    if tally.shared.admits(config, &entry) {
                        ready.push(entry);
                    } else {
                        tally.drop_line("limit_stage");
                    }
                }
                (Stage::Longest { most, cut }, _) => {
                    if entry.line.len() > *most && !cut {
                        tally.drop_line("line_too_long");
                    } else {
                        entry.line.truncate(*most);
                        ready.push(entry);
                    }
                }
                (Stage::Metrics(all), _) => {
                    tally.shared.metrics.count(all, &entry);
                    ready.push(entry);
                }
                (Stage::Drop(config), _) => {
                    if choose::drops(config, &entry) {
                        tally.drop_line(&config.reason);
                    } else {
                        ready.push(entry);
                    }
                }
                (other, _) => {
                    if apply(other, &mut entry) {
                        ready.push(entry);
                    } else {
                        tally.drop_line("malformed");
                    }
                }
            }
            let Some(last) = ready.pop() else { return };
            for early in ready {
                self.through(from, early, out, tally);
            }
            entry = last;
        }
        out.push(entry);
    }

    /// Lets go what waited long enough; `now` in milliseconds, or everything.
    pub fn tick(&mut self, now: Option<i64>, out: &mut Vec<Entry>, tally: &mut Tally) {
        let config = Arc::clone(&self.config);
        for (i, stage) in config.iter().enumerate() {
            let mut ready = Vec::new();
            match (stage, &mut self.held[i]) {
                (Stage::Multiline(config), Held::Lines(held)) => held.tick(config, now, &mut ready),
                (Stage::Cri(_), Held::Parts(held)) => held.tick(now, &mut ready),
                (Stage::Match(_), Held::Inner(inner)) => inner.tick(now, &mut ready, tally),
                _ => {}
            }
            for entry in ready {
                self.through(i + 1, entry, out, tally);
            }
        }
    }

    /// Whether a limit wants the source to wait; `now` in nanoseconds.
    pub fn waits(&self, now: i64, tally: &Tally) -> bool {
        let mut stages = self.config.iter().zip(&self.held);
        stages.any(|(stage, held)| match (stage, held) {
            (Stage::Limit(config), _) => !config.drop && tally.shared.is_used_up(config, now),
            (Stage::Match(_), Held::Inner(inner)) => inner.waits(now, tally),
            _ => false,
        })
    }

    /// Where the oldest line begins that a stage holds back.
    pub fn oldest(&self) -> Option<u64> {
        let all = self.held.iter().filter_map(|held| match held {
            Held::Lines(lines) => lines.oldest(),
            Held::Parts(parts) => parts.oldest(),
            Held::Inner(inner) => inner.oldest(),
            Held::Nothing | Held::Last(_) | Held::Count(_) => None,
        });
        all.min()
    }
}

/// The stages that look at one entry alone; false where it is dropped.
fn apply(stage: &Stage, entry: &mut Entry) -> bool {
    match stage {
        Stage::Json(config) => return extract::json(config, entry),
        Stage::Regex(config) => extract::regex(config, entry),
        Stage::Logfmt(config) => extract::logfmt(config, entry),
        Stage::Replace(config) => template::replace(config, entry),
        Stage::Template(config) => template::template(config, entry),
        Stage::Tenant(of) => labels::tenant(of, entry),
        Stage::Decolorize => extract::decolorize(entry),
        Stage::Docker => extract::docker(entry),
        Stage::Output(source) => extract::output(source, entry),
        Stage::Labels(names) => labels::labels(names, entry),
        Stage::StaticLabels(pairs) => labels::fixed(pairs, entry),
        Stage::LabelDrop(names) => labels::drop(names, entry),
        Stage::LabelAllow(names) => labels::allow(names, entry),
        Stage::StructuredMetadata(names) => labels::metadata(names, entry),
        Stage::Pack(config) => labels::pack(config, entry),
        Stage::Multiline(_)
        | Stage::Cri(_)
        | Stage::Match(_)
        | Stage::Timestamp(_)
        | Stage::Sampling(_)
        | Stage::Limit(_)
        | Stage::Metrics(_)
        | Stage::Longest { .. }
        | Stage::Drop(_) => {}
    }
    true
}
