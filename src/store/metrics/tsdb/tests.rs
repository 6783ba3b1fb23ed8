//! The store over many hours, restarts, cuts, compactions and deletions, against a plain map.

use super::*;
use crate::base::cancel::Cancel;
use crate::base::clock::Clock;
use crate::base::fs::sim::{Fault, Sim, Unsynced};
use crate::model::sample::Samples;
use crate::store::open::{Options, Store};
use crate::store::read::{ReadError, Select, SeriesSource};
use crate::store::write::MetricSink;
use proptest::prelude::*;

type Map = BTreeMap<String, BTreeMap<i64, u64>>;

/// A whole number of 54 hours.
const T0: i64 = 9234 * 54 * 3_600_000;
const MINUTE: i64 = 60_000;
const ALL: TimeRange = TimeRange {
    start: 0,
    end: i64::MAX,
};

fn options(sim: &Arc<Sim>) -> Options {
    Options {
        fs: Fs::sim(Arc::clone(sim)),
        clock: Clock::fake(T0 + 400 * 3_600_000),
        background: false,
        retention_ms: 600 * 3_600_000,
        out_of_order_ms: 30 * MINUTE,
        ..Options::new("/data")
    }
}

fn open(sim: &Arc<Sim>) -> Store {
    Store::open(options(sim)).unwrap()
}

fn series(i: usize) -> Labels {
    Labels::from_pairs([("__name__", format!("m{}", i % 3)), ("i", i.to_string())])
}

fn read(store: &Store, range: TimeRange) -> (Map, Vec<String>) {
    let select = Select {
        matchers: &[],
        range,
        live: false,
    };
    let found = store.select(&select, &Cancel::never()).unwrap();
    let mut map = Map::new();
    for mut series in found.series {
        let mut out = Samples::default();
        series.read(range, &mut out).unwrap();
        assert!(out.times.is_sorted_by(|a, b| a < b));
        let samples: BTreeMap<i64, u64> = out.iter().map(|s| (s.t, s.v.to_bits())).collect();
        if !samples.is_empty() {
            map.insert(series.labels().to_string(), samples);
        }
    }
    (map, found.warnings)
}

/// Appends one sample to each of five series.
fn tick(store: &Store, model: &mut Map, t: i64) {
    for i in 0..5 {
        let labels = series(i);
        let v = (t / MINUTE % 1000 * i as i64) as f64 / 4.0;
        let series = store.resolve(&labels).unwrap();
        let result = store.append(&[Append { series, t, v }]).unwrap();
        if result == Appended::default() {
            let samples = model.entry(labels.to_string()).or_default();
            samples.entry(t).or_insert(v.to_bits());
        }
    }
}

#[derive(Clone, Debug)]
enum Do {
    Run(i64),
    Late(i64),
    Upkeep,
    Restart,
    Delete(usize, i64, i64),
    Clean,
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let one = prop_oneof![
        6 => (1i64..150).prop_map(Do::Run),
        2 => (1i64..40).prop_map(Do::Late),
        4 => Just(Do::Upkeep),
        2 => Just(Do::Restart),
        1 => (0usize..5, 0i64..2000, 0i64..300).prop_map(|(s, a, b)| Do::Delete(s, a, b)),
        1 => Just(Do::Clean),
    ];
    prop::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]

    #[test]
    fn the_store_is_a_map(steps in steps()) {
        let mut sim = Sim::new();
        let mut store = open(&sim);
        let mut model = Map::new();
        let mut now = T0;
        for step in steps {
            match step {
                Do::Run(minutes) => {
                    for _ in 0..minutes {
                        now += MINUTE;
                        tick(&store, &mut model, now);
                    }
                }
                Do::Late(minutes) => tick(&store, &mut model, now - minutes * MINUTE - 1),
                Do::Upkeep => store.upkeep(),
                Do::Clean => store.clean_tombstones().unwrap(),
                Do::Restart => {
                    store.flush().unwrap();
                    sim = sim.after_crash(Unsynced::Lost);
                    store = open(&sim);
                }
                Do::Delete(i, from, minutes) => {
                    let range = TimeRange::new(T0 + from * MINUTE, T0 + (from + minutes) * MINUTE);
                    let matcher = Matcher::equal("i", i.to_string());
                    store.delete_series(&[vec![matcher]], range).unwrap();
                    if let Some(samples) = model.get_mut(&series(i).to_string()) {
                        samples.retain(|t, _| !range.contains(*t));
                    }
                }
            }
        }
        model.retain(|_, s| !s.is_empty());
        let (got, warnings) = read(&store, ALL);
        prop_assert!(warnings.is_empty(), "{:?}", warnings);
        prop_assert_eq!(got, model);
        prop_assert!(store.facts().problems.is_empty());
    }
}

#[test]
fn a_late_sample_that_was_deleted_from_a_block_stays_deleted() {
    let sim = Sim::new();
    let store = open(&sim);
    let mut model = Map::new();
    for minute in 0..130 {
        tick(&store, &mut model, T0 + minute * MINUTE);
        if minute == 119 {
            tick(&store, &mut model, T0 + 115 * MINUTE - 1);
        }
    }
    for minute in 130..240 {
        tick(&store, &mut model, T0 + minute * MINUTE);
    }
    store.upkeep();
    let range = TimeRange::new(T0, T0 + 119 * MINUTE);
    store.delete_series(&[Vec::new()], range).unwrap();
    for samples in model.values_mut() {
        samples.retain(|t, _| !range.contains(*t));
    }
    assert_eq!(read(&open(&sim.after_crash(Unsynced::Lost)), ALL).0, model);
}

fn hours(store: &Store, model: &mut Map, from: i64, to: i64) {
    for minute in from * 60..to * 60 {
        tick(store, model, T0 + minute * MINUTE);
        if minute % 30 == 0 {
            store.upkeep();
        }
    }
}

#[test]
fn blocks_are_cut_compacted_and_let_the_head_and_its_log_go() {
    let sim = Sim::new();
    let store = open(&sim);
    let mut model = Map::new();
    hours(&store, &mut model, 0, 40);
    store.flush().unwrap();
    let facts = store.facts();
    let hours = |b: &crate::model::view::BlockRow| (b.max_t - b.min_t) / 3_600_000 + 1;
    let spans: Vec<i64> = facts.blocks.iter().map(hours).collect();
    assert_eq!(spans, [18, 18, 2], "{:?}", facts.blocks);
    assert!(facts.head_min_t >= T0 + 36 * 3_600_000);
    assert!(facts.wal_bytes < 20_000, "{}", facts.wal_bytes);
    assert_eq!(facts.reaches_back_to, T0);
    assert_eq!(read(&store, ALL).0, model);
    let range = TimeRange::new(T0 + 35 * 3_600_000, T0 + 39 * 3_600_000);
    let mut part = model.clone();
    for samples in part.values_mut() {
        samples.retain(|t, _| range.contains(*t));
    }
    assert_eq!(read(&store, range).0, part);
    let dir = store.save_snapshot("now").unwrap();
    let copy = Store::open(Options {
        dir,
        ..options(&sim)
    });
    assert_eq!(read(&copy.unwrap(), ALL).0, model);
    // Retention takes whole blocks.
    store.close();
    let store = Store::open(Options {
        clock: Clock::fake(T0 + (20 + 600) * 3_600_000),
        ..options(&sim)
    });
    let store = store.unwrap();
    store.upkeep();
    assert_eq!(store.facts().blocks.len(), 2);
}

#[test]
fn a_reader_that_was_there_before_a_cut_still_reads_everything() {
    let sim = Sim::new();
    let store = open(&sim);
    let mut model = Map::new();
    for minute in 0..240 {
        tick(&store, &mut model, T0 + minute * MINUTE);
    }
    let select = Select {
        matchers: &[Matcher::equal("i", "2")],
        range: ALL,
        live: false,
    };
    let mut before = store.select(&select, &Cancel::never()).unwrap();
    store.upkeep();
    assert_eq!(store.facts().blocks.len(), 1);
    let mut out = Samples::default();
    before.series[0].read(ALL, &mut out).unwrap();
    assert_eq!(out.len(), 240);
    drop(before);
    store.upkeep();
    assert_eq!(store.facts().head_min_t, T0 + 120 * MINUTE);
    assert_eq!(read(&store, ALL).0, model);
}

#[test]
fn a_short_budget_cuts_early_and_then_refuses_new_series() {
    let sim = Sim::new();
    let store = Store::open(Options {
        memory: 7_000,
        ..options(&sim)
    });
    let store = store.unwrap();
    let mut model = Map::new();
    for minute in 0..170 {
        for second in 0..15 {
            tick(&store, &mut model, T0 + minute * MINUTE + second * 4_000);
        }
        store.upkeep();
    }
    let facts = store.facts();
    assert!(facts.head_bytes < 7_000, "{}", facts.head_bytes);
    assert!(!facts.blocks.is_empty());
    assert_eq!(read(&store, ALL).0, model);
    for i in 10..500 {
        let _ = store.resolve(&series(i));
    }
    store.upkeep();
    let refused = store.resolve(&series(999)).unwrap_err().to_string();
    assert!(refused.contains("limits.memory"), "{refused}");
    tick(&store, &mut model, T0 + 171 * MINUTE);
}

#[test]
fn a_bad_block_is_set_aside_and_the_answer_says_so() {
    let sim = Sim::new();
    let store = open(&sim);
    let mut model = Map::new();
    hours(&store, &mut model, 0, 10);
    store.flush().unwrap();
    let sim = sim.after_crash(Unsynced::Lost);
    let ends = |end: &'static str| {
        let mut paths = sim.paths().into_iter();
        paths.find(|p| p.extension().is_some_and(|e| e == end))
    };
    sim.damage(&ends("block").unwrap(), |bytes| bytes[40] ^= 1);
    let store = open(&sim);
    let select = Select {
        matchers: &[],
        range: ALL,
        live: false,
    };
    let mut found = store.select(&select, &Cancel::never()).unwrap();
    let read_one = found.series[0].read(ALL, &mut Samples::default());
    assert!(
        matches!(read_one, Err(ReadError::Damaged(_))),
        "{read_one:?}"
    );
    drop(found);
    let (got, warnings) = read(&store, ALL);
    assert!(got.values().all(|s| s.len() < 600) && got.len() == 5);
    assert!(warnings[0].contains("set aside as"), "{warnings:?}");
    let later = TimeRange::new(T0 + 9 * 60 * MINUTE, T0 + 10 * 60 * MINUTE);
    assert!(read(&store, later).1.is_empty());
    assert!(ends("bad").is_some());
    drop(store);
    let (_, warnings) = read(&open(&sim), ALL);
    assert!(
        warnings[0].contains("was damaged and set aside"),
        "{warnings:?}"
    );
}

/// Seven hours in the log, of which a block was cut, with a deletion over both.
fn seven_hours() -> (Arc<Sim>, Map) {
    let sim = Sim::new();
    let store = open(&sim);
    let mut model = Map::new();
    for minute in 0..7 * 60 {
        tick(&store, &mut model, T0 + minute * MINUTE);
        if minute == 4 * 60 {
            store.upkeep();
        }
    }
    let range = TimeRange::new(T0 + 90 * MINUTE, T0 + 150 * MINUTE);
    let one = vec![Matcher::equal("i", "1")];
    store.delete_series(&[one], range).unwrap();
    let samples = model.get_mut(&series(1).to_string()).unwrap();
    samples.retain(|t, _| !range.contains(*t));
    store.close();
    (sim, model)
}

#[test]
fn whatever_fails_during_upkeep_nothing_is_lost() {
    let (base, model) = seven_hours();
    let faults = [
        Fault::Error,
        Fault::ShortWrite,
        Fault::NoSpace,
        Fault::ReadOnly,
        Fault::Crash,
    ];
    for fault in faults {
        for nth in (1..20).chain([24, 28, 33, 40]) {
            let sim = base.after_crash(Unsynced::Lost);
            let store = open(&sim);
            sim.fail_at(nth, fault);
            store.upkeep();
            let _ = store.clean_tombstones();
            if fault != Fault::Crash {
                assert_eq!(read(&store, ALL).0, model, "{fault:?} {nth}");
            }
            drop(store);
            for unsynced in [Unsynced::Lost, Unsynced::Half, Unsynced::Kept] {
                let again = open(&sim.after_crash(unsynced));
                assert_eq!(read(&again, ALL).0, model, "{fault:?} {nth} {unsynced:?}");
                again.upkeep();
                assert_eq!(
                    read(&again, ALL).0,
                    model,
                    "{fault:?} {nth} {unsynced:?} later"
                );
            }
        }
    }
}
