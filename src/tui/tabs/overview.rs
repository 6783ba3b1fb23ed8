//! Tab 1, Overview: the grid of panels.
//!
//! Panels stand in rows; what does not fit is on the next page, which `Tab` and `PgDn` reach.
//! `ui.overview` gives order and sizes, else the registry does, and then a panel that is too wide
//! for the rest of a row lets a later one go first.

mod grid;

use crate::base::text;
use crate::model::request::Request;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::msg::{Mouse, MouseKind};
use crate::tui::panel;
use crate::tui::panel::own::{self, OwnPanel};
use crate::tui::panel::{Ask, Level, PANELS, Panel, Shown};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::overview::grid::{Page, Tile};
use crate::tui::tabs::{Tab, by_name, logs, metrics};
use crate::tui::theme::Theme;
use crate::tui::update::mouse::{is_over, on_chart};
use crate::tui::widget::chart::GUTTER;
use crate::tui::widget::frame::{Frame, fade};
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Position, Rect};

pub(crate) const TAB: Tab = Tab {
    digit: Some('1'),
    requests,
    act,
    click,
    key: logs::key_in_panel,
    paste: logs::paste_in_panel,
    ..Tab::new("Overview", "everything at a glance: a grid of panels", view)
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    /// Place among the panels that are shown.
    pub(crate) focus: usize,
    pub(crate) zoomed: bool,
}

/// One panel of the grid.
#[derive(Clone, Copy)]
struct Piece<'a> {
    panel: &'static Panel,
    /// For a panel of the user's own: which one.
    own: Option<(usize, &'a OwnPanel)>,
    tile: Tile,
}

impl<'a> Piece<'a> {
    fn new(panel: &'static Panel, own: Option<(usize, &'a OwnPanel)>, columns: u16) -> Self {
        let size = own.map_or(panel.size, |(_, own)| own.size());
        let tile = Tile {
            span: if columns >= size.wide_from { 2 } else { 1 },
            least: size.least.min(4) + 2,
            weight: size.weight,
        };
        Self { panel, own, tile }
    }

    fn is(&self, other: &Self) -> bool {
        let place = |p: &Self| p.own.map(|(place, _)| place);
        self.panel.name == other.panel.name && place(self) == place(other)
    }

    fn ask(&self, state: &'a State, place: Rect) -> Ask<'a> {
        let inner = place.inner(Margin::new(1, 1));
        Ask {
            own: self.own,
            ..state.ask(inner.width.saturating_sub(GUTTER))
        }
    }

    fn shown(&self, state: &'a State, place: Rect, focused: bool) -> Shown<'a> {
        Shown {
            state,
            panel: self.panel.name,
            ask: self.ask(state, place),
            focused,
            zoomed: state.locals.overview.zoomed,
            chart_only: false,
        }
    }
}

/// The panels of the grid with what they want: those of `ui.overview`, else the user's own before
/// all others.
fn wanted(state: &State, body: Rect) -> Vec<Piece<'_>> {
    let columns = grid::columns(body.width);
    let own = |place: usize| {
        let own = state.options.panels.get(place)?;
        Some(Piece::new(&own::PANEL, Some((place, own)), columns))
    };
    let configured = &state.options.overview;
    if configured.is_empty() {
        let own = (0..state.options.panels.len()).filter_map(own);
        let others = PANELS.iter().map(|p| Piece::new(p, None, columns));
        return own.chain(others).collect();
    }
    let find = |(name, width, height): &(String, u8, u8)| {
        let place = state.options.panels.iter().position(|p| p.title == *name);
        let panel = PANELS.iter().find(|p| p.name == name);
        let piece = match panel {
            Some(panel) => Piece::new(panel, None, columns),
            None => own(place?)?,
        };
        let tile = Tile {
            span: piece.tile.span.max(u16::from(*width)),
            weight: piece.tile.weight * u16::from((*height).max(1)),
            ..piece.tile
        };
        Some(Piece { tile, ..piece })
    };
    configured.iter().filter_map(find).collect()
}

/// Those that have data or a reason to stand there.
fn shown_pieces(state: &State, body: Rect) -> Vec<Piece<'_>> {
    let mut pieces = wanted(state, body);
    pieces.retain(|p| (p.panel.size.shows)(&p.shown(state, body, false)));
    pieces
}

/// The page on the screen, and the panels it is made of.
fn page(state: &State, body: Rect) -> (Vec<Piece<'_>>, Page) {
    let pieces = shown_pieces(state, body);
    let local = &state.locals.overview;
    let focus = local.focus.min(pieces.len().saturating_sub(1));
    if local.zoomed && !pieces.is_empty() {
        let page = Page {
            places: vec![(focus, body)],
            number: 0,
            pages: 1,
        };
        return (pieces, page);
    }
    let tiles: Vec<Tile> = pieces.iter().map(|p| p.tile).collect();
    let in_order = !state.options.overview.is_empty();
    let page = grid::lay(&tiles, body, focus, in_order);
    (pieces, page)
}

/// What the panels on the page want to know, and those that may have something to say.
fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let (pieces, page) = page(state, body);
    let on_page = page.places.iter().map(|(at, place)| (pieces[*at], *place));
    let hidden = wanted(state, body)
        .into_iter()
        .filter(|p| !pieces.iter().any(|other| other.is(p)));
    let mut out = Vec::new();
    for (piece, place) in on_page.chain(hidden.map(|p| (p, body))) {
        let ask = piece.ask(state, place);
        let mut asked = (piece.panel.requests)(&ask);
        if piece.panel.name == panel::logs::PANEL.name {
            let filtered = |request| panel::logs::filtered(state, request);
            asked = asked.into_iter().map(filtered).collect();
        }
        let asked = asked.into_iter().enumerate();
        out.extend(asked.map(|(part, request)| (ask.slot(piece.panel.name, part), request)));
    }
    out
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let body = crate::tui::view::body(state);
    let (pieces, page) = page(state, body);
    let count = pieces.len().max(1);
    let chosen = pieces.get(state.locals.overview.focus.min(count - 1));
    let opens = chosen.map_or("", |p| p.panel.opens);
    let expr = chosen.and_then(|p| Some(p.own?.1.expr.clone()));
    let is_logs = |p: &Piece<'_>| p.panel.name == panel::logs::PANEL.name;
    let logs_at = pieces.iter().position(is_logs);
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
        Act::Filter => match logs_at {
            Some(at) => {
                state.locals.overview.focus = at;
                logs::begin_in_panel(state);
            }
            None => return None,
        },
        Act::Open => {
            match by_name(opens) {
                Some(tab) => state.tab = tab,
                None => local.zoomed = !local.zoomed,
            }
            if let Some(expr) = expr {
                metrics::ask(state, &expr);
            }
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Chooses the panel under the mouse; on a chart it moves the time cursor as well.
fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    let (pieces, page) = page(state, body);
    let hit = page.places.iter().find(|(_, place)| is_over(mouse, *place));
    let Some((at, place)) = hit.copied() else {
        return false;
    };
    let asked = (pieces[at].panel.requests)(&pieces[at].ask(state, place));
    if mouse.kind == MouseKind::Press {
        state.locals.overview.focus = at;
    }
    if let Some(plot) = plot_of(&asked, place) {
        on_chart(state, plot, mouse);
    }
    true
}

/// Where time runs across a framed panel that asks these questions; `None` where it does not.
pub(crate) fn plot_of(asked: &[Request], place: Rect) -> Option<Rect> {
    let over_time = |r: &Request| matches!(r, Request::Prom(query) if !query.instant);
    let inner = place.inner(Margin::new(1, 1));
    let has_room = inner.width > 2 * GUTTER && asked.iter().any(over_time);
    has_room.then(|| Rect {
        x: inner.x + GUTTER,
        width: inner.width - GUTTER,
        ..inner
    })
}

fn view(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(theme);
    let (pieces, page) = page(state, body);
    let local = &state.locals.overview;
    let focus = local.focus.min(pieces.len().saturating_sub(1));
    let mut caret = None;
    for (at, place) in &page.places {
        let piece = pieces[*at];
        let shown = piece.shown(state, *place, *at == focus);
        paint_panel(&shown, piece.panel, (theme, &look), *place, buffer);
        if logs::in_panel(state) && piece.panel.name == panel::logs::PANEL.name {
            let inside = place.inner(Margin::new(1, 1));
            let bar = Rect {
                height: panel::logs::BAR.min(inside.height),
                ..inside
            };
            caret = logs::paint_bar(state, bar, buffer, &look);
            if let Some(caret) = caret {
                logs::paint_bar_list(state, caret, body, buffer, &look);
            }
        }
    }
    if page.pages > 1 {
        let words = format!(" page {} of {} ", page.number + 1, page.pages);
        let y = body.bottom().saturating_sub(1);
        let at = (body.right().saturating_sub(words.len() as u16 + 2), y);
        paint::put(buffer, at, body.right(), &words, look.dim);
    }
    caret
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
    let own = shown.ask.own.map(|(_, own)| text::display(&own.title));
    let frame = Frame {
        title: own.as_deref().unwrap_or(panel.title),
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
