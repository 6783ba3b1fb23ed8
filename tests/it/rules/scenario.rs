//! Scenarios: `tests/scenario/rules-*.yaml`, samples in, alerts out, over a real store and a clock
//! that the scenario moves. The store is closed and opened again where the scenario says so.
//!
//! ```yaml
//! rules: {groups: [...]}        # a rule file
//! events:                       # in rising time, since the scenario's start
//!   - {at: 0s, set: {'up{job="a"}': 1}}     # this value each 15 s from now on; null ends it
//!   - {at: 5m, stop: true}                  # the engine goes down
//!   - {at: 9m, start: true}
//!   - {at: 9m, rules: {groups: [...]}}      # another configuration
//!   - {at: 10m, sees: {pending: ['A{job="a"}'], firing: [], resolved: []}}
//!   - {at: 10m, told: ['firing A{job="a"}']}   # since the last time it was asked
//!   - {at: 10m, asks: 'ALERTS', gets: ['ALERTS{alertname="A"} 1']}
//! ```

use bongsu::alert::board::Board;
use bongsu::alert::rules::{Around, Rules, Settings};
use bongsu::alert::{Ask, Question, Tell};
use bongsu::base::cancel::Cancel;
use bongsu::base::clock::Clock;
use bongsu::base::units::parse_duration_ms;
use bongsu::config;
use bongsu::config::rules::RuleGroup;
use bongsu::model::alert::{ALERT_NAME, Alert, AlertState, Language};
use bongsu::model::answer::Value;
use bongsu::model::labels::Labels;
use bongsu::model::request::PromQuery;
use bongsu::model::sample::stale_marker;
use bongsu::model::time::Steps;
use bongsu::query::promql::eval::Engine;
use bongsu::query::promql::series::parse_labels;
use bongsu::store::open::{Options, Store};
use bongsu::store::write::{Append, MetricSink};
use serde_yaml::Value as Yaml;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// 2026-11-21 00:00 UTC.
const START: i64 = 1_795_219_200_000;
const SAMPLES_MS: i64 = 15_000;

struct Asker(Store);

impl Ask for Asker {
    fn ask(&self, question: &Question<'_>) -> Result<Value, String> {
        let Question {
            expr, t, lookback, ..
        } = *question;
        let query = PromQuery {
            expr: expr.to_owned(),
            steps: Steps::at(t),
            instant: true,
            live: false,
            timeout_ms: None,
            lookback_ms: lookback,
        };
        let answer = Engine::default().run(&self.0, &query, &Cancel::never());
        answer.map(|a| a.value).map_err(|e| e.to_string())
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Tell for Told {
    fn tell(&self, alerts: Vec<Alert>, _: i64) {
        let line = |a: Alert| match a.state {
            AlertState::Firing => format!("firing {}", named(&a.labels)),
            AlertState::Resolved => format!("resolved {}", named(&a.labels)),
            AlertState::Pending => format!("pending {}", named(&a.labels)),
        };
        self.0.lock().unwrap().extend(alerts.into_iter().map(line));
    }
}

/// `A{job="a"}` for an alert of that name.
fn named(labels: &Labels) -> String {
    let rest = labels.retain(|n| n != ALERT_NAME);
    let rest = if rest.is_empty() {
        String::new()
    } else {
        rest.to_string()
    };
    format!("{}{rest}", labels.get(ALERT_NAME))
}

struct Run {
    dir: tempfile::TempDir,
    clock: Clock,
    told: Arc<Told>,
    values: BTreeMap<String, f64>,
    groups: Vec<RuleGroup>,
    /// The running engine.
    engine: Option<(Store, Rules, Around)>,
}

impl Run {
    fn start(&mut self) {
        let store = Store::open(Options {
            clock: self.clock.clone(),
            background: false,
            ..Options::new(self.dir.path())
        })
        .unwrap();
        let around = Around {
            ask: Arc::new(Asker(store.clone())),
            sink: Arc::new(store.clone()),
            tell: self.told.clone(),
            board: Arc::new(Board::default()),
        };
        let mut rules = Rules::default();
        rules.apply(&self.groups, settings(), self.clock.now_ms(), &around);
        self.engine = Some((store, rules, around));
    }

    fn stop(&mut self) {
        if let Some((store, ..)) = self.engine.take() {
            store.close();
        }
    }

    /// A second at a time, up to `t`.
    fn reach(&mut self, t: i64) {
        while self.clock.now_ms() < t {
            self.clock.advance(std::time::Duration::from_secs(1));
            let now = self.clock.now_ms();
            if (now - START) % SAMPLES_MS == 0 {
                self.write(now);
            }
            if let Some((_, rules, around)) = &mut self.engine {
                while rules.run_due(now, around) {}
            }
        }
    }

    fn write(&self, now: i64) {
        let Some((store, ..)) = &self.engine else {
            return;
        };
        let sample = |(series, v): (&String, &f64)| Append {
            series: store.resolve(&parse_labels(series).unwrap().0).unwrap(),
            t: now,
            v: *v,
        };
        let batch: Vec<Append> = self.values.iter().map(sample).collect();
        store.append(&batch).unwrap();
    }

    fn set(&mut self, series: &str, value: &Yaml) {
        if let Some(v) = value.as_f64() {
            self.values.insert(series.to_owned(), v);
            return;
        }
        self.values.remove(series);
        if let Some((store, ..)) = &self.engine {
            let series = store.resolve(&parse_labels(series).unwrap().0).unwrap();
            let (t, v) = (self.clock.now_ms(), stale_marker());
            store.append(&[Append { series, t, v }]).unwrap();
        }
    }

    fn sees(&self, state: AlertState) -> Vec<String> {
        let (_, _, around) = self.engine.as_ref().unwrap();
        let rows = around.board.alerts(self.clock.now_ms(), usize::MAX).rows;
        let wanted = rows.iter().filter(|r| r.alert.state == state);
        let mut names: Vec<String> = wanted.map(|r| named(&r.alert.labels)).collect();
        names.sort();
        names
    }

    fn event(&mut self, event: &Yaml) {
        let get = |key: &str| event.get(key);
        if let Some(set) = get("set").and_then(Yaml::as_mapping) {
            for (series, value) in set {
                self.set(series.as_str().unwrap(), value);
            }
        }
        if get("stop").is_some() {
            self.stop();
        }
        if get("start").is_some() {
            self.start();
        }
        if let Some(rules) = get("rules") {
            self.groups = groups(rules);
            let now = self.clock.now_ms();
            let (_, rules, around) = self.engine.as_mut().unwrap();
            rules.apply(&self.groups, settings(), now, around);
        }
        if let Some(sees) = get("sees") {
            for (word, state) in [
                ("pending", AlertState::Pending),
                ("firing", AlertState::Firing),
                ("resolved", AlertState::Resolved),
            ] {
                if let Some(want) = sees.get(word) {
                    assert_eq!(self.sees(state), texts(want), "{word}");
                }
            }
        }
        if let Some(want) = get("told") {
            let mut got = std::mem::take(&mut *self.told.0.lock().unwrap());
            got.sort();
            got.dedup();
            assert_eq!(got, texts(want), "told");
        }
        if let Some(expr) = get("asks").and_then(Yaml::as_str) {
            let (_, _, around) = self.engine.as_ref().unwrap();
            let question = Question {
                language: Language::PromQl,
                expr,
                t: self.clock.now_ms(),
                lookback: None,
            };
            let value = around.ask.ask(&question).unwrap();
            let Value::Vector(points) = value else {
                panic!("{expr} is no vector");
            };
            let line =
                |p: &bongsu::model::answer::VectorPoint| format!("{} {}", p.labels, p.sample.v);
            let mut got: Vec<String> = points.iter().map(line).collect();
            got.sort();
            assert_eq!(got, texts(get("gets").unwrap()), "{expr}");
        }
    }
}

fn settings() -> Settings {
    Settings {
        interval: 15_000,
        external_url: "http://here:9470".to_owned(),
        ..Settings::default()
    }
}

fn texts(list: &Yaml) -> Vec<String> {
    let items = list.as_sequence().unwrap().iter();
    let mut out: Vec<String> = items.map(|t| t.as_str().unwrap().to_owned()).collect();
    out.sort();
    out
}

fn groups(rules: &Yaml) -> Vec<RuleGroup> {
    config::read_rules("rules.yml", &serde_yaml::to_string(rules).unwrap())
}

fn run(path: &Path) {
    let scenario: Yaml = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut run = Run {
        dir: tempfile::tempdir().unwrap(),
        clock: Clock::fake(START),
        told: Arc::default(),
        values: BTreeMap::new(),
        groups: groups(&scenario["rules"]),
        engine: None,
    };
    run.start();
    for event in scenario["events"].as_sequence().unwrap() {
        let at = event["at"].as_str().unwrap();
        run.reach(START + parse_duration_ms(at).unwrap());
        println!("{} at {at}: {event:?}", path.display());
        run.event(event);
    }
    run.stop();
}

#[test]
fn rules_in_time() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario");
    let mut count = 0;
    for path in crate::rules::conformance::files(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("rules-") {
            run(&path);
            count += 1;
        }
    }
    assert!(count >= 5, "only {count} scenarios");
}
