//! What each action does to the state. Tabs come first; what they leave is done here.

use crate::model::action::Action;
use crate::model::view::{Mark, MarkKind};
use crate::tui::cmd::{Cmd, Leave};
use crate::tui::keymap::Act;
use crate::tui::overlay::{Item, Overlay, Prompt, PromptKind, Run, lists};
use crate::tui::run::Engine;
use crate::tui::slot::Urgency;
use crate::tui::state::State;
use crate::tui::tabs::{TABS, logs};
use crate::tui::update::{ask_all, copy};

pub(crate) fn act(state: &mut State, act: Act) -> Vec<Cmd> {
    if let Some(cmds) = (TABS[state.tab].act)(state, act) {
        return cmds;
    }
    if time(state, act) {
        return Vec::new();
    }
    match act {
        Act::Help => open_list(state, lists::help(state)),
        Act::Palette => open_list(state, lists::palette(state)),
        Act::Menu => open_list(state, lists::menu(state)),
        Act::Instances => open_list(state, lists::instances(state)),
        Act::Themes => open_list(state, lists::themes(state)),
        Act::Bookmarks => open_list(state, lists::bookmarks(state)),
        Act::Blind => open_list(state, lists::blind(state)),
        Act::GoToTime => prompt(state, PromptKind::Time),
        Act::Range => prompt(state, PromptKind::Range),
        Act::Bookmark => {
            let at = state.time.instant().unwrap_or(state.now);
            prompt(state, PromptKind::Bookmark(at));
        }
        Act::Escape => escape(state),
        Act::Back => return back(state),
        Act::ForceQuit => return vec![Cmd::Quit(Leave::Quit)],
        Act::Detach => return detach(state),
        Act::Suspend => return suspend(state),
        Act::Repaint => return vec![Cmd::Repaint],
        Act::Copy => return copy_line(state),
        Act::CopyView => {
            let text = (TABS[state.tab].export)(state);
            return text.map_or_else(|| vec![Cmd::CopyScreen], |e| copy(state, e.text));
        }
        Act::Save => return save(state),
        Act::Refresh => {
            state.tick = state.now;
            return ask_all(state, Urgency::Refresh);
        }
        Act::Tab(digit) => {
            if let Some(at) = TABS.iter().position(|t| t.digit == Some(digit)) {
                state.tab = at;
            }
        }
        Act::Logs => return logs::there_and_back(state),
        Act::Mouse => {
            state.mouse = !state.mouse;
            let word = if state.mouse { "on" } else { "off" };
            state.toast(
                format!("mouse {word}; Shift-drag selects text as ever"),
                false,
            );
            return vec![Cmd::Mouse(state.mouse)];
        }
        Act::ZoomPane => state.toast("nothing here can be made larger", false),
        Act::Open => state.toast("nothing here can be opened", false),
        Act::Filter => state.toast("there is no list to filter here", false),
        Act::Sort | Act::SortReverse => state.toast("there is no list to sort here", false),
        _ => {}
    }
    Vec::new()
}

fn copy_line(state: &mut State) -> Vec<Cmd> {
    if let Some(text) = (TABS[state.tab].line)(state) {
        return copy(state, text);
    }
    let key = state.keymap.label(Act::CopyView);
    state.toast(
        format!("no line is chosen here; {key} copies the screen"),
        false,
    );
    Vec::new()
}

/// What the tab exports, or the screen, into a file whose name tells the instant.
fn save(state: &mut State) -> Vec<Cmd> {
    let tab = &TABS[state.tab];
    let at = state.time.instant().unwrap_or(state.now);
    let stamp = state.time.file_stamp(at);
    let name = |end: &str| format!("bongsu-{}-{stamp}.{end}", tab.name.to_lowercase());
    match (tab.export)(state) {
        Some(export) => vec![Cmd::Save {
            name: name(export.kind),
            text: export.text,
        }],
        None => vec![Cmd::SaveScreen { name: name("txt") }],
    }
}

/// Actions on the time axis; true where it was one.
fn time(state: &mut State, act: Act) -> bool {
    let now = state.now;
    let cells = (state.width / 2).max(10);
    match act {
        Act::Pause => state.time.toggle_pause(now),
        Act::ZoomIn => state.time.zoom(false, now),
        Act::ZoomOut => state.time.zoom(true, now),
        Act::PanBack => state.time.pan(false, now),
        Act::PanForward => state.time.pan(true, now),
        Act::CursorLeft => state.time.step(-1, state.tick, cells),
        Act::CursorRight => state.time.step(1, state.tick, cells),
        Act::Now => state.time.now_again(),
        Act::NextBookmark => to_bookmark(state, true),
        Act::PrevBookmark => to_bookmark(state, false),
        Act::Zone => state.time.utc = !state.time.utc,
        Act::Mark => mark(state),
        _ => return false,
    }
    true
}

/// `v` begins a selection at the cursor; the second makes it the range.
pub(crate) fn mark(state: &mut State) {
    let at = state.time.instant().unwrap_or(state.tick);
    match state.time.selection.take() {
        None => {
            state.time.selection = Some(at);
            state.time.cursor.get_or_insert(at);
            state.toast("h and l to the other end, then v again", false);
        }
        Some(from) if from != at => {
            let (start, end) = (from.min(at), from.max(at));
            state.time.range = (end - start).max(10_000);
            (state.time.end, state.time.cursor) = (Some(end), None);
            state.time.paused = false;
        }
        Some(_) => {}
    }
}

pub(crate) fn go_to(state: &mut State, at: i64) -> Vec<Cmd> {
    if at >= state.now {
        state.time.now_again();
    } else {
        state.time.go_to(at, state.now);
    }
    Vec::new()
}

fn to_bookmark(state: &mut State, forward: bool) {
    let times = state.bookmark_times();
    let at = state.time.instant().unwrap_or(state.now);
    let next = if forward {
        times.iter().find(|t| **t > at)
    } else {
        times.iter().rev().find(|t| **t < at)
    };
    match next {
        Some(t) => state.time.go_to(*t, state.now),
        None if times.is_empty() => {
            let key = state.keymap.label(Act::Bookmark);
            state.toast(format!("no bookmark yet; {key} sets one"), false);
        }
        None => state.toast("no further bookmark that way", false),
    }
}

pub(crate) fn set_bookmark(state: &mut State, t: i64, text: &str) -> Vec<Cmd> {
    state.bookmarks.push(Mark {
        t,
        until: t,
        kind: MarkKind::Bookmark,
        text: text.to_owned(),
    });
    if state.options.read_only {
        state.toast("bookmarked in this console only (--read-only)", false);
        return Vec::new();
    }
    let bookmark = Action::Bookmark {
        t,
        text: text.to_owned(),
        remove: false,
    };
    vec![Cmd::Act(bookmark)]
}

fn open_list(state: &mut State, list: crate::tui::overlay::List) {
    state.overlays.push(Overlay::List(list));
}

pub(crate) fn prompt(state: &mut State, kind: PromptKind) {
    let prompt = match &kind {
        PromptKind::Time => Prompt::new(
            kind,
            "Go to time",
            "",
            "14:32  -15m  yesterday 9:00  2026-11-20 14:32  now",
        ),
        PromptKind::Range => {
            let now = crate::base::units::format_duration_ms(state.time.range);
            Prompt::new(kind, "Time range", "", &format!("30m  6h  7d; now {now}"))
        }
        PromptKind::Bookmark(at) => {
            let title = format!("Bookmark {}", state.time.date_clock(*at));
            Prompt::new(kind, &title, "", "a few words, or none")
        }
        PromptKind::Tab(tag) => (TABS[state.tab].prompt)(state, tag),
    };
    state.overlays.push(Overlay::Prompt(prompt));
}

/// Esc goes back one level and never leaves.
fn escape(state: &mut State) {
    let time = &mut state.time;
    if time.selection.take().is_none() && time.cursor.take().is_none() {
        time.now_again();
    }
}

fn back(state: &mut State) -> Vec<Cmd> {
    if state.options.engine == Engine::Inside {
        open_list(state, lists::leave(state));
        return Vec::new();
    }
    vec![Cmd::Quit(Leave::Quit)]
}

fn detach(state: &mut State) -> Vec<Cmd> {
    if state.options.engine == Engine::Inside {
        return vec![Cmd::Quit(Leave::Detach)];
    }
    vec![Cmd::Quit(Leave::Quit)]
}

/// With the engine inside, stopping the program stops collecting: that is said first.
fn suspend(state: &mut State) -> Vec<Cmd> {
    if state.options.engine != Engine::Inside {
        return vec![Cmd::Suspend];
    }
    let mut list = lists::leave(state);
    "Suspend?".clone_into(&mut list.title);
    list.items.insert(
        0,
        Item::new(
            "suspend: collecting stops meanwhile",
            "the engine runs inside this console",
            Run::Leave(Leave::Suspend),
        ),
    );
    open_list(state, list);
    Vec::new()
}
