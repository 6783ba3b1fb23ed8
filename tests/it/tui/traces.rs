//! Screens of the Traces tab: dots, list, one trace span by span; empty, failing, filtered.

use crate::tui::fake_source::{self, NOW};
use crate::tui::golden;
use crate::tui::screens::options;
use bongsu::model::answer::{Answer, TracesAnswer};
use bongsu::model::request::{Request, SpanRequest};
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
