//! The log against torn tails, damage, a full disk, a failing fsync.

use super::*;
use crate::base::fs::sim::{Fault, Sim, Unsynced};

const DIR: &str = "/d/wal";

fn settings(sim: &Arc<Sim>) -> Settings {
    Settings {
        fs: Fs::sim(Arc::clone(sim)),
        dir: DIR.into(),
        kind: 7,
        commit_every: Duration::from_millis(200),
        queue_bytes: 1 << 20,
    }
}

fn open(sim: &Arc<Sim>) -> (Wal, Replayed, Vec<String>) {
    let mut seen = Vec::new();
    let (wal, found) = Wal::open(settings(sim), &mut |e| {
        seen.push(match e {
            Event::Segment(n) => format!("segment {n}"),
            Event::Damage => "damage".to_owned(),
            Event::Record { kind, payload } if payload.len() > 100 => {
                format!("{kind} {} bytes", payload.len())
            }
            Event::Record { kind, payload } => {
                format!("{kind} {}", String::from_utf8_lossy(payload))
            }
        });
    })
    .unwrap();
    (wal, found, seen)
}

fn put(wal: &Wal, text: &str) {
    let n = wal.push(1, text.as_bytes(), false);
    wal.wait(n).unwrap();
}

#[test]
fn records_and_segments_read_back_in_order() {
    let sim = Sim::new();
    let (wal, _, seen) = open(&sim);
    assert!(seen.is_empty());
    wal.push(1, b"a", true);
    wal.push(1, b"b", true);
    wal.push(2, b"c", true);
    assert_eq!(wal.rotate(), 2);
    wal.push(2, &[b'x'; 5000], true);
    wal.flush().unwrap();
    let after = sim.after_crash(Unsynced::Lost);
    let (wal, found, seen) = open(&after);
    assert_eq!(
        seen,
        ["segment 1", "1 ab", "2 c", "segment 2", "2 5000 bytes"]
    );
    assert!(found.damage.is_empty() && found.cut == 0);
    assert!(wal.bytes() < 200, "the long record was packed");
    assert_eq!(wal.segment(), 3);
    wal.remove_before(2).unwrap();
    assert_eq!(open(&after.after_crash(Unsynced::Lost)).2.len(), 2);
}

#[test]
fn a_torn_tail_is_cut_and_the_rest_kept() {
    for lose in 1..20 {
        let sim = Sim::new();
        let (wal, ..) = open(&sim);
        put(&wal, "first");
        put(&wal, "second one");
        let path = segment_path(Path::new(DIR), 1);
        sim.damage(&path, |bytes| bytes.truncate(bytes.len() - lose));
        let (_, found, seen) = open(&sim.after_crash(Unsynced::Lost));
        if lose < 19 {
            assert_eq!(seen, ["segment 1", "1 first"], "{lose}");
            assert_eq!(found.cut, 19 - lose as u64);
        }
        assert!(found.damage.is_empty());
    }
}

#[test]
fn damage_before_readable_records_is_named_and_passed_over() {
    for at in HEADER..HEADER + 14 {
        let sim = Sim::new();
        let (wal, ..) = open(&sim);
        put(&wal, "first");
        put(&wal, "second");
        sim.damage(&segment_path(Path::new(DIR), 1), |bytes| bytes[at] ^= 0x40);
        let (_, found, seen) = open(&sim.after_crash(Unsynced::Lost));
        assert_eq!(seen, ["segment 1", "damage", "1 second"], "{at}");
        assert!(found.damage[0].contains("00000001.wal is damaged from byte 16 to 30"));
    }
}

#[test]
fn a_failed_fsync_poisons_and_a_full_disk_only_waits() {
    let sim = Sim::new();
    let (wal, ..) = open(&sim);
    put(&wal, "first");
    sim.fail_at(1, Fault::NoSpace);
    let n = wal.push(1, b"second", false);
    assert!(matches!(wal.wait(n), Err(WalError::Full(_))));
    sim.heal();
    while wal.wait(n).is_err() {
        std::thread::yield_now();
    }
    // The next commit is one append and one fsync.
    sim.fail_at(2, Fault::Error);
    let n = wal.push(1, b"third", false);
    assert!(matches!(wal.wait(n), Err(WalError::Poisoned(_))));
    sim.heal();
    assert!(matches!(wal.admit(), Err(WalError::Poisoned(_))));
    drop(wal);
    let (_, _, seen) = open(&sim.after_crash(Unsynced::Lost));
    assert_eq!(seen, ["segment 1", "1 first", "1 second"]);
}

#[test]
fn a_newer_log_is_refused_by_name() {
    let sim = Sim::new();
    let (wal, ..) = open(&sim);
    put(&wal, "first");
    drop(wal);
    sim.damage(&segment_path(Path::new(DIR), 1), |bytes| bytes[8] = 9);
    let refused = Wal::open(settings(&sim), &mut |_| ()).err().unwrap();
    assert!(refused.to_string().contains("newer bongsu (version 9"));
}

#[test]
fn whatever_operation_fails_what_was_answered_is_there() {
    for fault in [
        Fault::Error,
        Fault::ShortWrite,
        Fault::NoSpace,
        Fault::ReadOnly,
        Fault::Crash,
    ] {
        for nth in 1..14 {
            for unsynced in [Unsynced::Lost, Unsynced::Half, Unsynced::Kept] {
                let sim = Sim::new();
                sim.fail_at(nth, fault);
                let mut kept = Vec::new();
                if let Ok((wal, _)) = Wal::open(settings(&sim), &mut |_| ()) {
                    for i in 0..4 {
                        let text = format!("record {i}");
                        if wal.admit().is_ok() {
                            let n = wal.push(1, text.as_bytes(), false);
                            if wal.wait(n).is_ok() {
                                kept.push(format!("1 {text}"));
                            }
                        }
                        if i == 1 {
                            wal.rotate();
                        }
                    }
                }
                let after = sim.after_crash(unsynced);
                let (_, found, seen) = open(&after);
                for text in kept {
                    assert!(
                        seen.contains(&text),
                        "{fault:?} {nth} {unsynced:?}: {seen:?}"
                    );
                }
                assert!(found.damage.is_empty(), "{:?}", found.damage);
            }
        }
    }
}
