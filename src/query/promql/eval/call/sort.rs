//! `sort`, `sort_by_label` and their descending forms. Only an instant vector has an order.

use crate::model::time::Steps;
use crate::query::promql::ast::Call;
use crate::query::promql::eval::call::emit;
use crate::query::promql::eval::limits::Run;
use crate::query::promql::eval::{Done, Kept, Sink, is_present};
use std::cmp::Ordering;

impl Run<'_> {
    pub(crate) fn sort_rows(
        &self,
        c: &Call,
        descending: bool,
        grid: Steps,
        sink: Sink<'_>,
    ) -> Done {
        if grid.count() != 1 {
            return self.rows(&c.args[0], grid, sink);
        }
        let mut rows = self.keep_rows(&c.args[0], grid)?;
        // NaN is last in both directions.
        rows.sort_by(|a, b| {
            let (a, b) = (a.values[0], b.values[0]);
            match (a.is_nan(), b.is_nan()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) if descending => b.total_cmp(&a),
                (false, false) => a.total_cmp(&b),
            }
        });
        emit(self, rows, sink)
    }

    pub(crate) fn sort_by_label(
        &self,
        c: &Call,
        descending: bool,
        grid: Steps,
        sink: Sink<'_>,
    ) -> Done {
        if grid.count() != 1 {
            return self.rows(&c.args[0], grid, sink);
        }
        let names: Vec<&str> = c.args[1..]
            .iter()
            .map(|a| Self::text_of(a))
            .collect::<Done<_>>()?;
        let mut rows = self.keep_rows(&c.args[0], grid)?;
        rows.retain(|r| is_present(r.values[0]));
        let order = |a: &Kept, b: &Kept| {
            let by_names = names
                .iter()
                .map(|n| natural(a.labels.get(n), b.labels.get(n)))
                .find(|o| o.is_ne());
            by_names.unwrap_or_else(|| a.labels.cmp(&b.labels))
        };
        rows.sort_by(|a, b| if descending { order(b, a) } else { order(a, b) });
        emit(self, rows, sink)
    }
}

/// Text order in which runs of digits compare as numbers: `a9` before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (x, y) = (chunk(a), chunk(b));
        if x.is_empty() || y.is_empty() {
            return x.len().cmp(&y.len());
        }
        let digits = |s: &str| s.starts_with(|c: char| c.is_ascii_digit());
        let order = if digits(x) && digits(y) {
            let (p, q) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            p.len()
                .cmp(&q.len())
                .then_with(|| p.cmp(q))
                .then_with(|| x.len().cmp(&y.len()))
        } else {
            x.cmp(y)
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (&a[x.len()..], &b[y.len()..]);
    }
}

/// The longest start that is all digits or all something else.
fn chunk(text: &str) -> &str {
    let digit = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text
        .find(|c: char| c.is_ascii_digit() != digit)
        .unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count() {
        let mut names = ["cpu10", "cpu2", "cpu1", "1.111.3", "1.11.3", "1.2.3", ""];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            ["", "1.2.3", "1.11.3", "1.111.3", "cpu1", "cpu2", "cpu10"]
        );
    }
}
