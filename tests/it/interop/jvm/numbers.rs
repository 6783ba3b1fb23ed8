//! Heap, collections, threads, classes and allocation against the JVM's own beans and jstat.

use super::{COLLECTORS, Jdk, PATIENCE, Service, jdks, sum, value};
use bongsu::collect::jvm::read::{Jvm, Jvms};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

type Beans = BTreeMap<String, f64>;

fn each(words: &[&str], mut test: impl FnMut(&Jdk, &str, &Service)) {
    for jdk in jdks() {
        for collector in COLLECTORS {
            let flag = format!("-XX:+Use{collector}GC");
            let Some(service) = Service::start(&jdk, &[&flag], words) else {
                return;
            };
            test(&jdk, collector, &service);
        }
    }
}

/// Waits until so many collections were made.
fn collected(service: &Service, least: f64) {
    let begun = Instant::now();
    let count = || -> f64 {
        let beans = service.beans();
        let counts = beans
            .iter()
            .filter(|(s, _)| s.starts_with("jvm_gc_pause_seconds_count"));
        counts.map(|(_, v)| v).sum()
    };
    while count() < least {
        assert!(begun.elapsed() < PATIENCE, "it does not collect");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn bean(beans: &Beans, name: &str, label: &str) -> Option<f64> {
    let of_it = |(s, _): &(&String, &f64)| {
        s.split('{').next() == Some(name)
            && (label.is_empty() || s.contains(&format!("\"{label}\"")))
    };
    beans.iter().find(of_it).map(|(_, v)| *v)
}

/// Every number of ours lies between what the beans say before and after.
fn between(before: &Beans, jvm: &Jvm, after: &Beans, context: &str) {
    let mut compared = 0;
    for family in &jvm.families {
        if !family.name.starts_with("jvm_gc_pause")
            && !family.name.starts_with("jvm_threads_started")
        {
            continue;
        }
        for point in &family.points {
            let name = format!("{}{}", family.name, point.suffix);
            let gc = point.labels.get("gc");
            let (Some(low), Some(high)) = (bean(before, &name, gc), bean(after, &name, gc)) else {
                continue;
            };
            // The beans round each pause to a millisecond and count it when it is over.
            let slack = if point.suffix == "_sum" {
                0.02 + 0.001 * value(jvm, "jvm_gc_pause_seconds_count", gc).unwrap_or(0.0)
            } else {
                1.0
            };
            compared += 1;
            // Its bean counts a cycle where the counter counts each of its pauses.
            let finer = gc == "Shenandoah Pauses";
            assert!(
                point.value >= low - slack && (finer || point.value <= high + slack),
                "{context} {name} {gc}: {low} <= {} <= {high}",
                point.value
            );
        }
    }
    assert!(compared >= 2, "{context}: nothing to compare");
}

#[test]
fn collections_classes_and_limits_are_those_of_the_beans() {
    each(&["load", "leak"], |jdk, collector, service| {
        let context = format!("JDK {} {collector}", jdk.version);
        collected(service, 3.0);
        let before = service.beans();
        let jvm = service.read(&mut Jvms::of_this_machine());
        let after = service.beans();
        assert_eq!(jvm.problem, None, "{context}");
        assert_eq!(jvm.application, "Service");
        assert!(
            jvm.machine.starts_with(&jdk.version.to_string()),
            "{}",
            jvm.machine
        );
        assert!(jvm.machine.contains(collector), "{}", jvm.machine);
        between(&before, &jvm, &after, &context);
        let began = bean(&after, "process_start_time_seconds", "").unwrap();
        assert_eq!(jvm.began_at, (began * 1000.0).round() as i64, "{context}");
        let classes = value(&jvm, "jvm_classes_loaded_classes", "").unwrap();
        let theirs = bean(&after, "jvm_classes_loaded_classes", "").unwrap();
        assert!(
            (classes - theirs).abs() <= 20.0,
            "{context}: {classes} {theirs}"
        );
        let threads = value(&jvm, "jvm_threads_live_threads", "").unwrap();
        let theirs = bean(&after, "jvm_threads_live_threads", "").unwrap();
        assert!(
            (threads - theirs).abs() <= 2.0,
            "{context}: {threads} {theirs}"
        );
        // What the users' rules divide by: the limits of the heap's pools, added up.
        let max = sum(&jvm, "jvm_memory_max_bytes", "heap");
        assert!(
            (max - f64::from(64 << 20)).abs() <= f64::from(4 << 20),
            "{context}: the heap's limit is {max}"
        );
        // The pools have the names that the beans have.
        for family in jvm
            .families
            .iter()
            .filter(|f| f.name == "jvm_memory_committed_bytes")
        {
            for point in &family.points {
                let id = point.labels.get("id");
                let theirs = bean(&after, "jvm_memory_committed_bytes", id);
                assert!(theirs.is_some(), "{context}: no pool is called {id}");
            }
        }
        // Its counters are written at collections, which Z makes seldom.
        let metaspace = value(&jvm, "jvm_memory_used_bytes", "Metaspace").unwrap();
        let theirs = bean(&after, "jvm_memory_used_bytes", "Metaspace").unwrap();
        assert!(
            metaspace >= theirs * 0.4 && metaspace <= theirs * 1.05,
            "{context}: {metaspace} {theirs}"
        );
    });
}

#[test]
fn the_heap_in_use_is_that_of_the_beans() {
    each(&["load", "leak"], |jdk, collector, service| {
        let context = format!("JDK {} {collector}", jdk.version);
        collected(service, 3.0);
        let mut jvms = Jvms::of_this_machine();
        let used = |beans: &Beans| -> f64 {
            let heap = beans
                .iter()
                .filter(|(s, _)| s.starts_with("jvm_memory_used_bytes") && s.contains("\"heap\""));
            heap.map(|(_, v)| v).sum()
        };
        let count = |beans: &Beans| -> f64 {
            let counts = beans
                .iter()
                .filter(|(s, _)| s.starts_with("jvm_gc_pause_seconds_count"));
            counts.map(|(_, v)| v).sum()
        };
        let begun = Instant::now();
        loop {
            let before = service.beans();
            let jvm = service.read(&mut jvms);
            let after = service.beans();
            // A collection between the readings makes them incomparable.
            if count(&before) == count(&after) {
                let ours = sum(&jvm, "jvm_memory_used_bytes", "heap");
                let (low, high) = (used(&before), used(&after));
                // G1 writes at collections, so that ours may be as old as the last; the others
                // write eden when a thread takes a new piece of it.
                let slack = match collector {
                    "G1" => 45.0,
                    "Z" | "Shenandoah" => 20.0,
                    _ => 4.0,
                } * f64::from(1 << 20);
                assert!(
                    ours >= low - slack && ours <= high + slack,
                    "{context}: {low} <= {ours} <= {high}"
                );
                assert_eq!(jvm.still, collector == "G1", "{context}");
                break;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{context}: it collects all the time"
            );
        }
    });
}

/// What we counted at a moment when it grew, and what the service says that it allocated, once that is
/// at least so much. G1 writes when a region or all of eden is full: numbers read at any other moment
/// are that old. Asked seldom, since to be asked costs the service memory too.
fn written(service: &Service, jvms: &mut Jvms, least: f64) -> (f64, f64) {
    let name = "jvm_gc_memory_allocated_bytes_total";
    let mut ours = || value(&service.read(jvms), name, "").unwrap();
    let begun = Instant::now();
    while service.allocated() < least {
        assert!(begun.elapsed() < PATIENCE, "it does not allocate");
        std::thread::sleep(Duration::from_millis(200));
        ours();
    }
    loop {
        assert!(begun.elapsed() < PATIENCE, "it is never read in time");
        let known = ours();
        let read = Instant::now();
        std::thread::sleep(Duration::from_millis(1));
        let now = ours();
        if now > known {
            let theirs = service.allocated();
            // 50 MB a second: a megabyte at most since it was written.
            if read.elapsed() < Duration::from_millis(20) {
                return (now, theirs);
            }
        }
    }
}

#[test]
fn allocation_is_what_was_allocated() {
    each(&["load"], |jdk, collector, service| {
        if !["Serial", "Parallel", "G1"].contains(&collector) {
            return;
        }
        let context = format!("JDK {} {collector}", jdk.version);
        collected(service, 4.0);
        let mut jvms = Jvms::of_this_machine();
        let (first, began) = written(service, &mut jvms, 0.0);
        // Some edens: what a single one rounds away is little of it.
        let (last, ended) = written(service, &mut jvms, began + 150e6);
        let ratio = (last - first) / (ended - began);
        // G1 counts whole regions, whose ends stay empty, and all of eden where a collection came
        // before it was full.
        let slack = if collector == "G1" { 0.15 } else { 0.05 };
        assert!((ratio - 1.0).abs() <= slack, "{context}: {ratio}");
    });
}

#[test]
fn jstat_says_the_same() {
    let Some(jdk) = jdks()
        .into_iter()
        .find(|j| j.home.join("bin/jstat").exists())
    else {
        println!("skipped: jstat is not installed");
        return;
    };
    for collector in ["Serial", "Parallel", "G1"] {
        let flag = format!("-XX:+Use{collector}GC");
        let Some(service) = Service::start(&jdk, &[&flag], &["leak"]) else {
            return;
        };
        collected(&service, 2.0);
        // It leaks until its list is full and then allocates nothing: all numbers stand.
        let mut jvms = Jvms::of_this_machine();
        let begun = Instant::now();
        loop {
            let first = jstat(&jdk, service.pid);
            let jvm = service.read(&mut jvms);
            let second = jstat(&jdk, service.pid);
            if first == second {
                let kib = |name: &str| second[name] * 1024.0;
                let [eden, old] = match collector {
                    "Serial" => ["Eden Space", "Tenured Gen"],
                    "Parallel" => ["PS Eden Space", "PS Old Gen"],
                    _ => ["G1 Eden Space", "G1 Old Gen"],
                };
                for (name, series, pool) in [
                    ("EU", "jvm_memory_used_bytes", eden),
                    ("OU", "jvm_memory_used_bytes", old),
                    ("OC", "jvm_memory_committed_bytes", old),
                    ("MU", "jvm_memory_used_bytes", "Metaspace"),
                ] {
                    let ours = value(&jvm, series, pool).unwrap();
                    // jstat prints tenths of a KiB; G1 pads its capacities by some bytes.
                    assert!(
                        (ours - kib(name)).abs() <= 1024.0,
                        "{collector} {name}: {ours} {}",
                        kib(name)
                    );
                }
                let young = value(&jvm, "jvm_gc_pause_seconds_count", "end of minor GC").unwrap();
                assert_eq!(young, second["YGC"], "{collector}");
                let time = value(&jvm, "jvm_gc_pause_seconds_sum", "end of minor GC").unwrap();
                assert!((time - second["YGCT"]).abs() <= 0.001, "{collector}");
                break;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{collector}: its numbers never stand"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn jstat(jdk: &Jdk, pid: i32) -> BTreeMap<String, f64> {
    let out = Command::new(jdk.home.join("bin/jstat"))
        .args(["-gc", &pid.to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let mut lines = text.lines();
    let (head, row) = (lines.next().unwrap(), lines.next().unwrap());
    let numbers = row.split_whitespace().map(|v| v.parse().unwrap_or(0.0));
    head.split_whitespace()
        .map(str::to_owned)
        .zip(numbers)
        .collect()
}
