//! A hanging, dead, lying or huge target harms no other, and its row says what is wrong.

use crate::scrape::list::{Bench, until, until_true};
use crate::scrape::server::Server;
use bongsu::model::view::Health;

/// Path of the server, and what its row must say; up where that is empty.
const CASES: &[(&str, &str)] = &[
    ("/good", ""),
    ("/openmetrics", ""),
    ("/no-type", ""),
    ("/numbers", ""),
    ("/gzip", ""),
    ("/redirect", ""),
    ("/duplicates", ""),
    ("/old", ""),
    ("/cut-openmetrics", "# EOF"),
    ("/json", "application/json instead of metrics"),
    ("/html", "web page"),
    (
        "/html-as-text",
        "line 1: expected a metric's name, found \"<!DOCTYPE",
    ),
    ("/garbage", "line 1: expected a metric's name"),
    ("/gzip-bomb", "larger than the limit of 1048576 bytes"),
    ("/endless", "larger than the limit of 1048576 bytes"),
    ("/cut", ""),
    ("/round", ""),
    ("/missing", "status 404"),
    ("/error", "status 500"),
    ("/trickle", "no answer within 1s"),
    ("/slow-head", "no answer within 1s"),
    ("/hang", "no answer within 1s"),
    ("/nonsense", ""),
];

/// Down, whatever the words.
const DOWN: &[&str] = &["/cut", "/round", "/nonsense"];

fn yaml(server: &Server) -> String {
    let mut out =
        String::from("global: {scrape_interval: 2s, scrape_timeout: 1s}\nscrape_configs:\n");
    for (path, _) in CASES {
        let (name, address) = (path.trim_start_matches('/'), server.address);
        out.push_str(&format!(
            "- job_name: {name}\n  metrics_path: {path}\n  body_size_limit: 1MB\n  \
             static_configs: [{{targets: ['{address}']}}]\n"
        ));
    }
    out.push_str("- job_name: nobody\n  static_configs: [{targets: ['127.0.0.1:1']}]\n");
    out.push_str(
        "- job_name: placeholder\n  static_configs: [{targets: ['{모니터링 서버 주소}']}]\n",
    );
    out
}

#[test]
fn each_says_what_is_wrong_and_none_harms_another() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path(), &yaml(&server));
    for (path, want) in CASES {
        let row = until(path, || {
            let rows = bench.rows();
            let own = rows.iter().find(|r| r.url.ends_with(path)).cloned();
            own.filter(|r| r.health != Health::Unknown)
        });
        let up = want.is_empty() && !DOWN.contains(path);
        assert_eq!(row.health == Health::Up, up, "{path}: {row:?}");
        assert!(row.error.contains(want), "{path}: {:?}", row.error);
        assert_eq!(row.error.is_empty(), up, "{path}: {:?}", row.error);
        let job = format!("job=\"{}\"", path.trim_start_matches('/'));
        assert_eq!(
            bench.list.last("up", &job),
            Some(f64::from(u8::from(up))),
            "{path}"
        );
    }
    let dead = bench.scraped("127.0.0.1:1/");
    assert!(dead.error.contains("connection refused"), "{dead:?}");
    let rows = bench.rows();
    let place = rows.iter().find(|r| r.job == "placeholder").unwrap();
    assert!(place.error.contains("fill in"), "{place:?}");
    // The good one goes on beside all of them.
    until_true("another scrape", || {
        bench.list.samples("good", "job=\"good\"").len() >= 2
    });
    let times = bench.list.samples("good", "job=\"good\"");
    until_true("its row", || {
        bench
            .row("/good")
            .is_some_and(|r| r.last_good >= times[1].0 && r.samples == 1)
    });
}

#[test]
fn odd_numbers_duplicates_and_times_are_kept_or_told() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path(), &yaml(&server));
    bench.scraped("/numbers");
    let list = &bench.list;
    assert!(list.last("n", "v=\"nan\"").is_some_and(f64::is_nan));
    assert_eq!(list.last("n", "v=\"inf\""), Some(f64::INFINITY));
    let row = bench.scraped("/duplicates");
    assert!(row.remark.contains("1 samples came twice"), "{row:?}");
    assert_eq!(list.samples("d", "instance")[0].1, 1.0, "the first stands");
    let row = bench.scraped("/old");
    assert!(row.remark.contains("in the future"), "{row:?}");
    assert_eq!(list.samples("old", "")[0], (1000, 1.0));
    assert!(list.samples("future", "").is_empty());
}
