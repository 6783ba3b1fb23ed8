//! Screens of the tabs that this file names, and what their keys do.

use crate::tui::fake_source::{NOW, answer, outcome};
use crate::tui::screens::options;
use crate::tui::{click_on, golden, zooms};
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;
use bongsu::tui::{Depth, Options, SymbolSet};

const SIZES: &[(u16, u16)] = &[(80, 24), (120, 40), (200, 60)];

fn open(tab: &str, width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(options(), NOW, width, height);
    bench.answer(&mut answer);
    bench
        .press(":")
        .type_text(tab)
        .press("Enter")
        .answer(&mut answer);
    bench
}

/// Full at three sizes; loading, refused and in ASCII at the smallest.
fn all_states(tab: &str) {
    let name = tab.to_lowercase();
    for (width, height) in SIZES {
        let screen = open(tab, *width, *height).screen();
        golden(&format!("{name}-{width}x{height}"), &screen);
    }
    let (width, height) = SIZES[0];
    let mut loading = Bench::new(options(), NOW, width, height);
    loading.press(":").type_text(tab).press("Enter");
    golden(&format!("{name}-loading"), &loading.screen());
    let refuse = &mut |_: &_| Err(SourceError::Unavailable("the engine is gone".into()));
    golden(&format!("{name}-error"), &loading.answer(refuse).screen());
    let ascii = Options {
        symbols: SymbolSet::Ascii,
        depth: Depth::Mono,
        ..options()
    };
    let mut plain = Bench::new(ascii, NOW, width, height);
    plain
        .press(":")
        .type_text(tab)
        .press("Enter")
        .answer(&mut answer);
    golden(&format!("{name}-ascii"), &plain.screen());
}

#[test]
fn targets_at_every_size_and_state() {
    all_states("targets");
    let mut details = open("targets", 120, 40);
    golden("targets-details", &details.press("j j Enter").screen());
}

#[test]
fn storage_at_every_size_and_state() {
    all_states("storage");
}

#[test]
fn a_target_is_added_after_a_look_and_a_yes() {
    let mut bench = open("targets", 80, 24);
    bench
        .press(". Enter")
        .type_text("10.0.0.7:8080 payments")
        .press("Enter");
    bench.obey(&mut outcome);
    golden("targets-add", &bench.screen());
    assert_eq!(bench.press("n").done(), Vec::<String>::new());
    bench
        .press(". Enter")
        .type_text("10.0.0.7:8080 payments")
        .press("Enter");
    bench.obey(&mut outcome);
    let done = bench.press("y").done();
    assert!(
        done[0].contains("AddTarget") && done[0].contains("http://10.0.0.7:8080/metrics"),
        "{done:?}"
    );
}

#[test]
fn a_wrong_address_keeps_the_prompt_and_says_why() {
    let mut bench = open("targets", 80, 24);
    let screen = bench
        .press(". Enter")
        .type_text("ftp://x")
        .press("Enter")
        .screen();
    assert!(
        screen.contains("only http and https are scraped"),
        "{screen}"
    );
}

#[test]
fn the_filter_narrows_and_esc_takes_it_away() {
    let mut bench = open("targets", 120, 40);
    let screen = bench.press("/").type_text("결제").press("Enter").screen();
    assert!(
        screen.contains("10.0.0.9") && !screen.contains("10.0.0.7"),
        "{screen}"
    );
    assert!(bench.press("Esc").screen().contains("10.0.0.7"));
    let screen = bench.press("/").type_text("!redis").press("Enter").screen();
    assert!(
        !screen.contains("redis") || screen.contains("filter: !redis"),
        "{screen}"
    );
    assert!(!screen.contains("10.0.0.7"));
}

#[test]
fn lists_are_copied_and_saved() {
    let mut bench = open("targets", 120, 40);
    let done = bench.press("y Ctrl-S").done();
    assert!(
        done[0].starts_with("Copy(\"http://10.0.0.9:8080"),
        "{done:?}"
    );
    assert!(
        done[1].contains("bongsu-targets-20261121-120000.csv"),
        "{done:?}"
    );
}

#[test]
fn metrics_at_every_size_and_state() {
    all_states("metrics");
    for (width, height) in SIZES {
        let mut bench = open("metrics", *width, *height);
        bench
            .press("e")
            .type_text("sum by (job) (rate(node_load1[5m]))")
            .press("Enter");
        golden(
            &format!("metrics-chart-{width}x{height}"),
            &bench.answer(&mut answer).screen(),
        );
    }
    let mut table = open("metrics", 120, 40);
    table
        .press("e")
        .type_text("node_load1")
        .press("Enter c")
        .answer(&mut answer);
    golden("metrics-table", &table.screen());
}

#[test]
fn names_labels_and_values_complete_under_the_caret() {
    let mut bench = open("metrics", 120, 40);
    bench.press("8 e").type_text("node_mem").answer(&mut answer);
    golden("metrics-completion", &bench.screen());
    bench
        .press("Tab")
        .type_text("{inst")
        .answer(&mut answer)
        .press("Tab")
        .type_text("=\"");
    assert!(bench.answer(&mut answer).screen().contains("웹2"));
    bench
        .type_text("웹")
        .answer(&mut answer)
        .press("Tab")
        .type_text("}")
        .press("Enter");
    let screen = bench.answer(&mut answer).screen();
    assert!(
        screen.contains("node_memory_MemTotal_bytes{instance=\"웹2\"}"),
        "{screen}"
    );
    bench
        .press("e Ctrl-U")
        .type_text("rat")
        .answer(&mut answer)
        .press("Tab");
    assert!(bench.screen().contains("rate("), "{}", bench.screen());
}

#[test]
fn a_refused_query_is_underlined_with_the_reason() {
    let mut bench = open("metrics", 80, 24);
    bench
        .press("e")
        .type_text("wrong(up)")
        .press("Enter")
        .answer(&mut answer);
    golden("metrics-refused", &bench.screen());
}

#[test]
fn several_queries_history_and_ways_to_take_it_along() {
    let mut bench = open("metrics", 120, 40);
    bench
        .press("e")
        .type_text("up")
        .press("Enter a")
        .type_text("down")
        .press("Enter");
    let screen = bench.answer(&mut answer).screen();
    assert!(
        screen.contains("A up") && screen.contains("B down"),
        "{screen}"
    );
    bench.press("X e Up");
    assert!(bench.screen().contains("A down"), "{}", bench.screen());
    bench.press("Enter").answer(&mut answer).done();
    let done = bench.press("Ctrl-S . Enter").done();
    assert!(done[0].contains("query,time,series,value"), "{done:?}");
    assert!(done[0].contains("+09:00,"), "{done:?}");
    assert!(
        done[1].contains("curl -sG 'http://127.0.0.1:9470/api/v1/query_range'"),
        "{done:?}"
    );
    bench.press("b").answer(&mut answer);
    golden("metrics-browser", &bench.screen());
}

#[test]
fn what_was_asked_before_this_console_is_there_by_the_arrow() {
    let mut bench = open("metrics", 80, 24);
    bench
        .answer(&mut answer)
        .press("e")
        .type_text("half")
        .press("Up Up");
    let screen = bench.screen();
    assert!(screen.contains("A rate(errors_total[5m])"), "{screen}");
    bench.press("Down");
    assert!(bench.screen().contains("A up == 0"), "{}", bench.screen());
    bench.press("Down");
    assert!(bench.screen().contains("A half"), "{}", bench.screen());
}

#[test]
fn an_error_keeps_the_last_good_curve_behind_it() {
    let mut bench = open("metrics", 80, 24);
    bench
        .press("e")
        .type_text("up")
        .press("Enter")
        .answer(&mut answer);
    let mut slow = |_: &_| Err(SourceError::Timeout("the query took more than 2m".into()));
    let screen = bench.wait(60_000).answer(&mut slow).screen();
    assert!(screen.contains("the query took more than 2m"), "{screen}");
    golden("metrics-stale", &screen);
}

#[test]
fn z_makes_one_part_larger_and_comes_round() {
    let mut host = open("host", 120, 40);
    zooms(&mut host, &mut answer, 2);
    // Where the charts have no room beside the table, that has all of it already.
    let mut narrow = open("host", 80, 24);
    zooms(&mut narrow, &mut answer, 1);
    zooms(&mut open("storage", 120, 40), &mut answer, 1);
    let mut metrics = open("metrics", 120, 40);
    metrics.press("e").type_text("node_load1").press("Enter");
    metrics.answer(&mut answer);
    zooms(&mut metrics, &mut answer, 2);
    metrics.press("c").answer(&mut answer).press("z");
    let screen = metrics.screen();
    assert!(
        screen.contains("nothing here can be made larger"),
        "{screen}"
    );
    let mut load = open("host", 120, 40);
    load.press("Shift-Tab Shift-Tab z");
    let screen = load.screen();
    assert!(
        screen.contains("nothing here can be made larger"),
        "{screen}"
    );
}

#[test]
fn the_mouse_chooses_a_row() {
    let mut targets = open("targets", 120, 40);
    click_on(&mut targets, "10.0.0.7");
    let done = targets.press("y").done();
    assert!(done[0].contains("http://10.0.0.7"), "{done:?}");
    let mut storage = open("storage", 120, 40);
    click_on(&mut storage, "│up ");
    assert_eq!(storage.press("y").done(), ["Copy(\"up\")"]);
    // The other list has the keys once it was pressed on.
    storage.drag((70, 12), (70, 12));
    assert_eq!(storage.press("y").done(), ["Copy(\"instance\")"]);
    let mut metrics = open("metrics", 120, 40);
    metrics.press("e").type_text("node_load1").press("Enter");
    metrics.answer(&mut answer);
    let screen = metrics.screen();
    let legend = screen.lines().skip_while(|l| !l.contains("Series"));
    let last = legend.filter(|l| l.contains("──")).count();
    assert!(last > 1, "{screen}");
    let first = metrics.press("g y").done();
    let rows = screen.lines().count() as u16;
    metrics.drag((3, rows - 3), (3, rows - 3));
    let chosen = metrics.press("y").done();
    assert!(
        !chosen.is_empty() && chosen != first,
        "{chosen:?}\n{screen}"
    );
}
