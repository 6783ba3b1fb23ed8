//! JVMs that are asked: deadlocks, a pool run dry, a leak; and those that must be left alone.

use super::{Jdk, PATIENCE, Service, is_root, jdks};
use bongsu::collect::jvm::read::Jvms;
use bongsu::model::jvm::{Histogram, JvmQuestion, JvmReportBody, ThreadDump};
use std::time::{Duration, Instant};

/// Asks for dumps until one is as it should be.
fn until_dump(service: &Service, what: &str, is: impl Fn(&ThreadDump) -> bool) -> ThreadDump {
    let begun = Instant::now();
    loop {
        let dump = service.dump();
        if is(&dump) {
            return dump;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {dump:#?}");
    }
}

#[test]
fn deadlocks_a_dry_pool_and_a_busy_thread_are_seen() {
    for jdk in jdks() {
        let Some(mut service) = Service::start(&jdk, &[], &["deadlock", "pool", "spin"]) else {
            return;
        };
        let dump = until_dump(&service, "two deadlocks", |d| d.deadlocks.len() == 2);
        let mut names: Vec<&str> = dump
            .deadlocks
            .iter()
            .flat_map(|d| d.threads.iter().map(|(n, _)| n.as_str()))
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["monitor-1", "monitor-2", "주문-1", "주문-2"]);
        let blocked: Vec<&str> = dump
            .threads
            .iter()
            .filter(|t| t.state == "BLOCKED")
            .map(|t| t.name.as_str())
            .collect();
        assert_eq!(blocked.len(), 2, "{blocked:?}");
        // Six wait for a connection, at the same place.
        let dry = dump.threads.iter().filter(|t| {
            t.name.starts_with("borrower-")
                && t.frames.iter().any(|f| f.contains("Semaphore.acquire"))
        });
        assert_eq!(dry.count(), 6);
        // The CPU of a thread is found by its native id.
        let spin = dump.threads.iter().find(|t| t.name == "spin").unwrap();
        assert!(spin.cpu.is_some_and(|c| c > 0.05), "{spin:?}");
        let busiest = dump
            .threads
            .iter()
            .max_by(|a, b| a.cpu.unwrap_or(0.0).total_cmp(&b.cpu.unwrap_or(0.0)));
        assert_eq!(busiest.map(|t| t.name.as_str()), Some("spin"));
        let owners = service.ask(JvmQuestion::ThreadsAndLocks).unwrap();
        let JvmReportBody::Threads(owners) = owners.body else {
            panic!()
        };
        let holder = owners.threads.iter().find(|t| t.name == "주문-1").unwrap();
        assert!(
            holder
                .holds
                .iter()
                .any(|l| l.class.contains("ReentrantLock")),
            "{holder:?}"
        );
        service.is_unharmed();
    }
}

fn classes(service: &Service, question: JvmQuestion) -> Histogram {
    match service.ask(question).unwrap().body {
        JvmReportBody::Classes(histogram) => histogram,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_leak_shows_between_two_histograms() {
    for jdk in jdks() {
        let Some(mut service) = Service::start(&jdk, &[], &["leak"]) else {
            return;
        };
        let orders = |h: &Histogram| {
            let row = h.classes.iter().find(|c| c.name == "Service$Order");
            row.map_or(0, |c| c.instances)
        };
        let first = classes(&service, JvmQuestion::LiveHistogram);
        assert!(first.bytes > 0 && first.classes[0].bytes >= first.classes[1].bytes);
        let begun = Instant::now();
        loop {
            let later = classes(&service, JvmQuestion::Histogram);
            if orders(&later) > orders(&first) {
                break;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "JDK {}: it does not leak",
                jdk.version
            );
        }
        service.is_unharmed();
    }
}

#[test]
fn every_question_has_an_answer() {
    for jdk in jdks() {
        let flags = ["-XX:NativeMemoryTracking=summary", "-Dshop.name=주문"];
        let Some(mut service) = Service::start(&jdk, &flags, &[]) else {
            return;
        };
        for (question, word) in [
            (JvmQuestion::Heap, "used"),
            (JvmQuestion::Flags, "-XX:"),
            (JvmQuestion::Properties, "shop.name="),
            (JvmQuestion::CommandLine, "Service"),
            (JvmQuestion::NativeMemory, "Java Heap"),
        ] {
            let report = service.ask(question).unwrap();
            assert!(report.text.contains(word), "{question:?}: {}", report.text);
        }
        service.is_unharmed();
    }
}

#[test]
fn a_jvm_that_must_not_be_signalled_is_not() {
    for jdk in jdks() {
        for flag in [
            "-Xrs",
            "-XX:+ReduceSignalUsage",
            "-XX:+DisableAttachMechanism",
        ] {
            // Without signals a JVM may open its socket at once, and can then be asked.
            let refused = |service: &mut Service, word: &str| {
                match service.ask(JvmQuestion::Threads) {
                    Err(why) => assert!(why.contains(word), "{flag}: {why}"),
                    Ok(_) => assert!(!flag.contains("Disable"), "{flag}"),
                }
                service.is_unharmed();
            };
            let Some(mut service) = Service::start(&jdk, &[flag], &[]) else {
                return;
            };
            refused(&mut service, flag);
            // The same from a file, where only the JVM's own counters tell it.
            let args = service.dir.path().join("err");
            std::fs::write(&args, flag).unwrap();
            let file = format!("@{}", args.display());
            let mut hidden = Service::start(&jdk, &[&file], &[]).unwrap();
            refused(&mut hidden, flag);
            // And where the counters are switched off, nobody can tell: not signalled either.
            let mut dark = Service::start(&jdk, &[&file, "-XX:-UsePerfData"], &[]).unwrap();
            refused(&mut dark, "hidden in @");
        }
    }
}

#[test]
fn one_that_starts_is_never_killed() {
    for jdk in jdks() {
        for _ in 0..5 {
            let Some(classes) = super::classes() else {
                return;
            };
            let mut child = std::process::Command::new(jdk.home.join("bin/java"))
                .args(["-cp", &classes.display().to_string(), "Service"])
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let pid = child.id() as i32;
            let mut jvms = Jvms::of_this_machine();
            let begun = Instant::now();
            // Asked as early as it can be found, again and again.
            loop {
                let found = jvms.read(true).into_iter().find(|j| j.pid == pid);
                let answer = found.map(|jvm| {
                    let asker = bongsu::collect::perform::jvm::Asker::of_this_machine(
                        bongsu::base::clock::Clock::System,
                        bongsu::model::jvm::AttachPolicy::Ask,
                    );
                    asker.ask(bongsu::collect::perform::jvm::Asking {
                        pid,
                        started: jvm.started,
                        instance: String::new(),
                        question: JvmQuestion::Flags,
                        by: String::new(),
                    })
                });
                assert_eq!(child.try_wait().unwrap(), None, "{answer:?}");
                if matches!(answer, Some(Ok(_))) {
                    break;
                }
                assert!(begun.elapsed() < PATIENCE, "{answer:?}");
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

#[test]
fn one_that_stands_still_is_left_alone() {
    let Some(jdk) = jdks().into_iter().next() else {
        return;
    };
    let Some(mut service) = Service::start(&jdk, &[], &[]) else {
        return;
    };
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill")
            .args(["-s", name, &service.pid.to_string()])
            .status();
        assert!(sent.unwrap().success());
    };
    signal("STOP");
    let why = service.ask(JvmQuestion::Threads).unwrap_err();
    assert!(why.contains("stopped"), "{why}");
    signal("CONT");
    assert!(service.ask(JvmQuestion::Threads).is_ok());
    service.is_unharmed();
}

/// Problem and way out where there are no counters; attaching works all the same.
fn without_counters(service: &mut Service, why: &str) {
    let jvm = service.read(&mut Jvms::of_this_machine());
    let problem = jvm.problem.unwrap();
    assert!(
        problem.why.contains(why) && !problem.way_out.is_empty(),
        "{problem:?}"
    );
    let report = service.ask(JvmQuestion::Threads).unwrap();
    assert!(report.text.contains("HttpServer") || report.text.contains("HTTP-Dispatcher"));
    service.is_unharmed();
}

#[test]
fn without_counters_the_reason_is_told_and_attaching_works() {
    for jdk in jdks() {
        let flag = "-XX:-UsePerfData";
        let Some(mut service) = Service::start(&jdk, &[flag], &[]) else {
            return;
        };
        without_counters(&mut service, flag);
    }
}

#[test]
fn root_asks_jvms_of_other_users_as_them() {
    if !is_root() {
        println!("skipped: only root can start JVMs of other users");
        return;
    }
    for jdk in jdks() {
        // A user without a line in /etc/passwd, as containers give them: it writes no counters.
        let user = [
            "setpriv",
            "--reuid=54321",
            "--regid=54321",
            "--clear-groups",
        ];
        let Some(mut service) = Service::through(&user, &jdk, &[], &[]) else {
            return;
        };
        without_counters(&mut service, "uid 54321");
    }
}

/// A JVM in namespaces of its own, with a /tmp of its own, as in a container.
fn in_namespaces(jdk: &Jdk, words: &[&str]) -> Option<Service> {
    // The shell stays as the first process; net is shared, so that the port can be reached.
    let script = "mount -t tmpfs none /tmp && \"$@\" & wait";
    let before = [
        "unshare",
        "--pid",
        "--fork",
        "--mount",
        "--mount-proc",
        "sh",
        "-c",
        script,
        "sh",
    ];
    let can = std::process::Command::new("unshare")
        .args(["--pid", "--fork", "--mount", "--mount-proc", "true"])
        .status();
    if !is_root() || !can.is_ok_and(|s| s.success()) {
        println!("skipped: this machine gives no namespaces");
        return None;
    }
    let mut service = Service::through(&before, jdk, &[], words)?;
    let mut jvms = Jvms::of_this_machine();
    let begun = Instant::now();
    let own = service.dir.path().to_owned();
    loop {
        let here = |j: &i32| std::fs::read_link(format!("/proc/{j}/cwd")).is_ok_and(|c| c == own);
        let found = jvms.read(true).into_iter().map(|j| j.pid).find(|p| here(p));
        if let Some(pid) = found {
            service.pid = pid;
            return Some(service);
        }
        assert!(begun.elapsed() < PATIENCE, "it is not found");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_jvm_in_a_pid_namespace_is_read_and_asked() {
    for jdk in jdks() {
        if jdk.home.starts_with("/tmp") {
            println!(
                "skipped: {} is hidden by the namespace's own /tmp",
                jdk.home.display()
            );
            continue;
        }
        let Some(mut service) = in_namespaces(&jdk, &["spin"]) else {
            return;
        };
        let jvm = service.read(&mut Jvms::of_this_machine());
        assert_eq!(jvm.problem, None);
        assert!(super::sum(&jvm, "jvm_memory_max_bytes", "heap") > 0.0);
        let dump = service.dump();
        // Threads are told by their numbers inside; the busy one is found all the same.
        let spin = dump.threads.iter().find(|t| t.name == "spin").unwrap();
        assert!(spin.cpu.is_some_and(|c| c > 0.05), "{spin:?}");
        assert_ne!(spin.native_id, Some(service.pid as u64));
        service.is_unharmed();
    }
}
