//! Room `api`: what is answered over HTTP, on the port and on the socket.
//!
//! Owns the paths, who may use them, and the forms of parameters and answers. Never evaluates,
//! stores or scrapes: it asks [`crate::source::api::Source`], and what is no question goes through
//! [`Engine`], which `app` implements. Start with [`server`]: one row of its table per path. Tested
//! over real sockets in `tests/it/engine/api.rs`.

mod auth;
mod bongsu;
mod federate;
mod loki;
mod params;
mod prometheus;
mod reply;
mod self_metrics;
mod server;
mod status;
mod targets;

pub use crate::api::auth::Local;
pub use crate::api::self_metrics::{Health, own_families};
pub use crate::api::server::{Api, Options};

use crate::model::family::Family;
use crate::model::time::TimeRange;
use crate::source::api::{Caller, Reply, Source, SourceError};
use crate::wire::remote_write::WriteRequest;
use std::sync::Arc;

/// What the server needs of the process beside answers.
pub trait Engine: Send + Sync {
    fn source(&self, caller: Caller) -> Arc<dyn Source>;

    /// `Err` says what is not ready yet.
    fn ready(&self) -> Result<(), String>;

    /// Every family of `/metrics`: the collectors' last readings and this process' own.
    fn families(&self) -> Vec<Family>;

    /// Decodes and stores pushed samples, on a thread that may wait; answers how many were kept
    /// once they are durable.
    fn push(&self, decode: Decode) -> Reply<'static, u64>;

    /// The configuration as it is in force, secrets masked, as YAML.
    fn config_yaml(&self) -> String;

    /// Command-line settings, by name.
    fn flags(&self) -> Vec<(String, String)>;

    fn admin(&self, order: AdminOrder) -> Reply<'static, AdminDone>;
}

/// Reads the samples of a pushed body.
pub type Decode = Box<dyn FnOnce() -> Result<WriteRequest, SourceError> + Send>;

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
