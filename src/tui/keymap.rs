//! One table of bindings. It feeds dispatch, the hint bar, the help, the palette, the table of keys
//! in the README, and `ui.keys` in the configuration.
//!
//! A key that arrives as Hangul (2-set layout) is read as the Latin key under the same finger, on
//! the command path only: what is typed into an input stays as it is.

mod key;
mod table;

pub(crate) use crate::tui::keymap::key::{Code, Key};
pub(crate) use crate::tui::keymap::table::{Act, BINDINGS, Binding, Scope};

use std::collections::HashMap;

/// The keys as this console has them: the table, changed by the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Keymap {
    /// In the order of [`BINDINGS`].
    keys: Vec<Vec<Key>>,
    by_key: HashMap<(Scope, Key), Act>,
}

impl Keymap {
    /// `changes` are `(name of the action, keys separated by spaces)`, as `ui.keys` has them; each
    /// replaces the keys of that action. What cannot be followed is said and left as it was.
    pub(crate) fn new(changes: &[(String, String)]) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let mut keys: Vec<Vec<Key>> = BINDINGS.iter().map(default_keys).collect();
        for (name, text) in changes {
            let Some(at) = BINDINGS.iter().position(|b| b.name == name) else {
                problems.push(unknown_action(name));
                continue;
            };
            match text.split_whitespace().map(Key::parse).collect() {
                Ok(parsed) => keys[at] = parsed,
                Err(why) => problems.push(format!("ui.keys.{name}: {why}")),
            }
        }
        let mut by_key: HashMap<(Scope, Key), Act> = HashMap::new();
        let changed = |b: &Binding| changes.iter().any(|(name, _)| name == b.name);
        // Changed actions first: where one takes the key of another, the person's wish stands.
        let (first, then): (Vec<_>, Vec<_>) =
            BINDINGS.iter().enumerate().partition(|(_, b)| changed(b));
        for (at, binding) in first.into_iter().chain(then) {
            keys[at].retain(|key| {
                let place = (binding.scope, *key);
                if let Some(taken) = by_key.get(&place) {
                    let owner = name_of(*taken);
                    problems.push(format!(
                        "ui.keys.{owner}: {key} was the key of {}, which has lost it; \
                         give that one another",
                        binding.name
                    ));
                    return false;
                }
                by_key.insert(place, binding.act);
                true
            });
        }
        (Self { keys, by_key }, problems)
    }

    /// What `key` means where the scopes are `scopes`, innermost first.
    pub(crate) fn find(&self, scopes: &[Scope], key: Key) -> Option<Act> {
        let latin = key.latin();
        scopes.iter().find_map(|scope| {
            let exact = self.by_key.get(&(*scope, key));
            exact.or_else(|| self.by_key.get(&(*scope, latin))).copied()
        })
    }

    /// The keys of an action, first the one to show.
    pub(crate) fn keys_of(&self, act: Act) -> &[Key] {
        BINDINGS
            .iter()
            .position(|b| b.act == act)
            .map_or(&[], |at| self.keys[at].as_slice())
    }

    /// The key to show for an action; empty where it has none.
    pub(crate) fn label(&self, act: Act) -> String {
        self.keys_of(act)
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// All keys of an action as one text.
    pub(crate) fn labels(&self, act: Act) -> String {
        let all: Vec<String> = self.keys_of(act).iter().map(ToString::to_string).collect();
        all.join(" ")
    }
}

fn default_keys(binding: &Binding) -> Vec<Key> {
    let parsed = binding.keys.split_whitespace().map(Key::parse);
    parsed.filter_map(Result::ok).collect()
}

fn name_of(act: Act) -> &'static str {
    BINDINGS
        .iter()
        .find(|b| b.act == act)
        .map_or("", |b| b.name)
}

fn unknown_action(name: &str) -> String {
    let near = BINDINGS
        .iter()
        .map(|b| b.name)
        .min_by_key(|known| distance(known, name));
    let hint = near.map_or_else(String::new, |n| format!("; did you mean {n}?"));
    format!("ui.keys: there is no action {name:?}{hint}")
}

/// Levenshtein's distance in characters.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = usize::from(ca != *cb);
            let best = (diagonal + cost).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Whether `ui.keys` names an action that exists and keys that can be read: one sentence for each
/// fault, in the order given.
pub fn check_keys(changes: &[(String, String)]) -> Vec<String> {
    Keymap::new(changes).1
}

/// The table of keys for the README, as Markdown.
pub fn key_table() -> String {
    let (keymap, _) = Keymap::new(&[]);
    let mut out = String::from("| key | what it does |\n|---|---|\n");
    for binding in BINDINGS {
        let keys: Vec<String> = keymap
            .keys_of(binding.act)
            .iter()
            .map(|k| match k.to_string().as_str() {
                "`" => "`` ` ``".to_owned(),
                key => format!("`{}`", key.replace('|', "\\|")),
            })
            .collect();
        if keys.is_empty() {
            continue;
        }
        let place = match binding.scope {
            Scope::Global => String::new(),
            Scope::Tab(tab) => format!("{tab}: "),
        };
        out.push_str(&format!(
            "| {} | {place}{} |\n",
            keys.join(" "),
            binding.help
        ));
    }
    out
}

#[cfg(test)]
mod tests;
