//! Log files of a running engine: killed at random while they are written and rotated, ten thousand
//! of them with few handles, a kernel that watches no folder.

use crate::engine::status::attached;
use crate::engine::{PATIENCE, Serve, program, until};
use bongsu::model::request::{Request, ViewName};
use bongsu::source::api::Source;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Every log file of `folder`, and nothing else.
pub(crate) fn configure(dir: &Path, pattern: &str, more: &str) -> PathBuf {
    let path = dir.join("logs.yaml");
    let text = format!(
        "logs:\n  scrape_configs:\n    - job_name: app\n{more}      static_configs: [{{targets: [localhost], labels: {{job: app, __path__: '{pattern}'}}}}]\n\
         host: {{enabled: false}}\njvm: {{enabled: false}}\ncontainers: {{enabled: false}}\n"
    );
    fs::write(&path, text).unwrap();
    path
}

pub(crate) fn serve(dir: &Path, config: &Path) -> Serve {
    let serve = Serve::start(dir, &["--config", config.to_str().unwrap()]);
    until("history is open", || serve.get("/ready").0 == 200);
    serve
}

fn get(serve: &Serve, path: &str) -> Value {
    let (status, body) = serve.get(&format!("/loki/api/v1/{path}"));
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str::<Value>(&body).unwrap()["data"]["result"].take()
}

/// How many lines the store holds, by counting them.
pub(crate) fn count(serve: &Serve) -> u64 {
    let query = "query?query=sum(count_over_time(%7Bjob%3D%22app%22%7D%5B1d%5D))";
    let found = get(serve, query);
    let text = found[0]["value"][1].as_str().unwrap_or("0");
    text.parse().unwrap()
}

/// All lines by file, oldest first, asked for page by page from the last time that was seen.
pub(crate) fn pages(serve: &Serve, size: usize) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    let mut from = 1_000_000_000_000_000_000u64;
    loop {
        let path = format!(
            "query_range?query=%7Bjob%3D%22app%22%7D&direction=forward&limit={size}&start={from}&end=4000000000000000000"
        );
        let found = get(serve, &path);
        let mut lines = 0;
        for stream in found.as_array().unwrap() {
            let name = stream["stream"]["filename"].as_str().unwrap().to_owned();
            for value in stream["values"].as_array().unwrap() {
                let t: u64 = value[0].as_str().unwrap().parse().unwrap();
                let line = value[1].as_str().unwrap().to_owned();
                all.entry(name.clone()).or_default().push((t, line));
                from = from.max(t + 1);
                lines += 1;
            }
        }
        if lines == 0 {
            break;
        }
    }
    // One stream may come in two pieces of a page, by level.
    let sorted = all.into_iter().map(|(name, mut lines)| {
        lines.sort_by_key(|l| l.0);
        (name, lines.into_iter().map(|l| l.1).collect())
    });
    sorted.collect()
}

fn number(name: &str, otherwise: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.and_then(|s| s.parse().ok()).unwrap_or(otherwise)
}

/// Different at each run; said where the test fails.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % below
    }
}

/// Writes numbered lines through rotations; gives their number.
fn write(folder: &Path, bytes: u64, each_file: u64, killed: &AtomicU64, rounds: u64) -> u64 {
    let (mut n, mut written, mut rotated) = (0u64, 0u64, 0);
    let path = folder.join("app.log");
    let mut file = fs::File::create(&path).unwrap();
    let mut in_file = 0;
    while written < bytes || killed.load(Ordering::Relaxed) < rounds {
        let mut text = String::new();
        for _ in 0..50 {
            n += 1;
            text.push_str(&format!("{n:010} {}\n", "x".repeat((n % 90) as usize)));
        }
        // In two writes, so that lines are seen before they have their end.
        let (a, b) = text.split_at(text.len() / 2);
        file.write_all(a.as_bytes()).unwrap();
        file.write_all(b.as_bytes()).unwrap();
        written += text.len() as u64;
        in_file += text.len() as u64;
        if in_file > each_file {
            rotated += 1;
            fs::rename(&path, folder.join(format!("app.log-{rotated:05}"))).unwrap();
            file = fs::File::create(&path).unwrap();
            in_file = 0;
        }
        if written > bytes {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    n
}

/// The first ranges of lines that no file has.
fn gaps(files: &BTreeMap<String, Vec<String>>, n: u64) -> Vec<(u64, u64)> {
    let numbers = files.values().flatten().map(|l| l[..10].parse().unwrap());
    let all: BTreeSet<u64> = numbers.collect();
    let mut missing = (1..=n).filter(|i| !all.contains(i));
    let mut gaps: Vec<(u64, u64)> = Vec::new();
    while let Some(i) = missing.next().filter(|_| gaps.len() < 20) {
        match gaps.last_mut() {
            Some((_, end)) if *end + 1 == i => *end = i,
            _ => gaps.push((i, i)),
        }
    }
    gaps
}

#[test]
fn killed_at_random_every_line_is_there_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("app");
    fs::create_dir(&folder).unwrap();
    let config = configure(dir.path(), &format!("{}/app.log*", folder.display()), "");
    let bytes = number("BONGSU_CRASH_MB", 4) << 20;
    let rounds = number("BONGSU_CRASHES", 6);
    let seed = number("BONGSU_SEED", std::process::id().into());
    let mut dice = Dice(seed);
    let (killed, end) = (AtomicU64::new(0), AtomicBool::new(false));
    let (serve, n) = std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            let n = write(&folder, bytes, bytes / 12, &killed, rounds);
            end.store(true, Ordering::Relaxed);
            n
        });
        let mut rest = rounds;
        while rest > 0 {
            let mut serve = serve(dir.path(), &config);
            let lives = Duration::from_millis(dice.throw(900));
            std::thread::sleep(lives);
            serve.signal("KILL");
            serve.child.wait().unwrap();
            killed.fetch_add(1, Ordering::Relaxed);
            rest -= 1;
        }
        let serve = serve(dir.path(), &config);
        (serve, writer.join().unwrap())
    });
    let begun = Instant::now();
    let most = PATIENCE + Duration::from_secs(bytes >> 20);
    while count(&serve) < n {
        assert!(
            begun.elapsed() < most,
            "seed {seed}: {} of {n}, without {:?}",
            count(&serve),
            gaps(&pages(&serve, 5_000), n)
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let files = pages(&serve, 5_000);
    let mut all = Vec::new();
    for (name, lines) in &files {
        let numbers: Vec<u64> = lines.iter().map(|l| l[..10].parse().unwrap()).collect();
        assert!(
            numbers.is_sorted_by(|a, b| a < b),
            "seed {seed}: {name} is out of order"
        );
        all.extend(numbers);
    }
    all.sort_unstable();
    let twice = all.windows(2).find(|w| w[0] == w[1]);
    assert_eq!((all.len() as u64, twice), (n, None), "seed {seed}");
    assert!(all.iter().copied().eq(1..=n), "seed {seed}");
    println!(
        "crash: {rounds} times killed over {n} lines in {} MB, {} files, every line once",
        bytes >> 20,
        files.len()
    );
    serve.stop();
}

/// Starts the program by way of a shell command that ends in `exec "$@"`.
fn serve_by(dir: &Path, config: &Path, shell: &[&str]) -> Serve {
    let inner = program(dir);
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg("sh").arg(inner.get_program());
    command.args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(k, v)| Some((k, v?))));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(config);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let serve = Serve::of(command.spawn().unwrap());
    until("history is open", || serve.get("/ready").0 == 200);
    serve
}

#[test]
fn ten_thousand_files_need_few_handles_and_the_limit_is_raised() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("many");
    fs::create_dir(&folder).unwrap();
    for i in 0..10_000 {
        fs::write(folder.join(format!("{i}.log")), format!("line of {i}\n")).unwrap();
    }
    let config = configure(dir.path(), &format!("{}/*.log", folder.display()), "");
    let serve = serve_by(
        dir.path(),
        &config,
        &["sh", "-c", "ulimit -Sn 256; exec \"$@\""],
    );
    until("all files are read", || count(&serve) == 10_000);
    let pid = serve.child.id();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    assert!(open < 500, "{open} handles");
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let limits = limits
        .lines()
        .find(|l| l.starts_with("Max open files"))
        .unwrap();
    let soft: u64 = limits.split_whitespace().nth(3).unwrap().parse().unwrap();
    let hard = limits
        .split_whitespace()
        .nth(4)
        .unwrap()
        .parse()
        .unwrap_or(u64::MAX);
    assert!(soft > 256 || soft == hard, "{limits}");
    // One of them grows.
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(folder.join("77.log"))
        .unwrap();
    file.write_all(b"more\n").unwrap();
    until("the new line is read", || count(&serve) == 10_001);
    serve.stop();
}

#[test]
fn where_the_kernel_watches_nothing_files_are_looked_at_and_that_is_said() {
    let none = "echo 0 > /proc/sys/user/max_inotify_instances";
    let allowed = Command::new("unshare")
        .args(["-Ur", "sh", "-c", none])
        .output();
    if !allowed.is_ok_and(|o| o.status.success()) {
        println!("skipped: this user may not make a user namespace");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("app");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.log"), "1\n").unwrap();
    let config = configure(dir.path(), &format!("{}/*.log", folder.display()), "");
    let script = format!("{none}; exec \"$@\"");
    let serve = serve_by(
        dir.path(),
        &config,
        &["unshare", "-Ur", "sh", "-c", &script],
    );
    until("the first line is read", || count(&serve) == 1);
    fs::write(folder.join("b.log"), "2\n").unwrap();
    until("a new file is found", || count(&serve) == 2);
    let source = attached(dir.path());
    let runtime = bongsu::base::task::runtime().unwrap();
    let said = || {
        let view = Request::View {
            view: ViewName::Targets,
            at: None,
        };
        format!("{:?}", runtime.block_on(source.ask(view)))
    };
    until("it says so", || said().contains("looked at every second"));
    serve.stop();
}
