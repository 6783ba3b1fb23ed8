//! Series of a built-in collector in the store: resolved once, and marked as ended when their
//! owner is gone.

use crate::model::labels::Labels;
use crate::model::sample::stale_marker;
use crate::store::write::{Append, MetricSink, SeriesId};
use hashbrown::HashMap;

/// The stored series, with the pass that last saw them.
#[derive(Debug, Default)]
pub(crate) struct Kept(HashMap<Labels, Series>);

#[derive(Debug)]
struct Series {
    id: SeriesId,
    seen: i64,
}

impl Kept {
    /// Appends one pass, and marks as ended the series that are not in it. What cannot be kept is
    /// counted by the store and shown there.
    pub(crate) fn append(
        &mut self,
        sink: &dyn MetricSink,
        samples: &[(Labels, i64, f64)],
        now: i64,
    ) {
        let mut batch = Vec::with_capacity(samples.len());
        for (labels, t, v) in samples {
            let series = match self.0.get_mut(labels) {
                Some(series) => series,
                None => match sink.resolve(labels) {
                    Ok(id) => self
                        .0
                        .entry(labels.clone())
                        .or_insert(Series { id, seen: now }),
                    Err(_) => continue,
                },
            };
            series.seen = now;
            batch.push(Append {
                series: series.id,
                t: *t,
                v: *v,
            });
        }
        for series in self.0.values().filter(|s| s.seen != now) {
            batch.push(Append {
                series: series.id,
                t: now,
                v: stale_marker(),
            });
        }
        self.0.retain(|_, s| s.seen == now);
        if let Ok(done) = sink.append(&batch)
            && !done.gone.is_empty()
        {
            self.0.retain(|_, s| !done.gone.contains(&s.id));
        }
    }
}
