//! What the mouse does: the wheel, the names of tabs, and time under a chart.

use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Act, Code, Key};
use crate::tui::msg::{Mouse, MouseKind};
use crate::tui::state::State;
use crate::tui::tabs::TABS;
use crate::tui::update::acts::{act, mark};
use crate::tui::view;
use ratatui::layout::Rect;

pub(crate) fn on_mouse(state: &mut State, mouse: Mouse) -> Vec<Cmd> {
    let wheel = match mouse.kind {
        MouseKind::WheelUp => Some(Act::Up),
        MouseKind::WheelDown => Some(Act::Down),
        _ => None,
    };
    if let Some(up_or_down) = wheel {
        return match state.overlays.last_mut() {
            Some(overlay) => {
                let code = if up_or_down == Act::Up {
                    Code::Up
                } else {
                    Code::Down
                };
                overlay.key(Key::plain(code));
                Vec::new()
            }
            None => act(state, up_or_down),
        };
    }
    if !state.overlays.is_empty() {
        return Vec::new();
    }
    if mouse.kind == MouseKind::Press
        && mouse.row == 0
        && let Some(at) = view::tab_at(state, mouse.column)
    {
        state.tab = at;
        return Vec::new();
    }
    let body = view::body(state);
    (TABS[state.tab].click)(state, body, mouse);
    Vec::new()
}

/// A press puts the time cursor under the mouse, dragging selects from there, and letting go makes
/// the selection the range. `plot` is the part of the chart that time runs across.
pub(crate) fn on_chart(state: &mut State, plot: Rect, mouse: Mouse) {
    let window = state.ask(plot.width).window;
    let across = i64::from(plot.width.saturating_sub(1).max(1));
    let column = i64::from(mouse.column.saturating_sub(plot.x)).min(across);
    let at = window.start + (window.end - window.start) * column / across;
    let at = at.min(state.tick);
    match mouse.kind {
        MouseKind::Press => {
            state.time.selection = None;
            state.time.cursor = Some(at);
        }
        MouseKind::Drag => {
            let from = state.time.cursor.unwrap_or(at);
            state.time.selection.get_or_insert(from);
            state.time.cursor = Some(at);
        }
        MouseKind::Release if state.time.selection.is_some() => mark(state),
        MouseKind::Release | MouseKind::WheelUp | MouseKind::WheelDown => {}
    }
}

/// True where the mouse is over `place`.
pub(crate) fn is_over(mouse: Mouse, place: Rect) -> bool {
    place.contains((mouse.column, mouse.row).into())
}
