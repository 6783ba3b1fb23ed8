//! Tokens of LogQL with their places.

use crate::base::units;
use crate::query::logql::literal;
use crate::query::logql::parse::ParseError;
use crate::query::parser::{self, TokenKind};
use crate::query::promql::ast::Span;
use crate::query::promql::literal::quoted_len;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Names and keywords; the parser knows which by where they stand.
    Word,
    /// Quoted; the span includes the quotes.
    Text,
    Number,
    /// Nanoseconds.
    Duration(i64),
    Bytes(u64),
    /// `[5m]` in nanoseconds.
    Range(i64),
    /// `--strict`
    Flag,
    Sign,
    End,
}

pub(crate) type Token = parser::Token<Kind>;

impl TokenKind for Kind {
    const WORD: Self = Self::Word;
    const SIGN: Self = Self::Sign;
}

/// Signs of two bytes, then of one.
const SIGNS: [&str; 27] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "(", ")", "{", "}", ",", "|", "=",
    ">", "<", "+", "-", "*", "/", "%", "^", ".", "]",
];

const FLAGS: [&str; 2] = ["--strict", "--keep-empty"];

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_ascii_whitespace() {
            at += 1;
        } else if first == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
        } else {
            let token = next(text, at, first)?;
            at = token.span.end;
            out.push(token);
        }
    }
    out.push(Token {
        kind: Kind::End,
        span: Span::new(text.len(), text.len()),
    });
    Ok(out)
}

fn next(text: &str, at: usize, first: char) -> Result<Token, ParseError> {
    let rest = &text[at..];
    let token = |kind, len| {
        Ok(Token {
            kind,
            span: Span::new(at, at + len),
        })
    };
    let point = first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit());
    if first.is_ascii_digit() || point {
        let (kind, len) = numeric(rest);
        return token(kind, len);
    }
    if first.is_alphabetic() || first == '_' {
        let len = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        return token(Kind::Word, len);
    }
    match first {
        '"' | '`' => return quoted(text, at),
        '[' => return range(text, at),
        _ => {}
    }
    if let Some(flag) = FLAGS.iter().find(|f| rest.starts_with(**f)) {
        return token(Kind::Flag, flag.len());
    }
    if let Some(sign) = SIGNS.iter().find(|s| rest.starts_with(**s)) {
        return token(Kind::Sign, sign.len());
    }
    let span = Span::new(at, at + first.len_utf8());
    let why = format!("syntax error: unexpected character {first:?}");
    Err(ParseError::new(span, why))
}

fn quoted(text: &str, at: usize) -> Result<Token, ParseError> {
    let Some(len) = quoted_len(&text[at..]) else {
        let span = Span::new(at, text.len());
        return Err(ParseError::new(span, "literal not terminated"));
    };
    let span = Span::new(at, at + len);
    // What was no UTF-8 on its way here holds the replacement character.
    if text[span.start..span.end].contains('\u{fffd}') {
        return Err(ParseError::new(span, "invalid UTF-8 encoding"));
    }
    Ok(Token {
        kind: Kind::Text,
        span,
    })
}

/// The longest run that is a duration, a size or a number.
fn numeric(rest: &str) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    let hex = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X');
    let mut len = 0;
    while len < bytes.len() {
        let c = bytes[len];
        let exponent = len > 0
            && match bytes[len - 1] {
                b'e' | b'E' => !hex,
                b'p' | b'P' => hex,
                _ => false,
            };
        let sign = matches!(c, b'+' | b'-')
            && exponent
            && bytes.get(len + 1).is_some_and(u8::is_ascii_digit);
        // The two bytes of a micro sign are no ASCII.
        if !(c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_') || sign || c >= 0x80) {
            break;
        }
        len += 1;
    }
    let word = &rest[..len];
    if let Some(ns) = literal::duration_ns(word).filter(|_| word != "0") {
        return (Kind::Duration(ns), len);
    }
    if let Some(size) = literal::bytes(word) {
        return (Kind::Bytes(size), len);
    }
    if literal::number(word).is_some() || based(word) {
        return (Kind::Number, len);
    }
    let digits = word
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(len);
    (Kind::Number, digits.max(1))
}

/// `0x1A`, `0b1`, `0o7`: numbers for the scanner, though none for the parser.
fn based(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    ["0x", "0b", "0o"].iter().any(|head| {
        let digits = lower.strip_prefix(head);
        digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

fn range(text: &str, at: usize) -> Result<Token, ParseError> {
    let rest = &text[at + 1..];
    let end = rest.find([']', ')', '(', '{', '}', '\n']);
    let Some(len) = end.filter(|e| rest[*e..].starts_with(']')) else {
        let span = Span::new(at, text.len());
        return Err(ParseError::new(span, "missing closing ']' in duration"));
    };
    let span = Span::new(at, at + len + 2);
    let inner = rest[..len].trim();
    let read = units::parse_duration_ms(inner).ok().filter(|ms| *ms > 0);
    match read.and_then(|ms| ms.checked_mul(1_000_000)) {
        Some(ns) => Ok(Token {
            kind: Kind::Range(ns),
            span,
        }),
        None => Err(ParseError::new(span, bad_range(inner))),
    }
}

fn bad_range(text: &str) -> String {
    const KNOWN: [&str; 7] = ["y", "w", "d", "h", "m", "s", "ms"];
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let word = unit
        .find(|c: char| !c.is_alphabetic())
        .map_or(unit, |len| &unit[..len]);
    if unit.len() < text.len() && !word.is_empty() && !KNOWN.contains(&word) {
        return format!("unknown unit {word:?} in duration {text:?}");
    }
    format!("not a valid duration string: {text:?}; write 5m or 1h30m")
}
