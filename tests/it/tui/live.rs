//! The three threads in a real pty: this test binary starts itself there and plays the console.

use crate::tui::fake_source::{self, FakeSource};
use crate::tui::screens;
use bongsu::tui::{Engine, Options, run};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PLAY: &str = "BONGSU_TEST_PLAY";

/// Not a test of its own: what the others start in a pty.
#[test]
fn child_plays_the_console() {
    let Ok(play) = std::env::var(PLAY) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    fake_source::spans::live();
    let engine = match play.as_str() {
        "inside" => Engine::Inside,
        _ => Engine::Attached,
    };
    let options = Options {
        engine,
        print_last: play == "print",
        ..screens::options()
    };
    let handle = runtime.handle().clone();
    if play == "panic-beside" {
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            panic!("a thread beside has failed");
        });
    }
    let exit = run(Arc::new(FakeSource), options, handle).unwrap();
    if play != "stuck" {
        println!("ended: {exit:?}");
    }
    std::process::exit(0);
}

struct Pty {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    input: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    /// Everything the program wrote.
    raw: Vec<u8>,
    screen: vt100::Parser,
}

impl Pty {
    fn start(play: &str) -> Self {
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
            "tui::live::child_plays_the_console",
            "--nocapture",
        ]);
        command.env(PLAY, play);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let input = pair.master.take_writer().unwrap();
        let (to, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if to.send(buffer[..n].to_vec()).is_err() {
                    // Nobody listens: keep the line open and read no more.
                    loop {
                        std::thread::park();
                    }
                }
            }
        });
        Self {
            master: pair.master,
            child,
            input,
            output,
            raw: Vec::new(),
            screen: vt100::Parser::new(24, 80, 0),
        }
    }

    fn keys(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Reads until the screen satisfies `done`; panics with the screen after twenty seconds.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !done(self) {
            assert!(
                Instant::now() < deadline,
                "{what}: the screen is\n{}",
                self.screen.screen().contents()
            );
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(50)) {
                self.screen.process(&bytes);
                self.raw.extend(bytes);
            }
        }
    }

    fn sees(&mut self, text: &str) {
        self.until(text, |pty| pty.screen.screen().contents().contains(text));
    }

    /// The program has ended and left the terminal as it found it.
    fn ends(&mut self, with: &str) {
        self.sees(with);
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        assert!(!screen.bracketed_paste());
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it still runs");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn it_starts_takes_keys_and_restores_the_terminal() {
    let mut pty = Pty::start("attached");
    pty.sees("web1");
    assert!(pty.screen.screen().alternate_screen());
    pty.keys("?");
    pty.sees("Keys");
    pty.keys("\x1b[200~q\x03\x1b[201~"); // pasted: neither quits
    pty.keys("q:");
    pty.sees("Command");
    pty.keys("\x1b");
    pty.until("closed", |p| {
        !p.screen.screen().contents().contains("Command")
    });
    let size = PtySize {
        rows: 30,
        cols: 100,
        pixel_width: 0,
        pixel_height: 0,
    };
    pty.screen.screen_mut().set_size(30, 100);
    pty.master.resize(size).unwrap();
    pty.until("resized", |p| {
        p.screen
            .screen()
            .contents_between(29, 0, 29, 100)
            .contains("help")
    });
    pty.keys("q");
    pty.ends("ended: Quit");
}

#[test]
fn traces_are_visited_in_a_terminal() {
    let mut pty = Pty::start("attached");
    pty.sees("Overview");
    pty.keys("6");
    pty.sees("Requests newest first");
    pty.sees("draw a box around dots");
    pty.keys("v[[kk\r");
    pty.sees("in the box");
    pty.keys("\r");
    pty.sees("6 spans");
    pty.keys("c");
    pty.sees("Call tree");
    pty.keys("q");
    pty.sees("6 spans");
    pty.keys("qq");
    pty.sees("draw a box around dots");
    pty.keys("\u{3}");
    pty.ends("ended: ");
}

#[test]
fn every_frame_stands_in_one_bracket() {
    let mut pty = Pty::start("attached");
    pty.sees("web1");
    for key in ["?", "q", ":", "\x1b"] {
        pty.keys(key);
        std::thread::sleep(Duration::from_millis(80));
    }
    pty.keys("q");
    pty.ends("ended: Quit");
    let text = String::from_utf8_lossy(&pty.raw);
    let begins = text.matches("\x1b[?2026h").count();
    assert!(begins >= 3);
    for frame in text.split("\x1b[?2026h").skip(1) {
        assert!(frame.contains("\x1b[?2026l"));
    }
}

#[test]
fn ctrl_c_leaves_with_the_engine_inside_and_d_detaches() {
    let mut pty = Pty::start("inside");
    pty.sees("web1");
    pty.keys("q");
    pty.sees("stop collecting");
    pty.keys("\x03");
    pty.ends("ended: Quit");
    let mut pty = Pty::start("inside");
    pty.sees("web1");
    pty.keys("D");
    pty.ends("ended: Detach");
}

#[test]
fn signals_restore_the_terminal() {
    for (signal, word) in [("-TERM", "ended: Terminated"), ("-HUP", "ended: HungUp")] {
        let mut pty = Pty::start("attached");
        pty.sees("web1");
        let pid = pty.child.process_id().unwrap().to_string();
        std::process::Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap();
        pty.ends(word);
    }
}

#[test]
fn a_panic_beside_is_told_and_the_screen_stays() {
    let mut pty = Pty::start("panic-beside");
    pty.sees("something inside bongsu failed");
    assert!(pty.screen.screen().alternate_screen());
    pty.keys("q");
    pty.ends("ended: Quit");
}

#[test]
fn ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() {
    let mut pty = Pty::start("attached");
    pty.sees("web1");
    pty.keys("\x1a");
    let pid = pty.child.process_id().unwrap().to_string();
    let stat = format!("/proc/{pid}/stat");
    let stopped = || std::fs::read_to_string(&stat).is_ok_and(|s| s.contains(") T "));
    pty.until("stopped", |_| stopped());
    pty.until("suspended", |p| !p.screen.screen().alternate_screen());
    std::process::Command::new("kill")
        .args(["-CONT", &pid])
        .status()
        .unwrap();
    pty.until("back", |p| p.screen.screen().alternate_screen());
    pty.sees("web1");
    pty.keys("q");
    pty.ends("ended: Quit");
}

#[test]
fn the_last_screen_stays_if_asked() {
    let mut pty = Pty::start("print");
    pty.sees("web1");
    pty.keys("q");
    pty.ends("ended: Quit");
    let text = String::from_utf8_lossy(&pty.raw);
    let after = text.rsplit("\x1b[?1049l").next().unwrap();
    assert!(after.contains("web1"), "{after:?}");
}

/// Nobody reads the terminal any more: keys are still taken, and leaving works.
#[test]
fn a_stuck_terminal_does_not_hold_the_way_out() {
    let mut pty = Pty::start("stuck");
    pty.sees("web1");
    // From here on nothing is read: whole repaints fill what the kernel keeps for us.
    let (_, unread) = channel();
    drop(std::mem::replace(&mut pty.output, unread));
    for _ in 0..400 {
        pty.keys("\x0c");
        std::thread::sleep(Duration::from_millis(2));
    }
    pty.keys("q");
    let deadline = Instant::now() + Duration::from_secs(20);
    while pty.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_logs_are_filtered_on_a_real_terminal() {
    let mut pty = Pty::start("attached");
    pty.sees("web1");
    pty.keys("5");
    pty.sees("GET /health");
    pty.keys("/get");
    pty.until("filtered", |p| {
        let screen = p.screen.screen().contents();
        screen.contains("GET /health") && !screen.contains("slow query")
    });
    pty.keys("\r");
    pty.sees("[get]");
    pty.keys("x");
    pty.sees("(off get)");
    pty.sees("slow query");
    pty.keys("q");
    pty.keys("\x1b");
    pty.keys("L");
    pty.keys("q");
    pty.ends("ended: Quit");
}
