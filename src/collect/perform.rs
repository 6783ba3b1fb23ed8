//! What can be done to what is collected.
//!
//! Orders come as values of `model::action` and are answered with a sentence for the person who
//! gave them: signals to processes, questions to JVMs, orders to containers.

pub mod container;
pub mod jvm;
pub mod process;
