//! `unwrap`: the label that is the number of a line.

use crate::query::logql::ast::{Convert, Unwrap};
use crate::query::logql::stage::label_filter::Filter;
use crate::query::logql::stage::quantity;
use crate::query::logql::stage::work::Work;

pub(crate) struct Unwrapping {
    label: String,
    convert: Convert,
    filters: Vec<Filter>,
}

/// What came of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Is(f64),
    /// The label is absent or empty, or a filter behind the unwrap dropped the line.
    None,
}

impl Unwrapping {
    pub(crate) fn new(unwrap: &Unwrap) -> Result<Self, String> {
        Ok(Self {
            label: unwrap.label.clone(),
            convert: unwrap.convert,
            filters: unwrap
                .filters
                .iter()
                .map(Filter::new)
                .collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// A value that is no number marks the line and counts as 0.
    pub(crate) fn number(&self, labels: &mut Work) -> Number {
        let Some(text) = labels.get(&self.label).filter(|text| !text.is_empty()) else {
            return Number::None;
        };
        let read = match self.convert {
            Convert::None => quantity::number(text),
            Convert::Bytes => quantity::bytes(text).map(|size| size as f64),
            Convert::Duration | Convert::DurationSeconds => {
                quantity::duration_ns(text).map(|ns| ns as f64 / 1e9)
            }
        };
        let value = read.unwrap_or_else(|why| {
            labels.fail("SampleExtractionErr", why);
            0.0
        });
        if self.filters.iter().all(|f| f.passes(labels)) {
            Number::Is(value)
        } else {
            Number::None
        }
    }

    pub(crate) fn wants_errors(&self) -> bool {
        self.filters.iter().any(Filter::wants_errors)
    }
}
