//! Stages that decide: match, drop, sampling.

use crate::collect::tail::stage::{Entry, show};
use crate::config::logs::stages::{Drop, Match};

/// Whether the entry's labels and line are those that a `match` stage is for.
pub(crate) fn matches(config: &Match, entry: &Entry) -> bool {
    let label = |m: &crate::model::matcher::Matcher| m.matches(entry.labels.get(&m.name));
    config.matchers.iter().all(label) && config.tests.iter().all(|t| t.passes(&entry.line))
}

/// Whether every condition that is given holds.
pub(crate) fn drops(config: &Drop, entry: &Entry) -> bool {
    if let Some(most) = config.longer_than
        && entry.line.len() as u64 <= most
    {
        return false;
    }
    if let Some(age) = config.older_than
        && entry.t >= entry.now.saturating_sub(age.as_nanos() as i64)
    {
        return false;
    }
    let mut text = String::from_utf8_lossy(&entry.line).into_owned();
    if !config.source.is_empty() {
        let mut values = Vec::new();
        for name in &config.source {
            let Some(value) = entry.extracted.get(name).and_then(show) else {
                return false;
            };
            values.push(value);
        }
        text = values.join(&config.separator);
    }
    if let Some(wanted) = &config.value
        && *wanted != text
    {
        return false;
    }
    config
        .expression
        .as_ref()
        .is_none_or(|e| e.is_match(text.as_bytes()))
}

/// Keeps a share of the entries, evenly.
#[derive(Default)]
pub(crate) struct Counter(f64);

impl Counter {
    pub(crate) fn keeps(&mut self, rate: f64) -> bool {
        self.0 += rate;
        let keeps = self.0 >= 1.0;
        if keeps {
            self.0 -= 1.0;
        }
        keeps
    }
}
