//! Unit tests of rules, in promtool's form: what a test file may say, and its checked value.
//!
//! Source: Prometheus `cmd/promtool/unittest.go`.

use crate::base::clock::Duration;
use crate::config::check::{Check, Names};
use crate::config::fields::Fields;
use crate::config::files::{Files, System};
use crate::config::finding::{Finding, Level, Report};
use crate::config::global::folder_of;
use crate::config::place::{self, Node};
use crate::config::shape::{self, Section, Shape, field};
use crate::model::labels::Labels;
use std::path::{Path, PathBuf};

static FILE: Section = Section {
    name: "",
    keys: &[&[
        field("rule_files", Shape::List(&Shape::Text)),
        field("evaluation_interval", Shape::Duration),
        field("group_eval_order", Shape::List(&Shape::Text)),
        field("fuzzy_compare", Shape::Bool),
        field("tests", Shape::List(&Shape::Section(&TEST))),
    ]],
};

static TEST: Section = Section {
    name: "tests",
    keys: &[&[
        field("name", Shape::Text),
        field("interval", Shape::Duration),
        field("start_timestamp", Shape::Text),
        field("input_series", Shape::List(&Shape::Section(&INPUT))),
        field("alert_rule_test", Shape::List(&Shape::Section(&ALERT_TEST))),
        field("promql_expr_test", Shape::List(&Shape::Section(&EXPR_TEST))),
        field("external_labels", Shape::Texts),
        field("external_url", Shape::Text),
    ]],
};

static INPUT: Section = Section {
    name: "input_series",
    keys: &[&[field("series", Shape::Text), field("values", Shape::Text)]],
};

static ALERT_TEST: Section = Section {
    name: "alert_rule_test",
    keys: &[&[
        field("eval_time", Shape::Duration),
        field("alertname", Shape::Text),
        field("exp_alerts", Shape::List(&Shape::Section(&EXP_ALERT))),
    ]],
};

static EXP_ALERT: Section = Section {
    name: "exp_alerts",
    keys: &[&[
        field("exp_labels", Shape::Texts),
        field("exp_annotations", Shape::Texts),
    ]],
};

static EXPR_TEST: Section = Section {
    name: "promql_expr_test",
    keys: &[&[
        field("expr", Shape::Text),
        field("eval_time", Shape::Duration),
        field("exp_samples", Shape::List(&Shape::Section(&EXP_SAMPLE))),
    ]],
};

static EXP_SAMPLE: Section = Section {
    name: "exp_samples",
    keys: &[&[
        field("labels", Shape::Text),
        field("value", Shape::Float),
        field("histogram", Shape::Text),
    ]],
};

/// A file of tests. Times are milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleTests {
    /// The files that the patterns match.
    pub rule_files: Vec<PathBuf>,
    pub interval: i64,
    /// Groups that are evaluated first, in this order.
    pub order: Vec<String>,
    /// Values may differ by the last bit.
    pub fuzzy: bool,
    pub tests: Vec<RuleTest>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleTest {
    pub name: String,
    /// Between two samples of the input.
    pub interval: i64,
    pub start: i64,
    /// Series and their values, as written.
    pub input: Vec<(String, String)>,
    pub alerts: Vec<AlertTest>,
    pub exprs: Vec<ExprTest>,
    pub external_labels: Labels,
    pub external_url: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertTest {
    /// From the test's start.
    pub at: i64,
    pub alert: String,
    /// Labels, without the alert's name, and annotations of those that fire.
    pub wanted: Vec<(Labels, Labels)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExprTest {
    pub at: i64,
    pub expr: String,
    pub wanted: Vec<ExpSample>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpSample {
    /// As written: `metric{a="b"}`.
    pub labels: String,
    pub value: f64,
    pub histogram: String,
}

/// Reads a file of tests; its findings where it is refused.
pub fn read_rule_tests(path: &Path) -> Result<RuleTests, Vec<Finding>> {
    let mut report = Report::new(path);
    let text = System.read(path).unwrap_or_else(|e| {
        report.error(place::Place::default(), format!("cannot be read: {e}"));
        String::new()
    });
    let tree = report.take_parsed(place::parse(&text));
    let mut check = Check {
        report: &mut report,
        folder: folder_of(path),
        files: &System,
        names: Names::default(),
    };
    let tests = tree.as_ref().map(|tree| read(tree, &mut check));
    let findings = report.finish(tree.as_ref());
    if findings.iter().any(|f| f.level == Level::Error) {
        return Err(findings);
    }
    Ok(tests.unwrap_or_default())
}

/// Holds a file of tests against its shape.
pub(crate) fn read(tree: &Node, check: &mut Check<'_>) -> RuleTests {
    shape::check(tree, &FILE, check.report);
    let of = Fields::new(tree, &FILE);
    let interval = of.positive("evaluation_interval").map_or(60_000, ms);
    let patterns = check.patterns(of.texts("rule_files"));
    let files = patterns.iter().flat_map(|p| check.files.matches(p));
    RuleTests {
        rule_files: files.collect(),
        interval,
        order: of.strings("group_eval_order"),
        fuzzy: of.bool("fuzzy_compare").unwrap_or(false),
        tests: of
            .sections("tests", &TEST)
            .into_iter()
            .map(|of| read_test(of, interval, check))
            .collect(),
    }
}

fn ms(d: Duration) -> i64 {
    d.as_millis() as i64
}

fn read_test(of: Fields<'_>, interval: i64, check: &mut Check<'_>) -> RuleTest {
    let start = match of.text("start_timestamp").map(start_of) {
        Some(None) => {
            let text = "this is no time; write seconds since 1970 or 2024-01-01T00:00:00Z";
            check.report.error(of.value_place("start_timestamp"), text);
            0
        }
        Some(Some(start)) => start,
        None => 0,
    };
    let at = |of: Fields<'_>| of.duration("eval_time").map_or(0, ms);
    let inputs = of.sections("input_series", &INPUT).into_iter();
    let alerts = of.sections("alert_rule_test", &ALERT_TEST).into_iter();
    let exprs = of.sections("promql_expr_test", &EXPR_TEST).into_iter();
    RuleTest {
        name: of.string("name").unwrap_or_default(),
        interval: of.positive("interval").map_or(interval, ms),
        start,
        input: inputs
            .map(|of| {
                let text = |key| of.string(key).unwrap_or_default();
                (text("series"), text("values"))
            })
            .collect(),
        alerts: alerts
            .map(|of| AlertTest {
                at: at(of),
                alert: of.string("alertname").unwrap_or_default(),
                wanted: of
                    .sections("exp_alerts", &EXP_ALERT)
                    .into_iter()
                    .map(|of| (labels(of, "exp_labels"), labels(of, "exp_annotations")))
                    .collect(),
            })
            .collect(),
        exprs: exprs
            .map(|of| ExprTest {
                at: at(of),
                expr: of.string("expr").unwrap_or_default(),
                wanted: of
                    .sections("exp_samples", &EXP_SAMPLE)
                    .into_iter()
                    .map(|of| ExpSample {
                        labels: of.string("labels").unwrap_or_default(),
                        value: of.float("value").unwrap_or(0.0),
                        histogram: of.string("histogram").unwrap_or_default(),
                    })
                    .collect(),
            })
            .collect(),
        external_labels: labels(of, "external_labels"),
        external_url: of.string("external_url").unwrap_or_default(),
    }
}

fn labels(of: Fields<'_>, key: &str) -> Labels {
    let pairs = of.pairs(key).into_iter();
    Labels::from_pairs(pairs.map(|(n, v, _)| (n, v)))
}

/// Seconds since the epoch, or RFC 3339; milliseconds.
fn start_of(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Some((seconds * 1000.0) as i64);
    }
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.timestamp_millis())
}
