//! What is known of rules and alerts, for those who look: written after each evaluation of a group,
//! read at any time without waiting for one.

use crate::alert::eval::LiveAlert;
use crate::alert::rules::{Group, Settings, link, told};
use crate::config::rules::RuleKind;
use crate::model::alert::{ALERT_NAME, AlertState, gravity};
use crate::model::labels::Labels;
use crate::model::view::{
    AlertCounts, AlertRow, AlertsView, RuleGroupRow, RuleHealth, RuleRow, Standing,
};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Rows of one view: what a console can carry.
pub const CONSOLE_ROWS: usize = 2000;

/// The newest state of all groups.
#[derive(Default)]
pub struct Board {
    groups: Mutex<Vec<Arc<Shown>>>,
    fired: AtomicU64,
    /// When a rule was evaluated last and did not fail; 0 is never.
    good_at: AtomicI64,
}

/// One group as of its last evaluation.
pub(crate) struct Shown {
    row: RuleGroupRow,
    /// With the number of their rule.
    alerts: Vec<(usize, LiveAlert)>,
    settings: Settings,
}

impl Shown {
    pub(crate) fn of(group: &Group, settings: &Settings) -> Self {
        let mut alerts = Vec::new();
        let mut rules = Vec::with_capacity(group.rules.len());
        for (i, state) in group.rules.iter().enumerate() {
            alerts.extend(state.alerts.iter().map(|a| (i, a.clone())));
            let count = |wanted| state.alerts.iter().filter(|a| a.state == wanted).count() as u64;
            let rule = &state.rule.rule;
            let (for_ms, keep_firing_for_ms) = state.rule.hold_and_keep();
            let annotations = match &rule.kind {
                RuleKind::Record => Labels::empty(),
                RuleKind::Alert { annotations, .. } => Labels::from_pairs(annotations.clone()),
            };
            rules.push(RuleRow {
                name: rule.name.clone(),
                expr: rule.expr.clone(),
                alerts: state.rule.rule.alerts(),
                for_ms,
                keep_firing_for_ms,
                labels: Labels::from_pairs(rule.labels.clone()),
                annotations,
                health: state.health,
                error: state.error.clone(),
                last_evaluation: state.last_evaluation,
                seconds: state.seconds,
                series: state.series,
                firing: count(AlertState::Firing),
                pending: count(AlertState::Pending),
            });
        }
        let row = RuleGroupRow {
            name: group.spec.name.clone(),
            file: group.spec.file.display().to_string(),
            interval_ms: group.interval,
            limit: group.spec.limit,
            query_offset_ms: group.offset,
            language: group.spec.language,
            last_evaluation: group.last_evaluation,
            seconds: group.seconds,
            missed: group.missed,
            rules,
        };
        Self {
            row,
            alerts,
            settings: settings.clone(),
        }
    }

    fn alert_row(&self, rule: usize, alert: &LiveAlert, t: i64) -> Option<AlertRow> {
        let rule = self.row.rules.get(rule)?;
        let told = told(alert, &link(&rule.expr, &self.settings), t, &self.settings);
        Some(AlertRow {
            fingerprint: told.fingerprint(),
            alert: told,
            active_at: alert.active_at,
            group: self.row.name.clone(),
            file: self.row.file.clone(),
            expr: rule.expr.clone(),
            language: self.row.language,
            for_ms: rule.for_ms,
            standing: Standing::default(),
        })
    }
}

impl Board {
    pub(crate) fn replace(&self, groups: Vec<Shown>) {
        *self.groups.lock() = groups.into_iter().map(Arc::new).collect();
    }

    pub(crate) fn publish(&self, at: usize, shown: Shown) {
        let good = shown
            .row
            .rules
            .iter()
            .filter(|r| r.health == RuleHealth::Ok);
        self.note_good(good.map(|r| r.last_evaluation).max().unwrap_or(0));
        if let Some(place) = self.groups.lock().get_mut(at) {
            *place = Arc::new(shown);
        }
    }

    pub(crate) fn count_fired(&self, n: u64) {
        self.fired.fetch_add(n, Ordering::Relaxed);
    }

    /// A rule was evaluated at `t`.
    pub(crate) fn note_good(&self, t: i64) {
        self.good_at.fetch_max(t, Ordering::Relaxed);
    }

    /// Whether a rule was evaluated and did not fail within two of the shortest intervals of a
    /// group and `grace` more, in milliseconds.
    pub fn is_watching(&self, now: i64, grace: i64) -> bool {
        let good_at = self.good_at.load(Ordering::Relaxed);
        let groups = self.groups.lock();
        let shortest = groups.iter().map(|g| g.row.interval_ms).min();
        good_at > 0 && now - good_at <= 2 * shortest.unwrap_or(0) + grace
    }

    pub fn counts(&self) -> AlertCounts {
        let groups = self.groups.lock();
        let rules = || groups.iter().flat_map(|g| &g.row.rules);
        AlertCounts {
            firing: rules().map(|r| r.firing).sum(),
            pending: rules().map(|r| r.pending).sum(),
            begun: self.fired.load(Ordering::Relaxed),
        }
    }

    /// Every alert that pends or fires, with the labels that its rule gave it and no others.
    pub fn standing(&self, now: i64) -> Vec<AlertRow> {
        let groups = self.groups.lock().clone();
        let mut out = Vec::new();
        for group in &groups {
            let standing = group.alerts.iter();
            let standing = standing.filter(|(_, a)| a.state != AlertState::Resolved);
            out.extend(standing.filter_map(|(rule, a)| {
                let mut row = group.alert_row(*rule, a, now)?;
                row.alert.labels = a.labels.clone();
                Some(row)
            }));
        }
        out
    }

    /// One alert that pends, fires or was lately resolved, as others are told of it.
    pub fn find(&self, fingerprint: u64, now: i64) -> Option<AlertRow> {
        let groups = self.groups.lock().clone();
        let mut rows = groups.iter().flat_map(|g| {
            let alerts = g.alerts.iter();
            alerts.filter_map(|(rule, a)| g.alert_row(*rule, a, now))
        });
        rows.find(|row| row.fingerprint == fingerprint)
    }

    pub fn rules(&self) -> Vec<RuleGroupRow> {
        let groups = self.groups.lock().clone();
        groups.iter().map(|g| g.row.clone()).collect()
    }

    /// Labels and annotations of the alerts of this name that fire, as their rules made them.
    pub fn firing(&self, name: &str) -> Vec<(Labels, Labels)> {
        let groups = self.groups.lock().clone();
        let alerts = groups.iter().flat_map(|g| &g.alerts).map(|(_, a)| a);
        let wanted =
            alerts.filter(|a| a.state == AlertState::Firing && a.labels.get(ALERT_NAME) == name);
        wanted
            .map(|a| (a.labels.clone(), a.annotations.clone()))
            .collect()
    }

    /// The alerts that matter at `now`, the gravest first, at most `most` of them.
    pub fn alerts(&self, now: i64, most: usize) -> AlertsView {
        let groups = self.groups.lock().clone();
        let mut all: Vec<(&Shown, usize, &LiveAlert)> = Vec::new();
        for group in &groups {
            all.extend(group.alerts.iter().map(|(rule, a)| (&**group, *rule, a)));
        }
        let age = |a: &LiveAlert| std::cmp::Reverse(a.resolved_at.unwrap_or(a.active_at));
        all.sort_by_cached_key(|(_, _, a)| {
            let grave = gravity(a.labels.get("severity"));
            (std::cmp::Reverse(a.state), grave, age(a), a.labels.clone())
        });
        let left_out = all.len().saturating_sub(most) as u64;
        all.truncate(most);
        AlertsView {
            taken_at: now,
            rows: all
                .into_iter()
                .filter_map(|(group, rule, a)| group.alert_row(rule, a, now))
                .collect(),
            left_out,
            counts: self.counts(),
        }
    }
}
