//! Times in layouts of Go's: `2006-01-02 15:04:05`, `Jan _2 15:04:05`, `02/Jan/2006:15:04:05 -0700`.
//!
//! Source: Go's package `time`, "Constants" and `Parse`.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};

/// What a text said; what it did not say has Go's defaults: year 0, January 1st, midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    pub at: NaiveDateTime,
    /// Seconds east of UTC, where the layout has a zone.
    pub offset: Option<i32>,
    pub has_year: bool,
}

impl Read {
    /// In UTC where no zone was read.
    pub fn instant(&self) -> Option<DateTime<FixedOffset>> {
        let zone = FixedOffset::east_opt(self.offset.unwrap_or(0))?;
        self.at.and_local_timezone(zone).single()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Year4,
    Year2,
    MonthName,
    MonthShort,
    Month2,
    Month,
    DayName,
    DayShort,
    Day2,
    DaySpace,
    Day,
    YearDay,
    Hour24,
    Hour12,
    Hour12Two,
    Minute,
    Minute2,
    Second,
    Second2,
    Upper,
    Lower,
    /// `Z` stands for UTC; colons between the parts.
    Zone {
        z: bool,
        colon: bool,
        parts: u8,
    },
    ZoneName,
}

const fn zone(z: bool, colon: bool, parts: u8) -> Part {
    Part::Zone { z, colon, parts }
}

/// Longest first where one begins another.
const PARTS: [(&str, Part); 33] = [
    ("January", Part::MonthName),
    ("Jan", Part::MonthShort),
    ("Monday", Part::DayName),
    ("Mon", Part::DayShort),
    ("MST", Part::ZoneName),
    ("2006", Part::Year4),
    ("Z07:00:00", zone(true, true, 3)),
    ("Z070000", zone(true, false, 3)),
    ("Z07:00", zone(true, true, 2)),
    ("Z0700", zone(true, false, 2)),
    ("Z07", zone(true, false, 1)),
    ("-07:00:00", zone(false, true, 3)),
    ("-070000", zone(false, false, 3)),
    ("-07:00", zone(false, true, 2)),
    ("-0700", zone(false, false, 2)),
    ("-07", zone(false, false, 1)),
    ("002", Part::YearDay),
    ("01", Part::Month2),
    ("02", Part::Day2),
    ("03", Part::Hour12Two),
    ("04", Part::Minute2),
    ("05", Part::Second2),
    ("06", Part::Year2),
    ("15", Part::Hour24),
    ("PM", Part::Upper),
    ("pm", Part::Lower),
    ("_2", Part::DaySpace),
    ("1", Part::Month),
    ("2", Part::Day),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("__2", Part::YearDay),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// Reads a text of that layout; the error says which part did not fit.
pub fn parse(layout: &str, text: &str) -> Result<Read, String> {
    let mut reader = Reader {
        text,
        rest: text,
        fields: Fields::default(),
    };
    let mut layout_rest = layout;
    let bad = |at: &str| format!("parsing time {text:?} as {layout:?}: cannot parse {at:?}");
    while !layout_rest.is_empty() {
        if let Some(len) = fraction(layout_rest) {
            reader
                .fraction(layout_rest.as_bytes()[1] == b'0', len - 1)
                .ok_or_else(|| bad(reader.rest))?;
            layout_rest = &layout_rest[len..];
            continue;
        }
        let part = PARTS.iter().find(|(word, _)| layout_rest.starts_with(word));
        if let Some((word, part)) = part {
            layout_rest = &layout_rest[word.len()..];
            let fraction_follows = fraction(layout_rest).is_some();
            reader
                .part(*part, fraction_follows)
                .ok_or_else(|| bad(reader.rest))?;
            continue;
        }
        let c = layout_rest.chars().next().unwrap_or(' ');
        layout_rest = &layout_rest[c.len_utf8()..];
        // A blank of the layout takes any number of them.
        reader.rest = if c == ' ' {
            reader.rest.trim_start_matches(' ')
        } else {
            reader
                .rest
                .strip_prefix(c)
                .ok_or_else(|| bad(reader.rest))?
        };
    }
    if !reader.rest.is_empty() {
        return Err(format!(
            "parsing time {:?}: extra text: {:?}",
            reader.text, reader.rest
        ));
    }
    reader
        .fields
        .read()
        .ok_or_else(|| format!("parsing time {text:?}: a part is out of range"))
}

/// The length of `.000` or `,999` at the start.
fn fraction(layout: &str) -> Option<usize> {
    let bytes = layout.as_bytes();
    if !matches!(bytes.first(), Some(b'.' | b',')) || !matches!(bytes.get(1), Some(b'0' | b'9')) {
        return None;
    }
    let digit = bytes[1];
    let len = bytes[1..].iter().take_while(|b| **b == digit).count();
    let ends = bytes.get(1 + len).is_none_or(|b| !b.is_ascii_digit());
    ends.then_some(1 + len)
}

#[derive(Default)]
struct Fields {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    afternoon: Option<bool>,
    offset: Option<i32>,
}

impl Fields {
    fn read(&self) -> Option<Read> {
        let year = self.year.unwrap_or(0);
        let date = match self.year_day {
            Some(day) => NaiveDate::from_yo_opt(year, day)?,
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        Some(Read {
            at: date.and_hms_nano_opt(hour, self.minute, self.second, self.nanos)?,
            offset: self.offset,
            has_year: self.year.is_some(),
        })
    }
}

struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
    fields: Fields,
}

impl Reader<'_> {
    /// Between `least` and `most` digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let bytes = self.rest.as_bytes();
        let len = bytes
            .iter()
            .take(most)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if len < least {
            return None;
        }
        let value = self.rest[..len].parse().ok()?;
        self.rest = &self.rest[len..];
        Some(value)
    }

    /// The number of the name, whole or its first three letters, in any case.
    fn name(&mut self, names: &[&str], whole: bool) -> Option<u32> {
        let at = names.iter().position(|name| {
            let name = if whole { name } else { &name[..3] };
            let head = self.rest.get(..name.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(name))
        })?;
        let len = if whole { names[at].len() } else { 3 };
        self.rest = &self.rest[len..];
        Some(at as u32)
    }

    fn part(&mut self, part: Part, fraction_follows: bool) -> Option<()> {
        let fields = match part {
            Part::Year4 => self.digits(4, 4)?,
            Part::YearDay => {
                self.rest = self.rest.trim_start_matches(' ');
                self.digits(1, 3)?
            }
            Part::DaySpace => {
                self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
                self.digits(1, 2)?
            }
            Part::Year2
            | Part::Month2
            | Part::Day2
            | Part::Hour12Two
            | Part::Minute2
            | Part::Second2 => self.digits(2, 2)?,
            Part::Month | Part::Day | Part::Hour12 | Part::Minute | Part::Second | Part::Hour24 => {
                self.digits(1, 2)?
            }
            Part::MonthName => self.name(&MONTHS, true)? + 1,
            Part::MonthShort => self.name(&MONTHS, false)? + 1,
            Part::DayName => self.name(&DAYS, true)?,
            Part::DayShort => self.name(&DAYS, false)?,
            Part::Upper | Part::Lower => self.name(&["AM", "PM"], true)?,
            Part::Zone { z, colon, parts } => return self.zone(z, colon, parts),
            Part::ZoneName => return self.zone_name(),
        };
        let value = fields;
        let f = &mut self.fields;
        match part {
            Part::Year4 => f.year = Some(value as i32),
            Part::Year2 => f.year = Some(value as i32 + if value >= 69 { 1900 } else { 2000 }),
            Part::MonthName | Part::MonthShort | Part::Month2 | Part::Month => {
                f.month = Some(value);
            }
            Part::Day2 | Part::DaySpace | Part::Day => f.day = Some(value),
            Part::YearDay => f.year_day = Some(value),
            Part::Hour24 => f.hour = value,
            Part::Hour12 | Part::Hour12Two => f.hour = Some(value).filter(|h| *h <= 12)?,
            Part::Minute | Part::Minute2 => f.minute = value,
            Part::Second | Part::Second2 => f.second = value,
            Part::Upper | Part::Lower => f.afternoon = Some(value == 1),
            Part::DayName | Part::DayShort | Part::Zone { .. } | Part::ZoneName => {}
        }
        // Seconds may have a fraction that the layout does not name.
        let unnamed = matches!(part, Part::Second | Part::Second2)
            && !fraction_follows
            && self.rest.starts_with(['.', ','])
            && self.rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if unnamed {
            return self.fraction(false, 0);
        }
        Some(())
    }

    /// Exactly `len` digits where the layout says zeros, else as many as there are, or none.
    fn fraction(&mut self, exact: bool, len: usize) -> Option<()> {
        let Some(digits) = self.rest.strip_prefix(['.', ',']) else {
            return if exact { None } else { Some(()) };
        };
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 || (exact && count < len) {
            return None;
        }
        let count = if exact { len } else { count };
        let mut nanos: u32 = 0;
        for digit in digits
            .bytes()
            .take(count)
            .chain(std::iter::repeat(b'0'))
            .take(9)
        {
            nanos = nanos * 10 + u32::from(digit - b'0');
        }
        self.fields.nanos = nanos;
        self.rest = &digits[count..];
        Some(())
    }

    fn zone(&mut self, z: bool, colon: bool, parts: u8) -> Option<()> {
        if z && let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            self.fields.offset = Some(0);
            return Some(());
        }
        let sign = match self.rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        let mut seconds = 0;
        for (i, unit) in [3600, 60, 1]
            .into_iter()
            .take(usize::from(parts))
            .enumerate()
        {
            if i > 0 && colon {
                self.rest = self.rest.strip_prefix(':')?;
            }
            seconds += self.digits(2, 2)? as i32 * unit;
        }
        self.fields.offset = Some(sign * seconds);
        Some(())
    }

    /// `UTC`, `KST`, `+03`: only UTC and numbers say how far it is.
    fn zone_name(&mut self) -> Option<()> {
        let len = self
            .rest
            .find(|c: char| !c.is_ascii_uppercase())
            .unwrap_or(self.rest.len());
        if self.rest.starts_with(['+', '-']) {
            return self.zone(false, false, 1);
        }
        if !(3..=5).contains(&len) {
            return None;
        }
        let name = &self.rest[..len];
        let known = match name {
            "UTC" | "GMT" => Some(0),
            "KST" | "JST" => Some(9 * 3600),
            _ => None,
        };
        self.fields.offset = self.fields.offset.or(known);
        self.rest = &self.rest[len..];
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layouts_read_what_go_reads() {
        for (layout, text, want) in [
            ("2006-01-02", "2021-11-02", "2021-11-02T00:00:00+00:00"),
            (
                "2006-01-02T15:04:05.999999999Z07:00",
                "2023-03-10T01:32:40.340485723Z",
                "2023-03-10T01:32:40.340485723+00:00",
            ),
            (
                "02/Jan/2006:15:04:05 -0700",
                "10/Oct/2000:13:55:36 -0730",
                "2000-10-10T13:55:36-07:30",
            ),
            (
                "Mon Jan _2 15:04:05 2006",
                "Sat Nov  7 9:05:01.5 2026",
                "2026-11-07T09:05:01.500+00:00",
            ),
            (
                "2006-01-02 03:04PM",
                "2026-11-21 12:30AM",
                "2026-11-21T00:30:00+00:00",
            ),
            (
                "06/1/2 15:04:05,000",
                "26/1/2 01:02:03,250",
                "2026-01-02T01:02:03.250+00:00",
            ),
            ("2006-002", "2026-033", "2026-02-02T00:00:00+00:00"),
            (
                "2006 Jan 2 15:04:05 MST",
                "2026 Nov 1 01:00:00 KST",
                "2026-11-01T01:00:00+09:00",
            ),
        ] {
            let read = parse(layout, text).unwrap();
            assert_eq!(
                read.instant().unwrap().to_rfc3339(),
                want,
                "{layout} {text}"
            );
        }
        assert!(!parse("Jan 2", "Nov 3").unwrap().has_year);
        for (layout, text) in [
            ("2006-01-02", "2021-13-02"),
            ("2006-01-02", "2021-11-02x"),
            ("15:04:05.000", "01:02:03.1"),
            ("03PM", "13PM"),
            ("-07:00", "+0900"),
        ] {
            assert!(parse(layout, text).is_err(), "{layout} {text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(layout in any::<String>(), text in any::<String>()) {
            let _ = parse(&layout, &text);
            let _ = parse("2006-01-02 _2 15:04:05.000 Z07:00 MST PM", &text);
        }
    }
}
