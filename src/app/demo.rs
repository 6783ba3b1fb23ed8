//! A small service that exists only to be watched: `bongsu demo`.
//!
//! Its numbers are made of the clock alone: a rising counter, a swinging gauge, requests with
//! errors and latencies that are worst for a minute every few minutes. Its log and its traces say
//! the same, and a rule of its own fires in that minute.

mod requests;

use crate::app::console::{self, Left};
use crate::app::launch::Arguments;
use crate::base::clock::Clock;
use crate::base::fs::{self, Fs};
use crate::base::net::client::{Client, ClientOptions};
use crate::base::net::http::{Limits, Pages, pages};
use crate::base::net::listen::{Bound, Spec};
use crate::base::task::{self, Stopper};
use crate::model::answer::MetricKind;
use crate::model::family::{Family, Point};
use crate::model::labels::Labels;
use crate::wire::exposition::{Format, write};
use anyhow::Context;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// The service, on a runtime of its own.
struct Service {
    runtime: Runtime,
    _stopper: Stopper,
    address: SocketAddr,
}

impl Service {
    fn start(port: u16) -> anyhow::Result<Self> {
        let runtime = task::runtime().context("the runtime cannot be started")?;
        let bound = runtime.block_on(Bound::bind(Spec::loopback(port)))?;
        let address = bound.addresses().first().copied();
        let address = address.context("the demo's service has no address")?;
        let (stopper, stop) = task::stopper();
        let serve: Pages = Arc::new(|path| {
            (path == "/metrics").then(|| {
                let now = Clock::System.now_ms();
                let mut out = String::new();
                write::families(&families(now as f64 / 1000.0), Format::Text, &mut out);
                (write::content_type(Format::Text), out.into_bytes())
            })
        });
        let serving = bound.serve(Limits::default(), pages(serve), stop);
        let _entered = runtime.enter();
        drop(task::spawn("demo", serving));
        Ok(Self {
            _stopper: stopper,
            address,
            runtime,
        })
    }
}

/// The console on a directory that is gone afterwards, watching the service.
pub fn run(read_only: bool) -> anyhow::Result<Left> {
    let service = Service::start(0)?;
    let dir = std::env::temp_dir().join(format!("bongsu-demo-{}", std::process::id()));
    Fs::real().create_dir_all(&dir)?;
    let shown = show(&service, &dir, read_only);
    fs::remove_tree(&dir)?;
    shown
}

fn show(service: &Service, dir: &Path, read_only: bool) -> anyhow::Result<Left> {
    let otlp = service.runtime.block_on(free_port())?;
    let files = Files::of(dir);
    Fs::real().write_atomic(&files.rules, RULES.as_bytes())?;
    let config = config(service.address, otlp, &files);
    Fs::real().write_atomic(&files.config, config.as_bytes())?;
    let entered = service.runtime.enter();
    let client = Client::new(&ClientOptions::default(), None)?;
    let traces = Some((client, format!("http://{otlp}/v1/traces")));
    drop(task::spawn("demo", tell(files.log, traces)));
    drop(entered);
    let arguments = Arguments {
        config: vec![files.config],
        data_dir: Some(dir.join("data")),
        listen: Some("off".to_owned()),
        read_only,
    };
    console::run(arguments.prepare()?)
}

struct Files {
    config: PathBuf,
    rules: PathBuf,
    log: PathBuf,
}

impl Files {
    fn of(dir: &Path) -> Self {
        Self {
            config: dir.join("bongsu-demo.yaml"),
            rules: dir.join("rules.yaml"),
            log: dir.join("demo.log"),
        }
    }
}

/// Spans are taken in where no other engine listens: one that is already here keeps its ports.
fn config(service: SocketAddr, otlp: SocketAddr, files: &Files) -> String {
    format!(
        "global: {{scrape_interval: 2s, evaluation_interval: 5s}}\n\
         scrape_configs:\n- job_name: demo\n  static_configs: [{{targets: ['{service}']}}]\n\
         rule_files: ['{}']\n\
         logs:\n  scrape_configs:\n  - job_name: demo\n    \
         static_configs: [{{labels: {{job: demo, __path__: '{}'}}}}]\n\
         traces: {{otlp_http: '{otlp}', otlp_grpc: 'off', zipkin: 'off'}}\n",
        files.rules.display(),
        files.log.display()
    )
}

/// An address on which nobody listens now.
async fn free_port() -> anyhow::Result<SocketAddr> {
    let bound = Bound::bind(Spec::loopback(0)).await?;
    let address = bound.addresses().first().copied();
    address.context("no port is free")
}

/// Only the service: what it measures on a port, and a log beside it.
pub fn serve(port: u16, log: &Path, say: impl Fn(&str)) -> anyhow::Result<()> {
    let service = Service::start(port)?;
    say(&format!(
        "http://{}/metrics has my_counter and my_gauge; a line a second goes to {}",
        service.address,
        log.display()
    ));
    let log = log.to_owned();
    service.runtime.block_on(async {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = term.recv() => Ok(()),
            _ = int.recv() => Ok(()),
            failed = tell(log, None) => failed,
        }
    })
}

/// A line a second, and its requests where somebody takes them in; ends only where a line cannot be
/// written.
async fn tell(log: PathBuf, traces: Option<(Client, String)>) -> anyhow::Result<()> {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        let (log, traced) = (log.clone(), traces.is_some());
        let now = Clock::System.now_ms();
        tokio::task::spawn_blocking(move || add_line(log, now, traced)).await??;
        if let Some((client, url)) = &traces {
            // The engine starts beside this: until it listens, there is nobody to tell.
            let _ = requests::tell(client, url, second(now)).await;
        }
    }
}

fn second(now_ms: i64) -> u64 {
    u64::try_from(now_ms / 1000).unwrap_or_default()
}

/// Fires in the bad minute.
const RULES: &str = "\
groups:
- name: demo
  rules:
  - alert: DemoRequestsFail
    expr: sum by (path) (rate(demo_http_requests_total{status=\"500\"}[30s])) > 1
    labels: {severity: warning}
    annotations: {summary: 'requests for {{ $labels.path }} fail'}
";

fn add_line(log: PathBuf, now: i64, traced: bool) -> anyhow::Result<()> {
    let fs = Fs::real();
    // What is there already is added to.
    let mut file = if log.exists() {
        fs.open_append(&log)?
    } else {
        fs.create(&log)?
    };
    file.append(line(now, traced).as_bytes())?;
    Ok(())
}

/// What became of the order of this second, and its trace where that can be looked at.
fn line(now: i64, traced: bool) -> String {
    let time = chrono::DateTime::from_timestamp_millis(now).unwrap_or_default();
    let time = time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let n = second(now);
    let trace = if traced {
        format!(" trace_id={}", requests::trace_id(n, 0))
    } else {
        String::new()
    };
    if requests::fails(n) {
        format!(
            "{time} ERROR order {n} failed: {}{trace}\n",
            requests::REASON
        )
    } else {
        let took = requests::took_ms(n);
        format!("{time} INFO order {n} took {took} ms{trace}\n")
    }
}

/// Three hundred seconds of which the last sixty are bad.
const PERIOD: f64 = 300.0;
const BAD_FROM: f64 = 240.0;

/// Whether this second, since the epoch, is a bad one.
fn is_bad(second: u64) -> bool {
    (second as f64).rem_euclid(PERIOD) >= BAD_FROM
}

/// How much of bad time there was until `t`, in seconds.
fn bad_until(t: f64) -> f64 {
    let (whole, rest) = ((t / PERIOD).floor(), t.rem_euclid(PERIOD));
    whole * (PERIOD - BAD_FROM) + (rest - BAD_FROM).max(0.0)
}

fn families(t: f64) -> Vec<Family> {
    let mut counter = Family::new(
        "my_counter",
        MetricKind::Counter,
        "Rises by three a second.",
    );
    counter.add(&[], (t * 3.0).floor());
    let mut gauge = Family::new("my_gauge", MetricKind::Gauge, "Swings once a minute.");
    let swing = (t / 60.0 * std::f64::consts::TAU).sin();
    gauge.add(&[], (50.0 + 40.0 * swing).round());
    let mut requests = Family::new(
        "demo_http_requests_total",
        MetricKind::Counter,
        "Requests by path and status.",
    );
    let bad = bad_until(t);
    for (path, rate) in [("/order", 20.0), ("/search", 35.0), ("/pay", 6.0)] {
        let failed = (bad * rate * 0.3).floor();
        let all = (t * rate).floor();
        requests.add(&[("path", path), ("status", "200")], all - failed);
        requests.add(&[("path", path), ("status", "500")], failed);
    }
    vec![counter, gauge, requests, latencies(t, bad)]
}

/// A classic histogram: fast in good times, slow in bad ones.
fn latencies(t: f64, bad: f64) -> Family {
    let mut family = Family::new(
        "demo_http_request_duration_seconds",
        MetricKind::Histogram,
        "Time until a request was answered.",
    );
    let (good, rate) = (t - bad, 61.0);
    let mut point = |suffix, le: &str, value: f64| {
        let labels = match le {
            "" => Labels::empty(),
            le => Labels::from_pairs([("le", le)]),
        };
        family.points.push(Point {
            suffix,
            labels,
            value: value.floor(),
        });
    };
    for (le, of_good, of_bad) in [
        ("0.005", 0.5, 0.05),
        ("0.01", 0.8, 0.1),
        ("0.05", 0.97, 0.3),
        ("0.1", 0.99, 0.5),
        ("0.5", 1.0, 0.9),
        ("+Inf", 1.0, 1.0),
    ] {
        point("_bucket", le, rate * (good * of_good + bad * of_bad));
    }
    point("_sum", "", rate * (good * 0.008 + bad * 0.2));
    point("_count", "", rate * t);
    family
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn the_configuration_of_the_demo_passes_the_check_and_leaves_the_usual_ports_alone() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::of(dir.path());
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let text = super::config(address(4001), address(4002), &files);
        for usual in ["4317", "4318", "9411"] {
            assert!(!text.contains(usual), "{text}");
        }
        let fs = Fs::real();
        fs.write_atomic(&files.rules, RULES.as_bytes()).unwrap();
        fs.write_atomic(&files.config, text.as_bytes()).unwrap();
        fs.write_atomic(&files.log, b"").unwrap();
        for file in [&files.config, &files.rules] {
            assert_eq!(config::check(file), [], "{text}");
        }
        let traces = config::load(&[files.config]).config.unwrap().traces;
        assert!(traces.otlp_http.given && traces.otlp_grpc.given && traces.zipkin.given);
    }

    #[test]
    fn a_line_names_the_trace_of_its_order_where_traces_are_told() {
        let now = 1_795_000_003_250;
        let told = requests::traces(second(now));
        let line = |traced| super::line(now, traced);
        assert!(line(true).ends_with(&format!(" trace_id={}\n", told[0].id)));
        assert!(!line(false).contains("trace_id"));
        assert!(
            line(false).contains("INFO order 1795000003 took"),
            "{}",
            line(false)
        );
    }

    #[test]
    fn the_log_begins_where_there_was_none_and_grows() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("demo.log");
        for (n, now) in [1_795_000_003_000, 1_795_000_004_000]
            .into_iter()
            .enumerate()
        {
            add_line(log.clone(), now, true).unwrap();
            let text = std::fs::read_to_string(&log).unwrap();
            assert_eq!(text.lines().count(), n + 1, "{text}");
        }
    }

    #[test]
    fn counters_never_fall() {
        let mut before: Vec<f64> = Vec::new();
        for step in 0..2000 {
            let all = families(1_795_000_000.0 + f64::from(step) * 0.7);
            let counters = all.iter().filter(|f| f.kind != MetricKind::Gauge);
            let now: Vec<f64> = counters
                .flat_map(|f| f.points.iter().map(|p| p.value))
                .collect();
            assert!(before.iter().zip(&now).all(|(a, b)| a <= b), "step {step}");
            before = now;
        }
    }
}
