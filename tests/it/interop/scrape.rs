//! Real exporters as targets: node_exporter, redis_exporter by the users' relabelling, the nginx
//! exporter, Pushgateway, and Python's client library, each stored as it shows itself.

use crate::scrape::list::{Bench, until, until_true};
use bongsu::collect::scrape::ingest::ThisMachine;
use bongsu::model::view::Health;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that is ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Starts a program that will listen on `port`; `None` where it is not installed.
fn start(name: &str, args: &[String], port: u16) -> Option<Program> {
    let child = Command::new(name)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = child else {
        println!("skipped: {name} is not installed");
        return None;
    };
    let program = Program(child);
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(20), "{name} does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(program)
}

fn http(method: &str, port: u16, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let len = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

const HEAD: &str = "global: {scrape_interval: 1s, scrape_timeout: 1s}\n";

fn up(bench: &Bench, part: &str) {
    let row = until("a scrape", || {
        bench.row(part).filter(|r| r.health != Health::Unknown)
    });
    assert_eq!(
        (row.health, row.error.as_str(), row.remark.as_str()),
        (Health::Up, "", ""),
        "{row:?}"
    );
}

#[test]
fn node_exporter_and_the_machine_it_shows() {
    let port = free_port();
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let Some(_exporter) = start("prometheus-node-exporter", &[listen], port) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let yaml = format!(
        "{HEAD}scrape_configs: [{{job_name: n, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]"
    );
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let boot = stat.lines().find_map(|l| l.strip_prefix("btime ")).unwrap();
    let this = ThisMachine {
        nodename: std::fs::read_to_string("/proc/sys/kernel/hostname")
            .unwrap()
            .trim()
            .to_owned(),
        booted_at: boot.parse().unwrap(),
    };
    let bench = Bench::start_as(dir.path(), &yaml, this);
    let row = until("a scrape", || {
        bench.row("/metrics").filter(|r| r.health == Health::Up)
    });
    assert_eq!(row.error, "");
    assert!(row.remark.contains("shows this machine"), "{row:?}");
    // Every line it shows is a series of ours, and nothing else but what a scrape adds itself.
    let shown = http("GET", port, "/metrics", "");
    let lines = shown.lines().filter(|l| !l.starts_with('#')).count();
    let stored = bench.list.series().len() - 5;
    assert!(
        stored.abs_diff(lines) <= lines / 20,
        "{stored} stored, {lines} shown"
    );
    assert_eq!(
        bench.list.last("node_boot_time_seconds", ""),
        boot.parse().ok()
    );
    assert!(
        bench
            .list
            .last("node_cpu_seconds_total", "mode=\"idle\"")
            .is_some_and(|v| v > 0.0)
    );
}

/// The users' own configuration; only the addresses are of this test.
#[test]
fn redis_by_the_users_relabelling() {
    let (redis, exporter) = (free_port(), free_port());
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--port",
        &redis.to_string(),
        "--save",
        "",
        "--bind",
        "127.0.0.1",
    ]
    .map(str::to_owned);
    let Some(_redis) = start("redis-server", &args, redis) else {
        return;
    };
    let listen = format!("--web.listen-address=127.0.0.1:{exporter}");
    let args = [listen, format!("--redis.addr=redis://127.0.0.1:{redis}")];
    let Some(_exporter) = start("prometheus-redis-exporter", &args, exporter) else {
        return;
    };
    let seed = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/seeds/redis-relabel-scrape-configs.yml");
    let dead = free_port();
    let yaml = std::fs::read_to_string(seed)
        .unwrap()
        .replace("211.xxx.xxx.6:9121", &format!("127.0.0.1:{exporter}"))
        .replace("211.xxx.xxx.6:6379", &format!("127.0.0.1:{redis}"))
        .replace("211.xxx.xxx.6:638", &format!("127.0.0.1:{dead}/"));
    let bench = Bench::start(dir.path(), &format!("{HEAD}{yaml}"));
    let instance = format!("instance=\"redis://127.0.0.1:{redis}\"");
    until_true("redis", || {
        bench.list.last("redis_up", &instance) == Some(1.0)
    });
    assert!(
        bench
            .list
            .last("redis_connected_clients", &instance)
            .is_some()
    );
    assert_eq!(bench.list.last("up", &instance), Some(1.0));
    // The exporter answers for the dead ones too, and says that they are.
    let dead = format!("instance=\"redis://127.0.0.1:{dead}/0\"");
    until_true("the dead one", || {
        bench.list.last("redis_up", &dead) == Some(0.0)
    });
    let rows = bench.rows();
    assert_eq!((rows.len(), rows[0].relabel_steps.len()), (3, 3));
}

#[test]
fn nginx_and_its_exporter() {
    let (nginx, exporter) = (free_port(), free_port());
    let dir = tempfile::tempdir().unwrap();
    let conf = dir.path().join("nginx.conf");
    let here = dir.path().display();
    std::fs::write(
        &conf,
        format!(
            "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;\nevents {{}}\nhttp {{ access_log off; \
             client_body_temp_path {here}/b; proxy_temp_path {here}/p; fastcgi_temp_path {here}/f; \
             uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;\nserver {{ listen 127.0.0.1:{nginx}; \
             location /status {{ stub_status; }} }} }}\n"
        ),
    )
    .unwrap();
    let args = ["-c", &conf.display().to_string(), "-p", &here.to_string()].map(str::to_owned);
    let Some(_nginx) = start("/usr/sbin/nginx", &args, nginx) else {
        return;
    };
    let args = [
        format!("--web.listen-address=127.0.0.1:{exporter}"),
        format!("--nginx.scrape-uri=http://127.0.0.1:{nginx}/status"),
    ];
    let Some(_exporter) = start("prometheus-nginx-exporter", &args, exporter) else {
        return;
    };
    let yaml = format!(
        "{HEAD}scrape_configs: [{{job_name: nginx, static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]}}]"
    );
    let bench = Bench::start(dir.path(), &yaml);
    up(&bench, "/metrics");
    assert_eq!(bench.list.last("nginx_up", ""), Some(1.0));
    assert!(
        bench
            .list
            .last("nginx_http_requests_total", "")
            .is_some_and(|v| v > 0.0)
    );
}

#[test]
fn pushgateway_keeps_its_labels() {
    let port = free_port();
    let dir = tempfile::tempdir().unwrap();
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let Some(_gateway) = start("prometheus-pushgateway", &[listen], port) else {
        return;
    };
    let pushed = "# TYPE batch_rows counter\nbatch_rows{kind=\"한\"} 7\n";
    http("PUT", port, "/metrics/job/nightly/instance/db1", pushed);
    let yaml = format!(
        "{HEAD}scrape_configs: [{{job_name: push, honor_labels: true, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]"
    );
    let bench = Bench::start(dir.path(), &yaml);
    up(&bench, "/metrics");
    let series = bench.list.series();
    let want = "batch_rows{instance=\"db1\", job=\"nightly\", kind=\"한\"}";
    assert!(series.iter().any(|s| s == want), "{series:?}");
    http("DELETE", port, "/metrics/job/nightly/instance/db1", "");
    until_true("the deleted group to end", || {
        bench.list.is_ended("batch_rows", "")
    });
}

/// Python's library negotiates OpenMetrics, with exemplars, `_created` and quoted names.
#[test]
fn python_client_in_openmetrics() {
    let dir = tempfile::tempdir().unwrap();
    let venv = dir.path().join("venv");
    let run = |program: &Path, args: &[&str]| {
        let status = Command::new(program)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|s| s.success())
    };
    let python = venv.join("bin/python");
    let ready = run(
        "python3".as_ref(),
        &["-m", "venv", &venv.display().to_string()],
    ) && run(
        &python,
        &["-m", "pip", "install", "--quiet", "prometheus_client"],
    );
    if !ready {
        println!("skipped: no Python with prometheus_client");
        return;
    }
    let port = free_port();
    let program = format!(
        "import time\nfrom prometheus_client import *\nc = Counter('c', 'counts', ['x'])\n\
         c.labels('1').inc(2, {{'trace_id': 'abc'}})\nh = Histogram('h', 'h', buckets=[1, 2])\nh.observe(1.5)\n\
         i = Info('i', 'i'); i.info({{'v': '1'}})\ne = Enum('e', 'e', states=['on', 'off'])\n\
         s = Summary('s', 's'); s.observe(4)\nstart_http_server({port}, addr='127.0.0.1')\ntime.sleep(600)\n"
    );
    let args = ["-c".to_owned(), program];
    let Some(_python) = start(&python.display().to_string(), &args, port) else {
        return;
    };
    let yaml = format!(
        "{HEAD}scrape_configs: [{{job_name: py, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]"
    );
    let bench = Bench::start(dir.path(), &yaml);
    up(&bench, "/metrics");
    assert_eq!(bench.list.last("c_total", "x=\"1\""), Some(2.0));
    assert!(
        bench
            .list
            .last("c_created", "x=\"1\"")
            .is_some_and(|v| v > 1e9),
        "OpenMetrics was spoken"
    );
    assert_eq!(bench.list.last("h_bucket", "le=\"2.0\""), Some(1.0));
    assert_eq!(bench.list.last("i_info", "v=\"1\""), Some(1.0));
    assert_eq!(bench.list.last("e", "e=\"on\""), Some(1.0));
    assert_eq!(bench.list.last("s_sum", ""), Some(4.0));
}

/// A server whose certificate nobody knows: refused, trusted by its own authority, or not checked.
#[test]
fn tls_and_the_end_of_a_certificate() {
    let port = free_port();
    let dir = tempfile::tempdir().unwrap();
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out",
            "cert.pem",
        ])
        .args([
            "-days",
            "30",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .current_dir(dir.path())
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|s| s.success()) {
        println!("skipped: openssl is not installed");
        return;
    }
    std::fs::write(dir.path().join("metrics.txt"), "secure 1\n").unwrap();
    let server = Command::new("openssl")
        .args([
            "s_server", "-quiet", "-WWW", "-cert", "cert.pem", "-key", "key.pem", "-accept",
        ])
        .arg(format!("127.0.0.1:{port}"))
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _server = Program(server);
    let job = |name: &str, tls: &str| {
        format!(
            "- job_name: {name}\n  scheme: https\n  metrics_path: /metrics.txt\n  tls_config: {tls}\n  \
             static_configs: [{{targets: ['localhost:{port}']}}]\n"
        )
    };
    let check = |name: &str, tls: &str| {
        let bench = Bench::start(
            dir.path(),
            &format!("{HEAD}scrape_configs:\n{}", job(name, tls)),
        );
        // The server takes one connection at a time, and may not listen yet.
        let row = until(name, || {
            let done = |r: &bongsu::model::view::TargetRow| {
                r.health == Health::Up || r.error.contains("certificate")
            };
            bench.row("/metrics.txt").filter(done)
        });
        let name = "bongsu_target_certificate_expiry_timestamp_seconds";
        (row, bench.list.last(name, "job="))
    };
    let (row, ends) = check("skip", "{insecure_skip_verify: true}");
    assert_eq!(row.error, "");
    let now = bongsu::base::clock::Clock::System.now_ms() as f64 / 1000.0;
    let days = (ends.unwrap() - now) / 86400.0;
    assert!((29.0..31.0).contains(&days), "{days}");
    let (row, ends) = check("known", "{ca_file: cert.pem}");
    assert_eq!((row.error.as_str(), ends.is_some()), ("", true));
    let (row, ends) = check("unknown", "{}");
    assert_eq!((row.health, ends), (Health::Down, None), "{row:?}");
    println!("refused with: {}", row.error);
}
