//! Trees of both versions, whose numbers are told apart by their values.

use super::*;
use std::path::PathBuf;

const ID: &str = "7c7538533f86fae4d71843af1ba39aaf9c557664111c07311e20dad1748733bf";

/// Writes `dir/name` for each line `name text`, `|` standing for line ends.
fn tree(root: &Path, dir: &str, files: &[(&str, &str)]) {
    let dir = root.join(dir);
    fs::create_dir_all(&dir).unwrap();
    for (name, text) in files {
        fs::write(dir.join(name), text.replace('|', "\n")).unwrap();
    }
}

fn v2(root: &Path) -> PathBuf {
    tree(
        root,
        "proc/self",
        &[("mounts", "none /sys/fs/cgroup cgroup2 rw 0 0|")],
    );
    let dir = format!("sys/fs/cgroup/system.slice/docker-{ID}.scope");
    tree(
        root,
        &dir,
        &[
            ("cgroup.procs", "42|43|"),
            (
                "cpu.stat",
                "usage_usec 3000000|user_usec 2000000|system_usec 1000000|nr_periods 10|nr_throttled 4|throttled_usec 500000|",
            ),
            ("cpu.max", "50000 100000|"),
            ("cpu.weight", "100|"),
            (
                "cpu.pressure",
                "some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000|full avg10=0.00 avg60=0.00 avg300=0.00 total=1000000|",
            ),
            ("memory.current", "1000|"),
            (
                "memory.stat",
                "anon 300|file 600|file_mapped 50|inactive_file 400|pgfault 70|pgmajfault 7|",
            ),
            ("memory.events", "low 0|high 0|max 9|oom 2|oom_kill 1|"),
            ("memory.max", "max|"),
            ("memory.peak", "2000|"),
            ("memory.swap.current", "5|"),
            ("memory.swap.max", "100|"),
            ("memory.low", "0|"),
            (
                "io.stat",
                "8:0 rbytes=11 wbytes=12 rios=13 wios=14 dbytes=0 dios=0|",
            ),
            ("pids.current", "6|"),
            ("pids.max", "512|"),
        ],
    );
    tree(
        root,
        "proc/42/net",
        &[("dev", "a|b| eth0: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0|")],
    );
    fs::create_dir_all(root.join("sys/dev/block")).unwrap();
    std::os::unix::fs::symlink("../../devices/x/sda", root.join("sys/dev/block/8:0")).unwrap();
    root.join(dir)
}

fn read(root: &Path, depth: Depth) -> Option<Reading> {
    let mut cgroups = Cgroups::new(root);
    cgroups.look();
    let place = cgroups.places()[0].clone();
    cgroups.read(&place, depth, &mut Files::holding(64), 0)
}

#[test]
fn every_number_of_version_2_has_its_place() {
    let root = tempfile::tempdir().unwrap();
    v2(root.path());
    let reading = read(root.path(), Depth::Full).unwrap();
    let want = Reading {
        cpu: Some(3.0),
        cpu_user: Some(2.0),
        cpu_system: Some(1.0),
        periods: Some(10.0),
        throttled: Some(4.0),
        throttled_time: Some(0.5),
        memory: Some(Memory {
            usage: 1000.0,
            working_set: 600.0,
            rss: Some(300.0),
            cache: Some(600.0),
            mapped_file: Some(50.0),
            swap: Some(5.0),
            max_usage: Some(2000.0),
            failcnt: Some(9.0),
            oom_kills: Some(1.0),
            page_faults: Some(70.0),
            major_page_faults: Some(7.0),
        }),
        devices: vec![Device {
            name: "/dev/sda".to_owned(),
            reads: 13.0,
            writes: 14.0,
            read_bytes: 11.0,
            written_bytes: 12.0,
        }],
        interfaces: vec![Interface {
            name: "eth0".to_owned(),
            received: [1.0, 2.0, 3.0, 4.0],
            sent: [5.0, 6.0, 7.0, 8.0],
        }],
        processes: Some(2.0),
        threads: Some(6.0),
        pressure: [
            Some(Pressure {
                waiting: 2.0,
                stalled: 1.0,
            }),
            None,
            None,
        ],
        spec: Spec {
            memory_limit: Some(0.0),
            memory_swap_limit: Some(100.0),
            memory_reservation: Some(0.0),
            cpu_quota: Some(50_000.0),
            cpu_period: Some(100_000.0),
            cpu_shares: Some(2597.0),
            threads_max: Some(512.0),
        },
    };
    assert_eq!(reading, want);
}

fn v1(root: &Path) {
    let mounts = "c /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0|c /sys/fs/cgroup/memory cgroup rw,memory 0 0|c /sys/fs/cgroup/pids cgroup rw,pids 0 0|c /sys/fs/cgroup/blkio cgroup rw,blkio 0 0|none /sys/fs/cgroup/unified cgroup2 rw 0 0|";
    tree(root, "proc/self", &[("mounts", mounts)]);
    let at = |controller: &str| format!("sys/fs/cgroup/{controller}/docker/{ID}");
    tree(
        root,
        &at("cpu"),
        &[
            ("cpuacct.usage", "579464129|"),
            ("cpuacct.stat", "user 28|system 29|"),
            (
                "cpu.stat",
                "nr_periods 583|nr_throttled 2|throttled_time 1500000000|",
            ),
            ("cpu.cfs_quota_us", "-1|"),
            ("cpu.cfs_period_us", "100000|"),
            ("cpu.shares", "1024|"),
        ],
    );
    tree(
        root,
        &at("memory"),
        &[
            ("cgroup.procs", ""),
            ("memory.usage_in_bytes", "942080|"),
            (
                "memory.stat",
                "cache 1|total_cache 294912|total_rss 118784|total_mapped_file 196608|total_swap 3|total_inactive_file 36864|pgfault 21438|pgmajfault 9|",
            ),
            ("memory.limit_in_bytes", "9223372036854771712|"),
            ("memory.max_usage_in_bytes", "4468736|"),
            ("memory.failcnt", "8|"),
            (
                "memory.oom_control",
                "oom_kill_disable 0|under_oom 0|oom_kill 1|",
            ),
        ],
    );
    tree(
        root,
        &at("pids"),
        &[("pids.current", "2|"), ("pids.max", "max|")],
    );
    tree(
        root,
        &at("blkio"),
        &[
            (
                "blkio.throttle.io_service_bytes",
                "8:0 Read 11|8:0 Write 12|Total 23|",
            ),
            (
                "blkio.throttle.io_serviced",
                "8:0 Read 13|8:0 Write 14|Total 27|",
            ),
        ],
    );
}

#[test]
fn every_number_of_version_1_has_its_place() {
    let root = tempfile::tempdir().unwrap();
    v1(root.path());
    let reading = read(root.path(), Depth::Full).unwrap();
    assert_eq!(reading.cpu, Some(0.579464129));
    assert_eq!(
        (reading.cpu_user, reading.cpu_system),
        (Some(0.28), Some(0.29))
    );
    assert_eq!(
        (reading.throttled, reading.throttled_time),
        (Some(2.0), Some(1.5))
    );
    let memory = reading.memory.unwrap();
    assert_eq!((memory.usage, memory.working_set), (942_080.0, 905_216.0));
    assert_eq!((memory.rss, memory.swap), (Some(118_784.0), Some(3.0)));
    assert_eq!((memory.failcnt, memory.oom_kills), (Some(8.0), Some(1.0)));
    assert_eq!(memory.page_faults, Some(21_438.0));
    // No limit and no quota.
    assert_eq!(
        (reading.spec.memory_limit, reading.spec.cpu_quota),
        (Some(0.0), None)
    );
    assert_eq!(
        (reading.threads, reading.spec.threads_max),
        (Some(2.0), Some(0.0))
    );
    // Nothing names 8:0 here.
    let device = &reading.devices[0];
    assert_eq!(
        (device.name.as_str(), device.read_bytes, device.writes),
        ("8:0", 11.0, 14.0)
    );
}

#[test]
fn a_quick_reading_leaves_out_what_changes_seldom() {
    let root = tempfile::tempdir().unwrap();
    let dir = v2(root.path());
    let live = read(root.path(), Depth::Live).unwrap();
    assert_eq!((live.spec, live.processes), (Spec::default(), None));
    assert_eq!(live.memory.unwrap().working_set, 600.0);
    let mut cgroups = Cgroups::new(root.path());
    cgroups.look();
    let place = cgroups.places()[0].clone();
    fs::remove_dir_all(dir).unwrap();
    assert_eq!(
        cgroups.read(&place, Depth::Live, &mut Files::holding(64), 0),
        None
    );
}

#[test]
fn a_container_on_the_hosts_network_has_no_counters_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    v2(root.path());
    for process in ["1", "42"] {
        let dir = root.path().join(format!("proc/{process}/ns"));
        fs::create_dir_all(&dir).unwrap();
        std::os::unix::fs::symlink("net:[4026531840]", dir.join("net")).unwrap();
    }
    assert_eq!(read(root.path(), Depth::Full).unwrap().interfaces, []);
}

#[test]
fn an_idle_container_keeps_its_numbers_between_stored_readings() {
    let root = tempfile::tempdir().unwrap();
    let dir = v2(root.path());
    let mut cgroups = Cgroups::new(root.path());
    cgroups.look();
    let place = cgroups.places()[0].clone();
    let mut files = Files::holding(64);
    let mut read = |depth, now| cgroups.read(&place, depth, &mut files, now).unwrap();
    let first = read(Depth::Full, 0);
    fs::write(dir.join("memory.stat"), "anon 900\n").unwrap();
    fs::write(dir.join("memory.max"), "5000\n").unwrap();
    assert_eq!(read(Depth::Live, 2_000).memory, first.memory);
    // What it used changes: its parts are read again.
    fs::write(dir.join("memory.current"), "1100\n").unwrap();
    let memory = read(Depth::Live, 4_000).memory.unwrap();
    assert_eq!((memory.usage, memory.rss), (1_100.0, Some(900.0)));
    // Limits are read again after a minute.
    assert_eq!(read(Depth::Full, 15_000).spec, first.spec);
    assert_eq!(read(Depth::Full, 60_000).spec.memory_limit, Some(5_000.0));
    // It worked: everything is read.
    fs::write(root.path().join("proc/42/net/dev"), "").unwrap();
    fs::write(dir.join("cpu.stat"), "usage_usec 4000000\n").unwrap();
    assert_eq!(read(Depth::Live, 62_000).interfaces, []);
}

#[test]
fn of_many_those_that_are_not_read_whole_tell_what_is_known() {
    let root = tempfile::tempdir().unwrap();
    let dir = v2(root.path());
    let mut cgroups = Cgroups::new(root.path());
    cgroups.look();
    let place = cgroups.places()[0].clone();
    let mut files = Files::holding(64);
    for n in 0..200 {
        files.enter("");
        files.leave(&n.to_string(), None);
    }
    let first = cgroups.read(&place, Depth::Full, &mut files, 0).unwrap();
    if files.is_turn(&place.id) {
        files.next_pass();
    }
    fs::write(dir.join("cpu.stat"), "usage_usec 4000000\n").unwrap();
    fs::write(dir.join("memory.current"), "1500\n").unwrap();
    let live = cgroups
        .read(&place, Depth::Live, &mut files, 2_000)
        .unwrap();
    let memory = live.memory.unwrap();
    // 400 of it are as inactive as they were.
    assert_eq!((memory.usage, memory.working_set), (1_500.0, 1_100.0));
    assert_eq!(memory.rss, first.memory.unwrap().rss);
    assert_eq!((live.cpu, live.interfaces.len()), (Some(4.0), 0));
    files.next_pass();
    let live = cgroups
        .read(&place, Depth::Live, &mut files, 4_000)
        .unwrap();
    assert_eq!(live.interfaces, first.interfaces);
}
