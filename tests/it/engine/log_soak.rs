//! Logs written at 50 MB/s for as long as `BONGSU_SOAK_SECONDS` says, through rotations: memory stays
//! where it was, and nothing is lost.

use crate::engine::log_files::{configure, count, serve};
use crate::engine::{program, run};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const RATE: u64 = 50_000_000;
/// A file is left at this length; the one before the last is deleted.
const FILE: u64 = 200_000_000;
/// The writer waits where so much was not taken yet: a slow machine makes it slower, and loses
/// nothing.
const BEHIND: u64 = 60_000_000;
/// Memory may swing so much around itself under this load.
const SWING: u64 = 12 << 20;

/// A second's worth of lines, of which only the beginning changes.
fn write(folder: &Path, end: &AtomicBool, written: &AtomicU64, taken: &AtomicU64) -> u64 {
    let path = folder.join("app.log");
    let mut file = fs::File::create(&path).unwrap();
    let (mut lines, mut total, mut in_file, mut seed) = (0u64, 0u64, 0u64, 1u64);
    let begun = Instant::now();
    while !end.load(Ordering::Relaxed) {
        let mut text = String::with_capacity(1 << 20);
        while text.len() < 1_000_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let level = ["INFO", "INFO", "INFO", "WARN"][(seed >> 40) as usize % 4];
            text.push_str(&format!(
                "{lines:012} [http-nio-8080-exec-{}] {level:>5} c.e.shop.OrderService - orderId={} traceId={seed:016x}\n",
                seed >> 60, seed >> 37
            ));
            lines += 1;
        }
        file.write_all(text.as_bytes()).unwrap();
        total += text.len() as u64;
        in_file += text.len() as u64;
        written.store(total, Ordering::Relaxed);
        if in_file > FILE {
            fs::rename(&path, folder.join("app.log.1")).unwrap();
            file = fs::File::create(&path).unwrap();
            in_file = 0;
        }
        let due = Duration::from_secs_f64(total as f64 / RATE as f64);
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        while total.saturating_sub(taken.load(Ordering::Relaxed)) > BEHIND
            && !end.load(Ordering::Relaxed)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    lines
}

/// Bytes that the process read so far, all files together.
fn read_by(pid: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let line = io.lines().find_map(|l| l.strip_prefix("rchar: ")).unwrap();
    line.parse().unwrap()
}

fn resident(dir: &Path) -> u64 {
    let (code, out, said) = run(program(dir).args(["status", "--format", "json"]));
    assert_eq!(code, 0, "{said}");
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        status["problems"].as_array().map(Vec::len),
        Some(0),
        "{out}"
    );
    status["own"]["rss"].as_u64().unwrap()
}

#[test]
fn memory_stays_flat_under_fifty_megabytes_a_second() {
    let seconds = std::env::var("BONGSU_SOAK_SECONDS").ok();
    let Some(seconds) = seconds.and_then(|s| s.parse::<u64>().ok()) else {
        println!("skipped: BONGSU_SOAK_SECONDS says for how long, at least 30");
        return;
    };
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = dir.path().join("app");
    fs::create_dir(&folder).unwrap();
    let config = configure(dir.path(), &format!("{}/app.log", folder.display()), "");
    let serve = serve(dir.path(), &config);
    let pid = serve.child.id();
    let (end, written, taken) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let mut seen = Vec::new();
    let begun = Instant::now();
    let before = read_by(pid);
    let lines = std::thread::scope(|threads| {
        let writer = threads.spawn(|| write(&folder, &end, &written, &taken));
        let mut next = Duration::ZERO;
        while begun.elapsed() < Duration::from_secs(seconds.max(30)) {
            taken.store(read_by(pid) - before, Ordering::Relaxed);
            if begun.elapsed() >= next {
                seen.push(resident(dir.path()));
                next += Duration::from_secs(1);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        end.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    let took = begun.elapsed();
    // Everything is taken in, however long that takes on this machine.
    let (mut had, mut since) = (0, Instant::now());
    while had < lines {
        let now = count(&serve);
        if now > had {
            (had, since) = (now, Instant::now());
        }
        assert!(
            since.elapsed() < Duration::from_mins(1),
            "{had} of {lines} lines"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(count(&serve), lines);
    let third = seen.len() / 3;
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or(0);
    let (middle, last) = (most(&seen[third..2 * third]), most(&seen[2 * third..]));
    println!(
        "soak of logs: {:.0} MB/s for {} s, {lines} lines, {:.1} MiB, then {:.1} MiB",
        written.load(Ordering::Relaxed) as f64 / 1e6 / took.as_secs_f64(),
        took.as_secs(),
        middle as f64 / f64::from(1 << 20),
        last as f64 / f64::from(1 << 20),
    );
    assert!(last <= middle + SWING, "{seen:?}");
    serve.stop();
}
