//! What could stand at the caret.

use crate::model::labels::METRIC_NAME;
use crate::model::matcher::{MatchOp, Matcher};
use crate::query::promql::ast::Span;
use crate::query::promql::lex::{self, Kind, Token};
use crate::query::promql::literal;
use crate::query::syntax::highlight::{KEYWORDS, Place, track};

/// What to offer, and which bytes an offer replaces.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// From the start of the word at the caret to the caret; empty where a word would begin.
    pub replace: Span,
    /// What stands there already.
    pub prefix: String,
    pub wants: Vec<Want>,
}

/// A kind of word that fits.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    Metric,
    Function,
    Aggregator,
    /// Operators and clauses, as words to insert.
    Keywords(Vec<&'static str>),
    /// A label of the series that these matchers choose; none means any.
    LabelName {
        of: Vec<Matcher>,
    },
    /// A value of that label; inside quotes.
    LabelValue {
        label: String,
        of: Vec<Matcher>,
    },
    Duration,
}

/// Looks at the text before the caret (a byte offset), and for the metric of a clause also behind.
pub fn complete(text: &str, caret: usize) -> Completion {
    let caret = text.floor_char_boundary(caret.min(text.len()));
    let before = &text[..caret];
    let (mut tokens, open_text) = match lex::tokens(before) {
        Ok(tokens) => (tokens, None),
        Err((tokens, fault)) => {
            let quoted = before[fault.span.start..].starts_with(['"', '\'', '`']);
            (tokens, quoted.then_some(fault.span.start))
        }
    };
    tokens.retain(|t| t.kind != Kind::End && t.kind != Kind::Comment);
    if before.rsplit('\n').next().is_some_and(in_comment) {
        return nothing(caret);
    }
    if let Some(quote) = open_text {
        return in_quotes(text, &tokens, quote, caret);
    }
    let partial = tokens.last().copied().filter(|t| {
        t.span.end == caret
            && matches!(
                t.kind,
                Kind::Word | Kind::Colons | Kind::Duration | Kind::Number
            )
    });
    if partial.is_some() {
        tokens.pop();
    }
    let start = partial.map_or(caret, |t| t.span.start);
    let numeric = partial.is_some_and(|t| matches!(t.kind, Kind::Duration | Kind::Number));
    let mut places = Vec::new();
    for i in 0..tokens.len() {
        track(&mut places, before, &tokens, i);
    }
    let at = At {
        text,
        before,
        tokens: &tokens,
        caret,
        numeric,
    };
    Completion {
        replace: Span::new(start, caret),
        prefix: before[start..].to_owned(),
        wants: at.wants(places.last().copied()),
    }
}

fn nothing(caret: usize) -> Completion {
    Completion {
        replace: Span::new(caret, caret),
        prefix: String::new(),
        wants: Vec::new(),
    }
}

/// The line holds a `#` outside of quotes.
fn in_comment(line: &str) -> bool {
    let mut at = 0;
    while at < line.len() {
        let rest = &line[at..];
        match rest.as_bytes()[0] {
            b'#' => return true,
            b'"' | b'\'' | b'`' => match literal::quoted_len(rest) {
                Some(len) => at += len,
                None => return false,
            },
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    false
}

/// Inside quotes that are still open: a value where a label and an operator stand before them.
fn in_quotes(text: &str, tokens: &[Token], quote: usize, caret: usize) -> Completion {
    let word = |t: &Token| &text[t.span.start..t.span.end];
    let mut wants = Vec::new();
    if let [.., label, op] = tokens {
        let matches = ["=", "!=", "=~", "!~"].contains(&word(op));
        if matches && matches!(label.kind, Kind::Word | Kind::Text) {
            let name = if label.kind == Kind::Text {
                literal::unquote(word(label)).unwrap_or_default()
            } else {
                word(label).to_owned()
            };
            let of = matchers_before(text, &tokens[..tokens.len() - 2]);
            wants.push(Want::LabelValue { label: name, of });
        }
    }
    Completion {
        replace: Span::new(quote + 1, caret),
        prefix: text[quote + 1..caret].to_owned(),
        wants,
    }
}

/// The matchers of the selector whose brace is open at the end of the tokens.
fn matchers_before(text: &str, tokens: &[Token]) -> Vec<Matcher> {
    let word = |t: &Token| &text[t.span.start..t.span.end];
    let Some(open) = tokens.iter().rposition(|t| word(t) == "{") else {
        return Vec::new();
    };
    let mut out = Vec::new();
    if let Some(name) = open.checked_sub(1).map(|i| tokens[i]) {
        let touches = name.span.end == tokens[open].span.start;
        if matches!(name.kind, Kind::Word | Kind::Colons) && touches {
            out.push(Matcher::equal(METRIC_NAME, word(&name)));
        }
    }
    for part in tokens[open + 1..].split(|t| word(t) == ",") {
        let [label, op, value] = part else { continue };
        let op = match word(op) {
            "=" => MatchOp::Equal,
            "!=" => MatchOp::NotEqual,
            "=~" => MatchOp::Regex,
            "!~" => MatchOp::NotRegex,
            _ => continue,
        };
        let Ok(value) = literal::unquote(word(value)) else {
            continue;
        };
        if let Ok(matcher) = Matcher::new(word(label), op, value) {
            out.push(matcher);
        }
    }
    out
}

/// The place of the caret.
struct At<'t> {
    text: &'t str,
    before: &'t str,
    /// Before the word at the caret.
    tokens: &'t [Token],
    caret: usize,
    /// The word at the caret is a number or a duration.
    numeric: bool,
}

impl At<'_> {
    fn word(&self, t: &Token) -> &str {
        &self.before[t.span.start..t.span.end]
    }

    fn wants(&self, place: Option<Place>) -> Vec<Want> {
        let last = self.tokens.last().map(|t| self.word(t));
        match place {
            Some(Place::Matchers) => match last {
                Some("{" | ",") => vec![Want::LabelName {
                    of: matchers_before(self.text, self.tokens),
                }],
                Some("=" | "!=" | "=~" | "!~") => Vec::new(),
                _ if self.tokens.last().is_some_and(|t| t.kind == Kind::Text) => Vec::new(),
                _ => vec![Want::Keywords(vec!["=", "!=", "=~", "!~"])],
            },
            Some(Place::Labels) => vec![Want::LabelName {
                of: self.metric_of_clause(),
            }],
            Some(Place::Brackets) => vec![Want::Duration],
            _ if last.is_some_and(|w| w.eq_ignore_ascii_case("offset")) => vec![Want::Duration],
            _ if self.numeric => Vec::new(),
            _ if last == Some("@") => vec![Want::Keywords(vec!["start()", "end()"])],
            _ if self.after_operand() => vec![Want::Keywords(self.clauses())],
            _ => vec![Want::Metric, Want::Function, Want::Aggregator],
        }
    }

    /// The token before ends an operand: what follows is an operator or a clause.
    fn after_operand(&self) -> bool {
        let Some(last) = self.tokens.last() else {
            return false;
        };
        let word = self.word(last);
        match last.kind {
            Kind::Number | Kind::Duration | Kind::Text | Kind::Colons => true,
            Kind::Sign => matches!(word, ")" | "]" | "}") && !self.closes_clause(),
            Kind::Word => !KEYWORDS.iter().any(|k| word.eq_ignore_ascii_case(k)),
            Kind::Comment | Kind::End => false,
        }
    }

    /// The last token closes the list of `by (..)` or `on (..)`: an operand follows.
    fn closes_clause(&self) -> bool {
        let mut places = Vec::new();
        let mut closed = None;
        for i in 0..self.tokens.len() {
            let open = places.last().copied();
            track(&mut places, self.before, self.tokens, i);
            closed = (self.word(&self.tokens[i]) == ")")
                .then_some(open)
                .flatten();
        }
        closed == Some(Place::Labels)
    }

    fn clauses(&self) -> Vec<&'static str> {
        let after_aggregator = self.tokens.last().is_some_and(|t| {
            t.kind == Kind::Word
                && crate::query::promql::ast::Aggregator::find(self.word(t)).is_some()
        });
        if after_aggregator {
            return vec!["by", "without"];
        }
        vec![
            "and",
            "or",
            "unless",
            "offset",
            "by",
            "without",
            "on",
            "ignoring",
            "group_left",
            "group_right",
            "bool",
            "atan2",
        ]
    }

    /// The first metric behind the caret, else the last before it: whose labels a clause names.
    fn metric_of_clause(&self) -> Vec<Matcher> {
        let pieces = crate::query::syntax::highlight(self.text);
        let metrics = || {
            pieces
                .iter()
                .filter(|p| p.class == crate::query::syntax::Class::Metric)
        };
        let behind = metrics().find(|p| p.span.start >= self.caret);
        let found = behind.or_else(|| metrics().rfind(|p| p.span.end <= self.caret));
        found
            .map(|p| Matcher::equal(METRIC_NAME, &self.text[p.span.start..p.span.end]))
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` is the caret.
    fn at(text: &str) -> (String, String) {
        let caret = text.find('|').unwrap();
        let text = text.replacen('|', "", 1);
        let found = complete(&text, caret);
        let show = |m: &[Matcher]| {
            m.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        let wants: Vec<String> = found
            .wants
            .iter()
            .map(|w| match w {
                Want::Metric => "metric".to_owned(),
                Want::Function => "function".to_owned(),
                Want::Aggregator => "aggregator".to_owned(),
                Want::Duration => "duration".to_owned(),
                Want::Keywords(k) => format!("keywords {}", k[0]),
                Want::LabelName { of } => format!("label of [{}]", show(of)),
                Want::LabelValue { label, of } => format!("value of {label} of [{}]", show(of)),
            })
            .collect();
        (found.prefix, wants.join(" "))
    }

    #[test]
    fn the_caret_knows_its_place() {
        const ANY: &str = "metric function aggregator";
        for (text, prefix, wants) in [
            ("|", "", ANY),
            ("ra|", "ra", ANY),
            ("sum(ra|", "ra", ANY),
            ("up + |", "", ANY),
            ("up |", "", "keywords and"),
            ("up of|", "of", "keywords and"),
            ("sum |", "", "keywords by"),
            ("sum by (job) (|", "", ANY),
            ("a / on (x) |", "", ANY),
            ("up{|", "", "label of [__name__=\"up\"]"),
            (
                "up{job=\"a\",in|",
                "in",
                "label of [__name__=\"up\",job=\"a\"]",
            ),
            ("up{job|", "job", "label of [__name__=\"up\"]"),
            ("up{job |", "", "keywords ="),
            (
                "up{job=\"a\",instance=~\"x|",
                "x",
                "value of instance of [__name__=\"up\",job=\"a\"]",
            ),
            ("{__name__=\"no|", "no", "value of __name__ of []"),
            (
                "sum by (in|) (rate(up[5m]))",
                "in",
                "label of [__name__=\"up\"]",
            ),
            ("sum(up) by (|", "", "label of [__name__=\"up\"]"),
            ("rate(up[|", "", "duration"),
            ("rate(up[5|", "5", "duration"),
            ("up offset |", "", "duration"),
            ("up @ |", "", "keywords start()"),
            ("1|", "1", ""),
            ("up # com|", "", ""),
            ("\"plain|", "plain", ""),
            ("up == bool |", "", ANY),
        ] {
            let (p, w) = at(text);
            assert_eq!((p.as_str(), w.as_str()), (prefix, wants), "{text}");
        }
    }

    #[test]
    fn any_caret_in_any_text_is_safe() {
        let text = "sum by (\"a.b\") (rate(메트릭{x=~\"y\"}[5m:1s] offset 5m)) / `z` # end";
        for caret in 0..=text.len() + 2 {
            let found = complete(text, caret);
            assert!(found.replace.start <= found.replace.end && found.replace.end <= text.len());
        }
    }
}
