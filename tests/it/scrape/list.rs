//! A store that is a list, and a scraper that writes into it.

use bongsu::base::clock::{Clock, Duration};
use bongsu::base::task;
use bongsu::collect::scrape::director::{Jobs, MAX_BODY, Options, Scraper};
use bongsu::collect::scrape::ingest::ThisMachine;
use bongsu::config::{Config, load};
use bongsu::model::answer::Metadata;
use bongsu::model::labels::Labels;
use bongsu::model::sample::is_stale;
use bongsu::model::view::{Health, TargetRow};
use bongsu::store::write::{Append, Appended, MetricSink, SeriesId, WriteError};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

#[derive(Default)]
pub(crate) struct List {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    series: Vec<Labels>,
    samples: Vec<Append>,
}

impl MetricSink for List {
    fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
        let mut inner = self.inner.lock().unwrap();
        let at = inner.series.iter().position(|l| l == labels);
        let at = at.unwrap_or_else(|| {
            inner.series.push(labels.clone());
            inner.series.len() - 1
        });
        Ok(SeriesId(at as u64))
    }

    fn append(&self, batch: &[Append]) -> Result<Appended, WriteError> {
        self.inner.lock().unwrap().samples.extend_from_slice(batch);
        Ok(Appended::default())
    }

    fn append_live(&self, _: &[(Labels, i64, f64)]) {}

    fn describe(&self, _: &[Metadata]) {}
}

impl List {
    /// Time and value of every sample of the metric whose labels hold `part`.
    pub(crate) fn samples(&self, metric: &str, part: &str) -> Vec<(i64, f64)> {
        let inner = self.inner.lock().unwrap();
        let fits = |l: &Labels| l.metric_name() == metric && l.to_string().contains(part);
        let samples = inner.samples.iter();
        samples
            .filter(|a| fits(&inner.series[a.series.0 as usize]))
            .map(|a| (a.t, a.v))
            .collect()
    }

    pub(crate) fn last(&self, metric: &str, part: &str) -> Option<f64> {
        self.samples(metric, part).last().map(|s| s.1)
    }

    pub(crate) fn is_ended(&self, metric: &str, part: &str) -> bool {
        self.last(metric, part).is_some_and(is_stale)
    }

    pub(crate) fn series(&self) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        inner.series.iter().map(ToString::to_string).collect()
    }
}

/// A scraper on a runtime of its own.
pub(crate) struct Bench {
    pub(crate) list: Arc<List>,
    pub(crate) scraper: Scraper,
    pub(crate) runtime: tokio::runtime::Runtime,
}

pub(crate) fn config(dir: &Path, yaml: &str) -> Config {
    let path = dir.join("prometheus.yml");
    std::fs::write(&path, yaml).unwrap();
    let loaded = load(&[path]);
    assert!(loaded.is_accepted(), "{:?}", loaded.findings);
    loaded.config.unwrap()
}

pub(crate) fn jobs(dir: &Path, yaml: &str) -> Jobs {
    let config = config(dir, yaml);
    Jobs {
        scrape: config.scrape,
        interval: Duration::from_secs(1),
    }
}

impl Bench {
    pub(crate) fn start(dir: &Path, yaml: &str) -> Self {
        Self::start_as(dir, yaml, ThisMachine::default())
    }

    pub(crate) fn start_as(dir: &Path, yaml: &str, this: ThisMachine) -> Self {
        let list = Arc::new(List::default());
        let runtime = task::runtime().unwrap();
        let options = Options {
            sink: Arc::clone(&list) as Arc<dyn MetricSink>,
            clock: Clock::System,
            names: None,
            this,
            data_dir: Some(dir.join("data")),
            max_body: MAX_BODY,
        };
        let jobs = jobs(dir, yaml);
        let scraper = runtime.block_on(async { Scraper::start(options, jobs) });
        Self {
            list,
            scraper,
            runtime,
        }
    }

    pub(crate) fn apply(&self, dir: &Path, yaml: &str) {
        self.runtime.block_on(self.scraper.apply(jobs(dir, yaml)));
    }

    pub(crate) fn rows(&self) -> Arc<Vec<TargetRow>> {
        self.scraper.rows().borrow().clone()
    }

    pub(crate) fn row(&self, part: &str) -> Option<TargetRow> {
        let rows = self.rows();
        rows.iter().find(|r| r.url.contains(part)).cloned()
    }

    /// The row, once it has been scraped.
    pub(crate) fn scraped(&self, part: &str) -> TargetRow {
        until(&format!("{part} to be scraped"), || {
            self.row(part).filter(|r| r.health != Health::Unknown)
        })
    }
}

/// Waits until `found` gives something.
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "waited in vain for {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn until_true(what: &str, mut found: impl FnMut() -> bool) {
    until(what, || found().then_some(()));
}
