//! Many samples at once, from a file or another store, into blocks: no log, little memory.
//!
//! Samples are collected in a head of their own and written when it is large and at the end. They
//! are durable, and seen by questions, once [`Import::finish`] has answered.

use crate::model::labels::Labels;
use crate::model::time::TimeRange;
use crate::store::metrics::blocks::SPAN;
use crate::store::metrics::head::{Head, Rules};
use crate::store::metrics::tsdb::Tsdb;
use crate::store::open::Store;
use crate::store::write::{Append, Appended, SeriesId, WriteError};

/// Bytes of memory from which blocks are written.
const MEMORY: usize = 48 << 20;
/// Samples between two looks at the memory.
const LOOK_EVERY: u64 = 1 << 20;

/// What became of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub samples: u64,
    pub blocks: u64,
    /// The same time again with another value.
    pub duplicates: u64,
}

/// An import that is going on.
pub struct Import {
    store: Store,
    head: Head,
    seen: u64,
    done: Imported,
}

impl Import {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            head: Head::new(i64::MIN),
            seen: 0,
            done: Imported::default(),
        }
    }

    /// Finds the series or creates it. The id is good for this import only.
    pub fn resolve(&mut self, labels: &Labels) -> SeriesId {
        self.head.resolve(labels)
    }

    /// Takes samples, in any order.
    pub fn append(&mut self, batch: &[Append]) -> Result<(), WriteError> {
        let rules = Rules {
            late_window: i64::MAX,
            newest: i64::MAX,
        };
        let mut result = Appended::default();
        self.head.append_unlogged(batch, &rules, &mut result);
        self.done.duplicates += result.duplicate;
        self.seen += batch.len() as u64;
        if self.seen >= LOOK_EVERY {
            self.seen = 0;
            if self.head.bytes() > MEMORY {
                self.write()?;
            }
        }
        Ok(())
    }

    /// Writes the rest.
    pub fn finish(mut self) -> Result<Imported, WriteError> {
        self.write()?;
        Ok(self.done)
    }

    /// Writes what is held, a block for each span of time that compaction would make one of.
    fn write(&mut self) -> Result<(), WriteError> {
        let (tsdb, longest): (&Tsdb, i64) = self.store.parts();
        let mut span = SPAN;
        while span * 3 <= longest {
            span *= 3;
        }
        let (Some(first), Some(last)) = (self.head.oldest(), self.head.newest()) else {
            return Ok(());
        };
        let mut start = first.div_euclid(span) * span;
        while start <= last {
            let range = TimeRange::new(start, start + span - 1);
            let wrote = tsdb.write_block(&self.head, range);
            let samples = wrote.map_err(|e| WriteError::Io(e.to_string()))?;
            self.done.samples += samples;
            self.done.blocks += u64::from(samples > 0);
            start += span;
        }
        self.head.forget_samples();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cancel::Cancel;
    use crate::base::fs::Fs;
    use crate::base::fs::sim::{Sim, Unsynced};
    use crate::model::sample::Samples;
    use crate::store::open::Options;
    use crate::store::read::{Select, SeriesSource};

    #[test]
    fn imported_samples_are_durable_and_asked_like_others() {
        let sim = Sim::new();
        let open = |sim: &std::sync::Arc<Sim>| {
            let options = Options {
                fs: Fs::sim(std::sync::Arc::clone(sim)),
                background: false,
                ..Options::new("/data")
            };
            Store::open(options).unwrap()
        };
        let store = open(&sim);
        let mut import = store.import();
        for i in 0..20 {
            let labels = Labels::from_pairs([("__name__", "m".to_owned()), ("i", i.to_string())]);
            let series = import.resolve(&labels);
            for k in 0..3000i64 {
                // Every other pair the wrong way round, over 62 hours.
                let t = (k ^ 1) * 75_000;
                import
                    .append(&[Append {
                        series,
                        t,
                        v: k as f64,
                    }])
                    .unwrap();
            }
        }
        let done = import.finish().unwrap();
        assert_eq!((done.samples, done.blocks, done.duplicates), (60_000, 4, 0));
        let store = open(&sim.after_crash(Unsynced::Lost));
        let all = TimeRange::new(0, i64::MAX);
        let select = Select {
            matchers: &[],
            range: all,
            live: false,
        };
        let found = store.select(&select, &Cancel::never()).unwrap();
        assert_eq!(found.series.len(), 20);
        for mut series in found.series {
            let mut out = Samples::default();
            series.read(all, &mut out).unwrap();
            assert_eq!(out.len(), 3000);
            assert!(out.iter().all(|s| s.v as i64 == (s.t / 75_000) ^ 1));
        }
    }
}
