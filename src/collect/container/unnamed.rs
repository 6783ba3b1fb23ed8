//! What files tell of containers that no engine names: Docker's and podman's own records, the links
//! that Kubernetes keeps to its logs, and the host name that a container was given.
//!
//! Nothing here is promised by those who write it, so whatever is not as expected is left out.

use crate::collect::container::docker::known::Container;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of one record.
const MOST: u64 = 4 << 20;
/// Records of one kind.
const MOST_ENTRIES: usize = 10_000;

/// What was read of the records that hold many containers.
#[derive(Debug, Default)]
pub(crate) struct Files {
    root: PathBuf,
    podman: HashMap<String, Container>,
    pods: HashMap<String, Container>,
}

/// `config.v2.json` of Docker, as far as it is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DockerRecord {
    name: String,
    config: DockerConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DockerConfig {
    image: String,
    labels: Option<BTreeMap<String, String>>,
}

/// An entry of podman's `containers.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodmanRecord {
    id: String,
    names: Option<Vec<String>>,
    /// JSON in a text.
    metadata: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodmanMetadata {
    #[serde(rename = "image-name")]
    image: String,
    name: String,
}

impl Files {
    /// `root` is `/`, or a tree with `var` and `proc` in it.
    pub(crate) fn read(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            podman: podman(&root.join("var/lib/containers/storage/overlay-containers")),
            pods: pods(&root.join("var/log/containers")),
        }
    }

    /// A container by its id and one of its processes.
    pub(crate) fn of(&self, id: &str, pid: i32) -> Option<Container> {
        let known = self.podman.get(id).or_else(|| self.pods.get(id)).cloned();
        let known = known.or_else(|| self.docker(id));
        let known = known.or_else(|| self.by_host_name(id, pid))?;
        Some(Container {
            id: id.to_owned(),
            state: "running".to_owned(),
            ..known
        })
    }

    fn docker(&self, id: &str) -> Option<Container> {
        let path = self.root.join("var/lib/docker/containers").join(id);
        let text = bounded(&path.join("config.v2.json"))?;
        let record: DockerRecord = serde_json::from_str(&text).ok()?;
        let name = record.name.trim_start_matches('/').to_owned();
        (!name.is_empty()).then(|| Container {
            name,
            image: record.config.image,
            labels: record.config.labels.unwrap_or_default(),
            ..Container::default()
        })
    }

    /// Only where a person or Kubernetes gave it: engines set the first digits of the id.
    fn by_host_name(&self, id: &str, pid: i32) -> Option<Container> {
        if pid <= 0 {
            return None;
        }
        let path = self.root.join(format!("proc/{pid}/root/etc/hostname"));
        // The file is the container's, which may put anything there.
        if !fs::symlink_metadata(&path).ok()?.is_file() {
            return None;
        }
        let text = bounded(&path)?;
        let name = text.lines().next()?.trim();
        let own = |of: &Path| bounded(of).is_some_and(|t| t.trim() == name);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let given = !name.is_empty() && name.len() <= 253 && name.chars().all(plain);
        // A container in the host's network has the host's name.
        let given = given && !id.starts_with(name) && !own(&self.root.join("etc/hostname"));
        given.then(|| Container {
            name: name.to_owned(),
            ..Container::default()
        })
    }
}

fn podman(folder: &Path) -> HashMap<String, Container> {
    let text = bounded(&folder.join("containers.json")).unwrap_or_default();
    let records: Vec<PodmanRecord> = serde_json::from_str(&text).unwrap_or_default();
    let container = |record: PodmanRecord| {
        let about: PodmanMetadata = serde_json::from_str(&record.metadata).unwrap_or_default();
        let first = record.names.and_then(|n| n.into_iter().next());
        let name = first.unwrap_or(about.name);
        let container = Container {
            name: name.clone(),
            image: about.image,
            ..Container::default()
        };
        (!name.is_empty()).then_some((record.id, container))
    };
    records
        .into_iter()
        .take(MOST_ENTRIES)
        .filter_map(container)
        .collect()
}

/// `POD_NAMESPACE_CONTAINER-ID.log`.
fn pods(folder: &Path) -> HashMap<String, Container> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let container = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let (front, id) = name.strip_suffix(".log")?.rsplit_once('-')?;
        let mut parts = front.splitn(3, '_');
        let (pod, namespace, container) = (parts.next()?, parts.next()?, parts.next()?);
        let label = |n: &str, v: &str| (format!("io.kubernetes.{n}"), v.to_owned());
        let labels = BTreeMap::from([
            label("pod.name", pod),
            label("pod.namespace", namespace),
            label("container.name", container),
        ]);
        let found = Container {
            name: format!("{pod}/{container}"),
            labels,
            ..Container::default()
        };
        (id.len() == 64).then(|| (id.to_owned(), found))
    };
    entries.take(MOST_ENTRIES).filter_map(container).collect()
}

fn bounded(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7c7538533f86fae4d71843af1ba39aaf9c557664111c07311e20dad1748733bf";

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn of(root: &Path) -> Option<Container> {
        Files::read(root).of(ID, 42)
    }

    #[test]
    fn names_stand_in_the_engines_own_records() {
        let root = tempfile::tempdir().unwrap();
        let record = r#"{"Name":"/shop-web-1","Config":{"Image":"web:1","Labels":{"com.docker.compose.project":"shop"}}}"#;
        let path = format!("var/lib/docker/containers/{ID}/config.v2.json");
        write(root.path(), &path, record);
        let found = of(root.path()).unwrap();
        assert_eq!(
            (found.name.as_str(), found.project()),
            ("shop-web-1", Some("shop"))
        );
        write(root.path(), &path, r#"{"Name":7}"#);
        assert_eq!(of(root.path()), None);

        let root = tempfile::tempdir().unwrap();
        let record = format!(
            r#"[{{"id":"{ID}","names":["db"],"metadata":"{{\"image-name\":\"pg:16\"}}"}}]"#
        );
        let path = "var/lib/containers/storage/overlay-containers/containers.json";
        write(root.path(), path, &record);
        let found = of(root.path()).unwrap();
        assert_eq!((found.name.as_str(), found.image.as_str()), ("db", "pg:16"));
    }

    #[test]
    fn a_pods_container_is_named_by_the_link_to_its_log() {
        let root = tempfile::tempdir().unwrap();
        let path = format!("var/log/containers/api-7d9-x2_shop_api-{ID}.log");
        write(root.path(), &path, "");
        let found = of(root.path()).unwrap();
        assert_eq!(found.name, "api-7d9-x2/api");
        assert_eq!(
            (found.project(), found.service()),
            (Some("api-7d9-x2"), Some("api"))
        );
    }

    #[test]
    fn a_host_name_counts_where_somebody_gave_it() {
        let root = tempfile::tempdir().unwrap();
        let path = "proc/42/root/etc/hostname";
        for (name, want) in [
            ("api-7d9-x2\n", Some("api-7d9-x2")),
            (&ID[..12], None),
            ("web1", None),
            ("\u{1b}[2J", None),
            ("", None),
        ] {
            write(root.path(), "etc/hostname", "web1\n");
            write(root.path(), path, name);
            assert_eq!(of(root.path()).map(|c| c.name).as_deref(), want, "{name:?}");
        }
        fs::remove_file(root.path().join(path)).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", root.path().join(path)).unwrap();
        assert_eq!(of(root.path()), None, "a link may lead anywhere");
    }
}
