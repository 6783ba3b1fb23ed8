//! When a notice is due, and to whom it goes.

use crate::alert::notice::{self, Notice, Wanted, What};
use crate::alert::notify::takes;
use crate::alert::pipeline::{Core, Counts, GroupId, Job, Outcome, Pipeline, Waiting};
use crate::alert::sent::{self, Reason};
use crate::base::units::format_duration_ms;
use crate::model::alert::{Alert, AlertState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long before its end a silence is spoken of, at most; short ones at a quarter of their time.
const BEFORE_END: i64 = 15 * 60_000;
/// Silences are looked at this often.
const LOOK_EVERY: i64 = 10_000;
/// Names of alerts in one line.
const NAMES: usize = 3;
/// A notice that was not taken is tried again after this, then after double of it.
const FIRST_PAUSE: i64 = 2_000;
const LONGEST_PAUSE: i64 = 300_000;

/// One piece of news, before it is known who hears of it.
pub(super) struct News<'a> {
    pub(super) what: What,
    pub(super) line: String,
    pub(super) by: &'a str,
    pub(super) note: &'a str,
    /// The same news has the same mark.
    pub(super) mark: String,
    pub(super) alerts: &'a [u64],
    pub(super) now: i64,
}

impl Pipeline {
    /// Which notices are told from now on.
    pub fn notices(&self, wanted: Wanted) {
        self.0.core.lock().wanted = wanted;
    }
}

impl Core {
    /// `DiskFull`, or `DiskFull, HostDown and 3 more`.
    pub(super) fn names(&self, alerts: &[u64]) -> String {
        let held = alerts.iter().filter_map(|f| self.alerts.get(f));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for held in held {
            *counts.entry(held.alert.name()).or_default() += 1;
        }
        let more = counts.len().saturating_sub(NAMES);
        let named = counts.iter().take(NAMES).map(|(name, n)| match n {
            1 => (*name).to_owned(),
            n => format!("{name} ({n} alerts)"),
        });
        let mut out = named.collect::<Vec<_>>().join(", ");
        if more > 0 {
            out.push_str(&format!(" and {more} more"));
        }
        out
    }

    /// Tells every integration that can take it and that heard of the alerts before.
    pub(super) fn announce(&mut self, news: &News<'_>) {
        let wanted = match news.what {
            What::Acknowledged { .. } | What::TakenBack => self.wanted.acknowledge,
            What::SilenceEnds | What::ResolvedInSilence => self.wanted.silence,
        };
        if !wanted {
            return;
        }
        let held = news.alerts.iter().filter_map(|f| self.alerts.get(f));
        let groups: BTreeSet<GroupId> = held.flat_map(|h| h.groups.iter().cloned()).collect();
        let config = Arc::clone(&self.config);
        let mut new = Vec::new();
        for id in &groups {
            let Some(group) = self.groups.get(id) else {
                continue;
            };
            let receiver = &self.tree.nodes[id.node].route.receiver;
            let ways = config.receiver(receiver).into_iter();
            for way in ways.flat_map(|r| &r.integrations) {
                let what = self.whole(news, id);
                let entry = sent::name(&group.key, receiver, &way.name());
                let heard = self.sent.get(&entry);
                let heard = heard.is_some_and(|e| news.alerts.iter().any(|f| e.firing.contains(f)));
                let text = format!("{} {entry}", news.mark);
                let key = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()));
                if !heard || !takes(way.kind, what) || self.notices.knows(&key) {
                    continue;
                }
                let notice = Notice {
                    what,
                    line: news.line.clone(),
                    by: news.by.to_owned(),
                    note: news.note.to_owned(),
                    group_key: group.key.clone(),
                    group_labels: group.labels.clone(),
                    route_labels: self.tree.nodes[id.node].route.labels.clone(),
                    receiver: receiver.clone(),
                    integration: way.name(),
                    alerts: news.alerts.to_vec(),
                    at: news.now,
                    done: false,
                };
                new.push((key, notice));
            }
        }
        if new.is_empty() {
            return;
        }
        let state = self.state.clone();
        let kept = self.notices.add(new.clone(), &state);
        self.note(kept);
        for (key, notice) in new {
            self.begin_notice(&key, &notice, news.now);
        }
    }

    /// An acknowledgement counts for an incident only where nothing of its group is left open.
    fn whole(&self, news: &News<'_>, id: &GroupId) -> What {
        let What::Acknowledged { .. } = news.what else {
            return news.what;
        };
        let members = self.groups.get(id).into_iter().flat_map(|g| &g.members);
        let mut firing = members.filter(|f| {
            let held = self.alerts.get(f);
            held.is_some_and(|h| h.alert.state == AlertState::Firing)
        });
        let whole = firing.all(|f| self.acknowledged.of(*f, news.now).is_some());
        What::Acknowledged { whole }
    }

    fn begin_notice(&mut self, key: &str, notice: &Notice, now: i64) {
        // The group may have ended meanwhile, and its alerts with it: the news stays news.
        let found = self.groups.iter().find(|(_, g)| g.key == notice.group_key);
        let gone = GroupId {
            node: 0,
            labels: notice.group_labels.as_packed().to_owned(),
        };
        let id = found.map_or(gone, |(id, _)| id.clone());
        let receiver = self.config.receiver(&notice.receiver);
        let ways = receiver.into_iter().flat_map(|r| &r.integrations);
        let integration = ways
            .into_iter()
            .position(|w| w.name() == notice.integration);
        let Some(integration) = integration else {
            return;
        };
        let entry = sent::name(&notice.group_key, &notice.receiver, &notice.integration);
        let last = self.sent.get(&entry);
        let told = |f: &u64| last.is_some_and(|l| l.firing.contains(f));
        let members = found.into_iter().flat_map(|(_, g)| &g.members);
        let firing: BTreeSet<u64> = members.copied().filter(told).collect();
        let alerts = firing.iter().filter_map(|f| self.alerts.get(f));
        let job = Job {
            id: self.next_job,
            group: id,
            group_key: notice.group_key.clone(),
            group_labels: notice.group_labels.clone(),
            route_labels: notice.route_labels.clone(),
            receiver: notice.receiver.clone(),
            integration,
            alerts: alerts.map(|h| h.alert.clone()).collect(),
            reason: Reason::Repeat,
            key: key.to_owned(),
            memo: last.map(|l| l.memo.clone()).unwrap_or_default(),
            attempt: 0,
            deadline: notice.at + notice::STALE,
            notice: Some(Arc::new(notice.clone())),
            entry,
            firing,
            resolved: BTreeSet::new(),
        };
        self.next_job += 1;
        let next_try = Some(now);
        let waiting = Waiting {
            job,
            next_try,
            began: now,
        };
        self.jobs.insert(waiting.job.id, waiting);
    }

    /// Those that an earlier run decided and did not tell.
    pub(super) fn resume_notices(&mut self, now: i64) {
        let running: BTreeSet<String> = self.jobs.values().map(|w| w.job.key.clone()).collect();
        let waiting: Vec<(String, Notice)> = self
            .notices
            .waiting()
            .filter(|(key, _)| !running.contains(*key))
            .map(|(key, notice)| (key.to_owned(), notice.clone()))
            .collect();
        let state = self.state.clone();
        for (key, notice) in waiting {
            if notice.at + notice::STALE < now {
                let done = self.notices.done(&key, &state);
                self.note(done);
            } else {
                self.begin_notice(&key, &notice, now);
            }
        }
    }

    /// Takes the answer to a notice.
    pub(super) fn noticed(&mut self, job: Job, notice: &Notice, outcome: Outcome, now: i64) {
        let name = (notice.receiver.clone(), notice.integration.clone());
        let counts = self.counts.entry(name).or_default();
        let failed = |counts: &mut Counts, said: &str| {
            counts.failed += 1;
            counts.last_failed = now;
            said.clone_into(&mut counts.last_error);
        };
        let said = match outcome {
            Outcome::Sent { said, .. } => {
                counts.sent += 1;
                counts.last_sent = now;
                format!("{} heard of it: {said}", notice.receiver)
            }
            Outcome::Refused { said } => {
                failed(counts, &said);
                format!("{} did not take the notice: {said}", notice.receiver)
            }
            Outcome::Retry { said, after } => {
                failed(counts, &said);
                let doubled = FIRST_PAUSE << job.attempt.saturating_sub(1).min(10);
                let pause = doubled.min(LONGEST_PAUSE).max(after.unwrap_or(0));
                if now + pause < job.deadline {
                    let next_try = Some(now + pause);
                    let waiting = Waiting {
                        job,
                        next_try,
                        began: now,
                    };
                    self.jobs.insert(waiting.job.id, waiting);
                    return;
                }
                format!("{} could not be told of it: {said}", notice.receiver)
            }
        };
        let state = self.state.clone();
        let done = self.notices.done(&job.key, &state);
        self.note(done);
        for alert in &notice.alerts {
            let said = format!("{said} ({})", notice.integration);
            self.tell_story(*alert, now, "notice", &said);
        }
        self.keep(&notice.alerts);
    }

    /// Looks whether a silence is about to end while something under it still fires.
    pub(super) fn look_at_silences(&mut self, now: i64) {
        if (0..LOOK_EVERY).contains(&(now - self.last_look)) {
            return;
        }
        self.last_look = now;
        let soon: Vec<(String, String, i64)> = self
            .silences
            .all()
            .filter(|kept| {
                let (from, to) = (kept.silence.starts_at, kept.silence.ends_at);
                kept.is_active(now) && to - now <= BEFORE_END.min((to - from) / 4)
            })
            .map(|kept| {
                let of = &kept.silence;
                (of.id.clone(), of.created_by.clone(), of.ends_at)
            })
            .collect();
        for (id, by, ends_at) in soon {
            let Some(kept) = self.silences.get(&id) else {
                continue;
            };
            let hit = |alert: &Alert| !alert.is_resolved_at(now) && kept.matches(&alert.labels);
            let muted = self.alerts.iter().filter(|(_, h)| hit(&h.alert));
            let alerts: Vec<u64> = muted.map(|(f, _)| *f).collect();
            if alerts.is_empty() {
                continue;
            }
            let left = format_duration_ms(((ends_at - now) / 60_000).max(1) * 60_000);
            let names = self.names(&alerts);
            self.announce(&News {
                what: What::SilenceEnds,
                line: format!("The silence of {by} ends in {left}; it still fires: {names}"),
                by: &by,
                note: "",
                mark: format!("silence {id} ends at {ends_at}"),
                alerts: &alerts,
                now,
            });
        }
    }

    /// Alerts of one turn that ended while a silence kept them quiet.
    pub(super) fn resolved_in_silence(&mut self, alerts: &[(u64, Alert)], now: i64) {
        let mut by_silence: BTreeMap<String, Vec<(u64, i64)>> = BTreeMap::new();
        for (fingerprint, alert) in alerts {
            if alert.state != AlertState::Resolved {
                continue;
            }
            if let Some(id) = self.silences.muting(&alert.labels, now).into_iter().next() {
                let ended = (*fingerprint, alert.ends_at);
                by_silence.entry(id).or_default().push(ended);
            }
        }
        for (id, ended) in by_silence {
            let by = self.silences.get(&id).map(|k| k.silence.created_by.clone());
            let by = by.unwrap_or_default();
            let alerts: Vec<u64> = ended.iter().map(|(f, _)| *f).collect();
            let names = self.names(&alerts);
            self.announce(&News {
                what: What::ResolvedInSilence,
                line: format!("Resolved while silenced by {by}: {names}"),
                by: &by,
                note: "",
                mark: format!("silence {id} resolved {ended:?}"),
                alerts: &alerts,
                now,
            });
        }
    }
}
