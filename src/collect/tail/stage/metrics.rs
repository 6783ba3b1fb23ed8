//! The metrics stage: counters, gauges and histograms of lines and extracted values.
//!
//! Names are Promtail's (`promtail_custom_*`); labels are those of the entry. A series that no line
//! was counted into for its idle time ends. One of them is shared by all sources.

use crate::collect::tail::stage::{Entry, show};
use crate::config::logs::stages::{Action, Metric, MetricKind};
use crate::model::labels::Labels;
use crate::model::sample::stale_marker;
use crate::store::write::{Append, MetricSink, SeriesId, WriteError};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Label sets of all metrics together; lines of further ones are not counted.
const MOST: usize = 10_000;

/// What lines were counted into.
#[derive(Default)]
pub struct Metrics(Mutex<State>);

#[derive(Default)]
struct State {
    metrics: BTreeMap<String, Family>,
    series: usize,
    /// Numbers of series in the store, by their labels.
    ids: HashMap<Labels, SeriesId>,
}

struct Family {
    of: Metric,
    series: BTreeMap<Labels, Series>,
}

#[derive(Default)]
struct Series {
    value: f64,
    count: u64,
    /// Of a histogram: by upper bound, not added up.
    buckets: Vec<u64>,
    /// When a line was counted last, nanoseconds since the epoch.
    touched: i64,
}

/// A series as it is written: its labels with its name, and its value.
pub type Line = (Labels, f64);

impl Metrics {
    /// Counts one entry.
    pub(crate) fn count(&self, all: &[Metric], entry: &Entry) {
        for metric in all {
            let counter = matches!(metric.kind, MetricKind::Counter(_));
            let bytes = entry.line.len() as f64;
            let by = if metric.match_all && counter {
                Some(if metric.count_bytes { bytes } else { 1.0 })
            } else {
                entry
                    .extracted
                    .get(&metric.source)
                    .and_then(|value| amount(metric, value))
            };
            if let Some(by) = by {
                self.add(metric, entry, by);
            }
        }
    }

    fn add(&self, metric: &Metric, entry: &Entry, by: f64) {
        let mut state = self.0.lock();
        let state = &mut *state;
        if !state.metrics.contains_key(&metric.name) {
            let family = Family {
                of: metric.clone(),
                series: BTreeMap::new(),
            };
            state.metrics.insert(metric.name.clone(), family);
        }
        let Some(family) = state.metrics.get_mut(&metric.name) else {
            return;
        };
        family.of = metric.clone();
        let mut labels = entry.labels.clone();
        labels.retain(|name| !name.starts_with("__"));
        let labels = labels.finish();
        if !family.series.contains_key(&labels) {
            if state.series >= MOST {
                return;
            }
            state.series += 1;
        }
        let series = family.series.entry(labels).or_default();
        series.touched = entry.now;
        match &metric.kind {
            MetricKind::Counter(_) => series.value += by.max(0.0),
            MetricKind::Gauge(Action::Set) => series.value = by,
            MetricKind::Gauge(Action::Dec | Action::Sub) => series.value -= by,
            MetricKind::Gauge(_) => series.value += by,
            MetricKind::Histogram(bounds) => {
                series.value += by;
                series.count += 1;
                series.buckets.resize(bounds.len(), 0);
                if let Some(i) = bounds.iter().position(|bound| by <= *bound) {
                    series.buckets[i] += 1;
                }
            }
        }
    }

    /// Help and type of each metric, with its series.
    pub fn families(&self) -> Vec<(String, String, &'static str, Vec<Line>)> {
        let state = self.0.lock();
        let family = |(name, family): (&String, &Family)| {
            let kind = match family.of.kind {
                MetricKind::Counter(_) => "counter",
                MetricKind::Gauge(_) => "gauge",
                MetricKind::Histogram(_) => "histogram",
            };
            let mut lines = Vec::new();
            for (labels, series) in &family.series {
                lines_of(family, labels, series, &mut lines);
            }
            (name.clone(), family.of.help.clone(), kind, lines)
        };
        state.metrics.iter().map(family).collect()
    }

    /// Writes the counts of now, with the labels that a scrape of a Promtail on this machine would
    /// give them; series that have been idle end.
    pub fn write(
        &self,
        sink: &dyn MetricSink,
        instance: &str,
        now_ms: i64,
    ) -> Result<(), WriteError> {
        let (mut lines, mut ended) = (Vec::new(), Vec::new());
        {
            let mut state = self.0.lock();
            let state = &mut *state;
            for family in state.metrics.values_mut() {
                let Family { of, series } = &*family;
                let idle_ms = of.idle.as_millis() as i64;
                let idle = |s: &Series| now_ms - s.touched / 1_000_000 > idle_ms;
                for (labels, series) in series {
                    let out = if idle(series) { &mut ended } else { &mut lines };
                    lines_of(family, labels, series, out);
                }
                family.series.retain(|_, s| !idle(s));
            }
            state.metrics.retain(|_, f| !f.series.is_empty());
            state.series = state.metrics.values().map(|f| f.series.len()).sum();
        }
        let stale = ended.into_iter().map(|(l, _)| (l, stale_marker()));
        lines.extend(stale);
        let mut batch = Vec::with_capacity(lines.len());
        for (labels, v) in lines {
            let labels = scraped(&labels, instance);
            let known = self.0.lock().ids.get(&labels).copied();
            let series = match known {
                Some(id) => id,
                None => sink.resolve(&labels)?,
            };
            if v.to_bits() == stale_marker().to_bits() {
                self.0.lock().ids.remove(&labels);
            } else if known.is_none() {
                self.0.lock().ids.insert(labels, series);
            }
            batch.push(Append {
                series,
                t: now_ms,
                v,
            });
        }
        if batch.is_empty() {
            return Ok(());
        }
        let gone = sink.append(&batch)?.gone;
        if !gone.is_empty() {
            self.0.lock().ids.retain(|_, id| !gone.contains(id));
        }
        Ok(())
    }
}

/// What a value counts for; `None` where it does not count.
fn amount(metric: &Metric, value: &Value) -> Option<f64> {
    let text = show(value);
    if metric.value.is_some() && metric.value != text {
        return None;
    }
    match metric.kind {
        MetricKind::Counter(Action::Inc) | MetricKind::Gauge(Action::Inc | Action::Dec) => {
            Some(1.0)
        }
        _ => match value {
            Value::Bool(b) => Some(f64::from(u8::from(*b))),
            _ => text?.trim().parse().ok().filter(|f: &f64| f.is_finite()),
        },
    }
}

fn lines_of(family: &Family, labels: &Labels, series: &Series, out: &mut Vec<Line>) {
    let name = &family.of.name;
    let named = |suffix: &str, le: Option<&str>| {
        let mut edit = labels.edit();
        edit.set("__name__", &format!("{name}{suffix}"));
        if let Some(le) = le {
            edit.set("le", le);
        }
        edit.finish()
    };
    let MetricKind::Histogram(bounds) = &family.of.kind else {
        out.push((named("", None), series.value));
        return;
    };
    let mut sum = 0;
    for (bound, n) in bounds.iter().zip(&series.buckets) {
        sum += n;
        out.push((named("_bucket", Some(&bound.to_string())), sum as f64));
    }
    out.push((named("_bucket", Some("+Inf")), series.count as f64));
    out.push((named("_sum", None), series.value));
    out.push((named("_count", None), series.count as f64));
}

/// `job` and `instance` of the scrape; those of the line become `exported_`.
fn scraped(labels: &Labels, instance: &str) -> Labels {
    let mut edit = labels.edit();
    for (name, value) in [("job", "promtail"), ("instance", instance)] {
        let own = labels.get(name);
        if !own.is_empty() {
            edit.set(&format!("exported_{name}"), own);
        }
        edit.set(name, value);
    }
    edit.finish()
}
