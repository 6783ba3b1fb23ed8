//! Answers: their headers, the error envelope, and compression.

use crate::api::params::BadParam;
use crate::base::net::http::Payload;
use crate::base::task;
use crate::model::answer::{PromAnswer, Value};
use crate::source::api::SourceError;
use crate::wire::prom_json::write::{self, ErrorType};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Response;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY};
use std::io::{self, Write};
use tokio::sync::mpsc;

pub(crate) type Answer = Response<Payload>;

/// Smaller bodies are not worth compressing.
const GZIP_FROM: usize = 1400;
/// Answers with more samples are written in pieces, off the runtime's workers.
const WHOLE: usize = 20_000;
const PIECE: usize = 128 << 10;

pub(crate) const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Why a request has no good answer.
#[derive(Debug)]
pub(crate) enum Failed {
    Api(ErrorType, String),
    /// Not of Prometheus' API: a status and a plain line.
    Plain(u16, String),
    /// A status and a body of JSON.
    Json(u16, String),
}

impl From<BadParam> for Failed {
    fn from(bad: BadParam) -> Self {
        Self::Api(ErrorType::BadData, bad.0)
    }
}

impl From<SourceError> for Failed {
    fn from(e: SourceError) -> Self {
        let kind = match &e {
            SourceError::BadRequest { .. } => ErrorType::BadData,
            SourceError::Execution(_) => ErrorType::Execution,
            SourceError::Timeout(_) => ErrorType::Timeout,
            SourceError::Cancelled => ErrorType::Canceled,
            SourceError::Unavailable(_) => ErrorType::Unavailable,
            SourceError::NotAllowed(said) => return Self::Plain(403, said.clone()),
            SourceError::Internal(_) => ErrorType::Internal,
        };
        Self::Api(kind, e.to_string())
    }
}

impl Failed {
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Api(kind, said) => body(kind.status(), JSON, write::error(*kind, said)),
            Self::Plain(status, said) => text(*status, said),
            Self::Json(status, json) => body(*status, JSON, json.clone().into_bytes()),
        }
    }
}

pub(crate) fn bad_data(said: impl Into<String>) -> Failed {
    Failed::Api(ErrorType::BadData, said.into())
}

pub(crate) fn json(bytes: Vec<u8>) -> Answer {
    body(200, JSON, bytes)
}

pub(crate) fn text(status: u16, said: &str) -> Answer {
    body(status, TEXT, format!("{said}\n").into_bytes())
}

pub(crate) fn body(status: u16, kind: &'static str, bytes: Vec<u8>) -> Answer {
    let mut answer = Response::new(Payload::from(bytes));
    // A status is always one of ours, all of them valid.
    *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// Writes a PromQL answer: small ones at once, large ones while they are sent.
pub(crate) fn query(answer: PromAnswer, stats: bool, gzip: bool) -> Answer {
    let samples: usize = match &answer.value {
        Value::Matrix(series) => series.iter().map(|s| s.samples.len() + 4).sum(),
        Value::Vector(points) => points.len() * 4,
        Value::Scalar(_) | Value::Text { .. } => 1,
    };
    if samples <= WHOLE {
        let mut bytes = Vec::new();
        write::query(&answer, stats, usize::MAX, &mut |out| {
            bytes.append(out);
            true
        });
        return json(bytes);
    }
    let (send, receive) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        task::caught("write-answer", || pour(&answer, stats, gzip, &send));
    });
    let mut answer = Response::new(Payload::Pieces(receive));
    let kind = HeaderValue::from_static(JSON);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    if gzip {
        mark_gzip(&mut answer);
    }
    answer
}

fn pour(answer: &PromAnswer, stats: bool, gzip: bool, to: &mpsc::Sender<io::Result<Bytes>>) {
    let give = |bytes: Vec<u8>| to.blocking_send(Ok(Bytes::from(bytes))).is_ok();
    if !gzip {
        write::query(answer, stats, PIECE, &mut |out| give(std::mem::take(out)));
        return;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut open = true;
    write::query(answer, stats, PIECE, &mut |out| {
        // Writing into a vector cannot fail.
        let _ = encoder.write_all(out);
        out.clear();
        open = encoder.get_ref().len() < PIECE || give(std::mem::take(encoder.get_mut()));
        open
    });
    if open && let Ok(rest) = encoder.finish() {
        give(rest);
    }
}

/// Compresses a whole body where the other end takes it and it is large enough.
pub(crate) fn compressed(mut answer: Answer, gzip: bool) -> Answer {
    let Payload::Whole(Some(bytes)) = answer.body() else {
        return answer;
    };
    if !gzip || bytes.len() < GZIP_FROM || answer.headers().contains_key(CONTENT_ENCODING) {
        return answer;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    if encoder.write_all(bytes).is_err() {
        return answer;
    }
    let Ok(small) = encoder.finish() else {
        return answer;
    };
    *answer.body_mut() = Payload::from(small);
    mark_gzip(&mut answer);
    answer
}

fn mark_gzip(answer: &mut Answer) {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::answer::{Cost, Notes, Series};
    use crate::model::labels::Labels;
    use crate::model::sample::Sample;
    use http_body_util::BodyExt;
    use std::io::Read;

    fn large() -> PromAnswer {
        let samples = (0..60_000).map(|t| Sample {
            t,
            v: t as f64 / 3.0,
        });
        PromAnswer {
            value: Value::Matrix(vec![Series {
                labels: Labels::empty(),
                samples: samples.collect(),
            }]),
            notes: Notes::default(),
            cost: Cost::default(),
        }
    }

    async fn bytes_of(answer: Answer) -> Vec<u8> {
        let all = answer.into_body().collect().await.unwrap();
        all.to_bytes().to_vec()
    }

    #[test]
    fn large_answers_are_whole_however_they_travel() {
        task::runtime().unwrap().block_on(async {
            let plain = bytes_of(query(large(), false, false)).await;
            let zipped = query(large(), false, true);
            assert_eq!(zipped.headers()[CONTENT_ENCODING], "gzip");
            let zipped = bytes_of(zipped).await;
            assert!(zipped.len() < plain.len() / 2);
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&zipped[..])
                .read_to_end(&mut back)
                .unwrap();
            assert_eq!(back, plain);
            let json: serde_json::Value = serde_json::from_slice(&plain).unwrap();
            let values = &json["data"]["result"][0]["values"];
            assert_eq!(values.as_array().unwrap().len(), 60_000);
        });
    }

    #[test]
    fn small_bodies_stay_as_they_are() {
        let answer = compressed(json(vec![b'1'; 100]), true);
        assert!(!answer.headers().contains_key(CONTENT_ENCODING));
        let answer = compressed(json(vec![b'1'; 10_000]), true);
        assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
    }
}
