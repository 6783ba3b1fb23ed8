//! Containers as the kernel accounts them: cgroups v1, v2 and both at once.
//!
//! Each controller is on one hierarchy, so where to read is decided for each of them: `memory` may
//! be on v1 while the tree of v2 holds no controller at all. Never writes.

mod files;
mod find;
mod parse;
mod read;

pub use files::Files;
pub use find::{Cgroups, Place, processes};
pub use read::{Depth, Device, Interface, Memory, Pressure, Reading, Spec};
