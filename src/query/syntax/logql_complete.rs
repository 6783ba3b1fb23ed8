//! What could stand at the caret of a log query, in words or in LogQL.

use crate::query::logql::ast::{RangeOp, VectorOp};
use crate::query::logql::words::begins_like_query;
use crate::query::promql::ast::Span;

/// What to offer, and which bytes an offer replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub replace: Span,
    /// What stands there already.
    pub prefix: String,
    pub wants: Vec<Want>,
}

/// A kind of word that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// A label, and what belongs behind it; a matcher takes labels of streams alone.
    Label { tail: &'static str },
    /// A value of that label. Within quotes these are closed behind it.
    Value { label: String, quoted: bool },
    /// Words of the grammar, each with what it does.
    Words(&'static [(&'static str, &'static str)]),
    /// `rate(`, `sum(` and the like.
    Functions,
}

impl Want {
    /// The functions that make numbers of lines, and those over series.
    pub fn functions() -> Vec<&'static str> {
        let range = RangeOp::ALL.iter().map(|(_, name)| *name);
        let vector = VectorOp::ALL.iter().map(|(_, name)| *name);
        range.chain(vector).collect()
    }
}

/// As a word of its own, in a selector, and alone.
const NAMED: Want = Want::Label { tail: "=" };
const MATCHED: Want = Want::Label { tail: "=\"" };
const ALONE: Want = Want::Label { tail: "" };

const LEVELS: &[(&str, &str)] = &[
    ("level:fatal", "fatal alone"),
    ("level:critical", "critical and worse"),
    ("level:error", "errors and worse"),
    ("level:warn", "warnings and worse"),
    ("level:info", "info and worse"),
    ("level:debug", "debug and worse"),
    ("level:trace", "every level that is known"),
    ("level:unknown", "lines without a level"),
];
const STAGES: &[(&str, &str)] = &[
    ("json", "the fields of JSON become labels"),
    ("logfmt", "the pairs of logfmt become labels"),
    ("pattern", "fields by a pattern: \"<ip> - <_> <path>\""),
    ("regexp", "fields by named groups"),
    ("unpack", "what the stage pack has put together"),
    ("line_format", "the line anew, by a template"),
    ("label_format", "labels anew: to=from, to=\"template\""),
    ("decolorize", "the line without colours"),
    ("drop", "without these labels"),
    ("keep", "with these labels alone"),
    ("unwrap", "the number in a label, for functions over time"),
];
const FILTERS: &[(&str, &str)] = &[
    ("|= \"", "the line holds"),
    ("!= \"", "the line does not hold"),
    ("|~ \"", "the line fits the expression"),
    ("!~ \"", "the line does not fit"),
    ("| json", "the fields of JSON become labels"),
    ("| logfmt", "the pairs of logfmt become labels"),
    ("| pattern \"", "fields by a pattern"),
    ("| regexp \"", "fields by named groups"),
    ("| line_format \"", "the line anew, by a template"),
];
const GROUPING: &[(&str, &str)] = &[
    ("by (", "with these labels alone"),
    ("without (", "with all labels but these"),
    ("offset ", "so long ago"),
];
const DURATIONS: &[(&str, &str)] = &[
    ("1m", "a minute"),
    ("5m", "five minutes"),
    ("1h", "an hour"),
];
const TEMPLATE: &[(&str, &str)] = &[
    ("__line__", "the line itself"),
    ("__timestamp__", "its time"),
    ("ToUpper", "in capitals"),
    ("ToLower", "in small letters"),
    ("Replace", "Replace old new n"),
    ("Trim", "Trim text cut set"),
    ("TrimSpace", "without blanks at both ends"),
    ("regexReplaceAll", "regexReplaceAll expression text by"),
    ("substr", "substr from to text"),
    ("default", "default value text"),
    ("fromJson", "JSON as a value"),
    ("date", "date layout time"),
    ("unixEpoch", "seconds of a time"),
    ("printf", "printf format values"),
    ("duration_seconds", "a duration in seconds"),
    ("bytes", "a number of bytes"),
];

/// Looks at the text before the caret (a byte offset).
pub fn complete(text: &str, caret: usize) -> Completion {
    let caret = text.floor_char_boundary(caret.min(text.len()));
    let before = &text[..caret];
    if begins_like_query(before) || before.trim_start().starts_with('|') {
        return in_query(before);
    }
    let start = before
        .rfind(char::is_whitespace)
        .map_or(0, |at| at + char_len(before, at));
    let word = &before[start..];
    let bare = word.trim_start_matches('!');
    let found = |from: usize, wants: Vec<Want>| Completion {
        replace: Span::new(from, caret),
        prefix: before[from..].to_owned(),
        wants,
    };
    if let Some((name, value)) = bare.split_once('=') {
        let label = name.trim_end_matches('!').to_owned();
        let value = value.trim_start_matches('~');
        return found(
            caret - value.len(),
            vec![Want::Value {
                label,
                quoted: false,
            }],
        );
    }
    let from = caret - bare.len();
    found(from, vec![NAMED, Want::Words(LEVELS), Want::Functions])
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

/// Where the caret stands in LogQL.
#[derive(Default)]
struct At {
    /// Open brackets.
    open: Vec<u8>,
    /// The quote that is open, with its place.
    quote: Option<(u8, usize)>,
    /// The place of the last sign outside of quotes that is no blank, and the sign before it.
    last: Option<(usize, u8)>,
}

fn scan(text: &str) -> At {
    let mut at = At::default();
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let b = bytes[i];
        match at.quote {
            Some((b'"', _)) if b == b'\\' => i += 1,
            Some((quote, _)) if b == quote => at.quote = None,
            Some(_) => {}
            None => match b {
                b'"' | b'`' => at.quote = Some((b, i)),
                b'{' | b'(' | b'[' => {
                    at.open.push(b);
                    at.last = Some((i, b));
                }
                b'}' | b')' | b']' => {
                    at.open.pop();
                    at.last = Some((i, b));
                }
                b if b.is_ascii_whitespace() || b.is_ascii_alphanumeric() || b == b'_' => {}
                b if b >= 0x80 => {}
                b => at.last = Some((i, b)),
            },
        }
        i += 1;
    }
    at
}

fn in_query(before: &str) -> Completion {
    let at = scan(before);
    let caret = before.len();
    if let Some((_, from)) = at.quote {
        return in_quotes(before, &at, from);
    }
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let from = before.trim_end_matches(is_word).len();
    let behind_word = before[..from]
        .trim_end()
        .rsplit(|c: char| !is_word(c))
        .next()
        .unwrap_or_default();
    let names_labels = matches!(behind_word, "drop" | "keep" | "unwrap" | "by" | "without");
    let wants = match (at.open.last(), at.last) {
        (Some(b'{'), Some((_, b'{' | b','))) => vec![MATCHED],
        (Some(b'{'), _) => Vec::new(),
        (Some(b'['), _) => vec![Want::Words(DURATIONS)],
        _ if names_labels => vec![ALONE],
        (_, Some((_, b'|'))) => vec![Want::Words(STAGES), ALONE],
        (Some(b'('), Some((place, b'(' | b','))) if grouping(&before[..place]) => {
            vec![ALONE]
        }
        (_, Some((_, b'}'))) if from == caret => vec![Want::Words(FILTERS)],
        (_, Some((_, b')'))) => vec![Want::Words(GROUPING), Want::Functions],
        (_, Some((_, b',' | b'='))) if !before.contains('|') => vec![Want::Functions],
        (_, Some((_, b',' | b'='))) => vec![ALONE],
        _ if before[..from].trim().is_empty() || at.open.last() == Some(&b'(') => {
            vec![Want::Functions]
        }
        _ => vec![Want::Words(GROUPING), Want::Functions],
    };
    Completion {
        replace: Span::new(from, caret),
        prefix: before[from..].to_owned(),
        wants,
    }
}

/// True where a list of labels is open: `by (`, and after commas in it.
fn grouping(before: &str) -> bool {
    let list = before.rfind('(').map_or(before, |open| {
        if before[open..].contains(')') {
            before
        } else {
            &before[..open]
        }
    });
    let list = list.trim_end();
    list.ends_with("by") || list.ends_with("without")
}

/// In quotes that are still open: a value of a matcher, or a template.
fn in_quotes(before: &str, at: &At, quote: usize) -> Completion {
    let caret = before.len();
    let inner = &before[quote + 1..];
    let head = before[..quote].trim_end();
    let mut wants = Vec::new();
    let mut from = quote + 1;
    let name = head.trim_end_matches(['=', '!', '~']);
    if at.open.last() == Some(&b'{') && name.len() < head.len() {
        let name = name.trim_end();
        let label = name
            .rsplit(|c: char| !(c.is_alphanumeric() || c == '_'))
            .next()
            .unwrap_or_default();
        wants.push(Want::Value {
            label: label.to_owned(),
            quoted: true,
        });
    } else if let Some(open) = inner.rfind("{{")
        && !inner[open..].contains("}}")
    {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        from = before.trim_end_matches(is_word).len();
        let of_label = before[..from].ends_with('.');
        wants.push(if of_label {
            ALONE
        } else {
            Want::Words(TEMPLATE)
        });
    }
    Completion {
        replace: Span::new(from, caret),
        prefix: before[from..].to_owned(),
        wants,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `^` is the caret.
    fn at(text: &str) -> (String, String) {
        let caret = text.find('^').unwrap();
        let text = text.replacen('^', "", 1);
        let found = complete(&text, caret);
        let wants: Vec<String> = found
            .wants
            .iter()
            .map(|want| match want {
                Want::Label { .. } => "label".to_owned(),
                Want::Value { label, quoted } => {
                    format!("value of {label}{}", if *quoted { " quoted" } else { "" })
                }
                Want::Words(words) => words[0].0.to_owned(),
                Want::Functions => "functions".to_owned(),
            })
            .collect();
        (found.prefix, wants.join(" "))
    }

    #[test]
    fn the_caret_knows_its_place() {
        for (text, prefix, wants) in [
            ("^", "", "label level:fatal functions"),
            ("timeout ap^", "ap", "label level:fatal functions"),
            ("app=a^", "a", "value of app"),
            ("한글 app=주^", "주", "value of app"),
            ("app!=a^", "a", "value of app"),
            ("{^", "", "label"),
            ("{app=\"x\", ho^", "ho", "label"),
            ("{app=\"x^", "x", "value of app quoted"),
            ("{app=\"a\", host=~\"w^", "w", "value of host quoted"),
            ("{app=\"x\"} | js^", "js", "json label"),
            ("| lo^", "lo", "json label"),
            ("{app=\"x\"} ^", "", "|= \""),
            ("rate({app=\"x\"}[^", "", "1m"),
            ("sum(ra^", "ra", "functions"),
            ("sum by (le^", "le", "label"),
            ("sum by (level, ho^", "ho", "label"),
            ("{a=\"b\"} | line_format \"{{ ToU^", "ToU", "__line__"),
            ("{a=\"b\"} | line_format \"{{ .st^", "st", "label"),
            ("{a=\"b\"} | json | drop le^", "le", "label"),
            ("{a=\"b\"} |= \"free te^", "free te", ""),
        ] {
            let (p, w) = at(text);
            assert_eq!((p.as_str(), w.as_str()), (prefix, wants), "{text}");
        }
    }

    #[test]
    fn any_caret_in_any_text_is_safe() {
        for text in [
            "sum by (a) (rate({앱=~\"주\\\"문\"} | json | line_format `{{.a}}` [5m]))",
            "한글 app=주문 !x /y z/",
            "| \"{{",
        ] {
            for caret in 0..=text.len() + 2 {
                let found = complete(text, caret);
                assert!(found.replace.start <= found.replace.end);
                assert!(text.get(found.replace.start..found.replace.end).is_some());
            }
        }
    }
}
