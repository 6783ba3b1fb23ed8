//! Series over the steps of a query.

use crate::model::labels::Labels;

/// The steps of a query in nanoseconds: `count` from `start` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    pub(super) start: i64,
    pub(super) step: i64,
    pub(super) count: usize,
}

impl Steps {
    pub(super) fn at(self, i: usize) -> i64 {
        self.start
            .saturating_add(self.step.saturating_mul(i as i64))
    }

    pub(super) fn last(self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }
}

/// One series; a step without a value is a gap.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) labels: Labels,
    pub(super) values: Vec<Option<f64>>,
}

/// What a node of the tree gives.
#[derive(Debug)]
pub(super) enum Value {
    /// The same number at every step, without labels.
    Number(f64),
    Rows(Vec<Row>),
}
