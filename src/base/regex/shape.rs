//! Patterns over a whole text that need no automaton: `a|b`, `a.*`, `.*b`, `.*c.*`, `.+`.

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The most texts that are listed.
const MOST_LITERALS: usize = 250;

/// What a pattern over a whole text comes down to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// These texts and no others, sorted.
    Literals(Vec<String>),
    /// Any text (`.*`), or any that is not empty (`.+`).
    Anything {
        empty: bool,
    },
    /// `prefix.*`, or `prefix.+` where `more` must follow.
    Prefix {
        prefix: String,
        more: bool,
    },
    Suffix {
        suffix: String,
        more: bool,
    },
    /// `.*middle.*`
    Contains(String),
    /// Everything else, with what the text must begin with.
    Other {
        prefix: Option<String>,
    },
}

impl Shape {
    /// `None` where the automaton must decide.
    pub(crate) fn is_match(&self, text: &str) -> Option<bool> {
        Some(match self {
            Self::Literals(all) if all.len() < 8 => all.iter().any(|l| l == text),
            Self::Literals(all) => all.binary_search_by(|l| l.as_str().cmp(text)).is_ok(),
            Self::Anything { empty } => *empty || !text.is_empty(),
            Self::Prefix { prefix, more } => {
                text.starts_with(prefix.as_str()) && (!more || text.len() > prefix.len())
            }
            Self::Suffix { suffix, more } => {
                text.ends_with(suffix.as_str()) && (!more || text.len() > suffix.len())
            }
            Self::Contains(middle) => {
                memchr::memmem::find(text.as_bytes(), middle.as_bytes()).is_some()
            }
            Self::Other {
                prefix: Some(prefix),
            } if !text.starts_with(prefix.as_str()) => false,
            Self::Other { .. } => return None,
        })
    }
}

/// Looks at a pattern that must match the whole text. `Err` where it does not parse.
pub(crate) fn of(pattern: &str) -> Result<Shape, String> {
    let hir = regex_syntax::ParserBuilder::new()
        .build()
        .parse(pattern)
        .map_err(|e| last_line(&e.to_string()))?;
    if !hir.properties().look_set().is_empty() {
        return Ok(Shape::Other { prefix: None });
    }
    if let Some(all) = literals(&hir) {
        return Ok(Shape::Literals(all));
    }
    let parts: Vec<&Hir> = match unwrap(&hir).kind() {
        HirKind::Concat(parts) => parts.iter().map(unwrap).collect(),
        _ => vec![unwrap(&hir)],
    };
    Ok(match parts.as_slice() {
        [one] => match any_text(one) {
            Some(least) => Shape::Anything { empty: least == 0 },
            None => Shape::Other { prefix: None },
        },
        [head, tail] => match (text_of(head), any_text(tail), any_text(head), text_of(tail)) {
            (Some(prefix), Some(least), _, _) => Shape::Prefix {
                prefix,
                more: least > 0,
            },
            (_, _, Some(least), Some(suffix)) => Shape::Suffix {
                suffix,
                more: least > 0,
            },
            (prefix, _, _, _) => Shape::Other { prefix },
        },
        [a, middle, b] if any_text(a) == Some(0) && any_text(b) == Some(0) => {
            match text_of(middle) {
                Some(middle) => Shape::Contains(middle),
                None => Shape::Other { prefix: None },
            }
        }
        [head, ..] => Shape::Other {
            prefix: text_of(head),
        },
        [] => Shape::Other { prefix: None },
    })
}

/// The error without the drawing above it.
fn last_line(text: &str) -> String {
    text.lines()
        .last()
        .unwrap_or(text)
        .trim_start_matches("error: ")
        .to_owned()
}

/// Without the groups around it.
fn unwrap(hir: &Hir) -> &Hir {
    let mut hir = hir;
    while let HirKind::Capture(capture) = hir.kind() {
        hir = &capture.sub;
    }
    hir
}

fn text_of(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok(),
        _ => None,
    }
}

/// `.*` is 0, `.+` is 1.
fn any_text(hir: &Hir) -> Option<u32> {
    let HirKind::Repetition(repetition) = hir.kind() else {
        return None;
    };
    let HirKind::Class(Class::Unicode(class)) = unwrap(&repetition.sub).kind() else {
        return None;
    };
    let all = matches!(class.ranges(), [r] if r.start() == '\0' && r.end() == char::MAX);
    (all && repetition.max.is_none() && repetition.min <= 1).then_some(repetition.min)
}

fn literals(hir: &Hir) -> Option<Vec<String>> {
    let mut extractor = Extractor::new();
    extractor.limit_total(MOST_LITERALS);
    extractor.limit_literal_len(1 << 12);
    let all = extractor.extract(hir);
    if !all.is_exact() {
        return None;
    }
    let mut texts = Vec::new();
    for literal in all.literals()? {
        texts.push(String::from_utf8(literal.as_bytes().to_vec()).ok()?);
    }
    texts.sort();
    texts.dedup();
    Some(texts)
}
