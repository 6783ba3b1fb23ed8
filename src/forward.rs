//! Sending on to existing engines: log lines to a Loki.
//!
//! Owns the queue on disk in which lines wait ([`spool`]), and the senders that read it, each from
//! its own place, which is kept in the store's state. A server that is away loses nothing: its lines
//! wait, up to the queue's bound. It never reads files of logs and never decides what is stored.
//! Start with [`loki`].

pub mod loki;
pub mod spool;
