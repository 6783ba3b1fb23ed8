//! Alerts in the running program: rules in every language, a receiver that is told although the
//! program is killed while it tells, and ten thousand alerts at once.

use crate::engine::{PATIENCE, Serve, until};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

fn data(serve: &Serve, path: &str) -> Value {
    let (status, body) = serve.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn rules_on_lines_and_on_spans_fire() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "lines.yml",
        "groups: [{name: lines, interval: 1s, rules: [
          {alert: ManyErrors, expr: 'sum by (app) (count_over_time({app=\"shop\"} |= \"boom\" [10m])) > 1', annotations: {summary: '{{ $labels.app }} said it {{ $value }} times'}},
          {record: 'shop:booms', expr: 'sum by (app) (count_over_time({app=\"shop\"} |= \"boom\" [10m]))'}]}]",
    );
    write(
        "spans.yml",
        "groups: [{name: spans, language: traceql, interval: 1s, rules: [
          {alert: Failing, expr: '{ status = error } | count_over_time() by (resource.service.name) > 1', annotations: {summary: '{{ $labels.resource_service_name }}'}}]}]",
    );
    write(
        "bongsu.yaml",
        "rule_files: [spans.yml]\nlogs: {enabled: no, rule_files: [lines.yml]}\nhost: {enabled: no}\nalerts: {defaults: no}\n",
    );
    let config = dir.path().join("bongsu.yaml");
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    until("history is open", || serve.get("/-/ready").0 == 200);
    let now = bongsu::base::clock::Clock::System.now_ms();
    let line = |i: i64| {
        json!([
            ((now - 5_000 + i) * 1_000_000).to_string(),
            format!("boom {i}")
        ])
    };
    let lines =
        json!({"streams": [{"stream": {"app": "shop"}, "values": [line(0), line(1), line(2)]}]});
    let pushed = serve.post(
        "/loki/api/v1/push",
        "application/json",
        lines.to_string().as_bytes(),
    );
    assert_eq!(pushed.0, 204, "{}", pushed.1);
    let span = |i: i64| {
        json!({"traceId": format!("a{i}"), "id": format!("b{i}"), "name": "pay", "timestamp": (now - 5_000) * 1000,
            "duration": 5000, "tags": {"error": "true"}, "localEndpoint": {"serviceName": "shop"}})
    };
    let spans = json!([span(1), span(2), span(3)]).to_string();
    let pushed = serve.post("/api/v2/spans", "application/json", spans.as_bytes());
    assert_eq!(pushed.0, 202, "{}", pushed.1);
    let summaries = || -> BTreeSet<String> {
        let alerts = data(&serve, "/api/v1/alerts");
        let alerts = alerts["data"]["alerts"].as_array().unwrap().clone();
        alerts
            .iter()
            .map(|a| a["annotations"]["summary"].as_str().unwrap().to_owned())
            .collect()
    };
    let wanted = BTreeSet::from(["shop said it 3 times".to_owned(), "shop".to_owned()]);
    until("both fire", || summaries() == wanted);
    until("what was counted is a series", || {
        let found = data(&serve, "/api/v1/query?query=shop:booms");
        found["data"]["result"][0]["value"][1] == "3"
    });
    serve.stop();
}

/// One notification, as the receiver read it; it is answered when it is let go.
struct Told {
    key: String,
    alerts: Vec<String>,
    stream: TcpStream,
}

impl Told {
    fn answer(mut self) {
        // The one who asked may be dead.
        let _ = self
            .stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
}

/// A receiver that hands over what it is told.
fn receiver() -> (String, Receiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (send, hear) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let send = send.clone();
            std::thread::spawn(move || {
                if let Some(told) = read(stream) {
                    let _ = send.send(told);
                }
            });
        }
    });
    (url, hear)
}

fn read(stream: TcpStream) -> Option<Told> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or(("", ""));
        match name.to_lowercase().as_str() {
            "idempotency-key" => value.trim().clone_into(&mut key),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    let name = |a: &Value| a["labels"]["alertname"].as_str().unwrap().to_owned();
    Some(Told {
        key,
        alerts: body["alerts"].as_array()?.iter().map(name).collect(),
        stream,
    })
}

fn fire(serve: &Serve, name: &str) {
    let alerts = json!([{"labels": {"alertname": name}}]).to_string();
    let (status, said) = serve.post("/api/v2/alerts", "application/json", alerts.as_bytes());
    assert_eq!(status, 200, "{said}");
}

fn start(dir: &Path, url: &str) -> Serve {
    let text = format!(
        "alertmanager:
  route: {{receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 10m, repeat_interval: 4h}}
  receivers: [{{name: team, webhook_configs: [{{url: '{url}'}}]}}]
alerts: {{defaults: no}}
logs: {{enabled: no}}
host: {{enabled: no}}
"
    );
    let config = dir.join("bongsu.yaml");
    std::fs::write(&config, text).unwrap();
    let serve = Serve::start(dir, &["--config", config.to_str().unwrap()]);
    until("history is open", || serve.get("/-/ready").0 == 200);
    serve
}

fn kill(mut serve: Serve) {
    serve.signal("KILL");
    assert!(!serve.child.wait().unwrap().success());
}

/// Killed before the receiver answered, right after, and when all was recorded: everything is told
/// at least once, and what is told again carries the key of the first time.
#[test]
fn a_killed_program_tells_again_under_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let (url, told) = receiver();
    let mut serve = start(dir.path(), &url);
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut note = |told: &Told| {
        assert_eq!(told.alerts.len(), 1, "{:?}", told.alerts);
        let of = keys.entry(told.alerts[0].clone()).or_default();
        of.push(told.key.clone());
    };
    for round in 0..6 {
        let name = format!("A{round}");
        fire(&serve, &name);
        // What an earlier round left open may come before.
        let first = loop {
            let first = told.recv_timeout(PATIENCE).unwrap();
            note(&first);
            if first.alerts[0] == name {
                break first;
            }
            first.answer();
        };
        match round % 3 {
            0 => {
                kill(serve);
                drop(first);
            }
            1 => {
                first.answer();
                kill(serve);
            }
            _ => {
                first.answer();
                until("it is recorded", || {
                    let (_, said, _) = crate::engine::run(
                        crate::engine::program(dir.path()).args(["alerts", "why", &name]),
                    );
                    said.contains("told team")
                });
                kill(serve);
            }
        }
        serve = start(dir.path(), &url);
        let mut open = round % 3 == 0;
        while open {
            let again = told.recv_timeout(PATIENCE).unwrap();
            note(&again);
            open = again.alerts[0] != name;
            again.answer();
        }
    }
    // The last word: whatever was open has come by the time that this one is recorded.
    fire(&serve, "Last");
    loop {
        let next = told.recv_timeout(PATIENCE).unwrap();
        note(&next);
        let name = next.alerts[0].clone();
        next.answer();
        if name == "Last" {
            break;
        }
    }
    serve.stop();
    assert_eq!(keys.len(), 7, "{keys:?}");
    for (name, of) in &keys {
        let different: BTreeSet<&String> = of.iter().collect();
        assert_eq!(different.len(), 1, "{name}: {of:?}");
    }
    assert!(keys["A0"].len() >= 2 && keys["A3"].len() >= 2, "{keys:?}");
    assert_eq!((keys["A2"].len(), keys["A5"].len()), (1, 1), "{keys:?}");
}

#[test]
fn ten_thousand_alerts_at_once_are_held_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let (url, told) = receiver();
    let serve = start(dir.path(), &url);
    let alert = |i: usize| json!({"labels": {"alertname": "Flood", "host": format!("web{i}"), "severity": "warning"}});
    let alerts: Vec<Value> = (0..10_000).map(alert).collect();
    let body = Value::from(alerts).to_string();
    let (status, said) = serve.post("/api/v2/alerts", "application/json", body.as_bytes());
    assert_eq!(status, 200, "{said}");
    let mut heard = 0;
    while heard < 10_000 {
        let next = told.recv_timeout(PATIENCE).unwrap();
        heard += next.alerts.len();
        next.answer();
    }
    let held = data(&serve, "/api/v2/alerts");
    assert_eq!(held.as_array().unwrap().len(), 10_000);
    let (code, said, _) = crate::engine::run(crate::engine::program(dir.path()).arg("status"));
    assert!(code == 0 && said.contains("10000 firing"), "{said}");
    serve.stop();
}

#[test]
fn alerts_and_silences_are_asked_by_receiver_and_state() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alertmanager.yml");
    let text = "route: {receiver: team, routes: [{matchers: [s=b], receiver: other}]}
receivers: [{name: team, labels: {owner: web}}, {name: other}]
";
    std::fs::write(&file, text).unwrap();
    let serve = Serve::start(dir.path(), &["--config", file.to_str().unwrap()]);
    let alerts = json!([{"labels": {"alertname": "A"}}, {"labels": {"alertname": "B", "s": "b"}}]);
    let body = alerts.to_string();
    let (status, said) = serve.post("/api/v2/alerts", "application/json", body.as_bytes());
    assert_eq!(status, 200, "{said}");
    let names = |path: &str| -> Vec<String> {
        let found = data(&serve, path);
        let name = |a: &Value| a["labels"]["alertname"].as_str().unwrap_or("-").to_owned();
        let mut names: Vec<String> = found.as_array().unwrap().iter().map(name).collect();
        names.retain(|n| ["A", "B", "-"].contains(&n.as_str()));
        names
    };
    let owner = "receiver_matchers=owner%3D%22web%22";
    let named = "receiver_matchers=name%3D%22other%22";
    assert_eq!(names(&format!("/api/v2/alerts?{owner}")), ["A"]);
    assert_eq!(names(&format!("/api/v2/alerts?{named}")), ["B"]);
    let groups = data(&serve, &format!("/api/v2/alerts/groups?{named}"));
    let of = |g: &Value| g["receiver"]["name"] == "other";
    assert!(!groups.as_array().unwrap().is_empty() && groups.as_array().unwrap().iter().all(of));
    let receivers = data(&serve, &format!("/api/v2/receivers?{owner}"));
    assert_eq!(
        receivers,
        json!([{"name": "team", "labels": {"name": "team", "owner": "web"}}])
    );
    let silence = ["alerts", "silence", "alertname=\"A\"", "--comment", "c"];
    let (code, said, err) = crate::engine::run(crate::engine::program(dir.path()).args(silence));
    assert_eq!(code, 0, "{said}{err}");
    let count = |query: &str| {
        let all = data(&serve, &format!("/api/v2/silences?{query}"));
        all.as_array().unwrap().len()
    };
    assert_eq!(
        (count(""), count("active=false"), count("expired=false")),
        (1, 0, 1)
    );
    assert_eq!(serve.get("/api/v2/silences?pending=maybe").0, 400);
    serve.stop();
}
