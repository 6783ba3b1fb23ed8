//! `bongsu traces` and `bongsu trace`: spans that were kept, on standard output.

use crate::app::launch::{Arguments, Launch};
use crate::app::once;
use crate::base::clock::Clock;
use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::cli::cmd::query::{shown_time, time};
use crate::cli::print;
use crate::model::answer::{Answer, Notes, TraceHit};
use crate::model::request::{SpanRequest, TraceOrder, TraceQuery};
use crate::model::span::{Trace, TraceId, parents};
use crate::wire::{otlp, tempo_json};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::collections::HashMap;
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
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// The trace's id, in hexadecimal
    id: String,
    #[arg(long, value_enum, default_value_t)]
    format: TraceFormat,
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
    let id = TraceId::parse(&args.id).with_context(|| {
        format!(
            "{:?} is no trace id: write up to 32 hexadecimal digits",
            args.id
        )
    })?;
    let launch: Launch = arguments.prepare()?;
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

/// One line a span, children below their parents: offset, duration, service, name, status.
fn tree(trace: &Trace) -> String {
    let mut children: HashMap<Option<u32>, Vec<u32>> = HashMap::new();
    for (i, above) in parents(&trace.spans).into_iter().enumerate() {
        children.entry(above).or_default().push(i as u32);
    }
    let (start, _) = trace.bounds();
    let mut rows = Vec::new();
    let mut stack: Vec<(u32, usize)> = Vec::new();
    let below = |of: Option<u32>| children.get(&of).into_iter().flatten().rev().copied();
    stack.extend(below(None).map(|i| (i, 0)));
    while let Some((i, depth)) = stack.pop() {
        let span = &trace.spans[i as usize];
        let name = text::sanitise(&span.name);
        rows.push(vec![
            format!("{}{name}", "  ".repeat(depth.min(40))),
            text::sanitise(span.service()).into_owned(),
            format!("+{}", format_nanoseconds(span.start - start)),
            format_nanoseconds(span.duration()),
            span.kind.as_str().to_owned(),
            if span.is_error() {
                format!("error {}", text::sanitise(&span.status_message))
            } else {
                String::new()
            },
        ]);
        stack.extend(below(Some(i)).map(|i| (i, depth + 1)));
    }
    print::table(
        &["span", "service", "start", "duration", "kind", "status"],
        &rows,
    )
}
