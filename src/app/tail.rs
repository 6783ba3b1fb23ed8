//! The reading of logs in the engine: its jobs where nothing is configured, its thread, its rows,
//! and the ports of jobs that are pushed to.

use crate::app::engine::Shared;
use crate::app::heard::Heard;
use crate::base::fs::Fs;
use crate::collect::tail::defaults;
use crate::collect::tail::run::{Parts, Running, start};
use crate::collect::tail::stage::Shared as Stages;
use crate::config::Config;
use crate::config::logs::LogJob;
use crate::model::view::TargetRow;
use crate::store::open::Store;
use crate::store::write::logs::LogSink;
use anyhow::Context;
use chrono::{Local, Offset};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The reader of logs, once it runs.
#[derive(Default)]
pub(crate) struct Tail {
    reading: Mutex<Option<Reading>>,
    /// Jobs for what containers write.
    containers: Mutex<Vec<LogJob>>,
}

struct Reading {
    running: Running,
    rows: watch::Receiver<Arc<Vec<TargetRow>>>,
    heard: Heard,
}

impl Tail {
    pub(crate) fn start(
        &self,
        shared: &Shared,
        store: &Store,
        sink: Arc<dyn LogSink>,
        runtime: &Handle,
    ) -> anyhow::Result<()> {
        let (tell, rows) = watch::channel(Arc::default());
        let stages = Arc::new(Stages::default());
        let running = start(Parts {
            sink: Arc::clone(&sink),
            fs: Fs::real(),
            clock: shared.clock.clone(),
            jobs: self.jobs_of(&shared.launch.config),
            zone,
            rows: tell,
            shared: Arc::clone(&stages),
            metrics: Arc::new(store.clone()),
            instance: shared.host_name.clone(),
        })
        .context("the thread that reads logs cannot be started")?;
        let mut heard = Heard::new(sink, &shared.clock, stages, runtime);
        heard.apply(&self.jobs_of(&shared.launch.config));
        *self.reading.lock() = Some(Reading {
            running,
            rows,
            heard,
        });
        Ok(())
    }

    pub(crate) fn apply(&self, config: &Config) {
        if let Some(reading) = &mut *self.reading.lock() {
            let jobs = self.jobs_of(config);
            reading.heard.apply(&jobs);
            reading.running.apply(jobs);
        }
    }

    /// Reads the files of containers by these jobs from now on.
    pub(crate) fn follow_containers(&self, config: &Config, jobs: Vec<LogJob>) {
        let before = std::mem::replace(&mut *self.containers.lock(), jobs.clone());
        if before != jobs {
            self.apply(config);
        }
    }

    pub(crate) fn rows(&self) -> Vec<TargetRow> {
        let reading = self.reading.lock();
        let Some(reading) = &*reading else {
            return Vec::new();
        };
        let mut rows = reading.rows.borrow().to_vec();
        rows.extend(reading.heard.rows());
        rows
    }

    pub(crate) fn stop(&self) {
        let reading = self.reading.lock().take();
        if let Some(reading) = reading {
            reading.heard.stop();
            reading.running.stop();
        }
    }

    fn jobs_of(&self, config: &Config) -> Vec<LogJob> {
        if !config.logs.enabled || without_defaults(config) {
            return Vec::new();
        }
        let own = reads_containers(config);
        let mut jobs = if config.logs.jobs.is_empty() {
            defaults::jobs(&Fs::real(), !own)
        } else {
            config.logs.jobs.clone()
        };
        if own {
            jobs.extend(self.containers.lock().iter().cloned());
        }
        jobs
    }
}

/// With `off`, nothing is read where nothing is configured, as if `logs.enabled` were `no`: for tests
/// and for images whose logs are no one's.
const DEFAULT_LOGS: &str = "BONGSU_DEFAULT_LOGS";

/// Whether what is read without a configuration is switched off.
fn without_defaults(config: &Config) -> bool {
    config.logs.jobs.is_empty() && std::env::var_os(DEFAULT_LOGS).is_some_and(|v| v == "off")
}

/// Whether what containers write is read by their own reader.
pub(crate) fn reads_containers(config: &Config) -> bool {
    let wanted = config
        .containers
        .logs
        .unwrap_or(config.logs.jobs.is_empty());
    config.logs.enabled && config.containers.enabled && wanted && !without_defaults(config)
}

/// Seconds east of UTC of this server's clock, now.
pub(crate) fn zone() -> i32 {
    chrono::DateTime::from_timestamp_millis(crate::base::clock::Clock::System.now_ms())
        .map_or(0, |t| {
            t.with_timezone(&Local).offset().fix().local_minus_utc()
        })
}
