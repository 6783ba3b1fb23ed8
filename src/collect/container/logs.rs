//! What containers write, into the store of logs.
//!
//! A container's output is read where it is cheapest: the engine's own file where this process may
//! open it (Docker's `json-file`, podman's `k8s-file`), read as any other log file is, by a job that
//! is made here; else through the engine's API, by [`stream`] and [`keep`]. Either way a line has
//! the labels `job="containers"`, `container`, `stream`, and of compose `compose_project` and
//! `compose_service`; stack traces are joined; and after a restart reading goes on behind the last
//! line that was stored.

pub(crate) mod keep;
pub(crate) mod stream;

use crate::base::clock::Duration;
use crate::base::regex::LineRegex;
use crate::collect::container::cgroup::Place;
use crate::collect::container::docker::address::Address;
use crate::collect::container::docker::known::{Container, Known};
use crate::config::logs::LogJob;
use crate::config::logs::stages::{Cri, Multiline, Stage};
use crate::config::targets::TargetGroup;
use crate::model::labels::Labels;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The label `job` of all of it.
pub const JOB: &str = "containers";
/// Containers whose output is read.
const MOST: usize = 2_000;
/// A line that begins so goes on with the one before: white space, the cause of an exception, the
/// count of frames in common. What this does not match is joined.
const BEGINS: &str =
    r"^(?:[^\sC.]|C(?:[^a]|$)|Ca(?:[^u]|$)|Cau(?:[^s]|$)|Caus(?:[^e]|$)|\.(?:[^.]|$))";
/// A stack trace waits so long for its next line.
const WAIT: Duration = Duration::from_secs(1);
const MOST_LINES: usize = 512;

/// The form of an engine's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Lines of JSON.
    Docker,
    /// `TIME STREAM FLAGS TEXT`.
    Cri,
}

impl Form {
    /// By the name of the file: podman tells Docker's word for its own driver.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        if name.ends_with("-json.log") {
            Some(Self::Docker)
        } else {
            (name == "ctr.log").then_some(Self::Cri)
        }
    }
}

/// How the output of all containers is read now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Files, as jobs for the reader of log files.
    pub jobs: Vec<LogJob>,
    /// Those that are asked of their engine.
    pub streamed: Vec<Streamed>,
    /// Ids of all whose output is read.
    pub read: Vec<String>,
}

/// A container whose output its engine is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Streamed {
    pub at: Address,
    pub container: Arc<Container>,
}

/// Decides for each container, by what this process may open.
pub fn plan(known: &Known, places: &[Place]) -> Plan {
    decide(known, places, |path| File::open(path).is_ok())
}

/// `readable` tells whether this process may open a file.
fn decide(known: &Known, places: &[Place], readable: impl Fn(&Path) -> bool) -> Plan {
    let mut out = Plan::default();
    let mut groups: [Vec<TargetGroup>; 2] = Default::default();
    let mut file = |container: &Container, path: &Path| {
        let Some(form) = Form::of(path).filter(|_| readable(path)) else {
            return false;
        };
        groups[form as usize].push(group(container, path));
        true
    };
    for (engine, container) in known.containers().take(MOST) {
        let by_file = !container.log_path.is_empty() && {
            let path = PathBuf::from(&container.log_path);
            file(container, &path)
        };
        let streamed = engine.at.clone().filter(|_| !by_file && container.is_up());
        if by_file || streamed.is_some() {
            out.read.push(container.id.clone());
        }
        out.streamed.extend(streamed.map(|at| Streamed {
            at,
            container: container.clone(),
        }));
    }
    for place in places.iter().take(MOST) {
        if known.by_id(&place.id).is_some() {
            continue;
        }
        let nameless = Container {
            name: place.id.get(..12).unwrap_or(&place.id).to_owned(),
            ..Container::default()
        };
        let container = place.container().map_or(&nameless, |c| c);
        if usual_files(&place.id)
            .iter()
            .any(|path| file(container, path))
        {
            out.read.push(place.id.clone());
        }
    }
    let [docker, cri] = groups;
    let jobs = [(docker, Stage::Docker), (cri, Stage::Cri(Cri::default()))];
    let jobs = jobs.into_iter().filter(|(groups, _)| !groups.is_empty());
    out.jobs = jobs.map(|(groups, stage)| job(groups, stage)).collect();
    out
}

/// Where Docker and podman keep the output of a container.
fn usual_files(id: &str) -> [PathBuf; 2] {
    [
        format!("/var/lib/docker/containers/{id}/{id}-json.log").into(),
        format!("/var/lib/containers/storage/overlay-containers/{id}/userdata/ctr.log").into(),
    ]
}

fn job(groups: Vec<TargetGroup>, stage: Stage) -> LogJob {
    let kind = match stage {
        Stage::Docker => "json-file",
        _ => "k8s-file",
    };
    let join = LineRegex::new(BEGINS).ok().map(|firstline| {
        Stage::Multiline(Multiline {
            firstline,
            max_wait: WAIT,
            max_lines: MOST_LINES,
        })
    });
    LogJob {
        name: format!("{JOB} ({kind})"),
        groups,
        stages: [stage].into_iter().chain(join).collect(),
        ..LogJob::default()
    }
}

fn group(container: &Container, path: &Path) -> TargetGroup {
    // A pattern is what is in braces and brackets: engines name their files without them.
    let path = path.to_string_lossy();
    let labels = labels(container);
    let labels = labels.iter().chain([("__path__", &*path)]);
    TargetGroup {
        targets: Vec::new(),
        labels: Labels::from_pairs(labels),
    }
}

/// Without `stream`.
fn labels(container: &Container) -> Labels {
    let project = container.project().unwrap_or_default();
    let service = container.service().unwrap_or_default();
    let all = [
        ("job", JOB),
        ("container", container.name.as_str()),
        ("compose_project", project),
        ("compose_service", service),
    ];
    Labels::from_pairs(all.into_iter().filter(|(_, value)| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::container::docker::known::Engine;

    fn container(name: &str, path: &str, state: &str) -> Arc<Container> {
        Arc::new(Container {
            id: name.repeat(64).chars().take(64).collect(),
            name: name.to_owned(),
            log_path: path.to_owned(),
            state: state.to_owned(),
            labels: [("com.docker.compose.project".to_owned(), "shop".to_owned())].into(),
            ..Container::default()
        })
    }

    #[test]
    fn a_file_that_may_be_read_is_cheaper_than_asking() {
        let known = Known {
            engines: vec![Engine {
                at: Some(Address::Socket("/d.sock".into())),
                containers: vec![
                    container("a", "/d/a-json.log", "running"),
                    container("b", "/d/b-json.log", "running"),
                    container("c", "/p/ctr.log", "exited"),
                    container("d", "", "exited"),
                    container("e", "/x/local.log", "running"),
                ],
                ..Engine::default()
            }],
        };
        let readable = |path: &Path| path != Path::new("/d/b-json.log");
        let plan = decide(&known, &[], readable);
        let streamed: Vec<&str> = plan.streamed.iter().map(|s| &*s.container.name).collect();
        assert_eq!(streamed, ["b", "e"]);
        assert_eq!(plan.read.len(), 4);
        let paths = |n: usize| -> Vec<&str> {
            let groups = plan.jobs[n].groups.iter();
            groups.map(|g| g.labels.get("__path__")).collect()
        };
        assert_eq!(
            (paths(0), paths(1)),
            (vec!["/d/a-json.log"], vec!["/p/ctr.log"])
        );
        let labels = &plan.jobs[0].groups[0].labels;
        assert_eq!(
            (labels.get("container"), labels.get("compose_project")),
            ("a", "shop")
        );
    }

    #[test]
    fn one_that_no_engine_tells_of_is_found_by_its_id() {
        let id = "ab".repeat(32);
        let place = Place::at(&format!("/docker/{id}"), &id);
        let found = decide(&Known::default(), std::slice::from_ref(&place), |path| {
            path.starts_with("/var/lib/docker/containers")
        });
        assert_eq!(found.read, std::slice::from_ref(&id));
        assert_eq!(found.jobs[0].groups[0].labels.get("container"), &id[..12]);
        assert_eq!(
            decide(&Known::default(), &[place], |_| false),
            Plan::default()
        );
    }

    #[test]
    fn lines_that_go_on_do_not_begin() {
        let begins = LineRegex::new(BEGINS).unwrap();
        for (line, want) in [
            ("2026-11-20 INFO started", true),
            ("Caught it", true),
            ("Cat", true),
            ("Cause", false),
            ("C", true),
            (". dot", true),
            ("한글", true),
            ("\tat com.example.Main.run(Main.java:1)", false),
            ("Caused by: java.io.IOException", false),
            ("... 12 more", false),
            ("", false),
        ] {
            assert_eq!(begins.is_match(line.as_bytes()), want, "{line:?}");
        }
    }
}
