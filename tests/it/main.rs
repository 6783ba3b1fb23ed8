//! The one integration binary: the house rules, the formats, the real program in a real pty.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "conformance prints its lines"
)]

mod alerting;
mod config;
mod containers;
mod engine;
mod exposition;
mod host;
#[cfg(feature = "interop")]
mod interop;
mod layering;
mod logql;
mod logs;
mod promql;
mod rules;
mod scrape;
mod tidy;
mod traceql;
mod tui;
mod tui_widgets;
