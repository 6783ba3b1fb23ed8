//! Where the panels of a grid stand: rows of columns, pages of rows.

use ratatui::layout::Rect;

/// What one panel wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// Columns.
    pub(super) span: u16,
    /// Rows, its border included.
    pub(super) least: u16,
    /// Its share of what is left over.
    pub(super) weight: u16,
}

/// Columns for a width: none narrower than a chart needs to be read.
pub(super) fn columns(width: u16) -> u16 {
    match width {
        0..70 => 1,
        70..112 => 2,
        112..230 => 3,
        _ => 4,
    }
}

/// The page that holds the tile `focus`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Tiles with their places, from the upper left.
    pub(super) places: Vec<(usize, Rect)>,
    pub(super) number: usize,
    pub(super) pages: usize,
}

/// Lays tiles in rows. With `in_order` a row ends where the next tile has no room; else a later
/// one that fits goes first.
pub(super) fn lay(tiles: &[Tile], body: Rect, focus: usize, in_order: bool) -> Page {
    let rows = rows(tiles, columns(body.width), in_order);
    let least = |row: &[usize]| row.iter().map(|t| tiles[*t].least).max().unwrap_or(0);
    let mut pages: Vec<Vec<Vec<usize>>> = Vec::new();
    let mut room = 0;
    for row in rows {
        let height = least(&row);
        if let Some(page) = pages.last_mut().filter(|_| height <= room) {
            page.push(row);
        } else {
            room = body.height;
            pages.push(vec![row]);
        }
        room = room.saturating_sub(height);
    }
    let holds = |page: &Vec<Vec<usize>>| page.iter().flatten().any(|t| *t == focus);
    let number = pages.iter().position(holds).unwrap_or(0);
    let Some(page) = pages.get(number) else {
        return Page::default();
    };
    let mut spare = body
        .height
        .saturating_sub(page.iter().map(|r| least(r)).sum());
    let weight = |row: &[usize]| {
        row.iter()
            .map(|t| tiles[*t].weight)
            .max()
            .unwrap_or(1)
            .max(1)
    };
    let mut weights: u16 = page.iter().map(|r| weight(r)).sum();
    let mut y = body.y;
    let mut places = Vec::new();
    for row in page {
        let own = weight(row);
        let extra = u32::from(spare) * u32::from(own) / u32::from(weights.max(1));
        spare -= extra as u16;
        weights -= own;
        let height = (least(row) + extra as u16).min(body.bottom() - y);
        place_row(tiles, row, Rect { y, height, ..body }, &mut places);
        y += height;
    }
    Page {
        places,
        number,
        pages: pages.len(),
    }
}

fn rows(tiles: &[Tile], columns: u16, in_order: bool) -> Vec<Vec<usize>> {
    let mut left: Vec<usize> = (0..tiles.len()).collect();
    let mut out = Vec::new();
    while !left.is_empty() {
        let mut row = Vec::new();
        let mut room = columns;
        let mut at = 0;
        while at < left.len() && room > 0 {
            let span = tiles[left[at]].span.clamp(1, columns);
            if span <= room {
                room -= span;
                row.push(left.remove(at));
            } else if in_order {
                break;
            } else {
                at += 1;
            }
        }
        out.push(row);
    }
    out
}

/// The tiles of a row share its width by their spans.
fn place_row(tiles: &[Tile], row: &[usize], area: Rect, out: &mut Vec<(usize, Rect)>) {
    let total: u32 = row.iter().map(|t| u32::from(tiles[*t].span.max(1))).sum();
    let mut before = 0u32;
    for tile in row {
        let after = before + u32::from(tiles[*tile].span.max(1));
        let edge = |part: u32| (u32::from(area.width) * part / total) as u16;
        let (from, to) = (edge(before), edge(after));
        out.push((
            *tile,
            Rect {
                x: area.x + from,
                width: to - from,
                ..area
            },
        ));
        before = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tile(span: u16) -> Tile {
        Tile {
            span,
            least: 6,
            weight: 3,
        }
    }

    #[test]
    fn a_page_fills_the_body_without_overlap() {
        let tiles = [
            tile(2),
            tile(1),
            tile(1),
            tile(1),
            tile(2),
            tile(1),
            tile(1),
        ];
        for (width, height) in [(60, 16), (80, 22), (120, 38), (200, 48), (300, 80)] {
            let body = Rect::new(0, 1, width, height);
            let mut seen = Vec::new();
            let pages = lay(&tiles, body, 0, false).pages;
            for focus in 0..tiles.len() {
                let page = lay(&tiles, body, focus, false);
                assert!(page.places.iter().any(|(t, _)| *t == focus));
                let area: u32 = page.places.iter().map(|(_, r)| r.area()).sum();
                assert_eq!(area, body.area(), "{width}x{height}");
                seen.push(page.number);
            }
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), pages);
        }
    }

    #[test]
    fn a_later_tile_fills_the_hole_unless_a_person_chose_the_order() {
        let tiles = [tile(1), tile(1), tile(2), tile(1)];
        let body = Rect::new(0, 0, 120, 30);
        let order = |in_order| -> Vec<usize> {
            lay(&tiles, body, 0, in_order)
                .places
                .iter()
                .map(|(t, _)| *t)
                .collect()
        };
        assert_eq!(order(false), [0, 1, 3, 2]);
        assert_eq!(order(true), [0, 1, 2, 3]);
        assert_eq!(lay(&[], body, 0, true), Page::default());
    }
}
