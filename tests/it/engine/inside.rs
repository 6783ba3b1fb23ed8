//! What Prometheus' clients ask about the server itself: federation, status, who pushes, and the
//! users' own calls to delete.

use crate::engine::{Serve, until};
use bongsu::model::answer::Answer;
use bongsu::model::labels::Labels;
use bongsu::model::request::{Request, ViewName};
use bongsu::model::sample::Sample;
use bongsu::model::view::{SenderRow, View};
use bongsu::source::api::Source;
use bongsu::source::remote::bongsu::RemoteBongsu;
use bongsu::wire::remote_write::{Series, WriteRequest, encode};
use std::path::Path;

fn push(serve: &Serve, series: &[(&[(&str, &str)], f64)], t: i64) -> (u16, String) {
    let series = series.iter().map(|(labels, v)| Series {
        labels: Labels::from_pairs(labels.iter().copied()),
        samples: vec![Sample { t, v: *v }],
        exemplars: vec![],
    });
    let body = encode(&WriteRequest {
        series: series.collect(),
        ..WriteRequest::default()
    });
    serve.post("/api/v1/write", "application/x-protobuf", &body.unwrap())
}

fn now() -> i64 {
    bongsu::base::clock::Clock::System.now_ms() / 1000 * 1000
}

fn json(serve: &Serve, path: &str) -> serde_json::Value {
    let (status, body) = serve.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn senders(dir: &Path) -> Vec<SenderRow> {
    let socket = std::fs::read_to_string(dir.join("data/socket")).unwrap();
    let source = RemoteBongsu::new(socket.trim().into());
    let request = Request::View {
        view: ViewName::Senders,
        at: None,
    };
    let runtime = bongsu::base::task::runtime().unwrap();
    match runtime.block_on(source.ask(request)).unwrap() {
        Answer::View(View::Senders(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

#[test]
fn federation_adds_external_labels_and_status_counts_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    let yaml = "global: {external_labels: {site: seoul, zone: b}}\nhost: {enabled: false}\n";
    std::fs::write(&config, yaml).unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let t = now();
    let a: &[(&str, &str)] = &[("__name__", "m"), ("instance", "a:1"), ("zone", "a")];
    let b: &[(&str, &str)] = &[("__name__", "n"), ("job", "longer")];
    assert_eq!(push(&serve, &[(a, 1.5), (b, 2.0)], t).0, 204);
    let (_, body) = serve.get("/federate?match[]=m&match[]={job=~\"long.*\"}");
    let want = format!(
        "# TYPE m untyped\nm{{instance=\"a:1\",zone=\"a\",site=\"seoul\"}} 1.5 {t}\n\
         # TYPE n untyped\nn{{job=\"longer\",site=\"seoul\",zone=\"b\",instance=\"\"}} 2 {t}\n"
    );
    assert_eq!(body, want);

    let tsdb = json(&serve, "/api/v1/status/tsdb?limit=2");
    let head = &tsdb["data"]["headStats"];
    assert_eq!(head["numSeries"], 2, "{tsdb}");
    assert_eq!(head["numLabelPairs"], 5);
    assert_eq!(head["chunkCount"], 2);
    assert_eq!((&head["minTime"], &head["maxTime"]), (&t.into(), &t.into()));
    let row = |list: &str| tsdb["data"][list][0]["name"].clone();
    assert_eq!(
        tsdb["data"]["seriesCountByMetricName"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(row("labelValueCountByLabelName"), "__name__");
    assert_eq!(row("memoryInBytesByLabelName"), "job");
    assert_eq!(row("seriesCountByLabelValuePair"), "__name__=m");

    let info = json(&serve, "/api/v1/status/runtimeinfo");
    assert_eq!(info["data"]["reloadConfigSuccess"], true);
    let first = info["data"]["lastConfigTime"].clone();
    std::fs::write(&config, "global: {scrape_interval: never}\n").unwrap();
    serve.signal("HUP");
    until("the bad file is refused", || {
        json(&serve, "/api/v1/status/runtimeinfo")["data"]["reloadConfigSuccess"] == false
    });
    let info = json(&serve, "/api/v1/status/runtimeinfo");
    assert_eq!(
        info["data"]["lastConfigTime"], first,
        "what is in force is as old as before"
    );
    std::fs::write(&config, yaml).unwrap();
    serve.signal("HUP");
    until("the good file is taken", || {
        let info = json(&serve, "/api/v1/status/runtimeinfo");
        info["data"]["reloadConfigSuccess"] == true && info["data"]["lastConfigTime"] != first
    });
    serve.stop();
}

#[test]
fn who_pushes_is_known_with_what_was_refused() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start(dir.path(), &[]);
    assert_eq!(senders(dir.path()), []);
    let labels: &[(&str, &str)] = &[("__name__", "pushed")];
    let t = now();
    assert_eq!(push(&serve, &[(labels, 1.0)], t).0, 204);
    let row = senders(dir.path()).remove(0);
    assert_eq!(
        (row.kind.as_str(), row.address.as_str()),
        ("remote write", "127.0.0.1")
    );
    assert_eq!((row.pushes, row.samples, row.refused), (1, 1, 0));
    assert!(
        row.last_push >= t && row.last_good == row.last_push,
        "{row:?}"
    );
    assert_eq!(push(&serve, &[(labels, 2.0)], t - 86_400_000).0, 400);
    assert_eq!(serve.post("/api/v1/write", "", b"no snappy").0, 400);
    let row = senders(dir.path()).remove(0);
    assert_eq!((row.pushes, row.samples, row.refused), (3, 1, 2));
    assert!(!row.error.is_empty(), "{row:?}");
    serve.stop();
}

/// Each call as it stands in the users' own notes, at this server's port.
#[test]
fn the_users_calls_to_delete_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("bongsu.yaml");
    std::fs::write(&config, "api: {admin: true}\nhost: {enabled: false}\n").unwrap();
    let serve = Serve::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/seeds/delete-series-calls.txt");
    let calls = std::fs::read_to_string(file).unwrap();
    let paths = calls.lines().filter_map(|line| {
        let (_, rest) = line.split_once("http://localhost:9090")?;
        Some(rest.trim_end_matches('\''))
    });
    let mut count = 0;
    for path in paths {
        let all: &[(&str, &str)] = &[("__name__", "kept"), ("x", "y")];
        let hit: &[(&str, &str)] = &[("__name__", "up"), ("foo", "bar")];
        assert_eq!(
            push(&serve, &[(all, 1.0), (hit, 1.0)], now() + count * 1000).0,
            204
        );
        assert_eq!(serve.post(path, "", b""), (204, String::new()), "{path}");
        let left = serve.get("/api/v1/series?match[]=kept").1;
        // A plus in a query is a blank, there as here: `.+` must be written `.%2B`.
        assert!(left.contains("kept"), "{path}: {left}");
        if path.contains("foo=\"bar\"") {
            let gone = serve.get("/api/v1/series?match[]={foo=\"bar\"}").1;
            assert!(!gone.contains("bar"), "{gone}");
        }
        count += 1;
    }
    assert_eq!(count, 11);
    let everything = "/api/v1/admin/tsdb/delete_series?match[]={__name__=~\".%2B\"}";
    assert_eq!(serve.post(everything, "", b"").0, 204);
    let (_, left) = serve.get("/api/v1/series?match[]={__name__!=\"\"}");
    assert!(left.contains("\"data\":[]"), "{left}");
    serve.stop();
}
