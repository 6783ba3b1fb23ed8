//! Texts: their case, their parts, and texts that are made.

use crate::base::digest;
use crate::base::regex::Regex;
use crate::base::template::cast::{said, whole};
use crate::base::template::sprig::{ANY, Given, MOST, Row, text};
use crate::base::template::{Value, list, map, shown};
use base64::Engine as _;
use ring::rand::{SecureRandom, SystemRandom};

/// Words, cut at signs and where a capital follows a small letter.
fn words(of: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in of.chars() {
        if !c.is_alphanumeric() {
            before = ' ';
            continue;
        }
        if before == ' ' || (c.is_uppercase() && !before.is_uppercase()) {
            out.push(String::new());
        }
        if let Some(last) = out.last_mut() {
            last.push(c);
        }
        before = c;
    }
    out
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + &chars.as_str().to_lowercase()
}

/// Each word with its first letter changed.
fn each_first(of: &str, change: fn(char) -> char) -> String {
    let mut before = ' ';
    let changed = of.chars().map(|c| {
        let first = before.is_whitespace();
        before = c;
        if first { change(c) } else { c }
    });
    changed.collect()
}

pub(super) const CASES: &[Row] = &[
    ("untitle", 1, 1, |_, a| {
        text(each_first(&said(a, 0), |c| c.to_ascii_lowercase()))
    }),
    ("swapcase", 1, 1, |_, a| {
        let swap = |c: char| {
            if c.is_uppercase() {
                c.to_ascii_lowercase()
            } else {
                c.to_ascii_uppercase()
            }
        };
        text(said(a, 0).chars().map(swap).collect::<String>())
    }),
    ("snakecase", 1, 1, |_, a| {
        text(words(&said(a, 0)).join("_").to_lowercase())
    }),
    ("kebabcase", 1, 1, |_, a| {
        text(words(&said(a, 0)).join("-").to_lowercase())
    }),
    ("camelcase", 1, 1, |_, a| {
        text(
            words(&said(a, 0))
                .iter()
                .map(|w| capital(w))
                .collect::<String>(),
        )
    }),
    ("initials", 1, 1, |_, a| {
        let of = said(a, 0);
        let first = of.split_whitespace().filter_map(|w| w.chars().next());
        text(first.collect::<String>())
    }),
    ("nospace", 1, 1, |_, a| {
        text(said(a, 0).split_whitespace().collect::<String>())
    }),
    ("plural", 3, 3, |_, a| {
        text(said(a, usize::from(whole(&a[2]) != 1)))
    }),
    ("abbrev", 2, 2, |_, a| {
        let (width, of) = (whole(&a[0]).max(0) as usize, said(a, 1));
        if width < 4 || of.chars().count() <= width {
            return text(of);
        }
        let cut: String = of.chars().take(width - 3).collect();
        text(cut + "...")
    }),
    ("toString", 1, 1, |_, a| text(said(a, 0))),
    ("quote", 0, ANY, |_, a| {
        let given = a.iter().filter(|v| !matches!(v, Value::Nil));
        let quoted: Vec<String> = given.map(|v| format!("{:?}", shown(v))).collect();
        text(quoted.join(" "))
    }),
    ("squote", 0, ANY, |_, a| {
        let given = a.iter().filter(|v| !matches!(v, Value::Nil));
        let quoted: Vec<String> = given.map(|v| format!("'{}'", shown(v))).collect();
        text(quoted.join(" "))
    }),
    ("cat", 0, ANY, |_, a| {
        let given = a.iter().filter(|v| !matches!(v, Value::Nil));
        text(given.map(shown).collect::<Vec<_>>().join(" "))
    }),
    ("trimall", 2, 2, |_, a| {
        let (set, of) = (said(a, 0), said(a, 1));
        text(of.trim_matches(|c| set.contains(c)))
    }),
    ("wrap", 2, 2, |_, a| {
        text(wrapped(whole(&a[0]), "\n", &said(a, 1)))
    }),
    ("wrapWith", 3, 3, |_, a| {
        text(wrapped(whole(&a[0]), &said(a, 1), &said(a, 2)))
    }),
];

fn wrapped(width: i64, with: &str, of: &str) -> String {
    let width = width.clamp(1, MOST) as usize;
    let mut out = String::new();
    let mut column = 0;
    for word in of.split(' ') {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > width {
            out.push_str(with);
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
    }
    out
}

fn texts<'a>(parts: impl Iterator<Item = &'a str>) -> Value {
    list(parts.map(|p| Value::String(p.into())))
}

/// Parts under `_0`, `_1` and so on.
fn numbered<'a>(parts: impl Iterator<Item = &'a str>) -> Value {
    map(parts
        .enumerate()
        .map(|(i, p)| (format!("_{i}"), Value::String(p.into()))))
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|e| e.to_string())
}

/// What is found, at most `most` times; below zero is all.
fn found(args: &[Value], most: i64) -> Result<Vec<String>, String> {
    let regex = regex(&said(args, 0))?;
    let compiled = regex.compiled().ok_or("the expression is too large")?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let of = said(args, 1);
    let all = compiled.find_iter(&of).take(most);
    Ok(all.map(|m| m.as_str().to_owned()).collect())
}

fn found_first(args: &[Value]) -> Given {
    text(found(args, 1)?.first().map_or("", |t| t))
}

fn found_all(args: &[Value]) -> Given {
    let all = found(args, whole(&args[2]))?;
    Ok(texts(all.iter().map(String::as_str)))
}

fn is_found(args: &[Value]) -> Given {
    let regex = regex(&said(args, 0))?;
    Ok(Value::Bool(regex.is_match(&said(args, 1))))
}

fn split_by(args: &[Value]) -> Given {
    let regex = regex(&said(args, 0))?;
    let compiled = regex.compiled().ok_or("the expression is too large")?;
    let of = said(args, 1);
    Ok(match whole(&args[2]) {
        0 => list([]),
        n if n < 0 => texts(compiled.split(&of)),
        n => texts(compiled.splitn(&of, n as usize)),
    })
}

fn path(of: &str, last: bool) -> &str {
    let of = if of.len() > 1 {
        of.trim_end_matches('/')
    } else {
        of
    };
    match (of.rsplit_once('/'), last) {
        (Some((_, name)), true) if !name.is_empty() => name,
        (Some(("", _)), _) => "/",
        (Some((folder, _)), false) => folder,
        (Some(_), true) => "/",
        (None, true) if of.is_empty() => ".",
        (None, true) => of,
        (None, false) => ".",
    }
}

fn clean(of: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let rooted = of.starts_with('/');
    for part in of.split('/') {
        match part {
            "" | "." => {}
            ".." if out.last().is_some_and(|p| *p != "..") => {
                out.pop();
            }
            ".." if rooted => {}
            part => out.push(part),
        }
    }
    let joined = out.join("/");
    match (rooted, joined.as_str()) {
        (true, _) => format!("/{joined}"),
        (false, "") => ".".to_owned(),
        (false, _) => joined,
    }
}

fn extension(of: &str) -> &str {
    let name = path(of, true);
    name.rfind('.').map_or("", |at| &name[at..])
}

pub(super) const PARTS: &[Row] = &[
    ("split", 2, 2, |_, a| {
        Ok(numbered(said(a, 1).split(&*said(a, 0))))
    }),
    ("splitn", 3, 3, |_, a| {
        let n = whole(&a[1]).clamp(0, MOST) as usize;
        Ok(numbered(said(a, 2).splitn(n, &*said(a, 0))))
    }),
    ("splitList", 2, 2, |_, a| {
        Ok(texts(said(a, 1).split(&*said(a, 0))))
    }),
    ("regexMatch", 2, 2, |_, a| is_found(a)),
    ("mustRegexMatch", 2, 2, |_, a| is_found(a)),
    ("regexFind", 2, 2, |_, a| found_first(a)),
    ("mustRegexFind", 2, 2, |_, a| found_first(a)),
    ("regexFindAll", 3, 3, |_, a| found_all(a)),
    ("mustRegexFindAll", 3, 3, |_, a| found_all(a)),
    ("regexSplit", 3, 3, |_, a| split_by(a)),
    ("mustRegexSplit", 3, 3, |_, a| split_by(a)),
    ("regexQuoteMeta", 1, 1, |_, a| {
        text(regex::escape(&said(a, 0)))
    }),
    ("base", 1, 1, |_, a| text(path(&said(a, 0), true))),
    ("dir", 1, 1, |_, a| text(clean(path(&said(a, 0), false)))),
    ("clean", 1, 1, |_, a| text(clean(&said(a, 0)))),
    ("ext", 1, 1, |_, a| text(extension(&said(a, 0)))),
    ("isAbs", 1, 1, |_, a| {
        Ok(Value::Bool(said(a, 0).starts_with('/')))
    }),
    ("osBase", 1, 1, |_, a| text(path(&said(a, 0), true))),
    ("osDir", 1, 1, |_, a| text(clean(path(&said(a, 0), false)))),
    ("osClean", 1, 1, |_, a| text(clean(&said(a, 0)))),
    ("osExt", 1, 1, |_, a| text(extension(&said(a, 0)))),
    ("osIsAbs", 1, 1, |_, a| {
        Ok(Value::Bool(said(a, 0).starts_with('/')))
    }),
];

fn random(args: &[Value], letters: &[u8]) -> Given {
    let n = whole(&args[0]).clamp(0, MOST) as usize;
    let mut bytes = vec![0; n];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "there is no randomness".to_owned())?;
    let letter = |b: &u8| char::from(letters[usize::from(*b) % letters.len()]);
    text(bytes.iter().map(letter).collect::<String>())
}

const UPPER: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn uuid() -> Given {
    let mut b = [0; 16];
    SystemRandom::new()
        .fill(&mut b)
        .map_err(|_| "there is no randomness".to_owned())?;
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex = digest::hex(&b);
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    text(parts.join("-"))
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    (b << 16) | a
}

/// RFC 4648's base 32.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn to_base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for five in bytes.chunks(5) {
        let mut word = [0; 8];
        word[3..3 + five.len()].copy_from_slice(five);
        let word = u64::from_be_bytes(word);
        let digits = (five.len() * 8).div_ceil(5);
        for i in 0..8 {
            let digit = (word >> (35 - 5 * i)) & 31;
            out.push(if i < digits {
                char::from(BASE32[digit as usize])
            } else {
                '='
            });
        }
    }
    out
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut word, mut bits, mut out) = (0u32, 0, Vec::new());
    for byte in text.trim_end_matches('=').bytes() {
        let digit = BASE32.iter().position(|b| *b == byte)?;
        word = (word << 5) | digit as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
        }
    }
    Some(out)
}

pub(super) const MADE: &[Row] = &[
    // Promtail's own: the salt stands before the text.
    ("Hash", 2, 2, |_, a| {
        let salted = format!("{}{}", said(a, 0), said(a, 1));
        text(digest::sha3_256_hex(salted.as_bytes()))
    }),
    ("Sha2Hash", 2, 2, |_, a| {
        let salted = format!("{}{}", said(a, 0), said(a, 1));
        text(digest::sha256_hex(salted.as_bytes()))
    }),
    ("sha1sum", 1, 1, |_, a| {
        text(digest::sha1_hex(said(a, 0).as_bytes()))
    }),
    ("sha256sum", 1, 1, |_, a| {
        text(digest::sha256_hex(said(a, 0).as_bytes()))
    }),
    ("sha512sum", 1, 1, |_, a| {
        text(digest::sha512_hex(said(a, 0).as_bytes()))
    }),
    ("adler32sum", 1, 1, |_, a| {
        text(adler32(said(a, 0).as_bytes()).to_string())
    }),
    ("b32enc", 1, 1, |_, a| {
        text(to_base32(said(a, 0).as_bytes()))
    }),
    ("b32dec", 1, 1, |_, a| {
        let bytes = from_base32(&said(a, 0)).ok_or("the text is not base 32")?;
        text(String::from_utf8_lossy(&bytes))
    }),
    ("b64urlenc", 1, 1, |_, a| {
        let engine = base64::engine::general_purpose::URL_SAFE;
        text(engine.encode(said(a, 0).as_bytes()))
    }),
    ("uuidv4", 0, 0, |_, _| uuid()),
    ("randAlphaNum", 1, 1, |_, a| random(a, UPPER)),
    ("randAlpha", 1, 1, |_, a| random(a, &UPPER[..52])),
    ("randNumeric", 1, 1, |_, a| random(a, &UPPER[52..])),
    ("env", 1, 1, |_, a| {
        text(std::env::var(&*said(a, 0)).unwrap_or_default())
    }),
];
