//! The real engine under steady work for as long as `BONGSU_SOAK_SECONDS` says: samples pushed in,
//! questions over HTTP, an attached console that is used. Its memory must stay where it was.

use crate::engine::pty::Console;
use crate::engine::{Serve, program, run};
use bongsu::model::labels::Labels;
use bongsu::model::sample::Sample;
use bongsu::wire::remote_write::{Series, WriteRequest, encode};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Memory may swing so much around itself: a frame, an answer, a page of the allocator.
const SWING: u64 = 6 << 20;

/// Bytes that are neither samples nor cached blocks, which may grow to their limits; and what was
/// dropped anywhere.
fn measure(dir: &Path) -> (u64, u64) {
    let (code, out, said) = run(program(dir).args(["status", "--format", "json"]));
    assert_eq!(code, 0, "{said}");
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        status["problems"].as_array().map(Vec::len),
        Some(0),
        "{out}"
    );
    let lines = status["own"]["budget"].as_array().unwrap();
    let growing = ["metrics head", "block cache", "live ring"];
    let grown: u64 = lines
        .iter()
        .filter(|l| growing.iter().any(|g| l[0] == *g))
        .map(|l| l[1].as_u64().unwrap())
        .sum();
    let rss = status["own"]["rss"].as_u64().unwrap();
    let queues = status["queues"].as_array().unwrap();
    let dropped = queues.iter().map(|q| q["dropped"].as_u64().unwrap()).sum();
    (rss.saturating_sub(grown), dropped)
}

fn push(serve: &Serve, round: u64) {
    let t = bongsu::base::clock::Clock::System.now_ms();
    let series = |n: u64| Series {
        labels: Labels::from_pairs([("__name__", "soak_total"), ("n", &n.to_string())]),
        samples: vec![Sample {
            t,
            v: (round * (n + 1)) as f64,
        }],
        exemplars: vec![],
    };
    let request = WriteRequest {
        series: (0..500).map(series).collect(),
        ..WriteRequest::default()
    };
    let body = encode(&request).unwrap();
    let (code, said) = serve.post("/api/v1/write", "application/x-protobuf", &body);
    assert_eq!(code, 204, "{said}");
}

fn ask(serve: &Serve) {
    let now = bongsu::base::clock::Clock::System.now_ms() / 1000;
    let from = now - 600;
    for query in [
        format!(
            "/api/v1/query_range?query=sum(rate(soak_total%5B1m%5D))&start={from}&end={now}&step=5"
        ),
        "/api/v1/query?query=topk(5,soak_total)".to_owned(),
        "/api/v1/query?query=count(%7B__name__%3D~%22node_.%2B%22%7D)".to_owned(),
        "/metrics".to_owned(),
    ] {
        let (code, said) = serve.get(&query);
        assert_eq!(code, 200, "{query}: {said}");
    }
}

#[test]
fn memory_stays_flat_under_steady_work() {
    let seconds = std::env::var("BONGSU_SOAK_SECONDS").ok();
    let Some(seconds) = seconds.and_then(|s| s.parse::<u64>().ok()) else {
        println!("skipped: BONGSU_SOAK_SECONDS says for how long, at least 30");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let mut console = Console::start(dir.path(), "xterm-256color");
    console.sees("Overview");
    let (end, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    let mut seen: Vec<u64> = Vec::new();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                push(&serve, rounds.fetch_add(1, Ordering::Relaxed));
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        threads.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                ask(&serve);
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        let keys = ["1", "2", "\t", "4", "8", "[", "+", "0", "-", "?", "\x1b"];
        let mut keys = keys.iter().cycle();
        while begun.elapsed() < Duration::from_secs(seconds.max(30)) {
            console.keys(keys.next().unwrap());
            let until = Instant::now() + Duration::from_secs(1);
            while Instant::now() < until {
                console.read();
            }
            let (rest, dropped) = measure(dir.path());
            assert_eq!(dropped, 0);
            seen.push(rest);
        }
        end.store(true, Ordering::Relaxed);
    });
    // The first third warms up; then the last third takes no more than the one before it.
    let third = seen.len() / 3;
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or(0);
    let (before, after) = (most(&seen[third..2 * third]), most(&seen[2 * third..]));
    println!(
        "soak: {} s, {} pushes, beside samples and caches {:.1} MiB, then {:.1} MiB",
        begun.elapsed().as_secs(),
        rounds.load(Ordering::Relaxed),
        before as f64 / f64::from(1 << 20),
        after as f64 / f64::from(1 << 20),
    );
    assert!(after <= before + SWING, "{seen:?}");
    drop(console);
    serve.stop();
}
