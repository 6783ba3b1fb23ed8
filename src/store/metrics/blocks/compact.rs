//! Small blocks into larger ones: spans of 2 h, 6 h, 18 h, 54 h ..., aligned, up to a tenth of the
//! retention. A span is taken together once the head has left it.

use crate::model::labels::Labels;
use crate::model::sample::Samples;
use crate::model::time::TimeRange;
use crate::store::metrics::block::{Block, BlockError, Place};
use crate::store::metrics::blocks::Blocks;
use crate::store::metrics::merge;
use std::sync::Arc;

/// The span of a block that is cut from the head, in milliseconds.
pub(crate) const SPAN: i64 = 2 * 3_600_000;
const ALL: TimeRange = TimeRange {
    start: i64::MIN,
    end: i64::MAX,
};

/// A walk over the series of one block, by labels.
struct Walk {
    block: Arc<Block>,
    next: u32,
    front: Option<(Labels, Place)>,
}

impl Walk {
    fn advance(&mut self) -> Result<(), BlockError> {
        self.front = self.block.nth(self.next)?;
        self.next += 1;
        Ok(())
    }
}

impl Blocks {
    /// Compacts one group of blocks; false where there is none. `longest` is the longest span.
    pub(crate) fn compact(&self, longest: i64) -> Result<bool, BlockError> {
        let _changing = self.changing.lock();
        let Some(group) = self.plan(longest) else {
            return Ok(false);
        };
        self.rewrite(&group)?;
        Ok(true)
    }

    fn plan(&self, longest: i64) -> Option<Vec<Arc<Block>>> {
        let (list, until) = (self.list(), self.until());
        let mut span = SPAN;
        while span <= longest.max(SPAN) {
            let window = |b: &Block| {
                let n = b.facts.min_t.div_euclid(span);
                let fits = b.facts.max_t.div_euclid(span) == n;
                (fits && (n + 1).saturating_mul(span) <= until).then_some(n)
            };
            for block in list.iter() {
                let Some(n) = window(block) else { continue };
                let group = list.iter().filter(|b| window(b) == Some(n));
                let group: Vec<_> = group.cloned().collect();
                if group.len() > 1 {
                    return Some(group);
                }
            }
            span *= 3;
        }
        None
    }

    /// Rewrites the blocks from which samples were deleted.
    pub(crate) fn clean(&self) -> Result<(), BlockError> {
        let _changing = self.changing.lock();
        for block in self.list().iter().filter(|b| !b.gone.is_empty()) {
            self.rewrite(&[Arc::clone(block)])?;
        }
        Ok(())
    }

    /// Writes what the blocks hold together into one and puts it in their place.
    fn rewrite(&self, group: &[Arc<Block>]) -> Result<(), BlockError> {
        let until = group.iter().map(|b| b.facts.until).max();
        let (mut writer, path) = self.writer(until.unwrap_or(i64::MIN))?;
        let mut walks = Vec::new();
        for block in group {
            let mut walk = Walk {
                block: Arc::clone(block),
                next: 0,
                front: None,
            };
            self.or_set_aside(block, walk.advance())?;
            walks.push(walk);
        }
        let mut samples = Samples::default();
        loop {
            let fronts = walks.iter().filter_map(|w| w.front.as_ref());
            let Some(labels) = fronts.map(|(l, _)| l).min().cloned() else {
                break;
            };
            samples.clear();
            for walk in &mut walks {
                let Some((_, place)) = walk.front.as_ref().filter(|f| f.0 == labels) else {
                    continue;
                };
                let at = samples.len();
                let read = place.read(ALL, &mut samples);
                self.or_set_aside(&walk.block, read)?;
                merge::join(&mut samples, 0, at);
                let moved = walk.advance();
                self.or_set_aside(&walk.block, moved)?;
            }
            writer.add(&labels, &samples)?;
        }
        let new = if writer.finish()? {
            Some(Block::open(&self.fs, &path, Arc::clone(&self.cache))?)
        } else {
            None
        };
        self.replace(group, new);
        Ok(())
    }

    /// A damaged block is taken out, so that the next round does not stop at it again.
    fn or_set_aside<T>(
        &self,
        block: &Block,
        result: Result<T, BlockError>,
    ) -> Result<T, BlockError> {
        if let Err(e @ BlockError::Damaged { .. }) = &result {
            self.quarantine(block, e);
        }
        result
    }
}
