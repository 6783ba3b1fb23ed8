//! The thread that reads the containers' cgroups, at the beats of the other built-in collectors.

use crate::collect::beat::{self, Beat, Running};
use crate::collect::container::cgroup::{Cgroups, Depth, Files, Place};
use crate::collect::container::docker::known::{Container, Known};
use crate::collect::container::series::{Common, Namer, metadata, short};
use crate::collect::kept::Kept;
use crate::collect::scrape::director::ScrapedContainers;
use crate::model::labels::Labels;
use crate::model::sample::stale_marker;
use crate::model::view::{BlindSpot, ContainerRow, ContainerView};
use crate::store::write::MetricSink;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::watch;

/// How long the first pass waits for engines to tell names.
const PATIENCE_MS: i64 = 5_000;

/// What the thread is given.
pub struct Parts {
    pub cgroups: Cgroups,
    pub sink: Arc<dyn MetricSink>,
    /// The server's name: the label `instance`.
    pub host: String,
    /// Labels of containers to keep beside compose's; `*` keeps all.
    pub labels: Vec<String>,
    /// What the engines say.
    pub known: watch::Receiver<Arc<Known>>,
    /// Told which cgroups there are after every look.
    pub places: watch::Sender<Arc<Vec<Place>>>,
    /// Targets that show containers.
    pub scraped: watch::Receiver<Arc<Vec<ScrapedContainers>>>,
    /// Told which of them shows those of this machine: nothing is read here meanwhile, so that no
    /// rule fires twice.
    pub shown_by: watch::Sender<Option<Labels>>,
}

/// Starts reading; the first reading is stored at once.
pub fn start(beat: Beat, parts: Parts) -> std::io::Result<Running> {
    parts.sink.describe(&metadata());
    let mut reader = Reader::new(parts);
    beat::start("containers", beat, move |now, store| {
        let taken = reader.engines_have_spoken(now);
        if taken {
            reader.read(now, store);
        }
        taken
    })
}

/// Reads pass by pass.
pub struct Reader {
    parts: Parts,
    common: Common,
    namers: HashMap<String, Namer>,
    files: Files,
    kept: Kept,
    samples: Vec<(Labels, i64, f64)>,
    /// When the first pass was wanted.
    wanted: Option<i64>,
}

impl Reader {
    pub fn new(parts: Parts) -> Self {
        let common = Common {
            host: parts.host.clone(),
            labels: parts.labels.clone(),
        };
        Self {
            parts,
            common,
            namers: HashMap::new(),
            files: Files::default(),
            kept: Kept::default(),
            samples: Vec::new(),
            wanted: None,
        }
    }

    /// Names come before the first numbers, so that no start leaves series without them; an engine
    /// that hangs is waited for a few seconds and no longer.
    fn engines_have_spoken(&mut self, now: i64) -> bool {
        let since = *self.wanted.get_or_insert(now);
        let known = self.parts.known.borrow();
        known.engines.iter().all(|e| e.tried) || now - since > PATIENCE_MS || now < since
    }

    /// One pass at a time in milliseconds since the epoch. New cgroups are looked for where the
    /// pass is stored, and when an engine told something new. Gives the number of containers that
    /// were read.
    pub fn read(&mut self, now: i64, store: bool) -> usize {
        let told = self.parts.known.has_changed().unwrap_or(false);
        let known = self.parts.known.borrow_and_update().clone();
        let by_id: HashMap<&str, &Arc<Container>> = known
            .containers()
            .map(|(_, c)| (c.id.as_str(), c))
            .collect();
        if store || told {
            self.parts.cgroups.look();
            self.parts.cgroups.ask_files(|id| by_id.contains_key(id));
            let places = Arc::new(self.parts.cgroups.places().to_vec());
            self.parts.places.send_replace(places);
        }
        self.samples.clear();
        if self.gives_way() {
            self.end_all_but(|_| false, now);
            if store {
                self.kept.append(self.parts.sink.as_ref(), &[], now);
            }
            return self.parts.cgroups.places().len();
        }
        let depth = if store { Depth::Full } else { Depth::Live };
        self.files.next_pass();
        let mut read: HashSet<String> = HashSet::new();
        for place in self.parts.cgroups.places() {
            let reading = self.parts.cgroups.read(place, depth, &mut self.files, now);
            let Some(reading) = reading else {
                continue;
            };
            read.insert(place.id.clone());
            let container = by_id.get(place.id.as_str()).copied();
            let container = container.or_else(|| place.container());
            let namer = self.namers.entry_ref(&place.id);
            let namer = namer
                .and_modify(|namer| {
                    if !namer.is_of(place, container) {
                        *namer = Namer::new(&self.common, place, container);
                    }
                })
                .or_insert_with(|| Namer::new(&self.common, place, container));
            let container = container.map(|c| &**c);
            namer.samples((place, &reading), container, now, &mut self.samples);
        }
        self.parts.sink.append_live(&self.samples);
        self.end_all_but(|id| read.contains(id), now);
        if store {
            self.kept
                .append(self.parts.sink.as_ref(), &self.samples, now);
            let places = self.parts.cgroups.places();
            let is_there = |id: &str| places.binary_search_by(|p| p.id.as_str().cmp(id)).is_ok();
            self.files.retain(is_there);
        }
        read.len()
    }

    /// Whether a target shows containers of this machine: an id is one container's in the world.
    fn gives_way(&self) -> bool {
        let scraped = self.parts.scraped.borrow().clone();
        let places = self.parts.cgroups.places();
        let is_here = |id: &String| places.binary_search_by(|p| p.id.cmp(id)).is_ok();
        let shown = scraped.iter().find(|s| s.ids.iter().any(is_here));
        let shown = shown.map(|s| s.labels.clone());
        let gives = shown.is_some();
        self.parts.shown_by.send_if_modified(|now| {
            let differs = *now != shown;
            *now = shown;
            differs
        });
        gives
    }

    /// Markers for the live series of those that are not read any more: the console must not see
    /// their last values for as long as it looks back.
    fn end_all_but(&mut self, stays: impl Fn(&str) -> bool, now: i64) {
        let gone = self.namers.extract_if(|id, _| !stays(id));
        let ended: Vec<(Labels, i64, f64)> = gone
            .flat_map(|(_, namer)| namer.into_labels())
            .map(|labels| (labels, now, stale_marker()))
            .collect();
        self.parts.sink.append_live(&ended);
    }
}

/// The containers as a view: those the engines know, and those that only their cgroup shows.
/// `places` are in the order of their ids.
pub fn view(known: &Known, places: &[Place]) -> ContainerView {
    let cgroup = |id: &str| {
        let at = places.binary_search_by(|p| p.id.as_str().cmp(id));
        at.ok().map(|at| &places[at])
    };
    let mut rows: Vec<ContainerRow> = Vec::new();
    for (engine, container) in known.containers() {
        let mut row = row(container);
        engine.flavour.command().clone_into(&mut row.engine);
        row.address.clone_from(&engine.address);
        if let Some(place) = cgroup(&container.id) {
            row.cgroup.clone_from(&place.path);
        }
        rows.push(row);
    }
    let told: HashSet<&str> = known.containers().map(|(_, c)| c.id.as_str()).collect();
    let nameless = places.iter().filter(|p| !told.contains(p.id.as_str()));
    rows.extend(nameless.map(|place| {
        let mut row = place.container().map(|c| row(c)).unwrap_or_default();
        if row.name.is_empty() {
            short(&place.id).clone_into(&mut row.name);
        }
        if let Some(pod) = place.pod.as_ref().filter(|_| row.project.is_empty()) {
            row.project = format!("pod {pod}");
        }
        ContainerRow {
            id: place.id.clone(),
            state: "running".to_owned(),
            started: place.made,
            engine: place.runtime.to_owned(),
            cgroup: place.path.clone(),
            ..row
        }
    }));
    let titles = known.engines.iter().map(|e| e.title.clone());
    ContainerView {
        rows,
        engines: titles.filter(|t| !t.is_empty()).collect(),
        problems: problems(known),
    }
}

/// Why some engines say nothing, and the way out.
pub fn problems(known: &Known) -> Vec<BlindSpot> {
    known
        .engines
        .iter()
        .filter_map(|e| e.problem.clone())
        .collect()
}

fn row(container: &Container) -> ContainerRow {
    let networks = container.networks.iter();
    ContainerRow {
        id: container.id.clone(),
        name: container.name.clone(),
        image: container.image.clone(),
        command: container.command.clone(),
        project: container.project().unwrap_or_default().to_owned(),
        service: container.service().unwrap_or_default().to_owned(),
        state: container.state.clone(),
        health: container.health.clone(),
        created: container.created,
        started: container.started,
        finished: container.finished,
        exit_code: container.exit_code,
        oom_killed: container.oom_killed,
        restarts: container.restarts,
        ports: container.ports.clone(),
        networks: networks
            .map(|n| (n.name.clone(), n.address.clone()))
            .collect(),
        ..ContainerRow::default()
    }
}

#[cfg(test)]
mod tests;
