//! What a check has to say about a file.

use crate::config::place::{Node, Parsed, Place};
use std::fmt;
use std::path::{Path, PathBuf};

/// Findings of one file that are kept; the rest is counted in a last one.
const MAX_FINDINGS: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The configuration is refused.
    Error,
    /// The configuration runs, but not all of it does what its author meant.
    Warning,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One remark, printed as `file:line:col: error: key: text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub file: PathBuf,
    pub place: Place,
    pub level: Level,
    /// Where in the file's structure: `scrape_configs[0].scrape_interval`; empty for the whole.
    pub key: String,
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        let (file, level) = (self.file.display(), self.level.as_str());
        write!(f, "{file}:{line}:{column}: {level}: ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Remark {
    place: Place,
    level: Level,
    /// Where the key or value stands that is meant; `place` may lie within it.
    of: Place,
    text: String,
}

/// Collects the findings of one file.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) file: PathBuf,
    remarks: Vec<Remark>,
    dropped: usize,
}

impl Report {
    pub(crate) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            remarks: Vec::new(),
            dropped: 0,
        }
    }

    pub(crate) fn error(&mut self, place: Place, text: impl Into<String>) {
        self.error_within(place, place, text);
    }

    /// An error at `place`, inside the value that stands at `of`.
    pub(crate) fn error_within(&mut self, of: Place, place: Place, text: impl Into<String>) {
        let text = text.into();
        self.add(Remark {
            place,
            level: Level::Error,
            of,
            text,
        });
    }

    pub(crate) fn warning(&mut self, place: Place, text: impl Into<String>) {
        let text = text.into();
        self.add(Remark {
            place,
            level: Level::Warning,
            of: place,
            text,
        });
    }

    /// Nothing more is listed, so the search for more can end.
    pub(crate) fn is_full(&self) -> bool {
        self.remarks.len() >= MAX_FINDINGS
    }

    fn add(&mut self, remark: Remark) {
        if self.remarks.len() < MAX_FINDINGS {
            self.remarks.push(remark);
        } else {
            self.dropped += 1;
        }
    }

    /// Takes over what reading the YAML had to say.
    pub(crate) fn take_parsed(&mut self, parsed: Parsed) -> Option<Node> {
        for e in parsed.errors {
            self.error(e.place, e.text);
        }
        if let Some(place) = parsed.second {
            self.warning(
                place,
                "a second document begins here; only the first is read",
            );
        }
        parsed.tree
    }

    /// In the order of the file, each with the name of the key at its place.
    pub(crate) fn finish(mut self, tree: Option<&Node>) -> Vec<Finding> {
        self.remarks.sort();
        self.remarks.dedup();
        if self.dropped > 0 {
            let text = format!("{} further findings are not listed", self.dropped);
            let place = Place::default();
            self.remarks.push(Remark {
                place,
                level: Level::Warning,
                of: place,
                text,
            });
        }
        let mut out = Vec::with_capacity(self.remarks.len());
        for remark in self.remarks {
            let key = tree.and_then(|t| t.path_of(remark.of)).unwrap_or_default();
            out.push(Finding {
                file: self.file.clone(),
                place: remark.place,
                level: remark.level,
                key,
                text: remark.text,
            });
        }
        out
    }
}
