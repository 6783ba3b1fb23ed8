//! Passes over trees of cgroups, with and without an engine that names them.

use super::*;
use crate::collect::container::docker::known::Engine;
use crate::model::answer::Metadata;
use crate::model::sample::is_stale;
use crate::store::write::{Append, Appended, SeriesId, WriteError};
use parking_lot::Mutex;
use std::fs;
use std::path::Path;

const ID: &str = "7c7538533f86fae4d71843af1ba39aaf9c557664111c07311e20dad1748733bf";

/// A store that only remembers.
#[derive(Default)]
struct Memory {
    series: Mutex<Vec<Labels>>,
    stored: Mutex<Vec<Append>>,
    live: Mutex<Vec<(Labels, i64, f64)>>,
}

impl MetricSink for Memory {
    fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
        let mut series = self.series.lock();
        series.push(labels.clone());
        Ok(SeriesId(series.len() as u64 - 1))
    }

    fn append(&self, batch: &[Append]) -> Result<Appended, WriteError> {
        self.stored.lock().extend(batch);
        Ok(Appended::default())
    }

    fn append_live(&self, batch: &[(Labels, i64, f64)]) {
        self.live.lock().extend_from_slice(batch);
    }

    fn describe(&self, _: &[Metadata]) {}
}

impl Memory {
    /// Name, `name` label and value of what was stored at one time.
    fn at(&self, t: i64, metric: &str) -> Vec<(String, f64)> {
        let series = self.series.lock();
        let stored = self.stored.lock();
        let of = |a: &Append| {
            let labels = &series[a.series.0 as usize];
            (labels.metric_name() == metric).then(|| (labels.get("name").to_owned(), a.v))
        };
        stored.iter().filter(|a| a.t == t).filter_map(of).collect()
    }
}

fn tree(root: &Path) -> std::path::PathBuf {
    fs::create_dir_all(root.join("proc/self")).unwrap();
    fs::write(
        root.join("proc/self/mounts"),
        "none /sys/fs/cgroup cgroup2 rw 0 0\n",
    )
    .unwrap();
    let dir = root.join(format!("sys/fs/cgroup/system.slice/docker-{ID}.scope"));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("cpu.stat"), "usage_usec 1500000\n").unwrap();
    fs::write(dir.join("memory.current"), "1000\n").unwrap();
    dir
}

fn known(name: &str) -> Arc<Known> {
    Arc::new(Known {
        engines: vec![Engine {
            address: "unix:///d.sock".to_owned(),
            containers: vec![Arc::new(Container {
                id: ID.to_owned(),
                name: name.to_owned(),
                state: "running".to_owned(),
                ..Container::default()
            })],
            ..Engine::default()
        }],
    })
}

struct Bench {
    reader: Reader,
    sink: Arc<Memory>,
    known: watch::Sender<Arc<Known>>,
    places: watch::Receiver<Arc<Vec<Place>>>,
    scraped: watch::Sender<Arc<Vec<ScrapedContainers>>>,
}

fn bench(root: &Path) -> Bench {
    let sink = Arc::new(Memory::default());
    let known = watch::Sender::default();
    let (tell, places) = watch::channel(Arc::default());
    let scraped = watch::Sender::default();
    let reader = Reader::new(Parts {
        cgroups: Cgroups::new(root),
        sink: sink.clone(),
        host: "web1".to_owned(),
        labels: Vec::new(),
        known: known.subscribe(),
        places: tell,
        scraped: scraped.subscribe(),
        shown_by: watch::Sender::default(),
    });
    Bench {
        reader,
        sink,
        known,
        places,
        scraped,
    }
}

#[test]
fn a_stopped_container_goes_stale() {
    let root = tempfile::tempdir().unwrap();
    let dir = tree(root.path());
    let mut bench = bench(root.path());
    let metric = "container_cpu_usage_seconds_total";
    assert_eq!(bench.reader.read(1_000, true), 1);
    assert_eq!(
        bench.sink.at(1_000, metric),
        [("7c7538533f86".to_owned(), 1.5)]
    );
    fs::remove_dir_all(dir).unwrap();
    assert_eq!(bench.reader.read(16_000, true), 0);
    let ended = bench.sink.at(16_000, metric);
    assert!(ended.len() == 1 && is_stale(ended[0].1));
    assert!(bench.reader.namers.is_empty());
}

#[test]
fn a_name_that_becomes_known_ends_the_nameless_series() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let mut bench = bench(root.path());
    bench.reader.read(1_000, true);
    bench.known.send_replace(known("shop-web-1"));
    bench.reader.read(16_000, true);
    let mut at = bench.sink.at(16_000, "container_memory_usage_bytes");
    at.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(at[0].0 == "7c7538533f86" && is_stale(at[0].1));
    assert_eq!(at[1], ("shop-web-1".to_owned(), 1000.0));
}

#[test]
fn the_view_has_what_engines_and_cgroups_show() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let mut bench = bench(root.path());
    bench.reader.read(1_000, true);
    let places = bench.places.borrow().clone();
    let nameless = view(&Known::default(), &places);
    assert_eq!(
        (
            nameless.rows[0].name.as_str(),
            nameless.rows[0].engine.as_str()
        ),
        ("7c7538533f86", "docker")
    );
    let named = view(&known("shop-web-1"), &places);
    assert_eq!(named.rows.len(), 1);
    let row = &named.rows[0];
    assert_eq!(
        (row.name.as_str(), row.address.as_str()),
        ("shop-web-1", "unix:///d.sock")
    );
    assert_eq!(row.cgroup, format!("/system.slice/docker-{ID}.scope"));
}

#[test]
fn new_cgroups_are_looked_for_when_an_engine_tells_something() {
    let root = tempfile::tempdir().unwrap();
    let dir = tree(root.path());
    fs::remove_dir_all(&dir).unwrap();
    let mut bench = bench(root.path());
    bench.reader.read(1_000, true);
    tree(root.path());
    assert_eq!(bench.reader.read(3_000, false), 0);
    bench.known.send_replace(known("web"));
    assert_eq!(bench.reader.read(5_000, false), 1);
}

#[test]
fn the_first_numbers_wait_for_names_and_not_for_ever() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let mut bench = bench(root.path());
    let mut silent = Known::clone(&known("web"));
    bench.known.send_replace(Arc::new(silent.clone()));
    assert!(!bench.reader.engines_have_spoken(1_000));
    assert!(!bench.reader.engines_have_spoken(5_000));
    assert!(bench.reader.engines_have_spoken(6_001));
    silent.engines[0].tried = true;
    bench.known.send_replace(Arc::new(silent));
    assert!(bench.reader.engines_have_spoken(1_000));
}

#[test]
fn a_scraped_cadvisor_of_this_machine_takes_over() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let mut bench = bench(root.path());
    let metric = "container_cpu_usage_seconds_total";
    bench.reader.read(1_000, true);
    let target = |id: &str| {
        Arc::new(vec![ScrapedContainers {
            ids: vec![id.to_owned()],
            labels: Labels::from_pairs([("instance", "cadvisor:8080")]),
        }])
    };
    // One of another machine is nobody's copy.
    bench.scraped.send_replace(target(&"ab".repeat(32)));
    bench.reader.read(16_000, true);
    assert_eq!(bench.sink.at(16_000, metric).len(), 1);
    bench.scraped.send_replace(target(ID));
    bench.reader.read(31_000, true);
    let ended = bench.sink.at(31_000, metric);
    assert!(ended.len() == 1 && is_stale(ended[0].1), "{ended:?}");
    let live = bench.sink.live.lock().clone();
    assert!(
        live.last()
            .is_some_and(|(_, t, v)| *t == 31_000 && is_stale(*v))
    );
    bench.reader.read(46_000, true);
    assert_eq!(bench.sink.at(46_000, metric), []);
    // It goes, and the built-in copy is back.
    bench.scraped.send_replace(Arc::default());
    bench.reader.read(61_000, true);
    assert_eq!(bench.sink.at(61_000, metric)[0].1, 1.5);
}
