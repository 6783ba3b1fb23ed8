//! Tokens with classes, for colouring. Works on text that is not finished yet.

use crate::query::promql::ast::{Aggregator, Span};
use crate::query::promql::functions;
use crate::query::promql::lex::{self, Kind, Token};
use crate::query::promql::literal;

/// What a piece of a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    Metric,
    Label,
    Function,
    Aggregator,
    Keyword,
    Number,
    Duration,
    Text,
    Operator,
    Bracket,
    Comment,
    /// Where the lexer gave up; to the end of the text.
    Fault,
}

/// Bytes of the query with their class; blanks belong to no piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub span: Span,
    pub class: Class,
}

/// Words of the grammar that are always keywords where an operator or a clause may stand.
pub(crate) const KEYWORDS: [&str; 18] = [
    "and",
    "or",
    "unless",
    "atan2",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "offset",
    "fill",
    "fill_left",
    "fill_right",
    "anchored",
    "smoothed",
    "@",
];

/// Classifies a whole query.
pub fn highlight(text: &str) -> Vec<Piece> {
    let (tokens, rest) = match lex::tokens(text) {
        Ok(tokens) => (tokens, None),
        Err((tokens, fault)) => (tokens, Some(fault.span.start)),
    };
    let mut out = Vec::with_capacity(tokens.len());
    let mut places = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let word = &text[token.span.start..token.span.end];
        track(&mut places, text, &tokens, i);
        let class = match token.kind {
            Kind::Number => Class::Number,
            Kind::Duration => Class::Duration,
            Kind::Text => Class::Text,
            Kind::Comment => Class::Comment,
            Kind::Colons => Class::Metric,
            Kind::End => continue,
            Kind::Sign if matches!(word, "(" | ")" | "[" | "]" | "{" | "}" | "," | ":") => {
                Class::Bracket
            }
            Kind::Sign => Class::Operator,
            Kind::Word => word_class(text, &tokens, i, places.last().copied()),
        };
        out.push(Piece {
            span: token.span,
            class,
        });
    }
    if let Some(start) = rest {
        out.push(Piece {
            span: Span::new(start, text.len()),
            class: Class::Fault,
        });
    }
    out
}

/// What an open bracket encloses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `{` .. `}`
    Matchers,
    /// The list after `by`, `on` and the like.
    Labels,
    /// `[` .. `]`
    Brackets,
    /// Any other parentheses.
    Parens,
}

/// Keeps the stack of open brackets up to date with the i-th token.
pub(crate) fn track(places: &mut Vec<Place>, text: &str, tokens: &[Token], i: usize) {
    let token = tokens[i];
    if token.kind != Kind::Sign {
        return;
    }
    match &text[token.span.start..token.span.end] {
        "{" => places.push(Place::Matchers),
        "[" => places.push(Place::Brackets),
        "(" => {
            let before = i.checked_sub(1).map(|b| tokens[b]);
            let clause = before.is_some_and(|b| {
                const CLAUSES: [&str; 6] = [
                    "by",
                    "without",
                    "on",
                    "ignoring",
                    "group_left",
                    "group_right",
                ];
                let word = &text[b.span.start..b.span.end];
                b.kind == Kind::Word && CLAUSES.iter().any(|c| word.eq_ignore_ascii_case(c))
            });
            places.push(if clause { Place::Labels } else { Place::Parens });
        }
        ")" | "]" | "}" => {
            places.pop();
        }
        _ => {}
    }
}

fn word_class(text: &str, tokens: &[Token], i: usize, place: Option<Place>) -> Class {
    let word = &text[tokens[i].span.start..tokens[i].span.end];
    if matches!(place, Some(Place::Matchers | Place::Labels)) {
        return Class::Label;
    }
    if literal::number(word).is_some() {
        return Class::Number;
    }
    let next = tokens.get(i + 1).map(|t| &text[t.span.start..t.span.end]);
    let called = next == Some("(");
    if place == Some(Place::Brackets) {
        return Class::Function;
    }
    let clause =
        next.is_some_and(|n| n.eq_ignore_ascii_case("by") || n.eq_ignore_ascii_case("without"));
    if Aggregator::find(word).is_some() && (called || clause) {
        return Class::Aggregator;
    }
    let keyword = KEYWORDS.iter().any(|k| word.eq_ignore_ascii_case(k));
    let after_at = i > 0 && &text[tokens[i - 1].span.start..tokens[i - 1].span.end] == "@";
    if keyword || (after_at && (word == "start" || word == "end")) {
        return Class::Keyword;
    }
    if called && functions::find(word).is_some() {
        return Class::Function;
    }
    Class::Metric
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let letter = |class| match class {
            Class::Metric => 'm',
            Class::Label => 'l',
            Class::Function => 'f',
            Class::Aggregator => 'a',
            Class::Keyword => 'k',
            Class::Number => 'n',
            Class::Duration => 'd',
            Class::Text => 't',
            Class::Operator => 'o',
            Class::Bracket => '.',
            Class::Comment => '#',
            Class::Fault => '!',
        };
        highlight(text).iter().map(|p| letter(p.class)).collect()
    }

    #[test]
    fn classes_follow_the_place() {
        for (text, classes) in [
            (
                "sum by (job) (rate(up{job=\"a\"}[5m]))",
                "ak.l..f.m.lot..d...",
            ),
            ("a / on(x) group_left b", "mok.l.km"),
            ("foo offset 5m @ start() # x", "mkdok..#"),
            ("inf + 1.5 == bool sum", "nonokm"),
            ("a:b:c and up{", "mkm."),
            ("up{job=\"unfinished", "m.lo!"),
            ("rate", "m"),
        ] {
            assert_eq!(shown(text), classes, "{text}");
        }
    }
}
