//! The texts of rules: templates over one sample, as Prometheus renders them.
//!
//! Source: Prometheus `template/template.go`.

mod functions;

mod number;

pub(crate) use functions::graph_link;

use crate::alert::Ask;
use crate::base::template::{Library, Template, Value, map, structure};
use crate::config::rules::TEMPLATE_HEAD;
use crate::model::alert::Language;
use crate::model::labels::Labels;
use std::sync::{Arc, LazyLock};

/// Queries that the templates of one evaluation may ask together.
const MOST_QUERIES: usize = 1000;

/// A text of a rule: most need no template.
#[derive(Debug)]
pub(crate) enum Text {
    Plain(String),
    Template(Box<Template>),
    /// Said instead of the text.
    Faulty(String),
}

impl Text {
    pub(crate) fn new(text: &str) -> Self {
        static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::new(functions::table()));
        if !text.contains("{{") {
            return Self::Plain(text.to_owned());
        }
        match LIBRARY.text(&format!("{TEMPLATE_HEAD}{text}")) {
            Ok(template) => Self::Template(Box::new(template)),
            Err(fault) => Self::Faulty(failed(&fault.text)),
        }
    }

    /// Never fails: a text that cannot be rendered says so, and the alert fires all the same.
    pub(crate) fn render(&self, data: &Value, expander: &Expander) -> String {
        match self {
            Self::Plain(text) | Self::Faulty(text) => text.clone(),
            Self::Template(template) => {
                let limits = crate::base::template::Limits::default();
                let context = Some(expander.context.clone() as Arc<_>);
                let rendered = template.render_within(data, &limits, context);
                rendered.unwrap_or_else(|fault| failed(&fault.text))
            }
        }
    }
}

fn failed(why: &str) -> String {
    format!("<error expanding template: {why}>")
}

/// What all texts of one evaluation share.
pub(crate) struct Expander {
    external_labels: Value,
    context: Arc<Context>,
}

/// What functions find beside their arguments.
pub(crate) struct Context {
    ask: Arc<dyn Ask>,
    /// Of the rule: what its templates ask is written in the same.
    language: Language,
    t: i64,
    external_url: String,
    queries: std::sync::atomic::AtomicUsize,
}

impl Expander {
    /// For an evaluation at `t`, milliseconds since the epoch.
    pub(crate) fn new(
        ask: Arc<dyn Ask>,
        language: Language,
        t: i64,
        external_labels: &Labels,
        external_url: &str,
    ) -> Self {
        Self {
            external_labels: label_map(external_labels),
            context: Arc::new(Context {
                ask,
                language,
                t,
                external_url: external_url.to_owned(),
                queries: std::sync::atomic::AtomicUsize::new(0),
            }),
        }
    }

    /// `.Labels`, `.Value` and their like for one sample.
    pub(crate) fn data(&self, labels: &Labels, value: f64) -> Value {
        structure(
            "rule",
            [
                ("Labels", label_map(labels)),
                ("ExternalLabels", self.external_labels.clone()),
                (
                    "ExternalURL",
                    Value::String(self.context.external_url.as_str().into()),
                ),
                ("Value", Value::Float(value)),
            ],
        )
    }
}

fn label_map(labels: &Labels) -> Value {
    map(labels.iter().map(|(n, v)| (n, Value::String(v.into()))))
}

#[cfg(test)]
mod tests;
