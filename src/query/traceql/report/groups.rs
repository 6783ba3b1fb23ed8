//! Spans by the values of fields.

use crate::model::span::SpanKind;
use crate::model::trace_report::GroupRow;
use crate::query::traceql::ast::{Body, Stage};
use crate::query::traceql::eval::Compiled;
use crate::query::traceql::parse::{ParseError, parse};
use crate::query::traceql::relate::Tree;
use crate::query::traceql::report::Seen;
use std::collections::HashMap;

/// Groups that are told apart; what comes later counts together.
const MOST_GROUPS: usize = 1_000;
const OTHERS: &str = "(others)";
/// Durations that are kept for quantiles, over all groups.
const MOST_DURATIONS: usize = 2_000_000;

pub(super) struct Groups {
    fields: Vec<Compiled>,
    entries: bool,
    by_values: HashMap<Vec<Option<String>>, Group>,
    kept: usize,
    traces: u64,
}

#[derive(Default)]
struct Group {
    row: GroupRow,
    durations: Vec<u64>,
    /// The number of the trace that was counted last.
    last: u64,
}

impl Groups {
    pub(super) fn new(fields: &[String], entries: bool) -> Result<Self, ParseError> {
        let fields = fields.iter().map(|f| field(f)).collect::<Result<_, _>>()?;
        Ok(Self {
            fields,
            entries,
            by_values: HashMap::new(),
            kept: 0,
            traces: 0,
        })
    }

    pub(super) fn add(&mut self, seen: &Seen<'_>) {
        let tree = Tree::new(seen.tree.trace);
        self.traces += 1;
        for (i, span) in seen.tree.trace.spans.iter().enumerate() {
            let enters = seen.tree.parents[i].is_none()
                || matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
            if self.entries && !enters {
                continue;
            }
            let value = |f: &Compiled| {
                let value = f.value(&tree, i as u32);
                (!value.is_nil()).then(|| value.to_label())
            };
            let mut key: Vec<Option<String>> = self.fields.iter().map(value).collect();
            if self.by_values.len() >= MOST_GROUPS && !self.by_values.contains_key(&key) {
                key = vec![Some(OTHERS.to_owned()); self.fields.len()];
            }
            let group = self.by_values.entry(key).or_default();
            let row = &mut group.row;
            row.spans += 1;
            row.errors += u64::from(span.is_error());
            row.total = row.total.saturating_add(span.duration());
            row.own = row.own.saturating_add(seen.own[i]);
            row.longest = row.longest.max(span.duration());
            if group.last != self.traces {
                row.traces += 1;
                group.last = self.traces;
            }
            if self.kept < MOST_DURATIONS {
                group.durations.push(span.duration());
                self.kept += 1;
            }
        }
    }

    /// Those that took longest in all first.
    pub(super) fn finish(self) -> Vec<GroupRow> {
        let row = |(values, mut group): (Vec<Option<String>>, Group)| GroupRow {
            p50: quantile(&mut group.durations, 0.5),
            p95: quantile(&mut group.durations, 0.95),
            values,
            ..group.row
        };
        let mut rows: Vec<GroupRow> = self.by_values.into_iter().map(row).collect();
        rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.values.cmp(&b.values)));
        rows
    }
}

/// The nearest rank; 0 of none.
pub(super) fn quantile(durations: &mut [u64], q: f64) -> u64 {
    if durations.is_empty() {
        return 0;
    }
    let rank = (q * durations.len() as f64).ceil().max(1.0) as usize;
    let at = rank.min(durations.len()) - 1;
    *durations.select_nth_unstable(at).1
}

/// A field as a query writes it; a bare word is an attribute of span or resource.
fn field(text: &str) -> Result<Compiled, ParseError> {
    let text = text.trim();
    let written = [text.to_owned(), format!(".{text}")];
    for text in written {
        if let Ok(query) = parse(&format!("{{ }} | by({text})"))
            && let Body::Spans(pipeline) = &query.body
            && let [_, Stage::By(expr)] = pipeline.stages.as_slice()
        {
            return Compiled::new(expr);
        }
    }
    Err(ParseError::whole(format!(
        "{text:?} is no field: write name, resource.service.name, .http.route"
    )))
}
