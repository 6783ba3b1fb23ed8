//! A compose file read for what bongsu would do in place of its services: targets to scrape, log
//! files to follow, listeners to open.
//!
//! Only proposes: what comes out is a configuration file for a person to read, with a reason beside
//! each line, and the services that bongsu makes unnecessary are named.

use crate::config::place::{self, Node, Place, PlaceError};
use std::path::{Component, Path, PathBuf};

/// What was found, as a configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    pub yaml: String,
    /// Services whose work bongsu does, and how.
    pub replaced: Vec<String>,
}

/// Images of exporters, by a part of their name, and the port they answer on.
const EXPORTERS: &[(&str, u16)] = &[
    ("redis_exporter", 9121),
    ("redis-exporter", 9121),
    ("mysqld-exporter", 9104),
    ("mysqld_exporter", 9104),
    ("postgres-exporter", 9187),
    ("postgres_exporter", 9187),
    ("nginx-prometheus-exporter", 9113),
    ("mongodb_exporter", 9216),
    ("mongodb-exporter", 9216),
    ("kafka-exporter", 9308),
    ("elasticsearch-exporter", 9114),
    ("elasticsearch_exporter", 9114),
    ("blackbox-exporter", 9115),
    ("memcached-exporter", 9150),
    ("rabbitmq-exporter", 9419),
];

/// Services that are infrastructure of their own: neither scraped nor replaced.
const OTHERS: &[&str] = &[
    "mysql",
    "mariadb",
    "postgres",
    "redis",
    "mongo",
    "nginx",
    "httpd",
    "traefik",
    "caddy",
    "kafka",
    "zookeeper",
    "rabbitmq",
    "elasticsearch",
    "kibana",
    "minio",
    "certbot",
    "memcached",
];

/// One service, as far as it is looked at.
#[derive(Clone, Debug, Default)]
struct Service {
    name: String,
    /// `container_name`, else the service's: what other containers call it.
    host: String,
    /// The last part of the image, without its tag.
    image: String,
    /// Ports inside the container, published or exposed, in order.
    ports: Vec<u16>,
    /// Inside, and the one outside.
    published: Vec<(u16, u16)>,
    /// Outside and inside.
    volumes: Vec<(PathBuf, String)>,
    spring: bool,
}

/// Reads a compose file; `file` is where it lies, so that relative paths lead somewhere. What lies
/// at a path where nothing `is_there` is proposed as a comment: the compose file may be another
/// server's.
pub fn propose(
    file: &Path,
    text: &str,
    is_there: &dyn Fn(&Path) -> bool,
) -> Result<Proposal, PlaceError> {
    let parsed = place::parse(text);
    if let Some(error) = parsed.errors.into_iter().next() {
        return Err(error);
    }
    let root = parsed.tree.ok_or_else(nothing)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let services = root.get("services").map(|s| read_services(s, folder));
    let services = services.unwrap_or_default();
    if services.is_empty() {
        return Err(nothing());
    }
    let mut out = Out::default();
    for service in &services {
        out.take(service);
    }
    Ok(out.finish(file, is_there))
}

fn nothing() -> PlaceError {
    PlaceError {
        place: Place::default(),
        text: "there are no services here: is it a compose file?".to_owned(),
    }
}

fn read_services(node: &Node, folder: &Path) -> Vec<Service> {
    let read = |e: &place::Entry| {
        let text = |key: &str| e.value.get(key).and_then(Node::text).unwrap_or_default();
        let image = text("image");
        let image = image.rsplit('/').next().unwrap_or_default();
        let image = image.split([':', '@']).next().unwrap_or_default();
        let host = text("container_name");
        let mut service = Service {
            name: e.key.clone(),
            host: if host.is_empty() {
                e.key.clone()
            } else {
                host.to_owned()
            },
            image: image.to_ascii_lowercase(),
            ..Service::default()
        };
        for port in e.value.get("ports").map_or(&[][..], Node::items) {
            if let Some((inside, outside)) = read_port(port) {
                service.ports.push(inside);
                service.published.extend(outside.map(|o| (inside, o)));
            }
        }
        for port in e.value.get("expose").map_or(&[][..], Node::items) {
            service
                .ports
                .extend(port.text().and_then(|t| t.parse::<u16>().ok()));
        }
        for volume in e.value.get("volumes").map_or(&[][..], Node::items) {
            service.volumes.extend(read_volume(volume, folder));
        }
        service.spring = speaks_spring(&e.value);
        service
    };
    node.entries().iter().take(1_000).map(read).collect()
}

/// `8080`, `8080:80`, `127.0.0.1:8080:80/tcp`, or the long form.
fn read_port(node: &Node) -> Option<(u16, Option<u16>)> {
    let number = |text: &str| text.trim().parse::<u16>().ok();
    if let Some(target) = node.get("target").and_then(Node::text) {
        let outside = node.get("published").and_then(Node::text);
        return Some((number(target)?, outside.and_then(number)));
    }
    let text = node.text()?;
    let text = text.split('/').next().unwrap_or(text);
    let mut parts = text.rsplit(':');
    let inside = number(parts.next()?)?;
    Some((inside, parts.next().and_then(number)))
}

/// A folder of the host that a container sees; named volumes are none.
fn read_volume(node: &Node, folder: &Path) -> Option<(PathBuf, String)> {
    let (source, target) = if let Some(text) = node.text() {
        text.split_once(':')?
    } else {
        (node.get("source")?.text()?, node.get("target")?.text()?)
    };
    let target = target.split(':').next().unwrap_or(target);
    let path = Path::new(source);
    let source = match source {
        s if s.starts_with('/') => path.to_owned(),
        s if s.starts_with("./") || s.starts_with("../") => plain(&folder.join(path)),
        _ => return None,
    };
    Some((source, target.trim_end_matches('/').to_owned()))
}

/// Without `.` in the middle.
fn plain(path: &Path) -> PathBuf {
    let parts = path.components().filter(|c| *c != Component::CurDir);
    parts.collect()
}

/// Spring says so in the environment of its services.
fn speaks_spring(service: &Node) -> bool {
    let Some(environment) = service.get("environment") else {
        return false;
    };
    let named = environment.entries().iter().map(|e| e.key.as_str());
    let listed = environment.items().iter().filter_map(Node::text);
    named.chain(listed).any(|name| name.starts_with("SPRING_"))
}

/// What is proposed, by section.
#[derive(Default)]
struct Out {
    include: Vec<PathBuf>,
    scrape: Vec<String>,
    logs: Vec<String>,
    listeners: Vec<String>,
    replaced: Vec<String>,
}

impl Out {
    fn take(&mut self, service: &Service) {
        let known = self.replace(service);
        if !known {
            self.scrape_service(service);
        }
        if !known || service.image.contains("promtail") {
            self.follow_logs(service);
        }
    }

    /// True where bongsu does the service's work, or is no concern of it.
    fn replace(&mut self, service: &Service) -> bool {
        let image = service.image.as_str();
        let how = match image {
            "prometheus" => {
                for (outside, inside) in &service.volumes {
                    if inside == "/etc/prometheus" {
                        self.include.push(outside.join("prometheus.yml"));
                    } else if inside.starts_with("/etc/prometheus/") {
                        self.include.push(outside.clone());
                    }
                }
                "its configuration is taken as it is (include), its API is bongsu's"
            }
            "node-exporter" | "node_exporter" => {
                "bongsu reads this server itself, under the same names"
            }
            "cadvisor" => "bongsu reads the containers itself, under the same names",
            "promtail" | "alloy" | "fluent-bit" => "bongsu follows the files itself",
            "loki" => "logs are kept and asked here",
            "tempo" | "jaeger" | "zipkin" => {
                self.listen(service);
                "spans are to be received here"
            }
            "alertmanager" => "alerts are routed here",
            "grafana" | "grafana-oss" | "grafana-enterprise" => {
                "the console shows the numbers; Grafana can go on with http://HOST:9470 as its source"
            }
            _ if OTHERS.contains(&image) => return true,
            _ => return false,
        };
        self.replaced
            .push(format!("{} ({image}): {how}", service.name));
        true
    }

    /// The ports on which applications reach a trace store now.
    fn listen(&mut self, service: &Service) {
        for (inside, key) in [(4317, "otlp_grpc"), (4318, "otlp_http"), (9411, "zipkin")] {
            if service.ports.contains(&inside) {
                let found = service.published.iter().find(|(i, _)| *i == inside);
                let port = found.map_or(inside, |(_, outside)| *outside);
                let way = if port == inside {
                    String::new()
                } else {
                    format!(", published as {port}")
                };
                let name = &service.name;
                self.listeners.push(format!(
                    "{key}: containers:{inside}  # {name} listened there{way}"
                ));
            }
        }
    }

    fn scrape_service(&mut self, service: &Service) {
        let exporter = EXPORTERS
            .iter()
            .find(|(part, _)| service.image.contains(part));
        let (port, path, why) = if let Some((_, port)) = exporter {
            (
                service.ports.first().copied().unwrap_or(*port),
                "",
                "an exporter",
            )
        } else if service.spring {
            let port = service.ports.first().copied().unwrap_or(8080);
            (
                port,
                "/actuator/prometheus",
                "Spring; needs Actuator with micrometer-registry-prometheus",
            )
        } else if let Some(port) = service
            .ports
            .iter()
            .find(|p| matches!(p, 8080 | 8081 | 8443))
        {
            (
                *port,
                "/actuator/prometheus",
                "looks like an application; is this the path of its metrics?",
            )
        } else {
            return;
        };
        let mut job = format!("  # {why}\n  - job_name: {}\n", yaml_text(&service.name));
        if !path.is_empty() {
            job.push_str(&format!("    metrics_path: {path}\n"));
        }
        let target = yaml_text(&format!("{}:{port}", service.host));
        job.push_str(&format!(
            "    static_configs:\n      - targets: [{target}]\n"
        ));
        self.scrape.push(job);
    }

    /// Folders of logs that lie on the host.
    fn follow_logs(&mut self, service: &Service) {
        for (outside, inside) in &service.volumes {
            let last = |text: &str| {
                text.rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_ascii_lowercase()
            };
            let is_log = |name: &str| matches!(name, "log" | "logs") || name.ends_with("-logs");
            let outer = outside.to_string_lossy();
            if !is_log(&last(&outer)) && !is_log(&last(inside)) {
                continue;
            }
            let path = yaml_path(&outside.join("*.log"));
            if !self.logs.iter().any(|l| l.contains(&path)) {
                let name = yaml_text(&service.name);
                self.logs.push(format!(
                    "    - job_name: {name}\n      static_configs:\n        - targets: [localhost]\n          labels: {{job: {name}, __path__: {path}}}\n"
                ));
            }
        }
    }

    fn finish(self, file: &Path, is_there: &dyn Fn(&Path) -> bool) -> Proposal {
        let mut yaml = format!(
            "# Proposed from {}. Nothing was changed; look at it, then: bongsu --config THIS_FILE\n",
            crate::base::text::display(&file.display().to_string())
        );
        for said in &self.replaced {
            yaml.push_str(&format!("# No longer needed: {said}.\n"));
        }
        let found = self.include.iter().find(|path| is_there(path));
        if let Some(prometheus) = found.or(self.include.first()) {
            let (said, hash) = match found {
                Some(_) => ("", ""),
                None => (
                    "# It is not there on this server; without the hashes once it is:\n",
                    "#",
                ),
            };
            let path = yaml_path(prometheus);
            yaml.push_str(&format!(
                "{said}{hash}include:\n{hash}  prometheus: {path}\n"
            ));
        }
        if !self.scrape.is_empty() {
            yaml.push_str("# Containers are reached by their names, also when their addresses change.\nscrape_configs:\n");
            self.scrape.iter().for_each(|job| yaml.push_str(job));
        }
        if !self.logs.is_empty() {
            yaml.push_str("logs:\n  scrape_configs:\n");
            self.logs.iter().for_each(|job| yaml.push_str(job));
        }
        if !self.listeners.is_empty() {
            yaml.push_str(
                "# Reached from containers under the gateway of their network.\ntraces:\n",
            );
            for listener in &self.listeners {
                yaml.push_str(&format!("  {listener}\n"));
            }
        }
        Proposal {
            yaml,
            replaced: self.replaced,
        }
    }
}

fn yaml_path(path: &Path) -> String {
    yaml_text(&path.display().to_string())
}

/// Plain where YAML takes it so, else in quotes.
fn yaml_text(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    let port = text.rsplit_once(':').is_some_and(|(h, p)| {
        h.chars().all(safe)
            && !h.is_empty()
            && !p.is_empty()
            && p.bytes().all(|b| b.is_ascii_digit())
    });
    let word = text.bytes().any(|b| b.is_ascii_alphabetic()) && text.chars().all(safe);
    let reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if starts && (word || port) && !reserved.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''").replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn yaml(text: &str) -> String {
        let all = |_: &Path| true;
        propose(Path::new("/srv/compose.yml"), text, &all)
            .unwrap()
            .yaml
    }

    #[test]
    fn applications_are_scraped_by_the_name_containers_use() {
        let text = yaml(
            "services:\n  api:\n    container_name: shop-api\n    image: r.example.com/shop/api:1.2\n    ports: ['127.0.0.1:9000:8080/tcp']\n    environment: [SPRING_PROFILES_ACTIVE=dev]\n  cache:\n    image: oliver006/redis_exporter\n",
        );
        assert!(text.contains("targets: [shop-api:8080]"), "{text}");
        assert!(text.contains("metrics_path: /actuator/prometheus"));
        assert!(text.contains("targets: [cache:9121]"));
    }

    #[test]
    fn what_bongsu_does_itself_is_named() {
        let text = "services:\n  prom:\n    image: prom/prometheus\n    volumes: ['./mon:/etc/prometheus']\n  n:\n    image: prom/node-exporter:v1\n    ports: [9100]\n  db: {image: mysql:8, ports: ['3306:3306']}\n";
        let read = |is_there: &dyn Fn(&Path) -> bool| {
            propose(Path::new("/srv/compose.yml"), text, is_there).unwrap()
        };
        let proposal = read(&|_| true);
        assert_eq!(proposal.replaced.len(), 2);
        let elsewhere = read(&|_| false).yaml;
        assert!(
            elsewhere.contains("\n#include:\n#  prometheus: /srv/mon"),
            "{elsewhere}"
        );
        assert!(
            proposal
                .yaml
                .contains("prometheus: /srv/mon/prometheus.yml"),
            "{}",
            proposal.yaml
        );
        assert!(!proposal.yaml.contains("scrape_configs"));
    }

    #[test]
    fn log_folders_are_followed_where_the_host_has_them() {
        let text = yaml(
            "services:\n  api:\n    image: api\n    volumes:\n      - /home/ec2-user/backend/log:/app/log\n      - data:/data\n      - {type: bind, source: ../logs, target: /x}\n  promtail:\n    image: grafana/promtail\n    volumes: ['/home/ec2-user/backend/log:/log']\n",
        );
        assert_eq!(
            text.matches("/home/ec2-user/backend/log/*.log").count(),
            1,
            "{text}"
        );
        assert!(text.contains("/srv/../logs/*.log"), "{text}");
    }

    #[test]
    fn what_is_no_compose_file_is_said() {
        let error = propose(Path::new("x"), "scrape_configs: []\n", &|_| true).unwrap_err();
        assert!(error.text.contains("no services"));
    }

    proptest! {
        #[test]
        fn any_names_come_out_as_yaml(
            name in "[a-z가-힣'\"{}:#*&! -]{1,12}",
            host in "[a-zA-Z0-9 :'{}]{1,10}",
        ) {
            let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
            let text = format!("services:\n  {}:\n    image: x\n    container_name: {}\n    ports: [8080]\n", quoted(&name), quoted(&host));
            if let Ok(proposal) = propose(Path::new("/c.yml"), &text, &|_| true) {
                let parsed = place::parse(&proposal.yaml);
                prop_assert!(parsed.errors.is_empty(), "{}\n{:?}", proposal.yaml, parsed.errors);
            }
        }

        #[test]
        fn any_text_is_read_without_harm(text in "(services:\n)?[a-z: \n\\[\\]{}'-]{0,120}") {
            let _ = propose(Path::new("/c.yml"), &text, &|_| true);
        }
    }
}
