//! Room `config`: the one configuration, from the files people already have.
//!
//! Owns the keys (one row each in the registry: shape, default, doc), the reading of YAML as the
//! Go tools read it, the findings with their places, and the checked values that the other rooms
//! take. Never opens a socket, never watches a file, never keeps state: `load` is called again
//! and the caller compares.
//!
//! The way of a text: [`place`] makes a tree in which everything knows its line and column;
//! `shape` holds the tree against the rows and reports what does not fit; the file of each section
//! (`scrape`, `host`, `ui`, ...) has its rows, its checked type, and the reading from one to the
//! other. After a load without errors nobody checks again. To add a key: add its row and its field,
//! read it, and give it a line in `config.example.yaml`; tests hold the four together.

pub mod alerting;
pub mod alertmanager;
pub mod alerts;
pub mod api;
mod check;
pub mod compose;
pub mod containers;
mod discovery;
mod fields;
pub mod files;
pub mod finding;
pub mod global;
pub mod host;
pub mod http;
pub mod jvm;
pub mod kind;
pub mod limits;
pub mod listener;
mod load;
pub mod logs;
mod otlp;
pub mod paths;
pub mod place;
pub mod promql;
pub mod relabel;
mod remote;
mod root;
pub mod rule_tests;
pub mod rules;
pub mod scrape;
pub mod secret;
pub mod shape;
pub mod storage;
mod suggest;
pub mod targets;
mod tempo;
pub mod traces;
pub mod ui;

pub use check::Names;
pub use finding::{Finding, Level};
pub use load::{Loaded, check, load, read_rules};
pub use root::{Row, keys};
pub use rule_tests::read_rule_tests;

use std::path::PathBuf;

/// Everything that can be configured, checked. The default is what runs without any file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The files it came from, for those who watch them.
    pub files: Vec<PathBuf>,
    pub global: global::Global,
    pub scrape: Vec<scrape::ScrapeConfig>,
    /// Patterns; `*` may stand in the last part.
    pub rule_files: Vec<PathBuf>,
    /// The groups of all rule files, as they were when the configuration was read.
    pub rules: Vec<rules::RuleGroup>,
    pub alerting: alerting::Alerting,
    pub alerts: alerts::Alerts,
    /// Who is told of alerts; `None` where nothing is configured.
    pub alertmanager: Option<std::sync::Arc<alertmanager::Alertmanager>>,
    pub host: host::Host,
    pub containers: containers::Containers,
    pub jvm: jvm::Jvm,
    pub storage: storage::Storage,
    pub limits: limits::Limits,
    pub logs: logs::Logs,
    pub api: api::Api,
    pub traces: traces::Traces,
    pub ui: ui::Ui,
    pub promql: promql::PromQl,
}

#[cfg(test)]
mod tests;
