//! The real program as its users start it: `serve`, its port and socket, the commands, the console.

mod alerts;
mod api;
mod bad_spans;
mod disk;
mod flood;
mod forwarding;
mod inside;
pub(crate) mod log_files;
mod log_soak;
mod logs;
pub(crate) mod pty;
mod push;
mod pushed_logs;
mod rules;
mod serve;
mod soak;
pub(crate) mod status;
mod tls;
mod traces;

use bongsu::base::net::client::{Ask, Client, ClientError, ClientOptions, Method};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; every wait ends as soon as its condition holds.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The program (`BONGSU_PROGRAM` names another build of it), apart from this user's own settings and
/// from the logs of this machine.
pub(crate) fn program(dir: &Path) -> Command {
    let built = env!("CARGO_BIN_EXE_bongsu");
    let program = std::env::var("BONGSU_PROGRAM").unwrap_or_else(|_| built.to_owned());
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", dir)
        .env("TZ", "UTC")
        .env("BONGSU_DEFAULT_LOGS", "off")
        .env("XDG_RUNTIME_DIR", dir)
        .args(["--data-dir", dir.join("data").to_str().unwrap()]);
    command
}

pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// `bongsu serve` on a free port.
pub(crate) struct Serve {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Serve {
    pub(crate) fn start(dir: &Path, more: &[&str]) -> Self {
        Self::start_at(dir, "127.0.0.1:0", more)
    }

    pub(crate) fn start_at(dir: &Path, listen: &str, more: &[&str]) -> Self {
        let mut command = program(dir);
        command
            .args(["serve", "--listen", listen])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Self::of(command.spawn().unwrap())
    }

    /// One that was started already, its standard error in a pipe.
    pub(crate) fn of(mut child: Child) -> Self {
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let url = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("serve has ended: {said}");
            };
            if let Some((_, address)) = line.split_once(", http ") {
                break format!("http://{address}");
            }
            said.push_str(&line);
            said.push('\n');
        };
        // Its later words are read, so that a full pipe never stops it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it as systemd does, and waits.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        ask(Method::Get, &format!("{}{path}", self.url), &[], None)
    }

    pub(crate) fn post(&self, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        let url = format!("{}{path}", self.url);
        ask(
            Method::Post,
            &url,
            &[("content-type", kind)],
            Some(body.to_vec()),
        )
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn ask(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    payload: Option<Vec<u8>>,
) -> (u16, String) {
    try_ask(method, url, headers, payload).unwrap()
}

/// For a server that may still be starting.
pub(crate) fn try_ask(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    payload: Option<Vec<u8>>,
) -> Result<(u16, String), ClientError> {
    let runtime = bongsu::base::task::runtime().unwrap();
    runtime.block_on(async {
        let client = Client::new(&ClientOptions::default(), None).unwrap();
        let ask = Ask {
            method,
            url,
            headers,
            timeout: PATIENCE,
            max_body: 0,
        };
        let mut body = Vec::new();
        let sent = match payload {
            Some(payload) => client.send_body(ask, payload, &mut body).await,
            None => client.send(ask, &mut body).await,
        };
        Ok((sent?.status, String::from_utf8(body).unwrap()))
    })
}

/// Waits until `done` holds; panics with `what` when it never does.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
