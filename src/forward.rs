//! Room `forward`: what was taken in here, sent on to engines that exist elsewhere.
//!
//! Owns the senders: log lines to a Loki from a queue on disk ([`spool`]), spans to an OTLP receiver from
//! their log. Each reads by a position that it keeps in the state, and goes on from there after a
//! restart: a receiver that is away loses nothing up to the bound of what waits. Never changes what is
//! stored, never takes anything in. Start with [`otlp`] and [`loki`].

pub mod loki;
pub mod otlp;
pub mod spool;
