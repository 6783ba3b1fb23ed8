//! What is pushed to this program, once it has been decoded: the rules that every sender's data
//! meets before it is kept.
//!
//! The sockets and paths are the API's; here is what becomes of spans.

pub mod spans;
