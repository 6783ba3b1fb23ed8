//! What a running engine says of itself: memory, queues, consoles, problems that come and go; and
//! who may ask for what.

use crate::engine::{Serve, ask, program, run, until};
use bongsu::base::net::client::Method;
use bongsu::model::request::{PromQuery, Request, ViewName};
use bongsu::model::time::Steps;
use bongsu::source::api::Source;
use bongsu::source::remote::bongsu::RemoteBongsu;
use bongsu::wire::bongsu_json;
use serde_json::Value;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

fn status(dir: &Path) -> Value {
    let (code, out, said) = run(program(dir).args(["status", "--format", "json"]));
    assert_eq!(code, 0, "{said}");
    serde_json::from_str(&out).unwrap()
}

/// The engine of `dir` through its socket, as this test's process.
pub(crate) fn attached(dir: &Path) -> RemoteBongsu {
    let note = std::fs::read_to_string(dir.join("data/socket")).unwrap();
    RemoteBongsu::new(note.trim_end().into())
}

#[test]
fn memory_queues_and_consoles_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let said = status(dir.path());
    let lines = said["own"]["budget"].as_array().unwrap();
    let sum: u64 = lines.iter().map(|l| l[1].as_u64().unwrap()).sum();
    let rss = said["own"]["rss"].as_u64().unwrap();
    assert!(
        rss > 1 << 20 && sum >= rss && sum < rss + rss / 2,
        "{lines:?}"
    );
    let names: Vec<&str> = lines.iter().filter_map(|l| l[0].as_str()).collect();
    for name in ["code", "metrics head", "block cache", "live ring"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let queues = said["queues"].as_array().unwrap();
    for name in [
        "wal/metrics",
        "wal/snapshots",
        "wal/state",
        "questions of consoles",
        "questions of rules",
        "other questions",
        "pushes",
    ] {
        let row = queues.iter().find(|q| q["name"] == name);
        let row = row.unwrap_or_else(|| panic!("{name} of {queues:?}"));
        assert!(row["capacity"].as_u64().unwrap() > 0 && row["dropped"] == 0);
    }
    // Asking how it is, or what it measured, over HTTP is not looking at it.
    assert_eq!(serve.get("/api/v1/targets").0, 200);
    assert_eq!(status(dir.path())["consoles"], 0);
    let source = attached(dir.path());
    let runtime = bongsu::base::task::runtime().unwrap();
    let view = Request::View {
        view: ViewName::Machine,
        at: None,
    };
    runtime.block_on(source.ask(view)).unwrap();
    assert_eq!(status(dir.path())["consoles"], 1);
    serve.stop();
}

#[test]
fn processes_in_sight_are_completed_for_an_attached_console() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let source = attached(dir.path());
    let runtime = bongsu::base::task::runtime().unwrap();
    let me = std::process::id() as i32;
    until("this test's own row with its I/O", || {
        let request = Request::Processes { in_sight: vec![me] };
        let answer = runtime.block_on(source.ask(request)).unwrap();
        let bongsu::model::answer::Answer::View(bongsu::model::view::View::Processes(view)) =
            answer
        else {
            panic!("no processes: {answer:?}");
        };
        let own = view.rows.iter().find(|r| r.pid == me);
        own.is_some_and(|r| r.read_rate.is_some() && !r.command.is_empty())
    });
    serve.stop();
}

#[test]
fn a_problem_ends_with_its_cause_and_a_warning_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    let good = "global: {scrape_interval: 15s}\ntracing: {endpoint: 'localhost:4317'}\n";
    std::fs::write(&config, good).unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let list = |key: &str| {
        let all = status(dir.path())[key].as_array().unwrap().clone();
        let texts = all.iter().filter_map(|p| p.as_str().map(str::to_owned));
        texts.collect::<Vec<_>>()
    };
    assert_eq!(list("problems"), Vec::<String>::new());
    assert!(
        list("warnings").iter().any(|w| w.contains("tracing")),
        "{:?}",
        list("warnings")
    );
    let (_, table, _) = run(program(dir.path()).arg("status"));
    assert!(table.contains("health     good\n"), "{table}");

    std::fs::write(&config, "scrape_configs: 5\n").unwrap();
    serve.signal("HUP");
    until("the bad file is a problem", || {
        list("problems")
            .iter()
            .any(|p| p.contains("nothing was changed"))
    });
    std::fs::write(&config, good).unwrap();
    serve.signal("HUP");
    until("and it is none any more", || list("problems").is_empty());
    serve.stop();
}

#[test]
fn reloading_takes_the_limits_of_queries_and_names_what_needs_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("bongsu.yaml");
    let write = |limits: &str| {
        let text = format!("api: {{admin: false}}\nlimits: {{{limits}}}\n");
        std::fs::write(&config, text).unwrap();
    };
    write("query_samples: 1000000");
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let query = "/api/v1/query?query=%7B__name__%3D~%22node_.%2B%22%7D";
    until("readings", || serve.get(query).1.contains("\"result\":[{"));
    write("query_samples: 3");
    let reload = || {
        let (_, socket) = (0, attached(dir.path()));
        let runtime = bongsu::base::task::runtime().unwrap();
        let outcome = runtime.block_on(socket.act(bongsu::model::action::Action::Reload));
        format!("{outcome:?}")
    };
    assert!(reload().contains("is in force\""), "{}", reload());
    let (code, said) = serve.get(query);
    assert!(code == 422 && said.contains("more than 3"), "{code} {said}");
    let text = "api: {admin: true}\njvm: {attach: always}\nlimits: {memory: 100MB}\n";
    std::fs::write(&config, text).unwrap();
    let said = reload();
    assert!(
        said.contains("but for api, jvm.attach: start again"),
        "{said}"
    );
    assert_eq!(serve.get(query).0, 200);
    serve.stop();
}

/// Limits, retention, switches and intervals follow a reload; what is switched off ends at once.
#[test]
fn reloading_takes_limits_retention_and_the_switches_of_collectors() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("bongsu.yaml");
    let write = |text: &str| std::fs::write(&config, text).unwrap();
    write("host: {interval: 1s}\njvm: {enabled: false}\n");
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let reload = || {
        let socket = attached(dir.path());
        let runtime = bongsu::base::task::runtime().unwrap();
        let outcome = runtime.block_on(socket.act(bongsu::model::action::Action::Reload));
        let said = format!("{outcome:?}");
        assert!(said.contains("is in force\""), "{said}");
    };
    let count = || {
        let (_, body) = serve.get("/api/v1/query?query=count(node_load1)");
        body.contains("\"1\"]")
    };
    until("this server is read", count);
    write(
        "host: {enabled: false}\njvm: {enabled: true, interval: 3s}\nlimits: {memory: 100MB, \
         series: 100000}\nstorage: {size: 2GB, retention: {metrics: 3d, logs: 2d}}\n",
    );
    reload();
    until("the series of this server have ended", || !count());
    let (_, info) = serve.get("/api/v1/status/runtimeinfo");
    assert!(info.contains("3 d, "), "{info}");
    let status = || {
        let (_, body, _) = run(program(dir.path()).args(["status", "--format", "json"]));
        serde_json::from_str::<serde_json::Value>(&body).unwrap()
    };
    let now = status();
    let budget = now["own"]["budget"].as_array().unwrap();
    let head = budget.iter().find(|l| l[0] == "metrics head").unwrap();
    assert_eq!(head[2], 50 << 20, "{now}");
    assert_eq!(now["storage"]["logs"]["retention"], "2 d", "{now}");
    write("host: {interval: 1s}\njvm: {enabled: false}\n");
    reload();
    until("this server is read again", count);
    serve.stop();
}

#[test]
fn views_and_orders_are_for_the_socket_and_for_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "letmein\n").unwrap();
    let config = dir.path().join("bongsu.yaml");
    let text = format!(
        "api:\n  users:\n  - name: ann\n    token_file: {}\nscrape_configs:\n- job_name: x\n  \
         basic_auth: {{username: u, password: hunter2}}\n  static_configs: [{{targets: ['127.0.0.1:9']}}]\n",
        token.display()
    );
    std::fs::write(&config, text).unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let processes = bongsu_json::write_request(&Request::View {
        view: ViewName::Processes,
        at: None,
    });
    let reload = bongsu_json::write_action(&bongsu::model::action::Action::Reload);
    let post = |path: &str, body: &[u8], headers: &[(&str, &str)]| {
        let url = format!("{}{path}", serve.url);
        ask(Method::Post, &url, headers, Some(body.to_vec()))
    };
    for (path, body) in [
        (bongsu_json::ASK_PATH, &processes),
        (bongsu_json::ACT_PATH, &reload),
    ] {
        let (code, said) = post(path, body, &[]);
        assert_eq!(code, 403, "{said}");
        assert!(
            said.contains("over the socket, or with credentials"),
            "{said}"
        );
        let (code, _) = post(path, body, &[("authorization", "Bearer wrong")]);
        assert_eq!(code, 401);
        let (code, said) = post(path, body, &[("authorization", "Bearer letmein")]);
        assert!(code == 200 && said.contains("\"Good\""), "{code} {said}");
    }
    assert_eq!(serve.post("/-/reload", "", b"").0, 403);
    // Questions are answered, and the configuration without what is secret.
    assert_eq!(serve.get("/api/v1/query?query=up").0, 200);
    let (code, shown) = serve.get("/api/v1/status/config");
    assert!(code == 200 && shown.contains("job_name: x"), "{shown}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("letmein"),
        "{shown}"
    );
    serve.stop();
}

#[test]
fn slow_questions_over_http_do_not_hold_up_a_console() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    until("readings", || {
        serve.get("/api/v1/query?query=up").1.contains("node")
    });
    // Each of them works for minutes: eleven thousand times over a day of seconds.
    let slow = "GET /api/v1/query_range?query=max_over_time(vector(1)%5B1d:1s%5D)&start=0&end=10999\
                &step=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let address = serve.url.trim_start_matches("http://");
    let connections: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut connection = TcpStream::connect(address).unwrap();
            connection.write_all(slow.as_bytes()).unwrap();
            connection
        })
        .collect();
    let waiting = || {
        let said = status(dir.path());
        let queues = said["queues"].as_array().unwrap().clone();
        let others = queues.into_iter().find(|q| q["name"] == "other questions");
        others.unwrap()["len"].clone()
    };
    until("two run and two wait", || waiting() == 2);
    let source = attached(dir.path());
    let runtime = bongsu::base::task::runtime().unwrap();
    let live = Request::Prom(PromQuery {
        expr: "node_load1".into(),
        steps: Steps::at(bongsu::base::clock::Clock::System.now_ms()),
        instant: true,
        live: true,
        timeout_ms: None,
        lookback_ms: None,
    });
    runtime.block_on(source.ask(live)).unwrap();
    assert_eq!(waiting(), 2, "the slow ones are still there");
    // Who goes away stops the work: the others' turn comes.
    drop(connections);
    until("nobody waits", || waiting() == 0);
    serve.stop();
}
