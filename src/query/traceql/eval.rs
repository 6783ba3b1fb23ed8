//! A pipeline over one trace: which spans it picks, in which groups.

mod field;
mod needs;
mod stage;

pub use field::Compiled;
pub(crate) use field::value;
pub use needs::needs;

use crate::model::answer::{HitSpan, ServiceCount, SpanSet, TraceHit};
use crate::model::span::{Attribute, Span, Trace};
use crate::query::traceql::ast::{Field, Pipeline};
use crate::query::traceql::parse::Parsed;
use crate::query::traceql::relate::Tree;
use stage::Stage;
use std::collections::BTreeMap;

/// Spans of one trace that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spanset {
    /// Indices into the trace, rising.
    pub spans: Vec<u32>,
    /// What `by()` grouped by, and what aggregates said.
    pub attributes: Vec<(String, Attribute)>,
}

/// A pipeline ready to run: patterns compiled, nothing left to check.
pub struct Program {
    stages: Vec<Stage>,
    /// What `select()` and the filters speak of: told with each span of an answer.
    columns: Vec<Field>,
}

impl Program {
    pub fn new(pipeline: &Pipeline) -> Parsed<Self> {
        let stages = pipeline.stages.iter().map(Stage::compile);
        Ok(Self {
            stages: stages.collect::<Parsed<_>>()?,
            columns: needs::columns(pipeline),
        })
    }

    /// The spansets that are left at the end; none where the trace does not match.
    pub fn run(&self, tree: &Tree<'_>) -> Vec<Spanset> {
        let all = Spanset {
            spans: (0..tree.trace.spans.len() as u32).collect(),
            attributes: Vec::new(),
        };
        stage::run(&self.stages, tree, vec![all])
    }

    /// The answer about one trace; `per_set` spans of each set are told.
    pub fn hit(&self, trace: &Trace, per_set: usize) -> Option<TraceHit> {
        let tree = Tree::new(trace);
        let sets = self.run(&tree);
        if sets.is_empty() {
            return None;
        }
        let told = sets.into_iter().map(|set| self.told(&tree, set, per_set));
        Some(TraceHit {
            sets: told.collect(),
            ..summary(trace)
        })
    }

    fn told(&self, tree: &Tree<'_>, set: Spanset, per_set: usize) -> SpanSet {
        let spans = set.spans.iter().take(per_set).map(|i| {
            let span = tree.span(*i);
            let column = |f: &Field| {
                let value = field::value(f, tree, *i).to_attribute()?;
                Some((f.to_string(), value))
            };
            HitSpan {
                id: span.id,
                name: span.name.clone(),
                service: span.service().into(),
                start: span.start,
                duration: span.duration(),
                status: span.status,
                attributes: self.columns.iter().filter_map(column).collect(),
            }
        });
        SpanSet {
            spans: spans.collect(),
            matched: set.spans.len() as u64,
            attributes: set.attributes,
        }
    }
}

/// What is said of a trace without a query.
pub fn summary(trace: &Trace) -> TraceHit {
    let root = trace.root();
    let (start, end) = trace.bounds();
    let mut services: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for span in &trace.spans {
        let counts = services.entry(span.service()).or_default();
        counts.0 += 1;
        counts.1 += u64::from(span.is_error());
    }
    let count = |(service, (spans, errors)): (&str, (u64, u64))| ServiceCount {
        service: service.to_owned(),
        spans,
        errors,
    };
    TraceHit {
        id: trace.id,
        root_service: root.map(|r| r.service().to_owned()),
        root_name: root.map(|r| r.name.to_string()),
        start,
        duration: end - start,
        spans: trace.spans.len() as u64,
        errors: trace.spans.iter().filter(|s: &&Span| s.is_error()).count() as u64,
        services: services.into_iter().map(count).collect(),
        sets: Vec::new(),
    }
}

/// A field as the value of a label.
pub(crate) fn label(field: &Field, tree: &Tree<'_>, span: u32) -> String {
    value(field, tree, span).to_label()
}
