//! Stages that change labels, and those that move them: labels, static_labels, labeldrop,
//! labelallow, structured_metadata, pack.

use crate::collect::tail::stage::{Entry, show};
use crate::config::logs::stages::Pack;
use serde_json::Value;

/// Label names from extracted values.
pub(crate) fn labels(names: &[(String, String)], entry: &mut Entry) {
    for (name, source) in names {
        if let Some(value) = entry.extracted.get(source).filter(|v| !v.is_null()) {
            let text = show(value);
            entry.labels.set(name, &text);
        }
    }
}

pub(crate) fn fixed(pairs: &[(String, String)], entry: &mut Entry) {
    for (name, value) in pairs.iter().filter(|(_, v)| !v.is_empty()) {
        entry.labels.set(name, value);
    }
}

pub(crate) fn drop(names: &[String], entry: &mut Entry) {
    for name in names {
        entry.labels.remove(name);
    }
}

pub(crate) fn allow(names: &[String], entry: &mut Entry) {
    entry.labels.retain(|name| names.iter().any(|n| n == name));
}

/// Extracted values, or labels, become metadata of the entry.
pub(crate) fn metadata(names: &[(String, String)], entry: &mut Entry) {
    for (name, source) in names {
        let label = entry.labels.get(source).to_owned();
        let value = if label.is_empty() {
            entry
                .extracted
                .get(source)
                .filter(|v| !v.is_null())
                .map(show)
        } else {
            entry.labels.remove(source);
            Some(label)
        };
        if let Some(value) = value {
            entry.metadata.set(name, &value);
        }
    }
}

/// The line and some labels become one JSON object.
pub(crate) fn pack(config: &Pack, entry: &mut Entry) {
    let mut object = serde_json::Map::new();
    for name in &config.labels {
        let label = entry.labels.get(name).to_owned();
        let value = if label.is_empty() {
            entry.extracted.get(name).map(show)
        } else {
            Some(label)
        };
        if let Some(value) = value {
            object.insert(name.clone(), value.into());
        }
        entry.labels.remove(name);
    }
    let line = String::from_utf8_lossy(&entry.line).into_owned();
    object.insert("_entry".to_owned(), line.into());
    entry.line = Value::Object(object).to_string().into_bytes();
    if config.ingest_timestamp {
        entry.t = entry.now;
    }
}
