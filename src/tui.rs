//! Room `tui`: the console.
//!
//! Owns keys, screens, themes and the terminal. Never reads a file, opens a socket or asks a store:
//! everything it shows comes through [`crate::source::api::Source`], and everything it orders goes
//! there.
//!
//! The shape is Elm's. [`msg::Msg`] is all that can happen; [`update`] changes [`state::State`] and
//! answers with [`cmd::Cmd`]; [`effects`] alone performs those; [`view`] paints a state into a
//! buffer and reads no clock. `run` owns the three threads: input (blocking read), update and
//! view, [`writer`] (blocking write). Start with [`state`], then [`update`]. A key is a row in
//! [`keymap`], a tab a row in [`tabs`], a panel a row in [`panel`], a theme a file in `themes/`.
//! Tested by pure updates here, and by painted screens in `tests/it/tui`.

mod announce;
mod cmd;
mod effects;
mod encode;
mod input;
mod keymap;
mod line_edit;
mod msg;
mod overlay;
mod panel;
mod run;
mod slot;
mod state;
mod tabs;
mod terminal;
pub mod testing;
mod theme;
mod time_cursor;
mod update;
mod view;
#[allow(dead_code, reason = "widgets for the tabs that land next")]
mod widget;
mod writer;

pub use crate::tui::effects::Handle;
pub use crate::tui::keymap::{check_keys, key_table};
pub use crate::tui::panel::own::{OwnKind, OwnPanel};
pub use crate::tui::panel::unknown_panels;
pub use crate::tui::run::{Engine, Exit, Options, TuiError, run};
pub use crate::tui::terminal::Environment;
pub use crate::tui::theme::{Depth, SymbolSet};
