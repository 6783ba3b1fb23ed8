//! `label_replace` and `label_join`.

use crate::base::regex::Regex;
use crate::model::labels::METRIC_NAME;
use crate::model::time::Steps;
use crate::query::promql::ast::Call;
use crate::query::promql::eval::call::emit;
use crate::query::promql::eval::limits::{Run, fault};
use crate::query::promql::eval::{Done, Kept, Sink};
use crate::query::promql::literal;

impl Run<'_> {
    /// `label_replace(v, dst, replacement, src, regex)`
    pub(crate) fn label_replace(&self, c: &Call, grid: Steps, sink: Sink<'_>) -> Done {
        let (dst, template) = (Self::text_of(&c.args[1])?, Self::text_of(&c.args[2])?);
        let (src, pattern) = (Self::text_of(&c.args[3])?, Self::text_of(&c.args[4])?);
        let regex = Regex::anchored(pattern).map_err(|e| {
            let why = format!("invalid regular expression in label_replace(): {e}");
            fault(c.args[4].span, why)
        })?;
        if dst.is_empty() {
            let why = "invalid destination label name in label_replace(): \"\"";
            return Err(fault(c.args[1].span, why));
        }
        self.relabel(c, grid, sink, &mut |row| {
            if let Some(value) = regex.expand(row.labels.get(src), template) {
                set(row, dst, &value);
            }
        })
    }

    /// `label_join(v, dst, separator, src...)`
    pub(crate) fn label_join(&self, c: &Call, grid: Steps, sink: Sink<'_>) -> Done {
        let (dst, separator) = (Self::text_of(&c.args[1])?, Self::text_of(&c.args[2])?);
        let mut sources = Vec::new();
        for arg in &c.args[3..] {
            let source = Self::text_of(arg)?;
            if source.is_empty() {
                let why = "invalid source label name in label_join(): \"\"";
                return Err(fault(arg.span, why));
            }
            sources.push(source);
        }
        if dst.is_empty() {
            let shown = literal::quote(dst);
            let why = format!("invalid destination label name in label_join(): {shown}");
            return Err(fault(c.args[1].span, why));
        }
        self.relabel(c, grid, sink, &mut |row| {
            let parts: Vec<&str> = sources.iter().map(|s| row.labels.get(s)).collect();
            let joined = parts.join(separator);
            set(row, dst, &joined);
        })
    }

    fn relabel(
        &self,
        c: &Call,
        grid: Steps,
        sink: Sink<'_>,
        change: &mut dyn FnMut(&mut Kept),
    ) -> Done {
        let mut rows = self.keep_rows(&c.args[0], grid)?;
        rows.iter_mut().for_each(change);
        let merged = Self::merge_rows(rows, &c.args[0])?;
        emit(self, merged, sink)
    }
}

/// A name that is written on purpose stays.
fn set(row: &mut Kept, name: &str, value: &str) {
    let mut edit = row.labels.edit();
    edit.set(name, value);
    row.labels = edit.finish();
    if name == METRIC_NAME {
        row.drop_name = false;
    }
}
