//! What a console looks at of one container: its inspection and its output.
//!
//! Each is fetched by a task of its own that lives as long as somebody asks, so that an engine that
//! hangs holds up nobody: who asks gets what came so far, and the reason where nothing did. Output
//! is streamed through and kept nowhere: what is stored of it is read by `container::logs`.

use crate::base::clock::{Clock, Duration};
use crate::base::task;
use crate::collect::container::docker::client::{Docker, DockerError};
use crate::collect::container::docker::frames::{Line, Lines, Output};
use crate::collect::container::docker::known::{Container, Engine, Known};
use crate::collect::container::facts;
use crate::model::view::{ContainerFacts, ContainerOutput, OutputLine, container_key};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// A task ends when nobody has asked for so long.
const LEAVES_AFTER_MS: i64 = 10_000;
/// How often an inspection is made anew.
const INSPECT_EVERY: Duration = Duration::from_secs(2);
/// Lines that are held, and their bytes.
const MOST_LINES: usize = 1_000;
const MOST_BYTES: usize = 1 << 20;
/// Containers looked at at once.
const MOST_LOOKS: usize = 16;

/// What is looked at now.
#[derive(Clone)]
pub struct Looks {
    runtime: Handle,
    clock: Clock,
    known: watch::Receiver<Arc<Known>>,
    open: Arc<Mutex<Open>>,
}

/// By container and kind.
type Open = HashMap<(u64, Kind), Arc<Look>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Facts,
    Output,
}

/// One thing that is looked at.
#[derive(Default)]
struct Look {
    /// When somebody last asked.
    asked: AtomicI64,
    facts: Mutex<ContainerFacts>,
    output: Mutex<Held>,
}

/// The newest lines.
#[derive(Default)]
struct Held {
    lines: VecDeque<OutputLine>,
    bytes: usize,
    why: String,
}

impl Held {
    fn push(&mut self, line: &Line) {
        let (time, text) = line.timed();
        let line = OutputLine {
            t: time.map_or(0, |ns| ns / 1_000_000),
            stderr: line.output == Output::Stderr,
            text: String::from_utf8_lossy(text).into_owned(),
        };
        self.bytes += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            let Some(gone) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= gone.text.len();
        }
    }
}

impl Looks {
    pub fn new(runtime: Handle, clock: Clock, known: watch::Receiver<Arc<Known>>) -> Self {
        Self {
            runtime,
            clock,
            known,
            open: Arc::default(),
        }
    }

    /// The inspection of a container, by [`container_key`].
    pub fn facts(&self, key: u64) -> ContainerFacts {
        match self.look(key, Kind::Facts) {
            Ok(look) => look.facts.lock().clone(),
            Err(why) => ContainerFacts {
                why,
                ..ContainerFacts::default()
            },
        }
    }

    /// The newest output of a container.
    pub fn output(&self, key: u64) -> ContainerOutput {
        match self.look(key, Kind::Output) {
            Ok(look) => {
                let held = look.output.lock();
                ContainerOutput {
                    lines: held.lines.iter().cloned().collect(),
                    why: held.why.clone(),
                    stored: false,
                }
            }
            Err(why) => ContainerOutput {
                why,
                ..ContainerOutput::default()
            },
        }
    }

    fn look(&self, key: u64, kind: Kind) -> Result<Arc<Look>, String> {
        let now = self.clock.now_ms();
        let mut open = self.open.lock();
        if let Some(look) = open.get(&(key, kind)) {
            look.asked.store(now, Ordering::Relaxed);
            return Ok(look.clone());
        }
        let known = self.known.borrow().clone();
        let found = known
            .containers()
            .find(|(_, c)| container_key(&c.id) == key);
        let Some((engine, container)) = found else {
            return Err(
                "No engine tells of this container: Docker or podman must answer for that."
                    .to_owned(),
            );
        };
        if open.len() >= MOST_LOOKS {
            return Err(format!(
                "{MOST_LOOKS} containers are looked at already; wait a few seconds."
            ));
        }
        let look = Arc::new(Look::default());
        look.asked.store(now, Ordering::Relaxed);
        "asking the engine ...".clone_into(&mut look.facts.lock().why);
        open.insert((key, kind), look.clone());
        drop(open);
        self.start((key, kind), &look, engine, container);
        Ok(look)
    }

    fn start(
        &self,
        (key, kind): (u64, Kind),
        look: &Arc<Look>,
        engine: &Engine,
        container: &Arc<Container>,
    ) {
        let (open, clock) = (self.open.clone(), self.clock.clone());
        let (look, container) = (look.clone(), container.clone());
        let docker = engine.docker();
        let entered = self.runtime.enter();
        drop(task::spawn("container-look", async move {
            let unasked = {
                let (look, clock) = (look.clone(), clock.clone());
                async move {
                    while clock.now_ms() - look.asked.load(Ordering::Relaxed) < LEAVES_AFTER_MS {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            };
            let work = async {
                match (docker, kind) {
                    (Ok(docker), Kind::Facts) => {
                        inspect(&docker, &container.id, &look, &clock).await;
                    }
                    (Ok(docker), Kind::Output) => follow(&docker, &container, &look).await,
                    (Err(why), _) => {
                        look.facts.lock().why.clone_from(&why);
                        look.output.lock().why = why;
                    }
                }
                // What came stays until nobody asks any more.
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = work => {}
                () = unasked => {}
            }
            open.lock().remove(&(key, kind));
        }));
        drop(entered);
    }
}

async fn inspect(docker: &Docker, id: &str, look: &Look, clock: &Clock) {
    loop {
        let asked = docker
            .get::<serde_json::Value>(&format!("/containers/{id}/json"))
            .await;
        match asked {
            Ok(value) => *look.facts.lock() = facts::facts(&value, clock.now_ms()),
            Err(why) => look.facts.lock().why = why.to_string(),
        }
        tokio::time::sleep(INSPECT_EVERY).await;
    }
}

/// Follows the output until it ends; a container that starts again is followed again.
async fn follow(docker: &Docker, container: &Container, look: &Look) {
    let mut since = None;
    loop {
        let ended = follow_once(docker, container, look, &mut since).await;
        let why = match ended {
            Ok(()) => "It does not write any more: it has ended.".to_owned(),
            Err(why) => why.to_string(),
        };
        look.output.lock().why = why;
        tokio::time::sleep(INSPECT_EVERY).await;
    }
}

async fn follow_once(
    docker: &Docker,
    container: &Container,
    look: &Look,
    since: &mut Option<i64>,
) -> Result<(), DockerError> {
    let from = match *since {
        // Seconds, as every engine takes them; what is known already is left out below.
        Some(ns) => format!("&since={}", ns / 1_000_000_000),
        None => format!("&tail={}", MOST_LINES / 2),
    };
    let path = format!(
        "/containers/{}/logs?stdout=1&stderr=1&follow=1&timestamps=1{from}",
        container.id
    );
    let mut stream = docker.stream(&path).await?;
    look.output.lock().why.clear();
    let mut lines = Lines::new(container.tty);
    let newest = *since;
    while let Some(piece) = stream.next().await? {
        lines.push(&piece);
        let mut held = look.output.lock();
        while let Some(line) = lines.next_line() {
            let time = line.timed().0;
            if time.is_some() && time <= newest {
                continue;
            }
            *since = time.or(*since);
            held.push(&line);
        }
        if lines.is_broken() {
            "its output is not in Docker's frames".clone_into(&mut held.why);
            return Ok(());
        }
    }
    let mut held = look.output.lock();
    lines.finish().iter().for_each(|line| held.push(line));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_lines_make_room() {
        let mut held = Held::default();
        for n in 0..MOST_LINES + 5 {
            held.push(&Line {
                output: Output::Stderr,
                bytes: format!("2026-11-20T19:15:16Z line {n}").into_bytes(),
            });
        }
        assert_eq!(
            (held.lines.len(), held.lines[0].text.as_str()),
            (MOST_LINES, "line 5")
        );
        assert!(held.lines[0].stderr && held.lines[0].t == 1_795_202_116_000);
        held.push(&Line {
            bytes: vec![b'x'; MOST_BYTES],
            ..Line::default()
        });
        assert_eq!((held.lines.len(), held.bytes), (1, MOST_BYTES));
    }

    #[test]
    fn a_container_that_no_engine_knows_is_said() {
        let runtime = task::runtime().unwrap();
        let (_tell, known) = watch::channel(Arc::default());
        let looks = Looks::new(runtime.handle().clone(), Clock::System, known);
        assert!(looks.facts(7).why.contains("No engine"));
        assert!(looks.output(7).why.contains("No engine"));
    }
}
