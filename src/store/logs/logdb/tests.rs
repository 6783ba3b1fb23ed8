//! The store of lines against plain lists, on a disk that fails and crashes.

use crate::base::cancel::Cancel;
use crate::base::clock::Clock;
use crate::base::fs::Fs;
use crate::base::fs::sim::{Sim, Unsynced};
use crate::model::labels::Labels;
use crate::model::log_entry::{Level, LineTest, NanoRange};
use crate::model::matcher::Matcher;
use crate::store::logs::logdb::{Keep, LogDb, Setting};
use crate::store::read::logs::{Buckets, LogAsk, LogSelect, LogSource};
use crate::store::write::logs::LogBatch;
use parking_lot::Mutex;
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn open(sim: &Arc<Sim>) -> LogDb {
    let (db, damage) = try_open(sim);
    assert_eq!(damage, Vec::<String>::new());
    db
}

fn try_open(sim: &Arc<Sim>) -> (LogDb, Vec<String>) {
    open_at(sim, &Clock::fake(1_000_000))
}

fn open_at(sim: &Arc<Sim>, clock: &Clock) -> (LogDb, Vec<String>) {
    let setting = Setting {
        fs: Fs::sim(Arc::clone(sim)),
        clock: clock.clone(),
        dir: PathBuf::from("/d"),
        max_streams: 1000,
    };
    LogDb::open(setting).unwrap()
}

fn labels(job: &str) -> Labels {
    Labels::from_pairs([("job", job)])
}

/// Lines `from..to` of a job, one each millisecond, with the position behind them.
fn append(db: &LogDb, job: &str, from: i64, to: i64) {
    let id = db.stream(&labels(job)).unwrap();
    let mut batch = LogBatch::default();
    for i in from..to {
        let level = if i % 10 == 0 {
            Level::Error
        } else {
            Level::Info
        };
        batch.push(id, i * 1_000_000, level, text(job, i).as_bytes());
    }
    batch.reached(job, Some(to.to_le_bytes().to_vec()));
    db.append(&batch).unwrap();
}

fn text(job: &str, i: i64) -> String {
    format!(
        "line {i} of {job} id={:016x}",
        (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    )
}

fn position(db: &LogDb, job: &str) -> i64 {
    let at = db.position(job);
    at.map_or(0, |p| i64::from_le_bytes(p.try_into().unwrap()))
}

fn ask(db: &LogDb, select: &LogSelect<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let scan = db.lines(select, &Cancel::never(), &mut |row| {
        out.push(String::from_utf8_lossy(row.line).into_owned());
        ControlFlow::Continue(())
    });
    assert_eq!(scan.unwrap().warnings, Vec::<String>::new());
    out
}

fn of_job(db: &LogDb, job: &str) -> Vec<String> {
    let matchers = [Matcher::equal("job", job)];
    ask(db, &LogSelect::new(&matchers, NanoRange::all()))
}

fn texts(job: &str, range: std::ops::Range<i64>) -> Vec<String> {
    range.map(|i| text(job, i)).collect()
}

#[test]
fn lines_are_there_in_order_before_and_after_a_restart() {
    let sim = Sim::new();
    let db = open(&sim);
    for i in 0..40 {
        append(&db, "a", i * 500, (i + 1) * 500);
        append(&db, "b", i * 3, (i + 1) * 3);
    }
    db.flush().unwrap();
    let check = |db: &LogDb| {
        assert_eq!(of_job(db, "a"), texts("a", 0..20_000));
        assert_eq!(of_job(db, "b"), texts("b", 0..120));
        assert_eq!((position(db, "a"), position(db, "b")), (20_000, 120));
        let tests = [LineTest::contains("line 77 of")];
        let both = LogSelect {
            tests: &tests,
            newest_first: true,
            ..LogSelect::new(&[], NanoRange::all())
        };
        assert_eq!(ask(db, &both), [text("b", 77), text("a", 77)]);
        let facts = db.facts();
        assert_eq!((facts.streams, facts.lines), (2, 20_120));
        assert!(facts.blocks >= 2, "{facts:?}");
    };
    check(&db);
    check(&open(&sim.after_crash(Unsynced::Lost)));
    check(&open(&sim.after_crash(Unsynced::Kept)));
}

#[test]
fn a_range_a_limit_and_a_direction() {
    let db = open(&Sim::new());
    append(&db, "a", 0, 10_000);
    let range = NanoRange::new(5_000_000_000, 5_003_000_000);
    assert_eq!(
        ask(&db, &LogSelect::new(&[], range)),
        texts("a", 5000..5003)
    );
    let mut newest = Vec::new();
    let select = LogSelect {
        newest_first: true,
        ..LogSelect::new(&[], NanoRange::all())
    };
    db.lines(&select, &Cancel::never(), &mut |row| {
        newest.push(row.t / 1_000_000);
        if newest.len() == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .unwrap();
    assert_eq!(newest, [9999, 9998, 9997]);
}

#[test]
fn levels_are_counted_from_blocks_and_from_memory() {
    let db = open(&Sim::new());
    append(&db, "a", 0, 20_000);
    let buckets = Buckets {
        start: 0,
        step: 1_000_000_000,
        count: 20,
    };
    let found = db.level_counts(&[], buckets, &Cancel::never()).unwrap();
    for bucket in found.buckets {
        assert_eq!(bucket[Level::Error as usize], 100);
        assert_eq!(bucket[Level::Info as usize], 900);
    }
}

#[test]
fn rare_literals_pass_over_most_of_the_store() {
    let db = open(&Sim::new());
    for i in 0..60 {
        append(&db, "a", i * 5000, (i + 1) * 5000);
        if i == 30 {
            let mut batch = LogBatch::default();
            let id = db.stream(&labels("a")).unwrap();
            batch.push(id, i, Level::Error, b"queue=DEADLETTER-7f3a9c");
            db.append(&batch).unwrap();
        }
    }
    db.flush().unwrap();
    let tests = [LineTest::contains("DEADLETTER-7f")];
    let select = LogSelect {
        tests: &tests,
        ..LogSelect::new(&[], NanoRange::all())
    };
    let mut found = 0;
    let scan = db
        .lines(&select, &Cancel::never(), &mut |_| {
            found += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(found, 1);
    assert!(scan.skipped_bytes > 1 << 20, "{scan:?}");
}

#[test]
fn every_crash_leaves_a_beginning_with_its_position() {
    let whole = {
        let sim = Sim::new();
        fill(&sim);
        sim.operations()
    };
    assert!(whole > 10, "{whole}");
    for nth in 0..whole {
        let sim = Sim::new();
        sim.fail_at(nth, crate::base::fs::sim::Fault::Crash);
        fill(&sim);
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Half] {
            let (db, _) = try_open(&sim.after_crash(unsynced));
            for job in ["a", "b"] {
                let until = position(&db, job);
                assert_eq!(of_job(&db, job), texts(job, 0..until), "{nth} {unsynced:?}");
            }
            // It goes on from there.
            let until = position(&db, "a");
            append(&db, "a", until, until + 10);
            db.flush().unwrap();
            assert_eq!(of_job(&db, "a"), texts("a", 0..until + 10));
        }
    }
}

#[test]
fn a_buffer_that_fills_during_a_commit_keeps_its_segment_until_it_is_a_block() {
    let sim = Sim::new();
    let db = open(&sim);
    append(&db, "a", 0, 3_000);
    db.flush().unwrap();
    let sim = sim.after_crash(Unsynced::Kept);
    let db = open(&sim);
    let killed: Arc<Mutex<Option<Arc<Sim>>>> = Arc::default();
    db.before_commits({
        let (db, sim, killed) = (db.clone(), Arc::clone(&sim), Arc::clone(&killed));
        let commits = AtomicUsize::new(0);
        Arc::new(move || match commits.fetch_add(1, Ordering::Relaxed) {
            // The first has its lines already: these are for the second, and fill the buffer.
            0 => append(&db, "a", 3_000, 9_000),
            // The blocks of the second are there, its record is not.
            1 => *killed.lock() = Some(sim.after_crash(Unsynced::Kept)),
            _ => {}
        })
    });
    append(&db, "b", 0, 1);
    db.flush().unwrap();
    // What came during the first commit.
    db.flush().unwrap();
    let killed = killed.lock().take().unwrap();
    let back = open(&killed);
    assert_eq!(position(&back, "a"), 3_000);
    assert_eq!(of_job(&back, "a"), texts("a", 0..3_000));
    // With its block recorded the segment goes.
    assert_eq!(of_job(&db, "a"), texts("a", 0..9_000));
    let first = PathBuf::from("/d/wal/logs/00000001.wal");
    assert!(!sim.paths().contains(&first), "{:?}", sim.paths());
}

/// The disk as a kill leaves it when `work` has its blocks written, and not their record.
fn killed_before_the_record(sim: &Arc<Sim>, work: impl FnOnce(&LogDb)) -> Arc<Sim> {
    let db = open(sim);
    let killed: Arc<Mutex<Option<Arc<Sim>>>> = Arc::default();
    db.before_commits({
        let (sim, killed) = (Arc::clone(sim), Arc::clone(&killed));
        Arc::new(move || {
            let mut killed = killed.lock();
            killed.get_or_insert_with(|| sim.after_crash(Unsynced::Kept));
        })
    });
    work(&db);
    db.flush().unwrap();
    let killed = killed.lock().take();
    killed.unwrap()
}

#[test]
fn blocks_without_a_record_do_not_count_however_often_it_was_killed() {
    let first = |db: &LogDb| append(db, "a", 0, 9_000);
    let sim = killed_before_the_record(&Sim::new(), first);
    let sim = killed_before_the_record(&sim, first);
    let db = open(&sim);
    assert_eq!((position(&db, "a"), of_job(&db, "a").len()), (0, 0));
}

#[test]
fn blocks_without_a_record_do_not_count_behind_a_part_that_was_closed() {
    let sim = Sim::new();
    let clock = Clock::fake(1_000_000);
    let (db, _) = open_at(&sim, &clock);
    for start in [0, 4_000] {
        // Both together become blocks: none of their lines stays in the log.
        let mut batch = LogBatch::default();
        for job in ["a", "b"] {
            let id = db.stream(&labels(job)).unwrap();
            for i in start..start + 4_000 {
                batch.push(id, i * 1_000_000, Level::Info, text(job, i).as_bytes());
            }
            batch.reached(job, Some((start + 4_000).to_le_bytes().to_vec()));
        }
        db.append(&batch).unwrap();
        db.flush().unwrap();
        clock.advance(Duration::from_hours(7));
    }
    // The log goes on in a segment in which no part is written, and leaves the one before.
    let sim = sim.after_crash(Unsynced::Kept);
    let db = open(&sim);
    append(&db, "tick", 0, 1);
    db.flush().unwrap();
    assert_eq!(db.0.wal.segments().len(), 1);
    let sim = sim.after_crash(Unsynced::Kept);
    let sim = killed_before_the_record(&sim, |db| append(db, "a", 8_000, 17_000));
    let db = open(&sim);
    assert_eq!(position(&db, "a"), 8_000);
    assert_eq!(of_job(&db, "a"), texts("a", 0..8_000));
}

/// What a crash interrupts somewhere.
fn fill(sim: &Arc<Sim>) {
    let setting = Setting {
        fs: Fs::sim(Arc::clone(sim)),
        clock: Clock::fake(1_000_000),
        dir: PathBuf::from("/d"),
        max_streams: 1000,
    };
    let Ok((db, _)) = LogDb::open(setting) else {
        return;
    };
    for i in 0..4 {
        let Ok(id) = db.stream(&labels("a")) else {
            return;
        };
        let b = db.stream(&labels("b")).unwrap();
        let mut batch = LogBatch::default();
        for n in i * 3000..(i + 1) * 3000 {
            batch.push(id, n * 1_000_000, Level::Info, text("a", n).as_bytes());
        }
        batch.push(b, i * 1_000_000, Level::Info, text("b", i).as_bytes());
        batch.reached("a", Some(((i + 1) * 3000).to_le_bytes().to_vec()));
        batch.reached("b", Some((i + 1).to_le_bytes().to_vec()));
        if db.append(&batch).is_err() || db.flush().is_err() {
            return;
        }
    }
}

#[test]
fn damage_is_named_and_the_rest_is_read() {
    let sim = Sim::new();
    let db = open(&sim);
    append(&db, "a", 0, 30_000);
    db.flush().unwrap();
    drop(db);
    let path = PathBuf::from("/d/logs/00000001.part");
    let sim = sim.after_crash(Unsynced::Kept);
    sim.damage(&path, |bytes| bytes[5000] ^= 1);
    let (db, damage) = try_open(&sim);
    assert!(
        damage.iter().any(|d| d.contains("00000001.part")),
        "{damage:?}"
    );
    let left = of_job(&db, "a");
    assert!(!left.is_empty() && left.len() < 30_000);
    assert_eq!(left.last(), Some(&text("a", 29_999)));
}

#[test]
fn retention_drops_whole_parts_and_keeps_what_is_young() {
    let sim = Sim::new();
    let clock = Clock::fake(1_000_000);
    let (db, _) = open_at(&sim, &clock);
    for start in 0..3 {
        append(&db, "a", start * 10_000, (start + 1) * 10_000);
        db.flush().unwrap();
        // At the next commit the part is old, and closed.
        clock.advance(Duration::from_hours(7));
        append(&db, "tick", start, start + 1);
        db.flush().unwrap();
    }
    let keep = Keep {
        oldest: 15_000 * 1_000_000,
        bytes: 0,
        free: 0,
    };
    db.upkeep(keep);
    let left = of_job(&db, "a");
    assert!((15_000..30_000).contains(&left.len()), "{}", left.len());
    assert_eq!(left[left.len() - 15_000..], texts("a", 15_000..30_000));
    db.upkeep(Keep { bytes: 1, ..keep });
    let facts = db.facts();
    assert!(facts.lines < 15_000, "{facts:?}");
}

#[test]
fn followers_hear_what_arrives_after_they_asked() {
    let db = open(&Sim::new());
    append(&db, "a", 0, 10);
    let from = db.arrived(None, &[], &[], &mut |_| ControlFlow::Continue(()));
    append(&db, "a", 10, 20);
    append(&db, "b", 0, 5);
    let mut heard = Vec::new();
    let matchers = [Matcher::equal("job", "a")];
    let tests = [LineTest::contains("line 1")];
    let next = db.arrived(Some(from.next), &matchers, &tests, &mut |row| {
        heard.push(String::from_utf8_lossy(row.line).into_owned());
        ControlFlow::Continue(())
    });
    assert_eq!(heard, texts("a", 10..20));
    assert_eq!((next.next, next.missed), (25, 0));
}

#[test]
fn labels_streams_and_sizes() {
    let db = open(&Sim::new());
    append(&db, "a", 0, 10_000);
    append(&db, "b", 20_000, 20_010);
    let (cancel, all) = (Cancel::never(), NanoRange::all());
    let ask = LogAsk {
        selectors: &[],
        range: all,
        limit: 0,
    };
    assert_eq!(db.log_label_names(&ask, &cancel).unwrap().items, ["job"]);
    assert_eq!(
        db.log_label_values("job", &ask, &cancel).unwrap().items,
        ["a", "b"]
    );
    let late = LogAsk {
        range: NanoRange::new(15_000_000_000, i64::MAX),
        ..ask
    };
    assert_eq!(db.streams(&late, &cancel).unwrap().items, [labels("b")]);
    let stats = db.log_stats(&ask, &cancel).unwrap();
    assert_eq!((stats.streams, stats.lines), (2, 10_010));
    let sizes = db.volumes(&ask, &cancel).unwrap();
    assert_eq!(sizes[1].1.lines, 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn counting_is_looking_at_every_line(
        jobs in proptest::collection::vec((0usize..3, 1i64..4_000), 1..6),
        edges in proptest::collection::btree_set(-5i64..9_000, 0..9),
        needle in "[0-9a-f]{0,2}",
        levels in any::<u8>(),
    ) {
        let db = open(&Sim::new());
        let mut at = 0;
        for (job, lines) in &jobs {
            append(&db, ["a", "b", "c"][*job], at, at + lines);
            db.flush().unwrap();
            at += lines / 2;
        }
        let edges: Vec<i64> = edges.into_iter().map(|e| e * 1_000_000).collect();
        let tests = [LineTest::contains(needle)];
        let range = match (edges.first(), edges.last()) {
            (Some(a), Some(b)) => NanoRange::new(*a, *b),
            _ => NanoRange::all(),
        };
        let select = LogSelect {
            tests: &tests,
            levels: crate::model::log_entry::LevelSet(levels),
            ..LogSelect::new(&[], range)
        };
        let found = db.tally(&select, &edges, &Cancel::never()).unwrap();
        let Some(found) = found else {
            prop_assert!(edges.len() < 2);
            return Ok(());
        };
        let mut expect = std::collections::BTreeMap::new();
        db.lines(&select, &Cancel::never(), &mut |row| {
            let cells = expect.entry((row.stream.clone(), row.level)).or_insert_with(|| vec![(0, 0); edges.len() - 1]);
            let cell: &mut (u64, u64) = &mut cells[edges.partition_point(|e| *e <= row.t) - 1];
            *cell = (cell.0 + 1, cell.1 + row.line.len() as u64);
            ControlFlow::Continue(())
        }).unwrap();
        let mut seen = std::collections::BTreeMap::new();
        for t in found.of {
            seen.insert((t.stream, t.level), t.cells);
        }
        prop_assert_eq!(seen, expect);
    }

    #[test]
    fn late_lines_come_in_order_of_time(
        lines in proptest::collection::vec((0i64..50, 0usize..3), 1..60),
        newest_first in any::<bool>(),
    ) {
        let db = open(&Sim::new());
        let mut expect = Vec::new();
        for (n, (t, job)) in lines.iter().enumerate() {
            let id = db.stream(&labels(["a", "b", "c"][*job])).unwrap();
            let mut batch = LogBatch::default();
            batch.push(id, *t, Level::Info, format!("{n}").as_bytes());
            db.append(&batch).unwrap();
            expect.push((*t, *job, n));
        }
        let select = LogSelect { newest_first, ..LogSelect::new(&[], NanoRange::all()) };
        // Between streams only time orders; within one, arrival does too.
        let first_seen = |job: usize| expect.iter().position(|e| e.1 == job);
        let mut sorted = expect.clone();
        sorted.sort_by_key(|(t, job, n)| (*t, first_seen(*job), *n));
        if newest_first {
            sorted.reverse();
        }
        let expect: Vec<String> = sorted.iter().map(|e| e.2.to_string()).collect();
        prop_assert_eq!(ask(&db, &select), expect);
    }
}
