//! The registry of tabs.
//!
//! A tab says what it asks, what it does with a key, and how it is painted; it keeps what it must
//! remember in [`Locals`]. One file under `tabs/` and one row in [`TABS`] make a tab.

pub(crate) mod alerts;
pub(crate) mod containers;
pub(crate) mod host;
pub(crate) mod jvm;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod overview;
pub(crate) mod storage;
pub(crate) mod targets;
pub(crate) mod traces;
pub(crate) mod zoom;

use crate::model::request::Request;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Act, Key};
use crate::tui::msg::Mouse;
use crate::tui::overlay::{Item, Prompt, PromptKind};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// All tabs; those with a digit in the order of their digits.
pub(crate) const TABS: &[&Tab] = &[
    &overview::TAB,
    &host::TAB,
    &containers::TAB,
    &jvm::TAB,
    &logs::TAB,
    &traces::TAB,
    &alerts::TAB,
    &metrics::TAB,
    &targets::TAB,
    &storage::TAB,
];

/// Paints; gives the place of the text caret where there is one.
pub(crate) type View = fn(&State, &Theme, Rect, &mut Buffer) -> Option<Position>;

pub(crate) struct Tab {
    /// `None` where it is reached by `:` only.
    pub(crate) digit: Option<char>,
    pub(crate) name: &'static str,
    /// A sentence for the help.
    pub(crate) help: &'static str,
    /// What it wants to know, for the body it has on the screen.
    pub(crate) requests: fn(&State, Rect) -> Vec<(SlotId, Request)>,
    /// Takes an action before the console does; `None` leaves it to the console.
    pub(crate) act: fn(&mut State, Act) -> Option<Vec<Cmd>>,
    /// Takes a key as text while an input of the tab has the keys; `None` where none has.
    pub(crate) key: fn(&mut State, Key) -> Option<Vec<Cmd>>,
    /// Takes pasted text, if an input of the tab has the keys.
    pub(crate) paste: fn(&mut State, &str) -> bool,
    /// An answer has come for this slot; true where the questions have changed by that.
    pub(crate) answered: fn(&mut State, SlotId) -> bool,
    /// True while what it shows comes in all the time: its questions are asked oftener.
    pub(crate) lively: fn(&State) -> bool,
    /// A mouse event inside the body; false where it meant nothing.
    pub(crate) click: fn(&mut State, Rect, Mouse) -> bool,
    /// The prompt that the tab knows by this word.
    pub(crate) prompt: fn(&State, &'static str) -> Prompt,
    /// Takes a preview that an order of the tab led to; false shows it as a plain list.
    pub(crate) preview: fn(&mut State, &[String]) -> bool,
    /// An order of the tab led to a record of this time.
    pub(crate) kept: fn(&mut State, i64),
    /// Takes what was typed into a prompt of the tab; an error keeps the prompt open.
    pub(crate) prompted: fn(&mut State, &'static str, &str) -> Result<Vec<Cmd>, String>,
    /// What can be done with what is chosen.
    pub(crate) menu: fn(&State) -> Vec<Item>,
    /// The chosen line as text, for the clipboard.
    pub(crate) line: fn(&State) -> Option<String>,
    /// Where the key to the logs leads from what is chosen here; `None` is the instant that the
    /// console looks at.
    pub(crate) logs: fn(&State) -> Option<logs::Opening>,
    /// What is shown as text; without it the screen itself is taken.
    pub(crate) export: fn(&State) -> Option<Export>,
    pub(crate) view: View,
}

/// What a tab shows, as a file.
pub(crate) struct Export {
    /// The end of the file's name: `csv`, `txt`.
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

impl Tab {
    /// A tab that only shows: rows take what they need from here with `..Tab::new(..)`.
    pub(crate) const fn new(name: &'static str, help: &'static str, view: View) -> Self {
        Self {
            digit: None,
            name,
            help,
            requests: |_, _| Vec::new(),
            act: |_, _| None,
            key: |_, _| None,
            paste: |_, _| false,
            answered: |_, _| false,
            lively: |_| false,
            click: |_, _, _| false,
            prompt: |_, tag| Prompt::new(PromptKind::Tab(tag), tag, "", ""),
            preview: |_, _| false,
            kept: |_, _| (),
            prompted: |_, _, _| Ok(Vec::new()),
            menu: |_| Vec::new(),
            line: |_| None,
            logs: |_| None,
            export: |_| None,
            view,
        }
    }
}

/// What the tabs remember.
#[derive(Debug, Default)]
pub(crate) struct Locals {
    pub(crate) containers: containers::Local,
    pub(crate) alerts: alerts::Local,
    pub(crate) jvm: jvm::Local,
    pub(crate) logs: logs::Local,
    pub(crate) metrics: metrics::Local,
    pub(crate) overview: overview::Local,
    pub(crate) host: host::Local,
    pub(crate) storage: storage::Local,
    pub(crate) targets: targets::Local,
    pub(crate) traces: traces::Local,
}

/// A tab by its name.
pub(crate) fn by_name(name: &str) -> Option<usize> {
    TABS.iter().position(|t| t.name.eq_ignore_ascii_case(name))
}
