//! Everything the console knows. Changed only by `update`; painted by `view`.

use crate::model::answer::Answer;
use crate::model::request::{Request, ViewName};
use crate::model::view::{Announcement, Machine, Mark, MarkKind, Status, View};
use crate::tui::keymap::Keymap;
use crate::tui::msg::LineMeter;
use crate::tui::overlay::Overlay;
use crate::tui::panel::Ask;
use crate::tui::run::{Engine, Options};
use crate::tui::slot::{SlotId, Slots};
use crate::tui::tabs::Locals;
use crate::tui::theme::{Depth, SymbolSet};
use crate::tui::time_cursor::{self, TimeCursor, Window};

/// Slots of the console itself.
pub(crate) const STATUS: SlotId = SlotId {
    owner: "console",
    part: 0,
};
pub(crate) const MARKS: SlotId = SlotId {
    owner: "console",
    part: 1,
};
pub(crate) const BLIND: SlotId = SlotId {
    owner: "console",
    part: 2,
};

/// Whether this person is here for the first time.
pub(crate) const GREETING: SlotId = SlotId {
    owner: "console",
    part: 4,
};

/// What was asked in query bars before this console.
pub(crate) const QUERIES: SlotId = SlotId {
    owner: "console",
    part: 3,
};

/// How long the header shows that an alert has begun to fire.
const FLASH_MS: i64 = 1_500;
/// Names of the palette's items that are remembered.
const HISTORY: usize = 50;

pub(crate) struct State {
    /// Milliseconds since the epoch, set before each message.
    pub(crate) now: i64,
    /// The time of the last tick: what is asked and painted is about this instant.
    pub(crate) tick: i64,
    /// When the console last asked for what it shows around the tabs.
    pub(crate) own_asked: i64,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) options: Options,
    pub(crate) keymap: Keymap,
    /// Place in the registry of tabs.
    pub(crate) tab: usize,
    pub(crate) time: TimeCursor,
    pub(crate) slots: Slots,
    pub(crate) locals: Locals,
    /// What a person chose; `None` until then.
    pub(crate) chosen_instance: Option<Chosen>,
    /// The topmost is last.
    pub(crate) overlays: Vec<Overlay>,
    pub(crate) toasts: Vec<Toast>,
    pub(crate) theme: &'static str,
    /// The theme to go back to while a list of them is open.
    pub(crate) theme_before: Option<&'static str>,
    pub(crate) depth: Depth,
    pub(crate) symbols: SymbolSet,
    pub(crate) mouse: bool,
    pub(crate) focused: bool,
    /// Hangul keys arrive: the hint says so.
    pub(crate) hangul: bool,
    /// The three lines of the first start; gone after the first key.
    pub(crate) welcome: bool,
    /// It is to be asked whether this person is here for the first time.
    pub(crate) to_greet: bool,
    pub(crate) line: LineMeter,
    /// The line is slow: draw less.
    pub(crate) low_bandwidth: bool,
    /// Reports of the line in a row without a blocked write.
    pub(crate) calm_reports: u32,
    pub(crate) history: Vec<String>,
    pub(crate) dirty: Dirty,
    /// Alerts that had begun to fire when the status came last, and until when the header shows
    /// that there is a new one.
    pub(crate) begun: Option<u64>,
    /// The number of the last announcement that came with a status.
    pub(crate) announced: Option<u64>,
    pub(crate) flash_until: i64,
    /// The bookmarks that were set here and are not yet in the answer.
    pub(crate) bookmarks: Vec<Mark>,
}

/// Which instance is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    All,
    One(String),
}

/// Whether the screen must be painted, and how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dirty {
    No,
    /// Within a thirtieth of a second.
    Data,
    /// At once: a person waits.
    Key,
}

/// A sentence that stands for a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    pub(crate) text: String,
    pub(crate) bad: bool,
    /// Milliseconds since the epoch.
    pub(crate) until: i64,
}

impl State {
    pub(crate) fn new(options: Options, now: i64, width: u16, height: u16) -> Self {
        let (keymap, problems) = Keymap::new(&options.keys);
        let theme = crate::tui::theme::THEMES
            .iter()
            .map(|(name, _)| *name)
            .find(|name| *name == options.theme)
            .unwrap_or("dark");
        let mut state = Self {
            now,
            tick: now,
            own_asked: 0,
            width,
            height,
            keymap,
            tab: 0,
            time: TimeCursor {
                utc: options.utc,
                ..TimeCursor::default()
            },
            slots: Slots::default(),
            locals: Locals::default(),
            chosen_instance: None,
            overlays: Vec::new(),
            toasts: Vec::new(),
            theme,
            theme_before: None,
            depth: options.depth,
            symbols: options.symbols,
            mouse: false,
            focused: true,
            hangul: false,
            welcome: options.first_start,
            to_greet: options.engine == Engine::Attached,
            line: LineMeter::default(),
            low_bandwidth: false,
            calm_reports: 0,
            history: Vec::new(),
            dirty: Dirty::Key,
            begun: None,
            announced: None,
            flash_until: 0,
            bookmarks: Vec::new(),
            options,
        };
        if state.welcome {
            state.time.range = time_cursor::FIRST_RANGE;
        }
        let told = std::mem::take(&mut state.options.problems);
        for problem in problems.into_iter().chain(told) {
            state.toast(problem, true);
        }
        state
    }

    pub(crate) fn toast(&mut self, text: impl Into<String>, bad: bool) {
        let keep = if bad { 8000 } else { 4000 };
        self.toasts.push(Toast {
            text: crate::base::text::display(&text.into()).into_owned(),
            bad,
            until: self.now + keep,
        });
        if self.toasts.len() > 3 {
            self.toasts.remove(0);
        }
        self.dirty = Dirty::Key;
    }

    pub(crate) fn remember(&mut self, label: String) {
        self.history.retain(|h| *h != label);
        self.history.push(label);
        if self.history.len() > HISTORY {
            self.history.remove(0);
        }
    }

    /// The engine's own words, as of the last answer.
    pub(crate) fn status(&self) -> Option<&Status> {
        match self.slots.get(STATUS)?.answer()? {
            Answer::Status(status) => Some(status),
            _ => None,
        }
    }

    /// What the engine says is wrong with it now.
    pub(crate) fn problems(&self) -> Vec<&str> {
        let status = self.status().into_iter();
        let all = status.flat_map(|s| s.problems.iter().chain(&s.storage.problems));
        all.map(String::as_str).collect()
    }

    /// Notices alerts that began to fire since the last status: the header says so for a moment.
    pub(crate) fn notice_alerts(&mut self) {
        let Some(begun) = self.status().map(|s| s.alerts.begun) else {
            return;
        };
        if self.begun.is_some_and(|before| begun > before) {
            self.flash_until = self.now + FLASH_MS;
        }
        self.begun = Some(begun);
    }

    /// What the terminal is to announce: news since the last status, none of before the start.
    pub(crate) fn announcements(&mut self) -> Vec<Announcement> {
        let Some(all) = self.status().map(|s| s.announcements.clone()) else {
            return Vec::new();
        };
        let last = all.last().map_or(0, |a| a.number);
        // An engine that was started anew counts anew.
        let seen = self.announced.filter(|seen| *seen <= last);
        let news = match (self.announced, seen) {
            (None, _) => Vec::new(),
            (Some(_), seen) => {
                let seen = seen.unwrap_or(0);
                all.into_iter().filter(|a| a.number > seen).collect()
            }
        };
        self.announced = Some(last);
        news
    }

    /// The machine the engine runs on.
    pub(crate) fn machine(&self) -> Option<&Machine> {
        self.status().map(|s| &s.machine)
    }

    /// The instances that can be looked at, this server first.
    pub(crate) fn instances(&self) -> Vec<String> {
        self.status()
            .map(|s| s.instances.clone())
            .unwrap_or_default()
    }

    /// By which instance the machine that the engine runs on is known.
    pub(crate) fn here(&self) -> Option<&str> {
        let status = self.status()?;
        let first = status.instances.first();
        Some(first.map_or(&status.machine.host, |i| i))
    }

    /// The instance that panels are about: the chosen one, else this server; `None` is all.
    pub(crate) fn instance(&self) -> Option<&str> {
        match &self.chosen_instance {
            Some(Chosen::One(name)) => Some(name),
            Some(Chosen::All) => None,
            None => self.here().filter(|h| !h.is_empty()),
        }
    }

    /// True where the instance is the machine the engine runs on: processes can be shown.
    pub(crate) fn is_local(&self) -> bool {
        match &self.chosen_instance {
            None => true,
            Some(Chosen::All) => false,
            Some(Chosen::One(name)) => self.here() == Some(name),
        }
    }

    /// The instance of the containers of [`State::instance`].
    fn containers_as(&self) -> Option<&str> {
        let told = self.status().map(|s| s.containers_as.as_str());
        let here = told.filter(|name| self.is_local() && !name.is_empty());
        here.or_else(|| self.instance())
    }

    /// What a panel whose charts are `cells` wide may know when it asks.
    pub(crate) fn ask(&self, cells: u16) -> Ask<'_> {
        let at = self.time.instant();
        let window = self.time.window(self.tick, cells);
        Ask {
            window: Window {
                start: window.start + window.step,
                end: window.end + window.step,
                ..window
            },
            newest: self.time.end.unwrap_or(self.tick),
            at: at.unwrap_or(self.tick),
            instance: self.instance(),
            containers: self.containers_as(),
            live: at.is_none(),
            local: self.is_local(),
            own: None,
        }
    }

    /// Events, gaps and bookmarks of the shown stretch of time.
    pub(crate) fn marks(&self) -> Vec<&Mark> {
        let told = match self.slots.get(MARKS).and_then(|s| s.answer()) {
            Some(Answer::View(View::Marks(marks))) => marks.as_slice(),
            _ => &[],
        };
        told.iter().chain(&self.bookmarks).collect()
    }

    /// Bookmarks in rising time.
    pub(crate) fn bookmark_times(&self) -> Vec<i64> {
        let is_bookmark = |m: &&&Mark| m.kind == MarkKind::Bookmark;
        let mut times: Vec<i64> = self
            .marks()
            .iter()
            .filter(is_bookmark)
            .map(|m| m.t)
            .collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    /// What the console itself wants to know.
    pub(crate) fn own_requests(&self) -> Vec<(SlotId, Request)> {
        let view = |view| Request::View { view, at: None };
        let mut out = vec![(STATUS, Request::Status), (MARKS, view(ViewName::Marks))];
        let known = self.slots.get(BLIND).is_some_and(|s| s.answer().is_some());
        if self.slots.get(QUERIES).is_none_or(|s| s.answer().is_none()) {
            out.push((QUERIES, view(ViewName::Queries)));
        }
        if self.to_greet {
            out.push((GREETING, view(ViewName::Greeting)));
        }
        if !known || self.welcome {
            out.push((BLIND, view(ViewName::Blind)));
        }
        out
    }
}
