//! systemd's journal, through `journalctl`: one program and one thread for each job that reads it.
//!
//! The cursor of the last entry is kept with the lines, so that reading goes on exactly there.

use crate::base::cancel::Cancel;
use crate::base::clock::{Clock, Duration};
use crate::base::task;
use crate::collect::relabel;
use crate::collect::tail::output::Output;
use crate::collect::tail::pipeline::{LEVEL, Pipeline};
use crate::collect::tail::stage::{Entry, Shared};
use crate::config::logs::{JournalJob, LogJob};
use crate::model::labels::{Labels, LabelsBuilder};
use crate::model::log_entry::Level;
use crate::model::view::{Health, TargetRow};
use crate::store::write::logs::{LogSink, MAX_LINE};
use crate::wire::detect;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Names of priorities, as Promtail gives them, and the levels they are.
const PRIORITIES: [(&str, Level); 8] = [
    ("emerg", Level::Fatal),
    ("alert", Level::Critical),
    ("crit", Level::Critical),
    ("error", Level::Error),
    ("warning", Level::Warn),
    ("notice", Level::Info),
    ("info", Level::Info),
    ("debug", Level::Debug),
];
/// Bytes of one entry as JSON at most.
const MOST: u64 = 4 << 20;
/// A program that ended is started again after this time.
const AGAIN: Duration = Duration::from_secs(10);

/// One reading of the journal.
pub(crate) struct Journal {
    name: String,
    state: Arc<Mutex<State>>,
    stop: Cancel,
    thread: Option<JoinHandle<bool>>,
}

#[derive(Default)]
struct State {
    child: Option<Child>,
    lines: u64,
    last: i64,
    error: String,
}

impl Journal {
    /// Starts the readings of all jobs that want one.
    pub(crate) fn all(
        jobs: &[Arc<LogJob>],
        sink: &Arc<dyn LogSink>,
        clock: &Clock,
        shared: &Arc<Shared>,
    ) -> Vec<Self> {
        let wanted = jobs.iter().filter(|j| j.journal.is_some());
        let start = |job| Self::start(job, sink, clock, shared);
        wanted.map(start).collect()
    }

    fn start(
        job: &Arc<LogJob>,
        sink: &Arc<dyn LogSink>,
        clock: &Clock,
        shared: &Arc<Shared>,
    ) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let stop = Cancel::never();
        let reader = Reader {
            job: Arc::clone(job),
            source: format!("journal:{}", job.name),
            state: Arc::clone(&state),
            stop: stop.clone(),
            sink: Arc::clone(sink),
            clock: clock.clone(),
            shared: Arc::clone(shared),
        };
        let thread = task::thread("journal", move || reader.run());
        if let Err(e) = &thread {
            state.lock().error = format!("its thread cannot be started: {e}");
        }
        Self {
            name: job.name.clone(),
            state,
            stop,
            thread: thread.ok(),
        }
    }

    pub(crate) fn row(&self) -> TargetRow {
        let state = self.state.lock();
        let health = match (state.error.is_empty(), state.child.is_some()) {
            (true, true) => Health::BuiltIn,
            (true, false) => Health::Unknown,
            (false, _) => Health::Down,
        };
        TargetRow {
            job: self.name.clone(),
            instance: "journal".to_owned(),
            health,
            last_scrape: state.last,
            last_good: state.last,
            samples: state.lines,
            error: state.error.clone(),
            remark: "systemd's journal, through journalctl".to_owned(),
            ..TargetRow::default()
        }
    }

    /// Ends the program and the thread.
    pub(crate) fn end(&mut self) {
        self.stop.cancel();
        if let Some(child) = &mut self.state.lock().child {
            let _ = child.kill();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
    }
}

struct Reader {
    job: Arc<LogJob>,
    source: String,
    state: Arc<Mutex<State>>,
    stop: Cancel,
    sink: Arc<dyn LogSink>,
    clock: Clock,
    shared: Arc<Shared>,
}

/// What is read of the journal and not yet in the store: its way through the stages, and the
/// cursors of the entries that stages hold back.
struct Way {
    pipeline: Pipeline,
    number: u64,
    cursors: VecDeque<(u64, String)>,
}

impl Way {
    /// The cursor up to which everything is in the batch.
    fn reached(&mut self) -> Option<String> {
        let oldest = self.pipeline.oldest().unwrap_or(u64::MAX);
        let mut reached = None;
        while self.cursors.front().is_some_and(|(n, _)| *n < oldest) {
            reached = self.cursors.pop_front().map(|(_, cursor)| cursor);
        }
        reached
    }
}

impl Reader {
    fn run(&self) {
        let ends = {
            let stop = self.stop.clone();
            move || stop.check().is_err()
        };
        let mut out = Output::new(Arc::clone(&self.sink), Box::new(ends)).sharing(&self.shared);
        let Some(config) = &self.job.journal else {
            return;
        };
        while self.stop.check().is_ok() {
            let error = match self.follow(config, &mut out) {
                Ok(()) => "journalctl ended".to_owned(),
                Err(e) => e,
            };
            {
                // Not waited for under the lock: who asks for the row would wait as well.
                let child = self.state.lock().child.take();
                if let Some(mut child) = child {
                    let _ = child.kill();
                    let _ = child.wait();
                }
                self.state.lock().error = error;
            }
            let mut waited = Duration::ZERO;
            while waited < AGAIN && self.stop.check().is_ok() {
                std::thread::sleep(Duration::from_millis(250));
                waited += Duration::from_millis(250);
            }
        }
    }

    fn command(&self, config: &JournalJob) -> Command {
        let mut command = Command::new("journalctl");
        command.args([
            "--output=json",
            "--follow",
            "--no-pager",
            "--all",
            "--quiet",
        ]);
        if !config.path.is_empty() {
            command.arg(format!("--directory={}", config.path));
        }
        let cursor = self
            .sink
            .position(&self.source)
            .and_then(|c| String::from_utf8(c).ok());
        if let Some(cursor) = cursor {
            command.arg(format!("--after-cursor={cursor}"));
        } else {
            let since = self.clock.now_ms() / 1000 - config.max_age.as_secs() as i64;
            command.arg(format!("--since=@{since}"));
        }
        command.arg("--lines=all");
        command.args(&config.matches);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    }

    /// Reads until the program ends.
    fn follow(&self, config: &JournalJob, out: &mut Output) -> Result<(), String> {
        let mut child = self
            .command(config)
            .spawn()
            .map_err(|e| format!("journalctl cannot be run: {e}"))?;
        let pipe = child.stdout.take();
        {
            let mut state = self.state.lock();
            state.child = Some(child);
            state.error.clear();
        }
        // Told to end before there was a program to end.
        self.stop.check().map_err(|e| e.to_string())?;
        let pipe = pipe.ok_or("journalctl has no output")?;
        let mut lines = BufReader::with_capacity(256 << 10, pipe);
        let mut way = Way {
            pipeline: Pipeline::new(&self.job, Labels::empty(), 0),
            number: 0,
            cursors: VecDeque::new(),
        };
        let mut line = Vec::new();
        loop {
            if way.pipeline.oldest().is_some() && lines.buffer().is_empty() {
                while !has_news(lines.get_ref()) {
                    self.let_go(&mut way, out)?;
                }
            }
            while way.pipeline.waits(self.clock.now_ms() * 1_000_000, out) {
                self.stop.check().map_err(|e| e.to_string())?;
                std::thread::sleep(Duration::from_millis(20));
            }
            line.clear();
            let n = (&mut lines).take(MOST).read_until(b'\n', &mut line);
            if n.map_err(|e| e.to_string())? == 0 {
                way.pipeline.tick(None, out);
                return self.hand_over(&mut way, out);
            }
            if let Ok(Value::Object(fields)) = serde_json::from_slice(&line) {
                way.number += 1;
                self.entry(config, &fields, &mut way, out);
                let cursor = fields.get("__CURSOR").and_then(Value::as_str);
                let cursor = cursor.map(|c| (way.number, c.to_owned()));
                way.cursors.extend(cursor);
            }
            // What stands in the buffer belongs to the same batch.
            if lines.buffer().is_empty() || out.is_full() {
                self.let_go(&mut way, out)?;
            }
        }
    }

    /// Entries that waited long enough go on, and what is there goes into the store.
    fn let_go(&self, way: &mut Way, out: &mut Output) -> Result<(), String> {
        self.stop.check().map_err(|e| e.to_string())?;
        way.pipeline.tick(Some(self.clock.now_ms()), out);
        self.hand_over(way, out)
    }

    fn hand_over(&self, way: &mut Way, out: &mut Output) -> Result<(), String> {
        if let Some(cursor) = way.reached() {
            out.reached(&self.source, Some(cursor.into_bytes()));
        }
        if out.hand_over() {
            Ok(())
        } else {
            Err(out.trouble.clone().unwrap_or_default())
        }
    }

    fn entry(
        &self,
        config: &JournalJob,
        fields: &Map<String, Value>,
        way: &mut Way,
        out: &mut Output,
    ) {
        let now = self.clock.now_ms();
        let micros = fields.get("__REALTIME_TIMESTAMP").and_then(Value::as_str);
        let micros = micros.and_then(|t| t.parse::<i64>().ok());
        let t = micros.map_or(now * 1_000_000, |us| us.saturating_mul(1000));
        let line = if config.json {
            Value::Object(fields.clone()).to_string().into_bytes()
        } else {
            fields.get("MESSAGE").map(bytes).unwrap_or_default()
        };
        let priority = fields
            .get("PRIORITY")
            .map(text)
            .and_then(|p| p.parse::<usize>().ok());
        let priority = priority.and_then(|p| PRIORITIES.get(p));
        let Some(labels) = self.labels(config, fields, priority.map(|p| p.0)) else {
            return out.drop_line("relabel");
        };
        let level = priority.map_or_else(|| detect::level(&line), |p| p.1);
        let mut entry = Entry::new(&labels, &line[..line.len().min(MAX_LINE)], now * 1_000_000);
        (entry.t, entry.from) = (t, way.number);
        entry.labels.set(LEVEL, level.as_str());
        way.pipeline.take_entry(entry, out);
        let mut state = self.state.lock();
        state.lines += 1;
        state.last = now;
    }

    fn labels(
        &self,
        config: &JournalJob,
        fields: &Map<String, Value>,
        keyword: Option<&str>,
    ) -> Option<Labels> {
        let mut labels: LabelsBuilder = config.labels.edit();
        for (name, value) in fields {
            let name = format!("__journal_{}", name.to_ascii_lowercase());
            let value = text(value);
            if value.len() <= 4096 {
                labels.set(&name, &value);
            }
        }
        if let Some(keyword) = keyword {
            labels.set("__journal_priority_keyword", keyword);
        }
        let mut labels = relabel::apply(&self.job.relabel, labels)?;
        labels.retain(|name| !name.starts_with("__"));
        if labels.iter().next().is_none() {
            labels.set("job", &self.job.name);
        }
        Some(labels.finish())
    }
}

/// Waits shortly for the program's next words.
fn has_news(pipe: &ChildStdout) -> bool {
    let mut fds = [PollFd::new(pipe, PollFlags::IN)];
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: 250_000_000,
    };
    poll(&mut fds, Some(&wait)).is_ok_and(|n| n > 0)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => String::from_utf8_lossy(&bytes(other)).into_owned(),
    }
}

/// A field's bytes: journalctl writes what is no UTF-8 as a list of numbers.
fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(items) => {
            let byte = |v: &Value| v.as_u64().and_then(|n| u8::try_from(n).ok());
            items.iter().filter_map(byte).collect()
        }
        Value::Null => Vec::new(),
        other => other.to_string().into_bytes(),
    }
}
