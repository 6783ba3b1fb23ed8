//! What the store gets of a body, and what it does not.

use super::*;
use crate::base::clock::Duration;
use crate::collect::discovery::ADDRESS;
use crate::collect::scrape::added;
use crate::collect::scrape::plan::{Outcome, plan};
use crate::model::sample::is_stale;
use parking_lot::Mutex;

/// A store that is a list.
#[derive(Default)]
struct List {
    series: Mutex<Vec<Labels>>,
    described: Mutex<Vec<Metadata>>,
    exemplars: Mutex<Vec<(String, Exemplar)>>,
    /// More series are refused.
    most: usize,
}

impl MetricSink for List {
    fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
        let mut series = self.series.lock();
        if let Some(at) = series.iter().position(|l| l == labels) {
            return Ok(SeriesId(at as u64));
        }
        if self.most > 0 && series.len() == self.most {
            return Err(WriteError::Limit("no more series".into()));
        }
        series.push(labels.clone());
        Ok(SeriesId(series.len() as u64 - 1))
    }

    fn append(&self, _: &[Append]) -> Result<crate::store::write::Appended, WriteError> {
        Ok(crate::store::write::Appended::default())
    }

    fn append_live(&self, _: &[(Labels, i64, f64)]) {}

    fn describe(&self, metadata: &[Metadata]) {
        self.described.lock().extend_from_slice(metadata);
    }

    fn append_exemplars(&self, batch: Vec<(SeriesId, Exemplar)>) {
        let named = batch.into_iter().map(|(id, e)| {
            let labels = self.series.lock()[id.0 as usize].to_string();
            (labels, e)
        });
        self.exemplars.lock().extend(named);
    }
}

struct Bench {
    list: List,
    ingest: Ingest,
    t: i64,
}

impl Bench {
    fn new(edit: impl FnOnce(&mut ScrapeConfig)) -> Self {
        let mut job = added::job("/none".as_ref(), Duration::ZERO);
        job.job_name = "j".to_owned();
        edit(&mut job);
        let found = Labels::from_pairs([(ADDRESS, "h:1")]);
        let Outcome::Scrape(target) = plan(&job, &found).outcome else {
            panic!("dropped")
        };
        let this = ThisMachine {
            nodename: "me".into(),
            booted_at: 1000.0,
        };
        Self {
            list: List::default(),
            ingest: Ingest::new(Arc::new(job), Arc::new(target), Arc::new(this)),
            t: 0,
        }
    }

    fn read(&mut self, body: &str) -> (Result<Taken, String>, Vec<String>) {
        self.t += 1000;
        let mut batch = Vec::new();
        let format = if body.ends_with("# EOF\n") {
            Format::OpenMetrics
        } else {
            Format::Text
        };
        let body = Body {
            bytes: body.as_bytes(),
            format,
            t: self.t,
        };
        let taken = self.ingest.read(body, &self.list, &mut batch);
        if taken.is_err() {
            self.ingest.mark_all(self.t, &mut batch);
        }
        let series = self.list.series.lock();
        let show = |a: &Append| {
            let v = if is_stale(a.v) {
                "stale".to_owned()
            } else {
                a.v.to_string()
            };
            let labels = series[a.series.0 as usize].retain(|n| !["job", "instance"].contains(&n));
            format!("{labels} {v} @{}", a.t)
        };
        let shown = batch.iter().map(show).collect();
        drop(series);
        (taken, shown)
    }

    fn samples(&mut self, body: &str) -> Vec<String> {
        self.read(body).1
    }
}

#[test]
fn series_come_stay_and_go() {
    let mut bench = Bench::new(|_| ());
    assert_eq!(
        bench.samples("a 1\nb{x=\"1\"} 2\n"),
        ["a 1 @1000", "b{x=\"1\"} 2 @1000"]
    );
    let (taken, samples) = bench.read("b{x=\"1\"} 3\nc 4\n");
    assert_eq!(
        samples,
        ["b{x=\"1\"} 3 @2000", "c 4 @2000", "a stale @2000"]
    );
    let taken = taken.unwrap();
    assert_eq!((taken.scraped, taken.kept, taken.added), (2, 2, 1));
    // Another text of the same series is no end of it.
    assert_eq!(
        bench.samples("b{ x=\"1\" } 3\nc 4\n"),
        ["b{x=\"1\"} 3 @3000", "c 4 @3000"]
    );
    assert_eq!(bench.list.series.lock().len(), 3);
}

#[test]
fn a_broken_body_leaves_nothing_but_markers() {
    let mut bench = Bench::new(|_| ());
    bench.samples("a 1\n");
    let (taken, samples) = bench.read("a 2\nnew 1\n<html>\n");
    assert_eq!(
        taken.unwrap_err(),
        "line 3: expected a metric's name, found \"<html>\""
    );
    assert_eq!(samples, ["a stale @2000"]);
    assert_eq!(
        bench.list.series.lock().len(),
        1,
        "no series of a body that was refused"
    );
    // The marker is written once, and the series comes back.
    assert_eq!(bench.samples("<html>\n"), Vec::<String>::new());
    assert_eq!(bench.samples("a 3\n"), ["a 3 @4000"]);
    assert_eq!(bench.samples("b 3\n"), ["b 3 @5000", "a stale @5000"]);
}

#[test]
fn duplicates_and_the_future_are_left_out_and_told() {
    let mut bench = Bench::new(|_| ());
    let (taken, samples) = bench.read("a 1\na 2\nb 1 700000\nc 1 2000000\n");
    assert_eq!(
        samples,
        ["a 1 @1000", "b 1 @700000"][..1],
        "b is more than ten minutes ahead"
    );
    let remarks = taken.unwrap().remarks;
    assert!(
        remarks[0].starts_with("1 samples came twice"),
        "{remarks:?}"
    );
    assert!(
        remarks[1].starts_with("2 samples lie more than 10 minutes"),
        "{remarks:?}"
    );
}

#[test]
fn own_timestamps_count_where_they_are_honoured() {
    let body = "# TYPE a gauge\na 1 0.5\na 2 0.6\nb 1\na 3 0.7\n# EOF\n";
    let mut bench = Bench::new(|_| ());
    assert_eq!(
        bench.samples(body),
        ["a 1 @500", "a 2 @600", "b 1 @1000", "a 3 @700"]
    );
    // No marker for a series that dates itself.
    assert_eq!(bench.samples("b 1\n"), ["b 1 @2000"]);
    let mut bench = Bench::new(|job| job.track_timestamps_staleness = true);
    bench.samples(body);
    assert_eq!(bench.samples("b 1\n"), ["b 1 @2000", "a stale @2000"]);
    let mut bench = Bench::new(|job| job.honor_timestamps = false);
    assert_eq!(bench.samples(body), ["a 1 @1000", "b 1 @1000"]);
}

#[test]
fn clashing_labels_are_exported_or_honoured() {
    let body = "a{job=\"theirs\",x=\"\"} 1\n";
    let mut bench = Bench::new(|_| ());
    bench.samples(body);
    let series = bench.list.series.lock()[0].to_string();
    assert_eq!(
        series,
        "a{exported_job=\"theirs\", instance=\"h:1\", job=\"j\"}"
    );
    let mut bench = Bench::new(|job| job.honor_labels = true);
    bench.samples(body);
    let series = bench.list.series.lock()[0].to_string();
    assert_eq!(series, "a{instance=\"h:1\", job=\"theirs\"}");
}

#[test]
fn limits_refuse_the_whole_scrape() {
    let mut bench = Bench::new(|job| job.scraping.limits.samples = 2);
    assert_eq!(bench.samples("a 1\nb 1\n").len(), 2);
    let (taken, samples) = bench.read("a 1\nb 1\nc 1\n");
    assert!(taken.unwrap_err().contains("sample_limit"));
    assert_eq!(samples, ["a stale @2000", "b stale @2000"]);
    for (edit, word) in [
        (
            (|j| j.scraping.limits.labels = 3) as fn(&mut ScrapeConfig),
            "label_limit is 3",
        ),
        (
            |j| j.scraping.limits.label_name_length = 8,
            "label_name_length_limit",
        ),
        (
            |j| j.scraping.limits.label_value_length = 4,
            "label_value_length_limit",
        ),
    ] {
        let mut bench = Bench::new(edit);
        let error = bench.read("a{long_name=\"long value\"} 1\n").0.unwrap_err();
        assert!(
            error.contains(word) && error.starts_with("line 1: "),
            "{error}"
        );
    }
}

#[test]
fn a_full_store_keeps_the_known_series() {
    let mut bench = Bench::new(|_| ());
    bench.list.most = 2;
    bench.samples("a 1\n");
    let (taken, samples) = bench.read("a 2\nb 1\nc 1\nd 1\n");
    assert_eq!(samples, ["a 2 @2000", "b 1 @2000"]);
    assert_eq!(
        taken.unwrap().remarks,
        ["scraped, but not stored: no more series"]
    );
    bench.list.most = 0;
    assert_eq!(bench.samples("a 2\nb 1\nc 1\nd 1\n").len(), 4);
}

#[test]
fn metric_relabelling_drops_and_renames() {
    use crate::base::regex::Regex;
    use crate::config::relabel::{RelabelAction, RelabelRule};
    let rule = |action, regex: &str, target: &str, replacement: &str| RelabelRule {
        action,
        source_labels: vec![METRIC_NAME.into()],
        separator: ";".into(),
        regex: Regex::anchored(regex).unwrap(),
        modulus: 0,
        target_label: target.into(),
        replacement: replacement.into(),
    };
    let mut bench = Bench::new(|job| {
        job.metric_relabel = vec![
            rule(RelabelAction::Drop, "go_.*", "", ""),
            rule(RelabelAction::Replace, "old_(.*)", METRIC_NAME, "new_$1"),
        ];
    });
    for _ in 0..2 {
        let (taken, samples) = bench.read("go_a 1\nold_b 2\ngo_a 1\n");
        assert_eq!(samples, [format!("new_b 2 @{}", bench.t)]);
        let taken = taken.unwrap();
        assert_eq!((taken.scraped, taken.kept), (3, 1));
        assert_eq!(taken.remarks, Vec::<String>::new());
    }
}

#[test]
fn metadata_is_described_when_it_changes() {
    let mut bench = Bench::new(|_| ());
    bench.samples("# HELP a it is\n# TYPE a gauge\na 1\n");
    bench.samples("# HELP a it is\n# TYPE a gauge\na 2\n");
    assert_eq!(bench.list.described.lock().len(), 1);
    bench.samples("# HELP a it was\n# TYPE a gauge\na 2\n");
    let described = bench.list.described.lock();
    assert_eq!((described.len(), described[1].help.as_str()), (2, "it was"));
}

#[test]
fn this_machine_is_recognised() {
    for (name, boot, want) in [
        ("me", 1001, true),
        ("me", 2000, false),
        ("you", 1000, false),
    ] {
        let mut bench = Bench::new(|_| ());
        bench.samples(&format!(
            "node_uname_info{{nodename=\"{name}\",release=\"6\"}} 1\nnode_boot_time_seconds {boot}\n"
        ));
        assert_eq!(bench.ingest.shows_this_machine(), want, "{name} {boot}");
    }
}

#[test]
fn series_that_the_store_forgot_are_resolved_again() {
    let mut bench = Bench::new(|_| ());
    bench.samples("a 1\nb 1\n");
    bench.ingest.forget(&[SeriesId(0)]);
    let taken = bench.read("a 2\nb 2\n").0.unwrap();
    assert_eq!((taken.kept, taken.added), (2, 1));
}

#[test]
fn exemplars_go_with_their_series() {
    let mut bench = Bench::new(|_| ());
    for round in 1..3 {
        // Once with a series that is new, once with one that is known.
        let body = format!(
            "# TYPE a counter\na_total{{x=\"1\"}} 3 # {{trace_id=\"{round}\"}} 0.5 1.25\n\
             a_total{{x=\"2\"}} 3 # {{trace_id=\"{}\"}} 1\n# EOF\n",
            "long".repeat(40)
        );
        let (taken, samples) = bench.read(&body);
        assert_eq!((taken.unwrap().kept, samples.len()), (2, 2));
        let told = std::mem::take(&mut *bench.list.exemplars.lock());
        let [(series, exemplar)] = &told[..] else {
            panic!("{told:?}")
        };
        assert!(series.starts_with("a_total{") && series.contains("x=\"1\""));
        assert_eq!(exemplar.labels.get("trace_id"), round.to_string());
        assert_eq!((exemplar.value, exemplar.t), (0.5, 1250));
    }
}
