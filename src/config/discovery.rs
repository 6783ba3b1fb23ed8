//! The ways in which Prometheus finds targets and this program does not yet: each is known by
//! name, its block is accepted, and the warning names it.

use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::shape::{Key, Shape, later};

pub(crate) static KINDS: &[Key] = &[
    later("http_sd_configs", Shape::Any, "targets from an HTTP server"),
    later("dns_sd_configs", Shape::Any, "targets from DNS"),
    later("docker_sd_configs", Shape::Any, "targets from Docker"),
];

/// The rules inside the blocks, as far as they are known.
pub(crate) fn check_kinds(_of: Fields<'_>, _check: &mut Check<'_>) {}
