//! Log files as Debian's logrotate and rsyslog treat them: every line once, in order.

use crate::engine::log_files::{configure, count, pages, serve};
use crate::engine::{Serve, until};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command};

/// One call of logrotate that rotates now.
fn rotate(dir: &Path, options: &str) {
    if options.contains("dateformat") {
        // Names go by the second.
        std::thread::sleep(std::time::Duration::from_millis(1_100));
    }
    let conf = dir.join("logrotate.conf");
    let text = format!(
        "{}/app/app.log {{\n rotate 9\n{options}\n}}\n",
        dir.display()
    );
    fs::write(&conf, text).unwrap();
    let mut command = Command::new("/usr/sbin/logrotate");
    command.args(["-f", "-s"]).arg(dir.join("state")).arg(&conf);
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn append(dir: &Path, from: u64, to: u64) {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("app/app.log"))
        .unwrap();
    for n in from..to {
        file.write_all(format!("line {n:05} of some length, so that files differ\n").as_bytes())
            .unwrap();
    }
}

/// All lines, once each and rising, whatever files they were read from.
fn all_there(serve: &Serve, lines: u64) {
    until("all lines are read", || count(serve) >= lines);
    let mut all: Vec<String> = Vec::new();
    for (name, lines) in pages(serve, 1000) {
        assert!(lines.is_sorted(), "{name}");
        all.extend(lines);
    }
    all.sort_unstable();
    let numbers = all.iter().map(|l| l[5..10].parse::<u64>().unwrap());
    assert!(numbers.eq(0..lines), "{} lines for {lines}", all.len());
}

/// Rotations while it reads, with lines before and after that it had no time for, and one while it
/// is down.
fn rotated(options: &str, pattern: &str) {
    if !Path::new("/usr/sbin/logrotate").exists() {
        println!("skipped: logrotate is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("app")).unwrap();
    let pattern = format!("{}/app/{pattern}", dir.path().display());
    let config = configure(dir.path(), &pattern, "");
    append(dir.path(), 0, 500);
    let running = serve(dir.path(), &config);
    until("the beginning is read", || count(&running) == 500);
    for round in 1..4 {
        append(dir.path(), round * 500, round * 500 + 400);
        rotate(dir.path(), options);
        append(dir.path(), round * 500 + 400, round * 500 + 500);
        until("the round is read", || count(&running) >= round * 500 + 500);
    }
    running.stop();
    append(dir.path(), 2_000, 2_300);
    rotate(dir.path(), options);
    append(dir.path(), 2_300, 2_400);
    let again = serve(dir.path(), &config);
    all_there(&again, 2_400);
    again.stop();
}

#[test]
fn create() {
    rotated(" create 0644", "app.log");
    rotated(" create 0644", "app.log*");
}

#[test]
fn copytruncate() {
    rotated(" copytruncate", "app.log");
}

#[test]
fn copytruncate_where_the_pattern_names_the_copies() {
    rotated(" copytruncate", "app.log*");
    rotated(" copytruncate\n compress", "app.log*");
}

#[test]
fn compress() {
    rotated(" create 0644\n compress", "app.log*");
    rotated(" create 0644\n compress\n delaycompress", "app.log*");
}

#[test]
fn dateext() {
    rotated(" create 0644\n dateext\n dateformat -%Y%m%d-%s", "app.log*");
}

struct Rsyslog(Child);

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// rsyslog goes on writing into the rotated file until it is told.
#[test]
fn rsyslog_through_a_rotation() {
    if !Path::new("/usr/sbin/rsyslogd").exists() {
        println!("skipped: rsyslog is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("app")).unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let conf = format!(
        "global(workDirectory=\"{}\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         input(type=\"imuxsock\" Socket=\"{}\" RateLimit.Interval=\"0\")\n\
         action(type=\"omfile\" File=\"{}\" template=\"RSYSLOG_TraditionalFileFormat\")\n",
        at(""),
        at("socket"),
        at("app/app.log")
    );
    fs::write(dir.path().join("rsyslog.conf"), conf).unwrap();
    let mut command = Command::new("/usr/sbin/rsyslogd");
    command.args(["-n", "-f", &at("rsyslog.conf"), "-i", &at("pid")]);
    let rsyslog = Rsyslog(command.spawn().unwrap());
    until("rsyslog listens", || dir.path().join("socket").exists());
    let log = |from: u32, to: u32| {
        let text: Vec<String> = (from..to)
            .map(|n| format!("order {n:05} taken\n"))
            .collect();
        let mut command = Command::new("logger");
        command
            .args(["-u", &at("socket"), "-t", "shop"])
            .stdin(std::process::Stdio::piped());
        let mut logger = command.spawn().unwrap();
        logger
            .stdin
            .take()
            .unwrap()
            .write_all(text.concat().as_bytes())
            .unwrap();
        assert!(logger.wait().unwrap().success());
    };
    let config = configure(dir.path(), &at("app/app.log"), "      detect: true\n");
    log(0, 200);
    let serve = serve(dir.path(), &config);
    until("the beginning is read", || count(&serve) == 200);
    fs::rename(at("app/app.log"), at("app/app.log.1")).unwrap();
    log(200, 400);
    until("it still writes into the renamed file", || {
        fs::read_to_string(at("app/app.log.1"))
            .unwrap()
            .lines()
            .count()
            == 400
    });
    let pid = rsyslog.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-HUP", &pid])
            .status()
            .unwrap()
            .success()
    );
    log(400, 600);
    until("all lines are read", || count(&serve) >= 600);
    let files = pages(&serve, 1000);
    let lines = files.values().flatten();
    let mut orders: Vec<&str> = lines.map(|l| l.split_once("order ").unwrap().1).collect();
    orders.sort_unstable();
    let expect: Vec<String> = (0..600).map(|n| format!("{n:05} taken")).collect();
    assert_eq!(orders, expect);
    serve.stop();
}
