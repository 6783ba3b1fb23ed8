//! Spans: a log, a head of encoded batches, and blocks of traces.
//!
//! What arrives is in the log and in the head; when the head is full or old it is written as one
//! block, traces in the order of their starts, and the log is cut. A trace whose spans are in
//! several places is put together when it is read. Layout: `docs/format/traces.md`.

mod block;
mod blocks;
mod codec;
mod follow;
mod head;
mod intern;
mod log;
mod visit;

pub(crate) use log::{Limits, OpenTracesError, Place, Traces};

#[cfg(test)]
mod tests;
