//! The stages of Promtail: what is done to each entry between its source and the store.
//!
//! One file for each group; [`Stages`] runs them in order. What they may say is checked by
//! `config::logs::stages`.

mod choose;
mod extract;
mod join;
mod labels;
mod time;

use crate::config::logs::stages::Stage;
use crate::model::labels::{Labels, LabelsBuilder};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One entry on its way.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) labels: LabelsBuilder,
    /// What stages found and later stages use; the labels it came with are in it.
    pub(crate) extracted: BTreeMap<String, Value>,
    /// Nanoseconds since the epoch.
    pub(crate) t: i64,
    pub(crate) line: Vec<u8>,
    pub(crate) metadata: LabelsBuilder,
    /// Where its first line begins in the source.
    pub(crate) from: u64,
    /// When it was read, nanoseconds since the epoch.
    pub(crate) now: i64,
}

impl Entry {
    pub(crate) fn new(labels: &Labels, line: &[u8], now: i64) -> Self {
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
            Some(name) => self.extracted.get(name).map(show),
            None => Some(String::from_utf8_lossy(&self.line).into_owned()),
        }
    }
}

/// A value as text: numbers as they are written, objects as JSON.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Number(n) => n
            .as_f64()
            .filter(|f| f.fract() == 0.0 && f.abs() < 1e15)
            .map_or_else(|| n.to_string(), |f| format!("{f:.0}")),
        other => other.to_string(),
    }
}

/// Lines that were dropped, by reason.
pub(crate) type Dropped = BTreeMap<String, u64>;

fn note(dropped: &mut Dropped, reason: &str) {
    *dropped.entry(reason.to_owned()).or_default() += 1;
}

/// The stages of one source, with what they hold back.
pub(crate) struct Stages {
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
    pub(crate) fn new(config: &Arc<[Stage]>) -> Self {
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

    pub(crate) fn fresh(&self) -> Self {
        Self::new(&self.config)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.config.is_empty()
    }

    /// Takes one entry; those that come through are appended.
    pub(crate) fn take(&mut self, entry: Entry, out: &mut Vec<Entry>, dropped: &mut Dropped) {
        self.through(0, entry, out, dropped);
    }

    fn through(
        &mut self,
        mut from: usize,
        mut entry: Entry,
        out: &mut Vec<Entry>,
        dropped: &mut Dropped,
    ) {
        while let Some(stage) = self.config.get(from) {
            from += 1;
            let mut ready = Vec::new();
            match (stage, &mut self.held[from - 1]) {
                (Stage::Multiline(config), Held::Lines(held)) => {
                    held.take(config, entry, &mut ready);
                }
                (Stage::Cri(config), Held::Parts(held)) => ready.extend(held.take(config, entry)),
                (Stage::Match(config), Held::Inner(inner)) => {
                    if !choose::matches(config, &entry) {
                        ready.push(entry);
                    } else if config.drop {
                        note(dropped, &config.reason);
                    } else {
                        inner.take(entry, &mut ready, dropped);
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
                        note(dropped, "sampling_stage");
                    }
                }
                (Stage::Drop(config), _) => {
                    if choose::drops(config, &entry) {
                        note(dropped, &config.reason);
                    } else {
                        ready.push(entry);
                    }
                }
                (other, _) => {
                    if apply(other, &mut entry) {
                        ready.push(entry);
                    } else {
                        note(dropped, "malformed");
                    }
                }
            }
            let Some(last) = ready.pop() else { return };
            for early in ready {
                self.through(from, early, out, dropped);
            }
            entry = last;
        }
        out.push(entry);
    }

    /// Lets go what waited long enough; `now` in milliseconds, or everything.
    pub(crate) fn tick(&mut self, now: Option<i64>, out: &mut Vec<Entry>, dropped: &mut Dropped) {
        let config = Arc::clone(&self.config);
        for (i, stage) in config.iter().enumerate() {
            let mut ready = Vec::new();
            match (stage, &mut self.held[i]) {
                (Stage::Multiline(config), Held::Lines(held)) => held.tick(config, now, &mut ready),
                (Stage::Cri(_), Held::Parts(held)) if now.is_none() => held.flush(&mut ready),
                (Stage::Match(_), Held::Inner(inner)) => inner.tick(now, &mut ready, dropped),
                _ => {}
            }
            for entry in ready {
                self.through(i + 1, entry, out, dropped);
            }
        }
    }

    /// Where the oldest line begins that a stage holds back.
    pub(crate) fn oldest(&self) -> Option<u64> {
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
        Stage::Replace(config) => extract::replace(config, entry),
        Stage::Decolorize => extract::decolorize(entry),
        Stage::Docker => extract::docker(entry),
        Stage::Output(source) => extract::output(source, entry),
        Stage::Labels(names) => labels::labels(names, entry),
        Stage::StaticLabels(pairs) => labels::fixed(pairs, entry),
        Stage::LabelDrop(names) => labels::drop(names, entry),
        Stage::LabelAllow(names) => labels::allow(names, entry),
        Stage::StructuredMetadata(names) => labels::metadata(names, entry),
        Stage::Pack(config) => labels::pack(config, entry),
        // Tenants are Loki's; this store has one.
        Stage::Tenant
        | Stage::Multiline(_)
        | Stage::Cri(_)
        | Stage::Match(_)
        | Stage::Timestamp(_)
        | Stage::Sampling(_)
        | Stage::Drop(_) => {}
    }
    true
}
