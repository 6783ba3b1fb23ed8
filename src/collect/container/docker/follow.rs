//! One engine, followed: a list at first and every half minute, events between.
//!
//! A container is inspected when the list shows it changed or an event names it, never all of them
//! at every look. While the engine is silent the last that was known stands, with the reason beside
//! it.

use crate::base::clock::{Clock, Duration};
use crate::base::net::client::{ClientError, Stream};
use crate::base::task::{self, Stop};
use crate::collect::container::docker::address::Address;
use crate::collect::container::docker::client::{Docker, DockerError};
use crate::collect::container::docker::json::{self, Inspected, Listed, ListedNetwork, Version};
use crate::collect::container::docker::known::{Bridge, Container, Engine, Flavour, Known};
use crate::model::view::BlindSpot;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// Without an event everything is listed again after so long.
const LIST_EVERY: Duration = Duration::from_secs(30);
/// Between two attempts on an engine that does not answer.
const AGAIN: Duration = Duration::from_secs(5);
/// Events come in bunches; one look answers them all.
const GATHER: Duration = Duration::from_millis(150);
/// A line of events is not longer.
const MOST_EVENT: usize = 256 << 10;
/// Containers of one engine.
const MOST_CONTAINERS: usize = 5_000;

/// Something that happened to a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Nanoseconds since the epoch.
    pub time: i64,
    pub id: String,
    pub name: String,
    /// `start`, `die`, `oom`, `health_status: unhealthy`, ...
    pub action: String,
    pub exit_code: Option<i64>,
    /// The compose project and service, where it has them.
    pub project: String,
    pub service: String,
}

/// What following needs.
#[derive(Clone)]
pub struct Parts {
    pub known: Arc<watch::Sender<Arc<Known>>>,
    pub clock: Clock,
    /// Told of each event once, in order.
    pub events: Arc<dyn Fn(Event) + Send + Sync>,
}

/// Starts a task for each address. They end when told to.
pub fn start(parts: &Parts, addresses: Vec<Address>, stop: &Stop) {
    let engine = |address: &Address| Engine {
        address: address.to_string(),
        at: Some(address.clone()),
        ..Engine::default()
    };
    let known = Known {
        engines: addresses.iter().map(engine).collect(),
    };
    parts.known.send_replace(Arc::new(known));
    for (place, address) in addresses.into_iter().enumerate() {
        let follower = Follower {
            parts: parts.clone(),
            since: parts.clock.now_ms().saturating_mul(1_000_000),
            place,
            address,
        };
        drop(task::spawn("containers", follower.run(stop.clone())));
    }
}

struct Follower {
    parts: Parts,
    /// Its place in [`Known::engines`].
    place: usize,
    address: Address,
    /// The time of the newest event that was told.
    since: i64,
}

impl Follower {
    async fn run(mut self, mut stop: Stop) {
        loop {
            let followed = tokio::select! {
                followed = self.follow() => followed,
                () = stop.wait() => return,
            };
            let problem = followed.err().and_then(|why| self.problem(&why));
            self.publish(|engine| {
                engine.problem = problem;
                engine.tried = true;
            });
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = stop.wait() => return,
            }
        }
    }

    /// Changes this engine's entry.
    fn publish(&self, change: impl FnOnce(&mut Engine)) {
        self.parts.known.send_if_modified(|known| {
            let mut all = Known::clone(known);
            let Some(engine) = all.engines.get_mut(self.place) else {
                return false;
            };
            change(engine);
            let differs = all != **known;
            *known = Arc::new(all);
            differs
        });
    }

    /// Until the engine goes away.
    async fn follow(&mut self) -> Result<(), Trouble> {
        if let Address::Socket(path) = &self.address {
            reach(path).await?;
        }
        let docker = Docker::new(&self.address).map_err(DockerError::from)?;
        let version: Version = docker.get("/version").await?;
        let flavour = flavour(&version);
        let title = match flavour {
            Flavour::Docker => format!("Docker {}", version.version),
            Flavour::Podman => format!("podman {}", version.version),
        };
        let mut containers = self.list(&docker, &HashSet::new()).await?;
        let mut networks = bridges(&docker).await?;
        self.publish(|engine| {
            engine.flavour = flavour;
            engine.title = title;
            engine.tried = true;
            engine.containers = containers;
            engine.networks = networks;
            engine.problem = None;
        });
        // Events are asked for since the last one that was told: none between is missed.
        let mut events = Events::open(&docker, self.since).await?;
        loop {
            let mut touched = HashSet::new();
            tokio::select! {
                event = events.next() => {
                    self.note(event?, &mut touched);
                    let gathered = tokio::time::sleep(GATHER);
                    tokio::pin!(gathered);
                    loop {
                        tokio::select! {
                            event = events.next() => self.note(event?, &mut touched),
                            () = &mut gathered => break,
                        }
                    }
                    if touched.is_empty() {
                        continue;
                    }
                }
                () = tokio::time::sleep(LIST_EVERY) => {}
            }
            containers = self.list(&docker, &touched).await?;
            networks = bridges(&docker).await?;
            self.publish(|engine| (engine.containers, engine.networks) = (containers, networks));
        }
    }

    fn note(&mut self, event: json::Event, touched: &mut HashSet<String>) {
        // Asking "since" gives the newest one again.
        if event.kind != "container" || event.time <= self.since {
            return;
        }
        self.since = event.time;
        touched.insert(event.actor.id.clone());
        let attribute = |names: &[&str]| {
            let found = names.iter().find_map(|n| event.actor.attributes.get(*n));
            found.cloned().unwrap_or_default()
        };
        let exit = attribute(&["exitCode", "containerExitCode"]);
        let dies = event.action == "die" || event.action == "died";
        (self.parts.events)(Event {
            time: event.time,
            name: attribute(&["name"]),
            exit_code: exit.parse().ok().filter(|_| dies),
            project: attribute(&["com.docker.compose.project"]),
            service: attribute(&["com.docker.compose.service"]),
            action: event.action,
            id: event.actor.id,
        });
    }

    /// All containers; inspected are those that changed and those that were `touched`.
    async fn list(
        &self,
        docker: &Docker,
        touched: &HashSet<String>,
    ) -> Result<Vec<Arc<Container>>, Trouble> {
        let mut listed: Vec<Listed> = docker.get("/containers/json?all=1").await?;
        listed.truncate(MOST_CONTAINERS);
        let before: BTreeMap<String, Arc<Container>> = {
            let known = self.parts.known.borrow();
            let own = known.engines.get(self.place).map(|e| e.containers.clone());
            own.into_iter()
                .flatten()
                .map(|c| (c.id.clone(), c))
                .collect()
        };
        let mut out = Vec::with_capacity(listed.len());
        for listed in listed {
            let mut container = listed.container();
            let same = before.get(&container.id).filter(|known| {
                !touched.contains(&known.id)
                    && (&known.state, &known.name) == (&container.state, &container.name)
                    && known.started > 0
                    && (container.health.is_empty() || known.health == container.health)
            });
            if let Some(same) = same {
                out.push(same.clone());
                continue;
            }
            let path = format!("/containers/{}/json", container.id);
            match docker.get::<Inspected>(&path).await {
                Ok(inspected) => inspected.complete(&mut container),
                // It was removed meanwhile, or this one alone cannot be told of.
                Err(DockerError::Refused { status: 404, .. }) => continue,
                Err(DockerError::Refused { .. } | DockerError::Garbled { .. }) => {}
                Err(e) => return Err(e.into()),
            }
            out.push(Arc::new(container));
        }
        Ok(out)
    }

    fn has_answered(&self) -> bool {
        let known = self.parts.known.borrow();
        known
            .engines
            .get(self.place)
            .is_some_and(|e| !e.title.is_empty())
    }

    fn problem(&self, trouble: &Trouble) -> Option<BlindSpot> {
        let what = "names, states and logs of containers".to_owned();
        let address = &self.address;
        match trouble {
            // It was there: what was known last stands, with the reason.
            Trouble::Absent if self.has_answered() => Some(BlindSpot {
                what,
                why: format!("{address} is gone: what is shown is as it was then"),
                way_out: "start the engine again: sudo systemctl start docker (or podman.socket)"
                    .to_owned(),
            }),
            // Nobody is there: most of the places where engines listen are empty.
            Trouble::Absent => None,
            Trouble::Forbidden => Some(BlindSpot {
                what,
                why: format!("{address} may not be opened by this user"),
                way_out: way_in(address),
            }),
            Trouble::Dead => Some(BlindSpot {
                what,
                why: format!("{address} is there, and nobody answers on it"),
                way_out: "start the engine: sudo systemctl start docker (or podman.socket)"
                    .to_owned(),
            }),
            Trouble::Docker(DockerError::Client(ClientError::Timeout(_))) => Some(BlindSpot {
                what,
                why: format!("{address} takes connections and does not answer"),
                way_out: "look at it: sudo systemctl status docker".to_owned(),
            }),
            Trouble::Docker(why) => Some(BlindSpot {
                what,
                why: format!("{address}: {why}"),
                way_out: "look at it: sudo systemctl status docker".to_owned(),
            }),
            Trouble::Ended => Some(BlindSpot {
                what,
                why: format!("{address} closed the stream of events"),
                way_out: "bongsu asks again every few seconds".to_owned(),
            }),
        }
    }
}

/// The networks that this server is the gateway of.
async fn bridges(docker: &Docker) -> Result<Vec<Bridge>, Trouble> {
    let listed: Vec<ListedNetwork> = docker.get("/networks").await?;
    Ok(listed
        .iter()
        .flat_map(ListedNetwork::bridges)
        .take(1_000)
        .collect())
}

/// What would let this user open a socket.
fn way_in(address: &Address) -> String {
    match address {
        Address::Socket(path) if path.ends_with("docker.sock") => {
            "sudo usermod -aG docker $USER, then log in again; or run bongsu with sudo".to_owned()
        }
        Address::Socket(path) => {
            format!(
                "sudo setfacl -m u:$USER:rw {}; or run bongsu with sudo",
                path.display()
            )
        }
        _ => "run bongsu with sudo".to_owned(),
    }
}

/// Why an engine is not followed any more.
#[derive(Debug)]
enum Trouble {
    /// No such socket.
    Absent,
    Forbidden,
    /// A socket that nobody listens on.
    Dead,
    Docker(DockerError),
    /// The engine ended the stream of events.
    Ended,
}

impl From<DockerError> for Trouble {
    fn from(e: DockerError) -> Self {
        Self::Docker(e)
    }
}

/// Opens the socket once, to tell apart what a client's error would not.
async fn reach(path: &Path) -> Result<(), Trouble> {
    match tokio::net::UnixStream::connect(path).await {
        Ok(_) => Ok(()),
        Err(e) => Err(match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Trouble::Absent,
            io::ErrorKind::PermissionDenied => Trouble::Forbidden,
            io::ErrorKind::ConnectionRefused => Trouble::Dead,
            // A full backlog: somebody is there, and hangs.
            _ => DockerError::Client(ClientError::Connect(e.to_string())).into(),
        }),
    }
}

fn flavour(version: &Version) -> Flavour {
    let podman = |name: &str| name.to_ascii_lowercase().contains("podman");
    if version.components.iter().any(|c| podman(&c.name)) {
        Flavour::Podman
    } else {
        Flavour::Docker
    }
}

/// The stream of events, one JSON value after the other.
struct Events {
    stream: Stream,
    bytes: Vec<u8>,
}

impl Events {
    async fn open(docker: &Docker, since: i64) -> Result<Self, Trouble> {
        // {"type":["container"]}. Whole seconds: podman takes nothing finer.
        let filters = "%7B%22type%22%3A%5B%22container%22%5D%7D";
        let path = format!("/events?filters={filters}&since={}", since / 1_000_000_000);
        Ok(Self {
            stream: docker.stream(&path).await?,
            bytes: Vec::new(),
        })
    }

    /// Cancel-safe: what was read stays for the next call.
    async fn next(&mut self) -> Result<json::Event, Trouble> {
        loop {
            if let Some(end) = self.bytes.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                if let Ok(event) = serde_json::from_slice(&line) {
                    return Ok(event);
                }
                continue;
            }
            if self.bytes.len() > MOST_EVENT {
                self.bytes.clear();
            }
            match self.stream.next().await.map_err(DockerError::from)? {
                Some(piece) => self.bytes.extend_from_slice(&piece),
                None => return Err(Trouble::Ended),
            }
        }
    }
}
