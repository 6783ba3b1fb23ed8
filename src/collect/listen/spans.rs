//! Spans on their way into the store: refused by time, relieved of what must not be kept, counted.

use crate::base::clock::Clock;
use crate::collect::span_metrics::SpanMetrics;
use crate::model::answer::MetricKind;
use crate::model::family::Family;
use crate::model::span::{Attribute, Attributes, Resource, Scope, Span};
use crate::store::write::{SpanSink, WriteError};
use crate::wire::otlp::Batch;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Spans that begin later than this from now come from a clock that is wrong.
const AHEAD_NS: u64 = 24 * 3600 * 1_000_000_000;

/// What is not kept as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Attributes that are left out.
    pub drop: Vec<String>,
    /// Attributes of which a hash is kept.
    pub hash: Vec<String>,
    /// Nanoseconds; older spans would be gone at once.
    pub keep_ns: u64,
}

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Spans that were not there before.
    pub new: u64,
    /// Spans that were sent again.
    pub again: u64,
    pub refused: u64,
    /// Why, for the sender; empty where nothing was refused.
    pub said: String,
}

/// Takes decoded spans in.
pub struct Spans {
    sink: Arc<dyn SpanSink>,
    clock: Clock,
    policy: Policy,
    metrics: SpanMetrics,
    counts: Mutex<Counts>,
}

/// Since the start.
#[derive(Default)]
struct Counts {
    new: u64,
    again: u64,
    refused: BTreeMap<&'static str, u64>,
}

impl Spans {
    pub fn new(sink: Arc<dyn SpanSink>, clock: Clock, policy: Policy) -> Self {
        Self {
            sink,
            clock,
            policy,
            metrics: SpanMetrics::default(),
            counts: Mutex::default(),
        }
    }

    /// What is derived from the spans that were new.
    pub fn metrics(&self) -> &SpanMetrics {
        &self.metrics
    }

    /// What came since the start, for `/metrics`: refused spans by reason.
    pub fn families(&self) -> Vec<Family> {
        let counts = self.counts.lock();
        let mut out = Vec::new();
        let mut one = |name, help, value: u64| {
            let mut family = Family::new(name, MetricKind::Counter, help);
            family.add(&[], value as f64);
            out.push(family);
        };
        one(
            "bongsu_spans_received_total",
            "Spans that were taken in and new.",
            counts.new,
        );
        one(
            "bongsu_spans_repeated_total",
            "Spans that were sent again; they are kept once.",
            counts.again,
        );
        let mut refused = Family::new(
            "bongsu_spans_refused_total",
            MetricKind::Counter,
            "Spans that were not taken, by reason.",
        );
        for (reason, n) in &counts.refused {
            refused.add(&[("reason", *reason)], *n as f64);
        }
        if !counts.refused.is_empty() {
            out.push(refused);
        }
        out
    }

    /// Keeps what can be kept. Waits where the disk is behind.
    pub fn take(&self, mut batch: Batch) -> Result<Taken, WriteError> {
        let now = u64::try_from(self.clock.now_ms()).unwrap_or(0) * 1_000_000;
        let mut spans = std::mem::take(&mut batch.spans);
        let (mut early, mut late) = (0, 0);
        spans.retain(|span| {
            early += u64::from(span.start > now + AHEAD_NS);
            let until = span.start.saturating_add(self.policy.keep_ns);
            late += u64::from(until < now);
            span.start <= now + AHEAD_NS && until >= now
        });
        for (reason, n) in [
            (
                "it begins more than a day in the future: check the sender's clock",
                early,
            ),
            (
                "it began before the time that is kept (storage.retention.traces)",
                late,
            ),
        ] {
            if n > 0 {
                *batch.refused.entry(reason).or_default() += n;
            }
        }
        if !self.policy.drop.is_empty() || !self.policy.hash.is_empty() {
            self.clean(&mut spans);
        }
        let new = if spans.is_empty() {
            Vec::new()
        } else {
            let new = self.sink.spans(&spans)?;
            let fresh = spans.iter().zip(&new).filter(|(_, new)| **new);
            self.metrics.add(fresh.map(|(s, _)| s), self.clock.now_ms());
            new
        };
        let fresh = new.iter().filter(|n| **n).count() as u64;
        let mut counts = self.counts.lock();
        counts.new += fresh;
        counts.again += new.len() as u64 - fresh;
        for (reason, n) in &batch.refused {
            *counts.refused.entry(*reason).or_default() += n;
        }
        drop(counts);
        Ok(Taken {
            new: fresh,
            again: new.len() as u64 - fresh,
            refused: batch.refused_count(),
            said: batch.refusal(),
        })
    }

    fn clean(&self, spans: &mut [Span]) {
        let mut resources: HashMap<*const Resource, Arc<Resource>> = HashMap::new();
        let mut scopes: HashMap<*const Scope, Arc<Scope>> = HashMap::new();
        for span in spans {
            self.clean_attributes(&mut span.attributes);
            for event in &mut span.events {
                self.clean_attributes(&mut event.attributes);
            }
            for link in &mut span.links {
                self.clean_attributes(&mut link.attributes);
            }
            let cleaned = resources
                .entry(Arc::as_ptr(&span.resource))
                .or_insert_with(|| {
                    let mut resource = Resource::clone(&span.resource);
                    self.clean_attributes(&mut resource.attributes);
                    Arc::new(resource)
                });
            span.resource = Arc::clone(cleaned);
            let cleaned = scopes.entry(Arc::as_ptr(&span.scope)).or_insert_with(|| {
                let mut scope = Scope::clone(&span.scope);
                self.clean_attributes(&mut scope.attributes);
                Arc::new(scope)
            });
            span.scope = Arc::clone(cleaned);
        }
    }

    fn clean_attributes(&self, attributes: &mut Attributes) {
        let named = |list: &[String], name: &str| list.iter().any(|n| n == name);
        attributes.retain(|(name, _)| !named(&self.policy.drop, name));
        for (name, value) in attributes {
            if named(&self.policy.hash, name) {
                let hash = xxhash_rust::xxh3::xxh3_64(value.to_string().as_bytes());
                *value = Attribute::text(&format!("xxh3:{hash:016x}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::zipkin;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Span>>);

    impl SpanSink for Kept {
        fn spans(&self, batch: &[Span]) -> Result<Vec<bool>, WriteError> {
            let new = vec![true; batch.len()];
            self.0.lock().extend_from_slice(batch);
            Ok(new)
        }
    }

    #[test]
    fn clocks_are_judged_and_secrets_cleaned() {
        let kept = Arc::new(Kept::default());
        let policy = Policy {
            drop: vec!["password".to_owned()],
            hash: vec!["user".to_owned()],
            keep_ns: 3600 * 1_000_000_000,
        };
        let clock = Clock::fake(10_000_000_000);
        let spans = Spans::new(kept.clone(), clock, policy);
        let span = |id: u8, seconds: u64| {
            format!(
                r#"{{"traceId":"1","id":"{id}","timestamp":{},"tags":{{"password":"x","user":"kim","n":"1"}}}}"#,
                seconds * 1_000_000
            )
        };
        let text = format!(
            "[{},{},{}]",
            span(1, 10_000_000),
            span(2, 1),
            span(3, 20_000_000)
        );
        let taken = spans
            .take(zipkin::from_json(text.as_bytes()).unwrap())
            .unwrap();
        assert_eq!((taken.new, taken.refused), (1, 2));
        assert!(taken.said.contains("in the future"), "{}", taken.said);
        let kept = kept.0.lock();
        assert_eq!(kept[0].attribute("password"), None);
        let user = kept[0].attribute("user").unwrap().to_string();
        assert!(user.starts_with("xxh3:") && user.len() == 21, "{user}");
        assert_eq!(kept[0].attribute("n"), Some(&Attribute::text("1")));
    }
}
