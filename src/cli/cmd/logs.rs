//! `bongsu logs`: log lines, or numbers from them, on standard output.

use crate::app::launch::Arguments;
use crate::app::once;
use crate::base::clock::Clock;
use crate::base::text;
use crate::cli::cmd::query::{table, time};
use crate::cli::print;
use crate::model::answer::{LogLine, LogsAnswer, LogsValue, Value};
use crate::model::log_entry::NanoRange;
use crate::model::request::{FollowQuery, LogsQuery};
use crate::query::syntax::logql;
use crate::wire::loki_json::{self, Encoding};
use anyhow::bail;
use chrono::{Local, TimeZone};
use clap::{Args, ValueEnum};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// LogQL, or words: timeout !health /regex/ level:error label=value
    query: Vec<String>,
    /// The beginning: RFC 3339, unix seconds, now-1h
    #[arg(long, value_name = "T", default_value = "now-1h")]
    from: String,
    /// The end
    #[arg(long, value_name = "T", default_value = "now")]
    to: String,
    /// Lines at most: the newest are shown
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Go on with lines as they come, until Ctrl-C
    #[arg(long, short, conflicts_with = "to")]
    follow: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Time, level, stream and line
    #[default]
    Text,
    /// The line alone, as it was written
    Raw,
    /// One JSON object a line; numbers as Loki answers them
    Json,
}

const MS: i64 = 1_000_000;

pub(crate) fn run(arguments: Arguments, args: &LogsArgs) -> anyhow::Result<ExitCode> {
    let launch = arguments.prepare()?;
    let now = Clock::System.now_ms();
    let (from, to) = (time(&args.from, now)?, time(&args.to, now)?);
    if to < from {
        bail!("--from must lie before --to");
    }
    let words = args.query.join(" ");
    let terms = logql::read(&words);
    let all: Vec<_> = terms.iter().collect();
    let is_query = logql::is_query(&words);
    let composed = if is_query {
        logql::Composed {
            expr: words,
            levels: crate::model::log_entry::LevelSet::ALL,
        }
    } else {
        let labels = if terms.iter().any(logql::Term::is_label) {
            once::log_labels(&launch)?
        } else {
            Vec::new()
        };
        logql::compose(&all, &labels)
    };
    let range = NanoRange::new(from * MS, to * MS);
    let mut query = LogsQuery::newest(composed.expr.clone(), range, args.limit);
    query.levels = composed.levels;
    if is_query && !logql::is_log(&composed.expr)? {
        query.instant = true;
    }
    let follow = args.follow.then_some(FollowQuery {
        expr: composed.expr,
        levels: composed.levels,
        after: None,
        limit: 1000,
    });
    once::logs(&launch, query, follow, &mut |answer| {
        show(answer, args.format);
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Oldest first, as a log is read.
fn show(answer: &LogsAnswer, format: Format) {
    for warning in answer.notes.warnings.iter().chain(&answer.notes.infos) {
        print::error(&format!("bongsu: {warning}"));
    }
    let value = match &answer.value {
        LogsValue::Lines(lines) => {
            let text: String = lines.iter().rev().map(|line| shown(line, format)).collect();
            return print::out(&text);
        }
        LogsValue::Scalar(sample) => Value::Scalar(*sample),
        LogsValue::Vector(points) => Value::Vector(points.clone()),
        LogsValue::Matrix(all) => Value::Matrix(all.clone()),
    };
    if format == Format::Json {
        print::bytes(&loki_json::query(answer, Encoding::Together));
        print::out("\n");
    } else {
        print::out(&table(&value));
    }
}

fn shown(line: &LogLine, format: Format) -> String {
    match format {
        Format::Raw => format!("{}\n", line.line),
        Format::Json => {
            let object = serde_json::json!({
                "t": line.t.to_string(),
                "time": clock(line.t),
                "level": line.level,
                "labels": line.labels(),
                "line": line.line,
            });
            format!("{object}\n")
        }
        // What a terminal would obey is shown instead; line breaks inside a line stay.
        Format::Text => {
            let parts: Vec<_> = line.line.lines().map(text::display).collect();
            let labels = line.labels().to_string();
            let (time, level) = (clock(line.t), line.level.as_str());
            let labels = text::display(&labels);
            format!("{time} {level:8} {labels} {}\n", parts.join("\n    "))
        }
    }
}

/// With the server's offset, so that the line stands for itself.
fn clock(ns: i64) -> String {
    let at = Local.timestamp_nanos(ns);
    at.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}
