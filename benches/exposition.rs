//! Text to samples: the parser alone, and the path of a scrape up to the store's door.
//!
//! `cargo bench --bench exposition`. 100,000 series of ten metrics, as an exporter would show
//! them. "first" is what a target shows for the first time, "again" is every scrape after.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use bongsu::base::clock::Duration;
use bongsu::collect::scrape::added;
use bongsu::collect::scrape::ingest::{Body, Ingest, ThisMachine};
use bongsu::collect::scrape::plan::{Outcome, plan};
use bongsu::model::answer::Metadata;
use bongsu::model::labels::Labels;
use bongsu::store::write::{Append, Appended, MetricSink, SeriesId, WriteError};
use bongsu::wire::exposition::{Entry, Format, Parser};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SERIES: usize = 100_000;

fn body(format: Format) -> String {
    let mut out = String::new();
    for metric in 0..10 {
        out.push_str(&format!(
            "# HELP requests_{metric} What was asked.\n# TYPE requests_{metric} gauge\n"
        ));
        for i in 0..SERIES / 10 {
            let value = (i * 7919 + metric) as f64 / 8.0;
            out.push_str(&format!(
                "requests_{metric}{{method=\"GET\",path=\"/api/v1/item/{i}\",pod=\"web-{}\",status=\"200\"}} {value}\n",
                i % 50
            ));
        }
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

/// A store that only counts.
#[derive(Default)]
struct Count(AtomicU64);

impl MetricSink for Count {
    fn resolve(&self, _: &Labels) -> Result<SeriesId, WriteError> {
        Ok(SeriesId(self.0.fetch_add(1, Ordering::Relaxed)))
    }

    fn append(&self, _: &[Append]) -> Result<Appended, WriteError> {
        Ok(Appended::default())
    }

    fn append_live(&self, _: &[(Labels, i64, f64)]) {}

    fn describe(&self, _: &[Metadata]) {}
}

fn parse(format: Format, body: &str, known: bool) -> f64 {
    let mut parser = Parser::new(format, body.as_bytes());
    let mut sum = 0.0;
    while let Some(entry) = parser.next_entry(|_| known).unwrap() {
        if let Entry::Sample(sample) = entry {
            sum += sample.value;
        }
    }
    sum
}

fn ingest() -> Ingest {
    let job = added::job("/none".as_ref(), Duration::from_secs(15));
    let found = Labels::from_pairs([("__address__", "host:9100")]);
    let Outcome::Scrape(target) = plan(&job, &found).outcome else {
        unreachable!("nothing drops it")
    };
    Ingest::new(
        Arc::new(job),
        Arc::new(target),
        Arc::new(ThisMachine::default()),
    )
}

fn exposition(c: &mut Criterion) {
    let mut group = c.benchmark_group("exposition");
    group
        .throughput(Throughput::Elements(SERIES as u64))
        .sample_size(20);
    for (name, format) in [("text", Format::Text), ("openmetrics", Format::OpenMetrics)] {
        let text = body(format);
        for (kind, known) in [("first", false), ("again", true)] {
            let id = BenchmarkId::new(format!("parse {name}"), kind);
            group.bench_function(id, |b| b.iter(|| black_box(parse(format, &text, known))));
        }
    }
    let (text, format) = (body(Format::Text), Format::Text);
    let bytes = text.as_bytes();
    let read = |ingest: &mut Ingest, batch: &mut Vec<Append>, t: i64| {
        batch.clear();
        let body = Body { bytes, format, t };
        ingest.read(body, &Count::default(), batch).unwrap()
    };
    group.bench_function(BenchmarkId::new("ingest", "first"), |b| {
        b.iter(|| black_box(read(&mut ingest(), &mut Vec::new(), 1)));
    });
    group.bench_function(BenchmarkId::new("ingest", "again"), |b| {
        let (mut ingest, mut batch, mut t) = (ingest(), Vec::new(), 0);
        read(&mut ingest, &mut batch, t);
        b.iter(|| {
            t += 1000;
            black_box(read(&mut ingest, &mut batch, t))
        });
    });
    group.finish();
}

criterion_group!(benches, exposition);
criterion_main!(benches);
