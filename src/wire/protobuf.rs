//! Protobuf's wire format: numbered fields of four kinds. Groups are refused.

/// Bytes that are no message; the words say where it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message does not read: {0}")]
pub struct Malformed(pub &'static str);

/// A field's value by its wire type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) wire: Wire<'a>,
}

/// Reads the fields of one message.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// `None` at the message's end.
    pub(crate) fn next_field(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).unwrap_or_default();
        if number == 0 {
            return Err(bad("a field without a number"));
        }
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                Wire::Bytes(self.take(len)?)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(bad("a field of an unknown kind")),
        };
        Ok(Some(Field { number, wire }))
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut out = 0u64;
        for (i, byte) in self.rest.iter().enumerate().take(10) {
            out |= u64::from(byte & 127) << (7 * i);
            if byte & 128 == 0 {
                self.rest = &self.rest[i + 1..];
                return Ok(out);
            }
        }
        Err(bad("a number that does not end"))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        if len > self.rest.len() {
            return Err(bad("it ends inside a field"));
        }
        let (head, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }
}

fn bad(what: &'static str) -> Malformed {
    Malformed(what)
}

impl Field<'_> {
    pub(crate) fn varint(number: u32, value: u64, out: &mut Vec<u8>) {
        push_varint(u64::from(number) << 3, out);
        push_varint(value, out);
    }

    pub(crate) fn fixed64(number: u32, bits: u64, out: &mut Vec<u8>) {
        push_varint(u64::from(number) << 3 | 1, out);
        out.extend_from_slice(&bits.to_le_bytes());
    }

    pub(crate) fn bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
        push_varint(u64::from(number) << 3 | 2, out);
        push_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
}

impl<'a> Wire<'a> {
    /// Bytes, or nothing of another kind.
    pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(bad("a field of another kind than its number says")),
        }
    }

    pub(crate) fn number(self) -> Result<u64, Malformed> {
        match self {
            Self::Varint(n) | Self::Fixed64(n) => Ok(n),
            Self::Fixed32(n) => Ok(u64::from(n)),
            Self::Bytes(_) => Err(bad("a field of another kind than its number says")),
        }
    }
}

fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}
