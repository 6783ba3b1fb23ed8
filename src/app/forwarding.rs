//! Sending log lines on: the way into the store, with a queue beside it where `logs.clients` names a
//! Loki, and the senders that read the queue.

use crate::app::engine::Shared;
use crate::app::health::Trouble;
use crate::base::fs::Fs;
use crate::base::net::client::Client;
use crate::base::task::{self, Stop};
use crate::forward::loki::{Sender, Told, forget, record};
use crate::forward::spool::Spool;
use crate::model::labels::Labels;
use crate::model::log_entry::LogEntry;
use crate::model::view::{Health, TargetRow};
use crate::store::open::Store;
use crate::store::write::WriteError;
use crate::store::write::logs::{LogBatch, LogSink, StreamId};
use crate::wire::loki_push::PushStream;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// Bytes on disk of lines that wait.
const MOST: u64 = 1 << 30;

/// Every way in for lines: the store, and the queue where there is one.
pub(crate) struct Lines {
    store: Store,
    queue: Option<Queue>,
}

struct Queue {
    spool: Arc<Spool>,
    labels: Mutex<HashMap<StreamId, Labels>>,
    senders: Vec<(String, Arc<Told>)>,
    news: Vec<Arc<Notify>>,
    /// Why lines could not be queued; empty where they could.
    trouble: Arc<Mutex<String>>,
    /// Lines that could not.
    left_out: AtomicU64,
}

impl Lines {
    /// Opens the queue and starts the senders, where any is configured. Called within the runtime.
    pub(crate) fn open(shared: &Shared, store: &Store, stop: &Stop) -> Self {
        let queue = queue(shared, store, stop).unwrap_or_else(|said| {
            let said = format!("lines are not sent on: {said}");
            shared.problems.set(Trouble::Forwarding, said);
            None
        });
        Self {
            store: store.clone(),
            queue,
        }
    }

    pub(crate) fn rows(&self) -> Vec<TargetRow> {
        let Some(queue) = &self.queue else {
            return Vec::new();
        };
        let trouble = queue.trouble.lock().clone();
        let row = |(name, told): &(String, Arc<Told>)| {
            let mut row = told.row(name, &queue.spool);
            if !trouble.is_empty() {
                row.health = Health::Down;
                row.error = format!("lines cannot be queued: {trouble}");
            }
            let left_out = queue.left_out.load(Ordering::Relaxed);
            if left_out > 0 {
                let said = format!("; {left_out} lines could not be queued");
                row.remark.push_str(&said);
            }
            row
        };
        queue.senders.iter().map(row).collect()
    }
}

/// The queue and its senders; `None` where no client is configured.
fn queue(shared: &Shared, store: &Store, stop: &Stop) -> Result<Option<Queue>, String> {
    let clients = &shared.launch.config.logs.clients;
    if clients.is_empty() {
        return Ok(None);
    }
    let folder = shared.launch.data_dir.join("forward/logs");
    let spool = Spool::open(&Fs::real(), &folder, MOST).map_err(|e| e.to_string())?;
    let spool = Arc::new(spool);
    let (mut senders, mut news) = (Vec::new(), Vec::new());
    for config in clients {
        let options = config.http.client_options()?;
        let client = Client::new(&options, None).map_err(|e| e.to_string())?;
        let told: Arc<Told> = Arc::default();
        let wake: Arc<Notify> = Arc::default();
        senders.push((config.shown(), Arc::clone(&told)));
        news.push(Arc::clone(&wake));
        let sender = Sender {
            config: config.clone(),
            client,
            spool: Arc::clone(&spool),
            state: store.state().clone(),
            clock: shared.clock.clone(),
            told,
            news: wake,
        };
        sender.recall();
        task::spawn("forward-logs", sender.run(stop.clone()));
    }
    // Once the store has noted how far a file was read, its lines do not come again: by then they
    // are in the queue for good.
    let trouble: Arc<Mutex<String>> = Arc::default();
    store.before_line_commits({
        let (spool, trouble) = (Arc::clone(&spool), Arc::clone(&trouble));
        move || {
            if let Err(e) = spool.sync() {
                *trouble.lock() = e;
            }
        }
    });
    Ok(Some(Queue {
        spool,
        labels: Mutex::default(),
        senders,
        news,
        trouble,
        left_out: AtomicU64::new(0),
    }))
}

impl Queue {
    /// The lines of a batch, as one record.
    fn add(&self, batch: &LogBatch) {
        let mut streams: Vec<PushStream> = Vec::new();
        let mut places: HashMap<StreamId, usize> = HashMap::new();
        {
            let labels = self.labels.lock();
            for (row, line) in batch.lines() {
                let at = *places.entry(row.stream).or_insert_with(|| {
                    streams.push(PushStream {
                        labels: labels.get(&row.stream).cloned().unwrap_or_default(),
                        entries: Vec::new(),
                    });
                    streams.len() - 1
                });
                streams[at].entries.push(LogEntry {
                    t: row.t,
                    line: line.to_vec(),
                    metadata: row.metadata.clone().unwrap_or_default(),
                });
            }
        }
        if streams.is_empty() {
            return;
        }
        let added = self.spool.append(&record(&streams));
        if added.is_err() {
            self.left_out
                .fetch_add(batch.len() as u64, Ordering::Relaxed);
        }
        *self.trouble.lock() = added.err().unwrap_or_default();
        for wake in &self.news {
            wake.notify_one();
        }
        let told: Vec<Arc<Told>> = self.senders.iter().map(|(_, t)| Arc::clone(t)).collect();
        forget(&self.spool, &told);
    }
}

impl LogSink for Lines {
    fn stream(&self, labels: &Labels) -> Result<StreamId, WriteError> {
        let id = self.store.stream(labels)?;
        if let Some(queue) = &self.queue {
            let mut known = queue.labels.lock();
            known.entry(id).or_insert_with(|| labels.clone());
        }
        Ok(id)
    }

    fn append_lines(&self, batch: &LogBatch) -> Result<(), WriteError> {
        if let Some(queue) = &self.queue {
            // Into the queue first: what the store notes before a crash is not read again. What it
            // does not take would be tried again, and come twice: so it is asked before.
            self.store.admit_lines()?;
            queue.add(batch);
        }
        self.store.append_lines(batch)
    }

    fn flush_lines(&self) -> Result<(), WriteError> {
        self.store.flush_lines()?;
        match &self.queue {
            Some(queue) => queue.spool.sync().map_err(WriteError::Io),
            None => Ok(()),
        }
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.store.position(source)
    }

    fn positions(&self) -> Vec<(String, Vec<u8>)> {
        self.store.positions()
    }
}
