//! Metrics as a collector hands them over: a family with its points.

use crate::model::answer::MetricKind;
use crate::model::labels::Labels;
use std::borrow::Cow;

/// All series of one metric at one reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// As exposed in text 0.0.4: counters with their `_total`.
    pub name: Cow<'static, str>,
    pub kind: MetricKind,
    pub help: Cow<'static, str>,
    pub points: Vec<Point>,
}

/// One value. `labels` are without the metric's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// `_bucket`, `_sum`, `_count`, or empty.
    pub suffix: &'static str,
    pub labels: Labels,
    pub value: f64,
}

impl Family {
    pub fn new(name: &'static str, kind: MetricKind, help: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            kind,
            help: Cow::Borrowed(help),
            points: Vec::new(),
        }
    }

    /// Adds a point; the labels need no order.
    pub fn add(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        let labels = Labels::from_sorted(labels)
            .unwrap_or_else(|| Labels::from_pairs(labels.iter().copied()));
        self.points.push(Point {
            suffix: "",
            labels,
            value,
        });
        self
    }
}
