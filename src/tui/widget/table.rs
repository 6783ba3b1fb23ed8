//! Rows under a header that stays: sorted, scrolled, cut by display width. Only what is visible is
//! asked for and painted.

use crate::base::text;
use crate::tui::widget::{Look, paint, scrollbar};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// One column. Where not all have room, those of the highest `rank` go first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// Cells; for the column that grows, the least.
    pub(crate) width: u16,
    pub(crate) grows: bool,
    pub(crate) align: Align,
    pub(crate) rank: u8,
}

impl Column {
    pub(crate) const fn left(title: &'static str, width: u16, rank: u8) -> Self {
        Self {
            title,
            width,
            grows: false,
            align: Align::Left,
            rank,
        }
    }

    pub(crate) const fn right(title: &'static str, width: u16, rank: u8) -> Self {
        Self {
            align: Align::Right,
            ..Self::left(title, width, rank)
        }
    }

    pub(crate) const fn growing(self) -> Self {
        Self {
            grows: true,
            ..self
        }
    }
}

/// What stands in one cell of the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) style: Style,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    pub(crate) columns: &'a [Column],
    pub(crate) rows: usize,
    pub(crate) offset: usize,
    pub(crate) selected: Option<usize>,
    /// Column, and whether it falls.
    pub(crate) sort: Option<(usize, bool)>,
    pub(crate) header: bool,
}

/// Where a column stands, and its place in `columns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placed {
    column: usize,
    x: u16,
    width: u16,
}

impl Table<'_> {
    /// Rows that have room in an area of this height.
    pub(crate) fn visible(&self, height: u16) -> usize {
        usize::from(height.saturating_sub(u16::from(self.header)))
    }

    /// Paints; `entry(row, column)` is called for visible cells only. Gives the offset that was
    /// used, which holds the chosen row.
    pub(crate) fn paint<'e>(
        &self,
        buf: &mut Buffer,
        area: Rect,
        look: &Look,
        mut entry: impl FnMut(usize, usize) -> Entry<'e>,
    ) -> usize {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return self.offset;
        }
        let visible = self.visible(area.height);
        let offset = scrollbar::follow(self.offset, self.selected, visible, self.rows);
        let bar = u16::from(self.rows > visible);
        let placed = self.place(Rect {
            width: area.width - bar.min(area.width),
            ..area
        });
        let mut y = area.y;
        if self.header {
            self.paint_header(buf, y, &placed, look);
            y += 1;
        }
        let top = y;
        for row in offset..self.rows.min(offset + visible) {
            let chosen = self.selected == Some(row);
            for p in &placed {
                let shown = entry(row, p.column);
                cell(
                    buf,
                    Rect::new(p.x, y, p.width, 1),
                    &shown,
                    self.columns[p.column].align,
                    look,
                );
            }
            if chosen {
                let width = area.width - bar.min(area.width);
                buf.set_style(Rect::new(area.x, y, width, 1), look.selected);
            }
            y += 1;
        }
        let column = Rect::new(area.right() - 1, top, 1, visible as u16);
        scrollbar::vertical(buf, column, offset, self.rows, look);
        offset
    }

    fn paint_header(&self, buf: &mut Buffer, y: u16, placed: &[Placed], look: &Look) {
        for p in placed {
            let column = &self.columns[p.column];
            let sorted = self.sort.filter(|(at, _)| *at == p.column);
            let arrow = match (sorted, !look.boxes) {
                (Some((_, true)), false) => "▾",
                (Some((_, false)), false) => "▴",
                (Some((_, true)), true) => "v",
                (Some((_, false)), true) => "^",
                (None, _) => "",
            };
            let title = format!("{}{arrow}", column.title);
            let style = if sorted.is_some() {
                look.title
            } else {
                look.dim
            };
            cell(
                buf,
                Rect::new(p.x, y, p.width, 1),
                &Entry::new(title, style),
                column.align,
                look,
            );
        }
    }

    /// Drops columns by rank until the rest fits, one blank between them; the growing ones share
    /// what is left over.
    fn place(&self, area: Rect) -> Vec<Placed> {
        let mut kept: Vec<usize> = (0..self.columns.len()).collect();
        let need = |kept: &[usize]| -> u16 {
            let widths: u16 = kept.iter().map(|i| self.columns[*i].width).sum();
            widths + kept.len().saturating_sub(1) as u16
        };
        while kept.len() > 1 && need(&kept) > area.width {
            let worst = kept
                .iter()
                .enumerate()
                .max_by_key(|(_, i)| self.columns[**i].rank);
            if let Some((at, _)) = worst {
                kept.remove(at);
            }
        }
        let growing = kept.iter().filter(|i| self.columns[**i].grows).count() as u16;
        let spare = area.width.saturating_sub(need(&kept));
        let (each, mut odd) = (
            spare.checked_div(growing).unwrap_or(0),
            spare.checked_rem(growing).unwrap_or(0),
        );
        let mut x = area.x;
        let mut out = Vec::with_capacity(kept.len());
        for column in kept {
            let c = &self.columns[column];
            let mut width = c.width;
            if c.grows {
                width += each + u16::from(odd > 0);
                odd = odd.saturating_sub(1);
            }
            let width = width.min(area.right().saturating_sub(x));
            out.push(Placed { column, x, width });
            x = (x + width + 1).min(area.right());
        }
        out
    }
}

fn cell(buf: &mut Buffer, at: Rect, entry: &Entry<'_>, align: Align, look: &Look) {
    let fitted = text::fit(&entry.text, usize::from(at.width), look.symbols.ellipsis());
    let place = (at.x, at.y);
    match align {
        Align::Left => paint::put(buf, place, at.right(), &fitted, entry.style),
        Align::Right => paint::put_right(buf, place, at.right(), &fitted, entry.style),
    };
}
