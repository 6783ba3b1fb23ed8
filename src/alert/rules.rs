//! All rule groups and their state. Time, queries and the store come from outside, so that a test
//! drives it with a fake clock; the thread around it is [`crate::alert::ruler`].
//!
//! Source of the order of things: Prometheus `rules/group.go`.

use crate::alert::board::{Board, Shown};
use crate::alert::eval::{Alerts, LiveAlert};
use crate::alert::expand::{Expander, graph_link};
use crate::alert::record::Written;
use crate::alert::restore::{self, GRACE_MS};
use crate::alert::rule::{self, Compiled, synthetic};
use crate::alert::{Ask, Question, SPAN_WINDOW_MS, Tell};
use crate::base::clock::monotonic;
use crate::config::rules::RuleGroup;
use crate::model::alert::{Alert, AlertState, Language};
use crate::model::labels::Labels;
use crate::model::view::RuleHealth;
use crate::store::write::MetricSink;
use std::sync::Arc;

/// The evaluation after which what was before a restart is read back. At the first one targets may
/// not have been scraped yet, and what is not there cannot be given its age.
const RESTORE_AFTER: u8 = 2;

/// What rules take of the configuration beside themselves. Times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Of groups that say none.
    pub interval: i64,
    pub query_offset: i64,
    pub external_labels: Labels,
    /// Where this engine is reached: links in alerts begin with it.
    pub external_url: String,
    /// How often a firing alert is told again.
    pub resend: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: 60_000,
            query_offset: 0,
            external_labels: Labels::empty(),
            external_url: String::new(),
            resend: 60_000,
        }
    }
}

/// Where queries are asked, series written and alerts told.
#[derive(Clone)]
pub struct Around {
    pub ask: Arc<dyn Ask>,
    pub sink: Arc<dyn MetricSink>,
    pub tell: Arc<dyn Tell>,
    pub board: Arc<Board>,
}

/// The groups that are evaluated.
#[derive(Default)]
pub struct Rules {
    groups: Vec<Group>,
    settings: Settings,
    started: bool,
}

pub(crate) struct Group {
    pub(crate) spec: RuleGroup,
    pub(crate) interval: i64,
    pub(crate) offset: i64,
    pub(crate) rules: Vec<RuleState>,
    next: i64,
    /// Evaluations until the times of before a restart are read back; zero once they are.
    until_restored: u8,
    pub(crate) last_evaluation: i64,
    pub(crate) seconds: f64,
    pub(crate) missed: u64,
}

/// One evaluation of a group; times in milliseconds.
#[derive(Clone, Copy)]
struct Turn {
    t: i64,
    /// The time of the data that is asked for.
    at: i64,
    limit: u64,
    interval: i64,
    /// What was before a restart is known: series are written.
    restored: bool,
    language: Language,
}

impl Turn {
    fn question<'a>(&self, expr: &'a str) -> Question<'a> {
        let spans = self.language == Language::TraceQl;
        Question {
            language: self.language,
            expr,
            t: self.at,
            lookback: spans.then(|| self.interval.max(SPAN_WINDOW_MS)),
        }
    }
}

/// One rule and what came of it.
pub(crate) struct RuleState {
    pub(crate) rule: Arc<Compiled>,
    pub(crate) alerts: Alerts,
    written: Written,
    pub(crate) health: RuleHealth,
    pub(crate) error: String,
    pub(crate) last_evaluation: i64,
    pub(crate) seconds: f64,
    pub(crate) series: u64,
}

impl Rules {
    /// Rules that never ran before: nothing is read back.
    pub fn without_past() -> Self {
        Self {
            started: true,
            ..Self::default()
        }
    }

    /// Evaluates every group at `t`, due or not, in their order.
    pub fn evaluate_all(&mut self, t: i64, around: &Around) {
        for (at, group) in self.groups.iter_mut().enumerate() {
            group.evaluate(t, &self.settings, around);
            around.board.publish(at, Shown::of(group, &self.settings));
        }
    }

    /// Takes the groups of a configuration; what did not change keeps its state, and series that no
    /// rule writes any more are ended.
    pub fn apply(&mut self, specs: &[RuleGroup], settings: Settings, now: i64, around: &Around) {
        let mut old = std::mem::take(&mut self.groups);
        let same_settings = self.settings == settings;
        for spec in specs {
            let same = |g: &Group| g.spec.file == spec.file && g.spec.name == spec.name;
            let before = old.iter().position(same).map(|at| old.swap_remove(at));
            let group = match before {
                Some(group) if same_settings && group.spec == *spec => group,
                before => {
                    let mut group = Group::new(spec.clone(), &settings, now);
                    if self.started {
                        group.until_restored = before.as_ref().map_or(0, |g| g.until_restored);
                    }
                    for mut state in before.into_iter().flat_map(|g| g.rules) {
                        if !group.inherit(&mut state) {
                            end(&mut state, now, around);
                        }
                    }
                    group
                }
            };
            self.groups.push(group);
        }
        for mut state in old.into_iter().flat_map(|g| g.rules) {
            end(&mut state, now, around);
        }
        self.settings = settings;
        self.started = true;
        let shown = self.groups.iter().map(|g| Shown::of(g, &self.settings));
        around.board.replace(shown.collect());
    }

    /// When the next group is due, milliseconds since the epoch; `None` where there is none.
    pub fn next_due(&self) -> Option<i64> {
        self.groups.iter().map(|g| g.next).min()
    }

    /// Evaluates the group that is due first, at the time it was due. Returns `false` where none is.
    pub fn run_due(&mut self, now: i64, around: &Around) -> bool {
        let due = self
            .groups
            .iter()
            .enumerate()
            .filter(|(_, g)| g.next <= now);
        let Some(at) = due.min_by_key(|(_, g)| g.next).map(|(at, _)| at) else {
            return false;
        };
        let group = &mut self.groups[at];
        // Times that passed while something else ran are left out, and counted.
        let late = (now - group.next) / group.interval;
        group.missed += late.unsigned_abs();
        let t = group.next + late * group.interval;
        group.next = t + group.interval;
        group.evaluate(t, &self.settings, around);
        around.board.publish(at, Shown::of(group, &self.settings));
        true
    }

    /// Moves the times of all groups, and of their alerts: the clock jumped back by more than an
    /// interval. Without that a firing alert would pend, and none would be told as over, until the
    /// clock is where it was.
    pub fn reschedule(&mut self, now: i64) {
        for group in &mut self.groups {
            if group.next - now > 2 * group.interval {
                let next = slot(&group.spec, group.interval, now);
                let by = next - group.next;
                group.next = next;
                for state in &mut group.rules {
                    state.alerts.shift(by);
                }
            }
        }
    }
}

/// The first time after `now` at which the group is due: groups are spread over their interval, and
/// keep their place across restarts.
fn slot(spec: &RuleGroup, interval: i64, now: i64) -> i64 {
    let key = format!("{};{}", spec.file.display(), spec.name);
    let offset = (xxhash_rust::xxh3::xxh3_64(key.as_bytes()) % interval.unsigned_abs()) as i64;
    let base = (now - offset).div_euclid(interval) * interval + offset;
    if base < now { base + interval } else { base }
}

fn end(state: &mut RuleState, now: i64, around: &Around) {
    // The rule is gone: there is nowhere left to show why its series could not be ended.
    let _ = state.written.end(now, &*around.sink);
}

impl Group {
    fn new(spec: RuleGroup, settings: &Settings, now: i64) -> Self {
        let ms = |d: std::time::Duration| d.as_millis() as i64;
        let interval = spec.interval.map_or(settings.interval, ms).max(1);
        let rules = spec.rules.iter();
        let rules = rules.map(|rule| RuleState {
            rule: Arc::new(Compiled::new(rule.clone())),
            alerts: Alerts::default(),
            written: Written::default(),
            health: RuleHealth::Unknown,
            error: String::new(),
            last_evaluation: 0,
            seconds: 0.0,
            series: 0,
        });
        Self {
            interval,
            offset: spec.query_offset.map_or(settings.query_offset, ms),
            rules: rules.collect(),
            next: slot(&spec, interval, now),
            spec,
            until_restored: RESTORE_AFTER,
            last_evaluation: 0,
            seconds: 0.0,
            missed: 0,
        }
    }

    /// Gives the state of a former rule to the one that has its name and labels; `false` where there
    /// is none.
    fn inherit(&mut self, old: &mut RuleState) -> bool {
        let same = |state: &&mut RuleState| {
            let (new, old) = (&state.rule.rule, &old.rule.rule);
            state.health == RuleHealth::Unknown
                && new.name == old.name
                && new.labels == old.labels
                && new.alerts() == old.alerts()
        };
        let Some(state) = self.rules.iter_mut().find(same) else {
            return false;
        };
        state.alerts = std::mem::take(&mut old.alerts);
        state.written = std::mem::take(&mut old.written);
        state.health = old.health;
        state.last_evaluation = old.last_evaluation;
        true
    }

    fn evaluate(&mut self, t: i64, settings: &Settings, around: &Around) {
        let started = monotonic();
        let turn = Turn {
            t,
            at: t - self.offset,
            limit: self.spec.limit,
            interval: self.interval,
            restored: self.until_restored == 0,
            language: self.spec.language,
        };
        for state in &mut self.rules {
            let began = monotonic();
            let done = state.evaluate(turn, settings, around);
            state.seconds = began.elapsed().as_secs_f64();
            state.last_evaluation = t;
            match done {
                Ok(()) => {
                    state.health = RuleHealth::Ok;
                    state.error.clear();
                }
                Err(said) => {
                    state.health = RuleHealth::Err;
                    state.error = said;
                    continue;
                }
            }
            state.tell(turn, settings, around);
        }
        if self.until_restored > 0 {
            self.until_restored -= 1;
            if self.until_restored == 0 {
                self.restore(t, around);
            }
        }
        self.seconds = started.elapsed().as_secs_f64();
        self.last_evaluation = t;
    }

    fn restore(&mut self, t: i64, around: &Around) {
        for state in &mut self.rules {
            let (hold, _) = state.rule.hold_and_keep();
            if hold < GRACE_MS {
                continue;
            }
            let name = &state.rule.rule.name;
            let restored = restore::restore(&mut state.alerts, name, hold, t, &around.ask);
            if let Err(said) = restored {
                state.error = format!("its times of before the start are not known: {said}");
            }
        }
    }
}

impl RuleState {
    fn evaluate(&mut self, turn: Turn, settings: &Settings, around: &Around) -> Result<(), String> {
        let Turn { t, at, limit, .. } = turn;
        let points = rule::ask(&around.ask, &turn.question(&self.rule.rule.expr))?;
        self.series = points.len() as u64;
        let samples = if self.rule.rule.alerts() {
            let expander = Expander::new(
                around.ask.clone(),
                turn.language,
                t,
                &settings.external_labels,
                &settings.external_url,
            );
            let found = self.rule.find(points, &expander);
            let fired = self.alerts.step(found, t, self.rule.terms(limit))?;
            around.board.count_fired(fired);
            if turn.restored {
                synthetic(&mut self.alerts)
            } else {
                Vec::new()
            }
        } else {
            self.rule.recorded(points, limit)?
        };
        let written = self.written.write(&samples, at, &*around.sink);
        if let Err(e) = written {
            // The alerts stand all the same, and are told.
            self.tell(turn, settings, around);
            return Err(format!("its series cannot be written: {e}"));
        }
        Ok(())
    }

    fn tell(&mut self, turn: Turn, settings: &Settings, around: &Around) {
        let t = turn.t;
        let due = self.alerts.due(t, settings.resend, turn.interval);
        if due.is_empty() {
            return;
        }
        let link = link(&self.rule.rule.expr, settings);
        let told = due.iter().map(|a| told(a, &link, t, settings));
        around.tell.tell(told.collect(), t);
    }
}

/// Where the expression of an alert can be looked at.
pub(crate) fn link(expr: &str, settings: &Settings) -> String {
    format!("{}{}", settings.external_url, graph_link(expr, 1))
}

/// An alert as others are told of it.
pub(crate) fn told(alert: &LiveAlert, link: &str, t: i64, settings: &Settings) -> Alert {
    let missing = settings.external_labels.iter();
    let missing: Vec<_> = missing.filter(|(n, _)| !alert.labels.has(n)).collect();
    let labels = if missing.is_empty() {
        alert.labels.clone()
    } else {
        alert.labels.with(&missing)
    };
    let pending = alert.state == AlertState::Pending;
    Alert {
        labels,
        annotations: alert.annotations.clone(),
        starts_at: if pending {
            alert.active_at
        } else {
            alert.fired_at
        },
        ends_at: alert.resolved_at.unwrap_or(alert.valid_until),
        updated_at: t,
        generator_url: link.to_owned(),
        value: alert.value,
        state: alert.state,
    }
}
