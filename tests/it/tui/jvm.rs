//! Screens of the JVM tab: found and scraped JVMs in one list, and those without numbers.

use crate::tui::fake_source::{self, NOW};
use crate::tui::golden;
use crate::tui::screens::options;
use bongsu::model::answer::{Answer, Cost, Notes, PromAnswer, Series, Value, VectorPoint};
use bongsu::model::labels::Labels;
use bongsu::model::request::{PromQuery, Request, ViewName};
use bongsu::model::sample::Sample;
use bongsu::model::view::{JvmRow, View};
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;

const MIB: f64 = 1048576.0;

fn answer(request: &Request) -> Result<Answer, SourceError> {
    match request {
        Request::Prom(query) => Ok(Answer::Prom(prom(query))),
        Request::View {
            view: ViewName::Jvms,
            ..
        } => Ok(Answer::View(View::Jvms(found()))),
        other => fake_source::answer(other),
    }
}

fn found() -> Vec<JvmRow> {
    let row = |instance: &str, why: &str, way_out: &str| JvmRow {
        pid: 42,
        instance: instance.into(),
        application: instance[5..].into(),
        why: why.into(),
        way_out: way_out.into(),
        ..JvmRow::default()
    };
    vec![
        row("web1/shop", "", ""),
        row(
            "web1/결제",
            "it belongs to another user (uid 7)",
            "run bongsu as root",
        ),
    ]
}

/// Two JVMs with numbers; charts of two curves.
fn prom(query: &PromQuery) -> PromAnswer {
    let of = |instance: &str| Labels::from_pairs([("instance", instance)]);
    let value = if query.instant {
        let [shop, scraped] = match query.expr.as_str() {
            e if e.contains("max_bytes") => [512.0 * MIB, 256.0 * MIB],
            e if e.contains("gc_") => [0.01, 0.31],
            _ => [100.0 * MIB, 250.0 * MIB],
        };
        let point = |(labels, v)| VectorPoint {
            labels,
            sample: Sample { t: NOW, v },
        };
        let points = [(of("web1/shop"), shop), (of("10.0.0.7:8080"), scraped)];
        Value::Vector(points.into_iter().map(point).collect())
    } else {
        let series = |name: &str, from: f64| Series {
            labels: Labels::from_pairs([
                ("pool", name),
                ("gc", name),
                ("instance", name),
                ("__name__", name),
            ]),
            samples: query
                .steps
                .iter()
                .map(|t| Sample {
                    t,
                    v: from * (1.0 + (t / 10_000 % 30) as f64 / 30.0),
                })
                .collect(),
        };
        let unit = match query.expr.as_str() {
            e if e.contains("gc_pause") => 0.001,
            e if e.contains("threads") => 1.0,
            _ => MIB,
        };
        Value::Matrix(vec![
            series("Eden", 30.0 * unit),
            series("Old", 70.0 * unit),
        ])
    };
    PromAnswer {
        value,
        notes: Notes::default(),
        cost: Cost::default(),
    }
}

fn open(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(options(), NOW, width, height);
    bench.press("4").answer(&mut answer);
    bench.wait(2_000).answer(&mut answer);
    bench
}

#[test]
fn the_list_and_the_charts_at_every_size() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        golden(
            &format!("jvm-{width}x{height}"),
            &open(width, height).screen(),
        );
    }
}

#[test]
fn a_jvm_without_numbers_says_why_and_the_way_out() {
    let empty = &mut |request: &Request| match request {
        Request::Prom(query) => {
            let value = if query.instant {
                Value::Vector(vec![])
            } else {
                Value::Matrix(vec![])
            };
            let notes = Notes::default();
            Ok(Answer::Prom(PromAnswer {
                value,
                notes,
                cost: Cost::default(),
            }))
        }
        other => answer(other),
    };
    let mut bench = Bench::new(options(), NOW, 80, 24);
    bench.press("4").answer(empty).press("G").answer(empty);
    bench.wait(2_000).answer(empty);
    golden("jvm-other-user", &bench.screen());
}

#[test]
fn without_a_jvm_the_tab_says_what_to_do() {
    let mut bench = Bench::new(options(), NOW, 80, 24);
    let none = &mut |request: &Request| match request {
        Request::Prom(_) => Err(SourceError::Unavailable("opening history".into())),
        other => fake_source::answer(other),
    };
    golden("jvm-error", &bench.press("4").answer(none).screen());
}
