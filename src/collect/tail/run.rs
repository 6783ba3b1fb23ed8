//! The thread that reads logs: finds files, notices what becomes of them, reads in turns.

pub(crate) mod files;

use crate::base::cancel::Cancel;
use crate::base::clock::{Clock, Duration};
use crate::base::fs::Fs;
use crate::base::task;
use crate::collect::tail::journal::Journal;
use crate::collect::tail::output::Output;
use crate::collect::tail::run::files::Files;
use crate::collect::tail::stage::Shared;
use crate::collect::tail::watch::Watch;
use crate::config::logs::LogJob;
use crate::model::view::{Health, TargetRow};
use crate::store::write::MetricSink;
use crate::store::write::logs::LogSink;
use parking_lot::Mutex;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::watch;

/// The longest wait for news, and how often all files are looked at: with every folder watched,
/// and without.
const TURN_MS: i64 = 250;
const SWEEP_MS: i64 = 10_000;
const SWEEP_UNWATCHED_MS: i64 = 1_000;
/// How often what is known of the jobs is published.
const PUBLISH_MS: i64 = 1_000;
/// How often series that stages count are written.
const WRITE_MS: i64 = 15_000;

/// What the thread is given.
pub struct Parts {
    pub sink: Arc<dyn LogSink>,
    pub fs: Fs,
    pub clock: Clock,
    pub jobs: Vec<LogJob>,
    /// Seconds east of UTC of this server's clock, asked at each sweep.
    pub zone: fn() -> i32,
    pub rows: watch::Sender<Arc<Vec<TargetRow>>>,
    /// What stages count, shared with listeners; written by this thread.
    pub shared: Arc<Shared>,
    pub metrics: Arc<dyn MetricSink>,
    /// This server's name, for series that stages count.
    pub instance: String,
}

/// The reading thread.
pub struct Running {
    stop: Cancel,
    jobs: Arc<Mutex<Option<Vec<LogJob>>>>,
    thread: JoinHandle<bool>,
}

impl Running {
    /// Takes other jobs; files that stay keep their place.
    pub fn apply(&self, jobs: Vec<LogJob>) {
        *self.jobs.lock() = Some(jobs);
    }

    /// Ends the thread; what was read is handed over before.
    pub fn stop(self) {
        self.stop.cancel();
        let _ = self.thread.join();
    }
}

/// Starts reading.
pub fn start(parts: Parts) -> std::io::Result<Running> {
    let stop = Cancel::never();
    let jobs: Arc<Mutex<Option<Vec<LogJob>>>> = Arc::default();
    let thread = task::thread("tail", {
        let (stop, jobs) = (stop.clone(), Arc::clone(&jobs));
        move || run(parts, &stop, &jobs)
    })?;
    Ok(Running { stop, jobs, thread })
}

fn run(parts: Parts, stop: &Cancel, orders: &Mutex<Option<Vec<LogJob>>>) {
    let ends = {
        let stop = stop.clone();
        move || stop.check().is_err()
    };
    let mut out = Output::new(Arc::clone(&parts.sink), Box::new(ends)).sharing(&parts.shared);
    let mut jobs: Vec<Arc<LogJob>> = parts.jobs.into_iter().map(Arc::new).collect();
    let mut files = Files::new(parts.fs.clone(), parts.sink.positions());
    let mut journals = Journal::all(&jobs, &parts.sink, &parts.clock, &parts.shared);
    let mut watched = Watch::new();
    let mut swept = i64::MIN;
    let mut published = i64::MIN;
    let mut written = parts.clock.now_ms();
    let mut sweep = true;
    while stop.check().is_ok() {
        if let Some(new) = orders.lock().take() {
            jobs = new.into_iter().map(Arc::new).collect();
            files.let_go();
            parts.shared.forget_limits();
            journals = Journal::all(&jobs, &parts.sink, &parts.clock, &parts.shared);
            sweep = true;
        }
        let now = parts.clock.now_ms();
        let every = if watched.is_whole() && !files.waits() {
            SWEEP_MS
        } else {
            SWEEP_UNWATCHED_MS
        };
        if sweep || now.saturating_sub(swept) >= every || now < swept {
            let folders = files.sweep(&jobs, (parts.zone)(), now, &mut out);
            watched.set(&folders);
            swept = now;
            sweep = false;
        }
        let more = files.read(now, &mut out);
        if !out.hand_over() && stop.check().is_ok() {
            // The store takes nothing more until the next start: the files keep their lines.
            std::thread::sleep(Duration::from_millis(250));
        }
        if now.saturating_sub(published) >= PUBLISH_MS || now < published {
            let mut rows: Vec<TargetRow> = files.rows(&jobs, &out, watched.lacking.as_deref());
            rows.extend(journals.iter().map(Journal::row));
            parts.rows.send_replace(Arc::new(rows));
            published = now;
        }
        if now.saturating_sub(written) >= WRITE_MS || now < written {
            // A store in trouble says so itself; the counts stay for the next round.
            let _ = parts
                .shared
                .metrics
                .write(&*parts.metrics, &parts.instance, now);
            written = now;
        }
        let heard = watched.wait(if more { 0 } else { TURN_MS });
        files.changed(&heard.files);
        sweep |= heard.names;
    }
    out.hand_over();
    drop(journals);
}

/// What a row says of a source that works, or does not.
fn health(error: &str, works: bool) -> Health {
    match (error.is_empty(), works) {
        (_, true) => Health::BuiltIn,
        (true, false) => Health::Unknown,
        (false, false) => Health::Down,
    }
}
