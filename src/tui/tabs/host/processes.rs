//! Section: processes of this server, as a list or a tree, sorted and filtered.
//!
//! The chosen process is kept by its number and start, not by its row: it stays chosen while the
//! order changes around it.

mod rows;

use crate::model::action::{Action, Signal};
use crate::model::request::{Request, ViewName};
use crate::model::view::{ProcessRow, ProcessView, View};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Act, Code, Key};
use crate::tui::line_edit::LineEdit;
use crate::tui::overlay::{Item, Run};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Shown, cpu, memory, processes as panel};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::host::processes::rows::{Line, SORTS};
use crate::tui::tabs::host::{Section, visible};
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, frame, paint, scrollbar};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub(crate) const SECTION: Section = Section {
    name: NAME,
    panels: &[&cpu::PANEL, &memory::PANEL],
    panel_rows: 11,
    panels_from: 30,
    requests,
    view,
    rows: |_| 0,
};
const NAME: &str = "Processes";

#[derive(Debug)]
pub(crate) struct Local {
    /// Place in [`SORTS`].
    sort: usize,
    falling: bool,
    tree: bool,
    filter: LineEdit,
    /// The filter has the keys.
    typing: bool,
    /// Number and start of the chosen process; `None` is the first row.
    chosen: Option<(i32, u64)>,
    offset: usize,
}

impl Default for Local {
    fn default() -> Self {
        Self {
            sort: 0,
            falling: true,
            tree: false,
            filter: LineEdit::new(""),
            typing: false,
            chosen: None,
            offset: 0,
        }
    }
}

/// The two sorts that need the I/O of every process, not of those in sight alone.
const SORTS_BY_IO: [usize; 2] = [2, 3];

fn requests(Shown { ask, state, .. }: &Shown<'_>) -> Vec<Request> {
    if !ask.local {
        return Vec::new();
    }
    if !ask.live {
        return vec![ask.view(ViewName::Processes)];
    }
    vec![Request::Processes {
        in_sight: in_sight(state),
    }]
}

/// The processes whose rows are on the screen, rising, so that a new order of the same rows is no
/// new question.
fn in_sight(state: &State) -> Vec<i32> {
    let local = &state.locals.host.processes;
    let lines = lines(state);
    let pids = lines.iter().map(|l| l.row.pid);
    let mut pids: Vec<i32> = if SORTS_BY_IO.contains(&local.sort) {
        pids.collect()
    } else {
        pids.skip(local.offset).take(visible(state)).collect()
    };
    pids.sort_unstable();
    pids
}

fn found(state: &State) -> Option<&ProcessView> {
    match state.slots.get(SlotId::new(NAME, 0))?.answer()? {
        crate::model::answer::Answer::View(View::Processes(view)) => Some(view),
        _ => None,
    }
}

/// The rows as they stand on the screen.
fn lines(state: &State) -> Vec<Line<'_>> {
    let local = &state.locals.host.processes;
    let Some(view) = found(state) else {
        return Vec::new();
    };
    let order = rows::Order {
        sort: local.sort,
        falling: local.falling,
        tree: local.tree,
        ascii: state.symbols != crate::tui::theme::SymbolSet::Unicode,
    };
    rows::lay(&view.rows, local.filter.text(), order)
}

fn chosen_at(local: &Local, lines: &[Line<'_>]) -> usize {
    let Some(id) = local.chosen else { return 0 };
    let same = |line: &Line<'_>| (line.row.pid, line.row.started) == id;
    lines.iter().position(same).unwrap_or(0)
}

fn chosen(state: &State) -> Option<&ProcessRow> {
    let lines = lines(state);
    let at = chosen_at(&state.locals.host.processes, &lines);
    lines.get(at).map(|l| l.row)
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let page = visible(state).max(1);
    let local = &mut state.locals.host.processes;
    match act {
        Act::Sort => {
            local.sort = (local.sort + 1) % SORTS.len();
            local.falling = SORTS[local.sort].falls;
        }
        Act::SortReverse => local.falling = !local.falling,
        Act::Tree => local.tree = !local.tree,
        Act::Filter => local.typing = true,
        Act::Escape if !local.filter.is_empty() => local.filter.set(""),
        Act::Copy => {
            let row = chosen(state)?;
            let text = format!("{} {} {}", row.pid, row.user, panel::title(row));
            return Some(crate::tui::update::copy(state, text));
        }
        Act::Down => step(state, |at, _| at + 1),
        Act::Up => step(state, |at, _| at.saturating_sub(1)),
        Act::PageDown => step(state, |at, _| at + page),
        Act::PageUp => step(state, |at, _| at.saturating_sub(page)),
        Act::Top => step(state, |_, _| 0),
        Act::Bottom => step(state, |_, count| count),
        _ => return None,
    }
    Some(Vec::new())
}

/// Chooses the row that stands there on the screen, counted from the first visible one.
pub(super) fn choose(state: &mut State, row: usize) {
    let lines = lines(state);
    let local = &state.locals.host.processes;
    let id = lines
        .get(local.offset + row)
        .map(|l| (l.row.pid, l.row.started));
    if id.is_some() {
        state.locals.host.processes.chosen = id;
    }
}

/// Chooses another row and brings it into view.
fn step(state: &mut State, to: impl Fn(usize, usize) -> usize) {
    let page = visible(state).max(1);
    let lines = lines(state);
    let local = &state.locals.host.processes;
    let at = chosen_at(local, &lines);
    let next = to(at, lines.len()).min(lines.len().saturating_sub(1));
    let offset = scrollbar::follow(local.offset, Some(next), page, lines.len());
    let id = lines.get(next).map(|l| (l.row.pid, l.row.started));
    let local = &mut state.locals.host.processes;
    (local.chosen, local.offset) = (id, offset);
}

pub(super) fn key(state: &mut State, key: Key) -> Option<Vec<Cmd>> {
    let local = &mut state.locals.host.processes;
    if !local.typing {
        return None;
    }
    match key.code {
        Code::Enter => local.typing = false,
        Code::Esc => {
            local.typing = false;
            local.filter.set("");
        }
        _ => {
            local.filter.key(key);
            local.offset = 0;
        }
    }
    Some(Vec::new())
}

pub(super) fn paste(state: &mut State, text: &str) -> bool {
    let local = &mut state.locals.host.processes;
    if local.typing {
        local.filter.insert(text);
    }
    local.typing
}

pub(super) fn menu(state: &State) -> Vec<Item> {
    let Some(row) = chosen(state).filter(|_| state.is_local()) else {
        return Vec::new();
    };
    let why_not = if state.options.read_only {
        Some("this console is read-only (--read-only)".to_owned())
    } else if !state.time.is_live() {
        Some("the screen shows the past; 0 is now".to_owned())
    } else {
        None
    };
    let name = crate::base::text::display(&row.name).into_owned();
    let who = format!("{} {name} of {}", row.pid, row.user);
    let signals = [
        (Signal::Term, "Ask to end", "SIGTERM"),
        (Signal::Kill, "Kill", "SIGKILL: nothing is saved"),
        (
            Signal::Hup,
            "Hang up",
            "SIGHUP: many services read their configuration again",
        ),
        (Signal::Int, "Interrupt", "SIGINT, as Ctrl-C"),
        (
            Signal::Stop,
            "Stop",
            "SIGSTOP: it stands still until it goes on",
        ),
        (Signal::Cont, "Go on", "SIGCONT"),
    ];
    let item = |(signal, label, detail): (Signal, &str, &str)| {
        let order = Run::Order {
            action: Action::SignalProcess {
                pid: row.pid,
                started: row.started,
                signal,
            },
            confirm: Some(format!("{label}: {who}?")),
        };
        Item::new(format!("{label} {who}"), detail, order).unless(why_not.clone())
    };
    signals.into_iter().map(item).collect()
}

/// Sorted columns stand in [`SORTS`] by the same numbers.
const COLUMNS: &[Column] = &[
    Column::right("PID", 7, 1),
    Column::left("USER", 9, 3),
    Column::right("CPU%", 6, 0),
    Column::right("MEMORY", 9, 0),
    Column::right("READ/s", 9, 5),
    Column::right("WRITE/s", 9, 5),
    Column::right("THR", 4, 6),
    Column::left("S", 1, 4),
    Column::left("COMMAND", 20, 0).growing(),
    Column::left("UNIT", 18, 7),
];

fn view(shown: &Shown<'_>, look: &Look, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let state = shown.state;
    if !shown.ask.local {
        let why = format!("Processes of {} cannot be read from here.", shown.whose());
        let way = "They are read on this server only: i chooses it, or run bongsu there.";
        frame::words(buf, area, &[(&why, look.text), (way, look.dim)]);
        return None;
    }
    let Some(view) = found(state) else {
        let why = match shown.live_view(0) {
            Some(View::Nothing { why }) => why.clone(),
            _ => "No processes were recorded for this time.".to_owned(),
        };
        plot::empty(shown, 1, &why, "0 is now.", Place { area, buf, look });
        return None;
    };
    let lines = lines(state);
    let local = &state.locals.host.processes;
    let head = Rect { height: 1, ..area };
    let place = Place {
        area: head,
        buf,
        look,
    };
    let caret = headline(shown, view, lines.len(), place);
    let body = Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    };
    if lines.is_empty() {
        let way = "Esc takes the filter away.";
        let why = format!("No process matches {:?}.", local.filter.text());
        frame::words(buf, body, &[(&why, look.text), (way, look.dim)]);
        return caret;
    }
    let table = Table {
        columns: COLUMNS,
        rows: lines.len(),
        offset: local.offset,
        selected: Some(chosen_at(local, &lines)),
        sort: Some((SORTS[local.sort].column, local.falling)),
        header: true,
    };
    table.paint(buf, body, look, |row, column| {
        entry(&lines[row], column, look)
    });
    caret
}

/// Counts, and the filter; gives the caret's place while it is typed.
fn headline(
    shown: &Shown<'_>,
    view: &ProcessView,
    count: usize,
    place: Place<'_>,
) -> Option<Position> {
    let Place {
        area: row,
        buf,
        look,
    } = place;
    let local = &shown.state.locals.host.processes;
    let said = match (view.complete, count == view.rows.len()) {
        (true, true) => format!(" {count} processes"),
        (true, false) => format!(" {count} of {} processes", view.rows.len()),
        (false, _) => {
            let at = shown.state.time.clock(view.taken_at);
            format!(" the {count} greediest, recorded at {at}")
        }
    };
    let mut x = paint::put(buf, (row.x, row.y), row.right(), &said, look.dim);
    if local.tree {
        x = paint::put(buf, (x, row.y), row.right(), "  tree", look.title);
    }
    if !local.typing && local.filter.is_empty() {
        return None;
    }
    x = paint::put(buf, (x, row.y), row.right(), "  filter: ", look.dim);
    let room = usize::from(row.right().saturating_sub(x + 1));
    let (text, caret) = local.filter.visible(room);
    paint::put(buf, (x, row.y), row.right(), text, look.text);
    local.typing.then(|| Position::new(x + caret as u16, row.y))
}

fn entry<'a>(line: &Line<'a>, column: usize, look: &Look) -> Entry<'a> {
    let row = line.row;
    let rate = |v: Option<f64>| match v {
        Some(v) if v >= 1.0 => Entry::new(Unit::Bytes.show(v.round()), look.text),
        Some(_) => Entry::new("0", look.faint),
        None => Entry::new("-", look.faint),
    };
    match column {
        0 => Entry::new(row.pid.to_string(), look.dim),
        1 => Entry::new(row.user.as_str(), look.dim),
        2 => panel::cpu(row, look),
        3 => Entry::new(Unit::Bytes.show(row.rss as f64), look.text),
        4 => rate(row.read_rate),
        5 => rate(row.write_rate),
        6 => Entry::new(row.threads.to_string(), look.dim),
        7 => {
            let style = match row.state {
                'R' => look.good,
                'D' | 'Z' => look.bad,
                'T' => look.warn,
                _ => look.faint,
            };
            Entry::new(row.state.to_string(), style)
        }
        8 if line.branch.is_empty() => {
            Entry::new(crate::base::text::display(panel::title(row)), look.text)
        }
        8 => {
            let title = crate::base::text::display(panel::title(row));
            Entry::new(format!("{}{title}", line.branch), look.text)
        }
        _ => Entry::new(crate::base::text::display(&row.cgroup), look.dim),
    }
}
