//! The reading of logs in the engine: its jobs where nothing is configured, its thread, its rows.

use crate::app::engine::Shared;
use crate::base::fs::Fs;
use crate::collect::tail::defaults;
use crate::collect::tail::run::{Parts, Running, start};
use crate::config::Config;
use crate::config::logs::LogJob;
use crate::model::view::TargetRow;
use crate::store::open::Store;
use anyhow::Context;
use chrono::{Local, Offset};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;

/// The reader of logs, once it runs.
#[derive(Default)]
pub(crate) struct Tail(Mutex<Option<(Running, Rows)>>);

type Rows = watch::Receiver<Arc<Vec<TargetRow>>>;

impl Tail {
    pub(crate) fn start(&self, shared: &Shared, store: &Store) -> anyhow::Result<()> {
        let (tell, rows) = watch::channel(Arc::default());
        let running = start(Parts {
            sink: Arc::new(store.clone()),
            fs: Fs::real(),
            clock: shared.clock.clone(),
            jobs: jobs_of(&shared.launch.config),
            zone,
            rows: tell,
        })
        .context("the thread that reads logs cannot be started")?;
        *self.0.lock() = Some((running, rows));
        Ok(())
    }

    pub(crate) fn apply(&self, config: &Config) {
        if let Some((running, _)) = &*self.0.lock() {
            running.apply(jobs_of(config));
        }
    }

    pub(crate) fn rows(&self) -> Vec<TargetRow> {
        let tail = self.0.lock();
        let rows = tail.as_ref().map(|(_, rows)| rows.borrow().clone());
        rows.map(|r| r.to_vec()).unwrap_or_default()
    }

    pub(crate) fn stop(&self) {
        let running = self.0.lock().take();
        if let Some((running, _)) = running {
            running.stop();
        }
    }
}

fn jobs_of(config: &Config) -> Vec<LogJob> {
    match (config.logs.enabled, config.logs.jobs.is_empty()) {
        (false, _) => Vec::new(),
        (true, true) => defaults::jobs(&Fs::real()),
        (true, false) => config.logs.jobs.clone(),
    }
}

/// Seconds east of UTC of this server's clock, now.
fn zone() -> i32 {
    chrono::DateTime::from_timestamp_millis(crate::base::clock::Clock::System.now_ms())
        .map_or(0, |t| {
            t.with_timezone(&Local).offset().fix().local_minus_utc()
        })
}
