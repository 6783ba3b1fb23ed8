//! Tab 1, Overview: the grid of panels.

use crate::model::request::Request;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::panel::{Ask, PANELS, Panel, Shown};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::Tab;
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Position, Rect};
use ratatui::widgets::{Block, Widget};

pub(crate) const TAB: Tab = Tab {
    digit: Some('1'),
    requests,
    act,
    ..Tab::new("Overview", "everything at a glance: a grid of panels", view)
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    pub(crate) focus: usize,
    pub(crate) zoomed: bool,
}

/// The panels that are shown: those of `ui.overview`, else all.
fn chosen(state: &State) -> Vec<&'static Panel> {
    let wanted = &state.options.overview;
    if wanted.is_empty() {
        return PANELS.to_vec();
    }
    let find = |name: &String| PANELS.iter().find(|p| p.name == name).copied();
    wanted.iter().filter_map(find).collect()
}

/// Each panel with its place: a grid of columns at least 40 wide.
fn places(state: &State, body: Rect) -> Vec<(&'static Panel, Rect)> {
    let panels = chosen(state);
    let local = &state.locals.overview;
    if let (true, Some(panel)) = (local.zoomed, panels.get(local.focus)) {
        return vec![(panel, body)];
    }
    if panels.is_empty() {
        return Vec::new();
    }
    let columns = (body.width / 40).clamp(1, panels.len() as u16);
    let rows = (panels.len() as u16).div_ceil(columns);
    let place = |(n, panel): (usize, &&'static Panel)| {
        let (column, row) = (n as u16 % columns, n as u16 / columns);
        let x = body.width * column / columns;
        let y = body.height * row / rows;
        let width = body.width * (column + 1) / columns - x;
        let height = body.height * (row + 1) / rows - y;
        (*panel, Rect::new(body.x + x, body.y + y, width, height))
    };
    panels.iter().enumerate().map(place).collect()
}

fn ask_of(state: &State, place: Rect) -> Ask<'_> {
    let inner = place.inner(Margin::new(1, 1));
    state.ask(inner.width, inner.height)
}

fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let mut out = Vec::new();
    for (panel, place) in places(state, body) {
        let requests = (panel.requests)(&ask_of(state, place));
        let slots = requests.into_iter().enumerate();
        out.extend(slots.map(|(part, request)| (SlotId::new(panel.name, part), request)));
    }
    out
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let count = chosen(state).len().max(1);
    let local = &mut state.locals.overview;
    match act {
        Act::NextPane => local.focus = (local.focus + 1) % count,
        Act::PrevPane => local.focus = (local.focus + count - 1) % count,
        Act::ZoomPane => local.zoomed = !local.zoomed,
        Act::Escape | Act::Back if local.zoomed => local.zoomed = false,
        _ => return None,
    }
    Some(Vec::new())
}

fn view(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let local = &state.locals.overview;
    for (n, (panel, place)) in places(state, body).into_iter().enumerate() {
        let focused = local.zoomed || n == local.focus;
        let style = if focused { theme.focus } else { theme.border };
        Block::bordered()
            .border_set(theme.symbols.border)
            .border_style(style)
            .title(format!(" {} ", panel.title))
            .render(place, buffer);
        let shown = Shown {
            state,
            panel: panel.name,
            ask: ask_of(state, place),
            focused,
        };
        (panel.view)(&shown, theme, place.inner(Margin::new(1, 1)), buffer);
    }
    None
}
