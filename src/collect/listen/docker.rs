//! Output of containers, over the API of Docker or podman: a job's `docker_sd_configs`.
//!
//! The list of containers is asked for again and again; each of them has a task that follows its
//! output. The time of the last line is kept with the lines, so that reading goes on behind it.

use crate::base::clock::Duration;
use crate::base::task::{self, Stop};
use crate::collect::container::docker::address::Address;
use crate::collect::container::docker::client::{Docker, DockerError};
use crate::collect::container::docker::frames::{Line, Lines, Output};
use crate::collect::listen::lines::{Intake, Pushed};
use crate::config::logs::DockerSd;
use crate::model::labels::{Labels, LabelsBuilder};
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Containers of one engine that are followed.
const MOST: usize = 1000;
/// A container whose output broke off is followed again after this time.
const AGAIN: Duration = Duration::from_secs(5);

/// The containers of one engine, for one job.
#[derive(Clone)]
pub struct Containers {
    config: Arc<DockerSd>,
    intake: Intake,
    /// Of the job: positions are kept under it.
    job: String,
    /// The time of the last line by container, which may be on its way into the store still.
    seen: Arc<Mutex<HashMap<String, i64>>>,
}

/// What the list says of one container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Listed {
    id: String,
    names: Vec<String>,
    labels: Option<BTreeMap<String, String>>,
    host_config: HostConfig,
    network_settings: Networks,
    ports: Option<Vec<Port>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HostConfig {
    network_mode: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Networks {
    networks: Option<BTreeMap<String, Network>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Network {
    #[serde(rename = "NetworkID")]
    id: String,
    #[serde(rename = "IPAddress")]
    address: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Port {
    private_port: u16,
    public_port: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Inspected {
    config: Terminal,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Terminal {
    tty: bool,
}

/// `unix:///run/docker.sock`, `tcp://host:2375`.
pub fn address(host: &str) -> Result<Address, String> {
    if let Some(path) = host.strip_prefix("unix://") {
        return Ok(Address::Socket(PathBuf::from(path)));
    }
    let tcp = ["tcp://", "http://"]
        .iter()
        .find_map(|head| host.strip_prefix(head));
    match tcp.map(|at| at.trim_end_matches('/')) {
        Some(at) if at.contains(':') => Ok(Address::Tcp(at.to_owned())),
        _ => Err(format!(
            "{host:?} is no address of Docker; write unix:///var/run/docker.sock or tcp://HOST:2375"
        )),
    }
}

impl Containers {
    pub fn new(config: &DockerSd, intake: Intake, job: &str) -> Self {
        Self {
            config: Arc::new(config.clone()),
            intake,
            job: job.to_owned(),
            seen: Arc::default(),
        }
    }

    /// Follows until told to stop.
    pub async fn run(self, mut stop: Stop) {
        let mut followed: HashMap<String, JoinHandle<Option<()>>> = HashMap::new();
        while !stop.is_stopped() {
            match self.list().await {
                Ok((docker, all)) => {
                    self.forget(&docker).await;
                    followed.retain(|_, task| !task.is_finished());
                    for listed in all.into_iter().take(MOST) {
                        if followed.contains_key(&listed.id) {
                            continue;
                        }
                        let (of, id) = (self.clone(), listed.id.clone());
                        let following = of.follow(docker.clone(), listed, stop.clone());
                        followed.insert(id, task::spawn("container-logs", following));
                    }
                }
                Err(why) => self.intake.refused(0, &why),
            }
            tokio::select! {
                () = tokio::time::sleep(self.config.refresh) => {}
                () = stop.wait() => {}
            }
        }
        for task in followed.into_values() {
            task.abort();
        }
    }

    /// The containers that run and pass the filters.
    async fn list(&self) -> Result<(Docker, Vec<Listed>), String> {
        let docker = Docker::new(&address(&self.config.host)?).map_err(|e| e.to_string())?;
        let filters: serde_json::Map<String, serde_json::Value> = self
            .config
            .filters
            .iter()
            .map(|(name, values)| (name.clone(), values.clone().into()))
            .collect();
        let filters = serde_json::Value::Object(filters).to_string();
        let path = format!(
            "/containers/json?filters={}",
            percent_encoding::utf8_percent_encode(&filters, percent_encoding::NON_ALPHANUMERIC)
        );
        let all = docker.get(&path).await.map_err(|e| {
            let host = &self.config.host;
            format!("{host}: {e}")
        })?;
        Ok((docker, all))
    }

    /// The places of containers that are no more are not kept.
    async fn forget(&self, docker: &Docker) {
        let head = format!("docker:{}:", self.job);
        let known: Vec<String> = self.intake.sources(&head);
        // Most of the time there is nothing to ask for.
        if known.is_empty() {
            return;
        }
        if let Ok(all) = docker.get::<Vec<Listed>>("/containers/json?all=1").await {
            let gone = |source: &String| !all.iter().any(|l| source.ends_with(&l.id));
            let gone: Vec<String> = known.into_iter().filter(gone).collect();
            let there = |id: &String| all.iter().any(|l| l.id == *id);
            self.seen.lock().retain(|id, _| there(id));
            self.intake.forget(gone).await;
        }
    }

    async fn follow(self, docker: Docker, listed: Listed, mut stop: Stop) {
        let source = format!("docker:{}:{}", self.job, listed.id);
        let reading = self.read(&docker, &listed, &source);
        let read = tokio::select! {
            read = reading => read,
            () = stop.wait() => return,
        };
        if let Err(e) = read {
            let name = listed.names.first().map_or("", String::as_str);
            self.intake.refused(0, &format!("output of {name}: {e}"));
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn read(
        &self,
        docker: &Docker,
        listed: &Listed,
        source: &str,
    ) -> Result<(), DockerError> {
        let id = &listed.id;
        let inspected: Inspected = docker.get(&format!("/containers/{id}/json")).await?;
        let kept = self.intake.position(source);
        let kept = kept.and_then(|p| String::from_utf8(p).ok()?.parse::<i64>().ok());
        let kept = kept.max(self.seen.lock().get(id).copied());
        let since = kept.map_or_else(String::new, |t| {
            // Not every engine takes parts of a second; what was read is passed over below.
            format!("&since={}", t / 1_000_000_000)
        });
        let path = format!("/containers/{id}/logs?follow=1&stdout=1&stderr=1&timestamps=1{since}");
        let mut stream = docker.stream(&path).await?;
        let mut lines = Lines::new(inspected.config.tty);
        let labels = labels(listed);
        let mut newest = kept;
        while let Some(piece) = stream.next().await? {
            lines.push(&piece);
            let mut batch = Vec::new();
            while let Some(line) = lines.next_line() {
                let t = line.timed().0;
                if t.is_some() && t <= kept {
                    continue;
                }
                newest = newest.max(t);
                batch.push(pushed(&line, &labels, newest.map(|t| (source, t))));
            }
            if lines.is_broken() {
                self.intake
                    .refused(0, "a container's output is not in Docker's frames");
                return Ok(());
            }
            if let Some(t) = newest {
                self.seen.lock().insert(id.clone(), t);
            }
            if !batch.is_empty() && self.intake.hand(batch).await.is_err() {
                return Ok(());
            }
        }
        let rest = lines.finish();
        let rest = rest.iter().map(|l| pushed(l, &labels, None)).collect();
        let _ = self.intake.hand(rest).await;
        Ok(())
    }
}

fn pushed(line: &Line, labels: &LabelsBuilder, reached: Option<(&str, i64)>) -> Pushed {
    let (t, text) = line.timed();
    let mut labels = labels.clone();
    let stream = match line.output {
        Output::Stdout => "stdout",
        Output::Stderr => "stderr",
    };
    labels.set("__meta_docker_container_log_stream", stream);
    Pushed {
        labels,
        line: text.to_vec(),
        t,
        metadata: Labels::empty(),
        level: None,
        reached: reached.map(|(source, t)| (source.to_owned(), t.to_string().into_bytes())),
    }
}

/// Promtail's names for what is known of a container.
fn labels(listed: &Listed) -> LabelsBuilder {
    let mut out = LabelsBuilder::default();
    let name = listed.names.first().map_or("", String::as_str);
    for (label, value) in [
        ("__meta_docker_container_id", listed.id.as_str()),
        ("__meta_docker_container_name", name),
        (
            "__meta_docker_container_network_mode",
            &listed.host_config.network_mode,
        ),
    ] {
        out.set(label, value);
    }
    for (name, value) in listed.labels.iter().flatten() {
        let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = name.chars().map(fits).collect();
        out.set(&format!("__meta_docker_container_label_{name}"), value);
    }
    if let Some((name, network)) = listed.network_settings.networks.iter().flatten().next() {
        out.set("__meta_docker_network_name", name);
        out.set("__meta_docker_network_id", &network.id);
        out.set("__meta_docker_network_ip", &network.address);
    }
    if let Some(port) = listed.ports.iter().flatten().next() {
        out.set("__meta_docker_port_private", &port.private_port.to_string());
        if port.public_port > 0 {
            out.set("__meta_docker_port_public", &port.public_port.to_string());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_promtails_labels() {
        let listed: Listed = serde_json::from_str(
            r#"{"Id": "abc", "Names": ["/web"], "Labels": {"logging.jobname": "shop"},
                "HostConfig": {"NetworkMode": "bridge"}, "Ports": null,
                "NetworkSettings": {"Networks": {"bridge": {"NetworkID": "n1", "IPAddress": "172.17.0.2"}}}}"#,
        )
        .unwrap();
        let line = Line {
            output: Output::Stderr,
            bytes: "2023-11-14T22:13:20.000000001Z hello 한글"
                .as_bytes()
                .to_vec(),
        };
        let found = pushed(&line, &labels(&listed), Some(("docker:j:abc", 5)));
        assert_eq!(found.line, "hello 한글".as_bytes());
        assert_eq!(found.t, Some(1_700_000_000_000_000_001));
        let labels = found.labels.finish();
        for (name, value) in [
            ("container_name", "/web"),
            ("container_label_logging_jobname", "shop"),
            ("container_log_stream", "stderr"),
            ("container_network_mode", "bridge"),
            ("network_ip", "172.17.0.2"),
        ] {
            assert_eq!(labels.get(&format!("__meta_docker_{name}")), value);
        }
    }

    #[test]
    fn addresses_are_those_of_docker() {
        for good in [
            "unix:///var/run/docker.sock",
            "tcp://10.0.0.1:2375",
            "http://d:1/",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in ["", "docker", "tcp://host", "ssh://host:22"] {
            assert!(address(bad).unwrap_err().contains("unix://"), "{bad}");
        }
    }
}
