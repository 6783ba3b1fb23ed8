//! Starting, ending, taking over; what is kept across it; what is said when it cannot be.

use crate::engine::{Serve, program, run, until};
use std::process::{Command, Stdio};

#[test]
fn history_is_back_after_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut serve = Serve::start(dir.path(), &[]);
    let stored = |serve: &Serve| {
        let (_, body) = serve.get("/api/v1/query?query=count_over_time(up%5B1h%5D)");
        body.contains(r#""job":"node""#)
    };
    until("the first reading is stored", || stored(&serve));
    // A commit is on the disk after 200 ms at most: the order to flush is the next push's answer.
    let pushed = serve.post("/api/v1/write", "", &empty_push());
    assert_eq!(pushed.0, 204);
    serve.signal("KILL");
    serve.child.wait().unwrap();
    // Its socket is dead now, and taken over.
    let again = Serve::start(dir.path(), &["--config", "/dev/null"]);
    let (_, body) = again.get("/api/v1/query?query=min_over_time(kept%5B1h%5D)");
    assert!(body.contains(r#","7"]"#), "{body}");
    assert!(stored(&again));
    again.stop();
}

fn empty_push() -> Vec<u8> {
    use bongsu::model::labels::Labels;
    use bongsu::model::sample::Sample;
    use bongsu::wire::remote_write::{Series, WriteRequest, encode};
    let t = bongsu::base::clock::Clock::System.now_ms();
    encode(&WriteRequest {
        series: vec![Series {
            labels: Labels::from_pairs([("__name__", "kept")]),
            samples: vec![Sample { t, v: 7.0 }],
            exemplars: vec![],
        }],
        ..WriteRequest::default()
    })
    .unwrap()
}

#[test]
fn two_engines_never_share() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let (code, _, said) = run(program(dir.path()).args(["serve", "--listen", "off"]));
    assert_eq!(code, 1);
    assert!(said.contains("is served already"), "{said}");

    let other = tempfile::tempdir().unwrap();
    let port = serve.url.trim_start_matches("http://");
    let (code, _, said) = run(program(other.path()).args(["serve", "--listen", port]));
    assert_eq!(code, 1);
    assert!(said.contains("is taken by another program"), "{said}");
    serve.stop();
}

#[test]
fn a_foreign_directory_and_an_open_door_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir_all(data.join("chunks_head")).unwrap();
    let (code, _, said) = run(program(dir.path()).args(["serve", "--listen", "off"]));
    assert_eq!(code, 1);
    assert!(said.contains("the data of a Prometheus"), "{said}");
    let (code, _, said) = run(program(dir.path()).args(["serve", "--listen", "0.0.0.0:0"]));
    assert_eq!(code, 1);
    assert!(said.contains("can be reached from outside"), "{said}");
    let (code, _, said) = run(program(dir.path()).args(["serve", "--nonsense"]));
    assert_eq!((code, said.contains("--nonsense")), (2, true), "{said}");
}

#[test]
fn status_is_told_with_and_without_an_engine() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, _) = run(program(dir.path()).arg("status"));
    assert_eq!(code, 0);
    assert!(
        out.contains("no engine is running") && out.contains("bongsu serve"),
        "{out}"
    );
    assert!(out.contains("memory available"), "{out}");
    // A console without a terminal says the same, and why.
    let (code, out, said) = run(&mut program(dir.path()));
    assert_eq!(code, 0);
    assert!(out.contains("no engine is running"), "{out}");
    assert!(said.contains("no terminal"), "{said}");

    let serve = Serve::start(dir.path(), &[]);
    let (_, out, _) = run(program(dir.path()).arg("status"));
    assert!(out.contains("serve\n") && out.contains("health"), "{out}");
    let (_, out, _) = run(program(dir.path()).args(["status", "--format", "json"]));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["pid"], serve.child.id());
    serve.stop();
}

#[test]
fn questions_are_answered_from_socket_files_and_url() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let (status, _) = serve.post("/api/v1/write", "", &empty_push());
    assert_eq!(status, 204);
    let ask = |more: &[&str]| run(program(dir.path()).args(["query", "kept"]).args(more));
    let (code, out, _) = ask(&["--format", "csv"]);
    assert_eq!(code, 0);
    assert!(
        out.starts_with("series,time,value\r\nkept,") && out.ends_with(",7\r\n"),
        "{out}"
    );
    let url = serve.url.clone();
    let (_, out, _) = ask(&["--url", &url, "--format", "json"]);
    assert!(out.contains(r#""resultType":"vector""#), "{out}");
    let (_, out, _) = ask(&["--from", "now-1m", "--step", "15s", "--format", "json"]);
    assert!(out.contains(r#""resultType":"matrix""#), "{out}");
    serve.stop();
    let (code, out, said) = ask(&[]);
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("kept") && out.contains('7'), "{out}");
    let (code, _, said) = run(program(dir.path()).args(["query", "up{"]));
    assert_eq!(code, 1);
    assert!(
        said.contains("parse error") || said.contains("1:"),
        "{said}"
    );
}

#[test]
fn a_closed_pipe_and_no_home_are_no_trouble() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = program(dir.path())
        .arg("status")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    let mut bare = Command::new(env!("CARGO_BIN_EXE_bongsu"));
    let (code, out, said) = run(bare.env_clear().args(["status", "--format", "json"]));
    assert_eq!(code, 0, "{said}");
    assert!(
        serde_json::from_str::<serde_json::Value>(&out).is_ok(),
        "{out}"
    );
}

#[test]
fn a_changed_file_is_taken_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    let job = |name: &str| {
        format!(
            "scrape_configs:\n- job_name: {name}\n  static_configs:\n  - targets: ['127.0.0.1:9']\n"
        )
    };
    std::fs::write(&config, job("before")).unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let pools = |serve: &Serve| serve.get("/api/v1/scrape_pools").1;
    until("the job is there", || pools(&serve).contains("before"));
    std::fs::write(&config, "scrape_configs: 5\n").unwrap();
    serve.signal("HUP");
    std::fs::write(&config, job("after")).unwrap();
    serve.signal("HUP");
    until("the new job is there", || pools(&serve).contains("after"));
    assert!(!pools(&serve).contains("before"));
    serve.stop();
}
