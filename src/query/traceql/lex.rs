//! Tokens of TraceQL with their places.
//!
//! An attribute is one token: its scope, its dots and what may be quoted in its name. Where a name
//! ends follows Tempo: at a space, a brace, a parenthesis, a comma or a sign of comparison.

use crate::query::parser::{self, TokenKind};
use crate::query::promql::ast::Span;
use crate::query::promql::literal;
use crate::query::traceql::ast::{Attribute, Scope};
use crate::query::traceql::parse::ParseError;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A keyword, an intrinsic, a function, a status or a kind: told apart by where it stands.
    Word,
    /// `trace:duration`, `span:id` and the like.
    Scoped,
    Attribute(Attribute),
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    Text(String),
    Sign,
    End,
}

pub(crate) type Token = parser::Token<Kind>;

impl TokenKind for Kind {
    const WORD: Self = Self::Word;
    const SIGN: Self = Self::Sign;
}

/// Longest first.
const SIGNS: [&str; 36] = [
    "&>>", "&<<", "!>>", "!<<", "&>", "&<", "&~", "!>", "!<", "!~", "!=", "=~", ">=", "<=", ">>",
    "<<", "&&", "||", "{", "}", "(", ")", "|", ",", "=", "<", ">", "~", "+", "-", "*", "/", "%",
    "^", "!", ";",
];

/// What may stand before a dot.
const SCOPES: [(&str, Scope, bool); 9] = [
    ("parent.resource.", Scope::Resource, true),
    ("parent.span.", Scope::Span, true),
    ("parent.", Scope::Any, true),
    ("resource.", Scope::Resource, false),
    ("span.", Scope::Span, false),
    ("event.", Scope::Event, false),
    ("link.", Scope::Link, false),
    ("instrumentation.", Scope::Instrumentation, false),
    (".", Scope::Any, false),
];

const COLONS: [&str; 5] = ["trace:", "span:", "event:", "link:", "instrumentation:"];

/// Splits the text, up to the first fault.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let token = next(text, at)?;
        at = token.span.end;
        out.push(token);
    }
    out.push(Token {
        kind: Kind::End,
        span: Span::new(text.len(), text.len()),
    });
    Ok(out)
}

fn next(text: &str, at: usize) -> Result<Token, ParseError> {
    let rest = &text[at..];
    let token = |kind, len: usize| Token {
        kind,
        span: Span::new(at, at + len),
    };
    let fault = |len: usize, why: String| Err(ParseError::new(Span::new(at, at + len), why));
    if let Some((prefix, scope, of_parent)) = SCOPES.iter().find(|s| rest.starts_with(s.0)) {
        let (name, len) = attribute_name(&rest[prefix.len()..])
            .map_err(|why| ParseError::new(Span::new(at, at + prefix.len()), why))?;
        let attribute = Attribute {
            scope: *scope,
            of_parent: *of_parent,
            name,
        };
        return Ok(token(Kind::Attribute(attribute), prefix.len() + len));
    }
    if let Some(prefix) = COLONS.iter().find(|c| rest.starts_with(**c)) {
        let len = word_len(&rest[prefix.len()..]);
        return Ok(token(Kind::Scoped, prefix.len() + len));
    }
    let first = rest.chars().next().unwrap_or(' ');
    if first.is_ascii_digit() {
        let (kind, len) = number(rest);
        return match kind {
            Some(kind) => Ok(token(kind, len)),
            None => fault(
                len,
                format!("{:?} is no number and no duration", &rest[..len]),
            ),
        };
    }
    if first.is_ascii_alphabetic() || first == '_' {
        return Ok(token(Kind::Word, word_len(rest)));
    }
    if matches!(first, '"' | '`') {
        let Some(len) = literal::quoted_len(rest) else {
            return fault(rest.len(), "the quoted text does not end".to_owned());
        };
        return match literal::unquote(&rest[..len]) {
            Ok(said) => Ok(token(Kind::Text(said), len)),
            Err(why) => fault(len, why),
        };
    }
    match SIGNS.iter().find(|s| rest.starts_with(**s)) {
        Some(sign) => Ok(token(Kind::Sign, sign.len())),
        None => fault(first.len_utf8(), format!("unexpected character {first:?}")),
    }
}

fn word_len(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len())
}

/// A name with its quoted parts read, and the bytes it takes.
fn attribute_name(text: &str) -> Result<(String, usize), String> {
    let mut name = String::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == '"' {
            let (part, len) = quoted_part(&text[at..])?;
            name.push_str(&part);
            at += len;
        } else if ends_name(c) {
            break;
        } else {
            name.push(c);
            at += c.len_utf8();
        }
    }
    if name.is_empty() {
        return Err("the name of an attribute is missing behind the dot".to_owned());
    }
    Ok((name, at))
}

/// Only `\"` and `\\` are escapes in a name.
fn quoted_part(text: &str) -> Result<(String, usize), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, at + 1)),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\'))) => out.push(c),
                _ => return Err("in a quoted name only \\\" and \\\\ are escapes".to_owned()),
            },
            c => out.push(c),
        }
    }
    Err("the quoted name of an attribute does not end".to_owned())
}

fn ends_name(c: char) -> bool {
    c.is_whitespace() || "{}()=~!<>&|^,".contains(c)
}

/// Digits, then perhaps a fraction, an exponent, or units of time.
fn number(text: &str) -> (Option<Kind>, usize) {
    let len = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | 'µ' | 'μ')))
        .unwrap_or(text.len());
    let word = &text[..len];
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    let kind = if digits {
        word.parse().ok().map(Kind::Int)
    } else {
        let plain = word
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e'));
        let float = plain.then(|| word.parse().ok()).flatten().map(Kind::Float);
        float.or_else(|| nanoseconds(word).map(Kind::Duration))
    };
    (kind, len)
}

/// Go's durations: `1h30m`, `1.5ms`, `10us`.
fn nanoseconds(word: &str) -> Option<i64> {
    let mut total = 0.0_f64;
    let mut rest = word;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let value: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .map_or(rest.len(), |n| digits + n);
        let scale = match &rest[digits..unit_end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += value * scale;
        rest = &rest[unit_end..];
    }
    (total < i64::MAX as f64).then_some(total.round() as i64)
}
