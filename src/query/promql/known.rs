//! Queries that were read before: panels and rules ask the same texts again and again.

use crate::query::promql::ast::Kind;
use crate::query::promql::{Expr, ParseError, parse};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of text of one generation; its trees take some ten times that.
const GENERATION: usize = 128 << 10;

/// Trees by text. Holds what was asked lately: of two generations the older one goes when the younger
/// is full, and what is asked again moves to the younger.
#[derive(Debug, Default)]
pub struct Known(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<str>, Arc<Expr>>,
    old: HashMap<Box<str>, Arc<Expr>>,
    /// Of text in the young one.
    bytes: usize,
}

impl Known {
    /// What [`parse()`] says, from memory where it can.
    pub fn parse(&self, text: &str) -> Result<Arc<Expr>, ParseError> {
        if let Some(found) = self.0.lock().find(text) {
            return Ok(found);
        }
        let expr = Arc::new(parse(text)?);
        if is_small(&expr) {
            self.0.lock().keep(text, &expr);
        }
        Ok(expr)
    }
}

/// Whether a tree takes about as much as its text: a repetition or a class of letters in a regular
/// expression may compile to a megabyte.
fn is_small(expr: &Expr) -> bool {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        let matchers = match &expr.kind {
            Kind::Selector(selector) => &selector.matchers,
            Kind::Range(range) => &range.selector.matchers,
            _ => {
                open.extend(expr.children());
                continue;
            }
        };
        let compiled = matchers.iter().filter(|m| m.regex().is_some());
        if !compiled.into_iter().all(|m| is_plain(&m.value)) {
            return false;
        }
    }
    true
}

/// Without `{2,5}`, and with backslashes before punctuation only.
fn is_plain(pattern: &str) -> bool {
    let next = pattern.chars().skip(1).chain([' ']);
    let classes = |(c, next): (char, char)| c == '\\' && next.is_alphanumeric();
    !pattern.contains('{') && !pattern.chars().zip(next).any(classes)
}

impl Generations {
    fn find(&mut self, text: &str) -> Option<Arc<Expr>> {
        if let Some(found) = self.young.get(text) {
            return Some(found.clone());
        }
        let found = self.old.remove(text)?;
        self.keep(text, &found);
        Some(found)
    }

    fn keep(&mut self, text: &str, expr: &Arc<Expr>) {
        if text.len() > GENERATION / 8 {
            return;
        }
        if self.bytes + text.len() > GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        if self.young.insert(text.into(), expr.clone()).is_none() {
            self.bytes += text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::query::promql::known::{GENERATION, Known};
    use std::sync::Arc;

    #[test]
    fn what_may_be_large_is_read_again() {
        let known = Known::default();
        for (text, kept) in [
            (r#"up{job=~"a.*|b\\.c"} > 1"#, true),
            (r#"up{job=~"\\pL{9}"} > 1"#, false),
            (r#"rate(up{job!~"\\w+"}[5m])"#, false),
        ] {
            let first = known.parse(text).unwrap();
            let again = known.parse(text).unwrap();
            assert_eq!(Arc::ptr_eq(&first, &again), kept, "{text}");
        }
    }

    #[test]
    fn the_same_tree_is_given_until_others_push_it_out() {
        let known = Known::default();
        let first = known.parse("up == 0").unwrap();
        assert!(Arc::ptr_eq(&first, &known.parse("up == 0").unwrap()));
        assert!(known.parse("up ==").is_err());
        let fill = |from: usize| {
            for i in from..from + GENERATION / 64 {
                let text = format!("{}{i:08}", "a".repeat(56));
                known.parse(&text).unwrap();
            }
        };
        // Once it moves to the younger generation, then it is not asked while two go by.
        fill(0);
        assert!(Arc::ptr_eq(&first, &known.parse("up == 0").unwrap()));
        fill(1_000_000);
        fill(2_000_000);
        let again = known.parse("up == 0").unwrap();
        assert!(!Arc::ptr_eq(&first, &again));
        assert_eq!(first, again);
        let generations = known.0.lock();
        assert!(generations.bytes <= GENERATION);
    }
}
