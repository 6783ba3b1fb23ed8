//! Which lines of a buffer satisfy a question.
//!
//! The rarest condition runs over the bytes of all lines at once; where a line begins and ends is
//! looked up only at a hit.

use crate::model::log_entry::{LevelSet, LineMatch, LineTest, NanoRange};
use crate::store::logs::buffer::Buffer;
use crate::store::logs::shrink::{self, Clock, Rows};
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
    /// As above, of what stands in shrunk text too.
    core: Option<(Finder<'a>, Option<usize>)>,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(select: &LogSelect<'a>) -> Self {
        Self {
            range: select.range,
            levels: select.levels,
            tests: select.tests,
            needle: longest(needles(select.tests)),
            core: longest(needles(select.tests).filter_map(|(needle, test)| {
                let core = shrink::core(needle)?;
                Some((core, test.filter(|_| core.len() == needle.len())))
            })),
        }
    }

    /// False where no line of these bytes can pass, whatever its time and level.
    pub(crate) fn perhaps(&self, bytes: &[u8]) -> bool {
        let needle = self.needle.as_ref();
        needle.is_none_or(|(finder, _)| finder.find(bytes).is_some())
    }

    /// As [`Filter::perhaps`], of shrunk text.
    pub(crate) fn perhaps_shrunk(&self, text: &[u8]) -> bool {
        let core = self.core.as_ref();
        core.is_none_or(|(finder, _)| finder.find(text).is_some())
    }

    /// True where rows are found in shrunk text.
    pub(crate) fn has_core(&self) -> bool {
        self.core.is_some()
    }

    /// False where time and level alone decide.
    pub(crate) fn asks_lines(&self) -> bool {
        !self.tests.is_empty()
    }

    /// Appends the rows of a shrunk run that satisfy everything, rising; puts together only the
    /// lines that must be looked at. `None` where one does not read.
    pub(crate) fn shrunk_rows(
        &self,
        columns: &Buffer,
        rows: &Rows<'_>,
        clock: &mut Option<Clock>,
        out: &mut Vec<u32>,
    ) -> Option<()> {
        let (finder, proven) = self.core.as_ref()?;
        let decided = proven.is_some() && self.tests.len() == 1;
        let (text, length) = (rows.text(), finder.needle().len());
        let mut line = Vec::new();
        let (mut at, mut row) = (0, 0);
        while let Some(hit) = finder.find(&text[at..]) {
            let hit = at + hit;
            row = row_of(&rows.ends, row, hit);
            let end = rows.ends[row] as usize;
            if hit + length > end {
                // Half in this line and half in the next.
                at = hit + 1;
                continue;
            }
            at = end;
            if !self.fits(columns, row) {
                continue;
            }
            if !decided {
                line.clear();
                rows.write(row, columns.times[row], clock, &mut line)?;
                if !self.passes(&line, *proven) {
                    continue;
                }
            }
            out.push(row as u32);
        }
        Some(())
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

    fn takes(&self, lines: &Buffer, i: usize, proven: Option<usize>) -> bool {
        self.fits(lines, i) && (self.tests.is_empty() || self.passes(lines.line(i), proven))
    }

    /// Time and level of a row.
    fn fits(&self, lines: &Buffer, i: usize) -> bool {
        self.range.contains(lines.times[i]) && self.levels.0 & 1 << (lines.levels[i] & 7) != 0
    }

    fn passes(&self, line: &[u8], proven: Option<usize>) -> bool {
        let mut tests = self.tests.iter().enumerate();
        tests.all(|(n, test)| Some(n) == proven || test.passes(line))
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

/// Bytes that every line must contain, each with the number of the test that is thereby passed.
fn needles(tests: &[LineTest]) -> impl Iterator<Item = (&[u8], Option<usize>)> {
    let positive = tests.iter().enumerate().filter(|(_, t)| !t.negated);
    let needles = positive.filter_map(|(n, test)| match test.any.as_slice() {
        [LineMatch::Contains(needle)] => Some((needle.as_slice(), Some(n))),
        [LineMatch::Regex(regex)] => {
            let exact = regex.required().iter().find(|r| !r.any_case)?;
            Some((exact.literal.as_slice(), None))
        }
        _ => None,
    });
    needles.filter(|(n, _)| !n.is_empty())
}

fn longest<'a>(
    needles: impl Iterator<Item = (&'a [u8], Option<usize>)>,
) -> Option<(Finder<'a>, Option<usize>)> {
    let (needle, test) = needles.max_by_key(|(n, _)| n.len())?;
    Some((Finder::new(needle), test))
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
