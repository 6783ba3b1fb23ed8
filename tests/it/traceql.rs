//! TraceQL: the grammar against Tempo's own examples, its meaning against scripts of ours.

mod conformance;
mod report;
mod script;
