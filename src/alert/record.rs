//! The series that one rule writes: what it returned, and an end for what it returns no longer.

use crate::model::labels::Labels;
use crate::model::sample::stale_marker;
use crate::store::write::{Append, MetricSink, SeriesId, WriteError};
use std::collections::HashMap;

/// The series of a rule's last evaluation, as the store knows them.
#[derive(Debug, Default)]
pub(crate) struct Written {
    series: HashMap<Labels, SeriesId>,
}

impl Written {
    /// Writes `samples` at `t` and marks what was written before and is not among them as ended.
    pub(crate) fn write(
        &mut self,
        samples: &[(Labels, f64)],
        t: i64,
        sink: &dyn MetricSink,
    ) -> Result<(), WriteError> {
        let mut before = std::mem::take(&mut self.series);
        let mut batch = Vec::with_capacity(samples.len());
        for (labels, v) in samples {
            let series = match before.remove(labels) {
                Some(series) => series,
                None => sink.resolve(labels)?,
            };
            self.series.insert(labels.clone(), series);
            batch.push(Append { series, t, v: *v });
        }
        let ended = before.values();
        batch.extend(ended.map(|series| Append {
            series: *series,
            t,
            v: stale_marker(),
        }));
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
            if let Some(series) = self.series.get_mut(labels)
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
