//! From an alert to somebody who is told: groups, what keeps them quiet, what is sent, what is
//! recorded.
//!
//! The whole is one value behind a lock, driven by a clock that is handed in: [`Pipeline::receive`]
//! takes alerts, [`Pipeline::due`] gives the sends whose time has come, [`Pipeline::done`] takes
//! the receivers' answers. Nothing here waits for a receiver; `run` does, on tasks. Alerts,
//! silences, acknowledgements and what was sent live in the state, so a restart goes on where it
//! was: a send may repeat only if the process died between the receiver's answer and its record,
//! and then carries the same key. Source of the semantics: Alertmanager `dispatch` and `notify`.

mod flush;
mod notices;
mod orders;
mod past;
mod routing;
pub mod run;
mod views;

pub use flush::muted_by;
pub use orders::{Author, Preview};
pub use routing::try_route;

use crate::alert::Tell;
use crate::alert::acknowledge::Acknowledgements;
use crate::alert::notice::{Notice, Notices, Wanted};
use crate::alert::pipeline::past::Past;
use crate::alert::route::Tree;
use crate::alert::sent::{Reason, Sent};
use crate::alert::silence::Silences;
use crate::config::alertmanager::Alertmanager;
use crate::model::alert::{ALERT_NAME, Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::view::StoryStep;
use crate::store::state::{MAX_TOTAL, State};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;

/// The kind of alerts in the state table.
const ALERT_KIND: &str = "alert";
/// Alerts that are held at most.
const MAX_HELD: usize = 50_000;
/// Steps of one alert's story that are kept.
const MAX_STEPS: usize = 40;
/// Where many are held, their stories are kept in so many steps only.
const MANY_HELD: usize = 2_000;
const FEW_STEPS: usize = 8;
/// Bytes of the state that alerts leave free: silences, acknowledgements and what was sent must be
/// kept whatever fires.
const LEFT_FREE: usize = 4 << 20;
/// Alerts that are over and give way at once where no place is free.
const GIVE_WAY: usize = 100;
/// Between two calls of `due` there is never so much, unless the clock jumped or nothing ran.
const JUMP: i64 = 120_000;

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Pipeline(Arc<Shared>);

struct Shared {
    core: Mutex<Core>,
    /// Rung when something may be due earlier than was thought.
    bell: Notify,
}

/// One send that is to be made.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: u64,
    pub group: GroupId,
    pub group_key: String,
    pub group_labels: Labels,
    pub route_labels: BTreeMap<String, String>,
    pub receiver: String,
    /// The place of the integration in its receiver.
    pub integration: usize,
    /// All that is told: firing ones, and resolved ones where the integration wants them.
    pub alerts: Vec<Alert>,
    pub reason: Reason,
    /// The same for every try of this telling, also after a crash.
    pub key: String,
    /// What the vendor answered to the last telling of this group.
    pub memo: String,
    /// From 1.
    pub attempt: u32,
    /// When it is given up until the group's next turn, milliseconds since the epoch.
    pub deadline: i64,
    /// Not the group is told, but this of it.
    pub notice: Option<Arc<Notice>>,
    /// The name of its entry in the record.
    entry: String,
    firing: BTreeSet<u64>,
    resolved: BTreeSet<u64>,
}

impl Job {
    /// A job that no group asked for; nothing is recorded of it.
    pub fn made_up(receiver: &str, integration: usize, alert: Alert, now: i64) -> Self {
        Self {
            id: 0,
            group: GroupId {
                node: 0,
                labels: String::new(),
            },
            group_key: format!("{{}}:{{test of {receiver} at {now}}}"),
            group_labels: alert.labels.retain(|name| name == ALERT_NAME),
            route_labels: BTreeMap::new(),
            receiver: receiver.to_owned(),
            integration,
            firing: BTreeSet::from([alert.fingerprint()]),
            alerts: vec![alert],
            reason: Reason::First,
            key: format!("test-{now}"),
            memo: String::new(),
            attempt: 1,
            deadline: now,
            notice: None,
            entry: String::new(),
            resolved: BTreeSet::new(),
        }
    }
}

/// What became of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent {
        said: String,
        memo: String,
    },
    /// Worth another try, not before this many milliseconds.
    Retry {
        said: String,
        after: Option<i64>,
    },
    /// Another try would be refused again; the group's next turn tries once more.
    Refused {
        said: String,
    },
}

/// A node of the tree and the labels of a group at it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId {
    node: usize,
    labels: String,
}

struct Group {
    key: String,
    labels: Labels,
    members: BTreeSet<u64>,
    next: i64,
    flushed: bool,
    /// Sends of its last turn that have not ended.
    open: usize,
    failed: bool,
    /// Resolved members of its last turn, with their time of change.
    leaving: Vec<(u64, i64)>,
}

struct Held {
    alert: Alert,
    /// Where it was routed.
    groups: Vec<GroupId>,
    story: VecDeque<StoryStep>,
}

/// An alert as it is kept.
#[derive(Serialize, Deserialize)]
struct Stored {
    alert: Alert,
    story: Vec<StoryStep>,
}

/// A job between two tries.
struct Waiting {
    job: Job,
    /// `None` while a try runs.
    next_try: Option<i64>,
    /// When the last try began.
    began: i64,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    sent: u64,
    failed: u64,
    last_sent: i64,
    last_failed: i64,
    last_error: String,
    /// Alerts in what was sent; milliseconds of all answered tries, and of the longest.
    alerts: u64,
    took_ms: u64,
    slowest_ms: u64,
}

impl Counts {
    fn took(&mut self, ms: i64) {
        let ms = ms.max(0).unsigned_abs();
        self.took_ms += ms;
        self.slowest_ms = self.slowest_ms.max(ms);
    }
}

struct Core {
    config: Arc<Alertmanager>,
    tree: Tree,
    alerts: BTreeMap<u64, Held>,
    past: Past,
    groups: BTreeMap<GroupId, Group>,
    silences: Silences,
    acknowledged: Acknowledgements,
    sent: Sent,
    notices: Notices,
    wanted: Wanted,
    /// When silences were looked at for their end.
    last_look: i64,
    jobs: BTreeMap<u64, Waiting>,
    counts: BTreeMap<(String, String), Counts>,
    /// Until when receivers asked not to be told of a group, by the name of its entry in the record.
    asked: BTreeMap<String, i64>,
    state: State,
    next_job: u64,
    last_due: i64,
    last_forget: i64,
    /// Alerts that did not fit.
    left_out: u64,
    problem: Option<String>,
    /// The newest alerts are in memory only.
    unkept: bool,
}

impl Pipeline {
    /// With what the state holds of an earlier run.
    pub fn new(config: Arc<Alertmanager>, state: State, now: i64) -> Self {
        let mut core = Core {
            tree: Tree::new(&config),
            config,
            alerts: BTreeMap::new(),
            past: Past::default(),
            groups: BTreeMap::new(),
            silences: Silences::load(&state),
            acknowledged: Acknowledgements::load(&state),
            sent: Sent::load(&state),
            notices: Notices::load(&state),
            wanted: Wanted::default(),
            last_look: 0,
            jobs: BTreeMap::new(),
            counts: BTreeMap::new(),
            asked: BTreeMap::new(),
            state,
            next_job: 1,
            last_due: now,
            last_forget: now,
            left_out: 0,
            problem: None,
            unkept: false,
        };
        core.sent.not_after(now);
        core.restore(now);
        core.resume_notices(now);
        Self(Arc::new(Shared {
            core: Mutex::new(core),
            bell: Notify::new(),
        }))
    }

    /// Takes another configuration: alerts are routed anew, groups that stay keep their times.
    pub fn configure(&self, config: Arc<Alertmanager>, now: i64) {
        let mut core = self.0.core.lock();
        if core.config == config {
            return;
        }
        let times: BTreeMap<String, (i64, bool)> = core
            .groups
            .values()
            .map(|g| (g.key.clone(), (g.next, g.flushed)))
            .collect();
        core.tree = Tree::new(&config);
        core.config = config;
        core.groups.clear();
        // A try that runs ends by itself; its answer is still recorded.
        core.jobs.retain(|_, w| w.next_try.is_none());
        let all: Vec<u64> = core.alerts.keys().copied().collect();
        for alert in all {
            core.route(alert, now);
        }
        for group in core.groups.values_mut() {
            if let Some((next, flushed)) = times.get(&group.key) {
                group.next = *next;
                group.flushed = *flushed;
            }
        }
        core.resume_notices(now);
        drop(core);
        self.0.bell.notify_one();
    }

    /// Takes alerts as of `now`: firing ones again and again, resolved ones at least once. What is
    /// new about them is on the disk when this returns. Tells how many found no place.
    pub fn receive(&self, alerts: Vec<Alert>, now: i64) -> u64 {
        if alerts.is_empty() {
            return 0;
        }
        let mut core = self.0.core.lock();
        core.follow_clock(now);
        let before = core.left_out;
        let mut changed = Vec::new();
        for alert in alerts {
            if let Some(fingerprint) = core.take(alert, now) {
                changed.push(fingerprint);
            }
        }
        core.keep(&changed);
        let left_out = core.left_out - before;
        drop(core);
        self.0.bell.notify_one();
        left_out
    }

    /// The sends whose time has come: first tries and further ones.
    pub fn due(&self, now: i64) -> Vec<Job> {
        self.0.core.lock().due(now)
    }

    /// Takes the answer to one try.
    pub fn done(&self, job: u64, outcome: Outcome, now: i64) {
        self.0.core.lock().done(job, outcome, now);
        self.0.bell.notify_one();
    }

    /// When [`Pipeline::due`] has something to do, milliseconds since the epoch.
    pub fn next(&self) -> Option<i64> {
        let core = self.0.core.lock();
        let turns = core.groups.values().filter(|g| g.open == 0).map(|g| g.next);
        let tries = core.jobs.values().filter_map(|w| w.next_try);
        turns.chain(tries).min()
    }

    /// What a person should know: the state cannot be written, or alerts did not fit.
    pub fn problem(&self) -> Option<String> {
        let core = self.0.core.lock();
        let over = (core.left_out > 0).then(|| {
            format!(
                "{} alerts were not taken: at most {MAX_HELD} are held",
                core.left_out
            )
        });
        let unkept = core.unkept.then(|| {
            "there are too many alerts to keep all of them on the disk: after a restart some come \
             back only when their rules or senders tell of them"
                .to_owned()
        });
        core.problem.clone().or(over).or(unkept)
    }

    pub fn config(&self) -> Arc<Alertmanager> {
        self.0.core.lock().config.clone()
    }
}

impl Tell for Pipeline {
    fn tell(&self, alerts: Vec<Alert>, now: i64) {
        self.receive(alerts, now);
    }
}

impl Core {
    /// Alerts of an earlier run. Firing ones get time to be told again by their senders.
    fn restore(&mut self, now: i64) {
        let grace = self.config.resolve_timeout.as_millis() as i64;
        for (key, bytes) in self.state.list(ALERT_KIND) {
            let Ok(stored) = serde_json::from_slice::<Stored>(&bytes) else {
                let _ = self.state.remove(ALERT_KIND, &key);
                continue;
            };
            let mut alert = stored.alert;
            if alert.state != AlertState::Resolved {
                alert.ends_at = alert.ends_at.max(now + grace);
            }
            let fingerprint = alert.fingerprint();
            let held = Held {
                alert,
                groups: Vec::new(),
                story: stored.story.into(),
            };
            self.alerts.insert(fingerprint, held);
            self.route(fingerprint, now);
        }
    }

    /// A clock that jumped forward resolves nothing: whoever tells of alerts has not had the time
    /// to tell again. One that was set back does not make groups wait for the time between.
    fn follow_clock(&mut self, now: i64) {
        let by = now - self.last_due;
        if by > JUMP {
            for held in self.alerts.values_mut() {
                if held.alert.state == AlertState::Firing && held.alert.ends_at > self.last_due {
                    held.alert.ends_at += by;
                }
            }
        } else if by < 0 {
            self.sent.not_after(now);
            for held in self.alerts.values_mut() {
                // Its end was reckoned by the old clock.
                if held.alert.state == AlertState::Firing && held.alert.ends_at > self.last_due {
                    held.alert.ends_at += by;
                }
            }
            for (id, group) in &mut self.groups {
                let route = &self.tree.nodes[id.node].route;
                let most = route.group_interval.max(route.group_wait).as_millis() as i64;
                group.next = group.next.min(now + most);
            }
            for waiting in self.jobs.values_mut() {
                waiting.next_try = waiting.next_try.map(|t| t.min(now));
                waiting.job.deadline += by;
            }
            for until in self.asked.values_mut() {
                *until += by;
            }
        }
        self.last_due = now;
    }

    /// Holds one alert; its fingerprint where that changed what must be kept.
    fn take(&mut self, mut alert: Alert, now: i64) -> Option<u64> {
        if alert.state == AlertState::Pending {
            return None;
        }
        let fingerprint = alert.fingerprint();
        alert.updated_at = now;
        if alert.is_resolved_at(now) {
            alert.state = AlertState::Resolved;
            if alert.ends_at == 0 {
                alert.ends_at = now;
            }
        }
        let resolved = alert.state == AlertState::Resolved;
        let Some(held) = self.alerts.get_mut(&fingerprint) else {
            // An end without a beginning is nobody's news.
            if resolved {
                return None;
            }
            if self.alerts.len() >= MAX_HELD && !self.make_room() {
                self.left_out += 1;
                return None;
            }
            let held = Held {
                alert,
                groups: Vec::new(),
                story: VecDeque::new(),
            };
            self.alerts.insert(fingerprint, held);
            self.tell_story(fingerprint, now, "rule", "fires");
            self.route(fingerprint, now);
            return Some(fingerprint);
        };
        let was_resolved = held.alert.is_resolved_at(now);
        if !resolved && !was_resolved {
            alert.starts_at = alert.starts_at.min(held.alert.starts_at);
        }
        if resolved && was_resolved && held.alert.state == AlertState::Resolved {
            return None;
        }
        // Its texts change with its value: what is on the disk may be older there.
        let changed = was_resolved != resolved;
        held.alert = alert;
        if was_resolved != resolved {
            let said = if resolved { "resolved" } else { "fires again" };
            self.tell_story(fingerprint, now, "rule", said);
        }
        self.route(fingerprint, now);
        changed.then_some(fingerprint)
    }

    /// Lets alerts go that are over and wait only for a receiver that does not take them, the oldest
    /// first. False where all that is held fires.
    fn make_room(&mut self) -> bool {
        let over = self.alerts.iter();
        let over = over.filter(|(_, h)| h.alert.state == AlertState::Resolved);
        let mut over: Vec<(i64, u64)> = over.map(|(f, h)| (h.alert.ends_at, *f)).collect();
        over.sort_unstable();
        over.truncate(GIVE_WAY);
        for (_, fingerprint) in &over {
            let Some(mut held) = self.alerts.remove(fingerprint) else {
                continue;
            };
            let groups = std::mem::take(&mut held.groups);
            self.past.keep(*fingerprint, held);
            for id in groups {
                let Some(group) = self.groups.get_mut(&id) else {
                    continue;
                };
                group.members.remove(fingerprint);
                if group.members.is_empty() && group.open == 0 {
                    self.groups.remove(&id);
                }
            }
            let removed = self
                .state
                .remove(ALERT_KIND, &format!("{fingerprint:016x}"));
            self.note(removed.map_err(|e| format!("alerts cannot be kept: {e}")));
        }
        !over.is_empty()
    }

    /// Puts an alert into the groups of the nodes that take it.
    fn route(&mut self, fingerprint: u64, now: i64) {
        let Some(held) = self.alerts.get_mut(&fingerprint) else {
            return;
        };
        let mut ids = Vec::new();
        for at in self.tree.takers(&held.alert.labels) {
            let node = &self.tree.nodes[at];
            let labels = node.group_labels(&held.alert.labels);
            let id = GroupId {
                node: at,
                labels: labels.as_packed().to_owned(),
            };
            ids.push(id.clone());
            let wait = node.route.group_wait.as_millis() as i64;
            let group = self.groups.entry(id).or_insert_with(|| Group {
                key: node.group_key(&labels),
                labels,
                members: BTreeSet::new(),
                next: now + wait,
                flushed: false,
                open: 0,
                failed: false,
                leaving: Vec::new(),
            });
            group.members.insert(fingerprint);
            if !group.flushed && held.alert.starts_at + wait < now {
                group.next = now;
            }
        }
        if held.groups != ids {
            held.groups = ids;
            let receivers: BTreeSet<&str> = held
                .groups
                .iter()
                .map(|id| self.tree.nodes[id.node].route.receiver.as_str())
                .collect();
            let said = receivers.into_iter().collect::<Vec<_>>().join(", ");
            self.tell_story(fingerprint, now, "route", &format!("to {said}"));
        }
    }

    /// Adds a step to an alert's story unless its stage said the same last.
    fn tell_story(&mut self, fingerprint: u64, t: i64, stage: &str, said: &str) {
        let Some(held) = self.alerts.get_mut(&fingerprint) else {
            return;
        };
        let last = held.story.iter().rev().find(|s| s.stage == stage);
        if stage != "send" && stage != "rule" && last.is_some_and(|s| s.said == said) {
            return;
        }
        held.story.push_back(StoryStep {
            t,
            stage: stage.to_owned(),
            said: said.to_owned(),
        });
        if held.story.len() > MAX_STEPS {
            held.story.pop_front();
        }
    }

    /// Writes alerts as they are now.
    fn keep(&mut self, fingerprints: &[u64]) {
        let mut rows = Vec::new();
        let steps = match self.alerts.len() {
            0..=MANY_HELD => MAX_STEPS,
            _ => FEW_STEPS,
        };
        for fingerprint in fingerprints {
            let Some(held) = self.alerts.get(fingerprint) else {
                continue;
            };
            let before = held.story.len().saturating_sub(steps);
            let stored = Stored {
                alert: held.alert.clone(),
                story: held.story.iter().skip(before).cloned().collect(),
            };
            if let Ok(bytes) = serde_json::to_vec(&stored) {
                rows.push((format!("{fingerprint:016x}"), bytes));
            }
        }
        self.unkept = false;
        for part in rows.chunks(2000) {
            let part: Vec<(&str, &[u8])> = part
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_slice()))
                .collect();
            let more: usize = part.iter().map(|(k, v)| k.len() + v.len()).sum();
            if self.state.bytes() + more > MAX_TOTAL - LEFT_FREE {
                self.unkept = true;
                return;
            }
            let written = self.state.put_many(ALERT_KIND, &part);
            self.note(written.map_err(|e| format!("alerts cannot be kept: {e}")));
        }
    }

    fn note(&mut self, result: Result<(), String>) {
        match result {
            Ok(()) => self.problem = None,
            Err(said) => self.problem = Some(said),
        }
    }
}
