//! A key as the console sees it, and how it is written in the configuration and on screen.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) code: Code,
    pub(crate) ctrl: bool,
    pub(crate) alt: bool,
}

/// Names of keys that are no single character, as they are printed; reading ignores case.
const NAMES: &[(&str, Code)] = &[
    ("Enter", Code::Enter),
    ("Esc", Code::Esc),
    ("Tab", Code::Tab),
    ("Shift-Tab", Code::BackTab),
    ("Backspace", Code::Backspace),
    ("Del", Code::Delete),
    ("Up", Code::Up),
    ("Down", Code::Down),
    ("Left", Code::Left),
    ("Right", Code::Right),
    ("Home", Code::Home),
    ("End", Code::End),
    ("PgUp", Code::PageUp),
    ("PgDn", Code::PageDown),
    ("Space", Code::Char(' ')),
];

/// The 2-set layout: each jamo and the Latin key it lies on.
const JAMO: &[(char, char)] = &[
    ('ㅂ', 'q'),
    ('ㅈ', 'w'),
    ('ㄷ', 'e'),
    ('ㄱ', 'r'),
    ('ㅅ', 't'),
    ('ㅛ', 'y'),
    ('ㅕ', 'u'),
    ('ㅑ', 'i'),
    ('ㅐ', 'o'),
    ('ㅔ', 'p'),
    ('ㅁ', 'a'),
    ('ㄴ', 's'),
    ('ㅇ', 'd'),
    ('ㄹ', 'f'),
    ('ㅎ', 'g'),
    ('ㅗ', 'h'),
    ('ㅓ', 'j'),
    ('ㅏ', 'k'),
    ('ㅣ', 'l'),
    ('ㅋ', 'z'),
    ('ㅌ', 'x'),
    ('ㅊ', 'c'),
    ('ㅍ', 'v'),
    ('ㅠ', 'b'),
    ('ㅜ', 'n'),
    ('ㅡ', 'm'),
    ('ㅃ', 'Q'),
    ('ㅉ', 'W'),
    ('ㄸ', 'E'),
    ('ㄲ', 'R'),
    ('ㅆ', 'T'),
    ('ㅒ', 'O'),
    ('ㅖ', 'P'),
];

impl Key {
    pub(crate) fn plain(code: Code) -> Self {
        Self {
            code,
            ctrl: false,
            alt: false,
        }
    }

    pub(crate) fn char(c: char) -> Self {
        Self::plain(Code::Char(c))
    }

    pub(crate) fn ctrl(c: char) -> Self {
        Self {
            code: Code::Char(c),
            ctrl: true,
            alt: false,
        }
    }

    /// True where the key came from a Hangul layout.
    pub(crate) fn is_hangul(self) -> bool {
        self.latin() != self
    }

    /// The Latin key under the same finger; any other key is itself.
    pub(crate) fn latin(self) -> Self {
        let Code::Char(c) = self.code else {
            return self;
        };
        let found = JAMO.iter().find(|(jamo, _)| *jamo == c);
        found.map_or(self, |(_, latin)| Self {
            code: Code::Char(if self.ctrl {
                latin.to_ascii_lowercase()
            } else {
                *latin
            }),
            ..self
        })
    }

    /// Reads `q`, `Ctrl-P`, `Alt-x`, `F1`, `Space`, `PgUp`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let no = || format!("{text:?} is no key; write q, Ctrl-P, F1, Space, PgUp or Shift-Tab");
        let mut rest = text;
        let mut key = Self::plain(Code::Esc);
        loop {
            if let Some(tail) = strip(rest, "ctrl-").or_else(|| strip(rest, "c-")) {
                (key.ctrl, rest) = (true, tail);
            } else if let Some(tail) = strip(rest, "alt-") {
                (key.alt, rest) = (true, tail);
            } else {
                break;
            }
        }
        let mut chars = rest.chars();
        key.code = match (chars.next(), chars.next()) {
            (Some(c), None) if key.ctrl => Code::Char(c.to_ascii_lowercase()),
            (Some(c), None) if !c.is_control() => Code::Char(c),
            _ => named(rest).ok_or_else(no)?,
        };
        Ok(key)
    }
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    let tail = &text[prefix.len()..];
    (head.eq_ignore_ascii_case(prefix) && !tail.is_empty()).then_some(tail)
}

fn named(text: &str) -> Option<Code> {
    if let Some(number) = strip(text, "f") {
        let n: u8 = number.parse().ok()?;
        return (1..=12).contains(&n).then_some(Code::F(n));
    }
    NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, code)| *code)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        match self.code {
            Code::F(n) => write!(f, "F{n}"),
            Code::Char(c) if c != ' ' && self.ctrl => write!(f, "{}", c.to_ascii_uppercase()),
            Code::Char(c) if c != ' ' => write!(f, "{c}"),
            code => {
                let name = NAMES.iter().find(|(_, c)| *c == code);
                f.write_str(name.map_or("?", |(name, _)| name))
            }
        }
    }
}
