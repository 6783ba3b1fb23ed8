//! The life of one target: wait, ask, read, store, again.
//!
//! Scrapes fall on the target's own place in the interval, so that many targets are spread and
//! timestamps stay equally far apart. The first comes at once (within [`FIRST_WITHIN`]): who adds a
//! target with an hour's interval wants to see it now.

use crate::base::clock::{self, Clock, Duration};
use crate::base::net::client::Client;
use crate::base::task;
use crate::collect::scrape::INGESTING;
use crate::collect::scrape::fetch::{Answer, Asking};
use crate::collect::scrape::ingest::{Body, Ingest, Taken, ThisMachine, refused};
use crate::collect::scrape::plan::Target;
use crate::config::scrape::ScrapeConfig;
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::view::Health;
use crate::store::write::{Append, MetricSink, SeriesId, WriteError};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore, watch};

/// The first scrapes of new targets are spread over this much.
const FIRST_WITHIN: Duration = Duration::from_secs(2);

/// A scrape that starts at most this late is dated as planned: a hundredth of the interval, and no
/// more than this.
const MOST_LATENESS: i64 = 20;

/// Bodies and batches that are kept for the next scrape, and how large each may be.
const KEPT_BUFFERS: usize = 2;
const KEPT_BYTES: usize = 4 << 20;

/// What all loops share.
pub(crate) struct Shared {
    pub(crate) sink: Arc<dyn MetricSink>,
    pub(crate) clock: Clock,
    pub(crate) this: Arc<ThisMachine>,
    pub(crate) max_body: u64,
    /// Told when a row has changed.
    pub(crate) changed: Notify,
    ingesting: Semaphore,
    buffers: Mutex<Vec<Buffers>>,
}

/// Memory that goes from scrape to scrape.
#[derive(Default)]
struct Buffers {
    body: Vec<u8>,
    batch: Vec<Append>,
}

impl Shared {
    pub(crate) fn new(
        sink: Arc<dyn MetricSink>,
        clock: Clock,
        this: ThisMachine,
        max_body: u64,
    ) -> Self {
        Self {
            sink,
            clock,
            this: Arc::new(this),
            max_body,
            changed: Notify::new(),
            ingesting: Semaphore::new(INGESTING),
            buffers: Mutex::new(Vec::new()),
        }
    }

    fn take_buffers(&self) -> Buffers {
        self.buffers.lock().pop().unwrap_or_default()
    }

    fn give_back(&self, mut buffers: Buffers) {
        buffers.body.clear();
        buffers.batch.clear();
        let bytes = buffers.body.capacity() + buffers.batch.capacity() * size_of::<Append>();
        let mut kept = self.buffers.lock();
        if bytes <= KEPT_BYTES && kept.len() < KEPT_BUFFERS {
            kept.push(buffers);
        }
    }
}

/// How a target is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Status {
    pub(crate) health: Health,
    pub(crate) last_scrape: i64,
    pub(crate) last_good: i64,
    pub(crate) duration_ms: f64,
    pub(crate) samples: u64,
    pub(crate) error: String,
    pub(crate) remark: String,
    pub(crate) shows_this_machine: bool,
    /// When the JVM that it shows began, in seconds since the epoch.
    pub(crate) jvm_began_at: Option<f64>,
    /// Its own pid and its host's name.
    pub(crate) jvm_process: Option<(i32, String)>,
    /// Ids of containers that it shows.
    pub(crate) containers: Vec<String>,
    /// Bytes of the series cache.
    pub(crate) bytes: usize,
}

/// Why a loop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Running,
    /// The target is no target any more: its series are marked as ended.
    Removed,
    /// The process ends, or another loop takes over the same series.
    Quiet,
}

/// A running loop, as its director holds it.
pub(crate) struct Running {
    pub(crate) job: Arc<ScrapeConfig>,
    pub(crate) target: Arc<Target>,
    pub(crate) status: Arc<Mutex<Status>>,
    end: watch::Sender<Ending>,
    task: tokio::task::JoinHandle<Option<()>>,
}

impl Running {
    /// Starts a loop on the current runtime. `client` is the reason where there is none.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        job: &Arc<ScrapeConfig>,
        target: Target,
        client: Result<Client, String>,
    ) -> Self {
        let target = Arc::new(target);
        let status = Arc::new(Mutex::new(Status::default()));
        let (end, ending) = watch::channel(Ending::Running);
        let life = Life {
            asking: Asking::new(job, &target, shared.max_body),
            shared: Arc::clone(shared),
            job: Arc::clone(job),
            target: Arc::clone(&target),
            status: Arc::clone(&status),
            client,
            own: None,
        };
        Self {
            job: Arc::clone(job),
            target,
            status,
            end,
            task: task::spawn("scrape", life.run(ending)),
        }
    }

    /// Ends the loop; the future returns once it has.
    pub(crate) async fn end(self, how: Ending) {
        self.end.send_replace(how);
        let _ = self.task.await;
    }
}

/// One target's state inside its task.
struct Life {
    shared: Arc<Shared>,
    job: Arc<ScrapeConfig>,
    target: Arc<Target>,
    status: Arc<Mutex<Status>>,
    client: Result<Client, String>,
    asking: Asking,
    /// `up` and its like, in the fixed order of the synthetic series.
    own: Option<Vec<SeriesId>>,
}

impl Life {
    async fn run(mut self, mut ending: watch::Receiver<Ending>) {
        let (job, target) = (Arc::clone(&self.job), Arc::clone(&self.target));
        let mut ingest = Ingest::new(job, target, Arc::clone(&self.shared.this));
        let mut planned = self.first();
        loop {
            let wait = planned - self.shared.clock.now_ms();
            let wait = Duration::from_millis(wait.max(0) as u64);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = ending.wait_for(|e| *e != Ending::Running) => break,
            }
            let t = self.dated(planned);
            let mut buffers = self.shared.take_buffers();
            let started = clock::monotonic();
            let answer = tokio::select! {
                answer = self.ask(&mut buffers.body) => answer,
                _ = ending.wait_for(|e| *e != Ending::Running) => break,
            };
            let scrape = Scrape { t, started, answer };
            (self, ingest) = self.store(ingest, buffers, scrape).await;
            planned = self.next();
        }
        if *ending.borrow() == Ending::Removed {
            self.mark_removed(ingest).await;
        }
    }

    fn interval(&self) -> i64 {
        (self.target.interval.as_millis() as i64).max(1)
    }

    fn first(&self) -> i64 {
        let within = (FIRST_WITHIN.as_millis() as u64)
            .min(self.interval() as u64)
            .max(1);
        self.shared.clock.now_ms() + (self.target.spread() % within) as i64
    }

    /// The next place of this target in its interval.
    fn next(&self) -> i64 {
        let (now, interval) = (self.shared.clock.now_ms(), self.interval());
        let offset = (self.target.spread() % interval as u64) as i64;
        let next = now - (now - offset).rem_euclid(interval) + interval;
        // Right behind the first scrape: leave half an interval free.
        let last = self.status.lock().last_scrape;
        if next - last < interval / 2 {
            next + interval
        } else {
            next
        }
    }

    fn dated(&self, planned: i64) -> i64 {
        let now = self.shared.clock.now_ms();
        let tolerated = MOST_LATENESS.min(self.interval() / 100);
        if (0..=tolerated).contains(&(now - planned)) {
            planned
        } else {
            now
        }
    }

    async fn ask(&self, body: &mut Vec<u8>) -> Result<Answer, String> {
        if !self.target.refused.is_empty() {
            return Err(self.target.refused.clone());
        }
        let client = self.client.as_ref().map_err(Clone::clone)?;
        self.asking.ask(client, &self.target, body).await
    }

    /// Reads and stores on the pool for what may block, and takes everything back from there.
    async fn store(self, ingest: Ingest, buffers: Buffers, scrape: Scrape) -> (Self, Ingest) {
        let shared = Arc::clone(&self.shared);
        let (job, target) = (Arc::clone(&self.job), Arc::clone(&self.target));
        let (status, client, asking) = (
            Arc::clone(&self.status),
            self.client.clone(),
            self.asking.clone(),
        );
        let permit = shared.ingesting.acquire().await;
        let work = tokio::task::spawn_blocking(move || {
            let (mut life, mut ingest, mut buffers) = (self, ingest, buffers);
            life.take(&mut ingest, &mut buffers, scrape);
            life.shared.give_back(buffers);
            (life, ingest)
        });
        let done = work.await;
        drop(permit);
        shared.changed.notify_one();
        done.unwrap_or_else(|_| {
            "reading the answer failed inside bongsu".clone_into(&mut status.lock().error);
            let fresh = Ingest::new(
                Arc::clone(&job),
                Arc::clone(&target),
                Arc::clone(&shared.this),
            );
            let own = None;
            (
                Self {
                    shared,
                    job,
                    target,
                    status,
                    client,
                    asking,
                    own,
                },
                fresh,
            )
        })
    }

    fn take(&mut self, ingest: &mut Ingest, buffers: &mut Buffers, scrape: Scrape) {
        let Buffers { body, batch } = buffers;
        let certificate = scrape.answer.as_ref().ok().and_then(|a| a.certificate_ends);
        let mut ended = Err(String::new());
        // A second time only where the store has dropped series that this target still shows.
        for _ in 0..2 {
            batch.clear();
            let facts = |scrape: &Scrape| Facts {
                t: scrape.t,
                seconds: scrape.started.elapsed().as_secs_f64(),
                body: body.len() as u64,
                certificate,
            };
            // What tells of the target has its place before a flood of its series takes all.
            let own = self.own_values(None, &facts(&scrape));
            let _ = self.resolve_own(&own);
            ended = match &scrape.answer {
                Ok(answer) => {
                    let (bytes, format, t) = (body.as_slice(), answer.format, scrape.t);
                    ingest.read(Body { bytes, format, t }, &*self.shared.sink, batch)
                }
                Err(why) => Err(why.clone()),
            };
            if ended.is_err() {
                ingest.mark_all(scrape.t, batch);
            }
            let gone = match self.commit(&mut ended, &facts(&scrape), batch) {
                Ok(gone) => gone,
                Err(why) => {
                    ended = Err(refused(&why));
                    break;
                }
            };
            if gone.is_empty() {
                break;
            }
            self.own = None;
            ingest.forget(&gone);
        }
        self.note(ended, &scrape, ingest);
    }

    /// Appends the batch with the target's own series; gives the series that the store dropped.
    fn commit(
        &mut self,
        ended: &mut Result<Taken, String>,
        facts: &Facts,
        batch: &mut Vec<Append>,
    ) -> Result<Vec<SeriesId>, WriteError> {
        let sink = Arc::clone(&self.shared.sink);
        let values = self.own_values(ended.as_ref().ok(), facts);
        self.resolve_own(&values)?;
        let ids = self.own.iter().flatten();
        batch.extend(ids.zip(&values).map(|(id, (_, v))| Append {
            series: *id,
            t: facts.t,
            v: *v,
        }));
        let appended = sink.append(batch)?;
        if let Ok(taken) = ended {
            let mut say = |count: u64, what: &str| {
                if count > 0 {
                    taken.remarks.push(format!("{count} {what}"));
                }
            };
            say(
                appended.out_of_order,
                "samples were too old for their series and were left out",
            );
            say(
                appended.duplicate,
                "samples had the time of an earlier one and were left out",
            );
        }
        Ok(appended.gone)
    }

    /// Finds the synthetic series in the store, unless they are known.
    fn resolve_own(&mut self, values: &[(&'static str, f64)]) -> Result<(), WriteError> {
        let known = self.own.as_ref().is_some_and(|o| o.len() == values.len());
        if !known {
            let sink = &self.shared.sink;
            let resolved: Result<Vec<SeriesId>, WriteError> = values
                .iter()
                .map(|(name, _)| sink.resolve(&self.own_labels(name)))
                .collect();
            self.own = Some(resolved?);
        }
        Ok(())
    }

    /// The synthetic series of a scrape, by name.
    fn own_values(&self, taken: Option<&Taken>, facts: &Facts) -> Vec<(&'static str, f64)> {
        let count = |f: fn(&Taken) -> u64| taken.map_or(0.0, |t| f(t) as f64);
        let mut out = vec![
            ("up", f64::from(u8::from(taken.is_some()))),
            ("scrape_duration_seconds", facts.seconds),
            ("scrape_samples_scraped", count(|t| t.scraped)),
            ("scrape_samples_post_metric_relabeling", count(|t| t.kept)),
            ("scrape_series_added", count(|t| t.added)),
        ];
        if self.job.scraping.extra_scrape_metrics {
            out.push(("scrape_timeout_seconds", self.target.timeout.as_secs_f64()));
            out.push((
                "scrape_sample_limit",
                self.job.scraping.limits.samples as f64,
            ));
            out.push(("scrape_body_size_bytes", facts.body as f64));
        }
        if let Some(ends) = facts.certificate {
            out.push((
                "bongsu_target_certificate_expiry_timestamp_seconds",
                ends as f64,
            ));
        }
        out
    }

    fn own_labels(&self, name: &str) -> Labels {
        let mut labels = self.target.labels.edit();
        labels.set(METRIC_NAME, name);
        labels.finish()
    }

    /// Leaves in the row what came of the scrape.
    fn note(&self, ended: Result<Taken, String>, scrape: &Scrape, ingest: &Ingest) {
        let mut status = self.status.lock();
        status.last_scrape = scrape.t;
        status.duration_ms = scrape.started.elapsed().as_secs_f64() * 1000.0;
        status.bytes = ingest.bytes();
        match ended {
            Ok(taken) => {
                status.health = Health::Up;
                status.last_good = scrape.t;
                status.samples = taken.scraped;
                status.error.clear();
                status.remark = taken.remarks.join("; ");
                status.shows_this_machine = ingest.shows_this_machine();
                status.jvm_began_at = ingest.jvm_began_at();
                status.jvm_process = ingest.jvm_process();
                status.containers = ingest.containers();
            }
            Err(why) => {
                status.health = Health::Down;
                status.samples = 0;
                status.error = why;
                status.remark.clear();
            }
        }
    }

    /// Marks every series of a target that is gone, its own ones too.
    async fn mark_removed(self, mut ingest: Ingest) {
        let work = tokio::task::spawn_blocking(move || {
            let t = self.shared.clock.now_ms();
            let mut batch = Vec::new();
            ingest.mark_all(t, &mut batch);
            let v = crate::model::sample::stale_marker();
            let own = self.own.iter().flatten();
            batch.extend(own.map(|id| Append { series: *id, t, v }));
            // A store that refuses says so to those who still write.
            let _ = self.shared.sink.append(&batch);
        });
        let _ = work.await;
    }
}

/// What asking has given.
struct Scrape {
    t: i64,
    started: clock::Instant,
    answer: Result<Answer, String>,
}

/// What the synthetic series tell.
struct Facts {
    t: i64,
    seconds: f64,
    body: u64,
    certificate: Option<i64>,
}
