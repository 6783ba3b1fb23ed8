//! Room `source`: the one face that consoles, commands, rules and the HTTP API see of any backend.
//!
//! [`api`] says what can be asked and ordered; [`embedded`] answers from the store of this process,
//! [`remote`] from another server. Never draws and never collects.

pub mod api;
pub mod embedded;
pub mod remote;
