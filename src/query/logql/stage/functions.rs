//! The functions of `line_format` and `label_format`: Loki's own and those it takes from sprig.

use crate::base::clock::Clock;
use crate::base::regex::Regex;
use crate::base::template::cast::{float, is_set, of_json, said, whole};
use crate::base::template::{Functions, Scope, Value, parse_shown_time};
use crate::base::template::{format_time, time_value};
use crate::query::logql::stage::{decimal, quantity};
use crate::wire::go_time;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chrono::{DateTime, FixedOffset, TimeZone, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::sync::Arc;

/// What functions know of the line.
pub(crate) struct Context {
    pub(crate) line: Arc<str>,
    /// Nanoseconds since the Unix epoch.
    pub(crate) t: i64,
}

type Given = Result<Value, String>;
type Body = fn(&Scope, &[Value]) -> Given;

/// Name, the fewest and the most arguments, and what it does.
type Row = (&'static str, usize, usize, Body);

const ANY: usize = 64;

/// How much a function may be told to repeat or to indent.
const MOST: i64 = 10_000;

pub(crate) fn table() -> Functions {
    add_to(Functions::new())
}

/// The same, into a table that has others.
pub(crate) fn add_to(mut functions: Functions) -> Functions {
    for (name, least, most, body) in LINES.iter().chain(TEXTS).chain(NUMBERS).chain(TIMES) {
        let (name, least, most, body) = (*name, *least, *most, *body);
        functions = functions.with(name, move |scope, args| {
            if args.len() < least || args.len() > most {
                let got = args.len();
                return Err(format!(
                    "wrong number of args for {name}: want {least} got {got}"
                ));
            }
            // Go hands nothing to what needs a text.
            let texts = TEXTS.iter().chain(TIMES).any(|row| row.0 == name);
            if texts && args.iter().any(|a| matches!(a, Value::Nil)) {
                return Err(format!("invalid value for {name}; expected string"));
            }
            body(scope, args)
        });
    }
    functions
}

const LINES: &[Row] = &[
    ("__line__", 0, 0, |scope, _| {
        let context = scope.context::<Context>();
        Ok(string(context.as_ref().map_or("", |c| &c.line)))
    }),
    ("__timestamp__", 0, 0, |scope, _| {
        let t = scope.context::<Context>().map_or(0, |c| c.t);
        Ok(utc(Utc.timestamp_nanos(t)))
    }),
    ("fromJson", 1, 1, |_, a| {
        let text = said(a, 0);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(of_json(&read))
    }),
    ("default", 1, 2, |_, a| {
        let given = a.get(1).filter(|v| is_set(v));
        Ok(given.unwrap_or(&a[0]).clone())
    }),
];

const TEXTS: &[Row] = &[
    ("ToLower", 1, 1, |_, a| {
        Ok(string(&said(a, 0).to_lowercase()))
    }),
    ("lower", 1, 1, |_, a| Ok(string(&said(a, 0).to_lowercase()))),
    ("ToUpper", 1, 1, |_, a| {
        Ok(string(&said(a, 0).to_uppercase()))
    }),
    ("upper", 1, 1, |_, a| Ok(string(&said(a, 0).to_uppercase()))),
    ("title", 1, 1, |_, a| Ok(string(&title(&said(a, 0))))),
    ("Replace", 4, 4, |_, a| {
        let (text, old, new) = (said(a, 0), said(a, 1), said(a, 2));
        Ok(string(&match whole(&a[3]) {
            n if n < 0 => text.replace(&*old, &new),
            n => text.replacen(&*old, &new, n as usize),
        }))
    }),
    ("replace", 3, 3, |_, a| {
        Ok(string(&said(a, 2).replace(&*said(a, 0), &said(a, 1))))
    }),
    ("Trim", 2, 2, |_, a| {
        let (text, set) = (said(a, 0), said(a, 1));
        Ok(string(text.trim_matches(|c| set.contains(c))))
    }),
    ("TrimLeft", 2, 2, |_, a| {
        let (text, set) = (said(a, 0), said(a, 1));
        Ok(string(text.trim_start_matches(|c| set.contains(c))))
    }),
    ("TrimRight", 2, 2, |_, a| {
        let (text, set) = (said(a, 0), said(a, 1));
        Ok(string(text.trim_end_matches(|c| set.contains(c))))
    }),
    ("TrimPrefix", 2, 2, |_, a| {
        let (text, head) = (said(a, 0), said(a, 1));
        Ok(string(text.strip_prefix(&*head).unwrap_or(&text)))
    }),
    ("TrimSuffix", 2, 2, |_, a| {
        let (text, tail) = (said(a, 0), said(a, 1));
        Ok(string(text.strip_suffix(&*tail).unwrap_or(&text)))
    }),
    ("TrimSpace", 1, 1, |_, a| Ok(string(said(a, 0).trim()))),
    ("trim", 1, 1, |_, a| Ok(string(said(a, 0).trim()))),
    ("trimAll", 2, 2, |_, a| {
        let (set, text) = (said(a, 0), said(a, 1));
        Ok(string(text.trim_matches(|c| set.contains(c))))
    }),
    ("trimSuffix", 2, 2, |_, a| {
        let (tail, text) = (said(a, 0), said(a, 1));
        Ok(string(text.strip_suffix(&*tail).unwrap_or(&text)))
    }),
    ("trimPrefix", 2, 2, |_, a| {
        let (head, text) = (said(a, 0), said(a, 1));
        Ok(string(text.strip_prefix(&*head).unwrap_or(&text)))
    }),
    ("regexReplaceAll", 3, 3, |_, a| {
        let regex = regex(&said(a, 0))?;
        let compiled = regex.compiled().ok_or("the expression is too large")?;
        let (text, with) = (said(a, 1), said(a, 2));
        Ok(string(&compiled.replace_all(&text, &*with)))
    }),
    ("regexReplaceAllLiteral", 3, 3, |_, a| {
        let regex = regex(&said(a, 0))?;
        let compiled = regex.compiled().ok_or("the expression is too large")?;
        let (text, with) = (said(a, 1), said(a, 2));
        Ok(string(&compiled.replace_all(&text, regex::NoExpand(&with))))
    }),
    ("count", 2, 2, |_, a| {
        let regex = regex(&said(a, 0))?;
        let compiled = regex.compiled().ok_or("the expression is too large")?;
        Ok(Value::Int(compiled.find_iter(&said(a, 1)).count() as i64))
    }),
    ("urldecode", 1, 1, |_, a| {
        let spaced = said(a, 0).replace('+', " ");
        let read = percent_decode_str(&spaced).decode_utf8();
        read.map(|t| string(&t)).map_err(|e| e.to_string())
    }),
    ("urlencode", 1, 1, |_, a| {
        const KEPT: AsciiSet = NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'_')
            .remove(b'.')
            .remove(b'~')
            .remove(b' ');
        let text = utf8_percent_encode(&said(a, 0), &KEPT).to_string();
        Ok(string(&text.replace(' ', "+")))
    }),
    ("alignLeft", 2, 2, |_, a| {
        let (n, text) = (columns(&a[0])?, said(a, 1));
        let cut: String = text.chars().take(n).collect();
        Ok(string(&format!("{cut:<n$}")))
    }),
    ("alignRight", 2, 2, |_, a| {
        let (n, text) = (columns(&a[0])?, said(a, 1));
        let more = text.chars().count().saturating_sub(n);
        let cut: String = text.chars().skip(more).collect();
        Ok(string(&format!("{cut:>n$}")))
    }),
    ("b64enc", 1, 1, |_, a| {
        Ok(string(&STANDARD.encode(&*said(a, 0))))
    }),
    ("b64dec", 1, 1, |_, a| {
        let text = said(a, 0);
        let read = STANDARD
            .decode(&*text)
            .or_else(|_| STANDARD_NO_PAD.decode(&*text));
        let bytes = read.map_err(|e| e.to_string())?;
        Ok(string(&String::from_utf8_lossy(&bytes)))
    }),
    ("trunc", 2, 2, |_, a| {
        let (n, text) = (whole(&a[0]), said(a, 1));
        let cut = n.unsigned_abs() as usize;
        Ok(string(match n {
            n if n < 0 && cut < text.len() => &text[text.ceil_char_boundary(text.len() - cut)..],
            n if n >= 0 && cut < text.len() => &text[..text.floor_char_boundary(cut)],
            _ => &text,
        }))
    }),
    ("substr", 3, 3, |_, a| {
        let (start, end, text) = (whole(&a[0]), whole(&a[1]), said(a, 2));
        let end = usize::try_from(end).map_or(text.len(), |end| end.min(text.len()));
        let start = usize::try_from(start).map_or(0, |start| start.min(end));
        Ok(string(
            &text[text.ceil_char_boundary(start)..text.floor_char_boundary(end).max(start)],
        ))
    }),
    ("contains", 2, 2, |_, a| {
        Ok(Value::Bool(said(a, 1).contains(&*said(a, 0))))
    }),
    ("hasPrefix", 2, 2, |_, a| {
        Ok(Value::Bool(said(a, 1).starts_with(&*said(a, 0))))
    }),
    ("hasSuffix", 2, 2, |_, a| {
        Ok(Value::Bool(said(a, 1).ends_with(&*said(a, 0))))
    }),
    ("indent", 2, 2, |_, a| {
        Ok(string(&indent(columns(&a[0])?, &said(a, 1))))
    }),
    ("nindent", 2, 2, |_, a| {
        Ok(string(&format!(
            "\n{}",
            indent(columns(&a[0])?, &said(a, 1))
        )))
    }),
    ("repeat", 2, 2, |_, a| {
        Ok(string(&said(a, 1).repeat(columns(&a[0])?)))
    }),
];

const NUMBERS: &[Row] = &[
    ("bytes", 1, 1, |_, a| {
        Ok(Value::Float(quantity::bytes(&said(a, 0))? as f64))
    }),
    ("duration", 1, 1, |_, a| seconds(&said(a, 0))),
    ("duration_seconds", 1, 1, |_, a| seconds(&said(a, 0))),
    ("int", 1, 1, |_, a| Ok(Value::Int(whole(&a[0])))),
    ("float64", 1, 1, |_, a| Ok(Value::Float(float(&a[0])))),
    ("add", 1, ANY, |_, a| {
        Ok(Value::Int(a.iter().map(whole).fold(0, i64::wrapping_add)))
    }),
    ("sub", 2, 2, |_, a| {
        Ok(Value::Int(whole(&a[0]).wrapping_sub(whole(&a[1]))))
    }),
    ("mul", 1, ANY, |_, a| {
        Ok(Value::Int(a.iter().map(whole).fold(1, i64::wrapping_mul)))
    }),
    ("div", 2, 2, |_, a| {
        let divided = whole(&a[0]).checked_div(whole(&a[1]));
        divided
            .map(Value::Int)
            .ok_or_else(|| "division by zero".to_owned())
    }),
    ("mod", 2, 2, |_, a| {
        let rest = whole(&a[0]).checked_rem(whole(&a[1]));
        rest.map(Value::Int)
            .ok_or_else(|| "division by zero".to_owned())
    }),
    ("addf", 1, ANY, |_, a| {
        Ok(folded(a, |x, y| decimal::apply(decimal::Op::Add, x, y)))
    }),
    ("subf", 1, ANY, |_, a| {
        Ok(folded(a, |x, y| decimal::apply(decimal::Op::Sub, x, y)))
    }),
    ("mulf", 1, ANY, |_, a| {
        Ok(folded(a, |x, y| decimal::apply(decimal::Op::Mul, x, y)))
    }),
    ("divf", 1, ANY, |_, a| {
        Ok(folded(a, |x, y| decimal::apply(decimal::Op::Div, x, y)))
    }),
    ("max", 1, ANY, |_, a| {
        Ok(Value::Int(a.iter().map(whole).max().unwrap_or(0)))
    }),
    ("min", 1, ANY, |_, a| {
        Ok(Value::Int(a.iter().map(whole).min().unwrap_or(0)))
    }),
    ("maxf", 1, ANY, |_, a| Ok(folded(a, f64::max))),
    ("minf", 1, ANY, |_, a| Ok(folded(a, f64::min))),
    ("ceil", 1, 1, |_, a| Ok(Value::Float(float(&a[0]).ceil()))),
    ("floor", 1, 1, |_, a| Ok(Value::Float(float(&a[0]).floor()))),
    ("round", 2, 3, |_, a| {
        let scale = 10_f64.powi(whole(&a[1]).clamp(-300, 300) as i32);
        let up_from = a.get(2).map_or(0.5, float);
        let scaled = float(&a[0]) * scale;
        let floor = scaled.floor();
        let rounded = if scaled - floor >= up_from {
            floor + 1.0
        } else {
            floor
        };
        Ok(Value::Float(rounded / scale))
    }),
];

const TIMES: &[Row] = &[
    ("now", 0, 0, |_, _| {
        let now = Utc.timestamp_millis_opt(Clock::System.now_ms()).single();
        Ok(utc(now.unwrap_or_default()))
    }),
    ("date", 2, 2, |_, a| {
        let text = said(a, 1);
        let (at, zone) = at(&text)?;
        Ok(string(&format_time(at, zone, &said(a, 0))))
    }),
    ("toDate", 2, 2, |_, a| {
        let read = go_time::parse(&said(a, 0), &said(a, 1))?;
        let at = read.instant().ok_or("the time has no place in its zone")?;
        Ok(time_value(at, zone_word(at)))
    }),
    ("toDateInZone", 3, 3, |_, a| {
        let read = go_time::parse(&said(a, 0), &said(a, 2))?;
        let zone = said(a, 1);
        let at = match read.offset {
            Some(_) => read.instant(),
            None => in_zone(&zone, read.at)?,
        };
        let at = at.ok_or("the time has no place in its zone")?;
        Ok(time_value(at, zone_word(at)))
    }),
    ("unixToTime", 1, 1, |_, a| unix(&said(a, 0)).map(utc)),
    ("unixEpoch", 1, 1, |_, a| {
        Ok(string(&at(&said(a, 0))?.0.timestamp().to_string()))
    }),
    ("unixEpochMillis", 1, 1, |_, a| {
        Ok(string(&at(&said(a, 0))?.0.timestamp_millis().to_string()))
    }),
    ("unixEpochNanos", 1, 1, |_, a| {
        let nanos = at(&said(a, 0))?.0.timestamp_nanos_opt();
        Ok(string(&nanos.unwrap_or_default().to_string()))
    }),
];

fn string(text: &str) -> Value {
    Value::String(text.into())
}

fn folded(args: &[Value], with: fn(f64, f64) -> f64) -> Value {
    let all = args.iter().map(float);
    Value::Float(all.reduce(with).unwrap_or(0.0))
}

fn columns(value: &Value) -> Result<usize, String> {
    let n = whole(value);
    if (0..=MOST).contains(&n) {
        Ok(n as usize)
    } else {
        Err(format!("{n} is no length between 0 and {MOST}"))
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|e| e.to_string())
}

fn seconds(text: &str) -> Given {
    Ok(Value::Float(quantity::duration_ns(text)? as f64 / 1e9))
}

fn title(text: &str) -> String {
    let mut before = ' ';
    let upper = text.chars().map(|c| {
        let starts = !before.is_alphanumeric() && before != '_' && before != '\'';
        before = c;
        if starts { c.to_ascii_uppercase() } else { c }
    });
    upper.collect()
}

fn indent(columns: usize, text: &str) -> String {
    let pad = " ".repeat(columns);
    format!("{pad}{}", text.replace('\n', &format!("\n{pad}")))
}

fn utc(at: DateTime<Utc>) -> Value {
    time_value(at.fixed_offset(), "UTC")
}

fn zone_word(at: DateTime<FixedOffset>) -> &'static str {
    if at.offset().local_minus_utc() == 0 {
        "UTC"
    } else {
        ""
    }
}

/// A time that another function made.
fn at(text: &str) -> Result<(DateTime<FixedOffset>, &str), String> {
    parse_shown_time(text).ok_or_else(|| format!("{text:?} is no time; make one with toDate"))
}

/// `UTC`, `Local`, or a name of the zone database.
fn in_zone(zone: &str, at: chrono::NaiveDateTime) -> Result<Option<DateTime<FixedOffset>>, String> {
    match zone {
        "" | "UTC" => Ok(at
            .and_local_timezone(Utc)
            .single()
            .map(|t| t.fixed_offset())),
        "Local" => {
            let local = at.and_local_timezone(chrono::Local).earliest();
            Ok(local.map(|t| t.fixed_offset()))
        }
        name => {
            let zone: chrono_tz::Tz = name
                .parse()
                .map_err(|_| format!("unknown time zone {name}"))?;
            Ok(at
                .and_local_timezone(zone)
                .earliest()
                .map(|t| t.fixed_offset()))
        }
    }
}

/// Days, seconds, milli-, micro- or nanoseconds, told apart by the number of digits.
fn unix(text: &str) -> Result<DateTime<Utc>, String> {
    let bad = || format!("unable to parse time '{text}': write unix days, seconds, ms, us or ns");
    let number: i64 = text.trim().parse().map_err(|_| bad())?;
    let made = match text.trim().len() {
        5 => Utc.timestamp_opt(number * 86_400, 0).single(),
        10 => Utc.timestamp_opt(number, 0).single(),
        13 => Utc.timestamp_millis_opt(number).single(),
        16 => Utc.timestamp_micros(number).single(),
        19 => Some(Utc.timestamp_nanos(number)),
        _ => None,
    };
    made.ok_or_else(bad)
}
