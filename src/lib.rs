//! bongsu: a terminal monitoring console.
//!
//! | I want to change ...                              | go to ...                              |
//! |---------------------------------------------------|----------------------------------------|
//! | a label, a sample, what a console can ask or order | [`model`]                              |
//! | durations, regular expressions, clocks, files, TLS | [`base`]                               |
//! | an exposition format, remote write, API JSON      | [`wire`]                               |
//! | what is kept on disk, retention, the WAL          | [`store`]                              |
//! | a PromQL function                                 | `query/promql/functions`               |
//! | a stage of LogQL, a function of line_format       | `query/logql/stage`                    |
//! | an operator or a function of TraceQL              | `query/traceql`                        |
//! | how log files are found and read, a stage         | `collect/tail`                         |
//! | where spans come in, what is derived of them      | `collect/listen`, `collect/span_metrics` |
//! | a configuration key                               | [`config`], one file per section       |
//! | a host metric, scraping, relabelling              | [`collect`]                            |
//! | a rule, an alert, who is told                    | [`alert`]                              |
//! | where spans are sent on to                       | [`forward`]                            |
//! | what a console asks, here or of another server    | [`source`]                             |
//! | an HTTP path                                      | `api`                                  |
//! | a key, a tab, a panel, a theme                    | `tui`                                  |
//! | how the parts are started and stopped             | `app`                                  |
//! | a subcommand                                      | `cli/cmd`                              |
//!
//! The rooms import downwards only; `tests/it/layering.rs` is the law.

pub mod alert;
pub mod api;
pub mod app;
pub mod base;
pub mod cli;
pub mod collect;
pub mod config;
pub mod forward;
pub mod model;
pub mod query;
pub mod source;
pub mod store;
pub mod tui;
pub mod wire;
