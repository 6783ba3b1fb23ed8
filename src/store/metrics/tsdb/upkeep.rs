//! What the series do for themselves, and what they say of themselves.

use crate::model::labels::METRIC_NAME;
use crate::model::view::{BlockRow, Census, StorageView};
use crate::store::metrics::block::Block;
use crate::store::metrics::blocks::SPAN;
use crate::store::metrics::matching::Postings;
use crate::store::metrics::symbols::{Symbols, largest};
use crate::store::metrics::tsdb::Tsdb;
use std::sync::atomic::Ordering;

/// The largest metrics and labels that are named.
const LARGEST: usize = 20;

/// Spans of blocks grow to this at most, as in Prometheus: 31 days.
const LONGEST: i64 = 31 * 24 * 3_600_000;
/// What the head keeps when memory is short.
const RECENT: i64 = 600_000;

fn row(block: &Block) -> BlockRow {
    let name = block.path.file_stem().unwrap_or_default();
    BlockRow {
        name: name.to_string_lossy().into_owned(),
        min_t: block.facts.min_t,
        max_t: block.facts.max_t,
        series: block.facts.series,
        samples: block.facts.samples,
        bytes: block.facts.bytes,
    }
}

fn by_metric(symbols: &Symbols, limit: usize) -> Vec<(String, u64)> {
    let all = symbols.values(METRIC_NAME);
    largest(all.map(|(name, slots)| (name, slots.len() as u64)), limit)
}

impl Tsdb {
    /// One round: retention, cutting blocks in time and early where memory is short, compaction.
    /// `longest` is the longest span of a block.
    pub(crate) fn upkeep(&self, oldest: i64, bytes: u64, longest: i64) {
        let mut problem = None;
        self.finish_cut();
        self.blocks.retain(oldest, bytes);
        while let Some(until) = self.due() {
            if let Err(e) = self.cut(until) {
                problem = Some(e.to_string());
                break;
            }
            if !self.finish_cut() {
                break; // a question still reads; the next round goes on
            }
        }
        // A group at a round: the disk is shared with the machine's own work.
        if let Err(e) = self.blocks.compact(longest.min(LONGEST)) {
            problem = Some(e.to_string());
        }
        let full = self.head.read().head.bytes() > self.limits().memory;
        self.full.store(full, Ordering::Relaxed);
        *self.problem.lock() = problem;
    }

    /// Up to where a block should be cut now.
    fn due(&self) -> Option<i64> {
        let live = self.head.read();
        let (first, last) = live.head.oldest().zip(live.head.newest())?;
        if last.saturating_sub(first) > SPAN + SPAN / 2 {
            return Some((first.div_euclid(SPAN) + 1) * SPAN);
        }
        let short = live.head.bytes() > self.limits().memory / 5 * 4;
        (short && first < last - RECENT).then_some(last - RECENT)
    }

    /// Counts the series in memory, at most `limit` rows of each kind.
    pub(crate) fn census(&self, limit: usize) -> Census {
        let live = self.head.read();
        let (head, symbols) = (&live.head, &live.head.symbols);
        Census {
            series: head.len() as u64,
            label_pairs: symbols.pair_count(),
            chunks: head.chunks(),
            min_t: head.oldest().unwrap_or(0),
            max_t: head.newest().unwrap_or(0),
            series_by_metric: by_metric(symbols, limit),
            values_by_label: symbols.largest_names(limit),
            bytes_by_label: symbols.heaviest_names(limit),
            series_by_pair: symbols.largest_pairs(limit),
        }
    }

    pub(crate) fn facts(&self) -> StorageView {
        let live = self.head.read();
        let head = &live.head;
        let wal = self.wal.bytes();
        let oldest = head.oldest().unwrap_or(0);
        let mut problems = self.blocks.problems();
        problems.extend(self.wal.trouble().map(|e| e.to_string()));
        problems.extend(self.problem.lock().clone());
        let blocks = self.blocks.list();
        let blocks: Vec<BlockRow> = blocks.iter().map(|b| row(b)).collect();
        StorageView {
            series: head.len() as u64,
            series_created: head.created,
            series_removed: head.removed,
            head_bytes: head.bytes() as u64,
            head_samples: head.samples,
            head_min_t: oldest,
            wal_bytes: wal,
            disk_bytes: wal + self.blocks.bytes(),
            reaches_back_to: blocks.first().map_or(oldest, |b| b.min_t),
            by_metric: by_metric(&head.symbols, LARGEST),
            by_label: head.symbols.largest_names(LARGEST),
            problems,
            blocks,
            ..StorageView::default()
        }
    }
}
