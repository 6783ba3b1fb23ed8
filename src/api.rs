//! Room `api`: what is answered over HTTP, on the port and on the socket.
//!
//! Owns the paths, who may use them, and the forms of parameters and answers. Never evaluates,
//! stores or scrapes: it asks [`crate::source::api::Source`], and what is no question goes through
//! [`Engine`], which `app` implements. Start with [`server`]: one row of its table per path. Tested
//! over real sockets in `tests/it/engine/api.rs`.

mod alertmanager;
mod auth;
mod bongsu;
mod federate;
mod loki;
mod otlp;
mod otlp_logs;
mod params;
mod prometheus;
mod push;
mod reply;
mod rules;
mod self_metrics;
mod server;
mod spans;
mod status;
mod targets;
mod tempo;

pub use crate::api::auth::Local;
pub use crate::api::self_metrics::{Health, own_families};
pub use crate::api::server::{Api, Options, Pushing};

use crate::collect::listen::spans::Taken;
use crate::model::family::Family;
use crate::model::labels::Labels;
use crate::model::time::TimeRange;
use crate::model::view::{AlertRow, Census, RuleGroupRow};
use crate::source::api::{Caller, Reply, Source, SourceError};
use crate::wire::alertmanager_json::{AlertGroup, GettableAlert, PostableAlert, Receiver, Silence};
use crate::wire::loki_push::PushStream;
use crate::wire::otlp::Batch;
use crate::wire::remote_write::WriteRequest;
use std::sync::Arc;

/// What the server needs of the process beside answers.
pub trait Engine: Send + Sync {
    fn source(&self, caller: Caller) -> Arc<dyn Source>;

    /// `Err` says what is not ready yet.
    fn ready(&self) -> Result<(), String>;

    /// Every alert of the rules that pends or fires.
    fn alerts(&self) -> Vec<AlertRow>;

    /// Every group of rules.
    fn rule_groups(&self) -> Vec<RuleGroupRow>;

    /// Every family of `/metrics`: the collectors' last readings and this process' own.
    fn families(&self) -> Vec<Family>;

    /// Decodes and stores pushed samples, on a thread that may wait; answers how many were kept
    /// once they are durable.
    fn push(&self, decode: Decode) -> Reply<'static, u64>;

    /// As [`Engine::push`], of log lines.
    fn push_lines(&self, decode: DecodeLines) -> Reply<'static, u64>;

    /// Decodes and keeps pushed spans, on a thread that may wait.
    fn receive(&self, decode: DecodeSpans) -> Reply<'static, Taken>;

    /// Notes what came of a push: the samples, lines or spans that were kept, or why it was refused.
    fn pushed(&self, by: &Sender, outcome: Result<u64, String>);

    /// `global.external_labels`.
    fn external_labels(&self) -> Labels;

    /// The configuration in force.
    fn loaded(&self) -> Loaded;

    /// Counts the series in memory, with at most `limit` rows each; nothing while history opens.
    fn census(&self, limit: usize) -> Census;

    /// The configuration as it is in force, secrets masked, as YAML.
    fn config_yaml(&self) -> String;

    /// Command-line settings, by name.
    fn flags(&self) -> Vec<(String, String)>;

    /// Alerts, groups and silences; `None` while history opens.
    fn alerting(&self) -> Option<Arc<dyn Alerting>>;

    fn admin(&self, order: AdminOrder) -> Reply<'static, AdminDone>;
}

/// Alerts as Alertmanager's API asks for them. Calls may wait for the disk.
pub trait Alerting: Send + Sync {
    fn alerts(&self) -> Vec<GettableAlert>;
    fn groups(&self) -> Vec<AlertGroup>;
    fn receive(&self, posted: Vec<PostableAlert>) -> Result<(), String>;
    fn silences(&self) -> Vec<Silence>;
    fn silence(&self, id: &str) -> Option<Silence>;
    fn set_silence(&self, silence: Silence) -> Result<String, String>;
    fn expire(&self, id: &str) -> Result<(), String>;
    fn receivers(&self) -> Vec<Receiver>;
    /// The configuration as it was written, secrets left out.
    fn original(&self) -> String;
    fn started_at(&self) -> i64;
}

/// Reads the samples of a pushed body.
pub type Decode = Box<dyn FnOnce() -> Result<WriteRequest, SourceError> + Send>;

/// Reads the lines of a pushed body.
pub type DecodeLines = Box<dyn FnOnce() -> Result<Vec<PushStream>, SourceError> + Send>;
/// Reads the spans of a pushed body.
pub type DecodeSpans = Box<dyn FnOnce() -> Result<Batch, SourceError> + Send>;

/// Who pushes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// The protocol, as a person says it.
    pub kind: &'static str,
    /// Without the port, which is another one at each connection.
    pub address: String,
    /// What it calls itself.
    pub agent: String,
}

/// How the configuration in force came to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// When it was taken, milliseconds since the epoch.
    pub at: i64,
    /// False where a newer one was refused since.
    pub newest: bool,
}

impl Loaded {
    /// Taken at this time.
    pub fn now(at: i64) -> Self {
        Self { at, newest: true }
    }
}

/// What Prometheus calls the TSDB admin API.
#[derive(Clone, Debug, PartialEq)]
pub enum AdminOrder {
    DeleteSeries {
        selectors: Vec<String>,
        range: TimeRange,
    },
    CleanTombstones,
    Snapshot,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminDone {
    /// The snapshot's name, where one was made.
    pub name: String,
}
