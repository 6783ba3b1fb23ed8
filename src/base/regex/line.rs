//! Regular expressions on log lines: bytes, not anchored, and what every match must contain.

use crate::base::regex::{DFA_SIZE_LIMIT, MAX_PATTERN, RegexError, SIZE_LIMIT, dialect};
use regex_syntax::hir::{Class, Hir, HirKind};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A pattern that matches anywhere in a line of bytes. Cloning copies a pointer; equality goes by
/// the pattern as it was written.
#[derive(Clone)]
pub struct LineRegex(Arc<Inner>);

struct Inner {
    source: String,
    compiled: regex::bytes::Regex,
    required: Vec<Required>,
}

/// Bytes that stand in every line that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// In lower case where `any_case` is set.
    pub literal: Vec<u8>,
    /// ASCII letters may be of either case in the line.
    pub any_case: bool,
}

impl LineRegex {
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        if pattern.len() > MAX_PATTERN {
            return Err(RegexError::TooLong { len: pattern.len() });
        }
        let bad = |why: String| RegexError::Bad {
            pattern: pattern.to_owned(),
            why,
        };
        let body = dialect::translate(pattern).map_err(bad)?;
        let compiled = regex::bytes::RegexBuilder::new(&body)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(DFA_SIZE_LIMIT)
            .build()
            .map_err(|e| bad(e.to_string()))?;
        let hir = regex_syntax::ParserBuilder::new().utf8(false).build();
        let required = { hir }.parse(&body).map_or(Vec::new(), |h| required(&h));
        Ok(Self(Arc::new(Inner {
            source: pattern.to_owned(),
            compiled,
            required,
        })))
    }

    pub fn is_match(&self, line: &[u8]) -> bool {
        self.0.compiled.is_match(line)
    }

    /// Where the first match at or behind `from` lies.
    pub fn find_at(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        self.0.compiled.find_at(text, from).map(|m| m.range())
    }

    /// The pattern as its author wrote it.
    pub fn as_str(&self) -> &str {
        &self.0.source
    }

    /// What every matching line contains, longest first; empty where nothing is known.
    pub fn required(&self) -> &[Required] {
        &self.0.required
    }

    pub fn compiled(&self) -> &regex::bytes::Regex {
        &self.0.compiled
    }
}

impl PartialEq for LineRegex {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl fmt::Debug for LineRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineRegex({:?})", self.0.source)
    }
}

/// Literals in the order of the pattern, joined where they touch.
struct Walk {
    open: Option<Required>,
    found: Vec<Required>,
}

fn required(hir: &Hir) -> Vec<Required> {
    let mut walk = Walk {
        open: None,
        found: Vec::new(),
    };
    walk.see(hir);
    walk.close();
    walk.found
        .sort_by_key(|r| std::cmp::Reverse(r.literal.len()));
    walk.found.dedup();
    walk.found
}

impl Walk {
    fn close(&mut self) {
        self.found.extend(self.open.take());
    }

    fn add(&mut self, bytes: &[u8], any_case: bool) {
        match &mut self.open {
            Some(open) => {
                open.literal.extend_from_slice(bytes);
                open.any_case |= any_case;
            }
            None => {
                self.open = Some(Required {
                    literal: bytes.to_vec(),
                    any_case,
                });
            }
        }
        if let Some(open) = self.open.as_mut().filter(|o| o.any_case) {
            open.literal.make_ascii_lowercase();
        }
    }

    fn see(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Literal(literal) => self.add(&literal.0, false),
            HirKind::Capture(capture) => self.see(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|p| self.see(p)),
            HirKind::Class(class) => match one_letter(class) {
                Some(letter) => self.add(&[letter], true),
                None => self.close(),
            },
            HirKind::Repetition(repeat) if repeat.min > 0 => {
                // What is repeated stands there at least once, but not next to what follows.
                self.close();
                self.see(&repeat.sub);
                self.close();
            }
            // Assertions take no bytes, so neighbours still touch.
            HirKind::Look(_) | HirKind::Empty => {}
            HirKind::Repetition(_) | HirKind::Alternation(_) => self.close(),
        }
    }
}

/// The ASCII letter, in lower case, of which a class holds both cases (and nothing else that is
/// ASCII's business: `(?i)k` also holds the Kelvin sign, which no lower-cased search would find).
fn one_letter(class: &Class) -> Option<u8> {
    let bytes: Vec<u8> = match class {
        Class::Bytes(c) => {
            let all = c.ranges().iter().map(|r| (r.start(), r.end()));
            all.flat_map(|(a, b)| (a..=b).take(3)).take(3).collect()
        }
        Class::Unicode(c) => {
            let all = c.ranges().iter().map(|r| (r.start(), r.end()));
            let chars: Vec<char> = all.flat_map(|(a, b)| (a..=b).take(3)).take(3).collect();
            let ascii = |c: &char| u8::try_from(*c).ok().filter(u8::is_ascii);
            chars.iter().map(ascii).collect::<Option<_>>()?
        }
    };
    match bytes.as_slice() {
        [a, b] if a.is_ascii_uppercase() && a.to_ascii_lowercase() == *b => Some(*b),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(pattern: &str) -> Vec<(String, bool)> {
        let regex = LineRegex::new(pattern).unwrap();
        let text = |r: &Required| (String::from_utf8_lossy(&r.literal).into_owned(), r.any_case);
        regex.required().iter().map(text).collect()
    }

    #[test]
    fn required_literals() {
        let plain = |s: &str| (s.to_owned(), false);
        assert_eq!(of(r"took \d{4,} ms"), [plain("took "), plain(" ms")]);
        assert_eq!(of("(?i)error: x"), [("error: x".to_owned(), true)]);
        assert_eq!(of("a(bc)d"), [plain("abcd")]);
        assert_eq!(of("(foo)+bar"), [plain("foo"), plain("bar")]);
        assert_eq!(of("foo|bar"), []);
        assert_eq!(of("x(foo)?y"), [plain("x"), plain("y")]);
        // The long s and the Kelvin sign are matched too: such letters are not required.
        assert_eq!(of("(?i)ask"), [("a".to_owned(), true)]);
    }

    proptest! {
        #[test]
        fn what_is_required_is_there(
            pattern in "(\\(\\?i\\))?[a-cK.*+?()|\\[\\]0-2]{0,12}",
            line in "[a-cA-CkK0-2]{0,20}",
        ) {
            let Ok(regex) = LineRegex::new(&pattern) else { return Ok(()) };
            if regex.is_match(line.as_bytes()) {
                let lower = line.to_ascii_lowercase();
                for r in regex.required() {
                    let text = if r.any_case { &lower } else { &line };
                    let found = memchr::memmem::find(text.as_bytes(), &r.literal);
                    prop_assert!(found.is_some(), "{pattern} {line} {r:?}");
                }
            }
        }
    }
}
