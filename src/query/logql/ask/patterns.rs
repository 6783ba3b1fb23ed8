//! Lines by their shape: words that differ from line to line become `<_>`.
//!
//! Lines are cut into words; what holds a digit counts as changing from the start. Lines of one
//! number of words and one beginning are compared with the shapes known there, and join the one
//! with which they share enough words; a word in which they differ changes from then on. Memory is
//! bounded by the number of shapes.

use crate::model::answer::{LogLine, LogPattern, Notes};
use crate::model::request::LevelsQuery;
use crate::query::logql::ask::{Asked, noted};
use crate::query::logql::eval::QueryError;
use hashbrown::HashMap;

/// Shapes that are told apart.
const MOST: usize = 2000;
/// Words of a line that are looked at.
const WORDS: usize = 80;
/// Of the words of a shape, so many in a hundred must be those of the line.
const ALIKE: usize = 60;
/// What stands for a word that changes.
const HOLE: &str = "<_>";

#[derive(Default)]
pub(crate) struct Shapes {
    all: Vec<Shape>,
    /// Shapes by number of words and first words.
    index: HashMap<(usize, String), Vec<usize>>,
    buckets: usize,
}

struct Shape {
    /// `None` changes.
    words: Vec<Option<String>>,
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

/// Words, and the blanks and signs between them, each a piece of its own: `a=1` has three.
fn pieces(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    for (at, c) in line.char_indices() {
        let cuts = c.is_whitespace()
            || matches!(c, '=' | ',' | ';' | '(' | ')' | '[' | ']' | '"' | '{' | '}');
        if cuts {
            if start < at {
                out.push(&line[start..at]);
            }
            out.push(&line[at..at + c.len_utf8()]);
            start = at + c.len_utf8();
        }
        if out.len() >= WORDS {
            break;
        }
    }
    if out.len() < WORDS && start < line.len() {
        out.push(&line[start..]);
    }
    out
}

/// Numbers, identifiers with digits, and what the parser would read as a capture change.
fn changes(word: &str) -> bool {
    word.bytes().any(|b| b.is_ascii_digit()) || word.contains('<')
}

impl Shapes {
    pub(crate) fn add(&mut self, line: &LogLine, bucket: usize) {
        let words = pieces(&line.line);
        let head = words.iter().find(|w| !changes(w) && w.len() > 1);
        let key = (words.len(), (*head.unwrap_or(&"")).to_owned());
        let candidates = self.index.entry(key).or_default();
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
        self.all[at].take(&words, line, bucket);
    }

    /// The most frequent first.
    pub(crate) fn finish(self) -> Vec<LogPattern> {
        let mut out: Vec<LogPattern> = self.all.into_iter().map(Shape::finish).collect();
        out.sort_by(|a, b| {
            b.lines
                .cmp(&a.lines)
                .then_with(|| a.pattern.cmp(&b.pattern))
        });
        out
    }
}

/// Of the words that do not change, how many in a hundred are the same.
fn alike(shape: &[Option<String>], words: &[&str]) -> usize {
    let mut fixed = 0;
    let mut same = 0;
    for (known, word) in shape.iter().zip(words) {
        let sign = word.len() == 1;
        match known {
            // A sign in another place is another shape.
            Some(known) if sign && known != word => return 0,
            Some(known) => {
                fixed += 1;
                same += usize::from(known == word);
            }
            None if sign => return 0,
            None => {}
        }
    }
    // A shape without fixed words fits everything of its length.
    usize::checked_div(same * 100, fixed).unwrap_or(100)
}

impl Shape {
    fn new(words: &[&str], line: &LogLine, buckets: usize) -> Self {
        let word = |w: &&str| (!changes(w)).then(|| (*w).to_owned());
        Self {
            words: words.iter().map(word).collect(),
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

    fn take(&mut self, words: &[&str], line: &LogLine, bucket: usize) {
        for (known, word) in self.words.iter_mut().zip(words) {
            if known.as_deref().is_some_and(|k| k != *word) {
                *known = None;
            }
        }
        let found = &mut self.found;
        found.lines += 1;
        found.level = found.level.max(line.level);
        found.first = found.first.min(line.t);
        found.last = found.last.max(line.t);
        if let Some(count) = found.counts.get_mut(bucket) {
            *count += 1;
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
        if self.words.len() >= WORDS && !text.ends_with(HOLE) {
            text.push_str(HOLE);
        }
        self.found.pattern = text;
        self.found
    }
}
