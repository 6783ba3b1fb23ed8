//! The last step: delayed names go, equal label sets merge, rows become samples.

use crate::model::answer::{Series, Value, VectorPoint};
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::query::promql::ast::{Expr, Kind, ValueType};
use crate::query::promql::eval::limits::{Run, fault};
use crate::query::promql::eval::{Done, Kept, ROW_COST, is_metadata_label, is_present};
use crate::query::promql::functions::{Body, Own};
use hashbrown::HashMap;

const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

impl Run<'_> {
    pub(crate) fn answer(&self, expr: &Expr) -> Done<Value> {
        match expr.value_type() {
            ValueType::Text => Ok(Value::Text {
                t: self.top.start,
                text: Self::text_of(expr)?.to_owned(),
            }),
            ValueType::Scalar => self.scalar_answer(expr),
            ValueType::Vector if self.instant => self.vector_answer(expr),
            ValueType::Vector => self.matrix_answer(expr),
            ValueType::Range => self.range_answer(expr),
        }
    }

    fn scalar_answer(&self, expr: &Expr) -> Done<Value> {
        let values = self.scalar(expr, self.top)?;
        if self.instant {
            return Ok(Value::Scalar(Sample {
                t: self.top.start,
                v: values[0],
            }));
        }
        let samples = self.top.iter().zip(values);
        Ok(Value::Matrix(vec![Series {
            labels: Labels::empty(),
            samples: samples.map(|(t, v)| Sample { t, v }).collect(),
        }]))
    }

    fn vector_answer(&self, expr: &Expr) -> Done<Value> {
        let mut out: Vec<VectorPoint> = Vec::new();
        let t = self.top.start;
        self.rows(expr, self.top, &mut |row| {
            if is_present(row.values[0]) {
                self.hold(1 + ROW_COST)?;
                out.push(VectorPoint {
                    labels: final_labels(row.labels, row.drop_name),
                    sample: Sample {
                        t,
                        v: row.values[0],
                    },
                });
            }
            Ok(())
        })?;
        let mut seen = HashMap::with_capacity(out.len());
        for point in &out {
            if seen.insert(point.labels.clone(), ()).is_some() {
                return Err(fault(expr.span, SAME_LABELS));
            }
        }
        if !keeps_order(expr) {
            out.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        Ok(Value::Vector(out))
    }

    fn matrix_answer(&self, expr: &Expr) -> Done<Value> {
        let grid = self.top;
        let mut out: Vec<Series> = Vec::new();
        let mut place: HashMap<Labels, usize> = HashMap::new();
        self.rows(expr, grid, &mut |row| {
            let present = row.values.iter().filter(|v| is_present(**v)).count();
            if present == 0 {
                return Ok(());
            }
            self.hold(present + ROW_COST)?;
            let mut samples = Vec::with_capacity(present);
            for (i, v) in row.values.iter().enumerate() {
                if is_present(*v) {
                    samples.push(Sample {
                        t: grid.start + i as i64 * grid.step,
                        v: *v,
                    });
                }
            }
            let labels = final_labels(row.labels, row.drop_name);
            if let Some(at) = place.get(&labels) {
                merge(&mut out[*at].samples, samples).ok_or_else(|| fault(expr.span, SAME_LABELS))
            } else {
                place.insert(labels.clone(), out.len());
                out.push(Series { labels, samples });
                Ok(())
            }
        })?;
        out.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(Value::Matrix(out))
    }

    /// A range vector by itself: its samples as they are. Only an instant query can ask for it.
    fn range_answer(&self, expr: &Expr) -> Done<Value> {
        if !self.instant {
            let why = "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector";
            return Err(fault(expr.span, why));
        }
        let mut out: Vec<Series> = Vec::new();
        self.ranges(expr, self.top, &mut |ranged| {
            let mut kept = Ok(());
            let under = &ranged.under;
            under.windows(|_, _, _, lo, hi| {
                kept = self.hold(hi - lo);
                let samples = (lo..hi).map(|i| Sample {
                    t: under.times[i],
                    v: under.values[i],
                });
                out.push(Series {
                    labels: final_labels(ranged.labels, ranged.drop_name),
                    samples: samples.collect(),
                });
            });
            kept
        })?;
        out.sort_by(|a, b| a.labels.cmp(&b.labels));
        if out.windows(2).any(|w| w[0].labels == w[1].labels) {
            return Err(fault(expr.span, SAME_LABELS));
        }
        Ok(Value::Matrix(out))
    }

    /// Rows whose labels have become equal turn into one; where two have a value at the same step
    /// that is an error.
    pub(crate) fn merge_rows(rows: Vec<Kept>, expr: &Expr) -> Done<Vec<Kept>> {
        let mut out: Vec<Kept> = Vec::with_capacity(rows.len());
        let mut place: HashMap<(Labels, bool), usize> = HashMap::new();
        for row in rows {
            let key = (row.labels.clone(), row.drop_name);
            let Some(at) = place.get(&key) else {
                place.insert(key, out.len());
                out.push(row);
                continue;
            };
            for (to, from) in out[*at].values.iter_mut().zip(&row.values) {
                match (is_present(*to), is_present(*from)) {
                    (true, true) => return Err(fault(expr.span, SAME_LABELS)),
                    (false, true) => *to = *from,
                    _ => {}
                }
            }
        }
        Ok(out)
    }
}

fn final_labels(labels: &Labels, drop_name: bool) -> Labels {
    if drop_name && labels.iter().any(|(n, _)| is_metadata_label(n)) {
        labels.retain(|n| !is_metadata_label(n))
    } else {
        labels.clone()
    }
}

/// `None` where both have a sample at the same time.
fn merge(to: &mut Vec<Sample>, from: Vec<Sample>) -> Option<()> {
    to.extend(from);
    to.sort_by_key(|s| s.t);
    to.windows(2).all(|w| w[0].t != w[1].t).then_some(())
}

/// Where the order of an instant vector is part of the answer.
fn keeps_order(expr: &Expr) -> bool {
    match &expr.bare().kind {
        Kind::Call(c) => matches!(
            c.function.body,
            Body::Own(Own::Sort { .. } | Own::SortByLabel { .. })
        ),
        // The elements of topk come by value; of all others as their groups are met.
        Kind::Aggregate(a) => a.op.has_param(),
        _ => true,
    }
}
