//! Forty requests of a shop: one trace in four failed, one in ten was slow.

use bongsu::model::answer::{Answer, Notes, TracesAnswer};
use bongsu::model::request::SpanRequest;
use bongsu::model::span::{
    Attribute, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanStatus, Trace, TraceId,
};
use bongsu::query::traceql::eval::summary;
use bongsu::source::api::SourceError;
use std::sync::Arc;

/// The present of the benches, in nanoseconds.
fn now() -> u64 {
    super::NOW as u64 * 1_000_000
}

fn trace(n: u64) -> Trace {
    let mut id = [0xab; 16];
    id[15] = n as u8;
    let id = TraceId(id);
    let start = now() - (40 - n) * 40_000_000_000;
    let slow = if n % 10 == 3 { 20 } else { 1 };
    let failed = n % 4 == 1;
    let ms = 1_000_000 * slow;
    let span = |i: u8, parent: Option<u8>, service: &str, name: &str, from: u64, to: u64| Span {
        trace: id,
        id: SpanId([i; 8]),
        parent: parent.map(|p| SpanId([p; 8])),
        name: Arc::from(name),
        kind: if i % 2 == 1 {
            SpanKind::Server
        } else {
            SpanKind::Client
        },
        status: if failed && i < 4 {
            SpanStatus::Error
        } else {
            SpanStatus::Unset
        },
        status_message: Arc::from(if failed && i == 3 {
            "연결이 끊어졌습니다"
        } else {
            ""
        }),
        start: start + from * ms,
        end: start + to * ms,
        attributes: vec![
            (Arc::from("http.route"), Attribute::text("/cart/{id}")),
            (
                Arc::from("http.response.status_code"),
                Attribute::Int(if failed { 500 } else { 200 }),
            ),
        ],
        events: if failed && i == 3 {
            vec![SpanEvent {
                time: start + 50 * ms,
                name: Arc::from("exception"),
                attributes: vec![
                    (
                        Arc::from("exception.type"),
                        Attribute::text("java.io.IOException"),
                    ),
                    (
                        Arc::from("exception.stacktrace"),
                        Attribute::text(
                            "java.io.IOException: closed\n\tat shop.Cart.load(Cart.java:41)\n\tat shop.Main.main(Main.java:7)",
                        ),
                    ),
                ],
            }]
        } else {
            Vec::new()
        },
        links: Vec::new(),
        resource: Arc::new(Resource {
            attributes: vec![(Arc::from("service.name"), Attribute::text(service))],
        }),
        scope: Arc::new(Scope::default()),
        shared: false,
    };
    let spans = vec![
        span(1, None, "front", "GET /cart/{id}", 0, 90 + n),
        span(2, Some(1), "front", "call cart", 5, 80),
        span(3, Some(2), "장바구니", "GET /items", 10, 75),
        span(4, Some(3), "장바구니", "SELECT items", 15, 30),
        span(5, Some(3), "장바구니", "SELECT prices", 32, 70),
        span(6, Some(1), "front", "render", 82, 90),
    ];
    Trace::new(id, spans)
}

pub(crate) fn answer(request: &SpanRequest) -> Result<Answer, SourceError> {
    Ok(match request {
        SpanRequest::Trace { id } => {
            let found = (0..40).map(trace).find(|t| t.id == *id);
            Answer::Trace(found, Notes::default())
        }
        SpanRequest::Search(query) if query.query.contains("wrong") => {
            return Err(SourceError::BadRequest {
                said: "unexpected \"wrong\": a value or a field belongs here".into(),
                at: Some((2, 7)),
            });
        }
        SpanRequest::Search(query) => {
            let wanted = |t: &Trace| !query.query.contains("error") || t.errors() > 0;
            let traces = (0..40).rev().map(trace).filter(wanted).take(query.limit);
            Answer::Traces(TracesAnswer {
                traces: traces.map(|t| summary(&t)).collect(),
                ..TracesAnswer::default()
            })
        }
        _ => Answer::TagValues(Vec::new(), Notes::default()),
    })
}
