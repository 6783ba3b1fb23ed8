//! Everything that can happen to the console: a closed list.

use crate::model::action::Outcome;
use crate::model::answer::Answer;
use crate::source::api::SourceError;
use crate::tui::cmd::Leave;
use crate::tui::keymap::Key;
use crate::tui::slot::Ticket;

#[derive(Clone, Debug)]
pub(crate) enum Msg {
    /// Time has passed; what must be asked again is asked.
    Tick,
    Key(Key),
    /// Text that was pasted as one piece; never read as keys.
    Paste(String),
    Mouse(Mouse),
    Resize {
        width: u16,
        height: u16,
    },
    Focus(bool),
    Answer(Ticket, Result<Answer, SourceError>),
    Acted(Result<Outcome, SourceError>),
    /// A file was written there, or why not.
    Saved(Result<String, String>),
    /// Something outside wants the console to end.
    Leave(Leave),
    /// The program runs again after a suspend.
    Continued,
    /// A thread of this program has failed; the screen stays.
    Failed(String),
    /// What the writer measured of the line.
    Line(LineMeter),
    /// The terminal draws box lines two columns wide.
    WideSymbols,
}

/// What goes to the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LineMeter {
    pub(crate) bytes_per_second: f64,
    /// What painting a frame took since the last report, on average; `None` where none was painted.
    pub(crate) frame_ms: Option<f64>,
    /// The longest a write was blocked since the last report, in milliseconds.
    pub(crate) blocked_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mouse {
    pub(crate) kind: MouseKind,
    pub(crate) column: u16,
    pub(crate) row: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MouseKind {
    Press,
    Drag,
    Release,
    WheelUp,
    WheelDown,
}
