//! Syslog and pushes over real sockets, into a list in place of a store.

use crate::base::clock::Clock;
use crate::base::net::client::{Ask, Client, ClientOptions, Method};
use crate::base::net::http::{Limits, Pages, pages};
use crate::base::net::listen::{Bound, Datagrams, Spec};
use crate::base::task::{self, stopper};
use crate::collect::listen::docker::Containers;
use crate::collect::listen::lines::{self, Intake, Running};
use crate::collect::listen::push::Push;
use crate::collect::listen::syslog::Syslog;
use crate::config;
use crate::config::logs::LogJob;
use crate::model::labels::Labels;
use crate::store::write::WriteError;
use crate::store::write::logs::{LogBatch, LogSink, StreamId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

#[derive(Default)]
struct Memory {
    streams: Mutex<Vec<Labels>>,
    /// Labels of the stream, level, line.
    lines: Mutex<Vec<(String, String)>>,
    positions: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl LogSink for Memory {
    fn stream(&self, labels: &Labels) -> Result<StreamId, WriteError> {
        let mut streams = self.streams.lock();
        let known = streams.iter().position(|l| l == labels);
        Ok(StreamId(known.unwrap_or_else(|| {
            streams.push(labels.clone());
            streams.len() - 1
        }) as u32))
    }

    fn append_lines(&self, batch: &LogBatch) -> Result<(), WriteError> {
        let streams = self.streams.lock();
        for (row, line) in batch.lines() {
            let labels = format!("{} {}", streams[row.stream.0 as usize], row.level.as_str());
            let line = String::from_utf8_lossy(line).into_owned();
            self.lines.lock().push((labels, line));
        }
        for (source, at) in batch.reached_positions() {
            match at {
                Some(at) => self.positions.lock().insert(source.clone(), at.clone()),
                None => self.positions.lock().remove(source),
            };
        }
        Ok(())
    }

    fn flush_lines(&self) -> Result<(), WriteError> {
        Ok(())
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.positions.lock().get(source).cloned()
    }

    fn positions(&self) -> Vec<(String, Vec<u8>)> {
        self.positions.lock().clone().into_iter().collect()
    }
}

/// The one job of a promtail.yml.
fn job(text: &str) -> Arc<LogJob> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("promtail.yml");
    std::fs::write(&path, format!("scrape_configs:\n- job_name: net\n{text}")).unwrap();
    let loaded = config::load(&[path]);
    assert!(loaded.is_accepted(), "{:?}", loaded.findings);
    Arc::new(loaded.config.unwrap().logs.jobs.remove(0))
}

fn here() -> Spec {
    Spec::loopback(0)
}

fn opened(job: &Arc<LogJob>) -> (Arc<Memory>, Intake, Running) {
    let sink: Arc<Memory> = Arc::default();
    let clock = Clock::fake(1_700_000_000_000);
    let (intake, running) =
        lines::start(job, "here", sink.clone(), clock, &Arc::default()).unwrap();
    (sink, intake, running)
}

const SYSLOG: &str = "  syslog:
    listen_address: 127.0.0.1:1514
    label_structured_data: true
    max_message_length: 200
    labels: {job: net}
  relabel_configs:
    - {source_labels: [__syslog_message_hostname], target_label: host}
    - {source_labels: [__syslog_message_sd_a_b], target_label: b}
  pipeline_stages:
    - drop: {expression: secret}
";

async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..6000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

#[test]
fn syslog_over_tcp_is_framed_labelled_and_staged() {
    let job = job(SYSLOG);
    let (sink, intake, running) = opened(&job);
    let runtime = task::runtime().unwrap();
    runtime.block_on(async {
        let bound = Bound::take(here()).unwrap();
        let at = bound.addresses()[0];
        let (tell, stop) = stopper();
        let syslog = Syslog {
            job: Arc::new(job.syslog.clone().unwrap()),
            intake,
            zone: || 0,
        };
        let serving = task::spawn("test", syslog.serve(bound, stop));
        let mut stream = TcpStream::connect(at).await.unwrap();
        let first = "<34>1 - web app - - [a b=\"c\"] counted";
        let second = "<38>1 - web app - - - by line";
        let text = format!(
            "{} {first}{second}\n<34>1 - web app - - - secret\nno syslog\n<34>1 - web app - - - {}\n",
            first.len(),
            "x".repeat(300)
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        until("three lines", || sink.lines.lock().len() == 3).await;
        tell.stop();
        serving.await.unwrap();
    });
    let row = running.row();
    assert!(
        row.error.is_empty() || row.error.contains("RFC 5424"),
        "{}",
        row.error
    );
    assert!(
        row.remark.contains("1 messages were refused"),
        "{}",
        row.remark
    );
    running.stop();
    let lines = sink.lines.lock();
    let (labels, line) = &lines[0];
    assert!(
        labels.contains("b=\"c\"") && labels.ends_with("critical"),
        "{labels}"
    );
    assert!(
        labels.contains("host=\"web\"") && labels.contains("job=\"net\""),
        "{labels}"
    );
    assert_eq!(line, "counted");
    assert_eq!(lines[1].1, "by line");
    assert!(lines[1].0.ends_with("info"), "{}", lines[1].0);
    assert!(lines[2].1.starts_with("xxx") && lines[2].1.len() < 200);
}

#[test]
fn datagrams_are_messages() {
    let text = "  syslog:
    listen_address: 127.0.0.1:1514
    listen_protocol: udp
    syslog_format: rfc3164
    labels: {job: old}
";
    let job = job(text);
    let (sink, intake, running) = opened(&job);
    let runtime = task::runtime().unwrap();
    runtime.block_on(async {
        let socket = Datagrams::take(here()).unwrap();
        let at = socket.address().unwrap();
        let (tell, stop) = stopper();
        let syslog = Syslog {
            job: Arc::new(job.syslog.clone().unwrap()),
            intake,
            zone: || 0,
        };
        let serving = task::spawn("test", syslog.datagrams(socket, stop));
        let from = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        from.send_to(b"<34>Jan  1 08:00:00 web sshd[42]: no\n", at)
            .await
            .unwrap();
        until("a line", || sink.lines.lock().len() == 1).await;
        tell.stop();
        serving.await.unwrap();
    });
    running.stop();
    assert_eq!(sink.lines.lock()[0].1, "no");
}

#[test]
fn pushes_are_answered_once_they_are_kept() {
    let text = "  loki_push_api:
    server: {http_listen_port: 3500}
    labels: {via: push}
";
    let job = job(text);
    let (sink, intake, running) = opened(&job);
    let runtime = task::runtime().unwrap();
    runtime.block_on(async {
        let bound = Bound::take(here()).unwrap();
        let at = bound.addresses()[0];
        let (tell, stop) = stopper();
        let push = Push {
            job: Arc::new(job.push.clone().unwrap()),
            intake,
        };
        let serving = task::spawn("test", bound.serve(Limits::default(), push.respond(), stop));
        let client = Client::new(&ClientOptions::default(), None).unwrap();
        let json = r#"{"streams":[{"stream":{"app":"x"},"values":[["1","hello",{"trace":"1"}]]}]}"#;
        for (path, kind, body, want) in [
            ("/loki/api/v1/push", "application/json", json, 204),
            ("/promtail/api/v1/raw", "text/plain", "one\r\n\ntwo\n", 204),
            ("/loki/api/v1/push", "application/json", "{", 400),
            ("/else", "text/plain", "", 404),
        ] {
            let url = format!("http://{at}{path}");
            let ask = Ask {
                method: Method::Post,
                headers: &[("content-type", kind)],
                ..Ask::get(&url, Duration::from_mins(1), 0)
            };
            let mut out = Vec::new();
            let reply = client
                .send_body(ask, body.as_bytes().to_vec(), &mut out)
                .await;
            assert_eq!(reply.unwrap().status, want, "{path}");
        }
        tell.stop();
        serving.await.unwrap();
    });
    running.stop();
    let lines = sink.lines.lock();
    let found: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(found, ["hello", "one", "two"]);
    assert!(lines[0].0.contains("app=\"x\"") && lines[0].0.contains("via=\"push\""));
    assert!(!lines[1].0.contains("app="));
}

/// One line of output in a frame of Docker's API.
fn frame(output: u8, text: &str) -> Vec<u8> {
    let mut out = vec![output, 0, 0, 0];
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    out
}

#[test]
fn containers_are_followed_from_their_place() {
    let text = "  docker_sd_configs: [{host: 'tcp://127.0.0.1:1', refresh_interval: 1s, filters: [{name: label, values: [logging=on]}]}]
  pipeline_stages: [{decolorize: {}}]
  relabel_configs: [{source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}]
";
    let job = job(text);
    let (sink, intake, running) = opened(&job);
    sink.positions
        .lock()
        .insert("docker:net:gone".to_owned(), b"1".to_vec());
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = asked.clone();
    let engine: Pages = Arc::new(move |path| {
        let json = |text: &str| Some(("application/json", text.as_bytes().to_vec()));
        match path {
            "/containers/json" => json(r#"[{"Id": "abc", "Names": ["/web"]}]"#),
            "/containers/abc/json" => json(r#"{"Config": {"Tty": false}}"#),
            "/containers/abc/logs" => {
                seen.fetch_add(1, Ordering::Relaxed);
                let mut out = frame(1, "2023-11-14T22:13:20.000000001Z one\n");
                out.extend(frame(2, "2023-11-14T22:13:20.000000002Z two 한글\n"));
                Some(("application/octet-stream", out))
            }
            _ => None,
        }
    });
    let runtime = task::runtime().unwrap();
    runtime.block_on(async {
        let bound = Bound::take(here()).unwrap();
        let at = bound.addresses()[0];
        let (tell, stop) = stopper();
        let serving = task::spawn(
            "test",
            bound.serve(Limits::default(), pages(engine), stop.clone()),
        );
        let mut config = job.docker[0].clone();
        config.host = format!("tcp://{at}");
        config.refresh = Duration::from_millis(20);
        let containers = Containers::new(&config, intake, &job.name);
        let following = task::spawn("test", containers.run(stop));
        until("the output is asked for again", || {
            asked.load(Ordering::Relaxed) > 3 && sink.lines.lock().len() >= 2
        })
        .await;
        tell.stop();
        following.await.unwrap();
        serving.await.unwrap();
    });
    running.stop();
    let lines = sink.lines.lock();
    assert!(lines[0].0.contains("container=\"web\""), "{}", lines[0].0);
    let found: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(
        found,
        ["one", "two 한글"],
        "each once, however often it is asked"
    );
    let kept = sink.positions.lock().clone();
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["docker:net:abc"]);
    assert_eq!(kept["docker:net:abc"], b"1700000000000000002");
}

#[test]
fn open_doors_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("promtail.yml");
    let text = "scrape_configs:\n- job_name: net\n  syslog: {listen_address: '0.0.0.0:1514'}\n";
    std::fs::write(&path, text).unwrap();
    let loaded = config::load(std::slice::from_ref(&path));
    let said: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
    assert!(
        said.iter().any(|s| s.contains("allow: [networks]")),
        "{said:?}"
    );
    assert_eq!(loaded.config.unwrap().logs.jobs[0].syslog, None);
    let text = text.replace("1514'", "1514', allow: [10.0.0.0/8]");
    std::fs::write(&path, text).unwrap();
    let loaded = config::load(&[path]);
    assert!(loaded.config.unwrap().logs.jobs[0].syslog.is_some());
}
