//! Answers of Prometheus and of servers that speak as it does, read into the model.

use crate::model::answer::{Cost, Notes, PromAnswer, Series, Value, VectorPoint};
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Why there is no answer: the server's own words, or bytes that are no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromError {
    #[error("{said}")]
    Told { kind: String, said: String },
    #[error("the server does not answer as Prometheus does: {0}")]
    Garbled(String),
}

impl From<serde_json::Error> for PromError {
    fn from(e: serde_json::Error) -> Self {
        Self::Garbled(e.to_string())
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    status: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, rename = "errorType")]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    result_type: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    metric: Labels,
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// Reads the answer of `query` and `query_range`.
pub fn query(bytes: &[u8]) -> Result<PromAnswer, PromError> {
    let (data, notes) = open(bytes)?;
    let data: Data<'_> = serde_json::from_str(data.get())?;
    let result = data.result.get();
    let value = match data.result_type.as_str() {
        "scalar" => Value::Scalar(sample(&serde_json::from_str(result)?)?),
        "string" => {
            let (t, text): (f64, String) = serde_json::from_str(result)?;
            Value::Text { t: ms(t), text }
        }
        "vector" => {
            let rows: Vec<Row> = serde_json::from_str(result)?;
            Value::Vector(rows.into_iter().map(point).collect::<Result<_, _>>()?)
        }
        "matrix" => {
            let rows: Vec<Row> = serde_json::from_str(result)?;
            Value::Matrix(rows.into_iter().map(series).collect::<Result<_, _>>()?)
        }
        other => return Err(PromError::Garbled(format!("result type {other:?}"))),
    };
    Ok(PromAnswer {
        value,
        notes,
        cost: Cost::default(),
    })
}

fn open(bytes: &[u8]) -> Result<(&RawValue, Notes), PromError> {
    let envelope: Envelope<'_> = serde_json::from_slice(bytes)?;
    if envelope.status != "success" {
        return Err(PromError::Told {
            kind: envelope.error_type,
            said: envelope.error,
        });
    }
    let notes = Notes {
        warnings: envelope.warnings,
        infos: envelope.infos,
        partial: false,
    };
    let data = envelope
        .data
        .ok_or_else(|| PromError::Garbled("no data".to_owned()))?;
    Ok((data, notes))
}

fn point(row: Row) -> Result<VectorPoint, PromError> {
    // A native histogram has no `value`; it is not shown yet.
    let value = row
        .value
        .ok_or_else(|| PromError::Garbled("a vector's row without a value".to_owned()))?;
    Ok(VectorPoint {
        labels: row.metric,
        sample: sample(&value)?,
    })
}

fn series(row: Row) -> Result<Series, PromError> {
    let samples: Result<Vec<Sample>, PromError> = row.values.iter().map(sample).collect();
    Ok(Series {
        labels: row.metric,
        samples: samples?,
    })
}

fn sample((t, v): &(f64, String)) -> Result<Sample, PromError> {
    let v = v
        .parse()
        .map_err(|_| PromError::Garbled(format!("{v:?} is not a value")))?;
    Ok(Sample { t: ms(*t), v })
}

fn ms(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::prom_json::write;

    #[test]
    fn what_is_written_reads_back() {
        let labels = Labels::from_pairs([("job", "한\"")]);
        let at = |t, v| Sample { t, v };
        for value in [
            Value::Scalar(at(1_001, -0.5)),
            Value::Text {
                t: 5,
                text: "a\nb".into(),
            },
            Value::Vector(vec![VectorPoint {
                labels: labels.clone(),
                sample: at(7, f64::INFINITY),
            }]),
            Value::Matrix(vec![Series {
                labels,
                samples: vec![at(1, 1.5), at(1_435_781_451_781, 1e-9)],
            }]),
        ] {
            let notes = Notes {
                warnings: vec!["half".into()],
                ..Notes::default()
            };
            let answer = PromAnswer {
                value,
                notes,
                cost: Cost::default(),
            };
            let mut bytes = Vec::new();
            write::query(&answer, false, 64, &mut |out| {
                bytes.append(out);
                true
            });
            assert_eq!(query(&bytes), Ok(answer));
        }
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let told = write::error(write::ErrorType::BadData, "parse error");
        let said = query(&told).unwrap_err().to_string();
        assert_eq!(said, "parse error");
        assert!(matches!(query(b"<html>"), Err(PromError::Garbled(_))));
        assert!(matches!(
            query(br#"{"status":"success"}"#),
            Err(PromError::Garbled(_))
        ));
    }
}
