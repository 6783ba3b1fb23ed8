//! Rules in the running program: evaluated, stored, answered over HTTP and by commands, read again.

use crate::engine::{PATIENCE, Serve, program, run, until};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;

const RULES: &str = "groups:
- name: g
  interval: 1s
  rules:
  - {record: 'two', expr: '1 + 1', labels: {kind: made}}
  - alert: Always
    expr: two == 2
    labels: {severity: page}
    annotations: {summary: '{{ $labels.kind }} is {{ $value }}'}
  - {alert: Waits, expr: 'vector(1)', for: 1h}
";

fn data(serve: &Serve, path: &str) -> Value {
    let (status, body) = serve.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    answer["data"].clone()
}

#[test]
fn rules_are_evaluated_stored_and_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.yml");
    std::fs::write(&rules, RULES).unwrap();
    let config = dir.path().join("bongsu.yaml");
    let text = "rule_files: [rules.yml]\nglobal: {external_labels: {site: seoul}}\n";
    std::fs::write(&config, format!("{text}alerts: {{defaults: false}}\n")).unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    until("two alerts stand", || {
        let alerts = data(&serve, "/api/v1/alerts");
        alerts["alerts"].as_array().is_some_and(|a| a.len() == 2)
    });
    let alerts = data(&serve, "/api/v1/alerts");
    let always = &alerts["alerts"][0];
    assert_eq!(always["labels"]["alertname"], "Always");
    assert_eq!(always["labels"]["severity"], "page");
    assert_eq!(always["labels"]["site"], Value::Null, "sent, not shown");
    assert_eq!(always["annotations"]["summary"], "made is 2");
    assert_eq!(
        (&always["state"], &always["value"]),
        (&"firing".into(), &"2e+00".into())
    );

    let groups = data(&serve, "/api/v1/rules?type=alert");
    let group = &groups["groups"][0];
    assert_eq!(
        (&group["name"], &group["interval"]),
        (&"g".into(), &1.0.into())
    );
    let state = |i: usize| group["rules"][i]["state"].as_str().unwrap().to_owned();
    assert_eq!([state(0), state(1)], ["firing", "pending"]);
    assert_eq!(group["rules"][0]["alerts"][0]["labels"]["kind"], "made");
    let recording = data(&serve, "/api/v1/rules?type=record");
    let rule = &recording["groups"][0]["rules"][0];
    assert_eq!(
        (&rule["name"], &rule["health"]),
        (&"two".into(), &"ok".into())
    );

    let page = data(&serve, "/api/v1/rules?match[]=%7Bseverity%3D%22page%22%7D");
    let names: Vec<&Value> = page["groups"][0]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["name"])
        .collect();
    assert_eq!(names, ["Always"]);
    assert_eq!(
        data(&serve, "/api/v1/rules?group_limit=1")["groupNextToken"],
        Value::Null
    );
    assert_eq!(serve.get("/api/v1/rules?group_next_token=x").0, 400);
    assert_eq!(serve.get("/api/v1/rules?match[]=%7B").0, 400);

    // The second evaluation after the start reads back what was before; then the series begin.
    until("ALERTS is stored", || {
        let found = data(
            &serve,
            "/api/v1/query?query=ALERTS%7Balertstate%3D%22firing%22%7D",
        );
        found["result"].as_array().is_some_and(|r| r.len() == 1)
    });
    let (code, said, _) = run(program(dir.path()).arg("alerts"));
    assert_eq!(code, 0);
    assert!(
        said.contains("firing") && said.contains("made is 2"),
        "{said}"
    );
    let (code, said, _) = run(program(dir.path()).args(["alerts", "rules"]));
    assert!(code == 0 && said.contains("Waits"), "{said}");
    let (_, said, _) = run(program(dir.path()).arg("status"));
    assert!(said.contains("1 firing, 1 pending"), "{said}");
    let (code, said, _) = run(program(dir.path()).args(["alerts", "why", "Waits"]));
    assert!(code == 0 && said.contains("its `for` of 1h has"), "{said}");
    assert!(said.contains("would be told to"), "{said}");

    reloaded(dir.path(), &serve);
    serve.stop();
}

/// A bad file changes nothing and is named; a good one is in force at once.
fn reloaded(dir: &std::path::Path, serve: &Serve) {
    let rules = dir.join("rules.yml");
    std::fs::write(
        &rules,
        "groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]",
    )
    .unwrap();
    serve.signal("HUP");
    until("the bad file is named", || {
        let (_, said, _) = run(program(dir).arg("status"));
        said.contains("rules.yml:1:")
    });
    assert_eq!(
        data(serve, "/api/v1/alerts")["alerts"][0]["labels"]["alertname"],
        "Always"
    );
    std::fs::write(&rules, RULES.replace("Always", "Other")).unwrap();
    serve.signal("HUP");
    until("the new rule fires", || {
        let alerts = data(serve, "/api/v1/alerts");
        let mut all = alerts["alerts"].as_array().unwrap().iter();
        all.any(|a| a["labels"]["alertname"] == "Other")
    });
}

/// One request of somebody who sends: its first line and its body.
fn receive(listener: &TcpListener) -> (String, String) {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        let n = stream.read(&mut piece).unwrap();
        text.push_str(&String::from_utf8_lossy(&piece[..n]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|l| {
            let (name, value) = l.split_once(": ")?;
            (name.eq_ignore_ascii_case("content-length")).then(|| value.parse::<usize>().unwrap())
        });
        if n == 0 || body.len() >= length.unwrap_or(0) {
            break;
        }
    }
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer.as_bytes()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn alerts_are_sent_on_and_the_heartbeat_is_called() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.yml"), RULES).unwrap();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let heart = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = format!(
        "rule_files: [rules.yml]
global: {{external_labels: {{site: seoul, replica: a}}}}
alerting:
  alert_relabel_configs: [{{action: labeldrop, regex: replica}}]
  alertmanagers: [{{path_prefix: /am, static_configs: [{{targets: ['{}']}}]}}]
alerts: {{defaults: false, heartbeat: {{url: 'http://{}/beat', every: 1s}}}}
",
        peer.local_addr().unwrap(),
        heart.local_addr().unwrap()
    );
    let file = dir.path().join("bongsu.yaml");
    std::fs::write(&file, config).unwrap();
    let told = std::thread::spawn(move || receive(&peer));
    let beat = std::thread::spawn(move || receive(&heart).0);
    let serve = Serve::start(dir.path(), &["--config", file.to_str().unwrap()]);
    until("both were reached", || {
        told.is_finished() && beat.is_finished()
    });
    let (head, body) = told.join().unwrap();
    assert_eq!(head, "POST /am/api/v2/alerts HTTP/1.1");
    let sent: Value = serde_json::from_str(&body).unwrap();
    let labels = &sent[0]["labels"];
    assert_eq!(
        (&labels["alertname"], &labels["site"]),
        (&"Always".into(), &"seoul".into())
    );
    assert_eq!(labels["replica"], Value::Null);
    let time = |key: &str| {
        let at = chrono::DateTime::parse_from_rfc3339(sent[0][key].as_str().unwrap());
        at.unwrap().timestamp_millis()
    };
    assert_eq!(time("endsAt") - time("startsAt"), 4 * 60_000);
    assert!(
        sent[0]["generatorURL"]
            .as_str()
            .unwrap()
            .contains("/graph?g0.expr=two")
    );
    assert_eq!(beat.join().unwrap(), "GET /beat HTTP/1.1");
    serve.stop();
}
