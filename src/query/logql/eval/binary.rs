//! Operators between numbers and series.

use crate::model::labels::Labels;
use crate::query::logql::ast::{Binary, Group, Op};
use crate::query::logql::eval::QueryError;
use crate::query::logql::eval::grid::{Row, Steps, Value};
use hashbrown::{HashMap, HashSet};

pub(super) fn eval(
    b: &Binary,
    left: Value,
    right: Value,
    steps: Steps,
) -> Result<Value, QueryError> {
    Ok(match (left, right) {
        (Value::Number(x), Value::Number(y)) => Value::Number(b.op.apply(x, y)),
        (Value::Rows(rows), Value::Number(y)) => Value::Rows(with_number(b, rows, |v| (v, y))),
        (Value::Number(x), Value::Rows(rows)) => Value::Rows(with_number(b, rows, |v| (x, v))),
        (Value::Rows(left), Value::Rows(right)) => {
            let sides = Sides::new(b, left, right);
            Value::Rows(if b.op.is_set() {
                sides.set(steps)
            } else {
                sides.matched(steps)?
            })
        }
    })
}

/// Comparisons filter and keep the value of the series, on whichever side it stands.
fn with_number(b: &Binary, mut rows: Vec<Row>, sides: impl Fn(f64) -> (f64, f64)) -> Vec<Row> {
    for value in rows.iter_mut().flat_map(|row| &mut row.values) {
        *value = value.and_then(|v| {
            let (x, y) = sides(v);
            outcome(b, x, y, v)
        });
    }
    rows
}

/// `kept` is what a comparison that filters lets through.
fn outcome(b: &Binary, x: f64, y: f64, kept: f64) -> Option<f64> {
    match b.op {
        Op::Compare(compare) if !b.bool => compare.holds(x, y).then_some(kept),
        op => Some(op.apply(x, y)),
    }
}

struct Sides<'b> {
    b: &'b Binary,
    left: Vec<Row>,
    right: Vec<Row>,
    left_keys: Vec<Labels>,
    right_keys: Vec<Labels>,
}

impl<'b> Sides<'b> {
    fn new(b: &'b Binary, left: Vec<Row>, right: Vec<Row>) -> Self {
        let key = |row: &Row| {
            let named = |name: &str| b.matching.labels.iter().any(|l| l == name);
            row.labels.retain(|name| named(name) == b.matching.on)
        };
        Self {
            b,
            left_keys: left.iter().map(key).collect(),
            right_keys: right.iter().map(key).collect(),
            left,
            right,
        }
    }

    /// `and`, `or`, `unless`
    fn set(self, steps: Steps) -> Vec<Row> {
        let present = |rows: &[Row], keys: &[Labels], step: usize| -> HashSet<Labels> {
            let all = rows.iter().zip(keys);
            all.filter(|(row, _)| row.values[step].is_some())
                .map(|(_, key)| key.clone())
                .collect()
        };
        let (mut left, mut right) = (self.left, self.right);
        for step in 0..steps.count {
            match self.b.op {
                Op::Or => {
                    let have = present(&left, &self.left_keys, step);
                    for (row, key) in right.iter_mut().zip(&self.right_keys) {
                        row.values[step] = row.values[step].filter(|_| !have.contains(key));
                    }
                }
                op => {
                    let have = present(&right, &self.right_keys, step);
                    let wanted = op == Op::And;
                    for (row, key) in left.iter_mut().zip(&self.left_keys) {
                        row.values[step] =
                            row.values[step].filter(|_| have.contains(key) == wanted);
                    }
                }
            }
        }
        if self.b.op == Op::Or {
            left.append(&mut right);
        }
        merged(left)
    }

    /// Arithmetic and comparisons between series that belong together.
    fn matched(self, steps: Steps) -> Result<Vec<Row>, QueryError> {
        // The side of one is looked up; with group_right that is the left.
        let many_is_left = self.b.matching.group.as_ref().is_none_or(|g| g.left);
        let (many, many_keys, one, one_keys) = if many_is_left {
            (&self.left, &self.left_keys, &self.right, &self.right_keys)
        } else {
            (&self.right, &self.right_keys, &self.left, &self.left_keys)
        };
        let mut out: Vec<Row> = Vec::new();
        let mut index: HashMap<Labels, usize> = HashMap::new();
        for step in 0..steps.count {
            let mut ones: HashMap<&Labels, usize> = HashMap::new();
            for (i, (row, key)) in one.iter().zip(one_keys).enumerate() {
                if row.values[step].is_some() && ones.insert(key, i).is_some() {
                    return Err(duplicate(if many_is_left { "right" } else { "left" }, key));
                }
            }
            let mut seen: HashSet<Labels> = HashSet::new();
            for (row, key) in many.iter().zip(many_keys) {
                let (Some(m), Some(other)) = (row.values[step], ones.get(key)) else {
                    continue;
                };
                let Some(o) = one[*other].values[step] else {
                    continue;
                };
                let (x, y) = if many_is_left { (m, o) } else { (o, m) };
                let Some(value) = outcome(self.b, x, y, x) else {
                    continue;
                };
                let labels = self.labels(&row.labels, &one[*other].labels);
                let unique = match &self.b.matching.group {
                    // One to one: each pair of keys once.
                    None => seen.insert(key.clone()),
                    Some(_) => seen.insert(labels.clone()),
                };
                if !unique {
                    return Err(ambiguous(self.b.matching.group.as_ref()));
                }
                let at = *index.entry(labels.clone()).or_insert_with(|| {
                    out.push(Row {
                        labels,
                        values: vec![None; steps.count],
                    });
                    out.len() - 1
                });
                out[at].values[step] = Some(value);
            }
        }
        Ok(out)
    }

    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let matching = &self.b.matching;
        let named = |name: &str| matching.labels.iter().any(|l| l == name);
        match &matching.group {
            None => many.retain(|name| named(name) == matching.on),
            Some(group) => {
                let mut edit = many.edit();
                for name in &group.include {
                    edit.set(name, one.get(name));
                }
                edit.finish()
            }
        }
    }
}

/// Rows of one label set, from both sides of `or`, become one.
fn merged(rows: Vec<Row>) -> Vec<Row> {
    let mut out: Vec<Row> = Vec::new();
    let mut index: HashMap<Labels, usize> = HashMap::new();
    for row in rows {
        if let Some(at) = index.get(&row.labels) {
            for (have, more) in out[*at].values.iter_mut().zip(row.values) {
                *have = have.or(more);
            }
        } else {
            index.insert(row.labels.clone(), out.len());
            out.push(row);
        }
    }
    out
}

fn duplicate(side: &str, key: &Labels) -> QueryError {
    QueryError::Failed(format!(
        "found duplicate series on the {side} hand-side;many-to-many matching not allowed: matching \
         labels must be unique on one side; {key} is there twice"
    ))
}

fn ambiguous(group: Option<&Group>) -> QueryError {
    let said = match group {
        None => {
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
        }
        Some(_) => "multiple matches for labels: grouping labels must ensure unique matches",
    };
    QueryError::Failed(said.to_owned())
}
