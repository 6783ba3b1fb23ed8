//! What painting costs: a whole Overview, one chart on the whole screen, and a reading in between.
//!
//! `cargo bench --bench tui`. The answers are those of the golden screens.

#[path = "../tests/it/tui_widgets/server.rs"]
#[allow(dead_code, reason = "the golden screens need more of it")]
mod server;

use bongsu::tui::testing::Bench;
use bongsu::tui::{Environment, Options};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn console(width: u16, height: u16) -> Bench {
    let env = Environment {
        term: "xterm-256color".into(),
        utf8: true,
        ..Environment::default()
    };
    let mut bench = Bench::new(Options::detect(&env), server::NOW, width, height);
    bench.answer(&mut server::answer);
    bench
}

fn paint(c: &mut Criterion) {
    for (width, height) in [(80, 24), (200, 50)] {
        let mut overview = console(width, height);
        c.bench_function(
            &format!("overview {width}x{height}: paint and encode"),
            |b| {
                b.iter(|| black_box(overview.bytes().len()));
            },
        );
    }
    let mut chart = console(200, 50);
    chart.press("z").answer(&mut server::answer);
    c.bench_function("one chart 200x50: paint and encode", |b| {
        b.iter(|| black_box(chart.bytes().len()));
    });
    let mut host = console(200, 50);
    host.press("2").answer(&mut server::answer);
    c.bench_function("host 200x50: paint and encode", |b| {
        b.iter(|| black_box(host.bytes().len()));
    });
}

criterion_group!(benches, paint);
criterion_main!(benches);
