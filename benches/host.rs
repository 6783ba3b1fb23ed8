//! What one beat of the host collector costs: a full reading, a quick one, a pass over all
//! processes, and the rows for a console. `cargo bench --bench host`.

use bongsu::collect::host::process::Processes;
use bongsu::collect::host::{Host, Options};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;

fn readings(c: &mut Criterion) {
    let mut host = Host::new(Options::default());
    c.bench_function("host full reading", |b| b.iter(|| black_box(host.read())));
    c.bench_function("host quick reading", |b| {
        b.iter(|| black_box(host.read_quick()));
    });
    let mut processes = Processes::new(Path::new("/"));
    processes.pass(0);
    c.bench_function("process pass", |b| b.iter(|| processes.pass(0)));
    c.bench_function("process rows", |b| {
        b.iter(|| {
            black_box(processes.view(&[]));
        });
    });
}

criterion_group!(benches, readings);
criterion_main!(benches);
