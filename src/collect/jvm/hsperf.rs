//! HotSpot's performance counters: the file `/tmp/hsperfdata_USER/PID` that every JVM keeps mapped.
//!
//! Layout (version 2.0, JDK 8 to 25), all offsets in bytes, numbers in the order that byte 4 names:
//!
//! | at | what |
//! |---|---|
//! | 0 | magic `CA FE C0 C0` |
//! | 4 | byte order, 1 is little endian |
//! | 5 | major version, minor version, 1 once the counters may be read |
//! | 24 | i32 offset of the first entry |
//! | 28 | i32 number of entries |
//!
//! An entry: i32 length, i32 offset of its name, i32 vector length, u8 type (`J` a 64-bit number,
//! `B` bytes), u8 flags, u8 units, u8 variability, i32 offset of its data; offsets count from the
//! entry. Any user can write such a file, so every number in it is doubted.

use hashbrown::HashMap;

/// Bytes that are read of a file; HotSpot makes 32 KiB.
pub(crate) const MAX_FILE: usize = 1 << 20;
/// More entries than any JVM has (214 were seen).
const MAX_ENTRIES: usize = 4096;
const HEADER: usize = 32;
const ENTRY: usize = 20;

/// The counters of one JVM by their names. Every counter is optional: they differ by version,
/// vendor and collector.
#[derive(Debug, Default)]
pub(crate) struct Counters<'a> {
    numbers: HashMap<&'a str, i64>,
    texts: HashMap<&'a str, &'a str>,
}

impl<'a> Counters<'a> {
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.numbers.get(name).copied()
    }

    /// A number that is no amount when it is below zero.
    pub(crate) fn amount(&self, name: &str) -> Option<f64> {
        self.number(name).filter(|n| *n >= 0).map(|n| n as f64)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.texts.get(name).copied().filter(|t| !t.is_empty())
    }

    /// Ticks as seconds, by the JVM's own frequency.
    pub(crate) fn seconds(&self, name: &str) -> Option<f64> {
        let frequency = self.number("sun.os.hrt.frequency").filter(|f| *f > 0)?;
        Some(self.amount(name)? / frequency as f64)
    }
}

#[cfg(test)]
impl Counters<'static> {
    /// Counters without a file, for the tests of those who read them.
    pub(crate) fn of(
        numbers: &[(&'static str, i64)],
        texts: &[(&'static str, &'static str)],
    ) -> Self {
        Self {
            numbers: numbers.iter().copied().collect(),
            texts: texts.iter().copied().collect(),
        }
    }
}

/// Reads the counters. What is damaged inside is left out; what is no such file is an error.
pub(crate) fn parse(file: &[u8]) -> Result<Counters<'_>, HsperfError> {
    if file.len() < HEADER || file[..4] != [0xca, 0xfe, 0xc0, 0xc0] {
        return Err(HsperfError::NotPerfData);
    }
    if file[5] != 2 {
        return Err(HsperfError::Version {
            major: file[5],
            minor: file[6],
        });
    }
    if file[7] != 1 {
        return Err(HsperfError::NotReady);
    }
    let view = View {
        file,
        little: file[4] == 1,
    };
    let mut at = view.offset(24).ok_or(HsperfError::NotPerfData)?;
    let count = view
        .offset(28)
        .ok_or(HsperfError::NotPerfData)?
        .min(MAX_ENTRIES);
    let mut counters = Counters::default();
    for _ in 0..count {
        let Some(length) = view.entry(at, &mut counters) else {
            break;
        };
        at += length;
    }
    Ok(counters)
}

struct View<'a> {
    file: &'a [u8],
    little: bool,
}

impl<'a> View<'a> {
    /// Puts the entry at `at` into `counters`; its length, or `None` where no entry can be.
    fn entry(&self, at: usize, counters: &mut Counters<'a>) -> Option<usize> {
        let length = self.offset(at)?;
        if length < ENTRY || at + length > self.file.len() {
            return None;
        }
        let name = self.text(at + self.offset(at + 4)?);
        let vector = self.offset(at + 8);
        let data = self.offset(at + 16).map(|o| at + o);
        if let (Some(name), Some(vector), Some(data)) = (name, vector, data) {
            match (self.file[at + 12], vector) {
                (b'J', 0) => {
                    let number = self.bytes(data).map(|b| self.number(b));
                    number.map(|n| counters.numbers.insert(name, n));
                }
                (b'B', 1..) => {
                    self.text(data).map(|t| counters.texts.insert(name, t));
                }
                _ => {}
            }
        }
        Some(length)
    }

    /// A non-negative i32.
    fn offset(&self, at: usize) -> Option<usize> {
        let bytes: [u8; 4] = self.bytes(at)?;
        let n = if self.little {
            i32::from_le_bytes(bytes)
        } else {
            i32::from_be_bytes(bytes)
        };
        usize::try_from(n).ok()
    }

    fn number(&self, bytes: [u8; 8]) -> i64 {
        if self.little {
            i64::from_le_bytes(bytes)
        } else {
            i64::from_be_bytes(bytes)
        }
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.file.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    /// Up to the first NUL; `None` where there is none or it is not UTF-8.
    fn text(&self, at: usize) -> Option<&'a str> {
        let rest = self.file.get(at..)?;
        let end = memchr::memchr(0, &rest[..rest.len().min(8192)])?;
        std::str::from_utf8(&rest[..end]).ok()
    }
}

/// Why a file holds no counters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HsperfError {
    #[error("not a HotSpot performance file")]
    NotPerfData,
    #[error("performance file version {major}.{minor}; version 2 is read")]
    Version { major: u8, minor: u8 },
    #[error("the JVM is still starting")]
    NotReady,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file with one number and one text, as HotSpot lays them out.
    fn file() -> Vec<u8> {
        let mut out = vec![0xca, 0xfe, 0xc0, 0xc0, 1, 2, 0, 1];
        out.extend([0; 16]);
        out.extend(32i32.to_le_bytes());
        out.extend(2i32.to_le_bytes());
        for (name, kind, vector, data) in [
            (
                "sun.os.hrt.frequency\0\0\0\0",
                b'J',
                0i32,
                1000i64.to_le_bytes().to_vec(),
            ),
            ("sun.gc.cause\0\0\0\0", b'B', 8, b"No GC\0\0\0".to_vec()),
        ] {
            let data_at = ENTRY + name.len();
            out.extend(((data_at + data.len()) as i32).to_le_bytes());
            out.extend((ENTRY as i32).to_le_bytes());
            out.extend(vector.to_le_bytes());
            out.extend([kind, 1, 1, 1]);
            out.extend((data_at as i32).to_le_bytes());
            out.extend(name.as_bytes());
            out.extend(data);
        }
        out
    }

    #[test]
    fn counters_are_found_by_name() {
        let file = file();
        let counters = parse(&file).unwrap();
        assert_eq!(counters.number("sun.os.hrt.frequency"), Some(1000));
        assert_eq!(counters.text("sun.gc.cause"), Some("No GC"));
        assert_eq!(counters.number("java.threads.live"), None);
    }

    #[test]
    fn what_is_no_such_file_is_named() {
        assert_eq!(parse(b"short").unwrap_err(), HsperfError::NotPerfData);
        let mut starting = file();
        starting[7] = 0;
        assert_eq!(parse(&starting).unwrap_err(), HsperfError::NotReady);
        starting[5] = 9;
        assert!(matches!(
            parse(&starting),
            Err(HsperfError::Version { major: 9, .. })
        ));
    }

    proptest! {
        #[test]
        fn hostile_files_do_no_harm(at in 0usize..160, byte in any::<u8>(), cut in 0usize..160) {
            let mut file = file();
            let len = file.len();
            file[at % len] = byte;
            file.truncate(len - cut % len);
            let _ = parse(&file);
        }
    }
}
