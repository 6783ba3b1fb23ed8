//! The JSON of the engines' API, as far as it is read. Whatever is missing, null or of another kind
//! than documented is read as empty: podman and Docker differ in many small things.
//!
//! Source: Docker Engine API 1.41 to 1.48; podman 4.3 and newer answer in the same form.

use crate::base::net::network::Network;
use crate::collect::container::docker::known::{Bridge, Container, Endpoint};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use std::collections::BTreeMap;

/// Anything that is not as expected is the default.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    from: D,
) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// `GET /version`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Version {
    #[serde(deserialize_with = "lenient")]
    pub(crate) version: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) components: Vec<Component>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Component {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: String,
}

/// An item of `GET /containers/json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Listed {
    #[serde(deserialize_with = "lenient")]
    pub(crate) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) names: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) image: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) command: String,
    /// Seconds since the epoch.
    #[serde(deserialize_with = "lenient")]
    pub(crate) created: i64,
    #[serde(deserialize_with = "lenient")]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) state: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) status: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) ports: Vec<Port>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) network_settings: Settings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Port {
    #[serde(rename = "IP", deserialize_with = "lenient")]
    ip: String,
    #[serde(rename = "PrivatePort", deserialize_with = "lenient")]
    private: u16,
    #[serde(rename = "PublicPort", deserialize_with = "lenient")]
    public: u16,
    #[serde(rename = "Type", deserialize_with = "lenient")]
    kind: String,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ip = if self.ip.contains(':') {
            format!("[{}]", self.ip)
        } else {
            self.ip.clone()
        };
        match self.public {
            0 => write!(f, "{}/{}", self.private, self.kind),
            public => write!(f, "{ip}:{public}->{}/{}", self.private, self.kind),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Settings {
    #[serde(deserialize_with = "lenient")]
    networks: BTreeMap<String, Place>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place {
    #[serde(rename = "IPAddress", deserialize_with = "lenient")]
    address: String,
    #[serde(rename = "GlobalIPv6Address", deserialize_with = "lenient")]
    address6: String,
    #[serde(rename = "Gateway", deserialize_with = "lenient")]
    gateway: String,
    #[serde(rename = "Aliases", deserialize_with = "lenient")]
    aliases: Vec<String>,
    #[serde(rename = "DNSNames", deserialize_with = "lenient")]
    names: Vec<String>,
}

impl Settings {
    fn networks(&self) -> Vec<Endpoint> {
        let network = |(name, end): (&String, &Place)| {
            let address = if end.address.is_empty() {
                &end.address6
            } else {
                &end.address
            };
            Endpoint {
                name: name.clone(),
                address: address.clone(),
                gateway: end.gateway.clone(),
                aliases: end.aliases.iter().chain(&end.names).cloned().collect(),
            }
        };
        self.networks.iter().map(network).collect()
    }
}

/// `GET /containers/ID/json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Inspected {
    #[serde(deserialize_with = "lenient")]
    pub(crate) state: State,
    #[serde(deserialize_with = "lenient")]
    pub(crate) restart_count: u64,
    #[serde(deserialize_with = "lenient")]
    pub(crate) host_config: HostConfig,
    #[serde(deserialize_with = "lenient")]
    pub(crate) config: Config,
    #[serde(deserialize_with = "lenient")]
    pub(crate) network_settings: Settings,
    #[serde(deserialize_with = "lenient")]
    pub(crate) log_path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct State {
    #[serde(deserialize_with = "lenient")]
    pub(crate) status: String,
    #[serde(rename = "OOMKilled", deserialize_with = "lenient")]
    pub(crate) oom_killed: bool,
    #[serde(deserialize_with = "lenient")]
    pub(crate) exit_code: i64,
    #[serde(deserialize_with = "lenient")]
    pub(crate) started_at: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) finished_at: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) health: Health,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Health {
    #[serde(deserialize_with = "lenient")]
    pub(crate) status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct HostConfig {
    #[serde(deserialize_with = "lenient")]
    pub(crate) restart_policy: Policy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Policy {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Config {
    #[serde(deserialize_with = "lenient")]
    pub(crate) tty: bool,
}

/// A line of `GET /events`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    #[serde(rename = "Type", deserialize_with = "lenient")]
    pub(crate) kind: String,
    #[serde(rename = "Action", deserialize_with = "lenient")]
    pub(crate) action: String,
    #[serde(rename = "Actor", deserialize_with = "lenient")]
    pub(crate) actor: Actor,
    /// Nanoseconds since the epoch.
    #[serde(rename = "timeNano", deserialize_with = "lenient")]
    pub(crate) time: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Actor {
    #[serde(rename = "ID", deserialize_with = "lenient")]
    pub(crate) id: String,
    #[serde(rename = "Attributes", deserialize_with = "lenient")]
    pub(crate) attributes: BTreeMap<String, String>,
}

/// An item of `GET /networks`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListedNetwork {
    #[serde(rename = "IPAM", deserialize_with = "lenient")]
    addresses: Ipam,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Ipam {
    #[serde(deserialize_with = "lenient")]
    config: Vec<Subnet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Subnet {
    #[serde(deserialize_with = "lenient")]
    subnet: String,
    #[serde(deserialize_with = "lenient")]
    gateway: String,
}

impl ListedNetwork {
    /// The networks of it that have a gateway. One that is everything is left out: nobody is let in
    /// by mistake.
    pub(crate) fn bridges(&self) -> impl Iterator<Item = Bridge> {
        self.addresses.config.iter().filter_map(|c| {
            let network: Network = c.subnet.parse().ok()?;
            let gateway = c.gateway.split('/').next()?.parse().ok()?;
            (network.prefix >= 8 && network.contains(gateway))
                .then_some(Bridge { gateway, network })
        })
    }
}

/// `{"message": "..."}`, or podman's `{"cause": .., "message": ..}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Complaint {
    #[serde(deserialize_with = "lenient")]
    pub(crate) message: String,
}

/// Milliseconds since the epoch; 0 for Go's zero time and for what is no time.
pub(crate) fn millis(text: &str) -> i64 {
    let parsed = chrono::DateTime::parse_from_rfc3339(text);
    parsed.map_or(0, |t| t.timestamp_millis().max(0))
}

/// `Up 3 hours (healthy)` says `healthy`, `Up 2 s (health: starting)` `starting`.
fn health_in(status: &str) -> &str {
    let inside = status
        .rsplit_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    match inside {
        Some("healthy") => "healthy",
        Some("unhealthy") => "unhealthy",
        Some("health: starting" | "starting") => "starting",
        _ => "",
    }
}

impl Listed {
    /// What the list alone tells.
    pub(crate) fn container(self) -> Container {
        let name = self.names.first().map_or("", String::as_str);
        Container {
            name: name.strip_prefix('/').unwrap_or(name).to_owned(),
            image: self.image,
            command: self.command,
            labels: self.labels,
            health: health_in(&self.status).to_owned(),
            created: self.created.saturating_mul(1000),
            ports: self.ports.iter().map(ToString::to_string).collect(),
            networks: self.network_settings.networks(),
            state: self.state,
            id: self.id,
            ..Container::default()
        }
    }
}

impl Inspected {
    /// Adds what only the inspection tells.
    pub(crate) fn complete(&self, container: &mut Container) {
        let state = &self.state;
        if !state.status.is_empty() {
            container.state.clone_from(&state.status);
        }
        container.started = millis(&state.started_at);
        container.finished = millis(&state.finished_at);
        container.exit_code =
            (!container.is_up() && container.finished > 0).then_some(state.exit_code);
        container.oom_killed = state.oom_killed;
        if !matches!(state.health.status.as_str(), "" | "none") {
            container.health.clone_from(&state.health.status);
        }
        container.restarts = self.restart_count;
        let policy = &self.host_config.restart_policy.name;
        container.policy = if policy == "no" {
            String::new()
        } else {
            policy.clone()
        };
        container.tty = self.config.tty;
        container.log_path.clone_from(&self.log_path);
        let networks = self.network_settings.networks();
        if !networks.is_empty() {
            container.networks = networks;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listed(json: &str) -> Container {
        serde_json::from_str::<Listed>(json).unwrap().container()
    }

    #[test]
    fn nulls_and_other_kinds_are_empty() {
        let json = r#"{"Id":"ab","Names":["/shop-web-1"],"Image":"","Created":5,"Ports":null,
            "Labels":null,"State":"running","Status":"Up 3 hours (unhealthy)",
            "NetworkSettings":{"Networks":null},"Mounts":[],"Platform":null,"New":{"a":[1]}}"#;
        let container = listed(json);
        assert_eq!(
            (container.name.as_str(), container.created),
            ("shop-web-1", 5000)
        );
        assert_eq!(container.health, "unhealthy");
        // A field of another kind costs that field alone.
        assert_eq!(
            listed(r#"{"Id":7,"Names":"x","State":"running"}"#).state,
            "running"
        );
    }

    #[test]
    fn an_inspection_completes_the_list() {
        let json = r#"{"RestartCount":4,"State":{"Status":"exited","OOMKilled":true,"ExitCode":137,
            "StartedAt":"2026-11-20T19:15:14.776043404Z","FinishedAt":"2026-11-20T19:15:15Z",
            "Health":{"Status":"","Log":null}},"HostConfig":{"RestartPolicy":{"Name":"always"}},
            "Config":{"Tty":true},"NetworkSettings":{"Networks":{"front":{"IPAddress":"10.0.0.2",
            "Gateway":"10.0.0.1","Aliases":null,"DNSNames":["web"]}}}}"#;
        let inspected: Inspected = serde_json::from_str(json).unwrap();
        let mut container = Container::default();
        inspected.complete(&mut container);
        assert_eq!(
            (container.exit_code, container.oom_killed),
            (Some(137), true)
        );
        assert_eq!(container.started, 1_795_202_114_776);
        assert_eq!(
            (container.restarts, container.policy.as_str()),
            (4, "always")
        );
        let network = &container.networks[0];
        assert_eq!(
            (network.gateway.as_str(), &*network.aliases),
            ("10.0.0.1", &["web".to_owned()][..])
        );
        assert_eq!(millis("0001-01-01T00:00:00Z"), 0);
    }

    #[test]
    fn ports_are_written_as_the_command_line_writes_them() {
        let json = r#"{"Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
            {"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},{"PrivatePort":53,"Type":"udp"}]}"#;
        let want = ["0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp", "53/udp"];
        assert_eq!(listed(json).ports, want);
    }

    #[test]
    fn networks_without_a_gateway_are_no_doors() {
        let json = r#"[{"Name":"bridge","IPAM":{"Config":[{"Subnet":"172.17.0.0/16","Gateway":"172.17.0.1"}]}},
            {"Name":"host","IPAM":{"Config":null}},{"Name":"odd","IPAM":{"Config":[{"Subnet":"0.0.0.0/0","Gateway":"1.2.3.4"},
            {"Subnet":"10.0.0.0/24","Gateway":"10.9.0.1"},{"Subnet":"10.1.0.0/24"}]}}]"#;
        let listed: Vec<ListedNetwork> = serde_json::from_str(json).unwrap();
        let bridges: Vec<Bridge> = listed.iter().flat_map(ListedNetwork::bridges).collect();
        assert_eq!(bridges.len(), 1);
        assert_eq!(bridges[0].gateway.to_string(), "172.17.0.1");
    }

    proptest! {
        #[test]
        fn any_json_is_read_without_harm(text in "[{}\\[\\]\",:a-zA-Z0-9 ]{0,80}") {
            let _ = serde_json::from_str::<Vec<Listed>>(&text);
            let _ = serde_json::from_str::<Inspected>(&text);
            let _ = serde_json::from_str::<Event>(&text);
            millis(&text);
        }

        #[test]
        fn fields_of_any_kind_cost_themselves_alone(
            field in prop::sample::select(vec!["Names", "Image", "Labels", "Ports", "NetworkSettings", "Status"]),
            value in prop::sample::select(vec!["null", "7", "\"x\"", "[1]", "[null]", "{\"a\":1}", "true"]),
        ) {
            let json = format!("{{\"Id\":\"i\",\"State\":\"running\",\"{field}\":{value}}}");
            let container = listed(&json);
            prop_assert_eq!((container.id.as_str(), container.state.as_str()), ("i", "running"));
        }
    }
}
