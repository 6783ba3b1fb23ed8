//! The success and error envelopes, written into bytes.

use crate::model::answer::{Metadata, MetricKind, Notes, PromAnswer, Series, Value, VectorPoint};
use crate::model::exemplar::ExemplarSeries;
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::wire::prom_json::number::{push_time, push_value};

/// How an error is called in `errorType`, with the status it travels under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    BadData,
    Execution,
    Canceled,
    Timeout,
    Internal,
    Unavailable,
    NotFound,
    NotAcceptable,
}

impl ErrorType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Canceled => "canceled",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not_found",
            Self::NotAcceptable => "not_acceptable",
        }
    }

    /// Prometheus answers `unavailable` with 503 while it is not ready; bongsu means just that.
    pub fn status(self) -> u16 {
        match self {
            Self::BadData => 400,
            Self::Execution => 422,
            Self::Canceled => 499,
            Self::Timeout | Self::Unavailable => 503,
            Self::Internal => 500,
            Self::NotFound => 404,
            Self::NotAcceptable => 406,
        }
    }
}

/// `{"status":"error",...}`.
pub fn error(kind: ErrorType, said: &str) -> Vec<u8> {
    let mut out = b"{\"status\":\"error\",\"errorType\":\"".to_vec();
    out.extend_from_slice(kind.as_str().as_bytes());
    out.extend_from_slice(b"\",\"error\":");
    push_text(&mut out, said);
    out.push(b'}');
    out
}

/// `{"status":"success","data":` + what `data` writes + notes + `}`.
pub fn success(notes: &Notes, data: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = SUCCESS.to_vec();
    data(&mut out);
    finish(&mut out, notes);
    out
}

const SUCCESS: &[u8] = b"{\"status\":\"success\",\"data\":";

fn finish(out: &mut Vec<u8>, notes: &Notes) {
    for (key, lines) in [
        (&b",\"warnings\":"[..], &notes.warnings),
        (&b",\"infos\":"[..], &notes.infos),
    ] {
        if !lines.is_empty() {
            out.extend_from_slice(key);
            push_list(out, lines, |out, line| push_text(out, line));
        }
    }
    out.push(b'}');
}

/// Gives what was written so far to the connection and empties the buffer; `false` where nobody
/// takes it any more.
pub type Drain<'a> = &'a mut dyn FnMut(&mut Vec<u8>) -> bool;

/// The answer of `query` and `query_range`, handed over in pieces of about `piece` bytes.
/// `stats` adds the cost under Prometheus' names.
pub fn query(answer: &PromAnswer, stats: bool, piece: usize, drain: Drain<'_>) {
    let mut out = Vec::with_capacity(piece.min(1 << 20) + 512);
    out.extend_from_slice(SUCCESS);
    out.extend_from_slice(b"{\"resultType\":\"");
    out.extend_from_slice(type_name(&answer.value).as_bytes());
    out.extend_from_slice(b"\",\"result\":");
    if !push_result(&mut out, &answer.value, piece, drain) {
        return;
    }
    if stats {
        push_stats(&mut out, answer);
    }
    out.push(b'}');
    finish(&mut out, &answer.notes);
    drain(&mut out);
}

/// PromQL's word for the type of a value.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Scalar(_) => "scalar",
        Value::Text { .. } => "string",
        Value::Vector(_) => "vector",
        Value::Matrix(_) => "matrix",
    }
}

fn push_result(out: &mut Vec<u8>, value: &Value, piece: usize, drain: Drain<'_>) -> bool {
    let mut flow = |out: &mut Vec<u8>| out.len() < piece || drain(out);
    match value {
        Value::Scalar(sample) => push_sample(out, *sample),
        Value::Text { t, text } => {
            out.push(b'[');
            push_time(out, *t);
            out.push(b',');
            push_text(out, text);
            out.push(b']');
        }
        Value::Vector(points) => {
            out.push(b'[');
            for (i, point) in points.iter().enumerate() {
                push_comma(out, i);
                push_point(out, point);
                if !flow(out) {
                    return false;
                }
            }
            out.push(b']');
        }
        Value::Matrix(all) => {
            out.push(b'[');
            let mut stamps = Stamps::default();
            for (i, series) in all.iter().enumerate() {
                push_comma(out, i);
                if !push_series(out, series, &mut stamps, &mut flow) {
                    return false;
                }
            }
            out.push(b']');
        }
    }
    true
}

fn push_point(out: &mut Vec<u8>, point: &VectorPoint) {
    out.extend_from_slice(b"{\"metric\":");
    push_labels(out, &point.labels);
    out.extend_from_slice(b",\"value\":");
    push_sample(out, point.sample);
    out.push(b'}');
}

fn push_series(
    out: &mut Vec<u8>,
    series: &Series,
    stamps: &mut Stamps,
    flow: &mut impl FnMut(&mut Vec<u8>) -> bool,
) -> bool {
    out.extend_from_slice(b"{\"metric\":");
    push_labels(out, &series.labels);
    out.extend_from_slice(b",\"values\":[");
    stamps.next = 0;
    for (i, chunk) in series.samples.chunks(1024).enumerate() {
        push_comma(out, i);
        for (i, sample) in chunk.iter().enumerate() {
            push_comma(out, i);
            stamps.push_opened(out, sample.t);
            push_value(out, sample.v);
            out.extend_from_slice(b"\"]");
        }
        if !flow(out) {
            return false;
        }
    }
    out.extend_from_slice(b"]}");
    true
}

/// Times that are remembered: as many as a range can have steps.
const STAMPS: usize = 11_000;

/// The times of a range's steps as text: every series of an answer has the same ones.
#[derive(Default)]
struct Stamps {
    /// A time, and where its text ends.
    known: Vec<(i64, u32)>,
    text: Vec<u8>,
    /// Which comes next, where nothing is missing.
    next: usize,
}

impl Stamps {
    /// Appends `[time,"`.
    fn push_opened(&mut self, out: &mut Vec<u8>, t: i64) {
        // A series may begin later, or miss some.
        while self.known.get(self.next).is_some_and(|k| k.0 < t) {
            self.next += 1;
        }
        let at = self.next;
        self.next += 1;
        let start = match at.checked_sub(1) {
            Some(before) => self.known.get(before).map(|k| k.1 as usize),
            None => Some(0),
        };
        match (start, self.known.get(at)) {
            (Some(start), Some(&(known, end))) if known == t => {
                out.extend_from_slice(&self.text[start..end as usize]);
            }
            (Some(start), None) if at < STAMPS => {
                opened(&mut self.text, t);
                self.known.push((t, self.text.len() as u32));
                out.extend_from_slice(&self.text[start..]);
            }
            _ => opened(out, t),
        }
    }
}

fn opened(out: &mut Vec<u8>, t: i64) {
    out.push(b'[');
    push_time(out, t);
    out.extend_from_slice(b",\"");
}

fn push_sample(out: &mut Vec<u8>, sample: Sample) {
    out.push(b'[');
    push_time(out, sample.t);
    out.extend_from_slice(b",\"");
    push_value(out, sample.v);
    out.extend_from_slice(b"\"]");
}

/// Prometheus' `stats` in the parts that bongsu measures.
fn push_stats(out: &mut Vec<u8>, answer: &PromAnswer) {
    let cost = &answer.cost;
    out.extend_from_slice(b",\"stats\":{\"timings\":{\"evalTotalTime\":");
    out.extend_from_slice(format!("{}", cost.millis / 1000.0).as_bytes());
    out.extend_from_slice(b"},\"samples\":{\"totalQueryableSamples\":");
    out.extend_from_slice(cost.samples.to_string().as_bytes());
    out.extend_from_slice(b"},\"series\":");
    out.extend_from_slice(cost.series.to_string().as_bytes());
    out.push(b'}');
}

/// `["a","b"]`, the answer of `labels` and `label/<name>/values`.
pub fn names(names: &[String], notes: &Notes) -> Vec<u8> {
    success(notes, |out| {
        push_list(out, names, |out, name| push_text(out, name));
    })
}

/// One string, the answer of `format_query`.
pub fn text(text: &str) -> Vec<u8> {
    success(&Notes::default(), |out| push_text(out, text))
}

/// The answer of `series`.
pub fn series(all: &[Labels], notes: &Notes) -> Vec<u8> {
    success(notes, |out| push_list(out, all, push_labels))
}

/// The answer of `query_exemplars`.
pub fn exemplars(all: &[ExemplarSeries], notes: &Notes) -> Vec<u8> {
    success(notes, |out| {
        push_list(out, all, |out, series| {
            out.extend_from_slice(b"{\"seriesLabels\":");
            push_labels(out, &series.labels);
            out.extend_from_slice(b",\"exemplars\":");
            push_list(out, &series.exemplars, |out, exemplar| {
                out.extend_from_slice(b"{\"labels\":");
                push_labels(out, &exemplar.labels);
                out.extend_from_slice(b",\"value\":\"");
                push_value(out, exemplar.value);
                out.extend_from_slice(b"\",\"timestamp\":");
                push_time(out, exemplar.t);
                out.push(b'}');
            });
            out.push(b'}');
        });
    })
}

/// The answer of `metadata`: a list per metric. `per_metric` of 0 is no limit.
pub fn metadata(all: &[Metadata], per_metric: usize) -> Vec<u8> {
    let mut sorted: Vec<&Metadata> = all.iter().collect();
    sorted.sort_by(|a, b| a.metric.cmp(&b.metric));
    success(&Notes::default(), |out| {
        out.push(b'{');
        for (i, group) in sorted.chunk_by(|a, b| a.metric == b.metric).enumerate() {
            push_comma(out, i);
            push_text(out, &group[0].metric);
            out.push(b':');
            let most = if per_metric == 0 {
                group.len()
            } else {
                per_metric.min(group.len())
            };
            push_list(out, &group[..most], |out, m| push_metadata(out, m));
        }
        out.push(b'}');
    })
}

fn push_metadata(out: &mut Vec<u8>, metadata: &Metadata) {
    out.extend_from_slice(b"{\"type\":");
    push_text(out, metadata.kind.as_str());
    out.extend_from_slice(b",\"unit\":");
    push_text(out, &metadata.unit);
    out.extend_from_slice(b",\"help\":");
    push_text(out, &metadata.help);
    out.push(b'}');
}

/// One row of `targets/metadata`.
pub struct TargetMetadata<'a> {
    pub target: &'a Labels,
    pub metric: &'a str,
    pub kind: MetricKind,
    pub help: &'a str,
    pub unit: &'a str,
}

pub fn targets_metadata(rows: &[TargetMetadata<'_>]) -> Vec<u8> {
    success(&Notes::default(), |out| {
        push_list(out, rows, |out, row| {
            out.extend_from_slice(b"{\"target\":");
            push_labels(out, row.target);
            for (key, text) in [
                (&b",\"metric\":"[..], row.metric),
                (b",\"type\":", row.kind.as_str()),
                (b",\"help\":", row.help),
                (b",\"unit\":", row.unit),
            ] {
                out.extend_from_slice(key);
                push_text(out, text);
            }
            out.push(b'}');
        });
    })
}

pub fn push_labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (i, (name, value)) in labels.iter().enumerate() {
        push_comma(out, i);
        push_text(out, name);
        out.push(b':');
        push_text(out, value);
    }
    out.push(b'}');
}

fn push_list<T>(out: &mut Vec<u8>, items: &[T], mut push: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        push_comma(out, i);
        push(out, item);
    }
    out.push(b']');
}

fn push_comma(out: &mut Vec<u8>, at: usize) {
    if at > 0 {
        out.push(b',');
    }
}

/// A JSON string. Runs without anything to escape are copied whole.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::answer::Cost;

    fn whole(value: Value, notes: Notes, piece: usize) -> String {
        let answer = PromAnswer {
            value,
            notes,
            cost: Cost::default(),
        };
        let mut all = Vec::new();
        query(&answer, false, piece, &mut |out| {
            all.append(out);
            true
        });
        String::from_utf8(all).unwrap()
    }

    fn up() -> Labels {
        Labels::from_pairs([("__name__", "up"), ("job", "a\"b\\\u{1}\n한")])
    }

    #[test]
    fn every_type_has_its_form() {
        let sample = Sample { t: 1500, v: 1.0 };
        let vector = Value::Vector(vec![VectorPoint {
            labels: up(),
            sample,
        }]);
        assert_eq!(
            whole(vector, Notes::default(), 1 << 20),
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\"b\\\u0001\n한"},"value":[1.500,"1"]}]}}"#
        );
        assert_eq!(
            whole(Value::Scalar(sample), Notes::default(), 1 << 20),
            r#"{"status":"success","data":{"resultType":"scalar","result":[1.500,"1"]}}"#
        );
        let notes = Notes {
            warnings: vec!["w".into()],
            infos: vec!["i".into()],
            partial: true,
        };
        let text = Value::Text {
            t: 1000,
            text: "x".into(),
        };
        assert_eq!(
            whole(text, notes, 1 << 20),
            r#"{"status":"success","data":{"resultType":"string","result":[1,"x"]},"warnings":["w"],"infos":["i"]}"#
        );
    }

    #[test]
    fn pieces_make_the_same_whole() {
        let samples: Vec<Sample> = (0..5000)
            .map(|t| Sample {
                t,
                v: t as f64 / 7.0,
            })
            .collect();
        let series = Series {
            labels: up(),
            samples,
        };
        let matrix = Value::Matrix(vec![series.clone(), series]);
        let large = whole(matrix.clone(), Notes::default(), usize::MAX);
        assert_eq!(whole(matrix.clone(), Notes::default(), 100), large);
        let json: serde_json::Value = serde_json::from_str(&large).unwrap();
        let values = &json["data"]["result"][1]["values"];
        assert_eq!(values.as_array().unwrap().len(), 5000);
        let mut pieces = 0;
        let answer = PromAnswer {
            value: matrix,
            notes: Notes::default(),
            cost: Cost::default(),
        };
        query(&answer, false, 100, &mut |_| {
            pieces += 1;
            false
        });
        assert_eq!(pieces, 1, "writing ends when nobody takes it");
    }

    #[test]
    fn errors_carry_their_status() {
        let said = String::from_utf8(error(ErrorType::BadData, "no \"x\"")).unwrap();
        let form = r#"{"status":"error","errorType":"bad_data","error":"no \"x\""}"#;
        assert_eq!(said, form);
        assert_eq!(ErrorType::Canceled.status(), 499);
    }
}
