//! Beside a real Alertmanager, in real time: the same configuration, the same alerts at the same
//! moments, a silence, a restart; the same notifications come out, within a tolerance. And a real
//! Prometheus beside our rules: the same alerts pend and fire at the same time.

use crate::engine::{PATIENCE, Serve, ask, until};
use bongsu::base::clock::Clock;
use bongsu::base::net::client::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const USER: (&str, &str) = ("authorization", "Basic a2ltOnNlY3JldA==");

/// What one receiver was told, and when, in milliseconds since the start.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    at: i64,
    text: String,
}

type Heard = Arc<Mutex<BTreeMap<(String, String), Vec<Told>>>>;

/// Takes notifications at `/SYSTEM/RECEIVER`.
fn receiver(start: Instant) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard: Heard = Arc::default();
    let kept = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, kept) = (stream.unwrap(), kept.clone());
            std::thread::spawn(move || take(stream, start, &kept));
        }
    });
    (url, heard)
}

fn take(stream: TcpStream, start: Instant, heard: &Heard) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(n) = line.to_lowercase().strip_prefix("content-length: ") {
                length = n.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let mut names: Vec<String> = body["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| {
                let sign = if a["status"] == "resolved" { '-' } else { '+' };
                let text = |label: &str| a["labels"][label].as_str().unwrap_or("").to_owned();
                format!("{sign}{}{}", text("alertname"), text("host"))
            })
            .collect();
        names.sort();
        let path = first.split(' ').nth(1).unwrap().to_owned();
        let mut parts = path.trim_start_matches('/').splitn(2, '/');
        let key = (
            parts.next().unwrap().to_owned(),
            parts.next().unwrap().to_owned(),
        );
        let told = Told {
            at: start.elapsed().as_millis() as i64,
            text: names.join(" "),
        };
        heard.lock().unwrap().entry(key).or_default().push(told);
        let _ = writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    }
}

struct Real(Child);

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Real {
    fn stop(mut self) {
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The same routes for both; `system` is in the addresses of the receivers.
fn config(url: &str, system: &str) -> String {
    let scenarios = [
        ("group", "group_by: [alertname]", ""),
        ("repeat", "repeat_interval: 9s", ""),
        ("inhibit", "", ""),
        ("norecover", "", "send_resolved: false"),
        ("silence", "", ""),
        ("mute", "mute_time_intervals: [always]", ""),
        ("active", "active_time_intervals: [always]", ""),
        ("inactive", "active_time_intervals: [never]", ""),
        ("flap", "", ""),
        ("split", "group_by: [host]", ""),
        ("each", "group_by: ['...']", ""),
        ("first", "continue: true", ""),
    ];
    let mut routes = String::new();
    let mut receivers = "receivers:\n- name: nobody\n".to_owned();
    for (name, keys, more) in scenarios {
        let keys = if keys.is_empty() {
            String::new()
        } else {
            format!(", {keys}")
        };
        routes.push_str(&format!(
            "  - {{receiver: {name}, matchers: ['s=\"{name}\"']{keys}}}\n"
        ));
        let more = if more.is_empty() {
            String::new()
        } else {
            format!(", {more}")
        };
        receivers.push_str(&format!(
            "- name: {name}\n  webhook_configs: [{{url: '{url}/{system}/{name}'{more}}}]\n"
        ));
    }
    routes.push_str("  - {receiver: second, matchers: ['s=~\"first|second\"']}\n");
    receivers.push_str(&format!(
        "- name: second\n  webhook_configs: [{{url: '{url}/{system}/second'}}]\n"
    ));
    format!(
        "route:
  receiver: nobody
  group_wait: 2s
  group_interval: 4s
  repeat_interval: 1h
  routes:
{routes}{receivers}inhibit_rules:
- {{source_matchers: ['severity=\"critical\"'], target_matchers: ['severity=\"warning\"'], equal: [host]}}
time_intervals:
- {{name: always, time_intervals: [{{times: [{{start_time: '00:00', end_time: '24:00'}}]}}]}}
- {{name: never, time_intervals: [{{years: ['1990']}}]}}
"
    )
}

/// Both systems, and the alerts that fire now.
struct Pair {
    urls: [String; 2],
    firing: BTreeMap<Vec<(&'static str, &'static str)>, i64>,
}

fn time(ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(ms).unwrap();
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

impl Pair {
    fn post(&self, path: &str, body: &Value) {
        for url in &self.urls {
            let (status, said) = ask(
                Method::Post,
                &format!("{url}{path}"),
                &[("content-type", "application/json"), USER],
                Some(body.to_string().into_bytes()),
            );
            assert_eq!(status, 200, "{url}: {said}");
        }
    }

    fn alert(labels: &[(&str, &str)], starts: i64, ends: i64) -> Value {
        let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
        json!({"labels": labels, "startsAt": time(starts), "endsAt": time(ends)})
    }

    fn fire(&mut self, labels: &[(&'static str, &'static str)]) {
        let now = Clock::System.now_ms();
        self.firing.insert(labels.to_vec(), now);
        self.post(
            "/api/v2/alerts",
            &json!([Self::alert(labels, now, now + 600_000)]),
        );
    }

    fn resolve(&mut self, labels: &[(&'static str, &'static str)]) {
        let starts = self.firing.remove(labels).unwrap();
        let now = Clock::System.now_ms();
        self.post("/api/v2/alerts", &json!([Self::alert(labels, starts, now)]));
    }

    /// As a Prometheus does every minute.
    fn tell_again(&self) {
        let now = Clock::System.now_ms();
        let all = self.firing.iter();
        let all: Vec<Value> = all
            .map(|(l, at)| Self::alert(l, *at, now + 600_000))
            .collect();
        self.post("/api/v2/alerts", &Value::from(all));
    }
}

fn start_real(dir: &Path, port: u16) -> Real {
    let child = Command::new("prometheus-alertmanager")
        .arg(format!("--config.file={}", dir.join("real.yml").display()))
        .arg(format!("--storage.path={}", dir.join("real").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let url = format!("http://127.0.0.1:{port}/-/ready");
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            Instant::now() < deadline,
            "the real Alertmanager does not start"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    until("the real Alertmanager is ready", || {
        ask(Method::Get, &url, &[], None).0 == 200
    });
    Real(child)
}

fn start_ours(dir: &Path) -> Serve {
    let (routes, own) = (dir.join("ours.yml"), dir.join("bongsu.yaml"));
    let files = [
        "--config",
        routes.to_str().unwrap(),
        "--config",
        own.to_str().unwrap(),
    ];
    let serve = Serve::start(dir, &files);
    let url = format!("{}/-/ready", serve.url);
    until("history is open", || {
        ask(Method::Get, &url, &[USER], None).0 == 200
    });
    serve
}

type Pairs = &'static [(&'static str, &'static str)];

/// What fires from the start on.
const ALERTS: &[Pairs] = &[
    &[("alertname", "A"), ("s", "group"), ("host", "1")],
    &[("alertname", "R"), ("s", "repeat")],
    &[
        ("alertname", "C"),
        ("s", "inhibit"),
        ("severity", "critical"),
        ("host", "1"),
    ],
    &[
        ("alertname", "W"),
        ("s", "inhibit"),
        ("severity", "warning"),
        ("host", "1"),
    ],
    &[
        ("alertname", "W"),
        ("s", "inhibit"),
        ("severity", "warning"),
        ("host", "2"),
    ],
    &[("alertname", "Q"), ("s", "norecover")],
    &[("alertname", "S"), ("s", "silence")],
    &[("alertname", "M"), ("s", "mute")],
    &[("alertname", "X"), ("s", "active")],
    &[("alertname", "Y"), ("s", "inactive")],
    &[("alertname", "F"), ("s", "flap")],
    &[("alertname", "P"), ("s", "split"), ("host", "1")],
    &[("alertname", "P"), ("s", "split"), ("host", "2")],
    &[("alertname", "P"), ("s", "each"), ("host", "1")],
    &[("alertname", "P"), ("s", "each"), ("host", "2")],
    &[("alertname", "T"), ("s", "first")],
    &[("alertname", "U"), ("s", "second")],
];

const RESTART: u64 = 17_000;

#[test]
fn the_same_notifications_as_a_real_alertmanager() {
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let (url, heard) = receiver(start);
    fs::write(dir.path().join("real.yml"), config(&url, "real")).unwrap();
    fs::write(dir.path().join("ours.yml"), config(&url, "ours")).unwrap();
    fs::write(
        dir.path().join("bongsu.yaml"),
        "api: {users: [{name: kim, password: secret}]}\nalerts: {defaults: no}\nlogs: {enabled: no}\nhost: {enabled: no}\n",
    )
    .unwrap();
    let port = free_port();
    let mut real = start_real(dir.path(), port);
    let mut ours = start_ours(dir.path());
    let mut pair = Pair {
        urls: [format!("http://127.0.0.1:{port}"), ours.url.clone()],
        firing: BTreeMap::new(),
    };
    let begin = Instant::now();
    let offset = (begin - start).as_millis() as i64;
    let wait = |ms: u64| {
        let until = begin + Duration::from_millis(ms);
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    };
    let now = Clock::System.now_ms();
    let matchers = json!([{"name": "s", "value": "silence", "isRegex": false, "isEqual": true}]);
    pair.post(
        "/api/v2/silences",
        &json!({"matchers": matchers, "startsAt": time(now), "endsAt": time(now + 9_000), "createdBy": "kim", "comment": "c"}),
    );
    for labels in ALERTS {
        pair.fire(labels);
    }
    wait(700);
    pair.fire(&[("alertname", "A"), ("s", "group"), ("host", "2")]);
    wait(4_000);
    pair.fire(&[("alertname", "A"), ("s", "group"), ("host", "3")]);
    pair.resolve(&[("alertname", "Q"), ("s", "norecover")]);
    pair.resolve(&[("alertname", "F"), ("s", "flap")]);
    wait(4_600);
    pair.fire(&[("alertname", "F"), ("s", "flap")]);
    wait(8_300);
    pair.resolve(&[("alertname", "A"), ("s", "group"), ("host", "1")]);
    pair.resolve(&[
        ("alertname", "C"),
        ("s", "inhibit"),
        ("severity", "critical"),
        ("host", "1"),
    ]);
    wait(12_300);
    pair.resolve(&[("alertname", "A"), ("s", "group"), ("host", "2")]);
    pair.resolve(&[("alertname", "A"), ("s", "group"), ("host", "3")]);
    pair.resolve(&[("alertname", "X"), ("s", "active")]);
    wait(RESTART);
    real.stop();
    ours.stop();
    real = start_real(dir.path(), port);
    ours = start_ours(dir.path());
    pair.urls[1].clone_from(&ours.url);
    wait(RESTART + 2_000);
    pair.tell_again();
    wait(RESTART + 14_000);
    ours.stop();
    real.stop();
    compare(&heard.lock().unwrap(), offset);
}

/// Each receiver heard the same from both, in the same order, at about the same time.
fn compare(heard: &BTreeMap<(String, String), Vec<Told>>, offset: i64) {
    let of = |system: &str, name: &str| -> Vec<Told> {
        let found = heard.get(&(system.to_owned(), name.to_owned()));
        let mut found = found.cloned().unwrap_or_default();
        // Groups of one receiver come in any order within a moment.
        found.sort_by(|a, b| (a.at / 1_500, &a.text).cmp(&(b.at / 1_500, &b.text)));
        found
    };
    let names: std::collections::BTreeSet<&String> = heard.keys().map(|(_, n)| n).collect();
    let (mut count, mut faults) = (0, Vec::new());
    for name in names {
        let (real, ours) = (of("real", name), of("ours", name));
        let texts = |all: &[Told]| -> Vec<String> {
            let mut all: Vec<String> = all.iter().map(|t| t.text.clone()).collect();
            all.sort();
            all
        };
        let close = |a: &Told, b: &Told| {
            // After a restart groups begin anew, at the moment of the start.
            let late = a.at.max(b.at) - offset > RESTART as i64;
            let most = if late { 5_000 } else { 1_500 };
            (a.at - b.at).abs() <= most
        };
        let alike = texts(&real) == texts(&ours)
            && texts(&real).iter().all(|text| {
                let times = |all: &[Told]| -> Vec<Told> {
                    all.iter().filter(|t| t.text == *text).cloned().collect()
                };
                times(&real)
                    .iter()
                    .zip(&times(&ours))
                    .all(|(a, b)| close(a, b))
            });
        count += real.len();
        if !alike {
            faults.push(format!("{name}\n  real {real:?}\n  ours {ours:?}"));
        }
    }
    println!("{count} notifications beside a real Alertmanager");
    assert!(faults.is_empty(), "offset {offset}\n{}", faults.join("\n"));
    assert!(count >= 20, "only {count} notifications");
}

/// Shows a metric that is high for some seconds and low for some, by the wall clock.
fn exporter() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap_or(0) > 0 {
                    if line.trim().is_empty() {
                        let seconds = Clock::System.now_ms() / 1000;
                        let mut page = String::new();
                        for (host, on, off) in
                            [("a", 9, 9), ("b", 3, 12), ("c", 14, 7), ("d", 5, 5)]
                        {
                            let high = i64::from(seconds % (on + off) < on);
                            page.push_str(&format!("load{{host=\"{host}\"}} {}\n", 10 + 90 * high));
                        }
                        page.push_str(&format!("ticks_total {seconds}\n"));
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{page}",
                            page.len()
                        );
                        let _ = stream.write_all(answer.as_bytes());
                    }
                    line.clear();
                }
            });
        }
    });
    address
}

const RULES: &str = "groups:
- name: g
  interval: 1s
  rules:
  - {record: 'load:max', expr: 'max by (host) (load)', labels: {kind: made}}
  - {alert: High, expr: 'load:max > 50', for: 4s, labels: {severity: page}, annotations: {summary: '{{ $labels.host }} at {{ $value }}'}}
  - {alert: AtOnce, expr: 'load > 50'}
  - {alert: Growing, expr: 'rate(ticks_total[10s]) > 0.5', for: 2s}
";

/// Stretches of one series of `ALERTS`, in seconds.
fn stretches(url: &str, query: &str, from: i64, to: i64) -> BTreeMap<String, Vec<(i64, i64)>> {
    let query = percent_encoding::utf8_percent_encode(query, percent_encoding::NON_ALPHANUMERIC);
    let url = format!("{url}/api/v1/query_range?query={query}&start={from}&end={to}&step=1");
    let (status, body) = ask(Method::Get, &url, &[], None);
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let mut out = BTreeMap::new();
    for series in body["data"]["result"].as_array().unwrap() {
        let labels: BTreeMap<String, Value> =
            serde_json::from_value(series["metric"].clone()).unwrap();
        let mut all: Vec<(i64, i64)> = Vec::new();
        for value in series["values"].as_array().unwrap() {
            let t = value[0].as_f64().unwrap() as i64;
            match all.last_mut() {
                Some((_, end)) if *end + 1 == t => *end = t,
                _ => all.push((t, t)),
            }
        }
        out.insert(format!("{labels:?}"), all);
    }
    out
}

#[test]
fn the_same_alerts_as_a_real_prometheus_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let target = exporter();
    fs::write(dir.path().join("rules.yml"), RULES).unwrap();
    let text = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nscrape_configs: [{{job_name: x, static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    let file = dir.path().join("prometheus.yml");
    fs::write(&file, text).unwrap();
    fs::write(
        dir.path().join("bongsu.yaml"),
        "alerts: {defaults: no}\nlogs: {enabled: no}\nhost: {enabled: no}\n",
    )
    .unwrap();
    let port = free_port();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            dir.path().join("tsdb").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _real = Real(child);
    let own = dir.path().join("bongsu.yaml");
    let files = [
        "--config",
        file.to_str().unwrap(),
        "--config",
        own.to_str().unwrap(),
    ];
    let ours = Serve::start(dir.path(), &files);
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            Instant::now() < deadline,
            "the real Prometheus does not start"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(8));
    let from = Clock::System.now_ms() / 1000;
    std::thread::sleep(Duration::from_secs(45));
    let to = from + 43;
    let real = format!("http://127.0.0.1:{port}");
    let (compared, faults) = judge(&real, &ours.url, from, to);
    println!("{compared} stretches of alerts beside a real Prometheus");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(compared >= 10, "only {compared}");
    ours.stop();
}

/// How many stretches were compared, and those that differ.
fn judge(real: &str, ours: &str, from: i64, to: i64) -> (usize, Vec<String>) {
    let mut compared = 0;
    let mut faults = Vec::new();
    // Both scrape and evaluate each second, at their own moments of it.
    let query = "ALERTS";
    let (theirs, found) = (
        stretches(real, query, from, to),
        stretches(ours, query, from, to),
    );
    for (labels, theirs) in &theirs {
        // What begins or ends at the edges may be cut; a pending stretch of a second may be missed.
        let inside = |all: &[(i64, i64)]| -> Vec<(i64, i64)> {
            let inner = all
                .iter()
                .filter(|(a, b)| *a > from + 3 && *b < to - 3 && b - a >= 2);
            inner.copied().collect()
        };
        let theirs = inside(theirs);
        let none = Vec::new();
        let found = found.get(labels).unwrap_or(&none);
        for (a, b) in &theirs {
            compared += 1;
            let near = |(x, y): &(i64, i64)| (x - a).abs() <= 3 && (y - b).abs() <= 3;
            if !found.iter().any(near) {
                faults.push(format!("{labels}: {a}-{b} is not in {found:?}"));
            }
        }
    }
    (compared, faults)
}
