//! Which lines of a buffer satisfy a question.
//!
//! The rarest condition runs over the bytes of all lines at once; where a line begins and ends is
//! looked up only at a hit.

use crate::model::log_entry::{LevelSet, LineMatch, LineTest, NanoRange};
use crate::store::logs::buffer::Buffer;
use crate::store::read::logs::LogSelect;
use memchr::memmem::Finder;
use std::ops::Range;

/// The conditions of a question, prepared to be asked about many buffers.
pub(crate) struct Filter<'a> {
    range: NanoRange,
    levels: LevelSet,
    tests: &'a [LineTest],
    /// Bytes that must stand in every line, and the test that asks no more than that.
    needle: Option<(Finder<'a>, Option<usize>)>,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(select: &LogSelect<'a>) -> Self {
        Self {
            range: select.range,
            levels: select.levels,
            tests: select.tests,
            needle: needle(select.tests).map(|(n, test)| (Finder::new(n), test)),
        }
    }

    /// False where no line of these bytes can pass, whatever its time and level.
    pub(crate) fn perhaps(&self, bytes: &[u8]) -> bool {
        let needle = self.needle.as_ref();
        needle.is_none_or(|(finder, _)| finder.find(bytes).is_some())
    }

    /// Appends the rows of `within` that satisfy everything, rising.
    pub(crate) fn rows(&self, lines: &Buffer, within: Range<usize>, out: &mut Vec<u32>) {
        if within.is_empty() {
            return;
        }
        let Some((finder, proven)) = &self.needle else {
            out.extend(
                within
                    .filter(|i| self.takes(lines, *i, None))
                    .map(|i| i as u32),
            );
            return;
        };
        let needle = finder.needle().len();
        let end = lines.ends[within.end - 1] as usize;
        let mut at = lines.start(within.start);
        let mut row = within.start;
        while let Some(hit) = finder.find(&lines.bytes[at..end]) {
            let hit = at + hit;
            row = row_of(&lines.ends, row, hit);
            let row_end = lines.ends[row] as usize;
            if hit + needle > row_end {
                // Half in this line and half in the next.
                at = hit + 1;
                continue;
            }
            if self.takes(lines, row, *proven) {
                out.push(row as u32);
            }
            at = row_end;
        }
    }

    /// True where every line passes, if its time is in the range.
    pub(crate) fn takes_all(&self) -> bool {
        self.tests.is_empty() && self.levels == LevelSet::ALL
    }

    fn takes(&self, lines: &Buffer, i: usize, proven: Option<usize>) -> bool {
        self.range.contains(lines.times[i])
            && self.levels.0 & 1 << (lines.levels[i] & 7) != 0
            && self
                .tests
                .iter()
                .enumerate()
                .all(|(n, test)| Some(n) == proven || test.passes(lines.line(i)))
    }
}

/// The row that holds the byte at `hit`; it is not before `from`, and often near.
fn row_of(ends: &[u32], from: usize, hit: usize) -> usize {
    const NEAR: usize = 8;
    let near = ends[from..].iter().take(NEAR);
    match near.into_iter().position(|e| *e as usize > hit) {
        Some(n) => from + n,
        None => from + ends[from..].partition_point(|e| *e as usize <= hit),
    }
}

/// The longest bytes that every line must contain, and the number of the test that is thereby
/// passed already.
fn needle(tests: &[LineTest]) -> Option<(&[u8], Option<usize>)> {
    let positive = tests.iter().enumerate().filter(|(_, t)| !t.negated);
    let needles = positive.filter_map(|(n, test)| match test.any.as_slice() {
        [LineMatch::Contains(needle)] => Some((needle.as_slice(), Some(n))),
        [LineMatch::Regex(regex)] => {
            let exact = regex.required().iter().find(|r| !r.any_case)?;
            Some((exact.literal.as_slice(), None))
        }
        _ => None,
    });
    needles
        .filter(|(n, _)| !n.is_empty())
        .max_by_key(|(n, _)| n.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::regex::LineRegex;
    use crate::model::log_entry::Level;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_one_line_after_another(
            lines in proptest::collection::vec(("[ab]{0,6}", 0i64..9, 0u8..8), 1..30),
            needle in "[ab]{0,3}",
            pattern in "[ab]{0,2}[ab.]?",
            negated in any::<bool>(),
            levels in any::<u8>(),
            cut in (0usize..30, 0usize..30),
        ) {
            let mut buffer = Buffer::default();
            for (line, t, level) in &lines {
                buffer.push(*t, Level::from_number(*level), None, line.as_bytes());
            }
            let mut first = LineTest::contains(needle);
            first.negated = negated;
            let tests = [first, LineTest::regex(LineRegex::new(&pattern).unwrap())];
            let select = LogSelect {
                tests: &tests,
                levels: LevelSet(levels),
                ..LogSelect::new(&[], NanoRange::new(2, 7))
            };
            let (a, b) = (cut.0.min(lines.len()), cut.1.min(lines.len()));
            let within = a.min(b)..a.max(b);
            let mut found = Vec::new();
            Filter::new(&select).rows(&buffer, within.clone(), &mut found);
            let expect: Vec<u32> = within.filter(|i| {
                let (line, t, level) = &lines[*i];
                (2..7).contains(t) && levels & 1 << level != 0
                    && tests.iter().all(|test| test.passes(line.as_bytes()))
            }).map(|i| i as u32).collect();
            prop_assert_eq!(found, expect);
        }
    }
}
