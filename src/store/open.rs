//! Opening a data directory: lock, identity, replay; and the store that comes of it.
//!
//! ```text
//! DIR/LOCK                  held by the engine that uses it
//! DIR/FORMAT                says that it is bongsu's, and of which format
//! DIR/wal/{metrics,logs,snapshots,state}/NNNNNNNN.wal
//! DIR/metrics/...           blocks
//! DIR/logs/NNNNNNNN.part    blocks of lines
//! ```

mod logs;

use crate::base::cancel::Cancel;
use crate::base::clock::Clock;
use crate::base::fs::{Fs, FsError, Lock};
use crate::model::answer::Metadata;
use crate::model::exemplar::{Exemplar, ExemplarSeries};
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::span::{Span, Trace, TraceId};
use crate::model::time::TimeRange;
use crate::model::view::{Census, LogStorage, QueueRow, StorageView};
use crate::store::disk::wal::OpenWalError;
use crate::store::exemplars::Exemplars;
use crate::store::import::Import;
use crate::store::live::Ring;
use crate::store::logs::logdb::{Keep, LogDb, OpenLogsError, Setting};
use crate::store::metrics::tsdb::{Limits, OpenTsdbError, Place, Tsdb};
use crate::store::read::{
    Ask, Found, LogPlace, ReadError, Select, SelectTraces, Selection, SeriesSource, SpanLog,
    TraceSource, Visited,
};
use crate::store::snapshots::Snapshots;
use crate::store::state::State;
use crate::store::traces::{self, OpenTracesError, Traces};
use crate::store::write::{
    Append, Appended, MetricSink, SeriesId, SnapshotSink, SpanSink, WriteError,
};
use parking_lot::{Condvar, Mutex};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the store looks after itself.
const UPKEEP: Duration = Duration::from_secs(10);
const FORMAT: &str = "FORMAT";
const FORMAT_VERSION: u32 = 1;
const FORMAT_WORDS: &str = "bongsu data directory, format ";
/// Bytes of encoded spans in memory from which they become a block: least and most.
const MIN_SPANS: usize = 1 << 20;
const MAX_SPANS: usize = 8 << 20;
/// Bytes of snapshots that are kept at most.
const SNAPSHOT_BYTES: u64 = 64 << 20;

/// What a store is opened with.
#[derive(Clone)]
pub struct Options {
    pub dir: PathBuf,
    pub fs: Fs,
    pub clock: Clock,
    /// The ring that was filled before; live questions read it.
    pub ring: Ring,
    /// Bytes of memory that series may take.
    pub memory: u64,
    pub max_series: usize,
    /// How long samples are kept, in milliseconds.
    pub retention_ms: i64,
    /// Bytes of blocks that are kept; 0 is no limit.
    pub retention_bytes: u64,
    /// How long log lines are kept, in milliseconds.
    pub logs_retention_ms: i64,
    /// Bytes of the disk that stay free: before that, the oldest log lines go.
    pub free_bytes: u64,
    pub max_streams: usize,
    /// How late a sample may be, in milliseconds; 0 refuses what is out of order.
    pub out_of_order_ms: i64,
    /// How long and how much of spans is kept.
    pub traces: Retention,
    /// Exemplars that are held in memory at most.
    pub max_exemplars: usize,
    /// Upkeep runs on a thread of its own. Tests turn it off and call [`Store::upkeep`].
    pub background: bool,
}

/// How long something is kept, in milliseconds, and in how many bytes; 0 bytes is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub retention_ms: i64,
    pub retention_bytes: u64,
}

impl Default for Retention {
    /// Three days in 2 GiB.
    fn default() -> Self {
        Self {
            retention_ms: 3 * 24 * 3_600_000,
            retention_bytes: 2 << 30,
        }
    }
}

impl Options {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            fs: Fs::real(),
            clock: Clock::System,
            ring: Ring::default(),
            memory: 64 << 20,
            max_series: 2_000_000,
            retention_ms: 15 * 24 * 3_600_000,
            retention_bytes: 0,
            logs_retention_ms: 15 * 24 * 3_600_000,
            free_bytes: 256 << 20,
            max_streams: 100_000,
            out_of_order_ms: 0,
            traces: Retention::default(),
            max_exemplars: 10_000,
            background: true,
        }
    }
}

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{} is in use by another bongsu: attach to that one, or choose another directory with --data-dir", .0.display())]
    Locked(PathBuf),
    #[error("{} is not a data directory of bongsu: it holds {what}; choose an empty directory with --data-dir", dir.display())]
    Foreign { dir: PathBuf, what: String },
    #[error("{} was written by a newer bongsu (format {version}; this one knows {FORMAT_VERSION}): start that one, or choose another directory with --data-dir", dir.display())]
    Newer { dir: PathBuf, version: String },
    #[error("{0}; choose a directory that can be written with --data-dir")]
    NotWritable(FsError),
    #[error(transparent)]
    Fs(FsError),
    #[error("{0}")]
    Wal(String),
}

impl From<FsError> for OpenError {
    fn from(e: FsError) -> Self {
        if e.is_read_only() || e.is_denied() {
            Self::NotWritable(e)
        } else {
            Self::Fs(e)
        }
    }
}

impl From<OpenTsdbError> for OpenError {
    fn from(e: OpenTsdbError) -> Self {
        match e {
            OpenTsdbError::Wal(e) => e.into(),
            OpenTsdbError::Block(e) => Self::Wal(e.to_string()),
        }
    }
}

impl From<OpenLogsError> for OpenError {
    fn from(e: OpenLogsError) -> Self {
        match e {
            OpenLogsError::Wal(e) => e.into(),
            OpenLogsError::Fs(e) => Self::Fs(e),
            other => Self::Wal(other.to_string()),
        }
    }
}

impl From<OpenTracesError> for OpenError {
    fn from(e: OpenTracesError) -> Self {
        match e {
            OpenTracesError::Wal(e) => e.into(),
            OpenTracesError::Block(said) => Self::Wal(said),
        }
    }
}

impl From<OpenWalError> for OpenError {
    fn from(e: OpenWalError) -> Self {
        match e {
            OpenWalError::Fs(e) => e.into(),
            other => Self::Wal(other.to_string()),
        }
    }
}

/// An open data directory. Clones share it; the last one dropped closes it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    options: Options,
    tsdb: Tsdb,
    logs: LogDb,
    state: State,
    snapshots: Snapshots,
    traces: Traces,
    exemplars: Exemplars,
    problems: Vec<String>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    upkeep: Mutex<Option<JoinHandle<()>>>,
    lock: Mutex<Option<Lock>>,
}

impl Inner {
    fn exemplars_memory(&self) -> (String, u64, u64) {
        // A series' labels and its exemplar's are a few hundred bytes.
        let allowed = self.options.max_exemplars as u64 * 512;
        let bytes = self.exemplars.bytes() as u64;
        ("exemplars".to_owned(), bytes, allowed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
    }
}

impl Store {
    /// Takes the directory, creating it where it is missing, and reads back what was kept.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let (fs, dir) = (&options.fs, &options.dir);
        fs.create_dir_all(dir)?;
        refuse_foreign(fs, dir)?;
        let lock = fs
            .lock(&dir.join("LOCK"))?
            .ok_or_else(|| OpenError::Locked(dir.clone()))?;
        if !fs.exists(&dir.join(FORMAT)) {
            let words = format!("{FORMAT_WORDS}{FORMAT_VERSION}\n");
            fs.write_atomic(&dir.join(FORMAT), words.as_bytes())?;
        }
        let mut problems = Vec::new();
        let (state, found) = State::open(fs, &dir.join("wal").join("state"))?;
        problems.extend(found);
        let (snapshots, found) = Snapshots::open(fs, &dir.join("wal").join("snapshots"))?;
        problems.extend(found);
        let limits = Limits {
            memory: options.memory as usize,
            series: options.max_series,
            late_window: options.out_of_order_ms,
        };
        let ring = options.ring.clone();
        let place = Place {
            fs: fs.clone(),
            dir: dir.clone(),
            limits,
            ring,
            state: state.clone(),
        };
        let (tsdb, found) = Tsdb::open(place)?;
        problems.extend(found);
        let (logs, found) = LogDb::open(Setting {
            fs: fs.clone(),
            clock: options.clock.clone(),
            dir: dir.clone(),
            max_streams: options.max_streams,
        })?;
        problems.extend(found);
        let (traces, found) = Traces::open(traces::Place {
            fs: fs.clone(),
            dir: dir.clone(),
            limits: traces::Limits {
                head_bytes: (options.memory as usize / 8).clamp(MIN_SPANS, MAX_SPANS),
            },
        })?;
        problems.extend(found);
        let background = options.background;
        let store = Self(Arc::new(Inner {
            exemplars: Exemplars::new(options.max_exemplars),
            options,
            tsdb,
            logs,
            state,
            snapshots,
            traces,
            problems,
            stop: Arc::default(),
            upkeep: Mutex::new(None),
            lock: Mutex::new(Some(lock)),
        }));
        if background {
            store.start_upkeep()?;
        }
        Ok(store)
    }

    /// The door for small durable values.
    pub fn state(&self) -> State {
        self.0.state.clone()
    }

    /// The ring that live questions read.
    pub fn ring(&self) -> Ring {
        self.0.tsdb.ring.clone()
    }

    /// The newest snapshot of a kind that is not younger than `t`, with its time.
    pub fn snapshot_at(&self, kind: &str, t: i64) -> Result<Option<(i64, Vec<u8>)>, ReadError> {
        self.0.snapshots.at(kind, t)
    }

    /// The snapshots of a kind from `from` to `to`, oldest first, at most `limit`.
    pub fn snapshots_between(
        &self,
        kind: &str,
        from: i64,
        to: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Vec<u8>)>, ReadError> {
        self.0.snapshots.between(kind, from, to, limit)
    }

    /// Waits until everything that was appended is on the disk.
    pub fn flush(&self) -> Result<(), WriteError> {
        self.0.tsdb.wal.flush()?;
        self.0.snapshots.wal().flush()?;
        self.0.traces.wal.flush()?;
        self.0.logs.flush()
    }

    /// Deletes the samples in the range of every series that satisfies one of the selectors.
    pub fn delete_series(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<(), WriteError> {
        for matchers in selectors {
            self.0.tsdb.delete(matchers, range)?;
        }
        self.flush()
    }

    /// Begins taking in many samples at once, into blocks.
    pub fn import(&self) -> Import {
        Import::new(self.clone())
    }

    /// The series, and the longest span of a block in milliseconds.
    pub(crate) fn parts(&self) -> (&Tsdb, i64) {
        (&self.0.tsdb, self.0.options.retention_ms / 10)
    }

    /// Gives the space of deleted samples back.
    pub fn clean_tombstones(&self) -> Result<(), WriteError> {
        let cleaned = self.0.tsdb.blocks.clean();
        cleaned.map_err(|e| WriteError::Io(e.to_string()))
    }

    /// A copy of the series as they are now under `snapshots/NAME` of the data directory, itself a
    /// data directory; blocks are linked, not copied. Returns its path.
    pub fn save_snapshot(&self, name: &str) -> Result<PathBuf, WriteError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(WriteError::Io(format!(
                "{name:?} cannot name a snapshot: use letters, digits, - and _"
            )));
        }
        let (fs, io) = (&self.0.options.fs, |e: FsError| {
            WriteError::Io(e.to_string())
        });
        let dir = self.0.options.dir.join("snapshots").join(name);
        let blocks = dir.join("metrics");
        fs.create_dir_all(&blocks).map_err(io)?;
        let saved = self.0.tsdb.save_into(&blocks);
        saved.map_err(|e| WriteError::Io(e.to_string()))?;
        let words = format!("{FORMAT_WORDS}{FORMAT_VERSION}\n");
        fs.write_atomic(&dir.join(FORMAT), words.as_bytes())
            .map_err(io)?;
        Ok(dir)
    }

    /// What is queued for the disk, by log.
    pub fn queues(&self) -> Vec<QueueRow> {
        let inner = &self.0;
        vec![
            inner.tsdb.wal.queue(),
            inner.logs.queue(),
            inner.snapshots.wal().queue(),
            inner.traces.wal.queue(),
            inner.state.queue(),
        ]
    }

    /// What the store holds in memory: name, bytes now, bytes allowed.
    pub fn memory(&self) -> Vec<(String, u64, u64)> {
        let tsdb = &self.0.tsdb;
        let head = tsdb.head.read().head.bytes() as u64;
        let cache = tsdb.blocks.cache_bytes() as u64;
        let allowed = self.0.options.memory;
        vec![
            ("metrics head".to_owned(), head, allowed),
            ("block cache".to_owned(), cache, allowed / 4),
            ("logs".to_owned(), self.0.logs.facts().memory, 24 << 20),
            self.0.traces.memory(),
            self.0.exemplars_memory(),
        ]
    }

    /// Commits, ends the threads and gives the directory free. Reading goes on from memory.
    pub fn close(&self) {
        *self.0.stop.0.lock() = true;
        self.0.stop.1.notify_all();
        if let Some(thread) = self.0.upkeep.lock().take() {
            let _ = thread.join();
        }
        self.0.tsdb.wal.close();
        self.0.logs.close();
        self.0.snapshots.wal().close();
        self.0.traces.wal.close();
        self.0.state.close();
        *self.0.lock.lock() = None;
    }

    fn start_upkeep(&self) -> Result<(), OpenError> {
        let weak = Arc::downgrade(&self.0);
        let stop = Arc::clone(&self.0.stop);
        let thread = std::thread::Builder::new()
            .name("store-upkeep".to_owned())
            .spawn(move || {
                loop {
                    {
                        let mut stopped = stop.0.lock();
                        if !*stopped {
                            stop.1.wait_for(&mut stopped, UPKEEP);
                        }
                        if *stopped {
                            return;
                        }
                    }
                    let Some(inner) = weak.upgrade() else { return };
                    Self(inner).upkeep();
                }
            })
            .map_err(|e| OpenError::Wal(format!("the store's thread cannot be started: {e}")))?;
        *self.0.upkeep.lock() = Some(thread);
        Ok(())
    }

    /// One round of what the store does for itself: retention, the memory budget.
    pub fn upkeep(&self) {
        let now = self.0.options.clock.now_ms();
        let oldest = now.saturating_sub(self.0.options.retention_ms);
        self.0.snapshots.retain(oldest, SNAPSHOT_BYTES);
        // Where a size is set, each of samples and lines may take what the other leaves, and at
        // least half.
        let bytes = self.0.options.retention_bytes;
        let beside = |other: u64| bytes - other.min(bytes / 2);
        let longest = self.0.options.retention_ms / 10;
        let lines = self.0.logs.facts().disk_bytes;
        self.0.tsdb.upkeep(oldest, beside(lines), longest);
        let oldest = now.saturating_sub(self.0.options.logs_retention_ms);
        self.0.logs.upkeep(Keep {
            oldest: oldest.saturating_mul(1_000_000),
            bytes: beside(self.0.tsdb.facts().disk_bytes),
            free: self.0.options.free_bytes,
        });
        let traces = &self.0.options.traces;
        let oldest = now.saturating_sub(traces.retention_ms);
        self.0.traces.upkeep(now, oldest, traces.retention_bytes);
    }

    /// The series in memory, counted; at most `limit` rows of each kind.
    pub fn census(&self, limit: usize) -> Census {
        self.0.tsdb.census(limit)
    }

    /// What the Storage tab and `status` show.
    pub fn facts(&self) -> StorageView {
        let inner = &self.0;
        let mut view = inner.tsdb.facts();
        view.path = inner.options.dir.display().to_string();
        view.free_bytes = inner.options.fs.free_space(&inner.options.dir).unwrap_or(0);
        let lines = inner.logs.facts();
        view.disk_bytes += lines.disk_bytes;
        let days = inner.options.logs_retention_ms / 86_400_000;
        view.logs = LogStorage {
            streams: lines.streams,
            blocks: lines.blocks,
            lines: lines.lines,
            raw_bytes: lines.raw_bytes,
            disk_bytes: lines.disk_bytes,
            retention: format!("{days} d"),
        };
        view.problems.extend(lines.problems);
        view.disk_bytes +=
            inner.snapshots.wal().bytes() + inner.state.disk_bytes() + inner.traces.disk_bytes();
        let days = inner.options.retention_ms / 86_400_000;
        view.retention = match inner.options.retention_bytes {
            0 => format!("{days} d"),
            bytes => format!("{days} d, {} MiB", bytes >> 20),
        };
        view.problems.extend(inner.problems.iter().cloned());
        view.problems.extend(inner.state.trouble());
        view.problems.extend(inner.traces.problems());
        let trouble = inner.snapshots.wal().trouble();
        view.problems.extend(trouble.map(|e| e.to_string()));
        view
    }
}

/// A directory with files that are not ours is somebody else's.
fn refuse_foreign(fs: &Fs, dir: &Path) -> Result<(), OpenError> {
    let format = dir.join(FORMAT);
    if fs.exists(&format) {
        let bytes = fs.read(&format, 4096)?;
        let text = String::from_utf8_lossy(&bytes);
        let version = text.trim().strip_prefix(FORMAT_WORDS.trim_end());
        let Some(version) = version.map(str::trim) else {
            return Err(OpenError::Foreign {
                dir: dir.to_owned(),
                what: "a file FORMAT of something else".to_owned(),
            });
        };
        return match version.parse::<u32>() {
            Ok(n) if n <= FORMAT_VERSION => Ok(()),
            _ => Err(OpenError::Newer {
                dir: dir.to_owned(),
                version: version.to_owned(),
            }),
        };
    }
    let ours = |name: &str| {
        name.starts_with('.')
            || name.starts_with("bongsu")
            || name.starts_with(FORMAT)
            || ["LOCK", "lost+found", "snapshots", "socket", "targets"].contains(&name)
    };
    let others: Vec<String> = fs
        .list(dir)?
        .into_iter()
        .map(|e| e.name)
        .filter(|n| !ours(n))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let has = |name: &str| others.iter().any(|o| o == name);
    let what = if has("chunks_head") {
        "the data of a Prometheus".to_owned()
    } else if has("indexdb") || has("metadata") && has("data") {
        "the data of a VictoriaMetrics".to_owned()
    } else {
        let some: Vec<&str> = others.iter().take(3).map(String::as_str).collect();
        format!(
            "{} files that bongsu did not write ({})",
            others.len(),
            some.join(", ")
        )
    };
    Err(OpenError::Foreign {
        dir: dir.to_owned(),
        what,
    })
}

impl SeriesSource for Store {
    fn select<'a>(
        &'a self,
        select: &Select<'_>,
        cancel: &Cancel,
    ) -> Result<Selection<'a>, ReadError> {
        self.0.tsdb.select(select, cancel)
    }

    fn label_names(&self, ask: &Ask<'_>, cancel: &Cancel) -> Result<Found<String>, ReadError> {
        self.0.tsdb.label_names(ask, cancel)
    }

    fn label_values(
        &self,
        name: &str,
        ask: &Ask<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError> {
        self.0.tsdb.label_values(name, ask, cancel)
    }

    fn series(&self, ask: &Ask<'_>, cancel: &Cancel) -> Result<Found<Labels>, ReadError> {
        self.0.tsdb.series(ask, cancel)
    }

    fn metadata(&self, metric: &str, limit: usize) -> Vec<Metadata> {
        self.0.tsdb.metadata(metric, limit)
    }

    fn exemplars(&self, ask: &Ask<'_>) -> Found<ExemplarSeries> {
        let (items, cut) = self.0.exemplars.find(ask);
        Found {
            items,
            warnings: Vec::new(),
            cut,
        }
    }
}

impl MetricSink for Store {
    fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
        self.0.tsdb.resolve(labels)
    }

    fn append(&self, batch: &[Append]) -> Result<Appended, WriteError> {
        self.0.tsdb.append(batch, self.0.options.clock.now_ms())
    }

    fn append_live(&self, batch: &[(Labels, i64, f64)]) {
        self.0.tsdb.ring.append(batch);
    }

    fn describe(&self, metadata: &[Metadata]) {
        self.0.tsdb.describe(metadata);
    }

    fn append_exemplars(&self, batch: Vec<(SeriesId, Exemplar)>) {
        if batch.is_empty() || self.0.options.max_exemplars == 0 {
            return;
        }
        let named: Vec<_> = {
            let live = self.0.tsdb.head.read();
            let labels = |id| live.head.labels(id);
            let named = batch.into_iter();
            named.filter_map(|(id, e)| Some((labels(id)?, e))).collect()
        };
        self.0.exemplars.add(named);
    }
}

impl TraceSource for Store {
    fn trace(
        &self,
        id: TraceId,
        cancel: &Cancel,
    ) -> Result<(Option<Trace>, Vec<String>), ReadError> {
        self.0.traces.trace(id, cancel)
    }

    fn visit(
        &self,
        select: &SelectTraces<'_>,
        cancel: &Cancel,
        each: &mut dyn FnMut(&Trace, u64) -> ControlFlow<()>,
    ) -> Result<Visited, ReadError> {
        self.0.traces.visit(select, cancel, each)
    }
}

impl SpanLog for Store {
    fn end(&self) -> LogPlace {
        self.0.traces.end_of_log()
    }

    fn spans_after(
        &self,
        place: LogPlace,
        most: usize,
    ) -> Result<(Vec<Span>, LogPlace), ReadError> {
        self.0.traces.spans_after(place, most)
    }

    fn behind(&self, place: LogPlace) -> u64 {
        self.0.traces.behind(place)
    }

    fn hold(&self, who: &str, segment: Option<u32>) {
        self.0.traces.hold(who, segment);
    }
}

impl SpanSink for Store {
    fn spans(&self, batch: &[Span]) -> Result<Vec<bool>, WriteError> {
        self.0.traces.append(batch, self.0.options.clock.now_ms())
    }
}

impl SnapshotSink for Store {
    fn snapshot(&self, kind: &str, t: i64, body: &[u8]) -> Result<(), WriteError> {
        self.0.snapshots.put(kind, t, body)
    }
}

#[cfg(test)]
mod tests;
