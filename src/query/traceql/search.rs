//! Answers to questions about traces, out of a store.
//!
//! Searches are exact: what is told is what comes first in the order that was asked for, of all
//! traces in the range. By start the search stops as soon as nothing newer can come.

use crate::base::cancel::Cancel;
use crate::model::answer::{Inspected, Notes, Series, TraceHit, TracesAnswer};
use crate::model::exemplar::ExemplarSeries;
use crate::model::request::{TagScope, TraceOrder, TraceQuery};
use crate::model::span::{Attribute, Attributes, Trace};
use crate::model::time::{Steps, TimeRange};
use crate::query::traceql::ast::{Attribute as Asked, Body, Field, Scope};
use crate::query::traceql::eval::{self, Program};
use crate::query::traceql::metrics::Run;
use crate::query::traceql::parse::{ParseError, parse};
use crate::query::traceql::relate::Tree;
use crate::query::traceql::value::Value;
use crate::store::read::{ReadError, SelectTraces, TraceSource, Visited};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Names, or values of one name, that are told at most.
const MOST_TAGS: usize = 1000;
/// Steps of one range.
const MOST_STEPS: usize = 11_000;
const NS: i64 = 1_000_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Query(#[from] ParseError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

fn wrong(said: impl Into<String>) -> SearchError {
    ParseError::whole(said).into()
}

/// The traces that a query picks.
pub fn search(
    source: &dyn TraceSource,
    asked: &TraceQuery,
    cancel: &Cancel,
) -> Result<TracesAnswer, SearchError> {
    let query = parse(&asked.query)?;
    let Body::Spans(pipeline) = &query.body else {
        return Err(wrong(
            "this query answers with series: ask for them over a range, not for traces",
        ));
    };
    let program = Program::new(pipeline)?;
    let needs = eval::needs(pipeline);
    let select = SelectTraces {
        from: asked.from,
        to: asked.to,
        needs: &needs,
    };
    let limit = asked.limit.max(1);
    let mut hits: Vec<TraceHit> = Vec::new();
    let visited = source.visit(&select, cancel, &mut |trace, bound| {
        let long = asked.longest.is_none_or(|d| trace.duration() <= d);
        if long && asked.shortest.is_none_or(|d| trace.duration() >= d) {
            hits.extend(program.hit(trace, asked.per_set));
        }
        if hits.len() >= 2 * limit {
            keep(&mut hits, asked.order, limit);
        }
        let oldest = (asked.order == TraceOrder::Newest && hits.len() >= limit).then(|| {
            keep(&mut hits, asked.order, limit);
            hits.last().map_or(0, |h| h.start)
        });
        match oldest {
            Some(oldest) if oldest >= bound => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    })?;
    keep(&mut hits, asked.order, limit);
    Ok(TracesAnswer {
        traces: hits,
        inspected: inspected(&visited),
        notes: notes(visited),
    })
}

fn keep(hits: &mut Vec<TraceHit>, order: TraceOrder, limit: usize) {
    let first = |h: &TraceHit| match order {
        TraceOrder::Newest => h.start,
        TraceOrder::Slowest => h.duration,
        TraceOrder::Spans => h.spans,
        TraceOrder::Errors => h.errors,
    };
    hits.sort_by_key(|h| std::cmp::Reverse((first(h), h.start, h.id)));
    hits.truncate(limit);
}

fn inspected(visited: &Visited) -> Inspected {
    Inspected {
        traces: visited.traces,
        spans: visited.spans,
        bytes: visited.bytes,
        millis: 0.0,
    }
}

fn notes(visited: Visited) -> Notes {
    Notes {
        partial: !visited.warnings.is_empty(),
        warnings: visited.warnings,
        infos: Vec::new(),
    }
}

fn nanoseconds(ms: i64) -> u64 {
    u64::try_from(ms.saturating_mul(NS)).unwrap_or(0)
}

/// Series that a query made of spans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundSeries {
    pub series: Vec<Series>,
    /// The spans behind some of their points.
    pub exemplars: Vec<ExemplarSeries>,
    pub notes: Notes,
    pub inspected: Inspected,
}

/// The series that a query makes.
pub fn series(
    source: &dyn TraceSource,
    text: &str,
    (steps, exemplars): (Steps, usize),
    cancel: &Cancel,
) -> Result<FoundSeries, SearchError> {
    let query = parse(text)?;
    let Body::Metrics(metrics) = &query.body else {
        return Err(wrong(
            "this query answers with traces: add a function, as in `{ } | rate()`",
        ));
    };
    if steps.count() > MOST_STEPS {
        return Err(wrong(format!(
            "the range has {} steps; at most {MOST_STEPS} are answered: ask for longer steps",
            steps.count()
        )));
    }
    let mut run = Run::new(metrics, steps, exemplars)?;
    // Each pipeline sees every trace: what one needs, another may not.
    let pipelines = Run::pipelines(metrics);
    let needs = match pipelines.as_slice() {
        [one] => eval::needs(one),
        _ => Vec::new(),
    };
    // A span may begin long after its trace.
    let select = SelectTraces {
        from: nanoseconds(steps.start - steps.step).saturating_sub(nanoseconds(3_600_000)),
        to: nanoseconds(steps.end),
        needs: &needs,
    };
    let mut failed = None;
    let visited = source.visit(&select, cancel, &mut |trace, _| match run.add(trace) {
        Ok(()) => ControlFlow::Continue(()),
        Err(e) => {
            failed = Some(e);
            ControlFlow::Break(())
        }
    })?;
    if let Some(e) = failed {
        return Err(e.into());
    }
    let cost = inspected(&visited);
    let (series, exemplars) = run.finish();
    Ok(FoundSeries {
        series,
        exemplars,
        notes: notes(visited),
        inspected: cost,
    })
}

fn walk(
    source: &dyn TraceSource,
    range: TimeRange,
    cancel: &Cancel,
    each: &mut dyn FnMut(&Trace) -> bool,
) -> Result<Notes, SearchError> {
    let select = SelectTraces {
        from: nanoseconds(range.start),
        to: nanoseconds(range.end),
        needs: &[],
    };
    let visited = source.visit(&select, cancel, &mut |trace, _| {
        if each(trace) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(notes(visited))
}

/// The names of attributes in use, by scope; the newest thousand of each.
pub fn tags(
    source: &dyn TraceSource,
    range: TimeRange,
    cancel: &Cancel,
) -> Result<(BTreeMap<TagScope, Vec<String>>, Notes), SearchError> {
    let mut found: BTreeMap<TagScope, BTreeSet<String>> = BTreeMap::new();
    let mut note = |scope, attributes: &Attributes| {
        let names = found.entry(scope).or_default();
        for (name, _) in attributes {
            if names.len() < MOST_TAGS && !names.contains(&**name) {
                names.insert(name.to_string());
            }
        }
    };
    let notes = walk(source, range, cancel, &mut |trace| {
        for span in &trace.spans {
            note(TagScope::Span, &span.attributes);
            note(TagScope::Resource, &span.resource.attributes);
            note(TagScope::Instrumentation, &span.scope.attributes);
            span.events
                .iter()
                .for_each(|e| note(TagScope::Event, &e.attributes));
            span.links
                .iter()
                .for_each(|l| note(TagScope::Link, &l.attributes));
        }
        true
    })?;
    let listed = found
        .into_iter()
        .map(|(s, names)| (s, names.into_iter().collect()));
    Ok((listed.collect(), notes))
}

/// The values of one field, sorted; `tag` is a field as queries write it, or a bare name.
pub fn tag_values(
    source: &dyn TraceSource,
    tag: &str,
    range: TimeRange,
    cancel: &Cancel,
) -> Result<(Vec<Attribute>, Notes), SearchError> {
    let field = field(tag);
    let mut found: BTreeMap<String, Attribute> = BTreeMap::new();
    let notes = walk(source, range, cancel, &mut |trace| {
        let tree = Tree::new(trace);
        for (i, _) in trace.spans.iter().enumerate() {
            let value = eval::value(&field, &tree, i as u32);
            let each = match value {
                Value::List(items) => items,
                one => vec![one],
            };
            for value in each {
                if let Some(attribute) = value.to_attribute()
                    && found.len() < MOST_TAGS
                {
                    found.entry(value.to_label()).or_insert(attribute);
                }
            }
        }
        found.len() < MOST_TAGS
    })?;
    Ok((found.into_values().collect(), notes))
}

/// `.a`, `span.a`, `name`, or a bare name of an attribute.
fn field(tag: &str) -> Field {
    let parsed = parse(&format!("{{ {tag} != nil }} | select({tag})"));
    if let Ok(query) = parsed
        && let Body::Spans(pipeline) = &query.body
        && let Some(crate::query::traceql::ast::Stage::Select(fields)) = pipeline.stages.last()
        && let Some(field) = fields.first()
    {
        return field.clone();
    }
    Field::Attribute(Asked {
        scope: Scope::Any,
        of_parent: false,
        name: tag.to_owned(),
    })
}

/// How a value is written in a query: `keyword` for status and kind.
pub fn type_of(value: &Attribute, tag: &str) -> &'static str {
    match value {
        Attribute::Text(_) if ["status", "kind", "span:status", "span:kind"].contains(&tag) => {
            "keyword"
        }
        Attribute::Int(_) if tag.to_ascii_lowercase().ends_with("duration") => "duration",
        Attribute::Int(_) => "int",
        Attribute::Float(_) => "float",
        Attribute::Bool(_) => "bool",
        _ => "string",
    }
}
