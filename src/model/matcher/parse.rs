//! Matchers as Alertmanager writes them: `{severity=~"warning|critical", team!=web}`.
//!
//! There are two grammars: one for any UTF-8 name and value, and the classic one, which lets the
//! value be unquoted and empty. The first is tried first; where both read a text differently, the
//! classic one is right. Source: Alertmanager `matcher/compat`, and its documentation, "Matcher".

use crate::model::matcher::{MatchOp, Matcher};

/// What was read, and whether the two grammars disagree about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub matchers: Vec<Matcher>,
    /// Only the classic grammar reads it, or reads it otherwise.
    pub classic: bool,
}

/// Bytes of one text of matchers at most, and matchers in it.
const MAX_TEXT: usize = 64 << 10;
const MAX_MATCHERS: usize = 100;

/// Reads a list of matchers, with or without braces.
pub fn parse(text: &str) -> Result<Parsed, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("matchers of more than {MAX_TEXT} bytes"));
    }
    match (modern(text), classic(text)) {
        (Ok(matchers), Ok(old)) if matchers != old => Ok(Parsed {
            matchers: old,
            classic: true,
        }),
        (Ok(matchers), _) => Ok(Parsed {
            matchers,
            classic: false,
        }),
        (Err(_), Ok(matchers)) => Ok(Parsed {
            matchers,
            classic: true,
        }),
        (Err(e), Err(_)) => Err(e),
    }
}

/// Reads exactly one matcher.
pub fn parse_one(text: &str) -> Result<Matcher, String> {
    let mut matchers = parse(text)?.matchers;
    match matchers.len() {
        1 => Ok(matchers.remove(0)),
        n => Err(format!("{text:?} holds {n} matchers, one is needed")),
    }
}

/// The matcher as both grammars read it; a name that is no classic one is quoted.
pub fn shown(matcher: &Matcher) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let classic = !matcher.name.is_empty() && matcher.name.chars().all(plain);
    let name = if classic {
        matcher.name.clone()
    } else {
        quoted(&matcher.name)
    };
    format!("{name}{}{}", matcher.op.as_str(), quoted(&matcher.value))
}

/// A text in double quotes, as Go writes it.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn modern(text: &str) -> Result<Vec<Matcher>, String> {
    let mut at = Cursor { rest: text.trim() };
    let braced = at.eat("{");
    let mut out = Vec::new();
    loop {
        if at.rest.is_empty() || at.rest.starts_with('}') {
            break;
        }
        if out.len() >= MAX_MATCHERS {
            return Err(too_many());
        }
        let name = at.token("a label name")?;
        let op = at.operator()?;
        let value = at.token("a value")?;
        out.push(matcher(&name, op, &value)?);
        if !at.eat(",") {
            break;
        }
    }
    if braced && !at.eat("}") {
        return Err(format!("a `}}` is missing at {:?}", at.rest));
    }
    match at.rest {
        "" => Ok(out),
        rest => Err(format!("{rest:?} is too much")),
    }
}

fn too_many() -> String {
    format!("more than {MAX_MATCHERS} matchers")
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Result<Matcher, String> {
    Matcher::new(name, op, value).map_err(|e| e.to_string())
}

struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    fn eat(&mut self, word: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(word) else {
            return false;
        };
        self.rest = rest.trim_start();
        true
    }

    fn operator(&mut self) -> Result<MatchOp, String> {
        for (word, op) in OPERATORS {
            if self.eat(word) {
                return Ok(op);
            }
        }
        Err(format!("one of = != =~ !~ is needed at {:?}", self.rest))
    }

    fn token(&mut self, what: &str) -> Result<String, String> {
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let end = end_of_quote(quoted).ok_or("a quote is not closed")?;
            let text = unquote(&quoted[..end])?;
            self.rest = quoted[end + 1..].trim_start();
            return Ok(text);
        }
        let reserved = |c: char| c.is_whitespace() || "{}!=~,\\\"'`".contains(c);
        let end = self.rest.find(reserved).unwrap_or(self.rest.len());
        if end == 0 {
            return Err(format!("{what} is needed at {:?}", self.rest));
        }
        let text = self.rest[..end].to_owned();
        self.rest = self.rest[end..].trim_start();
        Ok(text)
    }
}

const OPERATORS: [(&str, MatchOp); 4] = [
    ("=~", MatchOp::Regex),
    ("!~", MatchOp::NotRegex),
    ("!=", MatchOp::NotEqual),
    ("=", MatchOp::Equal),
];

fn end_of_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(i),
            _ => {}
        }
    }
    None
}

/// The inside of a Go string literal in double quotes.
fn unquote(text: &str) -> Result<String, String> {
    let bad = || format!("{text:?} holds an escape that is none");
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            let mut buffer = [0; 4];
            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        let kind = chars.next().and_then(escape);
        match kind.ok_or_else(bad)? {
            Escape::Plain(byte) => out.push(byte),
            Escape::Byte(digits, radix, first) => {
                let mut text: String = first.into_iter().collect();
                text.extend(chars.by_ref().take(digits - text.len()));
                let n = u8::from_str_radix(&text, radix).map_err(|_| bad())?;
                out.push(n);
            }
            Escape::Char(digits) => {
                let text: String = chars.by_ref().take(digits).collect();
                let n = u32::from_str_radix(&text, 16).map_err(|_| bad())?;
                let c = char::from_u32(n).ok_or_else(bad)?;
                out.extend_from_slice(c.to_string().as_bytes());
            }
        }
    }
    String::from_utf8(out).map_err(|_| format!("{text:?} is not UTF-8"))
}

enum Escape {
    Plain(u8),
    /// Digits, their base, and the first of them where it is already read.
    Byte(usize, u32, Option<char>),
    Char(usize),
}

fn escape(c: char) -> Option<Escape> {
    Some(match c {
        'a' => Escape::Plain(7),
        'b' => Escape::Plain(8),
        'f' => Escape::Plain(12),
        'n' => Escape::Plain(b'\n'),
        'r' => Escape::Plain(b'\r'),
        't' => Escape::Plain(b'\t'),
        'v' => Escape::Plain(11),
        '\\' => Escape::Plain(b'\\'),
        '"' => Escape::Plain(b'"'),
        'x' => Escape::Byte(2, 16, None),
        '0'..='7' => Escape::Byte(3, 8, Some(c)),
        'u' => Escape::Char(4),
        'U' => Escape::Char(8),
        _ => return None,
    })
}

fn classic(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.trim();
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let mut parts = Vec::new();
    let (mut quoted, mut escaped, mut start) = (false, false, 0);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    // One comma at the end is fine.
    if !text[start..].trim().is_empty() {
        parts.push(&text[start..]);
    }
    if parts.len() > MAX_MATCHERS {
        return Err(too_many());
    }
    parts.into_iter().map(classic_one).collect()
}

fn classic_one(text: &str) -> Result<Matcher, String> {
    let bad = || format!("{text:?} is no matcher; write name=\"value\"");
    let text = text.trim();
    let name_end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
        .ok_or_else(bad)?;
    let (name, rest) = text.split_at(name_end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    let rest = rest.trim_start();
    let (word, op) = OPERATORS
        .into_iter()
        .find(|(word, _)| rest.starts_with(word))
        .ok_or_else(bad)?;
    let value = rest[word.len()..].trim();
    let (value, quoted) = match value.strip_prefix('"') {
        Some(value) => (value, true),
        None => (value, false),
    };
    let mut out = String::new();
    let mut closed = !quoted;
    let mut chars = value.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => match chars.peek().map(|(_, c)| *c) {
                Some('n') => out.push('\n'),
                Some(c @ ('"' | '\\')) => out.push(c),
                _ => {
                    out.push('\\');
                    continue;
                }
            },
            '"' if quoted && i + 1 == value.len() => {
                closed = true;
                continue;
            }
            '"' => return Err(bad()),
            c => {
                out.push(c);
                continue;
            }
        }
        chars.next();
    }
    if !closed {
        return Err(bad());
    }
    matcher(name, op, &out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_grammars_are_read() {
        for (text, wanted) in [
            ("{}", Ok(("", false))),
            ("", Ok(("", false))),
            ("foo=bar", Ok(("foo=\"bar\"", false))),
            (
                "{foo = \"bar\", dings != bums,}",
                Ok(("foo=\"bar\" dings!=\"bums\"", false)),
            ),
            ("foo=~\"a|b\",c!~d", Ok(("foo=~\"a|b\" c!~\"d\"", false))),
            (
                "\"경고\"=\"\\\"a\\\\ \\u00e9\"",
                Ok(("경고=\"\\\"a\\\\ é\"", false)),
            ),
            ("[a-z]+=b", Ok(("[a-z]+=\"b\"", false))),
            ("foo=", Ok(("foo=\"\"", true))),
            ("foo=a b=c", Ok(("foo=\"a b=c\"", true))),
            // As Alertmanager does: a brace at the end is taken off, whatever it belongs to.
            ("foo=~[a-z]{2}", Ok(("foo=~\"[a-z]{2\"", true))),
            (
                "qux=\"\\xf0\\x9f\\x99\\x82\"",
                Ok(("qux=\"\\\\xf0\\\\x9f\\\\x99\\\\x82\"", true)),
            ),
            ("{{a=\"b\"}}", Err(())),
            ("a=\"b", Err(())),
            ("=\"b\"", Err(())),
            ("a~b", Err(())),
            ("a=~\"(\"", Err(())),
        ] {
            let found = parse(text).map_err(|_| ());
            let found = found.map(|p| {
                let texts: Vec<String> = p.matchers.iter().map(ToString::to_string).collect();
                (texts.join(" "), p.classic)
            });
            let wanted = wanted.map(|(text, classic)| (text.to_owned(), classic));
            assert_eq!(found, wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([{}=!~\",\\\\a-c]|\\PC){0,20}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_printed_reads_back(name in "[a-z]{1,4}", value in "\\PC{0,8}") {
            let matcher = Matcher::equal(name, value);
            let back = modern(&shown(&matcher)).unwrap();
            prop_assert_eq!(back, vec![matcher]);
        }
    }
}
