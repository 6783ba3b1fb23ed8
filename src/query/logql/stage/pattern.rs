//! `pattern "<ip> - <_>"`, and the patterns of `|>`: literals with captures between them.

use crate::query::logql::stage::work::Work;

enum Part {
    Text(String),
    /// `None` is `<_>`.
    Capture(Option<String>),
}

/// A pattern that takes labels from a line.
pub(crate) struct Captures(Vec<Part>);

/// A pattern that a line fits or does not.
pub(crate) struct Shape(Vec<Part>);

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(name) = capture(rest) else {
            plain.push('<');
            rest = &rest[1..];
            continue;
        };
        rest = &rest[name.len() + 2..];
        if !plain.is_empty() {
            out.push(Part::Text(std::mem::take(&mut plain)));
        }
        if matches!(out.last(), Some(Part::Capture(_))) {
            return Err(format!(
                "found consecutive capture: <{name}> needs text before it"
            ));
        }
        out.push(Part::Capture((name != "_").then(|| name.to_owned())));
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        out.push(Part::Text(plain));
    }
    Ok(out)
}

/// The name in `<name>` at the start of the text.
fn capture(text: &str) -> Option<&str> {
    let end = text.find('>')?;
    let name = &text[1..end];
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (first && rest).then_some(name)
}

impl Captures {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let parts = parts(text)?;
        let mut names = Vec::new();
        for part in &parts {
            if let Part::Capture(Some(name)) = part {
                if names.contains(&name) {
                    return Err(format!("duplicate capture name ({name})"));
                }
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err("at least one capture is required".to_owned());
        }
        Ok(Self(parts))
    }

    pub(crate) fn extract(&self, line: &str, labels: &mut Work) {
        self.find(line, |name, value| labels.parsed(name, value));
    }

    /// Text is looked for from left to right; where it is missing, the open capture takes the rest.
    fn find(&self, line: &str, mut found: impl FnMut(&str, &str)) {
        let mut rest = line;
        let mut open: Option<&Option<String>> = None;
        for (i, part) in self.0.iter().enumerate() {
            match part {
                Part::Capture(name) => open = Some(name),
                Part::Text(text) if i == 0 => match rest.strip_prefix(text.as_str()) {
                    Some(after) => rest = after,
                    None => return,
                },
                Part::Text(text) => {
                    let at = rest.find(text.as_str());
                    if let Some(Some(name)) = open.take() {
                        found(name, &rest[..at.unwrap_or(rest.len())]);
                    }
                    match at {
                        Some(at) => rest = &rest[at + text.len()..],
                        None => return,
                    }
                }
            }
        }
        if let Some(Some(name)) = open {
            found(name, rest);
        }
    }
}

impl Shape {
    /// For a line filter: nothing may be named there.
    pub(crate) fn filter(text: &str) -> Result<Self, String> {
        let parts = parts(text)?;
        if parts.iter().any(|p| matches!(p, Part::Capture(Some(_)))) {
            return Err("named captures are not allowed in a line filter; write <_>".to_owned());
        }
        Ok(Self(parts))
    }

    /// Texts stand in their order with something between them; what the pattern ends with decides
    /// whether something must follow.
    pub(crate) fn fits(&self, line: &str) -> bool {
        if line.is_empty() || self.0.is_empty() {
            return line.is_empty() && self.0.is_empty();
        }
        let mut rest = line;
        for (i, part) in self.0.iter().enumerate() {
            let Part::Text(text) = part else {
                continue;
            };
            let Some(at) = rest.find(text.as_str()) else {
                return false;
            };
            if i > 0 && at == 0 {
                return false;
            }
            rest = &rest[at + text.len()..];
        }
        matches!(self.0.last(), Some(Part::Capture(_))) != rest.is_empty()
    }

    /// The longest text that every fitting line contains.
    pub(crate) fn longest(&self) -> Option<&str> {
        let texts = self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Capture(_) => None,
        });
        texts.max_by_key(|text| text.len())
    }
}
