//! Inhibition: an alert is quiet while another says more.
//!
//! Source: Alertmanager `inhibit/inhibit.go`.

use crate::config::alertmanager::InhibitRule;
use crate::model::alert::Alert;
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use std::collections::HashMap;

/// The sources that fire at one time, found by what must be equal.
#[derive(Default)]
pub struct Sources<'a> {
    rules: Vec<(&'a InhibitRule, ByEqual)>,
}

/// Sources by the values of the labels that must be equal.
type ByEqual = HashMap<Vec<String>, Vec<Source>>;

#[derive(Clone, Copy)]
struct Source {
    fingerprint: u64,
    /// It is on the other side of its rule too.
    both: bool,
}

impl<'a> Sources<'a> {
    pub fn new<'b>(
        rules: &'a [InhibitRule],
        alerts: impl Iterator<Item = (u64, &'b Alert)> + Clone,
        now: i64,
    ) -> Self {
        let of_rule = |rule: &'a InhibitRule| {
            let mut found = ByEqual::new();
            for (fingerprint, alert) in alerts.clone() {
                if alert.is_resolved_at(now) || !fit(&rule.source, &alert.labels) {
                    continue;
                }
                let both = fit(&rule.target, &alert.labels);
                let source = Source { fingerprint, both };
                found
                    .entry(equal(rule, &alert.labels))
                    .or_default()
                    .push(source);
            }
            (rule, found)
        };
        Self {
            rules: rules.iter().map(of_rule).collect(),
        }
    }

    /// The alerts that inhibit one, by fingerprint, at most one of each rule.
    pub fn inhibiting(&self, labels: &Labels) -> Vec<u64> {
        let mut out = Vec::new();
        for (rule, found) in &self.rules {
            if !fit(&rule.target, labels) {
                continue;
            }
            let both = fit(&rule.source, labels);
            let sources = found.get(&equal(rule, labels)).into_iter().flatten();
            let source = sources.into_iter().find(|s| !(both && s.both));
            out.extend(source.map(|s| s.fingerprint));
        }
        out.sort_unstable();
        out.dedup();
        out
    }
}

fn fit(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| m.matches_labels(labels))
}

fn equal(rule: &InhibitRule, labels: &Labels) -> Vec<String> {
    rule.equal
        .iter()
        .map(|n| labels.get(n).to_owned())
        .collect()
}
