//! Panels and tabs as a person sees them: whole screens of a made-up server, held to golden files.

pub(crate) mod server;

use crate::tui_widgets::server::{NOW, answer};
use bongsu::model::answer::Answer;
use bongsu::model::request::Request;
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;
use bongsu::tui::{Depth, Environment, Options, SymbolSet};
use std::path::Path;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join(format!("tests/golden/widgets/{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        want == text,
        "{name}: the screen is not the golden one (UPDATE=1 takes it)\n--- golden\n{want}\n--- now\n{text}"
    );
}

fn options() -> Options {
    let env = Environment {
        term: "xterm-256color".into(),
        utf8: true,
        ..Environment::default()
    };
    Options::detect(&env)
}

fn bench(options: Options, (width, height): (u16, u16)) -> Bench {
    let mut bench = Bench::new(options, NOW, width, height);
    bench.answer(&mut answer);
    bench
}

#[test]
fn the_overview_at_every_size() {
    for size in SIZES {
        let mut bench = bench(options(), size);
        golden(&format!("overview_{}x{}", size.0, size.1), &bench.screen());
        if size.0 == 80 {
            bench.press("G").answer(&mut answer);
            golden("overview_80x24_last_page", &bench.screen());
        }
    }
}

#[test]
fn the_overview_without_hues_and_without_unicode() {
    let mono = Options {
        depth: Depth::Mono,
        ..options()
    };
    golden("overview_mono", &bench(mono, (120, 40)).screen());
    let ascii = Options {
        symbols: SymbolSet::Ascii,
        ..options()
    };
    let screen = bench(ascii, (120, 40)).screen();
    golden("overview_ascii", &screen);
    let odd = |c: char| !c.is_ascii() && !"백업주문서비스한글프로그램데이터베이스".contains(c);
    assert_eq!(screen.chars().find(|c| odd(*c)), None);
}

#[test]
fn loading_empty_and_failing_panels_say_so() {
    let loading = Bench::new(options(), NOW, 120, 40);
    golden("overview_loading", &loading.screen());

    let mut nothing = |request: &Request| match request {
        Request::Prom(query) => {
            let mut query = query.clone();
            query.expr = "wrong_metric".into();
            answer(&Request::Prom(query))
        }
        other => answer(other),
    };
    let mut empty = Bench::new(options(), NOW, 120, 40);
    empty.answer(&mut nothing);
    golden("overview_empty", &empty.screen());

    let mut failing = |request: &Request| -> Result<Answer, SourceError> {
        match request {
            Request::Prom(_) => Err(SourceError::Unavailable("the engine has gone away".into())),
            other => answer(other),
        }
    };
    let mut failed = Bench::new(options(), NOW, 120, 40);
    failed.answer(&mut failing);
    golden("overview_error", &failed.screen());

    // The last good answer stays, the error is named beside it.
    let mut stale = bench(options(), (120, 40));
    stale.wait(60_000).answer(&mut failing);
    golden("overview_stale", &stale.screen());
}

#[test]
fn one_panel_on_the_whole_screen_and_the_cursor_in_it() {
    let mut bench = bench(options(), (120, 40));
    bench.press("z").answer(&mut answer);
    golden("overview_zoom", &bench.screen());
    for _ in 0..60 {
        bench.press("h");
    }
    bench.answer(&mut answer);
    golden("overview_zoom_cursor", &bench.screen());
    bench.press("0 Esc Tab Tab").answer(&mut answer);
    assert!(!bench.screen().contains("mean"));
}

#[test]
fn all_instances_worst_first() {
    let mut bench = bench(options(), (120, 40));
    bench.press("i Up Enter").answer(&mut answer);
    golden("overview_all_instances", &bench.screen());
}

#[test]
fn order_and_sizes_are_the_users() {
    let own = Options {
        overview: vec![
            ("processes".into(), 1, 1),
            ("memory".into(), 2, 2),
            ("no such panel".into(), 1, 1),
        ],
        ..options()
    };
    golden("overview_configured", &bench(own, (120, 40)).screen());
}

#[test]
fn every_section_of_the_host() {
    for size in SIZES {
        let mut bench = bench(options(), size);
        bench.press("2").answer(&mut answer);
        for section in [
            "processes",
            "cores",
            "memory",
            "disks",
            "network",
            "filesystems",
            "load",
            "sensors",
        ] {
            let name = format!("host_{section}_{}x{}", size.0, size.1);
            golden(&name, &bench.screen());
            bench.press("Tab").answer(&mut answer);
        }
    }
}

#[test]
fn processes_are_sorted_filtered_hung_as_a_tree_and_chosen() {
    let mut bench = bench(options(), (120, 40));
    bench.press("2").answer(&mut answer);
    bench.press("s s S Down Down").answer(&mut answer);
    golden("host_processes_sorted", &bench.screen());
    bench
        .press("s s s s s s s T /")
        .type_text("!nginx 주문")
        .answer(&mut answer);
    assert!(bench.caret().is_some());
    golden("host_processes_filter", &bench.screen());
    bench.press("Enter .");
    golden("host_processes_menu", &bench.screen());
}

#[test]
fn a_quiet_screen_costs_few_bytes() {
    let mut bench = bench(options(), (200, 50));
    bench.bytes();
    bench.wait(2_000).answer(&mut answer);
    let bytes = bench.bytes().len();
    // TARGETS: 1.5 kB a second; this server moves every number at every reading.
    assert!(bytes < 6_000, "{bytes} bytes for one reading");
}
