//! Stages that read the line or a value: json, regex, logfmt, decolorize, docker, output.

use crate::collect::tail::stage::{Entry, show};
use crate::config::logs::stages::{Extract, Json, JsonText, Regexp};
use crate::wire::logfmt as format;
use serde_json::Value;

/// False where the text is no JSON and such lines are to be dropped.
pub(crate) fn json(config: &Json, entry: &mut Entry) -> bool {
    let Some(text) = entry.text(config.source.as_deref()) else {
        return true;
    };
    let Some(value) = JsonText::parse(&text) else {
        return !config.drop_malformed;
    };
    for (name, path) in &config.expressions {
        let found = path.find(&value);
        let found = match found {
            Value::Object(_) | Value::Array(_) => Value::String(found.to_string()),
            plain => plain,
        };
        entry.extracted.insert(name.clone(), found);
    }
    true
}

pub(crate) fn regex(config: &Regexp, entry: &mut Entry) {
    let Some(text) = entry.text(config.source.as_deref()) else {
        return;
    };
    let compiled = config.expression.compiled();
    let Some(found) = compiled.captures(text.as_bytes()) else {
        return;
    };
    for name in compiled.capture_names().flatten() {
        let value = found.name(name).map_or(&b""[..], |m| m.as_bytes());
        let value = String::from_utf8_lossy(value).into_owned();
        entry.extracted.insert(name.to_owned(), value.into());
    }
}

pub(crate) fn logfmt(config: &Extract, entry: &mut Entry) {
    let Some(text) = entry.text(config.source.as_deref()) else {
        return;
    };
    // Behind the first fault nothing more is read.
    for pair in format::lenient(&text).map_while(Result::ok) {
        let (key, value) = pair;
        for (name, _) in config.mapping.iter().filter(|(_, from)| *from == *key) {
            entry
                .extracted
                .insert(name.clone(), value.to_string().into());
        }
    }
}

/// Takes the colours of terminals out: CSI sequences, and OSC up to BEL.
pub(crate) fn decolorize(entry: &mut Entry) {
    if !entry.line.contains(&0x1b) {
        return;
    }
    let line = std::mem::take(&mut entry.line);
    let mut rest = line.as_slice();
    while let Some(at) = memchr::memchr(0x1b, rest) {
        entry.line.extend_from_slice(&rest[..at]);
        let tail = &rest[at + 1..];
        let end = match tail.first() {
            Some(b'[') => tail
                .iter()
                .skip(1)
                .position(|b| (0x40..=0x7e).contains(b))
                .map(|n| n + 2),
            Some(b']') => memchr::memchr(7, tail).map(|n| n + 1),
            _ => None,
        };
        if let Some(end) = end {
            rest = &tail[end..];
        } else {
            entry.line.push(0x1b);
            rest = tail;
        }
    }
    entry.line.extend_from_slice(rest);
}

/// A line of Docker's json-file: text, stream and time.
pub(crate) fn docker(entry: &mut Entry) {
    let Ok(Value::Object(parts)) = serde_json::from_slice::<Value>(&entry.line) else {
        return;
    };
    let text = |name: &str| parts.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(stream) = text("stream") {
        entry.labels.set("stream", &stream);
        entry.extracted.insert("stream".to_owned(), stream.into());
    }
    if let Some(time) = text("time") {
        let read = chrono::DateTime::parse_from_rfc3339(&time).ok();
        let nanos = read.and_then(|t| t.timestamp_nanos_opt());
        entry.t = nanos.unwrap_or(entry.t);
        entry.extracted.insert("timestamp".to_owned(), time.into());
    }
    if let Some(log) = text("log") {
        let line = log.strip_suffix('\n').unwrap_or(&log);
        entry.line = line.as_bytes().to_vec();
        entry.extracted.insert("output".to_owned(), log.into());
    }
}

pub(crate) fn output(source: &str, entry: &mut Entry) {
    if let Some(text) = entry.extracted.get(source).and_then(show) {
        entry.line = text.into_bytes();
    }
}
