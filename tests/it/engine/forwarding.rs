//! Lines sent on from one engine to another, which may be away.

use crate::engine::{Serve, until};
use bongsu::base::clock::Clock;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;

fn configured(dir: &Path, logs: &str) {
    let folder = dir.join(".config/bongsu");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.yaml"), format!("logs:\n{logs}")).unwrap();
}

fn push(serve: &Serve, line: &str) {
    let t = (Clock::System.now_ms() * 1_000_000).to_string();
    let body = json!({"streams": [{"stream": {"app": "주문"}, "values": [[t, line, {"k": "v"}]]}]});
    let body = body.to_string();
    let pushed = serve.post("/loki/api/v1/push", "application/json", body.as_bytes());
    assert_eq!(pushed.0, 204, "{}", pushed.1);
}

/// Lines with their labels, oldest first.
fn lines(serve: &Serve) -> Vec<(Value, String)> {
    let query =
        "/loki/api/v1/query_range?query=%7Bapp%3D%22%EC%A3%BC%EB%AC%B8%22%7D&direction=forward";
    let (status, body) = serve.get(query);
    if status != 200 {
        return Vec::new();
    }
    let found: Value = serde_json::from_str(&body).unwrap();
    let streams = found["data"]["result"].as_array().unwrap().clone();
    let mut out: Vec<(String, Value, String)> = Vec::new();
    for stream in streams {
        for value in stream["values"].as_array().unwrap() {
            let text = |i: usize| value[i].as_str().unwrap().to_owned();
            out.push((text(0), stream["stream"].clone(), text(1)));
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out.into_iter()
        .map(|(_, labels, line)| (labels, line))
        .collect()
}

#[test]
fn a_server_that_is_away_loses_nothing() {
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // A port that is free now: the far engine takes it later.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    configured(
        near.path(),
        &format!(
            "  enabled: no\n  clients:\n    - url: http://127.0.0.1:{port}/loki/api/v1/push\n      batchwait: 10ms\n      external_labels: {{host: near}}\n      backoff_config: {{min_period: 50ms, max_period: 200ms}}\n"
        ),
    );
    configured(far.path(), "  enabled: no\n");
    let serve = Serve::start(near.path(), &[]);
    until("history is open", || serve.get("/ready").0 == 200);
    push(&serve, "while it was away");
    serve.stop();
    // The place and the lines are there after a restart.
    let serve = Serve::start(near.path(), &[]);
    until("history is open", || serve.get("/ready").0 == 200);
    push(&serve, "still away");
    let there = Serve::start_at(far.path(), &format!("127.0.0.1:{port}"), &[]);
    until("history is open", || there.get("/ready").0 == 200);
    until("both lines arrive", || lines(&there).len() == 2);
    push(&serve, "then");
    until("the third as well", || lines(&there).len() == 3);
    let found = lines(&there);
    let texts: Vec<&str> = found.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(texts, ["while it was away", "still away", "then"]);
    assert_eq!(found[0].0, json!({"app": "주문", "host": "near", "k": "v"}));
    drop(there);
    push(&serve, "away again");
    // The same data, so that what is there stays there.
    let there = Serve::start_at(far.path(), &format!("127.0.0.1:{port}"), &[]);
    until("the last arrives", || lines(&there).len() == 4);
}
