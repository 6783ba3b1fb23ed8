//! Lines pushed to a running engine by OTLP, and lines as they arrive over a WebSocket.

use crate::engine::{PATIENCE, Serve, until};
use bongsu::base::clock::Clock;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

fn quiet(dir: &Path) {
    let folder = dir.join(".config/bongsu");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.yaml"), "logs: {enabled: no}\n").unwrap();
}

fn start(dir: &Path) -> Serve {
    quiet(dir);
    let serve = Serve::start(dir, &[]);
    until("history is open", || serve.get("/ready").0 == 200);
    serve
}

fn now() -> i64 {
    Clock::System.now_ms() * 1_000_000
}

fn records(t: i64) -> String {
    json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "주문"}}]},
        "scopeLogs": [{"logRecords": [
            {"timeUnixNano": t.to_string(), "severityNumber": 17, "body": {"stringValue": "no stock"},
             "traceId": "5b8efff798038103d269b633813fc60c",
             "attributes": [{"key": "http.route", "value": {"stringValue": "/order"}}]},
            {"severityText": 5}
        ]}]
    }]})
    .to_string()
}

#[test]
fn records_of_otlp_are_lines_with_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let serve = start(dir.path());
    let t = now() - 1_000_000_000;
    for path in ["/v1/logs", "/otlp/v1/logs"] {
        let (status, said) = serve.post(path, "application/json", records(t).as_bytes());
        assert_eq!(status, 200, "{said}");
        assert!(said.contains(r#""rejectedLogRecords":"1""#), "{said}");
    }
    let query = "%7Bservice_name%3D%22%EC%A3%BC%EB%AC%B8%22%7D%20%7C%20http_route%3D%22%2Forder%22";
    let path = format!("/loki/api/v1/query_range?query={query}&start={}", t - 1);
    let (_, body) = serve.get(&path);
    let found: Value = serde_json::from_str(&body).unwrap();
    let stream = &found["data"]["result"][0];
    assert_eq!(stream["stream"]["service_name"], "주문", "{body}");
    assert_eq!(
        stream["stream"]["trace_id"],
        "5b8efff798038103d269b633813fc60c"
    );
    assert_eq!(stream["values"][0][1], "no stock");
    for (path, kind, body, want) in [
        ("/v1/logs", "text/plain", "x", 415),
        ("/v1/logs", "application/json", "{", 400),
        ("/v1/logs", "application/x-protobuf", "\u{1}\u{1}", 400),
        ("/v1/metrics", "application/json", "{}", 404),
    ] {
        assert_eq!(
            serve.post(path, kind, body.as_bytes()).0,
            want,
            "{path} {body}"
        );
    }
}

/// A WebSocket as a client opens it: what the server answered, and the stream behind it.
fn dial(serve: &Serve, path: &str) -> (String, TcpStream) {
    let at = serve.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    (String::from_utf8(said).unwrap(), stream)
}

/// The next text.
fn frame(stream: &mut TcpStream) -> Value {
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).unwrap();
        let mut len = usize::from(head[1]);
        if len == 126 {
            let mut more = [0; 2];
            stream.read_exact(&mut more).unwrap();
            len = usize::from(u16::from_be_bytes(more));
        }
        let mut payload = vec![0; len];
        stream.read_exact(&mut payload).unwrap();
        if head[0] == 0x81 {
            return serde_json::from_slice(&payload).unwrap();
        }
        assert_ne!(
            head[0],
            0x88,
            "closed: {}",
            String::from_utf8_lossy(&payload)
        );
    }
}

fn push(serve: &Serve, line: &str, t: i64) {
    let body = json!({"streams": [{"stream": {"app": "shop"}, "values": [[t.to_string(), line, {"k": "v"}]]}]});
    let pushed = serve.post(
        "/loki/api/v1/push",
        "application/json",
        body.to_string().as_bytes(),
    );
    assert_eq!(pushed.0, 204, "{}", pushed.1);
}

#[test]
fn lines_come_over_a_websocket_as_they_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let serve = start(dir.path());
    push(&serve, "before", now() - 1_000_000_000);
    let query = "/loki/api/v1/tail?query=%7Bapp%3D%22shop%22%7D%20!%3D%20%22quiet%22";
    let (said, mut stream) = dial(&serve, query);
    assert!(said.starts_with("HTTP/1.1 101 "), "{said}");
    assert!(said.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{said}");
    assert_eq!(frame(&mut stream)["streams"][0]["values"][0][1], "before");
    push(&serve, "quiet", now());
    let t = now();
    push(&serve, "after", t);
    let found = frame(&mut stream);
    let want = json!({"app": "shop", "k": "v"});
    assert_eq!(found["streams"][0]["stream"], want, "{found}");
    assert_eq!(
        found["streams"][0]["values"],
        json!([[t.to_string(), "after"]])
    );
    assert!(found.get("dropped_entries").is_none());
    for (path, want) in [
        ("/loki/api/v1/tail?query=%7B", "parse error"),
        (
            "/loki/api/v1/tail?query=%7Ba%3D%22b%22%7D&delay_for=6",
            "delay_for",
        ),
        ("/loki/api/v1/tail", "query is missing"),
    ] {
        let (status, said) = serve.get(path);
        assert!(
            status == 400 && said.contains(want),
            "{path}: {status} {said}"
        );
    }
    let (status, said) = serve.get("/loki/api/v1/tail?query=%7Ba%3D%22b%22%7D");
    assert!(
        status == 400 && said.contains("WebSocket"),
        "{status} {said}"
    );
}

#[test]
fn rules_are_read_out_as_lokis_ruler_does() {
    let dir = tempfile::tempdir().unwrap();
    let serve = start(dir.path());
    until("rules are there", || {
        serve.get("/loki/api/v1/rules").0 == 200
    });
    let (_, yaml) = serve.get("/loki/api/v1/rules");
    let read: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
    let (file, groups) = read.as_mapping().unwrap().iter().next().unwrap();
    let (file, group) = (file.as_str().unwrap(), &groups[0]);
    assert!(group["rules"][0]["expr"].as_str().is_some(), "{yaml}");
    let name = group["name"].as_str().unwrap();
    let one = serve.get(&format!(
        "/loki/api/v1/rules/{file}/{}",
        name.replace(' ', "%20")
    ));
    assert_eq!(one.0, 200, "{}", one.1);
    assert_eq!(serve.get("/loki/api/v1/rules/none/none").0, 404);
    let (_, json) = serve.get("/prometheus/api/v1/rules");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["data"]["groups"][0]["name"].is_string());
    assert_eq!(serve.get("/prometheus/api/v1/alerts").0, 200);
}
