//! What lies over the tab: lists to choose from, one-line prompts, confirmations.
//!
//! Help, palette, action menu, instances, themes and the way out are all lists of [`Item`]s; what
//! choosing one does is a [`Run`], a value.

pub(crate) mod fuzzy;
pub(crate) mod lists;
pub(crate) mod paint;

use crate::model::action::Action;
use crate::tui::cmd::Leave;
use crate::tui::keymap::{Act, Code, Key};
use crate::tui::line_edit::LineEdit;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Overlay {
    List(List),
    Prompt(Prompt),
    Confirm(Confirm),
}

/// What choosing an item does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Run {
    Nothing,
    Act(Act),
    /// The tab at this place of the registry.
    Tab(usize),
    /// Gives an order, after a confirmation where there is a question to confirm.
    Order {
        action: Action,
        confirm: Option<String>,
    },
    Instance(Option<String>),
    Theme(&'static str),
    Leave(Leave),
    Prompt(PromptKind),
    GoTo(i64),
    Range(i64),
    Copy(String),
    /// Opens the logs at a place.
    Logs(crate::tui::tabs::logs::Opening),
    /// Opens the traces that a query picks, around an instant.
    Traces {
        query: String,
        at: i64,
    },
    /// Gives a text to the open tab, with the word of one of its prompts.
    Give {
        tag: &'static str,
        text: String,
    },
}

/// A row of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) label: String,
    pub(crate) detail: String,
    /// The keys that do the same without the list.
    pub(crate) keys: String,
    /// Why it cannot be chosen now.
    pub(crate) why_not: Option<String>,
    /// What `x` does with it.
    pub(crate) delete: Option<Box<Run>>,
    pub(crate) run: Run,
}

impl Item {
    pub(crate) fn new(label: impl Into<String>, detail: impl Into<String>, run: Run) -> Self {
        Self {
            label: label.into(),
            detail: detail.into(),
            keys: String::new(),
            why_not: None,
            delete: None,
            run,
        }
    }

    pub(crate) fn keys(mut self, keys: String) -> Self {
        self.keys = keys;
        self
    }

    /// What `x` does with it.
    pub(crate) fn or_delete(mut self, run: Run) -> Self {
        self.delete = Some(Box::new(run));
        self
    }

    /// Not to be chosen, and why.
    pub(crate) fn unless(mut self, why_not: Option<String>) -> Self {
        self.why_not = why_not;
        self
    }
}

/// What a list is for; the console acts on moving through some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    Help,
    Palette,
    Menu,
    Instances,
    Themes,
    Bookmarks,
    Blind,
    /// The metrics, of the tab of that name.
    Browser,
    Leave,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List {
    pub(crate) kind: ListKind,
    pub(crate) title: String,
    pub(crate) items: Vec<Item>,
    /// What narrows the list.
    pub(crate) edit: LineEdit,
    /// True: typing narrows at once; false: only after `/`.
    pub(crate) typing: bool,
    /// Place in what is shown, not in `items`.
    pub(crate) chosen: usize,
    /// What to say when there is nothing.
    pub(crate) empty: String,
}

impl List {
    pub(crate) fn new(kind: ListKind, title: &str, items: Vec<Item>) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            items,
            edit: LineEdit::default(),
            typing: false,
            chosen: 0,
            empty: "nothing here".to_owned(),
        }
    }

    /// What to say when there is nothing.
    pub(crate) fn or_say(mut self, empty: impl Into<String>) -> Self {
        self.empty = empty.into();
        self
    }

    /// The items that match what was typed, best first.
    pub(crate) fn shown(&self) -> Vec<&Item> {
        let query = self.edit.text().trim();
        if query.is_empty() {
            return self.items.iter().collect();
        }
        let score = |item: &Item| {
            let by_label = fuzzy::score(query, &item.label).map(|s| s + 100);
            let by_detail = fuzzy::contains(query, &item.detail).then_some(1);
            let by_keys = (item.keys.split(' ').any(|k| k == query)).then_some(1000);
            by_label.max(by_detail).max(by_keys)
        };
        let mut found: Vec<(i32, &Item)> = self
            .items
            .iter()
            .filter_map(|item| Some((score(item)?, item)))
            .collect();
        found.sort_by_key(|(score, _)| -score);
        found.into_iter().map(|(_, item)| item).collect()
    }

    pub(crate) fn current(&self) -> Option<Item> {
        self.shown().get(self.chosen).map(|i| (*i).clone())
    }

    fn step(&mut self, by: isize) {
        let last = self.shown().len().saturating_sub(1);
        self.chosen = self.chosen.saturating_add_signed(by).min(last);
    }

    fn key(&mut self, key: Key) -> Step {
        let command = if self.typing { key } else { key.latin() };
        match (command.code, command.ctrl) {
            (Code::Esc, _)
                if !self.typing || matches!(self.kind, ListKind::Palette | ListKind::Browser) =>
            {
                return Step::Close;
            }
            (Code::Esc, _) => (self.typing, self.edit) = (false, LineEdit::default()),
            (Code::Enter, _) => {
                let text = self.edit.text();
                // A clock or a span is no name, though a help text may mention it.
                let value =
                    text.len() > 1 && text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
                return match self.current().filter(|_| !value) {
                    Some(item) => Step::Choose(item),
                    None if self.kind == ListKind::Palette => Step::Typed(text.to_owned()),
                    None => Step::Stay,
                };
            }
            (Code::Up, _) | (Code::Char('p'), true) => self.step(-1),
            (Code::Down, _) | (Code::Char('n'), true) => self.step(1),
            (Code::PageUp, _) => self.step(-10),
            (Code::PageDown, _) => self.step(10),
            _ if self.typing => {
                self.edit.key(key);
                self.chosen = 0;
            }
            (Code::Char('k'), false) => self.step(-1),
            (Code::Char('j'), false) => self.step(1),
            (Code::Char('g') | Code::Home, _) => self.chosen = 0,
            (Code::Char('G') | Code::End, _) => self.step(isize::MAX),
            (Code::Char('/'), _) => self.typing = true,
            (Code::Char('x') | Code::Delete, false) => {
                let delete = self.current().and_then(|i| i.delete);
                if let Some(delete) = delete {
                    return Step::Choose(Item::new("", "", *delete));
                }
            }
            // The key that detaches from anywhere detaches from here as well.
            (Code::Char('D'), false) if self.kind == ListKind::Leave => {
                let detach = Run::Leave(crate::tui::cmd::Leave::Detach);
                let item = self.items.iter().find(|i| i.run == detach);
                return item.map_or(Step::Stay, |i| Step::Choose(i.clone()));
            }
            (Code::Char('q' | '?'), false) => return Step::Close,
            _ => {}
        }
        Step::Stay
    }
}

/// What a prompt asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PromptKind {
    Time,
    Range,
    /// The text of a bookmark at this instant.
    Bookmark(i64),
    /// A tab's own, by a word that the tab knows.
    Tab(&'static str),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prompt {
    pub(crate) kind: PromptKind,
    pub(crate) title: String,
    pub(crate) edit: LineEdit,
    pub(crate) hint: String,
    pub(crate) error: Option<String>,
}

impl Prompt {
    pub(crate) fn new(kind: PromptKind, title: &str, text: &str, hint: &str) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            edit: LineEdit::new(text),
            hint: hint.to_owned(),
            error: None,
        }
    }

    fn key(&mut self, key: Key) -> Step {
        match key.code {
            Code::Esc => return Step::Close,
            Code::Enter => return Step::Submit,
            _ => {
                self.edit.key(key);
                self.error = None;
            }
        }
        Step::Stay
    }
}

/// A question that only `y` answers with yes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Confirm {
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    pub(crate) run: Run,
}

impl Confirm {
    fn key(&self, key: Key) -> Step {
        match key.latin().code {
            Code::Char('y' | 'Y') => Step::Do(self.run.clone()),
            Code::Char('n' | 'N' | 'q') | Code::Esc => Step::Close,
            _ => Step::Stay,
        }
    }
}

/// What came of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Stay,
    Close,
    Choose(Item),
    /// Typed into the palette, and the name of nothing.
    Typed(String),
    Submit,
    /// Close, and do this without asking again.
    Do(Run),
}

impl Overlay {
    pub(crate) fn key(&mut self, key: Key) -> Step {
        match self {
            Self::List(list) => list.key(key),
            Self::Prompt(prompt) => prompt.key(key),
            Self::Confirm(confirm) => confirm.key(key),
        }
    }

    pub(crate) fn paste(&mut self, text: &str) {
        match self {
            Self::List(list) if list.typing => {
                list.edit.insert(text);
                list.chosen = 0;
            }
            Self::Prompt(prompt) => prompt.edit.insert(text),
            Self::List(_) | Self::Confirm(_) => {}
        }
    }

    /// True where letters are text and not commands.
    pub(crate) fn is_typing(&self) -> bool {
        match self {
            Self::List(list) => list.typing,
            Self::Prompt(_) => true,
            Self::Confirm(_) => false,
        }
    }
}
