//! The labels of the head: every name and every pair once, and which series have each pair.

use crate::model::labels::Labels;
use crate::store::metrics::matching::Postings;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Labels as pairs, and postings: for each pair the slots of the series that have it, rising.
#[derive(Default)]
pub(crate) struct Symbols {
    names: Vec<Name>,
    pairs: Vec<Pair>,
    by_name: HashTable<u32>,
    by_pair: HashTable<u32>,
    free: Vec<u32>,
    hasher: DefaultHashBuilder,
    /// Bytes of text, and of postings by length.
    text: usize,
    posted: usize,
}

struct Name {
    text: Box<str>,
    pairs: Vec<u32>,
}

struct Pair {
    name: u32,
    value: Box<str>,
    slots: Vec<u32>,
}

impl Symbols {
    fn name_id(&self, name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(name);
        let same = |n: &u32| &*self.names[*n as usize].text == name;
        self.by_name.find(hash, same).copied()
    }

    fn pair_id(&self, name: u32, value: &str) -> Option<u32> {
        let hash = self.hasher.hash_one((name, value));
        let same = |p: &u32| {
            let pair = &self.pairs[*p as usize];
            pair.name == name && &*pair.value == value
        };
        self.by_pair.find(hash, same).copied()
    }

    fn intern_name(&mut self, name: &str) -> u32 {
        if let Some(id) = self.name_id(name) {
            return id;
        }
        let id = self.names.len() as u32;
        self.text += name.len();
        self.names.push(Name {
            text: name.into(),
            pairs: Vec::new(),
        });
        let (names, hasher) = (&self.names, &self.hasher);
        let hash = |n: &u32| hasher.hash_one(&*names[*n as usize].text);
        self.by_name.insert_unique(hasher.hash_one(name), id, hash);
        id
    }

    fn intern(&mut self, name: &str, value: &str) -> u32 {
        let name = self.intern_name(name);
        if let Some(id) = self.pair_id(name, value) {
            return id;
        }
        self.text += value.len();
        let pair = Pair {
            name,
            value: value.into(),
            slots: Vec::new(),
        };
        let id = if let Some(id) = self.free.pop() {
            self.pairs[id as usize] = pair;
            id
        } else {
            self.pairs.push(pair);
            self.pairs.len() as u32 - 1
        };
        self.names[name as usize].pairs.push(id);
        let (pairs, hasher) = (&self.pairs, &self.hasher);
        let hash = |p: &u32| {
            let pair = &pairs[*p as usize];
            hasher.hash_one((pair.name, &*pair.value))
        };
        self.by_pair
            .insert_unique(hasher.hash_one((name, value)), id, hash);
        id
    }

    /// Notes the series `slot`; returns its pairs in the order of its labels.
    pub(crate) fn add(&mut self, labels: &Labels, slot: u32) -> Box<[u32]> {
        let pairs: Box<[u32]> = labels.iter().map(|(n, v)| self.intern(n, v)).collect();
        for &p in &pairs {
            let slots = &mut self.pairs[p as usize].slots;
            match slots.last() {
                Some(last) if *last >= slot => {
                    let at = slots.partition_point(|s| *s < slot);
                    slots.insert(at, slot);
                }
                _ => slots.push(slot),
            }
        }
        self.posted += pairs.len();
        pairs
    }

    /// Forgets series: `gone` says for a slot whether it goes, `pairs` are the pairs they had. Pairs
    /// that nobody has any more are forgotten too.
    pub(crate) fn remove(&mut self, pairs: &[u32], gone: impl Fn(u32) -> bool) {
        for &p in pairs {
            let pair = &mut self.pairs[p as usize];
            let before = pair.slots.len();
            pair.slots.retain(|s| !gone(*s));
            self.posted -= before - pair.slots.len();
            if pair.slots.capacity() > 4 * pair.slots.len() {
                pair.slots.shrink_to_fit();
            }
            if !pair.slots.is_empty() || before == 0 {
                continue;
            }
            let hash = self.hasher.hash_one((pair.name, &*pair.value));
            if let Ok(entry) = self.by_pair.find_entry(hash, |id| *id == p) {
                entry.remove();
            }
            let pair = &mut self.pairs[p as usize];
            self.text -= pair.value.len();
            pair.value = "".into();
            let name = pair.name as usize;
            self.names[name].pairs.retain(|id| *id != p);
            self.free.push(p);
        }
    }

    pub(crate) fn pair(&self, id: u32) -> (&str, &str) {
        let pair = &self.pairs[id as usize];
        (&self.names[pair.name as usize].text, &pair.value)
    }

    pub(crate) fn labels(&self, pairs: &[u32]) -> Labels {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|p| self.pair(*p)).collect();
        Labels::from_sorted(&pairs).unwrap_or_else(|| Labels::from_pairs(pairs))
    }

    /// Whether these pairs are exactly these labels.
    pub(crate) fn same(&self, pairs: &[u32], labels: &Labels) -> bool {
        let mut mine = pairs.iter().map(|p| self.pair(*p));
        labels.iter().all(|l| mine.next() == Some(l)) && mine.next().is_none()
    }

    /// An estimate in bytes: texts, postings, tables.
    pub(crate) fn bytes(&self) -> usize {
        self.text
            + self.posted * 5
            + self.pairs.len() * (size_of::<Pair>() + 24)
            + self.names.len() * (size_of::<Name>() + 24)
    }

    /// The names with the most pairs: name and number.
    pub(crate) fn largest_names(&self, n: usize) -> Vec<(String, u64)> {
        let names = self.names.iter();
        let rows = names.map(|name| (&*name.text, name.pairs.len() as u64));
        largest(rows, n)
    }

    /// Pairs that a series has.
    pub(crate) fn pair_count(&self) -> u64 {
        (self.pairs.len() - self.free.len()) as u64
    }

    /// The names whose values are the longest, each value counted once a series.
    pub(crate) fn heaviest_names(&self, n: usize) -> Vec<(String, u64)> {
        let weight = |p: &u32| {
            let pair = &self.pairs[*p as usize];
            (pair.value.len() * pair.slots.len()) as u64
        };
        let row = |name: &'_ Name| name.pairs.iter().map(weight).sum();
        let rows = self.names.iter().map(|name| (&*name.text, row(name)));
        largest(rows, n)
    }

    /// The pairs of the most series, as `name=value`.
    pub(crate) fn largest_pairs(&self, n: usize) -> Vec<(String, u64)> {
        let mut order: Vec<u32> = (0..self.pairs.len() as u32).collect();
        let count = |p: &u32| self.pairs[*p as usize].slots.len();
        let n = n.min(order.len());
        if n < order.len() {
            order.select_nth_unstable_by_key(n, |p| std::cmp::Reverse(count(p)));
        }
        let text = |p: &u32| {
            let (name, value) = self.pair(*p);
            format!("{name}={value}")
        };
        let rows = order[..n].iter().filter(|p| count(p) > 0);
        let mut rows: Vec<(String, u64)> = rows.map(|p| (text(p), count(p) as u64)).collect();
        sort(&mut rows);
        rows
    }
}

/// The `n` rows with the largest numbers, falling; only those are copied.
pub(crate) fn largest<'a>(
    rows: impl Iterator<Item = (&'a str, u64)>,
    n: usize,
) -> Vec<(String, u64)> {
    let mut all: Vec<(&str, u64)> = rows.filter(|r| r.1 > 0).collect();
    if n < all.len() {
        all.select_nth_unstable_by(n, |a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        all.truncate(n);
    }
    let mut out: Vec<(String, u64)> = all.into_iter().map(|(t, n)| (t.to_owned(), n)).collect();
    sort(&mut out);
    out
}

fn sort(rows: &mut [(String, u64)]) {
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
}

impl Postings for Symbols {
    fn of_value(&self, name: &str, value: &str) -> &[u32] {
        let pair = self.name_id(name).and_then(|n| self.pair_id(n, value));
        pair.map_or(&[], |p| &self.pairs[p as usize].slots)
    }

    fn values(&self, name: &str) -> impl Iterator<Item = (&str, &[u32])> {
        let name = self.name_id(name).map(|n| &self.names[n as usize]);
        let pairs = name.map(|n| n.pairs.as_slice()).unwrap_or_default();
        pairs.iter().map(|p| {
            let pair = &self.pairs[*p as usize];
            (&*pair.value, pair.slots.as_slice())
        })
    }
}
