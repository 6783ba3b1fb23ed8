//! The store as a whole, on a simulated disk.

use super::*;
use crate::base::fs::sim::{Fault, Sim, Unsynced};
use crate::model::sample::Samples;
use std::collections::BTreeMap;

const T0: i64 = 1_795_132_800_000;

fn options(sim: &Arc<Sim>) -> Options {
    Options {
        fs: Fs::sim(Arc::clone(sim)),
        clock: Clock::fake(T0),
        background: false,
        ..Options::new("/data")
    }
}

fn open(sim: &Arc<Sim>) -> Store {
    Store::open(options(sim)).unwrap()
}

fn series(i: usize) -> Labels {
    Labels::from_pairs([("__name__", "m".to_owned()), ("i", i.to_string())])
}

fn append(store: &Store, i: usize, t: i64, v: f64) -> Result<Appended, WriteError> {
    let series = store.resolve(&series(i))?;
    store.append(&[Append { series, t, v }])
}

fn read(store: &Store, live: bool) -> BTreeMap<String, Vec<(i64, f64)>> {
    let select = Select {
        matchers: &[Matcher::equal("__name__", "m")],
        range: TimeRange::new(0, i64::MAX),
        live,
    };
    let found = store.select(&select, &Cancel::never()).unwrap();
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    let mut out = BTreeMap::new();
    for mut series in found.series {
        let mut samples = Samples::default();
        series.read(select.range, &mut samples).unwrap();
        let samples = samples.iter().map(|s| (s.t, s.v)).collect();
        out.insert(series.labels().to_string(), samples);
    }
    out
}

#[test]
fn history_is_back_after_a_kill() {
    let sim = Sim::new();
    let store = open(&sim);
    for k in 0..500 {
        for i in 0..10 {
            append(&store, i, T0 + k * 100, (k * i as i64) as f64 / 4.0).unwrap();
        }
    }
    store.describe(&[Metadata {
        metric: "m".into(),
        ..Metadata::default()
    }]);
    store.flush().unwrap();
    let before = read(&store, false);
    assert_eq!(before.values().map(Vec::len).sum::<usize>(), 5000);
    let again = open(&sim.after_crash(Unsynced::Lost));
    assert_eq!(read(&again, false), before);
    assert_eq!(again.metadata("m", 0).len(), 1);
    // And it goes on from there, over several starts.
    append(&again, 3, T0 + 60_000, 1.0).unwrap();
    again.close();
    assert_eq!(read(&again, false)["m{i=\"3\"}"].len(), 501);
}

#[test]
fn deleted_samples_stay_deleted() {
    let sim = Sim::new();
    let store = open(&sim);
    for k in 0..300 {
        append(&store, 0, T0 + k, 1.0).unwrap();
        append(&store, 1, T0 + k, 1.0).unwrap();
    }
    let range = TimeRange::new(T0 + 10, T0 + 289);
    store
        .delete_series(&[vec![Matcher::equal("i", "1")]], range)
        .unwrap();
    append(&store, 1, T0 + 300, 2.5).unwrap();
    store.flush().unwrap();
    for store in [store, open(&sim.after_crash(Unsynced::Lost))] {
        let left = read(&store, false);
        assert_eq!(left["m{i=\"0\"}"].len(), 300);
        assert_eq!(left["m{i=\"1\"}"].len(), 21);
        assert_eq!(left["m{i=\"1\"}"][20], (T0 + 300, 2.5));
    }
}

#[test]
fn live_questions_see_the_ring_and_no_others() {
    let sim = Sim::new();
    let options = options(&sim);
    options
        .ring
        .append(&[(series(0), T0 - 2000, 1.0), (series(1), T0 - 2000, 5.0)]);
    let store = Store::open(options).unwrap();
    append(&store, 0, T0 - 15_000, 0.5).unwrap();
    append(&store, 0, T0, 2.0).unwrap();
    store.append_live(&[(series(0), T0, 9.0), (series(0), T0 + 2000, 3.0)]);
    assert_eq!(read(&store, false).len(), 1);
    let live = read(&store, true);
    assert_eq!(
        live["m{i=\"0\"}"],
        [
            (T0 - 15_000, 0.5),
            (T0 - 2000, 1.0),
            (T0, 2.0),
            (T0 + 2000, 3.0)
        ]
    );
    assert_eq!(live["m{i=\"1\"}"], [(T0 - 2000, 5.0)]);
}

#[test]
fn directories_of_others_newer_ones_and_those_in_use_are_refused() {
    let sim = Sim::new();
    let fs = Fs::sim(Arc::clone(&sim));
    let store = open(&sim);
    let refused = |dir: &str| {
        Store::open(Options {
            dir: dir.into(),
            ..options(&sim)
        })
        .err()
        .unwrap()
        .to_string()
    };
    assert!(refused("/data").contains("in use by another bongsu"));
    fs.create_dir_all(Path::new("/prom/chunks_head")).unwrap();
    assert!(refused("/prom").contains("the data of a Prometheus"));
    fs.create_dir_all(Path::new("/home")).unwrap();
    fs.create(Path::new("/home/thesis.tex")).unwrap();
    assert!(refused("/home").contains("1 files that bongsu did not write (thesis.tex)"));
    fs.create_dir_all(Path::new("/new")).unwrap();
    fs.write_atomic(
        Path::new("/new/FORMAT"),
        b"bongsu data directory, format 7\n",
    )
    .unwrap();
    assert!(refused("/new").contains("newer bongsu (format 7"));
    store.close();
    drop(open(&sim));
}

#[test]
fn a_sample_from_the_far_future_or_of_too_many_series_is_refused() {
    let sim = Sim::new();
    let store = Store::open(Options {
        max_series: 2,
        ..options(&sim)
    })
    .unwrap();
    assert_eq!(
        append(&store, 0, T0 + 3_600_000, 1.0).unwrap().out_of_order,
        1
    );
    append(&store, 1, T0, 1.0).unwrap();
    let refused = append(&store, 2, T0, 1.0).unwrap_err().to_string();
    assert!(
        refused.contains("2 series are kept, which is the limit"),
        "{refused}"
    );
    append(&store, 1, T0 + 1, 1.0).unwrap();
}

#[test]
fn whatever_fails_what_was_flushed_is_there_and_nothing_else_is_lost() {
    for fault in [
        Fault::Error,
        Fault::ShortWrite,
        Fault::NoSpace,
        Fault::ReadOnly,
        Fault::Crash,
    ] {
        for nth in 1..30 {
            let sim = Sim::new();
            sim.fail_at(nth, fault);
            let mut kept = 0;
            if let Ok(store) = Store::open(options(&sim)) {
                for k in 0..5 {
                    let done = append(&store, 0, T0 + k, 1.0);
                    if done.is_ok() && store.flush().is_ok() {
                        kept = k + 1;
                    }
                    let _ = store.snapshot("k", T0 + k, b"body");
                }
            }
            sim.heal();
            for unsynced in [Unsynced::Lost, Unsynced::Half, Unsynced::Kept] {
                let again = open(&sim.after_crash(unsynced));
                let got = read(&again, false).values().map(Vec::len).sum::<usize>();
                assert!(
                    got >= kept as usize,
                    "{fault:?} {nth} {unsynced:?}: {got} of {kept}"
                );
                assert!(
                    again.facts().problems.is_empty(),
                    "{:?}",
                    again.facts().problems
                );
            }
        }
    }
}
