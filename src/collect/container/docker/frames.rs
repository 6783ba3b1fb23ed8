//! Output of a container without a terminal: frames of `stream, 0, 0, 0, length (4 bytes, big
//! endian)` and as many bytes; with a terminal the bytes as they are. Each line begins with its
//! time where that was asked for, and so does each further part of a line that came in several
//! frames: there it is taken away.
//!
//! Source: Docker Engine API, "Attach to a container", stream format.

use std::collections::VecDeque;

/// A line is cut after so many bytes.
const MOST_LINE: usize = 64 << 10;
/// A frame that says it is longer is no frame.
const MOST_FRAME: usize = 16 << 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    #[default]
    Stdout,
    Stderr,
}

/// One whole line, without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub output: Output,
    pub bytes: Vec<u8>,
}

impl Line {
    /// Splits `2026-11-20T19:15:16.123456789Z text` into nanoseconds since the epoch and the text;
    /// the time is `None` where the line has none.
    pub fn timed(&self) -> (Option<i64>, &[u8]) {
        match stamp(&self.bytes) {
            Some((t, len)) => (Some(t), &self.bytes[len..]),
            None => (None, &self.bytes),
        }
    }
}

/// The time that bytes begin with, in nanoseconds since the epoch, and its length with the space
/// behind it.
fn stamp(bytes: &[u8]) -> Option<(i64, usize)> {
    let at = bytes.iter().take(64).position(|b| *b == b' ')?;
    if bytes.get(10) != Some(&b'T') {
        return None;
    }
    let text = std::str::from_utf8(&bytes[..at]).ok()?;
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some((time.timestamp_nanos_opt()?, at + 1))
}

/// Puts lines together from pieces as the network cuts them.
#[derive(Debug)]
pub struct Lines {
    framed: bool,
    /// What is left of the head of a frame, or of its payload.
    head: Vec<u8>,
    left: usize,
    output: Output,
    /// Unfinished lines of both streams.
    partial: [Vec<u8>; 2],
    done: VecDeque<Line>,
    /// Nothing of this frame's payload was seen yet.
    begins: bool,
    broken: bool,
}

impl Lines {
    /// `tty`: the container has a terminal, so its output is one raw stream.
    pub fn new(tty: bool) -> Self {
        Self {
            framed: !tty,
            head: Vec::with_capacity(8),
            left: 0,
            output: Output::Stdout,
            partial: [Vec::new(), Vec::new()],
            done: VecDeque::new(),
            begins: false,
            broken: false,
        }
    }

    /// Takes the next piece. After [`Lines::is_broken`] nothing more is understood.
    pub fn push(&mut self, mut piece: &[u8]) {
        if !self.framed {
            return self.text(piece);
        }
        while !piece.is_empty() && !self.broken {
            if self.left == 0 {
                let wanted = (8 - self.head.len()).min(piece.len());
                self.head.extend_from_slice(&piece[..wanted]);
                piece = &piece[wanted..];
                if self.head.len() == 8 {
                    self.begin_frame();
                }
                continue;
            }
            let now = self.left.min(piece.len());
            let mut part = &piece[..now];
            let goes_on = !self.partial[self.output as usize].is_empty();
            if std::mem::take(&mut self.begins)
                && goes_on
                && let Some((_, len)) = stamp(part)
            {
                part = &part[len..];
            }
            self.text(part);
            self.left -= now;
            piece = &piece[now..];
        }
    }

    fn begin_frame(&mut self) {
        let [stream, a, b, c, len @ ..] = self.head.as_slice() else {
            return;
        };
        let len = len.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
        self.output = if *stream == 2 {
            Output::Stderr
        } else {
            Output::Stdout
        };
        self.broken = *stream > 2 || [*a, *b, *c] != [0; 3] || len > MOST_FRAME;
        self.left = len;
        self.begins = true;
        self.head.clear();
    }

    fn text(&mut self, bytes: &[u8]) {
        let partial = &mut self.partial[self.output as usize];
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let (text, ends) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            let room = MOST_LINE - partial.len();
            partial.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                let mut bytes = std::mem::take(partial);
                if bytes.last() == Some(&b'\r') {
                    bytes.pop();
                }
                self.done.push_back(Line {
                    output: self.output,
                    bytes,
                });
            }
        }
    }

    /// The next whole line.
    pub fn next_line(&mut self) -> Option<Line> {
        self.done.pop_front()
    }

    /// Bytes came that are no frame.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// What was never ended, once nothing more comes.
    pub fn finish(&mut self) -> Vec<Line> {
        let mut rest = Vec::new();
        for (output, bytes) in [Output::Stdout, Output::Stderr]
            .into_iter()
            .zip(&mut self.partial)
        {
            if !bytes.is_empty() {
                rest.push(Line {
                    output,
                    bytes: std::mem::take(bytes),
                });
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(stream: u8, text: &[u8]) -> Vec<u8> {
        let mut out = vec![stream, 0, 0, 0];
        out.extend((text.len() as u32).to_be_bytes());
        out.extend(text);
        out
    }

    fn read(lines: &mut Lines) -> Vec<(Output, String)> {
        let mut out = Vec::new();
        while let Some(line) = lines.next_line() {
            out.push((line.output, String::from_utf8(line.bytes).unwrap()));
        }
        out
    }

    #[test]
    fn both_streams_are_joined_apart() {
        let mut lines = Lines::new(false);
        lines.push(&frame(1, b"one "));
        lines.push(&frame(2, b"bad\r\n"));
        lines.push(&frame(1, b"line\ntwo"));
        let want = [
            (Output::Stderr, "bad".to_owned()),
            (Output::Stdout, "one line".to_owned()),
        ];
        assert_eq!(read(&mut lines), want);
        assert_eq!(lines.finish()[0].bytes, b"two");
    }

    #[test]
    fn a_terminal_has_no_frames() {
        let mut lines = Lines::new(true);
        lines.push(b"\x01\0\0\0\0\0\0\x05x\ny");
        assert_eq!(read(&mut lines)[0].1, "\u{1}\0\0\0\0\0\0\u{5}x");
        assert!(!lines.is_broken());
    }

    #[test]
    fn what_is_no_frame_is_said() {
        for bytes in [
            b"HTTP/1.1 500",
            b"\x03\0\0\0\0\0\0\x01x234",
            b"\x01\0\0\0\xff\xff\xff\xff9999",
        ] {
            let mut lines = Lines::new(false);
            lines.push(bytes);
            assert!(lines.is_broken());
        }
    }

    #[test]
    fn times_are_split_off() {
        let line = |text: &str| Line {
            bytes: text.as_bytes().to_vec(),
            ..Line::default()
        };
        let timed = line("2026-11-20T19:15:16.000000001Z a b");
        assert_eq!(
            timed.timed(),
            (Some(1_795_202_116_000_000_001), &b"a b"[..])
        );
        assert_eq!(line("2026-11-20 a").timed().0, None);
        assert_eq!(line("no time").timed(), (None, &b"no time"[..]));
    }

    proptest! {
        #[test]
        fn the_cuts_of_the_network_change_nothing(
            texts in proptest::collection::vec((1_u8..3, "[a-z\n한]{0,20}"), 0..12),
            cuts in proptest::collection::vec(1_usize..9, 1..50),
        ) {
            let mut bytes = Vec::new();
            for (stream, text) in &texts {
                bytes.extend(frame(*stream, text.as_bytes()));
            }
            let mut whole = Lines::new(false);
            whole.push(&bytes);
            let mut cut = Lines::new(false);
            let mut rest = &bytes[..];
            for size in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (now, later) = rest.split_at((*size).min(rest.len()));
                cut.push(now);
                rest = later;
            }
            prop_assert_eq!(read(&mut whole), read(&mut cut));
            prop_assert_eq!(whole.finish(), cut.finish());
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), tty: bool) {
            let mut lines = Lines::new(tty);
            lines.push(&bytes);
            while let Some(line) = lines.next_line() {
                line.timed();
                prop_assert!(line.bytes.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn a_line_in_several_frames_has_one_time() {
        let frame = |text: &str| {
            let mut out = vec![1, 0, 0, 0];
            out.extend((text.len() as u32).to_be_bytes());
            out.extend(text.as_bytes());
            out
        };
        let mut lines = Lines::new(false);
        lines.push(&frame("2026-11-20T19:15:16.000000001Z the first part, "));
        lines.push(&frame("2026-11-20T19:15:16.000000002Z and the second\n"));
        lines.push(&frame("2026-11-20T19:15:17.000000003Z alone\n"));
        let first = lines.next_line().unwrap();
        assert_eq!(first.timed().1, b"the first part, and the second");
        assert_eq!(lines.next_line().unwrap().timed().1, b"alone");
    }
}
