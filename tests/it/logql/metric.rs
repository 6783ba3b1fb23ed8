//! Metric queries against what Loki's own tests expect of them.

use crate::logql::memory::{Memory, Stored};
use crate::logql::set::{self, Set};
use bongsu::base::cancel::Cancel;
use bongsu::model::answer::LogsValue;
use bongsu::model::labels::Labels;
use bongsu::model::log_entry::{Level, LevelSet, NanoRange};
use bongsu::model::request::LogsQuery;
use bongsu::query::logql::eval::Engine;
use bongsu::query::promql::series::{self, Item};
use serde_json::Value;
use std::collections::BTreeMap;

const NAME: &str = "logql-metric";

fn ns(row: &Value, key: &str) -> Option<i64> {
    row[key].as_f64().map(|s| (s * 1e9).round() as i64)
}

fn labels_of(text: &str) -> Labels {
    series::parse_labels(text).unwrap().0
}

/// The rows of these two files lost the repetition of lines that come more often than every ten
/// seconds: they stand once, at the distance at which they were repeated, until three minutes.
fn lost_repetition(row: &Value, entry: &Value) -> bool {
    let file = row["file"].as_str().unwrap();
    (file == "vector_aggregations" || file == "functions") && entry["every_s"].is_null()
}

fn load(row: &Value) -> Memory {
    let mut memory = Memory::default();
    for entry in row["load"].as_array().unwrap() {
        let stream = labels_of(entry["stream"].as_str().unwrap());
        let metadata = entry["metadata"].as_object().into_iter().flatten();
        let metadata = metadata.map(|(n, v)| (n.clone(), v.as_str().unwrap().to_owned()));
        let metadata = Labels::from_pairs(metadata);
        let (at, every) = (
            ns(entry, "at_s").unwrap(),
            ns(entry, "every_s").unwrap_or(0),
        );
        let (every, count) = match entry["count"].as_i64() {
            None if at > 0 && lost_repetition(row, entry) => (at, 180_000_000_000 / at),
            count => (every, count.unwrap_or(1)),
        };
        for i in 0..count {
            let line = entry["line"].as_str().unwrap();
            memory.lines.push(Stored {
                stream: stream.clone(),
                t: at + i * every,
                line: line.replace("{{.i}}", &i.to_string()).into_bytes(),
                metadata: metadata.clone(),
                level: Level::Unknown,
            });
        }
    }
    memory
}

fn query(row: &Value) -> LogsQuery {
    let instant = row["kind"] == "instant";
    let end = ns(row, "at_s").or_else(|| ns(row, "end_s")).unwrap();
    let start = ns(row, "start_s").unwrap_or(end);
    LogsQuery {
        expr: row["query"].as_str().unwrap().to_owned(),
        range: NanoRange::new(start, end),
        step: ns(row, "step_s").unwrap_or(0),
        instant,
        limit: 0,
        newest_first: false,
        interval: 0,
        levels: LevelSet::ALL,
        timeout_ms: None,
    }
}

type Rows = Vec<(Labels, Vec<Option<f64>>)>;

/// What came out, one value for each step.
fn rows(value: LogsValue, query: &LogsQuery) -> Rows {
    match value {
        LogsValue::Scalar(sample) => vec![(Labels::empty(), vec![Some(sample.v)])],
        LogsValue::Vector(points) => {
            let row = |p: bongsu::model::answer::VectorPoint| (p.labels, vec![Some(p.sample.v)]);
            points.into_iter().map(row).collect()
        }
        LogsValue::Matrix(all) => {
            let count = (query.range.end - query.range.start) / query.step + 1;
            let row = |s: bongsu::model::answer::Series| {
                let by_time: BTreeMap<i64, f64> = s.samples.iter().map(|v| (v.t, v.v)).collect();
                let at = |i: i64| (query.range.start + i * query.step) / 1_000_000;
                let values = (0..count).map(|i| by_time.get(&at(i)).copied());
                (s.labels, values.collect())
            };
            all.into_iter().map(row).collect()
        }
        LogsValue::Lines(lines) => panic!("gave {} lines", lines.len()),
    }
}

/// Series descriptions, or a bare number.
fn expected(row: &Value, steps: usize) -> Rows {
    let lines = row["expect"].as_array().unwrap().iter();
    let lines = lines.map(|l| l.as_str().unwrap());
    let described = lines.filter(|l| !l.starts_with("expect") && !l.starts_with("skip"));
    described
        .map(|line| {
            if !line.starts_with('{') {
                let v = line.parse().unwrap();
                return (Labels::empty(), vec![Some(v); steps]);
            }
            let (labels, items) = series::parse_series(line).unwrap();
            let value = |item: &Item| match item {
                Item::Value(v) => Some(*v),
                _ => None,
            };
            (labels, items.iter().map(value).collect())
        })
        .collect()
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * a.abs().max(b.abs())
        }
        (None, None) => true,
        _ => false,
    }
}

fn judge(row: &Value) -> Result<(), String> {
    let says = |what: &str| {
        let all = row["expect"].as_array().unwrap().iter();
        { all }.find_map(|l| l.as_str().unwrap().strip_prefix(what))
    };
    let query = query(row);
    let got = Engine::default().run(&load(row), &query, &Cancel::never());
    if let Some(want) = says("expect fail") {
        let want = want
            .trim_start_matches(" msg: ")
            .trim_start_matches(" regex: ");
        return match got {
            Ok(answer) => Err(format!("gave {:?}", answer.value)),
            Err(e) if e.to_string().contains(want) => Ok(()),
            Err(e) => Err(format!("said {e} instead of {want}")),
        };
    }
    let mut got = rows(got.map_err(|e| e.to_string())?.value, &query);
    let steps = got.first().map_or(1, |(_, v)| v.len());
    let mut want = expected(row, steps);
    if says("expect ordered").is_none() {
        got.sort_by(|a, b| a.0.cmp(&b.0));
        want.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let same = got.len() == want.len()
        && got.iter().zip(&want).all(|((gl, gv), (wl, wv))| {
            let len = gv.len().max(wv.len());
            let at = |v: &[Option<f64>], i: usize| v.get(i).copied().flatten();
            gl == wl && (0..len).all(|i| close(at(gv, i), at(wv, i)))
        });
    if same {
        Ok(())
    } else {
        Err(format!("gave {got:?}\n    instead of {want:?}"))
    }
}

#[test]
fn conformance() {
    let mut set = Set::new(NAME);
    for row in set::rows(NAME, "logql/logql_metric_conformance.jsonl") {
        let key = format!(
            "{}:{} {}",
            row["file"].as_str().unwrap(),
            row["line"],
            row["query"].as_str().unwrap()
        );
        set.add(&key, judge(&row));
    }
    set.finish();
}
