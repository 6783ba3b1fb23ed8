//! `| status >= 500 and took > 1s`: lines by their labels.

use crate::model::matcher::{MatchOp, Matcher};
use crate::query::logql::ast::{Compare, LabelFilter, Quantity};
use crate::query::logql::stage::ip::Net;
use crate::query::logql::stage::quantity;
use crate::query::logql::stage::work::Work;
use crate::query::logql::stage::{ERROR, ERROR_DETAILS};

pub(crate) enum Filter {
    Match(Matcher),
    Compare {
        name: String,
        op: Compare,
        with: Quantity,
    },
    Ip {
        name: String,
        negative: bool,
        net: Net,
    },
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
}

impl Filter {
    pub(crate) fn new(filter: &LabelFilter) -> Result<Self, String> {
        let pair = |a: &LabelFilter, b: &LabelFilter| {
            Ok::<_, String>((Box::new(Self::new(a)?), Box::new(Self::new(b)?)))
        };
        Ok(match filter {
            LabelFilter::Match(m) => Self::Match(m.clone()),
            LabelFilter::Compare { name, op, with } => Self::Compare {
                name: name.clone(),
                op: *op,
                with: *with,
            },
            LabelFilter::Ip {
                name,
                negative,
                pattern,
            } => Self::Ip {
                name: name.clone(),
                negative: *negative,
                net: Net::new(pattern)?,
            },
            LabelFilter::And(a, b) => {
                let (a, b) = pair(a, b)?;
                Self::And(a, b)
            }
            LabelFilter::Or(a, b) => {
                let (a, b) = pair(a, b)?;
                Self::Or(a, b)
            }
        })
    }

    pub(crate) fn passes(&self, labels: &mut Work) -> bool {
        match self {
            Self::Match(m) => m.matches(labels.get(&m.name).unwrap_or_default()),
            // Both sides are asked, so that what is wrong on the right is known as well.
            Self::And(a, b) => {
                let left = a.passes(labels);
                let right = b.passes(labels);
                left && right
            }
            Self::Or(a, b) => a.passes(labels) || b.passes(labels),
            // A line that failed before is not judged by addresses.
            Self::Ip { .. } if labels.error().is_some() => true,
            Self::Ip {
                name,
                negative,
                net,
            } => match value(labels, name) {
                Some(value) => net.is_in(value) != *negative,
                None => false,
            },
            Self::Compare { name, op, with } => {
                let Some(value) = value(labels, name) else {
                    return false;
                };
                match compare(value, *op, *with) {
                    Ok(holds) => holds,
                    Err(why) => {
                        labels.fail("LabelFilterErr", why);
                        true
                    }
                }
            }
        }
    }

    /// Matches on errors that are there: whoever asks for them does not want the query to fail.
    pub(crate) fn wants_errors(&self) -> bool {
        match self {
            Self::Match(m) => {
                let named = m.name == ERROR || m.name == ERROR_DETAILS;
                named && !(m.op == MatchOp::Equal && m.value.is_empty()) && !m.matches("")
            }
            Self::And(a, b) | Self::Or(a, b) => a.wants_errors() || b.wants_errors(),
            _ => false,
        }
    }
}

/// Only texts can be compared with errors.
fn value<'w>(labels: &'w mut Work, name: &str) -> Option<&'w str> {
    let is_error = name == ERROR || name == ERROR_DETAILS;
    labels.get(name).filter(|_| !is_error)
}

fn compare(value: &str, op: Compare, with: Quantity) -> Result<bool, String> {
    Ok(match with {
        Quantity::Number(want) => op.holds(quantity::number(value)?, want),
        Quantity::Duration(want) => op.holds(quantity::duration_ns(value)?, want),
        Quantity::Bytes(want) => op.holds(quantity::bytes(value)?, want),
    })
}
