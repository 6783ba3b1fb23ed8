//! Counts and edges against what Tempo calls them.

use super::*;
use crate::model::answer::Metadata;
use crate::model::sample::is_stale;
use crate::model::span::{Attribute, Resource, Scope, SpanId, TraceId};
use crate::store::write::Appended;
use std::sync::Arc;

/// Keeps the newest value of each series.
#[derive(Default)]
struct Kept(
    Mutex<(Vec<Labels>, HashMap<Labels, f64>)>,
    Mutex<Vec<(String, Exemplar)>>,
);

impl MetricSink for Kept {
    fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
        let mut kept = self.0.lock();
        kept.0.push(labels.clone());
        Ok(SeriesId(kept.0.len() as u64 - 1))
    }

    fn append(&self, batch: &[Append]) -> Result<Appended, WriteError> {
        let mut kept = self.0.lock();
        for a in batch {
            let labels = kept.0[a.series.0 as usize].clone();
            kept.1.insert(labels, a.v);
        }
        Ok(Appended::default())
    }

    fn append_live(&self, _: &[(Labels, i64, f64)]) {}

    fn describe(&self, _: &[Metadata]) {}

    fn append_exemplars(&self, batch: Vec<(SeriesId, Exemplar)>) {
        let labels = |id: SeriesId| self.0.lock().0[id.0 as usize].to_string();
        let named = batch.into_iter().map(|(id, e)| (labels(id), e));
        self.1.lock().extend(named);
    }
}

impl Kept {
    fn value(&self, text: &str) -> Option<f64> {
        let kept = self.0.lock();
        let found = kept.1.iter().find(|(l, _)| l.to_string() == text);
        found.map(|(_, v)| *v)
    }
}

fn span(id: u8, parent: Option<u8>, service: &str, kind: SpanKind, ms: u64) -> Span {
    Span {
        trace: TraceId([1; 16]),
        id: SpanId([id; 8]),
        parent: parent.map(|p| SpanId([p; 8])),
        name: "op".into(),
        kind,
        status: SpanStatus::Unset,
        status_message: "".into(),
        start: 0,
        end: ms * 1_000_000,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        resource: Arc::new(Resource {
            attributes: vec![("service.name".into(), Attribute::text(service))],
        }),
        scope: Arc::new(Scope::default()),
        shared: false,
    }
}

#[test]
fn calls_latencies_and_edges_as_tempo_names_them() {
    let metrics = SpanMetrics::default();
    let mut query = span(4, Some(3), "cart", SpanKind::Client, 2);
    query
        .attributes
        .push(("db.system".into(), Attribute::text("mysql")));
    query.status = SpanStatus::Error;
    let spans = [
        span(1, None, "front", SpanKind::Server, 100),
        span(2, Some(1), "front", SpanKind::Client, 80),
        span(3, Some(2), "cart", SpanKind::Server, 70),
        query,
    ];
    metrics.add(spans.iter(), 0);
    let kept = Kept::default();
    metrics.write(&kept, 15_000).unwrap();
    let base = r#"service="front", span_kind="SPAN_KIND_SERVER", span_name="op", status_code="STATUS_CODE_UNSET""#;
    assert_eq!(
        kept.value(&format!("traces_spanmetrics_calls_total{{{base}}}")),
        Some(1.0)
    );
    let bucket = |le: &str| {
        let text = format!("traces_spanmetrics_latency_bucket{{le=\"{le}\", {base}}}");
        kept.value(&text).unwrap_or_else(|| panic!("{text}"))
    };
    assert_eq!(
        (bucket("0.064"), bucket("0.128"), bucket("+Inf")),
        (0.0, 1.0, 1.0)
    );
    for (client, server, kind, failed) in [
        ("front", "cart", "", 0.0),
        ("user", "front", r#"connection_type="virtual_node", "#, 0.0),
        ("cart", "mysql", r#"connection_type="database", "#, 1.0),
    ] {
        let labels = format!("{{client=\"{client}\", {kind}server=\"{server}\"}}");
        let of = |name: &str| kept.value(&format!("traces_service_graph_request{name}{labels}"));
        assert_eq!(of("_total"), Some(1.0), "{labels}");
        assert_eq!(of("_failed_total"), Some(failed), "{labels}");
    }
    // Nothing came for more than a quarter of an hour: the series end.
    metrics.write(&kept, 16 * 60_000).unwrap();
    assert!(kept.0.lock().1.values().all(|v| is_stale(*v)));
}

#[test]
fn each_bucket_leads_to_its_newest_span_once() {
    let metrics = SpanMetrics::default();
    let spans = [
        span(1, None, "front", SpanKind::Internal, 3),
        span(2, None, "front", SpanKind::Internal, 4),
        span(3, None, "front", SpanKind::Internal, 100),
    ];
    metrics.add(spans.iter(), 50);
    let kept = Kept::default();
    metrics.write(&kept, 15_000).unwrap();
    let found = |le: &str| {
        let told = kept.1.lock();
        let mut of = told.iter().filter(|(l, _)| {
            l.starts_with("traces_spanmetrics_latency_bucket{")
                && l.contains(&format!("le=\"{le}\""))
        });
        of.next().map(|(_, e)| (e.span(), e.value, e.t))
    };
    assert_eq!(found("0.004"), Some((Some(SpanId([2; 8])), 0.004, 4)));
    // It ends later than now: it is told at now.
    assert_eq!(found("0.128"), Some((Some(SpanId([3; 8])), 0.1, 50)));
    assert_eq!(found("0.064"), None);
    kept.1.lock().clear();
    metrics.write(&kept, 30_000).unwrap();
    assert!(kept.1.lock().is_empty(), "nothing was added since");
}
