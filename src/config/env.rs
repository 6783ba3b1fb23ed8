//! `${VAR}` and `${VAR:default}` in what Promtail reads, as its `-config.expand-env` fills them in.
//!
//! A name is letters, digits and `_`; `${1}` of a relabelling rule is none. A variable that is not
//! set and has no default stays as it is written: it may be the name of a group.

use crate::config::place::{Node, Value};

/// Fills in every text of a tree. `look_up` knows the environment.
pub(crate) fn expand(node: &mut Node, look_up: &dyn Fn(&str) -> Option<String>) {
    match &mut node.value {
        Value::Scalar(scalar) => {
            if let Some(text) = expanded(&scalar.text, look_up) {
                scalar.text = text;
            }
        }
        Value::List(items) => {
            for item in items {
                expand(item, look_up);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                expand(&mut entry.value, look_up);
            }
        }
    }
}

/// `None` where nothing changes.
fn expanded(text: &str, look_up: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = rest.find("${") {
        let inner = &rest[at + 2..];
        let filled = inner.find('}').and_then(|end| {
            let (name, default) = match inner[..end].split_once(':') {
                Some((name, default)) => (name, Some(default)),
                None => (&inner[..end], None),
            };
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !named || !name.chars().all(word) {
                return None;
            }
            let set = look_up(name).filter(|value| !value.is_empty() || default.is_none());
            let value = set.or_else(|| default.map(str::to_owned))?;
            Some((value, end))
        });
        out.push_str(&rest[..at]);
        if let Some((value, end)) = filled {
            out.push_str(&value);
            rest = &inner[end + 1..];
            changed = true;
        } else {
            out.push_str("${");
            rest = inner;
        }
    }
    out.push_str(rest);
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_their_defaults_are_filled_in() {
        let look_up = |name: &str| match name {
            "HOST" => Some("web".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, want) in [
            ("http://${HOST}:3100/x", Some("http://web:3100/x")),
            ("${NONE:loki}-${HOST}", Some("loki-web")),
            ("${EMPTY:full}", Some("full")),
            ("${EMPTY}", Some("")),
            ("${NONE:}", Some("")),
            ("${NONE}", None),
            ("$1 ${1} ${a-b} ${", None),
            ("${${HOST}", Some("${web")),
        ] {
            assert_eq!(expanded(text, &look_up).as_deref(), want, "{text}");
        }
    }
}
