//! Room `app`: where everything is known and put together.
//!
//! Owns the composition of an engine ([`engine`]), its start from arguments and files
//! ([`launch`]), the console with its engine inside or reached through a socket ([`console`]), the
//! engine alone ([`serve`]), who carries out orders, reload and the order of the shutdown. Holds no
//! logic of monitoring: that is in the rooms below. Start with [`engine`].

mod alerts_then;
pub mod backfill;
mod backstage;
mod blind;
pub mod console;
mod container_logs;
mod containers;
pub mod demo;
mod doors;
pub mod engine;
mod forward;
mod forwarding;
mod gate;
mod greeted;
mod health;
mod heard;
mod languages;
pub mod launch;
mod listener;
pub mod once;
mod own_code;
mod own_series;
mod paces;
pub mod places;
mod queries;
mod receivers;
mod reload;
mod remembered;
mod reports;
mod rights;
pub mod rule_tests;
mod rules;
mod senders;
mod sending_on;
pub mod serve;
mod spans;
mod status;
mod tail;
mod telling;
mod why;
