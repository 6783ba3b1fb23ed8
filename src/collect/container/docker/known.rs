//! What is known of all engines' containers, as plain values.

use crate::base::net::network::Network;
use crate::collect::container::docker::address::Address;
use crate::collect::container::docker::client::Docker;
use crate::model::view::BlindSpot;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// All engines that were found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    pub engines: Vec<Engine>,
}

impl Known {
    pub fn containers(&self) -> impl Iterator<Item = (&Engine, &Arc<Container>)> {
        let all = self.engines.iter();
        all.flat_map(|e| e.containers.iter().map(move |c| (e, c)))
    }

    pub fn by_id(&self, id: &str) -> Option<(&Engine, &Arc<Container>)> {
        self.containers().find(|(_, c)| c.id == id)
    }

    /// The running container that answers to a name, and its addresses: its own name, its service
    /// in compose, or an alias in one of its networks, in that order.
    pub fn by_name(&self, name: &str) -> Option<(&Arc<Container>, Vec<IpAddr>)> {
        let reachable = |c: &Container| {
            let all = c.networks.iter().filter_map(|n| n.address.parse().ok());
            all.collect::<Vec<IpAddr>>()
        };
        let ways: [fn(&Container, &str) -> bool; 3] = [
            |c, name| c.name.eq_ignore_ascii_case(name),
            |c, name| c.service().is_some_and(|s| s.eq_ignore_ascii_case(name)),
            |c, name| {
                let mut aliases = c.networks.iter().flat_map(|n| &n.aliases);
                aliases.any(|a| a.eq_ignore_ascii_case(name))
            },
        ];
        ways.iter().find_map(|way| {
            let mut all = self.containers().map(|(_, c)| c);
            all.find_map(|c| {
                let addresses = (c.is_up() && way(c, name)).then(|| reachable(c))?;
                (!addresses.is_empty()).then_some((c, addresses))
            })
        })
    }
}

/// One engine, whether it answers or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Engine {
    /// As a person types it: `unix:///var/run/docker.sock`.
    pub address: String,
    /// The same, as it is dialled.
    pub at: Option<Address>,
    pub flavour: Flavour,
    /// `Docker 28.0.1`; empty until it answered.
    pub title: String,
    pub containers: Vec<Arc<Container>>,
    /// The gateways of its networks on this server, and the networks.
    pub networks: Vec<Bridge>,
    /// It was asked once, whatever came of it.
    pub tried: bool,
    /// Why it says nothing now, and the way out.
    pub problem: Option<BlindSpot>,
}

/// A network that this server is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bridge {
    pub gateway: IpAddr,
    pub network: Network,
}

impl Engine {
    /// A way to ask it, or the reason why there is none.
    pub fn docker(&self) -> Result<Docker, String> {
        let at = self.at.as_ref().ok_or("the engine is not known any more")?;
        Docker::new(at).map_err(|e| e.to_string())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    #[default]
    Docker,
    Podman,
}

impl Flavour {
    /// The word of its command line.
    pub fn command(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// One container, running or not. Times are milliseconds since the epoch, 0 is never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    pub image: String,
    pub command: String,
    pub labels: BTreeMap<String, String>,
    /// `created running paused restarting removing exited dead`.
    pub state: String,
    /// `healthy unhealthy starting`; empty without a health check.
    pub health: String,
    pub created: i64,
    pub started: i64,
    pub finished: i64,
    /// Of the last run; `None` while it runs.
    pub exit_code: Option<i64>,
    pub oom_killed: bool,
    pub restarts: u64,
    /// The restart policy: `always`, `on-failure`; empty for none.
    pub policy: String,
    /// `0.0.0.0:8080->80/tcp`.
    pub ports: Vec<String>,
    pub networks: Vec<Endpoint>,
    /// Its output is one raw stream, without frames.
    pub tty: bool,
    /// The file that the engine writes its output to; empty where there is none.
    pub log_path: String,
}

/// A container's place in one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    pub name: String,
    /// Empty while it does not run.
    pub address: String,
    pub gateway: String,
    pub aliases: Vec<String>,
}

impl Container {
    /// It has processes: running, or paused.
    pub fn is_up(&self) -> bool {
        matches!(self.state.as_str(), "running" | "paused" | "restarting")
    }

    fn label(&self, names: &[&str]) -> Option<&str> {
        let found = names.iter().find_map(|name| self.labels.get(*name));
        found.map(String::as_str).filter(|v| !v.is_empty())
    }

    /// The compose project, the stack, or the pod.
    pub fn project(&self) -> Option<&str> {
        self.label(&[
            "com.docker.compose.project",
            "io.podman.compose.project",
            "com.docker.stack.namespace",
            "io.kubernetes.pod.name",
        ])
    }

    /// The service in its project, or the container's name in its pod.
    pub fn service(&self) -> Option<&str> {
        self.label(&[
            "com.docker.compose.service",
            "com.docker.swarm.service.name",
            "io.kubernetes.container.name",
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, state: &str, address: &str, alias: &str) -> Arc<Container> {
        let labels = [(
            "com.docker.compose.service".to_owned(),
            format!("{name}-svc"),
        )];
        Arc::new(Container {
            name: name.to_owned(),
            state: state.to_owned(),
            labels: labels.into(),
            networks: vec![Endpoint {
                address: address.to_owned(),
                aliases: vec![alias.to_owned()],
                ..Endpoint::default()
            }],
            ..Container::default()
        })
    }

    #[test]
    fn running_containers_answer_to_name_service_and_alias() {
        let known = Known {
            engines: vec![Engine {
                containers: vec![
                    container("old", "exited", "10.0.0.9", "db"),
                    container("web", "running", "10.0.0.2", "old"),
                    container("db", "running", "10.0.0.3", "web"),
                    container("off", "running", "", "nothing"),
                ],
                ..Engine::default()
            }],
        };
        let at = |name: &str| known.by_name(name).map(|(_, ips)| ips[0].to_string());
        // Its own name before another's alias.
        assert_eq!(at("web").as_deref(), Some("10.0.0.2"));
        assert_eq!(at("DB-svc").as_deref(), Some("10.0.0.3"));
        // The one that has stopped is no answer; another's alias is.
        assert_eq!(at("old").as_deref(), Some("10.0.0.2"));
        assert_eq!((at("off"), at("x")), (None, None));
    }
}
