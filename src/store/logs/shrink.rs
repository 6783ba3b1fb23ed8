//! What lines repeat, taken out of their text before it is packed: the time of the line, which a
//! column holds already, and identifiers in hexadecimal, which take half as many bytes as they have
//! digits.
//!
//! What is taken out begins and ends with a digit, and holds no two neighbours that are none: so
//! most words are found in the text as it is ([`core()`]). In its place stands a byte
//! that no line of the block holds. Rows are put together one by one, so a search unpacks less than the lines have bytes. What is
//! gained: `docs/decisions/051-plain-blocks.md`; layout: `docs/format/logs.md`.

use crate::store::disk::bytes::{Reader, put_varint};
use crate::store::logs::buffer::Buffer;

/// Stands for the time of day of the line, and for sixteen hexadecimal digits.
const TIME: u8 = 1;
const DIGITS: u8 = 2;
/// Digits that one byte stands for, and the bytes they are kept in.
const RUN: usize = 16;
const KEPT: usize = RUN / 2;
/// A time is looked for in so many bytes of a line.
const LOOK: usize = 96;
/// Lines that are looked at to learn how times are written.
const LEARN: usize = 8;
const SECOND: i64 = 1_000_000_000;
const QUARTER: i64 = 900;
/// Bytes of `12:00:00`.
const OF_DAY: usize = 8;

/// How the lines of a run write their time of day: `12:00:00`, `12:00:00.123`, `12:00:00,123456`.
/// The date beside it changes once a day and costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Digits of the fraction (0, 3, 6 or 9), behind a comma or a point.
    digits: u8,
    comma: bool,
    /// Quarters of an hour east of UTC.
    quarters: i64,
}

impl Stamp {
    pub(crate) fn put(stamp: Option<Self>, out: &mut Vec<u8>) {
        let Some(stamp) = stamp else {
            return out.push(0);
        };
        out.push(0x80 | stamp.digits | u8::from(stamp.comma) << 4);
        put_varint(out, stamp.quarters);
    }

    /// The outer `None` where it does not read.
    #[expect(clippy::option_option, reason = "no stamp is a stamp that reads")]
    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Option<Self>> {
        let form = r.u8()?;
        if form == 0 {
            return Some(None);
        }
        let stamp = Self {
            digits: form & 15,
            comma: form & 16 != 0,
            quarters: r.varint()?,
        };
        let fits = matches!(stamp.digits, 0 | 3 | 6 | 9) && stamp.quarters.abs() <= 100;
        fits.then_some(Some(stamp))
    }

    /// Bytes of a time.
    fn width(self) -> usize {
        match usize::from(self.digits) {
            0 => OF_DAY,
            digits => OF_DAY + 1 + digits,
        }
    }

    /// Finds in a line how it writes the time that is known of it.
    fn learn(line: &[u8], t: i64) -> Option<Self> {
        let line = &line[..line.len().min(LOOK)];
        for colon in memchr::memchr_iter(b':', line) {
            let Some(text) = colon.checked_sub(2).map(|from| &line[from..]) else {
                continue;
            };
            let Some(clock) = text.get(..OF_DAY).and_then(second_of_day) else {
                continue;
            };
            let rest = &text[OF_DAY..];
            let count = rest.iter().skip(1).take_while(|b| b.is_ascii_digit());
            let (digits, comma) = match (rest.first(), count.count()) {
                (Some(b'.' | b','), n @ (3 | 6 | 9)) => (n as u8, rest[0] == b','),
                _ => (0, false),
            };
            let apart = clock - t.div_euclid(SECOND).rem_euclid(86_400);
            if apart % QUARTER != 0 {
                continue;
            }
            let stamp = Self {
                digits,
                comma,
                quarters: apart / QUARTER,
            };
            let mut clock = Clock::new(stamp);
            if clock.at(t).is_some_and(|time| text.starts_with(time)) {
                return Some(stamp);
            }
        }
        None
    }
}

/// Seconds since midnight of `12:00:00`.
fn second_of_day(text: &[u8]) -> Option<i64> {
    let two = |at: usize| -> Option<i64> {
        let (a, b) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
        (a < 10 && b < 10).then(|| i64::from(a) * 10 + i64::from(b))
    };
    let colons = text[2] == b':' && text[5] == b':';
    let of_day = two(0)? * 3600 + two(3)? * 60 + two(6)?;
    colons.then_some(of_day)
}

/// Writes times of day; the fractions of one second are cheap.
pub(crate) struct Clock {
    stamp: Stamp,
    second: Option<i64>,
    text: Vec<u8>,
}

impl Clock {
    pub(crate) fn new(stamp: Stamp) -> Self {
        Self {
            stamp,
            second: None,
            text: Vec::new(),
        }
    }

    /// The time as text; `None` where this form does not hold all of it.
    fn at(&mut self, t: i64) -> Option<&[u8]> {
        let (second, nanos) = (t.div_euclid(SECOND), t.rem_euclid(SECOND));
        let unit = 10i64.pow(9 - u32::from(self.stamp.digits));
        if nanos % unit != 0 {
            return None;
        }
        if self.second != Some(second) {
            let of_day = (second + self.stamp.quarters * QUARTER).rem_euclid(86_400);
            let (hour, minute) = (of_day / 3600, of_day / 60 % 60);
            let text = format!("{hour:02}:{minute:02}:{:02}", of_day % 60);
            self.text.clear();
            self.text.extend_from_slice(text.as_bytes());
            if self.stamp.digits > 0 {
                self.text.push(if self.stamp.comma { b',' } else { b'.' });
                self.text.resize(self.stamp.width(), b'0');
            }
            self.second = Some(second);
        }
        let mut rest = nanos / unit;
        for digit in self.text[OF_DAY..].iter_mut().skip(1).rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        Some(&self.text)
    }
}

/// The text of runs of lines, and what was taken out of it.
#[derive(Default)]
pub(crate) struct Shrunk {
    pub(crate) text: Vec<u8>,
    pub(crate) ids: Vec<u8>,
}

/// False where lines hold the bytes that would stand for something.
pub(crate) fn can_shrink(bytes: &[u8]) -> bool {
    memchr::memchr2(TIME, DIGITS, bytes).is_none()
}

impl Shrunk {
    /// Adds a run of lines; says how they write their times.
    pub(crate) fn add(&mut self, lines: &Buffer) -> Option<Stamp> {
        let learn = |i: usize| Stamp::learn(lines.line(i), lines.times[i]);
        let stamp = (0..lines.len().min(LEARN)).find_map(learn);
        let mut clock = stamp.map(Clock::new);
        let mut place = 0;
        for (i, t) in lines.times.iter().enumerate() {
            let line = lines.line(i);
            let text = clock.as_mut().and_then(|c| c.at(*t));
            let found = text.and_then(|text| {
                if line.get(place..).is_some_and(|l| l.starts_with(text)) {
                    return Some((place, text.len()));
                }
                let at = memchr::memmem::find(&line[..line.len().min(LOOK)], text)?;
                Some((at, text.len()))
            });
            match found {
                Some((at, len)) => {
                    place = at;
                    self.put(&line[..at]);
                    self.text.push(TIME);
                    self.put(&line[at + len..]);
                }
                None => self.put(line),
            }
        }
        stamp
    }

    /// Adds text, without runs of digits.
    fn put(&mut self, bytes: &[u8]) {
        let (mut done, mut at) = (0, 0);
        while let Some(run) = bytes.get(at..at + RUN) {
            // From the back: most pieces end at once, and are passed over whole.
            if let Some(other) = run.iter().rposition(|b| !is_digit(*b)) {
                at += other + 1;
                continue;
            }
            let letters = run.iter().filter(|b| b.is_ascii_lowercase()).count();
            // Numbers alone pack better as text.
            if letters > 1 && letters < RUN {
                self.text.extend_from_slice(&bytes[done..at]);
                self.text.push(DIGITS);
                let pairs = run.chunks_exact(2);
                self.ids
                    .extend(pairs.map(|p| value(p[0]) << 4 | value(p[1])));
                done = at + RUN;
            }
            at += RUN;
        }
        self.text.extend_from_slice(&bytes[done..]);
    }
}

fn is_digit(byte: u8) -> bool {
    byte.wrapping_sub(b'0') < 10 || byte.wrapping_sub(b'a') < 6
}

fn value(digit: u8) -> u8 {
    if digit < b'a' {
        digit - b'0'
    } else {
        digit - b'a' + 10
    }
}

/// Where the rows of a shrunk text lie.
pub(crate) struct Rows<'a> {
    text: &'a [u8],
    ids: &'a [u8],
    /// Where each row ends in the text, and how many runs of digits come before it.
    pub(crate) ends: Vec<u32>,
    before: Vec<u32>,
}

/// Goes through the rows of one block, run after run.
pub(crate) struct Outline<'a> {
    text: &'a [u8],
    ids: &'a [u8],
    at: usize,
    taken: u32,
}

impl<'a> Outline<'a> {
    pub(crate) fn new(text: &'a [u8], ids: &'a [u8]) -> Self {
        Self {
            text,
            ids,
            at: 0,
            taken: 0,
        }
    }

    /// The rows of the next run, whose lines have these lengths put together. `None` where they do
    /// not fit.
    pub(crate) fn run(&mut self, lines: &Buffer, stamp: Option<Stamp>) -> Option<Rows<'a>> {
        let width = stamp.map_or(0, Stamp::width);
        let text = &self.text[self.at..];
        let mut marks = memchr::memchr2_iter(TIME, DIGITS, text).peekable();
        let mut rows = Rows {
            text,
            ids: self.ids,
            ends: Vec::with_capacity(lines.len()),
            before: Vec::with_capacity(lines.len()),
        };
        let mut at = 0;
        for i in 0..lines.len() {
            rows.before.push(self.taken);
            let mut left = lines.ends[i] as usize - lines.start(i);
            while let Some(mark) = marks.next_if(|m| m - at < left) {
                let stands_for = if text[mark] == DIGITS {
                    self.taken += 1;
                    RUN
                } else if width > 0 {
                    width
                } else {
                    return None;
                };
                left = left.checked_sub(mark - at + stands_for)?;
                at = mark + 1;
            }
            at += left;
            rows.ends.push(u32::try_from(at).ok()?);
        }
        if at > text.len() || self.taken as usize * KEPT > self.ids.len() {
            return None;
        }
        self.at += at;
        rows.text = &text[..at];
        Some(rows)
    }

    /// Whether all of the text belonged to a run.
    pub(crate) fn is_over(&self) -> bool {
        self.at == self.text.len()
    }
}

impl Rows<'_> {
    pub(crate) fn text(&self) -> &[u8] {
        self.text
    }

    /// Puts a row together behind what is in `out`.
    pub(crate) fn write(
        &self,
        i: usize,
        t: i64,
        clock: &mut Option<Clock>,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let from = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        let text = &self.text[from..self.ends[i] as usize];
        let mut ids = self.ids[self.before[i] as usize * KEPT..].chunks_exact(KEPT);
        let mut at = 0;
        for mark in memchr::memchr2_iter(TIME, DIGITS, text) {
            out.extend_from_slice(&text[at..mark]);
            at = mark + 1;
            if text[mark] == TIME {
                out.extend_from_slice(clock.as_mut()?.at(t)?);
                continue;
            }
            for byte in ids.next()? {
                let digit = |n: u8| b"0123456789abcdef"[usize::from(n)];
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
        }
        out.extend_from_slice(&text[at..]);
        Some(())
    }
}

/// The part of a needle that stands in the text as it does in the line, whatever was taken out: it
/// has no digits, and does not begin or end with a letter that may be one. `None` where too little
/// is left to look for.
pub(crate) fn core(needle: &[u8]) -> Option<&[u8]> {
    let parts = needle.split(|b| b.is_ascii_digit() || matches!(*b, TIME | DIGITS));
    let trimmed = parts.map(|part| {
        let from = part
            .iter()
            .position(|b| !is_digit(*b))
            .unwrap_or(part.len());
        let to = part
            .iter()
            .rposition(|b| !is_digit(*b))
            .map_or(from, |n| n + 1);
        &part[from..to]
    });
    trimmed.max_by_key(|p| p.len()).filter(|p| p.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::log_entry::Level;
    use proptest::prelude::*;

    fn buffer(lines: &[(i64, String)]) -> Buffer {
        let mut out = Buffer::default();
        for (t, line) in lines {
            out.push(*t, Level::Info, None, line.as_bytes());
        }
        out
    }

    /// All lines of one run, by way of the shrunk text; and that text.
    fn through(lines: &Buffer) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut shrunk = Shrunk::default();
        let stamp = shrunk.add(lines);
        let mut head = Vec::new();
        Stamp::put(stamp, &mut head);
        let stamp = Stamp::read(&mut Reader::new(&head)).unwrap();
        let mut outline = Outline::new(&shrunk.text, &shrunk.ids);
        let rows = outline.run(lines, stamp).unwrap();
        assert!(outline.is_over());
        let mut clock = stamp.map(Clock::new);
        let row = |i: usize| {
            let mut out = Vec::new();
            rows.write(i, lines.times[i], &mut clock, &mut out).unwrap();
            out
        };
        let all = (0..lines.len()).map(row).collect();
        (all, shrunk.text)
    }

    #[test]
    fn times_and_identifiers_are_taken_out() {
        let t = 1_795_176_000_123_000_000; // 2026-11-20T12:00:00.123Z
        for (line, left) in [
            (
                "2026-11-20 12:00:00.123 [main] x",
                "2026-11-20 \u{1} [main] x",
            ),
            (
                "2026-11-20T21:00:00,123+09:00 x",
                "2026-11-20T\u{1}+09:00 x",
            ),
            ("12:00:00 x", "12:00:00 x"), // less than the time has
            ("id=0123456789abcdef0123456789abcdef!", "id=\u{2}\u{2}!"),
            ("id=0123456789abcde", "id=0123456789abcde"),
            ("n=12345678901234567", "n=12345678901234567"),
        ] {
            let lines = buffer(&[(t, line.to_owned())]);
            let (back, text) = through(&lines);
            assert_eq!(String::from_utf8_lossy(&text), left);
            assert_eq!(back, [line.as_bytes()]);
        }
        assert!(!can_shrink(b"a\x01b") && can_shrink(b"\x1b[31m"));
    }

    #[test]
    fn what_a_needle_keeps() {
        let of = |needle: &'static str| core(needle.as_bytes()).map(String::from_utf8_lossy);
        assert_eq!(of(" INFO ").as_deref(), Some(" INFO "));
        assert_eq!(of("took ").as_deref(), Some("took "));
        assert_eq!(of("error").as_deref(), Some("rror"));
        assert_eq!(of("DEADLETTER-7f3a9c").as_deref(), Some("DEADLETTER-"));
        assert_eq!((of("deadbeef"), of("12:30"), of(":")), (None, None, None));
    }

    proptest! {
        #[test]
        fn lines_come_back_and_needles_are_found(
            lines in proptest::collection::vec(
                (0i64..200_000_000, "[a-g ]{0,3}", any::<bool>(), "([0-9a-f]{0,40}|[a-h:. ]{0,4}){0,3}"), 1..12),
            unit in 0usize..4,
            quarters in -48i64..56,
            cut in (0usize..12, 0usize..60, 0usize..60),
        ) {
            let digits = [0, 3, 6, 9][unit];
            let stamp = Stamp { digits, comma: unit == 1, quarters };
            let mut clock = Clock::new(stamp);
            let mut all = Vec::new();
            for (t, head, timed, tail) in lines {
                let t = t * 1_000_003 / 10i64.pow(9 - u32::from(digits)) * 10i64.pow(9 - u32::from(digits));
                let time = if timed { String::from_utf8_lossy(clock.at(t).unwrap()).into_owned() } else { String::new() };
                all.push((t, format!("{head}{time}{tail}")));
            }
            let lines = buffer(&all);
            let (back, text) = through(&lines);
            for (i, line) in back.iter().enumerate() {
                prop_assert_eq!(line, lines.line(i));
            }
            let line = &all[cut.0 % all.len()].1;
            let (a, b) = (cut.1.min(line.len()), cut.2.min(line.len()));
            let needle = &line.as_bytes()[a.min(b)..a.max(b)];
            if let Some(core) = core(needle) {
                prop_assert!(memchr::memmem::find(&text, core).is_some(), "{:?} in {}", needle, line);
            }
        }

        #[test]
        fn any_text_is_survived(
            text in proptest::collection::vec(0u8..5, 0..40),
            ids in 0usize..40,
            lens in proptest::collection::vec(0u32..30, 0..6),
            stamped in any::<bool>(),
        ) {
            let mut lines = Buffer::default();
            let mut end = 0;
            for len in lens {
                lines.push(0, Level::Info, None, b"");
                end += len;
                *lines.ends.last_mut().unwrap() = end;
            }
            let stamp = stamped.then_some(Stamp { digits: 3, comma: false, quarters: 0 });
            let ids = vec![7; ids];
            if let Some(rows) = Outline::new(&text, &ids).run(&lines, stamp) {
                let mut clock = stamp.map(Clock::new);
                for i in 0..lines.len() {
                    let mut out = Vec::new();
                    rows.write(i, 0, &mut clock, &mut out);
                    prop_assert_eq!(out.len(), lines.ends[i] as usize - lines.start(i));
                }
            }
        }
    }
}
