//! `json`: labels from an object, flattened, or from the paths that are named.

use crate::query::logql::ast::Extract;
use crate::query::logql::stage::scan::{Fault, Scan, What};
use crate::query::logql::stage::work::{Work, sanitise};

const ERROR: &str = "JSONParserErr";

#[derive(Default)]
pub(crate) struct Json {
    wanted: Vec<(String, Vec<Key>)>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Field(String),
    Index(usize),
}

impl Json {
    pub(crate) fn new(extracts: &[Extract]) -> Result<Self, String> {
        let path = |e: &Extract| {
            let keys = path(&e.path);
            let keys = keys.ok_or_else(|| {
                format!("cannot parse expression [{}]: write a.b[0][\"c\"]", e.path)
            })?;
            Ok::<_, String>((e.name.clone(), keys))
        };
        Ok(Self {
            wanted: extracts.iter().map(path).collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn extract(&self, line: &str, labels: &mut Work) {
        let done = if self.wanted.is_empty() {
            flatten_line(line, labels)
        } else {
            self.paths(line, labels)
        };
        if let Err(fault) = done {
            labels.fail(ERROR, fault);
        }
    }

    fn paths(&self, line: &str, labels: &mut Work) -> Result<(), Fault> {
        if line.is_empty() {
            return Ok(());
        }
        if Scan::new(line).what()? == What::Plain {
            return Err("the line is no JSON object, array or text");
        }
        for (name, keys) in &self.wanted {
            let mut found = String::new();
            // What cannot be read holds nothing at this path.
            let _ = find(&mut Scan::new(line), keys, &mut found);
            labels.parsed(name, &found);
        }
        Ok(())
    }
}

fn flatten_line(line: &str, labels: &mut Work) -> Result<(), Fault> {
    let mut scan = Scan::new(line);
    if scan.what()? != What::Object {
        return Err("the line is no JSON object");
    }
    flatten(&mut scan, &mut String::new(), labels)
}

/// Nested keys are joined by `_`; arrays and nulls are left out.
fn flatten(scan: &mut Scan<'_>, name: &mut String, labels: &mut Work) -> Result<(), Fault> {
    let stem = name.len();
    scan.object(|scan, key| {
        name.truncate(stem);
        if stem > 0 {
            name.push('_');
        }
        sanitise(key, name);
        match scan.what()? {
            What::Object => flatten(scan, name, labels),
            What::Array => scan.raw().map(|_| ()),
            What::Text if labels.is_taken(name) => scan.raw().map(|_| ()),
            What::Text => {
                let value = scan.string()?;
                labels.parsed(name, &value);
                Ok(())
            }
            What::Plain => {
                let value = scan.raw()?;
                if value != "null" {
                    labels.parsed(name, value);
                }
                Ok(())
            }
        }
    })
}

/// Stops, with a fault that nobody hears, once the value is found.
fn find(scan: &mut Scan<'_>, keys: &[Key], out: &mut String) -> Result<(), Fault> {
    const FOUND: Fault = "found";
    let Some((key, rest)) = keys.split_first() else {
        out.push_str(&scan.value()?);
        return Err(FOUND);
    };
    match (scan.what()?, key) {
        (What::Object, Key::Field(field)) => scan.object(|scan, name| {
            if name == field {
                find(scan, rest, out)
            } else {
                scan.raw().map(|_| ())
            }
        }),
        (What::Array, Key::Index(index)) => scan.array(|scan, i| {
            if i == *index {
                find(scan, rest, out)
            } else {
                scan.raw().map(|_| ())
            }
        }),
        _ => scan.raw().map(|_| ()),
    }
}

/// `a.b[0]["c"]`; `None` where it is no path.
fn path(text: &str) -> Option<Vec<Key>> {
    let mut keys = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = if let Some(inner) = inner.strip_prefix('"') {
                let (key, after) = inner.split_once("\"]")?;
                (Key::Field(key.replace("\\\"", "\"")), after)
            } else {
                let (index, after) = inner.split_once(']')?;
                (Key::Index(index.trim().parse().ok()?), after)
            };
            keys.push(key);
            rest = after;
            continue;
        }
        let field = match (keys.is_empty(), rest.strip_prefix('.')) {
            (false, Some(field)) => field,
            (true, None) => rest,
            _ => return None,
        };
        let len = field
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
            .unwrap_or(field.len());
        if len == 0 {
            return None;
        }
        keys.push(Key::Field(field[..len].to_owned()));
        rest = &field[len..];
    }
    (!keys.is_empty()).then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_fields_and_indices() {
        let field = |text: &str| Key::Field(text.to_owned());
        assert_eq!(path("a.b"), Some(vec![field("a"), field("b")]));
        let deep = vec![field("a"), Key::Index(2), field("x y"), field("z")];
        assert_eq!(path("a[2][\"x y\"].z"), Some(deep));
        for bad in ["", ".", "a.", "user[", "a[x]", "a..b", "[\"open", "a b"] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }
}
