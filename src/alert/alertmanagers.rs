//! Sending on: what the rules say goes to existing Alertmanagers too, as Prometheus sends it.
//!
//! Alerts wait in one bounded queue; each batch goes to every Alertmanager at once. What one of them
//! did not take is not tried again: a firing alert is told anew every minute, and a resolved one for
//! a quarter of an hour. Source: Prometheus `notifier/manager.go`.

use crate::alert::Tell;
use crate::base::clock::{Clock, Duration};
use crate::base::net::client::{Ask, Client, Method};
use crate::base::task::Stop;
use crate::model::alert::Alert;
use crate::model::labels::Labels;
use crate::model::view::ReceiverRow;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Notify;

/// Alerts that wait at most; the oldest give way.
const QUEUE: usize = 10_000;
/// Alerts of one request.
const BATCH: usize = 256;
/// What an Alertmanager may answer.
const MAX_ANSWER: u64 = 64 << 10;
/// Below the address.
pub const PATH: &str = "/api/v2/alerts";

/// Labels to what they become; `None` drops the alert.
pub type Relabel = Box<dyn Fn(&Labels) -> Option<Labels> + Send + Sync>;

/// One Alertmanager that alerts are sent on to.
pub struct Destination {
    /// Without credentials: it is shown.
    pub name: String,
    pub url: String,
    pub client: Client,
    pub timeout: Duration,
    /// What labels become on the way.
    pub relabel: Relabel,
}

/// The queue and the newest destinations. Clones share them.
#[derive(Clone, Default)]
pub struct Alertmanagers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<VecDeque<Alert>>,
    come: Notify,
    destinations: Mutex<Vec<Arc<Destination>>>,
    rows: Mutex<Vec<ReceiverRow>>,
    dropped: Mutex<u64>,
}

impl Alertmanagers {
    /// Sends to these from now on.
    pub fn configure(&self, destinations: Vec<Destination>) {
        let mut rows = self.0.rows.lock();
        let kept: Vec<ReceiverRow> = destinations
            .iter()
            .map(|d| {
                let before = rows.iter().find(|r| r.receiver == d.name);
                before.cloned().unwrap_or_else(|| ReceiverRow {
                    receiver: d.name.clone(),
                    integration: "alertmanager".to_owned(),
                    ..ReceiverRow::default()
                })
            })
            .collect();
        *rows = kept;
        let shared = destinations.into_iter().map(Arc::new).collect();
        *self.0.destinations.lock() = shared;
    }

    /// How sending went, one row for each.
    pub fn rows(&self) -> Vec<ReceiverRow> {
        let waiting = self.0.queue.lock().len() as u64;
        let mut rows = self.0.rows.lock().clone();
        for row in &mut rows {
            row.waiting = waiting;
        }
        rows
    }

    /// Alerts that wait, that may, and that gave way.
    pub fn queue(&self) -> (usize, usize, u64) {
        (self.0.queue.lock().len(), QUEUE, *self.0.dropped.lock())
    }

    /// Sends what comes until told to stop.
    pub async fn run(self, clock: Clock, mut stop: Stop) {
        loop {
            tokio::select! {
                () = self.0.come.notified() => {}
                () = stop.wait() => return,
            }
            while let Some(batch) = self.take() {
                let destinations = self.0.destinations.lock().clone();
                let mut sending = tokio::task::JoinSet::new();
                for destination in destinations {
                    let batch = batch.clone();
                    sending.spawn(async move {
                        let sent = send(&destination, &batch).await;
                        (destination.name.clone(), sent)
                    });
                }
                while let Some(ended) = sending.join_next().await {
                    if let Ok((name, sent)) = ended {
                        self.note(&name, sent, clock.now_ms());
                    }
                }
                if stop.is_stopped() {
                    return;
                }
            }
        }
    }

    fn take(&self) -> Option<Arc<Vec<Alert>>> {
        let mut queue = self.0.queue.lock();
        let n = queue.len().min(BATCH);
        (n > 0).then(|| Arc::new(queue.drain(..n).collect()))
    }

    fn note(&self, name: &str, sent: Result<(), String>, now: i64) {
        let mut rows = self.0.rows.lock();
        let Some(row) = rows.iter_mut().find(|r| r.receiver == name) else {
            return;
        };
        match sent {
            Ok(()) => {
                row.sent += 1;
                row.last_sent = now;
            }
            Err(said) => {
                row.failed += 1;
                row.last_failed = now;
                row.last_error = said;
            }
        }
    }
}

impl Tell for Alertmanagers {
    fn tell(&self, alerts: Vec<Alert>, _: i64) {
        if self.0.destinations.lock().is_empty() {
            return;
        }
        let mut queue = self.0.queue.lock();
        queue.extend(alerts);
        let over = queue.len().saturating_sub(QUEUE);
        queue.drain(..over);
        drop(queue);
        *self.0.dropped.lock() += over as u64;
        self.0.come.notify_one();
    }
}

async fn send(to: &Destination, alerts: &[Alert]) -> Result<(), String> {
    let posted: Vec<Value> = alerts.iter().filter_map(|a| posted(to, a)).collect();
    if posted.is_empty() {
        return Ok(());
    }
    let payload = serde_json::to_vec(&posted).map_err(|e| e.to_string())?;
    let ask = Ask {
        method: Method::Post,
        url: &to.url,
        headers: &[("Content-Type", "application/json")],
        timeout: to.timeout,
        max_body: MAX_ANSWER,
    };
    let mut body = Vec::new();
    let reply = to.client.send_body(ask, payload, &mut body).await;
    match reply {
        Ok(reply) if (200..300).contains(&reply.status) => Ok(()),
        Ok(reply) => Err(format!(
            "{} alerts were not taken: status {}; they are told again in a minute",
            posted.len(),
            reply.status
        )),
        Err(e) => Err(format!(
            "{} alerts were not taken: {e}; they are told again in a minute",
            posted.len()
        )),
    }
}

fn posted(to: &Destination, alert: &Alert) -> Option<Value> {
    let labels = (to.relabel)(&alert.labels)?;
    let time = |ms: i64| {
        let at = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
        at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    };
    Some(json!({
        "labels": labels,
        "annotations": alert.annotations,
        "startsAt": time(alert.starts_at),
        "endsAt": time(alert.ends_at),
        "generatorURL": alert.generator_url,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::net::client::ClientOptions;

    #[test]
    fn the_oldest_give_way_and_are_counted() {
        let all = Alertmanagers::default();
        all.tell(vec![Alert::default()], 0);
        assert_eq!(all.queue(), (0, QUEUE, 0), "nobody to send to");
        all.configure(vec![Destination {
            name: "a".into(),
            url: "http://127.0.0.1:9/api/v2/alerts".into(),
            client: Client::new(&ClientOptions::default(), None).unwrap(),
            timeout: Duration::from_secs(1),
            relabel: Box::new(|l| Some(l.clone())),
        }]);
        let many = |from: i64, n: usize| -> Vec<Alert> {
            let one = |i| Alert {
                starts_at: from + i as i64,
                ..Alert::default()
            };
            (0..n).map(one).collect()
        };
        all.tell(many(0, QUEUE), 0);
        all.tell(many(QUEUE as i64, 5), 0);
        assert_eq!(all.queue(), (QUEUE, QUEUE, 5));
        let first = all.take().unwrap();
        assert_eq!((first.len(), first[0].starts_at), (BATCH, 5));
    }

    #[test]
    fn an_alert_goes_as_alertmanager_reads_it() {
        let to = Destination {
            name: "a".into(),
            url: String::new(),
            client: Client::new(&ClientOptions::default(), None).unwrap(),
            timeout: Duration::from_secs(1),
            relabel: Box::new(|l| (!l.has("secret")).then(|| l.retain(|n| n != "replica"))),
        };
        let alert = Alert {
            labels: Labels::from_pairs([("alertname", "A"), ("replica", "1")]),
            annotations: Labels::from_pairs([("summary", "x")]),
            starts_at: 1_000,
            ends_at: 2_000,
            generator_url: "http://x/graph".into(),
            ..Alert::default()
        };
        assert_eq!(
            posted(&to, &alert),
            Some(json!({
                "labels": {"alertname": "A"},
                "annotations": {"summary": "x"},
                "startsAt": "1970-01-01T00:00:01.000Z",
                "endsAt": "1970-01-01T00:00:02.000Z",
                "generatorURL": "http://x/graph",
            }))
        );
        let dropped = Alert {
            labels: Labels::from_pairs([("secret", "1")]),
            ..Alert::default()
        };
        assert_eq!(posted(&to, &dropped), None);
    }
}
