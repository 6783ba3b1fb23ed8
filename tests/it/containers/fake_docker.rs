//! A server that speaks as much of Docker's API as bongsu asks for, and misbehaves when told to.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The container it has.
pub(crate) const ID: &str = "7c7538533f86fae4d71843af1ba39aaf9c557664111c07311e20dad1748733bf";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Well,
    /// Takes connections and says nothing.
    Hangs,
}

#[derive(Default)]
struct State {
    mode: Mode,
    list: String,
    /// Status and body of inspections that go wrong.
    inspections: HashMap<String, (u16, String)>,
    /// What the container wrote, in frames.
    output: Vec<u8>,
    following: Vec<UnixStream>,
    events: Vec<UnixStream>,
    /// Connections that are left hanging.
    hanging: Vec<UnixStream>,
}

pub(crate) struct FakeDocker {
    socket: PathBuf,
    state: Arc<Mutex<State>>,
    ended: Arc<AtomicBool>,
}

/// One frame of output: 1 is stdout, 2 stderr.
pub(crate) fn frame(stream: u8, text: &str) -> Vec<u8> {
    let mut out = vec![stream, 0, 0, 0];
    out.extend((text.len() as u32).to_be_bytes());
    out.extend(text.as_bytes());
    out
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend(bytes);
    out.extend(b"\r\n");
    out
}

impl FakeDocker {
    pub(crate) fn start(socket: &Path) -> Self {
        let _ = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket).unwrap();
        let state = Arc::new(Mutex::new(State {
            list: format!(
                r#"[{{"Id":"{ID}","Names":["/web"],"Image":"web:1","State":"running","Status":"Up 2 hours","Labels":{{"com.docker.compose.project":"shop","com.docker.compose.service":"api"}}}}]"#
            ),
            ..State::default()
        }));
        let ended = Arc::<AtomicBool>::default();
        let (shared, end) = (state.clone(), ended.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let shared = shared.clone();
                std::thread::spawn(move || answer(stream, &shared));
            }
        });
        Self {
            socket: socket.to_owned(),
            state,
            ended,
        }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }

    /// What the list of containers is from now on.
    pub(crate) fn list(&self, json: &str) {
        json.clone_into(&mut self.state.lock().unwrap().list);
    }

    pub(crate) fn inspect(&self, id: &str, status: u16, body: &str) {
        let answer = (status, body.to_owned());
        self.state
            .lock()
            .unwrap()
            .inspections
            .insert(id.to_owned(), answer);
    }

    /// Somebody hears of events.
    pub(crate) fn is_followed(&self) -> bool {
        !self.state.lock().unwrap().events.is_empty()
    }

    /// Something happens to the container.
    pub(crate) fn event(&self, action: &str) {
        let line = format!(
            "{{\"Type\":\"container\",\"Action\":\"{action}\",\"Actor\":{{\"ID\":\"{ID}\",\"Attributes\":{{\"name\":\"web\"}}}},\"timeNano\":4000000000000000000}}\n"
        );
        let mut state = self.state.lock().unwrap();
        state
            .events
            .retain_mut(|s| s.write_all(&chunk(line.as_bytes())).is_ok());
    }

    /// The container writes.
    pub(crate) fn write(&self, frame: &[u8]) {
        let mut state = self.state.lock().unwrap();
        state.output.extend(frame);
        state
            .following
            .retain_mut(|s| s.write_all(&chunk(frame)).is_ok());
    }
}

impl Drop for FakeDocker {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The loop is woken, then nobody listens.
        let _ = UnixStream::connect(&self.socket);
        let _ = std::fs::remove_file(&self.socket);
        let mut state = self.state.lock().unwrap();
        state.events.clear();
        state.following.clear();
        state.hanging.clear();
    }
}

/// One question for each connection.
fn answer(mut stream: UnixStream, shared: &Mutex<State>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) if head.len() < 64 << 10 => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut state = shared.lock().unwrap();
    if state.mode == Mode::Hangs {
        state.hanging.push(stream);
        return;
    }
    let (plain, _) = path.split_once('?').unwrap_or((&path, ""));
    let parts: Vec<&str> = plain.trim_start_matches('/').split('/').collect();
    let (status, body) = match parts.as_slice() {
        ["version"] => (200, r#"{"Version":"28.0.1","Components":[]}"#.to_owned()),
        ["networks"] => (200, "[]".to_owned()),
        ["containers", "json"] => (200, state.list.clone()),
        ["containers", id, "json"] => match state.inspections.get(*id) {
            Some(answer) => answer.clone(),
            None => (
                200,
                r#"{"State":{"Status":"running","StartedAt":"2026-11-20T09:00:00Z"},"Config":{"Tty":false},"LogPath":"/nowhere/x-json.log"}"#.to_owned(),
            ),
        },
        ["events"] => return open(stream, &[], &mut state.events),
        ["containers", _, "logs"] => {
            let output = state.output.clone();
            return open(stream, &output, &mut state.following);
        }
        _ => (404, r#"{"message":"no such path"}"#.to_owned()),
    };
    let reply = format!(
        "HTTP/1.1 {status} Ok\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(reply.as_bytes());
}

/// An answer that goes on.
fn open(mut stream: UnixStream, first: &[u8], all: &mut Vec<UnixStream>) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut bytes = head.as_bytes().to_vec();
    if !first.is_empty() {
        bytes.extend(chunk(first));
    }
    if stream.write_all(&bytes).is_ok() {
        all.push(stream);
    }
}
