//! Spans of time.

use serde::{Deserialize, Serialize};

/// From `start` to `end`, both included, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    pub start: i64,
    pub end: i64,
}

impl TimeRange {
    pub fn new(start: i64, end: i64) -> Self {
        Self { start, end }
    }

    pub fn contains(self, t: i64) -> bool {
        self.start <= t && t <= self.end
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// The steps of a range query: `start`, `start + step`, ... up to `end`. `step` is above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    pub start: i64,
    pub end: i64,
    pub step: i64,
}

impl Steps {
    /// One instant.
    pub fn at(t: i64) -> Self {
        Self {
            start: t,
            end: t,
            step: 1,
        }
    }

    /// How many steps there are; none where `end` is before `start`.
    pub fn count(self) -> usize {
        if self.end < self.start {
            0
        } else {
            ((self.end - self.start) / self.step) as usize + 1
        }
    }

    pub fn iter(self) -> impl Iterator<Item = i64> {
        (0..self.count()).map(move |i| self.start + i as i64 * self.step)
    }
}
