//! Screens of the console's frame and of what lies over it, held to golden files.

use crate::tui::fake_source::{NOW, answer};
use crate::tui::golden;
use bongsu::model::answer::Answer;
use bongsu::model::request::{Request, ViewName};
use bongsu::model::view::View;
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;
use bongsu::tui::{Depth, Engine, Environment, Options, SymbolSet, key_table};

const SIZES: &[(u16, u16)] = &[(80, 24), (120, 40), (200, 60)];

pub(crate) fn options() -> Options {
    let env = Environment {
        term: "xterm-256color".into(),
        utf8: true,
        ..Environment::default()
    };
    Options {
        engine: Engine::Attached,
        // The frame is what is held here; the panels have screens of their own.
        overview: vec![("none".into(), 1, 1)],
        ..Options::detect(&env)
    }
}

fn bench(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(options(), NOW, width, height);
    bench.answer(&mut answer);
    bench
}

#[test]
fn the_frame_and_its_lists() {
    for (width, height) in SIZES {
        let size = format!("{width}x{height}");
        golden(&format!("frame-{size}"), &bench(*width, *height).screen());
        golden(
            &format!("help-{size}"),
            &bench(*width, *height).press("?").screen(),
        );
        golden(
            &format!("palette-{size}"),
            &bench(*width, *height).press(":").screen(),
        );
        let rewound = bench(*width, *height)
            .press("[ t")
            .type_text("11:51")
            .screen();
        golden(&format!("rewound-{size}"), &rewound);
    }
}

#[test]
fn small_lists_and_questions() {
    for (name, keys) in [
        ("actions", "."),
        ("instances", "i"),
        ("blind", "B"),
        ("range", "R"),
    ] {
        golden(name, &bench(80, 24).press(keys).screen());
    }
    let inside = Options {
        engine: Engine::Inside,
        first_start: true,
        ..options()
    };
    let mut first = Bench::new(inside, NOW, 80, 24);
    golden("first-start-loading", &first.screen());
    golden("first-start", &first.answer(&mut answer).screen());
    golden("leave", &first.press("q").screen());
    assert!(
        !first
            .press("Esc")
            .screen()
            .contains("takes these lines away")
    );
}

#[test]
fn one_who_attaches_for_the_first_time_is_greeted_as_well() {
    let mut greeting = |request: &Request| match request {
        Request::View {
            view: ViewName::Greeting,
            ..
        } => Ok(Answer::View(View::Greeting { first: true })),
        other => answer(other),
    };
    let mut bench = Bench::new(options(), NOW, 80, 24);
    let lines = "takes these lines away";
    assert!(bench.answer(&mut greeting).screen().contains(lines));
    assert!(!bench.press("j").screen().contains(lines));
    assert!(
        !bench
            .wait(4_000)
            .answer(&mut greeting)
            .screen()
            .contains(lines)
    );
}

#[test]
fn a_gap_is_named_where_the_cursor_stands_in_it() {
    let mut bench = bench(120, 40);
    let screen = bench
        .press("t")
        .type_text("11:50:30")
        .press("Enter")
        .screen();
    assert!(
        screen.contains("not collected then: bongsu was not running"),
        "{screen}"
    );
    assert!(screen.contains("-00:09:30"), "{screen}");
    assert!(!bench.press("0").screen().contains("back to now"));
}

#[test]
fn ascii_draws_nothing_but_ascii_and_mono_no_colour() {
    let plain = Options {
        symbols: SymbolSet::Ascii,
        depth: Depth::Mono,
        ..options()
    };
    let mut bench = Bench::new(plain, NOW, 80, 24);
    bench.answer(&mut answer).press("? Down");
    let screen = bench.screen();
    assert!(screen.is_ascii(), "{screen}");
    golden("help-ascii", &screen);
    let bytes = bench.bytes();
    // Every `CSI ... m` sets weights only: 0 to 9, never 30 and above.
    let styles = bytes.split("\x1b[").filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        rest[end..].starts_with('m').then(|| &rest[..end])
    });
    for style in styles {
        let weights = |code: &str| code.is_empty() || code.parse::<u8>().is_ok_and(|n| n < 10);
        assert!(style.split(';').all(weights), "{style}");
    }
}

#[test]
fn tiny_terminals_get_a_sentence_and_no_panic() {
    for (width, height) in [(59, 24), (80, 17), (20, 5), (5, 2), (1, 1), (0, 0)] {
        let mut bench = bench(width, height);
        let screen = bench.press("? j Enter : t").type_text("x").screen();
        assert!(width < 20 || screen.contains("too small"), "{screen}");
    }
    let mut bench = bench(200, 60);
    bench.press(":").resize(60, 18);
    assert!(bench.screen().contains("Command"));
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let mut bench = bench(120, 40);
    assert!(bench.bytes().len() > 200);
    assert_eq!(bench.bytes(), "");
    bench.wait(2000).answer(&mut answer);
    let tick = bench.bytes();
    assert!(tick.len() < 120, "only the clock: {tick:?}");
}

#[test]
fn an_engine_that_does_not_answer_freezes_nothing() {
    let mut bench = Bench::new(options(), NOW, 80, 24);
    bench.answer(&mut |_| Err(SourceError::Unavailable("the engine is gone".into())));
    assert!(bench.press("?").screen().contains("Keys"));
}

#[test]
fn an_engine_that_falls_silent_is_told_and_what_is_old_stays() {
    let mut bench = bench(120, 40);
    let mut gone = |_: &_| Err(SourceError::Unavailable("the engine is gone".into()));
    for _ in 0..20 {
        bench.wait(2000).answer(&mut gone);
    }
    let screen = bench.screen();
    assert!(screen.contains("no answer for 40 s"), "{screen}");
    assert!(screen.contains("web1"), "what was known stays");
    assert!(
        !bench
            .wait(2000)
            .answer(&mut answer)
            .screen()
            .contains("no answer")
    );
}

#[test]
fn the_caret_is_where_hangul_is_typed() {
    let mut bench = bench(80, 24);
    bench.press(":").type_text("한글");
    let (x, y) = bench.caret().unwrap();
    let line = bench.screen().lines().nth(y.into()).unwrap().to_owned();
    let before = line.split("한글").next().unwrap();
    assert_eq!(usize::from(x), before.chars().count() + 4, "{line}");
}

#[test]
fn the_key_table_can_be_rendered() {
    assert!(key_table().lines().count() > 30);
}
