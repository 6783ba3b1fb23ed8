//! The thread that reads this server: every 15 s to be stored, every 2 s while a console looks.
//!
//! [`Rounds`] does the work of one beat and knows nothing of threads, so that the engine can take
//! the first reading itself and tests can drive it; [`start`] puts it on a thread of its own. It
//! leaves samples through `store::write`, and views through `watch` channels.

pub(crate) mod gap;
mod series;

use crate::base::clock::{self, Clock, Instant};
use crate::base::task;
use crate::collect::beat::Pace;
use crate::collect::host::process::Processes;
use crate::collect::host::run::gap::Gaps;
use crate::collect::host::run::series::Table;
use crate::collect::host::{Host, Options, facts};
use crate::model::answer::{Metadata, MetricKind};
use crate::model::family::Family;
use crate::model::labels::Labels;
use crate::model::view::{BlindSpot, Machine, Mark, ProcessView};
use crate::store::write::{MetricSink, SnapshotSink};
use crate::wire::process_record;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// A console that asked for nothing in this time is not looking any more.
const LOOKING: i64 = 10_000;
/// Between two looks at what cannot be read.
const BLIND_EVERY: Duration = Duration::from_mins(5);
/// Pids of one screen, and consoles, that are listened to: a console that sorts by I/O needs all.
const MOST_IN_SIGHT: usize = 4096;
const MOST_CONSOLES: usize = 16;
/// Rows by CPU and by memory in the record that is kept.
const GREEDIEST: usize = 20;

/// How to read and where to leave it.
#[derive(Clone)]
pub struct Setup {
    pub host: Options,
    /// When readings are stored, as the configuration in force has it.
    pub pace: watch::Receiver<Pace>,
    /// Between two readings while a console looks.
    pub live: Duration,
    /// Labels that stand for or beside `job="node"` and `instance="<hostname>"`; an empty value
    /// removes one.
    pub labels: Vec<(String, String)>,
    /// The labels of a scraped target that shows this machine, while there is one: the live readings
    /// then continue its series, and nothing is stored.
    pub stands_for: watch::Receiver<Option<Labels>>,
    /// When this server's newest stored sample was taken, in milliseconds; 0 is never. What lies
    /// between it and the first reading is a gap.
    pub stored_until: i64,
    pub metrics: Arc<dyn MetricSink>,
    pub snapshots: Arc<dyn SnapshotSink>,
}

impl Setup {
    /// The defaults: this machine, 15 s and 2 s.
    pub fn new(metrics: Arc<dyn MetricSink>, snapshots: Arc<dyn SnapshotSink>) -> Self {
        Self {
            host: Options::default(),
            pace: Pace::every(Duration::from_secs(15)).fixed(),
            live: Duration::from_secs(2),
            labels: Vec::new(),
            stands_for: watch::channel(None).1,
            stored_until: 0,
            metrics,
            snapshots,
        }
    }
}

/// What the others see of it.
#[derive(Clone, Debug)]
pub struct Watching {
    pub processes: watch::Receiver<Arc<ProcessView>>,
    pub machine: watch::Receiver<Machine>,
    pub blind: watch::Receiver<Vec<BlindSpot>>,
    pub marks: watch::Receiver<Vec<Mark>>,
    /// All families of the last full reading, for `/metrics`.
    pub families: watch::Receiver<Arc<Vec<Family>>>,
}

/// Tells the collector that somebody looks, and at which processes.
#[derive(Clone, Debug)]
pub struct Looking {
    clock: Clock,
    at: Arc<AtomicI64>,
    sights: Arc<Mutex<Sights>>,
    wake: SyncSender<Wake>,
}

/// By console: when it said so, and the pids on its screen.
type Sights = HashMap<i32, (i64, Vec<i32>)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    Look,
    Stop,
}

impl Looking {
    /// Called whenever a console asks for something live; starts the quick beat at once.
    pub fn look(&self) {
        let now = self.clock.now_ms();
        let before = self.at.swap(now, Ordering::Relaxed);
        if now - before > LOOKING {
            let _ = self.wake.try_send(Wake::Look);
        }
    }

    /// The pids on the screen of one console (by its own pid): their rows are completed first, I/O
    /// included, until it says other ones or nothing for ten seconds.
    pub fn look_at(&self, console: i32, mut pids: Vec<i32>) {
        pids.truncate(MOST_IN_SIGHT);
        let now = self.clock.now_ms();
        let mut sights = self.sights.lock();
        sights.retain(|_, (at, _)| now - *at <= LOOKING);
        if sights.len() < MOST_CONSOLES || sights.contains_key(&console) {
            sights.insert(console, (now, pids));
        }
        drop(sights);
        self.look();
    }

    /// Something about the reading has changed: the thread looks up at once.
    pub fn wake(&self) {
        // A full channel holds a wake already.
        let _ = self.wake.try_send(Wake::Look);
    }

    /// What is on anybody's screen, rising.
    fn in_sight(&self) -> Vec<i32> {
        let now = self.clock.now_ms();
        let sights = self.sights.lock();
        let fresh = sights.values().filter(|(at, _)| now - *at <= LOOKING);
        let mut pids: Vec<i32> = fresh.flat_map(|(_, pids)| pids.iter().copied()).collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }
}

/// Stops the thread when it is dropped.
#[derive(Debug)]
pub struct Running {
    wake: SyncSender<Wake>,
    thread: Option<JoinHandle<bool>>,
}

impl Running {
    /// Ends the thread and waits for the beat it may be in.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // A full channel holds a wake already; the thread drains it and finds the next.
        let _ = self.wake.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// One beat after another.
pub struct Rounds {
    setup: Setup,
    host: Host,
    processes: Processes,
    table: Table,
    gaps: Gaps,
    described: HashSet<String>,
    looking: Looking,
    wakes: Receiver<Wake>,
    to: Senders,
    problem: Option<BlindSpot>,
    /// The problem and the stuck mounts that were shown last.
    told: (Option<BlindSpot>, Vec<String>),
    blind_at: Option<Instant>,
}

struct Senders {
    processes: watch::Sender<Arc<ProcessView>>,
    machine: watch::Sender<Machine>,
    blind: watch::Sender<Vec<BlindSpot>>,
    marks: watch::Sender<Vec<Mark>>,
    families: watch::Sender<Arc<Vec<Family>>>,
}

impl Rounds {
    pub fn new(setup: Setup) -> (Self, Watching, Looking) {
        let machine = facts::machine(&setup.host.root, setup.host.clock.now_ms());
        let identity = identity(&setup, &machine);
        let (processes, to_processes) = watch::channel(Arc::default());
        let (machine, to_machine) = watch::channel(machine);
        let (blind, to_blind) = watch::channel(Vec::new());
        let (marks, to_marks) = watch::channel(Vec::new());
        let (families, to_families) = watch::channel(Arc::default());
        let (wake, wakes) = sync_channel(4);
        let looking = Looking {
            clock: setup.host.clock.clone(),
            at: Arc::new(AtomicI64::new(0)),
            sights: Arc::default(),
            wake,
        };
        let interval = setup.pace.borrow().interval;
        let rounds = Self {
            host: Host::new(setup.host.clone()),
            processes: Processes::new(&setup.host.root),
            table: Table::new(identity),
            gaps: Gaps::new(interval, setup.stored_until),
            described: HashSet::new(),
            looking: looking.clone(),
            wakes,
            to: Senders {
                processes,
                machine,
                blind,
                marks,
                families,
            },
            problem: None,
            told: (None, Vec::new()),
            blind_at: None,
            setup,
        };
        let watching = Watching {
            processes: to_processes,
            machine: to_machine,
            blind: to_blind,
            marks: to_marks,
            families: to_families,
        };
        (rounds, watching, looking)
    }

    /// A full reading: stored, put into the live ring, and shown.
    pub fn store(&mut self) {
        let t = self.now();
        let own = self.follow();
        self.notice_gap(t);
        self.processes.pass(t);
        let mut families = self.host.read();
        families.push(up());
        self.describe(&families);
        let sink = Arc::clone(&self.setup.metrics);
        self.table.live(&families, t, &*sink);
        let stored = if own {
            self.table.store(&families, t, &*sink)
        } else {
            Ok(())
        };
        self.problem = stored.err().map(|e| BlindSpot {
            what: "History of this server: samples are read but not kept".to_owned(),
            why: e.to_string(),
            way_out: "look at Storage (`:` storage), free space or raise limits".to_owned(),
        });
        self.to.families.send_replace(Arc::new(families));
        self.keep_greediest(t);
        self.show_processes();
        self.show_machine(t);
    }

    /// A quick reading for the live ring alone.
    pub fn live(&mut self) {
        let t = self.now();
        self.follow();
        self.notice_gap(t);
        self.processes.pass(t);
        let families = self.host.read_quick();
        self.table.live(&families, t, &*self.setup.metrics);
        self.show_processes();
    }

    /// Marks all series as ended; nothing of this server is shown any more.
    fn end(&mut self) {
        let t = self.now();
        let own = self.follow();
        let sink = Arc::clone(&self.setup.metrics);
        self.table.live(&[], t, &*sink);
        if own {
            // A store that refuses says so itself; questions then find the series until they are old.
            let _ = self.table.store(&[], t, &*sink);
        }
        self.to.families.send_replace(Arc::default());
        self.to.processes.send_replace(Arc::default());
    }

    /// Takes the labels that this machine's series have now. True where they are its own.
    fn follow(&mut self) -> bool {
        if self.setup.stands_for.has_changed().unwrap_or(false) {
            let other = self.setup.stands_for.borrow_and_update().clone();
            let machine = self.to.machine.borrow().clone();
            let names = match &other {
                Some(labels) => pairs(labels),
                None => identity(&self.setup, &machine),
            };
            // Told the same again: what is known of the series stays, or nothing could end them.
            if !self.table.is_of(&names) {
                self.table = Table::new(names);
            }
        }
        self.setup.stands_for.borrow().is_none()
    }

    fn now(&self) -> i64 {
        self.setup.host.clock.now_ms()
    }

    fn keep_greediest(&mut self, t: i64) {
        let view = self.processes.greedy_view(GREEDIEST);
        let record = process_record::encode(&view);
        // A log that refuses says so itself; the samples' refusal is told below.
        let _ = self
            .setup
            .snapshots
            .snapshot(process_record::KIND, t, &record);
    }

    /// Rows are built only where somebody may read them.
    fn show_processes(&mut self) {
        let first = self.to.processes.borrow().rows.is_empty();
        if first || self.is_looked_at() {
            let view = self.processes.view(&self.looking.in_sight());
            self.to.processes.send_replace(Arc::new(view));
        }
    }

    fn is_looked_at(&self) -> bool {
        self.now() - self.looking.at.load(Ordering::Relaxed) <= LOOKING
    }

    fn show_machine(&mut self, t: i64) {
        let machine = facts::machine(&self.setup.host.root, t);
        self.to.machine.send_if_modified(|old| {
            let changed = *old != machine;
            *old = machine;
            changed
        });
    }

    /// What cannot be read. Sensors may answer slowly, so it comes after the reading is shown.
    pub fn show_blind(&mut self) {
        let at = clock::monotonic();
        let due = self
            .blind_at
            .is_none_or(|b| at.duration_since(b) >= BLIND_EVERY);
        let stuck = self.host.stuck().to_vec();
        let told = (self.problem.clone(), stuck);
        if !due && told == self.told {
            return;
        }
        self.blind_at = Some(at);
        let look = facts::Look {
            root: &self.setup.host.root,
            textfile_directory: self.setup.host.textfile_directory.as_deref(),
            stuck: &told.1,
        };
        let mut spots = facts::blind_spots(&look);
        spots.extend(told.0.clone());
        self.told = told;
        self.to.blind.send_replace(spots);
    }

    fn notice_gap(&mut self, t: i64) {
        let Some(mark) = self.gaps.notice(t, clock::monotonic()) else {
            return;
        };
        if let Ok(body) = serde_json::to_vec(&mark) {
            // A gap that cannot be kept is still shown.
            let _ = self.setup.snapshots.snapshot(gap::KIND, t, &body);
        }
        self.to.marks.send_modify(|marks| {
            if marks.len() >= gap::MOST {
                marks.remove(0);
            }
            marks.push(mark);
        });
    }

    /// Tells the store what each metric means, once.
    fn describe(&mut self, families: &[Family]) {
        let new: Vec<Metadata> = families
            .iter()
            .filter(|f| !self.described.contains(f.name.as_ref()))
            .map(|f| Metadata {
                metric: f.name.to_string(),
                kind: f.kind,
                help: f.help.to_string(),
                unit: String::new(),
            })
            .collect();
        if !new.is_empty() {
            self.setup.metrics.describe(&new);
            self.described.extend(new.into_iter().map(|m| m.metric));
        }
    }

    /// Goes on until it is told to stop. `begun` tells whether the first reading was taken.
    fn run(mut self, begun: bool) {
        let mut pace = *self.setup.pace.borrow();
        let mut next_store = clock::monotonic();
        if begun {
            next_store += pace.interval;
        }
        let mut next_live = clock::monotonic();
        loop {
            let now = clock::monotonic();
            let said = *self.setup.pace.borrow();
            if said != pace {
                self.gaps.pace(said.interval);
                if pace.enabled && !said.enabled {
                    task::caught("host", || self.end());
                }
                (pace, next_store) = (said, now);
            }
            if !pace.enabled {
                match self.wakes.recv() {
                    Ok(Wake::Look) => continue,
                    Ok(Wake::Stop) | Err(_) => return,
                }
            }
            if now >= next_store {
                // A beat that panics is counted, and the next one is made all the same.
                task::caught("host", || self.store());
                next_store = later(next_store, pace.interval);
                next_live = now + self.setup.live;
                task::caught("host", || self.show_blind());
            } else if self.is_looked_at() && now >= next_live {
                task::caught("host", || self.live());
                next_live = later(next_live, self.setup.live);
            }
            let until = if self.is_looked_at() {
                next_live.min(next_store)
            } else {
                next_store
            };
            let wait = until.saturating_duration_since(clock::monotonic());
            match self.wakes.recv_timeout(wait) {
                Ok(Wake::Look) => next_live = clock::monotonic(),
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Puts the rounds on a thread of their own. `begun` tells that [`Rounds::store`] was called.
    pub fn spawn(self, begun: bool) -> io::Result<Running> {
        let wake = self.looking.wake.clone();
        let thread = task::thread("host", move || self.run(begun))?;
        Ok(Running {
            wake,
            thread: Some(thread),
        })
    }
}

fn pairs(labels: &Labels) -> Vec<(String, String)> {
    let all = labels.iter();
    all.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

/// `job` and `instance`, and what the configuration says instead.
fn identity(setup: &Setup, machine: &Machine) -> Vec<(String, String)> {
    let mut identity = vec![
        ("job".to_owned(), "node".to_owned()),
        ("instance".to_owned(), machine.host.clone()),
    ];
    for (name, value) in &setup.labels {
        identity.retain(|(n, _)| n != name);
        identity.push((name.clone(), value.clone()));
    }
    identity
}

/// Starts the collector of this server.
pub fn start(setup: Setup) -> io::Result<(Running, Watching, Looking)> {
    let (rounds, watching, looking) = Rounds::new(setup);
    Ok((rounds.spawn(false)?, watching, looking))
}

/// The next beat after now: beats that were missed are not made up for.
fn later(due: Instant, step: Duration) -> Instant {
    let next = due + step;
    let now = clock::monotonic();
    if next > now { next } else { now + step }
}

fn up() -> Family {
    let mut up = Family::new("up", MetricKind::Gauge, "1 where the target was read.");
    up.add(&[], 1.0);
    up
}

#[cfg(test)]
mod tests;
