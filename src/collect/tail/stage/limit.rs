//! The limit stage: so many lines a second, by a bucket that fills with time.

use crate::collect::tail::stage::{Entry, show};
use crate::config::logs::stages::Limit;
use std::collections::{HashMap, VecDeque};

/// Buckets of one stage: one, or one for each value of a label.
#[derive(Default)]
pub(crate) struct Buckets {
    one: Bucket,
    by_label: HashMap<String, Bucket>,
    order: VecDeque<String>,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    /// Below zero where more was taken than there was.
    tokens: f64,
    /// Nanoseconds since the epoch; 0 before the first.
    filled: i64,
}

impl Bucket {
    fn fill(&mut self, config: &Limit, now: i64) {
        if self.filled == 0 {
            self.tokens = config.burst;
        } else if now > self.filled {
            let seconds = (now - self.filled) as f64 / 1e9;
            self.tokens = (self.tokens + seconds * config.rate).min(config.burst);
        }
        self.filled = self.filled.max(now);
    }

    fn take(&mut self, config: &Limit, now: i64) -> bool {
        self.fill(config, now);
        let there = self.tokens >= 1.0;
        if there || !config.drop {
            self.tokens -= 1.0;
        }
        there
    }
}

impl Buckets {
    /// Counts an entry. True where it may go on: always where the source waits instead.
    pub(crate) fn admits(&mut self, config: &Limit, entry: &Entry) -> bool {
        let Some(name) = &config.by_label else {
            return self.one.take(config, entry.now) || !config.drop;
        };
        // Without that label there is no limit.
        let Some(value) = entry.extracted.get(name).and_then(show) else {
            return true;
        };
        if !self.by_label.contains_key(&value) {
            self.order.push_back(value.clone());
            if self.order.len() > config.most_labels
                && let Some(oldest) = self.order.pop_front()
            {
                self.by_label.remove(&oldest);
            }
        }
        let bucket = self.by_label.entry(value).or_default();
        bucket.take(config, entry.now)
    }

    pub(crate) fn is_used_up(&mut self, config: &Limit, now: i64) -> bool {
        self.one.fill(config, now);
        self.one.tokens < 1.0
    }
}
