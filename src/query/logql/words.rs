//! What a person types into a search bar, as LogQL: `timeout !health level:error status=500`.
//!
//! A text that begins like a query is one: `{`, or a function that makes numbers of lines. One that
//! begins with `|` or `!>` is what stands behind a selector. Otherwise each word stands for itself: a
//! word is looked for in any case unless it has capitals, `!` leaves out, `/../` is a regular
//! expression, `level:` keeps that level and worse, `trace:` the lines of a trace, `name=value` asks
//! a label of the stream or a field of the line.

use crate::model::log_entry::{Level, LevelSet};
use crate::query::logql::ast::{EVERY, Expr, Metric, RangeOp, VectorOp};
use crate::query::logql::{ParseError, eval, parse};
use crate::query::promql::ast::Span;
use crate::query::promql::literal::quote;
use unicode_normalization::UnicodeNormalization;

/// One thing that was asked for; its text is what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Query,
    /// What stands behind a selector.
    Stages,
    Word {
        word: String,
        not: bool,
    },
    Regex {
        pattern: String,
        not: bool,
    },
    Level(LevelSet),
    /// The lines that name a trace, in their text or beside it.
    Trace(String),
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

    /// A whole query: at most one of several terms can be.
    pub fn is_query(&self) -> bool {
        self.kind == Kind::Query
    }
}

/// A query made of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    pub expr: String,
    pub levels: LevelSet,
    /// Numbers are asked for, not lines; further terms have no part in it.
    pub metric: bool,
}

impl Composed {
    /// A query as it stands.
    pub fn of_query(expr: impl Into<String>) -> Self {
        let expr = expr.into();
        Self {
            metric: is_metric(&expr),
            expr,
            levels: LevelSet::ALL,
        }
    }
}

fn is_metric(text: &str) -> bool {
    // A bare number is looked for in lines.
    matches!(parse(text), Ok(Expr::Metric(m)) if !matches!(m, Metric::Number(_)))
}

/// True where the text is, or begins like, LogQL rather than words to look for.
pub(crate) fn begins_like_query(text: &str) -> bool {
    let text = text.trim_start();
    let word = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(word);
    let rest = rest.trim_start();
    let known = RangeOp::ALL.iter().any(|(_, n)| *n == name)
        || VectorOp::ALL.iter().any(|(_, n)| *n == name)
        || matches!(name, "label_replace" | "vector");
    let called = rest.starts_with('(') || rest.starts_with("by ") || rest.starts_with("without ");
    text.starts_with('{') || (known && called) || is_metric(text)
}

/// Why a text cannot be asked, and which of its bytes are to blame; `None` where it can.
pub fn fault(text: &str) -> Option<ParseError> {
    if begins_like_query(text) {
        return eval::check(text).err();
    }
    let whole = text.trim();
    let terms = read(text);
    let pieces = if terms.len() == 1 {
        vec![whole]
    } else {
        pieces(whole)
    };
    for (piece, term) in pieces.into_iter().zip(&terms) {
        let composed = compose(&[term], &[]);
        let Err(mut e) = eval::check(&composed.expr) else {
            continue;
        };
        let start = piece.as_ptr() as usize - text.as_ptr() as usize;
        let end = start + piece.len();
        let place = e.span.start;
        e.span = Span::new(start, end);
        if term.kind == Kind::Stages {
            // The place within what was typed.
            let before = composed.expr.len() - piece.len();
            let at = start + place.saturating_sub(before);
            e.span = Span::new(text.floor_char_boundary(at.min(end)), end);
        }
        return Some(e.placed(text));
    }
    None
}

/// The terms of a text. One that is a query is a single term.
pub fn read(text: &str) -> Vec<Term> {
    let text = text.trim();
    let whole = if begins_like_query(text) {
        Some(Kind::Query)
    } else {
        let behind = text.starts_with('|') || text.starts_with("!>");
        behind.then_some(Kind::Stages)
    };
    if let Some(kind) = whole {
        let text = text.to_owned();
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
    let id = body.strip_prefix("trace:").unwrap_or_default();
    if id.len() >= 16 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        let kind = Kind::Trace(id.to_ascii_lowercase());
        return Term { text, kind };
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

/// A trace may stand in the text of a line or in what belongs to it, and no filter asks for both:
/// a label for the time being says whether it is in the text.
fn of_trace(id: &str) -> String {
    // Some write the shorter half alone where the other is zero.
    let short = id.strip_prefix("0000000000000000").unwrap_or(id);
    let names = ["trace_id", "traceid", "traceId", "traceID"];
    let beside = names
        .map(|name| format!(" or {name}=~\"0*{short}\""))
        .concat();
    format!(
        " | label_format hit__=`{{{{ if contains \"{short}\" __line__ }}}}1{{{{ end }}}}` | hit__=\"1\"{beside} | drop hit__"
    )
}

/// A log query of all terms together. `labels` are the names that streams have.
pub fn compose(terms: &[&Term], labels: &[String]) -> Composed {
    let mut levels = LevelSet::ALL;
    let mut matchers: Vec<String> = Vec::new();
    let (mut lines, mut fields, mut stages) = (String::new(), String::new(), String::new());
    let mut base: Option<&str> = None;
    for term in terms {
        match &term.kind {
            Kind::Query => base = Some(&term.text),
            // Filters of lines come first: they spare the work of what stands behind them.
            Kind::Stages if !term.text.contains("| ") => {
                lines.push_str(&format!(" {}", term.text));
            }
            Kind::Stages => stages.push_str(&format!(" {}", term.text)),
            Kind::Level(set) => levels.0 &= set.0,
            Kind::Trace(id) => stages.push_str(&of_trace(id)),
            Kind::Word { word, not } => {
                let capitals = word.chars().any(char::is_uppercase);
                let cased = word.chars().any(char::is_lowercase);
                if capitals || !cased {
                    let op = if *not { "!=" } else { "|=" };
                    lines.push_str(&format!(" {op} {}", quote(word)));
                    // Some systems write Hangul in pieces; it is the same word.
                    let (whole, apart): (String, String) =
                        (word.nfc().collect(), word.nfd().collect());
                    for other in [whole, apart].iter().filter(|o| *o != word) {
                        lines.push_str(&format!(" or {}", quote(other)));
                    }
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
    if let Some(base) = base.filter(|b| is_metric(b)) {
        return Composed::of_query(base);
    }
    let expr = if let Some(base) = base {
        // Labels of streams are labels of every line as well.
        let mut expr = format!("{base}{lines}");
        for matcher in &matchers {
            expr.push_str(&format!(" | {matcher}"));
        }
        expr + &fields + &stages
    } else {
        let outright = |m: &String| !m.contains("!=") && !m.contains("!~") && !m.contains("=~");
        if !matchers.iter().any(outright) {
            matchers.push(format!("{EVERY}=\"\""));
        }
        format!("{{{}}}{lines}{fields}{stages}", matchers.join(", "))
    };
    Composed {
        expr,
        levels,
        metric: false,
    }
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
            (
                "한글",
                "{__stream__=\"\"} |= \"한글\" or \"\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}\"",
            ),
            ("|>\"a <_> b\"", "{__stream__=\"\"} |>\"a <_> b\""),
            ("!>\"a <_> b\"", "{__stream__=\"\"} !>\"a <_> b\""),
            (
                "| json | status >= 500",
                "{__stream__=\"\"} | json | status >= 500",
            ),
            (
                "sum by (level) (rate({a=\"b\"}[5m]))",
                "sum by (level) (rate({a=\"b\"}[5m]))",
            ),
            (
                "rate limit",
                "{__stream__=\"\"} |~ \"(?i)rate\" |~ \"(?i)limit\"",
            ),
        ] {
            let got = composed(text);
            assert_eq!(got.expr, want, "{text}");
            assert_eq!(got.levels, LevelSet::ALL);
            logql::check(&got.expr).unwrap_or_else(|e| panic!("{text}: {e}"));
        }
    }

    #[test]
    fn what_was_typed_is_told_apart_and_faults_have_their_place() {
        let metric = |text: &str| composed(text).metric;
        assert!(metric("count_over_time({a=\"b\"}[1m])"));
        assert!(!metric("count") && !metric("500") && !metric("{a=\"b\"}"));
        for (text, place) in [
            ("timeout level:error", None),
            ("a /b(c/ d", Some((2, 7))),
            ("{app=\"x\"", Some((8, 8))),
            ("rate({app=\"x\"}[5m", Some((14, 18))),
            ("| json | bogus", Some((9, 14))),
            ("한글 /(/", Some((7, 10))),
        ] {
            let found = fault(text).map(|e| (e.span.start, e.span.end));
            let inside = match (found, place) {
                (Some((start, end)), Some((from, to))) => start >= from && end <= to,
                (found, place) => found == place,
            };
            assert!(inside, "{text}: {found:?}");
        }
    }

    #[test]
    fn levels_are_kept_apart_from_the_query() {
        let worse = LevelSet::of(&[Level::Error, Level::Critical, Level::Fatal]);
        logql::check(&composed("trace:4bf92f3577b34da6a3ce929d0e0e4736").expr).unwrap();
        assert_eq!(composed("level:error").levels, worse);
        assert_eq!(composed("!level:error").levels, LevelSet(!worse.0));
        assert_eq!(
            composed("level:strange").expr,
            "{__stream__=\"\"} |~ \"(?i)level:strange\""
        );
    }
}
