//! A reader of JSON that walks a line without building a tree: numbers keep their text, what was
//! read before a fault stands.

use crate::base::escape::unescape;
use std::borrow::Cow;

/// Objects within objects that are followed.
const MAX_DEPTH: u16 = 64;

pub(crate) struct Scan<'t> {
    text: &'t str,
    at: usize,
    depth: u16,
}

/// What is wrong with the text.
pub(crate) type Fault = &'static str;

/// What a value is, known by its first character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Object,
    Array,
    Text,
    /// Numbers and words.
    Plain,
}

impl<'t> Scan<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.byte().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    pub(crate) fn what(&mut self) -> Result<What, Fault> {
        self.blanks();
        match self.byte() {
            Some(b'{') => Ok(What::Object),
            Some(b'[') => Ok(What::Array),
            Some(b'"') => Ok(What::Text),
            Some(b'0'..=b'9' | b'-' | b't' | b'f' | b'n') => Ok(What::Plain),
            Some(_) => Err("unexpected character in JSON"),
            None => Err("unexpected end of JSON"),
        }
    }

    /// Calls `member` at each value of an object, behind its key. `member` reads the value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.enter()?;
        self.blanks();
        if self.byte() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.blanks();
            let key = self.string()?;
            self.blanks();
            self.expect(b':')?;
            member(self, &key)?;
            self.blanks();
            match self.byte() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err("value looks like object, but can't find closing '}' symbol"),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Calls `element` at each value of an array, with its number.
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.enter()?;
        self.blanks();
        if self.byte() == Some(b']') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        let mut i = 0;
        loop {
            element(self, i)?;
            i += 1;
            self.blanks();
            match self.byte() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err("value looks like array, but can't find closing ']' symbol"),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("JSON nests deeper than 64 levels");
        }
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.byte() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err("unexpected character in JSON")
    }

    pub(crate) fn string(&mut self) -> Result<Cow<'t, str>, Fault> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.byte() {
                None => return Err("unknown value type: a text does not end"),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at = (self.at + 2).min(self.text.len());
                }
                Some(_) => self.at += 1,
            }
        }
        let inner = &self.text[start..self.at];
        self.at += 1;
        if !escaped {
            return Ok(Cow::Borrowed(inner));
        }
        unescape(inner)
            .map(Cow::Owned)
            .ok_or("unknown escape in a JSON text")
    }

    /// The text of any value as it is written.
    pub(crate) fn raw(&mut self) -> Result<&'t str, Fault> {
        let what = self.what()?;
        let start = self.at;
        match what {
            What::Object => self.object(|scan, _| scan.raw().map(|_| ()))?,
            What::Array => self.array(|scan, _| scan.raw().map(|_| ()))?,
            What::Text => {
                self.string()?;
            }
            What::Plain => {
                let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
                while self.byte().is_some_and(inside) {
                    self.at += 1;
                }
                let word = &self.text[start..self.at];
                let number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-');
                if !number && !["true", "false", "null"].contains(&word) {
                    return Err("unknown value type");
                }
            }
        }
        Ok(&self.text[start..self.at])
    }

    /// A value as text: what stands between quotes, else as it is written; null is empty.
    pub(crate) fn value(&mut self) -> Result<Cow<'t, str>, Fault> {
        if self.what()? == What::Text {
            return self.string();
        }
        let raw = self.raw()?;
        Ok(Cow::Borrowed(if raw == "null" { "" } else { raw }))
    }
}
