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

use crate::model::alert::Alert;
use crate::model::answer::Value;

/// Answers the queries of rules. Blocks: rules have a thread of their own.
pub trait Ask: Send + Sync {
    /// The value of `expr` at `t`, milliseconds since the epoch. `lookback` is how old a sample may
    /// be, in milliseconds; `None` is the engine's default.
    fn ask(&self, expr: &str, t: i64, lookback: Option<i64>) -> Result<Value, String>;
}

/// Takes the alerts of rules: firing ones again and again, resolved ones until they are forgotten.
pub trait Tell: Send + Sync {
    /// `alerts` of one rule, as of `now`. Never waits for a receiver.
    fn tell(&self, alerts: Vec<Alert>, now: i64);
}
