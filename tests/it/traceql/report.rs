//! The commands of scripts that ask about several traces at once.

use crate::traceql::script::Named;
use bongsu::base::units::format_nanoseconds as ns;
use bongsu::model::trace_report::{CallRow, Load, ReportKind, ReportPart, compare, level_start};
use bongsu::query::traceql::report::Report;

/// `calls`, `flame`: traces by name, all where none is named. `compare`: names, `with`, names.
/// `by`, `entries`: fields separated by commas. `dots`: columns.
pub(super) fn rows(word: &str, rest: &str, traces: &[Named]) -> Vec<String> {
    match word {
        "compare" => {
            let (before, after) = rest.split_once(" with ").unwrap();
            compared(before, after, traces)
        }
        "calls" => calls(rest, traces).0.iter().map(call).collect(),
        "flame" => calls(rest, traces).0.iter().map(bar).collect(),
        "by" | "entries" => {
            let kind = ReportKind::By {
                fields: rest.split(',').map(|f| f.trim().to_owned()).collect(),
                entries: word == "entries",
            };
            groups(&kind, traces)
        }
        "map" => map(traces),
        _ => dots(rest.parse().unwrap(), traces),
    }
}

fn part(kind: &ReportKind, names: &str, traces: &[Named]) -> Result<(ReportPart, u64), String> {
    let mut report = Report::new(std::slice::from_ref(kind)).map_err(|e| e.message)?;
    let wanted: Vec<&str> = names.split_whitespace().collect();
    for named in traces {
        if wanted.is_empty() || wanted.contains(&named.name.as_str()) {
            report.add(&named.trace);
        }
    }
    let mut answer = report.finish();
    Ok((answer.parts.remove(0), answer.traces))
}

fn calls(names: &str, traces: &[Named]) -> (Vec<CallRow>, u64) {
    match part(&ReportKind::Calls, names, traces) {
        Ok((ReportPart::Calls(rows), count)) => (rows, count),
        other => panic!("{other:?}"),
    }
}

fn indent(depth: u32) -> String {
    "  ".repeat(depth as usize)
}

fn call(row: &CallRow) -> String {
    format!(
        "{}{}:{} calls={} errors={} total={} own={} longest={} critical={}",
        indent(row.depth),
        row.service,
        row.name,
        row.calls,
        row.errors,
        ns(row.total),
        ns(row.own),
        ns(row.longest),
        row.critical
    )
}

fn bar(row: &CallRow) -> String {
    format!(
        "{}{}:{} {}",
        indent(row.depth),
        row.service,
        row.name,
        ns(row.weight)
    )
}

fn compared(before: &str, after: &str, traces: &[Named]) -> Vec<String> {
    let (a, b) = (calls(before, traces), calls(after, traces));
    let rows = compare((&a.0, a.1), (&b.0, b.1));
    let line = |r: &bongsu::model::trace_report::Compared| {
        let sign = if r.slower() < 0 { "-" } else { "+" };
        format!(
            "{}{}:{} calls={}/{} errors={}/{} mean={}/{} own={}/{} {sign}{}",
            indent(r.depth),
            r.service,
            r.name,
            r.before.calls,
            r.after.calls,
            r.before.errors,
            r.after.errors,
            ns(r.before.mean),
            ns(r.after.mean),
            ns(r.before.own_per_trace),
            ns(r.after.own_per_trace),
            ns(r.slower().unsigned_abs())
        )
    };
    rows.iter().map(line).collect()
}

fn groups(kind: &ReportKind, traces: &[Named]) -> Vec<String> {
    let rows = match part(kind, "", traces) {
        Ok((ReportPart::By(rows), _)) => rows,
        Err(said) => return vec![format!("fails: {said}")],
        other => panic!("{other:?}"),
    };
    let line = |r: &bongsu::model::trace_report::GroupRow| {
        let values = r.values.iter().map(|v| v.as_deref().unwrap_or("(none)"));
        format!(
            "{}: traces={} spans={} errors={} total={} own={} p50={} p95={} longest={}",
            values.collect::<Vec<_>>().join(" | "),
            r.traces,
            r.spans,
            r.errors,
            ns(r.total),
            ns(r.own),
            ns(r.p50),
            ns(r.p95),
            ns(r.longest)
        )
    };
    rows.iter().map(line).collect()
}

fn load(load: Load) -> String {
    format!(
        "requests={} errors={} p95={}",
        load.requests,
        load.errors,
        ns(load.p95)
    )
}

fn map(traces: &[Named]) -> Vec<String> {
    let Ok((ReportPart::Map(map), _)) = part(&ReportKind::Map, "", traces) else {
        panic!("no map");
    };
    let nodes = map
        .nodes
        .iter()
        .map(|n| format!("{} {}: {}", n.kind.as_str(), n.name, load(n.load)));
    let name = |i: u32| map.nodes[i as usize].name.as_str();
    let edges = map
        .edges
        .iter()
        .map(|e| format!("{} -> {}: {}", name(e.from), name(e.to), load(e.load)));
    nodes.chain(edges).collect()
}

fn dots(columns: u16, traces: &[Named]) -> Vec<String> {
    let end = traces.iter().map(|t| t.trace.bounds().1).max().unwrap_or(0);
    let kind = ReportKind::Dots {
        from: 0,
        to: end,
        columns,
    };
    let Ok((ReportPart::Dots(dots), _)) = part(&kind, "", traces) else {
        panic!("no dots");
    };
    let line = |d: &bongsu::model::trace_report::Dot| {
        format!(
            "column {} from {}: good={} failed={}",
            d.column,
            ns(level_start(d.level)),
            d.good,
            d.failed
        )
    };
    dots.dots.iter().map(line).collect()
}
