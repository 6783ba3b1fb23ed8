//! From two screens to the bytes that turn one into the other.
//!
//! Own code in place of the library's, for the line's sake: a screen that did not change costs
//! nothing, the style carries over from frame to frame, blank ends of lines are one erase, and no
//! colour at all is sent in mono (the released crossterm 0.29 answers NO_COLOR with a bare reset,
//! which loses bold and reverse).

use crate::base::text;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};

const BEGIN_SYNC: &str = "\x1b[?2026h";
const END_SYNC: &str = "\x1b[?2026l";
/// Blank cells at a line's end from which an erase is shorter than writing them.
const ERASE_FROM: usize = 4;

/// What the terminal shows, as far as this program knows.
#[derive(Debug)]
pub(crate) struct Encoder {
    shown: Buffer,
    caret: Option<Position>,
    pen: Pen,
    at: Option<(u16, u16)>,
    width: u16,
    /// The next frame is painted whole.
    unknown: bool,
    synchronised: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifiers: Modifier,
}

const PLAIN: Pen = Pen {
    fg: Color::Reset,
    bg: Color::Reset,
    modifiers: Modifier::empty(),
};

impl Encoder {
    /// `synchronised`: the terminal is told where a frame begins and ends, so that no half of one is
    /// ever seen.
    pub(crate) fn new(synchronised: bool) -> Self {
        Self {
            synchronised,
            shown: Buffer::empty(Rect::ZERO),
            caret: None,
            pen: PLAIN,
            at: None,
            width: 0,
            unknown: true,
        }
    }

    /// The terminal shows something unknown: the next frame is painted whole.
    pub(crate) fn forget(&mut self) {
        self.unknown = true;
    }

    /// Appends what brings the terminal to `next`; nothing where it is there already.
    pub(crate) fn frame(&mut self, next: Buffer, caret: Option<Position>, out: &mut String) {
        let begin = out.len();
        if self.synchronised {
            out.push_str(BEGIN_SYNC);
        }
        let head = out.len();
        if self.unknown || self.shown.area != next.area {
            out.push_str("\x1b[0m\x1b[2J");
            self.shown = Buffer::empty(next.area);
            (self.pen, self.at) = (PLAIN, None);
            self.caret = None;
            out.push_str("\x1b[?25l");
            self.unknown = false;
        }
        self.width = next.area.width;
        let before = out.len();
        let shown = std::mem::replace(&mut self.shown, Buffer::empty(Rect::ZERO));
        let changes = shown.diff(&next);
        self.cells(&changes, &next, out);
        self.shown = next;
        let painted = out.len() > before;
        self.place_caret(caret, painted, out);
        if out.len() == head {
            out.truncate(begin);
        } else if self.synchronised {
            out.push_str(END_SYNC);
        }
    }

    fn cells(&mut self, changes: &[(u16, u16, &Cell)], next: &Buffer, out: &mut String) {
        let mut rest = changes;
        while let Some((_, y, _)) = rest.first() {
            let end = rest.iter().position(|c| c.1 != *y).unwrap_or(rest.len());
            let (row, tail) = rest.split_at(end);
            rest = tail;
            let blank_from = blank_tail(next, *y);
            let kept = row.iter().take_while(|c| c.0 < blank_from).count();
            let (kept, blanks) = if row.len() - kept >= ERASE_FROM {
                row.split_at(kept)
            } else {
                (row, &row[..0])
            };
            for (x, y, cell) in kept {
                self.cell(*x, *y, cell, out);
            }
            if let Some((x, y, _)) = blanks.first() {
                self.move_to(*x, *y, out);
                self.set_pen(PLAIN, out);
                out.push_str("\x1b[K");
            }
        }
    }

    fn cell(&mut self, x: u16, y: u16, cell: &Cell, out: &mut String) {
        self.move_to(x, y, out);
        self.set_pen(
            Pen {
                fg: cell.fg,
                bg: cell.bg,
                modifiers: cell.modifier,
            },
            out,
        );
        let symbol = cell.symbol();
        out.push_str(symbol);
        let next = x + text::width(symbol).max(1) as u16;
        // At the right edge terminals differ in where the cursor is.
        self.at = (next < self.width).then_some((next, y));
    }

    fn move_to(&mut self, x: u16, y: u16, out: &mut String) {
        match self.at {
            Some(at) if at == (x, y) => {}
            Some((from, row)) if row == y && from < x => match x - from {
                1 => out.push_str("\x1b[C"),
                n => out.push_str(&format!("\x1b[{n}C")),
            },
            _ if x == 0 => out.push_str(&format!("\x1b[{}H", y + 1)),
            _ => out.push_str(&format!("\x1b[{};{}H", y + 1, x + 1)),
        }
        self.at = Some((x, y));
    }

    fn set_pen(&mut self, pen: Pen, out: &mut String) {
        if pen == self.pen {
            return;
        }
        let mut codes: Vec<String> = Vec::new();
        let mut from = self.pen;
        if pen == PLAIN || !pen.modifiers.contains(from.modifiers) {
            codes.push(String::new()); // an empty code is 0: all off
            from = PLAIN;
        }
        for (flag, code) in MODIFIERS {
            if pen.modifiers.contains(*flag) && !from.modifiers.contains(*flag) {
                codes.push((*code).to_owned());
            }
        }
        if pen.fg != from.fg {
            codes.push(colour(pen.fg, 30));
        }
        if pen.bg != from.bg {
            codes.push(colour(pen.bg, 40));
        }
        out.push_str(&format!("\x1b[{}m", codes.join(";")));
        self.pen = pen;
    }

    /// Input methods draw their half-finished syllable at the hardware cursor, so it stands at the
    /// text's caret and nowhere else.
    fn place_caret(&mut self, caret: Option<Position>, painted: bool, out: &mut String) {
        match caret {
            Some(at) => {
                if painted || self.caret != caret {
                    self.move_to(at.x, at.y, out);
                }
                if self.caret.is_none() {
                    out.push_str("\x1b[?25h");
                }
            }
            None if self.caret.is_some() => out.push_str("\x1b[?25l"),
            None => {}
        }
        self.caret = caret;
    }
}

/// The column from which a line of `buffer` is only plain blanks.
fn blank_tail(buffer: &Buffer, y: u16) -> u16 {
    let area = buffer.area;
    let plain = |x: &u16| {
        buffer
            .cell((*x, y))
            .is_some_and(|c| c.symbol() == " " && c.bg == Color::Reset && c.modifier.is_empty())
    };
    let blanks = (area.left()..area.right()).rev().take_while(plain).count();
    area.right() - blanks as u16
}

const MODIFIERS: &[(Modifier, &str)] = &[
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::REVERSED, "7"),
    (Modifier::CROSSED_OUT, "9"),
];

/// SGR parameters of a colour; `base` is 30 for text and 40 for what is behind it.
fn colour(colour: Color, base: u8) -> String {
    let index = match colour {
        Color::Reset => return (base + 9).to_string(),
        Color::Rgb(r, g, b) => return format!("{};2;{r};{g};{b}", base + 8),
        Color::Indexed(n) => n,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    match index {
        0..=7 => (base + index).to_string(),
        8..=15 => (base + 60 + index - 8).to_string(),
        _ => format!("{};5;{index}", base + 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    fn screen(lines: &[&str]) -> Buffer {
        Buffer::with_lines(lines.iter().map(|l| format!("{l:<20}")))
    }

    fn bytes(encoder: &mut Encoder, next: Buffer, caret: Option<Position>) -> String {
        let mut out = String::new();
        encoder.frame(next, caret, &mut out);
        out
    }

    /// What a terminal shows after the bytes.
    fn shown(stream: &str) -> String {
        let mut terminal = vt100::Parser::new(3, 20, 0);
        terminal.process(stream.as_bytes());
        terminal.screen().contents()
    }

    #[test]
    fn a_screen_that_did_not_change_writes_nothing() {
        let mut encoder = Encoder::new(true);
        let first = bytes(&mut encoder, screen(&["hello", "", "world"]), None);
        assert_eq!(shown(&first), "hello\n\nworld");
        assert_eq!(
            bytes(&mut encoder, screen(&["hello", "", "world"]), None),
            ""
        );
    }

    #[test]
    fn only_what_changed_is_written_in_one_bracket() {
        let mut encoder = Encoder::new(true);
        let mut stream = bytes(&mut encoder, screen(&["cpu 10 %", "한글", ""]), None);
        let second = bytes(&mut encoder, screen(&["cpu 11 %", "글", "x"]), None);
        assert!(second.starts_with(BEGIN_SYNC) && second.ends_with(END_SYNC));
        assert_eq!(second.matches(BEGIN_SYNC).count(), 1);
        assert!(second.len() < 60, "{second:?}");
        stream.push_str(&second);
        assert_eq!(shown(&stream), "cpu 11 %\n글\nx");
    }

    #[test]
    fn a_terminal_that_garbles_brackets_gets_none() {
        let mut encoder = Encoder::new(false);
        let first = bytes(&mut encoder, screen(&["a", "", ""]), None);
        assert!(!first.contains("2026") && shown(&first) == "a", "{first:?}");
        assert_eq!(bytes(&mut encoder, screen(&["a", "", ""]), None), "");
    }

    #[test]
    fn styles_are_set_once_and_taken_back() {
        let mut encoder = Encoder::new(true);
        let mut a = screen(&["abcdef", "", ""]);
        a.set_style(Rect::new(1, 0, 2, 1), Style::new().fg(Color::Indexed(9)));
        let out = bytes(&mut encoder, a, None);
        assert!(out.contains("a\x1b[91mbc\x1b[mdef"), "{out:?}");
    }

    #[test]
    fn the_hardware_cursor_stands_at_the_caret() {
        let mut encoder = Encoder::new(true);
        let at = Some(Position::new(4, 1));
        let mut stream = bytes(&mut encoder, screen(&["a", "b", "c"]), at);
        let mut terminal = vt100::Parser::new(3, 20, 0);
        terminal.process(stream.as_bytes());
        assert_eq!(terminal.screen().cursor_position(), (1, 4));
        assert!(!terminal.screen().hide_cursor());
        stream = bytes(&mut encoder, screen(&["x", "b", "c"]), at);
        terminal.process(stream.as_bytes());
        assert_eq!(terminal.screen().cursor_position(), (1, 4));
        terminal.process(bytes(&mut encoder, screen(&["x", "b", "c"]), None).as_bytes());
        assert!(terminal.screen().hide_cursor());
    }

    #[test]
    fn long_blank_ends_are_one_erase() {
        let mut encoder = Encoder::new(true);
        let mut stream = bytes(
            &mut encoder,
            screen(&["aaaaaaaaaaaaaaaaaaaa", "", ""]),
            None,
        );
        let second = bytes(&mut encoder, screen(&["aaa", "", ""]), None);
        assert!(second.contains("\x1b[K") && second.len() < 30, "{second:?}");
        stream.push_str(&second);
        assert_eq!(shown(&stream), "aaa");
    }
}
