//! What is shown below the list: the chosen container's charts, output, processes or inspection.

use crate::base::text::display;
use crate::model::request::{Request, ViewName};
use crate::model::view::{ContainerFacts, ContainerOutput, ProcessRow, View, container_key};
use crate::tui::keymap::Act;
use crate::tui::panel::containers::{PARTS, Row};
use crate::tui::panel::processes;
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::containers::{OWNER, charts, command};
use crate::tui::widget::frame::{self, Frame};
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The panes, in the order in which Tab goes through them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pane {
    #[default]
    Charts,
    Logs,
    Processes,
    Inspect,
}

const PANES: [(Pane, &str); 4] = [
    (Pane::Charts, "Charts"),
    (Pane::Logs, "Logs"),
    (Pane::Processes, "Processes"),
    (Pane::Inspect, "Inspect"),
];

impl Pane {
    fn place(self) -> usize {
        PANES.iter().position(|(p, _)| *p == self).unwrap_or(0)
    }

    pub(super) fn title(self) -> &'static str {
        PANES[self.place()].1
    }

    pub(super) fn next(self, forward: bool) -> Self {
        let step = if forward { 1 } else { PANES.len() - 1 };
        PANES[(self.place() + step) % PANES.len()].0
    }

    /// What Docker's and podman's command line show instead.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Charts => "stats",
            Self::Logs => "logs -f --tail 500",
            Self::Processes => "top",
            Self::Inspect => "inspect",
        }
    }

    fn view(self, key: u64) -> Option<ViewName> {
        match self {
            Self::Charts => None,
            Self::Logs => Some(ViewName::ContainerOutput(key)),
            Self::Processes => Some(ViewName::ContainerProcesses(key)),
            Self::Inspect => Some(ViewName::ContainerFacts(key)),
        }
    }
}

/// The slot of the pane's view, after those of the list and of the charts.
const PART: usize = PARTS + charts::PARTS;

pub(super) fn requests(state: &State, row: &Row<'_>, below: Rect) -> Vec<(SlotId, Request)> {
    let pane = state.locals.containers.pane;
    let Some(found) = row.found.filter(|_| pane != Pane::Charts) else {
        let charts = charts::requests(state, row, below);
        let slots = charts.into_iter().enumerate();
        return slots
            .map(|(i, r)| (SlotId::new(OWNER, PARTS + i), r))
            .collect();
    };
    if !state.time.is_live() {
        return Vec::new();
    }
    let view = pane.view(container_key(&found.id));
    let request = |view| (SlotId::new(OWNER, PART), Request::View { view, at: None });
    view.map(request).into_iter().collect()
}

fn answered(state: &State) -> Option<&View> {
    state.slots.get(SlotId::new(OWNER, PART))?.view()
}

/// Moves in what is shown; true where that was meant.
pub(super) fn scroll(state: &mut State, act: Act, page: usize) -> bool {
    let backwards = state.locals.containers.pane == Pane::Logs;
    let scroll = &mut state.locals.containers.scroll;
    // Output is read from its end: up is further away from it.
    let (more, less, far) = if backwards {
        (Act::Up, Act::Down, Act::Top)
    } else {
        (Act::Down, Act::Up, Act::Bottom)
    };
    *scroll = match act {
        a if a == more => *scroll + 1,
        a if a == less => scroll.saturating_sub(1),
        a if a == far => usize::MAX / 2,
        Act::Top | Act::Bottom => 0,
        Act::PageUp | Act::PageDown if (act == Act::PageUp) == backwards => *scroll + page,
        Act::PageUp | Act::PageDown => scroll.saturating_sub(page),
        _ => return false,
    };
    // No further than there is something, so that the way back begins at once.
    let most = length(state).saturating_sub(page);
    let scroll = &mut state.locals.containers.scroll;
    *scroll = (*scroll).min(most);
    true
}

fn length(state: &State) -> usize {
    match answered(state) {
        Some(View::ContainerOutput(output)) => output.lines.len(),
        Some(View::ContainerFacts(facts)) => facts.sections.iter().map(|s| s.lines.len() + 2).sum(),
        Some(View::Processes(view)) => view.rows.len() + 1,
        _ => 0,
    }
}

pub(super) fn paint(state: &State, row: &Row<'_>, area: Rect, (buf, look): (&mut Buffer, &Look)) {
    let pane = state.locals.containers.pane;
    let copies = row.found.and_then(|found| {
        let key = state.keymap.label(Act::CopyCommand);
        Some(format!("{key} copies: {}", command(found, pane.verb())?))
    });
    let copies = copies.unwrap_or_default();
    if pane == Pane::Charts {
        return charts::paint(state, row, area, (&copies, buf, look));
    }
    let name = display(row.title()).into_owned();
    let inside = Frame {
        title: pane.title(),
        headline: &name,
        headline_style: look.dim,
        remark: &copies,
        remark_style: look.dim,
        focused: state.locals.containers.zoomed,
    }
    .paint(buf, area, look);
    let say = |buf: &mut Buffer, why: &str, way: &str| {
        frame::words(buf, inside, &[(why, look.text), (way, look.dim)]);
    };
    if row.found.is_none() {
        let why = format!(
            "{} of other servers cannot be read from here.",
            pane.title()
        );
        return say(buf, &why, "Run bongsu there, or choose this server with i.");
    }
    if !state.time.is_live() && pane == Pane::Logs {
        let key = state.keymap.label(Act::Logs);
        let way = format!("{key} opens the stored lines of then; 0 is now.");
        return say(buf, "Only the newest lines are streamed here.", &way);
    }
    if !state.time.is_live() {
        let why = format!(
            "{}: only those of now can be shown, they are not stored.",
            pane.title()
        );
        return say(buf, &why, "0 is now; the charts go back in time.");
    }
    let scroll = state.locals.containers.scroll;
    match (pane, answered(state)) {
        (Pane::Logs, Some(View::ContainerOutput(output))) => {
            paint_output(state, output, scroll, (inside, buf, look));
        }
        (Pane::Inspect, Some(View::ContainerFacts(facts))) => {
            paint_facts(facts, scroll, (inside, buf, look));
        }
        (Pane::Processes, Some(View::Processes(view))) => {
            paint_processes(&view.rows, scroll, (inside, buf, look));
        }
        (_, Some(View::Nothing { why })) => say(buf, why, ""),
        _ => match state
            .slots
            .get(SlotId::new(OWNER, PART))
            .and_then(|s| s.error())
        {
            Some(error) => say(buf, &error.to_string(), ""),
            None => say(buf, "asking ...", ""),
        },
    }
}

/// The newest lines at the bottom; one line above them says that nothing of it is stored.
fn paint_output(
    state: &State,
    output: &ContainerOutput,
    scroll: usize,
    (area, buf, look): (Rect, &mut Buffer, &Look),
) {
    let why = display(&output.why);
    if output.lines.is_empty() {
        let why = if why.is_empty() {
            "It has written nothing yet."
        } else {
            &*why
        };
        return frame::words(buf, area, &[(why, look.text)]);
    }
    let key = state.keymap.label(Act::Logs);
    let stored = &if output.stored {
        format!("the newest of it; all of it is stored, {key} searches it")
    } else {
        "streamed as it is written, not stored".to_owned()
    };
    let said = if why.is_empty() { stored } else { &*why };
    let head = format!("{} lines, {said}", output.lines.len());
    paint::put(buf, (area.x, area.y), area.right(), &head, look.dim);
    let room = usize::from(area.height.saturating_sub(1));
    let end = output.lines.len() - scroll.min(output.lines.len().saturating_sub(room));
    let shown = &output.lines[end.saturating_sub(room)..end];
    for (i, line) in shown.iter().enumerate() {
        let y = area.y + 1 + i as u16;
        let mut x = area.x;
        if line.t > 0 {
            x = paint::put(
                buf,
                (x, y),
                area.right(),
                &state.time.clock(line.t),
                look.dim,
            ) + 1;
        }
        let style = if line.stderr { look.warn } else { look.text };
        paint::put(buf, (x, y), area.right(), &display(&line.text), style);
    }
}

fn paint_facts(
    facts: &ContainerFacts,
    scroll: usize,
    (area, buf, look): (Rect, &mut Buffer, &Look),
) {
    if facts.sections.is_empty() {
        return frame::words(buf, area, &[(&display(&facts.why), look.text)]);
    }
    let mut lines: Vec<(&str, &str, Style)> = Vec::new();
    for section in &facts.sections {
        if !lines.is_empty() {
            lines.push(("", "", look.dim));
        }
        lines.push((&section.title, "", look.title));
        lines.extend(
            section
                .lines
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str(), look.text)),
        );
    }
    let names = lines
        .iter()
        .filter(|l| !l.1.is_empty())
        .map(|l| crate::base::text::width(l.0));
    let names = (names.max().unwrap_or(0) as u16).min(area.width / 3);
    let room = usize::from(area.height);
    let from = scroll.min(lines.len().saturating_sub(room));
    for (i, (name, value, style)) in lines.iter().skip(from).take(room).enumerate() {
        let y = area.y + i as u16;
        if value.is_empty() {
            paint::put(buf, (area.x, y), area.right(), &display(name), *style);
            continue;
        }
        let right = area.x + 1 + names;
        paint::put(buf, (area.x + 1, y), right, &display(name), look.dim);
        paint::put(buf, (right + 2, y), area.right(), &display(value), *style);
    }
}

const COLUMNS: &[Column] = &[
    Column::right("PID", 7, 0),
    Column::left("USER", 9, 2),
    Column::right("CPU%", 7, 0),
    Column::right("MEMORY", 9, 0),
    Column::right("THR", 4, 3),
    Column::left("S", 1, 3),
    Column::left("COMMAND", 20, 0).growing(),
];

fn paint_processes(
    rows: &[ProcessRow],
    scroll: usize,
    (area, buf, look): (Rect, &mut Buffer, &Look),
) {
    if rows.is_empty() {
        return frame::words(buf, area, &[("No process of it was seen.", look.text)]);
    }
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: scroll,
        selected: None,
        sort: None,
        header: true,
    };
    table.paint(buf, area, look, |row, column| {
        let row = &rows[row];
        match column {
            0 => Entry::new(row.pid.to_string(), look.dim),
            1 => Entry::new(display(&row.user), look.dim),
            2 => processes::cpu(row, look),
            3 => Entry::new(Unit::Bytes.show(row.rss as f64), look.text),
            4 => Entry::new(row.threads.to_string(), look.dim),
            5 => Entry::new(row.state.to_string(), look.dim),
            _ => Entry::new(display(processes::title(row)), look.text),
        }
    });
}
