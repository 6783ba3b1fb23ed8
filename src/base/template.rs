//! Go's templates (`text/template`, `html/template`): what rules, notifications and log lines are
//! written in.
//!
//! The engine is the crate `gotmpl`; this module gives it what Go takes from its types: methods
//! (`.StartsAt.Format "15:04"`, `.Labels.SortedPairs`), "no such field" as an error, a missing key
//! as the empty text, floats as Go prints them. Functions come as a table from the room that owns
//! the templates. A rendering is bounded in output, in steps and in time, whatever the text says.
//!
//! It never reads files and holds no state between renderings. Start with [`Library`]: named
//! templates, from which a [`Template`] is made for each text.

pub mod cast;
mod functions;
mod rewrite;
mod scope;
pub mod sprig;
mod time;
mod value;

pub use functions::{Body, Functions, Methods, number, text};
pub use scope::{Limits, Scope};
pub use time::{format_time, parse_shown_time, show_duration};
pub use value::{
    Value, duration, list, map, open_map, shown, structure, time as time_value, trusted,
};

use crate::base::clock::Duration;
use gotmpl::parse::{ListNode, Parser};
use gotmpl::{MissingKey, TemplateError};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Bytes of one template's text at most.
pub const MAX_SOURCE: usize = 1 << 20;

/// What is wrong with a template, or why it could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line and column in the text, from 1, where they are known.
    pub place: Option<(usize, usize)>,
    pub text: String,
}

impl Fault {
    fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { place: None, text }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Fault {}

impl From<TemplateError> for Fault {
    fn from(e: TemplateError) -> Self {
        match e {
            TemplateError::Parse {
                line, col, message, ..
            }
            | TemplateError::Lex {
                line, col, message, ..
            } => Self {
                place: Some((line, col)),
                text: message,
            },
            TemplateError::Exec(text) => Self::new(text),
            TemplateError::UndefinedTemplate(name) => {
                Self::new(format!("there is no template {name:?}"))
            }
            TemplateError::Escape {
                line, description, ..
            } => Self {
                place: Some((line, 1)),
                text: description,
            },
            other => Self::new(other.to_string()),
        }
    }
}

/// Named templates and the functions they may call.
#[derive(Clone, Default)]
pub struct Library {
    functions: Functions,
    defines: BTreeMap<String, Arc<ListNode>>,
}

impl Library {
    pub fn new(functions: Functions) -> Self {
        Self {
            functions,
            defines: BTreeMap::new(),
        }
    }

    /// Takes every `{{ define }}` of a text; a later one of the same name replaces an earlier.
    pub fn add(&mut self, text: &str) -> Result<(), Fault> {
        let (_, defines) = self.parse(text)?;
        for (name, tree) in defines {
            if gotmpl::parse::ListNode::is_empty_tree(&tree) && self.defines.contains_key(&name) {
                continue;
            }
            self.defines.insert(name, Arc::new(tree));
        }
        Ok(())
    }

    /// The names that `{{ template "NAME" . }}` may say.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.defines.keys().map(String::as_str)
    }

    /// A text to be rendered as it is.
    pub fn text(&self, source: &str) -> Result<Template, Fault> {
        let (tree, defines) = self.needed(source)?;
        let mut engine = gotmpl::Template::new("")
            .missing_key(MissingKey::ZeroValue)
            .max_range_iters(scope::MAX_RANGES)
            .funcs(self.functions.table());
        for (name, tree) in defines {
            engine = engine.add_parse_tree(&name, tree);
        }
        Ok(Template(Engine::Text(engine.add_parse_tree(ENTRY, tree))))
    }

    /// A text whose values are escaped by where they stand in the HTML around them.
    pub fn html(&self, source: &str) -> Result<Template, Fault> {
        let (tree, defines) = self.needed(source)?;
        let mut engine = gotmpl::html::Template::new("")
            .missing_key(MissingKey::ZeroValue)
            .max_range_iters(scope::MAX_RANGES)
            .funcs(self.functions.table());
        for (name, tree) in defines {
            engine = engine.add_parse_tree(&name, tree)?;
        }
        let engine = engine.add_parse_tree(ENTRY, tree)?;
        let start = format!("{{{{template {ENTRY:?} .}}}}");
        Ok(Template(Engine::Html(engine.parse(&start)?)))
    }

    /// The text's tree and the templates it can reach.
    fn needed(&self, source: &str) -> Result<(ListNode, Vec<(String, ListNode)>), Fault> {
        let (tree, own) = self.parse(source)?;
        let own: BTreeMap<String, ListNode> = own.into_iter().collect();
        let mut wanted = rewrite::called(&tree);
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut out = Vec::new();
        while let Some(name) = wanted.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let found = own.get(&name).or(self.defines.get(&name).map(|t| &**t));
            if let Some(found) = found {
                wanted.extend(rewrite::called(found));
                out.push((name, found.clone()));
            }
        }
        Ok((tree, out))
    }

    fn parse(&self, source: &str) -> Result<(ListNode, Vec<(String, ListNode)>), Fault> {
        if source.len() > MAX_SOURCE {
            let text = format!("a template of {} bytes; at most {MAX_SOURCE}", source.len());
            return Err(Fault::new(text));
        }
        let (mut tree, defines) = Parser::new(source, "{{", "}}")?.parse()?;
        let at = rewrite::Source::new(source, &self.functions);
        at.list(&mut tree)?;
        let mut named = Vec::with_capacity(defines.len());
        for define in defines {
            let mut body = define.body;
            at.list(&mut body)?;
            named.push((define.name.to_string(), body));
        }
        Ok((tree, named))
    }
}

/// The name under which the text itself stands beside the templates it calls.
const ENTRY: &str = " entry";

/// A text that can be rendered, any number of times and from any thread.
pub struct Template(Engine);

enum Engine {
    Text(gotmpl::Template),
    Html(gotmpl::html::Template),
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

impl Template {
    pub fn render(&self, data: &Value) -> Result<String, Fault> {
        self.render_within(data, &Limits::default(), None)
    }

    /// With own limits, and with what functions find under [`Scope::context`].
    pub fn render_within(
        &self,
        data: &Value,
        limits: &Limits,
        context: Option<Arc<dyn Any + Send + Sync>>,
    ) -> Result<String, Fault> {
        let _entered = scope::enter(limits, context).map_err(Fault::new)?;
        let mut out = scope::Bounded::new(limits.output);
        let result = match &self.0 {
            Engine::Text(engine) => engine.execute_template_fmt(&mut out, ENTRY, data),
            Engine::Html(engine) => engine.execute_fmt(&mut out, data),
        };
        let stopped = scope::stopped();
        match (result, out.overflowed, stopped) {
            (_, true, _) => Err(Fault::new(format!(
                "writes more than {} bytes",
                limits.output
            ))),
            (_, _, Some(why)) => Err(Fault::new(why)),
            (Err(TemplateError::RangeIterLimit), ..) => Err(Fault::new(format!(
                "goes around its `range` more than {} times",
                scope::MAX_RANGES
            ))),
            (Err(e), ..) => Err(e.into()),
            (Ok(()), ..) => Ok(out.text),
        }
    }
}

/// How long a rendering may take unless somebody says otherwise.
const DEFAULT_TIME: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
