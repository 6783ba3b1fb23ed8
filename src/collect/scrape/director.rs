//! Starts, keeps and ends the loops of all targets as configuration and files change.
//!
//! One task owns everything here; the rest of the program talks to it through [`Scraper`]. A change
//! of the configuration or of a watched file keeps the loops, counters and caches of the targets
//! that it leaves alone.

use crate::base::clock::{Clock, Duration};
use crate::base::net::client::{Client, ClientOptions, Names};
use crate::base::task;
use crate::collect::discovery::Watched;
use crate::collect::scrape::added;
use crate::collect::scrape::ingest::ThisMachine;
use crate::collect::scrape::plan::{Outcome, Plan, Target, plan};
use crate::collect::scrape::target_loop::{Ending, Running, Shared, Status};
use crate::collect::scrape::trial;
use crate::config::scrape::ScrapeConfig;
use crate::model::action;
use crate::model::labels::Labels;
use crate::model::view::TargetRow;
use crate::store::write::MetricSink;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// How often watched files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Rows are published at most this often.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);
/// Dropped targets that are shown.
const MOST_DROPPED: usize = 500;
/// A target that showed this machine and has been silent for longer does not speak for it any more.
const SPEAKS_FOR: i64 = 5 * 60 * 1000;
/// Where nothing is configured: bytes of an answer.
pub const MAX_BODY: u64 = 64 << 20;

/// What scraping needs from the rest of the program.
pub struct Options {
    pub sink: Arc<dyn MetricSink>,
    pub clock: Clock,
    /// Asked where DNS does not know a target's host: the names of containers.
    pub names: Option<Arc<dyn Names>>,
    pub this: ThisMachine,
    /// Targets added from the console are kept in `targets/` below it.
    pub data_dir: Option<PathBuf>,
    /// Largest answer where the job's `body_size_limit` says nothing, in bytes.
    pub max_body: u64,
}

/// The jobs of one version of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    pub scrape: Vec<ScrapeConfig>,
    /// `global.scrape_interval`, for targets added from the console.
    pub interval: Duration,
}

/// The way to the task that scrapes. Dropping it ends scraping.
#[derive(Clone)]
pub struct Scraper {
    orders: mpsc::Sender<Order>,
    rows: watch::Receiver<Arc<Vec<TargetRow>>>,
    shown_by: watch::Receiver<Option<Labels>>,
    jvms: watch::Receiver<Arc<Vec<ScrapedJvm>>>,
    containers: watch::Receiver<Arc<Vec<ScrapedContainers>>>,
}

/// A target that shows containers.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapedContainers {
    /// The newest of them: 64 hexadecimal digits each.
    pub ids: Vec<String>,
    /// The target's labels.
    pub labels: Labels,
}

/// A JVM whose exporter is scraped, known by when it began or by its process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScrapedJvm {
    /// Seconds since the epoch, to the millisecond; 0 where the exporter does not tell.
    pub began_at: f64,
    /// Its pid as it sees it itself, and the name of its host, as OpenTelemetry tells them.
    pub process: Option<(i32, String)>,
    /// The target's `instance`.
    pub instance: String,
}

enum Order {
    Apply(Jobs, oneshot::Sender<()>),
    Try(String, oneshot::Sender<action::Outcome>),
    Add(added::New, oneshot::Sender<action::Outcome>),
    Stop(oneshot::Sender<()>),
}

impl Scraper {
    /// Starts on the current runtime.
    pub fn start(options: Options, jobs: Jobs) -> Self {
        let (orders, received) = mpsc::channel(16);
        let (rows, rows_seen) = watch::channel(Arc::default());
        let (shown_by, shown_by_seen) = watch::channel(None);
        let (jvms, jvms_seen) = watch::channel(Arc::default());
        let (containers, containers_seen) = watch::channel(Arc::default());
        let shared = Shared::new(
            options.sink,
            options.clock,
            options.this,
            options.max_body.max(1 << 10),
        );
        let director = Director {
            shared: Arc::new(shared),
            names: options.names,
            data_dir: options.data_dir,
            jobs: Vec::new(),
            watched: Watched::default(),
            plans: Vec::new(),
            loops: HashMap::new(),
            clients: Vec::new(),
            rows,
            shown_by,
            jvms,
            containers,
        };
        drop(task::spawn("scrape director", director.run(jobs, received)));
        Self {
            orders,
            rows: rows_seen,
            shown_by: shown_by_seen,
            jvms: jvms_seen,
            containers: containers_seen,
        }
    }

    /// The JVMs whose exporters are scraped: the built-in copies of their series give way.
    pub fn jvms(&self) -> watch::Receiver<Arc<Vec<ScrapedJvm>>> {
        self.jvms.clone()
    }

    /// The targets that show containers: where they are of this machine, the built-in copies give
    /// way.
    pub fn containers(&self) -> watch::Receiver<Arc<Vec<ScrapedContainers>>> {
        self.containers.clone()
    }

    /// The targets as they are, newest first in time: a row changes when its scrape ends.
    pub fn rows(&self) -> watch::Receiver<Arc<Vec<TargetRow>>> {
        self.rows.clone()
    }

    /// The labels of the target that shows the machine we run on, where there is one: the built-in
    /// copy of its series gives way to it.
    pub fn shows_this_machine(&self) -> watch::Receiver<Option<Labels>> {
        self.shown_by.clone()
    }

    /// Takes a new configuration. Returns once its loops run.
    pub async fn apply(&self, jobs: Jobs) {
        self.order(|done| Order::Apply(jobs, done)).await;
    }

    /// Scrapes once without storing.
    pub async fn try_target(&self, url: String) -> action::Outcome {
        self.order(|done| Order::Try(url, done))
            .await
            .unwrap_or_else(ended)
    }

    /// Writes a target down in the data directory and scrapes it from now on.
    pub async fn add_target(
        &self,
        url: String,
        job: String,
        labels: Vec<(String, String)>,
    ) -> action::Outcome {
        let new = added::New { url, job, labels };
        self.order(|done| Order::Add(new, done))
            .await
            .unwrap_or_else(ended)
    }

    /// Ends all loops without marking their series as ended: the process stops, the targets do not.
    pub async fn stop(&self) {
        self.order(Order::Stop).await;
    }

    async fn order<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (done, result) = oneshot::channel();
        self.orders.send(make(done)).await.ok()?;
        result.await.ok()
    }
}

fn ended() -> action::Outcome {
    action::Outcome::Refused {
        said: "scraping has ended; start bongsu again".to_owned(),
    }
}

/// What makes a loop the same loop.
type Key = (String, Labels, String);

fn key(job: &ScrapeConfig, target: &Target) -> Key {
    (
        job.job_name.clone(),
        target.labels.clone(),
        target.url.clone(),
    )
}

struct Director {
    shared: Arc<Shared>,
    names: Option<Arc<dyn Names>>,
    data_dir: Option<PathBuf>,
    jobs: Vec<Arc<ScrapeConfig>>,
    watched: Watched,
    /// Every discovered target, by the place of its job.
    plans: Vec<(usize, Plan)>,
    loops: HashMap<Key, Running>,
    clients: Vec<(ClientOptions, Client)>,
    rows: watch::Sender<Arc<Vec<TargetRow>>>,
    shown_by: watch::Sender<Option<Labels>>,
    jvms: watch::Sender<Arc<Vec<ScrapedJvm>>>,
    containers: watch::Sender<Arc<Vec<ScrapedContainers>>>,
}

impl Director {
    async fn run(mut self, jobs: Jobs, mut orders: mpsc::Receiver<Order>) {
        self.apply(jobs).await;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let shared = Arc::clone(&self.shared);
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Stop(done)) => {
                        self.stop().await;
                        let _ = done.send(());
                        return;
                    }
                    Some(order) => self.carry_out(order).await,
                    None => return self.stop().await,
                },
                _ = look.tick() => self.look().await,
                () = shared.changed.notified() => {
                    self.publish();
                    // A thousand targets are copied less often than ten.
                    let rows = self.plans.len() as u32;
                    tokio::time::sleep(PUBLISH_EVERY * (1 + rows / 100).min(8)).await;
                }
            }
        }
    }

    async fn carry_out(&mut self, order: Order) {
        match order {
            Order::Apply(jobs, done) => {
                self.apply(jobs).await;
                let _ = done.send(());
            }
            Order::Try(url, done) => {
                let names = self.names.clone();
                let this = Arc::clone(&self.shared.this);
                // A task of its own: a slow target must not keep the others waiting.
                drop(task::spawn("trial scrape", async move {
                    let _ = done.send(trial::run(&url, names, &this).await);
                }));
            }
            Order::Add(new, done) => {
                let said = added::write(self.data_dir.clone(), new).await;
                if matches!(said, action::Outcome::Done { .. }) {
                    self.look().await;
                }
                let _ = done.send(said);
            }
            Order::Stop(_) => {}
        }
    }

    /// Waits for all loops, which end at once.
    async fn stop(&mut self) {
        for (_, running) in self.loops.drain() {
            running.end(Ending::Quiet).await;
        }
    }

    async fn apply(&mut self, jobs: Jobs) {
        let own = self
            .data_dir
            .as_deref()
            .map(|dir| added::job(dir, jobs.interval));
        let all = jobs.scrape.into_iter().chain(own);
        // A job that says what it said before keeps its `Arc`, and with it its loops.
        self.jobs = all
            .map(|job| {
                let same = self.jobs.iter().find(|known| ***known == job);
                same.map_or_else(|| Arc::new(job.clone()), Arc::clone)
            })
            .collect();
        self.look_at_files().await;
        self.sync().await;
    }

    async fn look(&mut self) {
        if self.look_at_files().await {
            self.sync().await;
        }
    }

    async fn look_at_files(&mut self) -> bool {
        if self.jobs.iter().all(|job| job.file_sd.is_empty()) {
            return false;
        }
        let (jobs, mut watched) = (self.jobs.clone(), std::mem::take(&mut self.watched));
        let work = tokio::task::spawn_blocking(move || {
            let changed = watched.look(jobs.iter().flat_map(|job| &job.file_sd));
            (watched, changed)
        });
        let Ok((watched, changed)) = work.await else {
            return false;
        };
        self.watched = watched;
        changed
    }

    /// Makes the loops what jobs and files say.
    async fn sync(&mut self) {
        let mut before = std::mem::take(&mut self.loops);
        self.plans.clear();
        let jobs = self.jobs.clone();
        for (place, job) in jobs.iter().enumerate() {
            let mut plans: Vec<Plan> = self
                .watched
                .targets(job)
                .iter()
                .map(|found| plan(job, found))
                .collect();
            limit_targets(job, &mut plans);
            for plan in &plans {
                if let Outcome::Scrape(target) = &plan.outcome {
                    self.keep_or_start(job, target, &mut before).await;
                }
            }
            self.plans
                .extend(plans.into_iter().map(|plan| (place, plan)));
        }
        for (_, running) in before {
            // A loop that takes over the same series goes on with them.
            let labels = &running.target.labels;
            let goes_on = self.loops.values().any(|l| l.target.labels == *labels);
            running
                .end(if goes_on {
                    Ending::Quiet
                } else {
                    Ending::Removed
                })
                .await;
        }
        self.publish();
    }

    async fn keep_or_start(
        &mut self,
        job: &Arc<ScrapeConfig>,
        target: &Target,
        before: &mut HashMap<Key, Running>,
    ) {
        let key = key(job, target);
        if self.loops.contains_key(&key) {
            return; // the same target twice is scraped once
        }
        let running = match before.remove(&key) {
            Some(same) if Arc::ptr_eq(&same.job, job) && *same.target == *target => same,
            Some(other) => {
                other.end(Ending::Quiet).await;
                self.start(job, target)
            }
            None => self.start(job, target),
        };
        self.loops.insert(key, running);
    }

    fn start(&mut self, job: &Arc<ScrapeConfig>, target: &Target) -> Running {
        let client = self.client(job);
        Running::start(&self.shared, job, target.clone(), client)
    }

    /// One client for all jobs with the same settings.
    fn client(&mut self, job: &ScrapeConfig) -> Result<Client, String> {
        let options = job.http.client_options()?;
        if let Some((_, client)) = self.clients.iter().find(|(known, _)| *known == options) {
            return Ok(client.clone());
        }
        let client = Client::new(&options, self.names.clone()).map_err(|e| e.to_string())?;
        self.clients.push((options, client.clone()));
        Ok(client)
    }

    fn publish(&self) {
        let mut rows = Vec::with_capacity(self.plans.len());
        let mut dropped = 0;
        let mut shown_by = None;
        let mut jvms = Vec::new();
        let mut containers = Vec::new();
        for (place, plan) in &self.plans {
            let job = &self.jobs[*place];
            let row = match &plan.outcome {
                Outcome::Dropped => {
                    dropped += 1;
                    if dropped > MOST_DROPPED {
                        continue;
                    }
                    dropped_row(job, plan)
                }
                Outcome::Scrape(target) => match self.loops.get(&key(job, target)) {
                    Some(running) => {
                        let mut status = running.status.lock().clone();
                        let mut row = row(plan, target, &status);
                        let known = status.jvm_began_at.is_some() || status.jvm_process.is_some();
                        if known && self.speaks(&status) {
                            jvms.push(ScrapedJvm {
                                began_at: status.jvm_began_at.unwrap_or(0.0),
                                process: status.jvm_process.clone(),
                                instance: row.instance.clone(),
                            });
                        }
                        let ids = std::mem::take(&mut status.containers);
                        if !ids.is_empty() && self.speaks(&status) {
                            let labels = row.labels.clone();
                            containers.push(ScrapedContainers { ids, labels });
                        }
                        self.note_container(&mut row);
                        if self.speaks_for_this_machine(&status) && shown_by.is_none() {
                            shown_by = Some(row.labels.clone());
                        }
                        row
                    }
                    None => continue,
                },
            };
            rows.push(row);
        }
        for job in &self.jobs {
            rows.extend(
                self.watched
                    .problems(job)
                    .into_iter()
                    .map(|why| problem_row(job, why)),
            );
        }
        self.rows.send_replace(Arc::new(rows));
        self.shown_by.send_if_modified(|now| {
            let differs = *now != shown_by;
            *now = shown_by;
            differs
        });
        self.jvms.send_if_modified(|now| {
            let differs = **now != jvms;
            *now = Arc::new(jvms);
            differs
        });
        self.containers.send_if_modified(|now| {
            let differs = **now != containers;
            *now = Arc::new(containers);
            differs
        });
    }

    /// Says where a target was reached whose host only the container network knows.
    fn note_container(&self, row: &mut TargetRow) {
        let host = crate::base::net::client::host_of(&row.url);
        let via = self.names.as_ref().and_then(|names| names.via(host?));
        if let Some(via) = via {
            let join = if row.remark.is_empty() { "" } else { "; " };
            row.remark = format!("via {via}{join}{}", row.remark);
        }
    }

    fn speaks_for_this_machine(&self, status: &Status) -> bool {
        status.shows_this_machine && self.speaks(status)
    }

    /// Whether it answered lately.
    fn speaks(&self, status: &Status) -> bool {
        self.shared.clock.now_ms() - status.last_good < SPEAKS_FOR
    }
}

/// Over the job's `target_limit` none of its targets is scraped, as in Prometheus.
fn limit_targets(job: &ScrapeConfig, plans: &mut [Plan]) {
    let limit = job.scraping.limits.targets;
    let targets = plans.iter_mut().filter_map(|p| match &mut p.outcome {
        Outcome::Scrape(target) => Some(target),
        Outcome::Dropped => None,
    });
    let targets: Vec<&mut Target> = targets.collect();
    let count = targets.len() as u64;
    if limit == 0 || count <= limit {
        return;
    }
    for target in targets {
        target.refused =
            format!("the job has {count} targets and its target_limit is {limit}: none is scraped");
    }
}

fn row(plan: &Plan, target: &Target, status: &Status) -> TargetRow {
    let mut remark = status.remark.clone();
    if status.shows_this_machine {
        let join = if remark.is_empty() { "" } else { "; " };
        remark.push_str(join);
        remark.push_str("shows this machine: the built-in copy gives way to it");
    }
    TargetRow {
        job: target.labels.get("job").to_owned(),
        instance: target.labels.get("instance").to_owned(),
        url: target.url.clone(),
        health: status.health,
        labels: target.labels.clone(),
        discovered: plan.discovered.clone(),
        relabel_steps: plan.steps.clone(),
        dropped: false,
        last_scrape: status.last_scrape,
        last_good: status.last_good,
        duration_ms: status.duration_ms,
        interval_ms: target.interval.as_millis() as i64,
        samples: status.samples,
        error: status.error.clone(),
        remark,
    }
}

fn dropped_row(job: &ScrapeConfig, plan: &Plan) -> TargetRow {
    TargetRow {
        job: job.job_name.clone(),
        instance: plan
            .discovered
            .get(crate::collect::discovery::ADDRESS)
            .to_owned(),
        discovered: plan.discovered.clone(),
        relabel_steps: plan.steps.clone(),
        dropped: true,
        ..TargetRow::default()
    }
}

/// A file of targets that could not be read is as visible as a target that is down.
fn problem_row(job: &ScrapeConfig, why: String) -> TargetRow {
    TargetRow {
        job: job.job_name.clone(),
        health: crate::model::view::Health::Down,
        error: why,
        remark: "the targets it named before are still scraped".to_owned(),
        ..TargetRow::default()
    }
}
