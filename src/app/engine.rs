//! One engine: store, collectors, evaluation, socket and port, and the order in which they start
//! and end.
//!
//! What a first frame needs (the ring, the collector, the pool) is started before [`Engine::start`]
//! returns; the store is opened on a thread of its own, and what needs it starts after it.

use crate::alert::notify::Notifiers;
use crate::alert::pipeline::Pipeline;
use crate::api::{self, Api};
use crate::app::backstage::{Ports, Stage};
use crate::app::container_logs::ContainerLogs;
use crate::app::containers::Containers;
use crate::app::doors::{self, Doors};
use crate::app::forward;
use crate::app::forwarding::Lines;
use crate::app::gate::Gate;
use crate::app::health::{Consoles, Problems, Trouble};
use crate::app::languages::PromQl;
use crate::app::launch::Launch;
use crate::app::own_code;
use crate::app::own_series;
use crate::app::paces::Paces;
use crate::app::places::{self, SocketPlace};
use crate::app::receivers::Receivers;
use crate::app::reload;
use crate::app::remembered;
use crate::app::rules::{self, Alerting};
use crate::app::senders::Senders;
use crate::app::spans;
use crate::app::tail::Tail;
use crate::app::telling;
use crate::base::cancel::Cancel;
use crate::base::clock::Clock;
use crate::base::net::http::{Limits, Respond};
use crate::base::net::listen::Bound;
use crate::base::net::unix::Socket;
use crate::base::own::{self, Cost, Own};
use crate::base::task::{self, Stop, Stopper};
use crate::collect::beat::{self, Beat, Pace};
use crate::collect::host::Options as HostOptions;
use crate::collect::host::run::gap;
use crate::collect::host::run::{Looking, Rounds, Running, Setup, Watching};
use crate::collect::jvm;
use crate::collect::listen::spans::Spans;
use crate::collect::perform::jvm::Asker;
use crate::collect::scrape::director::{self, MAX_BODY, ScrapedJvm, Scraper};
use crate::collect::scrape::ingest::ThisMachine;
use crate::config::Config;
use crate::model::labels::Labels;
use crate::model::view::{Health, JvmRow, Machine, Mark, MarkKind, TargetRow};
use crate::source::api::{Caller, Class, Source};
use crate::source::embedded::{Embedded, Parts};
use crate::store::live::Ring;
use crate::store::open::{Bounds, Options, Store};
use crate::store::write::SnapshotSink;
use crate::wire::process_record;
use anyhow::Context;
use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

/// How the engine runs, as `status` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Inside,
    Serve,
}

/// What all parts of one engine share.
pub(crate) struct Shared {
    pub(crate) launch: Launch,
    pub(crate) mode: Mode,
    pub(crate) clock: Clock,
    pub(crate) started_at: i64,
    pub(crate) host_name: String,
    /// How the built-in collectors read, as the configuration in force has it.
    pub(crate) paces: Paces,
    /// When a console asked for something live, in milliseconds since the epoch.
    pub(crate) looked_at: Arc<AtomicI64>,
    pub(crate) looking: Looking,
    pub(crate) watching: Watching,
    pub(crate) gate: Gate,
    /// The labels under which this machine is shown by a scraped target: live readings take them.
    pub(crate) stands_for: watch::Sender<Option<Labels>>,
    /// The way of the JVMs' readings, which no scraped host takes over.
    pub(crate) jvm_gate: Gate,
    pub(crate) jvms: watch::Receiver<Arc<Vec<JvmRow>>>,
    /// JVMs whose exporters are scraped, for the reader of JVMs.
    pub(crate) scraped_jvms: watch::Sender<Arc<Vec<ScrapedJvm>>>,
    pub(crate) asker: Asker,
    pub(crate) containers: Containers,
    pub(crate) ring: Ring,
    pub(crate) store: ArcSwapOption<Store>,
    /// Stretches without an engine, found when the store was opened.
    pub(crate) past_gaps: Mutex<Vec<Mark>>,
    /// Where spans are taken in, or why not there.
    pub(crate) hearing: Mutex<BTreeMap<&'static str, String>>,
    /// The way in for lines, once history is open.
    pub(crate) lines: OnceLock<Arc<Lines>>,
    /// Where HTTP is answered, once it is.
    pub(crate) listening: ArcSwap<String>,
    pub(crate) languages: Arc<PromQl>,
    /// The newest configuration that was accepted.
    pub(crate) config: ArcSwap<Config>,
    pub(crate) scraper: OnceLock<Scraper>,
    pub(crate) tail: Tail,
    pub(crate) container_logs: ContainerLogs,
    /// Answers questions; there as soon as the engine is.
    pub(crate) embedded: OnceLock<Embedded>,
    pub(crate) senders: Senders,
    /// Takes pushed spans, once history is open.
    pub(crate) spans: OnceLock<Spans>,
    /// When the configuration in force was taken, and whether a newer one was refused since.
    pub(crate) loaded: Mutex<api::Loaded>,
    pub(crate) alerting: Alerting,
    /// Who is told of alerts; there once the store is open.
    pub(crate) pipeline: OnceLock<Pipeline>,
    pub(crate) notifiers: OnceLock<Notifiers>,
    own: Mutex<(Own, Cost, i64)>,
    pub(crate) problems: Problems,
    pub(crate) consoles: Consoles,
    /// What loading the configuration in force warned of.
    pub(crate) findings: Mutex<Vec<String>>,
}

impl Shared {
    /// Scrape targets, and this server itself where it is read without an exporter.
    pub(crate) fn targets(&self) -> Vec<TargetRow> {
        let scraped = self.scraper.get().map(|s| s.rows().borrow().clone());
        let mut rows: Vec<TargetRow> = scraped.iter().flat_map(|r| r.iter().cloned()).collect();
        let pace = *self.paces.host.borrow();
        if pace.enabled {
            let shown_by = self.shown_by();
            let families = self.watching.families.borrow().clone();
            let taken_at = self.watching.processes.borrow().taken_at;
            let samples: usize = families.iter().map(|f| f.points.len()).sum();
            rows.push(TargetRow {
                job: "node".to_owned(),
                instance: self.host_name.clone(),
                health: Health::BuiltIn,
                labels: self.node_labels(),
                last_scrape: taken_at,
                last_good: taken_at,
                interval_ms: pace.interval.as_millis() as i64,
                samples: samples as u64,
                remark: match shown_by {
                    Some(target) => format!(
                        "not stored: {} at {} shows this machine already",
                        target.get("job"),
                        target.get("instance")
                    ),
                    None => "this server, read without an exporter".to_owned(),
                },
                ..TargetRow::default()
            });
        }
        let interval = self.paces.containers.borrow().interval.as_millis() as i64;
        rows.extend(self.containers.target(&self.host_name, interval));
        rows.extend(self.jvm_targets());
        rows.extend(self.tail.rows());
        rows.extend(self.lines.get().map(|l| l.rows()).unwrap_or_default());
        rows.extend(self.container_logs.row());
        rows
    }

    /// JVMs of this server, read without an exporter.
    fn jvm_targets(&self) -> Vec<TargetRow> {
        let jvms = self.jvms.borrow().clone();
        let pace = *self.paces.jvm.borrow();
        let row = |jvm: &JvmRow| TargetRow {
            job: "jvm".to_owned(),
            instance: jvm.instance.clone(),
            health: Health::BuiltIn,
            labels: Labels::from_pairs([
                ("job", "jvm"),
                ("instance", &jvm.instance),
                ("application", &jvm.application),
                ("agentless", "true"),
            ]),
            last_scrape: jvm.read_at,
            last_good: if jvm.why.is_empty() { jvm.read_at } else { 0 },
            samples: jvm.samples,
            interval_ms: pace.interval.as_millis() as i64,
            remark: match (jvm.shown_by.is_empty(), jvm.why.is_empty()) {
                (false, _) => format!("not stored: {} shows this JVM already", jvm.shown_by),
                (true, true) => format!("JVM with pid {}, read without an exporter", jvm.pid),
                (true, false) => format!("{}; {}", jvm.why, jvm.way_out),
            },
            ..TargetRow::default()
        };
        jvms.iter().map(row).collect()
    }

    /// The labels of the scraped target that shows this machine too, where there is one.
    pub(crate) fn shown_by(&self) -> Option<Labels> {
        let seen = self.scraper.get()?.shows_this_machine();
        seen.borrow().clone()
    }

    /// By which value of `instance` this machine's series are known: those of the target that shows
    /// it, else its own.
    pub(crate) fn instance(&self) -> String {
        let labels = self.shown_by().unwrap_or_else(|| self.node_labels());
        labels.get("instance").to_owned()
    }

    /// Every place where something is heard, as one line.
    pub(crate) fn places(&self) -> String {
        let hearing = self.hearing.lock();
        let spans = hearing.iter().map(|(name, at)| format!("{name} {at}"));
        let all = std::iter::once(self.listening.load().to_string()).chain(spans);
        all.collect::<Vec<_>>().join("; ")
    }

    /// What this process costs, measured at most once a second so that the share means something.
    pub(crate) fn cost(&self) -> Cost {
        let mut own = self.own.lock();
        let now = self.clock.now_ms();
        if now - own.2 >= 1000 {
            own.1 = own.0.read();
            own.2 = now;
        }
        own.1
    }

    /// Bytes that the metrics head may take: half of `limits.memory`.
    pub(crate) fn head_memory(&self, config: &Config) -> u64 {
        memory_of(config, &self.machine()) / 2
    }

    /// What the store may keep.
    pub(crate) fn bounds(&self, config: &Config) -> Bounds {
        let mut options = Options::new("");
        self.bound(config, &mut options);
        Bounds::from(&options)
    }

    fn bound(&self, config: &Config, options: &mut Options) {
        let storage = &config.storage;
        options.memory = self.head_memory(config);
        options.retention_ms = storage.retention_metrics.as_millis() as i64;
        options.retention_bytes = storage.size;
        options.logs_retention_ms = storage.retention_logs.as_millis() as i64;
        options.traces.retention_ms = storage.retention_traces.as_millis() as i64;
        if config.limits.series > 0 {
            options.max_series = config.limits.series as usize;
        }
    }

    /// A copy, so that no guard of the channel is held: a second one taken while the collector
    /// waits to write would never be given.
    pub(crate) fn machine(&self) -> Machine {
        self.watching.machine.borrow().clone()
    }

    /// When a built-in collector reads.
    pub(crate) fn beat(&self, pace: watch::Receiver<Pace>) -> Beat {
        Beat {
            clock: self.clock.clone(),
            pace,
            looked_at: self.looked_at.clone(),
            stop: Cancel::never(),
        }
    }

    fn node_labels(&self) -> Labels {
        let mut labels = self.launch.config.host.labels.edit();
        for (name, value) in [("job", "node"), ("instance", &self.host_name)] {
            if labels.get(name).is_empty() {
                labels.set(name, value);
            }
        }
        labels.finish()
    }
}

/// Bytes that the whole program may take: `limits.memory`, else a quarter of the machine's or, where
/// that is less, of the cgroup's memory.
pub(crate) fn memory_of(config: &Config, machine: &Machine) -> u64 {
    let there = own::memory_limit().map_or(machine.memory, |limit| limit.min(machine.memory));
    let said = config.limits.memory;
    said.unwrap_or((there / 4).max(64 << 20))
}

/// A running engine.
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    embedded: Embedded,
    runtime: Runtime,
    stopper: Stopper,
    collector: Option<Running>,
    jvm_collector: Option<jvm::run::Running>,
    container_collector: Option<beat::Running>,
    opener: Option<JoinHandle<bool>>,
    doors: Arc<Mutex<Vec<tokio::task::JoinHandle<Option<()>>>>>,
    ready: Option<oneshot::Receiver<anyhow::Result<()>>>,
}

impl Engine {
    /// Starts everything; history opens meanwhile. [`Engine::wait_open`] waits for that.
    pub fn start(launch: Launch, mode: Mode) -> anyhow::Result<Self> {
        own::raise_open_files();
        let runtime = task::runtime().context("the runtime cannot be started")?;
        let (clock, now) = (Clock::System, Clock::System.now_ms());
        let (stopper, stop) = task::stopper();
        let ring = Ring::default();
        let gate = Gate::new(ring.clone());
        let (tell_jvms, jvms) = watch::channel(Arc::default());
        let stands_for = watch::Sender::new(None);
        let paces = Paces::of(&launch.config);
        let follow = (stands_for.subscribe(), paces.host.subscribe());
        let (rounds, watching, looking) = Rounds::new(setup(&launch, &gate, &clock, follow));
        let host_name = watching.machine.borrow().host.clone();
        let memory = memory_of(&launch.config, &watching.machine.borrow());
        let shared = Arc::new(Shared {
            mode,
            started_at: now,
            paces,
            looked_at: Arc::default(),
            looking,
            watching,
            gate,
            stands_for,
            jvm_gate: Gate::new(ring.clone()),
            jvms,
            scraped_jvms: watch::Sender::default(),
            asker: Asker::of_this_machine(clock.clone(), launch.config.jvm.attach),
            containers: Containers::new(Gate::new(ring.clone()), runtime.handle(), &clock),
            clock,
            host_name,
            ring,
            store: ArcSwapOption::empty(),
            languages: Arc::new(PromQl::new(&launch.config, memory)),
            past_gaps: Mutex::default(),
            hearing: Mutex::default(),
            lines: OnceLock::new(),
            listening: ArcSwap::from_pointee("opening".to_owned()),
            embedded: OnceLock::new(),
            problems: Problems::default(),
            consoles: Consoles::default(),
            findings: Mutex::new(launch.findings.iter().map(ToString::to_string).collect()),
            config: ArcSwap::from_pointee(launch.config.clone()),
            scraper: OnceLock::new(),
            tail: Tail::default(),
            container_logs: ContainerLogs::default(),
            senders: Senders::default(),
            spans: OnceLock::new(),
            loaded: Mutex::new(api::Loaded::now(now)),
            alerting: Alerting::default(),
            pipeline: OnceLock::new(),
            notifiers: OnceLock::new(),
            own: Mutex::default(),
            launch,
        });
        let collector = read_host(rounds)?;
        let jvm_collector = read_jvms(&shared, tell_jvms)?;
        let container_collector = shared.containers.start(&shared, runtime.handle(), &stop)?;
        let embedded = answering(&shared, runtime.handle())?;
        let (tell, ready) = oneshot::channel();
        let opening = Opening {
            shared: shared.clone(),
            embedded: embedded.clone(),
            runtime: runtime.handle().clone(),
            stop,
            doors: Arc::default(),
        };
        let doors = Arc::clone(&opening.doors);
        Ok(Self {
            shared,
            embedded,
            runtime,
            stopper,
            collector: Some(collector),
            jvm_collector,
            container_collector,
            opener: Some(opening.spawn(tell)?),
            doors,
            ready: Some(ready),
        })
    }

    /// A source for the console in this process.
    pub fn source(&self, caller: Caller) -> Arc<dyn Source> {
        self.embedded.source_for(caller)
    }

    pub fn runtime(&self) -> tokio::runtime::Handle {
        self.runtime.handle().clone()
    }

    /// Waits until history is open and the doors are, or says why they are not.
    pub fn wait_open(&mut self) -> anyhow::Result<()> {
        match self.ready.take().map(|r| self.runtime.block_on(r)) {
            Some(Ok(opened)) => opened,
            Some(Err(_)) => anyhow::bail!("the store's thread ended early"),
            None => Ok(()),
        }
    }

    /// Ends in the order that loses nothing: no new samples, then the doors, then the store, which
    /// frees the directory.
    pub fn shut_down(mut self) {
        if let Some(opener) = self.opener.take() {
            let _ = opener.join();
        }
        self.stopper.stop();
        if let Some(ruler) = self.shared.alerting.ruler.get() {
            ruler.stop();
        }
        if let Some(collector) = self.collector.take() {
            collector.stop();
        }
        if let Some(collector) = self.jvm_collector.take() {
            collector.stop();
        }
        if let Some(collector) = self.container_collector.take() {
            collector.stop();
        }
        self.shared.tail.stop();
        self.shared.container_logs.stop();
        let doors = std::mem::take(&mut *self.doors.lock());
        self.runtime.block_on(async {
            if let Some(scraper) = self.shared.scraper.get() {
                scraper.stop().await;
            }
            for door in doors {
                let _ = door.await;
            }
        });
        self.embedded.close();
        self.shared.gate.close();
        self.shared.jvm_gate.close();
        self.shared.containers.gate.close();
        if let Some(store) = self.shared.store.swap(None) {
            store.close();
        }
        self.runtime.shutdown_timeout(Duration::from_millis(500));
    }
}

/// What the opening thread needs.
struct Opening {
    shared: Arc<Shared>,
    embedded: Embedded,
    runtime: tokio::runtime::Handle,
    stop: Stop,
    doors: Arc<Mutex<Vec<tokio::task::JoinHandle<Option<()>>>>>,
}

impl Opening {
    /// Opens on a thread of its own, and tells what came of it.
    fn spawn(self, tell: oneshot::Sender<anyhow::Result<()>>) -> anyhow::Result<JoinHandle<bool>> {
        let opener = task::thread("open-store", move || {
            let opened = self.open();
            if let Err(e) = &opened {
                let problems = &self.shared.problems;
                problems.set(Trouble::Open, format!("{e:#}"));
            }
            let _ = tell.send(opened);
        });
        opener.context("the store's thread cannot be started")
    }

    fn open(&self) -> anyhow::Result<()> {
        let config = &self.shared.launch.config;
        let mut options = Options::new(&self.shared.launch.data_dir);
        options.ring = self.shared.ring.clone();
        options.max_exemplars = config.storage.max_exemplars;
        self.shared.bound(config, &mut options);
        let store = Store::open(options)?;
        self.shared.store.store(Some(Arc::new(store.clone())));
        self.embedded.open(Box::new(store.clone()));
        self.embedded.open_logs(Box::new(store.clone()));
        self.embedded.open_traces(Box::new(store.clone()));
        forward::start(&self.shared, &store, &self.runtime, &self.stop);
        spans::open(&self.shared, &store);
        self.notice_pause(&store);
        self.recall_gaps(&store);
        self.shared.gate.open(&store)?;
        self.shared.jvm_gate.open(&store)?;
        self.shared.containers.open(&store)?;
        let lines = {
            let _entered = self.runtime.enter();
            Arc::new(Lines::open(&self.shared, &store, &self.stop))
        };
        let _ = self.shared.lines.set(Arc::clone(&lines));
        let tail = &self.shared.tail;
        tail.start(&self.shared, &store, lines.clone(), &self.runtime)?;
        ContainerLogs::start(&self.shared, lines, &self.runtime, self.stop.clone())?;
        let _entered = self.runtime.enter();
        let deriving = spans::write_metrics(
            self.shared.clone(),
            self.embedded.clone(),
            self.stop.clone(),
        );
        drop(task::spawn("span-metrics", deriving));
        let (shared, embedded) = (self.shared.clone(), self.embedded.clone());
        let own = own_series::write(shared, embedded, self.stop.clone());
        drop(task::spawn("own-series", own));
        let code = own_code::give_code_back(self.stop.clone());
        drop(task::spawn("own-code", code));
        let jobs = reload::jobs_of(config);
        let scraper = Scraper::start(self.scraping(store.clone()), jobs);
        self.give_way(&scraper);
        self.give_way_to_exporters(&scraper);
        let _ = self.shared.scraper.set(scraper);
        let watching = reload::watch(self.shared.clone(), self.stop.clone());
        drop(task::spawn("watch-config", watching));
        let remembering = remembered::write(self.shared.clone(), store.clone(), self.stop.clone());
        drop(task::spawn("remember", remembering));
        let doors = self.open_doors();
        // After the doors, as the rules are: links in notifications name the port.
        telling::start(&self.shared, &store, self.stop.clone());
        self.evaluate_rules(store)?;
        doors
    }

    /// After the doors: links in alerts name the port.
    fn evaluate_rules(&self, store: Store) -> anyhow::Result<()> {
        let source = self.embedded.source_for(Caller {
            name: "rules".to_owned(),
            class: Class::Rules,
            ..Caller::default()
        });
        let runtime = self.runtime.clone();
        let ruler = rules::start(&self.shared, source, store, runtime, self.stop.clone())?;
        let (groups, settings) = rules::rules_of(&self.shared.launch.config, &self.shared);
        ruler.apply(groups, settings);
        let _ = self.shared.alerting.ruler.set(ruler);
        rules::call_heartbeat(&self.shared, self.stop.clone());
        rules::send_on(&self.shared, &self.shared.launch.config);
        let sending = self.shared.alerting.alertmanagers.clone();
        let sending = sending.run(self.shared.clock.clone(), self.stop.clone());
        drop(task::spawn("send-on", sending));
        Ok(())
    }

    /// While a scraped target shows this machine, the built-in copy is not stored, so that no rule
    /// fires twice.
    fn give_way(&self, scraper: &Scraper) {
        let mut shown_by = scraper.shows_this_machine();
        let shared = self.shared.clone();
        let (gate, clock) = (shared.gate.clone(), shared.clock.clone());
        let mut stop = self.stop.clone();
        drop(task::spawn("give-way", async move {
            loop {
                let shown = shown_by.borrow_and_update().clone();
                // First nothing is stored under the name of the other, then it is taken; and back
                // in the other order.
                if shown.is_some() {
                    gate.shut(true, clock.now_ms());
                    shared.stands_for.send_replace(shown);
                } else {
                    shared.stands_for.send_replace(None);
                    gate.shut(false, clock.now_ms());
                }
                tokio::select! {
                    changed = shown_by.changed() => if changed.is_err() { break },
                    () = stop.wait() => break,
                }
            }
        }));
    }

    /// The same for JVMs, one by one: their reader is told which are scraped.
    fn give_way_to_exporters(&self, scraper: &Scraper) {
        let (shared, stop) = (self.shared.clone(), self.stop.clone());
        let containers = scraper.containers();
        drop(task::spawn("give-way", async move {
            shared.containers.give_way(containers, stop).await;
        }));
        let mut scraped = scraper.jvms();
        let (shared, mut stop) = (self.shared.clone(), self.stop.clone());
        drop(task::spawn("give-way", async move {
            loop {
                let now = scraped.borrow_and_update().clone();
                shared.scraped_jvms.send_replace(now);
                tokio::select! {
                    changed = scraped.changed() => if changed.is_err() { break },
                    () = stop.wait() => break,
                }
            }
        }));
    }

    /// The record of the processes is written at every reading: its newest tells when the last
    /// engine stopped reading.
    fn notice_pause(&self, store: &Store) {
        let now = self.shared.started_at;
        if !self.shared.launch.config.host.enabled {
            return;
        }
        let Ok(Some((last, _))) = store.snapshot_at(process_record::KIND, now) else {
            return;
        };
        if now - last > 2 * self.shared.paces.host.borrow().interval.as_millis() as i64 {
            let mark = Mark {
                t: last,
                until: now,
                kind: MarkKind::Gap,
                text: "no engine was running".to_owned(),
            };
            // A gap that cannot be written down is still shown until the next start.
            let written = serde_json::to_vec(&mark)
                .is_ok_and(|body| store.snapshot(gap::KIND, now, &body).is_ok());
            if !written {
                self.shared.past_gaps.lock().push(mark);
            }
        }
    }

    /// Gaps of earlier runs, the newest thousand.
    fn recall_gaps(&self, store: &Store) {
        let now = self.shared.clock.now_ms();
        let kept = store.snapshots_between(gap::KIND, 0, now, 1_000);
        let read = |(_, body): (i64, Vec<u8>)| serde_json::from_slice(&body).ok();
        let marks = kept.unwrap_or_default().into_iter().filter_map(read);
        self.shared.past_gaps.lock().extend(marks);
    }

    fn scraping(&self, store: Store) -> director::Options {
        director::Options {
            sink: Arc::new(store),
            clock: self.shared.clock.clone(),
            names: Some(self.shared.containers.names()),
            this: ThisMachine {
                nodename: self.shared.host_name.clone(),
                booted_at: self.shared.machine().booted_at as f64 / 1000.0,
            },
            data_dir: Some(self.shared.launch.data_dir.clone()),
            max_body: MAX_BODY,
        }
    }

    /// The socket first: a second console finds it. Then the port, whose absence ends only `serve`.
    fn open_doors(&self) -> anyhow::Result<()> {
        let launch = &self.shared.launch;
        let ports = Arc::new(Ports::new(self.shared.clone(), self.embedded.clone()));
        let api = Api::new(
            ports,
            api::Options {
                spec: launch.listen.clone(),
                local: local_of(launch),
                admin: launch.config.api.admin,
                host_name: self.shared.host_name.clone(),
                clock: self.shared.clock.clone(),
                only: None,
            },
        );
        if let Err(e) = self.open_socket(api.respond()) {
            let said = format!("no other console can attach: {e:#}");
            self.shared.problems.set(Trouble::Socket, said);
        }
        let open = Receivers {
            shared: &self.shared,
            embedded: &self.embedded,
            runtime: &self.runtime,
            stop: &self.stop,
        };
        self.doors.lock().extend(open.open());
        match self.runtime.block_on(Bound::bind(launch.listen.clone())) {
            Ok(bound) => {
                self.shared.listening.store(Arc::new(shown(&bound)));
                let (respond, stop) = (api.respond(), self.stop.clone());
                if let Some(port) = launch.container_port {
                    let spec = launch.listen.clone();
                    let respond = respond.clone();
                    let doors = Doors {
                        of: None,
                        port,
                        spec,
                        respond,
                    };
                    let keeping = doors::keep(doors, self.shared.clone(), stop.clone());
                    self.doors
                        .lock()
                        .push(task::spawn("container-doors", keeping));
                }
                let serving = bound.serve(Limits::default(), respond, stop);
                self.doors.lock().push(task::spawn("port", serving));
                Ok(())
            }
            Err(e) => {
                self.shared.listening.store(Arc::new("off".to_owned()));
                Err(e.into())
            }
        }
    }

    fn open_socket(&self, respond: Respond) -> anyhow::Result<()> {
        let launch = &self.shared.launch;
        let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let SocketPlace { path, mode, group } =
            places::place(&launch.data_dir, launch.uid, runtime_dir.as_deref())?;
        let socket = Socket::bind(&path, mode, group)?;
        places::note(&launch.data_dir, &path)?;
        let serving = socket.serve(Limits::default(), respond, self.stop.clone());
        self.doors.lock().push(task::spawn("socket", serving));
        Ok(())
    }
}

pub(crate) fn shown(bound: &Bound) -> String {
    let all: Vec<String> = bound.addresses().iter().map(ToString::to_string).collect();
    if all.is_empty() {
        "off".to_owned()
    } else {
        all.join(", ")
    }
}

fn local_of(launch: &Launch) -> api::Local {
    match launch.config.api.local {
        crate::config::api::Local::Queries => api::Local::Queries,
        crate::config::api::Local::Metrics => api::Local::Metrics,
        crate::config::api::Local::Off => api::Local::Off,
    }
}

/// The threads that answer questions.
fn answering(shared: &Arc<Shared>, runtime: &tokio::runtime::Handle) -> anyhow::Result<Embedded> {
    let embedded = Embedded::new(Parts {
        languages: shared.languages.clone(),
        backstage: Arc::new(Stage::new(shared.clone(), runtime.clone())),
        live: Some(Arc::new(shared.ring.clone())),
        timeout: shared.launch.config.limits.query_time,
    })
    .context("the evaluation threads cannot be started")?;
    let _ = shared.embedded.set(embedded.clone());
    Ok(embedded)
}

/// Starts the thread that reads this server; it rests while the configuration says so.
fn read_host(rounds: Rounds) -> anyhow::Result<Running> {
    let running = rounds.spawn(false);
    running.context("the collector of this server cannot be started")
}

/// Starts the thread that reads the JVMs; it rests while the configuration says so.
fn read_jvms(
    shared: &Shared,
    views: watch::Sender<Arc<Vec<JvmRow>>>,
) -> anyhow::Result<Option<jvm::run::Running>> {
    let config = &shared.launch.config.jvm;
    let parts = jvm::run::Parts {
        jvms: jvm::read::Jvms::of_this_machine(),
        sink: Arc::new(shared.jvm_gate.clone()),
        clock: shared.clock.clone(),
        host: shared.host_name.clone(),
        pace: shared.paces.jvm.subscribe(),
        looked_at: shared.looked_at.clone(),
        views,
        attach: config.attach,
        scraped: shared.scraped_jvms.subscribe(),
        stop: Cancel::never(),
    };
    let running = jvm::run::start(parts);
    running
        .map(Some)
        .context("the reader of JVMs cannot be started")
}

fn setup(
    launch: &Launch,
    gate: &Gate,
    clock: &Clock,
    (stands_for, pace): (watch::Receiver<Option<Labels>>, watch::Receiver<Pace>),
) -> Setup {
    let config = &launch.config.host;
    let labels = config.labels.iter();
    Setup {
        host: HostOptions {
            clock: clock.clone(),
            textfile_directory: config.textfile_directory.clone(),
            switched: config.collectors.clone(),
            picks: config.picks.clone(),
            ..HostOptions::default()
        },
        pace,
        stands_for,
        labels: labels.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        ..Setup::new(Arc::new(gate.clone()), Arc::new(gate.clone()))
    }
}
