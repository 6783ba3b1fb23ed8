//! Rules: other people's files, promtool's unit tests, and scenarios with a fake clock.

mod conformance;
mod scenario;
