//! Stages that change labels, and those that move them: labels, static_labels, labeldrop,
//! labelallow, structured_metadata, tenant, pack.

use crate::collect::tail::stage::{Entry, show};
use crate::config::logs::stages::{Pack, Tenant};
use serde_json::Value;
use std::collections::BTreeMap;

/// The label that names an entry's tenant, as Promtail calls it.
const TENANT: &str = "__tenant_id__";

/// Label names from extracted values.
pub(crate) fn labels(names: &[(String, String)], entry: &mut Entry) {
    for (name, source) in names {
        if let Some(text) = entry.extracted.get(source).and_then(show) {
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
            entry.extracted.get(source).and_then(show)
        } else {
            entry.labels.remove(source);
            Some(label)
        };
        if let Some(value) = value {
            entry.metadata.set(name, &value);
        }
    }
}

/// The tenant stands in a label that is not stored; forwarding reads it.
pub(crate) fn tenant(of: &Tenant, entry: &mut Entry) {
    let name = match of {
        Tenant::Label(name) => Some(entry.labels.get(name).to_owned()).filter(|t| !t.is_empty()),
        Tenant::Source(name) => entry.extracted.get(name).and_then(show),
        Tenant::Value(value) => Some(value.clone()),
    };
    if let Some(name) = name {
        entry.labels.set(TENANT, &name);
    }
}

/// The line and some labels become one JSON object, the line as its last.
pub(crate) fn pack(config: &Pack, entry: &mut Entry) {
    let mut packed: BTreeMap<&str, String> = BTreeMap::new();
    for name in &config.labels {
        let label = entry.labels.get(name).to_owned();
        let extracted = entry.extracted.get(name).and_then(show);
        let value = extracted.or(Some(label).filter(|l| !l.is_empty()));
        if let Some(value) = value {
            packed.insert(name, value);
        }
        entry.labels.remove(name);
    }
    let mut object = String::from("{");
    let line = String::from_utf8_lossy(&entry.line).into_owned();
    for (name, value) in packed.into_iter().chain([("_entry", line)]) {
        if object.len() > 1 {
            object.push(',');
        }
        object.push_str(&Value::from(name).to_string());
        object.push(':');
        object.push_str(&Value::from(value).to_string());
    }
    object.push('}');
    entry.line = object.into_bytes();
    if config.ingest_timestamp {
        entry.t = entry.now;
    }
}
