//! Log lines: an entry of a stream, its level, spans of time in nanoseconds, and tests on lines.
//!
//! A stream is named by its [`Labels`]. Lines are bytes: what a
//! program wrote is kept as it is, also where it is no UTF-8.

use crate::base::regex::LineRegex;
use crate::model::labels::Labels;
use serde::{Deserialize, Serialize};

/// One line of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Nanoseconds since the Unix epoch.
    pub t: i64,
    pub line: Vec<u8>,
    /// Structured metadata: what belongs to this entry and does not name its stream.
    pub metadata: Labels,
}

/// From `start`, included, to `end`, excluded, in nanoseconds since the Unix epoch, as Loki's
/// range queries mean it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoRange {
    pub start: i64,
    pub end: i64,
}

impl NanoRange {
    pub fn new(start: i64, end: i64) -> Self {
        Self { start, end }
    }

    /// Every time there is, but for the very last nanosecond.
    pub fn all() -> Self {
        Self::new(i64::MIN, i64::MAX)
    }

    pub fn contains(self, t: i64) -> bool {
        self.start <= t && t < self.end
    }

    /// Whether some time from `min` to `max`, both included, lies inside.
    pub fn meets(self, min: i64, max: i64) -> bool {
        self.start <= max && min < self.end
    }

    /// Whether all times from `min` to `max`, both included, lie inside.
    pub fn covers(self, min: i64, max: i64) -> bool {
        self.start <= min && max < self.end
    }
}

/// How serious a line is, as found in it or in its labels. The words are Loki's `detected_level`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    #[default]
    Unknown,
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
    Fatal,
}

impl Level {
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Critical,
        Self::Fatal,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Fatal => "fatal",
        }
    }

    /// The level of that number; what is no level's number is unknown.
    pub fn from_number(n: u8) -> Self {
        Self::ALL.get(usize::from(n)).copied().unwrap_or_default()
    }
}

/// Some of the levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelSet(pub u8);

impl LevelSet {
    pub const ALL: Self = Self(u8::MAX);

    pub fn of(levels: &[Level]) -> Self {
        Self(levels.iter().fold(0, |set, l| set | 1 << (*l as u8)))
    }

    pub fn has(self, level: Level) -> bool {
        self.0 & 1 << (level as u8) != 0
    }
}

/// How many lines there are of each level, in the order of [`Level::ALL`].
pub type LevelCounts = [u64; 8];

/// A condition on a line: passes where any of the matches holds, or, negated, where none does.
#[derive(Clone, Debug, PartialEq)]
pub struct LineTest {
    pub any: Vec<LineMatch>,
    pub negated: bool,
}

/// What a line may hold.
#[derive(Clone, Debug, PartialEq)]
pub enum LineMatch {
    Contains(Vec<u8>),
    Regex(LineRegex),
}

impl LineTest {
    pub fn contains(needle: impl Into<Vec<u8>>) -> Self {
        Self {
            any: vec![LineMatch::Contains(needle.into())],
            negated: false,
        }
    }

    pub fn regex(regex: LineRegex) -> Self {
        Self {
            any: vec![LineMatch::Regex(regex)],
            negated: false,
        }
    }

    pub fn negate(self) -> Self {
        Self {
            negated: !self.negated,
            ..self
        }
    }

    pub fn passes(&self, line: &[u8]) -> bool {
        self.any.iter().any(|m| m.holds(line)) != self.negated
    }
}

impl LineMatch {
    pub fn holds(&self, line: &[u8]) -> bool {
        match self {
            Self::Contains(needle) => memchr::memmem::find(line, needle).is_some(),
            Self::Regex(regex) => regex.is_match(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_alternatives_is_one_test() {
        let test = LineTest {
            any: vec![
                LineMatch::Contains(b"GET".to_vec()),
                LineMatch::Regex(LineRegex::new("(?i)post").unwrap()),
            ],
            negated: false,
        };
        assert!(test.passes(b"a GET b") && test.passes(b"Post") && !test.passes(b"put"));
        let none = test.negate();
        assert!(!none.passes(b"a GET b") && none.passes(b"put \xff"));
    }

    #[test]
    fn a_range_leaves_its_end_out() {
        let range = NanoRange::new(10, 20);
        assert!(range.contains(10) && !range.contains(20));
        assert!(range.meets(19, 30) && !range.meets(20, 30) && range.meets(0, 10));
        assert!(range.covers(10, 19) && !range.covers(10, 20));
        assert!(LevelSet::of(&[Level::Error]).has(Level::Error));
        assert!(!LevelSet::of(&[Level::Error]).has(Level::Unknown));
    }
}
