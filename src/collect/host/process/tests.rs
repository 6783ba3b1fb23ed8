//! Processes: of a tree that changes between two passes, and of this machine.

use crate::collect::host::process::Processes;
use std::fs;
use std::path::Path;

struct Fake<'a> {
    pid: i32,
    started: u64,
    ticks: u64,
    pages: u64,
    command: &'a str,
}

fn put(root: &Path, p: &Fake<'_>) {
    let dir = root.join(format!("proc/{}", p.pid));
    fs::create_dir_all(&dir).unwrap();
    let line = format!(
        "{} (prog) S 1 1 1 0 -1 4194560 0 0 0 0 {} 0 0 0 20 0 3 0 {} 1000 {} 0",
        p.pid, p.ticks, p.started, p.pages
    );
    fs::write(dir.join("stat"), line).unwrap();
    fs::write(dir.join("cmdline"), p.command.replace(' ', "\0")).unwrap();
    fs::write(dir.join("cgroup"), "0::/system.slice/prog.service\n").unwrap();
    fs::write(dir.join("io"), "read_bytes: 1000\nwrite_bytes: 10\n").unwrap();
}

fn fake(pid: i32, ticks: u64, command: &str) -> Fake<'_> {
    Fake {
        pid,
        started: 500,
        ticks,
        pages: pid as u64,
        command,
    }
}

#[test]
fn shares_come_with_the_second_pass() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &fake(10, 100, "prog one"));
    put(dir.path(), &fake(9, 100, "prog two"));
    fs::create_dir_all(dir.path().join("proc/self")).unwrap();
    let mut processes = Processes::new(dir.path());
    processes.pass(1000);
    let view = processes.view(&[]);
    let pids: Vec<i32> = view.rows.iter().map(|r| r.pid).collect();
    assert_eq!(pids, [9, 10]);
    assert!(view.complete && view.rows.iter().all(|r| r.cpu.is_none()));
    assert_eq!(view.rows[1].command, "prog one");
    assert_eq!(view.rows[1].cgroup, "prog.service");
    put(dir.path(), &fake(10, 150, "prog one"));
    processes.pass(3000);
    let view = processes.view(&[]);
    assert_eq!(view.taken_at, 3000);
    assert_eq!(view.rows[0].cpu, Some(0.0));
    assert!(view.rows[1].cpu.unwrap() > 0.0);
}

#[test]
fn a_reused_pid_is_another_process() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &fake(10, 5000, "old command"));
    let mut processes = Processes::new(dir.path());
    processes.pass(1000);
    processes.view(&[]);
    let mut new = fake(10, 6000, "new command");
    new.started = 900;
    put(dir.path(), &new);
    processes.pass(3000);
    let row = &processes.view(&[]).rows[0];
    assert_eq!((row.cpu, row.started), (None, 900));
    assert_eq!(row.command, "new command");
}

#[test]
fn a_process_that_goes_leaves_no_row() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &fake(10, 1, "stays"));
    put(dir.path(), &fake(11, 1, "goes"));
    let mut processes = Processes::new(dir.path());
    processes.pass(1000);
    // Its folder is still there, its file is not: it went between the two reads.
    fs::remove_file(dir.path().join("proc/11/stat")).unwrap();
    processes.pass(2000);
    assert_eq!(processes.count(), 1);
    // And one whose details cannot be read any more keeps its half row.
    let mut gone = Processes::new(dir.path());
    gone.pass(1000);
    fs::remove_dir_all(dir.path().join("proc/10")).unwrap();
    let view = gone.view(&[]);
    assert_eq!((view.rows.len(), view.rows[0].command.as_str()), (1, ""));
}

#[test]
fn the_greediest_are_few_and_each_once() {
    let dir = tempfile::tempdir().unwrap();
    for pid in 1..=50 {
        put(dir.path(), &fake(pid, 100, "prog"));
    }
    let mut processes = Processes::new(dir.path());
    processes.pass(1000);
    for pid in [1, 2, 50] {
        put(dir.path(), &fake(pid, 100 + pid as u64, "prog"));
    }
    processes.pass(2000);
    let view = processes.greedy_view(5);
    let pids: Vec<i32> = view.rows.iter().map(|r| r.pid).collect();
    // Three used the processor; five are the largest, one of them among the three.
    assert_eq!(pids, [1, 2, 46, 47, 48, 49, 50]);
    assert!(!view.complete);
}

#[test]
fn this_machine_has_us() {
    let mut processes = Processes::new(Path::new("/"));
    processes.pass(1000);
    let me = std::process::id() as i32;
    let view = processes.view(&[me]);
    let row = view.rows.iter().find(|r| r.pid == me).unwrap();
    assert!(row.rss > 0 && !row.command.is_empty() && !row.user.is_empty());
}
