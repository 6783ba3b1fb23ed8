//! Room `base`: what knows nothing of monitoring.
//!
//! Owns clocks, cancellation, units, text, regular expressions, files, sockets and tasks, as plain
//! values and functions. Never names a series, a log line or a span. Start with [`clock`] and
//! [`cancel`], which every other room uses. Each file carries its own unit tests.

pub mod cancel;
pub mod clock;
pub mod digest;
pub mod escape;
pub mod fs;
pub mod net;
pub mod own;
pub mod regex;
pub mod task;
pub mod template;
pub mod text;
pub mod units;
