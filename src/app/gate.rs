//! The way of this server's readings into the store: they are taken before it is open.
//!
//! Until then samples wait here under numbers of the gate's own; once the store is open they are
//! handed over, and a number of the gate's that comes later is answered as gone, so that its owner
//! asks again; only the end of such a series, which is told once, is passed on. Live samples go to
//! the ring at any time.

use crate::model::answer::Metadata;
use crate::model::exemplar::Exemplar;
use crate::model::labels::Labels;
use crate::model::sample::{is_stale, stale_marker};
use crate::model::view::{QueueRow, QueueUnit};
use crate::store::live::Ring;
use crate::store::open::Store;
use crate::store::write::{Append, Appended, MetricSink, SeriesId, SnapshotSink, WriteError};
use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Marks a number that the gate gave.
const OWN: u64 = 1 << 63;
/// Samples that wait at most: some hours of a server's readings.
const MOST: usize = 200_000;

/// Takes what the host collector reads. Clones share it.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    ring: Ring,
    store: ArcSwapOption<Store>,
    early: Mutex<Early>,
    /// What the gate's numbers became in the store.
    handed: OnceLock<Vec<SeriesId>>,
    /// While a scraped target shows this machine, the built-in copy is not stored.
    shut: AtomicBool,
    /// What was stored and did not end yet: those series end when the gate is shut.
    newest: Mutex<Newest>,
}

#[derive(Default)]
struct Newest {
    t: i64,
    series: HashSet<SeriesId>,
}

#[derive(Default)]
struct Early {
    numbers: HashMap<Labels, u64>,
    labels: Vec<Labels>,
    samples: Vec<Append>,
    metadata: Vec<Metadata>,
    snapshots: Vec<(String, i64, Vec<u8>)>,
    /// Samples and snapshots that found no room.
    lost: u64,
}

impl Newest {
    fn note(&mut self, batch: &[Append]) {
        for sample in batch {
            self.t = self.t.max(sample.t);
            if is_stale(sample.v) {
                self.series.remove(&sample.series);
            } else {
                self.series.insert(sample.series);
            }
        }
    }
}

impl Gate {
    pub(crate) fn new(ring: Ring) -> Self {
        Self(Arc::new(Inner {
            ring,
            store: ArcSwapOption::empty(),
            early: Mutex::default(),
            handed: OnceLock::new(),
            shut: AtomicBool::new(false),
            newest: Mutex::default(),
        }))
    }

    /// Hands over what waits, and everything from now on.
    pub(crate) fn open(&self, store: &Store) -> Result<(), WriteError> {
        // Held to the end, so that nothing comes between what waited and what follows; in the same
        // order as where a batch comes in.
        let mut newest = self.0.newest.lock();
        let mut held = self.0.early.lock();
        let early = std::mem::take(&mut *held);
        held.lost = early.lost;
        self.0.store.store(Some(Arc::new(store.clone())));
        store.describe(&early.metadata);
        let ids: Result<Vec<SeriesId>, WriteError> =
            early.labels.iter().map(|l| store.resolve(l)).collect();
        let ids = ids?;
        let real = |a: &Append| Append {
            series: ids[(a.series.0 & !OWN) as usize],
            ..*a
        };
        let batch: Vec<Append> = early.samples.iter().map(real).collect();
        store.append(&batch)?;
        *newest = Newest::default();
        newest.note(&batch);
        let _ = self.0.handed.set(ids);
        for (kind, t, body) in early.snapshots {
            store.snapshot(&kind, t, &body)?;
        }
        Ok(())
    }

    /// Lets the store go.
    pub(crate) fn close(&self) {
        self.0.store.store(None);
        self.0.shut.store(true, Ordering::Relaxed);
    }

    /// What waits for the store.
    pub(crate) fn queue(&self, name: &str) -> QueueRow {
        let early = self.0.early.lock();
        QueueRow {
            name: name.to_owned(),
            len: early.samples.len() as u64,
            capacity: MOST as u64,
            dropped: early.lost,
            unit: QueueUnit::Items,
        }
    }

    /// Stops storing, or goes on. The series that are not continued are marked as ended at `now`, so
    /// that no query finds them beside those that take their place.
    pub(crate) fn shut(&self, shut: bool, now: i64) {
        // Held, so that no batch comes between the flag and the marks.
        let mut newest = self.0.newest.lock();
        self.0.shut.store(shut, Ordering::Relaxed);
        let ended = std::mem::take(&mut *newest);
        let Some(store) = self.0.store.load_full().filter(|_| shut) else {
            return;
        };
        let t = now.max(ended.t + 1);
        let v = stale_marker();
        let mark = |series: SeriesId| Append { series, t, v };
        let marks: Vec<Append> = ended.series.into_iter().map(mark).collect();
        // A store that refuses says so itself; a query then finds the series until they are old.
        let _ = store.append(&marks);
    }
}

impl Gate {
    fn append_real(
        &self,
        store: &Store,
        batch: &[Append],
        newest: &mut Newest,
    ) -> Result<Appended, WriteError> {
        if batch.iter().all(|a| a.series.0 & OWN == 0) {
            newest.note(batch);
            return store.append(batch);
        }
        let mut real = Vec::with_capacity(batch.len());
        let mut gone = Vec::new();
        for sample in batch {
            let own = sample.series.0 & OWN != 0;
            let ended = own && is_stale(sample.v);
            let place = (sample.series.0 & !OWN) as usize;
            let known = self.0.handed.get().and_then(|h| h.get(place));
            match known.filter(|_| ended) {
                Some(series) => real.push(Append {
                    series: *series,
                    ..*sample
                }),
                None if own => gone.push(sample.series),
                None => real.push(*sample),
            }
        }
        // Only what the store knows can be ended there.
        newest.note(&real);
        let mut appended = store.append(&real)?;
        appended.gone.extend(gone);
        Ok(appended)
    }
}

impl MetricSink for Gate {
    fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
        if let Some(store) = self.0.store.load_full() {
            return store.resolve(labels);
        }
        let mut early = self.0.early.lock();
        // It may have opened while this waited for the lock.
        if let Some(store) = self.0.store.load_full() {
            return store.resolve(labels);
        }
        if let Some(number) = early.numbers.get(labels) {
            return Ok(SeriesId(*number));
        }
        let number = OWN | early.labels.len() as u64;
        early.labels.push(labels.clone());
        early.numbers.insert(labels.clone(), number);
        Ok(SeriesId(number))
    }

    fn append(&self, batch: &[Append]) -> Result<Appended, WriteError> {
        let mut newest = self.0.newest.lock();
        if self.0.shut.load(Ordering::Relaxed) {
            return Ok(Appended::default());
        }
        if let Some(store) = self.0.store.load_full() {
            return self.append_real(&store, batch, &mut newest);
        }
        let mut early = self.0.early.lock();
        if let Some(store) = self.0.store.load_full() {
            return self.append_real(&store, batch, &mut newest);
        }
        if early.samples.len() + batch.len() <= MOST {
            early.samples.extend_from_slice(batch);
        } else {
            early.lost += batch.len() as u64;
        }
        Ok(Appended::default())
    }

    fn append_live(&self, batch: &[(Labels, i64, f64)]) {
        self.0.ring.append(batch);
    }

    fn describe(&self, metadata: &[Metadata]) {
        self.0.ring.describe(metadata);
        let mut early = self.0.early.lock();
        match self.0.store.load_full() {
            Some(store) => store.describe(metadata),
            None => early.metadata.extend_from_slice(metadata),
        }
    }

    /// Those of the time before the store are left out: their series have no numbers in it yet.
    fn append_exemplars(&self, mut batch: Vec<(SeriesId, Exemplar)>) {
        let shut = self.0.shut.load(Ordering::Relaxed);
        if let Some(store) = self.0.store.load_full().filter(|_| !shut) {
            batch.retain(|(id, _)| id.0 & OWN == 0);
            store.append_exemplars(batch);
        }
    }
}

impl SnapshotSink for Gate {
    fn snapshot(&self, kind: &str, t: i64, body: &[u8]) -> Result<(), WriteError> {
        let mut early = self.0.early.lock();
        if let Some(store) = self.0.store.load_full() {
            return store.snapshot(kind, t, body);
        }
        if early.snapshots.len() < 100 {
            early.snapshots.push((kind.to_owned(), t, body.to_vec()));
        } else {
            early.lost += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cancel::Cancel;
    use crate::model::matcher::Matcher;
    use crate::model::sample::Samples;
    use crate::model::time::TimeRange;
    use crate::store::open::Options;
    use crate::store::read::{Select, SeriesSource};

    #[test]
    fn what_came_before_the_store_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let gate = Gate::new(Ring::default());
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "node")]);
        let series = gate.resolve(&labels).unwrap();
        let brief = Labels::from_pairs([("__name__", "brief"), ("job", "node")]);
        let early_end = gate.resolve(&brief).unwrap();
        let at = |t, series| [Append { series, t, v: 1.0 }];
        let now = crate::base::clock::Clock::System.now_ms();
        gate.append(&at(now - 2, series)).unwrap();
        gate.append(&at(now - 2, early_end)).unwrap();
        gate.snapshot("gaps", now, b"{}").unwrap();
        let store = Store::open(Options::new(dir.path())).unwrap();
        gate.open(&store).unwrap();
        // The number of before is gone; its owner asks again.
        let gone = gate.append(&at(now - 1, series)).unwrap().gone;
        assert_eq!(gone, [series]);
        // Its end is not.
        let end = [Append {
            series: early_end,
            t: now - 1,
            v: stale_marker(),
        }];
        assert!(gate.append(&end).unwrap().gone.is_empty());
        let series = gate.resolve(&labels).unwrap();
        assert!(gate.append(&at(now - 1, series)).unwrap().gone.is_empty());
        gate.shut(true, now);
        gate.append(&at(now + 1, series)).unwrap();

        let matchers = [Matcher::equal("__name__", "up")];
        let range = TimeRange::new(0, now + 1000);
        let select = Select {
            matchers: &matchers,
            range,
            live: false,
        };
        let mut found = store.select(&select, &Cancel::never()).unwrap();
        let mut samples = Samples::default();
        found.series[0].read(range, &mut samples).unwrap();
        assert_eq!(samples.times, [now - 2, now - 1, now]);
        assert!(is_stale(samples.values[2]), "the series has ended");
        let matchers = [Matcher::equal("__name__", "brief")];
        let select = Select {
            matchers: &matchers,
            ..select
        };
        let mut found = store.select(&select, &Cancel::never()).unwrap();
        found.series[0].read(range, &mut samples).unwrap();
        assert!(is_stale(*samples.values.last().unwrap()));
        assert!(store.snapshot_at("gaps", now).unwrap().is_some());
    }
}
