//! What is pushed to this program, once it has been decoded: the rules that every sender's data
//! meets before it is kept.
//!
//! The sockets and paths of spans are the API's; here is what becomes of them. Log jobs that are
//! pushed to (syslog, Loki's push) have listeners of their own, which the engine opens.

pub mod docker;
pub mod lines;
pub mod push;
pub mod spans;
pub mod syslog;

#[cfg(test)]
mod tests;
