//! Paths into JSON, as the json stage writes them: the part of JMESPath that pipelines use.
//!
//! Names, names in quotes, indexes, and `.` between. Functions, projections and filters are
//! refused by name.

use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    /// From the end where negative.
    Index(i64),
}

impl JsonPath {
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |what: &str| format!("{text:?}: {what}");
        let mut steps = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('"') {
                let (name, behind) =
                    quoted(inside).ok_or_else(|| bad("the quote is not closed"))?;
                steps.push(Step::Name(name));
                rest = behind;
            } else if let Some(inside) = rest.strip_prefix('[') {
                let (index, behind) = inside
                    .split_once(']')
                    .ok_or_else(|| bad("the bracket is not closed"))?;
                let Ok(index) = index.trim().parse() else {
                    return Err(bad(
                        "only numbers may stand in brackets; bongsu does not have JMESPath's projections and filters yet",
                    ));
                };
                steps.push(Step::Index(index));
                rest = behind;
            } else {
                let end =
                    rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-' || c == '@'));
                let end = end.unwrap_or(rest.len());
                if end == 0 {
                    return Err(bad(
                        "bongsu does not have this part of JMESPath yet; names, [numbers] and dots are read",
                    ));
                }
                steps.push(Step::Name(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            rest = match rest.strip_prefix('.') {
                Some("") => return Err(bad("it ends with a dot")),
                Some(more) => more,
                None if rest.is_empty() || rest.starts_with('[') => rest,
                None => {
                    return Err(bad(
                        "bongsu does not have this part of JMESPath yet; names, [numbers] and dots are read",
                    ));
                }
            };
        }
        if steps.is_empty() {
            return Err(bad("it is empty"));
        }
        Ok(Self(steps))
    }

    /// What stands there; `None` where nothing does.
    pub fn find(&self, value: &Value) -> Option<Value> {
        let mut at = value;
        for step in &self.0 {
            at = match step {
                Step::Name(name) => at.get(name)?,
                Step::Index(i) => {
                    let items = at.as_array()?;
                    let i = if *i < 0 { items.len() as i64 + i } else { *i };
                    items.get(usize::try_from(i).ok()?)?
                }
            };
        }
        Some(at.clone())
    }
}

/// A name up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((name, &text[i + 1..])),
            '\\' => name.push(chars.next()?.1),
            c => name.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_find_what_jmespath_finds() {
        let value = json!({"a": {"b": [1, 2, {"c d": "x"}]}, "n": null, "@t": 5});
        for (path, want) in [
            ("a.b[0]", Some(json!(1))),
            ("a.b[-1].\"c d\"", Some(json!("x"))),
            ("n", Some(json!(null))),
            ("a.x", None),
            ("a.b.c", None),
            ("\"@t\"", Some(json!(5))),
        ] {
            assert_eq!(JsonPath::parse(path).unwrap().find(&value), want, "{path}");
        }
        for bad in ["", "a.", "a[*]", "length(a)", "a[", "\"a", "a || b"] {
            assert!(JsonPath::parse(bad).is_err(), "{bad}");
        }
    }
}
