//! Operators between two vectors: elements belong together by a signature of their labels.
//!
//! Signatures are made once per series. Whether two series clash is judged step by step, since they
//! need not be present at the same time.

use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::time::Steps;
use crate::query::promql::ast::{Binary, Group, Matching, Op};
use crate::query::promql::eval::binary::apply;
use crate::query::promql::eval::limits::{Run, fault};
use crate::query::promql::eval::{
    ABSENT, Done, Kept, QueryError, ROW_COST, Sink, is_metadata_label, is_present,
};
use hashbrown::HashMap;
use std::sync::Arc;

/// The labels that two elements must share.
fn signature(labels: &Labels, m: &Matching) -> Labels {
    if m.on {
        labels.retain(|n| m.labels.iter().any(|l| l == n))
    } else {
        labels.retain(|n| n != METRIC_NAME && !m.labels.iter().any(|l| l == n))
    }
}

/// At which steps a vector has any element.
fn any_present(rows: &[Kept], steps: usize) -> Vec<bool> {
    let mut out = vec![false; steps];
    for row in rows {
        for (o, v) in out.iter_mut().zip(&row.values) {
            *o |= is_present(*v);
        }
    }
    out
}

/// The rows of each signature.
fn by_signature(rows: &[Kept], m: &Matching) -> HashMap<Labels, Vec<usize>> {
    let mut out: HashMap<Labels, Vec<usize>> = HashMap::new();
    for (i, row) in rows.iter().enumerate() {
        out.entry(signature(&row.labels, m)).or_default().push(i);
    }
    out
}

/// At which steps each signature has an element.
fn masks_of(rows: &[Kept], m: &Matching, n: usize) -> HashMap<Labels, Vec<bool>> {
    let mut out: HashMap<Labels, Vec<bool>> = HashMap::new();
    for row in rows {
        let mask = out
            .entry(signature(&row.labels, m))
            .or_insert_with(|| vec![false; n]);
        for (o, v) in mask.iter_mut().zip(&row.values) {
            *o |= is_present(*v);
        }
    }
    out
}

impl Run<'_> {
    pub(crate) fn set_rows(&self, b: &Binary, grid: Steps, sink: Sink<'_>) -> Done {
        let n = grid.count();
        let m = &b.matching;
        if b.op == Op::Or {
            return self.or_rows(b, grid, sink);
        }
        // `and`, `unless`: only where the right side is, by signature, matters.
        let mut masks: HashMap<Labels, Vec<bool>> = HashMap::new();
        self.rows(&b.rhs, grid, &mut |row| {
            let key = signature(row.labels, m);
            if !masks.contains_key(&key) {
                self.hold(n / 8 + ROW_COST)?;
            }
            let mask = masks.entry(key).or_insert_with(|| vec![false; n]);
            for (o, v) in mask.iter_mut().zip(row.values.iter()) {
                *o |= is_present(*v);
            }
            Ok(())
        })?;
        let keep = b.op == Op::And;
        self.rows(&b.lhs, grid, &mut |row| {
            match masks.get(&signature(row.labels, m)) {
                Some(mask) => {
                    for (v, there) in row.values.iter_mut().zip(mask) {
                        if *there != keep {
                            *v = ABSENT;
                        }
                    }
                }
                None if keep => return Ok(()),
                None => {}
            }
            sink(row)
        })?;
        self.release(masks.len() * (n / 8 + ROW_COST));
        Ok(())
    }

    /// All of the left, and what of the right has no partner there at that step.
    fn or_rows(&self, b: &Binary, grid: Steps, sink: Sink<'_>) -> Done {
        let n = grid.count();
        let m = &b.matching;
        let mut masks: HashMap<Labels, Vec<bool>> = HashMap::new();
        self.rows(&b.lhs, grid, &mut |row| {
            let key = signature(row.labels, m);
            if !masks.contains_key(&key) {
                self.hold(n / 8 + ROW_COST)?;
            }
            let mask = masks.entry(key).or_insert_with(|| vec![false; n]);
            for (o, v) in mask.iter_mut().zip(row.values.iter()) {
                *o |= is_present(*v);
            }
            sink(row)
        })?;
        self.rows(&b.rhs, grid, &mut |row| {
            if let Some(mask) = masks.get(&signature(row.labels, m)) {
                for (v, there) in row.values.iter_mut().zip(mask) {
                    if *there {
                        *v = ABSENT;
                    }
                }
            }
            sink(row)
        })?;
        self.release(masks.len() * (n / 8 + ROW_COST));
        Ok(())
    }

    /// Arithmetic and comparison between two vectors.
    pub(crate) fn matched_rows(&self, b: &Binary, grid: Steps, sink: Sink<'_>) -> Done {
        let m = &b.matching;
        let mut left = self.keep_rows(&b.lhs, grid)?;
        let mut right = self.keep_rows(&b.rhs, grid)?;
        self.fill(b, (&mut left, &mut right), grid.count())?;
        // The "one" side is the right one, unless `group_right` says otherwise.
        let swapped = m.group == Group::Right;
        let (many, one) = if swapped {
            (&right, &left)
        } else {
            (&left, &right)
        };
        let join = Join {
            b,
            swapped,
            steps: grid.count(),
            both: {
                let a = any_present(many, grid.count());
                let o = any_present(one, grid.count());
                a.iter().zip(o).map(|(a, o)| *a && o).collect()
            },
            many,
            one,
        };
        let out = self.join(&join)?;
        self.forget(&left);
        self.forget(&right);
        drop((left, right));
        for mut row in out {
            self.release(row.values.len());
            sink(row.lend())?;
        }
        Ok(())
    }

    /// `fill_left`, `fill_right`: a row of that value on the side that lacks a signature, present
    /// where only the other side is.
    fn fill(&self, b: &Binary, sides: (&mut Vec<Kept>, &mut Vec<Kept>), n: usize) -> Done {
        let m = &b.matching;
        if m.fill_left.is_none() && m.fill_right.is_none() {
            return Ok(());
        }
        let (left, right) = sides;
        let masks = (masks_of(left, m, n), masks_of(right, m, n));
        let jobs = [
            (left, m.fill_left, &masks.0, &masks.1),
            (right, m.fill_right, &masks.1, &masks.0),
        ];
        for (rows, value, own, other) in jobs {
            let Some(value) = value else { continue };
            let mut missing: Vec<&Labels> = other.keys().collect();
            missing.sort_unstable();
            for signature in missing {
                let own = own.get(signature);
                let there = |step: usize| own.is_some_and(|mask| mask[step]);
                let wanted = |(step, other): (usize, &bool)| {
                    if *other && !there(step) {
                        value
                    } else {
                        ABSENT
                    }
                };
                self.hold(n)?;
                rows.push(Kept {
                    labels: signature.clone(),
                    drop_name: false,
                    values: other[signature].iter().enumerate().map(wanted).collect(),
                });
            }
        }
        Ok(())
    }

    fn join(&self, j: &Join<'_>) -> Done<Vec<Kept>> {
        let one_by = by_signature(j.one, &j.b.matching);
        for (sig, rows) in &one_by {
            refuse_doubles(j, sig, rows)?;
        }
        let many_by = by_signature(j.many, &j.b.matching);
        let mut order: Vec<(&Labels, &Vec<usize>)> = many_by.iter().collect();
        order.sort_unstable_by_key(|(_, rows)| rows[0]);
        let mut out: Vec<Kept> = Vec::new();
        for (sig, many_rows) in order {
            let Some(one_rows) = one_by.get(sig) else {
                continue;
            };
            self.check()?;
            self.join_group(j, many_rows, one_rows, &mut out)?;
        }
        Ok(out)
    }

    /// All rows of one signature.
    fn join_group(
        &self,
        j: &Join<'_>,
        many_rows: &[usize],
        one_rows: &[usize],
        out: &mut Vec<Kept>,
    ) -> Done {
        let b = j.b;
        let first = out.len();
        let mut place: HashMap<Labels, usize> = HashMap::new();
        // A comparison that fails still takes its place: a clash is a clash.
        let mut taken: HashMap<usize, Vec<bool>> = HashMap::new();
        let crowded = many_rows.len() > 1;
        let one_to_one = b.matching.group == Group::OneToOne;
        for many in many_rows.iter().map(|i| &j.many[*i]) {
            for one in one_rows.iter().map(|i| &j.one[*i]) {
                let labels = result_labels(&many.labels, &one.labels, b);
                let at = *place.entry(labels.clone()).or_insert(out.len());
                if at == out.len() {
                    self.hold(j.steps)?;
                    out.push(Kept {
                        labels,
                        drop_name: b.returns_bool || many.drop_name,
                        values: vec![ABSENT; j.steps],
                    });
                }
                // One-to-one clashes by signature, grouped by the labels of the result.
                let key = if one_to_one { first } else { at };
                let mut mask =
                    crowded.then(|| taken.entry(key).or_insert_with(|| vec![false; j.steps]));
                let slots = out[at].values.iter_mut();
                for (step, (slot, (m, o))) in
                    slots.zip(many.values.iter().zip(&one.values)).enumerate()
                {
                    if !(is_present(*m) && is_present(*o)) {
                        continue;
                    }
                    if let Some(mask) = mask.as_deref_mut()
                        && std::mem::replace(&mut mask[step], true)
                    {
                        return Err(Self::clash(b, one_to_one));
                    }
                    let (l, r) = if j.swapped { (*o, *m) } else { (*m, *o) };
                    *slot = apply(b, l, r, l);
                }
            }
        }
        Ok(())
    }

    fn clash(b: &Binary, one_to_one: bool) -> QueryError {
        let why = if one_to_one {
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
        } else {
            "multiple matches for labels: grouping labels must ensure unique matches"
        };
        fault(b.lhs.span.to(b.rhs.span), why)
    }
}

/// Two elements of the "one" side with the same signature at the same step.
fn refuse_doubles(j: &Join<'_>, sig: &Labels, rows: &[usize]) -> Done {
    if rows.len() < 2 {
        return Ok(());
    }
    for step in (0..j.steps).filter(|s| j.both[*s]) {
        let mut there = rows
            .iter()
            .filter(|r| is_present(j.one[**r].values[step]))
            .map(|r| &j.one[*r].labels);
        if let (Some(a), Some(b)) = (there.next(), there.next()) {
            let mut pair = [all_labels(a), all_labels(b)];
            pair.sort();
            let side = if j.swapped { "left" } else { "right" };
            let why = format!(
                "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                all_labels(sig),
                pair[0],
                pair[1]
            );
            return Err(fault(j.b.lhs.span.to(j.b.rhs.span), why));
        }
    }
    Ok(())
}

/// Both sides of one operation.
struct Join<'j> {
    b: &'j Binary,
    many: &'j [Kept],
    one: &'j [Kept],
    /// The "many" side stands on the right.
    swapped: bool,
    steps: usize,
    /// Steps at which both sides have any element.
    both: Vec<bool>,
}

/// The labels of a result: those of the "many" side, cut to the matching labels where one meets
/// one, without the name after arithmetic, with what `group_x` copies from the other side.
fn result_labels(many: &Labels, one: &Labels, b: &Binary) -> Labels {
    let m = &b.matching;
    let arithmetic = !b.op.is_comparison();
    let kept = many.retain(|n| {
        if arithmetic && is_metadata_label(n) {
            return false;
        }
        m.group != Group::OneToOne || m.labels.iter().any(|l| l == n) == m.on
    });
    if m.include.is_empty() {
        return kept;
    }
    let mut edit = kept.edit();
    for name in &m.include {
        match one.get(name) {
            "" => edit.remove(name),
            value => edit.set(name, value),
        };
    }
    edit.finish()
}

/// `{__name__="a", b="c"}`, as Go prints label sets in errors.
fn all_labels(labels: &Labels) -> Arc<str> {
    let parts: Vec<String> = labels
        .iter()
        .map(|(n, v)| format!("{n}={}", crate::query::promql::literal::quote(v)))
        .collect();
    Arc::from(format!("{{{}}}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_leave_the_name_out_unless_it_is_named() {
        let labels = Labels::from_pairs([("__name__", "m"), ("a", "1"), ("b", "2")]);
        let on = |labels: &[&str], on| Matching {
            on,
            labels: labels.iter().map(|s| (*s).to_owned()).collect(),
            ..Matching::default()
        };
        assert_eq!(
            signature(&labels, &on(&["a"], true)).to_string(),
            "{a=\"1\"}"
        );
        assert_eq!(
            signature(&labels, &on(&["a"], false)).to_string(),
            "{b=\"2\"}"
        );
        assert_eq!(
            signature(&labels, &on(&["__name__"], true)).metric_name(),
            "m"
        );
    }
}
