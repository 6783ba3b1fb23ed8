//! The life of targets: asked politely, kept over a reload, added, changed and removed while the
//! engine runs.

use crate::scrape::list::{Bench, until, until_true};
use crate::scrape::server::Server;
use bongsu::collect::scrape::ingest::ThisMachine;
use bongsu::model::action::Outcome;
use bongsu::model::view::Health;

fn job(name: &str, path: &str, server: &Server, more: &str) -> String {
    let address = server.address;
    format!(
        "- job_name: {name}\n  metrics_path: {path}\n  \
         static_configs: [{{targets: ['{address}']}}]\n{more}"
    )
}

fn yaml(jobs: &[String]) -> String {
    let head = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n";
    format!("{head}{}", jobs.concat())
}

#[test]
fn a_target_is_asked_as_it_wants_to_be() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let more = "  basic_auth: {username: me, password: secret}\n  params: {module: [a b]}\n  \
                http_headers: {X-Own: {values: [yes1]}}\n";
    let bench = Bench::start(dir.path(), &yaml(&[job("j", "/good", &server, more)]));
    let row = bench.scraped("/good");
    assert!(row.url.ends_with("/good?module=a%20b"), "{}", row.url);
    let head = server.head("/good").unwrap().to_lowercase();
    for line in [
        "accept: application/openmetrics-text;version=1.0.0",
        "x-prometheus-scrape-timeout-seconds: 1",
        "authorization: basic bwu6c2vjcmv0",
        "x-own: yes1",
        "user-agent: bongsu/",
        "accept-encoding: identity",
    ] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
}

#[test]
fn every_scrape_writes_its_own_series() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    server.set("a 1\nb 2\n");
    let more = "  metric_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}]\n  \
                extra_scrape_metrics: true\n";
    let bench = Bench::start(dir.path(), &yaml(&[job("j", "/set", &server, more)]));
    until_true("two scrapes", || bench.list.samples("up", "").len() >= 2);
    let list = &bench.list;
    let first = |name: &str| list.samples(name, "job=\"j\"").first().map(|s| s.1);
    assert_eq!(first("up"), Some(1.0));
    assert_eq!(first("scrape_samples_scraped"), Some(2.0));
    assert_eq!(first("scrape_samples_post_metric_relabeling"), Some(1.0));
    assert_eq!(first("scrape_series_added"), Some(1.0));
    assert_eq!(first("scrape_timeout_seconds"), Some(1.0));
    assert_eq!(first("scrape_body_size_bytes"), Some(8.0));
    assert!(first("scrape_duration_seconds").is_some_and(|s| s > 0.0 && s < 10.0));
    assert_eq!(list.samples("scrape_series_added", "")[1].1, 0.0);
    assert_eq!(
        list.samples("a", "")[0].0,
        list.samples("up", "")[0].0,
        "one time for all"
    );
    // Planned times lie on the interval.
    let times: Vec<i64> = list.samples("up", "").iter().map(|s| s.0).collect();
    let apart = times[1] - times[0];
    assert!((150..30_000).contains(&apart), "{times:?}");
}

#[test]
fn series_end_when_they_vanish_and_when_the_target_fails_or_goes() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    server.set("a 1\nb 1\n");
    let bench = Bench::start(dir.path(), &yaml(&[job("j", "/set", &server, "")]));
    until_true("b", || bench.list.last("b", "") == Some(1.0));
    server.set("a 1\n");
    until_true("b to end", || bench.list.is_ended("b", ""));
    server.set("<html>\n");
    until_true("a to end", || bench.list.is_ended("a", ""));
    assert_eq!(bench.list.last("up", ""), Some(0.0));
    until_true("the last good time to stay behind", || {
        let row = bench.scraped("/set");
        row.health == Health::Down && row.last_good > 0 && row.last_good < row.last_scrape
    });
    server.set("a 2\n");
    until_true("a to come back", || bench.list.last("a", "") == Some(2.0));
    bench.apply(dir.path(), "scrape_configs: []\n");
    until_true("the target to end", || {
        bench.list.is_ended("a", "") && bench.list.is_ended("up", "")
    });
    until_true("its row to go", || bench.rows().is_empty());
}

#[test]
fn a_reload_keeps_what_it_does_not_change() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let (keep, change) = (
        job("keep", "/good", &server, ""),
        job("change", "/openmetrics", &server, ""),
    );
    let bench = Bench::start(dir.path(), &yaml(&[keep.clone(), change]));
    bench.scraped("/good");
    bench.scraped("/openmetrics");
    let kept = bench.row("/good").unwrap();
    let added_before = bench.list.samples("scrape_series_added", "job=\"keep\"")[0].1;
    let changed = job("change", "/openmetrics", &server, "  honor_labels: true\n");
    bench.apply(
        dir.path(),
        &yaml(&[keep, changed, job("new", "/numbers", &server, "")]),
    );
    // No state was lost: the row of the kept one still has its times at once.
    assert!(bench.row("/good").unwrap().last_good >= kept.last_good);
    bench.scraped("/numbers");
    let scrapes = bench.list.samples("up", "job=\"keep\"").len();
    until_true("another scrape", || {
        bench.list.samples("up", "job=\"keep\"").len() > scrapes
    });
    let added: Vec<f64> = bench
        .list
        .samples("scrape_series_added", "job=\"keep\"")
        .iter()
        .map(|s| s.1)
        .collect();
    assert_eq!(
        (added_before, added.iter().sum::<f64>()),
        (1.0, 1.0),
        "the cache was kept"
    );
    assert!(
        !bench
            .list
            .samples("up", "job=\"keep\"")
            .iter()
            .any(|s| s.1.is_nan())
    );
}

#[test]
fn a_target_is_tried_added_and_removed() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    server.set("# TYPE a gauge\n# HELP a it is\na{x=\"1\"} 1\na{x=\"2\"} 1\n");
    let bench = Bench::start(dir.path(), &yaml(&[]));
    let url = format!("http://{}/set", server.address);
    let tried = bench
        .runtime
        .block_on(bench.scraper.try_target(url.clone()));
    let Outcome::Preview { lines } = tried else {
        panic!("{tried:?}")
    };
    let text = lines.join("\n");
    assert!(
        text.contains("2 samples of 1 metric in text 0.0.4"),
        "{text}"
    );
    assert!(text.contains("a (gauge, 2 samples) it is"), "{text}");
    assert!(bench.list.series().is_empty(), "a trial stores nothing");
    let bad = bench
        .runtime
        .block_on(bench.scraper.try_target("127.0.0.1:1".into()));
    assert!(
        matches!(&bad, Outcome::Refused { said } if said.contains("refused")),
        "{bad:?}"
    );

    let labels = vec![("env".to_owned(), "dev".to_owned())];
    let add = || {
        bench
            .scraper
            .add_target(url.clone(), String::new(), labels.clone())
    };
    let added = bench.runtime.block_on(add());
    assert!(matches!(added, Outcome::Done { .. }), "{added:?}");
    until_true("the added target", || {
        bench.list.last("a", "env=\"dev\"") == Some(1.0)
    });
    let row = bench.scraped("/set");
    assert_eq!((row.job.as_str(), row.health), ("added", Health::Up));
    let again = bench.runtime.block_on(add());
    assert!(matches!(again, Outcome::Refused { .. }), "{again:?}");

    let folder = dir.path().join("data/targets");
    let file = std::fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::remove_file(file).unwrap();
    until_true("the target to end", || {
        bench.list.is_ended("a", "env=\"dev\"")
    });
    until_true("its row to go", || bench.rows().is_empty());
}

#[test]
fn a_watched_file_adds_targets_and_relabelling_drops_them() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("targets.json");
    let address = server.address;
    std::fs::write(
        &file,
        format!("[{{\"targets\": [\"{address}\", \"drop.me:1\"]}}]"),
    )
    .unwrap();
    let bench = Bench::start(
        dir.path(),
        &yaml(&["- job_name: files\n  metrics_path: /good\n  file_sd_configs: [{files: ['targets.json']}]\n  \
                 relabel_configs: [{source_labels: [__address__], regex: 'drop.*', action: drop}]\n".into()]),
    );
    bench.scraped("/good");
    let rows = bench.rows();
    let dropped = rows.iter().find(|r| r.dropped).unwrap();
    assert_eq!(dropped.instance, "drop.me:1");
    assert_eq!(dropped.relabel_steps.len(), 1);
    std::fs::write(&file, "[{\"targets\": [").unwrap();
    let problem = until("the file's problem", || {
        bench.rows().iter().find(|r| !r.error.is_empty()).cloned()
    });
    assert!(problem.error.contains("targets.json"), "{problem:?}");
    assert!(
        bench.row("/good").is_some(),
        "the targets of the good file stay"
    );
    std::fs::write(&file, "[]").unwrap();
    until_true("no targets", || bench.rows().is_empty());
}

#[test]
fn too_many_targets_are_none() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let more = "  target_limit: 1\n  relabel_configs: []\n";
    let mut text = job("j", "/good", &server, more);
    text = text.replace("targets: [", "targets: ['127.0.0.1:1', ");
    let bench = Bench::start(dir.path(), &yaml(&[text]));
    let row = bench.scraped("/good");
    assert!(row.error.contains("target_limit is 1"), "{row:?}");
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_target_that_shows_this_machine_is_told() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    server.set("node_uname_info{nodename=\"here\"} 1\nnode_boot_time_seconds 1.5e9\n");
    let this = ThisMachine {
        nodename: "here".into(),
        booted_at: 1.5e9 + 0.4,
    };
    let bench = Bench::start_as(dir.path(), &yaml(&[job("n", "/set", &server, "")]), this);
    let shown = bench.scraper.shows_this_machine();
    until_true("this machine", || shown.borrow().is_some());
    let labels = shown.borrow().clone().unwrap();
    let address = server.address.to_string();
    assert_eq!(
        (labels.get("job"), labels.get("instance")),
        ("n", address.as_str())
    );
    assert!(bench.scraped("/set").remark.contains("gives way"));
    bench.apply(dir.path(), "scrape_configs: []\n");
    until_true("nobody", || shown.borrow().is_none());
}
