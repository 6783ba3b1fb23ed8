//! `line_format` and `label_format`: Go templates over the labels of a line.
//!
//! Most templates only put labels between texts; those are written out without the engine.

use crate::base::template::{self, Library, Limits, map};
use crate::query::logql::ast::{Format, FormatFrom};
use crate::query::logql::stage::Record;
use crate::query::logql::stage::functions::{self, Context};
use crate::query::logql::stage::work::Work;
use std::sync::{Arc, LazyLock};

/// The error of a line whose template failed.
const ERROR: &str = "TemplateFormatErr";
/// Bytes of one line that a template may write.
const MAX_LINE: usize = 256 << 10;

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::new(functions::table()));

pub(crate) enum Template {
    Plain(Vec<Part>),
    Engine(Box<template::Template>),
}

pub(crate) enum Part {
    Text(String),
    Label(String),
    Line,
}

/// One assignment of `label_format`.
pub(crate) enum Assign {
    Rename { to: String, from: String },
    Set { to: String, template: Template },
}

impl Template {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if let Some(parts) = plain(text) {
            return Ok(Self::Plain(parts));
        }
        let read = LIBRARY.text(text).map_err(|fault| {
            let unknown = fault.text.strip_prefix("there is no function ");
            match unknown {
                // Go's words, by which the users of Loki know it.
                Some(name) => format!("template: function {name} not defined"),
                None => format!("template: {fault}"),
            }
        });
        Ok(Self::Engine(Box::new(read?)))
    }

    /// The text; `None`, with the labels marked, where the template fails.
    pub(crate) fn render(&self, record: &mut Record<'_, '_>) -> Option<String> {
        let data = match self {
            Self::Plain(_) => None,
            Self::Engine(_) => Some(data(record.labels)),
        };
        match self.text(record, data.as_ref()) {
            Ok(text) => Some(text),
            Err(why) => {
                record.labels.fail(ERROR, why);
                None
            }
        }
    }

    fn text(
        &self,
        record: &mut Record<'_, '_>,
        data: Option<&template::Value>,
    ) -> Result<String, String> {
        match self {
            Self::Plain(parts) => {
                let mut out = String::new();
                for part in parts {
                    out.push_str(match part {
                        Part::Text(text) => text,
                        Part::Label(name) => match data {
                            Some(template::Value::Map(seen)) => seen
                                .get(&**name)
                                .and_then(|v| v.as_str())
                                .unwrap_or_default(),
                            _ => record.labels.get(name).unwrap_or_default(),
                        },
                        Part::Line => &record.line,
                    });
                }
                Ok(out)
            }
            Self::Engine(engine) => {
                let context = Context {
                    line: record.line.as_ref().into(),
                    t: record.t,
                };
                let limits = Limits {
                    output: MAX_LINE,
                    steps: 100_000,
                    ..Limits::default()
                };
                let data = data.cloned().unwrap_or(template::Value::Nil);
                let context: Option<Arc<_>> = Some(Arc::new(context));
                engine
                    .render_within(&data, &limits, context.map(|c| c as _))
                    .map_err(|fault| fault.to_string())
            }
        }
    }
}

fn data(labels: &mut Work) -> template::Value {
    map(labels.each())
}

pub(crate) fn assigns(all: &[Format]) -> Result<Vec<Assign>, String> {
    let assign = |format: &Format| {
        let to = format.to.clone();
        Ok(match &format.from {
            FormatFrom::Label(from) => Assign::Rename {
                to,
                from: from.clone(),
            },
            FormatFrom::Template(text) => Assign::Set {
                to,
                template: Template::new(text)?,
            },
        })
    };
    all.iter().map(assign).collect()
}

/// All templates of one stage see the labels as the first of them found them.
pub(crate) fn assign(all: &[Assign], record: &mut Record<'_, '_>) {
    let mut seen = None;
    for assign in all {
        match assign {
            Assign::Rename { to, from } => record.labels.rename(from, to),
            Assign::Set { to, template } => {
                let alone = all.len() == 1 && matches!(template, Template::Plain(_));
                let data = if alone {
                    None
                } else {
                    Some(&*seen.get_or_insert_with(|| data(record.labels)))
                };
                match template.text(record, data) {
                    Ok(text) => record.labels.set(to, &text),
                    Err(why) => record.labels.fail(ERROR, why),
                }
            }
        }
    }
}

/// Texts and `{{ .label }}` alone; `None` where there is more.
fn plain(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let (before, action) = rest.split_at(at);
        let (inner, after) = action[2..].split_once("}}")?;
        if inner.starts_with('-') || inner.ends_with('-') {
            return None;
        }
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let word = inner.trim();
        if word == "__line__" {
            parts.push(Part::Line);
        } else {
            let name = word.strip_prefix('.')?;
            let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            let named = fits && name.starts_with(|c: char| !c.is_ascii_digit());
            // Errors are no labels for a template.
            if !named || name.starts_with("__error") {
                return None;
            }
            parts.push(Part::Label(name.to_owned()));
        }
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Some(parts)
}
