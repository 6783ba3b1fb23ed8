//! Counting without seeing lines: where only their number and size matter, and the store tests all
//! that is asked of them, it counts by stream, level and time, and no line is handed out.

use crate::model::labels::Labels;
use crate::query::logql::ast::RangeOp;
use crate::query::logql::eval::lines::with_level;
use crate::query::logql::eval::range::{Into, Reader, grouped};
use crate::query::logql::eval::{Asking, QueryError};
use crate::store::read::logs::{LogRow, LogSelect, Tally};

/// Fills the windows of the reader. False where lines must be looked at one by one.
pub(super) fn fill(
    reader: &mut Reader<'_>,
    ask: &mut Asking<'_>,
    select: &LogSelect<'_>,
) -> Result<bool, QueryError> {
    let counts = matches!(
        reader.a.op,
        RangeOp::Count | RangeOp::Rate | RangeOp::Bytes | RangeOp::BytesRate | RangeOp::Absent
    );
    if !counts || reader.unwrap.is_some() || !reader.pipeline.is_plain() {
        return Ok(false);
    }
    let (steps, a) = (reader.steps, reader.a);
    let window = |i: usize| {
        let to = steps.at(i).saturating_sub(a.offset).saturating_add(1);
        (to.saturating_sub(a.range), to)
    };
    let windows: Vec<(i64, i64)> = (0..steps.count).map(window).collect();
    let mut edges: Vec<i64> = windows.iter().flat_map(|w| [w.0, w.1]).collect();
    edges.sort_unstable();
    edges.dedup();
    let Some(found) = ask.source.tally(select, &edges, ask.cancel)? else {
        return Ok(false);
    };
    let place = |t: i64| edges.partition_point(|e| *e < t);
    let windows: Vec<(usize, usize)> = windows
        .into_iter()
        .map(|(from, to)| (place(from), place(to)))
        .collect();
    for tally in &found.of {
        if !reader.count(tally, &windows) {
            break;
        }
    }
    ask.scanned(found.scan);
    Ok(true)
}

impl Reader<'_> {
    /// `windows` are pairs of edges. False where there are too many series.
    fn count(&mut self, tally: &Tally, windows: &[(usize, usize)]) -> bool {
        let none = Labels::empty();
        let metadata = with_level(&LogRow {
            stream: &tally.stream,
            t: 0,
            line: b"",
            metadata: &none,
            level: tally.level,
        });
        self.work.start(&tally.stream, &metadata);
        let labels = self.work.labels();
        let labels = match &self.grouping {
            None => labels,
            Some(by) => grouped(&labels, by),
        };
        let mut sums = vec![(0u64, 0u64)];
        for (lines, bytes) in &tally.cells {
            let last = sums[sums.len() - 1];
            sums.push((last.0 + lines, last.1 + bytes));
        }
        if sums[sums.len() - 1].0 == 0 {
            return true;
        }
        let known = self.index.get(&labels).copied();
        let Some(at) = known.or_else(|| self.open(labels)) else {
            return false;
        };
        let op = self.a.op;
        if let Into::Steps(all) = &mut self.series[at].1 {
            for (gather, (from, to)) in all.iter_mut().zip(windows) {
                let (a, b) = (sums[*from], sums[*to]);
                gather.add_many(op, b.0 - a.0, b.1 - a.1);
            }
        }
        true
    }
}
