//! Gathers points into families, in the order in which the families first appear.

use crate::model::answer::MetricKind;
use crate::model::family::Family;
use std::borrow::Cow;

/// What a family is, beside its points.
#[derive(Clone, Debug)]
pub(crate) struct Desc {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: MetricKind,
    pub(crate) help: Cow<'static, str>,
}

type Text = Cow<'static, str>;

fn desc(name: Text, help: Text, kind: MetricKind) -> Desc {
    Desc { name, kind, help }
}

pub(crate) fn counter(name: impl Into<Text>, help: impl Into<Text>) -> Desc {
    desc(name.into(), help.into(), MetricKind::Counter)
}

pub(crate) fn gauge(name: impl Into<Text>, help: impl Into<Text>) -> Desc {
    desc(name.into(), help.into(), MetricKind::Gauge)
}

/// What the text format calls `untyped`.
pub(crate) fn untyped(name: impl Into<Text>, help: impl Into<Text>) -> Desc {
    desc(name.into(), help.into(), MetricKind::Unknown)
}

/// The families of one reading.
#[derive(Debug, Default)]
pub(crate) struct Families {
    list: Vec<Family>,
    index: hashbrown::HashMap<Text, usize, foldhash::fast::RandomState>,
    last: usize,
}

impl Families {
    /// Adds one point; the labels need no order, empty values are left out.
    pub(crate) fn add(&mut self, what: &Desc, labels: &[(&str, &str)], value: f64) {
        let at = self.place(what);
        self.list[at].add(labels, value);
    }

    /// A counter or gauge without labels.
    pub(crate) fn one(&mut self, what: &Desc, value: f64) {
        self.add(what, &[], value);
    }

    /// A finished family, as the text files give them; joins one of the same name.
    pub(crate) fn join(&mut self, family: Family) {
        let at = self.place(&desc(family.name, family.help, family.kind));
        self.list[at].points.extend(family.points);
    }

    /// The kind of a family that is already there.
    pub(crate) fn kind_of(&self, name: &str) -> Option<MetricKind> {
        self.index.get(name).map(|at| self.list[*at].kind)
    }

    pub(crate) fn finish(self) -> Vec<Family> {
        self.list
    }

    fn place(&mut self, what: &Desc) -> usize {
        // Points of one family mostly come in a row.
        if self
            .list
            .get(self.last)
            .is_some_and(|f| f.name == what.name)
        {
            return self.last;
        }
        let next = self.list.len();
        let at = if let Some(at) = self.index.get(what.name.as_ref()) {
            *at
        } else {
            self.index.insert(what.name.clone(), next);
            self.list.push(Family {
                name: what.name.clone(),
                kind: what.kind,
                help: what.help.clone(),
                points: Vec::new(),
            });
            next
        };
        self.last = at;
        at
    }
}

/// Go's word for this machine's architecture, as the labels of node_exporter carry it.
pub(crate) fn go_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}
