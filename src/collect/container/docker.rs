//! What Docker and podman say of containers over their API: names, states, networks, events, logs.
//!
//! One task for each engine ([`follow`]) lists once, then listens to events; [`known::Known`] holds the
//! newest of all engines for everyone else. Any request may hang or fail: each has a deadline, and
//! what was known stays.

pub mod address;
pub mod client;
pub mod follow;
pub mod frames;
pub mod json;
pub mod known;
pub mod look;
