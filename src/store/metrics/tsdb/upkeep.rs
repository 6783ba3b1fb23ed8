//! What the series do for themselves, and what they say of themselves.

use crate::model::labels::METRIC_NAME;
use crate::model::view::StorageView;
use crate::store::metrics::tsdb::Tsdb;
use std::sync::atomic::Ordering;

/// The largest metrics and labels that are named.
const LARGEST: usize = 20;

impl Tsdb {
    /// Lets go of what is older than `oldest` and keeps the memory budget: the oldest samples and
    /// the segments of the log that hold them go first; where series alone fill it, no more are
    /// added.
    pub(crate) fn upkeep(&self, oldest: i64) {
        let (bytes, span) = {
            let head = &self.head.read().head;
            (head.bytes(), head.oldest().zip(head.newest()))
        };
        let mut from = oldest;
        if bytes > self.limits.memory
            && let Some((first, last)) = span
        {
            // A tenth of the time at once, so that it is not done at every round.
            from = from.max(first + (last - first) / 10 + 1);
        }
        if span.is_some_and(|(first, _)| first < from) {
            let mut live = self.head.write();
            live.head.truncate(from);
            let keep = live.newest.iter().find(|(_, newest)| **newest >= from);
            let keep = keep.map_or(u32::MAX, |(n, _)| *n);
            if self.wal.remove_before(keep).is_ok() {
                live.newest.retain(|n, _| *n >= keep);
            }
        }
        let full = self.head.read().head.bytes() > self.limits.memory;
        self.full.store(full, Ordering::Relaxed);
    }

    pub(crate) fn facts(&self) -> StorageView {
        let live = self.head.read();
        let head = &live.head;
        let wal = self.wal.bytes();
        let mut by_metric: Vec<(String, u64)> = head
            .symbols
            .values(METRIC_NAME)
            .map(|(name, slots)| (name.to_owned(), slots.len() as u64))
            .collect();
        by_metric.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        by_metric.truncate(LARGEST);
        let oldest = head.oldest().unwrap_or(0);
        StorageView {
            series: head.len() as u64,
            series_created: head.created,
            series_removed: head.removed,
            head_bytes: head.bytes() as u64,
            head_samples: head.samples,
            head_min_t: oldest,
            wal_bytes: wal,
            disk_bytes: wal,
            reaches_back_to: oldest,
            by_metric,
            by_label: head.symbols.largest_names(LARGEST),
            problems: self.wal.trouble().iter().map(ToString::to_string).collect(),
            ..StorageView::default()
        }
    }
}
