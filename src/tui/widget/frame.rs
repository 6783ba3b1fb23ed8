//! The border of a panel, its title, and what is said at its right end.

use crate::base::text;
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A border with words in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// After the title: the value that matters most.
    pub(crate) headline: &'a str,
    pub(crate) headline_style: Style,
    /// At the right end: age, an error's name, the range.
    pub(crate) remark: &'a str,
    pub(crate) remark_style: Style,
    pub(crate) focused: bool,
}

impl Frame<'_> {
    /// Paints the border and gives what is inside.
    pub(crate) fn paint(&self, buf: &mut Buffer, area: Rect, look: &Look) -> Rect {
        let area = area.intersection(buf.area);
        if area.width < 4 || area.height < 2 {
            return area;
        }
        let style = if self.focused {
            look.focus
        } else {
            look.border
        };
        let right = area.right() - 2;
        let mut x = area.x + 2;
        let title_style = if self.focused { look.focus } else { look.title };
        if !self.title.is_empty() {
            let room = usize::from(right.saturating_sub(x + 1));
            let title = text::fit(self.title, room, look.symbols.ellipsis());
            x = paint::put(buf, (x, area.y), right, &title, title_style) + 1;
        }
        let room = |x: u16| usize::from(right.saturating_sub(x));
        if !self.headline.is_empty() && text::width(self.headline) <= room(x) {
            x = paint::put(buf, (x, area.y), right, self.headline, self.headline_style) + 1;
        }
        let mut line_to = area.right() - 1;
        if !self.remark.is_empty() && room(x) > 8 {
            let remark = text::fit(self.remark, room(x) - 3, look.symbols.ellipsis());
            line_to = right - text::width(&remark) as u16 - 2;
            paint::put(
                buf,
                (line_to + 1, area.y),
                right,
                &remark,
                self.remark_style,
            );
        }
        let line_from = if x == area.x + 2 { area.x + 1 } else { x };
        border(buf, area, (line_from, line_to), (style, look));
        Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
    }
}

/// The words in the upper line stand left of `from` and right of `to`; they keep their own style.
fn border(buf: &mut Buffer, area: Rect, (from, to): (u16, u16), (style, look): (Style, &Look)) {
    let [h, v, tl, tr, bl, br] = if look.boxes {
        ['─', '│', '╭', '╮', '╰', '╯']
    } else {
        ['-', '|', '+', '+', '+', '+']
    };
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    for x in from..to {
        paint::dot(buf, (x, area.y), h, style);
    }
    if to < right {
        paint::dot(buf, (right - 1, area.y), h, style);
    }
    for x in area.x + 1..right {
        paint::dot(buf, (x, bottom), h, style);
    }
    for y in area.y + 1..bottom {
        paint::dot(buf, (area.x, y), v, style);
        paint::dot(buf, (right, y), v, style);
    }
    for (x, y, corner) in [
        (area.x, area.y, tl),
        (right, area.y, tr),
        (area.x, bottom, bl),
        (right, bottom, br),
    ] {
        paint::dot(buf, (x, y), corner, style);
    }
}

/// Sentences in the middle of an area: why it is empty and what to type. A first line that fits
/// stands alone; the rest is wrapped. What has no room is left out from the end.
pub(crate) fn words(buf: &mut Buffer, area: Rect, lines: &[(&str, Style)]) {
    let columns = usize::from(area.width.saturating_sub(2));
    let mut rows: Vec<(String, Style)> = Vec::new();
    for (line, style) in lines {
        rows.extend(paint::wrap(line, columns).into_iter().map(|r| (r, *style)));
    }
    rows.truncate(usize::from(area.height));
    let top = area.y + (area.height - rows.len() as u16) / 2;
    for (i, (row, style)) in rows.iter().enumerate() {
        let line = Rect::new(area.x, top + i as u16, area.width, 1);
        paint::put_middle(buf, line, row, *style);
    }
}

/// Takes the strength out of what is old, so that nobody reads it as now.
pub(crate) fn fade(buf: &mut Buffer, area: Rect, look: &Look) {
    for position in area.intersection(buf.area).positions() {
        if let Some(cell) = buf.cell_mut(position) {
            cell.set_style(Style::reset()).set_style(look.faint);
        }
    }
}
