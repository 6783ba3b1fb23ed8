//! Containers of this server: their cgroups read directly, their names and states asked of Docker
//! or podman.
//!
//! Owns finding cgroups that are containers ([`cgroup`]), the client of the engines' API
//! ([`docker`]), and the series under cAdvisor's names ([`series`]). Never asks the engines for
//! numbers: their statistics endpoint takes seconds and the files microseconds. An engine that
//! hangs costs the names, never the numbers. What containers write is read too ([`logs`]), from the
//! engine's files where they may be opened, else through its API. Start with [`run`] and [`docker::follow`]. Tested on
//! trees of /proc and /sys, and on real podman containers in `tests/it/interop`.

pub mod cgroup;
pub mod docker;
pub mod events;
pub mod facts;
pub(crate) mod id;
pub mod logs;
pub mod names;
pub mod run;
mod series;
mod unnamed;
