//! Made-up spans for the scripts under `benches/peers`: prepared, replayed, filled in.
//!
//! `spans replay ADDRESS SPANS` prepares OTLP requests of 512 spans in memory, sends them over gRPC on
//! one connection, eight at a time, and prints what came of it with its own CPU. `spans fill DIR
//! SPANS` writes spans of the last hour into a data directory through the store, and prints some of
//! their trace ids. A trace is ten spans of five services with the attributes that OpenTelemetry's
//! agents give: about 500 bytes a span in protobuf.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::print_stdout, reason = "the scripts read what is printed")]

use bongsu::base::clock::{Clock, monotonic};
use bongsu::model::span::{
    Attribute, Attributes, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanStatus, Trace,
    TraceId,
};
use bongsu::store::open::{Options, Store};
use bongsu::store::write::SpanSink;
use bongsu::wire::otlp;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::path::Path;
use std::sync::Arc;

const PER_TRACE: usize = 10;
const BATCH: usize = 512;
const AT_ONCE: usize = 8;
const HOUR: u64 = 3_600_000_000_000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["replay", address, spans] => replay(address, spans.parse().unwrap()),
        ["fill", dir, spans] => fill(Path::new(dir), spans.parse().unwrap()),
        // `cargo bench` runs every bench, also without words.
        _ => println!("spans replay ADDRESS SPANS | spans fill DIR SPANS"),
    }
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn text(value: impl Into<String>) -> Attribute {
    Attribute::Text(Arc::from(value.into()))
}

/// The services, each with what its agent tells of it.
struct World {
    resources: Vec<Arc<Resource>>,
    scope: Arc<Scope>,
}

const SERVICES: [&str; 5] = ["gateway", "orders", "inventory", "payment", "notify"];

impl World {
    fn new() -> Self {
        let resource = |name: &&str| {
            let attributes: Attributes = vec![
                ("service.name".into(), text(*name)),
                ("service.version".into(), text("1.14.2")),
                ("host.name".into(), text("web-1.example.com")),
                ("process.pid".into(), Attribute::Int(4711)),
                ("telemetry.sdk.language".into(), text("java")),
                ("telemetry.sdk.name".into(), text("opentelemetry")),
                ("telemetry.sdk.version".into(), text("1.55.0")),
            ];
            Arc::new(Resource { attributes })
        };
        Self {
            resources: SERVICES.iter().map(resource).collect(),
            scope: Arc::new(Scope {
                name: "io.opentelemetry.spring-webmvc-6.0".into(),
                version: "2.20.0".into(),
                attributes: Vec::new(),
            }),
        }
    }

    /// Place of the parent, service, kind, name, start and length in parts of the request.
    const SHAPE: [(usize, usize, SpanKind, &'static str, u64, u64); PER_TRACE] = {
        use SpanKind::{Client, Producer, Server};
        [
            (0, 0, Server, "POST /orders", 0, 1000),
            (0, 0, Client, "POST", 20, 950),
            (1, 1, Server, "POST /internal/orders", 30, 930),
            (2, 1, Client, "SELECT shop.customers", 50, 80),
            (2, 1, Client, "GET", 150, 200),
            (4, 2, Server, "GET /stock/{id}", 160, 180),
            (5, 2, Client, "SELECT shop.stock", 170, 150),
            (2, 1, Client, "POST", 400, 400),
            (7, 3, Server, "POST /charge", 410, 380),
            (2, 1, Producer, "orders publish", 900, 20),
        ]
    };

    fn trace(&self, random: &mut Random, start: u64) -> Trace {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&random.next().to_be_bytes());
        id[8..].copy_from_slice(&(random.next() | 1).to_be_bytes());
        let id = TraceId(id);
        let length = 1_000_000 + random.below(200_000_000);
        let failed = random.below(50) == 0;
        let mut ids: Vec<SpanId> = Vec::new();
        let spans = Self::SHAPE.iter().enumerate().map(|(i, shape)| {
            ids.push(SpanId((random.next() | 1).to_be_bytes()));
            let start = start + length / 1000 * shape.4;
            let is_error = failed && i < 3;
            Span {
                trace: id,
                id: ids[i],
                parent: (i > 0).then(|| ids[shape.0]),
                name: shape.3.into(),
                kind: shape.2,
                status: if is_error {
                    SpanStatus::Error
                } else {
                    SpanStatus::Unset
                },
                status_message: if is_error {
                    "upstream failed".into()
                } else {
                    "".into()
                },
                start,
                end: start + length / 1000 * shape.5,
                attributes: attributes(random, shape.2, shape.3, is_error),
                events: if is_error && i == 2 {
                    vec![exception(start)]
                } else {
                    Vec::new()
                },
                links: Vec::new(),
                resource: Arc::clone(&self.resources[shape.1]),
                scope: Arc::clone(&self.scope),
                shared: false,
            }
        });
        let spans = spans.collect();
        Trace { id, spans }
    }
}

fn exception(time: u64) -> SpanEvent {
    let stack = "java.lang.IllegalStateException: no stock\n".to_owned()
        + &"\tat com.example.orders.OrderService.place(OrderService.java:118)\n".repeat(12);
    SpanEvent {
        time,
        name: "exception".into(),
        attributes: vec![
            (
                "exception.type".into(),
                text("java.lang.IllegalStateException"),
            ),
            ("exception.message".into(), text("no stock")),
            ("exception.stacktrace".into(), text(stack)),
        ],
    }
}

fn attributes(random: &mut Random, kind: SpanKind, name: &str, is_error: bool) -> Attributes {
    let mut out: Attributes = vec![
        (
            "thread.id".into(),
            Attribute::Int(20 + random.below(200) as i64),
        ),
        (
            "thread.name".into(),
            text(format!("http-nio-8080-exec-{}", random.below(200))),
        ),
    ];
    if name.starts_with("SELECT") {
        out.push(("db.system.name".into(), text("postgresql")));
        out.push(("db.namespace".into(), text("shop")));
        let table = name.rsplit('.').next().unwrap_or_default();
        let statement = format!("SELECT id, name, price, updated_at FROM {table} WHERE id = ?");
        out.push(("db.query.text".into(), text(statement)));
        out.push(("server.address".into(), text("db.internal")));
        return out;
    }
    // One request in a hundred thousand is turned away, and says so in words as well.
    let rare = random.below(1_000_000) == 0;
    let status = match (is_error, rare) {
        (_, true) => 429,
        (true, _) => 500,
        _ => 200,
    };
    out.push(("http.request.method".into(), text("POST")));
    out.push(("http.response.status_code".into(), Attribute::Int(status)));
    out.push(("server.address".into(), text("shop.example.com")));
    out.push(("server.port".into(), Attribute::Int(8080)));
    if kind == SpanKind::Server {
        out.push((
            "http.route".into(),
            text(name.split(' ').nth(1).unwrap_or("/")),
        ));
        out.push((
            "client.address".into(),
            text(format!("10.0.{}.{}", random.below(8), random.below(250))),
        ));
        out.push((
            "enduser.id".into(),
            text(format!("user-{}", random.below(50_000))),
        ));
    } else {
        out.push((
            "url.full".into(),
            text(format!(
                "http://shop.example.com:8080/orders/{}",
                random.below(1_000_000)
            )),
        ));
    }
    if rare {
        out.push(("error.type".into(), text("RateLimited")));
    }
    out
}

/// User and system time of this process, seconds.
fn own_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn now() -> u64 {
    Clock::System.now_ms() as u64 * 1_000_000
}

fn replay(address: &str, spans: usize) {
    let world = World::new();
    let mut random = Random(now());
    let mut bodies: Vec<Bytes> = Vec::new();
    let mut bytes = 0;
    // Requests begin one after the other, as they do where spans come from.
    let mut start = now() - HOUR / 60;
    for _ in 0..spans.div_ceil(BATCH) {
        let mut body = Vec::new();
        for _ in 0..BATCH.div_ceil(PER_TRACE) {
            start += 20_000;
            body.extend(otlp::to_protobuf(&world.trace(&mut random, start)));
        }
        bytes += body.len();
        bodies.push(Bytes::from(otlp::grpc_message(&body)));
    }
    let sent = bodies.len() * BATCH.div_ceil(PER_TRACE) * PER_TRACE;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (cpu, began) = (own_cpu(), monotonic());
    let refused = runtime.block_on(send(address, bodies));
    let seconds = began.elapsed().as_secs_f64();
    println!(
        r#"{{"spans": {sent}, "bytes_per_span": {}, "seconds": {seconds:.3}, "spans_per_second": {:.0}, "client_cpu_seconds": {:.2}, "refused_requests": {refused}}}"#,
        bytes / sent,
        sent as f64 / seconds,
        own_cpu() - cpu,
    );
}

/// Sends all; says how many were not taken.
async fn send(address: &str, bodies: Vec<Bytes>) -> usize {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let shaken = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .handshake(TokioIo::new(stream));
    let (sender, connection) = shaken.await.unwrap();
    tokio::spawn(connection);
    let bodies = Arc::new(parking_lot::Mutex::new(bodies));
    let mut tasks = Vec::new();
    for _ in 0..AT_ONCE {
        let (mut sender, bodies) = (sender.clone(), Arc::clone(&bodies));
        let uri =
            format!("http://{address}/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        tasks.push(tokio::spawn(async move {
            let mut refused = 0;
            loop {
                let Some(body) = bodies.lock().pop() else {
                    return refused;
                };
                let request = hyper::Request::post(&uri)
                    .header("content-type", "application/grpc")
                    .header("te", "trailers")
                    .body(Full::new(body))
                    .unwrap();
                let answer = sender.send_request(request).await.unwrap();
                let whole = answer.into_body().collect().await.unwrap();
                let status = whole.trailers().and_then(|t| t.get("grpc-status"));
                refused += usize::from(status.is_none_or(|s| s != "0"));
            }
        }));
    }
    let mut refused = 0;
    for task in tasks {
        refused += task.await.unwrap();
    }
    refused
}

fn fill(dir: &Path, spans: usize) {
    let store = Store::open(Options {
        background: false,
        ..Options::new(dir)
    })
    .unwrap();
    let world = World::new();
    let mut random = Random(1);
    let began = monotonic();
    let traces = spans.div_ceil(PER_TRACE);
    let (first, step) = (now() - HOUR, HOUR / traces as u64);
    let mut batch = Vec::new();
    let mut some = Vec::new();
    for i in 0..traces {
        let trace = world.trace(&mut random, first + i as u64 * step);
        if i % (traces / 200).max(1) == 0 {
            some.push(trace.id.to_string());
        }
        batch.extend(trace.spans);
        if batch.len() >= BATCH {
            store.spans(&batch).unwrap();
            batch.clear();
        }
        if i % 20_000 == 0 {
            store.upkeep();
        }
    }
    store.spans(&batch).unwrap();
    store.upkeep();
    store.flush().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let files = std::fs::read_dir(dir.join("traces")).unwrap();
    let sizes: Vec<u64> = files
        .map(|f| f.unwrap().metadata().unwrap().len())
        .collect();
    let ids: Vec<String> = some.iter().map(|id| format!("\"{id}\"")).collect();
    println!(
        r#"{{"spans": {}, "seconds": {seconds:.1}, "spans_per_second": {:.0}, "blocks": {}, "disk_bytes": {}, "ids": [{}]}}"#,
        traces * PER_TRACE,
        (traces * PER_TRACE) as f64 / seconds,
        sizes.len(),
        sizes.iter().sum::<u64>(),
        ids.join(", ")
    );
    store.close();
}
