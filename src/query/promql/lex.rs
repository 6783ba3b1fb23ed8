//! Tokens of PromQL with their places.

use crate::query::parser::{self, TokenKind};
use crate::query::promql::ast::Span;
use crate::query::promql::literal;
use crate::query::promql::parse::ParseError;

/// What a token is. Keywords are `Word`s: the parser knows them by where they stand, since most
/// may also name a metric or a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    Word,
    /// A word with a colon: only a metric can be called so.
    Colons,
    /// Digits in any of Go's forms.
    Number,
    /// `5m`, `1h30m`
    Duration,
    /// Quoted; the span includes the quotes.
    Text,
    /// `# ...` to the end of the line; kept for highlighting only.
    Comment,
    /// `( ) { } [ ] , : @` and operators.
    Sign,
    End,
}

pub(crate) type Token = parser::Token<Kind>;

impl TokenKind for Kind {
    const WORD: Self = Self::Word;
    const SIGN: Self = Self::Sign;
}

/// Signs of two bytes, then of one. `</` and `>/` trim native histograms.
const SIGNS: [&str; 27] = [
    "==", "!=", "=~", "!~", "<=", ">=", "</", ">/", "(", ")", "{", "}", "[", "]", ",", ":", "@",
    "+", "-", "*", "/", "%", "^", "=", "<", ">", ";",
];

/// Splits the text. Stops at the first fault; what came before it is in the `Err` as well, so that
/// highlighting shows it.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, (Vec<Token>, ParseError)> {
    let mut out = Vec::new();
    let mut brackets = 0_u32;
    let mut at = 0;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        match next(text, at, brackets > 0) {
            Ok(token) => {
                match &text[token.span.start..token.span.end] {
                    "[" => brackets += 1,
                    "]" => brackets = brackets.saturating_sub(1),
                    _ => {}
                }
                at = token.span.end;
                out.push(token);
            }
            Err(e) => return Err((out, e)),
        }
    }
    out.push(Token {
        kind: Kind::End,
        span: Span::new(text.len(), text.len()),
    });
    Ok(out)
}

fn next(text: &str, at: usize, in_brackets: bool) -> Result<Token, ParseError> {
    let rest = &text[at..];
    let token = |kind, len| {
        Ok(Token {
            kind,
            span: Span::new(at, at + len),
        })
    };
    let Some(first) = rest.chars().next() else {
        return token(Kind::End, 0);
    };
    let number = first.is_ascii_digit()
        || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()));
    if number {
        return number_or_duration(text, at);
    }
    if first.is_ascii_alphabetic() || first == '_' || (first == ':' && !in_brackets) {
        let len = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || (c == ':' && !in_brackets)))
            .unwrap_or(rest.len());
        let kind = if rest[..len].contains(':') {
            Kind::Colons
        } else {
            Kind::Word
        };
        return token(kind, len);
    }
    match first {
        '#' => return token(Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        '"' | '\'' | '`' => {
            return match literal::quoted_len(rest) {
                Some(len) => token(Kind::Text, len),
                None => Err(ParseError::new(
                    Span::new(at, text.len()),
                    "unterminated quoted string",
                )),
            };
        }
        _ => {}
    }
    match SIGNS.iter().find(|s| rest.starts_with(**s)) {
        Some(sign) => token(Kind::Sign, sign.len()),
        None => Err(ParseError::new(
            Span::new(at, at + first.len_utf8()),
            format!("unexpected character: {first:?}"),
        )),
    }
}

/// The longest run that could belong to a number or a duration, then what it is.
fn number_or_duration(text: &str, at: usize) -> Result<Token, ParseError> {
    let bytes = &text.as_bytes()[at..];
    let hex = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X');
    let mut len = 0;
    while len < bytes.len() {
        let c = bytes[len];
        let exponent = !hex && len > 0 && matches!(bytes[len - 1], b'e' | b'E');
        let sign = matches!(c, b'+' | b'-')
            && exponent
            && bytes[..len - 1]
                .iter()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_'))
            && bytes.get(len + 1).is_some_and(u8::is_ascii_digit);
        if !(c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_') || sign) {
            break;
        }
        len += 1;
    }
    let span = Span::new(at, at + len);
    let word = &text[span.start..span.end];
    let kind = if literal::number(word).is_some() {
        Kind::Number
    } else if literal::duration_ms(word).is_some() {
        Kind::Duration
    } else {
        return Err(ParseError::new(
            span,
            format!("bad number or duration syntax: {word:?}"),
        ));
    };
    Ok(Token { kind, span })
}
