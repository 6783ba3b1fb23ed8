//! Room `collect`: everything that brings data in.
//!
//! Owns the readers of this server, the scraping of others, what is pushed, relabelling and discovery, and what
//! can be done to a process. Never answers a question and never draws: samples leave through
//! `store::write`, live views through `tokio::sync::watch`. Start with [`host`] and [`scrape`]. Tested on trees
//! of /proc and /sys under `tests/data/host`, and beside real exporters in `tests/it/interop`.

pub mod beat;
pub mod container;
pub mod discovery;
pub mod host;
pub mod jvm;
mod kept;
pub mod listen;
pub mod perform;
pub mod relabel;
pub mod scrape;
pub mod span_metrics;
pub mod tail;
