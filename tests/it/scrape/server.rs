//! A small HTTP server: one thread per connection, one behaviour per path.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// Answered at `/set`.
    pub(crate) body: Mutex<String>,
    /// Requests, head and all.
    pub(crate) heads: Mutex<Vec<String>>,
    pub(crate) requests: AtomicU64,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn set(&self, body: &str) {
        body.clone_into(&mut self.state.body.lock().unwrap());
    }

    /// The head of the last request for this path.
    pub(crate) fn head(&self, path: &str) -> Option<String> {
        let heads = self.state.heads.lock().unwrap();
        let wanted = format!("GET {path}");
        heads.iter().rev().find(|h| h.starts_with(&wanted)).cloned()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, state: &State) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match reader.read_line(&mut head) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        state.requests.fetch_add(1, Ordering::SeqCst);
        let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
        state.heads.lock().unwrap().push(head);
        if answer(&path, &mut stream, state).is_err() {
            return;
        }
    }
}

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn answer(path: &str, out: &mut TcpStream, state: &State) -> std::io::Result<()> {
    let set = state.body.lock().unwrap().clone();
    match path.split('?').next().unwrap_or_default() {
        "/set" => send(out, TEXT, &[], set.as_bytes()),
        "/good" => send(out, TEXT, &[], b"good 1\n"),
        "/openmetrics" => send(
            out,
            OPEN,
            &[],
            b"# TYPE o gauge\no 1 # {a=\"b\"} 1\n# EOF\n",
        ),
        "/cut-openmetrics" => send(out, OPEN, &[], b"# TYPE o gauge\no 1\n"),
        "/no-type" => send(out, "", &[], b"untyped 1\n"),
        "/json" => send(out, "application/json", &[], b"{\"a\": 1}"),
        "/html" => send(out, "text/html", &[], b"<!DOCTYPE html><p>hello"),
        "/html-as-text" => send(out, TEXT, &[], b"<!DOCTYPE html><p>hello"),
        "/garbage" => send(out, TEXT, &[], &[0, 159, 146, 150, 10, 255, 0, 1]),
        "/numbers" => send(
            out,
            TEXT,
            &[],
            b"n{v=\"nan\"} NaN\nn{v=\"inf\"} +Inf\nn{v=\"big\"} 1e308\n",
        ),
        "/duplicates" => send(
            out,
            TEXT,
            &[],
            b"d 1\nd 2\nd{a=\"1\",b=\"2\"} 1\nd{b=\"2\",a=\"1\"} 5\n",
        ),
        "/old" => send(
            out,
            TEXT,
            &[],
            b"old 1 1000\nfuture 1 99999999999999\nnow 1\n",
        ),
        "/gzip" => send(out, TEXT, &["Content-Encoding: gzip"], &gzip(b"zipped 1\n")),
        "/gzip-bomb" => {
            let line = b"bomb 1\n".repeat(1 << 20);
            send(out, TEXT, &["Content-Encoding: gzip"], &gzip(&line))
        }
        "/cut" => {
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ncut 1\n")?;
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        "/redirect" => redirect(out, "/good"),
        "/round" => redirect(out, "/round"),
        "/missing" => out.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        "/endless" => endless(out, b"endless 1\n", Duration::ZERO),
        "/trickle" => endless(out, b"t", Duration::from_millis(20)),
        "/slow-head" => {
            out.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ")?;
            loop {
                out.write_all(b"x")?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        "/hang" => out
            .read(&mut [0])
            .and(Err(std::io::ErrorKind::BrokenPipe.into())),
        "/nonsense" => out.write_all(b"220 smtp.example.org ESMTP\r\n\r\n"),
        _ => out.write_all(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
    }
}

fn send(out: &mut TcpStream, kind: &str, more: &[&str], body: &[u8]) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
    if !kind.is_empty() {
        head.push_str(&format!("Content-Type: {kind}\r\n"));
    }
    for line in more {
        head.push_str(&format!("{line}\r\n"));
    }
    head.push_str("\r\n");
    out.write_all(head.as_bytes())?;
    out.write_all(body)
}

fn redirect(out: &mut TcpStream, to: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    out.write_all(head.as_bytes())
}

fn endless(out: &mut TcpStream, piece: &[u8], pause: Duration) -> std::io::Result<()> {
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")?;
    loop {
        out.write_all(piece)?;
        std::thread::sleep(pause);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}
