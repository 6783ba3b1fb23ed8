//! Metric queries: the tree, node by node.

use crate::model::answer::{LogsValue, Series, VectorPoint};
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::query::logql::ast::{Metric, Replace, VectorOp};
use crate::query::logql::eval::grid::{Row, Steps, Value};
use crate::query::logql::eval::{Asking, QueryError, aggregate, binary, range};

pub(super) fn run(ask: &mut Asking<'_>, expr: &Metric) -> Result<LogsValue, QueryError> {
    let steps = steps(ask)?;
    if !ask.query.instant && uses_approximation(expr) {
        let said = "approx_topk is only supported on instant queries";
        return Err(QueryError::Bad(said.to_owned()));
    }
    let value = eval(ask, expr, steps)?;
    let ms = |i: usize| steps.at(i).div_euclid(1_000_000);
    let mut rows = match value {
        Value::Number(v) if ask.query.instant => {
            return Ok(LogsValue::Scalar(Sample { t: ms(0), v }));
        }
        Value::Number(v) => vec![Row {
            labels: Labels::empty(),
            values: vec![Some(v); steps.count],
        }],
        Value::Rows(rows) => rows,
    };
    rows.retain(|row| row.values.iter().any(Option::is_some));
    let most = ask.limits.series;
    if rows.len() > most {
        return Err(QueryError::Bad(format!(
            "maximum number of series ({most}) reached for a single query; consider reducing query \
             cardinality by adding more specific stream selectors, reducing the time range, or \
             aggregating results with functions like sum, count or topk"
        )));
    }
    if !ask.query.instant || !is_ordered(expr) {
        rows.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    if ask.query.instant {
        let points = rows.into_iter().filter_map(|row| {
            let v = row.values.first().copied().flatten()?;
            Some(VectorPoint {
                labels: row.labels,
                sample: Sample { t: ms(0), v },
            })
        });
        return Ok(LogsValue::Vector(points.collect()));
    }
    let series = rows.into_iter().map(|row| {
        let values = row.values.iter().enumerate();
        Series {
            labels: row.labels,
            samples: values
                .filter_map(|(i, v)| Some(Sample { t: ms(i), v: (*v)? }))
                .collect(),
        }
    });
    Ok(LogsValue::Matrix(series.collect()))
}

/// The order of the answer is part of it.
fn is_ordered(expr: &Metric) -> bool {
    match expr {
        Metric::Aggregate(a) => matches!(
            a.op,
            VectorOp::Sort
                | VectorOp::SortDesc
                | VectorOp::Topk
                | VectorOp::Bottomk
                | VectorOp::ApproxTopk
        ),
        Metric::Binary(b) => is_ordered(&b.left) || is_ordered(&b.right),
        Metric::Number(_) | Metric::Vector(_) | Metric::Range(_) | Metric::Replace(_) => false,
    }
}

fn uses_approximation(expr: &Metric) -> bool {
    match expr {
        Metric::Aggregate(a) => a.op == VectorOp::ApproxTopk || uses_approximation(&a.inner),
        Metric::Binary(b) => uses_approximation(&b.left) || uses_approximation(&b.right),
        Metric::Replace(r) => uses_approximation(&r.inner),
        Metric::Number(_) | Metric::Vector(_) | Metric::Range(_) => false,
    }
}

fn steps(ask: &Asking<'_>) -> Result<Steps, QueryError> {
    let query = ask.query;
    let (start, end) = (query.range.start, query.range.end);
    if query.instant {
        return Ok(Steps {
            start: end,
            step: 1,
            count: 1,
        });
    }
    if query.step <= 0 || end < start {
        let said = "a range needs an end behind its start, and a step above zero";
        return Err(QueryError::Bad(said.to_owned()));
    }
    let count = end.abs_diff(start) / query.step.unsigned_abs() + 1;
    let most = ask.limits.steps;
    if count > most as u64 {
        return Err(QueryError::Bad(format!(
            "exceeded maximum resolution of {most} points per time series; the range has {count} steps: make the step longer"
        )));
    }
    Ok(Steps {
        start,
        step: query.step,
        count: count as usize,
    })
}

pub(super) fn eval(ask: &mut Asking<'_>, expr: &Metric, steps: Steps) -> Result<Value, QueryError> {
    ask.cancel.check()?;
    Ok(match expr {
        Metric::Number(v) => Value::Number(*v),
        Metric::Vector(v) => Value::Rows(vec![Row {
            labels: Labels::empty(),
            values: vec![Some(*v); steps.count],
        }]),
        Metric::Range(a) => Value::Rows(range::eval(ask, a, steps, None)?),
        Metric::Aggregate(a) => {
            let rows = aggregate::inner(ask, a, steps)?;
            Value::Rows(aggregate::eval(a, rows, steps))
        }
        Metric::Binary(b) => {
            let left = eval(ask, &b.left, steps)?;
            let right = eval(ask, &b.right, steps)?;
            binary::eval(b, left, right, steps)?
        }
        Metric::Replace(r) => {
            let mut rows = match eval(ask, &r.inner, steps)? {
                Value::Rows(rows) => rows,
                Value::Number(_) => return Err(not_a_vector("label_replace")),
            };
            for row in &mut rows {
                row.labels = replaced(r, &row.labels);
            }
            Value::Rows(rows)
        }
    })
}

pub(super) fn not_a_vector(what: &str) -> QueryError {
    QueryError::Bad(format!(
        "{what} works on series; a number has none: write vector(1)"
    ))
}

fn replaced(r: &Replace, labels: &Labels) -> Labels {
    match r.regex.expand(labels.get(&r.from), &r.with) {
        Some(value) => {
            let mut edit = labels.edit();
            edit.set(&r.to, &value);
            edit.finish()
        }
        None => labels.clone(),
    }
}
