//! Looking for a number in encoded spans without making spans of them.
//!
//! Only the columns of shapes and values are walked: what a search for a rare number costs is this.

use crate::store::disk::bytes::Reader;
use crate::store::read::Number;
use crate::store::traces::codec::{MAX_DEPTH, tag, texts};

/// Whether some attribute may be that number: of a span, an event, a link, a resource or a scope, or in
/// a list. `None` where the bytes are not what was written.
pub(crate) fn may_hold(text_bytes: &[u8], body: &[u8], wanted: &Number) -> Option<bool> {
    let texts = texts(text_bytes)?;
    let Some(name) = texts.iter().position(|t| *t == wanted.name) else {
        return Some(false);
    };
    let mut r = Reader::new(body);
    let count = r.uvarint()?;
    let (resources, scopes) = (r.uvarint()?, r.uvarint()?);
    let mut next = || {
        let len = usize::try_from(r.uvarint()?).ok()?;
        Some(Reader::new(r.bytes(len)?))
    };
    let (_, shapes, mut places, values) = (next()?, next()?, next()?, next()?);
    let mut tables = Look {
        name: name as u64,
        wanted,
        shapes,
        values,
    };
    for _ in 0..resources {
        if tables.attributes(0)? {
            return Some(true);
        }
    }
    for _ in 0..scopes {
        let mut piece = || {
            let len = usize::try_from(places.uvarint()?).ok()?;
            Some(Reader::new(places.bytes(len)?))
        };
        let mut own = Look {
            shapes: piece()?,
            values: piece()?,
            ..tables
        };
        own.skip(2)?;
        if own.attributes(0)? {
            return Some(true);
        }
    }
    let (_, shapes, _, values) = (next()?, next()?, next()?, next()?);
    let mut spans = Look {
        shapes,
        values,
        ..tables
    };
    for _ in 0..count {
        for _ in 0..spans.shapes.uvarint()? {
            if spans.span()? {
                return Some(true);
            }
        }
    }
    Some(false)
}

#[derive(Clone, Copy)]
struct Look<'a> {
    /// The number of the attribute's name among the texts.
    name: u64,
    wanted: &'a Number,
    shapes: Reader<'a>,
    values: Reader<'a>,
}

impl Look<'_> {
    fn skip(&mut self, n: usize) -> Option<()> {
        for _ in 0..n {
            self.shapes.uvarint()?;
        }
        Some(())
    }

    fn span(&mut self) -> Option<bool> {
        self.skip(1)?; // its parent
        self.shapes.u8()?;
        self.skip(4)?;
        let mut found = self.attributes(0)?;
        for _ in 0..self.shapes.uvarint()? {
            self.skip(1)?;
            found |= self.attributes(0)?;
        }
        for _ in 0..self.shapes.uvarint()? {
            found |= self.attributes(0)?;
        }
        Some(found)
    }

    fn attributes(&mut self, depth: u32) -> Option<bool> {
        let mut found = false;
        for _ in 0..self.shapes.uvarint()? {
            let is_named = self.shapes.uvarint()? == self.name;
            found |= self.value(is_named && depth == 0, depth)?;
        }
        Some(found)
    }

    fn value(&mut self, is_named: bool, depth: u32) -> Option<bool> {
        if depth > MAX_DEPTH {
            return None;
        }
        let number = match self.shapes.uvarint()? {
            tag::TEXT => {
                self.values.uvarint()?;
                None
            }
            tag::TRUE | tag::FALSE => None,
            tag::INT => Some(self.values.varint()? as f64),
            tag::FLOAT => Some(f64::from_bits(self.values.u64()?)),
            tag::BYTES => {
                let len = usize::try_from(self.values.uvarint()?).ok()?;
                self.values.bytes(len)?;
                None
            }
            tag::LIST => {
                let mut found = false;
                for _ in 0..self.shapes.uvarint()? {
                    found |= self.value(is_named, depth + 1)?;
                }
                return Some(found);
            }
            tag::MAP => return self.attributes(depth + 1),
            _ => return None,
        };
        Some(is_named && number.is_some_and(|n| self.wanted.may_be(n)))
    }
}
