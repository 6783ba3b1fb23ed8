//! Loki's push on a port of its own: a job's `loki_push_api`.
//!
//! `POST /loki/api/v1/push` takes what Loki takes; `POST /promtail/api/v1/raw` takes plain text,
//! each line of it an entry. Both answer once the lines are durable.

use crate::base::clock::Duration;
use crate::base::net::http::{Answering, Payload, Respond, read_body};
use crate::collect::listen::lines::{Intake, Pushed};
use crate::config::logs::PushJob;
use crate::model::labels::Labels;
use crate::wire::loki_push;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;

/// Bytes of one body, as it comes and unpacked, and how long it may take.
const BODY: usize = 32 << 20;
const UNPACKED: usize = 64 << 20;
const TIME: Duration = Duration::from_mins(1);

/// What a port of pushes does with requests.
#[derive(Clone)]
pub struct Push {
    pub job: Arc<PushJob>,
    pub intake: Intake,
}

/// A status and a sentence.
type Said = (u16, String);

impl Push {
    /// For [`crate::base::net`]'s listeners.
    pub fn respond(self) -> Respond {
        Arc::new(move |request, _| {
            let push = self.clone();
            let answering: Answering = Box::pin(async move {
                let (status, said) = match push.take(request).await {
                    Ok(said) | Err(said) => said,
                };
                let bytes = if said.is_empty() {
                    Vec::new()
                } else {
                    format!("{said}\n").into_bytes()
                };
                let mut answer = Response::new(Payload::from(bytes));
                *answer.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
                answer
            });
            answering
        })
    }

    async fn take(&self, request: Request<Incoming>) -> Result<Said, Said> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let raw = match path {
            "/loki/api/v1/push" | "/api/prom/push" => false,
            "/promtail/api/v1/raw" => true,
            "/ready" => return Ok((200, "ready".to_owned())),
            _ => return Err((404, format!("there is nothing at {path}"))),
        };
        if head.method != Method::POST {
            return Err((405, format!("{path} takes POST")));
        }
        let header = |name: HeaderName| {
            let value = head.headers.get(name).and_then(|v| v.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (kind, packing) = (header(CONTENT_TYPE), header(CONTENT_ENCODING));
        let body = read_body(body, BODY, TIME).await;
        let (body, _room) = body.map_err(|e| (413, e.to_string()))?;
        let lines = if raw {
            self.raw(&body)
        } else {
            self.streams(&body, &kind, &packing)?
        };
        match self.intake.keep(lines).await {
            Ok(()) => Ok((204, String::new())),
            Err(said) => Err((503, said)),
        }
    }

    fn raw(&self, body: &Bytes) -> Vec<Pushed> {
        let lines = body.split(|b| *b == b'\n');
        let lines = lines.map(|l| l.strip_suffix(b"\r").unwrap_or(l));
        let pushed = |line: &[u8]| Pushed {
            labels: self.job.labels.edit(),
            line: line.to_vec(),
            t: None,
            metadata: Labels::empty(),
            level: None,
            reached: None,
        };
        lines.filter(|l| !l.is_empty()).map(pushed).collect()
    }

    fn streams(&self, body: &[u8], kind: &str, packing: &str) -> Result<Vec<Pushed>, Said> {
        let streams = loki_push::decode(body, kind, packing, UNPACKED);
        let streams = streams.map_err(|e| (400, e.to_string()))?;
        let mut out = Vec::new();
        for stream in streams {
            let mut labels = self.job.labels.edit();
            for (name, value) in &stream.labels {
                labels.set(name, value);
            }
            for entry in stream.entries {
                out.push(Pushed {
                    labels: labels.clone(),
                    line: entry.line,
                    t: self.job.own_time.then_some(entry.t),
                    metadata: entry.metadata,
                    level: None,
                    reached: None,
                });
            }
        }
        Ok(out)
    }
}
