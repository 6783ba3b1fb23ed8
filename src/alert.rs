//! Room `alert`: from rules to somebody who knows.
//!
//! Owns the rules and their state ([`rules`]), the thread that evaluates them ([`ruler`]), and what
//! becomes of their alerts: routes, groups, inhibition, silences, acknowledgements ([`pipeline`]),
//! the texts of notifications ([`template`]), the vendors ([`notify`]) and the record of what was
//! told and why ([`sent`]). Never stores series itself (it hands them to `store::write`), never
//! evaluates a query itself (it asks `source::api` through [`Ask`]). Start with [`rules`]; the life
//! of one alert is in `alert/eval.rs`, its way to a person in [`pipeline`]. Tested by scenarios with
//! a fake clock in `tests/scenario`, and beside a real Prometheus and a real Alertmanager.

pub mod acknowledge;
pub mod alertmanagers;
pub mod board;
pub mod defaults;
mod eval;
mod expand;
pub mod heartbeat;
pub mod inhibit;
pub mod notice;
pub mod notify;
pub mod perform;
pub mod pipeline;
mod record;
mod restore;
pub mod route;
mod rule;
pub mod ruler;
pub mod rules;
pub mod sent;
pub mod silence;
pub mod template;

use crate::model::alert::{Alert, Language};
use crate::model::answer::Value;

/// Answers the queries of rules. Blocks: rules have a thread of their own.
pub trait Ask: Send + Sync {
    fn ask(&self, question: &Question<'_>) -> Result<Value, String>;
}

/// One query of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    pub language: Language,
    pub expr: &'a str,
    /// Milliseconds since the epoch.
    pub t: i64,
    /// How old a sample may be, in milliseconds; `None` is the engine's default. Spans are counted
    /// over this time.
    pub lookback: Option<i64>,
}

/// TraceQL names no stretch of time: spans are counted over so many milliseconds before the
/// evaluation, or since the evaluation before where that is longer.
pub const SPAN_WINDOW_MS: i64 = 5 * 60_000;

/// Takes the alerts of rules: firing ones again and again, resolved ones until they are forgotten.
pub trait Tell: Send + Sync {
    /// `alerts` of one rule, as of `now`. Never waits for a receiver.
    fn tell(&self, alerts: Vec<Alert>, now: i64);
}
