//! The console: painted screens as text, and the three threads in a real pty.

mod alerts;
mod containers;
mod fake_logs;
mod fake_source;
mod jvm;
mod live;
mod logs;
mod own_panels;
mod readme;
mod screens;
mod tabs;
mod traces;

use bongsu::model::answer::Answer;
use bongsu::model::request::Request;
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;
use std::path::Path;

/// Presses the mouse on the first line of the screen that holds `text`.
pub(crate) fn click_on(bench: &mut Bench, text: &str) {
    let screen = bench.screen();
    let row = screen.lines().position(|line| line.contains(text));
    let row = row.unwrap_or_else(|| panic!("no {text} on\n{screen}")) as u16;
    bench.drag((3, row), (3, row));
}

/// `z` shows something else until it has come round, and Esc comes back from each of its stations.
#[track_caller]
pub(crate) fn zooms(bench: &mut Bench, answer: Answers<'_>, stations: usize) {
    let before = bench.screen();
    let mut seen = vec![before.clone()];
    for _ in 0..stations {
        let screen = bench.press("z").answer(answer).screen();
        assert!(!seen.contains(&screen), "z leads nowhere from\n{screen}");
        seen.push(screen);
        assert_eq!(bench.press("Esc").answer(answer).screen(), before);
        for _ in 1..seen.len() {
            bench.press("z").answer(answer);
        }
    }
    assert_eq!(bench.press("z").answer(answer).screen(), before);
}

type Answers<'a> = &'a mut dyn FnMut(&Request) -> Result<Answer, SourceError>;

/// Holds `text` to the golden file of that name; `UPDATE=1` writes it.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/tui/{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        want == text,
        "{name}: the screen is not the golden one (UPDATE=1 takes it)\n--- golden\n{want}\n--- now\n{text}"
    );
}
