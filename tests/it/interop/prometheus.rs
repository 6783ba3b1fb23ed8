//! promtool and a real Prometheus as clients of ours: they ask, federate, write and scrape.

use crate::engine::{Serve, until};
use bongsu::base::net::client::Method;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn prometheus(dir: &Path, config: &str) -> (Prometheus, String) {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let file = dir.join("prometheus.yml");
    std::fs::File::create(&file)
        .unwrap()
        .write_all(config.as_bytes())
        .unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            dir.join("tsdb").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (Prometheus(child), format!("http://127.0.0.1:{port}"))
}

/// A scraped node_exporter shows this machine: the built-in copy ends, and the console looks at what
/// the exporter shows.
#[test]
fn the_built_in_copy_gives_way_and_comes_back() {
    let exporter = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = exporter.local_addr().unwrap().port();
    drop(exporter);
    let address = format!("127.0.0.1:{port}");
    let started = Command::new("prometheus-node-exporter")
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = started else {
        return println!("skipped: prometheus-node-exporter is not installed");
    };
    let _exporter = Prometheus(child);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    let text = |targets: &str| {
        format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n\
             - job_name: linux\n  static_configs: [{{targets: [{targets}]}}]\n"
        )
    };
    std::fs::write(&config, text(&format!("'{address}'"))).unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let instances = |query: &str| {
        let (_, body) = serve.get(&format!("/api/v1/query?query={query}"));
        body
    };
    until("one copy of this machine", || {
        let body = instances("node_load1");
        body.contains("\"linux\"") && !body.contains("\"node\"")
    });
    // Its history stays, and ends.
    assert!(instances("count_over_time(node_load1%5B5m%5D)").contains("\"node\""));
    let status = || {
        let (_, body, _) = crate::engine::run(
            crate::engine::program(dir.path()).args(["status", "--format", "json"]),
        );
        serde_json::from_str::<serde_json::Value>(&body).unwrap()
    };
    assert_eq!(status()["instances"], serde_json::json!([address]));
    std::fs::write(&config, text("")).unwrap();
    serve.signal("HUP");
    until("the own copy again", || {
        let body = instances("node_load1");
        body.contains("\"node\"") && !body.contains("\"linux\"")
    });
    serve.stop();
}

/// Asks until the answer holds `text`; the server may still be starting.
fn answers(url: &str, query: &str, text: &str) {
    let url = format!("{url}/api/v1/query?query={query}");
    until(&format!("{query} with {text}"), || {
        let got = crate::engine::try_ask(Method::Get, &url, &[], None);
        got.is_ok_and(|(_, body)| body.contains(text))
    });
}

fn promtool(args: &[&str]) -> String {
    let out = Command::new("promtool").args(args).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "promtool {args:?}: {text}{said}");
    text
}

#[test]
fn promtool_asks_us() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    answers(&serve.url, "up", "\"job\":\"node\"");
    let url = serve.url.as_str();
    assert!(promtool(&["query", "instant", url, "up"]).contains("up{instance="));
    let range = promtool(&["query", "range", "--step=15s", url, "node_load1"]);
    assert!(range.contains("node_load1{instance="), "{range}");
    assert!(promtool(&["query", "series", "--match=up", url]).contains("job=\"node\""));
    assert!(promtool(&["query", "labels", url, "job"]).contains("node"));
    let metrics = serve.get("/metrics").1;
    let mut lint = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = lint.stdin.take().unwrap();
    std::thread::spawn(move || input.write_all(metrics.as_bytes()));
    let said = lint.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    // Names that node_exporter itself has are not ours to judge.
    let ours = said.lines().filter(|l| l.starts_with("bongsu_"));
    assert_eq!(ours.collect::<Vec<_>>(), Vec::<&str>::new(), "{said}");
    serve.stop();
}

#[test]
fn a_real_prometheus_scrapes_federates_and_writes() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    answers(&serve.url, "up", "\"job\":\"node\"");
    let target = serve.url.trim_start_matches("http://");
    let config = format!(
        "global: {{scrape_interval: 1s, external_labels: {{via: prometheus}}}}\n\
         scrape_configs:\n\
         - job_name: bongsu\n  static_configs: [{{targets: ['{target}']}}]\n\
         - job_name: federate\n  honor_labels: true\n  metrics_path: /federate\n\
         \x20 params: {{'match[]': ['{{job=\"node\",__name__=~\"node_load.*|up\"}}']}}\n\
         \x20 static_configs: [{{targets: ['{target}']}}]\n\
         remote_write:\n- url: http://{target}/api/v1/write\n"
    );
    let other = tempfile::tempdir().unwrap();
    let (_prometheus, url) = prometheus(other.path(), &config);
    answers(&url, "up%7Bjob=%22bongsu%22%7D==1", "\"bongsu\"");
    answers(&url, "bongsu_build_info", "version");
    answers(&url, "node_load1%7Bjob=%22node%22%7D", "node_load1");
    // What it scraped of us came back to us, with its external label.
    answers(
        &serve.url,
        "up%7Bvia=%22prometheus%22,job=%22bongsu%22%7D",
        "bongsu",
    );
    serve.stop();
}
