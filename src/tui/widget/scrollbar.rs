//! Where the visible rows stand among all of them.

use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// One column of cells; nothing is painted where everything is visible.
pub(crate) fn vertical(buf: &mut Buffer, column: Rect, offset: usize, total: usize, look: &Look) {
    let visible = usize::from(column.height);
    if total <= visible || visible == 0 || column.width == 0 {
        return;
    }
    let thumb = (visible * visible / total).max(1);
    let top = (visible - thumb) * offset.min(total - visible) / (total - visible);
    for i in 0..visible {
        let inside = (top..top + thumb).contains(&i);
        let (character, style) = match (inside, !look.boxes) {
            (true, true) => ('#', look.dim),
            (true, false) => ('┃', look.dim),
            (false, true) => ('|', look.faint),
            (false, false) => ('│', look.faint),
        };
        paint::dot(buf, (column.x, column.y + i as u16), character, style);
    }
}

/// The first visible row, moved as little as possible so that `selected` is among `visible` rows
/// of `total`.
pub(crate) fn follow(
    offset: usize,
    selected: Option<usize>,
    visible: usize,
    total: usize,
) -> usize {
    let last = total.saturating_sub(visible);
    let offset = match selected {
        Some(at) if at < offset => at,
        Some(at) if visible > 0 && at >= offset + visible => at + 1 - visible,
        _ => offset,
    };
    offset.min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_follows_the_chosen_row_and_no_further() {
        for (offset, selected, want) in [
            (0, Some(9), 5),
            (5, Some(5), 5),
            (5, Some(2), 2),
            (50, None, 15),
            (3, None, 3),
        ] {
            assert_eq!(
                follow(offset, selected, 5, 20),
                want,
                "{offset} {selected:?}"
            );
        }
        assert_eq!(follow(3, Some(0), 5, 2), 0);
    }
}
