//! The rounds, against lists in place of a store.

use crate::collect::host::run::{Rounds, Setup, start};
use crate::model::answer::Metadata;
use crate::model::labels::Labels;
use crate::model::sample::is_stale;
use crate::store::write::{Append, Appended, MetricSink, SeriesId, SnapshotSink, WriteError};
use crate::wire::process_record;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Default)]
struct List {
    series: Mutex<Vec<Labels>>,
    samples: Mutex<Vec<Append>>,
    live: Mutex<Vec<(Labels, i64, f64)>>,
    metadata: Mutex<Vec<Metadata>>,
    snapshots: Mutex<Vec<(String, i64, Vec<u8>)>>,
    resolved: Mutex<u32>,
    /// Answered as gone at the next append.
    gone: Mutex<Vec<SeriesId>>,
    refuse: Mutex<bool>,
}

impl MetricSink for List {
    fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
        *self.resolved.lock() += 1;
        let mut series = self.series.lock();
        series.push(labels.clone());
        Ok(SeriesId(series.len() as u64 - 1))
    }

    fn append(&self, batch: &[Append]) -> Result<Appended, WriteError> {
        if *self.refuse.lock() {
            return Err(WriteError::Poisoned("the disk said no".to_owned()));
        }
        let gone = std::mem::take(&mut *self.gone.lock());
        let kept = batch.iter().filter(|a| !gone.contains(&a.series));
        self.samples.lock().extend(kept);
        Ok(Appended {
            gone,
            ..Appended::default()
        })
    }

    fn append_live(&self, batch: &[(Labels, i64, f64)]) {
        self.live.lock().extend_from_slice(batch);
    }

    fn describe(&self, metadata: &[Metadata]) {
        self.metadata.lock().extend_from_slice(metadata);
    }
}

impl SnapshotSink for List {
    fn snapshot(&self, kind: &str, t: i64, body: &[u8]) -> Result<(), WriteError> {
        let row = (kind.to_owned(), t, body.to_vec());
        self.snapshots.lock().push(row);
        Ok(())
    }
}

impl List {
    /// Newest value of each series whose metric has this name.
    fn values(&self, name: &str) -> Vec<(Labels, f64)> {
        let series = self.series.lock();
        let samples = self.samples.lock();
        let named = |a: &&Append| series[a.series.0 as usize].metric_name() == name;
        samples
            .iter()
            .filter(named)
            .map(|a| (series[a.series.0 as usize].clone(), a.v))
            .collect()
    }
}

fn setup(list: &Arc<List>) -> Setup {
    Setup::new(Arc::clone(list) as _, Arc::clone(list) as _)
}

#[test]
fn the_first_round_is_stored_shown_and_described() {
    let list = Arc::new(List::default());
    let (mut rounds, watching, _) = Rounds::new(setup(&list));
    rounds.store();
    let host = watching.machine.borrow().host.clone();
    let (labels, value) = list.values("up").remove(0);
    assert_eq!(
        (labels.get("job"), labels.get("instance"), value),
        ("node", host.as_str(), 1.0)
    );
    assert!(!list.values("node_memory_MemTotal_bytes").is_empty());
    let load = |l: &Labels| l.metric_name() == "node_load1";
    assert!(list.live.lock().iter().any(|(l, ..)| load(l)));
    assert!(
        list.metadata
            .lock()
            .iter()
            .any(|m| m.metric == "node_load1")
    );
    assert!(!watching.processes.borrow().rows.is_empty());
    assert!(watching.families.borrow().len() > 50);
    let (kind, t, body) = list.snapshots.lock()[0].clone();
    assert_eq!(kind, process_record::KIND);
    let view = process_record::decode(&body).unwrap();
    assert_eq!(view.taken_at, t);
    assert!(!view.rows.is_empty() && !view.complete);
}

#[test]
fn series_are_resolved_once() {
    let list = Arc::new(List::default());
    let (mut rounds, ..) = Rounds::new(setup(&list));
    rounds.store();
    let after_one = *list.resolved.lock();
    let described = list.metadata.lock().len();
    rounds.live();
    rounds.store();
    // The machine may have grown a device meanwhile, not hundreds.
    assert!(*list.resolved.lock() < after_one + 20);
    assert!(list.metadata.lock().len() < described + 20);
}

#[test]
fn own_labels_change_the_identity() {
    let list = Arc::new(List::default());
    let mut setup = setup(&list);
    let label = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    setup.labels = vec![
        label("instance", "db1"),
        label("env", "prod"),
        label("job", ""),
    ];
    let (mut rounds, ..) = Rounds::new(setup);
    rounds.store();
    let up = list.values("up").remove(0).0;
    assert_eq!(up.to_string(), "up{env=\"prod\", instance=\"db1\"}");
}

/// While a scraped target shows this machine its series are continued live, and none is stored.
#[test]
fn another_target_takes_over_and_gives_back() {
    let list = Arc::new(List::default());
    let stands_for = tokio::sync::watch::Sender::new(None);
    let mut setup = setup(&list);
    setup.stands_for = stands_for.subscribe();
    let (mut rounds, ..) = Rounds::new(setup);
    let newest = || list.live.lock().last().map(|(labels, ..)| labels.clone());
    rounds.store();
    let own = list.samples.lock().len();
    assert_eq!(newest().unwrap().get("job"), "node");

    let labels = Labels::from_pairs([("job", "exporter"), ("instance", "a:9100"), ("env", "x")]);
    stands_for.send_replace(Some(labels));
    rounds.live();
    rounds.store();
    assert_eq!(list.samples.lock().len(), own, "nothing was stored");
    let live = newest().unwrap();
    let of = |name| live.get(name).to_owned();
    assert_eq!(
        [of("job"), of("instance"), of("env")],
        ["exporter", "a:9100", "x"]
    );

    stands_for.send_replace(None);
    rounds.store();
    assert!(list.samples.lock().len() > own);
    assert_eq!(newest().unwrap().get("job"), "node");
}

#[test]
fn what_is_gone_is_ended_and_what_was_dropped_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let proc = dir.path().join("proc");
    std::fs::create_dir_all(&proc).unwrap();
    let memory = |text: &str| std::fs::write(proc.join("meminfo"), text).unwrap();
    memory("MemTotal: 4 kB\nZswap: 8 kB\n");
    let list = Arc::new(List::default());
    let mut setup = setup(&list);
    setup.host.root = dir.path().to_owned();
    let (mut rounds, ..) = Rounds::new(setup);
    rounds.store();
    memory("MemTotal: 4 kB\n");
    let total = list
        .series
        .lock()
        .iter()
        .position(|l| l.metric_name() == "node_memory_MemTotal_bytes");
    list.gone.lock().push(SeriesId(total.unwrap() as u64));
    rounds.store();
    let swap = list.values("node_memory_Zswap_bytes");
    assert_eq!((swap.len(), swap[0].1), (2, 8192.0));
    assert!(is_stale(swap[1].1));
    // Stored at both rounds, the second time under its new number.
    assert_eq!(list.values("node_memory_MemTotal_bytes").len(), 2);
}

#[test]
fn a_store_that_refuses_is_told_to_the_person() {
    let list = Arc::new(List::default());
    let (mut rounds, watching, _) = Rounds::new(setup(&list));
    *list.refuse.lock() = true;
    rounds.store();
    rounds.show_blind();
    let told = |w: &str| watching.blind.borrow().iter().any(|b| b.why.contains(w));
    assert!(told("the disk said no"));
    *list.refuse.lock() = false;
    rounds.store();
    rounds.show_blind();
    assert!(!told("the disk said no"));
}

#[test]
fn the_thread_reads_at_once_and_stops_at_once() {
    let list = Arc::new(List::default());
    let (running, watching, looking) = start(setup(&list)).unwrap();
    let begun = Instant::now();
    while list.values("up").is_empty() {
        assert!(begun.elapsed() < Duration::from_mins(1), "no first reading");
        std::thread::sleep(Duration::from_millis(5));
    }
    // Somebody looks: a live reading comes without waiting for the stored one.
    let live = list.live.lock().len();
    looking.look_at(1, vec![std::process::id() as i32]);
    while list.live.lock().len() == live {
        assert!(begun.elapsed() < Duration::from_mins(1), "no live reading");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.stop();
    assert_eq!(list.values("up").len(), 1);
    assert!(!watching.processes.borrow().rows.is_empty());
}

#[test]
fn every_screen_is_seen_until_its_console_is_silent() {
    let clock = crate::base::clock::Clock::fake(1_000_000);
    let mut setup = setup(&Arc::new(List::default()));
    setup.host.clock = clock.clone();
    let (_rounds, _watching, looking) = Rounds::new(setup);
    looking.look_at(1, vec![30, 10]);
    looking.look_at(2, vec![20, 10]);
    assert_eq!(looking.in_sight(), [10, 20, 30]);
    clock.advance(Duration::from_secs(6));
    looking.look_at(2, vec![40]);
    assert_eq!(looking.in_sight(), [10, 30, 40]);
    clock.advance(Duration::from_secs(6));
    assert_eq!(looking.in_sight(), [40]);
    let all: Vec<i32> = (0..100_000).collect();
    looking.look_at(2, all);
    assert!(looking.in_sight().len() < 5_000);
}
