//! Containers of this server: their collector, the engines' API and their events, wired together.

use crate::app::engine::Shared;
use crate::app::gate::Gate;
use crate::app::health::Trouble;
use crate::base::clock::Clock;
use crate::base::task::Stop;
use crate::collect::beat;
use crate::collect::container::cgroup::{self, Cgroups, Place};
use crate::collect::container::docker::address::{Address, Surroundings};
use crate::collect::container::docker::follow::{self, Event};
use crate::collect::container::docker::known::Known;
use crate::collect::container::docker::look::Looks;
use crate::collect::container::names::ContainerNames;
use crate::collect::container::{events, run};
use crate::collect::perform;
use crate::collect::scrape::director::ScrapedContainers;
use crate::model::action::{ContainerOrder, Outcome};
use crate::model::labels::Labels;
use crate::model::view::{
    BlindSpot, ContainerFacts, ContainerOutput, ContainerView, Health, Mark, TargetRow,
    container_key,
};
use crate::store::open::Store;
use crate::store::write::{SnapshotSink, WriteError};
use anyhow::Context;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Events held for the console's charts; older ones are in the store.
const MOST_EVENTS: usize = 2_000;

/// What the engine holds of containers.
pub(crate) struct Containers {
    pub(crate) gate: Gate,
    known: Arc<watch::Sender<Arc<Known>>>,
    places: watch::Sender<Arc<Vec<Place>>>,
    events: Arc<Mutex<VecDeque<Mark>>>,
    looks: Looks,
    /// Targets that show containers, for the reader.
    scraped: watch::Sender<Arc<Vec<ScrapedContainers>>>,
    /// Which of them shows those of this machine.
    shown_by: watch::Sender<Option<Labels>>,
}

impl Containers {
    pub(crate) fn new(gate: Gate, runtime: &Handle, clock: &Clock) -> Self {
        let known: Arc<watch::Sender<Arc<Known>>> = Arc::default();
        Self {
            looks: Looks::new(runtime.clone(), clock.clone(), known.subscribe()),
            gate,
            known,
            places: watch::Sender::default(),
            events: Arc::default(),
            scraped: watch::Sender::default(),
            shown_by: watch::Sender::default(),
        }
    }

    /// While a cAdvisor of this machine is scraped, the built-in copy is not stored.
    pub(crate) async fn give_way(
        &self,
        mut scraped: watch::Receiver<Arc<Vec<ScrapedContainers>>>,
        mut stop: Stop,
    ) {
        loop {
            let now = scraped.borrow_and_update().clone();
            self.scraped.send_replace(now);
            tokio::select! {
                changed = scraped.changed() => if changed.is_err() { break },
                () = stop.wait() => break,
            }
        }
    }

    /// The target that shows the containers of this machine, where there is one.
    pub(crate) fn shown_by(&self) -> Option<Labels> {
        self.shown_by.borrow().clone()
    }

    /// How they are read, as a row of Targets; `None` where there is none, and nothing to say.
    pub(crate) fn target(&self, host: &str, interval: i64) -> Option<TargetRow> {
        let places = self.places.borrow().len();
        let shown_by = self.shown_by();
        (places > 0).then(|| TargetRow {
            job: "cadvisor".to_owned(),
            instance: host.to_owned(),
            health: Health::BuiltIn,
            labels: Labels::from_pairs([("job", "cadvisor"), ("instance", host)]),
            interval_ms: interval,
            remark: match shown_by {
                Some(target) => format!(
                    "not stored: {} at {} shows these containers already",
                    target.get("job"),
                    target.get("instance")
                ),
                None => format!("{places} containers of this server, read without cAdvisor"),
            },
            ..TargetRow::default()
        })
    }

    /// Starts the reading thread and a task for each engine, unless the configuration says
    /// otherwise.
    pub(crate) fn start(
        &self,
        shared: &Shared,
        runtime: &Handle,
        stop: &Stop,
    ) -> anyhow::Result<Option<beat::Running>> {
        let config = &shared.launch.config.containers;
        if !config.enabled {
            return Ok(None);
        }
        let around = Surroundings::of_this_process(config.sockets.clone());
        let (addresses, mistakes) = around.addresses();
        if !mistakes.is_empty() {
            let said = mistakes.join("; ");
            shared.problems.set(Trouble::Containers, said);
        }
        let parts = follow::Parts {
            known: self.known.clone(),
            clock: shared.clock.clone(),
            events: self.teller(),
        };
        let entered = runtime.enter();
        follow::start(&parts, addresses, stop);
        drop(entered);
        let parts = run::Parts {
            cgroups: Cgroups::of_this_machine(),
            sink: Arc::new(self.gate.clone()),
            host: shared.host_name.clone(),
            labels: config.labels.clone(),
            known: self.known.subscribe(),
            places: self.places.clone(),
            scraped: self.scraped.subscribe(),
            shown_by: self.shown_by.clone(),
        };
        run::start(shared.beat(shared.paces.containers.subscribe()), parts)
            .map(Some)
            .context("the reader of containers cannot be started")
    }

    /// Keeps events: in the store, and the newest for the charts.
    fn teller(&self) -> Arc<dyn Fn(Event) + Send + Sync> {
        let (gate, kept) = (self.gate.clone(), self.events.clone());
        Arc::new(move |event| {
            let Some(mark) = events::mark(&event) else {
                return;
            };
            if let Ok(body) = serde_json::to_vec(&mark) {
                // What cannot be written is counted by the store, and still shown until the end.
                let _ = gate.snapshot(events::KIND, mark.t, &body);
            }
            let mut kept = kept.lock();
            kept.push_back(mark);
            if kept.len() > MOST_EVENTS {
                kept.pop_front();
            }
        })
    }

    /// The store is open: what waited goes into it, and its newest events are shown again.
    pub(crate) fn open(&self, store: &Store) -> Result<(), WriteError> {
        let before = store.snapshots_between(events::KIND, 0, i64::MAX, MOST_EVENTS);
        self.gate.open(store)?;
        let read = |(_, body): (i64, Vec<u8>)| serde_json::from_slice::<Mark>(&body).ok();
        let mut kept = self.events.lock();
        for mark in before
            .unwrap_or_default()
            .into_iter()
            .rev()
            .filter_map(read)
        {
            kept.push_front(mark);
        }
        Ok(())
    }

    pub(crate) fn view(&self) -> ContainerView {
        run::view(&self.known.borrow().clone(), &self.places.borrow().clone())
    }

    /// What the engines say, as it changes.
    pub(crate) fn known(&self) -> watch::Receiver<Arc<Known>> {
        self.known.subscribe()
    }

    /// The cgroups that are containers, as they change.
    pub(crate) fn places(&self) -> watch::Receiver<Arc<Vec<Place>>> {
        self.places.subscribe()
    }

    /// Names of containers as addresses.
    pub(crate) fn names(&self) -> Arc<ContainerNames> {
        Arc::new(ContainerNames::new(self.known.subscribe()))
    }

    pub(crate) fn facts(&self, key: u64) -> ContainerFacts {
        self.looks.facts(key)
    }

    pub(crate) fn output(&self, key: u64) -> ContainerOutput {
        self.looks.output(key)
    }

    /// The numbers of the processes inside; `None` where it has no cgroup now.
    pub(crate) fn processes(&self, key: u64) -> Option<Vec<i32>> {
        let places = self.places.borrow().clone();
        let place = places.iter().find(|p| container_key(&p.id) == key)?;
        Some(cgroup::processes(place))
    }

    /// The socket of the engine that has a container, where it is one.
    pub(crate) fn socket_of(&self, id: &str) -> Option<PathBuf> {
        let known = self.known.borrow().clone();
        match known.by_id(id)?.0.at.clone()? {
            Address::Socket(path) => Some(path),
            Address::Tcp(_) | Address::Tls(..) => None,
        }
    }

    pub(crate) async fn order(&self, id: &str, order: ContainerOrder) -> Outcome {
        let known = self.known.borrow().clone();
        perform::container::order(&known, id, order).await
    }

    /// Why some engines say nothing, and the way out.
    pub(crate) fn problems(&self) -> Vec<BlindSpot> {
        run::problems(&self.known.borrow())
    }

    pub(crate) fn marks(&self) -> Vec<Mark> {
        self.events.lock().iter().cloned().collect()
    }
}
