//! Log lines to a Loki: `logs.clients`, Promtail's `clients`.
//!
//! One task for each client: reads what waits from its place, gathers a batch, pushes it. What the
//! server may take later (no connection, 429, 5xx) is tried again for as long as it takes, with
//! pauses that grow; what it never will (another 4xx) is left out, counted and said.

use crate::base::clock::{Clock, Duration};
use crate::base::net::client::{Ask, Client, Method};
use crate::base::task::Stop;
use crate::config::logs::LokiClient;
use crate::forward::spool::{Place, Spool};
use crate::model::labels::Labels;
use crate::model::view::{Health, TargetRow};
use crate::store::state::State;
use crate::wire::loki_push::{self, PushStream};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;

/// The kind under which places are kept.
const KIND: &str = "forward.logs";
/// How long a sender sleeps where nobody wakes it.
const TURN: Duration = Duration::from_secs(1);
/// Bytes of an answer that are read.
const ANSWER: u64 = 64 << 10;

/// Lines on their way to one server.
pub struct Sender {
    pub config: LokiClient,
    pub client: Client,
    pub spool: Arc<Spool>,
    pub state: State,
    pub clock: Clock,
    pub told: Arc<Told>,
    /// Woken when something was added.
    pub news: Arc<Notify>,
}

/// What is known of one sender.
#[derive(Debug, Default)]
pub struct Told(Mutex<Facts>);

#[derive(Clone, Debug, Default)]
struct Facts {
    place: Place,
    lines: u64,
    left_out: u64,
    gaps: u64,
    last: i64,
    good: i64,
    error: String,
}

/// What one try came to.
enum Try {
    Taken,
    /// Not now: why.
    Later(String),
    /// Never: why.
    Refused(String),
}

impl Sender {
    /// Where this client's place is kept.
    fn key(&self) -> &str {
        &self.config.name
    }

    /// Finds the place that was kept last; a client that is new begins with what comes from now
    /// on, and so does one whose place lies beyond a queue that was taken away: segments before a
    /// place are removed. Waits for the disk; before any line is added.
    pub fn recall(&self) {
        let end = self.spool.end();
        let kept = self.state.get(KIND, self.key());
        let kept = kept.and_then(|bytes| serde_json::from_slice::<Place>(&bytes).ok());
        self.keep(kept.filter(|place| *place <= end).unwrap_or(end));
    }

    /// Sends until told to stop, from the place that was recalled.
    pub async fn run(self, mut stop: Stop) {
        let sender = Arc::new(self);
        let mut place = sender.told.place();
        let mut pause = sender.config.min_backoff;
        while !stop.is_stopped() {
            let reader = sender.clone();
            let most = sender.config.batch_bytes;
            let Some(Ok(read)) = blocking(move || reader.spool.read(place, most)).await else {
                sender.rest(TURN, &mut stop).await;
                continue;
            };
            // Counted when it is passed, not at each look or try.
            let gap = u64::from(read.gap && read.next.segment != place.segment);
            if read.records.is_empty() {
                sender.told.0.lock().gaps += gap;
                place = read.next;
                tokio::select! {
                    () = sender.news.notified() => sender.rest(sender.config.batch_wait, &mut stop).await,
                    () = tokio::time::sleep(TURN) => {}
                    () = stop.wait() => return,
                }
                continue;
            }
            let packer = sender.clone();
            let records = read.records;
            let Some((body, lines)) = blocking(move || packer.body(&records)).await else {
                return;
            };
            match sender.push(body, lines).await {
                Try::Taken => pause = sender.config.min_backoff,
                Try::Refused(why) => {
                    let mut facts = sender.told.0.lock();
                    facts.left_out += lines;
                    facts.error = why;
                }
                Try::Later(why) => {
                    sender.told.0.lock().error = why;
                    sender.rest(pause, &mut stop).await;
                    pause = (pause * 2).min(sender.config.max_backoff);
                    continue;
                }
            }
            sender.told.0.lock().gaps += gap;
            place = read.next;
            let keeper = sender.clone();
            blocking(move || keeper.keep(place)).await;
        }
    }

    async fn rest(&self, time: Duration, stop: &mut Stop) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = stop.wait() => {}
        }
    }

    fn keep(&self, place: Place) {
        self.told.0.lock().place = place;
        if let Ok(bytes) = serde_json::to_vec(&place) {
            // A state that takes nothing says so itself; after a restart lines come twice, which
            // a Loki keeps once.
            let _ = self.state.put(KIND, self.key(), &bytes);
        }
    }

    /// The records as one push, and its lines.
    fn body(&self, records: &[Vec<u8>]) -> (Vec<u8>, u64) {
        let mut lines = 0;
        let mut plain = Vec::new();
        for record in records {
            let Ok(mut streams) = loki_push::protobuf(record) else {
                continue;
            };
            for stream in &mut streams {
                lines += stream.entries.len() as u64;
                stream.labels = with_external(&stream.labels, &self.config.external_labels);
            }
            plain.extend_from_slice(&loki_push::encode(&streams));
        }
        let packed = snap::raw::Encoder::new().compress_vec(&plain);
        (packed.unwrap_or_default(), lines)
    }

    async fn push(&self, body: Vec<u8>, lines: u64) -> Try {
        let mut headers: Vec<(&str, &str)> = vec![("content-type", "application/x-protobuf")];
        let own = self.config.headers.iter();
        headers.extend(own.map(|(n, v)| (n.as_str(), v.as_str())));
        if !self.config.tenant.is_empty() {
            headers.push(("x-scope-orgid", &self.config.tenant));
        }
        let ask = Ask {
            method: Method::Post,
            headers: &headers,
            ..Ask::get(&self.config.url, self.config.timeout, ANSWER)
        };
        let mut said = Vec::new();
        self.told.0.lock().last = self.clock.now_ms();
        let reply = match self.client.send_body(ask, body, &mut said).await {
            Ok(reply) => reply,
            Err(e) => return Try::Later(e.to_string()),
        };
        let said = String::from_utf8_lossy(&said);
        let said = said.lines().next().unwrap_or_default().chars().take(300);
        let why = format!("status {}: {}", reply.status, said.collect::<String>());
        match reply.status {
            200..=299 => {
                let mut facts = self.told.0.lock();
                facts.lines += lines;
                facts.good = self.clock.now_ms();
                facts.error.clear();
                Try::Taken
            }
            429 if self.config.drop_rate_limited => Try::Refused(why),
            429 | 500..=599 => Try::Later(why),
            _ => Try::Refused(why),
        }
    }
}

impl Told {
    /// The place before which this client needs nothing.
    pub fn place(&self) -> Place {
        self.0.lock().place
    }

    /// A row for a person; `name` is the address without secrets.
    pub fn row(&self, name: &str, spool: &Spool) -> TargetRow {
        let facts = self.0.lock().clone();
        let (waiting, lost) = spool.waiting(facts.place);
        let mut remark = format!("lines are sent on; {} KiB wait", waiting.div_ceil(1024));
        for (n, what) in [
            (facts.left_out, "lines were refused for good"),
            (facts.gaps.max(lost), "pieces of the queue were lost"),
        ] {
            if n > 0 {
                remark.push_str(&format!("; {n} {what}"));
            }
        }
        TargetRow {
            job: "forward".to_owned(),
            instance: name.to_owned(),
            health: match (facts.error.is_empty(), facts.good > 0) {
                (false, _) => Health::Down,
                (true, true) => Health::BuiltIn,
                (true, false) => Health::Unknown,
            },
            last_scrape: facts.last,
            last_good: facts.good,
            samples: facts.lines,
            error: facts.error,
            remark,
            ..TargetRow::default()
        }
    }
}

/// Labels of the client, where the line has none of that name.
fn with_external(labels: &Labels, external: &Labels) -> Labels {
    if external.is_empty() {
        return labels.clone();
    }
    let mut edit = labels.edit();
    for (name, value) in external {
        if labels.get(name).is_empty() {
            edit.set(name, value);
        }
    }
    edit.finish()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// A record of the queue: the streams of one batch.
pub fn record(streams: &[PushStream]) -> Vec<u8> {
    loki_push::encode(streams)
}

/// Ends queues that nobody reads any more: segments before every client's place.
pub fn forget(spool: &Spool, all: &[Arc<Told>]) {
    if let Some(first) = all.iter().map(|told| told.place()).min() {
        spool.forget(first);
    }
}
