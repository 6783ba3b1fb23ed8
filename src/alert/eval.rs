//! The alerts of one rule, and how an evaluation moves them. Pure: times come in, states come out.
//!
//! Source: Prometheus `rules/alerting.go`.

use crate::alert::rule::series_of;
use crate::model::alert::AlertState;
use crate::model::labels::Labels;
use std::collections::BTreeMap;

/// How long a resolved alert is kept, and told as resolved.
pub(crate) const RESOLVED_RETENTION_MS: i64 = 15 * 60_000;

/// One alert of a rule. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveAlert {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) value: f64,
    pub(crate) state: AlertState,
    /// Since when the expression holds.
    pub(crate) active_at: i64,
    pub(crate) fired_at: i64,
    pub(crate) resolved_at: Option<i64>,
    /// Since when it fires only because `keep_firing_for` says so.
    kept_since: Option<i64>,
    sent_at: Option<i64>,
    /// When those who were told may take it for resolved.
    pub(crate) valid_until: i64,
    /// The labels of its series, and the state that they tell of: made once, written often.
    series: Option<(AlertState, Labels, Labels)>,
}

/// A series of the rule's answer, as an alert.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) value: f64,
}

/// What the rule and its group ask for, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) hold: i64,
    pub(crate) keep_firing: i64,
    /// Pending and firing alerts at most; 0 is no limit.
    pub(crate) limit: u64,
}

/// Two series with one label set: words that users know from Prometheus.
pub(crate) const SAME_LABELS: &str =
    "vector contains metrics with the same labelset after applying alert labels";

#[derive(Clone, Debug, Default)]
pub(crate) struct Alerts {
    active: BTreeMap<Labels, LiveAlert>,
}

impl Alerts {
    /// Every alert, pending, firing or lately resolved, in the order of their labels.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &LiveAlert> {
        self.active.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut LiveAlert> {
        self.active.values_mut()
    }

    /// The clock was set by so many milliseconds: what was noted by the old one keeps its age.
    pub(crate) fn shift(&mut self, by: i64) {
        for alert in self.iter_mut() {
            alert.active_at += by;
            alert.fired_at += by;
            alert.valid_until += by;
            for t in [
                &mut alert.resolved_at,
                &mut alert.kept_since,
                &mut alert.sent_at,
            ] {
                *t = t.map(|t| t + by);
            }
        }
    }

    /// Those that pend or fire.
    pub(crate) fn standing(&self) -> impl Iterator<Item = &LiveAlert> {
        self.iter().filter(|a| a.state != AlertState::Resolved)
    }

    /// Takes the answer of one evaluation at `t`; how many alerts began to fire. After an error of
    /// equal labels the alerts are as before; after one of the limit there are none.
    pub(crate) fn step(&mut self, found: Vec<Found>, t: i64, terms: Terms) -> Result<u64, String> {
        let mut seen = BTreeMap::new();
        for one in found {
            if seen.insert(one.labels.clone(), one).is_some() {
                return Err(SAME_LABELS.to_owned());
            }
        }
        let mut fired = 0;
        let mut standing = 0;
        self.active.retain(|labels, alert| {
            match seen.remove(labels) {
                Some(found) if alert.state == AlertState::Resolved => {
                    *alert = LiveAlert::begin(found, t);
                }
                Some(found) => {
                    alert.value = found.value;
                    alert.annotations = found.annotations;
                    alert.kept_since = None;
                }
                None => match alert.without_result(t, terms.keep_firing) {
                    Fate::Kept => {}
                    Fate::Resolved => return true,
                    Fate::Forgotten => return false,
                },
            }
            standing += 1;
            fired += u64::from(alert.ripen(t, terms.hold));
            true
        });
        for (labels, found) in seen {
            let mut alert = LiveAlert::begin(found, t);
            standing += 1;
            fired += u64::from(alert.ripen(t, terms.hold));
            self.active.insert(labels, alert);
        }
        if terms.limit > 0 && standing > terms.limit {
            self.active.clear();
            let limit = terms.limit;
            return Err(format!("exceeded limit of {limit} with {standing} alerts"));
        }
        Ok(fired)
    }

    /// The alerts to be told at `t`, each marked as told. `resend` and `interval` in milliseconds.
    pub(crate) fn due(&mut self, t: i64, resend: i64, interval: i64) -> Vec<LiveAlert> {
        let due = self.iter_mut().filter(|a| a.needs_telling(t, resend));
        due.map(|alert| {
            alert.sent_at = Some(t);
            // Two evaluations or sends may fail before those who were told take it for resolved.
            alert.valid_until = t + 4 * resend.max(interval);
            alert.clone()
        })
        .collect()
    }
}

enum Fate {
    Kept,
    Resolved,
    Forgotten,
}

impl LiveAlert {
    fn begin(found: Found, t: i64) -> Self {
        Self {
            labels: found.labels,
            annotations: found.annotations,
            value: found.value,
            state: AlertState::Pending,
            active_at: t,
            fired_at: 0,
            resolved_at: None,
            kept_since: None,
            sent_at: None,
            valid_until: 0,
            series: None,
        }
    }

    /// The labels of its `ALERTS` and of its `ALERTS_FOR_STATE`.
    pub(crate) fn series(&mut self) -> (Labels, Labels) {
        if let Some((state, alerts, since)) = &self.series
            && *state == self.state
        {
            return (alerts.clone(), since.clone());
        }
        let (alerts, since) = series_of(&self.labels, self.state);
        self.series = Some((self.state, alerts.clone(), since.clone()));
        (alerts, since)
    }

    fn without_result(&mut self, t: i64, keep_firing: i64) -> Fate {
        match self.state {
            AlertState::Pending => Fate::Forgotten,
            AlertState::Resolved => match self.resolved_at {
                Some(at) if t - at > RESOLVED_RETENTION_MS => Fate::Forgotten,
                _ => Fate::Resolved,
            },
            AlertState::Firing => {
                if keep_firing > 0 && t - *self.kept_since.get_or_insert(t) < keep_firing {
                    return Fate::Kept;
                }
                self.state = AlertState::Resolved;
                self.resolved_at = Some(t);
                Fate::Resolved
            }
        }
    }

    /// Pending becomes firing once it held for long enough, and firing becomes pending again where
    /// `for` was raised; true where it began to fire.
    fn ripen(&mut self, t: i64, hold: i64) -> bool {
        let ripe = t - self.active_at >= hold;
        match self.state {
            AlertState::Pending if ripe => {
                self.state = AlertState::Firing;
                self.fired_at = t;
                true
            }
            AlertState::Firing if !ripe => {
                self.state = AlertState::Pending;
                self.fired_at = 0;
                false
            }
            _ => false,
        }
    }

    fn needs_telling(&self, t: i64, resend: i64) -> bool {
        let sent = self.sent_at.unwrap_or(i64::MIN / 2);
        match self.state {
            AlertState::Pending => false,
            _ => self.resolved_at.is_some_and(|at| at > sent) || sent + resend < t,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, value: f64) -> Found {
        Found {
            labels: Labels::from_pairs([("alertname", "A"), ("n", name)]),
            annotations: Labels::empty(),
            value,
        }
    }

    fn states(alerts: &Alerts) -> Vec<AlertState> {
        alerts.iter().map(|a| a.state).collect()
    }

    use AlertState::{Firing, Pending, Resolved};

    #[test]
    fn pending_fires_after_for_and_is_dropped_silently() {
        let mut alerts = Alerts::default();
        let terms = Terms {
            hold: 20,
            ..Terms::default()
        };
        for (t, present, want) in [
            (0, true, vec![Pending]),
            (10, false, vec![]),
            (20, true, vec![Pending]),
            (30, true, vec![Pending]),
            (40, true, vec![Firing]),
            (50, false, vec![Resolved]),
            (60, true, vec![Pending]),
        ] {
            let now = present.then(|| found("x", 1.0)).into_iter().collect();
            alerts.step(now, t, terms).unwrap();
            assert_eq!(states(&alerts), want, "at {t}");
        }
    }

    #[test]
    fn keep_firing_for_bridges_gaps_only() {
        let mut alerts = Alerts::default();
        let terms = Terms {
            keep_firing: 20,
            ..Terms::default()
        };
        for (t, present, want) in [
            (0, true, Firing),
            (10, false, Firing),
            (20, true, Firing),
            (30, false, Firing),
            (40, false, Firing),
            (50, false, Resolved),
        ] {
            let now = present.then(|| found("x", 1.0)).into_iter().collect();
            alerts.step(now, t, terms).unwrap();
            assert_eq!(states(&alerts), [want], "at {t}");
        }
    }

    #[test]
    fn a_raised_for_makes_it_pending_again() {
        let mut alerts = Alerts::default();
        alerts
            .step(vec![found("x", 1.0)], 0, Terms::default())
            .unwrap();
        assert_eq!(states(&alerts), [Firing]);
        let longer = Terms {
            hold: 100,
            ..Terms::default()
        };
        alerts.step(vec![found("x", 1.0)], 10, longer).unwrap();
        assert_eq!(states(&alerts), [Pending]);
    }

    #[test]
    fn equal_labels_change_nothing_and_the_limit_clears() {
        let mut alerts = Alerts::default();
        let terms = Terms {
            limit: 2,
            ..Terms::default()
        };
        alerts.step(vec![found("x", 1.0)], 0, terms).unwrap();
        let twice = vec![found("y", 1.0), found("y", 2.0)];
        assert_eq!(alerts.step(twice, 1, terms), Err(SAME_LABELS.to_owned()));
        assert_eq!(states(&alerts), [Firing]);
        let many = ["a", "b", "c"].map(|n| found(n, 1.0)).to_vec();
        let said = alerts.step(many, 2, terms).unwrap_err();
        assert_eq!(said, "exceeded limit of 2 with 3 alerts");
        assert_eq!(states(&alerts), []);
    }

    #[test]
    fn what_fires_is_told_again_and_what_ends_at_once() {
        let mut alerts = Alerts::default();
        let minute = 60_000;
        let mut told = Vec::new();
        for step in 0..20 {
            let t = step * 15_000;
            let now = (step < 9).then(|| found("x", 1.0)).into_iter().collect();
            alerts.step(now, t, Terms::default()).unwrap();
            for alert in alerts.due(t, minute, 15_000) {
                told.push((step, alert.state));
                assert_eq!(alert.valid_until, t + 4 * minute);
            }
        }
        assert_eq!(
            told,
            [
                (0, Firing),
                (5, Firing),
                (9, Resolved),
                (14, Resolved),
                (19, Resolved)
            ]
        );
    }

    #[test]
    fn the_resolved_are_kept_for_a_quarter_of_an_hour() {
        let mut alerts = Alerts::default();
        let terms = Terms::default();
        alerts.step(vec![found("x", 1.0)], 0, terms).unwrap();
        alerts.step(vec![], 1, terms).unwrap();
        alerts
            .step(vec![], RESOLVED_RETENTION_MS + 1, terms)
            .unwrap();
        assert_eq!(states(&alerts), [Resolved]);
        alerts
            .step(vec![], RESOLVED_RETENTION_MS + 2, terms)
            .unwrap();
        assert_eq!(states(&alerts), []);
    }
}
