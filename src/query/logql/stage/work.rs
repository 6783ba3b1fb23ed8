//! The labels of one line while its stages run.
//!
//! A name belongs to the stream, to the entry's metadata, or was parsed. Names of the stream come
//! before metadata, metadata before what is parsed: a clash moves the weaker one to
//! `NAME_extracted`, where the parsed value wins. Buffers are kept from line to line.

use crate::model::labels::Labels;
use crate::query::logql::stage::{ERROR, ERROR_DETAILS};
use std::fmt::Write as _;

/// Where a label comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Stream,
    Metadata,
    Parsed,
}

#[derive(Debug, Default)]
struct Slot {
    name: String,
    value: String,
    origin: Option<Origin>,
}

#[derive(Debug, Default)]
pub(crate) struct Work {
    stream: Labels,
    metadata: Labels,
    /// The first `used` hold labels, the rest only memory.
    slots: Vec<Slot>,
    used: usize,
    /// The labels above stand in the slots.
    loaded: bool,
    error: Option<&'static str>,
    details: String,
}

const EXTRACTED: &str = "_extracted";

impl Work {
    /// A new line.
    pub(crate) fn start(&mut self, stream: &Labels, metadata: &Labels) {
        self.stream = stream.clone();
        self.metadata = metadata.clone();
        self.used = 0;
        self.loaded = false;
        self.error = None;
        self.details.clear();
    }

    fn load(&mut self) {
        if self.loaded {
            return;
        }
        self.loaded = true;
        let (stream, metadata) = (self.stream.clone(), self.metadata.clone());
        for (name, value) in &stream {
            self.push(name, "", value, Origin::Stream);
        }
        for (name, value) in &metadata {
            let suffix = if stream.has(name) { EXTRACTED } else { "" };
            self.push(name, suffix, value, Origin::Metadata);
        }
    }

    fn push(&mut self, name: &str, suffix: &str, value: &str, origin: Origin) {
        if self.used == self.slots.len() {
            self.slots.push(Slot::default());
        }
        let slot = &mut self.slots[self.used];
        slot.name.clear();
        slot.name.push_str(name);
        slot.name.push_str(suffix);
        value.clone_into(&mut slot.value);
        slot.origin = Some(origin);
        self.used += 1;
    }

    fn find(&self, name: &str, suffix: &str) -> Option<usize> {
        self.slots[..self.used].iter().position(|slot| {
            let head = slot.name.strip_suffix(suffix);
            head == Some(name)
        })
    }

    /// The value of a label, of `__error__` too; `None` where it is absent.
    pub(crate) fn get(&mut self, name: &str) -> Option<&str> {
        match name {
            ERROR => return self.error,
            ERROR_DETAILS => {
                return Some(self.details.as_str()).filter(|d| !d.is_empty());
            }
            _ => {}
        }
        self.load();
        self.find(name, "").map(|at| self.slots[at].value.as_str())
    }

    /// What a parser found; the first value of a name stands.
    pub(crate) fn parsed(&mut self, name: &str, value: &str) {
        self.load();
        let clash = self.stream.has(name) || self.metadata.has(name);
        let suffix = if clash { EXTRACTED } else { "" };
        match self.find(name, suffix) {
            None => self.push(name, suffix, "", Origin::Parsed),
            Some(at) if self.slots[at].origin == Some(Origin::Metadata) => {
                self.slots.swap(at, self.used - 1);
                self.slots[self.used - 1].origin = Some(Origin::Parsed);
            }
            Some(_) => return,
        }
        let slot = &mut self.slots[self.used - 1];
        slot.value.clear();
        // What was no UTF-8 in the line shows as a blank.
        slot.value
            .extend(value.chars().map(|c| if c == '\u{fffd}' { ' ' } else { c }));
    }

    /// True where the parsed name is taken already, so that its value need not be read.
    pub(crate) fn is_taken(&mut self, name: &str) -> bool {
        self.load();
        let clash = self.stream.has(name) || self.metadata.has(name);
        let suffix = if clash { EXTRACTED } else { "" };
        let found = self.find(name, suffix);
        found.is_some_and(|at| self.slots[at].origin == Some(Origin::Parsed))
    }

    /// Sets a label whatever it was.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.load();
        match self.find(name, "") {
            Some(at) => value.clone_into(&mut self.slots[at].value),
            None => self.push(name, "", value, Origin::Parsed),
        }
    }

    /// Gives a label another name; nothing happens where it is absent.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        self.load();
        if self.find(from, "").is_none() || from == to {
            return;
        }
        self.remove(to);
        if let Some(at) = self.find(from, "") {
            to.clone_into(&mut self.slots[at].name);
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        match name {
            ERROR => self.error = None,
            ERROR_DETAILS => self.details.clear(),
            _ => {
                self.load();
                if let Some(at) = self.find(name, "") {
                    self.used -= 1;
                    self.slots.swap(at, self.used);
                }
            }
        }
    }

    /// Keeps the labels that `keep` accepts by name and value; errors stay.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.load();
        let mut at = 0;
        while at < self.used {
            if keep(&self.slots[at].name, &self.slots[at].value) {
                at += 1;
            } else {
                self.used -= 1;
                self.slots.swap(at, self.used);
            }
        }
    }

    /// The first error of a line stands.
    pub(crate) fn fail(&mut self, error: &'static str, details: impl std::fmt::Display) {
        if self.error.is_none() {
            self.error = Some(error);
            self.details.clear();
            let _ = write!(self.details, "{details}");
        }
    }

    pub(crate) fn error(&self) -> Option<&'static str> {
        self.error
    }

    /// Names and values now, errors left out.
    pub(crate) fn each(&mut self) -> impl Iterator<Item = (&str, &str)> {
        self.load();
        let slots = self.slots[..self.used].iter();
        slots.map(|slot| (slot.name.as_str(), slot.value.as_str()))
    }

    /// All labels, errors included.
    pub(crate) fn labels(&mut self) -> Labels {
        let untouched = !self.loaded && self.metadata.is_empty() && self.error.is_none();
        if untouched && self.details.is_empty() {
            return self.stream.clone();
        }
        self.load();
        self.only(|_| true)
    }

    /// The labels of one origin; errors count as parsed.
    pub(crate) fn of(&mut self, origin: Origin) -> Labels {
        self.load();
        self.only(|o| o == origin)
    }

    fn only(&self, wanted: impl Fn(Origin) -> bool) -> Labels {
        let slots = self.slots[..self.used].iter();
        let pairs = slots
            .filter(|slot| slot.origin.is_some_and(&wanted))
            .map(|slot| (slot.name.as_str(), slot.value.as_str()));
        let errors = [
            (ERROR, self.error.unwrap_or_default()),
            (ERROR_DETAILS, self.details.as_str()),
        ];
        let errors = errors.into_iter().filter(|_| wanted(Origin::Parsed));
        Labels::from_pairs(pairs.chain(errors))
    }
}

/// A key as a label name: blanks trimmed, a leading digit behind `_`, every other character that
/// has no place there as `_`.
pub(crate) fn sanitise(key: &str, out: &mut String) {
    let key = key.trim();
    if out.is_empty() && key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    for c in key.chars() {
        let fits = c.is_ascii_alphanumeric() || c == '_';
        out.push(if fits { c } else { '_' });
    }
}
