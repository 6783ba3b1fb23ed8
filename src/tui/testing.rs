//! The console without threads and without a terminal: keys and answers in, screens out.

use crate::model::action::{Action, Outcome};
use crate::model::answer::Answer;
use crate::model::request::Request;
use crate::source::api::SourceError;
use crate::tui::cmd::Cmd;
use crate::tui::encode::Encoder;
use crate::tui::keymap::Key;
use crate::tui::msg::{Mouse, MouseKind, Msg};
use crate::tui::run::Options;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::update::update;
use crate::tui::view;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// A console that is driven by hand.
pub struct Bench {
    state: State,
    asked: Vec<Cmd>,
    encoder: Encoder,
}

impl Bench {
    /// A console of this size at this time (milliseconds since the epoch), with nothing answered.
    pub fn new(options: Options, now: i64, width: u16, height: u16) -> Self {
        let encoder = Encoder::new(options.synchronised);
        let mut bench = Self {
            state: State::new(options, now, width, height),
            asked: Vec::new(),
            encoder,
        };
        bench.send(Msg::Tick);
        bench
    }

    fn send(&mut self, msg: Msg) {
        self.asked.extend(update(&mut self.state, msg));
    }

    /// Presses keys as they are written in the configuration: `q`, `Ctrl-P`, `Space`.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for text in keys.split_whitespace() {
            if let Ok(key) = Key::parse(text) {
                self.send(Msg::Key(key));
            }
        }
        self
    }

    /// Types text letter by letter.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Msg::Key(Key::char(c)));
        }
        self
    }

    /// Presses the mouse in one cell, drags it to another and lets go there.
    pub fn drag(&mut self, from: (u16, u16), to: (u16, u16)) -> &mut Self {
        let steps = [
            (MouseKind::Press, from),
            (MouseKind::Drag, to),
            (MouseKind::Release, to),
        ];
        for (kind, (column, row)) in steps {
            self.send(Msg::Mouse(Mouse { kind, column, row }));
        }
        self
    }

    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.send(Msg::Paste(text.to_owned()));
        self
    }

    pub fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.send(Msg::Resize { width, height });
        self
    }

    /// Time passes, and what is on screen is asked again.
    pub fn wait(&mut self, ms: i64) -> &mut Self {
        self.state.now += ms;
        self.send(Msg::Tick);
        self
    }

    /// Answers everything that was asked, and what is asked because of that.
    pub fn answer(
        &mut self,
        with: &mut dyn FnMut(&Request) -> Result<Answer, SourceError>,
    ) -> &mut Self {
        for _ in 0..16 {
            let asked: Vec<Cmd> = std::mem::take(&mut self.asked);
            for cmd in asked {
                match cmd {
                    Cmd::Ask { ticket, request } => {
                        let result = with(&request);
                        self.send(Msg::Answer(ticket, result));
                    }
                    other => self.asked.push(other),
                }
            }
            if !self.asked.iter().any(|c| matches!(c, Cmd::Ask { .. })) {
                break;
            }
        }
        self
    }

    /// Carries out the orders that were given.
    pub fn obey(&mut self, with: &mut dyn FnMut(&Action) -> Outcome) -> &mut Self {
        for cmd in std::mem::take(&mut self.asked) {
            match cmd {
                Cmd::Act(action) => self.send(Msg::Acted(Ok(with(&action)))),
                other => self.asked.push(other),
            }
        }
        self
    }

    /// The orders, copies and ways out since the last call, as text.
    pub fn done(&mut self) -> Vec<String> {
        let (asks, rest) = std::mem::take(&mut self.asked)
            .into_iter()
            .partition(|c| matches!(c, Cmd::Ask { .. }));
        self.asked = asks;
        rest.iter().map(|c: &Cmd| format!("{c:?}")).collect()
    }

    fn painted(&self) -> (Buffer, Option<Position>) {
        let area = Rect::new(0, 0, self.state.width, self.state.height);
        let theme = Theme::new(self.state.theme, self.state.depth, self.state.symbols);
        let mut buffer = Buffer::empty(area);
        let caret = view::view(&self.state, &theme, area, &mut buffer);
        (buffer, caret)
    }

    /// The screen as text, a line each, blank ends cut.
    pub fn screen(&self) -> String {
        let (buffer, _) = self.painted();
        lines(&buffer).join("\n") + "\n"
    }

    /// Where the text caret stands: column and row.
    pub fn caret(&self) -> Option<(u16, u16)> {
        self.painted().1.map(|p| (p.x, p.y))
    }

    /// The bytes that bring a terminal from the last call's screen to this one.
    pub fn bytes(&mut self) -> String {
        let (buffer, caret) = self.painted();
        let mut out = String::new();
        self.encoder.frame(buffer, caret, &mut out);
        out
    }
}

/// A painted screen as lines without their blank ends.
pub(crate) fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let row = |y: u16| {
        let mut line = String::new();
        let mut x = area.left();
        while x < area.right() {
            let symbol = buffer.cell((x, y)).map_or(" ", |c| c.symbol());
            line.push_str(symbol);
            x += crate::base::text::width(symbol).max(1) as u16;
        }
        line.trim_end().to_owned()
    };
    (area.top()..area.bottom()).map(row).collect()
}
