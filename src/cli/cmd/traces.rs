//! `bongsu traces` and `bongsu trace`: spans that were kept, on standard output.

mod report;

use crate::app::launch::{Arguments, Launch};
use crate::app::once;
use crate::base::clock::Clock;
use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::cli::cmd::query::{shown_time, time};
use crate::cli::print;
use crate::model::answer::{Answer, Notes, TraceHit};
use crate::model::request::{SpanRequest, TraceOrder, TraceQuery};
use crate::model::span::{Trace, TraceId};
use crate::model::span_tree::SpanTree;
use crate::model::trace_report::{ReportKind, TracePick};
use crate::wire::{otlp, tempo_json};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct TracesArgs {
    /// TraceQL: `{ status = error && duration > 200ms }`
    #[arg(default_value = "{ }")]
    query: String,
    /// The earliest start: RFC 3339, unix seconds, now, now-1h
    #[arg(long, value_name = "T", default_value = "now-1h")]
    from: String,
    /// The latest start
    #[arg(long, value_name = "T", default_value = "now")]
    to: String,
    /// Traces at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Which come first
    #[arg(long, value_enum, default_value_t)]
    order: Order,
    /// What the spans of the newest of them did together, instead of a list
    #[arg(long, value_enum, value_name = "WHAT")]
    report: Option<Report>,
    /// Statistics of their spans by the values of a field: name, .http.route
    #[arg(long, value_name = "FIELD", conflicts_with = "report")]
    by: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// The trace's id, in hexadecimal
    id: String,
    #[arg(long, value_enum, default_value_t)]
    format: TraceFormat,
    /// Call by call beside another trace
    #[arg(long, value_name = "ID", conflicts_with = "format")]
    compare: Option<String>,
}

/// What several traces did together.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Report {
    /// The call tree
    Calls,
    /// Services and what they call
    Map,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Order {
    #[default]
    Newest,
    Slowest,
    Spans,
    Errors,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum TraceFormat {
    #[default]
    Tree,
    /// Every path of calls once
    Calls,
    /// OTLP
    Json,
}

pub(crate) fn search(arguments: Arguments, args: &TracesArgs) -> anyhow::Result<ExitCode> {
    let now = Clock::System.now_ms();
    let ns = |text: &str| anyhow::Ok(u64::try_from(time(text, now)?).unwrap_or(0) * 1_000_000);
    let asked = TraceQuery {
        query: args.query.clone(),
        from: ns(&args.from)?,
        to: ns(&args.to)?,
        limit: args.limit,
        per_set: 3,
        order: match args.order {
            Order::Newest => TraceOrder::Newest,
            Order::Slowest => TraceOrder::Slowest,
            Order::Spans => TraceOrder::Spans,
            Order::Errors => TraceOrder::Errors,
        },
        shortest: None,
        longest: None,
    };
    let launch: Launch = arguments.prepare()?;
    let kind = match (&args.by, args.report) {
        (Some(field), _) => Some(ReportKind::By {
            fields: vec![field.clone()],
            entries: false,
        }),
        (_, Some(Report::Calls)) => Some(ReportKind::Calls),
        (_, Some(Report::Map)) => Some(ReportKind::Map),
        (None, None) => None,
    };
    if let Some(kind) = kind {
        let limit = asked.limit.max(report::LOOKED_AT);
        let of = TracePick::Found(TraceQuery { limit, ..asked });
        report::print(&launch, of, kind, args.format == Format::Json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Answer::Traces(answer) = once::spans(&launch, SpanRequest::Search(asked))? else {
        bail!("the engine answered another question");
    };
    warn(&answer.notes);
    if args.format == Format::Json {
        print::out(&format!("{}\n", tempo_json::search(&answer)));
        return Ok(ExitCode::SUCCESS);
    }
    let head = [
        "trace", "start", "service", "root", "duration", "spans", "errors",
    ];
    let rows: Vec<Vec<String>> = answer.traces.iter().map(row).collect();
    print::out(&print::table(&head, &rows));
    Ok(ExitCode::SUCCESS)
}

fn warn(notes: &Notes) {
    for warning in &notes.warnings {
        print::error(&format!("bongsu: {warning}"));
    }
}

fn row(hit: &TraceHit) -> Vec<String> {
    let clean =
        |t: &Option<String>, or: &str| text::sanitise(t.as_deref().unwrap_or(or)).into_owned();
    vec![
        hit.id.to_string(),
        shown_time((hit.start / 1_000_000) as i64),
        clean(&hit.root_service, "-"),
        clean(&hit.root_name, "root span not yet received"),
        format_nanoseconds(hit.duration),
        hit.spans.to_string(),
        hit.errors.to_string(),
    ]
}

pub(crate) fn show(arguments: Arguments, args: &TraceArgs) -> anyhow::Result<ExitCode> {
    let read = |text: &str| {
        TraceId::parse(text)
            .with_context(|| format!("{text:?} is no trace id: write up to 32 hexadecimal digits"))
    };
    let id = read(&args.id)?;
    let other = args.compare.as_deref().map(read).transpose()?;
    let launch: Launch = arguments.prepare()?;
    if let Some(other) = other {
        report::compare(&launch, id, other)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.format == TraceFormat::Calls {
        let of = TracePick::Ids(vec![id]);
        report::print(&launch, of, ReportKind::Calls, false)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Answer::Trace(found, notes) = once::spans(&launch, SpanRequest::Trace { id })? else {
        bail!("the engine answered another question");
    };
    warn(&notes);
    let Some(trace) = found else {
        bail!("trace {id} is not here");
    };
    if args.format == TraceFormat::Json {
        let value = serde_json::json!({"resourceSpans": otlp::to_json(&trace)});
        print::out(&format!("{value}\n"));
    } else {
        print::out(&tree(&trace));
    }
    Ok(ExitCode::SUCCESS)
}

/// One line a span, children below their parents: offset, duration, own time, service, kind, status;
/// a star for what the end of the trace waited for.
fn tree(trace: &Trace) -> String {
    let tree = SpanTree::new(trace);
    let critical = tree.critical();
    let (start, _) = trace.bounds();
    let mut rows = Vec::new();
    for (i, depth) in tree.downwards() {
        let span = tree.span(i);
        let name = text::sanitise(&span.name);
        let star = if critical[i as usize] { " *" } else { "" };
        rows.push(vec![
            format!("{}{name}{star}", "  ".repeat(depth.min(40) as usize)),
            text::sanitise(span.service()).into_owned(),
            format!("+{}", format_nanoseconds(span.start - start)),
            format_nanoseconds(span.duration()),
            format_nanoseconds(tree.own(i)),
            span.kind.as_str().to_owned(),
            if span.is_error() {
                format!("error {}", text::sanitise(&span.status_message))
            } else {
                String::new()
            },
        ]);
    }
    print::table(
        &[
            "span", "service", "start", "duration", "own", "kind", "status",
        ],
        &rows,
    )
}
