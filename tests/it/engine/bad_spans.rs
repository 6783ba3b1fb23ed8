//! Spans as nobody should send them: what is bad is refused and counted with its reason, the rest is
//! kept, the sender hears it as the protocol says, and others are served meanwhile.

use crate::engine::{Serve, program, run};
use bongsu::base::clock::Clock;
use bongsu::model::span::{
    Attribute, Resource, Scope, Span, SpanId, SpanKind, SpanStatus, Trace, TraceId,
};
use bongsu::wire::otlp;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

const PROTOBUF: &str = "application/x-protobuf";
const SECOND: u64 = 1_000_000_000;

fn now() -> u64 {
    Clock::System.now_ms() as u64 * 1_000_000
}

fn span(trace: u8, id: u8, parent: Option<u8>) -> Span {
    let start = now() - 60 * SECOND;
    Span {
        trace: TraceId([trace; 16]),
        id: SpanId([id; 8]),
        parent: parent.map(|p| SpanId([p; 8])),
        name: "work".into(),
        kind: SpanKind::Internal,
        status: SpanStatus::Unset,
        status_message: "".into(),
        start,
        end: start + SECOND,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        resource: Arc::new(Resource {
            attributes: vec![("service.name".into(), Attribute::text("bad"))],
        }),
        scope: Arc::new(Scope::default()),
        shared: false,
    }
}

fn body(spans: Vec<Span>) -> Vec<u8> {
    let each = spans.into_iter().map(|s| {
        otlp::to_protobuf(&Trace {
            id: s.trace,
            spans: vec![s],
        })
    });
    each.flatten().collect()
}

fn many(name: &str, n: usize) -> Vec<(Arc<str>, Attribute)> {
    let one = |i| (Arc::from(format!("{name}{i}")), Attribute::Int(i as i64));
    (0..n).map(one).collect()
}

/// One bad span, and the words of its refusal.
fn bad_spans() -> Vec<(Span, &'static str)> {
    let with = |edit: &dyn Fn(&mut Span)| {
        let mut bad = span(9, 9, None);
        edit(&mut bad);
        bad
    };
    let large = "x".repeat(16 << 20);
    vec![
        (with(&|s| s.trace = TraceId([0; 16])), "the trace id is"),
        (with(&|s| s.id = SpanId([0; 8])), "the span id is"),
        (
            with(&|s| s.attributes.push(("x".into(), Attribute::text(&large)))),
            "larger than 1 MiB",
        ),
        (
            with(&|s| s.attributes = many("a", 1_000_000)),
            "larger than 1 MiB",
        ),
        (
            with(&|s| s.attributes = many("a", 2_000)),
            "more than 1024 attributes",
        ),
        (
            with(&|s| {
                let attributes = many("r", 2_000);
                s.resource = Arc::new(Resource { attributes });
            }),
            "more than 1024 attributes",
        ),
        (
            with(&|s| (s.start, s.end) = (0, SECOND)),
            "before the time that is kept",
        ),
        (
            with(&|s| (s.start, s.end) = (4_102_444_800 * SECOND, 4_102_444_801 * SECOND)),
            "more than a day in the future",
        ),
    ]
}

#[test]
fn the_bad_are_refused_by_reason_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    for (n, (bad, why)) in bad_spans().into_iter().enumerate() {
        let good = span(n as u8 + 100, 1, None);
        let id = good.trace;
        let as_json = bad.attributes.len() < 10_000 && bad.resource.attributes.len() < 10;
        let (status, said) = serve.post(
            "/v1/traces",
            PROTOBUF,
            &body(vec![bad.clone(), good.clone()]),
        );
        assert_eq!(status, 200, "{why}: {said}");
        assert!(
            said.contains(why) && said.contains("1 span: "),
            "{why}: {said}"
        );
        assert_eq!(serve.get(&format!("/api/traces/{id}")).0, 200, "{why}");
        if as_json {
            let whole = otlp::to_json(&Trace {
                id: bad.trace,
                spans: vec![bad, good],
            });
            let (status, said) = serve.post(
                "/v1/traces",
                "application/json",
                format!("{{\"resourceSpans\":{whole}}}").as_bytes(),
            );
            assert_eq!(status, 200, "{why}: {said}");
            assert!(
                said.contains(why) && said.contains(r#""rejectedSpans":"1""#),
                "{why}: {said}"
            );
        }
    }
    let metrics = serve.get("/metrics").1;
    for why in [
        "the trace id is not 16 bytes, or zero",
        "it is larger than 1 MiB",
    ] {
        let line = format!("bongsu_spans_refused_total{{reason=\"{why}\"}} ");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    serve.stop();
}

#[test]
fn a_text_that_is_none_takes_only_its_span() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let mut bad = span(7, 7, None);
    bad.name = "NAME".into();
    let mut bytes = body(vec![bad, span(8, 8, None)]);
    let at = bytes.windows(4).position(|w| w == b"NAME").unwrap();
    bytes[at] = 0xff;
    let (status, said) = serve.post("/v1/traces", PROTOBUF, &bytes);
    assert!(
        status == 200 && said.contains("not UTF-8"),
        "{status} {said}"
    );
    assert_eq!(
        serve.get(&format!("/api/traces/{}", TraceId([8; 16]))).0,
        200
    );
    assert_eq!(
        serve.get(&format!("/api/traces/{}", TraceId([7; 16]))).0,
        404
    );
    serve.stop();
}

#[test]
fn circles_and_times_that_run_backwards_are_shown_as_sent() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let mut back = span(1, 5, Some(1));
    back.end = back.start - SECOND;
    let (start, end) = (back.start, back.end);
    let circle = vec![
        span(1, 1, Some(3)),
        span(1, 2, Some(1)),
        span(1, 3, Some(2)),
        span(1, 4, Some(4)),
        back,
    ];
    assert_eq!(serve.post("/v1/traces", PROTOBUF, &body(circle)).0, 200);
    let id = TraceId([1; 16]);
    let trace = serve.get(&format!("/api/traces/{id}")).1;
    assert!(
        trace.contains(&start.to_string()) && trace.contains(&end.to_string()),
        "{trace}"
    );
    for query in [
        "{ } >> { }",
        "{ } << { }",
        "{ } &>> { }",
        "{ } ~ { }",
        "{ nestedSetLeft > 0 }",
        "{ } | avg(duration) >= 0s",
    ] {
        let query =
            percent_encoding::utf8_percent_encode(query, percent_encoding::NON_ALPHANUMERIC);
        let (status, said) = serve.get(&format!("/api/search?q={query}"));
        assert_eq!(status, 200, "{said}");
    }
    let (code, shown, said) = run(program(dir.path()).args(["trace", &id.to_string()]));
    assert_eq!(
        (code, shown.lines().filter(|l| l.contains("work")).count()),
        (0, 5),
        "{shown}{said}"
    );
    serve.stop();
}

#[test]
fn halves_and_bombs_are_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let whole = body((1..200).map(|n| span(n, 1, None)).collect());
    let (status, said) = serve.post("/v1/traces", PROTOBUF, &whole[..whole.len() / 2]);
    assert!(
        status == 400 && said.contains("ends inside a field"),
        "{status} {said}"
    );
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    (0..100).for_each(|_| bomb.write_all(&zeros).unwrap());
    let bomb = bomb.finish().unwrap();
    for (path, kind) in [
        ("/v1/traces", PROTOBUF),
        ("/api/v2/spans", "application/json"),
    ] {
        let headers = [("content-type", kind), ("content-encoding", "gzip")];
        let url = format!("{}{path}", serve.url);
        let (status, said) = crate::engine::ask(
            bongsu::base::net::client::Method::Post,
            &url,
            &headers,
            Some(bomb.clone()),
        );
        assert!(
            status == 400 && said.contains("unpacks to more than"),
            "{path} {status} {said}"
        );
    }
    // A gRPC message that says it is longer than it is.
    let mut framed = otlp::grpc_message(&whole);
    framed[1] = 0x7f;
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assert_eq!(
        serve.post(path, "application/grpc", &framed).0,
        200,
        "its status is gRPC's"
    );
    assert_eq!(
        serve.get(&format!("/api/traces/{}", TraceId([1; 16]))).0,
        404
    );
    serve.stop();
}

/// More connections than are served at once, each with half a request that never goes on.
#[test]
fn those_who_never_finish_keep_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let address = serve.url.strip_prefix("http://").unwrap();
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if most.current.is_some_and(|n| n < 2_000) {
        println!("skipped: this system allows too few open files");
        return;
    }
    let mut slow = Vec::new();
    for _ in 0..1_100 {
        let mut stream = TcpStream::connect(address).unwrap();
        // The longest idle one may have been closed already: that is the point.
        let _ = stream.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-le");
        slow.push(stream);
    }
    for n in 1..5 {
        let sent = serve.post("/v1/traces", PROTOBUF, &body(vec![span(n, 1, None)]));
        assert_eq!(sent.0, 200, "{}", sent.1);
        assert_eq!(
            serve.get(&format!("/api/traces/{}", TraceId([n; 16]))).0,
            200
        );
    }
    // The oldest of them gave way: its end is seen, or its breaking off.
    let mut rest = Vec::new();
    let ended = slow[0].read_to_end(&mut rest);
    assert!(
        ended.is_err() || rest.is_empty(),
        "{}",
        String::from_utf8_lossy(&rest)
    );
    serve.stop();
}
