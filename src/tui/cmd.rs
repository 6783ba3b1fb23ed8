//! What `update` wants done. Values only; `effects` and `run` perform them.

use crate::model::action::Action;
use crate::model::request::Request;
use crate::model::view::Announcement;
use crate::tui::slot::Ticket;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cmd {
    /// Asks the source. A newer asking of the same slot ends the older one.
    Ask { ticket: Ticket, request: Request },
    /// Gives an order; the outcome comes back as `Msg::Acted`.
    Act(Action),
    /// Puts text on the clipboard of the person's own terminal (OSC 52).
    Copy(String),
    /// Tells the person outside of the screen.
    Announce(Announcement),
    /// Writes a file into the folder the console was started in.
    Save { name: String, text: String },
    /// The same with what is on screen, as plain lines.
    SaveScreen { name: String },
    /// What is on screen to the clipboard.
    CopyScreen,
    /// Mouse reports on or off.
    Mouse(bool),
    /// Paints everything anew.
    Repaint,
    /// Stops this program as the shell's job control would.
    Suspend,
    /// Hands the terminal to a program, and takes it back when that ends.
    HandOver(Vec<String>),
    /// Ends the console.
    Quit(Leave),
}

/// How the console is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    Quit,
    Detach,
    /// Only to the shell, and back with `fg`.
    Suspend,
    /// The line to the terminal was lost (SIGHUP).
    HungUp,
    /// Asked to end (SIGTERM).
    Terminated,
}
