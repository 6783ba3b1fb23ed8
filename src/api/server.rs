//! The table of paths, and what happens to a request before and after its row is called.

use crate::api::alertmanager;
use crate::api::auth::{Local, Right, Rules};
use crate::api::loki::Switch;
use crate::api::params::Params;
use crate::api::reply::{self, Answer, Failed, bad_data};
use crate::api::{
    Engine, bongsu, federate, loki, otlp, otlp_logs, prometheus, push, rules, spans, status,
    targets, tempo,
};
use crate::base::clock::{Clock, Duration};
use crate::base::net::http::{Answering, BodyError, Peer, Respond, Room, read_body};
use crate::base::net::listen::Spec;
use crate::source::api::Source;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, SEC_WEBSOCKET_KEY,
    UPGRADE, USER_AGENT,
};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, Request};
use std::pin::Pin;
use std::sync::Arc;

/// What the server is told once.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub spec: Spec,
    pub local: Local,
    pub admin: bool,
    pub host_name: String,
    pub clock: Clock,
    /// Answer only what this protocol needs.
    pub only: Option<Pushing>,
}

/// Answers requests, whichever listener they came over.
pub struct Api {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) clock: Clock,
    rules: Rules,
    admin: bool,
    only: Option<Pushing>,
}

/// A request that was let in.
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) path: String,
    pub(crate) params: Params,
    pub(crate) body: Bytes,
    /// The body's type and encoding, as its sender says.
    pub(crate) content: (String, String),
    pub(crate) accept: String,
    /// `X-Loki-Response-Encoding-Flags`
    pub(crate) encoding_flags: String,
    pub(crate) gzip: bool,
    pub(crate) grpc_encoding: String,
    /// The other end, without its port, and what it calls itself.
    pub(crate) from: (String, String),
    /// Where the caller asks to speak WebSocket.
    pub(crate) switch: Option<Switch>,
}

pub(crate) type Done = Result<Answer, Failed>;
type Run = fn(Call) -> Pin<Box<dyn Future<Output = Done> + Send>>;

/// One path. A trailing `*` takes everything below.
struct Route {
    path: &'static str,
    methods: &'static [Method],
    right: Right,
    body: BodyKind,
    /// The listener of its own that answers it too.
    of: Option<Pushing>,
    run: Run,
}

/// The protocols that have a port of their own beside the one for everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushing {
    Grpc,
    Otlp,
    Zipkin,
}

/// What a body is, and how large it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyKind {
    None,
    /// Parameters, in a POST.
    Form,
    Bytes(usize),
}

/// How a client of Loki asks for labels by category.
const ENCODING_FLAGS: HeaderName = HeaderName::from_static("x-loki-response-encoding-flags");

const FORM_MOST: usize = 4 << 20;
/// The largest remote write that Prometheus sends with generous settings stays far below.
const PUSH_MOST: usize = 32 << 20;
const BODY_TIME: Duration = Duration::from_mins(1);
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

const READ: &[Method] = &[Method::GET, Method::HEAD];
const ASK: &[Method] = &[Method::GET, Method::POST, Method::HEAD];
const POST: &[Method] = &[Method::POST];
const DELETE: &[Method] = &[Method::DELETE];
const ORDER: &[Method] = &[Method::POST, Method::PUT];

macro_rules! route {
    ($path:literal, $methods:ident, $right:ident, $body:expr, $run:path) => {
        Route {
            path: $path,
            methods: $methods,
            right: Right::$right,
            body: $body,
            of: None,
            run: |call| Box::pin($run(call)),
        }
    };
}

/// Where spans and log records are pushed.
macro_rules! push {
    ($path:literal, $of:ident, $run:path) => {
        Route {
            of: Some(Pushing::$of),
            ..route!($path, POST, Query, Whole(PUSH_MOST), $run)
        }
    };
}

use BodyKind::{Bytes as Whole, Form, None as Empty};

static ROUTES: &[Route] = &[
    route!("/-/healthy", READ, Health, Empty, status::healthy),
    route!("/-/ready", READ, Health, Empty, status::ready),
    route!("/-/reload", ORDER, Act, Empty, status::reload),
    route!("/metrics", READ, Metrics, Empty, status::metrics),
    route!("/federate", READ, Query, Empty, federate::federate),
    route!("/bongsu/v1/ask", POST, Act, Whole(FORM_MOST), bongsu::ask),
    route!("/bongsu/v1/act", POST, Act, Whole(FORM_MOST), bongsu::act),
    route!("/api/v1/query", ASK, Query, Form, prometheus::query),
    route!(
        "/api/v1/query_range",
        ASK,
        Query,
        Form,
        prometheus::query_range
    ),
    route!(
        "/api/v1/query_exemplars",
        ASK,
        Query,
        Form,
        prometheus::query_exemplars
    ),
    route!(
        "/api/v1/format_query",
        ASK,
        Query,
        Form,
        prometheus::format_query
    ),
    route!("/api/v1/series", ASK, Query, Form, prometheus::series),
    route!("/api/v1/labels", ASK, Query, Form, prometheus::labels),
    route!(
        "/api/v1/label/*",
        READ,
        Query,
        Empty,
        prometheus::label_values
    ),
    route!("/api/v1/metadata", READ, Query, Empty, prometheus::metadata),
    route!(
        "/api/v1/write",
        POST,
        Query,
        Whole(PUSH_MOST),
        prometheus::write
    ),
    route!("/loki/api/v1/query", ASK, Query, Form, loki::query),
    route!(
        "/loki/api/v1/query_range",
        ASK,
        Query,
        Form,
        loki::query_range
    ),
    route!("/loki/api/v1/labels", ASK, Query, Form, loki::labels),
    route!("/loki/api/v1/label", ASK, Query, Form, loki::labels),
    route!("/loki/api/v1/label/*", ASK, Query, Form, loki::label_values),
    route!("/loki/api/v1/series", ASK, Query, Form, loki::series),
    route!("/loki/api/v1/index/stats", ASK, Query, Form, loki::stats),
    route!("/loki/api/v1/index/volume", ASK, Query, Form, loki::volume),
    route!(
        "/loki/api/v1/index/volume_range",
        ASK,
        Query,
        Form,
        loki::volume_range
    ),
    route!("/loki/api/v1/patterns", ASK, Query, Form, loki::patterns),
    route!(
        "/loki/api/v1/detected_labels",
        ASK,
        Query,
        Form,
        loki::detected_labels
    ),
    route!(
        "/loki/api/v1/detected_fields",
        ASK,
        Query,
        Form,
        loki::detected_fields
    ),
    route!(
        "/loki/api/v1/detected_field/*",
        ASK,
        Query,
        Form,
        loki::detected_field_values
    ),
    route!(
        "/loki/api/v1/push",
        POST,
        Query,
        Whole(PUSH_MOST),
        push::loki
    ),
    route!("/api/prom/push", POST, Query, Whole(PUSH_MOST), push::loki),
    route!(
        "/loki/api/v1/format_query",
        ASK,
        Query,
        Form,
        loki::format_query
    ),
    route!(
        "/loki/api/v1/status/buildinfo",
        READ,
        Query,
        Empty,
        status::buildinfo
    ),
    route!("/ready", READ, Health, Empty, loki::ready),
    route!("/api/v1/rules", READ, Query, Empty, rules::rules),
    route!("/api/v1/alerts", READ, Query, Empty, rules::alerts),
    route!("/api/search", READ, Query, Empty, tempo::search),
    route!("/api/search/tags", READ, Query, Empty, tempo::tags_v1),
    route!("/api/v2/search/tags", READ, Query, Empty, tempo::tags_v2),
    route!("/api/search/tag/*", READ, Query, Empty, tempo::values),
    route!("/api/v2/search/tag/*", READ, Query, Empty, tempo::values),
    route!("/api/traces/*", READ, Query, Empty, tempo::trace_v1),
    route!("/api/v2/traces/*", READ, Query, Empty, tempo::trace_v2),
    route!(
        "/api/metrics/query_range",
        READ,
        Query,
        Empty,
        tempo::query_range
    ),
    route!("/api/metrics/query", READ, Query, Empty, tempo::query),
    route!("/api/echo", READ, Health, Empty, tempo::echo),
    route!("/loki/api/v1/tail", READ, Query, Empty, loki::tail),
    route!("/loki/api/v1/rules", READ, Query, Empty, loki::rules),
    route!("/loki/api/v1/rules/*", READ, Query, Empty, loki::rules),
    route!("/api/prom/rules", READ, Query, Empty, loki::rules),
    route!("/prometheus/api/v1/rules", READ, Query, Empty, rules::rules),
    route!(
        "/prometheus/api/v1/alerts",
        READ,
        Query,
        Empty,
        rules::alerts
    ),
    push!("/v1/traces", Otlp, spans::otlp_http),
    push!("/v1/logs", Otlp, otlp_logs::http),
    push!("/otlp/v1/logs", Otlp, otlp_logs::http),
    push!("/api/v2/spans", Zipkin, spans::zipkin_v2),
    push!(
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Grpc,
        spans::otlp_grpc
    ),
    push!(
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Grpc,
        otlp_logs::grpc
    ),
    push!(
        "/opentelemetry.proto.collector.*",
        Grpc,
        otlp::grpc_unserved
    ),
    route!("/api/v1/targets", READ, Query, Empty, targets::targets),
    route!(
        "/api/v1/targets/metadata",
        READ,
        Query,
        Empty,
        targets::metadata
    ),
    route!(
        "/api/v1/scrape_pools",
        READ,
        Query,
        Empty,
        targets::scrape_pools
    ),
    route!(
        "/api/v1/status/buildinfo",
        READ,
        Query,
        Empty,
        status::buildinfo
    ),
    route!(
        "/api/v1/status/runtimeinfo",
        READ,
        Query,
        Empty,
        status::runtimeinfo
    ),
    route!("/api/v1/status/flags", READ, Query, Empty, status::flags),
    route!("/api/v1/status/config", READ, Query, Empty, status::config),
    route!("/api/v1/status/tsdb", READ, Query, Empty, status::tsdb),
    route!("/api/v2/alerts", READ, Query, Empty, alertmanager::alerts),
    route!(
        "/api/v2/alerts",
        POST,
        Query,
        Whole(PUSH_MOST),
        alertmanager::post_alerts
    ),
    route!(
        "/api/v2/alerts/groups",
        READ,
        Query,
        Empty,
        alertmanager::groups
    ),
    route!(
        "/api/v2/silences",
        READ,
        Query,
        Empty,
        alertmanager::silences
    ),
    route!(
        "/api/v2/silences",
        POST,
        Act,
        Whole(FORM_MOST),
        alertmanager::post_silence
    ),
    route!(
        "/api/v2/silence/*",
        READ,
        Query,
        Empty,
        alertmanager::silence
    ),
    route!(
        "/api/v2/silence/*",
        DELETE,
        Act,
        Empty,
        alertmanager::expire_silence
    ),
    route!(
        "/api/v2/receivers",
        READ,
        Query,
        Empty,
        alertmanager::receivers
    ),
    route!("/api/v2/status", READ, Query, Empty, alertmanager::status),
    route!(
        "/api/v1/admin/tsdb/delete_series",
        ORDER,
        Admin,
        Form,
        status::delete_series
    ),
    route!(
        "/api/v1/admin/tsdb/clean_tombstones",
        ORDER,
        Admin,
        Form,
        status::clean_tombstones
    ),
    route!(
        "/api/v1/admin/tsdb/snapshot",
        ORDER,
        Admin,
        Form,
        status::snapshot
    ),
];

impl Api {
    pub fn new(engine: Arc<dyn Engine>, options: Options) -> Arc<Self> {
        Arc::new(Self {
            engine,
            clock: options.clock,
            rules: Rules {
                spec: options.spec,
                local: options.local,
                host_name: options.host_name,
            },
            admin: options.admin,
            only: options.only,
        })
    }

    /// For [`crate::base::net`]'s listeners.
    pub fn respond(self: &Arc<Self>) -> Respond {
        let api = self.clone();
        Arc::new(move |request, peer| {
            let api = api.clone();
            let answering: Answering = Box::pin(async move {
                match api.take(request, &peer).await {
                    Ok(answer) => answer,
                    Err(failed) => failed.answer(),
                }
            });
            answering
        })
    }

    async fn take(self: Arc<Self>, request: Request<Incoming>, peer: &Peer) -> Done {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let route = route_of(&path, &head.method)
            .filter(|route| self.only.is_none() || route.of == self.only)
            .ok_or_else(|| Failed::Plain(404, format!("there is nothing at {path}")))?;
        if !route.methods.contains(&head.method) {
            let said = format!("{path} does not take {}", head.method);
            return Err(Failed::Plain(405, said));
        }
        let caller = self
            .rules
            .admit(peer, &head.headers, route.right)
            .map_err(|(status, said)| Failed::Plain(status, said))?;
        if route.right == Right::Admin && !self.admin {
            // Prometheus' words and status.
            let said = "admin APIs disabled: set api.admin to true";
            return Err(Failed::Api(
                crate::wire::prom_json::write::ErrorType::Unavailable,
                said.to_owned(),
            ));
        }
        // The room is held until the answer is made.
        let (body, _room) = match route.body {
            Whole(most) => read(body, most).await?,
            Form if head.method != Method::GET => read(body, FORM_MOST).await?,
            Form | Empty => (Bytes::new(), Room::default()),
        };
        let form = if route.body == Form { &body[..] } else { &[] };
        let gzip = takes_gzip(header(&head.headers, ACCEPT_ENCODING));
        let call = Call {
            source: self.engine.source(caller),
            params: Params::read(head.uri.query().unwrap_or_default(), form),
            content: (
                header(&head.headers, CONTENT_TYPE).to_owned(),
                header(&head.headers, CONTENT_ENCODING).to_owned(),
            ),
            accept: header(&head.headers, ACCEPT).to_owned(),
            from: (address(peer), agent(&head.headers)),
            encoding_flags: header(&head.headers, ENCODING_FLAGS).to_owned(),
            grpc_encoding: header(&head.headers, GRPC_ENCODING).to_owned(),
            switch: switch(&mut head),
            api: self,
            path,
            body,
            gzip,
        };
        let answer = (route.run)(call).await?;
        Ok(reply::compressed(answer, gzip))
    }
}

/// The row of a path and method; where only the method is none of its rows', one of them.
fn route_of(path: &str, method: &Method) -> Option<&'static Route> {
    let fits = |route: &&Route| match route.path.strip_suffix('*') {
        Some(head) => path.starts_with(head),
        None => path == route.path,
    };
    let mut rows = ROUTES.iter().filter(fits);
    let found = rows.clone().find(|r| r.methods.contains(method));
    found.or_else(|| rows.next())
}

async fn read(body: Incoming, most: usize) -> Result<(Bytes, Room), Failed> {
    read_body(body, most, BODY_TIME).await.map_err(|e| match e {
        BodyError::TooLarge(_) => Failed::Plain(413, e.to_string()),
        BodyError::Slow(_) => Failed::Plain(408, e.to_string()),
        BodyError::Crowded => Failed::Plain(503, e.to_string()),
        BodyError::Broken => bad_data(e.to_string()),
    })
}

fn header(headers: &HeaderMap, name: HeaderName) -> &str {
    let value = headers.get(name).and_then(|v| v.to_str().ok());
    value.unwrap_or_default()
}

/// Where the caller asks to speak WebSocket from here on.
fn switch(head: &mut Parts) -> Option<Switch> {
    let asked = header(&head.headers, UPGRADE).eq_ignore_ascii_case("websocket");
    let key = header(&head.headers, SEC_WEBSOCKET_KEY).to_owned();
    if !asked || key.is_empty() {
        return None;
    }
    let upgrade = head.extensions.remove::<OnUpgrade>()?;
    Some(Switch { upgrade, key })
}

fn address(peer: &Peer) -> String {
    match peer {
        Peer::Tcp { from, .. } => from.ip().to_canonical().to_string(),
        Peer::Socket { uid, .. } => format!("uid {uid}"),
    }
}

/// Kept for every sender, so that it is short.
fn agent(headers: &HeaderMap) -> String {
    header(headers, USER_AGENT).chars().take(100).collect()
}

fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        name.trim() == "gzip" && weight.trim().replace(' ', "") != "q=0"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_rows() {
        let path = |p| route_of(p, &Method::GET).map(|r| r.path);
        assert_eq!(path("/api/v1/query"), Some("/api/v1/query"));
        assert_eq!(path("/api/v1/label/job/values"), Some("/api/v1/label/*"));
        assert_eq!(path("/api/v1/query/x"), None);
        assert_eq!(path("/"), None);
    }

    #[test]
    fn gzip_only_where_it_is_taken() {
        assert!(takes_gzip("deflate, gzip;q=0.5") && takes_gzip("gzip"));
        assert!(!takes_gzip("identity") && !takes_gzip("gzip; q=0") && !takes_gzip(""));
    }
}
