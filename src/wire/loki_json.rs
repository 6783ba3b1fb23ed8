//! The JSON of Loki's HTTP API, written into bytes.

use crate::model::answer::{
    Field, FieldKind, LogCost, LogLine, LogPattern, LogTotals, LogsAnswer, LogsValue,
};
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::wire::prom_json::number::{push_time, push_value};
use crate::wire::prom_json::write::{push_labels, push_text};
use std::collections::BTreeMap;

const SUCCESS: &[u8] = b"{\"status\":\"success\"";

/// How the labels of lines are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One set, as every client knows it.
    Together,
    /// Those of the stream alone; the others stand beside each line.
    Categorised,
}

/// The answer of `query` and `query_range`.
pub fn query(answer: &LogsAnswer, encoding: Encoding) -> Vec<u8> {
    let mut out = SUCCESS.to_vec();
    out.extend_from_slice(b",\"data\":{\"resultType\":\"");
    let kind = match answer.value {
        LogsValue::Lines(_) => "streams",
        LogsValue::Scalar(_) => "scalar",
        LogsValue::Vector(_) => "vector",
        LogsValue::Matrix(_) => "matrix",
    };
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"result\":");
    match &answer.value {
        LogsValue::Lines(lines) => streams(&mut out, lines, encoding),
        LogsValue::Scalar(sample) => push_sample(&mut out, *sample),
        LogsValue::Vector(points) => list(&mut out, points, |out, point| {
            out.extend_from_slice(b"{\"metric\":");
            push_labels(out, &point.labels);
            out.extend_from_slice(b",\"value\":");
            push_sample(out, point.sample);
            out.push(b'}');
        }),
        LogsValue::Matrix(all) => list(&mut out, all, |out, series| {
            out.extend_from_slice(b"{\"metric\":");
            push_labels(out, &series.labels);
            out.extend_from_slice(b",\"values\":");
            list(out, &series.samples, |out, sample| {
                push_sample(out, *sample);
            });
            out.push(b'}');
        }),
    }
    if encoding == Encoding::Categorised && matches!(answer.value, LogsValue::Lines(_)) {
        out.extend_from_slice(b",\"encodingFlags\":[\"categorize-labels\"]");
    }
    let returned = match &answer.value {
        LogsValue::Lines(lines) => lines.len(),
        _ => 0,
    };
    stats(&mut out, &answer.cost, returned);
    out.push(b'}');
    if !answer.notes.warnings.is_empty() {
        out.extend_from_slice(b",\"warnings\":");
        list(&mut out, &answer.notes.warnings, |out, text| {
            push_text(out, text);
        });
    }
    out.push(b'}');
    out
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut each: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
}

/// `[1700000000.5,"1"]`
fn push_sample(out: &mut Vec<u8>, sample: Sample) {
    out.push(b'[');
    push_time(out, sample.t);
    out.extend_from_slice(b",\"");
    push_value(out, sample.v);
    out.extend_from_slice(b"\"]");
}

/// Lines by their labels, in the order of the labels; each stream keeps the order of its lines.
pub fn by_stream(lines: &[LogLine], encoding: Encoding) -> BTreeMap<Labels, Vec<&LogLine>> {
    let mut streams: BTreeMap<Labels, Vec<&LogLine>> = BTreeMap::new();
    for line in lines {
        let labels = match encoding {
            Encoding::Together => line.labels(),
            Encoding::Categorised => line.stream.clone(),
        };
        streams.entry(labels).or_default().push(line);
    }
    streams
}

/// One frame of `tail`: lines in the order of their arrival, and how many went by before `now`.
pub fn tail(lines: &[LogLine], (missed, now): (u64, i64), encoding: Encoding) -> Vec<u8> {
    let mut out = b"{\"streams\":".to_vec();
    streams(&mut out, lines, encoding);
    if encoding == Encoding::Categorised {
        out.extend_from_slice(b",\"encodingFlags\":[\"categorize-labels\"]");
    }
    if missed > 0 {
        // Which they were is not known: a range query finds them.
        let dropped = serde_json::json!([{ "labels": "{}", "timestamp": now.to_string() }]);
        out.extend_from_slice(format!(",\"dropped_entries\":{dropped}").as_bytes());
    }
    out.push(b'}');
    out
}

fn streams(out: &mut Vec<u8>, lines: &[LogLine], encoding: Encoding) {
    let streams: Vec<_> = by_stream(lines, encoding).into_iter().collect();
    list(out, &streams, |out, (labels, lines)| {
        out.extend_from_slice(b"{\"stream\":");
        push_labels(out, labels);
        out.extend_from_slice(b",\"values\":");
        list(out, lines, |out, line| value(out, line, encoding));
        out.push(b'}');
    });
}

/// `["1700000000000000000","line"]`, with the other labels as a third element where they are told
/// apart.
fn value(out: &mut Vec<u8>, line: &LogLine, encoding: Encoding) {
    out.extend_from_slice(format!("[\"{}\",", line.t).as_bytes());
    push_text(out, &line.line);
    if encoding == Encoding::Categorised {
        out.extend_from_slice(b",{");
        let mut comma = false;
        for (name, labels) in [
            ("structuredMetadata", &line.metadata),
            ("parsed", &line.parsed),
        ] {
            if labels.is_empty() {
                continue;
            }
            if std::mem::replace(&mut comma, true) {
                out.push(b',');
            }
            push_text(out, name);
            out.push(b':');
            push_labels(out, labels);
        }
        out.push(b'}');
    }
    out.push(b']');
}

fn stats(out: &mut Vec<u8>, cost: &LogCost, returned: usize) {
    let seconds = (cost.millis / 1000.0).max(1e-9);
    let summary = serde_json::json!({
        "bytesProcessedPerSecond": (cost.scanned_bytes as f64 / seconds) as u64,
        "linesProcessedPerSecond": (cost.lines as f64 / seconds) as u64,
        "totalBytesProcessed": cost.scanned_bytes,
        "totalLinesProcessed": cost.lines,
        "execTime": cost.millis / 1000.0,
        "queueTime": 0,
        "subqueries": 0,
        "totalEntriesReturned": returned,
    });
    let stats = format!(",\"stats\":{{\"summary\":{summary},\"querier\":{{}},\"ingester\":{{}}}}");
    out.extend_from_slice(stats.as_bytes());
}

/// `labels` and `label/NAME/values`; no data where there is none.
pub fn names(names: &[String]) -> Vec<u8> {
    let mut out = SUCCESS.to_vec();
    if !names.is_empty() {
        out.extend_from_slice(b",\"data\":");
        list(&mut out, names, |out, name| push_text(out, name));
    }
    out.push(b'}');
    out
}

pub fn series(all: &[Labels]) -> Vec<u8> {
    let mut out = SUCCESS.to_vec();
    out.extend_from_slice(b",\"data\":");
    list(&mut out, all, push_labels);
    out.push(b'}');
    out
}

/// `index/stats` has no envelope.
pub fn totals(totals: &LogTotals) -> Vec<u8> {
    serde_json::json!({
        "streams": totals.streams,
        "chunks": totals.blocks,
        "bytes": totals.bytes,
        "entries": totals.lines,
    })
    .to_string()
    .into_bytes()
}

/// Numbers of distinct values by label.
pub fn detected_labels(all: &[(String, u64)]) -> Vec<u8> {
    let label =
        |(name, count): &(String, u64)| serde_json::json!({ "label": name, "cardinality": count });
    let all: Vec<_> = all.iter().map(label).collect();
    serde_json::json!({ "detectedLabels": all })
        .to_string()
        .into_bytes()
}

/// A vector whose series are called by the name of a label, which has no value there.
pub fn label_volumes(all: &[(String, u64)], t: i64) -> Vec<u8> {
    let series = |(name, bytes): &(String, u64)| {
        let mut metric = serde_json::Map::new();
        metric.insert(name.clone(), "".into());
        serde_json::json!({ "metric": metric, "value": [t as f64 / 1000.0, bytes.to_string()] })
    };
    let result: Vec<_> = all.iter().map(series).collect();
    let data = serde_json::json!({ "resultType": "vector", "result": result });
    serde_json::json!({ "status": "success", "data": data })
        .to_string()
        .into_bytes()
}

pub fn detected_fields(fields: &[Field], limit: usize) -> Vec<u8> {
    let field = |f: &Field| {
        let kind = match f.kind {
            FieldKind::String => "string",
            FieldKind::Int => "int",
            FieldKind::Float => "float",
            FieldKind::Boolean => "boolean",
            FieldKind::Duration => "duration",
            FieldKind::Bytes => "bytes",
        };
        let parsers = (!f.parsers.is_empty()).then_some(&f.parsers);
        let mut out = serde_json::json!({
            "label": f.name,
            "type": kind,
            "cardinality": f.cardinality,
            "parsers": parsers,
        });
        if !f.json_path.is_empty() {
            out["jsonPath"] = f.json_path.clone().into();
        }
        out
    };
    let fields: Vec<_> = fields.iter().map(field).collect();
    serde_json::json!({ "fields": fields, "limit": limit })
        .to_string()
        .into_bytes()
}

pub fn detected_values(values: &[String], limit: usize) -> Vec<u8> {
    serde_json::json!({ "values": values, "limit": limit })
        .to_string()
        .into_bytes()
}

/// `start` and `step` in nanoseconds; stretches without lines are left out.
pub fn patterns(all: &[LogPattern], start: i64, step: i64) -> Vec<u8> {
    let pattern = |p: &LogPattern| {
        let counts = p.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        let samples = counts.map(|(i, n)| {
            let at = start.saturating_add(step.saturating_mul(i as i64));
            serde_json::json!([at.div_euclid(1_000_000_000), n])
        });
        serde_json::json!({
            "pattern": p.pattern,
            "level": p.level.as_str(),
            "samples": samples.collect::<Vec<_>>(),
        })
    };
    let all: Vec<_> = all.iter().map(pattern).collect();
    serde_json::json!({ "status": "success", "data": all })
        .to_string()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::answer::Notes;
    use crate::model::log_entry::Level;

    fn line(t: i64, stream: &str, text: &str) -> LogLine {
        LogLine {
            t,
            line: text.to_owned(),
            stream: Labels::from_pairs([("app", stream)]),
            metadata: Labels::from_pairs([("pod", "p1")]),
            parsed: Labels::from_pairs([("status", "500")]),
            level: Level::Unknown,
        }
    }

    fn written(encoding: Encoding) -> serde_json::Value {
        let answer = LogsAnswer {
            value: LogsValue::Lines(vec![
                line(30, "b", "three \"q\""),
                line(20, "a", "two"),
                line(10, "b", "one"),
            ]),
            notes: Notes::default(),
            cost: LogCost::default(),
        };
        serde_json::from_slice(&query(&answer, encoding)).unwrap()
    }

    #[test]
    fn streams_hold_their_lines_in_order() {
        let json = written(Encoding::Together);
        assert_eq!(json["data"]["resultType"], "streams");
        let streams = &json["data"]["result"];
        let want = serde_json::json!({"app": "b", "pod": "p1", "status": "500"});
        assert_eq!(streams[1]["stream"], want);
        let want = serde_json::json!([["30", "three \"q\""], ["10", "one"]]);
        assert_eq!(streams[1]["values"], want);
        assert!(json["data"].get("encodingFlags").is_none());
        assert_eq!(json["data"]["stats"]["summary"]["totalEntriesReturned"], 3);
    }

    #[test]
    fn categories_stand_beside_the_line() {
        let json = written(Encoding::Categorised);
        assert_eq!(json["data"]["encodingFlags"][0], "categorize-labels");
        let first = &json["data"]["result"][0];
        assert_eq!(first["stream"], serde_json::json!({"app": "a"}));
        let want =
            serde_json::json!({"structuredMetadata": {"pod": "p1"}, "parsed": {"status": "500"}});
        assert_eq!(first["values"][0][2], want);
    }

    #[test]
    fn frames_of_a_tail_hold_streams_and_what_went_by() {
        let lines = [line(10, "a", "one"), line(20, "a", "two")];
        let frame = tail(&lines, (0, 30), Encoding::Together);
        let json: serde_json::Value = serde_json::from_slice(&frame).unwrap();
        let want = serde_json::json!([["10", "one"], ["20", "two"]]);
        assert_eq!(json["streams"][0]["values"], want);
        assert!(json.get("dropped_entries").is_none());
        let frame = tail(&[], (3, 30), Encoding::Categorised);
        let json: serde_json::Value = serde_json::from_slice(&frame).unwrap();
        assert_eq!(json["dropped_entries"][0]["timestamp"], "30");
        assert_eq!(json["encodingFlags"][0], "categorize-labels");
    }

    #[test]
    fn nothing_has_no_data() {
        assert_eq!(names(&[]), b"{\"status\":\"success\"}");
    }
}
