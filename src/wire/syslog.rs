//! Syslog: messages of RFC 5424 and of RFC 3164, and how they follow each other on a stream.
//!
//! On a stream a message begins with its length (`57 <34>1 ...`, RFC 6587's octet counting) or ends
//! with a line break; which of the two is told by its first byte, message by message. A datagram is
//! one message.

use crate::model::log_entry::Level;
use chrono::{DateTime, Datelike, NaiveDateTime};

/// Names of severities, as Promtail gives them, and the levels they are.
const SEVERITIES: [(&str, Level); 8] = [
    ("emergency", Level::Fatal),
    ("alert", Level::Critical),
    ("critical", Level::Critical),
    ("error", Level::Error),
    ("warning", Level::Warn),
    ("notice", Level::Info),
    ("informational", Level::Info),
    ("debug", Level::Debug),
];

const FACILITIES: [&str; 24] = [
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "security",
    "console",
    "solaris-cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

/// Structured elements of one message, and pairs of one element, at most.
const MOST: usize = 128;

/// The grammar that messages follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grammar {
    #[default]
    Rfc5424,
    Rfc3164,
}

/// One message. What is not said is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// 0 to 7.
    pub severity: u8,
    /// 0 to 23.
    pub facility: u8,
    /// Nanoseconds since the Unix epoch.
    pub t: Option<i64>,
    pub hostname: String,
    pub app_name: String,
    pub proc_id: String,
    pub msg_id: String,
    /// Elements by their identifier, with their pairs.
    pub data: Vec<(String, Vec<(String, String)>)>,
    pub text: String,
}

impl Message {
    pub fn severity_name(&self) -> &'static str {
        SEVERITIES[usize::from(self.severity & 7)].0
    }

    pub fn facility_name(&self) -> &'static str {
        let name = FACILITIES.get(usize::from(self.facility));
        name.copied().unwrap_or_default()
    }

    pub fn level(&self) -> Level {
        SEVERITIES[usize::from(self.severity & 7)].1
    }
}

/// When and where a message without a whole date was read.
#[derive(Clone, Copy, Debug)]
pub struct Here {
    /// Nanoseconds since the Unix epoch.
    pub now: i64,
    /// Seconds east of UTC.
    pub zone: i32,
}

/// Reads one message; `None` where it does not follow the grammar.
pub fn parse(grammar: Grammar, bytes: &[u8], here: Here) -> Option<Message> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let (priority, rest) = text.strip_prefix('<')?.split_once('>')?;
    let digits = (1..=3).contains(&priority.len()) && priority.bytes().all(|b| b.is_ascii_digit());
    let priority: u8 = priority.parse().ok().filter(|p| digits && *p <= 191)?;
    let message = Message {
        severity: priority & 7,
        facility: priority >> 3,
        ..Message::default()
    };
    match grammar {
        Grammar::Rfc5424 => modern(message, rest),
        Grammar::Rfc3164 => Some(old(message, rest, here)),
    }
}

/// `1 TIME HOST APP PROCID MSGID STRUCTURED [TEXT]`; `-` is nothing.
fn modern(mut message: Message, rest: &str) -> Option<Message> {
    let mut rest = rest.strip_prefix("1 ")?;
    let mut word = || -> Option<&str> {
        let (word, behind) = rest.split_once(' ')?;
        rest = behind;
        Some(word)
    };
    let time = word()?;
    if time != "-" {
        let time = DateTime::parse_from_rfc3339(time).ok()?;
        message.t = time.timestamp_nanos_opt();
    }
    let said = |word: &str| if word == "-" { "" } else { word }.to_owned();
    message.hostname = said(word()?);
    message.app_name = said(word()?);
    message.proc_id = said(word()?);
    message.msg_id = said(word()?);
    let (data, rest) = match rest.strip_prefix('-') {
        Some(rest) => (Vec::new(), rest),
        None => structured(rest)?,
    };
    message.data = data;
    let rest = match rest.strip_prefix(' ') {
        Some(text) => text,
        None if rest.is_empty() => "",
        None => return None,
    };
    rest.trim_start_matches('\u{feff}')
        .clone_into(&mut message.text);
    Some(message)
}

type Elements = Vec<(String, Vec<(String, String)>)>;

/// `[id name="value" ...][...]`, and what follows. In values `\"`, `\\` and `\]` are escapes.
fn structured(text: &str) -> Option<(Elements, &str)> {
    let mut out = Elements::new();
    let mut rest = text;
    while let Some(inside) = rest.strip_prefix('[') {
        let end = inside.find([' ', ']'])?;
        let id = &inside[..end];
        let mut pairs = Vec::new();
        rest = &inside[end..];
        while let Some(pair) = rest.strip_prefix(' ') {
            let (name, value) = pair.split_once("=\"")?;
            let (value, behind) = quoted(value)?;
            if pairs.len() < MOST {
                pairs.push((name.to_owned(), value));
            }
            rest = behind;
        }
        rest = rest.strip_prefix(']')?;
        if out.len() < MOST {
            out.push((id.to_owned(), pairs));
        }
    }
    (!out.is_empty()).then_some((out, rest))
}

/// A value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[i + 1..])),
            '\\' => match chars.next()?.1 {
                c @ ('"' | '\\' | ']') => value.push(c),
                c => {
                    value.push('\\');
                    value.push(c);
                }
            },
            c => value.push(c),
        }
    }
    None
}

/// `Jan _2 15:04:05 HOST TAG[PID]: TEXT`, the time also in RFC 3339. Everything but the text may
/// be missing: devices write what they like.
fn old(mut message: Message, rest: &str, here: Here) -> Message {
    let mut rest = rest;
    if let Some((t, behind)) = old_time(rest, here) {
        message.t = Some(t);
        rest = behind.trim_start_matches(' ');
        if let Some((host, behind)) = rest.split_once(' ')
            && !host.ends_with(':')
            && !host.contains('[')
        {
            host.clone_into(&mut message.hostname);
            rest = behind;
        }
    }
    let end = rest.find(|c: char| !(c.is_alphanumeric() || "-_./".contains(c)));
    let end = end.unwrap_or(rest.len());
    let (tag, behind) = rest.split_at(end);
    let (pid, after) = match behind.strip_prefix('[').and_then(|b| b.split_once(']')) {
        Some((pid, after)) => (pid, after),
        None => ("", behind),
    };
    if let Some(text) = after.strip_prefix(':')
        && (1..=48).contains(&tag.len())
    {
        tag.clone_into(&mut message.app_name);
        pid.clone_into(&mut message.proc_id);
        rest = text.strip_prefix(' ').unwrap_or(text);
    }
    rest.clone_into(&mut message.text);
    message
}

/// The time at the front, and what follows. Of a date without a year the nearest is meant.
fn old_time(text: &str, here: Here) -> Option<(i64, &str)> {
    let (word, behind) = text.split_once(' ').unwrap_or((text, ""));
    if let Ok(t) = DateTime::parse_from_rfc3339(word) {
        return Some((t.timestamp_nanos_opt()?, behind));
    }
    let stamp = text.get(..15)?;
    let year = DateTime::from_timestamp_nanos(here.now).year();
    let at = |year: i32| -> Option<i64> {
        let text = format!("{year} {stamp}");
        let at = NaiveDateTime::parse_from_str(&text, "%Y %b %e %H:%M:%S").ok()?;
        let nanos = at.and_utc().timestamp_nanos_opt()?;
        nanos.checked_sub(i64::from(here.zone) * 1_000_000_000)
    };
    let near = [year - 1, year, year + 1].into_iter().filter_map(at);
    Some((near.min_by_key(|t| t.abs_diff(here.now))?, &text[15..]))
}

/// Cuts a stream into messages.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    most: usize,
    skip: Skip,
}

/// What is still to come of a message that was too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Skip {
    #[default]
    Nothing,
    Bytes(usize),
    /// Up to the line break.
    Line,
}

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Whole(Vec<u8>),
    /// The first bytes of one that is longer than is taken.
    Cut(Vec<u8>),
}

impl Frames {
    /// `most` is the longest message that is taken, in bytes.
    pub fn new(most: usize) -> Self {
        Self {
            buffer: Vec::new(),
            most,
            skip: Skip::Nothing,
        }
    }

    /// Takes what arrived; hands on what is whole.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<Frame>) {
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(used) = self.next(at, out) {
            at += used;
        }
        self.buffer.drain(..at);
    }

    /// What is left when the stream ends.
    pub fn end(&mut self, out: &mut Vec<Frame>) {
        let rest = std::mem::take(&mut self.buffer);
        if self.skip == Skip::Nothing && counted(&rest, self.most).is_none() {
            push(&rest, out);
        }
    }

    /// Looks at what begins at `at`; bytes that are used up.
    fn next(&mut self, at: usize, out: &mut Vec<Frame>) -> Option<usize> {
        let rest = &self.buffer[at..];
        if rest.is_empty() {
            return None;
        }
        let skipped = match self.skip {
            Skip::Nothing => None,
            Skip::Bytes(n) if n > rest.len() => Some((rest.len(), Skip::Bytes(n - rest.len()))),
            Skip::Bytes(n) => Some((n, Skip::Nothing)),
            Skip::Line => Some(match memchr::memchr(b'\n', rest) {
                Some(end) => (end + 1, Skip::Nothing),
                None => (rest.len(), Skip::Line),
            }),
        };
        if let Some((used, left)) = skipped {
            self.skip = left;
            return Some(used);
        }
        match counted(rest, self.most) {
            Some(Counted::More) => None,
            Some(Counted::Of(head, len)) if len > self.most => {
                if rest.len() < head + self.most {
                    return None;
                }
                out.push(Frame::Cut(rest[head..head + self.most].to_vec()));
                self.skip = Skip::Bytes(len - self.most);
                Some(head + self.most)
            }
            Some(Counted::Of(head, len)) => {
                let message = rest.get(head..head + len)?;
                push(message, out);
                Some(head + len)
            }
            None => match memchr::memchr(b'\n', rest) {
                Some(end) if end <= self.most => {
                    push(&rest[..end], out);
                    Some(end + 1)
                }
                None if rest.len() <= self.most => None,
                _ => {
                    out.push(Frame::Cut(rest[..self.most].to_vec()));
                    self.skip = Skip::Line;
                    Some(self.most)
                }
            },
        }
    }
}

enum Counted {
    /// Bytes of the number and its space, and of the message.
    Of(usize, usize),
    /// The number is not whole yet.
    More,
}

/// The length at the front; `None` where a message begins at once.
fn counted(bytes: &[u8], most: usize) -> Option<Counted> {
    let first = bytes.first()?;
    if !(b'1'..=b'9').contains(first) {
        return None;
    }
    // A number that is far too large is no length.
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits > 9 {
        return None;
    }
    match bytes.get(digits) {
        None if bytes.len() <= most => Some(Counted::More),
        Some(b' ') => {
            let text = std::str::from_utf8(&bytes[..digits]).ok()?;
            Some(Counted::Of(digits + 1, text.parse().ok()?))
        }
        _ => None,
    }
}

/// A message without the signs that end it.
fn push(message: &[u8], out: &mut Vec<Frame>) {
    let end = message
        .iter()
        .rposition(|b| !matches!(b, b'\r' | b'\n' | 0));
    if let Some(end) = end {
        out.push(Frame::Whole(message[..=end].to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: Here = Here {
        // 2023-01-02T00:00:00Z
        now: 1_672_617_600_000_000_000,
        zone: 9 * 3600,
    };

    #[test]
    fn modern_messages_are_read_whole() {
        let line = r#"<165>1 2003-10-11T22:14:15.003Z mymachine evntslog 12 ID47 [exampleSDID@32473 iut="3" x="a\"\]\\b"][two] ﻿An event 한글"#;
        let found = parse(Grammar::Rfc5424, line.as_bytes(), HERE).unwrap();
        assert_eq!(
            (found.severity_name(), found.facility_name()),
            ("notice", "local4")
        );
        assert_eq!(found.t, Some(1_065_910_455_003_000_000));
        assert_eq!(found.hostname, "mymachine");
        assert_eq!(
            (&*found.app_name, &*found.proc_id, &*found.msg_id),
            ("evntslog", "12", "ID47")
        );
        let pairs = &found.data[0].1;
        assert_eq!(pairs[1], ("x".to_owned(), "a\"]\\b".to_owned()));
        assert_eq!(found.data[1], ("two".to_owned(), Vec::new()));
        assert_eq!(found.text, "An event 한글");
        let bare = parse(Grammar::Rfc5424, b"<0>1 - - - - - -", HERE).unwrap();
        assert_eq!(
            (bare.t, &*bare.text, bare.level()),
            (None, "", Level::Fatal)
        );
        for bad in [
            "",
            "<34>",
            "<192>1 - - - - - - x",
            "34>1 - - - - - -",
            "<34>2 - - - - - -",
            "<34>1 yesterday - - - - -",
            "<34>1 - - - - - [a b] x",
            "<34>1 - - - - - -x",
        ] {
            assert_eq!(parse(Grammar::Rfc5424, bad.as_bytes(), HERE), None, "{bad}");
        }
    }

    #[test]
    fn old_messages_are_read_as_far_as_they_go() {
        for (line, host, app, pid, text, t) in [
            (
                "<34>Jan  1 08:00:00 web sshd[42]: no",
                "web",
                "sshd",
                "42",
                "no",
                Some(1_672_527_600),
            ),
            (
                "<34>Dec 31 23:59:59 web su: x",
                "web",
                "su",
                "",
                "x",
                Some(1_672_498_799),
            ),
            (
                "<34>2023-01-01T00:00:00Z web a/b-c: x: y",
                "web",
                "a/b-c",
                "",
                "x: y",
                Some(1_672_531_200),
            ),
            ("<34>no form at all", "", "", "", "no form at all", None),
            (
                "<13>Jan  1 08:00:00 tag: x",
                "",
                "tag",
                "",
                "x",
                Some(1_672_527_600),
            ),
        ] {
            let found = parse(Grammar::Rfc3164, line.as_bytes(), HERE).unwrap();
            assert_eq!((&*found.hostname, &*found.app_name), (host, app), "{line}");
            assert_eq!((&*found.proc_id, &*found.text), (pid, text), "{line}");
            assert_eq!(found.t, t.map(|t: i64| t * 1_000_000_000), "{line}");
        }
    }

    fn framed(parts: &[&str], most: usize) -> Vec<String> {
        let mut frames = Frames::new(most);
        let mut out = Vec::new();
        for part in parts {
            frames.take(part.as_bytes(), &mut out);
        }
        frames.end(&mut out);
        let text = |f: &Frame| match f {
            Frame::Whole(b) => String::from_utf8_lossy(b).into_owned(),
            Frame::Cut(b) => format!("{}...", String::from_utf8_lossy(b)),
        };
        out.iter().map(text).collect()
    }

    #[test]
    fn streams_are_cut_by_count_and_by_line() {
        assert_eq!(framed(&["5 <1>a", "b4 <1>c\n"], 99), ["<1>ab", "<1>c"]);
        assert_eq!(
            framed(&["<1>a\r\n<1>", "b\n<1>c"], 99),
            ["<1>a", "<1>b", "<1>c"]
        );
        assert_eq!(
            framed(&["<1>a\n6 <1>", "bcd<1>e\n"], 99),
            ["<1>a", "<1>bcd", "<1>e"]
        );
        assert_eq!(framed(&["<1>abcdefgh\n<1>x\n"], 5), ["<1>ab...", "<1>x"]);
        assert_eq!(
            framed(&["12 <1>abcde", "fghi<1>x\n"], 5),
            ["<1>ab...", "<1>x"]
        );
        assert_eq!(framed(&["1", "2"], 99), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(parts in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..40), 0..6)) {
            let mut frames = Frames::new(16);
            let mut out = Vec::new();
            for part in &parts {
                frames.take(part, &mut out);
                let _ = parse(Grammar::Rfc5424, part, HERE);
                let _ = parse(Grammar::Rfc3164, part, HERE);
            }
            frames.end(&mut out);
            prop_assert!(frames.buffer.is_empty());
        }

        #[test]
        fn where_a_stream_is_parted_does_not_matter(text in "(([0-9]{1,2} )?<1>[a-c ]{0,8}\n?){1,5}", at in 0..60_usize) {
            let at = at.min(text.len());
            let (a, b) = text.split_at(at);
            prop_assert_eq!(framed(&[a, b], 9), framed(&[&text], 9));
        }
    }
}
