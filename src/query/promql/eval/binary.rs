//! Binary operators between numbers and vectors.

mod matching;

use crate::model::time::Steps;
use crate::query::promql::ast::{Binary, Op, ValueType};
use crate::query::promql::eval::limits::Run;
use crate::query::promql::eval::{ABSENT, Done, Row, Sink, is_present};

#[inline]
pub(crate) fn arithmetic(op: Op, a: f64, b: f64) -> f64 {
    match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        Op::Div => a / b,
        Op::Mod => a % b,
        Op::Pow => a.powf(b),
        Op::Atan2 => a.atan2(b),
        _ => f64::NAN,
    }
}

#[inline]
pub(crate) fn compare(op: Op, a: f64, b: f64) -> bool {
    match op {
        Op::Equal => a == b,
        Op::NotEqual => a != b,
        Op::Less => a < b,
        Op::Greater => a > b,
        Op::LessEqual => a <= b,
        Op::GreaterEqual => a >= b,
        _ => false,
    }
}

/// What the operator gives for two present values; `kept` is what a comparison that holds keeps.
#[inline]
pub(crate) fn apply(b: &Binary, left: f64, right: f64, kept: f64) -> f64 {
    if !b.op.is_comparison() {
        return arithmetic(b.op, left, right);
    }
    match (compare(b.op, left, right), b.returns_bool) {
        (holds, true) => f64::from(u8::from(holds)),
        (true, false) => kept,
        (false, false) => ABSENT,
    }
}

impl Run<'_> {
    pub(crate) fn binary_rows(&self, b: &Binary, grid: Steps, sink: Sink<'_>) -> Done {
        if b.op.is_trim() {
            // Floats have no buckets: a trim over them gives nothing.
            let what = format!("the operator {} looks at native histograms only", b.op);
            self.inform(b.lhs.span, &what);
            return Ok(());
        }
        let scalar = |t| t == ValueType::Scalar;
        match (scalar(b.lhs.value_type()), scalar(b.rhs.value_type())) {
            (false, true) => {
                let right = self.scalar(&b.rhs, grid)?;
                self.with_scalar(b, (&right, false), grid, sink)
            }
            (true, false) => {
                let left = self.scalar(&b.lhs, grid)?;
                self.with_scalar(b, (&left, true), grid, sink)
            }
            _ if b.op.is_set() => self.set_rows(b, grid, sink),
            _ => self.matched_rows(b, grid, sink),
        }
    }

    fn with_scalar(
        &self,
        b: &Binary,
        (scalar, scalar_left): (&[f64], bool),
        grid: Steps,
        sink: Sink<'_>,
    ) -> Done {
        let vector = if scalar_left { &b.rhs } else { &b.lhs };
        let drops = !b.op.is_comparison() || b.returns_bool;
        self.rows(vector, grid, &mut |row| {
            for (v, s) in row.values.iter_mut().zip(scalar) {
                if is_present(*v) {
                    *v = if scalar_left {
                        apply(b, *s, *v, *v)
                    } else {
                        apply(b, *v, *s, *v)
                    };
                }
            }
            let drop_name = row.drop_name || drops;
            sink(Row { drop_name, ..row })
        })
    }
}
