//! What the demo's three services tell of their requests: web asks orders, orders asks db.
//!
//! Made of the second alone, as the demo's numbers are: the order that the log speaks of is the
//! first trace of its second, with the same time, end and identifier.

use crate::app::demo::is_bad;
use crate::base::net::client::{Ask, Client, ClientError, Method};
use crate::model::span::{
    Attribute, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanStatus, Trace, TraceId,
};
use crate::wire::otlp;
use std::sync::Arc;
use std::time::Duration;

/// Requests that are told of each second; the first is the order of the log.
const EACH_SECOND: u64 = 4;
const MS: u64 = 1_000_000;
const TIMEOUT: Duration = Duration::from_secs(2);
/// What went wrong, wherever it is told.
pub(crate) const REASON: &str = "the till does not answer";

/// Who orders: a few names, so that an attribute has something to be searched for.
const CUSTOMERS: [&str; 5] = ["김민준", "이서연", "박지호", "Ada", "최하은"];
const GOODS: [&str; 4] = ["사과", "배", "tea", "김치"];

/// Whether the order of this second failed.
pub(crate) fn fails(second: u64) -> bool {
    second.is_multiple_of(10) || is_bad(second) && second.is_multiple_of(3)
}

/// How long the order of this second took.
pub(crate) fn took_ms(second: u64) -> u64 {
    let quick = 5 + second * 7 % 90;
    if is_bad(second) { quick * 9 } else { quick }
}

/// The trace of a second's n-th request.
pub(crate) fn trace_id(second: u64, n: u64) -> TraceId {
    let (high, low) = (mixed(second * EACH_SECOND + n), mixed(second ^ n << 40));
    TraceId((u128::from(high) << 64 | u128::from(low) | 1).to_be_bytes())
}

/// The finaliser of splitmix64: near numbers give far ones.
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// Tells a receiver of OTLP/HTTP what was asked in this second.
pub(crate) async fn tell(client: &Client, url: &str, second: u64) -> Result<(), ClientError> {
    let body = traces(second).iter().flat_map(otlp::to_protobuf).collect();
    let ask = Ask {
        method: Method::Post,
        headers: &[("content-type", "application/x-protobuf")],
        ..Ask::get(url, TIMEOUT, 1 << 16)
    };
    client.send_body(ask, body, &mut Vec::new()).await?;
    Ok(())
}

/// All requests that ended at the beginning of this second.
pub(crate) fn traces(second: u64) -> Vec<Trace> {
    let services = Services::new();
    let one = |n: u64| {
        let mut told = Told {
            services: &services,
            id: trace_id(second, n),
            spans: Vec::new(),
        };
        let slow = if is_bad(second) { 9 } else { 1 };
        let end = second * 1_000 * MS;
        if n == 0 {
            told.order(second, (end - took_ms(second) * MS, end));
        } else {
            let took = (2 + mixed(second + n) % 40) * slow;
            // Not all in one instant: dots beside each other are seen as such.
            let end = end - n * 230 * MS;
            told.search(second + n, (end - took * MS, end));
        }
        Trace::new(told.id, told.spans)
    };
    (0..EACH_SECOND).map(one).collect()
}

/// Who tells.
struct Services {
    web: Arc<Resource>,
    orders: Arc<Resource>,
    db: Arc<Resource>,
    scope: Arc<Scope>,
}

impl Services {
    fn new() -> Self {
        let of = |name: &str| {
            let name = ("service.name".into(), Attribute::text(name));
            let place = ("deployment.environment".into(), Attribute::text("demo"));
            Arc::new(Resource {
                attributes: vec![name, place],
            })
        };
        Self {
            web: of("web"),
            orders: of("orders"),
            db: of("db"),
            scope: Arc::new(Scope {
                name: "bongsu demo".into(),
                ..Scope::default()
            }),
        }
    }
}

/// One request while it is being told.
struct Told<'a> {
    services: &'a Services,
    id: TraceId,
    spans: Vec<Span>,
}

impl Told<'_> {
    /// Web takes an order, orders writes it down and asks the till; `when` is start and end.
    fn order(&mut self, second: u64, when: (u64, u64)) {
        let Services {
            web, orders, db, ..
        } = self.services;
        let at = |percent: u64| when.0 + (when.1 - when.0) * percent / 100;
        let customer = CUSTOMERS[(second % 5) as usize];
        let failed = fails(second);
        let status = if failed { 500 } else { 200 };
        let root = self.span(None, web, ("POST /order", SpanKind::Server), when);
        self.note(root, "http.request.method", Attribute::text("POST"));
        self.note(root, "http.response.status_code", Attribute::Int(status));
        self.note(root, "customer", Attribute::text(customer));
        let client = ("POST orders", SpanKind::Client);
        let asked = self.span(Some(root), web, client, (at(5), at(96)));
        let server = ("주문 접수", SpanKind::Server);
        let taken = self.span(Some(asked), orders, server, (at(8), at(94)));
        let goods = GOODS[(second % 4) as usize];
        self.note(taken, "goods", Attribute::text(goods));
        let stock = ("SELECT stock", SpanKind::Client);
        let stock = self.span(Some(taken), orders, stock, (at(12), at(30)));
        self.statement(stock, db, "SELECT n FROM stock WHERE goods = $1", (14, 28));
        let till = ("till", SpanKind::Internal);
        let till = self.span(Some(taken), orders, till, (at(32), at(70)));
        if failed {
            for span in [till, taken, asked, root] {
                self.spans[span].status = SpanStatus::Error;
                self.spans[span].status_message = REASON.into();
            }
            let text = ("exception.message".into(), Attribute::text(REASON));
            let kind = ("exception.type".into(), Attribute::text("TillSilent"));
            let time = at(70);
            self.spans[till].events.push(SpanEvent {
                time,
                name: "exception".into(),
                attributes: vec![kind, text],
            });
            return;
        }
        let insert = ("INSERT order", SpanKind::Client);
        let insert = self.span(Some(taken), orders, insert, (at(72), at(92)));
        self.statement(insert, db, "INSERT INTO orders VALUES ($1, $2)", (10, 88));
    }

    /// Web asks db alone.
    fn search(&mut self, n: u64, when: (u64, u64)) {
        let Services { web, db, .. } = self.services;
        let at = |percent: u64| when.0 + (when.1 - when.0) * percent / 100;
        let root = self.span(None, web, ("GET /search", SpanKind::Server), when);
        self.note(root, "http.request.method", Attribute::text("GET"));
        self.note(root, "http.response.status_code", Attribute::Int(200));
        let goods = GOODS[(n % 4) as usize];
        self.note(root, "url.query", Attribute::text(&format!("q={goods}")));
        let asked = ("SELECT goods", SpanKind::Client);
        let asked = self.span(Some(root), web, asked, (at(10), at(90)));
        self.statement(
            asked,
            db,
            "SELECT * FROM goods WHERE name LIKE $1",
            (10, 90),
        );
    }

    /// The database's own part of a question to it, from and until a share of that in percent.
    fn statement(&mut self, asked: usize, db: &Arc<Resource>, text: &str, part: (u64, u64)) {
        let (start, end) = (self.spans[asked].start, self.spans[asked].end);
        let at = |percent: u64| start + (end - start) * percent / 100;
        let name = text.split(' ').next().unwrap_or_default();
        let when = (at(part.0), at(part.1));
        let span = self.span(Some(asked), db, (name, SpanKind::Server), when);
        self.note(span, "db.system", Attribute::text("postgresql"));
        self.note(span, "db.statement", Attribute::text(text));
    }

    /// Adds a span; gives its place among all.
    fn span(
        &mut self,
        parent: Option<usize>,
        who: &Arc<Resource>,
        (name, kind): (&str, SpanKind),
        (start, end): (u64, u64),
    ) -> usize {
        let place = self.spans.len();
        let seed = u64::from_be_bytes(self.id.0[8..].try_into().unwrap_or_default());
        let id = mixed(seed.wrapping_add(place as u64)) | 1;
        self.spans.push(Span {
            trace: self.id,
            id: SpanId(id.to_be_bytes()),
            parent: parent.map(|p| self.spans[p].id),
            name: name.into(),
            kind,
            status: SpanStatus::Unset,
            status_message: "".into(),
            start,
            end,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            resource: Arc::clone(who),
            scope: Arc::clone(&self.services.scope),
            shared: false,
        });
        place
    }

    fn note(&mut self, span: usize, name: &str, value: Attribute) {
        self.spans[span].attributes.push((name.into(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Seconds of a whole period, good and bad.
    const SECONDS: std::ops::Range<u64> = 1_795_000_000..1_795_000_300;

    #[test]
    fn every_span_lies_inside_its_parent_and_has_an_identifier_of_its_own() {
        let (mut traces_seen, mut spans_seen) = (HashSet::new(), HashSet::new());
        for trace in SECONDS.flat_map(traces) {
            assert!(traces_seen.insert(trace.id), "{} twice", trace.id);
            for span in &trace.spans {
                assert!(spans_seen.insert(span.id), "{} twice", span.id);
                assert!(span.start < span.end, "{}", span.name);
                let Some(parent) = span.parent else { continue };
                let parent = trace.spans.iter().find(|s| s.id == parent).unwrap();
                let inside = parent.start <= span.start && span.end <= parent.end;
                assert!(inside, "{} in {}", span.name, parent.name);
            }
        }
    }

    #[test]
    fn three_services_are_told_of_and_the_bad_minute_is_slower_and_fails() {
        let (bad, good): (Vec<u64>, Vec<u64>) = SECONDS.partition(|s| is_bad(*s));
        assert_eq!((bad.len(), good.len()), (60, 240));
        let all: Vec<Trace> = SECONDS.flat_map(traces).collect();
        let services: HashSet<&str> = all
            .iter()
            .flat_map(|t| &t.spans)
            .map(Span::service)
            .collect();
        assert_eq!(services, HashSet::from(["web", "orders", "db"]));
        let failed = |of: &[u64]| of.iter().filter(|s| fails(**s)).count() as f64 / of.len() as f64;
        assert!(failed(&bad) > 3.0 * failed(&good));
        let slowest = |of: &[u64]| of.iter().map(|s| took_ms(*s)).max();
        assert!(slowest(&bad) > slowest(&good));
    }
}
