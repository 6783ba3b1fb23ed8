//! Paints a state: header, banner, the open tab, hints, and what lies over it.
//!
//! Pure: takes no lock and reads no clock. The same state always paints the same screen.

use crate::base::text;
use crate::tui::keymap::{Act, BINDINGS, Binding, Scope};
use crate::tui::overlay::{lists, paint};
use crate::tui::run::Engine;
use crate::tui::state::{STATUS, State};
use crate::tui::tabs::TABS;
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

/// Below this nothing is laid out any more.
pub(crate) const SMALLEST: (u16, u16) = (60, 18);
/// Base64 that terminals take in one OSC 52; tmux and others cut or drop more.
const MAX_CLIPBOARD: usize = 74_994;
/// Seconds without a word of the engine after which that is said.
const SILENT_S: i64 = 25;

/// Where the open tab is painted.
pub(crate) fn body(state: &State) -> Rect {
    let top = 1 + u16::from(!state.time.is_live()) + welcome_rows(state);
    Rect::new(
        0,
        top.min(state.height),
        state.width,
        state.height.saturating_sub(top + 1),
    )
}

/// Lines of the first start, above the tab.
fn welcome_rows(state: &State) -> u16 {
    if state.welcome { 3 } else { 0 }
}

/// True where this much text can be handed to a terminal's clipboard.
pub(crate) fn clipboard_fits(text: &str) -> bool {
    text.len().div_ceil(3) * 4 <= MAX_CLIPBOARD
}

/// The whole screen; gives the place of the text caret where there is one.
pub(crate) fn view(
    state: &State,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(theme, area, buffer);
        return None;
    }
    buffer.set_style(area, theme.text);
    header(state, theme, Rect { height: 1, ..area }, buffer);
    if !state.time.is_live() {
        banner(state, theme, Rect::new(0, 1, area.width, 1), buffer);
    }
    let body = body(state);
    let mut caret = (TABS[state.tab].view)(state, theme, body, buffer);
    let bottom = Rect::new(0, area.height - 1, area.width, 1);
    footer(state, theme, bottom, buffer);
    if state.welcome {
        let rows = welcome_rows(state);
        let place = Rect::new(0, body.y - rows, area.width, rows);
        welcome(state, theme, place, buffer);
    }
    for overlay in &state.overlays {
        caret = paint::overlay(overlay, theme, area, buffer);
    }
    toasts(state, theme, body, buffer);
    caret
}

fn too_small(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let lines = [
        format!("too small: {}x{}", area.width, area.height),
        format!("bongsu needs {}x{}", SMALLEST.0, SMALLEST.1),
        "q leaves".to_owned(),
    ];
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    for (n, line) in lines.iter().enumerate().take(area.height.into()) {
        let columns = usize::from(area.width);
        let shown = text::clip(line, columns);
        let x = (columns - text::width(shown)) / 2;
        buffer.set_string(x as u16, top + n as u16, shown, theme.text);
    }
}

/// Columns from which tabs stand with their whole names, and with the first letters of them; below
/// only the chosen one has a name, so that instance, range and clock keep their place.
const NAMES_FROM: u16 = 150;
const LETTERS_FROM: u16 = 110;
/// Columns from which the hints leave room for what a frame costs.
const FRAME_COST_FROM: u16 = 160;

/// The columns of each tab's name in the header.
fn tab_places(state: &State) -> Vec<(usize, String, u16)> {
    let mut x = 8;
    let mut out = Vec::new();
    for (at, tab) in TABS.iter().enumerate() {
        if tab.digit.is_none() && at != state.tab {
            continue;
        }
        let digit = tab.digit.map(|d| format!("{d} ")).unwrap_or_default();
        let name = match state.width {
            _ if at == state.tab => tab.name,
            NAMES_FROM.. => tab.name,
            LETTERS_FROM.. => text::clip(tab.name, 4),
            _ => "",
        };
        let label = format!(" {} ", format!("{digit}{name}").trim_end());
        let width = text::width(&label) as u16;
        out.push((at, label, x));
        x += width;
    }
    out
}

/// The tab whose name stands at this column of the header.
pub(crate) fn tab_at(state: &State, column: u16) -> Option<usize> {
    let mut places = tab_places(state).into_iter();
    let hit = |(at, label, x): (usize, String, u16)| {
        let width = text::width(&label) as u16;
        (x..x + width).contains(&column).then_some(at)
    };
    places.find_map(hit)
}

fn header(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    buffer.set_style(area, theme.header);
    buffer.set_string(0, 0, " bongsu", theme.accent);
    let places = tab_places(state);
    let mut end = 8;
    for (at, label, x) in places {
        let style = if at == state.tab {
            theme.tab
        } else {
            theme.dim
        };
        buffer.set_stringn(
            x,
            0,
            &label,
            usize::from(area.width.saturating_sub(x)),
            style,
        );
        end = x + text::width(&label) as u16;
    }
    let instance = match (state.instance(), &state.chosen_instance) {
        (Some(name), _) => text::display(name).into_owned(),
        (None, Some(_)) => "all instances".to_owned(),
        (None, None) => "...".to_owned(),
    };
    let range = crate::base::units::format_duration_ms(state.time.range);
    end = firing(state, theme, (end, area.width), buffer);
    let waiting = waiting(state);
    let clock = state.time.clock(state.tick);
    let right = format!(
        "{waiting}{instance}  {range}  {clock} {} ",
        state.time.zone_name()
    );
    let alarm = alarm(state);
    let alarmed = text::width(&alarm) as u16;
    let room = usize::from(area.width.saturating_sub(end + 1 + alarmed));
    let right = text::fit(&right, room, theme.symbols.ellipsis);
    let x = area.width - text::width(&right) as u16;
    buffer.set_string(x, 0, &right, theme.header);
    // What is wrong stands even where the clock has to give way.
    if alarmed > 0 && end + alarmed < area.width {
        buffer.set_string(x - alarmed, 0, &alarm, theme.bad);
    }
}

/// What is wrong with the engine, or dangerous, in a word, and the key that tells the rest.
fn alarm(state: &State) -> String {
    let key = state.keymap.label(Act::Blind);
    let narrow = state.width < 110;
    let open = match state.status() {
        Some(s) if s.open_to_everybody && narrow => " open",
        Some(s) if s.open_to_everybody => " open to everybody",
        _ => "",
    };
    match state.problems().len() {
        0 if open.is_empty() => String::new(),
        0 => format!("{open} "),
        n if narrow => format!("{open} !{n} {key} "),
        1 => format!("{open} 1 problem: {key} "),
        n => format!("{open} {n} problems: {key} "),
    }
}

/// How many alerts fire, after the tabs; reversed for a moment when one has just begun to. Gives
/// the column after it.
fn firing(state: &State, theme: &Theme, (x, width): (u16, u16), buffer: &mut Buffer) -> u16 {
    let firing = state.status().map_or(0, |s| s.alerts.firing);
    if firing == 0 {
        return x;
    }
    let label = format!(" {firing} firing ");
    let columns = text::width(&label) as u16;
    if x + columns >= width {
        return x;
    }
    let style = if state.now < state.flash_until {
        theme.bad.add_modifier(Modifier::REVERSED)
    } else {
        theme.bad
    };
    buffer.set_string(x, 0, &label, style);
    x + columns
}

/// Says that the engine is slow, or silent: nothing on screen may pass for new that is not.
fn waiting(state: &State) -> String {
    let told = state.slots.get(STATUS).map_or(0, |s| s.answered_at());
    let silent = (state.now - told) / 1000;
    if told > 0 && silent >= SILENT_S {
        return format!("no answer for {silent} s  ");
    }
    match state.slots.slowest() {
        Some(since) if state.now - since >= 1000 => {
            format!("asking for {} s  ", (state.now - since) / 1000)
        }
        _ => String::new(),
    }
}

/// Says that this is not now, and how to come back.
fn banner(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let time = &state.time;
    let at = time.instant().unwrap_or(state.tick);
    let ago = ago(state.tick - at);
    let word = match (time.paused, time.end) {
        (true, _) => format!("{} paused", theme.symbols.pause),
        (false, Some(_)) => format!("{} rewound", theme.symbols.left),
        (false, None) => "cursor".to_owned(),
    };
    let now = state.keymap.label(Act::Now);
    let selection = time.selection.map_or_else(String::new, |from| {
        format!("  selecting from {}", time.clock(from))
    });
    let gap = gap_at(state, at).map_or_else(String::new, |g| format!("  {g}"));
    let text = format!(
        " {word}  {} {}  {ago}{selection}{gap}   {now} back to now ",
        time.date_clock(at),
        time.zone_name(),
    );
    buffer.set_style(area, theme.banner);
    let columns = usize::from(area.width);
    let shown = text::left(&text, columns, theme.symbols.ellipsis);
    buffer.set_string(area.x, area.y, shown, theme.banner);
}

/// Whether nothing was collected at an instant, and why.
fn gap_at(state: &State, at: i64) -> Option<String> {
    let marks = state.marks();
    let gap = marks
        .iter()
        .find(|m| m.kind == crate::model::view::MarkKind::Gap && m.t <= at && at <= m.until)?;
    Some(format!("not collected then: {}", text::display(&gap.text)))
}

/// `-00:14:32`, with days where there are any.
fn ago(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (h, m, s) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match seconds / 86_400 {
        0 => format!("-{h:02}:{m:02}:{s:02}"),
        days => format!("-{days}d {h:02}:{m:02}:{s:02}"),
    }
}

/// Hints to the left, what bongsu itself costs to the right.
fn footer(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let cost = own_cost(state);
    let cost_width = text::width(&cost) as u16;
    let x = area.width.saturating_sub(cost_width);
    buffer.set_string(x, area.y, &cost, theme.dim);
    let mut spans: Vec<Span<'_>> = vec![Span::raw(" ")];
    if state.hangul {
        spans.push(Span::styled("한 ", theme.warn));
    }
    let tab = Scope::Tab(TABS[state.tab].name);
    let mut used = spans.iter().map(Span::width).sum::<usize>();
    let room = usize::from(x.saturating_sub(1));
    // The help first, whatever else has room; then what is this tab's own.
    let rank = |b: &&Binding| match (b.act, b.scope == tab) {
        (Act::Help, _) => 0,
        (_, true) => 1,
        _ => 2,
    };
    let mut bindings: Vec<&Binding> = BINDINGS
        .iter()
        .filter(|b| b.scope == tab || b.scope == Scope::Global)
        .collect();
    bindings.sort_by_key(rank);
    for binding in bindings {
        let key = state.keymap.label(binding.act);
        let idle = binding.act == Act::Now && state.time.is_live();
        if binding.hint.is_empty() || key.is_empty() || idle {
            continue;
        }
        let width = text::width(&key) + text::width(binding.hint) + 3;
        if used + width > room {
            continue;
        }
        used += width;
        spans.push(Span::styled(key, theme.key));
        spans.push(Span::styled(format!(" {}  ", binding.hint), theme.dim));
    }
    let place = Rect { width: x, ..area };
    Line::from(spans).render(place, buffer);
}

/// CPU and memory of the engine, its disk, and what goes to this terminal.
fn own_cost(state: &State) -> String {
    let mut out = String::new();
    if let Some(status) = state.status() {
        let own = &status.own;
        out.push_str(&format!("{:.1}%", own.cpu * 100.0));
        out.push_str(&format!("  {}", bytes(own.rss as f64)));
        out.push_str(&format!(
            "  disk {}",
            bytes(status.storage.disk_bytes as f64)
        ));
    }
    out.push_str(&format!("  line {}/s", bytes(state.line.bytes_per_second)));
    // On a narrow screen the keys need the room.
    if let Some(ms) = state
        .line
        .frame_ms
        .filter(|_| state.width >= FRAME_COST_FROM)
    {
        let digits = usize::from(ms < 10.0);
        out.push_str(&format!(", {ms:.digits$} ms/frame"));
    }
    let mode = match state.options.engine {
        Engine::Inside => "",
        Engine::Attached => "  attached",
        Engine::Remote => "  remote",
    };
    let other = state.status().map(|s| s.version.as_str());
    let other = other.filter(|v| !v.is_empty() && *v != env!("CARGO_PKG_VERSION"));
    let version = other.map_or_else(String::new, |version| {
        format!(" to {version}, this is {}", env!("CARGO_PKG_VERSION"))
    });
    format!("{out}{mode}{version} ")
}

/// Bytes in three digits: `830B`, `12k`, `3.4M`.
fn bytes(n: f64) -> String {
    const UNITS: [&str; 5] = ["B", "k", "M", "G", "T"];
    let mut n = n;
    let mut unit = 0;
    while n >= 1000.0 && unit + 1 < UNITS.len() {
        n /= 1024.0;
        unit += 1;
    }
    if unit > 0 && n < 10.0 {
        format!("{n:.1}{}", UNITS[unit])
    } else {
        format!("{n:.0}{}", UNITS[unit])
    }
}

/// What cannot be read here, with the command that would allow it, or the key that shows it where
/// the line has no room.
fn hidden(state: &State, width: usize) -> String {
    let spots = lists::blind_spots(state);
    let Some(spot) = spots.first() else {
        return "Everything a console shows can be read here.".to_owned();
    };
    let what = text::display(&spot.what);
    let more = match spots.len() - 1 {
        0 => String::new(),
        more => format!(" (+{more})"),
    };
    let whole = format!(
        "Cannot be read: {what}{more}: {}",
        text::display(&spot.way_out)
    );
    if text::width(&whole) <= width {
        return whole;
    }
    let key = state.keymap.label(Act::Blind);
    format!("{key} tells what would allow it. Cannot be read: {what}{more}")
}

/// The three lines of the first start.
fn welcome(state: &State, theme: &Theme, place: Rect, buffer: &mut Buffer) {
    let collected = match state.status() {
        Some(status) => format!(
            "Collecting this server ({}); history is kept in {}.",
            text::display(&status.machine.host),
            text::display(&status.data_dir)
        ),
        None => "Collecting this server.".to_owned(),
    };
    let hidden = hidden(state, place.width.saturating_sub(1).into());
    let keys = format!(
        "{} shows all keys, {} finds everything by name. Any key takes these lines away.",
        state.keymap.label(Act::Help),
        state.keymap.label(Act::Palette)
    );
    let lines = [collected, hidden, keys];
    for (row, line) in place.rows().zip(&lines) {
        let shown = text::left(
            &format!(" {line}"),
            row.width.into(),
            theme.symbols.ellipsis,
        );
        buffer.set_string(row.x, row.y, shown, theme.accent);
    }
}

fn toasts(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) {
    for (n, toast) in state.toasts.iter().rev().enumerate() {
        let columns = usize::from(body.width.saturating_sub(4));
        let (mark, style): (&str, Style) = if toast.bad {
            (theme.symbols.cross, theme.bad)
        } else {
            (theme.symbols.check, theme.good)
        };
        let line = format!(" {mark} {} ", toast.text);
        let shown = text::fit(&line, columns, theme.symbols.ellipsis);
        let width = text::width(&shown) as u16;
        let Some(y) = body
            .bottom()
            .checked_sub(1 + n as u16)
            .filter(|y| *y >= body.y)
        else {
            return;
        };
        let place = Rect::new(body.right() - width, y, width, 1);
        Clear.render(place, buffer);
        buffer.set_string(place.x, y, &shown, style);
    }
}
