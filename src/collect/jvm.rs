//! JVMs without an exporter or an agent: found in /proc, read from the counters they keep mapped,
//! and asked, on order, by attaching.
//!
//! Owns finding, reading, naming and the attach protocol. Start with [`find`] and [`series`].

/// Where this machine shows its processes.
pub(crate) const PROC: &str = "/proc";

pub(crate) mod attach;
mod collector;
mod counters;
pub(crate) mod find;
pub(crate) mod heap_info;
mod heaps;
mod histogram;
mod hsperf;
pub mod read;
pub mod report;
pub mod run;
mod series;
pub(crate) mod tasks;
mod thread_dump;
