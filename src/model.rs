//! Room `model`: the nouns of monitoring, as plain values.
//!
//! Owns labels, matchers, samples, alerts, time ranges, and what a console can ask ([`request`]), get
//! ([`answer`]), look at ([`view`]) and order ([`action`]). Never reads a clock, a file or a socket.
//! Start with [`labels`] and [`request`].

pub mod action;
pub mod alert;
pub mod answer;
pub mod exemplar;
pub mod family;
pub mod jvm;
pub mod labels;
pub mod log_entry;
pub mod matcher;
pub mod query;
pub mod request;
pub mod sample;
pub mod span;
pub mod span_tree;
pub mod time;
pub mod trace_report;
pub mod view;
