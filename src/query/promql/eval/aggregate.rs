//! Aggregations: series are added to their groups as they stream by.
//!
//! The group of a series is found once, by its kept labels; then its row is added column by column.
//! So memory is that of the groups, whatever the number of series (`quantile` aside, which must see
//! all values).

mod column;
mod ranked;

use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::time::Steps;
use crate::query::promql::ast::{Aggregate, Aggregator};
use crate::query::promql::eval::aggregate::column::Column;
use crate::query::promql::eval::limits::{Run, fault};
use crate::query::promql::eval::{ABSENT, Done, Kept, ROW_COST, Row, Sink, is_present};
use crate::query::promql::functions::window;
use crate::query::promql::literal;
use hashbrown::HashMap;

/// Finds the group of a series.
pub(crate) struct Groups<'a> {
    aggregate: &'a Aggregate,
    place: HashMap<Labels, usize>,
    pub(crate) labels: Vec<Labels>,
    /// Whether the first series of the group is to lose its name: the group then loses it too.
    pub(crate) drop_name: Vec<bool>,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(aggregate: &'a Aggregate) -> Self {
        Self {
            aggregate,
            place: HashMap::new(),
            labels: Vec::new(),
            drop_name: Vec::new(),
        }
    }

    /// The group's number; groups are numbered as they are met.
    pub(crate) fn of(&mut self, labels: &Labels, drop_name: bool) -> usize {
        let a = self.aggregate;
        let key = if a.without {
            labels.retain(|n| n != METRIC_NAME && !a.grouping.iter().any(|g| g == n))
        } else if a.grouping.is_empty() {
            Labels::empty()
        } else {
            labels.retain(|n| a.grouping.iter().any(|g| g == n))
        };
        if let Some(at) = self.place.get(&key) {
            return *at;
        }
        self.drop_name.push(drop_name);
        self.labels.push(key.clone());
        self.place.insert(key, self.labels.len() - 1);
        self.labels.len() - 1
    }
}

impl Run<'_> {
    pub(crate) fn aggregate_rows(&self, a: &Aggregate, grid: Steps, sink: Sink<'_>) -> Done {
        match a.op {
            Aggregator::Topk | Aggregator::Bottomk => self.ranked_rows(a, grid, sink),
            Aggregator::Limitk => self.limited_rows(a, grid, sink),
            Aggregator::LimitRatio => self.ratio_rows(a, grid, sink),
            Aggregator::Quantile => self.quantile_rows(a, grid, sink),
            Aggregator::CountValues => self.counted_rows(a, grid, sink),
            _ => self.column_rows(a, grid, sink),
        }
    }

    fn column_rows(&self, a: &Aggregate, grid: Steps, sink: Sink<'_>) -> Done {
        let n = grid.count();
        let mut groups = Groups::new(a);
        let mut columns: Vec<Column> = Vec::new();
        self.rows(&a.expr, grid, &mut |row| {
            let at = groups.of(row.labels, row.drop_name);
            if at == columns.len() {
                self.hold(n * Column::width(a.op) + ROW_COST)?;
                columns.push(Column::new(a.op, n));
            }
            columns[at].add(row.values);
            Ok(())
        })?;
        let mut values = vec![ABSENT; n];
        for (i, column) in columns.into_iter().enumerate() {
            column.finish(&mut values);
            self.release(n * Column::width(a.op) + ROW_COST);
            sink(Row {
                labels: &groups.labels[i],
                drop_name: groups.drop_name[i],
                values: &mut values,
            })?;
        }
        Ok(())
    }

    /// The parameter at every step; NaN fails even where there is nothing to choose from.
    fn parameter(&self, a: &Aggregate, grid: Steps) -> Done<Vec<f64>> {
        match &a.param {
            Some(param) => self.scalar(param, grid),
            None => Ok(vec![f64::NAN; grid.count()]),
        }
    }

    fn quantile_rows(&self, a: &Aggregate, grid: Steps, sink: Sink<'_>) -> Done {
        let n = grid.count();
        let param = self.parameter(a, grid)?;
        let span = a.param.as_ref().map_or(a.expr.span, |p| p.span);
        let mut groups = Groups::new(a);
        let mut members: Vec<Vec<Kept>> = Vec::new();
        for row in self.keep_rows(&a.expr, grid)? {
            let at = groups.of(&row.labels, row.drop_name);
            if at == members.len() {
                members.push(Vec::new());
            }
            members[at].push(row);
        }
        if !members.is_empty() {
            for q in &param {
                self.warn_quantile(*q, span);
            }
        }
        let mut out = vec![ABSENT; n];
        let mut values = Vec::new();
        for (i, rows) in members.into_iter().enumerate() {
            for (step, slot) in out.iter_mut().enumerate() {
                if step % 256 == 0 {
                    self.check()?;
                }
                values.clear();
                let there = rows.iter().map(|r| r.values[step]);
                values.extend(there.filter(|v| is_present(*v)));
                *slot = if values.is_empty() {
                    ABSENT
                } else {
                    window::quantile(param[step], &mut values)
                };
            }
            self.forget(&rows);
            sink(Row {
                labels: &groups.labels[i],
                drop_name: groups.drop_name[i],
                values: &mut out,
            })?;
        }
        Ok(())
    }

    /// `count_values("label", v)`: a series for every value that occurs.
    fn counted_rows(&self, a: &Aggregate, grid: Steps, sink: Sink<'_>) -> Done {
        let n = grid.count();
        let label = match &a.param {
            Some(param) => Self::text_of(param)?,
            None => "",
        };
        if label.is_empty() {
            let why = format!("invalid label name {}", literal::quote(label));
            return Err(fault(a.expr.span, why));
        }
        let mut groups = Groups::new(a);
        let mut place: HashMap<(usize, u64), usize> = HashMap::new();
        let mut found: Vec<Kept> = Vec::new();
        self.rows(&a.expr, grid, &mut |row| {
            let group = groups.of(row.labels, row.drop_name);
            for (step, v) in row.values.iter().enumerate() {
                if !is_present(*v) {
                    continue;
                }
                let bits = if v.is_nan() {
                    f64::NAN.to_bits()
                } else {
                    v.to_bits()
                };
                let at = if let Some(at) = place.get(&(group, bits)) {
                    *at
                } else {
                    self.hold(n)?;
                    let text = literal::format_number(*v);
                    let mut labels = groups.labels[group].edit();
                    labels.set(label, &text);
                    found.push(Kept {
                        labels: labels.finish(),
                        drop_name: false,
                        values: vec![ABSENT; n],
                    });
                    place.insert((group, bits), found.len() - 1);
                    found.len() - 1
                };
                let slot = &mut found[at].values[step];
                *slot = if is_present(*slot) { *slot + 1.0 } else { 1.0 };
            }
            Ok(())
        })?;
        // A label that was grouped by may have been overwritten: add up what became equal.
        let mut merged: Vec<Kept> = Vec::new();
        let mut by_labels: HashMap<Labels, usize> = HashMap::new();
        for row in found {
            let Some(at) = by_labels.get(&row.labels) else {
                by_labels.insert(row.labels.clone(), merged.len());
                merged.push(row);
                continue;
            };
            for (to, from) in merged[*at].values.iter_mut().zip(&row.values) {
                match (is_present(*to), is_present(*from)) {
                    (true, true) => *to += from,
                    (false, true) => *to = *from,
                    _ => {}
                }
            }
        }
        for mut row in merged {
            self.release(n);
            sink(row.lend())?;
        }
        Ok(())
    }
}
