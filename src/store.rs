//! Room `store`: keeps what was collected.
//!
//! Doors: [`read`], [`write`], `state`. Never knows a query language, a runtime or a socket.

pub mod read;
pub mod write;
