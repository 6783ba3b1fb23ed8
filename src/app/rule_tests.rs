//! `bongsu test-rules`: unit tests of rules, as promtool runs them, over series in memory.
//!
//! Source of the order of things: Prometheus `cmd/promtool/unittest.go`. What differs: native
//! histograms are not evaluated, so a test that expects one fails with that reason.

mod memory;

use crate::alert::board::Board;
use crate::alert::rules::{Around, Rules, Settings};
use crate::alert::{Ask, Question, Tell};
use crate::app::rule_tests::memory::Memory;
use crate::base::cancel::Cancel;
use crate::config::rule_tests::{AlertTest, ExpSample, ExprTest, RuleTest, RuleTests};
use crate::config::rules::RuleGroup;
use crate::config::{self, Level};
use crate::model::alert::{ALERT_NAME, Alert, Language};
use crate::model::answer::{Value, VectorPoint};
use crate::model::labels::Labels;
use crate::model::request::PromQuery;
use crate::model::time::Steps;
use crate::model::view::RuleHealth;
use crate::query::promql::eval::Engine;
use crate::query::promql::series::{Item, parse_labels, parse_series};
use std::path::Path;
use std::sync::Arc;

/// Evaluations of one test: a year at a minute.
const MOST_STEPS: i64 = 600_000;

/// Runs a file of tests; what was wrong, one line or paragraph each. Nothing is what a person wants.
pub fn run(path: &Path) -> Vec<String> {
    let tests = match config::read_rule_tests(path) {
        Ok(tests) => tests,
        Err(findings) => return findings.iter().map(ToString::to_string).collect(),
    };
    let mut groups = Vec::new();
    for file in &tests.rule_files {
        let loaded = config::load(std::slice::from_ref(file));
        let Some(config) = loaded.config else {
            let errors = loaded.findings.iter();
            let errors = errors.filter(|f| f.level == Level::Error);
            return errors.map(ToString::to_string).collect();
        };
        groups.extend(config.rules);
    }
    let place = |g: &RuleGroup| tests.order.iter().position(|o| *o == g.name);
    groups.sort_by_key(|g| place(g).unwrap_or(usize::MAX));
    let mut faults = Vec::new();
    for (i, test) in tests.tests.iter().enumerate() {
        let name = match test.name.as_str() {
            "" => format!("test {}", i + 1),
            name => name.to_owned(),
        };
        let found = match Trial::new(&tests, test, &groups) {
            Ok(trial) => trial.run(),
            Err(said) => vec![said],
        };
        faults.extend(found.into_iter().map(|said| format!("{name}: {said}")));
    }
    faults
}

/// One test at work.
struct Trial<'a> {
    file: &'a RuleTests,
    test: &'a RuleTest,
    memory: Arc<Memory>,
    around: Around,
    rules: Rules,
}

impl<'a> Trial<'a> {
    fn new(file: &'a RuleTests, test: &'a RuleTest, groups: &[RuleGroup]) -> Result<Self, String> {
        let memory = Arc::new(Memory::default());
        for (series, values) in &test.input {
            let line = format!("{series} {values}");
            let (labels, items) = parse_series(&line).map_err(|e| format!("{series}: {e}"))?;
            let samples = items.into_iter().enumerate().filter_map(|(i, item)| {
                let t = test.start + i as i64 * test.interval;
                match item {
                    Item::Value(v) => Some((t, v)),
                    Item::Missing | Item::Histogram(_) => None,
                }
            });
            memory.expect(labels, samples.collect());
        }
        let around = Around {
            ask: memory.clone(),
            sink: memory.clone(),
            tell: memory.clone(),
            board: Arc::new(Board::default()),
        };
        let settings = Settings {
            interval: file.interval,
            external_labels: test.external_labels.clone(),
            external_url: test.external_url.clone(),
            ..Settings::default()
        };
        let mut rules = Rules::without_past();
        rules.apply(groups, settings, test.start, &around);
        Ok(Self {
            file,
            test,
            memory,
            around,
            rules,
        })
    }

    fn run(mut self) -> Vec<String> {
        let mut faults = Vec::new();
        let (alerts, exprs) = (&self.test.alerts, &self.test.exprs);
        let ends = alerts
            .iter()
            .map(|a| a.at)
            .chain(exprs.iter().map(|e| e.at));
        let end = ends.max().unwrap_or(0);
        if end / self.file.interval > MOST_STEPS {
            let said = "it would evaluate more than 600,000 times; raise evaluation_interval";
            return vec![said.to_owned()];
        }
        let mut offset = 0;
        while offset <= end {
            let t = self.test.start + offset;
            self.memory.reach(t);
            self.rules.evaluate_all(t, &self.around);
            let errors = self.errors(t);
            if !errors.is_empty() {
                return errors;
            }
            for wanted in alerts {
                if (offset..offset + self.file.interval).contains(&wanted.at) {
                    faults.extend(self.judge_alerts(wanted));
                }
            }
            offset += self.file.interval;
        }
        self.memory.reach(i64::MAX);
        for wanted in exprs {
            let fault = self.judge_expr(wanted);
            faults.extend(fault.err().map(|said| {
                let at = crate::base::units::format_duration_ms(wanted.at);
                format!("expr {:?} at {at}: {said}", wanted.expr)
            }));
        }
        faults
    }

    fn errors(&self, t: i64) -> Vec<String> {
        let groups = self.around.board.rules();
        let rules = groups.iter().flat_map(|g| &g.rules);
        let bad = rules.filter(|r| r.health == RuleHealth::Err);
        bad.map(|r| format!("rule {} at {t} ms: {}", r.name, r.error))
            .collect()
    }

    fn judge_alerts(&self, wanted: &AlertTest) -> Option<String> {
        let mut got = self.around.board.firing(&wanted.alert);
        let mut want: Vec<(Labels, Labels)> = Vec::new();
        for (labels, annotations) in &wanted.wanted {
            let mut labels = labels.edit();
            labels.set(ALERT_NAME, &wanted.alert);
            want.push((labels.finish(), annotations.clone()));
        }
        got.sort();
        want.sort();
        if got == want {
            return None;
        }
        let at = crate::base::units::format_duration_ms(wanted.at);
        Some(format!(
            "alertname {} at {at}:\n    exp: {}\n    got: {}",
            wanted.alert,
            shown(&want),
            shown(&got)
        ))
    }

    fn judge_expr(&self, wanted: &ExprTest) -> Result<(), String> {
        let t = self.test.start + wanted.at;
        let value = self.memory.ask(&Question {
            language: Language::PromQl,
            expr: &wanted.expr,
            t,
            lookback: None,
        })?;
        let points = match value {
            Value::Scalar(sample) => vec![VectorPoint {
                labels: Labels::empty(),
                sample,
            }],
            Value::Vector(points) => points,
            Value::Text { .. } | Value::Matrix(_) => {
                return Err("rule result is not a vector or scalar".to_owned());
            }
        };
        let mut got: Vec<(Labels, f64)> =
            points.into_iter().map(|p| (p.labels, p.sample.v)).collect();
        let mut want = Vec::new();
        for ExpSample {
            labels,
            value,
            histogram,
        } in &wanted.wanted
        {
            if !histogram.is_empty() {
                return Err("native histograms are not evaluated".to_owned());
            }
            let (labels, rest) = parse_labels(labels)?;
            if !rest.trim().is_empty() {
                return Err(format!("{rest:?} stands behind the labels"));
            }
            want.push((labels, *value));
        }
        got.sort_by(|a, b| a.0.cmp(&b.0));
        want.sort_by(|a, b| a.0.cmp(&b.0));
        let same = got.len() == want.len()
            && got.iter().zip(&want).all(|(g, w)| {
                g.0 == w.0 && (equal(g.1, w.1) || self.file.fuzzy && neighbours(g.1, w.1))
            });
        if same {
            return Ok(());
        }
        let line = |all: &[(Labels, f64)]| {
            let each: Vec<String> = all.iter().map(|(l, v)| format!("{l} {v}")).collect();
            each.join(", ")
        };
        Err(format!(
            "\n    exp: {}\n    got: {}",
            line(&want),
            line(&got)
        ))
    }
}

fn shown(alerts: &[(Labels, Labels)]) -> String {
    let each: Vec<String> = alerts
        .iter()
        .map(|(labels, annotations)| format!("{labels} annotations {annotations}"))
        .collect();
    format!("[{}]", each.join(", "))
}

fn equal(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

/// The one is the next float beside the other.
fn neighbours(a: f64, b: f64) -> bool {
    a.next_up() == b || a.next_down() == b
}

impl Ask for Memory {
    fn ask(&self, question: &Question<'_>) -> Result<Value, String> {
        let Question {
            language,
            expr,
            t,
            lookback,
        } = *question;
        if language != Language::PromQl {
            let language = language.as_str();
            return Err(format!(
                "a test's series are asked in PromQL; this rule is in {language}"
            ));
        }
        let query = PromQuery {
            expr: expr.to_owned(),
            steps: Steps::at(t),
            instant: true,
            live: false,
            timeout_ms: None,
            lookback_ms: lookback,
        };
        let engine = Engine {
            experimental: true,
            ..Engine::default()
        };
        let answer = engine.run(self, &query, &Cancel::never());
        answer.map(|a| a.value).map_err(|e| e.to_string())
    }
}

/// Nobody is told in a test.
impl Tell for Memory {
    fn tell(&self, _: Vec<Alert>, _: i64) {}
}
