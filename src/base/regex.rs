//! Regular expressions in RE2's dialect, as Go's users write them, with bounded cost.
//!
//! Label matchers are anchored at both ends and let `.` match a newline; log filters are not
//! anchored. Patterns longer than [`MAX_PATTERN`] are refused before they are parsed, since the
//! parser's memory is not bounded by the compiled size.

use std::fmt;

/// Bytes of pattern that are accepted.
pub const MAX_PATTERN: usize = 4096;
const SIZE_LIMIT: usize = 1 << 20;
const DFA_SIZE_LIMIT: usize = 256 << 10;

/// A compiled pattern. Equality and printing go by the pattern as it was written.
#[derive(Clone)]
pub struct Regex {
    source: String,
    inner: regex::Regex,
}

impl Regex {
    /// Matches anywhere in the text.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        Self::compile(pattern, pattern)
    }

    /// Matches only the whole text: `^(?s:pattern)$`.
    pub fn anchored(pattern: &str) -> Result<Self, RegexError> {
        Self::compile(pattern, &format!("^(?s:{pattern})$"))
    }

    fn compile(source: &str, pattern: &str) -> Result<Self, RegexError> {
        if source.len() > MAX_PATTERN {
            return Err(RegexError::TooLong { len: source.len() });
        }
        let inner = regex::RegexBuilder::new(pattern)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(DFA_SIZE_LIMIT)
            .build()
            .map_err(|e| RegexError::Bad {
                pattern: source.to_owned(),
                why: e.to_string(),
            })?;
        Ok(Self {
            source: source.to_owned(),
            inner,
        })
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.inner.is_match(text)
    }

    /// The pattern as its author wrote it.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// `template` with `$1`, `${1}`, `$name` filled from the match; `None` where nothing matches.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let found = self.inner.captures(text)?;
        let mut out = String::new();
        found.expand(template, &mut out);
        Some(out)
    }

    /// The compiled expression, for what has no method here.
    pub fn inner(&self) -> &regex::Regex {
        &self.inner
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.source)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    #[error("the regular expression has {len} bytes; at most {MAX_PATTERN} are accepted")]
    TooLong { len: usize },
    #[error("{pattern:?} is not a regular expression: {why}")]
    Bad { pattern: String, why: String },
}
