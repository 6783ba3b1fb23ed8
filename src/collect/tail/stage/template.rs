//! Stages that write texts by templates: template, replace.

use crate::collect::tail::stage::{Entry, show};
use crate::config::logs::stages::{Replace, Template};
use std::collections::BTreeMap;

/// Extracted values as texts; what is no text has no place in a template.
fn texts(entry: &Entry) -> impl Iterator<Item = (&str, String)> {
    let all = entry.extracted.iter();
    all.filter_map(|(name, value)| Some((name.as_str(), show(value)?)))
}

/// Makes an extracted value; an empty one is removed. A template that fails changes nothing.
pub(crate) fn template(config: &Template, entry: &mut Entry) {
    let value = entry.extracted.get(&config.source).and_then(show);
    let line = String::from_utf8_lossy(&entry.line).into_owned();
    let own = value.map(|v| ("Value", v)).into_iter();
    let names = texts(entry).chain(own).chain([("Entry", line)]);
    let Ok(made) = config.template.render(names) else {
        return;
    };
    if made.is_empty() {
        entry.extracted.remove(&config.source);
    } else {
        entry.extracted.insert(config.source.clone(), made.into());
    }
}

/// Every capture group is replaced, the outer before what lies in it.
pub(crate) fn replace(config: &Replace, entry: &mut Entry) {
    let Some(text) = entry.text(config.source.as_deref()) else {
        return;
    };
    let compiled = config.expression.compiled();
    let bytes = text.as_bytes();
    // Templates of plain text are the rule: what was made for a text is not made again.
    let mut made: BTreeMap<String, String> = BTreeMap::new();
    let mut named: Vec<(String, String)> = Vec::new();
    let (mut out, mut at, mut matched) = (Vec::with_capacity(bytes.len()), 0, false);
    for found in compiled.captures_iter(bytes) {
        for (i, name) in compiled.capture_names().enumerate().skip(1) {
            let Some(group) = found.get(i) else {
                continue;
            };
            let was = String::from_utf8_lossy(group.as_bytes()).into_owned();
            if !made.contains_key(&was) {
                let value = [("Value", was.clone())];
                let Ok(text) = config.replace.render(texts(entry).chain(value)) else {
                    return;
                };
                made.insert(was.clone(), text);
            }
            let with = &made[&was];
            if group.start() >= at {
                out.extend_from_slice(&bytes[at..group.start()]);
                out.extend_from_slice(with.as_bytes());
                at = group.end();
            }
            // Of several matches the first gives what is extracted.
            if let Some(name) = name.filter(|_| !matched) {
                named.push((name.to_owned(), with.clone()));
            }
        }
        matched = true;
    }
    if !matched {
        return;
    }
    out.extend_from_slice(&bytes[at..]);
    match &config.source {
        Some(name) => {
            let text = String::from_utf8_lossy(&out).into_owned();
            entry.extracted.insert(name.clone(), text.into());
        }
        None => entry.line = out,
    }
    for (name, with) in named {
        entry.extracted.insert(name, with.into());
    }
}
