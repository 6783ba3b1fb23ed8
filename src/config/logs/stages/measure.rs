//! Stages that measure: `metrics` and `limit`.

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::logs::stages::{Stage, keys as k};
use crate::config::place::{Node, Value};
use crate::config::shape::as_float;

/// The buckets of a histogram that says none: Prometheus' own.
const BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Lines a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub rate: f64,
    pub burst: f64,
    /// What is too much is dropped; else the source waits.
    pub drop: bool,
    /// One limit for the lines of all jobs.
    pub common: bool,
    /// A limit of its own for each value.
    pub by_label: Option<String>,
    pub most_labels: usize,
}

/// One metric that lines are counted into.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// With its prefix.
    pub name: String,
    pub help: String,
    /// The extracted value it is about.
    pub source: String,
    pub idle: Duration,
    pub kind: MetricKind,
    /// Only this value counts.
    pub value: Option<String>,
    /// Every line counts, whatever was extracted.
    pub match_all: bool,
    pub count_bytes: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MetricKind {
    Counter(Action),
    Gauge(Action),
    /// Upper bounds, ascending, without the last.
    Histogram(Vec<f64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Set,
    Inc,
    Dec,
    Add,
    Sub,
}

pub(super) fn limit(of: Fields<'_>, check: &mut Check<'_>) -> Option<Stage> {
    let rate = of.float("rate").unwrap_or(0.0);
    let burst = of.count("burst").unwrap_or(0) as f64;
    if rate <= 0.0 || burst <= 0.0 {
        let text = "`rate` and `burst` are needed here, both above zero";
        check.report.error(of.place(), text);
        return None;
    }
    let drop = of.bool("drop").unwrap_or(false);
    let by_label = of.string("by_label_name").filter(|l| !l.is_empty());
    if by_label.is_some() && !drop {
        let text = "a limit by label drops what is too much: write `drop: true` as well";
        check.report.error(of.place_of("by_label_name"), text);
    }
    Some(Stage::Limit(Limit {
        rate,
        burst,
        drop,
        common: false,
        by_label,
        most_labels: of
            .count("max_distinct_labels")
            .map_or(10_000, |n| (n as usize).clamp(10_000, 1_000_000)),
    }))
}

pub(super) fn metrics(item: Fields<'_>, check: &mut Check<'_>) -> Stage {
    let entries = item.get("metrics").map_or(&[][..], Node::entries);
    let mut out = Vec::new();
    for entry in entries {
        if matches!(entry.value.value, Value::Map(_)) {
            let of = Fields::new(&entry.value, &k::METRIC);
            out.extend(metric(&entry.key, of, check));
        } else {
            let text = format!("the metric {} needs a `type`", entry.key);
            check.report.error(entry.place, text);
        }
    }
    Stage::Metrics(out.into())
}

fn metric(key: &str, of: Fields<'_>, check: &mut Check<'_>) -> Option<Metric> {
    let config = of.section("config", &k::METRIC_CONFIG);
    let told = |name| config.and_then(|c| c.bool(name)).unwrap_or(false);
    let (match_all, count_bytes) = (told("match_all"), told("count_entry_bytes"));
    let value = config.and_then(|c| c.string("value"));
    let kind = kind(of, config, check)?;
    if match_all && value.is_some() {
        let text = "`match_all` and `value` cannot both be given";
        check.report.error(of.place_of("config"), text);
    }
    if count_bytes && !(match_all && kind == MetricKind::Counter(Action::Add)) {
        let text = "`count_entry_bytes` is for counters with `match_all: true` and `action: add`";
        check.report.error(of.place_of("config"), text);
    }
    if of.text("max_idle_duration").is_some_and(|t| !t.is_empty())
        && of
            .duration("max_idle_duration")
            .is_some_and(|d| d < Duration::from_secs(1))
    {
        let text = "`max_idle_duration` is a second at least";
        check
            .report
            .error(of.value_place("max_idle_duration"), text);
    }
    let prefix = of.string("prefix").filter(|p| !p.is_empty());
    let name = prefix.unwrap_or_else(|| "promtail_custom_".to_owned()) + key;
    if !is_metric_name(&name) {
        let text = format!("{name:?} is not the name of a metric: letters, digits, `_` and `:`");
        check.report.error(of.place(), text);
        return None;
    }
    Some(Metric {
        name,
        help: of.string("description").unwrap_or_default(),
        source: of
            .string("source")
            .filter(|s| !s.is_empty())
            .unwrap_or_else(|| key.to_owned()),
        idle: of
            .positive("max_idle_duration")
            .unwrap_or(Duration::from_mins(5)),
        kind,
        value,
        match_all,
        count_bytes,
    })
}

fn is_metric_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !name.is_empty() && name.chars().all(fits) && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn kind(of: Fields<'_>, config: Option<Fields<'_>>, check: &mut Check<'_>) -> Option<MetricKind> {
    let word = of.text("type").unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "counter" => action(of, config, &["inc", "add"], check).map(MetricKind::Counter),
        "gauge" => {
            let actions = ["set", "inc", "dec", "add", "sub"];
            action(of, config, &actions, check).map(MetricKind::Gauge)
        }
        "histogram" => {
            let given = config.map_or(&[][..], |c| c.items("buckets"));
            let number = |node: &Node| match &node.value {
                Value::Scalar(scalar) => as_float(scalar),
                Value::List(_) | Value::Map(_) => None,
            };
            let mut bounds: Vec<f64> = given.iter().filter_map(number).collect();
            bounds.retain(|b| b.is_finite());
            if bounds.is_empty() {
                bounds = BUCKETS.to_vec();
            }
            if !bounds.is_sorted_by(|a, b| a < b) {
                let text = "`buckets` are ascending";
                check.report.error(of.place_of("config"), text);
            }
            Some(MetricKind::Histogram(bounds))
        }
        _ => {
            let text = "`type` is Counter, Gauge or Histogram";
            check.report.error(of.value_place("type"), text);
            None
        }
    }
}

fn action(
    of: Fields<'_>,
    config: Option<Fields<'_>>,
    words: &[&str],
    check: &mut Check<'_>,
) -> Option<Action> {
    let word = config.and_then(|c| c.text("action")).unwrap_or_default();
    let word = word.to_ascii_lowercase();
    if !words.contains(&word.as_str()) {
        let text = format!("`action` is needed in `config`: {}", words.join(", "));
        check.report.error(of.place_of("config"), text);
        return None;
    }
    Some(match word.as_str() {
        "set" => Action::Set,
        "inc" => Action::Inc,
        "dec" => Action::Dec,
        "add" => Action::Add,
        _ => Action::Sub,
    })
}
