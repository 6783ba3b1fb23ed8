//! LogQL: cases of our own, and the conformance rows.

mod conformance;
mod grammar;
pub(crate) mod memory;
mod metric;
pub(crate) mod set;
mod store;
