//! Room `forward`: what was taken in here, sent on to engines that exist elsewhere.
//!
//! Owns the senders: they read a log by position, keep that position in the state, and go on where they
//! were after a restart. What is sent stood on the disk before; what a receiver does not take now stays
//! in the log and is tried again. Never changes what is stored, never takes anything in. Start with
//! [`otlp`].

pub mod otlp;
