//! Warnings and remarks with their places, each said once.

use crate::model::answer::Notes;
use crate::query::promql::ast::Span;
use crate::query::promql::eval::limits::Run;
use std::collections::BTreeSet;

/// The most of each kind that are kept.
const MOST: usize = 100;

#[derive(Debug, Default)]
pub(crate) struct Annotations {
    warnings: BTreeSet<String>,
    infos: BTreeSet<String>,
    partial: BTreeSet<String>,
}

impl Annotations {
    pub(crate) fn finish(self) -> Notes {
        let partial = !self.partial.is_empty();
        Notes {
            warnings: self.partial.into_iter().chain(self.warnings).collect(),
            infos: self.infos.into_iter().collect(),
            partial,
        }
    }
}

fn put(set: &mut BTreeSet<String>, text: String) {
    if set.len() < MOST {
        set.insert(text);
    }
}

impl Run<'_> {
    /// Something may be wrong with the answer.
    pub(crate) fn warn(&self, span: Span, what: &str) {
        let (line, column) = span.place(self.text);
        let text = format!("PromQL warning: {what} ({line}:{column})");
        put(&mut self.notes.borrow_mut().warnings, text);
    }

    /// The query may not mean what its author thinks.
    pub(crate) fn inform(&self, span: Span, what: &str) {
        let (line, column) = span.place(self.text);
        let text = format!("PromQL info: {what} ({line}:{column})");
        put(&mut self.notes.borrow_mut().infos, text);
    }

    /// Part of the data could not be read.
    pub(crate) fn partial(&self, warnings: Vec<String>) {
        for text in warnings {
            put(&mut self.notes.borrow_mut().partial, text);
        }
    }

    pub(crate) fn warn_quantile(&self, q: f64, span: Span) {
        if !(0.0..=1.0).contains(&q) {
            let shown = crate::query::promql::literal::format_number(q);
            self.warn(
                span,
                &format!("quantile value should be between 0 and 1, got {shown}"),
            );
        }
    }
}
