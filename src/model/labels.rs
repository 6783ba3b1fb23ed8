//! A series' identity: label names with their values, sorted by name, never empty-valued.
//!
//! One allocation holds them all, as in Prometheus' `stringlabels`: for each label the length of
//! the name, the name, the length of the value, the value. Lengths are base-64 varints below 128,
//! so that the whole stays valid UTF-8.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The label that holds the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A sorted, immutable set of labels. Cloning copies a pointer.
#[derive(Clone, PartialEq, Eq)]
pub struct Labels(Arc<str>);

impl Labels {
    pub fn empty() -> Self {
        Self(Arc::from(""))
    }

    /// Sorts by name; of several labels with one name the last stands; empty values are left out.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(&name.into(), &value.into());
        }
        builder.finish()
    }

    /// Packs pairs that are already sorted by name, unique and non-empty. The hot path of the
    /// parsers; `None` where they are not.
    pub fn from_sorted(pairs: &[(&str, &str)]) -> Option<Self> {
        let sorted = pairs.windows(2).all(|w| w[0].0 < w[1].0);
        if !sorted || pairs.iter().any(|(_, value)| value.is_empty()) {
            return None;
        }
        let mut text =
            String::with_capacity(pairs.iter().map(|(n, v)| n.len() + v.len() + 4).sum());
        for (name, value) in pairs {
            pack(&mut text, name);
            pack(&mut text, value);
        }
        Some(Self(Arc::from(text)))
    }

    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.0 }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `name`; a label that is absent has the value `""`.
    pub fn get(&self, name: &str) -> &str {
        self.iter()
            .find(|(n, _)| *n >= name)
            .filter(|(n, _)| *n == name)
            .map_or("", |(_, v)| v)
    }

    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(n, _)| n == name)
    }

    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// A builder that starts from these labels.
    pub fn edit(&self) -> LabelsBuilder {
        LabelsBuilder {
            pairs: self
                .iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect(),
        }
    }

    /// With `more` set, which is sorted by name without a name twice; an empty value removes. Takes
    /// one allocation, for those who make many.
    pub fn with(&self, more: &[(&str, &str)]) -> Self {
        debug_assert!(more.windows(2).all(|w| w[0].0 < w[1].0));
        let room: usize = more.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
        let mut text = String::with_capacity(self.0.len() + room);
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() {
                pack(&mut text, name);
                pack(&mut text, value);
            }
        };
        let mut more = more.iter().peekable();
        for (name, value) in self {
            while let Some((n, v)) = more.next_if(|(n, _)| *n < name) {
                put(n, v);
            }
            match more.next_if(|(n, _)| *n == name) {
                Some((n, v)) => put(n, v),
                None => put(name, value),
            }
        }
        for (n, v) in more {
            put(n, v);
        }
        Self(Arc::from(text))
    }

    /// Without the metric's name.
    pub fn without_name(&self) -> Self {
        self.retain(|name| name != METRIC_NAME)
    }

    /// Only the labels whose name `keep` accepts.
    pub fn retain(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        let mut text = String::with_capacity(self.0.len());
        for (name, value) in self {
            if keep(name) {
                pack(&mut text, name);
                pack(&mut text, value);
            }
        }
        Self(Arc::from(text))
    }

    /// The packed bytes: equal for equal labels, so they serve as a key and on disk.
    pub fn as_packed(&self) -> &str {
        &self.0
    }

    /// Reads what [`Labels::as_packed`] gave; `None` where the bytes are not of that form.
    pub fn from_packed(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut last: Option<&str> = None;
        while !rest.is_empty() {
            let name = unpack(&mut rest)?;
            let value = unpack(&mut rest)?;
            if value.is_empty() || last.is_some_and(|l| l >= name) {
                return None;
            }
            last = Some(name);
        }
        Some(Self(Arc::from(text)))
    }

    /// A stable 64-bit hash of the packed form, for sharding and on-disk fingerprints.
    pub fn fingerprint(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(self.0.as_bytes())
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Label by label, name before value, as Prometheus sorts.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

/// `{a="b", c="d"}`; the metric's name stands before the brace where there is one.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        f.write_str(name)?;
        if !name.is_empty() && self.iter().nth(1).is_none() {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, (n, v)) in self.iter().filter(|(n, _)| *n != METRIC_NAME).enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{n}={v:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As a JSON object, name to value.
impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for Labels {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<String, String>::deserialize(from)?;
        Ok(Self::from_pairs(map))
    }
}

/// Names and values in order.
#[derive(Clone)]
pub struct Iter<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let name = unpack(&mut self.rest)?;
        let value = unpack(&mut self.rest)?;
        Some((name, value))
    }
}

/// Collects labels in any order.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// Sets or replaces; an empty value removes the label, since absent and empty are the same.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        match self.pairs.iter_mut().find(|(n, _)| n == name) {
            Some(pair) => value.clone_into(&mut pair.1),
            None => self.pairs.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(n, _)| n != name);
        self
    }

    pub fn get(&self, name: &str) -> &str {
        self.pairs
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, v)| v)
    }

    /// Names and values in the order they were set; empty values among them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// Keeps the labels whose name `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> &mut Self {
        self.pairs.retain(|(name, _)| keep(name));
        self
    }

    pub fn finish(mut self) -> Labels {
        self.pairs.retain(|(_, value)| !value.is_empty());
        self.pairs.sort_unstable();
        let mut text = String::new();
        for (name, value) in &self.pairs {
            pack(&mut text, name);
            pack(&mut text, value);
        }
        Labels(Arc::from(text))
    }
}

fn pack(out: &mut String, part: &str) {
    let mut rest = part.len();
    while rest >= 64 {
        out.push(char::from((rest % 64) as u8 | 64));
        rest /= 64;
    }
    out.push(char::from(rest as u8));
    out.push_str(part);
}

fn unpack<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (mut len, mut shift) = (0usize, 0u32);
    let bytes = rest.as_bytes();
    for (i, byte) in bytes.iter().enumerate().take(6) {
        len |= usize::from(byte & 63) << shift;
        shift += 6;
        if *byte < 64 {
            let part = rest.get(i + 1..i + 1 + len)?;
            *rest = &rest[i + 1 + len..];
            return Some(part);
        }
        if *byte >= 128 {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_set_in_one_go() {
        let base = Labels::from_pairs([("a", "1"), ("c", "3"), ("e", "5")]);
        for more in [
            &[][..],
            &[("b", "2")],
            &[("a", ""), ("c", "x"), ("f", "6")],
            &[("A", "0"), ("e", ""), ("z", "9"), ("지역", "서울")],
        ] {
            let mut builder = base.edit();
            for (name, value) in more {
                builder.set(name, value);
            }
            assert_eq!(base.with(more), builder.finish(), "{more:?}");
        }
    }

    #[test]
    fn labels_are_sorted_and_found() {
        let labels = Labels::from_pairs([("job", "node"), (METRIC_NAME, "up"), ("empty", "")]);
        assert_eq!(labels.to_string(), "up{job=\"node\"}");
        assert_eq!(
            (labels.get("job"), labels.get("nope"), labels.get("zzz")),
            ("node", "", "")
        );
        assert_eq!(labels.without_name().to_string(), "{job=\"node\"}");
    }

    #[test]
    fn packed_form_reads_back_and_refuses_damage() {
        let long = "한".repeat(5000);
        let labels = Labels::from_pairs([("a", long.as_str()), ("b", "2")]);
        assert_eq!(
            Labels::from_packed(labels.as_packed()),
            Some(labels.clone())
        );
        assert_eq!(labels.get("a"), long);
        for cut in 1..20 {
            let text = labels.as_packed();
            let at = text.len() - cut;
            if text.is_char_boundary(at) {
                assert_eq!(
                    Labels::from_packed(&text[..at]).filter(|l| l.has("b")),
                    None
                );
            }
        }
    }

    #[test]
    fn from_sorted_refuses_what_is_not() {
        assert!(Labels::from_sorted(&[("b", "1"), ("a", "1")]).is_none());
        assert!(Labels::from_sorted(&[("a", "")]).is_none());
        assert_eq!(
            Labels::from_sorted(&[("a", "1"), ("b", "2")]),
            Some(Labels::from_pairs([("b", "2"), ("a", "1")]))
        );
    }
}
