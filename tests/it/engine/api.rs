//! The HTTP API of a running engine, byte by byte where Prometheus' clients read it so.

use crate::engine::{Serve, ask};
use bongsu::base::net::client::Method;
use bongsu::model::answer::{Metadata, MetricKind};
use bongsu::model::labels::Labels;
use bongsu::model::sample::Sample;
use bongsu::wire::remote_write::{self, Series, WriteRequest};

/// Five samples of two series, 15 s apart, that ended a minute ago.
fn push(serve: &Serve) -> i64 {
    let now = bongsu::base::clock::Clock::System.now_ms() / 1000 * 1000;
    let start = now - 120_000;
    let series = |shard: &str, factor: f64| Series {
        labels: Labels::from_pairs([("__name__", "jobs_done_total"), ("shard", shard)]),
        samples: (0..5)
            .map(|i| Sample {
                t: start + i * 15_000,
                v: i as f64 * factor,
            })
            .collect(),
        exemplars: vec![remote_write::Exemplar {
            labels: Labels::from_pairs([("trace_id", shard.repeat(32))]),
            value: factor,
            t: start + 1500,
        }],
    };
    let request = WriteRequest {
        series: vec![series("a", 1.0), series("b", 0.1)],
        metadata: vec![Metadata {
            metric: "jobs_done_total".into(),
            kind: MetricKind::Counter,
            help: "Jobs done.".into(),
            unit: String::new(),
        }],
        native_histograms: 0,
    };
    let body = remote_write::encode(&request).unwrap();
    let (status, said) = serve.post("/api/v1/write", "application/x-protobuf", &body);
    assert_eq!((status, said.as_str()), (204, ""));
    start
}

#[test]
fn answers_are_those_of_prometheus() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let start = push(&serve);
    let s = start / 1000;
    let (end, at) = (s + 60, s + 60);
    for (path, want) in [
        (
            format!("/api/v1/query?query=jobs_done_total&time={at}"),
            format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"__name__":"jobs_done_total","shard":"a"}},"value":[{at},"4"]}},{{"metric":{{"__name__":"jobs_done_total","shard":"b"}},"value":[{at},"0.4"]}}]}}}}"#
            ),
        ),
        (
            format!("/api/v1/query?query=1%2B1&time={at}.5"),
            format!(r#"{{"status":"success","data":{{"resultType":"scalar","result":[{at}.500,"2"]}}}}"#),
        ),
        (
            format!("/api/v1/query_range?query=sum(jobs_done_total)&start={s}&end={end}&step=30"),
            format!(
                r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":[[{s},"0"],[{},"2.2"],[{end},"4.4"]]}}]}}}}"#,
                s + 30
            ),
        ),
        (
            "/api/v1/series?match[]=jobs_done_total{shard=\"b\"}".to_owned(),
            r#"{"status":"success","data":[{"__name__":"jobs_done_total","shard":"b"}]}"#.to_owned(),
        ),
        (
            "/api/v1/labels?match[]=jobs_done_total".to_owned(),
            r#"{"status":"success","data":["__name__","shard"]}"#.to_owned(),
        ),
        (
            "/api/v1/label/shard/values".to_owned(),
            r#"{"status":"success","data":["a","b"]}"#.to_owned(),
        ),
        (
            "/api/v1/metadata?metric=jobs_done_total".to_owned(),
            r#"{"status":"success","data":{"jobs_done_total":[{"type":"counter","unit":"","help":"Jobs done."}]}}"#.to_owned(),
        ),
    ] {
        assert_eq!(serve.get(&path), (200, want), "{path}");
    }
    serve.stop();
}

#[test]
fn errors_have_type_and_status() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    for (path, status, kind, words) in [
        (
            "/api/v1/query?query=up{",
            400,
            "bad_data",
            "invalid parameter \\\"query\\\"",
        ),
        ("/api/v1/query?query=", 400, "bad_data", "query"),
        (
            "/api/v1/query?query=1&time=x",
            400,
            "bad_data",
            "cannot parse \\\"x\\\" to a valid timestamp",
        ),
        (
            "/api/v1/query?query=1&timeout=x",
            400,
            "bad_data",
            "to a valid duration",
        ),
        (
            "/api/v1/query_range?query=1&start=5&end=1&step=1",
            400,
            "bad_data",
            "end timestamp must not be before start time",
        ),
        (
            "/api/v1/query_range?query=1&start=1&end=5&step=0",
            400,
            "bad_data",
            "zero or negative query resolution",
        ),
        (
            "/api/v1/query_range?query=1&start=0&end=11001&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points",
        ),
        (
            "/api/v1/series",
            400,
            "bad_data",
            "no match[] parameter provided",
        ),
        ("/api/v1/series?match[]=1%2B1", 400, "bad_data", "match[]"),
        ("/api/v1/admin/tsdb/delete_series?match[]=up", 405, "", ""),
    ] {
        let (got, body) = serve.get(path);
        assert_eq!(got, status, "{path}: {body}");
        if kind.is_empty() {
            continue;
        }
        let head = format!(r#"{{"status":"error","errorType":"{kind}","error":""#);
        assert!(
            body.starts_with(&head) && body.contains(words),
            "{path}: {body}"
        );
    }
    let (status, body) = serve.post("/api/v1/admin/tsdb/delete_series?match[]=up", "", b"");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("admin APIs disabled"), "{body}");
    assert_eq!(serve.get("/api/v1/nothing").0, 404);
    let (status, body) = serve.post("/api/v1/write", "", b"not snappy");
    assert_eq!(status, 400, "{body}");
    serve.stop();
}

#[test]
fn forms_are_taken_and_large_answers_are_zipped() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    push(&serve);
    let form = "application/x-www-form-urlencoded";
    let (status, body) = serve.post("/api/v1/query", form, b"query=vector(3)&time=1");
    assert_eq!(status, 200, "{body}");
    assert!(body.ends_with(r#""value":[1,"3"]}]}}"#), "{body}");
    let url = format!("{}/metrics", serve.url);
    // The client asks for gzip and unpacks it.
    let (_, zipped) = ask(Method::Get, &url, &[], None);
    let (_, plain) = ask(Method::Get, &url, &[("accept-encoding", "identity")], None);
    for text in [&zipped, &plain] {
        assert!(text.contains("\nbongsu_build_info{"), "{text}");
        assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    }
    serve.stop();
}

#[test]
fn what_this_server_shows_is_there_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    assert_eq!(serve.get("/-/healthy").0, 200);
    assert_eq!(serve.get("/-/ready").0, 200);
    crate::engine::until("the first reading is stored", || {
        serve
            .get("/api/v1/query?query=up")
            .1
            .contains(r#""job":"node""#)
    });
    let (_, body) = serve.get("/federate?match[]=up");
    assert!(body.starts_with("# TYPE up untyped\nup{"), "{body}");
    // JVMs of this machine may stand before it.
    let lines = body
        .lines()
        .any(|l| l.starts_with("up{instance=") && l.contains("job=\"node\""));
    assert!(lines, "{body}");
    let (_, body) = serve.get("/api/v1/status/buildinfo");
    assert!(body.contains(r#""version":""#), "{body}");
    for path in ["runtimeinfo", "flags", "config", "tsdb"] {
        let (status, body) = serve.get(&format!("/api/v1/status/{path}"));
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &json["status"]),
            (200, &"success".into()),
            "{path}"
        );
    }
    let (_, body) = serve.get("/api/v1/targets");
    assert!(body.contains(r#""activeTargets":[]"#), "{body}");
    serve.stop();
}

#[test]
fn orders_and_strange_hosts_are_refused_over_tcp() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let url = format!("{}/-/reload", serve.url);
    assert_eq!(ask(Method::Post, &url, &[], Some(vec![])).0, 403);
    assert_eq!(serve.post("/bongsu/v1/act", "", b"{}").0, 403);
    let url = format!("{}/api/v1/query?query=1", serve.url);
    let refused = ask(Method::Get, &url, &[("host", "evil.example")], None);
    assert_eq!(refused.0, 403, "{}", refused.1);
    let origin = ask(
        Method::Get,
        &url,
        &[("origin", "http://evil.example")],
        None,
    );
    assert_eq!(origin.0, 403);
    serve.stop();
}

#[test]
fn admin_deletes_what_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("bongsu.yaml");
    std::fs::write(&config, "api:\n  admin: true\n").unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let start = push(&serve) / 1000 + 60;
    let path = "/api/v1/admin/tsdb/delete_series?match[]={shard=\"a\"}&match[]=nothing";
    assert_eq!(serve.post(path, "", b"").0, 204);
    assert_eq!(
        serve.post("/api/v1/admin/tsdb/clean_tombstones", "", b"").0,
        204
    );
    let (_, body) = serve.get(&format!(
        "/api/v1/query?query=count(jobs_done_total)&time={start}"
    ));
    assert!(body.contains(r#","1"]"#), "{body}");
    serve.stop();
}

#[test]
fn exemplars_are_told_as_prometheus_tells_them() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    let start = push(&serve);
    let at = format!("{}.500", start / 1000 + 1);
    let of = |shard: &str, value: &str| {
        let trace = shard.repeat(32);
        format!(
            r#"{{"seriesLabels":{{"__name__":"jobs_done_total","shard":"{shard}"}},"exemplars":[{{"labels":{{"trace_id":"{trace}"}},"value":"{value}","timestamp":{at}}}]}}"#
        )
    };
    let all = |told: &str| format!(r#"{{"status":"success","data":[{told}]}}"#);
    let path = "/api/v1/query_exemplars?query=";
    for (query, want) in [
        (
            "rate(jobs_done_total[1m])",
            all(&format!("{},{}", of("a", "1"), of("b", "0.1"))),
        ),
        ("jobs_done_total%7Bshard%3D%22b%22%7D", all(&of("b", "0.1"))),
        (
            "jobs_done_total%7Bshard%3D%22a%22%7D%2Fother",
            all(&of("a", "1")),
        ),
        ("1%2B1", all("")),
        ("jobs_done_total&start=0&end=1000", all("")),
    ] {
        let (status, body) = serve.get(&format!("{path}{query}"));
        assert_eq!((status, body.trim_end()), (200, want.as_str()), "{query}");
    }
    assert_eq!(serve.get(&format!("{path}rate(")).0, 400);
    serve.stop();
}
