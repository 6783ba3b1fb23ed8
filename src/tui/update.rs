//! The one place that changes the state: pure, a message in, commands out.

mod acts;
pub(crate) mod mouse;

use crate::model::action::{Action, Outcome};
use crate::model::view::View;
use crate::source::api::SourceError;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Key, Scope};
use crate::tui::msg::{LineMeter, Msg};
use crate::tui::overlay::{Confirm, Item, List, ListKind, Overlay, PromptKind, Run, Step, lists};
use crate::tui::slot::Urgency;
use crate::tui::state::{Chosen, Dirty, GREETING, STATUS, State};
use crate::tui::tabs::TABS;
use crate::tui::theme::SymbolSet;
use crate::tui::time_cursor;
use crate::tui::view;

pub(crate) use crate::tui::update::acts::act;

/// A write that was blocked this long makes the console draw less.
const SLOW_LINE_MS: u64 = 250;
/// Reports of the line without such a write after which it counts as quick again.
const CALM_REPORTS: u32 = 12;

/// The console asks for what it shows around a tab this often at most.
const OWN_MS: i64 = 1_900;

pub(crate) fn update(state: &mut State, msg: Msg) -> Vec<Cmd> {
    match msg {
        Msg::Tick => return tick(state),
        Msg::Answer(ticket, result) => return answer(state, ticket, result),
        Msg::Line(line) => {
            measure(state, line);
            return Vec::new();
        }
        _ => {}
    }
    state.dirty = Dirty::Key;
    let mut cmds = match msg {
        Msg::Key(key) => on_key(state, key),
        Msg::Paste(text) => paste(state, &text),
        Msg::Mouse(event) => mouse::on_mouse(state, event),
        Msg::Resize { width, height } => {
            (state.width, state.height) = (width, height);
            Vec::new()
        }
        Msg::Focus(focused) => {
            state.focused = focused;
            Vec::new()
        }
        Msg::Acted(result) => acted(state, result),
        Msg::Saved(result) => {
            match result {
                Ok(path) => state.toast(format!("saved to {path}"), false),
                Err(why) => state.toast(why, true),
            }
            Vec::new()
        }
        Msg::Leave(leave) => return vec![Cmd::Quit(leave)],
        Msg::Continued => vec![Cmd::Repaint],
        Msg::Failed(why) => {
            state.toast(format!("something inside bongsu failed: {why}"), true);
            Vec::new()
        }
        Msg::WideSymbols => {
            if state.symbols == SymbolSet::Unicode {
                state.symbols = SymbolSet::Narrow;
            }
            vec![Cmd::Repaint]
        }
        Msg::Tick | Msg::Answer(..) | Msg::Line(_) => Vec::new(),
    };
    cmds.extend(ask_all(state, Urgency::Changed));
    cmds
}

/// A slow line makes the console draw less, until it was quick for a while.
fn measure(state: &mut State, line: LineMeter) {
    let frame_ms = line.frame_ms.or(state.line.frame_ms);
    state.line = LineMeter { frame_ms, ..line };
    let slow = line.blocked_ms > SLOW_LINE_MS;
    if slow && !state.low_bandwidth {
        state.low_bandwidth = true;
        state.toast("the line to this terminal is slow: drawing less", false);
    }
    state.calm_reports = if slow { 0 } else { state.calm_reports + 1 };
    if state.low_bandwidth && state.calm_reports >= CALM_REPORTS {
        state.low_bandwidth = false;
        state.toast("the line is quick again: drawing everything", false);
    }
}

fn tick(state: &mut State) -> Vec<Cmd> {
    state.tick = state.now;
    let now = state.now;
    state.toasts.retain(|toast| toast.until > now);
    state.dirty = state.dirty.max(Dirty::Data);
    ask_all(state, Urgency::Refresh)
}

/// Brings every question of what is on screen up to date.
pub(crate) fn ask_all(state: &mut State, urgency: Urgency) -> Vec<Cmd> {
    let body = view::body(state);
    let lively = (TABS[state.tab].lively)(state);
    // Between two ticks of the console itself only the tab is brought up to date.
    let own = !lively || urgency == Urgency::Changed || state.now - state.own_asked >= OWN_MS;
    let mut wanted = Vec::new();
    if own {
        state.own_asked = state.now;
        wanted = state.own_requests();
    }
    wanted.extend((TABS[state.tab].requests)(state, body));
    let now = state.now;
    wanted
        .into_iter()
        .filter_map(|(id, request)| state.slots.ask(id, request, urgency, now))
        .collect()
}

fn answer(
    state: &mut State,
    ticket: crate::tui::slot::Ticket,
    result: Result<crate::model::answer::Answer, SourceError>,
) -> Vec<Cmd> {
    let whose = state.instance().map(str::to_owned);
    let taken = state.slots.answer(ticket, result, state.now);
    let mut cmds: Vec<Cmd> = taken.next.into_iter().collect();
    if !taken.fresh {
        return cmds;
    }
    state.dirty = state.dirty.max(Dirty::Data);
    if ticket.slot == STATUS {
        if let Some(machine) = state.machine() {
            state.time.offset = machine.utc_offset;
        }
        state.notice_alerts();
        cmds.extend(state.announcements().into_iter().map(Cmd::Announce));
        // The first status tells the instance: every question changes with it.
        if state.instance() != whose.as_deref() {
            cmds.extend(ask_all(state, Urgency::Changed));
        }
    }
    if ticket.slot == GREETING {
        greet(state);
    }
    refill(state);
    if (TABS[state.tab].answered)(state, ticket.slot) {
        cmds.extend(ask_all(state, Urgency::Changed));
    }
    cmds
}

/// The lines of the first start for one who attaches to an engine for the first time.
fn greet(state: &mut State) {
    let answer = state.slots.get(GREETING).and_then(|s| s.view());
    if let Some(View::Greeting { first }) = answer
        && state.to_greet
    {
        (state.welcome, state.to_greet) = (*first, false);
    }
}

/// A list that was opened before its answer came is filled when it comes.
fn refill(state: &mut State) {
    let fresh = match top_kind(state) {
        Some(ListKind::Blind) => lists::blind(state),
        Some(ListKind::Browser) => crate::tui::tabs::metrics::browser(state),
        _ => return,
    };
    if let Some(Overlay::List(list)) = state.overlays.last_mut() {
        (list.title, list.items, list.empty) = (fresh.title, fresh.items, fresh.empty);
    }
}

fn acted(state: &mut State, result: Result<Outcome, SourceError>) -> Vec<Cmd> {
    match result {
        Ok(Outcome::Done { said }) => state.toast(said, false),
        Ok(Outcome::Refused { said }) => state.toast(said, true),
        Ok(Outcome::Kept { at, said }) => {
            state.toast(said, false);
            (TABS[state.tab].kept)(state, at);
        }
        Ok(Outcome::Preview { lines }) => {
            let taken = (TABS[state.tab].preview)(state, &lines);
            if !taken {
                let items = lines.into_iter().map(|l| Item::new(l, "", Run::Nothing));
                let list = List::new(ListKind::Menu, "Preview", items.collect());
                state.overlays.push(Overlay::List(list));
            }
        }
        Err(why) => state.toast(why.to_string(), true),
    }
    ask_all(state, Urgency::Refresh)
}

fn on_key(state: &mut State, key: Key) -> Vec<Cmd> {
    let first = std::mem::take(&mut state.welcome);
    // Nothing moves any more under somebody who has begun.
    state.to_greet = false;
    if key.latin() == Key::ctrl('c') {
        return vec![Cmd::Quit(crate::tui::cmd::Leave::Quit)];
    }
    if let Some(overlay) = state.overlays.last_mut() {
        let typing = overlay.is_typing();
        let step = overlay.key(key);
        state.hangul = !typing && key.is_hangul();
        return overlay_step(state, step);
    }
    if let Some(cmds) = (TABS[state.tab].key)(state, key) {
        state.hangul = false;
        return cmds;
    }
    state.hangul = key.is_hangul();
    let scopes = [Scope::Tab(TABS[state.tab].name), Scope::Global];
    let found = state.keymap.find(&scopes, key);
    // The key that dismisses the first lines does its work as well, but never leaves.
    match found {
        Some(found) if !(first && found == crate::tui::keymap::Act::Escape) => act(state, found),
        _ => Vec::new(),
    }
}

fn overlay_step(state: &mut State, step: Step) -> Vec<Cmd> {
    match step {
        Step::Stay => {
            preview_theme(state);
            Vec::new()
        }
        Step::Close => {
            close(state);
            Vec::new()
        }
        Step::Choose(item) => choose(state, item),
        Step::Typed(text) => typed(state, &text),
        Step::Submit => submit(state),
        Step::Do(what) => {
            state.overlays.pop();
            perform(state, what)
        }
    }
}

fn choose(state: &mut State, item: Item) -> Vec<Cmd> {
    if let Some(why) = item.why_not {
        state.toast(why, true);
        return Vec::new();
    }
    if top_kind(state) == Some(ListKind::Palette) {
        state.remember(item.label);
    }
    state.theme_before = None;
    state.overlays.pop();
    run(state, item.run)
}

/// What was typed into the palette and is nobody's name: a time to go to, or a range.
fn typed(state: &mut State, text: &str) -> Vec<Cmd> {
    let text = text.trim();
    let range = text.strip_prefix("range ").unwrap_or(text);
    if let Ok(range) = crate::base::units::parse_duration_ms(range.trim()) {
        state.overlays.pop();
        state.time.set_range(range, state.now);
    } else {
        let when = text.strip_prefix("go ").unwrap_or(text);
        match time_cursor::parse_when(when, state.now, state.time.zone()) {
            Ok(at) => {
                state.overlays.pop();
                return acts::go_to(state, at);
            }
            Err(_) => state.toast(format!("{text:?} is no name, time or range"), true),
        }
    }
    Vec::new()
}

fn top_kind(state: &State) -> Option<ListKind> {
    match state.overlays.last() {
        Some(Overlay::List(list)) => Some(list.kind),
        _ => None,
    }
}

/// One level back; a theme that was only looked at is taken back.
fn close(state: &mut State) {
    state.overlays.pop();
    if let Some(before) = state.theme_before.take() {
        state.theme = before;
    }
}

fn preview_theme(state: &mut State) {
    if let Some(Overlay::List(list)) = state.overlays.last()
        && list.kind == ListKind::Themes
        && let Some(Run::Theme(name)) = list.current().map(|i| i.run)
    {
        state.theme_before.get_or_insert(state.theme);
        state.theme = name;
    }
}

/// Does what an item stands for; a question comes first where one is due.
pub(crate) fn run(state: &mut State, what: Run) -> Vec<Cmd> {
    if let Run::Order { action, confirm } = what {
        if state.options.read_only {
            state.toast("this console was started with --read-only", true);
            return Vec::new();
        }
        let order = Run::Order {
            action,
            confirm: None,
        };
        let Some(question) = confirm else {
            return perform(state, order);
        };
        state.overlays.push(Overlay::Confirm(Confirm {
            title: "Sure?".to_owned(),
            lines: question.lines().map(str::to_owned).collect(),
            run: order,
        }));
        return Vec::new();
    }
    perform(state, what)
}

fn perform(state: &mut State, what: Run) -> Vec<Cmd> {
    match what {
        Run::Nothing => {}
        Run::Act(what) => return act(state, what),
        Run::Tab(at) => state.tab = at,
        Run::Order { action, .. } => {
            if let Action::Bookmark {
                t, remove: true, ..
            } = action
            {
                state.bookmarks.retain(|m| m.t != t);
            }
            return vec![Cmd::Act(action)];
        }
        Run::Instance(name) => {
            state.chosen_instance = Some(name.map_or(Chosen::All, Chosen::One));
        }
        Run::Theme(name) => state.theme = name,
        Run::Leave(crate::tui::cmd::Leave::Suspend) => return vec![Cmd::Suspend],
        Run::Leave(leave) => return vec![Cmd::Quit(leave)],
        Run::Prompt(kind) => acts::prompt(state, kind),
        Run::GoTo(at) => state.time.go_to(at, state.now),
        Run::Range(range) => state.time.set_range(range, state.now),
        Run::Logs(to) => crate::tui::tabs::logs::open(state, to),
        Run::Trace(id) => crate::tui::tabs::traces::show(state, id),
        Run::Traces { query, at } => crate::tui::tabs::traces::find(state, &query, at),
        Run::Copy(text) => return copy(state, text),
        Run::Give { tag, text } => {
            let given = (TABS[state.tab].prompted)(state, tag, &text);
            match given {
                Ok(cmds) => return cmds,
                Err(why) => state.toast(why, true),
            }
        }
    }
    Vec::new()
}

/// Sends text to the clipboard of the terminal; whether it arrives there is not ours to know.
pub(crate) fn copy(state: &mut State, text: String) -> Vec<Cmd> {
    if view::clipboard_fits(&text) {
        state.toast("sent to the terminal's clipboard", false);
    } else {
        let said = "that is more than a terminal's clipboard takes (74 kB)";
        state.toast(said, true);
    }
    vec![Cmd::Copy(text)]
}

fn submit(state: &mut State) -> Vec<Cmd> {
    let Some(Overlay::Prompt(prompt)) = state.overlays.last() else {
        return Vec::new();
    };
    let (kind, text) = (prompt.kind.clone(), prompt.edit.text().to_owned());
    let result = match kind {
        PromptKind::Time => time_cursor::parse_when(&text, state.now, state.time.zone())
            .map(|at| acts::go_to(state, at)),
        PromptKind::Range => crate::base::units::parse_duration_ms(text.trim())
            .map(|range| {
                state.time.set_range(range, state.now);
                Vec::new()
            })
            .map_err(|e| e.to_string()),
        PromptKind::Bookmark(at) => Ok(acts::set_bookmark(state, at, &text)),
        PromptKind::Tab(tag) => {
            // The tab may open the next prompt, so this one makes room first.
            let before = state.overlays.pop();
            let result = (TABS[state.tab].prompted)(state, tag, &text);
            if let (Err(_), Some(prompt)) = (&result, before) {
                state.overlays.push(prompt);
            } else {
                return result.unwrap_or_default();
            }
            result
        }
    };
    match result {
        Ok(cmds) => {
            state.overlays.pop();
            cmds
        }
        Err(why) => {
            if let Some(Overlay::Prompt(prompt)) = state.overlays.last_mut() {
                prompt.error = Some(why);
            }
            Vec::new()
        }
    }
}

/// Pasted text goes into inputs only, never to the keys.
fn paste(state: &mut State, text: &str) -> Vec<Cmd> {
    match state.overlays.last_mut() {
        Some(overlay) => overlay.paste(text),
        None => {
            (TABS[state.tab].paste)(state, text);
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
