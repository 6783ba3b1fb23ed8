//! Screens of the Logs tab, and that nothing moves under a reader.

use crate::tui::fake_source::{self, NOW};
use crate::tui::golden;
use crate::tui::screens::options;
use bongsu::model::request::{LogRequest, Request};
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;

fn bench(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(options(), NOW, width, height);
    bench.press("5");
    bench.answer(&mut fake_source::answer);
    bench
}

#[test]
fn lines_with_their_levels() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let bench = bench(width, height);
        golden(&format!("logs-{width}x{height}"), &bench.screen());
    }
}

#[test]
fn nothing_that_a_terminal_obeys_is_painted() {
    let screen = bench(120, 40).screen();
    assert!(!screen.chars().any(|c| c.is_control() && c != '\n'));
    assert!(screen.contains("GET /orders/7"), "colours are left out");
}

#[test]
fn a_line_in_full_with_its_json() {
    let mut bench = bench(120, 40);
    bench.press("k k k Enter");
    bench.answer(&mut fake_source::answer);
    golden("logs-details", &bench.screen());
}

#[test]
fn typing_filters_at_once() {
    let mut bench = bench(120, 40);
    bench.press("/");
    bench.type_text("get");
    bench.answer(&mut fake_source::answer);
    let screen = bench.screen();
    assert!(screen.contains("GET /health") && !screen.contains("slow query"));
    bench.press("Enter");
    bench.answer(&mut fake_source::answer);
    golden("logs-filtered", &bench.screen());
    bench.press("x");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("slow query"), "all filters are off");
    assert!(bench.screen().contains("(off get)"));
}

#[test]
fn labels_are_offered() {
    let mut bench = bench(120, 40);
    bench.press("/");
    bench.type_text("ap");
    assert!(bench.screen().contains("Tab: app="));
    bench.press("Tab");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("app=주문서비스"));
}

#[test]
fn the_view_holds_while_lines_come() {
    let mut bench = bench(120, 40);
    assert!(bench.screen().contains("following"));
    bench.press("k");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("held"));
    bench.press("G");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("following"));
}

#[test]
fn errors_are_jumped_to() {
    let mut bench = bench(120, 40);
    bench.press("E Enter");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("IllegalStateException"));
    bench.press("Esc E Enter");
    bench.answer(&mut fake_source::answer);
    golden("logs-error-line", &bench.screen());
}

#[test]
fn patterns_with_their_trend() {
    let mut bench = bench(120, 40);
    bench.press("p");
    bench.answer(&mut fake_source::answer);
    golden("logs-patterns", &bench.screen());
}

#[test]
fn failing_and_empty_say_why() {
    let mut bench = Bench::new(options(), NOW, 80, 24);
    bench.press("5");
    bench.answer(&mut |request| match request {
        Request::Logs(LogRequest::Query(_)) => Err(SourceError::Internal(
            "part 7 of the logs is damaged".to_owned(),
        )),
        other => fake_source::answer(other),
    });
    assert!(bench.screen().contains("part 7 of the logs is damaged"));
    let mut bench = Bench::new(options(), NOW, 80, 24);
    bench.press("5 /");
    bench.type_text("nothing");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("the filter leaves nothing"));
}

#[test]
fn from_a_cursor_to_its_logs_and_back() {
    let mut bench = Bench::new(options(), NOW, 120, 40);
    bench.press("2");
    bench.answer(&mut fake_source::answer);
    bench.press("h h L");
    bench.answer(&mut fake_source::answer);
    let screen = bench.screen();
    assert!(
        screen.contains("held: ") && screen.contains("new"),
        "{screen}"
    );
    assert!(!screen.contains("following"));
    bench.press("/");
    bench.type_text("get");
    bench.press("Enter L");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("Processes"), "{}", bench.screen());
    bench.press("5 L");
    bench.answer(&mut fake_source::answer);
    assert!(
        bench.screen().contains("from any other tab"),
        "{}",
        bench.screen()
    );
}

#[test]
fn from_a_trace_to_its_logs_and_from_a_line_to_its_trace() {
    let mut bench = Bench::new(options(), NOW, 120, 40);
    bench.press("6");
    bench.answer(&mut fake_source::answer);
    bench.press("L");
    bench.answer(&mut fake_source::answer);
    let screen = bench.screen();
    assert!(screen.contains("[{__stream__=\"\"} |= \""), "{screen}");
    bench.press("L");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("Latency"), "{}", bench.screen());
    bench.press("5 O");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("names no trace"));
}
