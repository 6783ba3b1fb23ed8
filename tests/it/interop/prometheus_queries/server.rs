//! A Prometheus on a loopback port over blocks made by promtool.

use crate::promql::memory::Memory;
use bongsu::model::time::Steps;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Points = Vec<(i64, f64)>;
/// Points by labels, or the error's text.
pub(crate) type Answer = Result<BTreeMap<BTreeMap<String, String>, Points>, String>;

pub(crate) struct Prometheus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// OpenMetrics text of everything in memory.
fn exposition(memory: &Memory) -> String {
    let mut out = String::new();
    let mut last = String::new();
    for (labels, samples) in &memory.series {
        let name = labels.metric_name();
        if name != last {
            let _ = writeln!(out, "# TYPE {name} unknown");
            name.clone_into(&mut last);
        }
        let pairs: Vec<String> = labels
            .iter()
            .filter(|(n, _)| *n != "__name__")
            .map(|(n, v)| format!("{n}={v:?}"))
            .collect();
        for (t, v) in samples {
            let seconds = *t as f64 / 1000.0;
            let _ = writeln!(out, "{name}{{{}}} {v} {seconds:.3}", pairs.join(","));
        }
    }
    out + "# EOF\n"
}

impl Prometheus {
    pub(crate) fn start(memory: &Memory) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("data.om");
        let data = folder.path().join("data");
        std::fs::write(&text, exposition(memory)).unwrap();
        let made = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&text, &data])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok()?;
        assert!(made.success(), "promtool made no blocks");
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let server = Self {
            child,
            port,
            _folder: folder,
        };
        let begun = Instant::now();
        while !server.ready() {
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "prometheus is not ready"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    fn ready(&self) -> bool {
        self.get("/-/ready")
            .is_some_and(|(status, _)| status == 200)
    }

    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
        let mut all = String::new();
        stream.read_to_string(&mut all).ok()?;
        let status = all.split_whitespace().nth(1)?.parse().ok()?;
        let body = all.split_once("\r\n\r\n")?.1.to_owned();
        Some((status, body))
    }

    pub(crate) fn ask(&self, expr: &str, steps: Steps, instant: bool) -> Answer {
        let query: String = expr.bytes().fold(String::new(), |mut out, b| {
            let _ = write!(out, "%{b:02X}");
            out
        });
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let path = if instant {
            format!("/api/v1/query?query={query}&time={}", seconds(steps.start))
        } else {
            format!(
                "/api/v1/query_range?query={query}&start={}&end={}&step={}",
                seconds(steps.start),
                seconds(steps.end),
                seconds(steps.step)
            )
        };
        let (_, body) = self.get(&path).expect("prometheus answers");
        let json: serde_json::Value = serde_json::from_str(&body).expect("an envelope");
        if json["status"] != "success" {
            return Err(json["error"].as_str().unwrap_or("").to_owned());
        }
        let data = &json["data"];
        let mut out = BTreeMap::new();
        let point = |p: &serde_json::Value| {
            let t = (p[0].as_f64().unwrap() * 1000.0).round() as i64;
            let v = match p[1].as_str().unwrap() {
                "+Inf" => f64::INFINITY,
                "-Inf" => f64::NEG_INFINITY,
                text => text.parse().unwrap(),
            };
            (t, v)
        };
        if data["resultType"] == "scalar" {
            out.insert(BTreeMap::new(), vec![point(&data["result"])]);
            return Ok(out);
        }
        for series in data["result"].as_array().unwrap() {
            let labels = series["metric"].as_object().unwrap();
            let labels = labels
                .iter()
                .map(|(n, v)| (n.clone(), v.as_str().unwrap().to_owned()))
                .collect();
            let points = match series["values"].as_array() {
                Some(all) => all.iter().map(point).collect(),
                None => vec![point(&series["value"])],
            };
            out.insert(labels, points);
        }
        Ok(out)
    }
}
