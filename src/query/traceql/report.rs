//! What several traces did together: paths of calls, groups by attributes, the map of services,
//! requests by time and latency.
//!
//! Traces are gone through once for all parts of a question, and none is kept. Memory is bounded by
//! the paths and groups that are told apart, not by the traces.

mod calls;
mod groups;
mod map;

use crate::base::cancel::Cancel;
use crate::model::answer::{Notes, TraceHit};
use crate::model::request::TraceQuery;
use crate::model::span::Trace;
use crate::model::span_tree::SpanTree;
use crate::model::trace_report::{
    Dot, Dots, ReportAnswer, ReportKind, ReportPart, TracePick, TraceReport, level_of,
};
use crate::query::traceql::ast::Body;
use crate::query::traceql::eval::{self, Program};
use crate::query::traceql::parse::{ParseError, parse};
use crate::query::traceql::relate::Tree;
use crate::query::traceql::search::SearchError;
use crate::store::read::{SelectTraces, TraceSource};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Spans that one report goes through.
const MOST_SPANS: u64 = 2_000_000;
/// Traces that may be named one by one.
const MOST_IDS: usize = 1_000;

/// One trace on its way through the parts.
struct Seen<'a> {
    tree: &'a SpanTree<'a>,
    /// By span.
    own: &'a [u64],
    critical: &'a [bool],
}

/// What becomes one part of the answer.
enum Part {
    Calls(calls::Calls),
    By(groups::Groups),
    Map(map::Map),
    Dots(Dots, HashMap<(u16, u16), (u32, u32)>),
    /// How many, and the slowest so far.
    Slowest(usize, Vec<TraceHit>),
}

impl Part {
    fn new(kind: &ReportKind) -> Result<Self, ParseError> {
        Ok(match kind {
            ReportKind::Calls => Self::Calls(calls::Calls::default()),
            ReportKind::By { fields, entries } => Self::By(groups::Groups::new(fields, *entries)?),
            ReportKind::Map => Self::Map(map::Map::default()),
            ReportKind::Dots { from, to, columns } => {
                let dots = Dots {
                    from: *from,
                    to: (*to).max(*from),
                    columns: (*columns).max(1),
                    dots: Vec::new(),
                };
                Self::Dots(dots, HashMap::new())
            }
            ReportKind::Slowest(count) => Self::Slowest((*count).clamp(1, MOST_IDS), Vec::new()),
        })
    }

    fn needs_tree(&self) -> bool {
        !matches!(self, Self::Dots(..) | Self::Slowest(..))
    }

    fn needs_paths(&self) -> bool {
        matches!(self, Self::Calls(_) | Self::By(_))
    }

    /// What needs no tree.
    fn look(&mut self, trace: &Trace) {
        match self {
            Self::Dots(dots, cells) => {
                let (start, end) = trace.bounds();
                let Some(column) = dots.column_of(start) else {
                    return;
                };
                let (good, failed) = cells.entry((column, level_of(end - start))).or_default();
                let count = if trace.errors() > 0 { failed } else { good };
                *count = count.saturating_add(1);
            }
            Self::Slowest(count, hits) => {
                let took = trace.duration();
                if hits.len() < *count || hits.last().is_some_and(|h| h.duration < took) {
                    let at = hits.partition_point(|h| h.duration >= took);
                    hits.insert(at, eval::summary(trace));
                    hits.truncate(*count);
                }
            }
            Self::Calls(_) | Self::By(_) | Self::Map(_) => {}
        }
    }

    fn add(&mut self, seen: &Seen<'_>) {
        match self {
            Self::Calls(calls) => calls.add(seen),
            Self::By(groups) => groups.add(seen),
            Self::Map(map) => map.add(seen.tree),
            Self::Dots(..) | Self::Slowest(..) => {}
        }
    }

    fn finish(self) -> ReportPart {
        match self {
            Self::Calls(calls) => ReportPart::Calls(calls.finish()),
            Self::By(groups) => ReportPart::By(groups.finish()),
            Self::Map(map) => ReportPart::Map(map.finish()),
            Self::Dots(dots, cells) => {
                let dot = |((column, level), (good, failed))| Dot {
                    column,
                    level,
                    good,
                    failed,
                };
                let mut found: Vec<Dot> = cells.into_iter().map(dot).collect();
                found.sort_by_key(|d| (d.column, d.level));
                ReportPart::Dots(Dots {
                    dots: found,
                    ..dots
                })
            }
            Self::Slowest(_, hits) => ReportPart::Slowest(hits),
        }
    }
}

/// A report that is being made.
pub struct Report {
    parts: Vec<Part>,
    traces: u64,
    spans: u64,
    earliest: u64,
}

impl Report {
    /// Refuses fields that are none.
    pub fn new(parts: &[ReportKind]) -> Result<Self, ParseError> {
        Ok(Self {
            parts: parts.iter().map(Part::new).collect::<Result<_, _>>()?,
            traces: 0,
            spans: 0,
            earliest: u64::MAX,
        })
    }

    pub fn add(&mut self, trace: &Trace) {
        self.traces += 1;
        self.spans += trace.spans.len() as u64;
        self.earliest = self.earliest.min(trace.bounds().0);
        self.parts.iter_mut().for_each(|p| p.look(trace));
        if !self.parts.iter().any(Part::needs_tree) {
            return;
        }
        let tree = SpanTree::new(trace);
        let (mut own, mut critical) = (Vec::new(), Vec::new());
        if self.parts.iter().any(Part::needs_paths) {
            own = (0..trace.spans.len() as u32).map(|i| tree.own(i)).collect();
            critical = tree.critical();
        }
        let seen = Seen {
            tree: &tree,
            own: &own,
            critical: &critical,
        };
        self.parts.iter_mut().for_each(|p| p.add(&seen));
    }

    pub fn finish(self) -> ReportAnswer {
        ReportAnswer {
            parts: self.parts.into_iter().map(Part::finish).collect(),
            traces: self.traces,
            spans: self.spans,
            earliest: self.earliest,
            cut: false,
            notes: Notes::default(),
        }
    }
}

/// Answers a question about several traces at once.
pub fn report(
    source: &dyn TraceSource,
    asked: &TraceReport,
    cancel: &Cancel,
) -> Result<ReportAnswer, SearchError> {
    let mut report = Report::new(&asked.parts)?;
    let (warnings, cut) = match &asked.of {
        TracePick::Ids(ids) => {
            let mut said = Vec::new();
            for id in ids.iter().take(MOST_IDS) {
                let (trace, warnings) = source.trace(*id, cancel)?;
                said = warnings;
                if let Some(trace) = trace {
                    report.add(&trace);
                }
            }
            (said, ids.len() > MOST_IDS)
        }
        TracePick::Found(query) => found(source, query, &mut report, cancel)?,
    };
    let notes = Notes {
        partial: !warnings.is_empty(),
        warnings,
        infos: Vec::new(),
    };
    Ok(ReportAnswer {
        cut,
        notes,
        ..report.finish()
    })
}

/// Adds what a search finds; gives warnings, and whether there was more.
fn found(
    source: &dyn TraceSource,
    asked: &TraceQuery,
    report: &mut Report,
    cancel: &Cancel,
) -> Result<(Vec<String>, bool), SearchError> {
    let query = parse(&asked.query)?;
    let Body::Spans(pipeline) = &query.body else {
        return Err(ParseError::whole(
            "this query answers with series: ask about traces, as in `{ status = error }`",
        )
        .into());
    };
    let program = Program::new(pipeline)?;
    let takes_all = asked.query.trim().trim_matches(['{', '}', ' ']).is_empty();
    let needs = eval::needs(pipeline);
    let select = SelectTraces {
        from: asked.from,
        to: asked.to,
        needs: &needs,
    };
    let mut cut = false;
    let visited = source.visit(&select, cancel, &mut |trace, _| {
        let took = trace.duration();
        if asked.longest.is_some_and(|d| took > d) || asked.shortest.is_some_and(|d| took < d) {
            return ControlFlow::Continue(());
        }
        if !takes_all && program.run(&Tree::new(trace)).is_empty() {
            return ControlFlow::Continue(());
        }
        if report.traces >= asked.limit.max(1) as u64 || report.spans >= MOST_SPANS {
            cut = true;
            return ControlFlow::Break(());
        }
        report.add(trace);
        ControlFlow::Continue(())
    })?;
    Ok((visited.warnings, cut))
}
