//! Where the hierarchies are mounted, and which of their directories are containers.

use crate::collect::container::docker::known::Container;
use crate::collect::container::id;
use crate::collect::container::unnamed;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Directories looked at in one walk, and levels below the root of a hierarchy.
const MOST_DIRECTORIES: usize = 50_000;
const MOST_LEVELS: usize = 12;
/// Containers of one machine, at most.
const MOST_CONTAINERS: usize = 5_000;

/// The controllers that are read. The places in [`Place::controllers`] follow it.
const CONTROLLERS: [&str; 5] = ["cpu", "cpuacct", "memory", "blkio", "pids"];

/// A directory of one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) v2: bool,
}

/// One container's cgroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// 64 hexadecimal digits.
    pub id: String,
    /// The cgroup path: cAdvisor's label `id`.
    pub path: String,
    /// As the path tells it: `docker`, `podman`, `containerd`, `cri-o` or empty.
    pub runtime: &'static str,
    /// The pod's uid under Kubernetes.
    pub pod: Option<String>,
    /// A process of the container; 0 where none could be seen.
    pub pid: i32,
    /// When the cgroup was made, milliseconds since the epoch; as far as it can be seen: a group
    /// made inside it later changes what the kernel tells, so the first look counts.
    pub made: i64,
    /// It shares the host's network, whose counters are not its own.
    pub host_network: bool,
    /// What files tell of it where no engine does, and whether they were looked at.
    pub(crate) files_say: Option<Arc<Container>>,
    files_asked: bool,
    /// Where it was found, and the number that the kernel gave it.
    directory: PathBuf,
    inode: u64,
    controllers: [Directory; 5],
}

impl Place {
    /// A place without directories.
    #[cfg(test)]
    pub(crate) fn at(path: &str, id: &str) -> Self {
        let nowhere = Directory {
            path: PathBuf::new(),
            v2: true,
        };
        Self {
            id: id.to_owned(),
            path: path.to_owned(),
            runtime: "",
            pod: None,
            pid: 0,
            made: 0,
            host_network: false,
            files_say: None,
            files_asked: false,
            directory: PathBuf::new(),
            inode: 0,
            controllers: std::array::from_fn(|_| nowhere.clone()),
        }
    }

    /// What files tell of it, where no engine does.
    pub(crate) fn container(&self) -> Option<&Arc<Container>> {
        self.files_say.as_ref()
    }

    pub(crate) fn cpu(&self) -> &Directory {
        &self.controllers[0]
    }

    pub(crate) fn cpuacct(&self) -> &Directory {
        &self.controllers[1]
    }

    pub(crate) fn memory(&self) -> &Directory {
        &self.controllers[2]
    }

    pub(crate) fn blkio(&self) -> &Directory {
        &self.controllers[3]
    }

    pub(crate) fn pids(&self) -> &Directory {
        &self.controllers[4]
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// The cgroup hierarchies of one machine.
#[derive(Debug)]
pub struct Cgroups {
    /// `/`, or a tree with `proc` and `sys` in it.
    root: PathBuf,
    v2: Option<PathBuf>,
    /// v1's hierarchy of each of [`CONTROLLERS`], where it has one.
    v1: [Option<PathBuf>; 5],
    places: Vec<Place>,
}

impl Cgroups {
    /// `root` is `/`, or a tree with `proc/self/mounts`, `proc/PID` and what is mounted in it.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let mounts = fs::read_to_string(root.join("proc/self/mounts")).unwrap_or_default();
        let mut v2 = None;
        let mut v1 = [const { None }; 5];
        for line in mounts.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, at, kind, options, ..] = words[..] else {
                continue;
            };
            let dir = root.join(at.trim_start_matches('/'));
            match kind {
                "cgroup2" => v2 = v2.or(Some(dir)),
                "cgroup" => {
                    for (place, name) in v1.iter_mut().zip(CONTROLLERS) {
                        if place.is_none() && options.split(',').any(|o| o == name) {
                            *place = Some(dir.clone());
                        }
                    }
                }
                _ => {}
            }
        }
        Self {
            root,
            v2,
            v1,
            places: Vec::new(),
        }
    }

    pub fn of_this_machine() -> Self {
        Self::new("/")
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// False where no hierarchy is mounted: nothing can be measured.
    pub fn mounted(&self) -> bool {
        self.v2.is_some() || self.v1.iter().any(Option::is_some)
    }

    /// What the last [`Cgroups::look`] found, by id.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Walks the hierarchies. A container without a process is still one while its cgroup stands.
    pub fn look(&mut self) {
        let mut found = BTreeMap::new();
        let before = std::mem::take(&mut self.places);
        let host = network(&self.root.join("proc/1"));
        let host = host.or_else(|| network(&self.root.join("proc/self")));
        // Of v1 one hierarchy is enough; v2 may hold more (rootless engines), or nothing.
        let first = [2, 4, 1, 0, 3].into_iter().find_map(|i| self.v1[i].clone());
        for (dir, v2) in first
            .map(|d| (d, false))
            .into_iter()
            .chain(self.v2.clone().map(|d| (d, true)))
        {
            walk(&dir, &mut |path, named| {
                if found.len() >= MOST_CONTAINERS || found.contains_key(named.id) {
                    return;
                }
                let inode = fs::metadata(path).map_or(0, |m| m.ino());
                let pid = first_process(path, 3).unwrap_or(0);
                let at = before.binary_search_by(|p| p.id.as_str().cmp(named.id));
                let same = at.ok().map(|at| &before[at]);
                let same = same
                    .filter(|p| (p.inode, p.pid) == (inode, pid) && p.directory == path && pid > 0);
                let place = same
                    .cloned()
                    .unwrap_or_else(|| self.place(&named, path, (v2, pid, host.as_deref())));
                found.insert(named.id.to_owned(), place);
            });
        }
        self.places = found.into_values().collect();
    }

    /// Asks files for the names of those that no engine names; of each container once.
    pub(crate) fn ask_files(&mut self, is_named: impl Fn(&str) -> bool) {
        let nameless = |p: &&mut Place| !p.files_asked && !is_named(&p.id);
        let mut asked: Vec<&mut Place> = self.places.iter_mut().filter(nameless).collect();
        if asked.is_empty() {
            return;
        }
        let files = unnamed::Files::read(&self.root);
        for place in &mut asked {
            place.files_say = files.of(&place.id, place.pid).map(Arc::new);
            place.files_asked = true;
        }
    }

    fn place(
        &self,
        named: &id::Named<'_>,
        directory: &Path,
        (v2, pid, host): (bool, i32, Option<&Path>),
    ) -> Place {
        let process = self.root.join(format!("proc/{pid}"));
        let own = fs::read_to_string(process.join("cgroup")).unwrap_or_default();
        let under = |hierarchy: &Path, path: &str| hierarchy.join(path.trim_start_matches('/'));
        let controllers = std::array::from_fn(|i| {
            let told = path_in(&own, CONTROLLERS[i], named.id);
            if let Some(hierarchy) = &self.v1[i] {
                let path = under(hierarchy, told.unwrap_or(named.path));
                if path.is_dir() {
                    return Directory { path, v2: false };
                }
            }
            let told = path_in(&own, "", named.id).unwrap_or(named.path);
            let path = match &self.v2 {
                Some(hierarchy) if !v2 => under(hierarchy, told),
                _ => directory.to_owned(),
            };
            Directory { path, v2: true }
        });
        let about = fs::metadata(directory).ok();
        Place {
            id: named.id.to_owned(),
            path: named.path.to_owned(),
            runtime: named.runtime,
            pod: named.pod.clone(),
            pid,
            made: about.as_ref().map_or(0, |m| m.mtime() * 1000),
            host_network: host.is_some() && network(&process).as_deref() == host,
            files_say: None,
            files_asked: false,
            directory: directory.to_owned(),
            inode: about.map_or(0, |m| m.ino()),
            controllers,
        }
    }
}

/// The network that a process is in.
fn network(process: &Path) -> Option<PathBuf> {
    fs::read_link(process.join("ns/net")).ok()
}

/// The path of a controller in `/proc/PID/cgroup` (`""` is v2's line), cut after the container.
fn path_in<'a>(cgroup: &'a str, controller: &str, id: &str) -> Option<&'a str> {
    cgroup.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let named = id::of_path(path)?;
        (controllers.split(',').any(|c| c == controller) && named.id == id).then_some(named.path)
    })
}

/// The first process in a cgroup or below it: v2 keeps none in inner nodes.
fn first_process(directory: &Path, levels: usize) -> Option<i32> {
    let procs = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let first = procs.lines().find_map(|l| l.trim().parse::<i32>().ok());
    // A process of another pid namespace reads as 0.
    if let Some(pid) = first.filter(|pid| *pid > 0) {
        return Some(pid);
    }
    if levels == 0 {
        return None;
    }
    let below = subdirectories(directory);
    below
        .iter()
        .take(64)
        .find_map(|d| first_process(d, levels - 1))
}

/// The numbers of all processes in a container, at most so many.
pub fn processes(place: &Place) -> Vec<i32> {
    const MOST: usize = 10_000;
    let mut out = Vec::new();
    let mut waiting = vec![place.directory.clone()];
    while let Some(directory) = waiting.pop() {
        let procs = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
        out.extend(procs.lines().filter_map(|l| l.trim().parse::<i32>().ok()));
        if out.len() >= MOST || waiting.len() >= MOST {
            break;
        }
        waiting.extend(subdirectories(&directory));
    }
    out.sort_unstable();
    out.truncate(MOST);
    out
}

fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_dir = |e: &fs::DirEntry| e.file_type().is_ok_and(|t| t.is_dir());
    entries.filter(is_dir).map(|e| e.path()).collect()
}

/// Calls `see` for every directory that is a container; what lies in one belongs to it.
fn walk(hierarchy: &Path, see: &mut impl FnMut(&Path, id::Named<'_>)) {
    let mut waiting = vec![(hierarchy.to_owned(), 0)];
    let mut seen = 0;
    while let Some((directory, level)) = waiting.pop() {
        for below in subdirectories(&directory) {
            seen += 1;
            if seen > MOST_DIRECTORIES {
                return;
            }
            let name = below.file_name().and_then(|n| n.to_str()).unwrap_or("");
            if id::of_component(name).is_none() {
                if level < MOST_LEVELS {
                    waiting.push((below, level + 1));
                }
                continue;
            }
            let Some(path) = below.strip_prefix(hierarchy).ok().and_then(Path::to_str) else {
                continue;
            };
            let path = format!("/{path}");
            if let Some(named) = id::of_path(&path) {
                see(&below, named);
            }
        }
    }
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

    #[test]
    fn each_controller_is_found_on_its_own_hierarchy() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let mounts = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n\
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        write(root, "proc/self/mounts", mounts);
        let memory = format!("sys/fs/cgroup/memory/libpod_parent/libpod-{ID}");
        write(root, &format!("{memory}/cgroup.procs"), "12\n13\n");
        // On the other hierarchy the engine's own service holds it.
        let unified = format!("sys/fs/cgroup/unified/machine.slice/libpod-{ID}.scope");
        write(root, &format!("{unified}/container/cgroup.procs"), "12\n");
        let own = format!(
            "4:memory:/libpod_parent/libpod-{ID}\n0::/machine.slice/libpod-{ID}.scope/container\n"
        );
        write(root, "proc/12/cgroup", &own);
        let mut cgroups = Cgroups::new(root);
        cgroups.look();
        let [place] = cgroups.places() else {
            panic!("{:?}", cgroups.places())
        };
        assert_eq!((place.pid, place.runtime), (12, "podman"));
        assert_eq!(place.path, format!("/libpod_parent/libpod-{ID}"));
        assert_eq!(place.memory().path, root.join(memory));
        assert!(!place.memory().v2 && place.cpu().v2 && place.pids().v2);
        assert_eq!(place.cpu().path, root.join(unified));
        assert!(!place.host_network);
    }

    #[test]
    fn a_process_deeper_in_the_container_is_found() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(
            root,
            "proc/self/mounts",
            "none /sys/fs/cgroup cgroup2 rw 0 0\n",
        );
        let dir = format!("sys/fs/cgroup/system.slice/docker-{ID}.scope");
        write(root, &format!("{dir}/cgroup.procs"), "");
        write(root, &format!("{dir}/init.scope/cgroup.procs"), "77\n");
        let mut cgroups = Cgroups::new(root);
        cgroups.look();
        assert_eq!(cgroups.places()[0].pid, 77);
        assert_eq!(processes(&cgroups.places()[0]), [77]);
        fs::remove_dir_all(root.join(&dir)).unwrap();
        cgroups.look();
        assert_eq!(cgroups.places(), []);
    }

    #[test]
    fn a_machine_without_cgroups_is_known() {
        let root = tempfile::tempdir().unwrap();
        assert!(!Cgroups::new(root.path()).mounted());
    }
}
