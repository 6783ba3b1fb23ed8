//! Counting lines by stream, level and time: blocks in any order, on two threads, no line handed out.

use crate::base::cancel::{Cancel, Stopped};
use crate::model::log_entry::Level;
use crate::store::logs::buffer::Buffer;
use crate::store::logs::logdb::LogDb;
use crate::store::logs::logdb::search::{Plan, Source};
use crate::store::logs::merge::Bounds;
use crate::store::logs::select::Filter;
use crate::store::read::ReadError;
use crate::store::read::logs::{LogScan, LogSelect, Tallies, Tally};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Cells of all streams and levels together, for each thread.
const MOST_CELLS: usize = 1 << 20;
/// With fewer blocks a second thread is not worth its start.
const ALONE: usize = 4;

/// What one thread counted.
#[derive(Default)]
struct Counts {
    /// By stream and level.
    cells: HashMap<(u32, u8), Vec<(u64, u64)>>,
    scan: LogScan,
}

/// What the threads share.
struct Work<'a> {
    plan: &'a Plan,
    filter: Filter<'a>,
    edges: &'a [i64],
    cancel: &'a Cancel,
    next: AtomicUsize,
    /// Counting says too little here.
    unfit: AtomicBool,
}

impl LogDb {
    pub(super) fn count(
        &self,
        select: &LogSelect<'_>,
        edges: &[i64],
        cancel: &Cancel,
    ) -> Result<Option<Tallies>, ReadError> {
        let mut plan = self.0.plan(select.matchers, select);
        let warnings = std::mem::take(&mut plan.warnings);
        let work = Work {
            plan: &plan,
            filter: Filter::new(select),
            edges,
            cancel,
            next: AtomicUsize::new(0),
            unfit: AtomicBool::new(edges.len() < 2),
        };
        let (mut all, more) = if plan.sources.len() < ALONE {
            (work.run()?, Counts::default())
        } else {
            std::thread::scope(|scope| {
                let other = scope.spawn(|| work.run());
                let mine = work.run();
                let ended = || ReadError::Io("a counting thread ended early".to_owned());
                let theirs = other.join().map_err(|_| ended())?;
                Ok::<_, ReadError>((mine?, theirs?))
            })?
        };
        if work.unfit.load(Ordering::Relaxed) {
            return Ok(None);
        }
        for (key, cells) in more.cells {
            match all.cells.get_mut(&key) {
                Some(mine) => {
                    for (sum, n) in mine.iter_mut().zip(cells) {
                        *sum = (sum.0 + n.0, sum.1 + n.1);
                    }
                }
                None => {
                    all.cells.insert(key, cells);
                }
            }
        }
        let mut scan = all.scan;
        scan.warnings.extend(warnings);
        scan.warnings.extend(more.scan.warnings);
        scan.lines += more.scan.lines;
        scan.scanned_bytes += more.scan.scanned_bytes;
        scan.skipped_bytes = plan.skipped;
        let mut keys: Vec<(u32, u8)> = all.cells.keys().copied().collect();
        keys.sort_unstable();
        let tally = |key: (u32, u8)| {
            Some(Tally {
                stream: plan.labels.get(&key.0)?.clone(),
                level: Level::from_number(key.1),
                cells: all.cells.remove(&key)?,
            })
        };
        let of = keys.into_iter().filter_map(tally).collect();
        Ok(Some(Tallies { of, scan }))
    }
}

impl Work<'_> {
    /// Takes one source after the other until none is left.
    fn run(&self) -> Result<Counts, Stopped> {
        let mut counts = Counts::default();
        let mut found = Vec::new();
        loop {
            let i = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((bounds, source)) = self.plan.sources.get(i) else {
                return Ok(counts);
            };
            self.cancel.check()?;
            if self.unfit.load(Ordering::Relaxed) {
                return Ok(counts);
            }
            let cell = self.only_cell(*bounds);
            match source {
                Source::Memory { stream, lines } => {
                    found.clear();
                    self.filter.rows(lines, 0..lines.len(), &mut found);
                    counts.scan.scanned_bytes += lines.bytes.len() as u64;
                    self.add(&mut counts, (*stream, cell), lines, &found);
                }
                Source::Block { part, block } => {
                    let (place, meta) = &*part.index.blocks[*block];
                    let stream = |local: u32| {
                        let id = part.streams.get(local as usize).copied();
                        id.filter(|id| self.plan.labels.contains_key(id))
                    };
                    let read = part.file.block(*place, |packed| {
                        packed.tally(&self.filter, &stream, &mut |id, lines, found| {
                            self.add(&mut counts, (id, cell), lines, found);
                        })
                    });
                    match read {
                        Ok(()) => counts.scan.scanned_bytes += meta.raw,
                        Err(e) => counts
                            .scan
                            .warnings
                            .push(format!("{e}; the lines of that block are missing")),
                    }
                }
            }
        }
    }

    /// The cell of a time; `None` outside.
    fn cell(&self, t: i64) -> Option<usize> {
        let behind = self.edges.partition_point(|e| *e <= t);
        (behind > 0 && behind < self.edges.len()).then(|| behind - 1)
    }

    /// The cell of all lines of a source, where it is one.
    fn only_cell(&self, bounds: Bounds) -> Option<usize> {
        let first = self.cell(bounds.min)?;
        (self.cell(bounds.max) == Some(first)).then_some(first)
    }

    /// Adds rows of a stream; `only` is the cell of them all, where that is known.
    fn add(
        &self,
        counts: &mut Counts,
        (stream, only): (u32, Option<usize>),
        lines: &Buffer,
        found: &[u32],
    ) {
        if lines.has_metadata() {
            self.unfit.store(true, Ordering::Relaxed);
            return;
        }
        counts.scan.lines += found.len() as u64;
        let size = self.edges.len() - 1;
        // Lines of one level follow each other often: their cells are looked up once.
        let mut begin = 0;
        while begin < found.len() {
            let level = lines.levels[found[begin] as usize];
            let same = |r: &u32| lines.levels[*r as usize] == level;
            let run = found[begin..].iter().take_while(|r| same(r)).count();
            if !counts.cells.contains_key(&(stream, level))
                && (counts.cells.len() + 1) * size > MOST_CELLS
            {
                self.unfit.store(true, Ordering::Relaxed);
                return;
            }
            let cells = counts
                .cells
                .entry((stream, level))
                .or_insert_with(|| vec![(0, 0); size]);
            for row in &found[begin..begin + run] {
                let row = *row as usize;
                let Some(cell) = only.or_else(|| self.cell(lines.times[row])) else {
                    continue;
                };
                cells[cell].0 += 1;
                cells[cell].1 += u64::from(lines.ends[row]) - lines.start(row) as u64;
            }
            begin += run;
        }
    }
}
