//! Reading the values of a section that [`crate::config::shape`] has held against its rows.
//!
//! A value that is absent, null or of the wrong shape (which has its error by then) is `None`, and
//! the caller's default stands.

use crate::base::clock::Duration;
use crate::base::regex::Regex;
use crate::base::units::{parse_bytes, parse_duration_ms};
use crate::config::place::{Node, Place, Value};
use crate::config::secret::{Secret, SecretFrom};
use crate::config::shape::{Section, as_bool, as_float, as_int};
use std::path::{Path, PathBuf};

/// One mapping of the file, seen as a section.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    node: &'a Node,
    section: &'static Section,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(node: &'a Node, section: &'static Section) -> Self {
        Self { node, section }
    }

    pub(crate) fn is(&self, section: &'static Section) -> bool {
        std::ptr::eq(self.section, section)
    }

    pub(crate) fn place(&self) -> Place {
        self.node.place
    }

    /// Where `key` stands, or the section where it is absent.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        self.node.entry(key).map_or(self.node.place, |e| e.place)
    }

    /// Where the value of `key` stands.
    pub(crate) fn value_place(&self, key: &str) -> Place {
        self.node
            .entry(key)
            .map_or(self.node.place, |e| e.value.place)
    }

    /// Written with a value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Written, be it without a value.
    pub(crate) fn written(&self, key: &str) -> bool {
        self.node.entry(key).is_some()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        debug_assert!(
            self.section.key(key).is_some(),
            "`{key}` has no row in the registry's section `{}`",
            self.section.name
        );
        #[cfg(test)]
        asked::note(self.section.name, key);
        self.node.get(key)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.text()
    }

    pub(crate) fn string(&self, key: &str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    pub(crate) fn bool(&self, key: &str) -> Option<bool> {
        match &self.get(key)?.value {
            Value::Scalar(s) => as_bool(s),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(crate) fn int(&self, key: &str) -> Option<i64> {
        match &self.get(key)?.value {
            Value::Scalar(s) => as_int(s),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        self.int(key).and_then(|n| u64::try_from(n).ok())
    }

    pub(crate) fn float(&self, key: &str) -> Option<f64> {
        match &self.get(key)?.value {
            Value::Scalar(s) => as_float(s),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(crate) fn duration(&self, key: &str) -> Option<Duration> {
        let ms = parse_duration_ms(self.text(key)?).ok()?;
        Some(Duration::from_millis(ms.unsigned_abs()))
    }

    /// A duration above zero: zero means "not said", as in the Go tools.
    pub(crate) fn positive(&self, key: &str) -> Option<Duration> {
        self.duration(key).filter(|d| !d.is_zero())
    }

    pub(crate) fn bytes(&self, key: &str) -> Option<u64> {
        parse_bytes(self.text(key)?).ok()
    }

    pub(crate) fn regex(&self, key: &str) -> Option<Regex> {
        Regex::anchored(self.text(key)?).ok()
    }

    /// A path, taken relative to the file's folder.
    pub(crate) fn path(&self, key: &str, folder: &Path) -> Option<PathBuf> {
        self.text(key)
            .filter(|t| !t.is_empty())
            .map(|t| folder.join(t))
    }

    pub(crate) fn section(&self, key: &str, section: &'static Section) -> Option<Fields<'a>> {
        let node = self.get(key)?;
        matches!(node.value, Value::Map(_)).then(|| Fields::new(node, section))
    }

    pub(crate) fn items(&self, key: &str) -> &'a [Node] {
        self.get(key).map_or(&[], Node::items)
    }

    /// The mappings of a list; items that are none have had their error.
    pub(crate) fn sections(&self, key: &str, section: &'static Section) -> Vec<Fields<'a>> {
        self.items(key)
            .iter()
            .filter(|n| matches!(n.value, Value::Map(_)))
            .map(|n| Fields::new(n, section))
            .collect()
    }

    /// The texts of a list, with their places.
    pub(crate) fn texts(&self, key: &str) -> Vec<(&'a str, Place)> {
        let items = self.items(key).iter();
        items.map(|n| (text_or_empty(n), n.place)).collect()
    }

    pub(crate) fn strings(&self, key: &str) -> Vec<String> {
        let texts = self.texts(key);
        texts.into_iter().map(|(t, _)| t.to_owned()).collect()
    }

    /// Names to texts, with the places of the names.
    pub(crate) fn pairs(&self, key: &str) -> Vec<(&'a str, &'a str, Place)> {
        let entries = self.get(key).map_or(&[][..], Node::entries);
        let pair =
            |e: &'a crate::config::place::Entry| (e.key.as_str(), text_or_empty(&e.value), e.place);
        entries.iter().map(pair).collect()
    }

    /// The secret of `key` or of its `_file` twin.
    pub(crate) fn secret(&self, key: &str, folder: &Path) -> Option<SecretFrom> {
        let file = format!("{key}_file");
        if self.section.key(&file).is_some()
            && let Some(path) = self.path(&file, folder)
        {
            return Some(SecretFrom::File(path));
        }
        let text = self.text(key).filter(|t| !t.is_empty())?;
        Some(SecretFrom::Inline(Secret::new(text)))
    }
}

/// Null where a text is asked for is the empty text.
fn text_or_empty(node: &Node) -> &str {
    if node.is_null() {
        return "";
    }
    node.text().unwrap_or_default()
}

/// Which keys were asked for: a key that works is one that somebody reads.
#[cfg(test)]
pub(crate) mod asked {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    thread_local! {
        static ASKED: RefCell<BTreeSet<(&'static str, String)>> = RefCell::default();
    }

    pub(crate) fn note(section: &'static str, key: &str) {
        ASKED.with_borrow_mut(|set| set.insert((section, key.to_owned())));
    }

    pub(crate) fn take() -> BTreeSet<(&'static str, String)> {
        ASKED.take()
    }
}
