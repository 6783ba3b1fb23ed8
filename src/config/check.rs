//! What the readers of sections share while one file is checked: its findings, its folder, the
//! environment, and the rules that many keys have in common.

use crate::base::regex::Regex;
use crate::config::fields::Fields;
use crate::config::files::Files;
use crate::config::finding::Report;
use crate::config::place::{Place, Value};
use crate::config::secret::without_credentials;
use crate::config::suggest::nearest;
use crate::model::alert::Language;
use crate::query::syntax;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub(crate) struct Check<'a> {
    pub(crate) report: &'a mut Report,
    /// Relative paths of the file are taken from here.
    pub(crate) folder: &'a Path,
    pub(crate) files: &'a dyn Files,
    pub(crate) names: Names,
}

/// Which label and metric names are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Names {
    /// Letters, digits, `_`, and `:` in metric names.
    Legacy,
    /// Any UTF-8 text that is not empty.
    #[default]
    Utf8,
}

impl Names {
    pub(crate) fn label_is_valid(self, name: &str) -> bool {
        let mut chars = name.chars();
        match self {
            Self::Utf8 => !name.is_empty(),
            Self::Legacy => {
                chars
                    .next()
                    .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                    && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
            }
        }
    }
}

impl Check<'_> {
    /// Each of `keys` must have a text.
    pub(crate) fn require(&mut self, of: Fields<'_>, keys: &[&str]) {
        for key in keys {
            if of.text(key).is_none_or(str::is_empty) {
                let place = of.place_of(key);
                self.report
                    .error(place, format!("`{key}` is needed here and has no value"));
            }
        }
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        self.files.exists(path)
    }

    pub(crate) fn label_name(&mut self, name: &str, place: Place) {
        if !self.names.label_is_valid(name) {
            let text = format!("{name:?} is not a label name: letters, digits and `_`");
            self.report.error(place, text);
        }
    }

    /// A header that the client does not set itself.
    pub(crate) fn header_name(&mut self, name: &str, place: Place, reserved: &[&str]) {
        let lower = name.to_ascii_lowercase();
        if reserved.contains(&lower.as_str()) {
            let text = format!("the header {name} is set by the client itself; leave it out");
            self.report.error(place, text);
        }
    }

    /// An address with a scheme of `schemes` and a host. One that holds a placeholder in braces
    /// is a warning: the rest of the file runs.
    pub(crate) fn url(&mut self, url: &str, place: Place, schemes: &[&str]) {
        let shown = without_credentials(url);
        if has_placeholder(url) {
            let text = format!("{shown:?} cannot be reached as written; put the server's address");
            return self.report.warning(place, text);
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            let text = format!("{shown:?} is not a URL; write {}://HOST:PORT/", schemes[0]);
            return self.report.error(place, text);
        };
        if !schemes.contains(&scheme.to_ascii_lowercase().as_str()) {
            let text = format!(
                "{shown:?} begins with `{scheme}`, not with {}",
                schemes.join(" or ")
            );
            return self.report.error(place, text);
        }
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() || host.contains(char::is_whitespace) {
            self.report.error(place, format!("{shown:?} names no host"));
        }
    }

    /// A query that makes numbers: its fault is reported where it stands in the file.
    pub(crate) fn query(&mut self, of: Fields<'_>, key: &str, language: Language) {
        let Some(node) = of.get(key) else {
            return;
        };
        let Value::Scalar(scalar) = &node.value else {
            return;
        };
        let Err(mut fault) = syntax::check_rule(language, &scalar.text) else {
            return;
        };
        if language == Language::PromQl
            && scalar.text.contains('{')
            && syntax::check_rule(Language::LogQl, &scalar.text).is_ok()
        {
            fault.message.push_str(
                "; this is LogQL: write `language: logql` into its group, or name the file under `logs.rule_files`",
            );
        }
        // Of a quoted text the place is its quote; lines are those of a `|` block.
        let quote = !scalar.plain && !scalar.text.contains('\n');
        let mut place = node.place;
        place.line += fault.line as u32 - 1;
        place.column += fault.column as u32 - 1 + u32::from(quote);
        self.report.error_within(node.place, place, fault.message);
    }

    /// A list of file patterns, as paths. What matches nothing yet is a warning: the file may
    /// come later and is found then.
    pub(crate) fn patterns(&mut self, patterns: Vec<(&str, Place)>) -> Vec<PathBuf> {
        let mut out = Vec::new();
        for (pattern, place) in patterns {
            if !pattern_is_valid(pattern) {
                let text = format!("{pattern:?} may hold `*` in its last part only");
                self.report.error(place, text);
                continue;
            }
            let path = self.folder.join(pattern);
            if self.files.matches(&path).is_empty() {
                let text = format!("no file matches {} yet", path.display());
                self.report.warning(place, text);
            }
            out.push(path);
        }
        out
    }

    /// Reports a word that is none of `words`.
    pub(crate) fn word(&mut self, word: &str, place: Place, words: &[&str]) -> bool {
        if words.contains(&word) {
            return true;
        }
        let hint = nearest(word, words.iter().copied())
            .map(|w| format!("; did you mean `{w}`?"))
            .unwrap_or_default();
        let text = format!("`{word}` is not one of {}{hint}", words.join(", "));
        self.report.error(place, text);
        false
    }
}

/// Prometheus' rule: `*` only after the last `/`.
fn pattern_is_valid(pattern: &str) -> bool {
    static RULE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::anchored("[^*]*(\\*[^/]*)?").ok());
    !pattern.is_empty() && RULE.as_ref().is_none_or(|r| r.is_match(pattern))
}

/// `{the server's address}`: a place in a template that nobody filled in.
pub(crate) fn has_placeholder(text: &str) -> bool {
    text.find('{').is_some_and(|at| text[at..].contains('}'))
}
