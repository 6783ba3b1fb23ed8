//! Tab 1, Overview: the grid of panels.
//!
//! Panels stand in rows; what does not fit is on the next page, which `Tab` and `PgDn` reach.
//! `ui.overview` gives order and sizes, else the registry does, and then a panel that is too wide
//! for the rest of a row lets a later one go first.

mod grid;

use crate::model::request::Request;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::panel::{Ask, Level, PANELS, Panel, Shown};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::overview::grid::{Page, Tile};
use crate::tui::tabs::{Tab, by_name};
use crate::tui::theme::Theme;
use crate::tui::widget::chart::GUTTER;
use crate::tui::widget::frame::{Frame, fade};
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Position, Rect};

pub(crate) const TAB: Tab = Tab {
    digit: Some('1'),
    requests,
    act,
    ..Tab::new("Overview", "everything at a glance: a grid of panels", view)
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    /// Place among the panels that are shown.
    pub(crate) focus: usize,
    pub(crate) zoomed: bool,
}

/// The panels of the grid with what they want: those of `ui.overview`, else all.
fn wanted(state: &State, body: Rect) -> Vec<(&'static Panel, Tile)> {
    let columns = grid::columns(body.width);
    let tile = |p: &Panel| Tile {
        span: if columns >= p.size.wide_from { 2 } else { 1 },
        least: p.size.least.min(4) + 2,
        weight: p.size.weight,
    };
    let configured = &state.options.overview;
    if configured.is_empty() {
        return PANELS.iter().map(|p| (*p, tile(p))).collect();
    }
    let find = |(name, width, height): &(String, u8, u8)| {
        let panel = PANELS.iter().find(|p| p.name == name)?;
        let own = tile(panel);
        let tile = Tile {
            span: own.span.max(u16::from(*width)),
            weight: own.weight * u16::from((*height).max(1)),
            ..own
        };
        Some((*panel, tile))
    };
    configured.iter().filter_map(find).collect()
}

/// Those that have data or a reason to stand there.
fn shown_tiles(state: &State, body: Rect) -> Vec<(&'static Panel, Tile)> {
    let mut tiles = wanted(state, body);
    tiles.retain(|(panel, _)| (panel.size.shows)(&shown(state, panel, body, false)));
    tiles
}

fn shown<'a>(state: &'a State, panel: &'static Panel, place: Rect, focused: bool) -> Shown<'a> {
    Shown {
        state,
        panel: panel.name,
        ask: ask_of(state, place),
        focused,
        zoomed: state.locals.overview.zoomed,
        chart_only: false,
    }
}

fn ask_of(state: &State, place: Rect) -> Ask<'_> {
    let inner = place.inner(Margin::new(1, 1));
    state.ask(inner.width.saturating_sub(GUTTER))
}

/// The page on the screen, and the panels it is made of.
fn page(state: &State, body: Rect) -> (Vec<(&'static Panel, Tile)>, Page) {
    let tiles = shown_tiles(state, body);
    let local = &state.locals.overview;
    let focus = local.focus.min(tiles.len().saturating_sub(1));
    if local.zoomed && !tiles.is_empty() {
        let page = Page {
            places: vec![(focus, body)],
            number: 0,
            pages: 1,
        };
        return (tiles, page);
    }
    let plain: Vec<Tile> = tiles.iter().map(|(_, tile)| *tile).collect();
    let in_order = !state.options.overview.is_empty();
    let page = grid::lay(&plain, body, focus, in_order);
    (tiles, page)
}

/// What the panels on the page want to know, and those that may have something to say.
fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let (tiles, page) = page(state, body);
    let on_page = page
        .places
        .iter()
        .map(|(tile, place)| (tiles[*tile].0, *place));
    let hidden = wanted(state, body)
        .into_iter()
        .map(|(panel, _)| panel)
        .filter(|p| !tiles.iter().any(|(t, _)| t.name == p.name));
    let mut out = Vec::new();
    for (panel, place) in on_page.chain(hidden.map(|p| (p, body))) {
        let asked = (panel.requests)(&ask_of(state, place));
        let slots = asked.into_iter().enumerate();
        out.extend(slots.map(|(part, request)| (SlotId::new(panel.name, part), request)));
    }
    out
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let body = crate::tui::view::body(state);
    let (tiles, page) = page(state, body);
    let count = tiles.len().max(1);
    let zoomed = state.locals.overview.zoomed;
    let local = &mut state.locals.overview;
    local.focus = local.focus.min(count - 1);
    let here: Vec<usize> = page.places.iter().map(|(tile, _)| *tile).collect();
    // On one page the order of the eye: along its rows.
    let beside = |focus: usize, by: usize| -> usize {
        let at = here.iter().position(|t| *t == focus).unwrap_or(0);
        match page.pages {
            0 | 1 if !zoomed && !here.is_empty() => here[(at + by) % here.len()],
            _ => (focus + by) % count,
        }
    };
    match act {
        Act::NextPane => local.focus = beside(local.focus, 1),
        Act::PrevPane => local.focus = beside(local.focus, count - 1),
        Act::Down | Act::PageDown => local.focus = (local.focus + 1).min(count - 1),
        Act::Up | Act::PageUp => local.focus = local.focus.saturating_sub(1),
        Act::Top => local.focus = 0,
        Act::Bottom => local.focus = count - 1,
        Act::ZoomPane => local.zoomed = !local.zoomed,
        Act::Escape | Act::Back if local.zoomed => local.zoomed = false,
        Act::Open => {
            let opens = tiles.get(local.focus).map_or("", |(panel, _)| panel.opens);
            match by_name(opens) {
                Some(tab) => state.tab = tab,
                None => local.zoomed = !local.zoomed,
            }
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn view(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(theme);
    let (tiles, page) = page(state, body);
    let local = &state.locals.overview;
    let focus = local.focus.min(tiles.len().saturating_sub(1));
    for (tile, place) in &page.places {
        let panel = tiles[*tile].0;
        let shown = shown(state, panel, *place, *tile == focus);
        paint_panel(&shown, panel, (theme, &look), *place, buffer);
    }
    if page.pages > 1 {
        let words = format!(" page {} of {} ", page.number + 1, page.pages);
        let y = body.bottom().saturating_sub(1);
        let at = (body.right().saturating_sub(words.len() as u16 + 2), y);
        paint::put(buffer, at, body.right(), &words, look.dim);
    }
    None
}

/// Border, headline and inside of one panel. What is on screen after an error is the last good
/// answer, faded, with the error named in the border.
pub(crate) fn paint_panel(
    shown: &Shown<'_>,
    panel: &Panel,
    (theme, look): (&Theme, &Look),
    place: Rect,
    buffer: &mut Buffer,
) {
    let headline = (panel.headline)(shown);
    let error = shown.error(8).map(ToString::to_string);
    let remark = error.clone().unwrap_or_default();
    let frame = Frame {
        title: panel.title,
        headline: &headline.text,
        headline_style: match headline.level {
            Level::Plain => look.text,
            Level::Warn => look.warn,
            Level::Bad => look.bad,
        },
        remark: &remark,
        remark_style: look.bad,
        focused: shown.focused,
    };
    let inside = frame.paint(buffer, place, look);
    (panel.view)(shown, theme, inside, buffer);
    let has_answer = (0..8).any(|part| shown.answer(part).is_some());
    if error.is_some() && has_answer {
        fade(buffer, inside, look);
    }
}
