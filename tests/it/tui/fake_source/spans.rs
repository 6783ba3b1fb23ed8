//! Forty requests of a shop: one trace in four failed, one in ten was slow.

use bongsu::model::answer::{Answer, Notes, TracesAnswer};
use bongsu::model::request::{SpanRequest, TagScope, TraceQuery};
use bongsu::model::span::{
    Attribute, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanStatus, Trace, TraceId,
};
use bongsu::model::trace_report::TracePick;
use bongsu::query::traceql::eval::summary;
use bongsu::query::traceql::report::Report;
use bongsu::source::api::SourceError;
use std::sync::{Arc, OnceLock};

/// The present in milliseconds: that of the benches, or the clock's where a console runs in a pty.
static PRESENT: OnceLock<i64> = OnceLock::new();

/// From now on traces end at the clock's time.
pub(crate) fn live() {
    let _ = PRESENT.set(bongsu::base::clock::Clock::System.now_ms());
}

fn now() -> u64 {
    *PRESENT.get_or_init(|| super::NOW) as u64 * 1_000_000
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
        kind: match i {
            1 | 3 => SpanKind::Server,
            6 => SpanKind::Internal,
            _ => SpanKind::Client,
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
    // The cart's clock is early in this one.
    let early = if n == 35 { 8 } else { 0 };
    let mut spans = vec![
        span(1, None, "front", "GET /cart/{id}", 0, 90 + n),
        span(2, Some(1), "front", "call cart", 5, 80),
        span(3, Some(2), "장바구니", "GET /items", 10, 75),
        span(4, Some(3), "장바구니", "SELECT items", 15, 30),
        span(5, Some(3), "장바구니", "SELECT prices", 32, 70),
        span(6, Some(1), "front", "render", 82, 90),
    ];
    dress(&mut spans, early * ms);
    Trace::new(id, spans)
}

/// Statements for the database, and the cart's clock, early by so much.
fn dress(spans: &mut [Span], early: u64) {
    for select in &mut spans[3..5] {
        let sql = "select p.id, p.price from prices p join items i on i.id = p.item where i.cart = ? and p.valid = 'and so' order by p.id";
        select.attributes = vec![
            (Arc::from("db.system"), Attribute::text("mysql")),
            (Arc::from("server.address"), Attribute::text("db1")),
            (Arc::from("db.statement"), Attribute::text(sql)),
        ];
    }
    for cart in &mut spans[2..5] {
        cart.start -= early;
        cart.end -= early;
    }
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
        SpanRequest::Search(query) => Answer::Traces(TracesAnswer {
            traces: found(query).iter().map(summary).collect(),
            ..TracesAnswer::default()
        }),
        SpanRequest::Report(asked) => {
            let traces = match &asked.of {
                TracePick::Ids(ids) => (0..40).map(trace).filter(|t| ids.contains(&t.id)).collect(),
                TracePick::Found(query) => found(query),
            };
            let mut report = Report::new(&asked.parts).map_err(|e| SourceError::BadRequest {
                said: e.to_string(),
                at: None,
            })?;
            for trace in &traces {
                report.add(trace);
            }
            Answer::Report(report.finish())
        }
        SpanRequest::Tags { .. } => {
            let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
            let tags = vec![
                (
                    TagScope::Span,
                    names(&["db.statement", "db.system", "http.route"]),
                ),
                (TagScope::Resource, names(&["service.name"])),
            ];
            Answer::Tags(tags, Notes::default())
        }
        SpanRequest::TagValues { tag, .. } if tag == "resource.service.name" => {
            let values = ["front", "장바구니"].map(Attribute::text);
            Answer::TagValues(values.to_vec(), Notes::default())
        }
        _ => Answer::TagValues(Vec::new(), Notes::default()),
    })
}

/// The newest first; of the query only `error` is understood.
fn found(query: &TraceQuery) -> Vec<Trace> {
    let wanted = |t: &Trace| {
        let took = t.duration();
        (!query.query.contains("error") || t.errors() > 0)
            && (query.from..=query.to).contains(&t.bounds().0)
            && query.shortest.is_none_or(|s| took >= s)
            && query.longest.is_none_or(|l| took <= l)
    };
    let traces = (0..40).rev().map(trace).filter(wanted);
    traces.take(query.limit).collect()
}
