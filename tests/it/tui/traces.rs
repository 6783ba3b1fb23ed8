//! Screens of the Traces tab: dots, list, one trace span by span; empty, failing, filtered.

use crate::tui::fake_source::{self, NOW};
use crate::tui::golden;
use crate::tui::screens::options;
use bongsu::model::answer::{Answer, Notes, TracesAnswer};
use bongsu::model::exemplar::{Exemplar, ExemplarSeries};
use bongsu::model::labels::Labels;
use bongsu::model::request::{Request, SpanRequest};
use bongsu::model::span::{SpanId, Trace, TraceId};
use bongsu::model::trace_report::ReportAnswer;
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;

fn answer(request: &Request) -> Result<Answer, SourceError> {
    fake_source::answer(request)
}

fn open(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(options(), NOW, width, height);
    bench.press("6").answer(&mut answer);
    bench
}

#[test]
fn dots_and_list_at_every_size() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        golden(
            &format!("traces-{width}x{height}"),
            &open(width, height).screen(),
        );
    }
}

#[test]
fn a_trace_opens_span_by_span() {
    for (width, height) in [(80, 24), (200, 50)] {
        let mut bench = open(width, height);
        bench
            .press("j")
            .press("j")
            .press("Enter")
            .answer(&mut answer);
        golden(&format!("traces-open-{width}x{height}"), &bench.screen());
        // To the failed span, and what it carries.
        bench.press("n").press("n").press("Enter");
        golden(&format!("traces-detail-{width}x{height}"), &bench.screen());
        bench.press("Esc").press("f");
        golden(&format!("traces-folded-{width}x{height}"), &bench.screen());
        bench.press("Esc").answer(&mut answer);
        assert!(
            bench.screen().contains("Requests"),
            "Esc goes back to the list"
        );
    }
}

#[test]
fn a_box_lists_what_is_inside() {
    for (width, height) in [(80, 24), (200, 50)] {
        let mut bench = open(width, height);
        let all = bench.screen();
        assert!(all.contains("v: draw a box around dots"), "{all}");
        // From the newest request back, and up over the slow ones.
        bench.press("v [ [ k k").answer(&mut answer);
        golden(&format!("traces-box-{width}x{height}"), &bench.screen());
        bench.press("Enter").answer(&mut answer);
        golden(&format!("traces-boxed-{width}x{height}"), &bench.screen());
        assert!(bench.screen().contains("in the box"));
        bench.press("Esc").answer(&mut answer);
        assert_eq!(bench.screen(), all, "Esc takes the box away");
    }
}

#[test]
fn the_number_in_the_hint_is_what_is_listed() {
    let mut bench = open(120, 40);
    bench.press("v [ [ [ k k k").answer(&mut answer);
    let screen = bench.screen();
    let hint = screen.split("lists ").nth(1).unwrap();
    let count: usize = hint.split(' ').next().unwrap().parse().unwrap();
    bench.press("Enter").answer(&mut answer);
    let rows = bench.screen().matches("GET /cart/{id}").count();
    // One more in the table of endpoints.
    assert_eq!(rows - 1, count, "{screen}");
    assert!(count > 0);
}

#[test]
fn a_mouse_draws_the_same_box() {
    let mut bench = open(120, 40);
    bench.drag((20, 4), (60, 12)).answer(&mut answer);
    let screen = bench.screen();
    assert!(screen.contains("in the box"), "{screen}");
    // A click chooses the request under it, and draws no box.
    bench.press("Esc").answer(&mut answer);
    bench.drag((20, 4), (20, 4)).answer(&mut answer);
    assert!(!bench.screen().contains("in the box"));
}

#[test]
fn endpoints_have_rate_errors_and_latencies() {
    let mut bench = open(80, 24);
    bench.press("Tab z").answer(&mut answer);
    golden("traces-zoomed-80x24", &bench.screen());
    bench.press("z Tab").answer(&mut answer);
    golden("traces-endpoints-80x24", &bench.screen());
    bench.press("Enter").answer(&mut answer);
    let screen = bench.screen();
    assert!(screen.contains("resource.service.name = "), "{screen}");
}

#[test]
fn calls_flame_statistics_and_map() {
    for (name, key) in [("calls", "c"), ("flame", "F"), ("by", "a"), ("map", "p")] {
        for (width, height) in [(80, 24), (200, 50)] {
            let mut bench = open(width, height);
            bench.press(key).answer(&mut answer);
            golden(&format!("traces-{name}-{width}x{height}"), &bench.screen());
            // Of one trace.
            bench.press("Esc Enter").answer(&mut answer);
            bench.press(key).answer(&mut answer);
            golden(
                &format!("traces-one-{name}-{width}x{height}"),
                &bench.screen(),
            );
            bench.press("Esc").answer(&mut answer);
            assert!(
                bench.screen().contains("6 spans"),
                "Esc goes back to the trace"
            );
        }
    }
    let mut bench = open(120, 40);
    bench.press("p").answer(&mut answer).press("Tab");
    golden("traces-map-table", &bench.screen());
    bench.press("Esc a").answer(&mut answer);
    bench
        .press("a")
        .answer(&mut answer)
        .type_text("db.sys")
        .press("Enter");
    bench.answer(&mut answer);
    golden("traces-by-attribute", &bench.screen());
    bench.press("Enter").answer(&mut answer);
    let screen = bench.screen();
    assert!(screen.contains("{ span.db.system = "), "{screen}");
}

#[test]
fn two_traces_and_two_selections_are_compared() {
    let mut bench = open(120, 40);
    bench.press("x").answer(&mut answer);
    assert!(bench.screen().contains("choose another and press x"));
    bench.press("j j x").answer(&mut answer);
    golden("traces-compare", &bench.screen());
    bench.press("s");
    golden("traces-compare-sorted", &bench.screen());
    // What is slow against everything.
    let mut bench = open(120, 40);
    bench.press("v [ k k k k k k k k Enter").answer(&mut answer);
    bench.press("x Esc v [ [ [ k k Enter").answer(&mut answer);
    bench.press("x").answer(&mut answer);
    golden("traces-compare-boxes", &bench.screen());
}

#[test]
fn the_bar_completes_underlines_and_remembers() {
    let mut bench = open(120, 40);
    bench.press("/").type_text("ser").answer(&mut answer);
    assert!(bench.screen().contains("service="), "{}", bench.screen());
    bench.press("Tab").answer(&mut answer);
    golden("traces-complete", &bench.screen());
    bench.press("Down Tab Enter").answer(&mut answer);
    assert!(
        bench.screen().contains("service=장바구니"),
        "{}",
        bench.screen()
    );
    bench
        .press("/ Ctrl-U")
        .type_text("{ span.db")
        .answer(&mut answer);
    golden("traces-complete-field", &bench.screen());
    // Gone back to: what was asked before.
    bench.press("Esc Ctrl-U Up");
    assert!(
        bench.screen().contains("service=장바구니"),
        "{}",
        bench.screen()
    );
    bench
        .press("Ctrl-U")
        .type_text("error >soon")
        .press("Enter");
    let bytes = bench.bytes();
    assert!(bytes.contains("4m"), "underlined");
    assert!(bench.screen().contains("cannot be searched for"));
}

#[test]
fn a_span_is_shown_with_its_statement_clock_and_stacks() {
    let mut bench = open(120, 40);
    // The trace whose cart has a clock of its own, and the span before its parent.
    bench.press("j j j j Enter").answer(&mut answer);
    bench.press("j j Enter");
    golden("traces-clock", &bench.screen());
    bench.press("j");
    golden("traces-sql", &bench.screen());
    let mut bench = open(80, 24);
    bench.press("j j Enter").answer(&mut answer);
    bench.press("j j Enter o Tab G");
    golden("traces-scrolled", &bench.screen());
}

#[test]
fn a_mark_on_a_chart_leads_to_its_trace() {
    let mut bench = Bench::new(options(), NOW, 120, 40);
    let with_mark = &mut |request: &Request| match request {
        Request::Exemplars { expr, .. } => {
            assert_eq!(expr, "node_load1");
            let mut id = [0xab; 16];
            id[15] = 38;
            let one = Exemplar::of_span(TraceId(id), SpanId([1; 8]), 0.128, NOW - 80_000);
            let series = ExemplarSeries {
                labels: Labels::default(),
                exemplars: vec![one],
            };
            Ok(Answer::Exemplars(vec![series], Notes::default()))
        }
        other => answer(other),
    };
    bench
        .press("8 e")
        .type_text("node_load1")
        .press("Enter")
        .answer(with_mark);
    golden("metrics-exemplar", &bench.screen());
    bench.press("O").answer(with_mark);
    let screen = bench.screen();
    assert!(
        screen.contains("6 spans") && screen.contains("128 ms"),
        "{screen}"
    );
}

#[test]
fn links_lead_to_host_and_container_and_back() {
    let mut bench = open(120, 40);
    bench
        .press("Enter")
        .answer(&mut answer)
        .press("H")
        .answer(&mut answer);
    let screen = bench.screen();
    assert!(
        screen.contains("11:59:20"),
        "at the time of the span: {screen}"
    );
    bench.press("6").answer(&mut answer);
    assert!(bench.screen().contains("6 spans"), "6 leads back");
    bench.press("C").answer(&mut answer);
    assert!(
        bench.screen().contains("names no container"),
        "{}",
        bench.screen()
    );
}

#[test]
fn ten_thousand_spans_below_each_other_are_gone_through() {
    let deep = &mut |request: &Request| {
        let mut told = answer(request)?;
        if let Answer::Trace(Some(trace), _) = &mut told {
            let first = trace.spans[0].clone();
            let mut above = first.id;
            for n in 1..10_000u64 {
                let mut span = first.clone();
                (span.id, span.parent) = (SpanId((n + (1 << 32)).to_be_bytes()), Some(above));
                (span.start, span.end) = (first.start + n, first.end - n);
                above = span.id;
                trace.spans.push(span);
            }
            *trace = Trace::new(trace.id, std::mem::take(&mut trace.spans));
        }
        Ok(told)
    };
    let mut bench = open(120, 40);
    bench.press("Enter").answer(deep);
    let screen = bench.screen();
    assert!(screen.contains("10005 spans"), "{screen}");
    bench.press("G");
    assert!(bench.screen().contains("render"), "{}", bench.screen());
    bench.press("PgUp");
    assert!(bench.screen().contains("9970"), "{}", bench.screen());
    bench.press("g f").answer(deep);
    assert!(!bench.screen().contains("render"), "all is folded away");
}

#[test]
fn short_spans_and_others_are_hidden_inside() {
    let mut bench = open(120, 40);
    bench.press("Enter").answer(&mut answer);
    bench.press("d d d");
    let screen = bench.screen();
    assert!(screen.contains("below 5% hidden"), "{screen}");
    bench.press("d /").type_text("select >20ms").press("Enter");
    let screen = bench.screen();
    assert!(
        screen.contains("SELECT prices") && !screen.contains("SELECT items"),
        "{screen}"
    );
    bench.press("/ Ctrl-U").type_text(">soon").press("Enter");
    assert!(bench.screen().contains("is not a duration"));
}

#[test]
fn words_find_traces_and_wrong_ones_are_refused_at_their_place() {
    let mut bench = open(80, 24);
    bench
        .press("/")
        .type_text("error >1ms")
        .press("Enter")
        .answer(&mut answer);
    golden("traces-query", &bench.screen());
    let mut bench = open(80, 24);
    bench.press("/").type_text("{ wrong").press("Enter");
    golden("traces-query-wrong", &bench.screen());
}

#[test]
fn empty_loading_and_failing_say_why() {
    let mut bench = Bench::new(options(), NOW, 80, 24);
    bench.press("6");
    golden("traces-loading", &bench.screen());
    let none = &mut |request: &Request| match request {
        Request::Spans(SpanRequest::Search(_)) => Ok(Answer::Traces(TracesAnswer::default())),
        Request::Spans(SpanRequest::Report(_)) => Ok(Answer::Report(ReportAnswer::default())),
        other => answer(other),
    };
    golden("traces-empty", &bench.answer(none).screen());
    let mut bench = Bench::new(options(), NOW, 80, 24);
    let failing = &mut |request: &Request| match request {
        Request::Spans(_) => Err(SourceError::Unavailable("opening history".into())),
        other => answer(other),
    };
    golden("traces-error", &bench.press("6").answer(failing).screen());
}
