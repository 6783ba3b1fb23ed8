//! What bongsu says to bongsu over the private socket: JSON with the version of the protocol.
//!
//! `{"protocol":1,"program":"0.1.0","body":..}` both ways. The version is read before the body, so
//! that two versions that do not understand each other can say so.

use crate::model::action::{Action, Outcome};
use crate::model::answer::Answer;
use crate::model::request::Request;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Raised whenever a request or an answer changes its meaning.
pub const PROTOCOL: u32 = 1;

/// Where questions go, and where orders go.
pub const ASK_PATH: &str = "/bongsu/v1/ask";
pub const ACT_PATH: &str = "/bongsu/v1/act";

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    protocol: u32,
    program: String,
    body: T,
}

/// The part of an envelope that every version can read.
#[derive(Deserialize)]
struct Cover {
    protocol: u32,
    #[serde(default)]
    program: String,
}

/// An answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Told<T> {
    Good(T),
    Bad(Failure),
}

/// A failure as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    pub said: String,
    /// Byte range of the expression that is to blame.
    pub at: Option<(usize, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    BadRequest,
    Execution,
    Timeout,
    Cancelled,
    Unavailable,
    NotAllowed,
    Internal,
}

/// Why bytes were not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    #[error(
        "bongsu {theirs} at the other end speaks version {theirs_protocol} of the protocol, this \
         is bongsu {} with version {PROTOCOL}: start both from the same binary",
        env!("CARGO_PKG_VERSION")
    )]
    Version {
        theirs: String,
        theirs_protocol: u32,
    },
    #[error("not bongsu's JSON: {0}")]
    Garbled(String),
}

pub fn write_request(request: &Request) -> Vec<u8> {
    write(request)
}

pub fn read_request(bytes: &[u8]) -> Result<Request, SpeechError> {
    read(bytes)
}

pub fn write_action(action: &Action) -> Vec<u8> {
    write(action)
}

pub fn read_action(bytes: &[u8]) -> Result<Action, SpeechError> {
    read(bytes)
}

pub fn write_answer(answer: &Told<Answer>) -> Vec<u8> {
    write(answer)
}

pub fn read_answer(bytes: &[u8]) -> Result<Told<Answer>, SpeechError> {
    read(bytes)
}

pub fn write_outcome(outcome: &Told<Outcome>) -> Vec<u8> {
    write(outcome)
}

pub fn read_outcome(bytes: &[u8]) -> Result<Told<Outcome>, SpeechError> {
    read(bytes)
}

fn write<T: Serialize>(body: &T) -> Vec<u8> {
    let envelope = Envelope {
        protocol: PROTOCOL,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        body,
    };
    // Only a map with keys that are no strings could fail, and the model has none.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SpeechError> {
    let garbled = |e: serde_json::Error| SpeechError::Garbled(e.to_string());
    let cover: Cover = serde_json::from_slice(bytes).map_err(garbled)?;
    if cover.protocol != PROTOCOL {
        return Err(SpeechError::Version {
            theirs: cover.program,
            theirs_protocol: cover.protocol,
        });
    }
    let envelope: Envelope<T> = serde_json::from_slice(bytes).map_err(garbled)?;
    Ok(envelope.body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::action::Signal;
    use crate::model::answer::{Cost, Notes, PromAnswer, Series, Value};
    use crate::model::labels::Labels;
    use crate::model::request::{PromQuery, ViewName};
    use crate::model::sample::{Sample, stale_marker};
    use crate::model::time::Steps;

    #[test]
    fn questions_and_orders_read_back() {
        let prom = Request::Prom(PromQuery {
            expr: "up{job=\"n\"}".into(),
            steps: Steps::at(5),
            instant: true,
            live: true,
            timeout_ms: None,
            lookback_ms: Some(1),
        });
        let view = Request::View {
            view: ViewName::Processes,
            at: Some(-1),
        };
        for request in [prom, view, Request::Status] {
            assert_eq!(read_request(&write_request(&request)), Ok(request));
        }
        let kill = Action::SignalProcess {
            pid: 1,
            started: u64::MAX,
            signal: Signal::Term,
        };
        assert_eq!(read_action(&write_action(&kill)), Ok(kill));
    }

    #[test]
    fn values_that_json_lacks_survive() {
        let values = [1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0];
        let mut samples: Vec<Sample> = (0i64..).zip(values).map(|(t, v)| Sample { t, v }).collect();
        samples.push(Sample {
            t: 9,
            v: stale_marker(),
        });
        let answer = Told::Good(Answer::Prom(PromAnswer {
            value: Value::Matrix(vec![Series {
                labels: Labels::from_pairs([("a", "\"\n한")]),
                samples: samples.clone(),
            }]),
            notes: Notes::default(),
            cost: Cost::default(),
        }));
        let Ok(Told::Good(Answer::Prom(back))) = read_answer(&write_answer(&answer)) else {
            panic!("not read back");
        };
        let Value::Matrix(series) = back.value else {
            panic!("not a matrix");
        };
        let bits = |s: &[Sample]| s.iter().map(|s| s.v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&series[0].samples), bits(&samples));
    }

    #[test]
    fn another_version_is_named() {
        let theirs = br#"{"protocol":7,"program":"9.9.9","something":"else"}"#;
        let said = read_request(theirs).unwrap_err().to_string();
        assert!(
            said.contains("9.9.9") && said.contains("version 7"),
            "{said}"
        );
        assert!(matches!(
            read_request(b"<html>"),
            Err(SpeechError::Garbled(_))
        ));
    }
}
