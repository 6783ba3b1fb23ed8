//! Aggregations over series, step by step.

use crate::model::labels::Labels;
use crate::query::logql::ast::{Aggregate, Grouping, Metric, RangeOp, VectorOp};
use crate::query::logql::eval::grid::{Row, Steps, Value};
use crate::query::logql::eval::metric::{self, not_a_vector};
use crate::query::logql::eval::range::{self, grouped};
use crate::query::logql::eval::{Asking, QueryError};
use hashbrown::HashMap;
use std::cmp::Ordering;

/// What is aggregated. A sum over sums is grouped while the lines are read.
pub(super) fn inner(
    ask: &mut Asking<'_>,
    a: &Aggregate,
    steps: Steps,
) -> Result<Vec<Row>, QueryError> {
    if let (VectorOp::Sum, Metric::Range(inner)) = (a.op, &a.inner) {
        let adds = matches!(
            inner.op,
            RangeOp::Count | RangeOp::Rate | RangeOp::Bytes | RangeOp::BytesRate | RangeOp::Sum
        );
        // The unwrapped label is gone before the sum sees it.
        let unwrapped = inner.unwrap.as_ref().map(|u| u.label.as_str());
        let by = a.grouping.clone().unwrap_or_default();
        let names_it = unwrapped.is_some_and(|l| by.without || by.labels.iter().any(|b| b == l));
        if adds && !names_it {
            return range::eval(ask, inner, steps, Some(&by));
        }
    }
    match metric::eval(ask, &a.inner, steps)? {
        Value::Rows(rows) => Ok(rows),
        Value::Number(_) => Err(not_a_vector(a.op.as_str())),
    }
}

pub(super) fn eval(a: &Aggregate, rows: Vec<Row>, steps: Steps) -> Vec<Row> {
    match a.op {
        VectorOp::Topk | VectorOp::Bottomk | VectorOp::ApproxTopk => ranked(a, rows, steps),
        VectorOp::Sort | VectorOp::SortDesc => {
            let mut rows = rows;
            let largest_first = a.op == VectorOp::SortDesc;
            rows.sort_by(|x, y| by_value(x.values[0], y.values[0], largest_first));
            rows
        }
        _ => folded(a, &rows, steps),
    }
}

fn groups(a: &Aggregate, rows: &[Row]) -> (Vec<Labels>, Vec<usize>) {
    let none = Grouping::default();
    let by = a.grouping.as_ref().unwrap_or(&none);
    let mut index: HashMap<Labels, usize> = HashMap::new();
    let mut names = Vec::new();
    let of = rows
        .iter()
        .map(|row| {
            let key = grouped(&row.labels, by);
            *index.entry(key.clone()).or_insert_with(|| {
                names.push(key);
                names.len() - 1
            })
        })
        .collect();
    (names, of)
}

fn folded(a: &Aggregate, rows: &[Row], steps: Steps) -> Vec<Row> {
    let (names, of) = groups(a, rows);
    let mut folds = vec![vec![Fold::default(); steps.count]; names.len()];
    for (row, group) in rows.iter().zip(of) {
        for (fold, value) in folds[group].iter_mut().zip(&row.values) {
            if let Some(v) = value {
                fold.add(a.op, *v);
            }
        }
    }
    let out = names.into_iter().zip(folds);
    out.map(|(labels, folds)| Row {
        labels,
        values: folds.iter().map(|f| f.result(a.op)).collect(),
    })
    .collect()
}

#[derive(Clone, Copy, Debug, Default)]
struct Fold {
    count: f64,
    value: f64,
    squares: f64,
}

impl Fold {
    fn add(&mut self, op: VectorOp, v: f64) {
        let first = self.count == 0.0;
        self.count += 1.0;
        match op {
            VectorOp::Sum => self.value += v,
            VectorOp::Max if first || v > self.value || self.value.is_nan() => self.value = v,
            VectorOp::Min if first || v < self.value || self.value.is_nan() => self.value = v,
            VectorOp::Avg | VectorOp::Stddev | VectorOp::Stdvar => {
                let delta = v - self.value;
                self.value += delta / self.count;
                self.squares += delta * (v - self.value);
            }
            _ => {}
        }
    }

    fn result(&self, op: VectorOp) -> Option<f64> {
        if self.count == 0.0 {
            return None;
        }
        Some(match op {
            VectorOp::Count => self.count,
            VectorOp::Stdvar => self.squares / self.count,
            VectorOp::Stddev => (self.squares / self.count).sqrt(),
            _ => self.value,
        })
    }
}

/// The k largest or smallest of each group at each step, with all their labels.
fn ranked(a: &Aggregate, rows: Vec<Row>, steps: Steps) -> Vec<Row> {
    let (names, of) = groups(a, &rows);
    let largest_first = a.op != VectorOp::Bottomk;
    // For each step, the rows that stay.
    let kept = |step: usize| {
        let mut ranks: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
        for (i, row) in rows.iter().enumerate() {
            if row.values[step].is_some() {
                ranks[of[i]].push(i);
            }
        }
        let mut kept = vec![false; rows.len()];
        for group in &mut ranks {
            group.sort_by(|x, y| {
                by_value(rows[*x].values[step], rows[*y].values[step], largest_first)
            });
            for i in group.iter().take(a.param) {
                kept[*i] = true;
            }
        }
        kept
    };
    let kept: Vec<Vec<bool>> = (0..steps.count).map(kept).collect();
    let mut out: Vec<Row> = Vec::new();
    for (i, mut row) in rows.into_iter().enumerate() {
        for (value, kept) in row.values.iter_mut().zip(&kept) {
            *value = value.filter(|_| kept[i]);
        }
        if row.values.iter().any(Option::is_some) {
            out.push(row);
        }
    }
    out.sort_by(|x, y| by_value(x.values[0], y.values[0], largest_first));
    out
}

/// NaN comes last either way.
fn by_value(a: Option<f64>, b: Option<f64>, largest_first: bool) -> Ordering {
    let (a, b) = (a.unwrap_or(f64::NAN), b.unwrap_or(f64::NAN));
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if largest_first => b.total_cmp(&a),
        (false, false) => a.total_cmp(&b),
    }
}
