//! Series in memory, behind the doors of the store. Those of a test's input come in as time goes
//! on: a rule that looks ahead sees nothing that had not happened.

use crate::base::cancel::Cancel;
use crate::model::answer::Metadata;
use crate::model::labels::Labels;
use crate::model::sample::Samples;
use crate::model::time::TimeRange;
use crate::store::read::{Ask, Found, ReadError, Select, Selection, SeriesReader, SeriesSource};
use crate::store::write::{Append, Appended, MetricSink, SeriesId, WriteError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Memory(Mutex<Inner>);

type Column = BTreeMap<i64, f64>;

#[derive(Default)]
struct Inner {
    /// By number; labels are unique.
    series: Vec<(Labels, Arc<Column>)>,
    numbers: HashMap<Labels, usize>,
    /// What is to come, latest first.
    to_come: Vec<(usize, Vec<(i64, f64)>)>,
}

impl Inner {
    fn number(&mut self, labels: &Labels) -> usize {
        if let Some(number) = self.numbers.get(labels) {
            return *number;
        }
        let number = self.series.len();
        self.series.push((labels.clone(), Arc::default()));
        self.numbers.insert(labels.clone(), number);
        number
    }
}

impl Memory {
    /// Samples that come in once [`Memory::reach`] arrives at their times, which rise.
    pub(crate) fn expect(&self, labels: Labels, mut samples: Vec<(i64, f64)>) {
        let mut inner = self.0.lock();
        let number = inner.number(&labels);
        samples.reverse();
        inner.to_come.push((number, samples));
    }

    /// Everything up to `t` has happened.
    pub(crate) fn reach(&self, t: i64) {
        let mut inner = self.0.lock();
        let mut to_come = std::mem::take(&mut inner.to_come);
        for (number, samples) in &mut to_come {
            while let Some((at, v)) = samples.pop_if(|(at, _)| *at <= t) {
                Arc::make_mut(&mut inner.series[*number].1).insert(at, v);
            }
        }
        to_come.retain(|(_, samples)| !samples.is_empty());
        inner.to_come = to_come;
    }
}

impl MetricSink for Memory {
    fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
        Ok(SeriesId(self.0.lock().number(labels) as u64))
    }

    fn append(&self, batch: &[Append]) -> Result<Appended, WriteError> {
        let mut inner = self.0.lock();
        for append in batch {
            if let Some((_, column)) = inner.series.get_mut(append.series.0 as usize) {
                Arc::make_mut(column).insert(append.t, append.v);
            }
        }
        Ok(Appended::default())
    }

    fn append_live(&self, _: &[(Labels, i64, f64)]) {}

    fn describe(&self, _: &[Metadata]) {}
}

struct Reader {
    labels: Labels,
    column: Arc<Column>,
}

impl SeriesReader for Reader {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&mut self, range: TimeRange, out: &mut Samples) -> Result<(), ReadError> {
        if range.start <= range.end {
            for (t, v) in self.column.range(range.start..=range.end) {
                out.push(*t, *v);
            }
        }
        Ok(())
    }
}

impl SeriesSource for Memory {
    fn select<'a>(&'a self, select: &Select<'_>, _: &Cancel) -> Result<Selection<'a>, ReadError> {
        let inner = self.0.lock();
        let fits = |labels: &Labels| select.matchers.iter().all(|m| m.matches_labels(labels));
        let mut found: Vec<Reader> = inner
            .series
            .iter()
            .filter(|(labels, column)| !column.is_empty() && fits(labels))
            .map(|(labels, column)| Reader {
                labels: labels.clone(),
                column: column.clone(),
            })
            .collect();
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        let boxed = |reader| Box::new(reader) as Box<dyn SeriesReader>;
        Ok(Selection {
            series: found.into_iter().map(boxed).collect(),
            warnings: Vec::new(),
        })
    }

    fn label_names(&self, _: &Ask<'_>, _: &Cancel) -> Result<Found<String>, ReadError> {
        Ok(Found::default())
    }

    fn label_values(&self, _: &str, _: &Ask<'_>, _: &Cancel) -> Result<Found<String>, ReadError> {
        Ok(Found::default())
    }

    fn series(&self, _: &Ask<'_>, _: &Cancel) -> Result<Found<Labels>, ReadError> {
        Ok(Found::default())
    }

    fn metadata(&self, _: &str, _: usize) -> Vec<Metadata> {
        Vec::new()
    }
}
