//! A file of OpenMetrics into a data directory, for the scripts under `benches/peers`.
//!
//! `ingest blocks FILE DIR` writes durable blocks; `ingest wal FILE DIR` appends through head and
//! log, prints `filled`, and waits to be killed without a goodbye.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::print_stdout, reason = "the scripts read what is printed")]

use bongsu::store::open::{Options, Store};
use bongsu::store::write::{Append, MetricSink, SeriesId};
use bongsu::wire::exposition::{Entry, Format, Parser, series};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// Samples in one append.
const BATCH: usize = 8192;
/// Room for 10 M samples in the head, so that nothing is cut before the restart.
const MEMORY: u64 = 2 << 30;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [mode, file, dir] = words.as_slice() else {
        // `cargo bench` runs every bench, also without words.
        println!("ingest blocks|wal FILE DIR");
        return;
    };
    let text = std::fs::read(file).unwrap();
    let store = Store::open(Options {
        memory: MEMORY,
        retention_ms: i64::MAX / 2,
        background: false,
        ..Options::new(Path::new(dir))
    })
    .unwrap();
    if mode == "blocks" {
        let import = RefCell::new(store.import());
        let new = |name: &[u8]| import.borrow_mut().resolve(&series::labels(name).unwrap());
        batches(&text, new, |batch| {
            import.borrow_mut().append(batch).unwrap();
        });
        let done = import.into_inner().finish().unwrap();
        println!("{} samples in {} blocks", done.samples, done.blocks);
        store.close();
        return;
    }
    let new = |name: &[u8]| store.resolve(&series::labels(name).unwrap()).unwrap();
    batches(&text, new, |batch| {
        store.append(batch).unwrap();
    });
    store.flush().unwrap();
    println!("filled");
    std::io::stdout().flush().unwrap();
    std::thread::park();
}

/// The samples of the text in batches; `new` resolves a series that was not seen before.
fn batches(text: &[u8], new: impl Fn(&[u8]) -> SeriesId, mut take: impl FnMut(&[Append])) {
    let mut known: HashMap<&[u8], SeriesId> = HashMap::new();
    let mut batch = Vec::with_capacity(BATCH);
    let mut parser = Parser::new(Format::OpenMetrics, text);
    loop {
        let mut hit = None;
        let entry = parser.next_entry(|name| {
            hit = known.get(name).copied();
            hit.is_some()
        });
        let sample = match entry.unwrap() {
            Some(Entry::Sample(sample)) => sample,
            Some(_) => continue,
            None => break,
        };
        let name = sample.series;
        let series = hit.unwrap_or_else(|| *known.entry(name).or_insert_with(|| new(name)));
        let (t, v) = (sample.timestamp.unwrap_or(0), sample.value);
        batch.push(Append { series, t, v });
        if batch.len() == BATCH {
            take(&batch);
            batch.clear();
        }
    }
    take(&batch);
}
