//! One turn of a group: who is quiet and why, what is news, which sends begin, how they end.

use crate::alert::acknowledge::Seen;
use crate::alert::inhibit::Sources;
use crate::alert::pipeline::{Core, GroupId, Job, Outcome, Waiting};
use crate::alert::sent::{self, Entry, Reason, Standing};
use crate::config::alertmanager::{Alertmanager, Integration, Route};
use crate::model::alert::{Alert, AlertState};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A send is tried at least this long, in milliseconds.
const LEAST_TIME: i64 = 10_000;
/// The first pause between two tries; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: i64 = 1_000;
const LONGEST_PAUSE: i64 = 60_000;
/// A try of which nothing was heard so long after its deadline has broken off.
const LOST: i64 = 60_000;
const FORGET_EVERY: i64 = 900_000;

/// Why nobody is told of an alert now.
#[derive(Clone, Debug, Default)]
pub(super) struct Quiet {
    pub(super) inhibited_by: Vec<u64>,
    pub(super) silenced_by: Vec<String>,
}

impl Quiet {
    pub(super) fn is_quiet(&self) -> bool {
        !self.inhibited_by.is_empty() || !self.silenced_by.is_empty()
    }
}

/// One group at its turn, with the alerts of which somebody may be told.
struct Turn<'a> {
    id: &'a GroupId,
    route: &'a Route,
    told: &'a [(u64, Alert)],
    now: i64,
}

impl Turn<'_> {
    /// The firing ones, or the resolved ones.
    fn members(&self, resolved: bool) -> BTreeSet<u64> {
        let hits = self.told.iter();
        let hits = hits.filter(|(_, a)| (a.state == AlertState::Resolved) == resolved);
        hits.map(|(f, _)| *f).collect()
    }
}

/// The time interval that mutes a route now.
pub fn muted_by(config: &Alertmanager, route: &Route, now: i64) -> Vec<String> {
    let contains = |name: &String| config.interval(name).is_some_and(|i| i.contains(now));
    let muting = route.mute.iter().filter(|n| contains(n)).cloned();
    let mut out: Vec<String> = muting.collect();
    if !route.active.is_empty() && !route.active.iter().any(contains) {
        out.extend(route.active.iter().cloned());
    }
    out
}

impl Core {
    pub(super) fn due(&mut self, now: i64) -> Vec<Job> {
        self.follow_clock(now);
        let config = Arc::clone(&self.config);
        let turns: Vec<GroupId> = self
            .groups
            .iter()
            .filter(|(_, g)| g.open == 0 && g.next <= now)
            .map(|(id, _)| id.clone())
            .collect();
        if !turns.is_empty() {
            let alerts = self.alerts.iter().map(|(f, h)| (*f, &h.alert));
            let sources = Sources::new(&config.inhibit, alerts, now);
            for id in turns {
                self.flush(&id, &sources, now);
            }
        }
        self.look_at_silences(now);
        let mut out = Vec::new();
        let broken = |w: &Waiting| w.next_try.is_none() && w.job.deadline + LOST < now;
        let lost: Vec<u64> = self
            .jobs
            .values()
            .filter(|w| broken(w))
            .map(|w| w.job.id)
            .collect();
        for id in lost {
            let said = "the send broke off".to_owned();
            self.done(id, Outcome::Refused { said }, now);
        }
        for waiting in self.jobs.values_mut() {
            if waiting.next_try.is_some_and(|t| t <= now) {
                waiting.next_try = None;
                waiting.began = now;
                waiting.job.attempt += 1;
                out.push(waiting.job.clone());
            }
        }
        if now - self.last_forget > FORGET_EVERY {
            self.last_forget = now;
            self.forget(now);
        }
        out
    }

    fn flush(&mut self, id: &GroupId, sources: &Sources<'_>, now: i64) {
        let config = Arc::clone(&self.config);
        let route = self.tree.nodes[id.node].route.clone();
        let interval = route.group_interval.as_millis() as i64;
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        group.next = now + interval;
        group.flushed = true;
        group.failed = false;
        let members: Vec<u64> = group.members.iter().copied().collect();
        let mut alerts = Vec::new();
        let mut leaving = Vec::new();
        for fingerprint in members {
            let Some(held) = self.alerts.get_mut(&fingerprint) else {
                continue;
            };
            if held.alert.state == AlertState::Firing && held.alert.is_resolved_at(now) {
                held.alert.state = AlertState::Resolved;
                self.tell_story(
                    fingerprint,
                    now,
                    "rule",
                    "resolved: nobody told of it in time",
                );
            }
            let Some(held) = self.alerts.get(&fingerprint) else {
                continue;
            };
            let alert = held.alert.clone();
            let resolved = alert.state == AlertState::Resolved;
            let state = self.state.clone();
            let seen = Seen {
                resolved,
                now,
                interval,
            };
            if self.acknowledged.seen(fingerprint, &seen, &state) {
                self.tell_story(
                    fingerprint,
                    now,
                    "acknowledge",
                    "ended: it was resolved for long",
                );
            }
            if resolved {
                leaving.push((fingerprint, alert.updated_at));
            }
            alerts.push((fingerprint, alert));
        }
        let mute = muted_by(&config, &route, now);
        let told = self.audible(&alerts, sources, &mute, now);
        self.resolved_in_silence(&alerts, now);
        if let Some(group) = self.groups.get_mut(id) {
            group.leaving = leaving;
        }
        let integrations = config
            .receiver(&route.receiver)
            .map_or(0, |r| r.integrations.len());
        for integration in 0..integrations {
            let turn = Turn {
                id,
                route: &route,
                told: &told,
                now,
            };
            self.begin(&turn, integration);
        }
        self.end_turn(id, now);
    }

    /// The alerts of a group that nothing keeps quiet.
    fn audible(
        &mut self,
        alerts: &[(u64, Alert)],
        sources: &Sources<'_>,
        mute: &[String],
        now: i64,
    ) -> Vec<(u64, Alert)> {
        let mut out = Vec::new();
        for (fingerprint, alert) in alerts {
            let quiet = Quiet {
                inhibited_by: sources.inhibiting(&alert.labels),
                silenced_by: self.silences.muting(&alert.labels, now),
            };
            let inhibited: Vec<String> =
                quiet.inhibited_by.iter().map(|f| self.called(*f)).collect();
            let mut say = |stage: &str, list: &[String], none: &str, some: &str| {
                let said = if list.is_empty() {
                    none.to_owned()
                } else {
                    format!("{some} {}", list.join(", "))
                };
                self.tell_story(*fingerprint, now, stage, &said);
            };
            say("inhibit", &inhibited, "not inhibited", "inhibited by");
            say("mute", mute, "not muted", "muted by the time interval");
            say("silence", &quiet.silenced_by, "not silenced", "silenced by");
            if !quiet.is_quiet() && mute.is_empty() {
                out.push((*fingerprint, alert.clone()));
            }
        }
        out
    }

    fn called(&self, fingerprint: u64) -> String {
        let name = self.alerts.get(&fingerprint).map_or("", |h| h.alert.name());
        format!("{name} ({fingerprint:016x})")
    }

    /// Decides on one integration, and begins its send where there is news.
    fn begin(&mut self, turn: &Turn<'_>, integration: usize) {
        let config = Arc::clone(&self.config);
        let found = config.receiver(&turn.route.receiver);
        let (Some(way), Some(group)) = (
            found.and_then(|r| r.integrations.get(integration)),
            self.groups.get(turn.id),
        ) else {
            return;
        };
        if turn.told.is_empty() {
            return;
        }
        let entry = sent::name(&group.key, &turn.route.receiver, &way.name());
        let (key, labels) = (group.key.clone(), group.labels.clone());
        let (firing, resolved) = (turn.members(false), turn.members(true));
        let last = self.sent.get(&entry).cloned();
        let Some(reason) = self.decide(turn, way, last.as_ref(), (&firing, &resolved)) else {
            return;
        };
        let number = last.as_ref().map_or(0, |l| l.number) + 1;
        let text = format!("{entry} {number} {firing:?} {resolved:?}");
        let alerts = turn
            .told
            .iter()
            .filter(|(f, _)| way.send_resolved || firing.contains(f))
            .map(|(_, a)| a.clone())
            .collect::<Vec<_>>();
        let job = Job {
            id: self.next_job,
            group: turn.id.clone(),
            group_key: key,
            group_labels: labels,
            route_labels: turn.route.labels.clone(),
            receiver: turn.route.receiver.clone(),
            integration,
            alerts,
            reason,
            key: format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes())),
            memo: last.map(|l| l.memo).unwrap_or_default(),
            attempt: 0,
            deadline: turn.now + (turn.route.group_interval.as_millis() as i64).max(LEAST_TIME),
            notice: None,
            entry,
            firing,
            resolved,
        };
        self.next_job += 1;
        if job.alerts.is_empty() {
            // All is resolved and this one does not want to hear of it: only the record moves on.
            self.record(&job, String::new(), turn.now);
            return;
        }
        if self.must_wait(turn, &job.entry) {
            return;
        }
        if let Some(group) = self.groups.get_mut(turn.id) {
            group.open += 1;
        }
        let next_try = Some(turn.now);
        let waiting = Waiting {
            job,
            next_try,
            began: turn.now,
        };
        self.jobs.insert(waiting.job.id, waiting);
    }

    /// The receiver named a time before which it wants no further try: the group's turns until then
    /// pass it over, and what is resolved stays for it. Not kept over a restart.
    fn must_wait(&mut self, turn: &Turn<'_>, entry: &str) -> bool {
        let Some(until) = self.asked.get(entry).copied() else {
            return false;
        };
        if until <= turn.now {
            self.asked.remove(entry);
            return false;
        }
        let left = (until - turn.now + 999) / 1000;
        let said = format!(
            "{} is not tried: it asked to wait for another {left} s",
            turn.route.receiver
        );
        for (fingerprint, _) in turn.told {
            self.tell_story(*fingerprint, turn.now, "send", &said);
        }
        if let Some(group) = self.groups.get_mut(turn.id) {
            group.failed = true;
        }
        true
    }

    /// Why this integration is told now; `None` where it is not, and the alerts' stories say why.
    fn decide(
        &mut self,
        turn: &Turn<'_>,
        way: &Integration,
        last: Option<&Entry>,
        (firing, resolved): (&BTreeSet<u64>, &BTreeSet<u64>),
    ) -> Option<Reason> {
        let acknowledged: BTreeSet<u64> = firing
            .iter()
            .copied()
            .filter(|f| self.acknowledged.of(*f, turn.now).is_some())
            .collect();
        let decided = sent::decide(
            last,
            &Standing {
                firing,
                resolved,
                acknowledged: &acknowledged,
                send_resolved: way.send_resolved,
                repeat: turn.route.repeat_interval.as_millis() as i64,
                now: turn.now,
            },
        );
        let stage = format!("group {}/{}", turn.route.receiver, way.name());
        let said = match &decided {
            Ok(reason) => reason.as_str(),
            Err(why) => why,
        };
        for (fingerprint, _) in turn.told {
            self.tell_story(*fingerprint, turn.now, &stage, said);
        }
        decided.ok()
    }

    fn record(&mut self, job: &Job, memo: String, now: i64) {
        let last = self.sent.get(&job.entry);
        let entry = Entry {
            number: last.map_or(0, |l| l.number) + 1,
            at: now,
            firing: job.firing.clone(),
            resolved: job.resolved.clone(),
            memo,
        };
        let state = self.state.clone();
        let written = self.sent.set(&job.entry, entry, &state);
        self.note(written);
    }

    pub(super) fn done(&mut self, id: u64, outcome: Outcome, now: i64) {
        let Some(waiting) = self.jobs.remove(&id) else {
            return;
        };
        let (job, began) = (waiting.job, waiting.began);
        if let Some(notice) = job.notice.clone() {
            return self.noticed(job, &notice, outcome, now);
        }
        let config = Arc::clone(&self.config);
        let way = config
            .receiver(&job.receiver)
            .and_then(|r| r.integrations.get(job.integration))
            .map_or_else(String::new, |w| w.name());
        let name = (job.receiver.clone(), way.clone());
        let counts = self.counts.entry(name).or_default();
        counts.took(now - began);
        let (said, ended) = match outcome {
            Outcome::Sent { said, memo } => {
                counts.sent += 1;
                counts.alerts += job.alerts.len() as u64;
                counts.last_sent = now;
                self.record(&job, memo, now);
                (format!("told {}: {said}", job.receiver), Some(true))
            }
            Outcome::Refused { said } => {
                counts.failed += 1;
                counts.last_failed = now;
                counts.last_error = format!("{said}; tried again at the group's next turn");
                (
                    format!("{} did not take it: {said}", job.receiver),
                    Some(false),
                )
            }
            Outcome::Retry { said, after } => {
                counts.failed += 1;
                counts.last_failed = now;
                let doubled = FIRST_PAUSE << job.attempt.saturating_sub(1).min(10);
                let pause = doubled.min(LONGEST_PAUSE).max(after.unwrap_or(0));
                let over = now + pause >= job.deadline;
                let turn = "the group's next turn";
                counts.last_error = match after.filter(|_| over) {
                    Some(ms) => {
                        self.asked.insert(job.entry.clone(), now + ms);
                        let seconds = (ms + 999) / 1000;
                        format!("{said}; tried again at {turn} after the {seconds} s it asked for")
                    }
                    None if over => format!("{said}; tried again at {turn}"),
                    None => format!("{said}; tried again in {} s", (pause + 999) / 1000),
                };
                let said = format!("{} did not take it: {}", job.receiver, counts.last_error);
                let wait = (!over).then_some(now + pause);
                let fingerprints: Vec<u64> = job.alerts.iter().map(Alert::fingerprint).collect();
                if let Some(next) = wait {
                    for fingerprint in fingerprints {
                        self.tell_story(fingerprint, now, "send", &said);
                    }
                    let next_try = Some(next);
                    let waiting = Waiting {
                        job,
                        next_try,
                        began,
                    };
                    self.jobs.insert(id, waiting);
                    return;
                }
                (said, Some(false))
            }
        };
        let fingerprints: Vec<u64> = job.alerts.iter().map(Alert::fingerprint).collect();
        for fingerprint in &fingerprints {
            self.tell_story(*fingerprint, now, "send", &format!("{said} ({way})"));
        }
        self.keep(&fingerprints);
        if let Some(group) = self.groups.get_mut(&job.group) {
            group.open = group.open.saturating_sub(1);
            group.failed |= ended != Some(true);
        }
        self.end_turn(&job.group, now);
    }

    /// Once every send of a turn has ended well, resolved alerts leave the group.
    fn end_turn(&mut self, id: &GroupId, now: i64) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        if group.open > 0 || group.failed {
            return;
        }
        let leaving = std::mem::take(&mut group.leaving);
        let mut gone = Vec::new();
        for (fingerprint, updated_at) in leaving {
            let same = self.alerts.get(&fingerprint).is_none_or(|h| {
                h.alert.state == AlertState::Resolved && h.alert.updated_at == updated_at
            });
            if same && let Some(group) = self.groups.get_mut(id) {
                group.members.remove(&fingerprint);
                gone.push(fingerprint);
            }
        }
        if self.groups.get(id).is_some_and(|g| g.members.is_empty()) {
            self.groups.remove(id);
        }
        for fingerprint in gone {
            let Some(held) = self.alerts.get_mut(&fingerprint) else {
                continue;
            };
            held.groups.retain(|g| g != id);
            if held.groups.is_empty() && held.alert.is_resolved_at(now) {
                if let Some(held) = self.alerts.remove(&fingerprint) {
                    self.past.keep(fingerprint, held);
                }
                let removed = self.state.remove(
                    crate::alert::pipeline::ALERT_KIND,
                    &format!("{fingerprint:016x}"),
                );
                self.note(removed.map_err(|e| format!("alerts cannot be kept: {e}")));
            }
        }
    }

    fn forget(&mut self, now: i64) {
        let state = self.state.clone();
        self.silences.forget(now, &state);
        self.sent.forget(now, &state);
        self.notices.forget(now, &state);
        self.asked.retain(|_, until| *until > now);
        let longest = self.tree.nodes.iter().map(|n| n.route.group_interval).max();
        let longest = longest.map_or(0, |d| d.as_millis() as i64);
        self.acknowledged.forget(now, longest, &state);
    }
}
