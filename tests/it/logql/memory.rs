//! Lines in a plain list, behind the store's reading door.

use bongsu::base::cancel::Cancel;
use bongsu::model::labels::Labels;
use bongsu::model::log_entry::{Level, LineTest, NanoRange};
use bongsu::model::matcher::Matcher;
use bongsu::store::read::logs::{
    Arrived, Buckets, Histogram, LogAsk, LogRow, LogScan, LogSelect, LogSource, LogStats, Tallies,
    Tally,
};
use bongsu::store::read::{Found, ReadError};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) stream: Labels,
    pub(crate) t: i64,
    pub(crate) line: Vec<u8>,
    pub(crate) metadata: Labels,
    pub(crate) level: Level,
}

/// Lines in the order of their arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) lines: Vec<Stored>,
}

impl Memory {
    fn wanted<'a>(&'a self, ask: &'a LogAsk<'_>) -> impl Iterator<Item = &'a Stored> {
        let any = |line: &Stored| {
            let fits = |s: &Vec<Matcher>| s.iter().all(|m| m.matches_labels(&line.stream));
            ask.selectors.is_empty() || ask.selectors.iter().any(fits)
        };
        let inside = move |l: &&Stored| ask.range.contains(l.t) && any(l);
        self.lines.iter().filter(inside)
    }

    fn distinct<T: Ord>(&self, ask: &LogAsk<'_>, of: impl Fn(&Stored) -> Vec<T>) -> Found<T> {
        let all: BTreeSet<T> = self.wanted(ask).flat_map(of).collect();
        Found {
            items: all.into_iter().collect(),
            warnings: Vec::new(),
            cut: false,
        }
    }
}

fn row(line: &Stored) -> LogRow<'_> {
    LogRow {
        stream: &line.stream,
        t: line.t,
        line: &line.line,
        metadata: &line.metadata,
        level: line.level,
    }
}

impl LogSource for Memory {
    fn lines(
        &self,
        select: &LogSelect<'_>,
        _: &Cancel,
        visit: &mut dyn FnMut(&LogRow<'_>) -> ControlFlow<()>,
    ) -> Result<LogScan, ReadError> {
        let mut all: Vec<&Stored> = self.lines.iter().collect();
        all.sort_by_key(|l| l.t);
        if select.newest_first {
            all.reverse();
        }
        let mut scan = LogScan::default();
        for line in all {
            let wanted = select.range.contains(line.t)
                && select
                    .matchers
                    .iter()
                    .all(|m| m.matches_labels(&line.stream))
                && select.levels.has(line.level)
                && select.tests.iter().all(|t| t.passes(&line.line));
            scan.lines += 1;
            if wanted && visit(&row(line)).is_break() {
                break;
            }
        }
        Ok(scan)
    }

    /// As the store does: none where a line has metadata.
    fn tally(
        &self,
        select: &LogSelect<'_>,
        edges: &[i64],
        cancel: &Cancel,
    ) -> Result<Option<Tallies>, ReadError> {
        let mut cells: BTreeMap<(Labels, Level), Vec<(u64, u64)>> = BTreeMap::new();
        let mut fit = edges.len() > 1;
        let scan = self.lines(select, cancel, &mut |row| {
            fit &= row.metadata.is_empty();
            let place = edges.partition_point(|e| *e <= row.t);
            if fit && (1..edges.len()).contains(&place) {
                let key = (row.stream.clone(), row.level);
                let cells = cells
                    .entry(key)
                    .or_insert_with(|| vec![(0, 0); edges.len() - 1]);
                cells[place - 1].0 += 1;
                cells[place - 1].1 += row.line.len() as u64;
            }
            ControlFlow::Continue(())
        })?;
        let of = cells.into_iter().map(|((stream, level), cells)| Tally {
            stream,
            level,
            cells,
        });
        Ok(fit.then(|| Tallies {
            of: of.collect(),
            scan,
        }))
    }

    fn level_counts(
        &self,
        matchers: &[Matcher],
        buckets: Buckets,
        cancel: &Cancel,
    ) -> Result<Histogram, ReadError> {
        let mut out = vec![[0; 8]; buckets.count];
        let select = LogSelect::new(matchers, buckets.range());
        self.lines(&select, cancel, &mut |row| {
            out[buckets.of(row.t).unwrap()][row.level as usize] += 1;
            ControlFlow::Continue(())
        })?;
        Ok(Histogram {
            buckets: out,
            warnings: Vec::new(),
        })
    }

    fn arrived(
        &self,
        after: Option<u64>,
        matchers: &[Matcher],
        tests: &[LineTest],
        visit: &mut dyn FnMut(&LogRow<'_>) -> ControlFlow<()>,
    ) -> Arrived {
        let from = after.map_or(self.lines.len(), |a| a as usize);
        let mut next = from;
        for line in &self.lines[from..] {
            next += 1;
            let wanted = matchers.iter().all(|m| m.matches_labels(&line.stream))
                && tests.iter().all(|t| t.passes(&line.line));
            if wanted && visit(&row(line)).is_break() {
                break;
            }
        }
        Arrived {
            next: next as u64,
            missed: 0,
        }
    }

    fn log_label_names(&self, ask: &LogAsk<'_>, _: &Cancel) -> Result<Found<String>, ReadError> {
        Ok(self.distinct(ask, |l| {
            l.stream.iter().map(|(n, _)| n.to_owned()).collect()
        }))
    }

    fn log_label_values(
        &self,
        name: &str,
        ask: &LogAsk<'_>,
        _: &Cancel,
    ) -> Result<Found<String>, ReadError> {
        Ok(self.distinct(ask, |l| {
            let value = l.stream.get(name);
            (!value.is_empty())
                .then(|| value.to_owned())
                .into_iter()
                .collect()
        }))
    }

    fn streams(&self, ask: &LogAsk<'_>, _: &Cancel) -> Result<Found<Labels>, ReadError> {
        Ok(self.distinct(ask, |l| vec![l.stream.clone()]))
    }

    fn log_stats(&self, ask: &LogAsk<'_>, cancel: &Cancel) -> Result<LogStats, ReadError> {
        let streams = self.streams(ask, cancel)?.items.len() as u64;
        let mut stats = LogStats {
            streams,
            ..LogStats::default()
        };
        for line in self.wanted(ask) {
            stats.lines += 1;
            stats.bytes += line.line.len() as u64;
        }
        Ok(stats)
    }

    fn volumes(
        &self,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Vec<(Labels, LogStats)>, ReadError> {
        let streams = self.streams(ask, cancel)?.items;
        let volume = |stream: Labels| {
            let of: Vec<_> = self.wanted(ask).filter(|l| l.stream == stream).collect();
            let bytes = of.iter().map(|l| l.line.len() as u64).sum();
            let stats = LogStats {
                streams: 1,
                blocks: 0,
                bytes,
                lines: of.len() as u64,
            };
            (stream.clone(), stats)
        };
        Ok(streams.into_iter().map(volume).collect())
    }
}

/// Every time there is.
pub(crate) fn always() -> NanoRange {
    NanoRange::all()
}
