//! Loki's paths of a running engine, and `bongsu logs`.

use crate::engine::{Serve, program, run, until};
use bongsu::base::clock::Clock;
use bongsu::model::labels::Labels;
use bongsu::model::log_entry::Level;
use bongsu::store::open::{Options, Store};
use bongsu::store::write::logs::{LogBatch, LogSink};
use serde_json::{Value, json};
use std::path::Path;

/// Three lines of two streams, a minute old; gives their second.
fn prepare(dir: &Path) -> i64 {
    // What this machine logs meanwhile is none of the test's.
    let folder = dir.join(".config/bongsu");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.yaml"), "logs: {enabled: no}\n").unwrap();
    let store = Store::open(Options {
        background: false,
        ..Options::new(dir.join("data"))
    })
    .unwrap();
    let second = Clock::System.now_ms() / 1000 - 60;
    let mut batch = LogBatch::default();
    for (i, (app, level, line)) in [
        ("api", Level::Info, "status=200 took=12ms"),
        ("주문", Level::Error, "결제 실패 \u{1b}[31mred"),
        ("api", Level::Error, "status=500 took=2s"),
    ]
    .into_iter()
    .enumerate()
    {
        let stream = store.stream(&Labels::from_pairs([("app", app)])).unwrap();
        let t = (second + i as i64) * 1_000_000_000;
        batch.push(stream, t, level, line.as_bytes());
    }
    store.append_lines(&batch).unwrap();
    store.flush_lines().unwrap();
    store.close();
    second
}

fn json(serve: &Serve, path: &str) -> Value {
    let (status, body) = serve.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|e| panic!("{path}: {e}: {body}"))
}

#[test]
fn lokis_paths_answer() {
    let dir = tempfile::tempdir().unwrap();
    let s = prepare(dir.path());
    let serve = Serve::start(dir.path(), &[]);
    until("history is open", || serve.get("/ready").0 == 200);
    let window = format!("start={}&end={}", s - 10, s + 10);
    let api = "/loki/api/v1";
    let query = "%7Bapp%3D%22api%22%7D";
    let found = json(&serve, &format!("{api}/query_range?query={query}&{window}"));
    let streams = &found["data"]["result"];
    assert_eq!(found["data"]["resultType"], "streams");
    let first = &streams[0]["values"][0];
    assert!(first[0].as_str().unwrap().ends_with("000000000"));
    let metric = "sum(count_over_time(%7Bapp%3D~%22.%2B%22%7D%5B1m%5D))";
    let found = json(
        &serve,
        &format!("{api}/query?query={metric}&time={}", s + 10),
    );
    assert_eq!(found["data"]["result"][0]["value"], json!([s + 10, "3"]));
    let found = json(&serve, &format!("{api}/labels?{window}"));
    assert_eq!(found["data"], json!(["app"]));
    let found = json(&serve, &format!("{api}/label/app/values?{window}"));
    assert_eq!(found["data"], json!(["api", "주문"]));
    let found = json(&serve, &format!("{api}/series?match[]={query}&{window}"));
    assert_eq!(found["data"], json!([{"app": "api"}]));
    let found = json(&serve, &format!("{api}/index/stats?query={query}&{window}"));
    assert_eq!(found["streams"], 1);
    let found = json(
        &serve,
        &format!("{api}/detected_fields?query={query}&{window}"),
    );
    let names: Vec<&Value> = found["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["label"])
        .collect();
    assert!(names.contains(&&json!("took")) && names.contains(&&json!("status")));
    let found = json(
        &serve,
        &format!("{api}/patterns?query={query}&{window}&step=1"),
    );
    assert_eq!(found["data"][0]["pattern"], "status=<_> took=<_>");
    let found = json(
        &serve,
        &format!("{api}/index/volume?query={query}&{window}"),
    );
    assert_eq!(found["data"]["result"][0]["metric"], json!({"app": "api"}));
    let (status, said) = serve.get(&format!("{api}/query_range?query=%7B&{window}"));
    assert!(
        status == 400 && said.starts_with("parse error at line 1, col 2: syntax error"),
        "{said}"
    );
    let (status, said) = serve.get(&format!("{api}/query?query={query}"));
    assert!(status == 400 && said.starts_with("log queries are not supported as an instant"));
}

#[test]
fn lines_on_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let logs = |args: &[&str]| run(program(dir.path()).arg("logs").args(args));
    let (code, out, said) = logs(&["--format", "raw"]);
    assert_eq!((code, out.lines().count()), (0, 3), "{said}");
    assert!(
        out.lines().next().unwrap().starts_with("status=200"),
        "oldest first: {out}"
    );
    let (_, out, _) = logs(&["level:error", "!결제"]);
    assert!(
        out.lines().count() == 1 && out.contains("status=500"),
        "{out}"
    );
    let (_, out, _) = logs(&["결제"]);
    assert!(
        !out.contains('\u{1b}'),
        "what a terminal would obey is shown instead"
    );
    let (_, out, _) = logs(&["app=api", "status=500", "--format", "json"]);
    let line: Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!(line["labels"]["app"], "api");
    let (_, out, _) = logs(&["sum(count_over_time({app=~\".+\"}[1h]))"]);
    assert!(out.contains('3'), "{out}");
    let (code, _, said) = logs(&["{app="]);
    assert!(
        code == 1 && said.contains("parse error at line 1"),
        "{said}"
    );
}
