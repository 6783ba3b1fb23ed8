//! The real program in a real pty, on the terminals people have.

use crate::engine::{PATIENCE, Serve, program, run, until};
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Where programs are found.
const PATH: &str = "/usr/bin:/bin";

/// The program on a screen of 120 by 40.
pub(crate) struct Console {
    child: Box<dyn Child + Send + Sync>,
    input: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// Everything that was written since the last key.
    raw: Vec<u8>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Console {
    pub(crate) fn start(dir: &Path, term: &str) -> Self {
        Self::start_with(dir, term, PATH, &[])
    }

    /// `path` is where it finds programs; `more` are further arguments. An empty `term` leaves TERM
    /// out.
    pub(crate) fn start_with(dir: &Path, term: &str, path: &str, more: &[&str]) -> Self {
        let size = PtySize {
            rows: 40,
            cols: 120,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_bongsu"));
        command.env_clear();
        for (name, value) in [("PATH", path), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")] {
            command.env(name, value);
        }
        if !term.is_empty() {
            command.env("TERM", term);
        }
        command.env("HOME", dir);
        command.env("XDG_RUNTIME_DIR", dir);
        let data = dir.join("data");
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            data.to_str().unwrap(),
        ]);
        command.args(more);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let input = pair.master.take_writer().unwrap();
        let (to, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if to.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            input,
            output,
            screen: vt100::Parser::new(40, 120, 0),
            raw: Vec::new(),
            _master: pair.master,
        }
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        self.raw.clear();
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    pub(crate) fn contents(&self) -> String {
        self.screen.screen().contents()
    }

    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(&self.contents()) {
            assert!(
                Instant::now() < deadline,
                "{what}; the screen is\n{}",
                self.contents()
            );
            self.read();
        }
    }

    pub(crate) fn read(&mut self) {
        if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(50)) {
            self.screen.process(&bytes);
            self.raw.extend(bytes);
        }
    }

    /// The tabs of the header: their digits and names.
    fn tabs(&self) -> Vec<(String, String)> {
        let contents = self.contents();
        let header = contents.lines().next().unwrap_or_default();
        let words: Vec<&str> = header.split_whitespace().collect();
        let is_tab = |w: &&[&str]| w[0].len() == 1 && w[0].parse::<u8>().is_ok_and(|d| d > 0);
        let tabs = words.windows(2).filter(is_tab);
        tabs.map(|w| (w[0].to_owned(), w[1].to_owned())).collect()
    }

    /// The terminal's title names the tab, of which the header may show the first letters, and
    /// something stands below the header.
    fn shows_tab(&mut self, name: &str) {
        let named = |raw: &[u8]| {
            let raw = String::from_utf8_lossy(raw);
            let mut titles = raw.split('\x07').filter_map(|t| t.rsplit(' ').next());
            titles.any(|word| word.starts_with(name))
        };
        let deadline = Instant::now() + PATIENCE;
        while !named(&self.raw) {
            assert!(Instant::now() < deadline, "{name}:\n{}", self.contents());
            self.read();
        }
        self.until(name, |screen| {
            let body = screen.lines().skip(1).take(37).collect::<String>();
            body.chars().filter(|c| c.is_alphanumeric()).count() > 20
        });
        let contents = self.contents();
        assert!(!contents.contains("failed inside"), "{contents}");
    }

    pub(crate) fn sees(&mut self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Ended well, and the terminal is as it was.
    fn ends(&mut self) {
        let mut code = None;
        let deadline = Instant::now() + PATIENCE;
        while code.is_none() {
            assert!(
                Instant::now() < deadline,
                "it still runs:\n{}",
                self.contents()
            );
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(50)) {
                self.screen.process(&bytes);
            }
            code = self.child.try_wait().unwrap();
        }
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
            self.screen.process(&bytes);
        }
        assert!(code.unwrap().success(), "{}", self.contents());
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        assert!(!screen.bracketed_paste());
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Figures of this machine are there; a key takes the notes of a first start away.
fn settle(console: &mut Console) {
    console.sees("Overview");
    console.keys("1");
    console.until("real figures", shows_figures);
}

/// Used memory of all memory, and a count of processes.
fn shows_figures(screen: &str) -> bool {
    let has = |a: &str, b: &str| screen.lines().any(|l| l.contains(a) && l.contains(b));
    has("Memory", "B of ") && has("Processes", " processes, ")
}

fn a_visit(term: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut console = Console::start(dir.path(), term);
    settle(&mut console);
    let tabs = console.tabs();
    assert!(tabs.len() >= 4, "{tabs:?}");
    // The first is open already: it comes last.
    for (digit, name) in tabs.iter().skip(1).chain(&tabs[..1]) {
        console.keys(digit);
        console.shows_tab(name);
    }
    for name in ["Targets", "Storage"] {
        console.keys(&format!(":{}\r", name.to_lowercase()));
        console.shows_tab(name);
    }
    console.keys("2");
    console.sees("COMMAND");
    console.keys("1");
    console.until("the Overview again", |s| s.contains("Targets"));
    console.keys("z");
    console.until("one panel fills the screen", |s| {
        s.contains("CPU") && !s.contains("Targets")
    });
    console.keys("z");
    console.sees("Targets");
    console.keys("[");
    console.sees("0 now");
    console.keys("0");
    console.until("live again", |s| !s.contains("0 now"));
    console.keys("?");
    console.sees("Space");
    // A key right behind Esc would be read as Alt with that key.
    console.keys("\x1b");
    console.until("help is gone", |s| !s.contains("Space"));
    leave(&mut console);
}

/// Stops collecting and leaves.
pub(crate) fn leave(console: &mut Console) {
    console.keys("q");
    console.sees("stop collecting");
    console.keys("\r");
    console.ends();
}

#[test]
fn a_visit_on_xterm() {
    a_visit("xterm-256color");
}

#[test]
fn a_visit_on_screen() {
    a_visit("screen");
}

#[test]
fn a_visit_on_the_linux_console() {
    a_visit("linux");
}

#[test]
fn a_terminal_that_cannot_place_text_gets_the_status_and_why() {
    for term in ["dumb", ""] {
        let dir = tempfile::tempdir().unwrap();
        let mut console = Console::start(dir.path(), term);
        console.sees(&format!("TERM is {term:?}"));
        console.sees("no engine is running");
        console.ends();
    }
}

#[test]
fn detached_attached_and_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut console = Console::start(dir.path(), "xterm-256color");
    settle(&mut console);
    console.keys("D");
    console.until("it asks or goes", |s| {
        s.contains("etach") || s.contains("goes on")
    });
    if !console.contents().contains("goes on") {
        console.keys("\r");
    }
    console.sees("collecting goes on");
    console.ends();

    let status = || run(program(dir.path()).args(["status", "--format", "json"])).1;
    let json: serde_json::Value = serde_json::from_str(&status()).unwrap();
    assert_eq!(json["mode"], "serve");
    let pid = json["pid"].as_u64().unwrap();

    // Two consoles at once, on the engine that goes on.
    let mut one = Console::start(dir.path(), "xterm-256color");
    let mut two = Console::start(dir.path(), "xterm-256color");
    for console in [&mut one, &mut two] {
        settle(console);
        console.sees("attached");
    }
    one.keys("q");
    one.ends();
    two.keys("2");
    two.sees("PID");
    two.keys("qq");
    two.ends();
    let killed = std::process::Command::new("kill")
        .arg(pid.to_string())
        .status();
    assert!(killed.unwrap().success());
    until("the engine has ended", || {
        status().contains("\"running\": false")
    });
}

#[test]
fn a_console_shows_the_history_of_a_killed_engine() {
    let dir = tempfile::tempdir().unwrap();
    let mut serve = Serve::start(dir.path(), &[]);
    until("a reading is stored", || {
        serve.get("/api/v1/query?query=up").1.contains("node")
    });
    serve.signal("KILL");
    serve.child.wait().unwrap();
    let mut console = Console::start(dir.path(), "xterm-256color");
    settle(&mut console);
    leave(&mut console);
}

/// Starts with what a lost line does, loses it, and gives the status after it.
fn after_hang_up(dir: &Path, on_hangup: &str) -> serde_json::Value {
    let config = dir.join("bongsu.yaml");
    std::fs::write(&config, format!("ui: {{on_hangup: {on_hangup}}}\n")).unwrap();
    let config = config.to_str().unwrap();
    let mut console = Console::start_with(dir, "xterm-256color", PATH, &["--config", config]);
    settle(&mut console);
    let pid = console.child.process_id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-HUP", &pid])
        .status();
    assert!(sent.unwrap().success());
    console.ends();
    let out = run(program(dir).args(["status", "--format", "json"])).1;
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_lost_line_ends_the_engine_or_detaches_it() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(after_hang_up(dir.path(), "stop")["running"], false);
    let status = after_hang_up(dir.path(), "detach");
    assert_eq!(status["mode"], "serve");
    let pid = status["pid"].as_u64().unwrap().to_string();
    let killed = std::process::Command::new("kill").arg(pid).status();
    assert!(killed.unwrap().success());
    until("the engine has ended", || {
        run(program(dir.path()).args(["status", "--format", "json"]))
            .1
            .contains("\"running\": false")
    });
}

/// An engine of another version at the other end of the socket, as far as its words reach.
#[test]
fn an_engine_that_speaks_another_version_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let path = dir.path().join("other.sock");
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::fs::write(data.join("socket"), path.to_str().unwrap()).unwrap();
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut asked = [0; 4096];
                while let Ok(1..) = stream.read(&mut asked) {
                    let body = r#"{"protocol":7,"program":"9.9.9","body":null}"#;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    if stream.write_all((head + body).as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let (code, _, said) = run(program(dir.path()).arg("status"));
    assert_eq!(code, 1);
    assert!(said.contains("bongsu 9.9.9 at the other end"), "{said}");
    let mut console = Console::start(dir.path(), "xterm-256color");
    console.sees("9.9.9");
    console.keys("q");
    console.ends();
}
