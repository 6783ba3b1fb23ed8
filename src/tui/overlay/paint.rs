//! Paints what lies over the tab.

use crate::base::text;
use crate::tui::line_edit::LineEdit;
use crate::tui::overlay::{Confirm, Item, List, ListKind, Overlay, Prompt};
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Position, Rect};
use ratatui::widgets::{Block, Clear, Widget};

pub(crate) fn overlay(
    overlay: &Overlay,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    match overlay {
        Overlay::List(list) => paint_list(list, theme, area, buffer),
        Overlay::Prompt(prompt) => Some(paint_prompt(prompt, theme, area, buffer)),
        Overlay::Confirm(confirm) => {
            paint_confirm(confirm, theme, area, buffer);
            None
        }
    }
}

/// A bordered box on cleared ground; gives its inside.
pub(crate) fn frame(title: &str, theme: &Theme, place: Rect, buffer: &mut Buffer) -> Rect {
    Clear.render(place, buffer);
    buffer.set_style(place, theme.text);
    Block::bordered()
        .border_set(theme.symbols.border)
        .border_style(theme.focus)
        .title(format!(" {title} "))
        .render(place, buffer);
    place.inner(Margin::new(1, 1))
}

/// One line of an edit, and where its caret stands.
pub(crate) fn edit_line(
    edit: &LineEdit,
    theme: &Theme,
    place: Rect,
    buffer: &mut Buffer,
) -> Position {
    let columns = usize::from(place.width);
    let (shown, column) = edit.visible(columns);
    let line = text::left(&text::display(shown), columns, theme.symbols.ellipsis);
    buffer.set_string(place.x, place.y, line, theme.input);
    Position::new(place.x + column as u16, place.y)
}

fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 3,
        width,
        height,
    )
}

fn paint_list(list: &List, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let shown = list.shown();
    let searchable = list.typing || list.kind == ListKind::Help;
    let width = match list.kind {
        ListKind::Help | ListKind::Palette | ListKind::Blind => 96,
        _ => 76,
    };
    let head = u16::from(searchable);
    let place = centered(
        area,
        width.min(area.width.saturating_sub(4)),
        (shown.len().max(1) as u16 + head + 2).min(area.height.saturating_sub(2)),
    );
    let inner = frame(&list.title, theme, place, buffer);
    let mut caret = None;
    let mut rows = inner;
    if searchable {
        rows.y += 1;
        rows.height = rows.height.saturating_sub(1);
        let sign = if list.kind == ListKind::Palette {
            ":"
        } else {
            "/"
        };
        buffer.set_string(inner.x, inner.y, sign, theme.key);
        if list.typing {
            let line = Rect::new(inner.x + 1, inner.y, inner.width.saturating_sub(1), 1);
            caret = Some(edit_line(&list.edit, theme, line, buffer));
        } else {
            buffer.set_string(
                inner.x + 2,
                inner.y,
                "search, Enter does it, Esc closes",
                theme.dim,
            );
        }
    }
    if shown.is_empty() {
        let line = text::fit(&list.empty, rows.width.into(), theme.symbols.ellipsis);
        buffer.set_string(rows.x, rows.y, line, theme.dim);
    }
    let visible = usize::from(rows.height.max(1));
    let first = (list.chosen + 1).saturating_sub(visible);
    let keys = shown
        .iter()
        .map(|i| text::width(&i.keys))
        .max()
        .unwrap_or(0)
        .min(24);
    let label = shown
        .iter()
        .map(|i| text::width(&i.label))
        .max()
        .unwrap_or(0);
    for ((n, item), row) in shown.iter().enumerate().skip(first).zip(rows.rows()) {
        let look = Look {
            keys,
            label: label.min(usize::from(rows.width) * 3 / 5),
            chosen: n == list.chosen,
        };
        paint_item(item, &look, theme, row, buffer);
    }
    caret
}

/// How wide the columns of a list are, and whether this row is the chosen one.
struct Look {
    keys: usize,
    label: usize,
    chosen: bool,
}

fn paint_item(item: &Item, look: &Look, theme: &Theme, row: Rect, buffer: &mut Buffer) {
    let ellipsis = theme.symbols.ellipsis;
    let mut x = row.x;
    let right = row.right();
    let mut put = |text: &str, style, x: &mut u16| {
        let room = usize::from(right.saturating_sub(*x));
        let shown = text::fit(text, room, ellipsis);
        buffer.set_string(*x, row.y, &shown, style);
        *x += text::width(&shown) as u16;
    };
    if look.keys > 0 {
        let keys = text::left(&item.keys, look.keys, ellipsis);
        put(&format!("{keys}  "), theme.key, &mut x);
    }
    let label = text::left(&text::display(&item.label), look.label, ellipsis);
    let style = if item.why_not.is_some() {
        theme.dim
    } else {
        theme.text
    };
    put(&label, style, &mut x);
    let detail = item.why_not.as_ref().unwrap_or(&item.detail);
    put(&format!("  {}", text::display(detail)), theme.dim, &mut x);
    if look.chosen {
        buffer.set_style(row, theme.selected);
    }
}

fn paint_prompt(prompt: &Prompt, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Position {
    let place = centered(area, 76.min(area.width.saturating_sub(4)), 4);
    let inner = frame(&prompt.title, theme, place, buffer);
    let line = Rect { height: 1, ..inner };
    let caret = edit_line(&prompt.edit, theme, line, buffer);
    let (below, style) = match &prompt.error {
        Some(error) => (error, theme.bad),
        None => (&prompt.hint, theme.dim),
    };
    let shown = text::fit(below, inner.width.into(), theme.symbols.ellipsis);
    buffer.set_string(inner.x, inner.y + 1, &shown, style);
    caret
}

fn paint_confirm(confirm: &Confirm, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let width = 76.min(area.width.saturating_sub(4));
    let room = usize::from(width.saturating_sub(2)).max(1);
    let lines = confirm.lines.iter();
    let lines: Vec<String> = lines.flat_map(|line| text::wrap(line, room)).collect();
    let height = (lines.len() as u16 + 4).min(area.height);
    let place = centered(area, width, height);
    let inner = frame(&confirm.title, theme, place, buffer);
    let above = usize::from(inner.height.saturating_sub(2));
    for (row, line) in inner.rows().zip(lines.iter().take(above)) {
        buffer.set_string(row.x, row.y, line, theme.text);
    }
    let bottom = inner.bottom().saturating_sub(1);
    buffer.set_string(inner.x, bottom, "y", theme.key);
    buffer.set_string(inner.x + 2, bottom, "yes", theme.bad);
    buffer.set_string(inner.x + 8, bottom, "n", theme.key);
    buffer.set_string(inner.x + 10, bottom, "no", theme.text);
}
