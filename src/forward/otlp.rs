//! Spans sent on over OTLP/HTTP, in protobuf, packed.
//!
//! A thread for each receiver. It reads the log of spans behind its place, sends what it read, and
//! moves the place only when the receiver has it, or has refused it for good. A receiver that is away
//! or says that it is busy is tried again, after one second at first and a minute at last; meanwhile
//! its spans are held in the log, up to [`MOST_HELD`] bytes. After a crash between sending and noting,
//! spans are sent twice, which receivers know by their ids. Source: OTLP specification 1.x,
//! "OTLP/HTTP", "Failures" and "Retry".

use crate::base::net::client::{Ask, Client, Method, Reply};
use crate::base::task::Stop;
use crate::model::span::{Span, Trace};
use crate::store::read::{LogPlace, SpanLog};
use crate::store::state::State;
use crate::wire::otlp;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// Bytes of log that are held for one receiver; beyond, the oldest spans are given up for it.
pub const MOST_HELD: u64 = 1 << 30;
/// The kind of the places in the state table.
const KIND: &str = "forward-otlp";
/// Spans that are read at once, and sent in one request.
const READ: usize = 16_384;
const REQUEST: usize = 2_048;
/// How long it waits where nothing is new.
const IDLE: Duration = Duration::from_secs(1);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_mins(1);
/// Bytes of an answer that are read. Source: the specification.
const ANSWER: u64 = 4 << 20;

/// Where spans are sent on to.
pub struct Receiver {
    /// Without credentials: it stands in sentences and in the state table.
    pub name: String,
    pub url: String,
    pub client: Client,
    pub timeout: Duration,
}

/// What a sender stands on.
pub struct Sender {
    pub to: Receiver,
    pub log: Arc<dyn SpanLog>,
    pub state: State,
    /// Hears what is wrong, and `None` when it is right again.
    pub tell: Box<dyn Fn(Option<String>) + Send>,
}

/// What became of one request.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    Taken,
    /// For good: sending it again would end alike.
    Refused(String),
    /// Later, after so long where the receiver says it.
    Later(String, Option<Duration>),
}

impl Sender {
    /// Where it stands; the log is held from there on. To be called before spans can leave the log.
    pub fn hold(&self) -> LogPlace {
        let kept = self.state.get(KIND, &self.to.name);
        let kept = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let place = kept.unwrap_or_else(|| self.log.end());
        self.keep(place);
        place
    }

    /// Sends until it is stopped. For a thread of its own.
    pub fn run(self, mut place: LogPlace, runtime: &Handle, mut stop: Stop) {
        let mut wait = FIRST_WAIT;
        // The place at which nothing was new, and the bytes of log from there on.
        let mut idle = None;
        while !stop.is_stopped() {
            place = self.give_up(place);
            let now = Some((place, self.log.behind(place)));
            if idle == now {
                pause(runtime, &mut stop, IDLE);
                continue;
            }
            let (spans, next) = match self.log.spans_after(place, READ) {
                Ok(read) => read,
                Err(e) => {
                    (self.tell)(Some(format!(
                        "spans are not sent on to {}: {e}",
                        self.to.name
                    )));
                    pause(runtime, &mut stop, LAST_WAIT);
                    continue;
                }
            };
            if spans.is_empty() {
                self.note(place, next);
                idle = now.filter(|_| next == place);
                place = next;
                pause(runtime, &mut stop, IDLE);
                continue;
            }
            match self.all(&spans, runtime, &mut stop) {
                Ok(trouble) => {
                    wait = FIRST_WAIT;
                    self.note(place, next);
                    place = next;
                    (self.tell)(trouble);
                }
                Err((said, after)) => {
                    let held = mebibytes(self.log.behind(place));
                    (self.tell)(Some(format!(
                        "spans are not sent on to {}: {said}; {held} of them are held and tried again",
                        self.to.name
                    )));
                    pause(runtime, &mut stop, after.unwrap_or(wait).min(LAST_WAIT));
                    wait = (wait * 2).min(LAST_WAIT);
                }
            }
        }
    }

    /// Sends all; a sentence where some were refused for good. `Err`: later, all of it again.
    fn all(
        &self,
        spans: &[Span],
        runtime: &Handle,
        stop: &mut Stop,
    ) -> Result<Option<String>, (String, Option<Duration>)> {
        let mut trouble = None;
        for some in spans.chunks(REQUEST) {
            let sent = runtime.block_on(async {
                tokio::select! {
                    sent = self.send(some) => sent,
                    () = stop.wait() => Sent::Later("it was stopped".to_owned(), None),
                }
            });
            match sent {
                Sent::Taken => {}
                Sent::Refused(said) => {
                    let (count, name) = (some.len(), &self.to.name);
                    trouble = Some(format!(
                        "{name} refused {count} spans that were sent on: {said}"
                    ));
                }
                Sent::Later(said, after) => return Err((said, after)),
            }
        }
        Ok(trouble)
    }

    async fn send(&self, spans: &[Span]) -> Sent {
        let ask = Ask {
            method: Method::Post,
            url: &self.to.url,
            headers: &[
                ("content-type", "application/x-protobuf"),
                ("content-encoding", "gzip"),
            ],
            timeout: self.to.timeout,
            max_body: ANSWER,
        };
        let mut answer = Vec::new();
        let sent = self.to.client.send_body(ask, packed(spans), &mut answer);
        match sent.await {
            Ok(reply) => judge(&reply, &answer),
            Err(e) => Sent::Later(e.to_string(), None),
        }
    }

    fn note(&self, old: LogPlace, new: LogPlace) {
        if old != new {
            self.keep(new);
        }
    }

    fn keep(&self, new: LogPlace) {
        // A place that is not kept costs spans that are sent twice, never one that is not sent.
        if let Ok(bytes) = serde_json::to_vec(&new) {
            let _ = self.state.put(KIND, &self.to.name, &bytes);
        }
        self.log.hold(&self.to.name, Some(new.segment));
    }

    /// Too much is held for a receiver that has been away for long: the oldest goes.
    fn give_up(&self, place: LogPlace) -> LogPlace {
        let behind = self.log.behind(place);
        if behind <= MOST_HELD {
            return place;
        }
        let mut new = place;
        while self.log.behind(new) > MOST_HELD / 2 && new.segment < self.log.end().segment {
            new = LogPlace {
                segment: new.segment + 1,
                record: 0,
            };
        }
        let lost = mebibytes(behind - self.log.behind(new));
        (self.tell)(Some(format!(
            "{lost} of spans were given up for {}, which has not taken any for too long; they are kept here",
            self.to.name
        )));
        self.note(place, new);
        new
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

fn pause(runtime: &Handle, stop: &mut Stop, time: Duration) {
    runtime.block_on(async {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = stop.wait() => {}
        }
    });
}

/// A request: the spans of each trace together.
fn packed(spans: &[Span]) -> Vec<u8> {
    let mut sorted: Vec<&Span> = spans.iter().collect();
    sorted.sort_by_key(|s| s.trace);
    let mut body = Vec::new();
    for of_trace in sorted.chunk_by(|a, b| a.trace == b.trace) {
        let trace = Trace {
            id: of_trace[0].trace,
            spans: of_trace.iter().copied().cloned().collect(),
        };
        body.extend(otlp::to_protobuf(&trace));
    }
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    // A list of bytes takes everything.
    let _ = out.write_all(&body);
    out.finish().unwrap_or_default()
}

fn judge(reply: &Reply, answer: &[u8]) -> Sent {
    let after = reply.retry_after.trim().parse().ok();
    let after = after.map(Duration::from_secs);
    match reply.status {
        200..=299 => match otlp::read_partial(answer) {
            (0, _) => Sent::Taken,
            (n, said) => Sent::Refused(format!("{n} of them: {said}")),
        },
        429 | 502 | 503 | 504 => Sent::Later(format!("it answers {}", reply.status), after),
        status => {
            let said = otlp::read_status(answer);
            let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
            Sent::Refused(format!("{status} {said}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged_as_the_specification_says() {
        let reply = |status, retry: &str| Reply {
            status,
            retry_after: retry.to_owned(),
            ..Reply::default()
        };
        assert_eq!(judge(&reply(200, ""), b""), Sent::Taken);
        let partial = otlp::partial(3, "no time", "rejectedSpans", false);
        assert_eq!(
            judge(&reply(200, ""), &partial),
            Sent::Refused("3 of them: no time".into())
        );
        for status in [429, 502, 503, 504] {
            let Sent::Later(_, after) = judge(&reply(status, "7"), b"") else {
                panic!("{status}")
            };
            assert_eq!(after, Some(Duration::from_secs(7)));
        }
        let bad = otlp::status(3, "not\nso", false);
        assert_eq!(
            judge(&reply(400, ""), &bad),
            Sent::Refused("400 notso".into())
        );
        assert!(matches!(
            judge(&reply(404, ""), b"<html>"),
            Sent::Refused(_)
        ));
    }
}
