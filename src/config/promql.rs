//! `promql`: switches of the query language.

use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, key};

pub(crate) static PROMQL: Section = Section {
    name: "promql",
    keys: &[&[key(
        "experimental",
        Shape::Bool,
        "false",
        "Accepts functions and modifiers that Prometheus calls experimental.",
    )]],
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromQl {
    pub experimental: bool,
}

pub(crate) fn read(of: Fields<'_>) -> PromQl {
    PromQl {
        experimental: of.bool("experimental").unwrap_or(false),
    }
}
