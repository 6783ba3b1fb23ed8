//! Scenarios with a fake clock: alerts in, notifications out (`tests/scenario/told-*.yaml`).
//!
//! Each is run once as it is, and then once for every step at which the process could die: before a
//! send, and between a receiver's answer and its record. Whatever was told without a death is told
//! with one too; what is told twice carries the same key.

use bongsu::alert::pipeline::{Author, Outcome, Pipeline};
use bongsu::config;
use bongsu::config::alertmanager::Alertmanager;
use bongsu::model::action::{Acknowledge, Silence};
use bongsu::model::alert::{Alert, AlertState};
use bongsu::model::labels::Labels;
use bongsu::store::open::{Options, Store};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// 2026-03-02 00:00 UTC, a Monday.
const START: i64 = 1_772_409_600_000;

/// Points of one scenario at which it dies; more are thinned out evenly.
const MOST_DEATHS: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    config: String,
    steps: Vec<Step>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Step {
    /// Since the scenario's start: `90s`, `2h`.
    at: String,
    /// Label sets as `name severity=x`; they fire until they are resolved.
    fire: Vec<String>,
    resolve: Vec<String>,
    /// What receivers answer from now on: `ok`, `fail`, `refuse`, `busy 30s`.
    answer: String,
    acknowledge: String,
    unacknowledge: String,
    /// `matchers for 1h`.
    silence: String,
    /// `+1h`, `-10m`: the clock jumps.
    clock: String,
    restart: bool,
    /// What was told since the last expectation: `receiver/kind reason: +A +B -C`.
    expect: Option<Vec<String>>,
}

/// One notification that a receiver took.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    text: String,
    key: String,
}

struct World {
    store: Store,
    _folder: tempfile::TempDir,
    config: Arc<Alertmanager>,
    pipeline: Pipeline,
    now: i64,
    answer: String,
    told: Vec<Told>,
    /// Steps at which the process could have died so far, and the one at which it does.
    points: usize,
    dies_at: Option<usize>,
    firing: BTreeMap<String, i64>,
    jumped: i64,
}

impl World {
    fn new(scenario: &Scenario, dies_at: Option<usize>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Options::new(folder.path())).unwrap();
        let file = folder.path().join("alertmanager.yml");
        fs::write(&file, &scenario.config).unwrap();
        let loaded = config::load(&[file]);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{:#?}", loaded.findings));
        let config = config.alertmanager.unwrap();
        let pipeline = Pipeline::new(config.clone(), store.state(), START);
        Self {
            store,
            _folder: folder,
            config,
            pipeline,
            now: START,
            answer: "ok".to_owned(),
            told: Vec::new(),
            points: 0,
            dies_at,
            firing: BTreeMap::new(),
            jumped: 0,
        }
    }

    fn restart(&mut self) {
        self.pipeline = Pipeline::new(self.config.clone(), self.store.state(), self.now);
    }

    /// True where the process dies here, once.
    fn dies(&mut self) -> bool {
        self.points += 1;
        if self.dies_at == Some(self.points) {
            self.restart();
            return true;
        }
        false
    }

    /// Lets the time pass up to `until`, a second at a time.
    fn pass(&mut self, until: i64) {
        loop {
            self.tick();
            if self.now >= until {
                return;
            }
            // To the next thing that is due, and at least every minute: senders tell again then, as
            // Prometheus does.
            let minute = self.now + 60_000 - (self.now - START).rem_euclid(60_000);
            let next = self.pipeline.next().unwrap_or(i64::MAX);
            self.now = next.max(self.now + 1).min(minute).min(until);
            if self.now == minute {
                self.tell_all();
            }
        }
    }

    fn tell_all(&mut self) {
        let alerts = self
            .firing
            .iter()
            .map(|(l, at)| alert(l, *at, self.now + 240_000, false));
        self.pipeline.receive(alerts.collect(), self.now);
    }

    fn tick(&mut self) {
        for job in self.pipeline.due(self.now) {
            if self.dies() {
                return;
            }
            let outcome = self.answers();
            if matches!(outcome, Outcome::Sent { .. }) {
                let way = self.config.receiver(&job.receiver).unwrap();
                let way = way.integrations[job.integration].name();
                if let Some(notice) = &job.notice {
                    let text = format!("{}/{way}: {}", job.receiver, notice.line);
                    let key = job.key.clone();
                    self.told.push(Told { text, key });
                    if self.dies() {
                        return;
                    }
                    self.pipeline.done(job.id, outcome, self.now);
                    continue;
                }
                let mut names: Vec<String> = job
                    .alerts
                    .iter()
                    .map(|a| {
                        let sign = if a.state == AlertState::Resolved {
                            '-'
                        } else {
                            '+'
                        };
                        format!("{sign}{}", a.name())
                    })
                    .collect();
                names.sort();
                let text = format!(
                    "{}/{way} {}: {}",
                    job.receiver,
                    job.reason.as_str(),
                    names.join(" ")
                );
                let key = job.key.clone();
                self.told.push(Told { text, key });
            }
            if self.dies() {
                return;
            }
            self.pipeline.done(job.id, outcome, self.now);
        }
    }

    fn answers(&self) -> Outcome {
        let said = self.answer.clone();
        match self.answer.split_once(' ') {
            None if self.answer == "ok" => Outcome::Sent {
                said,
                memo: String::new(),
            },
            None if self.answer == "refuse" => Outcome::Refused { said },
            None => Outcome::Retry { said, after: None },
            Some((_, after)) => Outcome::Retry {
                said: said.clone(),
                after: Some(ms(after)),
            },
        }
    }

    fn step(&mut self, step: &Step) {
        for labels in &step.fire {
            self.firing.insert(labels.clone(), self.now);
            let alert = alert(labels, self.now, self.now + 240_000, false);
            self.pipeline.receive(vec![alert], self.now);
        }
        for labels in &step.resolve {
            let at = self.firing.remove(labels).unwrap();
            self.pipeline
                .receive(vec![alert(labels, at, self.now, true)], self.now);
        }
        if !step.answer.is_empty() {
            step.answer.clone_into(&mut self.answer);
        }
        let by = Author {
            name: "kim".to_owned(),
            remark: String::new(),
        };
        for (labels, remove) in [(&step.acknowledge, false), (&step.unacknowledge, true)] {
            if labels.is_empty() {
                continue;
            }
            let order = Acknowledge {
                alert: labels_of(labels).fingerprint_of(),
                remove,
                ..Acknowledge::default()
            };
            self.pipeline.acknowledge(&order, &by, self.now).unwrap();
        }
        if let Some((matchers, time)) = step.silence.split_once(" for ") {
            let order = Silence {
                matchers: vec![matchers.to_owned()],
                duration_ms: ms(time),
                comment: "scenario".to_owned(),
                ..Silence::default()
            };
            self.pipeline.silence(&order, &by, self.now).unwrap();
        }
        if let Some(by) = step.clock.strip_prefix('+') {
            self.jump(ms(by));
        } else if let Some(by) = step.clock.strip_prefix('-') {
            self.jump(-ms(by));
        }
        if step.restart {
            self.restart();
        }
    }

    fn jump(&mut self, by: i64) {
        self.now += by;
        self.jumped += by;
    }
}

trait Fingerprint {
    fn fingerprint_of(&self) -> u64;
}

impl Fingerprint for Labels {
    fn fingerprint_of(&self) -> u64 {
        bongsu::model::alert::fingerprint(self)
    }
}

/// `Name a=b c=d`.
fn labels_of(text: &str) -> Labels {
    let mut words = text.split(' ');
    let name = words.next().unwrap();
    let pairs = words.map(|w| w.split_once('=').unwrap());
    Labels::from_pairs([("alertname", name)].into_iter().chain(pairs))
}

fn alert(labels: &str, starts_at: i64, ends_at: i64, resolved: bool) -> Alert {
    Alert {
        labels: labels_of(labels),
        starts_at,
        ends_at,
        state: if resolved {
            AlertState::Resolved
        } else {
            AlertState::Firing
        },
        ..Alert::default()
    }
}

fn ms(text: &str) -> i64 {
    bongsu::base::units::parse_duration_ms(text).unwrap()
}

/// Runs a scenario; what was told, and at how many points it could have died.
fn run(name: &str, scenario: &Scenario, dies_at: Option<usize>) -> (Vec<Told>, usize) {
    let mut world = World::new(scenario, dies_at);
    let mut seen = 0;
    for step in &scenario.steps {
        let until = START + ms(&step.at) + world.jumped;
        world.pass(until);
        if let Some(wanted) = &step.expect
            && dies_at.is_none()
        {
            let mut found: Vec<&str> = world.told[seen..].iter().map(|t| t.text.as_str()).collect();
            found.sort_unstable();
            let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{name} at {}", step.at);
        }
        seen = world.told.len();
        world.step(step);
        world.tick();
    }
    let Some(last) = scenario.steps.last() else {
        return (Vec::new(), 0);
    };
    // What waits for a group's turn comes within it.
    world.pass(START + ms(&last.at) + world.jumped + 700_000);
    (world.told, world.points)
}

#[test]
fn scenarios_come_out_as_written_and_survive_a_death_at_every_step() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("told-") {
            continue;
        }
        count += 1;
        let text = fs::read_to_string(&path).unwrap();
        let scenario: Scenario =
            serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (calm, points) = run(&name, &scenario, None);
        let contents: BTreeSet<&str> = calm.iter().map(|t| t.text.as_str()).collect();
        for point in (1..=points).step_by(points.div_ceil(MOST_DEATHS).max(1)) {
            let (told, _) = run(&name, &scenario, Some(point));
            let found: BTreeSet<&str> = told.iter().map(|t| t.text.as_str()).collect();
            let missing: Vec<_> = contents.difference(&found).collect();
            assert!(
                missing.is_empty(),
                "{name}, death at {point}: not told: {missing:?}"
            );
            // One death repeats at most the one telling whose answer was lost, with its key.
            let keys: BTreeSet<&str> = told.iter().map(|t| t.key.as_str()).collect();
            assert!(
                told.len() - keys.len() <= 1,
                "{name}, death at {point}: {told:#?}"
            );
        }
    }
    assert!(count >= 8, "only {count} scenarios were found");
}

#[test]
fn who_was_told_of_a_resolved_alert_is_still_known() {
    let config = "route: {receiver: team, group_wait: 30s, group_interval: 5m}
receivers: [{name: team, webhook_configs: [{url: 'http://team/'}]}]
";
    let scenario = Scenario {
        config: config.to_owned(),
        steps: Vec::new(),
    };
    let mut world = World::new(&scenario, None);
    let step = |fire: &[&str], resolve: &[&str]| Step {
        fire: fire.iter().map(|f| (*f).to_owned()).collect(),
        resolve: resolve.iter().map(|f| (*f).to_owned()).collect(),
        ..Step::default()
    };
    world.step(&step(&["A"], &[]));
    world.pass(START + 40_000);
    let id = labels_of("A").fingerprint_of();
    assert!(world.pipeline.held(id, world.now).is_some() && world.pipeline.past(id).is_none());
    world.step(&step(&[], &["A"]));
    world.pass(START + 700_000);
    assert!(world.pipeline.held(id, world.now).is_none());
    let (alert, story) = world.pipeline.past(id).unwrap();
    assert_eq!(alert.state, AlertState::Resolved);
    let told = story.iter().filter(|s| s.said.starts_with("told team"));
    assert_eq!(told.count(), 2, "{story:#?}");
    let would = world.pipeline.would(&labels_of("B"), world.now);
    assert_eq!(would.receivers, ["team"]);
}
