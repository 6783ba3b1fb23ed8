//! The functions that templates of rules call, by the names of Prometheus.

use crate::alert::expand::number::{four_digits, humanize, humanize_1024, humanize_duration};
use crate::alert::expand::{Context, MOST_QUERIES, label_map};
use crate::alert::rule;
use crate::alert::{Question, SPAN_WINDOW_MS};
use crate::base::regex::Regex;
use crate::base::template::{
    Functions, Scope, Value, duration, list, number, shown, structure, text, time_value,
};
use crate::base::units::parse_duration_ms;
use crate::model::alert::Language;
use crate::model::answer::VectorPoint;
use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Series that one query of a template may return.
const MOST_SERIES: usize = 10_000;

type Done = Result<Value, String>;

pub(crate) fn table() -> Functions {
    texts(numbers(samples(Functions::new())))
}

fn samples(functions: Functions) -> Functions {
    functions
        .with("query", |scope, args| query(scope, text(args, 0)?))
        .with("first", |_, args| match args.first() {
            Some(Value::List(items)) => items
                .first()
                .cloned()
                .ok_or_else(|| "first() called on vector with no elements".to_owned()),
            _ => Err("first needs what query returned".to_owned()),
        })
        .with("label", |_, args| {
            let name = text(args, 0)?;
            label(args.get(1), name)
        })
        .with("value", |_, args| field(args.first(), "Value"))
        .with("strvalue", |_, args| label(args.first(), "__value__"))
        .with("sortByLabel", |_, args| {
            let name = text(args, 0)?.to_owned();
            let Some(Value::List(items)) = args.get(1) else {
                return Err("sortByLabel needs what query returned".to_owned());
            };
            let key = |v: &Value| label(Some(v), &name).map(|v| shown(&v));
            let mut keyed = Vec::with_capacity(items.len());
            for item in items.iter() {
                keyed.push((key(item)?, item.clone()));
            }
            keyed.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(list(keyed.into_iter().map(|(_, v)| v)))
        })
        .with("args", |_, args| {
            let named = args.iter().enumerate();
            let named = named.map(|(i, v)| (format!("arg{i}"), v.clone()));
            Ok(crate::base::template::map(named))
        })
        .with("tmpl", |_, _| {
            Err("tmpl is of console templates; a rule has no other templates to call".to_owned())
        })
}

fn numbers(functions: Functions) -> Functions {
    let print = |print: fn(f64) -> String| {
        move |_: &Scope, args: &[Value]| Ok(say(&print(number_of(args.first())?)))
    };
    functions
        .with("humanize", print(humanize))
        .with("humanize1024", print(humanize_1024))
        .with("humanizeDuration", print(humanize_duration))
        .with(
            "humanizePercentage",
            print(|v| format!("{}%", four_digits(v * 100.0))),
        )
        .with("humanizeTimestamp", |_, args| {
            let v = number_of(args.first())?;
            if !v.is_finite() {
                return Ok(say(&four_digits(v)));
            }
            Ok(say(&shown(&instant(v)?)))
        })
        .with("toTime", |_, args| instant(number_of(args.first())?))
        .with("toDuration", |_, args| {
            let v = number_of(args.first())? * 1e9;
            if v.abs() >= i64::MAX as f64 || v.is_nan() {
                return Err(format!("{} s is no duration", v / 1e9));
            }
            Ok(duration(v as i64))
        })
        .with("now", |scope, _| {
            Ok(Value::Float(context(scope)?.t as f64 / 1000.0))
        })
        .with("parseDuration", |_, args| {
            let ms = parse_duration_ms(text(args, 0)?).map_err(|e| e.to_string())?;
            Ok(Value::Float(ms as f64 / 1000.0))
        })
}

fn texts(functions: Functions) -> Functions {
    let same = |change: fn(&str) -> String| {
        move |_: &Scope, args: &[Value]| Ok(say(&change(text(args, 0)?)))
    };
    functions
        .with("title", same(title))
        .with("toUpper", same(|t| t.to_uppercase()))
        .with("toLower", same(|t| t.to_lowercase()))
        .with("safeHtml", same(str::to_owned))
        .with("stripPort", same(strip_port))
        .with("stripDomain", same(strip_domain))
        .with("urlQueryEscape", same(query_escape))
        .with("graphLink", same(|expr| graph_link(expr, 0)))
        .with("tableLink", same(|expr| graph_link(expr, 1)))
        .with("match", |_, args| {
            let pattern = Regex::new(text(args, 0)?).map_err(|e| e.to_string())?;
            Ok(Value::Bool(pattern.is_match(text(args, 1)?)))
        })
        .with("reReplaceAll", |_, args| {
            let pattern = Regex::new(text(args, 0)?).map_err(|e| e.to_string())?;
            let (to, from) = (text(args, 1)?, text(args, 2)?);
            let compiled = pattern.compiled().ok_or("the expression is too large")?;
            Ok(say(&compiled.replace_all(from, to)))
        })
        .with("externalURL", |scope, _| {
            Ok(say(&context(scope)?.external_url))
        })
        .with("pathPrefix", |scope, _| {
            let context = context(scope)?;
            let after = context.external_url.split_once("://");
            let after = after.map_or("", |(_, rest)| rest);
            Ok(say(after.find('/').map_or("", |at| &after[at..])))
        })
}

fn say(text: &str) -> Value {
    Value::String(text.into())
}

fn context(scope: &Scope) -> Result<Arc<Context>, String> {
    scope
        .context::<Context>()
        .ok_or_else(|| "there is nothing to ask here".to_owned())
}

/// The samples of a query, each with `.Labels` and `.Value`.
fn query(scope: &Scope, expr: &str) -> Done {
    let context = context(scope)?;
    if context.queries.fetch_add(1, Ordering::Relaxed) >= MOST_QUERIES {
        let most = MOST_QUERIES;
        return Err(format!(
            "the templates of this rule ask more than {most} queries"
        ));
    }
    let points = rule::ask(
        &context.ask,
        &Question {
            language: context.language,
            expr,
            t: context.t,
            lookback: (context.language == Language::TraceQl).then_some(SPAN_WINDOW_MS),
        },
    )?;
    if points.len() > MOST_SERIES {
        let n = points.len();
        return Err(format!(
            "the query returns {n} series; at most {MOST_SERIES}"
        ));
    }
    let sample = |point: VectorPoint| {
        structure(
            "sample",
            [
                ("Labels", label_map(&point.labels)),
                ("Value", Value::Float(point.sample.v)),
            ],
        )
    };
    Ok(list(points.into_iter().map(sample)))
}

fn field(value: Option<&Value>, name: &str) -> Done {
    match value {
        Some(Value::Map(fields)) => fields
            .get(name)
            .cloned()
            .ok_or_else(|| "this is no sample of a query".to_owned()),
        _ => Err("this is no sample of a query".to_owned()),
    }
}

/// A label of a sample; empty where it has none of that name.
fn label(sample: Option<&Value>, name: &str) -> Done {
    match field(sample, "Labels")? {
        Value::Map(labels) => Ok(labels.get(name).cloned().unwrap_or_else(|| say(""))),
        _ => Err("this is no sample of a query".to_owned()),
    }
}

fn number_of(value: Option<&Value>) -> Result<f64, String> {
    match value {
        Some(value) => number(std::slice::from_ref(value), 0),
        None => Err("a number is missing".to_owned()),
    }
}

/// Seconds since the epoch as a time.
fn instant(seconds: f64) -> Done {
    let nanos = seconds * 1e9;
    if !nanos.is_finite() || nanos.abs() >= i64::MAX as f64 {
        return Err(format!(
            "{seconds} cannot be represented as a nanoseconds timestamp since it overflows int64"
        ));
    }
    let at: DateTime<Utc> = DateTime::from_timestamp_nanos(nanos as i64);
    Ok(time_value(at.fixed_offset(), "UTC"))
}

/// The first letter of each word in upper case.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.push(c);
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric() || c == '_' || c == '\'';
    }
    out
}

/// `host:port` and `[host]:port`; `None` where the text is neither.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => Some((inner.strip_suffix(']')?, port)),
        None => (!host.contains([':', '[', ']'])).then_some((host, port)),
    }
}

fn strip_port(text: &str) -> String {
    split_port(text).map_or(text, |(host, _)| host).to_owned()
}

/// `web1.example.org:9100` is `web1:9100`; addresses stay.
fn strip_domain(text: &str) -> String {
    let (host, port) = match split_port(text) {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if IpAddr::from_str(host).is_ok() || SocketAddr::from_str(text).is_ok() {
        return text.to_owned();
    }
    let host = host.split('.').next().unwrap_or_default();
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Go's `url.QueryEscape`.
pub(crate) fn query_escape(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED)
        .to_string()
        .replace("%20", "+")
}

/// The path of an expression's graph, or of its table.
pub(crate) fn graph_link(expr: &str, tab: u8) -> String {
    format!("/graph?g0.expr={}&g0.tab={tab}", query_escape(expr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_ports_and_domains() {
        for (text, port, domain) in [
            ("web1.example.org:9100", "web1.example.org", "web1:9100"),
            ("web1", "web1", "web1"),
            ("10.0.0.1:80", "10.0.0.1", "10.0.0.1:80"),
            ("[::1]:80", "::1", "[::1]:80"),
            ("::1", "::1", "::1"),
        ] {
            assert_eq!(strip_port(text), port);
            assert_eq!(strip_domain(text), domain);
        }
    }

    #[test]
    fn links_are_escaped_as_go_escapes() {
        assert_eq!(
            graph_link("up == 0 and a{b=\"c\"}", 1),
            "/graph?g0.expr=up+%3D%3D+0+and+a%7Bb%3D%22c%22%7D&g0.tab=1"
        );
        assert_eq!(title("aa bb-cc"), "Aa Bb-Cc");
    }
}
