//! logfmt: `key=value key="quoted value" bare`, one line at a time.
//!
//! As go-logfmt reads it: keys end at a blank or `=`, a quote or a second `=` is a fault. After a
//! fault reading goes on behind the next blank.

use crate::base::escape::unescape;
use std::borrow::Cow;
use std::iter::FusedIterator;

/// A place where the line is no logfmt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("logfmt syntax error at pos {pos} : {what}")]
pub struct Fault {
    /// Bytes from the start of the line, the first being 1.
    pub pos: usize,
    pub what: String,
}

/// The pairs of a line; a bare key has an empty value.
#[derive(Clone, Debug)]
pub struct Pairs<'l> {
    line: &'l str,
    at: usize,
    /// What stands behind a closing quote is no fault of that pair.
    lenient: bool,
}

pub fn pairs(line: &str) -> Pairs<'_> {
    Pairs {
        line,
        at: 0,
        lenient: false,
    }
}

/// The same, as go-logfmt itself reads them: what follows a closing quote at once is the next
/// pair's fault. Loki reads more strictly.
pub fn lenient(line: &str) -> Pairs<'_> {
    Pairs {
        lenient: true,
        ..pairs(line)
    }
}

impl<'l> Iterator for Pairs<'l> {
    type Item = Result<(&'l str, Cow<'l, str>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.line.as_bytes();
        while self.at < bytes.len() && is_blank(bytes[self.at]) {
            self.at += 1;
        }
        if self.at >= bytes.len() {
            return None;
        }
        let pair = self.pair();
        if pair.is_err() {
            self.skip();
        }
        Some(pair)
    }
}

impl FusedIterator for Pairs<'_> {}

fn is_blank(b: u8) -> bool {
    b <= b' '
}

impl<'l> Pairs<'l> {
    fn skip(&mut self) {
        let bytes = self.line.as_bytes();
        while self.at < bytes.len() && !is_blank(bytes[self.at]) {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> Fault {
        let found = self.line[self.at..].chars().next().unwrap_or(' ');
        Fault {
            pos: self.at + 1,
            what: format!("unexpected {found:?}"),
        }
    }

    fn pair(&mut self) -> Result<(&'l str, Cow<'l, str>), Fault> {
        let bytes = self.line.as_bytes();
        let start = self.at;
        loop {
            match bytes.get(self.at) {
                Some(b'=') => break,
                Some(b'"') => return Err(self.unexpected()),
                Some(b) if !is_blank(*b) => self.at += 1,
                _ => return Ok((&self.line[start..self.at], Cow::Borrowed(""))),
            }
        }
        let key = &self.line[start..self.at];
        if key.is_empty() {
            return Err(self.unexpected());
        }
        // What was no UTF-8 is no name.
        if key.contains(char::REPLACEMENT_CHARACTER) {
            return Err(Fault {
                pos: self.at + 1,
                what: "invalid key".to_owned(),
            });
        }
        self.at += 1;
        if bytes.get(self.at) == Some(&b'"') {
            return Ok((key, self.quoted()?));
        }
        let value = self.at;
        while let Some(b) = bytes.get(self.at).filter(|b| !is_blank(**b)) {
            if matches!(b, b'=' | b'"') {
                return Err(self.unexpected());
            }
            self.at += 1;
        }
        Ok((key, Cow::Borrowed(&self.line[value..self.at])))
    }

    /// From the opening quote to behind the closing one.
    fn quoted(&mut self) -> Result<Cow<'l, str>, Fault> {
        let bytes = self.line.as_bytes();
        let start = self.at + 1;
        let mut escaped = false;
        self.at += 1;
        loop {
            match bytes.get(self.at) {
                None => {
                    return Err(Fault {
                        pos: self.at + 1,
                        what: "unterminated quoted value".to_owned(),
                    });
                }
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at = (self.at + 2).min(bytes.len());
                }
                Some(_) => self.at += 1,
            }
        }
        let inner = &self.line[start..self.at];
        self.at += 1;
        if !self.lenient && bytes.get(self.at).is_some_and(|b| !is_blank(*b)) {
            return Err(self.unexpected());
        }
        if !escaped {
            return Ok(Cow::Borrowed(inner));
        }
        unescape(inner).map(Cow::Owned).ok_or_else(|| Fault {
            pos: start,
            what: "invalid quoted value".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn good(line: &str) -> Vec<(String, String)> {
        let good = pairs(line).filter_map(Result::ok);
        good.map(|(k, v)| (k.to_owned(), v.into_owned())).collect()
    }

    #[test]
    fn pairs_are_read_and_faults_passed_over() {
        for (line, want) in [
            (
                "a=1 b=\"x y\"  c",
                vec![("a", "1"), ("b", "x y"), ("c", "")],
            ),
            ("a=\"q\\\"\\n\\u0041\" b=", vec![("a", "q\"\nA"), ("b", "")]),
            ("x====y a=1", vec![("a", "1")]),
            ("=1 \"q\" a=\"open", vec![]),
            ("a=\"q\"x b=2", vec![("b", "2")]),
            ("한글=값", vec![("한글", "값")]),
            ("", vec![]),
        ] {
            let want: Vec<_> = want
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            assert_eq!(good(line), want, "{line}");
        }
        let fault = pairs("foobar====w").next().unwrap().unwrap_err();
        let said = "logfmt syntax error at pos 8 : unexpected '='";
        assert_eq!(fault.to_string(), said);
    }

    proptest! {
        #[test]
        fn no_line_breaks_the_reader(line in any::<String>()) {
            prop_assert!(pairs(&line).count() <= line.len());
        }
    }
}
