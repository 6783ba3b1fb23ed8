//! Live views: what a panel shows that is no series. Each is published by its owner and read by
//! consoles through `source::api`.

mod alerts;
mod routing;

pub use alerts::{
    Acknowledgement, AlertCounts, AlertRow, AlertStory, AlertsView, Announcement, ReceiverRow,
    RuleGroupRow, RuleHealth, RuleRow, SilenceRow, Standing, StoryStep,
};
pub use routing::{CalendarRow, InhibitRow, RouteRow, RoutingView};

use crate::model::jvm::{AttachPolicy, JvmReport, JvmReportHead};
use crate::model::labels::Labels;
use crate::model::query::KeptQuery;
use serde::{Deserialize, Serialize};

/// One view's value, with the time it was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum View {
    Processes(ProcessView),
    Targets(Vec<TargetRow>),
    Blind(Vec<BlindSpot>),
    Machine(Machine),
    Marks(Vec<Mark>),
    Storage(Box<StorageView>),
    Jvms(Vec<JvmRow>),
    Senders(Vec<SenderRow>),
    Containers(ContainerView),
    ContainerFacts(ContainerFacts),
    ContainerOutput(ContainerOutput),
    Alerts(AlertsView),
    Rules(Vec<RuleGroupRow>),
    Receivers(Vec<ReceiverRow>),
    Silences(Vec<SilenceRow>),
    Routing(Box<RoutingView>),
    AlertStory(Box<AlertStory>),
    /// What JVMs answered, the newest first.
    JvmReports(Vec<JvmReportHead>),
    JvmReport(Box<JvmReport>),
    /// What was asked in query bars, the oldest of each language first.
    Queries(Vec<KeptQuery>),
    Greeting {
        first: bool,
    },
    SavedQueries(Vec<SavedQuery>),
    /// Nothing was recorded for the time that was asked.
    Nothing {
        why: String,
    },
}

/// A query of logs that was given a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedQuery {
    pub name: String,
    /// A filter on each line, as the bar takes it.
    pub query: String,
}

/// Process rows at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessView {
    /// Milliseconds since the epoch.
    pub taken_at: i64,
    /// False where only the greediest were recorded.
    pub complete: bool,
    pub rows: Vec<ProcessRow>,
}

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessRow {
    pub pid: i32,
    pub parent: i32,
    /// Clock ticks after boot; with `pid` the identity across pid reuse.
    pub started: u64,
    pub user: String,
    /// The short name of `/proc/PID/stat`.
    pub name: String,
    /// The command line; empty where it was not read (kernel threads, rows out of sight).
    pub command: String,
    /// `R S D Z T I`, as in `/proc/PID/stat`.
    pub state: char,
    /// Share of one core since the reading before, 1.0 is one core; `None` at the first reading.
    pub cpu: Option<f64>,
    /// Resident bytes.
    pub rss: u64,
    pub threads: u32,
    /// Bytes per second since the reading before; `None` where `/proc/PID/io` may not be read.
    pub read_rate: Option<f64>,
    pub write_rate: Option<f64>,
    /// The cgroup path, shortened to the unit or container.
    pub cgroup: String,
}

/// A JVM that was found on this server; its numbers are series of `instance`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JvmRow {
    pub pid: i32,
    /// Clock ticks after boot; with `pid` the identity across pid reuse.
    pub started: u64,
    pub instance: String,
    pub application: String,
    /// The container's id; empty outside of containers.
    pub container: String,
    /// Its name, where an engine or a file tells it.
    #[serde(default)]
    pub container_name: String,
    /// Log files that it has open.
    #[serde(default)]
    pub logs: Vec<String>,
    /// The user it runs as.
    pub uid: u32,
    /// Milliseconds since the epoch; 0 where it is not known.
    pub began_at: i64,
    /// "17.0.15 G1"; empty where it is not known.
    pub machine: String,
    /// Why there are no numbers, and the way out; both empty where there are.
    pub why: String,
    pub way_out: String,
    /// What a person should know of the numbers.
    pub remark: String,
    /// The `instance` of the scraped target whose series stand in for the built-in ones; empty
    /// where these are stored.
    pub shown_by: String,
    /// Milliseconds since the epoch of the last reading, and the samples it gave.
    pub read_at: i64,
    pub samples: u64,
    pub attach: AttachPolicy,
}

/// The containers of this server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerView {
    pub rows: Vec<ContainerRow>,
    /// The engines that answered: `Docker 28.0.1`.
    pub engines: Vec<String>,
    /// Engines that do not, with the reason and the way out.
    pub problems: Vec<BlindSpot>,
}

/// One container, running or not; its numbers are series whose `id` is `cgroup`. Times are
/// milliseconds since the epoch, 0 is never.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRow {
    pub id: String,
    pub name: String,
    pub image: String,
    pub command: String,
    /// Compose's project and service, or the pod and the container in it.
    pub project: String,
    pub service: String,
    /// `created running paused restarting removing exited dead`.
    pub state: String,
    /// `healthy unhealthy starting`; empty without a health check.
    pub health: String,
    pub created: i64,
    pub started: i64,
    pub finished: i64,
    /// Of the last run; `None` while it runs.
    pub exit_code: Option<i64>,
    pub oom_killed: bool,
    pub restarts: u64,
    /// `0.0.0.0:8080->80/tcp`.
    pub ports: Vec<String>,
    /// Networks by name, with the container's address in each.
    pub networks: Vec<(String, String)>,
    /// The word of the engine's command line, `docker` or `podman`; else the runtime as the cgroup
    /// names it, or empty.
    pub engine: String,
    /// Where the engine listens, as `DOCKER_HOST` is written; empty where no engine told of it.
    pub address: String,
    /// Its cgroup path: the label `id` of its series. Empty where it has no cgroup.
    pub cgroup: String,
}

/// A container's number in questions about it: the first 16 digits of its id.
pub fn container_key(id: &str) -> u64 {
    let digits = id.get(..16).unwrap_or(id);
    u64::from_str_radix(digits, 16).unwrap_or(0)
}

/// An inspection, for a person: secrets are hidden already.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerFacts {
    /// Milliseconds since the epoch; 0 is never.
    pub taken_at: i64,
    pub sections: Vec<FactSection>,
    /// Why there are none.
    pub why: String,
}

/// Names with values under a title.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FactSection {
    pub title: String,
    pub lines: Vec<(String, String)>,
}

/// What a container wrote, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerOutput {
    pub lines: Vec<OutputLine>,
    /// Why nothing more comes; empty while it is followed.
    pub why: String,
    /// The same lines are stored as logs.
    #[serde(default)]
    pub stored: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputLine {
    /// Milliseconds since the epoch; 0 where the engine told none.
    pub t: i64,
    pub stderr: bool,
    pub text: String,
}

/// A scrape target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetRow {
    pub job: String,
    pub instance: String,
    pub url: String,
    /// `up`, `down`, `unknown`, or `built-in`.
    pub health: Health,
    pub labels: Labels,
    pub discovered: Labels,
    /// The labels after each relabelling step, with the rule that made it.
    pub relabel_steps: Vec<(String, Labels)>,
    /// True where relabelling dropped it: it is never scraped.
    pub dropped: bool,
    /// Milliseconds since the epoch; 0 is never.
    pub last_scrape: i64,
    pub last_good: i64,
    pub duration_ms: f64,
    pub interval_ms: i64,
    pub samples: u64,
    pub error: String,
    /// What a person should know: "via container X", "gives way to ...".
    pub remark: String,
}

/// Somebody who pushes to this engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderRow {
    /// By which protocol: `remote write`.
    pub kind: String,
    /// Its address without the port, or the user at the other end of the socket.
    pub address: String,
    /// What it calls itself.
    pub agent: String,
    /// Milliseconds since the epoch; 0 is never.
    pub last_push: i64,
    pub last_good: i64,
    pub pushes: u64,
    /// Samples that were kept.
    pub samples: u64,
    /// Pushes that were refused, in whole or in part.
    pub refused: u64,
    /// Why the last push was refused; empty where it was not.
    pub error: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    Up,
    Down,
    #[default]
    Unknown,
    BuiltIn,
}

/// Something that cannot be read, and the way out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlindSpot {
    /// What is missing on screen: "I/O of other users' processes".
    pub what: String,
    pub why: String,
    /// The command or setting that would allow it.
    pub way_out: String,
}

/// Facts of one machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub host: String,
    pub os: String,
    pub kernel: String,
    pub cpu_model: String,
    pub cores: u32,
    pub memory: u64,
    /// Milliseconds since the epoch.
    pub booted_at: i64,
    /// Offset of the server's zone from UTC in seconds.
    pub utc_offset: i32,
}

/// Something on the time axis: an event, or a gap in collecting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub t: i64,
    /// Equal to `t` for an event; the end of a gap.
    pub until: i64,
    pub kind: MarkKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    #[default]
    Event,
    Gap,
    Bookmark,
    /// An observation that leads to its trace; never stored.
    Exemplar,
}

/// The store, for the Storage tab.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StorageView {
    pub path: String,
    pub series: u64,
    pub series_created: u64,
    pub series_removed: u64,
    pub head_bytes: u64,
    pub head_samples: u64,
    pub head_min_t: i64,
    pub wal_bytes: u64,
    pub blocks: Vec<BlockRow>,
    pub disk_bytes: u64,
    pub free_bytes: u64,
    pub retention: String,
    /// Oldest sample that can be asked, milliseconds since the epoch; 0 is none.
    pub reaches_back_to: i64,
    /// The largest metrics and labels by number of series.
    pub by_metric: Vec<(String, u64)>,
    pub by_label: Vec<(String, u64)>,
    #[serde(default)]
    pub logs: LogStorage,
    pub problems: Vec<String>,
}

/// The series in memory, counted by what they have in common, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Census {
    pub series: u64,
    pub label_pairs: u64,
    /// Chunks in memory, open ones included.
    pub chunks: u64,
    /// Of the samples in memory, milliseconds since the epoch.
    pub min_t: i64,
    pub max_t: i64,
    pub series_by_metric: Vec<(String, u64)>,
    /// Different values of each label.
    pub values_by_label: Vec<(String, u64)>,
    /// Bytes of each label's values, counted once for each series.
    pub bytes_by_label: Vec<(String, u64)>,
    /// By `name=value`.
    pub series_by_pair: Vec<(String, u64)>,
}

/// What is stored of logs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogStorage {
    pub streams: u64,
    pub blocks: u64,
    pub lines: u64,
    /// Bytes of the lines themselves, and of the files that hold them with everything else.
    pub raw_bytes: u64,
    pub disk_bytes: u64,
    pub retention: String,
}

/// One immutable block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockRow {
    pub name: String,
    pub min_t: i64,
    pub max_t: i64,
    pub series: u64,
    pub samples: u64,
    pub bytes: u64,
}

/// The engine's own health, as `bongsu status` prints it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    /// `inside` a console, or `serve`.
    pub mode: String,
    /// Milliseconds since the epoch.
    pub now: i64,
    pub started_at: i64,
    pub data_dir: String,
    pub listen: String,
    pub ready: bool,
    pub instances: Vec<String>,
    /// By which `instance` the series of this machine's containers are known; empty where an older
    /// engine does not say.
    #[serde(default)]
    pub containers_as: String,
    pub machine: Machine,
    pub own: OwnCost,
    pub storage: StorageView,
    pub targets_up: u32,
    pub targets_down: u32,
    pub alerts: AlertCounts,
    pub queues: Vec<QueueRow>,
    /// What is wrong now; empty is healthy.
    pub problems: Vec<String>,
    /// What a person should know though nothing is wrong: warnings of the configuration.
    pub warnings: Vec<String>,
    /// True where a listener takes questions of anybody who reaches it (`allow: [0.0.0.0/0]`).
    pub open_to_everybody: bool,
    /// Consoles that look now, the one inside this process too.
    pub consoles: u32,
    /// What receivers of the kind `terminal` were told, the newest few.
    #[serde(default)]
    pub announcements: Vec<Announcement>,
}

/// What this process costs the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OwnCost {
    pub rss: u64,
    /// Share of one core over the last reading interval.
    pub cpu: f64,
    pub threads: u32,
    pub open_files: u32,
    /// The memory budget by its lines: name, bytes now, bytes allowed. Together they are `rss`.
    pub budget: Vec<(String, u64, u64)>,
}

/// Where something waits, and how much may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRow {
    pub name: String,
    /// What waits now, and what may at most, in `unit`.
    pub len: u64,
    pub capacity: u64,
    /// What found no room since the start.
    pub dropped: u64,
    pub unit: QueueUnit,
}

/// What a queue counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueUnit {
    /// Questions, samples, commits: things.
    #[default]
    Items,
    Bytes,
}
