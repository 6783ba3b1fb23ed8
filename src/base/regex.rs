//! Regular expressions in RE2's dialect, as Go's users write them, with bounded cost.
//!
//! Label matchers are anchored at both ends and let `.` match a newline; log filters are not
//! anchored. Patterns longer than [`MAX_PATTERN`] are refused before they are parsed, since the
//! parser's memory is not bounded by the compiled size. Most matchers are no real expressions
//! (`a|b|c`, `api.*`): those are matched without an automaton, and [`Regex::literals`] and
//! [`Regex::prefix`] let a store look them up in its index.

mod dialect;
mod line;
mod shape;

pub use line::{LineRegex, Required};

use crate::base::regex::shape::Shape;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Bytes of pattern that are accepted.
pub const MAX_PATTERN: usize = 4096;
const SIZE_LIMIT: usize = 1 << 20;
const DFA_SIZE_LIMIT: usize = 256 << 10;

/// A compiled pattern; cloning copies a pointer. Equality and printing go by the pattern as it was
/// written.
#[derive(Clone)]
pub struct Regex(Arc<Inner>);

struct Inner {
    source: String,
    /// In the syntax of the `regex` crate, anchors included.
    translated: String,
    shape: Shape,
    /// Built at once where the shape needs it, else when captures are asked for.
    compiled: OnceLock<Option<regex::Regex>>,
}

impl Regex {
    /// Matches anywhere in the text.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        Self::build(pattern, false)
    }

    /// Matches only the whole text: `^(?s:pattern)$`.
    pub fn anchored(pattern: &str) -> Result<Self, RegexError> {
        Self::build(pattern, true)
    }

    fn build(source: &str, anchored: bool) -> Result<Self, RegexError> {
        if source.len() > MAX_PATTERN {
            return Err(RegexError::TooLong { len: source.len() });
        }
        let bad = |why: String| RegexError::Bad {
            pattern: source.to_owned(),
            why,
        };
        let body = dialect::translate(source).map_err(bad)?;
        let (shape, translated) = if anchored {
            let whole = format!("(?s:{body})");
            (shape::of(&whole).map_err(bad)?, format!("^{whole}$"))
        } else {
            (Shape::Other { prefix: None }, body)
        };
        let compiled = OnceLock::new();
        if matches!(shape, Shape::Other { .. }) {
            let regex = compile(&translated).map_err(|e| bad(e.to_string()))?;
            let _ = compiled.set(Some(regex));
        }
        Ok(Self(Arc::new(Inner {
            source: source.to_owned(),
            translated,
            shape,
            compiled,
        })))
    }

    pub fn is_match(&self, text: &str) -> bool {
        match self.0.shape.is_match(text) {
            Some(answer) => answer,
            None => self.compiled().is_some_and(|r| r.is_match(text)),
        }
    }

    /// Where the first match lies, in bytes.
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        self.compiled()?.find(text).map(|m| m.range())
    }

    /// The pattern as its author wrote it.
    pub fn as_str(&self) -> &str {
        &self.0.source
    }

    /// `template` with `$1`, `${1}`, `$name` filled from the match; `None` where nothing matches.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let found = self.compiled()?.captures(text)?;
        let mut out = String::new();
        found.expand(template, &mut out);
        Some(out)
    }

    /// The only texts that match, sorted; `None` where they are not a few fixed ones.
    pub fn literals(&self) -> Option<&[String]> {
        match &self.0.shape {
            Shape::Literals(all) => Some(all),
            _ => None,
        }
    }

    /// What every matching text begins with; empty where nothing is known.
    pub fn prefix(&self) -> &str {
        match &self.0.shape {
            Shape::Prefix { prefix, .. } => prefix,
            Shape::Other {
                prefix: Some(prefix),
            } => prefix,
            _ => "",
        }
    }

    /// The expression in the `regex` crate's syntax, for what has no method here. `None` only where
    /// memory for it could not be had.
    pub fn compiled(&self) -> Option<&regex::Regex> {
        self.0
            .compiled
            .get_or_init(|| compile(&self.0.translated).ok())
            .as_ref()
    }
}

/// The pattern that matches exactly this text.
pub fn escape(text: &str) -> String {
    regex::escape(text)
}

fn compile(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(pattern)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(DFA_SIZE_LIMIT)
        .build()
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.0.source)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    #[error("the regular expression has {len} bytes; at most {MAX_PATTERN} are accepted")]
    TooLong { len: usize },
    #[error("{pattern:?} is not a regular expression: {why}")]
    Bad { pattern: String, why: String },
}

#[cfg(test)]
mod tests;
