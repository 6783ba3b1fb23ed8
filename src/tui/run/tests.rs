//! A thread that paints and fails: this test binary plays it in a pty of its own.

use super::*;
use crate::model::action::{Action, Outcome};
use crate::model::answer::Answer;
use crate::model::request::Request;
use crate::source::api::{Reply, SourceError};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use std::io::Read;

const PLAY: &str = "BONGSU_TEST_PAINTER";

struct Silent;

impl Source for Silent {
    fn ask(&self, _: Request) -> Reply<'_, Answer> {
        Box::pin(std::future::pending())
    }

    fn act(&self, _: Action) -> Reply<'_, Outcome> {
        Box::pin(async { Err(SourceError::Cancelled) })
    }
}

/// Not a test of its own: what the other starts.
#[test]
fn child_fails_while_it_paints() {
    if std::env::var(PLAY).is_err() {
        return;
    }
    let runtime = crate::base::task::runtime().unwrap();
    let options = Options::detect(&Environment::read());
    let failing = |console: &mut Console, _: &input::Heartbeat| {
        // Frames are still on their way when it fails.
        for _ in 0..50 {
            console.paint();
            console.writer.repaint();
        }
        panic!("the brush broke");
    };
    let _ = run_with(Arc::new(Silent), options, runtime.handle().clone(), failing);
}

#[test]
fn a_panic_of_the_painting_thread_restores_the_terminal() {
    let size = PtySize {
        rows: 24,
        cols: 80,
        pixel_width: 0,
        pixel_height: 0,
    };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "tui::run::tests::child_fails_while_it_paints",
        "--nocapture",
    ]);
    for (name, value) in [
        (PLAY, "1"),
        ("TERM", "xterm-256color"),
        ("LC_ALL", "C.UTF-8"),
        // A trace would push the sentence off the screen.
        ("RUST_BACKTRACE", "0"),
    ] {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut bytes = Vec::new();
    // The read ends with an error once nobody holds the other end.
    let _ = pair
        .master
        .try_clone_reader()
        .unwrap()
        .read_to_end(&mut bytes);
    assert!(!child.wait().unwrap().success());
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\x1b[?1049h"), "the console was shown");
    let after = text.rsplit("\x1b[?1049l").next().unwrap();
    assert!(
        !after.contains("\x1b[?2026h"),
        "a frame after the end: {after:?}"
    );
    assert!(text.contains("the brush broke"), "it is said what failed");
    let mut terminal = vt100::Parser::new(24, 80, 0);
    terminal.process(&bytes);
    let screen = terminal.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
    assert!(
        screen.contents().contains("the brush broke"),
        "{}",
        screen.contents()
    );
}
