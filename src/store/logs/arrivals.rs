//! The newest lines in the order of their arrival, for those who follow.
//!
//! Kept only while somebody does: who stopped asking is forgotten after a few seconds. Bounded in
//! bytes; what went by unseen is counted, and a range query still finds it.

use crate::base::clock::{self, Instant};
use crate::model::labels::Labels;
use crate::model::log_entry::{Level, LineTest};
use crate::store::read::logs::{Arrived, LogRow};
use crate::store::write::logs::BatchRow;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

const BYTES: usize = 2 << 20;
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(crate) struct Arrivals {
    kept: VecDeque<Kept>,
    bytes: usize,
    /// Number of the next line.
    next: u64,
    asked: Option<Instant>,
}

struct Kept {
    stream: u32,
    t: i64,
    level: Level,
    metadata: Option<Labels>,
    line: Box<[u8]>,
}

impl Arrivals {
    /// Whether [`Arrivals::push`] is worth its cost. Forgets everything where nobody asks any more.
    pub(crate) fn wanted(&mut self) -> bool {
        let Some(asked) = self.asked else {
            return false;
        };
        if clock::monotonic().duration_since(asked) > FORGOTTEN_AFTER {
            self.asked = None;
            self.kept = VecDeque::new();
            self.bytes = 0;
        }
        self.asked.is_some()
    }

    pub(crate) fn pass(&mut self, lines: u64) {
        self.next += lines;
    }

    pub(crate) fn push(&mut self, row: &BatchRow, line: &[u8]) {
        self.next += 1;
        self.bytes += line.len() + size_of::<Kept>();
        self.kept.push_back(Kept {
            stream: row.stream.0,
            t: row.t,
            level: row.level,
            metadata: row.metadata.clone(),
            line: line.into(),
        });
        while self.bytes > BYTES {
            let Some(old) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= old.line.len() + size_of::<Kept>();
        }
    }

    /// Notes that somebody follows.
    pub(crate) fn ask(&mut self) {
        self.asked = Some(clock::monotonic());
    }

    /// `labels` gives those of the streams that are wanted.
    pub(crate) fn see<'a>(
        &'a self,
        after: Option<u64>,
        labels: impl Fn(u32) -> Option<&'a Labels>,
        tests: &[LineTest],
        visit: &mut dyn FnMut(&LogRow<'_>) -> ControlFlow<()>,
    ) -> Arrived {
        let first = self.next - self.kept.len() as u64;
        let Some(after) = after.map(|a| a.min(self.next)) else {
            return Arrived {
                next: self.next,
                missed: 0,
            };
        };
        let missed = first.saturating_sub(after);
        let from = after.max(first);
        let none = Labels::empty();
        for (number, kept) in (from..).zip(self.kept.iter().skip((from - first) as usize)) {
            let Some(stream) = labels(kept.stream) else {
                continue;
            };
            if !tests.iter().all(|t| t.passes(&kept.line)) {
                continue;
            }
            let row = LogRow {
                stream,
                t: kept.t,
                line: &kept.line,
                metadata: kept.metadata.as_ref().unwrap_or(&none),
                level: kept.level,
            };
            if visit(&row).is_break() {
                return Arrived {
                    next: number + 1,
                    missed,
                };
            }
        }
        Arrived {
            next: self.next,
            missed,
        }
    }
}
