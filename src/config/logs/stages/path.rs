//! Paths into JSON, as the json stage writes them: JMESPath, by the crate `jmespath`.

use jmespath::{Expression, Rcvar, Variable};
use serde_json::Value;
use std::sync::Arc;

/// A compiled expression; equality goes by its text.
#[derive(Clone, Debug)]
pub struct JsonPath(Arc<Expression<'static>>);

/// Bytes of one expression at most.
const MAX_EXPRESSION: usize = 4096;
/// Brackets in brackets at most: the reader and the search go as deep as the expression.
const MAX_NESTING: usize = 64;

impl JsonPath {
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |what: &str| format!("{text:?} is no JMESPath expression: {what}");
        if text.len() > MAX_EXPRESSION {
            return Err(bad("it is too long"));
        }
        let (mut depth, mut deepest) = (0_usize, 0);
        for c in text.chars() {
            match c {
                '(' | '[' | '{' | '!' | '&' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
        }
        if deepest > MAX_NESTING {
            return Err(bad("it is nested too deeply"));
        }
        match jmespath::compile(text) {
            Ok(expression) => Ok(Self(Arc::new(expression))),
            // The crate's error draws the place under the text; here it stands on one line.
            Err(e) => Err(bad(&format!("{} (column {})", e.reason, e.column + 1))),
        }
    }

    /// What stands there; null where nothing does, or where a function was given what it does not
    /// take.
    pub fn find(&self, value: &Json) -> Value {
        let found = self.0.search(Rcvar::clone(&value.0));
        let found = found.ok().and_then(|v| serde_json::to_value(&*v).ok());
        found.unwrap_or(Value::Null)
    }
}

/// A line that expressions are asked of.
pub struct Json(Rcvar);

impl Json {
    /// `None` where the text is no JSON.
    pub fn parse(text: &str) -> Option<Self> {
        let value = Variable::from_json(text).ok()?;
        Some(Self(Rcvar::new(value)))
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn expressions_find_what_jmespath_finds() {
        let value = r#"{"a": {"b": [1, 2, {"c d": "x"}]}, "n": null, "@t": 5,
            "list": [{"k": "x", "v": 1}, {"k": "y", "v": 2}]}"#;
        let value = Json::parse(value).unwrap();
        for (path, want) in [
            ("a.b[0]", json!(1)),
            ("a.b[-1].\"c d\"", json!("x")),
            ("n", json!(null)),
            ("a.x", json!(null)),
            ("a.b.c", json!(null)),
            ("\"@t\"", json!(5)),
            ("list[*].k", json!(["x", "y"])),
            ("list[?k=='y'].v | [0]", json!(2)),
            ("a.x || a.b[1]", json!(2)),
            ("length(list)", json!(2)),
            ("join(',', list[].k)", json!("x,y")),
            ("{first: list[0].k}", json!({"first": "x"})),
            ("a.b[0:2]", json!([1, 2])),
            ("max_by(list, &v).k", json!("y")),
            ("to_string(a.b[0])", json!("1")),
            ("length(n)", json!(null)),
        ] {
            assert_eq!(JsonPath::parse(path).unwrap().find(&value), want, "{path}");
        }
        for bad in ["", "a.", "a[", "\"a", "a b", "nothing("] {
            assert!(JsonPath::parse(bad).is_err(), "{bad}");
        }
        assert!(JsonPath::parse(&"[".repeat(3000)).is_err());
        assert!(JsonPath::parse(&"!".repeat(3000)).is_err());
        assert!(Json::parse("no json").is_none());
    }
}
