//! The series that one rule writes: what it returned, and an end for what it returns no longer.

use crate::model::labels::Labels;
use crate::model::sample::stale_marker;
use crate::store::write::{Append, MetricSink, SeriesId, WriteError};
use std::collections::HashMap;

/// The series of a rule's last evaluation, as the store knows them.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// With the number of the writing that they were last among.
    series: HashMap<Labels, (SeriesId, u64)>,
    number: u64,
}

impl Written {
    /// Writes `samples` at `t` and marks what was written before and is not among them as ended.
    pub(crate) fn write(
        &mut self,
        samples: &[(Labels, f64)],
        t: i64,
        sink: &dyn MetricSink,
    ) -> Result<(), WriteError> {
        self.number += 1;
        let number = self.number;
        let mut batch = Vec::with_capacity(samples.len());
        for (labels, v) in samples {
            let series = if let Some((series, last)) = self.series.get_mut(labels) {
                *last = number;
                *series
            } else {
                let series = sink.resolve(labels)?;
                self.series.insert(labels.clone(), (series, number));
                series
            };
            batch.push(Append { series, t, v: *v });
        }
        self.series.retain(|_, (series, last)| {
            let stays = *last == number;
            if !stays {
                batch.push(Append {
                    series: *series,
                    t,
                    v: stale_marker(),
                });
            }
            stays
        });
        if batch.is_empty() {
            return Ok(());
        }
        let gone = sink.append(&batch)?.gone;
        if gone.is_empty() {
            return Ok(());
        }
        // The store forgot them since they were resolved: once more, by their labels.
        let mut again = Vec::new();
        for (labels, v) in samples {
            if let Some((series, _)) = self.series.get_mut(labels)
                && gone.contains(series)
            {
                *series = sink.resolve(labels)?;
                again.push(Append {
                    series: *series,
                    t,
                    v: *v,
                });
            }
        }
        sink.append(&again).map(|_| ())
    }

    /// Ends every series: the rule is no more.
    pub(crate) fn end(&mut self, t: i64, sink: &dyn MetricSink) -> Result<(), WriteError> {
        self.write(&[], t, sink)
    }
}
