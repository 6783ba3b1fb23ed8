//! Which cgroup paths are containers, and whose.

/// A container as its cgroup path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    /// 64 hexadecimal digits.
    pub(crate) id: &'a str,
    /// The path up to and with the component that holds the id.
    pub(crate) path: &'a str,
    /// `docker`, `podman`, `containerd`, `cri-o`; empty where the path does not say.
    pub(crate) runtime: &'static str,
    /// The pod's uid under Kubernetes, with dashes.
    pub(crate) pod: Option<String>,
}

/// What stands before the id in a component, and whose it is.
const PREFIXES: &[(&str, &str)] = &[
    ("", ""),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("cri-containerd", "containerd"),
    ("nerdctl", "containerd"),
    ("crio", "cri-o"),
];

/// The first component of a path that is a container: `docker/<id>`, `docker-<id>.scope`,
/// `libpod-<id>`, `cri-containerd-<id>.scope`, `kubepods/pod<uid>/<id>`, `...:cri-containerd:<id>`.
/// A runtime's own monitor (`libpod-conmon-<id>.scope`) is none.
pub(crate) fn of_path(path: &str) -> Option<Named<'_>> {
    let mut end = 0;
    let mut above = "";
    let mut pod = None;
    for component in path.split('/') {
        end += component.len();
        if let Some((id, prefix)) = of_component(component) {
            let by_prefix = PREFIXES.iter().find(|(p, _)| *p == prefix);
            let runtime = by_prefix.map_or("", |(_, runtime)| *runtime);
            let runtime = match above {
                "docker" if runtime.is_empty() => "docker",
                "libpod_parent" if runtime.is_empty() => "podman",
                _ => runtime,
            };
            return Some(Named {
                id,
                path: &path[..end],
                runtime,
                pod,
            });
        }
        pod = pod_of(component).or(pod);
        above = component;
        end += 1;
    }
    None
}

/// The id in one component, and the word before it.
pub(crate) fn of_component(component: &str) -> Option<(&str, &str)> {
    let stem = component.strip_suffix(".scope").unwrap_or(component);
    let at = stem.len().checked_sub(64)?;
    let id = stem.get(at..)?;
    if !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let before = stem.get(..at)?;
    let prefix = before.strip_suffix(['-', ':']).unwrap_or(before);
    // `kubepods-pod1.slice:cri-containerd:<id>` names the runtime last.
    let prefix = prefix.rsplit(':').next().unwrap_or(prefix);
    let known = PREFIXES.iter().any(|(p, _)| *p == prefix);
    known.then_some((id, prefix))
}

/// `pod<uid>` and `kubepods-burstable-pod<uid_with_underscores>.slice`.
fn pod_of(component: &str) -> Option<String> {
    let stem = component.strip_suffix(".slice").unwrap_or(component);
    let at = if stem.starts_with("pod") {
        0
    } else {
        stem.find("-pod").map(|at| at + 1)?
    };
    let uid = stem[at + 3..].replace('_', "-");
    let whole = uid.len() >= 32 && uid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    whole.then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7c7538533f86fae4d71843af1ba39aaf9c557664111c07311e20dad1748733bf";

    #[test]
    fn runtimes_are_known_by_their_paths() {
        for (path, runtime) in [
            ("/docker/ID", "docker"),
            ("/system.slice/docker-ID.scope", "docker"),
            ("/libpod_parent/libpod-ID", "podman"),
            ("/machine.slice/libpod-ID.scope", "podman"),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope",
                "podman",
            ),
            (
                "/kubepods.slice/kubepods-pod1.slice/cri-containerd-ID.scope",
                "containerd",
            ),
            (
                "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID",
                "containerd",
            ),
            ("/kubepods/besteffort/crio-ID", "cri-o"),
            ("/kubepods/burstable/pod3d1d7a9e/ID", ""),
            ("/default/ID", ""),
        ] {
            let text = path.replace("ID", ID);
            // What lies deeper belongs to the container.
            let deep = format!("{text}/init.scope");
            let named = of_path(&deep).unwrap();
            assert_eq!((named.id, named.path, named.runtime), (ID, &*text, runtime));
        }
    }

    #[test]
    fn what_is_no_container_is_none() {
        for path in [
            "/",
            "",
            "/user.slice/session-1.scope",
            "/machine.slice/libpod-conmon-ID.scope",
            "/crio-conmon-ID.scope",
            "/docker/IDff",
            "/docker/한글한글한글한글한글한글한글한글한글한글한글한글한글한글한글한글한글한글한글한글한글한글",
        ] {
            assert_eq!(of_path(&path.replace("ID", ID)), None, "{path}");
        }
    }

    #[test]
    fn a_pod_is_known_by_its_uid() {
        let uid = "3d1d7a9e-5a5f-4a1d-9d3f-0123456789ab";
        let plain = format!("/kubepods/burstable/pod{uid}/{ID}");
        let sliced = format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/crio-{ID}.scope",
            uid.replace('-', "_")
        );
        for path in [plain, sliced] {
            assert_eq!(of_path(&path).unwrap().pod.as_deref(), Some(uid));
        }
    }
}
