//! More than anybody should send: thousands of idle connections, a body of two gigabytes. The
//! server answers others meanwhile and stays small.

use crate::engine::{PATIENCE, Serve, until};
use bongsu::model::labels::Labels;
use bongsu::model::sample::Sample;
use bongsu::wire::remote_write::{Series, WriteRequest, encode};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Resident memory of the server, in MiB.
pub(crate) fn resident(serve: &Serve) -> u64 {
    let path = format!("/proc/{}/status", serve.child.id());
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kib = line.and_then(|l| l.split_whitespace().next()).unwrap();
    kib.parse::<u64>().unwrap() / 1024
}

fn connect(serve: &Serve) -> TcpStream {
    TcpStream::connect(serve.url.trim_start_matches("http://")).unwrap()
}

/// How many handles this process may have, as many as it is allowed to take.
fn handles() -> usize {
    let resource = rustix::process::Resource::Nofile;
    let mut limit = rustix::process::getrlimit(resource);
    limit.current = limit.maximum;
    let _ = rustix::process::setrlimit(resource, limit);
    let now = rustix::process::getrlimit(resource).current;
    usize::try_from(now.unwrap_or(1 << 20)).unwrap()
}

#[test]
fn idle_connections_do_not_silence_it() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let count = 5_000.min(handles().saturating_sub(200));
    if count < 5_000 {
        println!("only {count} idle connections: this process may have no more handles");
    }
    let mut idle = Vec::with_capacity(count);
    for n in 0..count {
        idle.push(connect(&serve));
        if n % 1_000 == 999 {
            assert_eq!(serve.get("/-/healthy").0, 200, "with {n} idle connections");
        }
    }
    assert_eq!(serve.get("/api/v1/query?query=vector(1)").0, 200);
    assert!(resident(&serve) < 200, "{} MiB", resident(&serve));
    drop(idle);
    serve.stop();
}

/// Head and two gigabytes of nothing. What is taken of them before the answer is bounded.
#[test]
fn a_body_of_two_gigabytes_is_refused_before_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    for (path, chunked) in [
        ("/api/v1/write", false),
        ("/api/v1/write", true),
        ("/api/v1/query", false),
    ] {
        let mut stream = connect(&serve);
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let size = if chunked {
            "Transfer-Encoding: chunked".to_owned()
        } else {
            format!("Content-Length: {}", 2_u64 << 30)
        };
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: localhost\r\n{size}\r\n\r\n"
        )
        .unwrap();
        let piece = vec![b'a'; 1 << 20];
        let mut sent = 0_u64;
        while sent < 2 << 30 {
            let head = if chunked { "100000\r\n" } else { "" };
            let tail = if chunked { "\r\n" } else { "" };
            let mut all = stream.write_all(head.as_bytes());
            all = all.and_then(|()| stream.write_all(&piece));
            if all
                .and_then(|()| stream.write_all(tail.as_bytes()))
                .is_err()
            {
                break;
            }
            sent += 1 << 20;
        }
        assert!(sent <= 64 << 20, "{path}: {} MiB were taken", sent >> 20);
        // The answer may be lost with the connection that the rest of the body breaks.
        let mut answer = [0; 12];
        if stream.read_exact(&mut answer).is_ok() {
            assert_eq!(&answer, b"HTTP/1.1 413", "{path}");
        }
        assert_eq!(serve.get("/-/healthy").0, 200);
    }
    until("its memory is given back", || resident(&serve) < 200);
    serve.stop();
}

/// More series than the limit: those that are known go on, the rest is refused with the number.
#[test]
fn too_many_series_are_refused_and_the_known_ones_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("bongsu.yaml");
    let yaml = "host: {enabled: false}\njvm: {enabled: false}\nlimits: {series: 1000}\n";
    std::fs::write(&config, yaml).unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let t = bongsu::base::clock::Clock::System.now_ms();
    let push = |count: usize, t: i64| {
        let series = (0..count).map(|i| Series {
            labels: Labels::from_pairs([("__name__", "flood"), ("id", &i.to_string())]),
            samples: vec![Sample { t, v: 1.0 }],
            exemplars: vec![],
        });
        let request = WriteRequest {
            series: series.collect(),
            ..WriteRequest::default()
        };
        serve.post("/api/v1/write", "", &encode(&request).unwrap())
    };
    assert_eq!(push(900, t - 2000).0, 204);
    let (status, said) = push(20_000, t - 1000);
    assert_eq!(status, 400);
    assert!(
        said.contains("19000 of 20000 samples were refused"),
        "{said}"
    );
    assert!(said.contains("limits.series"), "{said}");
    let at = t / 1000;
    let (_, body) = serve.get(&format!("/api/v1/query?query=count(flood)&time={at}"));
    assert!(body.contains("\"1000\"]"), "{body}");
    let path = format!("/api/v1/query?query=sum(count_over_time(flood%5B1m%5D))&time={at}");
    let (_, body) = serve.get(&path);
    assert!(body.contains("\"1900\"]"), "the known ones went on: {body}");
    serve.stop();
}

/// Answers every request with a million series.
fn a_million() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut body = String::with_capacity(24 << 20);
        for i in 0..1_000_000 {
            body.push_str("million{id=\"");
            body.push_str(&i.to_string());
            body.push_str("\"} 1\n");
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(body.as_bytes());
        }
    });
    address
}

/// One target with a million series: what the limit allows is kept, the rest is left
/// out, questions over all of it are answered, and nobody waits.
#[test]
fn a_million_series_of_one_target_take_what_they_may_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("bongsu.yaml");
    let yaml = format!(
        "host: {{enabled: false}}\njvm: {{enabled: false}}\nlimits: {{series: 50000}}\n\
         scrape_configs:\n- job_name: flood\n  scrape_interval: 60s\n  scrape_timeout: 50s\n  \
         static_configs: [{{targets: ['{}']}}]\n",
        a_million()
    );
    std::fs::write(&config, yaml).unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    until("the flood has come in", || {
        assert_eq!(serve.get("/-/healthy").0, 200);
        serve.get("/api/v1/targets").1.contains("\"health\":\"up\"")
    });
    // The synthetic series of the target have their place before its own.
    let (_, body) = serve.get("/api/v1/query?query=up");
    assert!(body.contains("\"1\"]"), "{body}");
    let (_, body) = serve.get("/api/v1/query?query=count(million)%3E40000");
    assert!(body.contains("\"value\""), "{body}");
    let (status, body) = serve.get("/api/v1/query?query=sum(million%20*%20million)");
    assert_eq!(status, 200, "{body}");
    until("its memory is given back", || resident(&serve) < 400);
    serve.stop();
}

/// Requests that never end hold nobody up.
#[test]
fn trickling_requests_hold_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let mut slow: Vec<TcpStream> = (0..50).map(|_| connect(&serve)).collect();
    for (n, stream) in slow.iter_mut().enumerate() {
        let head = if n % 2 == 0 {
            "GET /-/healthy HTTP/1.1\r\nHost: loc"
        } else {
            "POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"
        };
        stream.write_all(head.as_bytes()).unwrap();
    }
    let begun = Instant::now();
    for _ in 0..20 {
        for stream in &mut slow {
            let _ = stream.write_all(b"x");
        }
        assert_eq!(serve.get("/-/healthy").0, 200);
    }
    // Each of the trickles may last longer than this; none of the answers did.
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "{:?}",
        begun.elapsed()
    );
    serve.stop();
}

/// What stops a real Prometheus: years of a subquery at a millisecond, deep nesting, patterns that
/// explode. Refused in time, and the memory does not grow.
#[test]
fn queries_that_would_never_end_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    until("the first reading is stored", || {
        serve.get("/api/v1/query?query=up").1.contains("\"node\"")
    });
    let before = resident(&serve);
    let nested = |n: usize| format!("{}1{}", "(".repeat(n), ")".repeat(n));
    let (deepest, deep) = (nested(97), nested(50_000));
    for (query, status) in [
        ("max_over_time(node_load1[3y:1ms])", 422),
        ("sum_over_time(vector(1)[100y:1ms])", 422),
        ("count({__name__=~\"(a|b|aa|ab){1,1000}{1,1000}\"})", 400),
        ("count({__name__=~\"(x+x+)+y\"})", 200),
        (deepest.as_str(), 200),
        (deep.as_str(), 400),
    ] {
        let form = format!("query={}", query.replace('+', "%2B"));
        let kind = "application/x-www-form-urlencoded";
        let (got, body) = serve.post("/api/v1/query", kind, form.as_bytes());
        let head: String = query.chars().take(40).collect();
        assert_eq!(got, status, "{head}: {body}");
        let format = "/api/v1/format_query";
        let formats = if status == 400 { 400 } else { 200 };
        assert_eq!(
            serve.post(format, kind, form.as_bytes()).0,
            formats,
            "{head}"
        );
        assert_eq!(serve.get("/-/healthy").0, 200);
    }
    let after = resident(&serve);
    assert!(after < before + 100, "{before} MiB before, {after} after");
    serve.stop();
}
