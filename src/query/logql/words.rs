//! What a person types into a search bar, as LogQL: `timeout !health level:error status=500`.
//!
//! A text that begins like a query is one. Otherwise each word stands for itself: a word is looked
//! for in any case unless it has capitals, `!` leaves out, `/../` is a regular expression,
//! `level:` keeps that level and worse, `name=value` asks a label of the stream or a field of the
//! line.

use crate::model::log_entry::{Level, LevelSet};
use crate::query::logql::ast::EVERY;
use crate::query::promql::literal::quote;

/// One thing that was asked for; its text is what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Query,
    Word {
        word: String,
        not: bool,
    },
    Regex {
        pattern: String,
        not: bool,
    },
    Level(LevelSet),
    Label {
        name: String,
        op: &'static str,
        value: String,
    },
}

impl Term {
    /// Asks for a label: which names streams have must be known to compose it.
    pub fn is_label(&self) -> bool {
        matches!(self.kind, Kind::Label { .. })
    }
}

/// A query made of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    pub expr: String,
    pub levels: LevelSet,
}

/// The terms of a text. One that is a query is a single term.
pub fn read(text: &str) -> Vec<Term> {
    let text = text.trim();
    if text.starts_with('{') {
        let text = text.to_owned();
        let kind = Kind::Query;
        return vec![Term { text, kind }];
    }
    pieces(text).into_iter().map(term).collect()
}

/// Cut at blanks that stand in no quotes and in no `/../`.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return out;
        }
        let body = rest.trim_start_matches('!');
        let close = body.chars().next().filter(|c| matches!(c, '/' | '"'));
        let from = rest.len() - body.len();
        let closed = close.and_then(|c| body[1..].find(c).map(|at| from + at + 2));
        let start = closed.unwrap_or(0);
        let blank = rest[start..].find(char::is_whitespace);
        let end = blank.map_or(rest.len(), |at| start + at);
        out.push(&rest[..end]);
        rest = &rest[end..];
    }
}

fn term(piece: &str) -> Term {
    let text = piece.to_owned();
    let (not, body) = match piece.strip_prefix('!') {
        Some(body) if !body.is_empty() => (true, body),
        _ => (false, piece),
    };
    if let Some(level) = body.strip_prefix("level:")
        && let Some(levels) = levels(level)
    {
        let levels = if not { LevelSet(!levels.0) } else { levels };
        return Term {
            text,
            kind: Kind::Level(levels),
        };
    }
    let between = |c: char| {
        let inner = body.strip_prefix(c).and_then(|b| b.strip_suffix(c));
        inner.filter(|b| !b.is_empty()).map(str::to_owned)
    };
    if let Some(pattern) = between('/') {
        return Term {
            text,
            kind: Kind::Regex { pattern, not },
        };
    }
    if let Some(label) = label(body).filter(|_| !not) {
        return Term { text, kind: label };
    }
    let word = between('"').unwrap_or_else(|| body.to_owned());
    Term {
        text,
        kind: Kind::Word { word, not },
    }
}

fn label(body: &str) -> Option<Kind> {
    let at = body.find(['=', '!'])?;
    let (name, rest) = body.split_at(at);
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let op = ["=~", "!=", "!~", "="]
        .into_iter()
        .find(|op| rest.starts_with(op))?;
    let value = rest[op.len()..].trim_matches('"');
    (named && !value.is_empty()).then(|| Kind::Label {
        name: name.to_owned(),
        op,
        value: value.to_owned(),
    })
}

/// The level of that name and those above it.
fn levels(name: &str) -> Option<LevelSet> {
    let name = match name.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_owned(),
        "err" => "error".to_owned(),
        other => other.to_owned(),
    };
    let least = Level::ALL.into_iter().find(|l| l.as_str() == name)?;
    if least == Level::Unknown {
        return Some(LevelSet::of(&[Level::Unknown]));
    }
    let above: Vec<Level> = Level::ALL.into_iter().filter(|l| *l >= least).collect();
    Some(LevelSet::of(&above))
}

/// A log query of all terms together. `labels` are the names that streams have.
pub fn compose(terms: &[&Term], labels: &[String]) -> Composed {
    let mut levels = LevelSet::ALL;
    let mut matchers: Vec<String> = Vec::new();
    let (mut lines, mut fields) = (String::new(), String::new());
    let mut base = None;
    for term in terms {
        match &term.kind {
            Kind::Query => base = Some(term.text.clone()),
            Kind::Level(set) => levels.0 &= set.0,
            Kind::Word { word, not } => {
                let capitals = word.chars().any(char::is_uppercase);
                if capitals || !word.chars().any(char::is_alphabetic) {
                    let op = if *not { "!=" } else { "|=" };
                    lines.push_str(&format!(" {op} {}", quote(word)));
                } else {
                    let op = if *not { "!~" } else { "|~" };
                    let pattern = format!("(?i){}", regex::escape(word));
                    lines.push_str(&format!(" {op} {}", quote(&pattern)));
                }
            }
            Kind::Regex { pattern, not } => {
                let op = if *not { "!~" } else { "|~" };
                lines.push_str(&format!(" {op} {}", quote(pattern)));
            }
            Kind::Label { name, op, value } => {
                let matcher = format!("{name}{op}{}", quote(value));
                if labels.contains(name) {
                    matchers.push(matcher);
                } else {
                    fields.push_str(&format!(" | {matcher}"));
                }
            }
        }
    }
    if !fields.is_empty() {
        let parsers = " | json | logfmt | drop __error__, __error_details__";
        fields.insert_str(0, parsers);
    }
    let expr = if let Some(base) = base {
        // Labels of streams are labels of every line as well.
        let mut expr = format!("{base}{lines}");
        for matcher in &matchers {
            expr.push_str(&format!(" | {matcher}"));
        }
        expr + &fields
    } else {
        let outright = |m: &String| !m.contains("!=") && !m.contains("!~") && !m.contains("=~");
        if !matchers.iter().any(outright) {
            matchers.push(format!("{EVERY}=\"\""));
        }
        format!("{{{}}}{lines}{fields}", matchers.join(", "))
    };
    Composed { expr, levels }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::logql;

    fn composed(text: &str) -> Composed {
        let terms = read(text);
        let all: Vec<&Term> = terms.iter().collect();
        compose(&all, &["app".to_owned()])
    }

    #[test]
    fn words_become_a_query() {
        for (text, want) in [
            ("", "{__stream__=\"\"}"),
            (
                "timeout !health",
                "{__stream__=\"\"} |~ \"(?i)timeout\" !~ \"(?i)health\"",
            ),
            ("OutOfMemory", "{__stream__=\"\"} |= \"OutOfMemory\""),
            (
                "/took \\d+ ms/ \"a b\"",
                "{__stream__=\"\"} |~ \"took \\\\d+ ms\" |~ \"(?i)a b\"",
            ),
            ("app=api 500", "{app=\"api\"} |= \"500\""),
            ("app!=api", "{app!=\"api\", __stream__=\"\"}"),
            (
                "status=500",
                "{__stream__=\"\"} | json | logfmt | drop __error__, __error_details__ | status=\"500\"",
            ),
            ("{app=\"x\"} |= \"y\"", "{app=\"x\"} |= \"y\""),
            ("한글", "{__stream__=\"\"} |~ \"(?i)한글\""),
        ] {
            let got = composed(text);
            assert_eq!(got.expr, want, "{text}");
            assert_eq!(got.levels, LevelSet::ALL);
            logql::check(&got.expr).unwrap_or_else(|e| panic!("{text}: {e}"));
        }
    }

    #[test]
    fn levels_are_kept_apart_from_the_query() {
        let worse = LevelSet::of(&[Level::Error, Level::Critical, Level::Fatal]);
        assert_eq!(composed("level:error").levels, worse);
        assert_eq!(composed("!level:error").levels, LevelSet(!worse.0));
        assert_eq!(
            composed("level:strange").expr,
            "{__stream__=\"\"} |~ \"(?i)level:strange\""
        );
    }
}
