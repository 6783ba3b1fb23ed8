//! The last alerts that ended and were let go, in memory: who was told of them can still be asked.

use crate::alert::pipeline::Held;
use crate::model::alert::Alert;
use crate::model::view::StoryStep;
use std::collections::VecDeque;

/// Alerts that are kept.
const MOST: usize = 200;
/// Steps of a story that are kept: the last ones say who was told.
const STEPS: usize = 20;

struct Ended {
    fingerprint: u64,
    alert: Alert,
    story: Vec<StoryStep>,
}

/// The newest is the last; an alert that ended more than once is kept as of its last end.
#[derive(Default)]
pub(super) struct Past(VecDeque<Ended>);

impl Past {
    pub(super) fn keep(&mut self, fingerprint: u64, held: Held) {
        self.0.retain(|e| e.fingerprint != fingerprint);
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        let before = held.story.len().saturating_sub(STEPS);
        self.0.push_back(Ended {
            fingerprint,
            alert: held.alert,
            story: held.story.into_iter().skip(before).collect(),
        });
    }

    pub(super) fn of(&self, fingerprint: u64) -> Option<(Alert, Vec<StoryStep>)> {
        let found = self.0.iter().find(|e| e.fingerprint == fingerprint)?;
        Some((found.alert.clone(), found.story.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_are_kept() {
        let mut past = Past::default();
        let held = |said: &str| Held {
            alert: Alert::default(),
            groups: Vec::new(),
            story: (0..=STEPS)
                .map(|i| StoryStep {
                    said: format!("{said} {i}"),
                    ..StoryStep::default()
                })
                .collect(),
        };
        for i in 0..=MOST as u64 {
            past.keep(i, held("once"));
        }
        past.keep(7, held("again"));
        assert_eq!(past.0.len(), MOST);
        assert!(past.of(0).is_none());
        let (_, story) = past.of(7).unwrap();
        assert_eq!((story.len(), story[0].said.as_str()), (STEPS, "again 1"));
    }
}
