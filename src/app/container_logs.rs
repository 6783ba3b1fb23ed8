//! What containers write, on its way into the store: which of it is read how, as containers come and
//! go.

use crate::app::engine::Shared;
use crate::app::tail::reads_containers;
use crate::base::clock::Duration;
use crate::base::task::{self, Stop, Stopper};
use crate::collect::container::cgroup::Place;
use crate::collect::container::docker::client::Docker;
use crate::collect::container::docker::known::{Container, Known};
use crate::collect::container::logs::keep::{Keeper, spots};
use crate::collect::container::logs::stream::{Follow, Piece, Spot};
use crate::collect::container::logs::{JOB, Plan, Streamed, plan};
use crate::model::labels::Labels;
use crate::model::view::{Health, TargetRow, container_key};
use crate::store::write::logs::LogSink;
use anyhow::Context;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// Containers come and go in bunches: what is read is decided anew at most so often.
const GATHER: Duration = Duration::from_secs(3);
/// Pieces that wait for the store.
const WAITING: usize = 64;

/// The reading of containers' output, once it runs.
#[derive(Default)]
pub(crate) struct ContainerLogs {
    keeper: Mutex<Option<Keeper>>,
    /// Keys of all that are read, and how many of them through an engine.
    read: Mutex<(HashSet<u64>, usize)>,
}

impl ContainerLogs {
    /// Starts it, unless the configuration says otherwise. `places` are the cgroups of containers.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        sink: Arc<dyn LogSink>,
        runtime: &Handle,
        stop: Stop,
    ) -> anyhow::Result<()> {
        if !reads_containers(&shared.launch.config) {
            return Ok(());
        }
        let (tell, pieces) = mpsc::channel(WAITING);
        let from = spots(sink.as_ref()).into_iter();
        let keeper = Keeper::start(sink, shared.clock.clone(), pieces)
            .context("the thread that stores containers' output cannot be started")?;
        *shared.container_logs.keeper.lock() = Some(keeper);
        let director = Director {
            shared: shared.clone(),
            places: from
                .map(|(id, spot)| (id, Arc::new(Mutex::new(Some(spot)))))
                .collect(),
            tell,
            followed: HashMap::new(),
        };
        let entered = runtime.enter();
        drop(task::spawn("container-logs", director.run(stop)));
        drop(entered);
        Ok(())
    }

    /// Whether the output of the container of this [`container_key`] is stored.
    pub(crate) fn reads_key(&self, key: u64) -> bool {
        self.read.lock().0.contains(&key)
    }

    /// Those that are asked of their engine, as a row of Targets; files have their own.
    pub(crate) fn row(&self) -> Option<TargetRow> {
        let streamed = self.read.lock().1;
        let keeper = self.keeper.lock();
        let told = &keeper.as_ref().filter(|_| streamed > 0)?.told;
        let last = told.last.load(Ordering::Relaxed);
        let error = told.trouble.lock().clone();
        Some(TargetRow {
            job: JOB.to_owned(),
            instance: "through their engine".to_owned(),
            health: if error.is_empty() {
                Health::BuiltIn
            } else {
                Health::Down
            },
            labels: Labels::from_pairs([("job", JOB)]),
            last_scrape: last,
            last_good: last,
            samples: told.lines.load(Ordering::Relaxed),
            remark: format!("the output of {streamed} containers, whose files may not be opened"),
            error,
            ..TargetRow::default()
        })
    }

    /// What was read is stored before this returns.
    pub(crate) fn stop(&self) {
        let keeper = self.keeper.lock().take();
        if let Some(keeper) = keeper {
            keeper.stop();
        }
    }
}

/// One container that is followed.
struct Followed {
    container: watch::Sender<Arc<Container>>,
    task: tokio::task::JoinHandle<Option<()>>,
    _stopper: Stopper,
}

struct Director {
    shared: Arc<Shared>,
    /// Where reading goes on, by container.
    places: HashMap<String, Arc<Mutex<Option<Spot>>>>,
    tell: mpsc::Sender<Piece>,
    followed: HashMap<String, Followed>,
}

impl Director {
    async fn run(mut self, mut stop: Stop) {
        let mut known = self.shared.containers.known();
        let mut places = self.shared.containers.places();
        loop {
            let now = known.borrow_and_update().clone();
            let cgroups = places.borrow_and_update().clone();
            // Names come before the first lines, so that none is stored without them.
            if now.engines.iter().all(|e| e.tried) {
                self.decide(now, cgroups).await;
            }
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = stop.wait() => return,
            }
            tokio::select! {
                changed = known.changed() => if changed.is_err() { return },
                changed = places.changed() => if changed.is_err() { return },
                () = stop.wait() => return,
            }
        }
    }

    async fn decide(&mut self, known: Arc<Known>, places: Arc<Vec<Place>>) {
        let work = tokio::task::spawn_blocking(move || plan(&known, &places));
        let Ok(Plan {
            jobs,
            streamed,
            read,
        }) = work.await
        else {
            return;
        };
        let config = self.shared.config.load_full();
        self.shared.tail.follow_containers(&config, jobs);
        let keys = read.iter().map(|id| container_key(id)).collect();
        *self.shared.container_logs.read.lock() = (keys, streamed.len());
        // One that has ended is followed until all of it was read.
        self.followed.retain(|_, f| !f.task.is_finished());
        for one in streamed {
            match self.followed.get(&one.container.id) {
                Some(followed) => drop(followed.container.send_replace(one.container)),
                None => self.follow(one),
            }
        }
        let known = self.shared.containers.known().borrow().clone();
        for (id, followed) in &self.followed {
            let removed = || {
                let last = followed.container.borrow().clone();
                let state = "removed".to_owned();
                Arc::new(Container {
                    state,
                    ..Container::clone(&last)
                })
            };
            let now = known.by_id(id).map(|(_, container)| container.clone());
            followed.container.send_replace(now.unwrap_or_else(removed));
        }
        // An engine that says nothing has not lost its containers.
        if known.engines.iter().all(|e| e.problem.is_none()) {
            let followed = &self.followed;
            self.places
                .retain(|id, _| followed.contains_key(id) || known.by_id(id).is_some());
        }
    }

    fn follow(&mut self, Streamed { at, container }: Streamed) {
        // A client that cannot be made is the engine's problem, which is shown already.
        let Ok(docker) = Docker::new(&at) else { return };
        let (stopper, stop) = task::stopper();
        let (tell, hear) = watch::channel(container.clone());
        let id = container.id.clone();
        let follow = Follow {
            docker,
            container: hear,
            from: self.places.entry(id.clone()).or_default().clone(),
            clock: self.shared.clock.clone(),
            out: self.tell.clone(),
        };
        let followed = Followed {
            container: tell,
            task: task::spawn("container-output", follow.run(stop)),
            _stopper: stopper,
        };
        self.followed.insert(id, followed);
    }
}
