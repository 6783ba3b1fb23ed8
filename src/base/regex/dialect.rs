//! RE2's syntax as Go accepts it, written in the syntax of the `regex` crate.
//!
//! One pass, no nesting kept. Differences that are bridged: `\d \w \s \b` are ASCII; `\Q..\E`;
//! octal; a brace that is no repetition is itself; `&&`, `--`, `~~` and `[` inside a class are
//! characters; `\<` is a character; flags are `i m s U` only; repetitions do not stack and end at
//! 1000. Source: Go's `regexp/syntax`, Perl flags.

use std::iter::Peekable;
use std::str::Chars;

/// The largest count in `{n,m}`.
const MAX_REPEAT: u32 = 1000;

type Faulty<T> = Result<T, String>;

/// The pattern in the other syntax, or why it is none.
pub(crate) fn translate(pattern: &str) -> Faulty<String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    // A repetition ends right before this place: another one may not follow.
    let mut repeated = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let was_repeated = std::mem::take(&mut repeated);
        match c {
            '*' | '+' | '?' => {
                rest = repetition(c.encode_utf8(&mut [0; 4]), after, was_repeated, &mut out)?;
                repeated = true;
            }
            '{' => {
                if let Some((count, after)) = counted(rest)? {
                    rest = repetition(count, after, was_repeated, &mut out)?;
                    repeated = true;
                } else {
                    out.push_str("\\{");
                    rest = after;
                }
            }
            '\\' => rest = escape(after, &mut out)?,
            '[' => rest = class(after, &mut out)?,
            '(' if after.starts_with('?') => rest = group(after, &mut out)?,
            ']' | '}' => {
                out.push('\\');
                out.push(c);
                rest = after;
            }
            _ => {
                out.push(c);
                rest = after;
            }
        }
    }
    Ok(out)
}

fn repetition<'p>(
    operator: &str,
    after: &'p str,
    was_repeated: bool,
    out: &mut String,
) -> Faulty<&'p str> {
    if was_repeated {
        return Err(format!("invalid nested repetition operator: `{operator}`"));
    }
    out.push_str(operator);
    match after.strip_prefix('?') {
        Some(after) => {
            out.push('?');
            Ok(after)
        }
        None => Ok(after),
    }
}

/// `{n}`, `{n,}` or `{n,m}` at the start; anything else is an ordinary brace.
fn counted(rest: &str) -> Faulty<Option<(&str, &str)>> {
    let Some(end) = rest.find('}') else {
        return Ok(None);
    };
    let (text, after) = rest.split_at(end + 1);
    let inner = &text[1..end];
    let (low, high) = match inner.split_once(',') {
        Some((low, high)) => (low, Some(high)),
        None => (inner, None),
    };
    let digits = |s: &str| {
        !s.is_empty()
            && s.bytes().all(|b| b.is_ascii_digit())
            && (s.len() == 1 || !s.starts_with('0'))
    };
    if !digits(low) || !high.is_none_or(|h| h.is_empty() || digits(h)) {
        return Ok(None);
    }
    let read = |s: &str| s.parse::<u32>().unwrap_or(u32::MAX);
    let (least, most) = (read(low), high.filter(|h| !h.is_empty()).map(read));
    if least > MAX_REPEAT || most.is_some_and(|m| m > MAX_REPEAT || m < least) {
        return Err(format!("invalid repeat count: `{text}`"));
    }
    Ok(Some((text, after)))
}

const DIGIT: &str = "0-9";
const SPACE: &str = "\\t\\n\\x0C\\r ";
const WORD: &str = "0-9A-Za-z_";

/// The body of `\d` and its kin, and whether it is negated.
fn perl_class(c: char) -> Option<(&'static str, bool)> {
    let body = match c.to_ascii_lowercase() {
        'd' => DIGIT,
        's' => SPACE,
        'w' => WORD,
        _ => return None,
    };
    Some((body, c.is_ascii_uppercase()))
}

/// After a backslash, outside of a class.
fn escape<'p>(after: &'p str, out: &mut String) -> Faulty<&'p str> {
    let Some(c) = after.chars().next() else {
        return Err("trailing backslash at end of expression".to_owned());
    };
    let next = &after[c.len_utf8()..];
    if let Some((body, negated)) = perl_class(c) {
        out.push_str(if negated { "[^" } else { "[" });
        out.push_str(body);
        out.push(']');
        return Ok(next);
    }
    match c {
        'Q' => {
            let (literal, next) = next.split_once("\\E").unwrap_or((next, ""));
            literal.chars().for_each(|c| push_literal(c, out));
            Ok(next)
        }
        'b' | 'B' => {
            out.push_str(if c == 'b' { "(?-u:\\b)" } else { "(?-u:\\B)" });
            Ok(next)
        }
        'A' | 'z' => {
            out.push('\\');
            out.push(c);
            Ok(next)
        }
        'p' | 'P' => property(c, next, out),
        _ => {
            let (c, next) = character(after)?;
            push_literal(c, out);
            Ok(next)
        }
    }
}

/// One escaped character: punctuation, control letters, octal, hexadecimal.
fn character(after: &str) -> Faulty<(char, &str)> {
    let invalid = || {
        let shown: String = after.chars().take(1).collect();
        format!("invalid escape sequence: `\\{shown}`")
    };
    let c = after.chars().next().ok_or_else(invalid)?;
    let next = &after[c.len_utf8()..];
    let simple = match c {
        'a' => '\x07',
        'f' => '\x0C',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0B',
        '0'..='7' => return octal(after).ok_or_else(invalid),
        'x' => return hexadecimal(next).ok_or_else(invalid),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return Err(invalid()),
    };
    Ok((simple, next))
}

/// Up to three digits; one alone that is not zero would be a back-reference.
fn octal(text: &str) -> Option<(char, &str)> {
    let len = text
        .bytes()
        .take(3)
        .take_while(|b| (b'0'..=b'7').contains(b))
        .count();
    if len == 1 && !text.starts_with('0') {
        return None;
    }
    let code = u32::from_str_radix(&text[..len], 8).ok()?;
    Some((char::from_u32(code)?, &text[len..]))
}

/// `41` or `{1F600}`, after the x.
fn hexadecimal(text: &str) -> Option<(char, &str)> {
    let (digits, next) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => text.split_at_checked(2)?,
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(digits, 16).ok()?;
    Some((char::from_u32(code)?, next))
}

/// `\pN`, `\p{Greek}`, `\p{^Greek}`, after the p.
fn property<'p>(kind: char, next: &'p str, out: &mut String) -> Faulty<&'p str> {
    let invalid = || "invalid character class range".to_owned();
    let (name, next) = if let Some(inner) = next.strip_prefix('{') {
        inner.split_once('}').ok_or_else(invalid)?
    } else {
        let first = next.chars().next().ok_or_else(invalid)?;
        next.split_at(first.len_utf8())
    };
    let (name, flipped) = match name.strip_prefix('^') {
        Some(name) => (name, true),
        None => (name, false),
    };
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(invalid());
    }
    let negated = (kind == 'P') != flipped;
    out.push_str(if negated { "\\P{" } else { "\\p{" });
    out.push_str(name);
    out.push('}');
    Ok(next)
}

fn push_literal(c: char, out: &mut String) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        out.push_str(&format!("\\x{:02X}", u32::from(c)));
    } else {
        out.push(c);
    }
}

/// `(?...`: a name, or flags; after the parenthesis.
fn group<'p>(after: &'p str, out: &mut String) -> Faulty<&'p str> {
    for open in ["?P<", "?<"] {
        let Some(rest) = after.strip_prefix(open) else {
            continue;
        };
        if rest.starts_with(['=', '!']) {
            break;
        }
        let Some((name, rest)) = rest.split_once('>') else {
            return Err("invalid named capture".to_owned());
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("invalid named capture: `(?P<{name}>`"));
        }
        out.push_str(&format!("(?P<{name}>"));
        return Ok(rest);
    }
    let invalid = || {
        "invalid or unsupported Perl syntax: only (?:..), (?P<name>..) and the flags i, m, s, U are known".to_owned()
    };
    let end = after.find([':', ')']).ok_or_else(invalid)?;
    let flags = &after[1..end];
    let (on, off) = match flags.split_once('-') {
        Some((on, off)) if !off.is_empty() => (on, off),
        Some(_) => return Err(invalid()),
        None => (flags, ""),
    };
    if !on.chars().chain(off.chars()).all(|c| "imsU".contains(c)) {
        return Err(invalid());
    }
    if flags.is_empty() && after[end..].starts_with(')') {
        return Err("missing argument to repetition operator: `?`".to_owned());
    }
    // Each flag once; where one is both set and cleared, clearing comes last.
    let once = |set: &str, but: &str| -> String {
        "imsU"
            .chars()
            .filter(|f| set.contains(*f) && !but.contains(*f))
            .collect()
    };
    let (on, off) = (once(on, off), once(off, ""));
    let minus = if off.is_empty() { "" } else { "-" };
    out.push_str(&format!("(?{on}{minus}{off}"));
    out.push_str(&after[end..=end]);
    Ok(&after[end + 1..])
}

/// A class, after its opening bracket.
fn class<'p>(after: &'p str, out: &mut String) -> Faulty<&'p str> {
    let missing = || "missing closing ]".to_owned();
    let (mut rest, negated) = match after.strip_prefix('^') {
        Some(rest) => (rest, true),
        None => (after, false),
    };
    out.push_str(if negated { "[^" } else { "[" });
    let mut first = true;
    loop {
        if rest.is_empty() {
            return Err(missing());
        }
        if rest.starts_with(']') && !first {
            out.push(']');
            return Ok(&rest[1..]);
        }
        first = false;
        if let Some(next) = class_set(rest, out)? {
            rest = next;
            continue;
        }
        let (low, next) = class_char(rest)?;
        rest = next;
        let mut high = low;
        if rest.starts_with('-') && rest.len() > 1 && !rest[1..].starts_with(']') {
            (high, rest) = class_char(&rest[1..])?;
            if high < low {
                return Err(format!("invalid character class range: `{low}-{high}`"));
            }
        }
        out.push_str(&format!("\\x{{{:X}}}", u32::from(low)));
        if high > low {
            out.push_str(&format!("-\\x{{{:X}}}", u32::from(high)));
        }
    }
}

/// `[:alpha:]`, `\d`, `\pL` inside a class; `None` where a single character stands.
fn class_set<'p>(rest: &'p str, out: &mut String) -> Faulty<Option<&'p str>> {
    const POSIX: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
        "space", "upper", "word", "xdigit",
    ];
    if let Some(inner) = rest.strip_prefix("[:")
        && let Some((name, next)) = inner.split_once(":]")
    {
        let bare = name.strip_prefix('^').unwrap_or(name);
        if !POSIX.contains(&bare) {
            return Err(format!("invalid character class range: `[:{name}:]`"));
        }
        out.push_str(&format!("[:{name}:]"));
        return Ok(Some(next));
    }
    let mut chars: Peekable<Chars<'_>> = rest.chars().peekable();
    if chars.next() != Some('\\') {
        return Ok(None);
    }
    let Some(c) = chars.next() else {
        return Err("trailing backslash at end of expression".to_owned());
    };
    let next = &rest[1 + c.len_utf8()..];
    if let Some((body, negated)) = perl_class(c) {
        out.push_str(if negated { "[^" } else { "[" });
        out.push_str(body);
        out.push(']');
        return Ok(Some(next));
    }
    if matches!(c, 'p' | 'P') {
        return property(c, next, out).map(Some);
    }
    Ok(None)
}

fn class_char(rest: &str) -> Faulty<(char, &str)> {
    if let Some(after) = rest.strip_prefix('\\') {
        character(after)
    } else {
        let c = rest.chars().next().ok_or("missing closing ]")?;
        Ok((c, &rest[c.len_utf8()..]))
    }
}
