//! What several traces did together, as tables.

use crate::app::launch::Launch;
use crate::app::once;
use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::cli::cmd::traces::warn;
use crate::cli::print;
use crate::model::answer::Answer;
use crate::model::request::SpanRequest;
use crate::model::span::TraceId;
use crate::model::trace_report::{
    CallRow, GroupRow, Load, ReportAnswer, ReportKind, ReportPart, ServiceMap, TracePick,
    TraceReport, compare as beside,
};
use anyhow::bail;

/// Traces that are looked at where a list would be shorter.
pub(super) const LOOKED_AT: usize = 10_000;

fn ask(launch: &Launch, of: TracePick, kind: ReportKind) -> anyhow::Result<ReportAnswer> {
    let asked = SpanRequest::Report(TraceReport {
        of,
        parts: vec![kind],
    });
    let Answer::Report(answer) = once::spans(launch, asked)? else {
        bail!("the engine answered another question");
    };
    warn(&answer.notes);
    if answer.cut {
        print::error(&format!(
            "bongsu: of the newest {} traces only; --from and --to choose others",
            answer.traces
        ));
    }
    Ok(answer)
}

/// Prints one report.
pub(super) fn print(
    launch: &Launch,
    of: TracePick,
    kind: ReportKind,
    json: bool,
) -> anyhow::Result<()> {
    let one = match &of {
        TracePick::Ids(ids) => ids.first().copied(),
        TracePick::Found(_) => None,
    };
    let answer = ask(launch, of, kind)?;
    if let (Some(id), 0) = (one, answer.traces) {
        bail!("trace {id} is not here");
    }
    if json {
        let parts = serde_json::to_string_pretty(&answer.parts)?;
        print::out(&format!("{parts}\n"));
        return Ok(());
    }
    for part in &answer.parts {
        print::out(&match part {
            ReportPart::Calls(rows) => calls(rows),
            ReportPart::By(rows) => groups(rows),
            ReportPart::Map(map) => services(map),
            ReportPart::Dots(_) | ReportPart::Slowest(_) => String::new(),
        });
    }
    Ok(())
}

fn indented(depth: u32, name: &str) -> String {
    format!(
        "{}{}",
        "  ".repeat(depth.min(40) as usize),
        text::sanitise(name)
    )
}

fn calls(rows: &[CallRow]) -> String {
    let row = |r: &CallRow| {
        vec![
            indented(r.depth, &r.name),
            text::sanitise(&r.service).into_owned(),
            r.calls.to_string(),
            r.errors.to_string(),
            format_nanoseconds(r.total),
            format_nanoseconds(r.own),
            format_nanoseconds(r.longest),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    let head = [
        "call", "service", "calls", "errors", "total", "own", "longest",
    ];
    print::table(&head, &rows)
}

fn groups(rows: &[GroupRow]) -> String {
    let row = |r: &GroupRow| {
        let value = r.values.first().and_then(|v| v.as_deref());
        vec![
            text::sanitise(value.unwrap_or("-")).into_owned(),
            r.traces.to_string(),
            r.spans.to_string(),
            r.errors.to_string(),
            format_nanoseconds(r.total),
            format_nanoseconds(r.own),
            format_nanoseconds(r.p50),
            format_nanoseconds(r.p95),
            format_nanoseconds(r.longest),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    let head = [
        "value", "traces", "spans", "errors", "total", "own", "p50", "p95", "longest",
    ];
    print::table(&head, &rows)
}

fn services(map: &ServiceMap) -> String {
    let load = |l: Load| {
        [
            l.requests.to_string(),
            l.errors.to_string(),
            format_nanoseconds(l.p95),
        ]
    };
    let name = |i: u32| {
        let node = map.nodes.get(i as usize);
        node.map_or_else(String::new, |n| text::sanitise(&n.name).into_owned())
    };
    let kind = |i: u32| map.nodes.get(i as usize).map_or("", |n| n.kind.as_str());
    let rows: Vec<Vec<String>> = map
        .edges
        .iter()
        .map(|e| {
            let ends = [name(e.from), name(e.to), kind(e.to).to_owned()];
            ends.into_iter().chain(load(e.load)).collect()
        })
        .collect();
    print::table(&["from", "to", "kind", "requests", "errors", "p95"], &rows)
}

/// Prints two traces beside each other.
pub(super) fn compare(launch: &Launch, before: TraceId, after: TraceId) -> anyhow::Result<()> {
    let rows = |id: TraceId| {
        let answer = ask(launch, TracePick::Ids(vec![id]), ReportKind::Calls)?;
        match answer.parts.into_iter().next() {
            Some(ReportPart::Calls(rows)) if !rows.is_empty() => anyhow::Ok(rows),
            _ => bail!("trace {id} is not here"),
        }
    };
    let (before, after) = (rows(before)?, rows(after)?);
    let table: Vec<Vec<String>> = beside((&before, 1), (&after, 1))
        .iter()
        .map(|r| {
            let slower = r.slower();
            let sign = if slower < 0 { "-" } else { "+" };
            vec![
                indented(r.depth, &r.name),
                text::sanitise(&r.service).into_owned(),
                format!("{} {}", r.before.calls, r.after.calls),
                format!("{} {}", r.before.errors, r.after.errors),
                format_nanoseconds(r.before.own_per_trace),
                format_nanoseconds(r.after.own_per_trace),
                format!("{sign}{}", format_nanoseconds(slower.unsigned_abs())),
            ]
        })
        .collect();
    let head = [
        "call",
        "service",
        "calls",
        "errors",
        "own",
        "own of the other",
        "slower by",
    ];
    print::out(&print::table(&head, &table));
    Ok(())
}
