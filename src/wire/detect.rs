//! What a line says by itself: how serious it is, when it was written, and whether it goes on with
//! the line before (a stack trace).
//!
//! Pure functions on bytes, bounded by [`LOOK`]: they never change a line. Zones are the caller's
//! business: a time without one comes back as such.

use crate::model::log_entry::Level;
use chrono::{Datelike, NaiveDate};

/// Bytes of a line that are looked at for its level and its time.
const LOOK: usize = 400;

/// Words for levels, in lower case.
const WORDS: &[(&[u8], Level)] = &[
    (b"trace", Level::Trace),
    (b"debug", Level::Debug),
    (b"dbg", Level::Debug),
    (b"info", Level::Info),
    (b"information", Level::Info),
    (b"notice", Level::Info),
    (b"warn", Level::Warn),
    (b"warning", Level::Warn),
    (b"err", Level::Error),
    (b"error", Level::Error),
    (b"severe", Level::Error),
    (b"critical", Level::Critical),
    (b"crit", Level::Critical),
    (b"alert", Level::Critical),
    (b"emerg", Level::Critical),
    (b"fatal", Level::Fatal),
    (b"panic", Level::Fatal),
];
/// Names of fields whose value is a level.
const KEYS: &[&[u8]] = &[b"level", b"lvl", b"severity", b"loglevel", b"levelname"];

/// The level that a word names, as in a label or a field.
pub fn level_of_word(word: &str) -> Option<Level> {
    word_level(word.trim().as_bytes())
}

fn word_level(word: &[u8]) -> Option<Level> {
    if !(3..=11).contains(&word.len()) {
        return None;
    }
    let found = WORDS.iter().find(|(w, _)| w.eq_ignore_ascii_case(word));
    found.map(|(_, level)| *level)
}

/// What a byte is to [`level`]: no part of a word, part of one, or a letter with which a word begins
/// that may name a level or a key.
const OTHER: u8 = 0;
const INNER: u8 = 1;
const FIRST: u8 = 2;
const KINDS: [u8; 256] = {
    let mut kinds = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() {
            kinds[byte] = match byte as u8 | 0x20 {
                b't' | b'd' | b'i' | b'n' | b'w' | b'e' | b's' | b'c' | b'a' | b'f' | b'p'
                | b'l' => FIRST,
                _ => INNER,
            };
        }
        byte += 1;
    }
    kinds
};

/// How serious a line is: the value of a field called `level` or the like, else the first word in
/// capitals that names a level, else the first in any case. A part of a longer name (`libgpg-error`,
/// `error.log`) names none.
pub fn level(line: &[u8]) -> Level {
    let line = &line[..line.len().min(LOOK)];
    let kind = |at: usize| KINDS[usize::from(line[at])];
    let mut first = None;
    let mut at = 0;
    let mut after_key = false;
    while at < line.len() {
        let begin = kind(at);
        if begin == OTHER {
            // A line break ends what a key may be the key of.
            after_key &= matches!(line[at], b'"' | b'\'' | b':' | b'=' | b' ' | b'[' | b'(');
            at += 1;
            continue;
        }
        let from = at;
        while at < line.len() && kind(at) != OTHER {
            at += 1;
        }
        let word = &line[from..at];
        if after_key && let Some(level) = word_level(word).or_else(|| number_level(word)) {
            return level;
        }
        after_key = false;
        if begin != FIRST || !(3..=11).contains(&word.len()) {
            continue;
        }
        after_key = KEYS.iter().any(|k| k.eq_ignore_ascii_case(word));
        if after_key {
            continue;
        }
        if let Some(level) = word_level(word)
            && !is_part(line, from, at)
        {
            if word.iter().all(u8::is_ascii_uppercase) {
                return level;
            }
            first = first.or(Some(level));
        }
    }
    first.unwrap_or_default()
}

/// Whether the word is joined to a letter before or behind it, as in the name of a file or package.
fn is_part(line: &[u8], begin: usize, end: usize) -> bool {
    let joins = |byte: Option<&u8>| matches!(byte, Some(b'-' | b'_' | b'.' | b'/' | b'\\' | b'@'));
    let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    let before = &line[..begin];
    let joined_before = joins(before.last()) && letter(before.iter().nth_back(1));
    joined_before || (joins(line.get(end)) && letter(line.get(end + 1)))
}

/// The numbers of pino and bunyan.
fn number_level(word: &[u8]) -> Option<Level> {
    Some(match word {
        b"10" => Level::Trace,
        b"20" => Level::Debug,
        b"30" => Level::Info,
        b"40" => Level::Warn,
        b"50" => Level::Error,
        b"60" => Level::Fatal,
        _ => return None,
    })
}

/// A time as a line says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTime {
    /// Nanoseconds since the epoch if the clock on the line were UTC's.
    pub wall: i64,
    /// Seconds east of UTC, where the line says so.
    pub zone: Option<i32>,
}

impl LineTime {
    /// Nanoseconds since the epoch with this offset, seconds east of UTC, where the line has none.
    pub fn at(self, offset: i32) -> i64 {
        self.wall - i64::from(self.zone.unwrap_or(offset)) * 1_000_000_000
    }
}

/// The time in a line: at its beginning, behind `[`, or in a JSON field. `now`, nanoseconds since
/// the epoch, gives the year where the line has none.
pub fn time(line: &[u8], now: i64) -> Option<LineTime> {
    let line = &line[..line.len().min(LOOK)];
    let start = line
        .iter()
        .position(|b| !matches!(b, b' ' | b'[' | b'<' | b'('))?;
    let front = &line[start..];
    if front.first() == Some(&b'{') {
        return json_time(front);
    }
    iso(front)
        .or_else(|| month_first(front, now))
        .or_else(|| common_log(line))
}

const TIME_KEYS: &[&str] = &["\"@timestamp\"", "\"timestamp\"", "\"time\"", "\"ts\""];

fn json_time(line: &[u8]) -> Option<LineTime> {
    for key in TIME_KEYS {
        let Some(at) = memchr::memmem::find(line, key.as_bytes()) else {
            continue;
        };
        let rest = &line[at + key.len()..];
        let value = rest.iter().position(|b| !matches!(b, b' ' | b':'))?;
        let value = &rest[value..];
        let found = match value.first()? {
            b'"' => iso(&value[1..]),
            _ => epoch(value),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// A number of seconds, milliseconds, microseconds or nanoseconds, told by its size.
fn epoch(text: &[u8]) -> Option<LineTime> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole: i64 = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    let unit = match digits {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    let mut wall = whole.checked_mul(unit)?;
    if digits == 10 && text.get(10) == Some(&b'.') {
        wall += fraction(&text[11..]).0;
    }
    Some(LineTime {
        wall,
        zone: Some(0),
    })
}

/// Nanoseconds of digits behind a point, and how many digits there are.
fn fraction(text: &[u8]) -> (i64, usize) {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut nanos = 0;
    for i in 0..9 {
        let digit = text[..digits].get(i).map_or(0, |b| i64::from(b - b'0'));
        nanos = nanos * 10 + digit;
    }
    (nanos, digits)
}

fn number(text: &[u8], from: usize, digits: usize) -> Option<u32> {
    let mut n = 0;
    for byte in text.get(from..from + digits)? {
        n = n * 10 + u32::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    Some(n)
}

fn wall(date: NaiveDate, clock: (u32, u32, u32), nanos: i64) -> Option<i64> {
    let second = clock.2.min(59); // a leap second is the one before
    let time = date.and_hms_opt(clock.0, clock.1, second)?;
    time.and_utc().timestamp_nanos_opt()?.checked_add(nanos)
}

/// `2026-11-20 12:00:00,123`, with `T`, `/`, a fraction and a zone where they stand.
fn iso(text: &[u8]) -> Option<LineTime> {
    let separator = *text.get(4)?;
    let fits = matches!(separator, b'-' | b'/') && text.get(7) == Some(&separator);
    if !fits || !matches!(text.get(10)?, b'T' | b' ' | b't') {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(
        number(text, 0, 4)? as i32,
        number(text, 5, 2)?,
        number(text, 8, 2)?,
    )?;
    let (clock, length) = clock(text, 11)?;
    let mut at = 11 + length;
    let mut nanos = 0;
    if matches!(text.get(at), Some(b'.' | b',')) {
        let (n, digits) = fraction(&text[at + 1..]);
        if digits > 0 {
            nanos = n;
            at += 1 + digits;
        }
    }
    Some(LineTime {
        wall: wall(date, clock, nanos)?,
        zone: zone(&text[at..]),
    })
}

/// `12:00:00` or `12:00`, and its length.
fn clock(text: &[u8], at: usize) -> Option<((u32, u32, u32), usize)> {
    let (hour, minute) = (number(text, at, 2)?, number(text, at + 3, 2)?);
    if text.get(at + 2) != Some(&b':') {
        return None;
    }
    let second = (text.get(at + 5) == Some(&b':')).then(|| number(text, at + 6, 2))??;
    Some(((hour, minute, second), 8))
}

/// `Z`, `UTC`, `+09:00`, `+0900`, `+09`; seconds east of UTC.
fn zone(text: &[u8]) -> Option<i32> {
    let space = usize::from(text.first() == Some(&b' '));
    let text = &text[space..];
    let sign = match text.first()? {
        b'Z' | b'z' if space == 0 => return Some(0),
        b'U' if text.starts_with(b"UTC") => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = number(text, 1, 2)?;
    let colon = usize::from(text.get(3) == Some(&b':'));
    let minutes = match number(text, 3 + colon, 2) {
        Some(minutes) => minutes,
        None if space == 0 => 0,
        // ` -1 text` is no zone.
        None => return None,
    };
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60) as i32)
}

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

fn month(text: &[u8]) -> Option<u32> {
    let name = text.get(..3)?;
    let found = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(name));
    found.map(|m| m as u32 + 1)
}

/// Syslog's `Nov 20 12:00:00`: of the years beside now's, the one that brings it nearest.
fn month_first(text: &[u8], now: i64) -> Option<LineTime> {
    let month = month(text)?;
    if text.get(3) != Some(&b' ') {
        return None;
    }
    let digits = if text.get(4) == Some(&b' ') { 1 } else { 2 };
    let day = number(text, 6 - digits, digits)?;
    let (clock, _) = (text.get(6) == Some(&b' ')).then(|| clock(text, 7))??;
    let year = chrono::DateTime::from_timestamp_nanos(now).year();
    let of = |year: i32| wall(NaiveDate::from_ymd_opt(year, month, day)?, clock, 0);
    let nearest = [year - 1, year, year + 1].into_iter().filter_map(of);
    let wall = nearest.min_by_key(|t| t.abs_diff(now))?;
    Some(LineTime { wall, zone: None })
}

/// `[20/Nov/2026:12:00:00 +0900]`, anywhere.
fn common_log(line: &[u8]) -> Option<LineTime> {
    for at in memchr::memchr_iter(b'[', line).take(4) {
        let text = &line[at + 1..];
        if text.get(2) != Some(&b'/') || text.get(6) != Some(&b'/') {
            continue;
        }
        let (Some(day), Some(month), Some(year)) =
            (number(text, 0, 2), month(&text[3..]), number(text, 7, 4))
        else {
            continue;
        };
        let date = NaiveDate::from_ymd_opt(year as i32, month, day)?;
        let (clock, _) = clock(text, 12)?;
        return Some(LineTime {
            wall: wall(date, clock, 0)?,
            zone: zone(&text[20..]),
        });
    }
    None
}

/// Whether a line goes on with the entry before it: a frame or a cause of a stack trace.
pub fn goes_on(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let indented = text.len() < line.len();
    text.starts_with(b"Caused by: ")
        || text.starts_with(b"Suppressed: ")
        || indented && (text.starts_with(b"at ") || text.starts_with(b"... "))
}

/// Whether a line is the head of a stack trace, as it stands below the entry that tells of it: the
/// full name of a class of errors, alone or before a colon.
pub fn names_error(line: &[u8]) -> bool {
    const ENDS: [&[u8]; 3] = [b"Exception", b"Error", b"Throwable"];
    let line = &line[..line.len().min(LOOK)];
    let end = memchr::memchr(b':', line).unwrap_or(line.len());
    let name = &line[..end];
    let of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$' | b'/');
    name.first().is_some_and(u8::is_ascii_lowercase)
        && ENDS.iter().any(|e| name.ends_with(e))
        && name.contains(&b'.')
        && name.iter().all(of_name)
}

/// Seconds east of UTC, a multiple of a quarter of an hour, that bring a time on a wall clock
/// nearest to now.
pub fn quarter_hour(wall: i64, now: i64) -> Option<i32> {
    const QUARTER: i64 = 900_000_000_000;
    let apart = wall.checked_sub(now)?.checked_add(QUARTER / 2)?;
    let quarters = apart.div_euclid(QUARTER);
    (-48..=56)
        .contains(&quarters)
        .then_some(quarters as i32 * 900)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn levels() {
        for (line, want) in [
            (
                "2026-11-20 12:00:00.001 [main] ERROR c.e.Shop - no info",
                Level::Error,
            ),
            (r#"{"level":"warn","msg":"an error"}"#, Level::Warn),
            (r#"{"level":50,"msg":"x"}"#, Level::Error),
            ("ts=1 level=debug msg=\"error\"", Level::Debug),
            ("nothing here", Level::Unknown),
            ("an error occurred", Level::Error),
            ("informative", Level::Unknown),
            ("[WARN ] disk", Level::Warn),
            ("Setting up libgpg-error-dev (1.46-1) ...", Level::Unknown),
            ("opened /var/log/nginx/error.log", Level::Unknown),
            ("wrote error.log: an error", Level::Error),
            ("2026-11-20-ERROR-17: no disk", Level::Error),
            ("it failed with an error.", Level::Error),
            ("kernel: panic", Level::Fatal),
            ("", Level::Unknown),
        ] {
            assert_eq!(level(line.as_bytes()), want, "{line}");
        }
    }

    #[test]
    fn times() {
        let now = 1_795_176_000_000_000_000; // 2026-11-20T12:00:00Z
        let of = |line: &str| time(line.as_bytes(), now);
        let noon = |zone| Some(LineTime { wall: now, zone });
        assert_eq!(of("2026-11-20 12:00:00 x"), noon(None));
        assert_eq!(of("[2026-11-20T12:00:00Z] x"), noon(Some(0)));
        assert_eq!(of("2026/11/20 12:00:00 [error]"), noon(None));
        assert_eq!(of("2026-11-20T12:00:00+09:00 x"), noon(Some(32_400)));
        assert_eq!(of("2026-11-20 12:00:00 -0330 x"), noon(Some(-12_600)));
        assert_eq!(of("Nov 20 12:00:00 host sshd[1]: x"), noon(None));
        assert_eq!(
            of("Nov  5 12:00:00 host x").map(|t| t.wall),
            Some(now - 15 * 86_400_000_000_000)
        );
        assert_eq!(
            of("1.2.3.4 - - [20/Nov/2026:12:00:00 +0900] \"GET"),
            noon(Some(32_400))
        );
        assert_eq!(
            of(r#"{"a":1,"time":"2026-11-20T12:00:00Z"}"#),
            noon(Some(0))
        );
        assert_eq!(
            of(r#"{"ts":1795176000.5}"#).map(|t| t.wall),
            Some(now + 500_000_000)
        );
        assert_eq!(
            of("2026-11-20 12:00:00,123 x").map(|t| t.wall - now),
            Some(123_000_000)
        );
        for none in ["", "hello", "2026-13-45 12:00:00", "Nov", "[20/Nov"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(quarter_hour(now + 32_405_000_000_000, now), Some(32_400));
        assert_eq!(quarter_hour(now + 90_000_000_000_000, now), None);
    }

    #[test]
    fn stack_traces_go_on() {
        assert!(goes_on(b"\tat java.lang.Thread.run(Thread.java:1)"));
        assert!(goes_on(b"Caused by: x") && goes_on(b"\t... 12 more"));
        assert!(!goes_on(b"at noon") && !goes_on(b"") && !goes_on(b"  indented"));
        assert!(names_error(
            b"java.lang.IllegalStateException: order 5 already closed"
        ));
        assert!(names_error(b"jakarta.ws.rs.Inner$NotFoundError"));
        for none in [
            "Error: x",
            "no.such Exception: x",
            "IOException",
            "",
            "app.Error2: x",
        ] {
            assert!(!names_error(none.as_bytes()), "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (level(&line), time(&line, 0), goes_on(&line), names_error(&line));
        }

        #[test]
        fn anything_like_a_time_is_survived(line in "[0-9NovZ:/T\\[ +{\"time}-]{0,40}", now: i64) {
            let _ = time(line.as_bytes(), now);
        }
    }
}
