//! `regexp "(?P<name>..)"`: labels from the named groups of an expression.

use crate::base::regex::Regex;
use crate::query::logql::parse::regex_said;
use crate::query::logql::stage::work::Work;

pub(crate) struct Regexp {
    regex: Regex,
    names: Vec<(usize, String)>,
}

impl Regexp {
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        if let Some(twice) = named_twice(pattern) {
            return Err(format!("duplicate extracted label name '{twice}'"));
        }
        let regex = Regex::new(pattern).map_err(|e| regex_said(&e))?;
        let names: Vec<(usize, String)> = match regex.compiled() {
            Some(compiled) => {
                let all = compiled.capture_names().enumerate();
                all.filter_map(|(i, name)| Some((i, name?.to_owned())))
                    .collect()
            }
            None => Vec::new(),
        };
        if names.is_empty() {
            return Err("at least one named capture must be supplied".to_owned());
        }
        let fits = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if let Some((_, name)) = names.iter().find(|(_, name)| !fits(name)) {
            return Err(format!("invalid extracted label name '{name}'"));
        }
        Ok(Self { regex, names })
    }

    pub(crate) fn extract(&self, line: &str, labels: &mut Work) {
        let found = self.regex.compiled().and_then(|r| r.captures(line));
        let Some(found) = found else {
            return;
        };
        for (i, name) in &self.names {
            if let Some(group) = found.get(*i) {
                labels.parsed(name, group.as_str());
            }
        }
    }
}

/// A group's name that stands twice.
fn named_twice(pattern: &str) -> Option<&str> {
    let mut seen = Vec::new();
    for head in pattern.split("(?P<").skip(1) {
        let name = head.split('>').next().unwrap_or_default();
        if seen.contains(&name) {
            return Some(name);
        }
        seen.push(name);
    }
    None
}
