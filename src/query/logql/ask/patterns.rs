//! Lines by their shape: words that differ from line to line become `<_>`.
//!
//! The first line of an entry is cut into words, blanks and signs. What holds a digit, the name of a
//! level, what stands in square brackets and the place in a stack frame count as changing from the
//! start. Lines of one number of pieces are compared with the shapes of that number, and join the
//! one with which they share enough words; a word in which they differ changes from then on. At the
//! end shapes that have become alike are put together. Memory is bounded by the number of shapes.

use crate::model::answer::{LogLine, LogPattern, Notes};
use crate::model::request::LevelsQuery;
use crate::query::logql::ask::{Asked, noted};
use crate::query::logql::eval::QueryError;
use hashbrown::HashMap;
use std::hash::BuildHasher;

/// Shapes that are told apart.
const MOST: usize = 2000;
/// Pieces of a line that are looked at.
const WORDS: usize = 120;
/// Of the words of a shape, so many in a hundred must be those of the line.
const ALIKE: usize = 60;
/// Forms of lines whose shape is remembered.
const KNOWN: usize = 50_000;
/// Pieces at the start of a line among which a level is looked for.
const HEAD: usize = 16;
/// Bytes in square brackets that count as one word.
const BRACKET: usize = 80;
/// What stands for a word that changes.
const HOLE: &str = "<_>";

#[derive(Default)]
pub(crate) struct Shapes {
    all: Vec<Shape>,
    /// Shapes by number of pieces.
    by_length: HashMap<usize, Vec<usize>>,
    /// The shape of lines whose fixed pieces have this hash.
    known: HashMap<u64, usize>,
    buckets: usize,
}

struct Shape {
    /// `None` changes.
    words: Vec<Option<String>>,
    /// More stands behind the pieces that are looked at.
    cut: bool,
    found: LogPattern,
}

pub(super) fn find(
    asked: &Asked<'_>,
    query: &LevelsQuery,
) -> Result<(Vec<LogPattern>, Notes), QueryError> {
    let mut shapes = Shapes {
        buckets: query.count,
        ..Shapes::default()
    };
    let warnings = asked.each(query, &mut |line| {
        let at = (line.t - query.start) / query.step.max(1);
        shapes.add(line, at as usize);
    })?;
    Ok((shapes.finish(), noted(warnings)))
}

/// The pieces of a line's first line, those that change as `None`, and whether more stands behind.
fn pieces(line: &str) -> (Vec<Option<&str>>, bool) {
    let first = line.lines().next().unwrap_or_default();
    let mut more = first.len() < line.trim_end().len();
    let mut out: Vec<Option<&str>> = Vec::with_capacity(48);
    let frame = first.trim_start().starts_with("at ") && first.starts_with([' ', '\t']);
    let mut rest = first;
    while let Some(c) = rest.chars().next() {
        if out.len() >= WORDS {
            more = true;
            break;
        }
        let len = if c.is_whitespace() {
            let end = rest.find(|c: char| !c.is_whitespace());
            end.unwrap_or(rest.len())
        } else if is_sign(c) {
            c.len_utf8()
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || is_sign(c));
            end.unwrap_or(rest.len())
        };
        let (piece, behind) = rest.split_at(len);
        let level = out.len() < HEAD && is_level(piece);
        let place = frame && out.len() > 1 && piece.contains('.');
        let fixed = !(changes(piece) || level || place);
        out.push(fixed.then_some(piece));
        rest = behind;
        if c == '['
            && let Some(end) = rest.find([']', '[']).filter(|e| (1..=BRACKET).contains(e))
        {
            // A thread, a context, a list: one word that changes.
            if rest[end..].starts_with(']') {
                out.push(None);
                rest = &rest[end..];
            }
        }
    }
    (out, more)
}

/// Signs that separate words, each a piece of its own.
fn is_sign(c: char) -> bool {
    matches!(
        c,
        '=' | ',' | ';' | '(' | ')' | '[' | ']' | '"' | '{' | '}' | '\'' | '|'
    )
}

/// A piece that is a sign, and must be the same in all lines of a shape.
fn sign(piece: &str) -> bool {
    piece.chars().next().is_some_and(is_sign)
}

fn blank(piece: &str) -> bool {
    piece.starts_with(char::is_whitespace)
}

/// Numbers, identifiers with digits, and what the parser would read as a capture change.
fn changes(word: &str) -> bool {
    word.bytes().any(|b| b.is_ascii_digit() || b == b'<')
}

fn is_level(word: &str) -> bool {
    const LEVELS: [&str; 12] = [
        "trace", "debug", "info", "notice", "warn", "warning", "error", "err", "crit", "critical",
        "fatal", "panic",
    ];
    let word = word.trim_end_matches(':');
    word.len() <= 8 && LEVELS.iter().any(|l| l.eq_ignore_ascii_case(word))
}

impl Shapes {
    pub(crate) fn add(&mut self, line: &LogLine, bucket: usize) {
        let (words, more) = pieces(&line.line);
        let hash = self.known.hasher().hash_one(&words);
        if let Some(at) = self.known.get(&hash) {
            self.all[*at].count(line, bucket);
            return;
        }
        let candidates = self.by_length.entry(words.len()).or_default();
        let best = candidates
            .iter()
            .map(|at| (*at, alike(&self.all[*at].words, &words)))
            .max_by_key(|(_, score)| *score);
        let at = match best {
            Some((at, score)) if score >= ALIKE => at,
            _ if self.all.len() >= MOST => return,
            _ => {
                candidates.push(self.all.len());
                self.all.push(Shape::new(&words, line, self.buckets));
                self.all.len() - 1
            }
        };
        self.all[at].widen(&words);
        self.all[at].cut |= more;
        self.all[at].count(line, bucket);
        if self.known.len() < KNOWN {
            self.known.insert(hash, at);
        }
    }

    /// The most frequent first.
    pub(crate) fn finish(mut self) -> Vec<LogPattern> {
        let mut kept: HashMap<usize, Vec<Shape>> = HashMap::new();
        // The frequent ones first: they know best what changes.
        self.all.sort_by_key(|s| std::cmp::Reverse(s.found.lines));
        for shape in self.all {
            let same = kept.entry(shape.words.len()).or_default();
            let words: Vec<Option<&str>> = shape.words.iter().map(Option::as_deref).collect();
            let one = same.iter_mut().find(|s| alike(&s.words, &words) >= ALIKE);
            match one {
                Some(one) => one.join(&shape),
                None => same.push(shape),
            }
        }
        let all = kept.into_values().flatten();
        let mut out: Vec<LogPattern> = all.map(Shape::finish).collect();
        out.sort_by(|a, b| {
            b.lines
                .cmp(&a.lines)
                .then_with(|| a.pattern.cmp(&b.pattern))
        });
        out
    }
}

/// Of the words that do not change, how many in a hundred are the same.
fn alike(shape: &[Option<String>], words: &[Option<&str>]) -> usize {
    let (mut fixed, mut same) = (0, 0);
    for (known, word) in shape.iter().zip(words) {
        match (known.as_deref(), word) {
            // A sign in another place is another shape.
            (Some(known), Some(word)) if (sign(known) || sign(word)) && known != *word => return 0,
            (Some(known), None) if sign(known) => return 0,
            (None, Some(word)) if sign(word) => return 0,
            (Some(known), Some(word)) if sign(known) || (blank(known) && blank(word)) => {}
            (Some(known), Some(word)) => {
                fixed += 1;
                same += usize::from(known == *word);
            }
            // What changes in one of them says nothing, unless it never did here.
            (Some(_), None) | (None, _) => {}
        }
    }
    // Shapes without fixed words fit everything of their length.
    usize::checked_div(same * 100, fixed).unwrap_or(100)
}

impl Shape {
    fn new(words: &[Option<&str>], line: &LogLine, buckets: usize) -> Self {
        Self {
            words: words.iter().map(|w| w.map(str::to_owned)).collect(),
            cut: false,
            found: LogPattern {
                pattern: String::new(),
                level: line.level,
                lines: 0,
                first: line.t,
                last: line.t,
                counts: vec![0; buckets],
                sample: line.line.clone(),
            },
        }
    }

    fn widen(&mut self, words: &[Option<&str>]) {
        for (known, word) in self.words.iter_mut().zip(words) {
            if known.as_deref() != *word {
                *known = None;
            }
        }
    }

    fn count(&mut self, line: &LogLine, bucket: usize) {
        let found = &mut self.found;
        found.lines += 1;
        found.level = found.level.max(line.level);
        found.first = found.first.min(line.t);
        found.last = found.last.max(line.t);
        if let Some(count) = found.counts.get_mut(bucket) {
            *count += 1;
        }
    }

    fn join(&mut self, other: &Self) {
        let words: Vec<Option<&str>> = other.words.iter().map(Option::as_deref).collect();
        self.widen(&words);
        self.cut |= other.cut;
        let found = &mut self.found;
        found.lines += other.found.lines;
        found.level = found.level.max(other.found.level);
        found.first = found.first.min(other.found.first);
        found.last = found.last.max(other.found.last);
        for (count, more) in found.counts.iter_mut().zip(&other.found.counts) {
            *count += more;
        }
    }

    fn finish(mut self) -> LogPattern {
        let mut text = String::new();
        for word in &self.words {
            match word {
                Some(word) => text.push_str(word),
                // Two holes side by side are one.
                None if text.ends_with(HOLE) => {}
                None => text.push_str(HOLE),
            }
        }
        if self.cut && !text.ends_with(HOLE) {
            text.push_str(HOLE);
        }
        self.found.pattern = text;
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels::Labels;
    use crate::model::log_entry::Level;

    fn shapes(lines: impl IntoIterator<Item = String>) -> Vec<(String, u64)> {
        let mut shapes = Shapes {
            buckets: 1,
            ..Shapes::default()
        };
        for (t, line) in lines.into_iter().enumerate() {
            let line = LogLine {
                t: t as i64,
                line,
                stream: Labels::empty(),
                metadata: Labels::empty(),
                parsed: Labels::empty(),
                level: Level::Info,
            };
            shapes.add(&line, 0);
        }
        let found = shapes.finish().into_iter();
        found.map(|p| (p.pattern, p.lines)).collect()
    }

    fn one(lines: &[&str]) -> String {
        let found = shapes(lines.iter().map(|l| (*l).to_owned()));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].0.clone()
    }

    #[test]
    fn what_differs_becomes_a_hole() {
        for (lines, want) in [
            (&["took 5 ms", "took 17 ms"][..], "took <_> ms"),
            (
                &[
                    "2026-11-21 17:00:01 [main] INFO  a.b.Shop - paid order=1 0;x",
                    "2026-11-21 17:00:02 [exec-3] ERROR a.b.Shop - paid order=22 0;x",
                ],
                "<_> <_> [<_>] <_>a.b.Shop - paid order=<_> <_>;x",
            ),
            (
                &["주문 1 처리 실패", "주문 2 처리 실패"],
                "주문 <_> 처리 실패",
            ),
            (
                &["\tat a.b.C.go(C.java:1)", "\tat d.e.F.run(F.java:22)"],
                "\tat <_>(<_>)",
            ),
            (&["first 1\nmore", "first 2\nother\nlines"], "first <_>"),
            (&["x=1 y=2", "x=3 y=4"], "x=<_> y=<_>"),
        ] {
            assert_eq!(one(lines), want);
        }
        assert_eq!(shapes(["a b c d".into(), "e f g h".into()]).len(), 2);
        assert!(one(&["only one\nwith more"]).ends_with("one<_>"));
    }

    #[test]
    fn methods_and_loggers_that_differ_are_one_shape_in_any_order() {
        let methods = ["GET", "POST", "PUT"];
        let lines = (0..90).map(|i| {
            let (method, logger) = (
                methods[i % 3],
                format!("c.e.Logger{}", ["A", "B", "C"][i / 30]),
            );
            let logger = logger.replace(|c: char| c.is_ascii_digit(), "");
            format!("{logger} - {method} /orders/{i} 200 took {i} ms")
        });
        let found = shapes(lines);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].1, 90);
    }

    #[test]
    fn memory_is_bounded_and_no_line_is_refused() {
        let word = |n: usize| {
            let letter = |i: usize| char::from(b'a' + ((n / 26usize.pow(i as u32)) % 26) as u8);
            (0..4).map(letter).collect::<String>()
        };
        let found = shapes((0..5000).map(|n| format!("{} x {}", word(n), "y ".repeat(n % 100))));
        assert!(found.len() <= MOST);
        shapes([
            String::new(),
            "[".into(),
            "[[]".into(),
            "\u{1b}[31m".into(),
            "\n\n".into(),
        ]);
    }
}
