//! Screens of the Logs tab, and that nothing moves under a reader.

use crate::tui::fake_source::{self, NOW};
use crate::tui::screens::options;
use crate::tui::{golden, zooms};
use bongsu::model::request::{LogRequest, Request};
use bongsu::source::api::SourceError;
use bongsu::tui::Options;
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
    let screen = bench.screen();
    assert!(
        screen.contains(" app ") && screen.contains("label"),
        "{screen}"
    );
    bench.press("Tab");
    bench.answer(&mut fake_source::answer);
    let screen = bench.screen();
    assert!(
        screen.contains("app=") && screen.contains("주문서비스"),
        "{screen}"
    );
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
    assert!(screen.contains("[trace:"), "{screen}");
    bench.press("L");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("Latency"), "{}", bench.screen());
    bench.press("5 O");
    bench.answer(&mut fake_source::answer);
    assert!(bench.screen().contains("names no trace"));
}

#[test]
fn what_lies_before_and_behind_the_minute_is_one_list() {
    // The made-up lines begin 70 seconds before NOW; the minute turns 60 seconds before it.
    let mut bench = Bench::new(options(), NOW - 30_000, 120, 40);
    bench.press("5");
    let mut asked = Vec::new();
    bench.answer(&mut |request| {
        if let Request::Logs(LogRequest::Query(query)) = request {
            asked.push(query.range);
        }
        fake_source::answer(request)
    });
    let screen = bench.screen();
    let place = |text: &str| {
        screen
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {screen}"))
    };
    assert!(place("GET /orders 200") < place("slow query"));
    assert!(place("slow query") < place("주문을"));
    let minute = (NOW - 60_000) * 1_000_000;
    assert!(asked.iter().any(|r| r.end == minute) && asked.iter().any(|r| r.start == minute));
    // At the next tick only what lies behind the minute is asked again.
    let mut again = Vec::new();
    bench.wait(2000).answer(&mut |request| {
        if let Request::Logs(LogRequest::Query(query)) = request {
            again.push(query.range.start);
        }
        fake_source::answer(request)
    });
    assert_eq!(again, [minute]);
}

#[test]
fn filters_are_switched_one_by_one() {
    let mut bench = bench(120, 40);
    for word in ["get", "orders"] {
        bench.press("/").type_text(word).press("Enter");
    }
    bench.answer(&mut fake_source::answer);
    assert!(
        bench.screen().contains("[get] [orders]"),
        "{}",
        bench.screen()
    );
    bench.press("X");
    assert!(bench.screen().contains("Filters"), "{}", bench.screen());
    bench.press("Enter").answer(&mut fake_source::answer);
    assert!(
        bench.screen().contains("(off get) [orders]"),
        "{}",
        bench.screen()
    );
    bench.press("X x").answer(&mut fake_source::answer);
    assert!(!bench.screen().contains("off get"), "{}", bench.screen());
}

#[test]
fn the_chosen_line_keeps_its_place_under_other_filters() {
    let mut bench = bench(120, 40);
    bench.press("/").type_text("get").press("Enter");
    bench.answer(&mut fake_source::answer);
    bench.press("k k").answer(&mut fake_source::answer);
    let row = |bench: &Bench| {
        let screen = bench.screen();
        let line = screen.lines().position(|l| l.contains("/orders/7"));
        line.unwrap_or_else(|| panic!("{screen}"))
    };
    let before = row(&bench);
    bench.press("x").answer(&mut fake_source::answer);
    assert!(bench.screen().contains("slow query"));
    assert!(row(&bench).abs_diff(before) <= 1, "{}", bench.screen());
    bench.press("x").answer(&mut fake_source::answer);
    assert!(!bench.screen().contains("slow query"));
}

#[test]
fn fields_as_columns_and_to_the_clipboard() {
    let mut bench = bench(120, 40);
    bench.press("k k C");
    assert!(bench.screen().contains("Columns before the line"));
    bench.type_text("/status").press("Enter");
    bench.press("Enter");
    let screen = bench.screen();
    assert!(screen.contains("500 | {"), "{screen}");
    bench.press("F");
    assert!(bench.screen().contains("Copy a field"));
    bench.type_text("/path").press("Enter").press("Enter");
    let done = bench.done();
    assert!(done.iter().any(|d| d.contains("/pay")), "{done:?}");
}

#[test]
fn a_wrong_query_is_refused_at_its_place() {
    let mut bench = bench(120, 40);
    bench.press("/").type_text("get /b(c/");
    bench.answer(&mut fake_source::answer);
    let screen = bench.screen();
    assert!(screen.contains("column "), "{screen}");
    assert!(
        screen.contains("GET /health"),
        "what could be asked stays: {screen}"
    );
    bench.press("Enter");
    assert!(bench.screen().contains("/b(c/"), "it stays in the bar");
    bench.press("Esc");
    bench.press("/").type_text("rate({app=\"x\"}[5m");
    assert!(bench.screen().contains("column "), "{}", bench.screen());
}

#[test]
fn what_was_asked_before_comes_back() {
    let mut bench = bench(120, 40);
    bench.press("/").type_text("get").press("Enter");
    bench.press("/").type_text("health").press("Enter");
    bench.press("/ Up Up");
    let (column, _) = bench.caret().unwrap();
    let screen = bench.screen();
    let bar = screen.lines().nth(1).unwrap();
    assert!(bar[..].contains("[get] [health] get"), "{bar}");
    assert!(usize::from(column) >= "/ [get] [health] get".len());
    bench.press("Down");
    assert!(bench.screen().contains("[get] [health] health"));
}

#[test]
fn logql_completes_labels_stages_and_functions() {
    let mut bench = bench(120, 40);
    bench.press("/").type_text("{ho");
    bench.answer(&mut fake_source::answer);
    bench.press("Tab").answer(&mut fake_source::answer);
    assert!(bench.screen().contains("{host=\""), "{}", bench.screen());
    bench.type_text("api").press("Tab");
    assert!(
        bench.screen().contains("{host=\"api\""),
        "{}",
        bench.screen()
    );
    bench.type_text("} | line_f").press("Tab");
    assert!(
        bench.screen().contains("| line_format"),
        "{}",
        bench.screen()
    );
    bench.press("Esc Esc /").type_text("count_o").press("Tab");
    assert!(
        bench.screen().contains("count_over_time("),
        "{}",
        bench.screen()
    );
}

#[test]
fn numbers_from_lines_are_a_chart() {
    let mut bench = bench(120, 40);
    bench
        .press("/")
        .type_text("sum by (level) (rate({app=\"api\"}[5m]))");
    bench.press("Enter");
    bench.answer(&mut fake_source::answer);
    golden("logs-numbers", &bench.screen());
}

#[test]
fn labels_and_fields_with_their_values() {
    let mut bench = bench(120, 40);
    bench.press("a").answer(&mut fake_source::answer);
    golden("logs-fields", &bench.screen());
    bench.press("Enter j d").answer(&mut fake_source::answer);
    assert!(bench.screen().contains("[app!=db]"), "{}", bench.screen());
}

#[test]
fn patterns_are_left_out() {
    let mut bench = bench(120, 40);
    bench.press("p").answer(&mut fake_source::answer);
    bench.press("d").answer(&mut fake_source::answer);
    let screen = bench.screen();
    assert!(screen.contains("[!>\"GET <_> 200 in <_>\"]"), "{screen}");
    assert!(screen.contains("Patterns"), "the list stays");
}

#[test]
fn the_next_error_is_looked_for_in_the_store() {
    let mut bench = bench(120, 40);
    bench.press("g E");
    assert!(
        bench.screen().contains("looking for the previous error"),
        "{}",
        bench.screen()
    );
    bench.answer(&mut fake_source::answer);
    assert!(
        bench.screen().contains("no earlier error"),
        "{}",
        bench.screen()
    );
    // Everything but the first line lies beyond what is known.
    let mut bench = Bench::new(options(), NOW, 120, 40);
    bench.press("5");
    let mut only_first = |request: &Request| match request {
        Request::Logs(LogRequest::Query(query)) if query.limit > 1 && !query.newest_first => {
            let mut query = query.clone();
            query.range.end = query.range.start;
            fake_source::answer(&Request::Logs(LogRequest::Query(query)))
        }
        Request::Logs(LogRequest::Query(query)) if query.limit > 1 => {
            let mut query = query.clone();
            query.range.end = query.range.end.min((NOW - 65_000) * 1_000_000);
            fake_source::answer(&Request::Logs(LogRequest::Query(query)))
        }
        other => fake_source::answer(other),
    };
    bench.answer(&mut only_first);
    bench.press("e").answer(&mut fake_source::answer);
    bench.press("y");
    let done = bench.done();
    assert!(
        done.iter().any(|d| d.contains("결제 시간 초과")),
        "{done:?}"
    );
}

#[test]
fn a_long_search_is_given_up_and_taken_up_again() {
    let mut bench = Bench::new(options(), NOW, 120, 40);
    bench.press("5").wait(400);
    bench.press("Esc");
    let done = bench.done();
    assert!(done.iter().any(|d| d.contains("Stop")), "{done:?}");
    assert!(
        bench.screen().contains("was given up"),
        "{}",
        bench.screen()
    );
    bench.press("r").answer(&mut fake_source::answer);
    assert!(bench.screen().contains("GET /health"), "{}", bench.screen());
}

#[test]
fn a_line_is_bookmarked_and_marked() {
    let mut bench = bench(120, 40);
    bench.press("k m").type_text("here").press("Enter");
    let done = bench.done();
    assert!(
        done.iter()
            .any(|d| d.contains("Bookmark") && d.contains("here")),
        "{done:?}"
    );
    let screen = bench.screen();
    assert!(
        screen
            .lines()
            .any(|l| l.contains("*DEBG") || l.contains("*INFO")),
        "{screen}"
    );
}

#[test]
fn saved_queries_are_taken_up_and_made() {
    let mut bench = bench(120, 40);
    bench.press("b");
    assert!(bench.screen().contains("slow"), "{}", bench.screen());
    bench.press("Enter").answer(&mut fake_source::answer);
    assert!(
        bench.screen().contains("[level:warn] [/took"),
        "{}",
        bench.screen()
    );
    bench.press("b Enter").type_text("mine").press("Enter");
    let done = bench.done();
    assert!(
        done.iter()
            .any(|d| d.contains("SaveQuery") && d.contains("mine")),
        "{done:?}"
    );
}

#[test]
fn the_overviews_panel_has_the_bar_and_enter_carries_it_over() {
    let options = Options {
        overview: vec![("cpu".into(), 1, 1), ("logs".into(), 1, 2)],
        ..options()
    };
    let mut bench = Bench::new(options, NOW, 120, 40);
    bench.answer(&mut fake_source::answer);
    bench
        .press("/")
        .type_text("get")
        .answer(&mut fake_source::answer);
    golden("logs-panel-filter", &bench.screen());
    assert!(bench.caret().is_some());
    bench.press("Enter").answer(&mut fake_source::answer);
    let screen = bench.screen();
    assert!(
        screen.contains("[get]") && screen.contains("GET /health"),
        "{screen}"
    );
    bench.press("L").answer(&mut fake_source::answer);
    assert!(bench.screen().contains("CPU"), "back on the Overview");
}

#[test]
fn a_marked_stretch_of_time_is_what_is_read() {
    let mut bench = bench(120, 40);
    bench.press("v h h");
    let mut asked = Vec::new();
    bench.answer(&mut |request| {
        if let Request::Logs(LogRequest::Query(query)) = request {
            asked.push(query.range);
        }
        fake_source::answer(request)
    });
    let screen = bench.screen();
    assert!(screen.contains("the marked stretch of time"), "{screen}");
    let range = asked.last().unwrap();
    assert!(range.end - range.start < 600 * 1_000_000_000, "{range:?}");
    bench.press("v").answer(&mut fake_source::answer);
    assert!(bench.screen().contains("rewound"), "{}", bench.screen());
}

#[test]
fn long_lines_are_wrapped_and_stacks_opened() {
    let mut bench = bench(80, 24);
    bench.press("\\").answer(&mut fake_source::answer);
    golden("logs-wrapped-80x24", &bench.screen());
    assert!(!bench.screen().contains("at shop.Stock.take"));
    bench.press("\\ o").answer(&mut fake_source::answer);
    assert!(
        bench.screen().contains("at shop.Stock.take"),
        "{}",
        bench.screen()
    );
}

#[test]
fn z_gives_the_lines_all_rows_and_the_details_where_they_are_open() {
    zooms(&mut bench(120, 40), &mut fake_source::answer, 1);
    let mut details = bench(120, 40);
    details
        .press("k k k Enter")
        .answer(&mut fake_source::answer);
    let before = details.screen();
    let alone = details.press("z").answer(&mut fake_source::answer).screen();
    assert!(
        !alone.contains("Lines") && alone.contains("Line"),
        "{alone}"
    );
    let after = details.press("z").answer(&mut fake_source::answer).screen();
    assert!(
        after.contains("Lines") && before.contains("Lines"),
        "{after}"
    );
}
