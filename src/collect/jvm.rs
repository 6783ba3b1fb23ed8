//! JVMs without an exporter or an agent: found in /proc, read from the counters they keep mapped.
//!
//! Owns finding, reading and naming; never attaches by itself. Start with [`find`] and [`series`].

mod find;
mod hsperf;
pub mod read;
pub mod run;
mod series;
