//! Series in a plain list, behind the store's reading door.

use bongsu::base::cancel::Cancel;
use bongsu::model::answer::Metadata;
use bongsu::model::labels::Labels;
use bongsu::model::sample::Samples;
use bongsu::model::time::TimeRange;
use bongsu::store::read::{Ask, Found, ReadError, Select, Selection, SeriesReader, SeriesSource};
use std::collections::BTreeMap;

/// Samples by time, by labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) series: BTreeMap<Labels, BTreeMap<i64, f64>>,
}

impl Memory {
    /// A later sample at the same time stands.
    pub(crate) fn add(&mut self, labels: &Labels, t: i64, v: f64) {
        self.series.entry(labels.clone()).or_default().insert(t, v);
    }
}

struct Reader<'m> {
    labels: &'m Labels,
    samples: &'m BTreeMap<i64, f64>,
}

impl SeriesReader for Reader<'_> {
    fn labels(&self) -> &Labels {
        self.labels
    }

    fn read(&mut self, range: TimeRange, out: &mut Samples) -> Result<(), ReadError> {
        if range.start <= range.end {
            for (t, v) in self.samples.range(range.start..=range.end) {
                out.push(*t, *v);
            }
        }
        Ok(())
    }
}

impl SeriesSource for Memory {
    fn select<'a>(&'a self, select: &Select<'_>, _: &Cancel) -> Result<Selection<'a>, ReadError> {
        let wanted = self
            .series
            .iter()
            .filter(|(labels, _)| select.matchers.iter().all(|m| m.matches_labels(labels)));
        let series = wanted
            .map(|(labels, samples)| Box::new(Reader { labels, samples }) as Box<dyn SeriesReader>)
            .collect();
        Ok(Selection {
            series,
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
