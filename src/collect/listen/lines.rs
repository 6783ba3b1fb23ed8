//! Lines that are pushed to a job of its own (syslog, Loki's push): relabelled, through the job's
//! stages, into the store. One thread for each such job.

use crate::base::cancel::Cancel;
use crate::base::clock::{Clock, Duration};
use crate::base::task;
use crate::collect::relabel;
use crate::collect::tail::Intake as Way;
use crate::collect::tail::stage::{Entry, Shared};
use crate::config::logs::LogJob;
use crate::model::labels::{Labels, LabelsBuilder};
use crate::model::log_entry::Level;
use crate::model::view::{Health, TargetRow};
use crate::store::write::logs::{LogSink, MAX_LINE};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Batches that may wait for the thread.
const WAITING: usize = 64;
/// How long the thread waits for news before it looks after what stages hold back.
const TURN: Duration = Duration::from_millis(250);
/// How often a full line is tried again.
const AGAIN: Duration = Duration::from_millis(10);

/// One line on its way in.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// Those that begin with `__` are there for relabelling.
    pub labels: LabelsBuilder,
    pub line: Vec<u8>,
    /// Nanoseconds since the Unix epoch; `None` is the time of its arrival.
    pub t: Option<i64>,
    pub metadata: Labels,
    /// Where the sender tells it.
    pub level: Option<Level>,
    /// With this line the source is read up to there.
    pub reached: Option<(String, Vec<u8>)>,
}

#[derive(Default)]
struct Batch {
    lines: Vec<Pushed>,
    /// Sources whose positions are no longer kept.
    forget: Vec<String>,
    /// Told once the lines are durable.
    done: Option<oneshot::Sender<Result<(), String>>>,
}

/// The way in. Clones share it.
#[derive(Clone)]
pub struct Intake {
    sender: SyncSender<Batch>,
    state: Arc<Mutex<State>>,
    clock: Clock,
    sink: Arc<dyn LogSink>,
}

#[derive(Debug, Default)]
struct State {
    lines: u64,
    /// Messages that do not read, or found no room.
    refused: u64,
    cut: u64,
    last: i64,
    error: String,
}

/// The thread of one job.
pub struct Running {
    job: Arc<LogJob>,
    /// Where it listens, for a person.
    at: String,
    state: Arc<Mutex<State>>,
    stop: Cancel,
    thread: JoinHandle<bool>,
}

/// Starts the thread of a job.
pub fn start(
    job: &Arc<LogJob>,
    at: &str,
    sink: Arc<dyn LogSink>,
    clock: Clock,
    shared: &Arc<Shared>,
) -> std::io::Result<(Intake, Running)> {
    let (sender, batches) = sync_channel(WAITING);
    let state: Arc<Mutex<State>> = Arc::default();
    let stop = Cancel::never();
    let worker = Worker {
        way: Way::new(job, Arc::clone(&sink), shared, &stop),
        job: Arc::clone(job),
        clock: clock.clone(),
        state: Arc::clone(&state),
        stop: stop.clone(),
    };
    let thread = task::thread("pushed-lines", move || worker.run(&batches))?;
    let intake = Intake {
        sender,
        state: Arc::clone(&state),
        clock,
        sink,
    };
    let running = Running {
        job: Arc::clone(job),
        at: at.to_owned(),
        state,
        stop,
        thread,
    };
    Ok((intake, running))
}

impl Intake {
    pub(crate) fn now(&self) -> i64 {
        self.clock.now_ms().saturating_mul(1_000_000)
    }

    /// The position that was kept last for a source.
    pub(crate) fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.sink.position(source)
    }

    /// Sources of which a position is kept, by the front of their names.
    pub(crate) fn sources(&self, head: &str) -> Vec<String> {
        let all = self.sink.positions().into_iter().map(|(source, _)| source);
        all.filter(|source| source.starts_with(head)).collect()
    }

    /// Keeps no positions of these sources any more.
    pub(crate) async fn forget(&self, sources: Vec<String>) {
        if !sources.is_empty() {
            let batch = Batch {
                forget: sources,
                ..Batch::default()
            };
            let _ = self.send(batch).await;
        }
    }

    /// Hands lines over, and waits until they are durable.
    pub(crate) async fn keep(&self, lines: Vec<Pushed>) -> Result<(), String> {
        let (done, kept) = oneshot::channel();
        self.send(Batch {
            lines,
            done: Some(done),
            ..Batch::default()
        })
        .await?;
        let ended = |_| "the job ended".to_owned();
        kept.await.map_err(ended)?
    }

    /// Hands lines over; waits while there is no room, so that the sender waits as well.
    pub(crate) async fn hand(&self, lines: Vec<Pushed>) -> Result<(), String> {
        self.send(Batch {
            lines,
            ..Batch::default()
        })
        .await
    }

    /// Hands lines over, or counts them as lost: datagrams cannot wait.
    pub(crate) fn offer(&self, lines: Vec<Pushed>) {
        let n = lines.len() as u64;
        let batch = Batch {
            lines,
            ..Batch::default()
        };
        if self.sender.try_send(batch).is_err() {
            self.refused(n, "more messages came than could be stored");
        }
    }

    async fn send(&self, mut batch: Batch) -> Result<(), String> {
        loop {
            match self.sender.try_send(batch) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err("the job ended".to_owned()),
                Err(TrySendError::Full(back)) => batch = back,
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    pub(crate) fn refused(&self, n: u64, why: &str) {
        let mut state = self.state.lock();
        state.refused += n;
        why.clone_into(&mut state.error);
    }

    pub(crate) fn cut(&self) {
        self.state.lock().cut += 1;
    }
}

impl Running {
    pub fn row(&self) -> TargetRow {
        let state = self.state.lock();
        let mut remark = String::from("lines are pushed here");
        for (n, what) in [
            (state.refused, "messages were refused"),
            (state.cut, "messages were longer than is taken"),
        ] {
            if n > 0 {
                remark.push_str(&format!("; {n} {what}"));
            }
        }
        TargetRow {
            job: self.job.name.clone(),
            instance: self.at.clone(),
            health: if state.error.is_empty() {
                Health::BuiltIn
            } else {
                Health::Down
            },
            last_scrape: state.last,
            last_good: state.last,
            samples: state.lines,
            error: state.error.clone(),
            remark,
            ..TargetRow::default()
        }
    }

    /// Ends the thread; what was handed over is stored before.
    pub fn stop(self) {
        self.stop.cancel();
        let _ = self.thread.join();
    }
}

struct Worker {
    job: Arc<LogJob>,
    way: Way,
    clock: Clock,
    state: Arc<Mutex<State>>,
    stop: Cancel,
}

impl Worker {
    fn run(mut self, batches: &Receiver<Batch>) {
        loop {
            let first = match batches.recv_timeout(TURN) {
                Ok(batch) => Some(batch),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let ends = self.stop.check().is_err();
            if first.is_none() && ends {
                break;
            }
            let mut waiting = Vec::new();
            let mut next = first;
            // What stands in line belongs to the same commit.
            while let Some(batch) = next {
                for line in batch.lines {
                    self.take(line);
                }
                for source in &batch.forget {
                    self.way.forget(source);
                }
                waiting.extend(batch.done);
                next = (!self.way.is_full())
                    .then(|| batches.try_recv().ok())
                    .flatten();
            }
            self.way.tick(Some(self.clock.now_ms()));
            let kept = self.way.hand_over(!waiting.is_empty());
            if let Err(e) = &kept {
                self.state.lock().error.clone_from(e);
            }
            for done in waiting {
                let _ = done.send(kept.clone());
            }
        }
        self.way.tick(None);
        let _ = self.way.hand_over(true);
    }

    fn take(&mut self, pushed: Pushed) {
        let now = self.clock.now_ms().saturating_mul(1_000_000);
        {
            let mut state = self.state.lock();
            state.lines += 1;
            state.last = now / 1_000_000;
            state.error.clear();
        }
        let Some(mut labels) = relabel::apply(&self.job.relabel, pushed.labels) else {
            return self.way.drop_line("relabel", pushed.reached);
        };
        // What stages may keep of the names that are there for relabelling.
        labels.retain(|name| !name.starts_with("__"));
        if labels.iter().next().is_none() {
            labels.set("job", &self.job.name);
        }
        let line = &pushed.line[..pushed.line.len().min(MAX_LINE)];
        let mut entry = Entry::new(&labels.finish(), line, now);
        entry.t = pushed.t.unwrap_or(now);
        entry.metadata = pushed.metadata.edit();
        self.way
            .wait(now, || self.stop.check().is_err(), &self.clock);
        self.way.take(entry, pushed.level, pushed.reached);
    }
}
