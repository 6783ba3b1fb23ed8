//! Many sources of lines, each loaded when its turn comes, as one row in order of time.

use crate::model::log_entry::Level;
use crate::store::logs::buffer::Buffer;
use crate::store::logs::select::Filter;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

/// The lines of one source that satisfy the question, in any order of time.
#[derive(Default)]
pub(crate) struct Hits {
    pub(crate) lines: Buffer,
    /// The stream of each line.
    pub(crate) streams: Vec<u32>,
}

impl Hits {
    /// Takes these rows over.
    pub(crate) fn keep(&mut self, lines: Buffer, found: &[u32], stream: u32) {
        self.streams
            .resize(self.streams.len() + found.len(), stream);
        if self.lines.is_empty() && found.len() == lines.len() {
            self.lines = lines;
            return;
        }
        for row in found {
            self.lines.push_row(&lines, *row as usize);
        }
    }

    /// Takes over row `i` of some columns, whose line is put together already.
    pub(crate) fn push(&mut self, columns: &Buffer, i: usize, line: &[u8], stream: u32) {
        self.streams.push(stream);
        let level = Level::from_number(columns.levels[i]);
        self.lines
            .push(columns.times[i], level, columns.meta(i), line);
    }

    /// Takes over the rows that pass, of lines that somebody else holds too; `found` is scratch.
    pub(crate) fn copy(
        &mut self,
        filter: &Filter<'_>,
        lines: &Buffer,
        stream: u32,
        found: &mut Vec<u32>,
    ) {
        found.clear();
        filter.rows(lines, 0..lines.len(), found);
        self.streams
            .resize(self.streams.len() + found.len(), stream);
        for row in found {
            self.lines.push_row(lines, *row as usize);
        }
    }
}

/// What is known of a source before it is loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) min: i64,
    pub(crate) max: i64,
    /// Sources that were written later have larger numbers.
    pub(crate) number: u64,
}

struct Cursor {
    hits: Hits,
    /// The rows that are left, in reverse: the next is the last.
    rows: Vec<u32>,
    /// Time of the next row and number of the source, negated where the newest come first, so that
    /// the smallest is always next.
    key: (i128, i128),
}

impl Cursor {
    fn new(hits: Hits, number: u64, newest_first: bool) -> Option<Self> {
        let mut rows: Vec<u32> = (0..hits.lines.len() as u32).collect();
        let times = &hits.lines.times;
        if !times.is_sorted() {
            rows.sort_by_key(|r| times[*r as usize]);
        }
        if !newest_first {
            rows.reverse();
        }
        let number = i128::from(number);
        let mut cursor = Self {
            key: (0, if newest_first { -number } else { number }),
            hits,
            rows,
        };
        cursor.aim(newest_first).then_some(cursor)
    }

    /// Sets the key to the next row; false where there is none.
    fn aim(&mut self, newest_first: bool) -> bool {
        let Some(row) = self.rows.last() else {
            return false;
        };
        let t = i128::from(self.hits.lines.times[*row as usize]);
        self.key.0 = if newest_first { -t } else { t };
        true
    }
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Cursor {}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Reversed: the heap's greatest is the one with the smallest key.
impl Ord for Cursor {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

/// What sources are sorted by, so that they stand in the order in which they are needed.
pub(crate) fn rank(bounds: &Bounds, newest_first: bool) -> (i128, i128) {
    let number = i128::from(bounds.number);
    if newest_first {
        (-i128::from(bounds.max), -number)
    } else {
        (i128::from(bounds.min), number)
    }
}

/// Walks all lines in order. `bounds` are ordered; `load(i)` gives the lines of the i-th and is
/// called once for each, in their order, as late as possible.
pub(crate) fn walk<E>(
    bounds: &[Bounds],
    newest_first: bool,
    mut load: impl FnMut(usize) -> Result<Hits, E>,
    visit: &mut dyn FnMut(&Buffer, usize, u32) -> ControlFlow<()>,
) -> Result<(), E> {
    let mut heap: BinaryHeap<Cursor> = BinaryHeap::new();
    let mut next = 0;
    loop {
        while let Some(b) = bounds.get(next) {
            let edge = if newest_first {
                -i128::from(b.max)
            } else {
                i128::from(b.min)
            };
            if heap.peek().is_some_and(|top| top.key.0 < edge) {
                break;
            }
            heap.extend(Cursor::new(load(next)?, b.number, newest_first));
            next += 1;
        }
        let Some(mut top) = heap.peek_mut() else {
            return Ok(());
        };
        let Some(row) = top.rows.pop() else {
            std::collections::binary_heap::PeekMut::pop(top);
            continue;
        };
        let row = row as usize;
        if visit(&top.hits.lines, row, top.hits.streams[row]).is_break() {
            return Ok(());
        }
        if !top.aim(newest_first) {
            std::collections::binary_heap::PeekMut::pop(top);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_a_stable_sort(
            sources in proptest::collection::vec(
                proptest::collection::vec(0i64..20, 0..8), 0..8),
            newest_first in any::<bool>(),
        ) {
            let mut all: Vec<(i64, u64, usize)> = Vec::new();
            let mut bounds = Vec::new();
            for (n, times) in sources.iter().enumerate() {
                all.extend(times.iter().enumerate().map(|(i, t)| (*t, n as u64, i)));
                if let (Some(min), Some(max)) = (times.iter().min(), times.iter().max()) {
                    bounds.push(Bounds { min: *min, max: *max, number: n as u64 });
                }
            }
            all.sort_unstable();
            if newest_first {
                all.reverse();
            }
            bounds.sort_by_key(|b| rank(b, newest_first));
            let load = |i: usize| {
                let mut hits = Hits::default();
                let n = bounds[i].number;
                for (row, t) in sources[n as usize].iter().enumerate() {
                    hits.lines.push(*t, Level::Info, None, format!("{n} {row}").as_bytes());
                    hits.streams.push(0);
                }
                Ok::<_, ()>(hits)
            };
            let mut found = Vec::new();
            walk(&bounds, newest_first, load, &mut |lines, i, _| {
                found.push(String::from_utf8_lossy(lines.line(i)).into_owned());
                ControlFlow::Continue(())
            }).unwrap();
            let expect: Vec<String> = all.iter().map(|(_, n, i)| format!("{n} {i}")).collect();
            prop_assert_eq!(found, expect);
        }
    }
}
