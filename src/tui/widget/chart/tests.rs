//! Charts as text: what a person sees, in every symbol set and size.

use super::*;
use crate::tui::widget::Symbols;
use crate::tui::widget::tests::{check, look, mono};

/// 2025-11-21 14:00:00 UTC.
const NOW: i64 = 1_763_733_600_000;

/// Values of `shape` every 15 s over the last half hour.
fn wave(shape: impl Fn(f64) -> f64) -> Vec<Sample> {
    (0..=120)
        .map(|i| Sample {
            t: NOW - (120 - i) * 15_000,
            v: shape(i as f64 / 120.0),
        })
        .collect()
}

fn curve<'a>(name: &'a str, samples: &'a [Sample], look: &Look, n: usize) -> Curve<'a> {
    Curve {
        name,
        samples,
        style: look.series(n),
        filled: false,
    }
}

fn chart(curves: Vec<Curve<'_>>, columns: usize) -> Chart<'_> {
    Chart {
        curves,
        window: Window::ending(NOW, 1_800_000, columns),
        unit: Unit::Percent,
        form: Form::Curves,
        legend: Legend::Row,
        log: false,
        low: None,
        high: None,
        gap: 30_000,
        thresholds: &[],
        marks: &[],
        cursor: None,
        selection: None,
        offset: 9 * 3600,
    }
}

fn painted(chart: &Chart<'_>, size: (u16, u16), look: &Look) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    chart.paint(&mut buf, Rect::new(0, 0, size.0, size.1), look);
    buf
}

#[test]
fn lines_in_every_symbol_set() {
    let a = wave(|x| 40.0 + 35.0 * (x * 9.0).sin());
    let b = wave(|x| 20.0 + 10.0 * (x * 23.0).cos());
    for (name, symbols) in [
        ("braille", Symbols::Braille),
        ("block", Symbols::Block),
        ("dot", Symbols::Dot),
        ("ascii", Symbols::Ascii),
    ] {
        let look = look(symbols);
        let chart = chart(
            vec![curve("user", &a, &look, 0), curve("system", &b, &look, 1)],
            108,
        );
        check(
            &format!("chart_lines_{name}"),
            &painted(&chart, (60, 12), &look),
        );
    }
    let look = mono(Symbols::Braille);
    let chart = chart(
        vec![curve("user", &a, &look, 0), curve("system", &b, &look, 1)],
        108,
    );
    check("chart_lines_mono", &painted(&chart, (60, 12), &look));
}

#[test]
fn stacks_in_every_symbol_set() {
    let a = wave(|x| 30.0 + 20.0 * (x * 9.0).sin());
    let b = wave(|x| 15.0 + 10.0 * (x * 17.0).cos());
    let c = wave(|_| 10.0);
    for (name, look) in [
        ("braille", look(Symbols::Braille)),
        ("block", look(Symbols::Block)),
        ("ascii", look(Symbols::Ascii)),
        ("mono", mono(Symbols::Braille)),
    ] {
        let curves = vec![
            curve("system", &c, &look, 0),
            curve("user", &a, &look, 1),
            curve("iowait", &b, &look, 2),
        ];
        let mut chart = chart(curves, 108);
        chart.form = Form::Stack;
        chart.high = Some(100.0);
        check(
            &format!("chart_stack_{name}"),
            &painted(&chart, (60, 12), &look),
        );
    }
}

#[test]
fn gaps_marks_cursor_and_thresholds_are_named() {
    let mut a = wave(|x| 20.0 + 50.0 * x);
    a.retain(|s| !(NOW - 1_000_000..NOW - 600_000).contains(&s.t));
    let marks = [
        Mark {
            t: NOW - 1_000_000,
            until: NOW - 600_000,
            kind: MarkKind::Gap,
            text: "not collected".into(),
        },
        Mark {
            t: NOW - 300_000,
            until: NOW - 300_000,
            kind: MarkKind::Event,
            text: "재시작".into(),
        },
        Mark {
            t: NOW - 1_500_000,
            until: NOW - 1_500_000,
            kind: MarkKind::Bookmark,
            text: "before".into(),
        },
    ];
    let look = look(Symbols::Braille);
    let limits = [Threshold {
        value: 60.0,
        style: look.warn,
        name: "warn 60 %",
    }];
    let mut chart = chart(vec![curve("used", &a, &look, 0)], 148);
    let marks: Vec<&Mark> = marks.iter().collect();
    chart.marks = &marks;
    chart.thresholds = &limits;
    chart.cursor = Some(NOW - 300_000);
    chart.selection = Some(TimeRange::new(NOW - 200_000, NOW - 60_000));
    check("chart_decor", &painted(&chart, (80, 12), &look));
}

#[test]
fn one_spike_survives_a_year_of_samples() {
    let mut a = wave(|_| 1.0);
    a[50].v = 80.0;
    let look = look(Symbols::Ascii);
    let mut one = chart(vec![curve("load", &a, &look, 0)], 14);
    one.window = Window::ending(NOW, 365 * 86_400_000, 14);
    let buf = painted(&one, (20, 6), &look);
    let text = crate::tui::widget::tests::text(&buf);
    let tall = text.lines().filter(|l| l.ends_with('*')).count();
    assert_eq!(tall, 3, "{text}");
}

#[test]
fn every_size_from_nothing_up_paints_inside_its_place() {
    let a = wave(|x| x * 100.0);
    let look = look(Symbols::Braille);
    for legend in [Legend::None, Legend::Row, Legend::Table] {
        for width in 0..50 {
            for height in 0..20 {
                let mut chart = chart(vec![curve("한글 이름", &a, &look, 0)], 40);
                chart.legend = legend;
                chart.cursor = Some(NOW - 100_000);
                let mut buf = Buffer::empty(Rect::new(0, 0, 60, 30));
                chart.paint(&mut buf, Rect::new(3, 2, width, height), &look);
                for position in buf.area.positions() {
                    let inside = Rect::new(3, 2, width, height).contains(position);
                    let blank = buf[position].symbol() == " ";
                    assert!(inside || blank, "{position} at {width}x{height}");
                }
            }
        }
    }
}

#[test]
fn the_table_gives_last_min_mean_max_and_the_log_axis_its_powers() {
    let a = wave(|x| 10f64.powf(-3.0 + 3.0 * x));
    let b = wave(|x| 0.002 + x * 0.01);
    let look = look(Symbols::Braille);
    let curves = vec![curve("p99", &a, &look, 0), curve("p50", &b, &look, 1)];
    let mut chart = chart(curves, 148);
    chart.unit = Unit::Seconds;
    chart.legend = Legend::Table;
    chart.log = true;
    check("chart_table_log", &painted(&chart, (80, 18), &look));
}

#[test]
fn a_window_moves_by_whole_columns_so_most_ticks_change_nothing() {
    let a = wave(|x| 40.0 + 35.0 * (x * 9.0).sin());
    let look = look(Symbols::Braille);
    let at = |now: i64| {
        let mut one = chart(vec![curve("user", &a, &look, 0)], 108);
        one.window = Window::ending(now, 1_800_000, 108);
        painted(&one, (60, 12), &look)
    };
    assert_eq!(at(NOW - 16_000), at(NOW - 17_000 + 2_000));
}
