//! What can be done to what is collected.
//!
//! Orders come as values of `model::action` and are answered with a sentence for the person who
//! gave them. So far: signals to processes of this server.

pub mod process;
