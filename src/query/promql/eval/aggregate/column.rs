//! One group's running results, a cell per step.

use crate::query::promql::ast::Aggregator;
use crate::query::promql::eval::{ABSENT, is_present};
use crate::query::promql::functions::window::{self, Mean};

/// What a group remembers. Every form is a set of parallel columns, so that adding a row is one
/// pass over contiguous memory.
pub(crate) enum Column {
    Sum { sum: Vec<f64>, correction: Vec<f64> },
    Mean(Vec<Option<Mean>>),
    Least(Vec<f64>),
    Largest(Vec<f64>),
    Count(Vec<f64>),
    Group(Vec<f64>),
    Spread { cells: Vec<Spread>, deviation: bool },
}

/// Welford's running variance.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Column {
    /// Values per cell, for the sample limit.
    pub(crate) fn width(op: Aggregator) -> usize {
        match op {
            Aggregator::Sum => 2,
            Aggregator::Avg => 4,
            Aggregator::Stddev | Aggregator::Stdvar => 3,
            _ => 1,
        }
    }

    pub(crate) fn new(op: Aggregator, n: usize) -> Self {
        match op {
            Aggregator::Sum => Self::Sum {
                sum: vec![ABSENT; n],
                correction: vec![0.0; n],
            },
            Aggregator::Avg => Self::Mean(vec![None; n]),
            Aggregator::Min => Self::Least(vec![ABSENT; n]),
            Aggregator::Max => Self::Largest(vec![ABSENT; n]),
            Aggregator::Count => Self::Count(vec![ABSENT; n]),
            Aggregator::Stddev | Aggregator::Stdvar => Self::Spread {
                cells: vec![Spread::default(); n],
                deviation: op == Aggregator::Stddev,
            },
            _ => Self::Group(vec![ABSENT; n]),
        }
    }

    pub(crate) fn add(&mut self, row: &[f64]) {
        match self {
            Self::Sum { sum, correction } => {
                for ((s, c), v) in sum.iter_mut().zip(correction).zip(row) {
                    if !is_present(*v) {
                        continue;
                    }
                    if is_present(*s) {
                        (*s, *c) = window::add(*v, *s, *c);
                    } else {
                        *s = *v;
                    }
                }
            }
            Self::Mean(cells) => {
                for (cell, v) in cells.iter_mut().zip(row) {
                    if is_present(*v) {
                        match cell {
                            Some(mean) => mean.push(*v),
                            None => *cell = Some(Mean::new(*v)),
                        }
                    }
                }
            }
            Self::Least(cells) => choose(cells, row, |v, best| v < best),
            Self::Largest(cells) => choose(cells, row, |v, best| v > best),
            Self::Count(cells) => {
                for (cell, v) in cells.iter_mut().zip(row) {
                    if is_present(*v) {
                        *cell = if is_present(*cell) { *cell + 1.0 } else { 1.0 };
                    }
                }
            }
            Self::Group(cells) => {
                for (cell, v) in cells.iter_mut().zip(row) {
                    if is_present(*v) {
                        *cell = 1.0;
                    }
                }
            }
            Self::Spread { cells, .. } => {
                for (cell, v) in cells.iter_mut().zip(row) {
                    if is_present(*v) {
                        cell.count += 1.0;
                        let delta = v - cell.mean;
                        cell.mean += delta / cell.count;
                        cell.squares += delta * (v - cell.mean);
                    }
                }
            }
        }
    }

    /// The results, a value or [`ABSENT`] per step.
    pub(crate) fn finish(self, out: &mut [f64]) {
        match self {
            Self::Sum { sum, correction } => {
                for ((o, s), c) in out.iter_mut().zip(sum).zip(correction) {
                    *o = if is_present(s) && s.is_finite() {
                        s + c
                    } else {
                        s
                    };
                }
            }
            Self::Mean(cells) => {
                for (o, cell) in out.iter_mut().zip(cells) {
                    *o = cell.map_or(ABSENT, Mean::value);
                }
            }
            Self::Least(cells) | Self::Largest(cells) | Self::Count(cells) | Self::Group(cells) => {
                out.copy_from_slice(&cells);
            }
            Self::Spread { cells, deviation } => {
                for (o, cell) in out.iter_mut().zip(cells) {
                    let variance = cell.squares / cell.count;
                    *o = match (cell.count == 0.0, deviation) {
                        (true, _) => ABSENT,
                        (false, true) => variance.sqrt(),
                        (false, false) => variance,
                    };
                }
            }
        }
    }
}

/// NaN stays only where there is nothing else.
fn choose(cells: &mut [f64], row: &[f64], better: impl Fn(f64, f64) -> bool) {
    for (cell, v) in cells.iter_mut().zip(row) {
        if is_present(*v) && (!is_present(*cell) || better(*v, *cell) || cell.is_nan()) {
            *cell = *v;
        }
    }
}
