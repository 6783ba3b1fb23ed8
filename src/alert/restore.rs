//! What a restart must not forget: since when a pending alert pends.
//!
//! An alert that waited for ten minutes before the engine went down has not waited for nothing. Its
//! time of beginning is read back from `ALERTS_FOR_STATE`, and the downtime does not count as
//! waiting.
//!
//! Source: Prometheus `rules.Group.RestoreForState`.

use crate::alert::eval::Alerts;
use crate::alert::rule::{FOR_STATE, points};
use crate::alert::{Ask, Question};
use crate::model::alert::{ALERT_NAME, AlertState, Language};
use crate::model::answer::VectorPoint;
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::matcher::Matcher;
use crate::query::syntax;
use std::collections::HashMap;
use std::sync::Arc;

/// How far back it is looked: a longer outage is a new beginning.
const OUTAGE_MS: i64 = 60 * 60_000;
/// Rules with a shorter `for` just wait again; and nothing restored fires earlier than this.
pub(crate) const GRACE_MS: i64 = 10 * 60_000;

/// When the alert was last written, and since when it held then.
struct Remembered {
    down_at: i64,
    active_at: i64,
}

/// Moves the beginnings of `alerts` of the rule `name` to where they were before the restart.
pub(crate) fn restore(
    alerts: &mut Alerts,
    name: &str,
    hold: i64,
    t: i64,
    ask: &Arc<dyn Ask>,
) -> Result<(), String> {
    if alerts.standing().next().is_none() {
        return Ok(());
    }
    let matchers = [
        Matcher::equal(METRIC_NAME, FOR_STATE),
        Matcher::equal(ALERT_NAME, name),
    ];
    let selector = syntax::selector_text(&matchers);
    let look_back = |expr: &str| {
        ask.ask(&Question {
            language: Language::PromQl,
            expr,
            t,
            lookback: Some(OUTAGE_MS),
        })
    };
    let kept = points(look_back(&selector)?)?;
    if kept.is_empty() {
        return Ok(());
    }
    let written = points(look_back(&format!("timestamp({selector})"))?)?;
    let seconds = |points: Vec<VectorPoint>| -> HashMap<Labels, f64> {
        let plain = points.into_iter();
        plain
            .map(|p| (p.labels.without_name(), p.sample.v))
            .collect()
    };
    let (kept, written) = (seconds(kept), seconds(written));
    for alert in alerts.iter_mut() {
        if alert.state == AlertState::Resolved {
            continue;
        }
        if let (Some(active), Some(down)) = (kept.get(&alert.labels), written.get(&alert.labels)) {
            let remembered = Remembered {
                down_at: (down * 1000.0) as i64,
                active_at: (active * 1000.0) as i64,
            };
            alert.active_at = remembered.begins(hold, t);
        }
    }
    Ok(())
}

impl Remembered {
    fn begins(&self, hold: i64, t: i64) -> i64 {
        let left = hold - (self.down_at - self.active_at);
        if left <= 0 {
            // It fired before; where the condition still holds it fires at the next evaluation.
            self.active_at
        } else if left < GRACE_MS {
            t + GRACE_MS - hold
        } else {
            self.active_at + (t - self.down_at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downtime_does_not_count_as_waiting() {
        let minute = 60_000;
        let (hold, t) = (30 * minute, 100 * minute);
        for (active, down, want) in [
            // Fired before.
            (40, 75, 40),
            // Five minutes were left: the grace is waited.
            (50, 75, 80),
            // Twenty were left: shifted by the downtime.
            (75, 85, 90),
        ] {
            let remembered = Remembered {
                down_at: down * minute,
                active_at: active * minute,
            };
            assert_eq!(remembered.begins(hold, t), want * minute);
        }
    }
}
