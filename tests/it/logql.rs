//! LogQL: cases of our own, and the conformance rows.

mod conformance;
mod grammar;
mod set;
