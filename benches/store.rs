//! The store: appending, reading, selecting, replaying, blocks.
//!
//! `cargo bench --bench store`. With `BONGSU_OM=FILE`, a file of OpenMetrics in scrape order is also
//! read into blocks once, and what came of it is printed.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures of the file are printed")]

use bongsu::base::cancel::Cancel;
use bongsu::base::clock::{Clock, Instant, monotonic};
use bongsu::model::labels::Labels;
use bongsu::model::matcher::{MatchOp, Matcher};
use bongsu::model::sample::Samples;
use bongsu::model::time::TimeRange;
use bongsu::store::import::Import;
use bongsu::store::open::{Options, Store};
use bongsu::store::read::{Select, SeriesSource};
use bongsu::store::write::{Append, MetricSink, SeriesId};
use bongsu::wire::exposition::{Entry, Format, Parser, series};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;

const T0: i64 = 1_795_132_800_000;
const STEP: i64 = 15_000;
const SERIES: usize = 5_000;

/// A store that does not look after itself, in a directory of its own.
fn open(dir: &Path) -> Store {
    let options = Options {
        clock: Clock::fake(T0 + 1_000_000 * STEP),
        memory: 4 << 30,
        background: false,
        ..Options::new(dir)
    };
    Store::open(options).unwrap()
}

fn labels(i: usize) -> Labels {
    let metric = [
        "node_cpu_seconds_total",
        "node_network_receive_bytes_total",
        "node_load1",
        "up",
    ];
    let mode = ["idle", "user", "system", "iowait"];
    Labels::from_pairs([
        ("__name__", metric[i % 4].to_owned()),
        ("cpu", (i / 40).to_string()),
        ("mode", mode[i / 4 % 4].to_owned()),
        ("instance", format!("10.0.0.{}:9100", i % 10)),
        ("job", "node".to_owned()),
    ])
}

/// Counters with two decimals, counters of bytes, gauges with three decimals, constants.
fn value(i: usize, k: i64) -> f64 {
    let noise = ((k as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ i as u64)
        .wrapping_mul(0xBF58_476D_1CE4_E5B9)
        >> 40;
    let noise = noise as i64;
    match i % 4 {
        0 => (i as i64 * 1000 + k * 900 + noise % 70) as f64 / 100.0,
        1 => (k * 150_000 + noise % 20_000) as f64,
        2 => (45_000 + noise % 2400) as f64 / 1000.0,
        _ => 1.0,
    }
}

fn scrape(ids: &[SeriesId], k: i64) -> Vec<Append> {
    let row = |(i, series): (usize, &SeriesId)| Append {
        series: *series,
        t: T0 + k * STEP,
        v: value(i, k),
    };
    ids.iter().enumerate().map(row).collect()
}

fn resolve_all(store: &Store) -> Vec<SeriesId> {
    (0..SERIES)
        .map(|i| store.resolve(&labels(i)).unwrap())
        .collect()
}

fn read_all(store: &Store, matchers: &[Matcher], range: TimeRange) -> usize {
    let select = Select {
        matchers,
        range,
        live: false,
    };
    let found = store.select(&select, &Cancel::never()).unwrap();
    let mut out = Samples::default();
    let mut samples = 0;
    for mut series in found.series {
        out.clear();
        series.read(range, &mut out).unwrap();
        samples += out.len();
    }
    samples
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append");
    group.sample_size(10);
    let scrapes = 400;
    group.throughput(Throughput::Elements(scrapes * SERIES as u64));
    group.bench_function("2M parsed samples to head and WAL", |b| {
        b.iter_batched(
            || {
                let dir = tempfile::tempdir().unwrap();
                let store = open(dir.path());
                let ids = resolve_all(&store);
                let batches: Vec<_> = (0..scrapes as i64).map(|k| scrape(&ids, k)).collect();
                (dir, store, batches)
            },
            |(dir, store, batches)| {
                for batch in &batches {
                    store.append(batch).unwrap();
                }
                store.flush().unwrap();
                (dir, store)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn fill(store: &Store, scrapes: i64) {
    let ids = resolve_all(store);
    for k in 0..scrapes {
        store.append(&scrape(&ids, k)).unwrap();
    }
    store.flush().unwrap();
}

fn read(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 480);
    let all = TimeRange::new(T0, T0 + 480 * STEP);
    let mut group = c.benchmark_group("head");
    group.throughput(Throughput::Elements(480 * SERIES as u64));
    group.bench_function("read 5000 series of 480 samples", |b| {
        b.iter(|| black_box(read_all(&store, &[], all)));
    });
    group.throughput(Throughput::Elements(1));
    let one = [
        Matcher::equal("__name__", "node_load1"),
        Matcher::new("instance", MatchOp::Regex, "10.0.0.(2|4|6):9100").unwrap(),
    ];
    let last = TimeRange::new(T0 + 460 * STEP, T0 + 480 * STEP);
    group.bench_function("select by name and expression, last five minutes", |b| {
        b.iter(|| black_box(read_all(&store, &one, last)));
    });
    group.finish();
    drop(store);

    let mut group = c.benchmark_group("replay");
    group.sample_size(10);
    group.throughput(Throughput::Elements(480 * SERIES as u64));
    group.bench_function("2.4M samples of the WAL", |b| {
        b.iter(|| open(dir.path()).close());
    });
    group.finish();
}

fn blocks(c: &mut Criterion) {
    let mut group = c.benchmark_group("block");
    group.sample_size(10);
    group.throughput(Throughput::Elements(480 * SERIES as u64));
    let import = |store: &Store| {
        let mut import = store.import();
        let ids: Vec<_> = (0..SERIES).map(|i| import.resolve(&labels(i))).collect();
        for k in 0..480 {
            import.append(&scrape(&ids, k)).unwrap();
        }
        import.finish().unwrap()
    };
    group.bench_function("import 2.4M samples", |b| {
        b.iter_batched(
            || {
                let dir = tempfile::tempdir().unwrap();
                let store = open(dir.path());
                (dir, store)
            },
            |(dir, store)| {
                import(&store);
                (dir, store)
            },
            BatchSize::PerIteration,
        );
    });
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    import(&store);
    let all = TimeRange::new(T0, T0 + 480 * STEP);
    group.bench_function("read 5000 series of 480 samples", |b| {
        b.iter(|| black_box(read_all(&store, &[], all)));
    });
    group.finish();
}

type Known<'a> = HashMap<&'a [u8], SeriesId, foldhash::fast::FixedState>;

/// Samples in scrape order; `new` resolves a series that was not seen before.
fn lines<'a>(
    text: &'a [u8],
    mut new: impl FnMut(&'a [u8]) -> SeriesId,
    mut each: impl FnMut(Append),
) {
    let mut known = Known::default();
    let mut parser = Parser::new(Format::OpenMetrics, text);
    loop {
        let mut hit = None;
        let entry = parser.next_entry(|name| {
            hit = known.get(name).copied();
            hit.is_some()
        });
        match entry.unwrap() {
            Some(Entry::Sample(s)) => {
                let series =
                    hit.unwrap_or_else(|| *known.entry(s.series).or_insert_with(|| new(s.series)));
                let t = s.timestamp.unwrap_or(0);
                each(Append {
                    series,
                    t,
                    v: s.value,
                });
            }
            Some(_) => {}
            None => return,
        }
    }
}

fn import_text(text: &[u8], import: Import) -> (u64, u64) {
    let import = RefCell::new(import);
    let mut batch = Vec::with_capacity(8192);
    let new = |name| import.borrow_mut().resolve(&series::labels(name).unwrap());
    lines(text, new, |sample| {
        batch.push(sample);
        if batch.len() == batch.capacity() {
            import.borrow_mut().append(&batch).unwrap();
            batch.clear();
        }
    });
    let mut import = import.into_inner();
    import.append(&batch).unwrap();
    let done = import.finish().unwrap();
    (done.samples, done.blocks)
}

fn took(what: &str, samples: u64, start: Instant) {
    let s = start.elapsed().as_secs_f64();
    println!(
        "{what}: {s:.3} s, {:.2} M samples/s",
        samples as f64 / s / 1e6
    );
}

/// Resident memory of this process and its peak, as the kernel says it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status
        .lines()
        .filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS"));
    lines.collect::<Vec<_>>().join(" ")
}

fn file(_: &mut Criterion) {
    let Ok(path) = std::env::var("BONGSU_OM") else {
        return;
    };
    println!("before: {}", resident());
    let text = std::fs::read(path).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let start = monotonic();
    let (samples, blocks) = import_text(&text, store.import());
    took("text to blocks", samples, start);
    println!("with the whole text: {}", resident());
    let bytes = store.facts().disk_bytes as f64;
    println!(
        "{blocks} blocks, {:.4} bytes per sample",
        bytes / samples as f64
    );
    for round in 0..2 {
        let start = monotonic();
        let read = read_all(&store, &[], TimeRange::new(0, i64::MAX));
        took(&format!("read all, round {round}"), read as u64, start);
    }
    drop(store);
    live(&text);
}

/// The same file through head and WAL.
fn live(text: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut scrapes: Vec<Vec<Append>> = Vec::new();
    let new = |name| store.resolve(&series::labels(name).unwrap()).unwrap();
    lines(text, new, |sample| match scrapes.last_mut() {
        Some(scrape) if scrape.len() < 500 => scrape.push(sample),
        _ => scrapes.push(vec![sample]),
    });
    let samples = scrapes.iter().map(|s| s.len() as u64).sum();
    let start = monotonic();
    for batch in &scrapes {
        store.append(batch).unwrap();
    }
    took("parsed samples to head and WAL", samples, start);
    store.flush().unwrap();
    took("and all on the disk", samples, start);
    let facts = store.facts();
    println!(
        "WAL {:.3} bytes per sample, head {:.3}, {} series",
        facts.wal_bytes as f64 / samples as f64,
        facts.head_bytes as f64 / samples as f64,
        facts.series
    );
    for round in 0..2 {
        let start = monotonic();
        let read = read_all(&store, &[], TimeRange::new(0, i64::MAX));
        took(
            &format!("read all of the head, round {round}"),
            read as u64,
            start,
        );
    }
    store.close();
    drop(store);
    let start = monotonic();
    let again = open(dir.path());
    took("replay", samples, start);
    assert_eq!(again.facts().head_samples, samples);
}

criterion_group!(benches, append, read, blocks, file);
criterion_main!(benches);
