//! Alertmanager's template functions, and the methods of its types. Source: Alertmanager
//! `template/template.go`, `DefaultFuncs` and `KV`, `Pairs`, `Alerts`.

use crate::base::clock::Clock;
use crate::base::regex::Regex;
use crate::base::template::{
    Functions, Value, duration, format_time, list, map, number, parse_shown_time, shown, structure,
    text, time_value,
};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use chrono::DateTime;
use chrono_tz::Tz;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// As Go's `base64.URLEncoding`.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, GeneralPurposeConfig::new());

fn made(s: impl AsRef<str>) -> Value {
    Value::String(s.as_ref().into())
}

pub(super) fn functions() -> Functions {
    let functions = Functions::new()
        .with("toUpper", |_, a| Ok(made(text(a, 0)?.to_uppercase())))
        .with("toLower", |_, a| Ok(made(text(a, 0)?.to_lowercase())))
        .with("title", |_, a| Ok(made(title(text(a, 0)?))))
        .with("trimSpace", |_, a| Ok(made(text(a, 0)?.trim())))
        .with("join", |_, a| {
            let parts = texts(a.get(1))?;
            Ok(made(parts.join(text(a, 0)?)))
        })
        .with("match", |_, a| {
            let regex = Regex::new(text(a, 0)?).map_err(|e| e.to_string())?;
            Ok(Value::Bool(regex.is_match(text(a, 1)?)))
        })
        .with("safeHtml", |_, a| Ok(safe(text(a, 0)?, true)))
        .with("safeUrl", |_, a| Ok(safe(text(a, 0)?, false)))
        .with("urlUnescape", |_, a| {
            let plain = text(a, 0)?.replace('+', " ");
            let decoded = percent_decode_str(&plain).decode_utf8();
            Ok(made(decoded.map_err(|e| e.to_string())?))
        })
        .with("reReplaceAll", |_, a| {
            replace_all(text(a, 0)?, text(a, 1)?, text(a, 2)?)
        })
        .with("stringSlice", |_, a| Ok(list(a.iter().cloned())))
        .with("list", |_, a| Ok(list(a.iter().cloned())))
        .with("append", |_, a| match a.split_first() {
            Some((Value::List(items), more)) => Ok(list(items.iter().chain(more).cloned())),
            _ => Err("append needs a list".to_owned()),
        })
        .with("dict", |_, a| dict(a))
        .with("routeLabels", |scope, a| {
            let labels = scope.context::<BTreeMap<String, String>>();
            let found = labels.and_then(|l| l.get(text(a, 0).ok()?).cloned());
            Ok(made(found.unwrap_or_default()))
        })
        .with("toJson", |_, a| {
            let json = a.first().map_or(Json::Null, json);
            Ok(made(go_json(&json)))
        })
        .with("base64encode", |_, a| Ok(made(BASE64.encode(text(a, 0)?))))
        .with("base64decode", |_, a| {
            let bytes = BASE64.decode(text(a, 0)?).map_err(|e| e.to_string())?;
            Ok(made(String::from_utf8_lossy(&bytes)))
        })
        .with("humanizeDuration", |_, a| {
            Ok(made(humanize_duration(number(a, 0)?)))
        });
    with_times(functions).with_methods(method)
}

fn with_times(functions: Functions) -> Functions {
    let now = || {
        let at = DateTime::from_timestamp_millis(Clock::System.now_ms()).unwrap_or_default();
        at.fixed_offset()
    };
    let parse = |layout: &str, text: &str| -> Result<Value, String> {
        let at = read_time(layout, text);
        let at = at.ok_or_else(|| format!("{text:?} is no time in the layout {layout:?}"))?;
        Ok(time_value(at, "UTC"))
    };
    functions
        .with("now", move |_, _| Ok(time_value(now(), "UTC")))
        .with("since", move |_, a| {
            let (at, _) = a_time(a, 0)?;
            let passed = now().signed_duration_since(at);
            Ok(duration(passed.num_nanoseconds().unwrap_or(i64::MAX)))
        })
        .with("date", |_, a| {
            let (at, zone) = a_time(a, 1)?;
            Ok(made(format_time(at, &zone, text(a, 0)?)))
        })
        .with("tz", |_, a| {
            let name = text(a, 0)?;
            let zone: Tz = name
                .parse()
                .map_err(|_| format!("{name:?} is no time zone"))?;
            let (at, _) = a_time(a, 1)?;
            let there = at.with_timezone(&zone);
            let short = there.format("%Z").to_string();
            Ok(time_value(there.fixed_offset(), &short))
        })
        .with("toDate", move |_, a| {
            parse(text(a, 0)?, text(a, 1)?).or_else(|_| parse("2006", "0001"))
        })
        .with("mustToDate", move |_, a| parse(text(a, 0)?, text(a, 1)?))
}

/// A text in a layout of Go's, as UTC where it names no offset.
fn read_time(layout: &str, text: &str) -> Option<DateTime<chrono::FixedOffset>> {
    let mut format = layout.replace('%', "%%");
    for (word, with) in [
        ("January", "%B"),
        ("Monday", "%A"),
        ("2006", "%Y"),
        ("Z07:00", "%:z"),
        ("-07:00", "%:z"),
        ("-0700", "%z"),
        ("MST", "UTC"),
        ("Jan", "%b"),
        ("Mon", "%a"),
        ("15", "%H"),
        ("03", "%I"),
        ("04", "%M"),
        ("05", "%S"),
        ("01", "%m"),
        ("02", "%d"),
        ("06", "%y"),
        ("PM", "%p"),
    ] {
        format = format.replace(word, with);
    }
    let with_zone = DateTime::parse_from_str(text, &format);
    let date = || {
        chrono::NaiveDate::parse_from_str(text, &format)
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    let plain = || {
        chrono::NaiveDateTime::parse_from_str(text, &format)
            .ok()
            .or_else(date)
    };
    with_zone
        .ok()
        .or_else(|| plain().map(|at| at.and_utc().fixed_offset()))
}

fn a_time(args: &[Value], at: usize) -> Result<(DateTime<chrono::FixedOffset>, String), String> {
    let shown = text(args, at)?;
    let found = parse_shown_time(shown).map(|(at, zone)| (at, zone.to_owned()));
    found.ok_or_else(|| format!("{shown:?} is no time"))
}

fn safe(s: &str, html: bool) -> Value {
    crate::base::template::trusted(s, html)
}

/// Each word with a capital, as Go's `cases.Title` does for English: the rest in small letters.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        let letter = c.is_alphanumeric() || c == '\'' || c == '_';
        if letter && !inside {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        inside = letter;
    }
    out
}

fn texts(value: Option<&Value>) -> Result<Vec<String>, String> {
    match value {
        Some(Value::List(items)) => Ok(items.iter().map(shown).collect()),
        Some(Value::Nil) | None => Ok(Vec::new()),
        Some(other) => Err(format!("a {} is no list of texts", other.type_name())),
    }
}

fn dict(args: &[Value]) -> Result<Value, String> {
    if !args.len().is_multiple_of(2) {
        return Err("dict needs a value for each key".to_owned());
    }
    let pairs = args
        .chunks(2)
        .map(|pair| (shown(&pair[0]), pair[1].clone()));
    Ok(map(pairs))
}

fn replace_all(pattern: &str, with: &str, text: &str) -> Result<Value, String> {
    let regex = Regex::new(pattern).map_err(|e| e.to_string())?;
    let Some(compiled) = regex.compiled() else {
        let mut out = String::new();
        let mut rest = text;
        while let Some(found) = regex.find(rest).filter(|f| !f.is_empty()) {
            out.push_str(&rest[..found.start]);
            out.push_str(with);
            rest = &rest[found.end..];
        }
        return Ok(made(out + rest));
    };
    Ok(made(compiled.replace_all(text, with)))
}

/// `1d 2h 3m 4s`, below a second with a prefix: as Prometheus' function of that name.
fn humanize_duration(v: f64) -> String {
    if v.is_nan() || v.is_infinite() {
        return shown(&Value::Float(v));
    }
    if v == 0.0 {
        return "0s".to_owned();
    }
    if v.abs() >= 1.0 {
        let sign = if v < 0.0 { "-" } else { "" };
        let whole = v.abs() as i64;
        let (days, hours) = (whole / 86_400, whole / 3_600 % 24);
        let (minutes, seconds) = (whole / 60 % 60, whole % 60);
        if days != 0 {
            return format!("{sign}{days}d {hours}h {minutes}m {seconds}s");
        }
        if hours != 0 {
            return format!("{sign}{hours}h {minutes}m {seconds}s");
        }
        if minutes != 0 {
            return format!("{sign}{minutes}m {seconds}s");
        }
        return format!("{sign}{}s", four_digits(v.abs()));
    }
    let mut v = v;
    let mut prefix = "";
    for p in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = p;
        v *= 1000.0;
    }
    format!("{}{prefix}s", four_digits(v))
}

/// Go's `%.4g`.
fn four_digits(v: f64) -> String {
    let magnitude = v.abs().log10().floor() as i32;
    if !(-4..4).contains(&magnitude) {
        return shown(&Value::Float(v));
    }
    let places = usize::try_from(3 - magnitude).unwrap_or(0);
    let text = format!("{v:.places$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// The value as JSON, with the names Alertmanager's structures have there.
fn json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => Json::from(*n),
        Value::Uint(n) => Json::from(*n),
        Value::Float(f) => Json::from(*f),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => {
            let kind = entries.get("").map(shown).unwrap_or_default();
            let entries = entries.iter().filter(|(k, _)| !k.is_empty());
            let pairs = entries.map(|(k, v)| {
                let name = match kind.as_str() {
                    "" | "Pair" => (**k).to_owned(),
                    _ => lower_first(k),
                };
                (name, json(v))
            });
            Json::Object(pairs.collect())
        }
        other => {
            let shown = other.to_string();
            let time = parse_shown_time(&shown);
            let layout = "2006-01-02T15:04:05.999999999Z07:00";
            Json::from(time.map_or(shown.clone(), |(at, zone)| format_time(at, zone, layout)))
        }
    }
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_lowercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

/// Go writes `<`, `>` and `&` of JSON as escapes.
fn go_json(json: &Json) -> String {
    let text = json.to_string();
    text.replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
}

/// Methods of lists of alerts, of maps of labels, and of their pairs.
fn method(value: &Value, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    match value {
        Value::List(items) => match name {
            "Firing" | "Resolved" => {
                let wanted = name.to_lowercase();
                let fits = |v: &&Value| v.field("Status").is_some_and(|s| shown(s) == wanted);
                Some(Ok(list(items.iter().filter(fits).cloned())))
            }
            "Names" | "Values" => {
                let field = if name == "Names" { "Name" } else { "Value" };
                let found = items.iter().filter_map(|v| v.field(field).cloned());
                Some(Ok(list(found)))
            }
            "String" => {
                let pair = |v: &Value| {
                    let of = |f| v.field(f).map(shown).unwrap_or_default();
                    format!("{}={}", of("Name"), of("Value"))
                };
                Some(Ok(made(
                    items.iter().map(pair).collect::<Vec<_>>().join(", "),
                )))
            }
            "Join" => Some(text(args, 0).and_then(|by| Ok(made(texts(Some(value))?.join(by))))),
            _ => None,
        },
        Value::Map(entries) if !entries.contains_key("") => match name {
            "SortedPairs" => Some(Ok(sorted_pairs(value))),
            "Names" => method(&sorted_pairs(value), "Names", &[]),
            "Values" => method(&sorted_pairs(value), "Values", &[]),
            "String" => method(&sorted_pairs(value), "String", &[]),
            "Remove" => Some(texts(args.first()).map(|gone| {
                let kept = entries
                    .iter()
                    .filter(|(k, _)| !gone.iter().any(|g| **g == ***k));
                map(kept.map(|(k, v)| (&**k, v.clone())))
            })),
            _ => None,
        },
        _ => None,
    }
}

/// Pairs by name, `alertname` first.
fn sorted_pairs(value: &Value) -> Value {
    let Value::Map(entries) = value else {
        return list([]);
    };
    let mut pairs: Vec<_> = entries.iter().collect();
    pairs.sort_by_key(|(k, _)| (&***k != "alertname", (*k).clone()));
    list(
        pairs
            .into_iter()
            .map(|(k, v)| structure("Pair", [("Name", made(k)), ("Value", v.clone())])),
    )
}
