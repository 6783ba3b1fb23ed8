//! From the head into a block.
//!
//! First the block is written and shown to readers, then the head lets go: in between both have the
//! samples, which a reader joins. The head waits for selections that were made before the block.

use crate::model::sample::Samples;
use crate::model::time::TimeRange;
use crate::store::disk::bytes::put_varint;
use crate::store::metrics::block::{BlockError, Writer};
use crate::store::metrics::head::Head;
use crate::store::metrics::journal;
use crate::store::metrics::tsdb::Tsdb;
use crate::store::write::SeriesId;
use std::path::Path;
use std::sync::Arc;

impl Tsdb {
    /// Writes everything before `until` into a block.
    pub(crate) fn cut(&self, until: i64) -> Result<(), BlockError> {
        let _cutting = self.cutting.lock();
        let range = TimeRange::new(i64::MIN, until - 1);
        let series = {
            let mut live = self.head.write();
            live.head.begin_cut(until);
            let mut mark = Vec::new();
            put_varint(&mut mark, until);
            self.wal.push(journal::CUT, &mark, false);
            // A new segment: those before it can go with the next cut.
            live.end_segment();
            live.head.select(&[], range)
        };
        let (writer, path) = self.blocks.writer(until)?;
        if self.write_all(writer, &series, range)? {
            self.blocks.add(&path)?;
        }
        let before = std::mem::take(&mut *self.pin.lock());
        *self.pending.lock() = Some((until, before));
        Ok(())
    }

    /// Writes the samples of the head into a block; `false` where there are none.
    fn write_all(
        &self,
        mut writer: Writer,
        series: &[SeriesId],
        range: TimeRange,
    ) -> Result<bool, BlockError> {
        let mut samples = Samples::default();
        for &id in series {
            samples.clear();
            let labels = {
                let live = self.head.read();
                live.head.read_series(id, range, &mut samples);
                live.head.labels(id)
            };
            if let Some(labels) = labels {
                writer.add(&labels, &samples)?;
            }
        }
        writer.finish()
    }

    /// Writes the samples of a head that is not this store's own; returns how many.
    pub(crate) fn write_block(&self, head: &Head, range: TimeRange) -> Result<u64, BlockError> {
        let (mut writer, path) = self.blocks.writer(i64::MIN)?;
        let mut samples = Samples::default();
        let mut count = 0;
        for id in head.select(&[], range) {
            samples.clear();
            head.read_series(id, range, &mut samples);
            if let Some(labels) = head.labels(id) {
                writer.add(&labels, &samples)?;
                count += samples.len() as u64;
            }
        }
        if writer.finish()? {
            self.blocks.add(&path)?;
        }
        Ok(count)
    }

    /// Links the blocks into a directory and writes a block of the head beside them.
    pub(crate) fn save_into(&self, dir: &Path) -> Result<(), BlockError> {
        let _cutting = self.cutting.lock();
        self.blocks.link_into(dir)?;
        let all = TimeRange::new(i64::MIN, i64::MAX);
        let (series, until) = {
            let live = self.head.read();
            let until = live.head.newest().map_or(i64::MIN, |t| t + 1);
            (live.head.select(&[], all), until)
        };
        let writer = Writer::new(&self.fs, &dir.join("head.block"), until)?;
        self.write_all(writer, &series, all)?;
        Ok(())
    }

    /// Lets the head forget what a block holds; false while an older selection is in use.
    pub(crate) fn finish_cut(&self) -> bool {
        let mut pending = self.pending.lock();
        let Some((until, pin)) = &*pending else {
            return true;
        };
        if Arc::strong_count(pin) > 1 {
            return false;
        }
        let mut live = self.head.write();
        live.head.truncate(*until);
        let keep = live.newest.iter().find(|(_, newest)| **newest >= *until);
        let keep = keep.map_or(u32::MAX, |(n, _)| *n);
        if self.wal.remove_before(keep).is_ok() {
            live.newest.retain(|n, _| *n >= keep);
        }
        *pending = None;
        true
    }
}
