//! Log records of OTLP as streams of lines, by Loki's mapping.
//!
//! Some attributes of the resource name the stream; all others, those of the scope and of the record
//! are structured metadata, as are severity, trace and span. A nested attribute is flattened by `_`.
//!
//! | message | fields |
//! |---|---|
//! | ExportLogsServiceRequest | 1 resource_logs |
//! | ResourceLogs | 1 resource, 2 scope_logs |
//! | ScopeLogs | 1 scope, 2 log_records |
//! | LogRecord | 1 time, 2 severity_number, 3 severity_text, 5 body, 6 attributes, 7 dropped_attributes_count, 8 flags, 9 trace_id, 10 span_id, 11 observed_time, 12 event_name |
//!
//! Sources: `opentelemetry/proto/logs/v1/logs.proto`; Loki's documentation, "Ingesting logs using
//! OpenTelemetry", and its defaults of `distributor.otlp_config`.

use crate::base::digest;
use crate::model::labels::{Labels, LabelsBuilder};
use crate::model::log_entry::{Level, LogEntry};
use crate::model::span::{Attribute, Attributes, Scope};
use crate::wire::loki_push::PushStream;
use crate::wire::otlp::proto::Texts;
use crate::wire::otlp::{OtlpError, json, proto, reason, value_json};
use crate::wire::protobuf::Malformed;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Attributes of a resource that name the stream.
const INDEXED: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// Lines of a request, and the records that were left out, by reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogRecords {
    pub streams: Vec<PushStream>,
    pub refused: BTreeMap<&'static str, u64>,
}

impl LogRecords {
    pub fn refused_count(&self) -> u64 {
        self.refused.values().sum()
    }

    /// `3 records: a text in it is not UTF-8; ...`
    pub fn refusal(&self) -> String {
        let each = self.refused.iter().map(|(reason, n)| {
            let word = if *n == 1 { "record" } else { "records" };
            format!("{n} {word}: {reason}")
        });
        each.collect::<Vec<_>>().join("; ")
    }

    fn refuse(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }

    /// Entries of one stream, after those it has already.
    fn add(&mut self, labels: &Labels, entry: LogEntry) {
        match self.streams.last_mut().filter(|s| s.labels == *labels) {
            Some(stream) => stream.entries.push(entry),
            None => self.streams.push(PushStream {
                labels: labels.clone(),
                entries: vec![entry],
            }),
        }
    }
}

/// One record before it has its place.
#[derive(Debug, Default)]
struct Record {
    time: u64,
    observed: u64,
    severity: i64,
    severity_text: String,
    body: Option<Attribute>,
    attributes: Attributes,
    dropped: u64,
    flags: u64,
    /// In hexadecimal; empty where there is none.
    trace: String,
    span: String,
    event: String,
}

/// What all records of one scope share: labels of the stream, metadata.
struct Place {
    stream: Labels,
    metadata: LabelsBuilder,
}

/// A name as labels have it: other characters are `_`, and no digit comes first.
fn label_name(name: &str) -> String {
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(fits).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("key_{name}")
    } else {
        name
    }
}

/// A value as text: lists as JSON.
fn text(value: &Attribute) -> String {
    match value {
        Attribute::Text(text) => text.to_string(),
        Attribute::List(_) | Attribute::Map(_) => plain_json(value).to_string(),
        other => other.to_string(),
    }
}

fn plain_json(value: &Attribute) -> Value {
    match value {
        Attribute::Text(text) => (&**text).into(),
        Attribute::Bool(b) => (*b).into(),
        Attribute::Int(i) => (*i).into(),
        Attribute::Float(f) => (*f).into(),
        Attribute::List(items) => items.iter().map(plain_json).collect(),
        Attribute::Map(entries) => {
            let entries = entries.iter().map(|(k, v)| (k.to_string(), plain_json(v)));
            Value::Object(entries.collect())
        }
        other @ Attribute::Bytes(_) => value_json(other)["bytesValue"].clone(),
    }
}

/// Sets an attribute, or those that are in it.
fn flatten(name: &str, value: &Attribute, out: &mut LabelsBuilder) {
    match value {
        Attribute::Map(entries) => {
            for (inner, value) in entries {
                flatten(&format!("{name}_{}", label_name(inner)), value, out);
            }
        }
        value => {
            let text = text(value);
            if !text.is_empty() {
                out.set(name, &text);
            }
        }
    }
}

fn place(resource: &Attributes, scope: &Scope) -> Place {
    let (mut stream, mut metadata) = (LabelsBuilder::default(), LabelsBuilder::default());
    for (name, value) in resource {
        let out = if INDEXED.contains(&&**name) {
            &mut stream
        } else {
            &mut metadata
        };
        flatten(&label_name(name), value, out);
    }
    if stream.get("service_name").is_empty() {
        stream.set("service_name", "unknown_service");
    }
    for (name, value) in &scope.attributes {
        flatten(&label_name(name), value, &mut metadata);
    }
    for (name, value) in [
        ("scope_name", &scope.name),
        ("scope_version", &scope.version),
    ] {
        if !value.is_empty() {
            metadata.set(name, value);
        }
    }
    Place {
        stream: stream.finish(),
        metadata,
    }
}

/// OpenTelemetry's ranges of numbers.
fn level(severity: i64) -> Level {
    match severity {
        1..=4 => Level::Trace,
        5..=8 => Level::Debug,
        9..=12 => Level::Info,
        13..=16 => Level::Warn,
        17..=20 => Level::Error,
        21..=24 => Level::Fatal,
        _ => Level::Unknown,
    }
}

fn entry(place: &Place, record: Record, now: i64) -> LogEntry {
    let mut metadata = place.metadata.clone();
    for (name, value) in &record.attributes {
        flatten(&label_name(name), value, &mut metadata);
    }
    let number = |n: u64| if n == 0 { String::new() } else { n.to_string() };
    let severity = if record.severity == 0 {
        String::new()
    } else {
        record.severity.to_string()
    };
    let level = match level(record.severity) {
        Level::Unknown => String::new(),
        level => level.as_str().to_owned(),
    };
    for (name, value) in [
        ("observed_timestamp", number(record.observed)),
        ("severity_number", severity),
        ("severity_text", record.severity_text),
        ("dropped_attributes_count", number(record.dropped)),
        ("flags", number(record.flags)),
        ("trace_id", record.trace),
        ("span_id", record.span),
        ("event_name", record.event),
        ("detected_level", level),
    ] {
        if !value.is_empty() {
            metadata.set(name, &value);
        }
    }
    let times = [record.time, record.observed];
    let told = times.into_iter().find(|t| *t > 0);
    LogEntry {
        t: told.and_then(|t| i64::try_from(t).ok()).unwrap_or(now),
        line: record
            .body
            .map(|b| text(&b))
            .unwrap_or_default()
            .into_bytes(),
        metadata: metadata.finish(),
    }
}

/// An `ExportLogsServiceRequest` in protobuf; `now` is the time of records that say none,
/// nanoseconds since the Unix epoch.
pub fn logs_from_protobuf(bytes: &[u8], now: i64) -> Result<LogRecords, OtlpError> {
    let (mut out, texts) = (LogRecords::default(), Texts::default());
    proto::each(bytes, &mut |number, wire| {
        if number == 1 {
            resource_logs(wire.bytes()?, now, &texts, &mut out)?;
        }
        Ok(())
    })?;
    Ok(out)
}

fn resource_logs<'a>(
    bytes: &'a [u8],
    now: i64,
    texts: &Texts<'a>,
    out: &mut LogRecords,
) -> Result<(), Malformed> {
    // The resource may stand behind its records.
    let mut resource = Ok(Attributes::new());
    let mut scopes = Vec::new();
    proto::each(bytes, &mut |number, wire| {
        match number {
            1 => resource = proto::listed(wire.bytes()?, 1, 0, texts),
            2 => scopes.push(wire.bytes()?),
            _ => {}
        }
        Ok(())
    })?;
    for bytes in scopes {
        let mut scope = Ok(Scope::default());
        let mut records = Vec::new();
        proto::each(bytes, &mut |number, wire| {
            match number {
                1 => scope = proto::scope(wire.bytes()?, texts),
                2 => records.push(wire.bytes()?),
                _ => {}
            }
            Ok(())
        })?;
        let place = match (&resource, &scope) {
            (Ok(resource), Ok(scope)) => Ok(place(resource, scope)),
            (Err(why), _) | (_, Err(why)) => Err(*why),
        };
        for bytes in records {
            let read = place.as_ref().map_err(|why| *why);
            match read.and_then(|place| Ok((place, record(bytes, texts)?))) {
                Ok((place, record)) => out.add(&place.stream, entry(place, record, now)),
                Err(why) => out.refuse(why),
            }
        }
    }
    Ok(())
}

fn record<'a>(bytes: &'a [u8], texts: &Texts<'a>) -> Result<Record, &'static str> {
    let mut out = Record::default();
    proto::fields(bytes, &mut |number, wire| {
        match number {
            1 => out.time = wire.number()?,
            2 => out.severity = wire.number()? as i64,
            3 => out.severity_text = texts.read(wire)?.to_string(),
            5 => out.body = Some(proto::value(wire.bytes()?, 0, texts)?),
            6 => proto::push(&mut out.attributes, wire, 0, texts)?,
            7 => out.dropped = wire.number()?,
            8 => out.flags = wire.number()?,
            9 => out.trace = hexadecimal(wire.bytes()?),
            10 => out.span = hexadecimal(wire.bytes()?),
            11 => out.observed = wire.number()?,
            12 => out.event = texts.read(wire)?.to_string(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

fn hexadecimal(bytes: &[u8]) -> String {
    digest::hex(&bytes[..bytes.len().min(16)])
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ResourceLogs {
    resource: json::RawResource,
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ScopeLogs {
    scope: json::RawScope,
    /// Each is read by itself, so that one that does not read harms no other.
    log_records: Vec<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawRecord {
    time_unix_nano: json::Number,
    observed_time_unix_nano: json::Number,
    severity_number: Value,
    severity_text: String,
    body: Value,
    attributes: Vec<json::KeyValue>,
    dropped_attributes_count: json::Number,
    flags: json::Number,
    trace_id: String,
    span_id: String,
    event_name: String,
}

/// The same in JSON.
pub fn logs_from_json(bytes: &[u8], now: i64) -> Result<LogRecords, OtlpError> {
    let request: Request =
        serde_json::from_slice(bytes).map_err(|e| OtlpError::Json(e.to_string()))?;
    let mut out = LogRecords::default();
    for of_resource in request.resource_logs {
        let resource = json::attributes(of_resource.resource.attributes, 0);
        for of_scope in of_resource.scope_logs {
            let scope = json::scope(of_scope.scope);
            let place = match (&resource, &scope) {
                (Ok(resource), Ok(scope)) => Ok(place(resource, scope)),
                (Err(why), _) | (_, Err(why)) => Err(*why),
            };
            for raw in of_scope.log_records {
                let read = place.as_ref().map_err(|why| *why);
                match read.and_then(|place| Ok((place, raw_record(raw)?))) {
                    Ok((place, record)) => out.add(&place.stream, entry(place, record, now)),
                    Err(why) => out.refuse(why),
                }
            }
        }
    }
    Ok(out)
}

fn raw_record(raw: Value) -> Result<Record, &'static str> {
    let raw: RawRecord = serde_json::from_value(raw).map_err(|_| reason::BROKEN)?;
    let body = match &raw.body {
        Value::Null => None,
        body => Some(json::value(body, 0)?),
    };
    Ok(Record {
        time: raw.time_unix_nano.0,
        observed: raw.observed_time_unix_nano.0,
        severity: severity_of(&raw.severity_number),
        severity_text: raw.severity_text,
        body,
        attributes: json::attributes(raw.attributes, 0)?,
        dropped: raw.dropped_attributes_count.0,
        flags: raw.flags.0,
        trace: raw.trace_id.to_ascii_lowercase(),
        span: raw.span_id.to_ascii_lowercase(),
        event: raw.event_name,
    })
}

/// A number, or its name: `SEVERITY_NUMBER_WARN2`.
fn severity_of(value: &Value) -> i64 {
    let Some(name) = value.as_str() else {
        return value.as_i64().unwrap_or(0);
    };
    let name = name.trim_start_matches("SEVERITY_NUMBER_");
    let words = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    let found = words.iter().position(|w| name.starts_with(w));
    found.map_or(0, |i| {
        let more = name[words[i].len()..].parse().unwrap_or(1_i64);
        i as i64 * 4 + more.clamp(1, 4)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::protobuf::Field;
    use proptest::prelude::*;

    fn message(number: u32, inner: &[u8], out: &mut Vec<u8>) {
        Field::bytes(number, inner, out);
    }

    fn texted(text: &str) -> Vec<u8> {
        let mut value = Vec::new();
        message(1, text.as_bytes(), &mut value);
        value
    }

    fn pair(name: &str, value: &str) -> Vec<u8> {
        let mut out = Vec::new();
        message(1, name.as_bytes(), &mut out);
        message(2, &texted(value), &mut out);
        out
    }

    fn as_proto() -> Vec<u8> {
        let mut resource = Vec::new();
        message(1, &pair("service.name", "shop"), &mut resource);
        message(1, &pair("host.arch", "arm64"), &mut resource);
        let mut scope = Vec::new();
        message(1, b"lib", &mut scope);
        let mut record = Vec::new();
        Field::varint(1, 1_700_000_000_000_000_001, &mut record);
        Field::varint(2, 17, &mut record);
        message(3, b"ERROR", &mut record);
        message(5, &texted("결제 failed"), &mut record);
        message(6, &pair("http.route", "/주문"), &mut record);
        message(9, &[0xab; 16], &mut record);
        message(10, &[0xcd; 8], &mut record);
        let mut scope_logs = Vec::new();
        message(1, &scope, &mut scope_logs);
        message(2, &record, &mut scope_logs);
        let mut resource_logs = Vec::new();
        message(2, &scope_logs, &mut resource_logs);
        message(1, &resource, &mut resource_logs);
        let mut out = Vec::new();
        message(1, &resource_logs, &mut out);
        out
    }

    #[test]
    fn both_forms_say_the_same() {
        let found = logs_from_protobuf(&as_proto(), 5).unwrap();
        let stream = &found.streams[0];
        assert_eq!(
            stream.labels,
            Labels::from_pairs([("service_name", "shop")])
        );
        let entry = &stream.entries[0];
        assert_eq!(entry.t, 1_700_000_000_000_000_001);
        assert_eq!(entry.line, "결제 failed".as_bytes());
        let want = Labels::from_pairs([
            ("detected_level", "error"),
            ("host_arch", "arm64"),
            ("http_route", "/주문"),
            ("scope_name", "lib"),
            ("severity_number", "17"),
            ("severity_text", "ERROR"),
            ("span_id", "cdcdcdcdcdcdcdcd"),
            ("trace_id", "abababababababababababababababab"),
        ]);
        assert_eq!(entry.metadata, want);
        let json = r#"{"resourceLogs":[{"resource":{"attributes":[
            {"key":"service.name","value":{"stringValue":"shop"}},
            {"key":"host.arch","value":{"stringValue":"arm64"}}]},
            "scopeLogs":[{"scope":{"name":"lib"},"logRecords":[{
            "timeUnixNano":"1700000000000000001","severityNumber":"SEVERITY_NUMBER_ERROR",
            "severityText":"ERROR","body":{"stringValue":"결제 failed"},
            "attributes":[{"key":"http.route","value":{"stringValue":"/주문"}}],
            "traceId":"ABABABABABABABABABABABABABABABAB","spanId":"cdcdcdcdcdcdcdcd"}]}]}]}"#;
        assert_eq!(logs_from_json(json.as_bytes(), 5).unwrap(), found);
    }

    #[test]
    fn bodies_and_nested_attributes_become_text() {
        let json = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
            {"body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}},
             "attributes":[{"key":"9.x","value":{"kvlistValue":{"values":[
                {"key":"y.z","value":{"arrayValue":{"values":[{"intValue":1}]}}}]}}}]},
            {"observedTimeUnixNano":7},
            {"severityText":5}]}]}]}"#;
        let found = logs_from_json(json.as_bytes(), 5).unwrap();
        assert_eq!((found.refused_count(), found.streams.len()), (1, 1));
        assert!(found.refusal().starts_with("1 record: "));
        let stream = &found.streams[0];
        assert_eq!(stream.labels.get("service_name"), "unknown_service");
        assert_eq!(stream.entries[0].line, br#"{"a":1}"#);
        assert_eq!(stream.entries[0].t, 5);
        assert_eq!(stream.entries[0].metadata.get("key_9_x_y_z"), "[1]");
        assert_eq!(stream.entries[1].t, 7);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = logs_from_protobuf(&body, 0);
            let _ = logs_from_json(&body, 0);
        }
    }
}
