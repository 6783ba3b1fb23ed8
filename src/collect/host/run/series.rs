//! Points of families to series of the store, resolved once.
//!
//! In the steady state a point is found by its metric and labels, and nothing is built anew: the
//! full labels and the store's number stand ready. What is not seen any more is ended.

use crate::model::family::{Family, Point};
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::sample::stale_marker;
use crate::store::write::{Append, MetricSink, SeriesId, WriteError};
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash, Hasher};

/// One series that was met.
#[derive(Debug)]
struct Known {
    name: Box<str>,
    suffix: &'static str,
    labels: Labels,
    full: Labels,
    id: Option<SeriesId>,
    /// The last stored round in which it had a value.
    round: u64,
}

/// All series of this server.
#[derive(Debug)]
pub(crate) struct Table {
    known: HashTable<Known>,
    hasher: foldhash::fast::RandomState,
    /// `job`, `instance` and what the configuration adds.
    identity: Vec<(String, String)>,
    round: u64,
    batch: Vec<Append>,
    live: Vec<(Labels, i64, f64)>,
}

impl Table {
    pub(crate) fn new(identity: Vec<(String, String)>) -> Self {
        Self {
            known: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            identity,
            round: 0,
            batch: Vec::new(),
            live: Vec::new(),
        }
    }

    /// Whether the series have these labels beside their own.
    pub(crate) fn is_of(&self, identity: &[(String, String)]) -> bool {
        self.identity == identity
    }

    /// Writes one reading to the live ring.
    pub(crate) fn live(&mut self, families: &[Family], t: i64, sink: &dyn MetricSink) {
        let mut live = std::mem::take(&mut self.live);
        live.clear();
        for (family, point) in points(families) {
            let known = self.find(&family.name, point);
            live.push((known.full.clone(), t, point.value));
        }
        sink.append_live(&live);
        self.live = live;
    }

    /// Stores one full reading, and ends the series that are no longer there. The error is the
    /// last one of several.
    pub(crate) fn store(
        &mut self,
        families: &[Family],
        t: i64,
        sink: &dyn MetricSink,
    ) -> Result<(), WriteError> {
        self.round += 1;
        let round = self.round;
        let mut failed = None;
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        for (family, point) in points(families) {
            let known = self.find(&family.name, point);
            known.round = round;
            if known.id.is_none() {
                match sink.resolve(&known.full) {
                    Ok(id) => known.id = Some(id),
                    Err(e) => failed = Some(e),
                }
            }
            if let Some(series) = known.id {
                let v = point.value;
                batch.push(Append { series, t, v });
            }
        }
        let gone = self.known.extract_if(|k| k.round != round);
        batch.extend(gone.filter_map(|k| k.id).map(|series| Append {
            series,
            t,
            v: stale_marker(),
        }));
        let result = self.append(&batch, sink);
        self.batch = batch;
        result.and(failed.map_or(Ok(()), Err))
    }

    /// What the store dropped meanwhile is resolved and appended once more.
    fn append(&mut self, batch: &[Append], sink: &dyn MetricSink) -> Result<(), WriteError> {
        let appended = sink.append(batch)?;
        if appended.gone.is_empty() {
            return Ok(());
        }
        let mut again = Vec::new();
        for known in &mut self.known {
            let Some(old) = known.id.filter(|id| appended.gone.contains(id)) else {
                continue;
            };
            let id = sink.resolve(&known.full)?;
            known.id = Some(id);
            let sample = batch.iter().find(|a| a.series == old);
            again.extend(sample.map(|a| Append { series: id, ..*a }));
        }
        sink.append(&again).map(|_| ())
    }

    fn find(&mut self, name: &str, point: &Point) -> &mut Known {
        let hash = hash(&self.hasher, name, point.suffix, &point.labels);
        let same =
            |k: &Known| &*k.name == name && k.suffix == point.suffix && k.labels == point.labels;
        let hasher = &self.hasher;
        let rehash = |k: &Known| hash_of(hasher, k);
        self.known
            .entry(hash, same, rehash)
            .or_insert_with(|| Known {
                name: name.into(),
                suffix: point.suffix,
                labels: point.labels.clone(),
                full: full(name, point, &self.identity),
                id: None,
                round: 0,
            })
            .into_mut()
    }
}

fn points(families: &[Family]) -> impl Iterator<Item = (&Family, &Point)> {
    families
        .iter()
        .flat_map(|f| f.points.iter().map(move |p| (f, p)))
}

fn hash(hasher: &impl BuildHasher, name: &str, suffix: &str, labels: &Labels) -> u64 {
    let mut state = hasher.build_hasher();
    name.hash(&mut state);
    suffix.hash(&mut state);
    labels.hash(&mut state);
    state.finish()
}

fn hash_of(hasher: &impl BuildHasher, known: &Known) -> u64 {
    hash(hasher, &known.name, known.suffix, &known.labels)
}

/// Labels of the metric stand before those of the machine, as in a scrape with `honor_labels`.
fn full(name: &str, point: &Point, identity: &[(String, String)]) -> Labels {
    let mut labels = point.labels.edit();
    for (n, v) in identity {
        if labels.get(n).is_empty() {
            labels.set(n, v);
        }
    }
    labels.set(METRIC_NAME, &format!("{name}{}", point.suffix));
    labels.finish()
}
