//! `bongsu logs`: log lines, or numbers from them, on standard output.

use crate::app::launch::Arguments;
use crate::app::once;
use crate::base::clock::Clock;
use crate::base::text;
use crate::base::units;
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
    /// For numbers: one at each step from --from to --to, instead of one at --to
    #[arg(long, value_name = "D")]
    step: Option<String>,
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
    /// time, level, labels, line; of numbers: series, time, value
    Csv,
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
        logql::Composed::of_query(words)
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
        if args.follow {
            bail!("numbers cannot be followed; leave out --follow, or ask for lines");
        }
        query.instant = args.step.is_none();
        if let Some(step) = &args.step {
            query.step = units::parse_duration_ms(step)? * MS;
        }
    } else if args.step.is_some() {
        bail!("--step is for numbers over time: count_over_time({{app=\"x\"}}[5m])");
    }
    let follow = args.follow.then_some(FollowQuery {
        expr: composed.expr,
        levels: composed.levels,
        after: None,
        limit: 1000,
    });
    let mut out = Out {
        format: args.format,
        terminal: print::to_terminal(),
        head: args.format == Format::Csv,
    };
    once::logs(&launch, query, follow, &mut |answer| out.show(answer))?;
    Ok(ExitCode::SUCCESS)
}

/// How answers are printed.
struct Out {
    format: Format,
    /// What a terminal would obey must not reach it.
    terminal: bool,
    /// The names of the columns are still to be said.
    head: bool,
}

impl Out {
    /// Oldest first, as a log is read; false where nobody reads any more.
    fn show(&mut self, answer: &LogsAnswer) -> bool {
        for warning in answer.notes.warnings.iter().chain(&answer.notes.infos) {
            print::error(&format!("bongsu: {warning}"));
        }
        let value = match &answer.value {
            LogsValue::Lines(lines) => {
                let mut text = String::new();
                if std::mem::take(&mut self.head) {
                    text.push_str("time,level,labels,line\n");
                }
                text.extend(lines.iter().rev().map(|line| self.line(line)));
                return print::is_read(&text);
            }
            LogsValue::Scalar(sample) => Value::Scalar(*sample),
            LogsValue::Vector(points) => Value::Vector(points.clone()),
            LogsValue::Matrix(all) => Value::Matrix(all.clone()),
        };
        match self.format {
            Format::Json => {
                print::bytes(&loki_json::query(answer, Encoding::Together));
                print::is_read("\n")
            }
            Format::Csv => print::is_read(&csv(&value)),
            Format::Text | Format::Raw => print::is_read(&table(&value)),
        }
    }

    fn line(&self, line: &LogLine) -> String {
        match self.format {
            Format::Raw if self.terminal => {
                let parts: Vec<_> = line.line.lines().map(text::display).collect();
                format!("{}\n", parts.join("\n"))
            }
            Format::Raw => format!("{}\n", line.line),
            Format::Csv => {
                let (time, level) = (clock(line.t), line.level.as_str());
                let labels = quoted(&line.labels().to_string());
                let said = if self.terminal {
                    quoted(&text::display(&line.line))
                } else {
                    quoted(&line.line)
                };
                format!("{time},{level},{labels},{said}\n")
            }
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
}

/// A field of CSV, quoted where it must be (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

fn csv(value: &Value) -> String {
    let mut out = String::from("series,time,value\n");
    let mut row = |series: &str, t: i64, v: f64| {
        let time = clock(t * MS);
        out.push_str(&format!("{},{time},{v}\n", quoted(series)));
    };
    match value {
        Value::Scalar(sample) => row("", sample.t, sample.v),
        Value::Vector(points) => {
            for point in points {
                row(&point.labels.to_string(), point.sample.t, point.sample.v);
            }
        }
        Value::Matrix(all) => {
            for series in all {
                let name = series.labels.to_string();
                series.samples.iter().for_each(|s| row(&name, s.t, s.v));
            }
        }
        Value::Text { .. } => {}
    }
    out
}

/// With the server's offset, so that the line stands for itself.
fn clock(ns: i64) -> String {
    let at = Local.timestamp_nanos(ns);
    at.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}
