//! `api`: the one port on which queries, pushes and metrics are answered.

use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::listener::{self, Listener};
use crate::config::shape::{Key, Section, Shape, key};

pub(crate) static API: Section = Section {
    name: "api",
    keys: &[listener::KEYS, OWN],
};

static OWN: &[Key] = &[
    key(
        "local",
        Shape::Word(&["queries", "metrics", "off"]),
        "queries",
        "What is answered without credentials: queries and pushes, only /metrics, or nothing.",
    ),
    key(
        "admin",
        Shape::Bool,
        "false",
        "Allows deleting series and snapshots over HTTP, as Prometheus' --web.enable-admin-api does.",
    ),
];

/// Where the API listens unless said.
pub const DEFAULT_PORT: u16 = 9470;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    pub listener: Listener,
    pub local: Local,
    pub admin: bool,
}

/// What is answered over TCP without credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Local {
    #[default]
    Queries,
    Metrics,
    Off,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listener: Listener::loopback(DEFAULT_PORT),
            local: Local::default(),
            admin: false,
        }
    }
}

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Api {
    Api {
        listener: listener::read(of, Listener::loopback(DEFAULT_PORT), check),
        local: match of.text("local") {
            Some("metrics") => Local::Metrics,
            Some("off") => Local::Off,
            _ => Local::Queries,
        },
        admin: of.bool("admin").unwrap_or(false),
    }
}
