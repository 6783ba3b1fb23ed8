//! What consoles and the API see of the pipeline.

use crate::alert::inhibit::Sources;
use crate::alert::pipeline::flush::muted_by;
use crate::alert::pipeline::{Core, Held, Pipeline};
use crate::alert::sent;
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::view::{ReceiverRow, SilenceRow, Standing, StoryStep};
use crate::wire::alertmanager_json::{
    AlertGroup, AlertStatus, GettableAlert, Named, Silence, pairs,
};

impl Pipeline {
    /// The alerts held now, with what routing made of each.
    pub fn standings(&self, now: i64) -> Vec<(Alert, Standing)> {
        let core = self.0.core.lock();
        let sources = core.sources(now);
        let rows = core.alerts.iter();
        rows.map(|(f, held)| (held.alert.clone(), core.standing(*f, held, &sources, now)))
            .collect()
    }

    /// How many alerts that are held fire.
    pub fn firing(&self, now: i64) -> u64 {
        let core = self.0.core.lock();
        let firing = core
            .alerts
            .values()
            .filter(|h| !h.alert.is_resolved_at(now));
        firing.count() as u64
    }

    /// One alert with how it stands and what was decided on it, oldest first; `None` where it is
    /// not held.
    pub fn held(&self, fingerprint: u64, now: i64) -> Option<(Alert, Standing, Vec<StoryStep>)> {
        let core = self.0.core.lock();
        let held = core.alerts.get(&fingerprint)?;
        let standing = core.standing(fingerprint, held, &core.sources(now), now);
        let steps = held.story.iter().cloned().collect();
        Some((held.alert.clone(), standing, steps))
    }

    /// An alert that ended and was let go, as it was then, and what was decided on it.
    pub fn past(&self, fingerprint: u64) -> Option<(Alert, Vec<StoryStep>)> {
        self.0.core.lock().past.of(fingerprint)
    }

    /// What routing would make of an alert with these labels that began to fire now.
    pub fn would(&self, labels: &Labels, now: i64) -> Standing {
        let core = self.0.core.lock();
        let inhibiting = core.sources(now).inhibiting(labels);
        let mut out = Standing {
            silenced_by: core.silences.muting(labels, now),
            inhibited_by: inhibiting.iter().map(|f| format!("{f:016x}")).collect(),
            ..Standing::default()
        };
        for at in core.tree.takers(labels) {
            let node = &core.tree.nodes[at];
            if !out.receivers.contains(&node.route.receiver) {
                out.receivers.push(node.route.receiver.clone());
            }
            out.groups.push(node.group_key(&node.group_labels(labels)));
            out.muted_by
                .extend(muted_by(&core.config, &node.route, now));
        }
        out.muted_by.sort();
        out.muted_by.dedup();
        out
    }

    pub fn receivers(&self) -> Vec<ReceiverRow> {
        let core = self.0.core.lock();
        let mut out = Vec::new();
        for receiver in &core.config.receivers {
            for (at, way) in receiver.integrations.iter().enumerate() {
                let name = (receiver.name.clone(), way.name());
                let counts = core.counts.get(&name).cloned().unwrap_or_default();
                let waiting = core
                    .jobs
                    .values()
                    .filter(|w| w.job.receiver == receiver.name && w.job.integration == at);
                let tries = (counts.sent + counts.failed).max(1);
                out.push(ReceiverRow {
                    alerts: counts.alerts,
                    took_ms: counts.took_ms / tries,
                    slowest_ms: counts.slowest_ms,
                    receiver: name.0,
                    integration: name.1,
                    sent: counts.sent,
                    failed: counts.failed,
                    last_sent: counts.last_sent,
                    last_failed: counts.last_failed,
                    last_error: counts.last_error,
                    waiting: waiting.count() as u64,
                });
            }
        }
        out
    }

    pub fn silence_rows(&self, now: i64) -> Vec<SilenceRow> {
        let core = self.0.core.lock();
        let mut rows: Vec<SilenceRow> = core
            .silences
            .all()
            .map(|kept| {
                let active = kept.is_active(now);
                let firing = core
                    .alerts
                    .values()
                    .filter(|h| !h.alert.is_resolved_at(now));
                let muted = firing.filter(|h| active && kept.matches(&h.alert.labels));
                SilenceRow {
                    id: kept.silence.id.clone(),
                    matchers: kept.silence.matchers.iter().map(|m| m.shown()).collect(),
                    starts_at: kept.silence.starts_at,
                    ends_at: kept.silence.ends_at,
                    created_by: kept.silence.created_by.clone(),
                    comment: kept.silence.comment.clone(),
                    state: kept.state(now).to_owned(),
                    mutes: muted.count() as u64,
                }
            })
            .collect();
        rows.sort_by_key(|row| {
            let order = ["active", "pending", "expired"];
            let rank = order.iter().position(|s| *s == row.state);
            (rank, row.ends_at, row.id.clone())
        });
        rows
    }

    /// For the API: every silence, and one.
    pub fn silences(&self, now: i64) -> Vec<Silence> {
        let core = self.0.core.lock();
        core.silences.all().map(|kept| kept.at(now)).collect()
    }

    pub fn silence_by_id(&self, id: &str, now: i64) -> Option<Silence> {
        let core = self.0.core.lock();
        core.silences.get(id).map(|kept| kept.at(now))
    }

    /// For the API: the alerts that have not ended.
    pub fn alerts(&self, now: i64) -> Vec<GettableAlert> {
        let core = self.0.core.lock();
        let sources = core.sources(now);
        let live = core
            .alerts
            .iter()
            .filter(|(_, h)| !h.alert.is_resolved_at(now));
        let mut out: Vec<GettableAlert> = live
            .map(|(f, held)| core.gettable(*f, held, &sources, now))
            .collect();
        out.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
        out
    }

    /// For the API: groups with their alerts.
    pub fn groups(&self, now: i64) -> Vec<AlertGroup> {
        let core = self.0.core.lock();
        let sources = core.sources(now);
        let mut out = Vec::new();
        for (id, group) in &core.groups {
            let route = &core.tree.nodes[id.node].route;
            let members = group.members.iter();
            let held = members.filter_map(|f| Some((*f, core.alerts.get(f)?)));
            let live = held.filter(|(_, h)| !h.alert.is_resolved_at(now));
            let alerts: Vec<GettableAlert> = live
                .map(|(f, held)| core.gettable(f, held, &sources, now))
                .collect();
            if alerts.is_empty() {
                continue;
            }
            out.push(AlertGroup {
                labels: pairs(&group.labels),
                receiver: Named {
                    name: route.receiver.clone(),
                },
                route_labels: route.labels.clone(),
                alerts,
            });
        }
        out.sort_by(|a, b| (&a.labels, &a.receiver.name).cmp(&(&b.labels, &b.receiver.name)));
        out
    }
}

impl Core {
    fn sources(&self, now: i64) -> Sources<'_> {
        let alerts = self.alerts.iter().map(|(f, h)| (*f, &h.alert));
        Sources::new(&self.config.inhibit, alerts, now)
    }

    fn standing(&self, fingerprint: u64, held: &Held, sources: &Sources<'_>, now: i64) -> Standing {
        let inhibiting = sources.inhibiting(&held.alert.labels);
        let mut out = Standing {
            silenced_by: self.silences.muting(&held.alert.labels, now),
            inhibited_by: inhibiting.iter().map(|f| format!("{f:016x}")).collect(),
            acknowledged: self.acknowledged.of(fingerprint, now).map(|k| k.view()),
            ..Standing::default()
        };
        for id in &held.groups {
            let route = &self.tree.nodes[id.node].route;
            let Some(group) = self.groups.get(id) else {
                continue;
            };
            if !out.receivers.contains(&route.receiver) {
                out.receivers.push(route.receiver.clone());
            }
            out.groups.push(group.key.clone());
            out.muted_by.extend(muted_by(&self.config, route, now));
            let ways = self.config.receiver(&route.receiver);
            for way in ways.iter().flat_map(|r| &r.integrations) {
                let entry = sent::name(&group.key, &route.receiver, &way.name());
                let Some(last) = self.sent.get(&entry) else {
                    continue;
                };
                if last.firing.contains(&fingerprint) {
                    out.last_sent = out.last_sent.max(last.at);
                    out.next_reminder = next_reminder(group.next, last.at, route);
                }
            }
        }
        out.muted_by.sort();
        out.muted_by.dedup();
        let firing = held.alert.state == AlertState::Firing;
        if out.acknowledged.is_some() || out.is_muted() || !firing {
            out.next_reminder = 0;
        }
        out
    }

    fn gettable(
        &self,
        fingerprint: u64,
        held: &Held,
        sources: &Sources<'_>,
        now: i64,
    ) -> GettableAlert {
        let standing = self.standing(fingerprint, held, sources, now);
        let suppressed = !standing.silenced_by.is_empty() || !standing.inhibited_by.is_empty();
        let state = match (suppressed, held.groups.is_empty()) {
            (true, _) => "suppressed",
            (false, true) => "unprocessed",
            (false, false) => "active",
        };
        let receivers = standing.receivers.into_iter().map(|name| Named { name });
        GettableAlert {
            annotations: pairs(&held.alert.annotations),
            ends_at: held.alert.ends_at,
            fingerprint: format!("{fingerprint:016x}"),
            receivers: receivers.collect(),
            starts_at: held.alert.starts_at,
            status: AlertStatus {
                state: state.to_owned(),
                silenced_by: standing.silenced_by,
                inhibited_by: standing.inhibited_by,
                muted_by: standing.muted_by,
            },
            updated_at: held.alert.updated_at,
            generator_url: held.alert.generator_url.clone(),
            labels: pairs(&held.alert.labels),
        }
    }
}

/// The group's first turn after the time of repetition.
fn next_reminder(turn: i64, last: i64, route: &crate::config::alertmanager::Route) -> i64 {
    let repeat = last + route.repeat_interval.as_millis() as i64;
    let interval = (route.group_interval.as_millis() as i64).max(1);
    if turn >= repeat {
        return turn;
    }
    turn + (repeat - turn + interval - 1) / interval * interval
}
