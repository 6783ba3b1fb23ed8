//! Protobuf's wire format: numbered fields of four kinds. Groups are refused.

use crate::wire::remote_write::RemoteWriteError;

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
    pub(crate) fn next_field(&mut self) -> Result<Option<Field<'a>>, RemoteWriteError> {
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

    fn varint(&mut self) -> Result<u64, RemoteWriteError> {
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

    fn take(&mut self, len: usize) -> Result<&'a [u8], RemoteWriteError> {
        if len > self.rest.len() {
            return Err(bad("it ends inside a field"));
        }
        let (head, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RemoteWriteError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }
}

fn bad(what: &str) -> RemoteWriteError {
    RemoteWriteError::Proto(what.to_owned())
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

fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}
