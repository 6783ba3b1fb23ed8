//! Tab 3, Containers: every container under its compose project; below it the chosen one's charts,
//! output, processes or inspection.
//!
//! The numbers are series under cAdvisor's names, so that history, rewind and other servers are the
//! same code; states, health and restarts are the live view of this server.

mod charts;
mod detail;
mod orders;
mod rows;

use crate::model::request::{Request, ViewName};
use crate::model::view::{ContainerRow, View};
use crate::query::syntax::logql;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Act, Code, Key};
use crate::tui::line_edit::LineEdit;
use crate::tui::msg::{Mouse, MouseKind};
use crate::tui::overlay::{Item, Run};
use crate::tui::panel::containers::{self as panel, PARTS, Row};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Shown};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::containers::detail::Pane;
use crate::tui::tabs::containers::orders::command;
use crate::tui::tabs::containers::rows::{COLUMNS, Line, Order, SORTS, entry, lay};
use crate::tui::tabs::{Tab, by_name, jvm, logs, traces};
use crate::tui::theme::Theme;
use crate::tui::update::mouse::is_over;
use crate::tui::widget::frame::{self, Frame};
use crate::tui::widget::table::Table;
use crate::tui::widget::{Look, scrollbar};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// The slot of the JVMs, behind those of the detail.
const JVMS: usize = 100;
/// Owner of this tab's slots.
const OWNER: &str = "containers-tab";
const NAME: &str = "Containers";

pub(crate) const TAB: Tab = Tab {
    digit: Some('3'),
    requests,
    act,
    click,
    key,
    paste,
    line,
    menu,
    logs,
    ..Tab::new(
        NAME,
        "containers by compose project; charts, logs, processes and inspection of the chosen one",
        view,
    )
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    /// Place in [`SORTS`].
    sort: usize,
    falling: bool,
    filter: LineEdit,
    /// The filter has the keys.
    typing: bool,
    /// What tells the chosen one from all others; the first of the list until a person chooses.
    chosen: Option<Identity>,
    /// The id of a container that another tab leads to, until a person chooses one here.
    wanted: Option<String>,
    offset: usize,
    pane: Pane,
    /// The pane has the whole screen, and the keys that move.
    zoomed: bool,
    /// Lines from where the pane begins: the end of the output, the top of everything else.
    scroll: usize,
}

/// Instance, the label `id`, and the name, which stands where there is no `id`.
type Identity = (String, String, String);

fn identity(row: &Row<'_>) -> Identity {
    (
        row.instance.to_owned(),
        row.id.to_owned(),
        row.name.to_owned(),
    )
}

fn shown<'a>(state: &'a State, ask: Ask<'a>) -> Shown<'a> {
    Shown {
        state,
        panel: OWNER,
        ask,
        focused: true,
        zoomed: false,
        chart_only: true,
    }
}

/// The lines as they stand on the screen.
fn lines(state: &State) -> Vec<Line<'_>> {
    let local = &state.locals.containers;
    let rows = panel::rows(&shown(state, state.ask(state.width)));
    let order = Order {
        sort: local.sort,
        falling: local.falling,
    };
    lay(rows, local.filter.text(), order)
}

/// The line of the chosen container; heads of projects are never chosen.
fn chosen_at(local: &Local, lines: &[Line<'_>]) -> Option<usize> {
    let is = |line: &Line<'_>| {
        let row = line.container()?;
        (Some(identity(row)) == local.chosen).then_some(())
    };
    let wanted = |line: &Line<'_>| {
        let found = line.container()?.found?;
        (local.wanted.as_deref() == Some(found.id.as_str())).then_some(())
    };
    let at = lines.iter().position(|l| wanted(l).is_some());
    let at = at.or_else(|| lines.iter().position(|l| is(l).is_some()));
    at.or_else(|| lines.iter().position(|l| l.container().is_some()))
}

/// The list on top, and what is below it.
fn places(count: usize, body: Rect) -> (Rect, Rect) {
    let wanted = (count as u16).saturating_add(3);
    let most = if body.height < 30 {
        body.height / 2
    } else {
        body.height * 3 / 5
    };
    let height = wanted.min(most).max(6).min(body.height);
    let list = Rect { height, ..body };
    let below = Rect {
        y: list.bottom(),
        height: body.height - height,
        ..body
    };
    (list, below)
}

fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let ask = state.ask(body.width);
    let asked = panel::questions(&ask);
    let lines = lines(state);
    let (_, below) = places(lines.len(), body);
    let jvms = (SlotId::new(OWNER, JVMS), ask.view(ViewName::Jvms));
    let chosen = chosen_at(&state.locals.containers, &lines);
    let slots = asked.into_iter().enumerate();
    let mut asked: Vec<_> = slots
        .map(|(part, request)| (SlotId::new(OWNER, part), request))
        .chain([jvms])
        .collect();
    if let Some(row) = chosen.and_then(|at| lines[at].container()) {
        let zoomed = state.locals.containers.zoomed;
        let area = if zoomed { body } else { below };
        asked.extend(detail::requests(state, row, area));
    }
    asked
}

/// Rows of the list that are visible.
fn visible(state: &State, count: usize) -> usize {
    let (list, _) = places(count, crate::tui::view::body(state));
    usize::from(list.height.saturating_sub(3)).max(1)
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let page = usize::from(state.height.saturating_sub(6)).max(1);
    if state.locals.containers.zoomed && detail::scroll(state, act, page) {
        return Some(Vec::new());
    }
    let local = &mut state.locals.containers;
    match act {
        Act::NextPane | Act::PrevPane => {
            (local.pane, local.scroll) = (local.pane.next(act == Act::NextPane), 0);
        }
        Act::Open | Act::ZoomPane => (local.zoomed, local.scroll) = (!local.zoomed, 0),
        Act::Escape | Act::Back if local.zoomed => (local.zoomed, local.scroll) = (false, 0),
        Act::CopyCommand => return Some(copy_command(state)),
        Act::Shell => return shell(state),
        Act::ToJvm => {
            let inside = chosen(state).and_then(|row| jvm_in(state, &row.id));
            match inside {
                Some(instance) => jvm::show(state, instance),
                None => state.toast("no JVM was seen in this container", false),
            }
        }
        Act::Sort => {
            local.sort = (local.sort + 1) % SORTS.len();
            local.falling = SORTS[local.sort].falls;
        }
        Act::SortReverse => local.falling = !local.falling,
        Act::Filter => local.typing = true,
        Act::Escape if !local.filter.is_empty() => local.filter.set(""),
        Act::Down | Act::Up | Act::PageDown | Act::PageUp | Act::Top | Act::Bottom => {
            step(state, act);
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Chooses another container and brings it into view.
fn step(state: &mut State, act: Act) {
    let lines = lines(state);
    let page = visible(state, lines.len());
    let local = &state.locals.containers;
    let Some(at) = chosen_at(local, &lines) else {
        return;
    };
    let last = lines.len() - 1;
    let aim = match act {
        Act::Down => at + 1,
        Act::Up => at.saturating_sub(1),
        Act::PageDown => (at + page).min(last),
        Act::PageUp => at.saturating_sub(page),
        Act::Top => 0,
        _ => last,
    };
    // A head of a project is stepped over.
    let forward = (aim..lines.len()).find(|i| lines[*i].container().is_some());
    let back = || {
        (0..=aim.min(last))
            .rev()
            .find(|i| lines[*i].container().is_some())
    };
    let next = if aim < at && act == Act::Up {
        back().or(forward)
    } else {
        forward.or_else(back)
    };
    let Some(row) = next.and_then(|n| lines[n].container()) else {
        return;
    };
    let chosen = Some(identity(row));
    // With its project's head, where that is the line above.
    let top = next.map(|n| n.saturating_sub(usize::from(n < 2)));
    let offset = scrollbar::follow(local.offset, top, page, lines.len());
    let offset = scrollbar::follow(offset, next, page, lines.len());
    let local = &mut state.locals.containers;
    (local.chosen, local.offset, local.scroll) = (chosen, offset, 0);
    local.wanted = None;
}

/// A container by its row; the head of a project means nothing.
fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    let lines = lines(state);
    let (list, _) = places(lines.len(), body);
    let local = &state.locals.containers;
    let over = mouse.kind == MouseKind::Press && !local.zoomed && is_over(mouse, list);
    // The frame and the names of the columns stand above the rows, the frame below them.
    let line = mouse.row.checked_sub(list.y + 2);
    let line = line.filter(|_| over && mouse.row + 1 < list.bottom());
    let row = line.and_then(|line| lines.get(local.offset + usize::from(line)));
    let chosen = row.and_then(|line| line.container()).map(identity);
    let hit = chosen.is_some();
    if hit {
        let local = &mut state.locals.containers;
        (local.chosen, local.wanted, local.scroll) = (chosen, None, 0);
    }
    hit
}

fn key(state: &mut State, key: Key) -> Option<Vec<Cmd>> {
    let local = &mut state.locals.containers;
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

fn paste(state: &mut State, text: &str) -> bool {
    let local = &mut state.locals.containers;
    if local.typing {
        local.filter.insert(text);
    }
    local.typing
}

/// What the engine tells of the chosen container, where it is one of this server.
fn chosen(state: &State) -> Option<ContainerRow> {
    let lines = lines(state);
    let row = lines.get(chosen_at(&state.locals.containers, &lines)?)?;
    row.container()?.found.cloned()
}

/// What can be typed to see the same, to the clipboard.
fn copy_command(state: &mut State) -> Vec<Cmd> {
    let verb = state.locals.containers.pane.verb();
    if let Some(typed) = chosen(state).and_then(|row| command(&row, verb)) {
        return crate::tui::update::copy(state, typed);
    }
    state.toast(
        "no engine tells of this container: there is no command",
        false,
    );
    Vec::new()
}

/// The console steps aside for a shell in the chosen container.
fn shell(state: &mut State) -> Option<Vec<Cmd>> {
    let row = chosen(state)?;
    let refused = match row.state.as_str() {
        "running" => orders::why_not(state, &row),
        other => Some(format!("it is {other}: a shell needs a running container")),
    };
    match (refused, orders::shell(&row)) {
        (None, Some(words)) => Some(vec![Cmd::HandOver(words)]),
        (why, _) => {
            state.toast(why.unwrap_or_default(), true);
            Some(Vec::new())
        }
    }
}

/// Opens this tab at the container of an id.
pub(crate) fn show_id(state: &mut State, id: &str) {
    let Some(here) = by_name(NAME) else { return };
    state.tab = here;
    let local = &mut state.locals.containers;
    local.filter.set("");
    (local.wanted, local.zoomed, local.scroll) = (Some(id.to_owned()), false, 0);
}

/// The instance of the JVM in a container.
fn jvm_in(state: &State, id: &str) -> Option<String> {
    let slot = state.slots.get(SlotId::new(OWNER, JVMS))?;
    let Some(View::Jvms(rows)) = slot.view() else {
        return None;
    };
    let found = rows.iter().find(|j| !id.is_empty() && j.container == id)?;
    Some(crate::tui::panel::jvm::series_of(found).to_owned())
}

/// The stored lines of the chosen container.
fn logs(state: &State) -> Option<logs::Opening> {
    let lines = lines(state);
    let row = lines.get(chosen_at(&state.locals.containers, &lines)?)?;
    let query = logql::label_query("container", &[row.container()?.name]);
    Some(logs::Opening { query, at: None })
}

fn menu(state: &State) -> Vec<Item> {
    let Some(row) = chosen(state) else {
        return Vec::new();
    };
    let mut items = orders::menu(state, &row);
    let query = traces::query_of_container(&row.id, &row.name);
    let traces = Item::new(
        "traces of this container",
        "spans that name it",
        Run::Traces { query, at: None },
    );
    items.push(traces);
    items
}

/// Opens this tab with what a word finds: a name, or the beginning of an identifier.
pub(crate) fn show(state: &mut State, wanted: &str) {
    if let Some(here) = by_name("Containers") {
        state.tab = here;
        let local = &mut state.locals.containers;
        local.filter.set(wanted);
        (local.typing, local.zoomed, local.chosen) = (false, false, None);
        local.wanted = None;
    }
}

/// The chosen container for the clipboard: name, id, image.
fn line(state: &State) -> Option<String> {
    let lines = lines(state);
    let row = lines
        .get(chosen_at(&state.locals.containers, &lines)?)?
        .container()?;
    let id = row.found.map_or(row.id, |f| &f.id);
    Some(format!("{} {id} {}", row.name, row.image))
}

fn view(state: &State, theme: &Theme, body: Rect, buf: &mut Buffer) -> Option<Position> {
    let look = &Look::of(theme);
    let ask = state.ask(body.width);
    let of_list = shown(state, ask);
    let local = &state.locals.containers;
    let all = panel::rows(&of_list);
    if all.is_empty() {
        let (why, way) = panel::why_none(&of_list);
        let area = body;
        plot::empty(&of_list, PARTS, &why, &way, Place { area, buf, look });
        return None;
    }
    let lines = lines(state);
    let at = chosen_at(local, &lines);
    if local.zoomed
        && let Some(row) = at.and_then(|at| lines[at].container())
    {
        detail::paint(state, row, body, (buf, look));
        return None;
    }
    let (list, below) = places(lines.len(), body);
    let (inside, caret) = paint_head(&of_list, &all, list, (buf, look));
    if lines.is_empty() {
        let why = format!("No container matches {:?}.", local.filter.text());
        let way = "Esc takes the filter away.";
        frame::words(buf, inside, &[(&why, look.text), (way, look.dim)]);
        return caret;
    }
    let table = Table {
        columns: COLUMNS,
        rows: lines.len(),
        offset: local.offset,
        selected: at,
        sort: Some((SORTS[local.sort].column, local.falling)),
        header: true,
    };
    table.paint(buf, inside, look, |row, column| {
        entry(&lines[row], column, ask.at, look)
    });
    if let Some(row) = at.and_then(|at| lines[at].container()) {
        detail::paint(state, row, below, (buf, look));
    }
    caret
}

/// The frame of the list: how many run, which engines tell of them, the filter.
fn paint_head(
    shown: &Shown<'_>,
    all: &[Row<'_>],
    area: Rect,
    (buf, look): (&mut Buffer, &Look),
) -> (Rect, Option<Position>) {
    let local = &shown.state.locals.containers;
    let running = all.iter().filter(|r| r.runs()).count();
    let headline = format!("{running} of {} run", all.len());
    let live = panel::live(shown).filter(|_| shown.ask.local);
    let engines = live.map(|v| v.engines.join(", ")).unwrap_or_default();
    let problem = live
        .and_then(|v| v.problems.first())
        .map(|p| format!("{} (B says more)", p.why));
    let filtering = local.typing || !local.filter.is_empty();
    let filter = format!("filter: {}", local.filter.text());
    let remark = match (&problem, filtering) {
        (_, true) => &filter,
        (Some(problem), _) => problem,
        _ => &engines,
    };
    let inside = Frame {
        title: "Containers",
        headline: &headline,
        headline_style: look.dim,
        remark,
        remark_style: if problem.is_some() && !filtering {
            look.warn
        } else {
            look.dim
        },
        focused: true,
    }
    .paint(buf, area, look);
    let caret = (area.right().saturating_sub(3), area.y);
    (inside, local.typing.then_some(Position::from(caret)))
}
