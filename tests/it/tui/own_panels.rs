//! The user's own panels on the Overview: each kind, with thresholds and Hangul, empty and refused.

use crate::tui::fake_source::{NOW, answer};
use crate::tui::golden;
use crate::tui::screens::options;
use bongsu::model::answer::{Answer, Cost, Notes, PromAnswer, Value, VectorPoint};
use bongsu::model::labels::Labels;
use bongsu::model::request::Request;
use bongsu::model::sample::Sample;
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;
use bongsu::tui::{Depth, Options, OwnKind, OwnPanel, SymbolSet};

fn panels() -> Vec<OwnPanel> {
    let panel = |title: &str, expr: &str, kind| OwnPanel {
        title: title.into(),
        expr: expr.into(),
        kind,
        ..OwnPanel::default()
    };
    vec![
        OwnPanel {
            legend: "{{job}}".into(),
            warning: Some(0.9),
            critical: Some(0.5),
            ..panel("Web services", "up{job=~\".*web_service\"}", OwnKind::Stat)
        },
        OwnPanel {
            legend: "heap {{instance}} {{n}}".into(),
            unit: "ratio".into(),
            warning: Some(0.7),
            critical: Some(0.85),
            ..panel("힙 사용률", "heap", OwnKind::Chart)
        },
        OwnPanel {
            unit: "bytes".into(),
            warning: Some(5e8),
            ..panel("Memory", "memory", OwnKind::Table)
        },
        panel("Nothing", "absent_metric", OwnKind::Chart),
        OwnPanel {
            unit: "seconds".into(),
            ..panel("Answer time", "latency", OwnKind::Stat)
        },
    ]
}

fn own_options() -> Options {
    let titles = [
        "Web services",
        "힙 사용률",
        "Memory",
        "Nothing",
        "Answer time",
    ];
    Options {
        overview: titles.iter().map(|t| ((*t).to_owned(), 1, 1)).collect(),
        panels: panels(),
        ..options()
    }
}

fn vector(rows: &[(&str, f64)]) -> Answer {
    let point = |(job, v): &(&str, f64)| VectorPoint {
        labels: Labels::from_pairs([("job", *job)]),
        sample: Sample { t: NOW, v: *v },
    };
    prom(Value::Vector(rows.iter().map(point).collect()))
}

fn prom(value: Value) -> Answer {
    Answer::Prom(PromAnswer {
        value,
        notes: Notes::default(),
        cost: Cost::default(),
    })
}

fn own_answer(request: &Request) -> Result<Answer, SourceError> {
    let Request::Prom(query) = request else {
        return answer(request);
    };
    Ok(match (query.expr.as_str(), query.instant) {
        (up, _) if up.starts_with("up{") => {
            vector(&[("dev_web_service", 1.0), ("prod_web_service", 0.0)])
        }
        ("memory", _) => vector(&[("web", 6.4e8), ("결제", 2.5e8), ("gone", f64::NAN)]),
        ("absent_metric", true) => vector(&[]),
        ("absent_metric", false) => prom(Value::Matrix(vec![])),
        ("latency", _) => prom(Value::Scalar(Sample { t: NOW, v: 0.1234 })),
        _ => return answer(request),
    })
}

fn bench(options: Options, width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(options, NOW, width, height);
    bench
        .answer(&mut own_answer)
        .wait(2000)
        .answer(&mut own_answer);
    bench
}

#[test]
fn every_kind_at_every_size() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let screen = bench(own_options(), width, height).screen();
        golden(&format!("own-panels-{width}x{height}"), &screen);
    }
    let plain = Options {
        symbols: SymbolSet::Ascii,
        depth: Depth::Mono,
        ..own_options()
    };
    let mut bench = bench(plain, 120, 40);
    golden("own-panels-ascii", &bench.screen());
    let refuse = &mut |_: &_| Err(SourceError::Unavailable("the engine is gone".into()));
    let screen = bench.wait(60_000).answer(refuse).screen();
    golden("own-panels-error", &screen);
}

#[test]
fn own_panels_come_first_and_enter_opens_their_query_in_metrics() {
    let by_itself = Options {
        overview: vec![],
        ..own_options()
    };
    let mut bench = bench(by_itself, 120, 40);
    let screen = bench.screen();
    assert!(screen.contains("Web services"), "{screen}");
    let screen = bench.press("Enter").answer(&mut own_answer).screen();
    assert!(screen.contains("A up{job=~\".*web_service\"}"), "{screen}");
    // Another panel's query stands beside it; the same one is not asked twice.
    bench.press("1 Tab Enter").answer(&mut own_answer);
    let screen = bench.press("1 Enter").answer(&mut own_answer).screen();
    assert!(
        screen.contains("A up{job") && screen.contains("B heap"),
        "{screen}"
    );
    assert!(!screen.contains("C "), "{screen}");
}

#[test]
fn a_name_that_is_no_panel_is_told() {
    let titles = panels();
    assert_eq!(
        bongsu::tui::unknown_panels(["cpu", "Memory"], &titles),
        [""; 0]
    );
    let said = bongsu::tui::unknown_panels(["cpuu"], &titles);
    let told = Options {
        problems: said,
        ..own_options()
    };
    let screen = bench(told, 200, 60).screen();
    assert!(screen.contains("no panel is called \"cpuu\""), "{screen}");
}
