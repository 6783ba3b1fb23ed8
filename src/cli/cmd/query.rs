//! `bongsu query`: one PromQL question, answered on standard output.

use crate::app::launch::Arguments;
use crate::app::once;
use crate::base::clock::Clock;
use crate::base::units::parse_duration_ms;
use crate::cli::print;
use crate::model::answer::{PromAnswer, Value};
use crate::model::request::PromQuery;
use crate::model::sample::Sample;
use crate::model::time::Steps;
use crate::wire::prom_json;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The PromQL expression
    expr: String,
    /// The time: RFC 3339, unix seconds, now, now-1h
    #[arg(long, value_name = "T", default_value = "now", conflicts_with_all = ["from", "to", "step"])]
    at: String,
    /// The beginning of a range
    #[arg(long, value_name = "T", requires = "step")]
    from: Option<String>,
    /// The end of a range
    #[arg(long, value_name = "T", default_value = "now")]
    to: String,
    /// The distance of two points: 15s, 5m
    #[arg(long, value_name = "D", requires = "from")]
    step: Option<String>,
    /// Ask this server, which speaks Prometheus' API
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
    Csv,
}

pub(crate) fn run(arguments: Arguments, args: &QueryArgs) -> anyhow::Result<ExitCode> {
    let query = question(args, Clock::System.now_ms())?;
    if let Some(url) = &args.url {
        let body = once::query_url(url, &query)?;
        if args.format == Format::Json {
            print::bytes(&body);
            print::out("\n");
            let good = prom_json::read::query(&body).is_ok();
            return Ok(if good {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        let answer = prom_json::read::query(&body)?;
        return Ok(show(&answer, args.format));
    }
    let answer = once::query(&arguments.prepare()?, query)?;
    Ok(show(&answer, args.format))
}

fn show(answer: &PromAnswer, format: Format) -> ExitCode {
    for warning in answer.notes.warnings.iter().chain(&answer.notes.infos) {
        print::error(&format!("bongsu: {warning}"));
    }
    match format {
        Format::Json => {
            print::bytes(&once::envelope(answer));
            print::out("\n");
        }
        Format::Table => print::out(&table(&answer.value)),
        Format::Csv => print::out(&csv(&answer.value)),
    }
    ExitCode::SUCCESS
}

fn question(args: &QueryArgs, now: i64) -> anyhow::Result<PromQuery> {
    let steps = match (&args.from, &args.step) {
        (Some(from), Some(step)) => {
            let step = parse_duration_ms(step).or_else(|e| {
                let seconds = step.parse::<f64>().map_err(|_| e)?;
                Ok::<i64, crate::base::units::UnitError>((seconds * 1000.0) as i64)
            })?;
            let steps = Steps {
                start: time(from, now)?,
                end: time(&args.to, now)?,
                step,
            };
            if steps.step <= 0 || steps.end < steps.start {
                bail!("--from must lie before --to, and --step above zero");
            }
            steps
        }
        _ => Steps::at(time(&args.at, now)?),
    };
    Ok(PromQuery {
        expr: args.expr.clone(),
        steps,
        instant: args.from.is_none(),
        live: false,
        timeout_ms: None,
        lookback_ms: None,
    })
}

/// RFC 3339, unix seconds, `now`, `now-1h`.
pub(crate) fn time(text: &str, now: i64) -> anyhow::Result<i64> {
    if text == "now" {
        return Ok(now);
    }
    if let Some(back) = text.strip_prefix("now-") {
        return Ok(now - parse_duration_ms(back)?);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1000.0).round() as i64);
    }
    let time = chrono::DateTime::parse_from_rfc3339(text).with_context(|| {
        format!("{text:?} is not a time; write 2026-11-21T10:00:00Z, unix seconds or now-1h")
    })?;
    Ok(time.timestamp_millis())
}

/// Rows of series, time and value.
fn rows(value: &Value) -> Vec<(String, Sample)> {
    match value {
        Value::Scalar(sample) => vec![("scalar".to_owned(), *sample)],
        Value::Text { .. } => Vec::new(),
        Value::Vector(points) => points
            .iter()
            .map(|p| (p.labels.to_string(), p.sample))
            .collect(),
        Value::Matrix(all) => all
            .iter()
            .flat_map(|s| s.samples.iter().map(|v| (s.labels.to_string(), *v)))
            .collect(),
    }
}

pub(crate) fn table(value: &Value) -> String {
    if let Value::Text { text, .. } = value {
        return format!("{text}\n");
    }
    let row =
        |(labels, sample): (String, Sample)| vec![labels, shown_time(sample.t), number(sample.v)];
    let rows: Vec<Vec<String>> = rows(value).into_iter().map(row).collect();
    print::table(&["series", "time", "value"], &rows)
}

/// RFC 4180, with a head.
fn csv(value: &Value) -> String {
    let mut out = String::from("series,time,value\r\n");
    if let Value::Text { t, text } = value {
        out.push_str(&format!("{},{},\r\n", quoted(text), shown_time(*t)));
    }
    for (labels, sample) in rows(value) {
        let (time, value) = (shown_time(sample.t), number(sample.v));
        out.push_str(&format!("{},{time},{value}\r\n", quoted(&labels)));
    }
    out
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// With the server's offset, so that the line stands for itself.
pub(crate) fn shown_time(ms: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.with_timezone(&chrono::Local)
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, false)
}

fn number(v: f64) -> String {
    let mut out = Vec::new();
    prom_json::number::push_value(&mut out, v);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::answer::VectorPoint;
    use crate::model::labels::Labels;

    #[test]
    fn times_are_read() {
        for (text, want) in [
            ("now", 1_000_000),
            ("now-10s", 990_000),
            ("1.5", 1_500),
            ("1970-01-01T00:00:02Z", 2_000),
            ("1970-01-01T01:00:02+01:00", 2_000),
        ] {
            assert_eq!(time(text, 1_000_000).unwrap(), want, "{text}");
        }
        assert!(time("yesterdayish", 0).is_err());
    }

    #[test]
    fn csv_is_quoted() {
        let value = Value::Vector(vec![VectorPoint {
            labels: Labels::from_pairs([("__name__", "up"), ("job", "a")]),
            sample: Sample { t: 0, v: 1.5 },
        }]);
        let text = csv(&value);
        let line = text.lines().nth(1).unwrap();
        assert!(
            line.starts_with("\"up{job=\"\"a\"\"}\",1970-01-01T"),
            "{line}"
        );
        assert!(line.ends_with(",1.5"));
    }
}
