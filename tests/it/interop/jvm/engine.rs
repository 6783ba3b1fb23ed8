//! The real program beside real JVMs: who is stored, who gives way, and the users' rules.

use super::{Service, jdks};
use crate::engine::pty::{Console, leave};
use crate::engine::{Serve, until};
use std::path::Path;

/// Values of an instant question by `instance`.
fn ask(serve: &Serve, expr: &str) -> Vec<(String, f64)> {
    let (status, body) = serve.get(&format!("/api/v1/query?query={}", escaped(expr)));
    assert_eq!(status, 200, "{body}");
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    let rows = json["data"]["result"].as_array().unwrap();
    let row = |r: &serde_json::Value| {
        let value = r["value"][1].as_str().unwrap().parse().unwrap();
        let metric = &r["metric"];
        let name = metric["instance"]
            .as_str()
            .or(metric["job"].as_str())
            .unwrap_or("");
        (name.to_owned(), value)
    };
    rows.iter().map(row).collect()
}

fn escaped(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|b| format!("%{b:02X}")).collect();
    bytes.concat()
}

fn config(dir: &Path, more: &str) -> String {
    let path = dir.join("bongsu.yaml");
    let text = format!("global: {{scrape_interval: 1s}}\nhost: {{enabled: false}}\n{more}");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The users' own question: the heap in percent of its limit, by job.
const HEAP_OF_USERS: &str = "sum(jvm_memory_used_bytes{area=\"heap\"})by(job)*100/sum(jvm_memory_max_bytes{area=\"heap\"})by(job)";
const HEAP_OF_OLD: &str = "sum(jvm_memory_bytes_used{area=\"heap\"})by(job)*100/sum(jvm_memory_bytes_max{area=\"heap\"})by(job)";

#[test]
fn the_built_in_copy_gives_way_to_an_exporter() {
    let Some(jdk) = jdks().into_iter().next() else {
        return;
    };
    let flags = ["-Dspring.application.name=gives-way", "-XX:+UseSerialGC"];
    let Some(service) = Service::start(&jdk, &flags, &["leak"]) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = config(dir.path(), "");
    let serve = Serve::start(dir.path(), &["--config", &file]);
    let own = "jvm_memory_used_bytes{application=\"gives-way\",id=\"Tenured Gen\"}";
    until("it is read without an exporter", || {
        !ask(&serve, own).is_empty()
    });
    // The exporter becomes a target: the built-in copy ends at once, and only one is left.
    let target = format!("127.0.0.1:{}", service.port);
    let jobs = format!(
        "scrape_configs: [{{job_name: spring, metrics_path: /actuator/prometheus, static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    config(dir.path(), &jobs);
    serve.signal("HUP");
    let one = "count by (instance) (jvm_memory_used_bytes{id=\"Tenured Gen\"}) and on() vector(1)";
    until("the exporter is scraped", || {
        ask(&serve, one).iter().any(|(i, _)| *i == target)
    });
    until("the built-in copy ends", || ask(&serve, own).is_empty());
    // And when the exporter is a target no more, it comes back.
    config(dir.path(), "");
    serve.signal("HUP");
    until("it is read again", || !ask(&serve, own).is_empty());
    serve.stop();
}

#[test]
fn the_users_questions_are_right_from_both_sources() {
    let Some(jdk) = jdks().into_iter().next() else {
        return;
    };
    let flags = ["-Dspring.application.name=rules", "-XX:+UseSerialGC"];
    // It leaks until its list is full, and then stands: all sources see the same.
    let (Some(agentless), Some(scraped)) = (
        Service::start(&jdk, &flags, &["leak"]),
        Service::start(&jdk, &["-XX:+UseSerialGC"], &["leak"]),
    ) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let port = scraped.port;
    let jobs = format!(
        "scrape_configs:\n- {{job_name: spring, metrics_path: /actuator/prometheus, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n\
         - {{job_name: old, metrics_path: /old, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n\
         - {{job_name: new, metrics_path: /metrics, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\njvm: {{interval: 1s}}\n"
    );
    let file = config(dir.path(), &jobs);
    let serve = Serve::start(dir.path(), &["--config", &file]);
    let truth = |service: &Service| {
        let beans = service.beans();
        let sum = |name: &str| -> f64 {
            let heap = beans
                .iter()
                .filter(|(s, _)| s.starts_with(name) && s.contains("\"heap\""));
            heap.map(|(_, v)| v).sum()
        };
        sum("jvm_memory_used_bytes") * 100.0 / sum("jvm_memory_max_bytes")
    };
    // Other tests' JVMs run beside these: the agentless one is told by its application.
    let only = "sum(jvm_memory_used_bytes{area=\"heap\",application=\"rules\"})by(job)*100/sum(jvm_memory_max_bytes{area=\"heap\",application=\"rules\"})by(job)";
    let near = |rows: &[(String, f64)], job: &str, truth: f64| {
        let row = rows.iter().find(|(j, _)| j == job);
        row.is_some_and(|(_, v)| (v - truth).abs() < 3.0)
    };
    until("the agentless one is right", || {
        near(&ask(&serve, only), "jvm", truth(&agentless))
    });
    for (job, question) in [
        ("spring", HEAP_OF_USERS),
        ("new", HEAP_OF_USERS),
        ("old", HEAP_OF_OLD),
    ] {
        until(job, || near(&ask(&serve, question), job, truth(&scraped)));
    }
    serve.stop();
}

#[test]
fn where_attaching_is_always_allowed_g1_is_live() {
    for jdk in jdks() {
        let flags = ["-Dspring.application.name=live", "-XX:+UseG1GC"];
        let Some(mut service) = Service::start(&jdk, &flags, &["load"]) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let file = config(dir.path(), "jvm: {interval: 1s, attach: always}\n");
        let serve = Serve::start(dir.path(), &["--config", &file]);
        // The counters show an empty eden all the time; asked, it is seen to fill.
        let eden = "jvm_memory_used_bytes{application=\"live\",id=\"G1 Eden Space\"}";
        until("eden is seen to fill", || {
            ask(&serve, eden).iter().any(|(_, v)| *v >= 2e6)
        });
        serve.stop();
        service.is_unharmed();
    }
}

#[test]
fn a_person_finds_the_deadlock_in_a_terminal() {
    let Some(jdk) = jdks().into_iter().next() else {
        return;
    };
    // Named so that it is the first of the list among other tests' JVMs of no fuller heap.
    let flags = [
        "-Dspring.application.name=결제",
        "-Xmx16m",
        "-Xms16m",
        "-XX:+UseSerialGC",
    ];
    let Some(mut service) = Service::start(&jdk, &flags, &["deadlock", "pool", "leak"]) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut console = Console::start(dir.path(), "xterm-256color");
    console.sees("Overview");
    console.keys("4");
    console.sees("결제");
    // Down to it, wherever it stands; others of the list come and go meanwhile.
    for _ in 0..400 {
        console.keys("d");
        console.sees("Sure?");
        if console
            .contents()
            .contains(&format!("(pid {})", service.pid))
        {
            break;
        }
        console.keys("n");
        console.until("the question is gone", |s| !s.contains("Sure?"));
        console.keys("j");
    }
    console.sees(&format!("(pid {})", service.pid));
    console.keys("y");
    console.sees("DEADLOCK");
    console.sees("Semaphore.acquire");
    console.keys("\t\t");
    console.sees("HELD BY");
    console.keys("\x1b");
    console.until("back at the list", |s| {
        s.contains("COMMITTED") && s.contains("thread dump")
    });
    leave(&mut console);
    service.is_unharmed();
}
