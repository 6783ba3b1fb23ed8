//! Spans pushed to a running engine, and what Tempo's clients read of them.

use crate::engine::{Serve, program, run, until};

const ID: &str = "5b8efff798038103d269b633813fc60c";

fn otlp(now: u64) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"주문"}}}}]}},
        "scopeSpans":[{{"scope":{{"name":"test"}},"spans":[
          {{"traceId":"{ID}","spanId":"eee19b7ec3c1b174","name":"GET /orders","kind":2,
            "startTimeUnixNano":"{now}","endTimeUnixNano":"{}","status":{{"code":2,"message":"no"}},
            "attributes":[{{"key":"http.status","value":{{"intValue":"500"}}}}]}},
          {{"traceId":"{ID}","spanId":"eee19b7ec3c1b175","parentSpanId":"eee19b7ec3c1b174","name":"SELECT",
            "startTimeUnixNano":"{now}","endTimeUnixNano":"{}"}},
          {{"traceId":"00","spanId":"eee19b7ec3c1b176","name":"bad"}}
        ]}}]}}]}}"#,
        now + 250_000_000,
        now + 100_000_000
    )
}

fn json(body: &str) -> serde_json::Value {
    serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"))
}

#[test]
fn pushed_searched_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let now = bongsu::base::clock::Clock::System.now_ms() as u64 * 1_000_000 - 60_000_000_000;
    let (status, said) = serve.post("/v1/traces", "application/json", otlp(now).as_bytes());
    assert_eq!(status, 200, "{said}");
    assert!(said.contains(r#""rejectedSpans":"1""#), "{said}");
    // The same again is taken, and kept once.
    assert_eq!(
        serve
            .post(
                "/v1/traces",
                "application/json; charset=utf-8",
                otlp(now).as_bytes()
            )
            .0,
        200
    );
    let zipkin = format!(
        r#"[{{"traceId":"a1","id":"b2","name":"batch","timestamp":{},"duration":5000,"localEndpoint":{{"serviceName":"batch"}}}}]"#,
        now / 1000 + 1_000_000
    );
    assert_eq!(
        serve
            .post("/api/v2/spans", "application/json", zipkin.as_bytes())
            .0,
        202
    );
    for (path, kind, body, wanted) in [
        ("/v1/traces", "text/plain", "x", 415),
        ("/v1/traces", "application/json", "{", 400),
        (
            "/v1/traces",
            "application/x-protobuf",
            "\u{1}\u{1}\u{1}",
            400,
        ),
        ("/v1/metrics", "application/json", "{}", 404),
        ("/api/v2/spans", "application/json", "{}", 400),
    ] {
        assert_eq!(
            serve.post(path, kind, body.as_bytes()).0,
            wanted,
            "{path} {kind}"
        );
    }
    searched(&serve);
    shown(&serve);
    serve.stop();
}

fn searched(serve: &Serve) {
    let (status, body) = serve.get("/api/search?q=%7B%20.http.status%20%3D%20500%20%7D");
    let found = json(&body);
    assert_eq!(
        (status, found["traces"].as_array().unwrap().len()),
        (200, 1)
    );
    let hit = &found["traces"][0];
    assert_eq!(hit["traceID"], ID);
    assert_eq!(hit["rootServiceName"], "주문");
    assert_eq!(hit["durationMs"], 250);
    assert_eq!(hit["spanSets"][0]["matched"], 1);
    assert_eq!(hit["serviceStats"]["주문"]["spanCount"], 2);
    assert_eq!(hit["serviceStats"]["주문"]["errorCount"], 1);
    let all = json(&serve.get("/api/search?tags=").1);
    assert_eq!(all["traces"].as_array().unwrap().len(), 2);
    assert_eq!(
        all["traces"][0]["rootTraceName"], "batch",
        "the newest is first"
    );
    let slow = json(&serve.get("/api/search?minDuration=100ms").1);
    assert_eq!(slow["traces"].as_array().unwrap().len(), 1);
    assert_eq!(serve.get("/api/search?q=%7B%20nonsense%20%7D").0, 400);
}

fn shown(serve: &Serve) {
    let v1 = json(&serve.get(&format!("/api/traces/{ID}")).1);
    assert_eq!(
        v1["batches"][0]["scopeSpans"][0]["spans"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let v2 = json(&serve.get(&format!("/api/v2/traces/{ID}")).1);
    assert_eq!(v2["status"], "COMPLETE");
    assert_eq!(serve.get("/api/traces/abc").0, 404);
    assert_eq!(serve.get("/api/traces/nonsense").0, 400);
    let tags = json(&serve.get("/api/search/tags").1);
    assert!(
        tags["tagNames"]
            .as_array()
            .unwrap()
            .contains(&"http.status".into()),
        "{tags}"
    );
    let scopes = json(&serve.get("/api/v2/search/tags?scope=resource").1);
    assert_eq!(scopes["scopes"][0]["tags"][0], "service.name", "{scopes}");
    let values = json(
        &serve
            .get("/api/v2/search/tag/resource.service.name/values")
            .1,
    );
    assert_eq!(values["tagValues"].as_array().unwrap().len(), 2, "{values}");
    let rate = json(
        &serve
            .get("/api/metrics/query?q=%7B%7D%7Ccount_over_time()&since=10m")
            .1,
    );
    assert_eq!(rate["series"][0]["value"], 3.0, "{rate}");
    let range =
        serve.get("/api/metrics/query_range?q=%7B%7D%7Crate()%20by%20(name)&since=10m&step=60s");
    let series = json(&range.1);
    assert_eq!(series["series"].as_array().unwrap().len(), 3);
    let told = &series["series"][0]["exemplars"][0];
    assert_eq!(told["labels"][0]["key"], "trace:id", "{series}");
    assert_eq!(told["labels"][0]["value"]["stringValue"], ID);
    assert_eq!(serve.get("/api/echo"), (200, "echo\n".to_owned()));
}

#[test]
fn spans_outlive_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let now = bongsu::base::clock::Clock::System.now_ms() as u64 * 1_000_000;
    assert_eq!(
        serve
            .post("/v1/traces", "application/json", otlp(now).as_bytes())
            .0,
        200
    );
    serve.stop();
    let again = Serve::start(dir.path(), &[]);
    assert_eq!(again.get(&format!("/api/traces/{ID}")).0, 200);
    again.stop();
}

/// A port that nothing listens on.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn spans_are_sent_on_whoever_was_away() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let port = free_port();
    let config = here.path().join("config.yaml");
    let text = format!("traces: {{forward: [{{url: 'http://127.0.0.1:{port}'}}]}}\n");
    std::fs::write(&config, text).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let now = bongsu::base::clock::Clock::System.now_ms() as u64 * 1_000_000;
    let serve = Serve::start(here.path(), &config);
    let push = |serve: &Serve, id: &str| {
        let body = otlp(now).replace(ID, id);
        assert_eq!(
            serve
                .post("/v1/traces", "application/json", body.as_bytes())
                .0,
            200
        );
    };
    let first = ID.replace('5', "7");
    push(&serve, &first);
    // Nobody is there: it says so, and holds them, over a restart as well.
    until("the trouble is said", || {
        let (_, said, _) = run(program(here.path()).arg("status"));
        said.contains("are not sent on to") && said.contains("tried again")
    });
    serve.stop();
    let serve = Serve::start(here.path(), &config);
    push(&serve, ID);
    let listen = format!("127.0.0.1:{port}");
    let other = Serve::start_at(there.path(), &listen, &[]);
    for id in [&*first, ID] {
        until("they arrive", || {
            other.get(&format!("/api/traces/{id}")).0 == 200
        });
        let trace = json(&other.get(&format!("/api/traces/{id}")).1);
        let spans = &trace["batches"][0]["scopeSpans"][0]["spans"];
        assert_eq!(spans.as_array().unwrap().len(), 2, "{trace}");
    }
    until("the trouble is over", || {
        let (_, said, _) = run(program(here.path()).arg("status"));
        !said.contains("are not sent on to")
    });
    serve.stop();
    other.stop();
}

const JAEGER: &str = r#"{"data":[{"traceID":"3c6a7a3ee0a5c2ab","spans":[
  {"traceID":"3c6a7a3ee0a5c2ab","spanID":"3c6a7a3ee0a5c2ab","operationName":"GET /orders","references":[],
   "startTime":START,"duration":25000,"processID":"p1","logs":[],"warnings":null,
   "tags":[{"key":"span.kind","type":"string","value":"server"}]},
  {"traceID":"3c6a7a3ee0a5c2ab","spanID":"1","operationName":"SELECT","startTime":START,"duration":10,"processID":"p1",
   "references":[{"refType":"CHILD_OF","traceID":"3c6a7a3ee0a5c2ab","spanID":"3c6a7a3ee0a5c2ab"}],"tags":[],"logs":[]}
  ],"processes":{"p1":{"serviceName":"shop","tags":[]}}}]}"#;

/// By a living engine, and by this process alone.
#[test]
fn what_jaegers_page_saved_is_taken_in() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("trace.json");
    let start = bongsu::base::clock::Clock::System.now_ms() * 1000 - 60_000_000;
    std::fs::write(&file, JAEGER.replace("START", &start.to_string())).unwrap();
    let import = || {
        let mut command = program(dir.path());
        run(command.args(["import", "jaeger", file.to_str().unwrap()]))
    };
    let (code, said, error) = import();
    assert!(said.contains("1 traces, 2 spans kept"), "{said}{error}");
    assert_eq!(code, 0);
    let serve = Serve::start(dir.path(), &[]);
    let (_, said, error) = import();
    assert!(said.contains("2 of them known before"), "{said}{error}");
    let shown = run(program(dir.path()).args(["trace", "3c6a7a3ee0a5c2ab"])).1;
    assert!(
        shown.contains("GET /orders") && shown.contains("SELECT"),
        "{shown}"
    );
    serve.stop();
    std::fs::write(&file, "{}").unwrap();
    let (code, _, error) = import();
    assert!(
        code == 1 && error.contains("neither `data` nor `spans`"),
        "{error}"
    );
}

/// Both halves of a shared span, over protobuf.
#[test]
fn zipkins_protobuf_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let now = bongsu::base::clock::Clock::System.now_ms() as u64 * 1000;
    let mut list = Vec::new();
    for (kind, shared) in [(1, 0), (2, 1)] {
        let mut span = vec![0x0a, 8, 0, 0, 0, 0, 0, 0, 0, 0x77, 0x1a, 8];
        span.extend([5; 8]);
        span.extend([0x20, kind, 0x2a, 3, b'g', b'e', b't', 0x31]);
        span.extend(now.to_le_bytes());
        span.extend([0x38, 100, 0x68, shared]);
        list.extend([0x0a, span.len() as u8]);
        list.extend(span);
    }
    assert_eq!(
        serve
            .post("/api/v2/spans", "application/x-protobuf", &list)
            .0,
        202
    );
    let trace = json(&serve.get("/api/traces/77").1);
    let spans = &trace["batches"][0]["scopeSpans"][0]["spans"];
    assert_eq!(spans.as_array().unwrap().len(), 2, "{trace}");
    serve.stop();
}
