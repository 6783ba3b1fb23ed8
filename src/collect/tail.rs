//! Reading logs: files by pattern, the journal; through stages, into the store.
//!
//! Owns positions, rotation, truncation, lines, stages. Never drops a line unless a stage says so,
//! and then counts it; where the store is behind, reading waits. Start with [`run`], then
//! [`mod@file`]. Tested on real files under a temporary directory, with the store's own
//! lists in place of a disk.

pub mod defaults;
mod file;
mod glob;
mod identity;
mod intake;
mod journal;
pub(crate) mod output;
mod pipeline;
pub mod run;
pub mod stage;
mod watch;

pub(crate) use intake::Intake;

#[cfg(test)]
mod tests;
