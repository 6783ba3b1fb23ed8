//! Screens of the tabs that this file names, and what their keys do.

use crate::tui::fake_source::{NOW, answer, outcome};
use crate::tui::golden;
use crate::tui::screens::options;
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
