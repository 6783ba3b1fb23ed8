//! The values of one block by their keys, read by the rows of its table: every vendor's receiver
//! is such a table, so no vendor needs a structure of its own.

use crate::base::clock::Duration;
use crate::base::units::parse_duration_ms;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::place::{Node, Scalar, Value};
use crate::config::secret::{HIDDEN, SecretFrom};
use crate::config::shape::{Key, Section, Shape, as_bool, as_float, as_int};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Texts are templates unless their vendor says otherwise.
    Text(String),
    Secret(SecretFrom),
    Bool(bool),
    Int(i64),
    Duration(Duration),
    Texts(Vec<String>),
    Named(Vec<(String, String)>),
    Block(Box<Settings>),
    Blocks(Vec<Settings>),
    /// Whatever stood there, as JSON.
    Any(Json),
}

/// Values by key; a key without a value and without a default is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.0.get(key)
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn set(&mut self, key: &'static str, value: Setting) {
        self.0.insert(key, value);
    }

    /// The text; empty where there is none.
    pub fn text(&self, key: &str) -> &str {
        match self.get(key) {
            Some(Setting::Text(text)) => text,
            _ => "",
        }
    }

    pub fn secret(&self, key: &str) -> Option<&SecretFrom> {
        match self.get(key) {
            Some(Setting::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    pub fn bool(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Setting::Bool(true)))
    }

    pub fn int(&self, key: &str) -> i64 {
        match self.get(key) {
            Some(Setting::Int(n)) => *n,
            _ => 0,
        }
    }

    /// A duration above zero.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.get(key) {
            Some(Setting::Duration(d)) if !d.is_zero() => Some(*d),
            _ => None,
        }
    }

    pub fn texts(&self, key: &str) -> &[String] {
        match self.get(key) {
            Some(Setting::Texts(texts)) => texts,
            _ => &[],
        }
    }

    pub fn named(&self, key: &str) -> &[(String, String)] {
        match self.get(key) {
            Some(Setting::Named(pairs)) => pairs,
            _ => &[],
        }
    }

    pub fn block(&self, key: &str) -> Option<&Settings> {
        match self.get(key) {
            Some(Setting::Block(block)) => Some(block),
            _ => None,
        }
    }

    pub fn blocks(&self, key: &str) -> &[Settings] {
        match self.get(key) {
            Some(Setting::Blocks(blocks)) => blocks,
            _ => &[],
        }
    }

    pub fn any(&self, key: &str) -> Option<&Json> {
        match self.get(key) {
            Some(Setting::Any(json)) => Some(json),
            _ => None,
        }
    }

    /// Every text that is a template, with its key.
    pub fn templates(&self) -> Vec<(&'static str, &str)> {
        let mut out = Vec::new();
        for (key, value) in &self.0 {
            match value {
                Setting::Text(text) => out.push((*key, text.as_str())),
                Setting::Texts(texts) => out.extend(texts.iter().map(|t| (*key, t.as_str()))),
                Setting::Named(pairs) => out.extend(pairs.iter().map(|(_, t)| (*key, t.as_str()))),
                Setting::Block(block) => out.extend(block.templates()),
                Setting::Blocks(blocks) => out.extend(blocks.iter().flat_map(Self::templates)),
                Setting::Any(json) => texts_of(json, &mut |t| out.push((*key, t))),
                Setting::Secret(_) | Setting::Bool(_) | Setting::Int(_) | Setting::Duration(_) => {}
            }
        }
        out
    }
}

fn texts_of<'a>(json: &'a Json, visit: &mut impl FnMut(&'a str)) {
    match json {
        Json::String(text) => visit(text),
        Json::Array(items) => items.iter().for_each(|i| texts_of(i, visit)),
        Json::Object(map) => map.values().for_each(|v| texts_of(v, visit)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Reads a block that was held against `section`; keys of `but` are read by somebody else.
pub(super) fn read(
    of: Fields<'_>,
    section: &'static Section,
    but: &[&str],
    check: &mut Check<'_>,
) -> Settings {
    let mut out = Settings::default();
    for key in section.all() {
        if but.contains(&key.name) {
            continue;
        }
        // A file that holds the value of another key is read with that key.
        let twin = key.name.strip_suffix("_file");
        let of_secret = |name| {
            section
                .key(name)
                .is_some_and(|k| matches!(k.shape, Shape::Secret))
        };
        if twin.is_some_and(of_secret) {
            continue;
        }
        if let Some(value) = read_key(of, key, check) {
            out.set(key.name, value);
        }
    }
    out
}

fn read_key(of: Fields<'_>, key: &'static Key, check: &mut Check<'_>) -> Option<Setting> {
    let default = || default_of(key);
    Some(match key.shape {
        Shape::Secret => Setting::Secret(of.secret(key.name, check.folder)?),
        Shape::Bool => match of.bool(key.name) {
            Some(value) => Setting::Bool(value),
            None => return default(),
        },
        Shape::Int(..) => match of.int(key.name) {
            Some(value) => Setting::Int(value),
            None => return default(),
        },
        Shape::Duration => match of.duration(key.name) {
            Some(value) => Setting::Duration(value),
            None => return default(),
        },
        Shape::Texts => {
            let pairs = of.pairs(key.name).into_iter();
            let pairs: Vec<_> = pairs
                .map(|(k, v, _)| (k.to_owned(), v.to_owned()))
                .collect();
            (!pairs.is_empty()).then_some(Setting::Named(pairs))?
        }
        Shape::List(Shape::Section(inner)) => {
            let blocks = of.sections(key.name, inner).into_iter();
            let blocks: Vec<_> = blocks.map(|b| read(b, inner, &[], check)).collect();
            (!blocks.is_empty()).then_some(Setting::Blocks(blocks))?
        }
        Shape::List(_) if of.has(key.name) => Setting::Texts(of.strings(key.name)),
        Shape::List(_) => return default(),
        Shape::Section(inner) => {
            let block = of.section(key.name, inner)?;
            Setting::Block(Box::new(read(block, inner, &[], check)))
        }
        Shape::Either(_, inner) => match of.section(key.name, inner) {
            Some(block) => Setting::Block(Box::new(read(block, inner, &[], check))),
            None => match of.string(key.name) {
                Some(text) => Setting::Text(text),
                None => return default(),
            },
        },
        Shape::Any | Shape::Named(_) => Setting::Any(json(of.get(key.name)?)),
        _ => match of.string(key.name) {
            Some(text) => Setting::Text(text),
            None => return default(),
        },
    })
}

fn default_of(key: &'static Key) -> Option<Setting> {
    let text = key.default;
    if text.is_empty() {
        return None;
    }
    Some(match key.shape {
        Shape::Bool => Setting::Bool(text == "true"),
        Shape::Int(..) => Setting::Int(text.parse().unwrap_or_default()),
        Shape::Duration => {
            let ms = parse_duration_ms(text).unwrap_or_default();
            Setting::Duration(Duration::from_millis(ms.unsigned_abs()))
        }
        Shape::List(_) => Setting::Texts(text.split(", ").map(str::to_owned).collect()),
        _ => Setting::Text(text.to_owned()),
    })
}

/// A subtree as JSON, scalars as YAML means them.
pub(super) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) => json_scalar(scalar, node.is_null()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => {
            let pairs = entries.iter().map(|e| (e.key.clone(), json(&e.value)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
    }
}

fn json_scalar(scalar: &Scalar, null: bool) -> Json {
    if null {
        return Json::Null;
    }
    if let Some(yes) = as_bool(scalar) {
        return Json::Bool(yes);
    }
    if let Some(n) = as_int(scalar) {
        return Json::from(n);
    }
    if let Some(f) = as_float(scalar).and_then(serde_json::Number::from_f64) {
        return Json::Number(f);
    }
    Json::String(scalar.text.clone())
}

/// A block as it was written, with `<secret>` for what is one.
pub(super) fn shown(node: &Node, section: &'static Section) -> String {
    let mut out = String::new();
    print(node, Shape::Section(section), 0, &mut out);
    out
}

fn print(node: &Node, shape: Shape, depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    match &node.value {
        Value::Scalar(scalar) => {
            let text = match shape {
                Shape::Secret if !node.is_null() => HIDDEN,
                _ => scalar.text.as_str(),
            };
            let plain = scalar.plain && text != HIDDEN && !text.contains(['\n', '#', ':']);
            if plain {
                out.push_str(text);
            } else {
                out.push_str(&Json::from(text).to_string());
            }
            out.push('\n');
        }
        Value::List(items) => {
            let inner = match shape {
                Shape::List(inner) => *inner,
                Shape::Secret => Shape::Secret,
                _ => Shape::Any,
            };
            out.push_str(if items.is_empty() { "[]\n" } else { "\n" });
            for item in items {
                out.push_str(&format!("{pad}- "));
                print_item(item, inner, depth + 1, out);
            }
        }
        Value::Map(entries) => {
            if depth > 0 {
                out.push('\n');
            }
            print_entries(entries, shape, depth, &pad, out);
        }
    }
}

/// The first key of a mapping stands beside the dash of its list.
fn print_item(item: &Node, shape: Shape, depth: usize, out: &mut String) {
    match &item.value {
        Value::Map(entries) => {
            let pad = "  ".repeat(depth);
            let mut text = String::new();
            print_entries(entries, shape, depth, &pad, &mut text);
            out.push_str(text.strip_prefix(&pad).unwrap_or(&text));
        }
        _ => print(item, shape, depth, out),
    }
}

fn print_entries(
    entries: &[crate::config::place::Entry],
    shape: Shape,
    depth: usize,
    pad: &str,
    out: &mut String,
) {
    for entry in entries {
        let inner = match shape {
            Shape::Section(section) | Shape::Either(_, section) => {
                section.key(&entry.key).map_or(Shape::Any, |k| k.shape)
            }
            Shape::Named(inner) => *inner,
            Shape::Secret => Shape::Secret,
            _ => Shape::Any,
        };
        out.push_str(&format!("{pad}{}: ", entry.key));
        print(&entry.value, inner, depth + 1, out);
    }
}
