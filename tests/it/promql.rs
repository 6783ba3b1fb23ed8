//! PromQL over series in memory: cases of our own, and the conformance scripts.

mod cases;
mod compliance;
mod conformance;
mod judge;
pub(crate) mod memory;
mod script;
mod share;
