//! Room `store`: keeps what was collected.
//!
//! Doors: [`read`], `write`, [`state`]; [`open`] opens the data directory and gives all three,
//! [`live`] is the ring that exists before,
//! [`import`] takes many samples at once. Never knows a query language, a runtime or a socket.
//! Start with `open`, then `metrics`. Tested against plain maps, on a simulated disk that fails at
//! every operation.

mod disk;
mod exemplars;
pub mod import;
pub mod live;
mod logs;
mod metrics;
pub mod open;
pub mod read;
mod snapshots;
pub mod state;
mod traces;
pub mod write;
