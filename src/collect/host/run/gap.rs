//! Stretches in which nothing was collected.
//!
//! The wall clock runs on while a machine sleeps, the monotonic clock does not: that tells a
//! suspended machine from a collector that was held up.

use crate::base::clock::Instant;
use crate::model::view::{Mark, MarkKind};
use std::time::Duration;

/// The name under which gaps are kept: one mark as JSON per record.
pub(crate) const KIND: &str = "gaps";
/// Marks that are held for the console.
pub(crate) const MOST: usize = 1000;

#[derive(Debug)]
pub(crate) struct Gaps {
    interval: i64,
    stored_until: i64,
    before: Option<(i64, Instant)>,
}

impl Gaps {
    /// Readings come at another distance from now on.
    pub(crate) fn pace(&mut self, interval: Duration) {
        self.interval = interval.as_millis() as i64;
    }

    pub(crate) fn new(interval: Duration, stored_until: i64) -> Self {
        Self {
            interval: interval.as_millis() as i64,
            stored_until,
            before: None,
        }
    }

    /// Called at every reading; the mark is the gap that ends here.
    pub(crate) fn notice(&mut self, t: i64, at: Instant) -> Option<Mark> {
        let before = self.before.replace((t, at));
        let allowed = self.interval * 2;
        let Some((last, then)) = before else {
            let gap = self.stored_until > 0 && t - self.stored_until > allowed;
            return gap.then(|| {
                mark(
                    self.stored_until,
                    t,
                    "not collecting: bongsu was not running",
                )
            });
        };
        let ran = at.duration_since(then).as_millis() as i64;
        let passed = t - last;
        if passed < -1000 {
            let text = format!("the clock was set back by {} s", -passed / 1000);
            return Some(event(t, text));
        }
        if ran > allowed {
            return Some(mark(last, t, "not collecting: the reading was held up"));
        }
        if passed - ran > allowed {
            return Some(mark(
                last,
                t,
                "not collecting: the machine slept, or its clock was set forward",
            ));
        }
        None
    }
}

fn mark(from: i64, until: i64, text: &str) -> Mark {
    Mark {
        t: from,
        until,
        kind: MarkKind::Gap,
        text: text.to_owned(),
    }
}

fn event(t: i64, text: String) -> Mark {
    Mark {
        t,
        until: t,
        kind: MarkKind::Event,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    #[test]
    fn sleep_stop_and_a_clock_set_back_are_told_apart() {
        let mut gaps = Gaps::new(Duration::from_secs(15), 1_000);
        let at = clock::monotonic();
        let started = gaps.notice(100_000, at).unwrap();
        assert_eq!((started.t, started.until), (1_000, 100_000));
        assert_eq!(gaps.notice(115_000, at + Duration::from_secs(15)), None);
        let slept = gaps.notice(900_000, at + Duration::from_secs(30)).unwrap();
        assert!(slept.text.contains("slept") && slept.kind == MarkKind::Gap);
        let held = gaps
            .notice(1_000_000, at + Duration::from_secs(130))
            .unwrap();
        assert!(held.text.contains("held up"));
        let back = gaps.notice(900_000, at + Duration::from_secs(145)).unwrap();
        assert_eq!((back.kind, back.t), (MarkKind::Event, 900_000));
    }

    #[test]
    fn a_first_start_is_no_gap() {
        let mut gaps = Gaps::new(Duration::from_secs(15), 0);
        assert_eq!(gaps.notice(100_000, clock::monotonic()), None);
    }
}
