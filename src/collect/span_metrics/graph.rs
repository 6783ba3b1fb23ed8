//! Who calls whom: the client's half of a call is paired with the server's.
//!
//! A half waits ten seconds for the other. A client whose server never speaks is an edge to what its
//! attributes name (a database, a peer), a root server's half an edge from `user`.

use crate::collect::span_metrics::histogram::{Histogram, Seen};
use crate::collect::span_metrics::{Lines, named, service_of};
use crate::model::span::{Attribute, Span, SpanId, SpanKind, TraceId};
use std::collections::HashMap;
use std::sync::Arc;

const WAIT_MS: i64 = 10_000;
/// Halves that wait at most; further ones are counted as dropped.
const WAITING: usize = 10_000;
const MOST_EDGES: usize = 1_000;
/// 0.1 s times powers of two, as Tempo's.
const SECONDS: (f64, usize) = (0.1, 8);

/// What names a database, in the order of preference.
const DATABASE: [&str; 4] = ["db.namespace", "db.name", "db.system.name", "db.system"];
/// What names the other end of a call.
const PEER: [&str; 3] = ["peer.service", "server.address", "network.peer.address"];

#[derive(Default)]
pub(super) struct Graph {
    waiting: HashMap<(TraceId, SpanId), Half>,
    /// By client, server, kind of connection.
    edges: HashMap<(Arc<str>, Arc<str>, &'static str), Edge>,
    unpaired: u64,
    dropped: u64,
}

/// Seconds of one half, and where they were seen.
type Timed = Option<(f64, Seen)>;

struct Half {
    since: i64,
    is_client: bool,
    service: Arc<str>,
    /// The other end, as the attributes name it.
    peer: Option<Arc<str>>,
    database: bool,
    messaging: bool,
    failed: bool,
    seconds: f64,
    seen: Seen,
    is_root: bool,
}

struct Edge {
    requests: u64,
    failed: u64,
    client: Histogram,
    server: Histogram,
    touched: i64,
}

fn text(span: &Span, names: &[&str]) -> Option<Arc<str>> {
    names.iter().find_map(|n| match span.attribute(n) {
        Some(Attribute::Text(t)) if !t.is_empty() => Some(Arc::clone(t)),
        _ => None,
    })
}

impl Half {
    fn of(span: &Span, is_client: bool, now: i64) -> Self {
        let database = text(span, &DATABASE);
        Self {
            since: now,
            is_client,
            service: service_of(span),
            peer: text(span, &PEER).or_else(|| database.clone()),
            database: database.is_some(),
            messaging: matches!(span.kind, SpanKind::Producer | SpanKind::Consumer),
            failed: span.is_error(),
            seconds: span.duration() as f64 / 1e9,
            seen: Seen::of(span, now),
            is_root: span.parent.is_none(),
        }
    }
}

impl Graph {
    pub(super) fn add(&mut self, span: &Span, now: i64) {
        let (is_client, call) = match span.kind {
            SpanKind::Client | SpanKind::Producer => (true, Some(span.id)),
            // Zipkin's shared half has the client's id; others name it as their parent.
            SpanKind::Server | SpanKind::Consumer if span.shared => (false, Some(span.id)),
            SpanKind::Server | SpanKind::Consumer => (false, span.parent),
            _ => return,
        };
        let half = Half::of(span, is_client, now);
        let Some(call) = call else {
            return self.virtual_edge(half, now);
        };
        let key = (span.trace, call);
        match self.waiting.remove(&key) {
            Some(other) if other.is_client != is_client => {
                let (client, server) = if is_client {
                    (half, other)
                } else {
                    (other, half)
                };
                self.edge(client, server, now);
            }
            other => {
                if other.is_none() && self.waiting.len() >= WAITING {
                    self.dropped += 1;
                } else {
                    self.waiting.insert(key, half);
                }
            }
        }
    }

    fn edge(&mut self, client: Half, server: Half, now: i64) {
        let kind = if client.messaging || server.messaging {
            "messaging_system"
        } else {
            ""
        };
        let failed = client.failed || server.failed;
        let key = (client.service, server.service, kind);
        self.count(
            key,
            failed,
            (
                Some((client.seconds, client.seen)),
                Some((server.seconds, server.seen)),
            ),
            now,
        );
    }

    /// The other end is no service that sends spans.
    fn virtual_edge(&mut self, half: Half, now: i64) {
        let times = (
            half.is_client.then_some((half.seconds, half.seen)),
            (!half.is_client).then_some((half.seconds, half.seen)),
        );
        match (half.is_client, half.peer) {
            (true, Some(peer)) => {
                let kind = if half.database {
                    "database"
                } else {
                    "virtual_node"
                };
                self.count((half.service, peer, kind), half.failed, times, now);
            }
            (false, _) if half.is_root => {
                let key = ("user".into(), half.service, "virtual_node");
                self.count(key, half.failed, times, now);
            }
            _ => self.unpaired += 1,
        }
    }

    fn count(
        &mut self,
        key: (Arc<str>, Arc<str>, &'static str),
        failed: bool,
        (client, server): (Timed, Timed),
        now: i64,
    ) {
        if self.edges.len() >= MOST_EDGES && !self.edges.contains_key(&key) {
            self.dropped += 1;
            return;
        }
        let edge = self.edges.entry(key).or_insert_with(|| Edge {
            requests: 0,
            failed: 0,
            client: Histogram::new(SECONDS),
            server: Histogram::new(SECONDS),
            touched: now,
        });
        edge.requests += 1;
        edge.failed += u64::from(failed);
        edge.touched = now;
        if let Some((v, seen)) = client {
            edge.client.add(v, seen);
        }
        if let Some((v, seen)) = server {
            edge.server.add(v, seen);
        }
    }

    /// Halves that waited long enough become edges of their own.
    pub(super) fn expire(&mut self, now: i64) {
        let old: Vec<_> = {
            let waiting = self.waiting.iter();
            let old = waiting.filter(|(_, h)| now - h.since >= WAIT_MS);
            old.map(|(key, _)| *key).collect()
        };
        for key in old {
            if let Some(half) = self.waiting.remove(&key) {
                self.virtual_edge(half, now);
            }
        }
    }

    /// Samples of the edges; those not touched since `idle` end.
    pub(super) fn lines(&mut self, idle: i64, out: &mut Lines, ended: &mut Lines) {
        for ((client, server, kind), edge) in &mut self.edges {
            let base = [
                ("client", &**client),
                ("server", &**server),
                ("connection_type", *kind),
            ];
            let out = if edge.touched < idle {
                &mut *ended
            } else {
                &mut *out
            };
            let prefix = "traces_service_graph_request";
            let name = format!("{prefix}_total");
            out.push(named(&name, &base), edge.requests as f64);
            let name = format!("{prefix}_failed_total");
            out.push(named(&name, &base), edge.failed as f64);
            edge.client
                .lines(&format!("{prefix}_client_seconds"), &base, out);
            edge.server
                .lines(&format!("{prefix}_server_seconds"), &base, out);
        }
        self.edges.retain(|_, e| e.touched >= idle);
        for (name, n) in [
            ("traces_service_graph_unpaired_spans_total", self.unpaired),
            ("traces_service_graph_dropped_spans_total", self.dropped),
        ] {
            if n > 0 {
                out.push(named(name, &[]), n as f64);
            }
        }
    }
}
