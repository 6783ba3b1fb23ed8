//! The store of spans against a plain map, on a simulated disk.

use crate::base::cancel::Cancel;
use crate::base::fs::Fs;
use crate::base::fs::sim::{Sim, Unsynced};
use crate::model::span::{
    Attribute, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Trace,
    TraceId,
};
use crate::store::read::{Need, SelectTraces, TraceSource};
use crate::store::traces::{Limits, Place, Traces};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

fn open(sim: &Arc<Sim>) -> Traces {
    let place = Place {
        fs: Fs::sim(Arc::clone(sim)),
        dir: Path::new("/d").to_owned(),
        limits: Limits {
            head_bytes: 1 << 20,
        },
    };
    Traces::open(place).unwrap().0
}

/// Span `i` of trace `n`; spans of one trace start a millisecond apart.
fn span(n: u16, i: u8) -> Span {
    let mut trace = [7; 16];
    trace[..2].copy_from_slice(&n.to_be_bytes());
    let start = 1_000_000_000 * u64::from(n) + 1_000_000 * u64::from(i);
    let service = format!("service-{}", n % 5);
    Span {
        trace: TraceId(trace),
        id: SpanId([0, 0, 0, 0, 0, 0, 1, i]),
        parent: (i > 0).then_some(SpanId([0, 0, 0, 0, 0, 0, 1, 0])),
        name: Arc::from(format!("op-{i}")),
        kind: SpanKind::Server,
        status: if n % 10 == 3 {
            SpanStatus::Error
        } else {
            SpanStatus::Unset
        },
        status_message: Arc::from(""),
        start,
        end: start + 1000 * u64::from(n),
        attributes: vec![(Arc::from("n"), Attribute::text(&format!("v{n}")))],
        events: Vec::new(),
        links: Vec::new(),
        resource: Arc::new(Resource {
            attributes: vec![(Arc::from("service.name"), Attribute::text(&service))],
        }),
        scope: Arc::new(Scope::default()),
        shared: false,
    }
}

fn all(traces: &Traces, needs: &[Need]) -> Vec<Trace> {
    let select = SelectTraces {
        from: 0,
        to: u64::MAX,
        needs,
    };
    let mut out = Vec::new();
    let visited = traces.visit(&select, &Cancel::never(), &mut |trace, _| {
        out.push(trace.clone());
        ControlFlow::Continue(())
    });
    assert_eq!(visited.unwrap().warnings, Vec::<String>::new());
    out
}

type Model = BTreeMap<TraceId, BTreeMap<SpanId, Span>>;

fn check(traces: &Traces, model: &Model) {
    let found = all(traces, &[]);
    assert_eq!(found.len(), model.len());
    for trace in &found {
        let spans: Vec<Span> = model[&trace.id].values().cloned().collect();
        assert_eq!(trace.spans, Trace::new(trace.id, spans).spans);
    }
    let total: usize = model.values().map(BTreeMap::len).sum();
    assert_eq!(traces.spans(), total as u64);
    for (id, spans) in model.iter().step_by(7) {
        let (one, _) = traces.trace(*id, &Cancel::never()).unwrap();
        assert_eq!(one.unwrap().spans.len(), spans.len());
    }
    let wanted = [Need::Text("v13".to_owned())];
    let with_text = all(traces, &wanted).into_iter();
    let with_text = with_text.filter(|t| {
        t.spans
            .iter()
            .any(|s| s.attributes[0].1 == Attribute::text("v13"))
    });
    let expected = model.values().flat_map(BTreeMap::values);
    let expected = expected
        .filter(|s| s.attributes[0].1 == Attribute::text("v13"))
        .map(|s| s.trace);
    let expected: std::collections::BTreeSet<TraceId> = expected.collect();
    assert_eq!(
        with_text
            .map(|t| t.id)
            .collect::<std::collections::BTreeSet<_>>(),
        expected
    );
    let errors = model
        .values()
        .filter(|t| t.values().any(Span::is_error))
        .count();
    let seen = all(traces, &[Need::Error]);
    assert_eq!(seen.iter().filter(|t| t.errors() > 0).count(), errors);
}

/// Spans of a trace come late, twice, into the head, a frozen head and blocks; nothing is lost,
/// nothing is doubled, before and after a crash.
#[test]
fn as_a_plain_map_would_keep_them() {
    let sim = Sim::new();
    let mut traces = open(&sim);
    let mut model = Model::new();
    for round in 0..12u16 {
        let mut batch = Vec::new();
        for n in round * 20..round * 20 + 40 {
            // Half of each trace in one round, the other half in the next; some again.
            for i in (round % 2) as u8 * 3..(round % 2) as u8 * 3 + 4 {
                batch.push(span(n, i));
            }
        }
        batch.reverse();
        let expected: Vec<bool> = batch
            .iter()
            .map(|s| {
                let spans = model.entry(s.trace).or_default();
                spans.insert(s.id, s.clone()).is_none()
            })
            .collect();
        assert_eq!(traces.append(&batch, i64::from(round)).unwrap(), expected);
        if round % 3 == 2 {
            traces.cut();
        }
        if round % 5 == 4 {
            traces.wal.flush().unwrap();
            let after = sim.after_crash(Unsynced::Lost);
            traces = open(&after);
            check(&traces, &model);
            traces = open(&sim);
        }
        check(&traces, &model);
    }
    while traces.blocks.merge().unwrap() {}
    traces.cut();
    check(&traces, &model);
    drop(traces);
    check(&open(&sim), &model);
}

#[test]
fn what_comes_after_all_went_into_blocks_is_there_after_two_starts() {
    let sim = Sim::new();
    let mut traces = open(&sim);
    for n in 0..3 {
        traces.append(&[span(n, 0)], 0).unwrap();
        traces.wal.flush().unwrap();
        traces.cut();
    }
    drop(traces);
    traces = open(&sim);
    traces.append(&[span(7, 0)], 0).unwrap();
    drop(traces);
    assert_eq!(open(&sim).spans(), 4);
}

#[test]
fn newest_first_and_stopped_at_will() {
    let sim = Sim::new();
    let traces = open(&sim);
    for n in 0..3000u16 {
        traces.append(&[span(n, 0)], 0).unwrap();
        if n == 1000 || n == 2000 {
            traces.cut();
        }
    }
    let select = SelectTraces {
        from: 500_000_000_000,
        to: 1_500_000_000_000,
        needs: &[],
    };
    let mut starts = Vec::new();
    let mut bounds = Vec::new();
    traces
        .visit(&select, &Cancel::never(), &mut |trace, bound| {
            starts.push(trace.bounds().0);
            bounds.push(bound);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(starts.len(), 1001);
    // What is promised of those to come holds.
    let mut newest_to_come = 0;
    for (start, bound) in starts.iter().zip(&bounds).rev() {
        assert!(newest_to_come <= *bound);
        newest_to_come = newest_to_come.max(*start);
    }
    let mut seen = 0;
    let visited = traces.visit(&select, &Cancel::never(), &mut |_, _| {
        seen += 1;
        if seen == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!(visited.unwrap().traces, 3);
}

#[test]
fn old_blocks_go_and_bad_ones_are_set_aside() {
    let sim = Sim::new();
    let traces = open(&sim);
    for start in [0u16, 100, 200] {
        let batch: Vec<Span> = (start..start + 50).map(|n| span(n, 0)).collect();
        traces.append(&batch, 0).unwrap();
        traces.cut();
    }
    // The first block ends with trace 49: 49 s after the epoch.
    traces.upkeep(0, 50_000, 0);
    assert_eq!(all(&traces, &[]).len(), 100);
    drop(traces);
    let fs = Fs::sim(Arc::clone(&sim));
    let names = fs.list(Path::new("/d/traces")).unwrap();
    let path = Path::new("/d/traces").join(&names[0].name);
    let mut bytes = fs.read(&path, 1 << 20).unwrap();
    bytes[40] ^= 1;
    fs.write_atomic(&path, &bytes).unwrap();
    let traces = open(&sim);
    let select = SelectTraces {
        from: 0,
        to: u64::MAX,
        needs: &[],
    };
    let mut count = 0;
    let visited = traces.visit(&select, &Cancel::never(), &mut |_, _| {
        count += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(count, 50);
    assert_eq!(visited.unwrap().warnings.len(), 1);
    assert!(
        traces.problems()[0].contains("set aside"),
        "{:?}",
        traces.problems()
    );
    drop(traces);
    assert!(open(&sim).problems()[0].contains("its spans are missing"));
}

/// Spans with all that a span can have.
fn everything() -> Vec<Span> {
    let mut all: Vec<Span> = (1..4)
        .flat_map(|n| (0..3).map(move |i| span(n, i)))
        .collect();
    let list = Attribute::List(vec![
        Attribute::Int(-7),
        Attribute::text("둘"),
        Attribute::Bool(true),
    ]);
    let map = Attribute::Map(vec![(Arc::from("k"), Attribute::Float(0.5))]);
    all[1].attributes = vec![
        (Arc::from("list"), list),
        (Arc::from("map"), map),
        (Arc::from("bytes"), Attribute::Bytes(vec![0, 255])),
        (Arc::from("no"), Attribute::Bool(false)),
        (Arc::from("int"), Attribute::Int(i64::MIN)),
    ];
    all[2].events = vec![SpanEvent {
        time: all[2].start + 5,
        name: Arc::from("late"),
        attributes: vec![(Arc::from("n"), Attribute::Int(1))],
    }];
    all[2].links = vec![SpanLink {
        trace: TraceId([9; 16]),
        span: SpanId([8; 8]),
        attributes: Vec::new(),
    }];
    all[4].scope = Arc::new(Scope {
        name: Arc::from("lib"),
        version: Arc::from("1.2"),
        attributes: vec![(Arc::from("a"), Attribute::text("b"))],
    });
    (all[5].status, all[5].status_message) = (SpanStatus::Error, Arc::from("no"));
    // Its server's half, a parent that is not there, and an end before its start.
    let mut half = all[6].clone();
    (half.shared, half.kind) = (true, SpanKind::Client);
    all[7].parent = Some(SpanId([7; 8]));
    all[8].end = all[8].start - 1;
    all.push(half);
    all
}

/// A block as version 1 of the format wrote it. `UPDATE=1` writes it anew: only for a new version,
/// beside this one.
#[test]
fn a_block_of_version_1_reads() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = root.join("tests/data/format/traces-1.block");
    let dir = tempfile::tempdir().unwrap();
    let block = dir.path().join("traces/00000001.block");
    let open = || {
        let place = Place {
            fs: Fs::real(),
            dir: dir.path().to_owned(),
            limits: Limits {
                head_bytes: 1 << 20,
            },
        };
        Traces::open(place).unwrap().0
    };
    if std::env::var_os("UPDATE").is_some() {
        let traces = open();
        traces.append(&everything(), 0).unwrap();
        traces.cut();
        std::fs::create_dir_all(fixture.parent().unwrap()).unwrap();
        std::fs::copy(&block, &fixture).unwrap();
        return;
    }
    std::fs::create_dir_all(block.parent().unwrap()).unwrap();
    std::fs::copy(&fixture, &block).unwrap();
    let traces = open();
    assert_eq!(traces.problems(), Vec::<String>::new());
    let mut wanted: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    for span in everything() {
        wanted.entry(span.trace).or_default().push(span);
    }
    assert_eq!(traces.spans(), everything().len() as u64);
    for (id, spans) in wanted {
        let (found, _) = traces.trace(id, &Cancel::never()).unwrap();
        assert_eq!(found.unwrap(), Trace::new(id, spans));
    }
}
