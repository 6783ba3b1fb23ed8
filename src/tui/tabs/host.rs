//! Tab 2, Host: one machine in detail, a section at a time.
//!
//! A section is a row of [`SECTIONS`]: panels of the Overview drawn large above, tables below. `Tab`
//! goes from one to the next, so that all are reached at 80x24 as well. Everything that is a number
//! works for any instance; processes are read on this server only and say so.

mod cores;
mod devices;
mod memory;
mod processes;
mod sensors;
mod space;

use crate::model::request::Request;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Act, Key};
use crate::tui::msg::{Mouse, MouseKind};
use crate::tui::overlay::Item;
use crate::tui::panel::{Panel, Shown, cpu, disks, load, network};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::zoom::Zoom;
use crate::tui::tabs::{Tab, overview};
use crate::tui::theme::Theme;
use crate::tui::update::mouse::{is_over, on_chart};
use crate::tui::widget::chart::GUTTER;
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub(crate) const TAB: Tab = Tab {
    digit: Some('2'),
    requests,
    act,
    key,
    paste,
    click,
    menu,
    ..Tab::new(
        "Host",
        "one machine in detail: processes, cores, memory, disks, network, filesystems",
        view,
    )
};

/// One section.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    /// Panels above the table, side by side.
    pub(crate) panels: &'static [&'static Panel],
    /// Rows that the panels take where there is room for both; 0 is half of the body.
    pub(crate) panel_rows: u16,
    /// Below this height the panels are left out.
    pub(crate) panels_from: u16,
    pub(crate) requests: fn(&Shown<'_>) -> Vec<Request>,
    /// Paints the part below the panels.
    pub(crate) view: fn(&Shown<'_>, &Look, Rect, &mut Buffer) -> Option<Position>,
    /// Rows that can be scrolled through.
    pub(crate) rows: fn(&Shown<'_>) -> usize,
}

const SECTIONS: &[&Section] = &[
    &processes::SECTION,
    &cores::SECTION,
    &memory::SECTION,
    &devices::DISKS,
    &devices::INTERFACES,
    &space::SECTION,
    &PRESSURE,
    &sensors::SECTION,
];

/// Load and pressure is all chart.
const PRESSURE: Section = Section {
    name: "Load",
    panels: &[&load::PANEL],
    panel_rows: u16::MAX,
    panels_from: 0,
    requests: |_| Vec::new(),
    view: |_, _, _, _| None,
    rows: |_| 0,
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    pub(crate) section: usize,
    /// First visible row of the section that is open.
    pub(crate) offset: usize,
    /// The charts, or what stands below them, alone.
    zoom: Zoom,
    pub(crate) processes: processes::Local,
}

fn section(state: &State) -> &'static Section {
    SECTIONS[state.locals.host.section.min(SECTIONS.len() - 1)]
}

fn on_processes(state: &State) -> bool {
    state.locals.host.section == 0
}

/// Charts above and something below: one of them can be made larger.
fn has_both(section: &Section) -> bool {
    !section.panels.is_empty() && section.panel_rows != u16::MAX
}

/// The next of both alone. Where the charts have no room beside it, what is below has all of it
/// already.
fn zoom(state: &mut State) {
    let before = parts(state, crate::tui::view::body(state));
    let zoom = &mut state.locals.host.zoom;
    *zoom = zoom.next(Zoom::Lower);
    if parts(state, crate::tui::view::body(state)) == before {
        let zoom = &mut state.locals.host.zoom;
        *zoom = zoom.next(Zoom::Lower);
    }
    state.locals.host.offset = 0;
}

/// The strip of names, the panels, and what is below them.
fn parts(state: &State, body: Rect) -> (Rect, Rect, Rect) {
    let section = section(state);
    let strip = Rect {
        height: 1.min(body.height),
        ..body
    };
    let rest = Rect {
        y: body.y + strip.height,
        height: body.height - strip.height,
        ..body
    };
    let wanted = match section.panel_rows {
        _ if has_both(section) && state.locals.host.zoom == Zoom::Upper => rest.height,
        _ if has_both(section) && state.locals.host.zoom == Zoom::Lower => 0,
        _ if section.panels.is_empty() || rest.height < section.panels_from => 0,
        0 => rest.height / 2,
        rows => rows.min(rest.height),
    };
    let panels = Rect {
        height: wanted,
        ..rest
    };
    let below = Rect {
        y: rest.y + wanted,
        height: rest.height - wanted,
        ..rest
    };
    (strip, panels, below)
}

/// The panels share the width.
fn panel_places(section: &Section, area: Rect) -> Vec<(&'static Panel, Rect)> {
    let count = section.panels.len() as u16;
    if area.is_empty() || count == 0 {
        return Vec::new();
    }
    let place = |(i, panel): (u16, &&'static Panel)| {
        let (from, to) = (area.width * i / count, area.width * (i + 1) / count);
        (
            *panel,
            Rect {
                x: area.x + from,
                width: to - from,
                ..area
            },
        )
    };
    (0..).zip(section.panels).map(place).collect()
}

fn shown<'a>(state: &'a State, owner: &'static str, width: u16) -> Shown<'a> {
    Shown {
        state,
        panel: owner,
        ask: state.ask(width.saturating_sub(2 + GUTTER)),
        focused: false,
        zoomed: true,
        chart_only: true,
    }
}

fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let section = section(state);
    let (_, panels, below) = parts(state, body);
    let mut out = Vec::new();
    let mut add = |owner: &'static str, asked: Vec<Request>| {
        let slots = asked.into_iter().enumerate();
        out.extend(slots.map(|(part, request)| (SlotId::new(owner, part), request)));
    };
    for (panel, place) in panel_places(section, panels) {
        let shown = shown(state, panel.name, place.width);
        add(panel.name, (panel.requests)(&shown.ask));
    }
    let shown = shown(state, section.name, below.width);
    add(section.name, (section.requests)(&shown));
    out
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let count = SECTIONS.len();
    let has_both = has_both(section(state));
    let local = &mut state.locals.host;
    match act {
        Act::NextPane => local.section = (local.section + 1) % count,
        Act::PrevPane => local.section = (local.section + count - 1) % count,
        Act::ZoomPane if has_both => {
            zoom(state);
            return Some(Vec::new());
        }
        Act::Escape | Act::Back if local.zoom != Zoom::Both => {
            (local.zoom, local.offset) = (Zoom::Both, 0);
            return Some(Vec::new());
        }
        _ if on_processes(state) => return processes::act(state, act),
        _ => return scroll(state, act),
    }
    (local.zoom, local.offset) = (Zoom::Both, 0);
    Some(Vec::new())
}

/// Rows that are visible below the panels, the header of their table left out.
fn visible(state: &State) -> usize {
    let (_, _, below) = parts(state, crate::tui::view::body(state));
    usize::from(below.height.saturating_sub(2))
}

fn scroll(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let visible = visible(state).max(1);
    let section = section(state);
    let rows = (section.rows)(&shown(state, section.name, state.width));
    let last = rows.saturating_sub(visible);
    let offset = &mut state.locals.host.offset;
    *offset = match act {
        Act::Down => *offset + 1,
        Act::Up => offset.saturating_sub(1),
        Act::PageDown => *offset + visible,
        Act::PageUp => offset.saturating_sub(visible),
        Act::Top => 0,
        Act::Bottom => last,
        _ => return None,
    }
    .min(last);
    Some(Vec::new())
}

fn key(state: &mut State, key: Key) -> Option<Vec<Cmd>> {
    if on_processes(state) {
        return processes::key(state, key);
    }
    None
}

fn paste(state: &mut State, text: &str) -> bool {
    on_processes(state) && processes::paste(state, text)
}

/// A section by its name, a time on a chart, a process by its row.
fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    let (strip, panels, below) = parts(state, body);
    if is_over(mouse, strip) {
        let hit = section_at(state, strip, mouse.column);
        if let Some(at) = hit.filter(|_| mouse.kind == MouseKind::Press) {
            let local = &mut state.locals.host;
            (local.section, local.offset, local.zoom) = (at, 0, Zoom::Both);
        }
        return hit.is_some();
    }
    for (panel, place) in panel_places(section(state), panels) {
        if is_over(mouse, place) {
            let asked = (panel.requests)(&shown(state, panel.name, place.width).ask);
            if let Some(plot) = overview::plot_of(&asked, place) {
                on_chart(state, plot, mouse);
            }
            return true;
        }
    }
    let pressed = mouse.kind == MouseKind::Press && is_over(mouse, below);
    if pressed && on_processes(state) {
        // The counts and the names of the columns stand above the rows.
        if let Some(row) = mouse.row.checked_sub(below.y + 2) {
            processes::choose(state, usize::from(row));
        }
    }
    pressed
}

fn menu(state: &State) -> Vec<Item> {
    if on_processes(state) {
        return processes::menu(state);
    }
    Vec::new()
}

fn view(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(theme);
    let section = section(state);
    let (strip, panels, below) = parts(state, body);
    names(state, theme, strip, buffer);
    for (panel, place) in panel_places(section, panels) {
        let shown = shown(state, panel.name, place.width);
        overview::paint_panel(&shown, panel, (theme, &look), place, buffer);
    }
    if below.height == 0 {
        return None;
    }
    let shown = shown(state, section.name, below.width);
    (section.view)(&shown, &look, below, buffer)
}

/// The names of all sections, cut where there is no room for all of them.
fn labels(state: &State, row: Rect) -> Vec<String> {
    let longest: usize = SECTIONS.iter().map(|s| s.name.len() + 2).sum();
    let label = |(i, section): (usize, &&Section)| {
        if longest > usize::from(row.width) && i != state.locals.host.section {
            format!(" {} ", &section.name[..section.name.len().min(6)])
        } else {
            format!(" {} ", section.name)
        }
    };
    SECTIONS.iter().enumerate().map(label).collect()
}

fn section_at(state: &State, row: Rect, column: u16) -> Option<usize> {
    let mut end = row.x;
    labels(state, row).iter().position(|label| {
        end += label.len() as u16;
        column < end
    })
}

/// The names of all sections, the open one marked; facts of the machine where there is room.
fn names(state: &State, theme: &Theme, row: Rect, buffer: &mut Buffer) {
    let open = state.locals.host.section;
    let mut x = row.x;
    for (i, label) in labels(state, row).into_iter().enumerate() {
        let style = if i == open { theme.tab } else { theme.dim };
        x = paint::put(buffer, (x, row.y), row.right(), &label, style);
    }
    let Some(machine) = state.machine().filter(|_| state.is_local()) else {
        return;
    };
    let up = (state.tick - machine.booted_at).max(0) as f64 / 1000.0;
    let up = crate::tui::widget::unit::Unit::Seconds.show(up);
    let facts = [
        format!(
            "{}  kernel {}  {}  up {up}",
            machine.os, machine.kernel, machine.cpu_model
        ),
        format!("{}  kernel {}  up {up}", machine.os, machine.kernel),
        format!("up {up}"),
    ];
    let room = usize::from(row.right().saturating_sub(x + 2));
    let fits = |f: &&String| crate::base::text::width(f) <= room;
    if let Some(facts) = facts.iter().find(fits) {
        paint::put_right(buffer, (x, row.y), row.right() - 1, facts, theme.dim);
    }
}

/// Panels that sections share.
const CPU: &[&Panel] = &[&cpu::PANEL];
const DISK: &[&Panel] = &[&disks::PANEL];
const NETWORK: &[&Panel] = &[&network::PANEL];
