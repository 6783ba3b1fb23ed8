//! Who calls whom, with databases, queues and what sends no spans as nodes of their own.
//!
//! Names are those of the service graph's series: a peer's name before a database's.

use crate::model::span::{Attribute, Span, SpanKind};
use crate::model::span_tree::SpanTree;
use crate::model::trace_report::{Load, MapEdge, MapNode, NodeKind, ServiceMap};
use crate::query::traceql::report::groups::quantile;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes that are told apart; further ones are left out.
const MOST_NODES: usize = 500;
const DATABASE: [&str; 4] = ["db.namespace", "db.name", "db.system.name", "db.system"];
const PEER: [&str; 3] = ["peer.service", "server.address", "network.peer.address"];
const QUEUE: [&str; 3] = [
    "messaging.destination.name",
    "messaging.destination",
    "messaging.system",
];
/// Where requests come from that nobody here sent.
const USER: &str = "user";

type Key = (NodeKind, String);

#[derive(Default)]
pub(super) struct Map {
    nodes: BTreeMap<Key, Sum>,
    edges: BTreeMap<(Key, Key), Sum>,
}

#[derive(Default)]
struct Sum {
    errors: u64,
    durations: Vec<u64>,
}

impl Sum {
    fn add(&mut self, took: u64, failed: bool) {
        self.errors += u64::from(failed);
        self.durations.push(took);
    }

    fn join(&mut self, other: Self) {
        self.errors += other.errors;
        self.durations.extend(other.durations);
    }

    fn load(mut self) -> Load {
        Load {
            requests: self.durations.len() as u64,
            errors: self.errors,
            p95: quantile(&mut self.durations, 0.95),
        }
    }
}

fn text(span: &Span, names: &[&str]) -> Option<String> {
    names.iter().find_map(|n| match span.attribute(n) {
        Some(Attribute::Text(t)) if !t.is_empty() => Some(t.to_string()),
        _ => None,
    })
}

fn service(span: &Span) -> Key {
    (NodeKind::Service, span.service().to_owned())
}

fn queue(span: &Span) -> Option<Key> {
    matches!(span.kind, SpanKind::Producer | SpanKind::Consumer)
        .then(|| text(span, &QUEUE))?
        .map(|name| (NodeKind::Queue, name))
}

/// What a call goes to whose other end sends no spans.
fn far_end(span: &Span) -> Option<Key> {
    let database = text(span, &DATABASE);
    let kind = if database.is_some() {
        NodeKind::Database
    } else {
        NodeKind::External
    };
    text(span, &PEER).or(database).map(|name| (kind, name))
}

impl Map {
    fn node(&mut self, key: Key, took: u64, failed: bool) {
        if self.nodes.len() < MOST_NODES || self.nodes.contains_key(&key) {
            self.nodes.entry(key).or_default().add(took, failed);
        }
    }

    fn edge(&mut self, from: Key, to: Key, took: u64, failed: bool) {
        let known = |k: &Key| self.nodes.contains_key(k);
        if self.nodes.len() + 2 <= MOST_NODES || (known(&from) && known(&to)) {
            // Who only calls is a node too.
            self.nodes.entry(from.clone()).or_default();
            self.nodes.entry(to.clone()).or_default();
            self.edges.entry((from, to)).or_default().add(took, failed);
        }
    }

    pub(super) fn add(&mut self, tree: &SpanTree<'_>) {
        for i in 0..tree.parents.len() as u32 {
            let span = tree.span(i);
            let parent = tree.parents[i as usize].map(|p| tree.span(p));
            self.arrival(span, parent);
            self.departure(tree, i);
        }
    }

    /// A request that enters a service.
    fn arrival(&mut self, span: &Span, parent: Option<&Span>) {
        let from_elsewhere = parent.is_none_or(|p| p.service() != span.service());
        if !from_elsewhere && !matches!(span.kind, SpanKind::Server | SpanKind::Consumer) {
            return;
        }
        self.node(service(span), span.duration(), span.is_error());
        if let Some(queue) = queue(span) {
            self.edge(queue, service(span), span.duration(), span.is_error());
            return;
        }
        match parent {
            Some(caller) if from_elsewhere => {
                let is_call = matches!(caller.kind, SpanKind::Client | SpanKind::Producer);
                let took = if is_call { caller } else { span }.duration();
                let failed = span.is_error() || (is_call && caller.is_error());
                self.edge(service(caller), service(span), took, failed);
            }
            None if span.parent.is_none() && span.kind == SpanKind::Server => {
                let user = (NodeKind::User, USER.to_owned());
                self.edge(user, service(span), span.duration(), span.is_error());
            }
            _ => {}
        }
    }

    /// A request that leaves for what sends no spans.
    fn departure(&mut self, tree: &SpanTree<'_>, i: u32) {
        let span = tree.span(i);
        let to = match span.kind {
            SpanKind::Producer => queue(span),
            SpanKind::Client => {
                let mut below = tree.children[i as usize].iter().map(|c| tree.span(*c));
                let answered =
                    |c: &Span| c.service() != span.service() || c.kind == SpanKind::Server;
                if below.any(answered) {
                    return;
                }
                far_end(span)
            }
            _ => return,
        };
        if let Some(to) = to {
            self.node(to.clone(), span.duration(), span.is_error());
            self.edge(service(span), to, span.duration(), span.is_error());
        }
    }

    pub(super) fn finish(self) -> ServiceMap {
        let names = self.nodes.keys().filter(|k| k.0 == NodeKind::Service);
        let services: BTreeSet<String> = names.map(|k| k.1.clone()).collect();
        // A service whose answer was not sent is still that service.
        let known = |key: Key| match key {
            (NodeKind::External, name) if services.contains(&name) => (NodeKind::Service, name),
            key => key,
        };
        let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
        for (key, sum) in self.nodes {
            sums.entry(known(key)).or_default().join(sum);
        }
        let mut edges: BTreeMap<(Key, Key), Sum> = BTreeMap::new();
        for ((from, to), sum) in self.edges {
            edges.entry((known(from), known(to))).or_default().join(sum);
        }
        let places: BTreeMap<Key, u32> = sums.keys().cloned().zip(0..).collect();
        let nodes = sums.into_iter().map(|((kind, name), sum)| MapNode {
            name,
            kind,
            load: sum.load(),
        });
        let edges = edges.into_iter().filter_map(|((from, to), sum)| {
            Some(MapEdge {
                from: *places.get(&from)?,
                to: *places.get(&to)?,
                load: sum.load(),
            })
        });
        ServiceMap {
            nodes: nodes.collect(),
            edges: edges.collect(),
        }
    }
}
