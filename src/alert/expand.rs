//! The texts of rules: templates over one sample, as Prometheus renders them.
//!
//! Source: Prometheus `template/template.go`.

mod functions;

mod number;

pub(crate) use functions::graph_link;

use crate::alert::Ask;
use crate::base::clock::{Duration, Instant, monotonic};
use crate::base::template::{Library, Limits, Template, Value, map, shown, structure};
use crate::config::rules::TEMPLATE_HEAD;
use crate::model::alert::Language;
use crate::model::labels::Labels;
use std::cell::OnceCell;
use std::sync::{Arc, LazyLock};

/// Queries that the templates of one evaluation may ask together.
const MOST_QUERIES: usize = 1000;
/// What they may take together: all rules share one thread.
const MOST_TIME: Duration = Duration::from_secs(5);
/// Bytes of one text: it is held for every alert of the rule.
const MOST_TEXT: usize = 64 << 10;

/// A text of a rule: most need no template.
#[derive(Debug)]
pub(crate) enum Text {
    Plain(String),
    /// Pieces that need no engine: most templates name labels and the value, and no more.
    Simple(Vec<Piece>),
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
        if let Some(pieces) = pieces(text) {
            return Self::Simple(pieces);
        }
        match LIBRARY.text(&format!("{TEMPLATE_HEAD}{text}")) {
            Ok(template) => Self::Template(Box::new(template)),
            Err(fault) => Self::Faulty(failed(&fault.text)),
        }
    }

    /// Never fails: a text that cannot be rendered says so, and the alert fires all the same.
    pub(crate) fn render(&self, one: &One<'_>, expander: &Expander) -> String {
        match self {
            Self::Plain(text) | Self::Faulty(text) => text.clone(),
            Self::Simple(pieces) => {
                let mut out = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => out.push_str(text),
                        Piece::Label(name) => out.push_str(one.labels.get(name)),
                        Piece::Value(print) => out.push_str(&print(one.value)),
                    }
                }
                out
            }
            Self::Template(template) => {
                let data = one
                    .data
                    .get_or_init(|| expander.data(one.labels, one.value));
                let left = expander.until.saturating_duration_since(monotonic());
                if left.is_zero() {
                    return failed("the texts of this rule take too long together");
                }
                let usual = Limits::default();
                let limits = Limits {
                    output: MOST_TEXT,
                    time: usual.time.min(left),
                    ..usual
                };
                let context = Some(expander.context.clone() as Arc<_>);
                let rendered = template.render_within(data, &limits, context);
                rendered.unwrap_or_else(|fault| failed(&fault.text))
            }
        }
    }
}

/// The sample that the texts of a rule speak of.
pub(crate) struct One<'a> {
    labels: &'a Labels,
    value: f64,
    /// What templates see of it; made when the first asks.
    data: OnceCell<Value>,
}

impl<'a> One<'a> {
    pub(crate) fn new(labels: &'a Labels, value: f64) -> Self {
        Self {
            labels,
            value,
            data: OnceCell::new(),
        }
    }
}

type Print = fn(f64) -> String;

/// A part of a template that stands for itself.
#[derive(Debug)]
pub(crate) enum Piece {
    Text(String),
    Label(String),
    Value(Print),
}

/// Ways to print the value, as templates write them.
const PRINTS: [(&str, Print); 4] = [
    ("humanize", number::humanize),
    ("humanize1024", number::humanize_1024),
    ("humanizeDuration", number::humanize_duration),
    ("humanizePercentage", |v| {
        format!("{}%", number::four_digits(v * 100.0))
    }),
];

/// The pieces of a template that only names labels and the value, plain or through one function;
/// `None` for any other.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, behind) = after.split_once("}}")?;
        if !before.is_empty() {
            out.push(Piece::Text(before.to_owned()));
        }
        out.push(piece(inside)?);
        rest = behind;
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest.to_owned()));
    }
    Some(out)
}

fn piece(inside: &str) -> Option<Piece> {
    // `{{-` and `-}}` cut blanks around them.
    if inside.starts_with('-') || inside.ends_with('-') {
        return None;
    }
    let is_value = |text: &str| matches!(text.trim(), "$value" | ".Value");
    let inside = inside.trim();
    if is_value(inside) {
        return Some(Piece::Value(|v| shown(&Value::Float(v))));
    }
    let called = inside
        .split_once('|')
        .map(|(value, function)| (function.trim(), value))
        .or_else(|| inside.split_once(' '));
    if let Some((function, value)) = called {
        let print = PRINTS.iter().find(|(name, _)| *name == function)?;
        return is_value(value).then_some(Piece::Value(print.1));
    }
    let name = inside
        .strip_prefix("$labels.")
        .or_else(|| inside.strip_prefix(".Labels."))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit());
    (is_name && !name.is_empty()).then(|| Piece::Label(name.to_owned()))
}

fn failed(why: &str) -> String {
    format!("<error expanding template: {why}>")
}

/// What all texts of one evaluation share.
pub(crate) struct Expander {
    external_labels: Value,
    /// When texts are no longer rendered at this evaluation.
    until: Instant,
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
            until: monotonic() + MOST_TIME,
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
