//! Matchers against many values: the cheap test where the pattern allows one, and sets of series.

use crate::model::matcher::{MatchOp, Matcher};
use std::borrow::Cow;

/// Which series have which value of a label, as rising lists of numbers.
pub(crate) trait Postings {
    fn of_value(&self, name: &str, value: &str) -> &[u32];

    fn values(&self, name: &str) -> impl Iterator<Item = (&str, &[u32])>;

    /// The series that satisfy every matcher, rising. `all` gives every series.
    fn select(&self, matchers: &[Matcher], all: impl Fn() -> Vec<u32>) -> Vec<u32> {
        let mut must: Vec<Cow<'_, [u32]>> = Vec::new();
        let mut not = Vec::new();
        for matcher in matchers {
            let test = ValueTest::new(matcher);
            let name = matcher.name.as_str();
            if matcher.accepts_empty() {
                let refused = self.values(name).filter(|(v, _)| !test.accepts(v));
                not.push(join(refused.map(|(_, series)| series)));
            } else if let Some(literals) = test.literals() {
                must.push(join(literals.iter().map(|v| self.of_value(name, v))));
            } else {
                let accepted = self.values(name).filter(|(v, _)| test.accepts(v));
                must.push(join(accepted.map(|(_, series)| series)));
            }
        }
        must.sort_by_key(|m| m.len());
        let mut found = match must.first() {
            Some(first) => first.to_vec(),
            None => all(),
        };
        for more in must.iter().skip(1) {
            intersect(&mut found, more);
        }
        for less in &not {
            subtract(&mut found, less);
        }
        found
    }
}

/// The union of lists that share nothing.
fn join<'a>(parts: impl Iterator<Item = &'a [u32]>) -> Cow<'a, [u32]> {
    let mut parts = parts.filter(|p| !p.is_empty()).peekable();
    let Some(first) = parts.next() else {
        return Cow::Borrowed(&[]);
    };
    if parts.peek().is_none() {
        return Cow::Borrowed(first);
    }
    let mut all = first.to_vec();
    for part in parts {
        all.extend_from_slice(part);
    }
    all.sort_unstable();
    Cow::Owned(all)
}

/// A matcher, prepared to be asked about every value of a label.
pub(crate) enum ValueTest<'a> {
    /// Accepts (or, negated, refuses) exactly these.
    OneOf(Vec<&'a str>, bool),
    /// A beginning, with at least so many bytes behind it.
    Prefix(&'a str, usize, bool),
    Any(&'a Matcher),
}

impl<'a> ValueTest<'a> {
    pub(crate) fn new(matcher: &'a Matcher) -> Self {
        let value = matcher.value.as_str();
        let positive = matches!(matcher.op, MatchOp::Equal | MatchOp::Regex);
        match matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => Self::OneOf(vec![value], positive),
            MatchOp::Regex | MatchOp::NotRegex => {
                let inner = strip_group(value);
                if inner.split('|').all(is_literal) {
                    return Self::OneOf(inner.split('|').collect(), positive);
                }
                for (end, more) in [(".*", 0), (".+", 1)] {
                    if let Some(prefix) = value.strip_suffix(end).filter(|p| is_literal(p)) {
                        return Self::Prefix(prefix, more, positive);
                    }
                }
                Self::Any(matcher)
            }
        }
    }

    pub(crate) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::OneOf(all, positive) => all.contains(&value) == *positive,
            Self::Prefix(prefix, more, positive) => {
                let hit = value.starts_with(prefix) && value.len() >= prefix.len() + more;
                hit == *positive
            }
            Self::Any(matcher) => matcher.matches(value),
        }
    }

    /// The only values that are accepted, where they are known.
    pub(crate) fn literals(&self) -> Option<Vec<&'a str>> {
        match self {
            Self::OneOf(all, true) => {
                let mut all = all.clone();
                all.sort_unstable();
                all.dedup();
                Some(all)
            }
            _ => None,
        }
    }
}

/// `(a|b)` without its brackets, where they are one pair around all of it.
fn strip_group(pattern: &str) -> &str {
    let inner = pattern
        .strip_prefix("(?:")
        .or_else(|| pattern.strip_prefix('('));
    match inner.and_then(|p| p.strip_suffix(')')) {
        Some(inner) if !inner.contains(['(', ')', '?']) => inner,
        _ => pattern,
    }
}

fn is_literal(text: &str) -> bool {
    !text.contains([
        '.', '*', '+', '?', '(', ')', '[', ']', '{', '}', '^', '$', '\\', '|',
    ])
}

/// Keeps what is in both; both rise.
pub(crate) fn intersect(found: &mut Vec<u32>, other: &[u32]) {
    let mut rest = other;
    found.retain(|x| {
        rest = &rest[gallop(rest, *x)..];
        rest.first() == Some(x)
    });
}

/// Keeps what is not in `other`; both rise.
pub(crate) fn subtract(found: &mut Vec<u32>, other: &[u32]) {
    let mut rest = other;
    found.retain(|x| {
        rest = &rest[gallop(rest, *x)..];
        rest.first() != Some(x)
    });
}

/// Where `x` is or would be, searched from the front in growing steps.
fn gallop(list: &[u32], x: u32) -> usize {
    let mut step = 1;
    while step < list.len() && list[step] < x {
        step *= 2;
    }
    let (from, to) = (step / 2, (step + 1).min(list.len()));
    from + list[from..to].partition_point(|y| *y < x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cheap_tests_answer_as_the_expression() {
        let patterns = [
            "GET|POST",
            "(GET|POST)",
            "(?:GET)",
            "GET",
            "",
            "a|",
            "api/.*",
            "api/.+",
            ".*",
            ".+",
            "a(b|c)",
            "(a)|(b)",
            "(a|b)c",
            "x.*|y",
            "a\\.b",
            "(?i)get",
            "(?i:get)",
            "GET|.*",
            "[ab]",
            "a{2}",
            "a|b.*",
        ];
        let values = [
            "GET", "POST", "get", "", "a", "b", "api/", "api/x", "api/\n", "ab", "ac", "a.b", "xy",
            "y", "aa", "bzz", "a|b", "c", "ac", "bc",
        ];
        for pattern in patterns {
            for op in [MatchOp::Regex, MatchOp::NotRegex] {
                let matcher = Matcher::new("n", op, pattern).unwrap();
                let test = ValueTest::new(&matcher);
                for value in values {
                    assert_eq!(
                        test.accepts(value),
                        matcher.matches(value),
                        "{matcher} {value:?}"
                    );
                    if let Some(all) = test.literals() {
                        assert_eq!(
                            all.contains(&value),
                            matcher.matches(value),
                            "{matcher} {value:?}"
                        );
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn sets_are_sets(
            a in prop::collection::btree_set(0u32..200, 0..80),
            b in prop::collection::btree_set(0u32..200, 0..80),
        ) {
            let b_list: Vec<u32> = b.iter().copied().collect();
            let mut both: Vec<u32> = a.iter().copied().collect();
            let mut only = both.clone();
            intersect(&mut both, &b_list);
            subtract(&mut only, &b_list);
            prop_assert_eq!(both, a.intersection(&b).copied().collect::<Vec<_>>());
            prop_assert_eq!(only, a.difference(&b).copied().collect::<Vec<_>>());
        }
    }
}
