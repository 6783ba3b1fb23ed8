//! Tree to answer.
//!
//! A query is worked out series by series, not step by step: a selector decodes a series once and
//! hands on one row of values, a column per step; functions change the row in place; aggregations
//! add it to their groups. So memory follows the output, not the input. A value that is absent at a
//! step is the staleness marker's NaN ([`ABSENT`]), which no calculation can give.

mod aggregate;
mod binary;
mod call;
mod histogram;
mod limits;
mod notes;
mod result;
mod select;
mod share;

pub use limits::{Engine, ErrorKind, Limits, QueryError};

use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::sample::STALE_BITS;
use crate::model::time::Steps;
use crate::query::promql::ast::{Binary, Duration, DurationExpr, Expr, Kind, Sign};
use crate::query::promql::eval::limits::{Run, fault};

/// No value at this step.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_BITS);

/// What a kept series costs beside its values, in samples of eight bytes.
pub(crate) const ROW_COST: usize = 12;

#[inline]
pub(crate) fn is_present(v: f64) -> bool {
    v.to_bits() != STALE_BITS
}

/// One series over all steps, lent for the time of a call.
pub(crate) struct Row<'r> {
    pub(crate) labels: &'r Labels,
    /// The name goes when the query is answered; until then aggregations may still group by it.
    pub(crate) drop_name: bool,
    /// A value per step, or [`ABSENT`].
    pub(crate) values: &'r mut [f64],
}

/// One series over all steps, kept.
pub(crate) struct Kept {
    pub(crate) labels: Labels,
    pub(crate) drop_name: bool,
    pub(crate) values: Vec<f64>,
}

impl Kept {
    fn lend(&mut self) -> Row<'_> {
        Row {
            labels: &self.labels,
            drop_name: self.drop_name,
            values: &mut self.values,
        }
    }
}

pub(crate) type Done<T = ()> = Result<T, QueryError>;
pub(crate) type Sink<'s> = &'s mut dyn FnMut(Row<'_>) -> Done;

/// Names that say what a metric is, and go with its name.
pub(crate) fn is_metadata_label(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

impl Run<'_> {
    /// Hands every series of an instant-vector expression to `sink`.
    pub(crate) fn rows(&self, expr: &Expr, grid: Steps, sink: Sink<'_>) -> Done {
        self.check()?;
        if expr.fixed && grid.count() > 1 {
            return self.rows_once(expr, grid, sink);
        }
        match &expr.kind {
            Kind::Paren(inner) => self.rows(inner, grid, sink),
            Kind::Selector(s) => self.select_rows(s, grid, sink),
            Kind::Unary(Sign::Plus, inner) => self.rows(inner, grid, sink),
            Kind::Unary(Sign::Minus, inner) => self.rows(inner, grid, &mut |row| {
                for v in row.values.iter_mut().filter(|v| is_present(**v)) {
                    *v = -*v;
                }
                sink(Row {
                    drop_name: true,
                    ..row
                })
            }),
            Kind::Binary(b) => self.binary_rows(b, grid, sink),
            Kind::Aggregate(a) => self.aggregate_rows(a, grid, sink),
            Kind::Call(c) => self.call_rows(c, expr.span, grid, sink),
            Kind::Number(_) | Kind::Text(_) | Kind::Range(_) | Kind::Subquery(_) => {
                Err(fault(expr.span, "an instant vector is needed here"))
            }
        }
    }

    /// What is the same at every step is worked out for one.
    fn rows_once(&self, expr: &Expr, grid: Steps, sink: Sink<'_>) -> Done {
        let n = grid.count();
        let mut wide = Vec::new();
        self.rows(expr, Steps::at(grid.start), &mut |row| {
            wide.clear();
            wide.resize(n, row.values[0]);
            sink(Row {
                labels: row.labels,
                drop_name: row.drop_name,
                values: &mut wide,
            })
        })
    }

    /// Keeps every series of an instant-vector expression, within the sample limit.
    pub(crate) fn keep_rows(&self, expr: &Expr, grid: Steps) -> Done<Vec<Kept>> {
        let mut out = Vec::new();
        self.rows(expr, grid, &mut |row| {
            self.hold(row.values.len() + ROW_COST)?;
            out.push(Kept {
                labels: row.labels.clone(),
                drop_name: row.drop_name,
                values: row.values.to_vec(),
            });
            Ok(())
        })?;
        Ok(out)
    }

    /// Gives back what [`Run::keep_rows`] held.
    pub(crate) fn forget(&self, rows: &[Kept]) {
        self.release(rows.iter().map(|r| r.values.len() + ROW_COST).sum());
    }

    /// The value of a scalar expression at every step.
    pub(crate) fn scalar(&self, expr: &Expr, grid: Steps) -> Done<Vec<f64>> {
        self.check()?;
        match &expr.kind {
            Kind::Number(n) => Ok(vec![n.value; grid.count()]),
            Kind::Paren(inner) | Kind::Unary(Sign::Plus, inner) => self.scalar(inner, grid),
            Kind::Unary(Sign::Minus, inner) => {
                let mut values = self.scalar(inner, grid)?;
                for v in &mut values {
                    *v = -*v;
                }
                Ok(values)
            }
            Kind::Binary(b) => self.scalar_binary(b, grid),
            Kind::Call(c) => self.scalar_call(c, expr.span, grid),
            _ => Err(fault(expr.span, "a number is needed here")),
        }
    }

    /// The text of a string expression.
    pub(crate) fn text_of(expr: &Expr) -> Done<&str> {
        match &expr.bare().kind {
            Kind::Text(text) => Ok(text),
            _ => Err(fault(expr.span, "a text is needed here")),
        }
    }

    /// Milliseconds.
    pub(crate) fn duration(&self, d: &Duration) -> i64 {
        match d {
            Duration::Fixed(ms) => *ms,
            Duration::Computed(expr) => (self.seconds(expr) * 1000.0).round() as i64,
        }
    }

    fn seconds(&self, expr: &DurationExpr) -> f64 {
        match expr {
            DurationExpr::Number(n) => n.value,
            DurationExpr::Step => self.step_seconds(),
            DurationExpr::Range => (self.top.end - self.top.start) as f64 / 1000.0,
            DurationExpr::Minus(inner) => -self.seconds(inner),
            DurationExpr::Plus(inner) | DurationExpr::Paren(inner) => self.seconds(inner),
            DurationExpr::MinOf(a, b) => self.seconds(a).min(self.seconds(b)),
            DurationExpr::MaxOf(a, b) => self.seconds(a).max(self.seconds(b)),
            DurationExpr::Binary(op, a, b) => {
                binary::arithmetic(*op, self.seconds(a), self.seconds(b))
            }
        }
    }

    fn scalar_binary(&self, b: &Binary, grid: Steps) -> Done<Vec<f64>> {
        let mut left = self.scalar(&b.lhs, grid)?;
        let right = self.scalar(&b.rhs, grid)?;
        for (l, r) in left.iter_mut().zip(right) {
            *l = if b.op.is_comparison() {
                f64::from(u8::from(binary::compare(b.op, *l, r)))
            } else {
                binary::arithmetic(b.op, *l, r)
            };
        }
        Ok(left)
    }
}
