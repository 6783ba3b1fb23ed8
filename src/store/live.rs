//! The ring: the last five minutes at a fine step, in memory, for questions marked live.
//!
//! It exists before the store is open, so that the first frame has data, and it is a
//! [`SeriesSource`] of its own. Nothing of it is ever stored.

use crate::base::cancel::Cancel;
use crate::model::answer::Metadata;
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::sample::Samples;
use crate::model::time::TimeRange;
use crate::store::metrics::merge;
use crate::store::metrics::stream::{self, Writer};
use crate::store::read::{Ask, Found, ReadError, Select, Selection, SeriesReader, SeriesSource};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// How far back the ring reaches, in milliseconds.
pub const SPAN_MS: i64 = 300_000;
/// More series are not taken.
pub const MAX_SERIES: usize = 20_000;
/// Samples of a piece; a ring forgets whole pieces.
const PIECE: u16 = 30;

/// Shared by its clones.
#[derive(Clone, Default)]
pub struct Ring(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    series: HashMap<Labels, Row>,
    metadata: BTreeMap<String, Metadata>,
    newest: i64,
    swept: i64,
    /// Samples of series that did not fit.
    refused: u64,
}

#[derive(Default)]
struct Row {
    writer: Writer,
    first: i64,
    open: Vec<u8>,
    count: u16,
    closed: VecDeque<(i64, i64, Box<[u8]>)>,
}

impl Row {
    fn push(&mut self, t: i64, v: f64) {
        let token = self.writer.value.next(v);
        if self.count == 0 {
            self.first = t;
            let token = self.writer.value.whole(v);
            self.writer.first(&mut self.open, t, token);
        } else {
            self.writer.more(&mut self.open, t, token);
        }
        self.count += 1;
        if self.count == PIECE {
            let bytes = self.open.as_slice().into();
            self.open.clear();
            self.closed.push_back((self.first, t, bytes));
            self.count = 0;
            while self.closed.front().is_some_and(|c| c.1 < t - SPAN_MS) {
                self.closed.pop_front();
            }
        }
    }

    fn read(&self, range: TimeRange) -> Samples {
        let mut out = Samples::default();
        for (first, _, bytes) in &self.closed {
            let _ = stream::read(bytes, *first, &mut out);
        }
        let _ = stream::read(&self.open, self.first, &mut out);
        merge::clip(&mut out, 0, range);
        out
    }
}

impl Ring {
    /// Takes samples; those not newer than their series' newest are left out.
    pub fn append(&self, batch: &[(Labels, i64, f64)]) {
        let mut state = self.0.lock();
        for (labels, t, v) in batch {
            if !state.series.contains_key(labels) {
                if state.series.len() >= MAX_SERIES {
                    state.refused += 1;
                    continue;
                }
                let row = Row {
                    writer: Writer {
                        t: i64::MIN,
                        ..Writer::default()
                    },
                    ..Row::default()
                };
                state.series.insert(labels.clone(), row);
            }
            if let Some(row) = state.series.get_mut(labels)
                && *t > row.writer.t
            {
                row.push(*t, *v);
            }
            state.newest = state.newest.max(*t);
        }
        let oldest = state.newest - SPAN_MS;
        if state.swept < state.newest - SPAN_MS / 5 {
            state.swept = state.newest;
            state.series.retain(|_, row| row.writer.t >= oldest);
        }
    }

    /// What is known of metrics; the newest description of a metric stands.
    pub fn describe(&self, metadata: &[Metadata]) {
        let mut state = self.0.lock();
        for m in metadata {
            if state.metadata.get(&m.metric) != Some(m) {
                state.metadata.insert(m.metric.clone(), m.clone());
            }
        }
    }

    /// Every series that matches and has samples in the range, with them, by labels.
    pub(crate) fn find(&self, matchers: &[Matcher], range: TimeRange) -> Vec<(Labels, Samples)> {
        let state = self.0.lock();
        let range = TimeRange::new(range.start.max(state.newest - SPAN_MS), range.end);
        let hits = |labels: &Labels| matchers.iter().all(|m| m.matches_labels(labels));
        let mut found: Vec<_> = state
            .series
            .iter()
            .filter(|(labels, row)| row.writer.t >= range.start && hits(labels))
            .map(|(labels, row)| (labels.clone(), row.read(range)))
            .filter(|(_, samples)| !samples.is_empty())
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    fn each(&self, ask: &Ask<'_>, mut see: impl FnMut(&Labels)) {
        let state = self.0.lock();
        for labels in state.series.keys() {
            let hit = |s: &Vec<Matcher>| s.iter().all(|m| m.matches_labels(labels));
            if ask.selectors.is_empty() || ask.selectors.iter().any(hit) {
                see(labels);
            }
        }
    }

    /// Samples of series that did not fit since the start.
    pub fn refused(&self) -> u64 {
        self.0.lock().refused
    }

    /// Number of series, and bytes by estimate.
    pub fn size(&self) -> (usize, usize) {
        let state = self.0.lock();
        let row = |r: &Row| {
            let closed: usize = r.closed.iter().map(|c| c.2.len() + 32).sum();
            size_of::<Row>() + r.open.capacity() + closed
        };
        let rows = state.series.iter();
        let bytes = rows.map(|(l, r)| l.as_packed().len() + 40 + row(r)).sum();
        (state.series.len(), bytes)
    }
}

/// A series whose samples are already here.
pub(crate) struct Fixed {
    pub(crate) labels: Labels,
    pub(crate) samples: Samples,
}

impl SeriesReader for Fixed {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&mut self, range: TimeRange, out: &mut Samples) -> Result<(), ReadError> {
        let inside = self.samples.iter().filter(|s| range.contains(s.t));
        inside.for_each(|s| out.push(s.t, s.v));
        Ok(())
    }
}

/// Cuts a sorted set of answers to a limit.
pub(crate) fn cut<T: Ord>(items: BTreeSet<T>, limit: usize, warnings: Vec<String>) -> Found<T> {
    let cut = limit > 0 && items.len() > limit;
    let take = if limit == 0 { usize::MAX } else { limit };
    Found {
        items: items.into_iter().take(take).collect(),
        warnings,
        cut,
    }
}

impl SeriesSource for Ring {
    fn select<'a>(
        &'a self,
        select: &Select<'_>,
        cancel: &Cancel,
    ) -> Result<Selection<'a>, ReadError> {
        cancel.check()?;
        let found = if select.live {
            self.find(select.matchers, select.range)
        } else {
            Vec::new()
        };
        let series = found
            .into_iter()
            .map(|(labels, samples)| Box::new(Fixed { labels, samples }) as Box<dyn SeriesReader>);
        Ok(Selection {
            series: series.collect(),
            warnings: Vec::new(),
        })
    }

    fn label_names(&self, ask: &Ask<'_>, cancel: &Cancel) -> Result<Found<String>, ReadError> {
        cancel.check()?;
        let mut names = BTreeSet::new();
        self.each(ask, |l| names.extend(l.iter().map(|(n, _)| n.to_owned())));
        Ok(cut(names, ask.limit, Vec::new()))
    }

    fn label_values(
        &self,
        name: &str,
        ask: &Ask<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError> {
        cancel.check()?;
        let mut values = BTreeSet::new();
        self.each(ask, |l| {
            if l.has(name) {
                values.insert(l.get(name).to_owned());
            }
        });
        Ok(cut(values, ask.limit, Vec::new()))
    }

    fn series(&self, ask: &Ask<'_>, cancel: &Cancel) -> Result<Found<Labels>, ReadError> {
        cancel.check()?;
        let mut all = BTreeSet::new();
        self.each(ask, |l| {
            all.insert(l.clone());
        });
        Ok(cut(all, ask.limit, Vec::new()))
    }

    fn metadata(&self, metric: &str, limit: usize) -> Vec<Metadata> {
        pick_metadata(&self.0.lock().metadata, metric, limit)
    }
}

pub(crate) fn pick_metadata(
    all: &BTreeMap<String, Metadata>,
    metric: &str,
    limit: usize,
) -> Vec<Metadata> {
    if !metric.is_empty() {
        return all.get(metric).cloned().into_iter().collect();
    }
    let take = if limit == 0 { usize::MAX } else { limit };
    all.values().take(take).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_are_kept_and_the_rest_forgotten() {
        let ring = Ring::default();
        let labels = Labels::from_pairs([("__name__", "up")]);
        let gone = Labels::from_pairs([("__name__", "gone")]);
        ring.append(&[(gone, 0, 1.0)]);
        for i in 0..1000 {
            ring.append(&[(labels.clone(), i * 2000, i as f64 / 4.0)]);
        }
        let all = TimeRange::new(i64::MIN / 2, i64::MAX);
        let found = ring.find(&[Matcher::equal("__name__", "up")], all);
        assert_eq!(found.len(), 1);
        let samples = &found[0].1;
        assert_eq!(samples.len(), 151);
        assert_eq!(
            samples.iter().last().map(|s| (s.t, s.v)),
            Some((1_998_000, 249.75))
        );
        assert_eq!(ring.find(&[], all).len(), 1, "a series that ended leaves");
        let (series, bytes) = ring.size();
        assert!(series == 1 && bytes < 1200, "{bytes}");
    }
}
