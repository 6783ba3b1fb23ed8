//! Boxes and lines on the screen.

use crate::base::text;
use crate::model::trace_report::{Load, MapNode, NodeKind, ServiceMap};
use crate::tui::tabs::traces::report::map::lay::{Laid, Spot};
use crate::tui::widget::{Look, paint as stroke};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::HashMap;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Cells with the directions in which lines leave them.
#[derive(Default)]
struct Lines {
    cells: HashMap<(u16, u16), (u8, Style)>,
}

impl Lines {
    fn mark(&mut self, at: (u16, u16), way: u8, style: Style) {
        let cell = self.cells.entry(at).or_insert((0, style));
        cell.0 |= way;
        cell.1 = style;
    }

    fn across(&mut self, (from, to): (u16, u16), y: u16, style: Style) {
        for x in from..to {
            self.mark((x, y), RIGHT, style);
            self.mark((x + 1, y), LEFT, style);
        }
    }

    fn down(&mut self, x: u16, (from, to): (u16, u16), style: Style) {
        for y in from.min(to)..from.max(to) {
            self.mark((x, y), DOWN, style);
            self.mark((x, y + 1), UP, style);
        }
    }

    fn paint(&self, look: &Look, buf: &mut Buffer) {
        for (at, (ways, style)) in &self.cells {
            stroke::dot(buf, *at, shape(*ways, look.boxes), *style);
        }
    }
}

fn shape(ways: u8, boxes: bool) -> char {
    const BOTH: u8 = LEFT | RIGHT;
    const TALL: u8 = UP | DOWN;
    if !boxes {
        return match ways {
            w if w & TALL == 0 => '-',
            w if w & BOTH == 0 => '|',
            _ => '+',
        };
    }
    match (
        ways & UP > 0,
        ways & DOWN > 0,
        ways & LEFT > 0,
        ways & RIGHT > 0,
    ) {
        (false, false, ..) => '─',
        (_, _, false, false) => '│',
        (true, false, true, false) => '╯',
        (true, false, false, true) => '╰',
        (false, true, true, false) => '╮',
        (false, true, false, true) => '╭',
        (true, true, true, false) => '┤',
        (true, true, false, true) => '├',
        (true, false, true, true) => '┴',
        (false, true, true, true) => '┬',
        (true, true, true, true) => '┼',
    }
}

/// `words` says what a load is in few words.
pub(super) fn paint(
    map: &ServiceMap,
    laid: &Laid,
    chosen: Option<usize>,
    (look, words): (&Look, &dyn Fn(Load) -> String),
    buf: &mut Buffer,
) {
    let mut lines = Lines::default();
    let mut labels = Vec::new();
    for (l, layer) in laid.layers.iter().enumerate() {
        let Some(next) = laid.layers.get(l + 1).filter(|n| !n.is_empty()) else {
            continue;
        };
        let end = next[0].place.x - 1;
        for (lane, spot) in layer.iter().enumerate() {
            let start = if spot.node.is_some() {
                spot.place.right()
            } else {
                // What passes is drawn through the layer as well.
                spot.place.x
            };
            let y = spot.place.y + spot.place.height / 2;
            let gap = end - spot.place.right();
            let lanes = (gap / 3).max(2);
            let turn = spot.place.right() + 1 + (lane as u16 % lanes);
            for (to, edge, row) in &spot.to {
                let load = map.edges[*edge].load;
                let of_chosen = chosen.is_some_and(|c| {
                    let e = &map.edges[*edge];
                    e.from as usize == c || e.to as usize == c
                });
                let style = match (load.errors > 0, of_chosen) {
                    (true, _) => look.bad,
                    (_, true) => look.focus,
                    _ => look.dim,
                };
                lines.across((start, turn), y, style);
                lines.down(turn, (y, *row), style);
                let to_box = next[*to].node.is_some();
                lines.across((turn, if to_box { end } else { end + 1 }), *row, style);
                if to_box {
                    labels.push((turn + 1, end, *row, words(load), style));
                }
            }
        }
    }
    lines.paint(look, buf);
    let arrow = if look.boxes { '▸' } else { '>' };
    for (from, end, y, label, style) in labels {
        stroke::dot(buf, (end, y), arrow, style);
        let room = usize::from(end.saturating_sub(from + 1));
        if let Some(label) = fitting(&label, room) {
            stroke::put_right(buf, (from, y), end - 1, label, style);
        }
    }
    for spot in laid.layers.iter().flatten() {
        if let Some(node) = spot.node {
            node_box(
                &map.nodes[node],
                chosen == Some(node),
                spot,
                (look, words),
                buf,
            );
        }
    }
}

/// As much of the words as has room: without the rate, then the last alone.
fn fitting(label: &str, room: usize) -> Option<&str> {
    let mut rest = label;
    while text::width(rest) > room {
        rest = rest.split_once(' ')?.1;
        rest = rest.strip_prefix("err ").unwrap_or(rest);
    }
    // Half a number says nothing.
    rest.contains(' ').then_some(rest)
}

fn node_box(
    node: &MapNode,
    chosen: bool,
    spot: &Spot,
    (look, words): (&Look, &dyn Fn(Load) -> String),
    buf: &mut Buffer,
) {
    let place = spot.place;
    let style = match (chosen, node.kind) {
        (true, _) => look.focus,
        (_, NodeKind::Service) => look.border,
        _ => look.mark,
    };
    edges(place, look.boxes, style, buf);
    let right = place.right() - 1;
    let name = text::display(&node.name);
    let room = usize::from(place.width) - 4;
    let name = text::fit(&name, room, look.symbols.ellipsis());
    let title = if chosen { look.focus } else { look.title };
    let named = Rect::new(place.x + 2, place.y, text::width(&name) as u16, 1);
    buf.set_style(named, Style::reset());
    stroke::put(buf, (named.x, place.y), right, &name, title);
    if node.kind != NodeKind::Service {
        let kind = node.kind.as_str();
        stroke::put_right(
            buf,
            (place.x, place.bottom() - 1),
            right - 1,
            kind,
            look.dim,
        );
    }
    if node.load.requests > 0 {
        let said = words(node.load);
        let said = text::fit(&said, usize::from(place.width) - 2, look.symbols.ellipsis());
        let style = if node.load.errors > 0 {
            look.bad
        } else {
            look.text
        };
        let y = place.y + place.height / 2;
        stroke::put(buf, (place.x + 1, y), right, &said, style);
    }
}

fn edges(place: Rect, boxes: bool, style: Style, buf: &mut Buffer) {
    let [h, v, tl, tr, bl, br] = if boxes {
        ['─', '│', '╭', '╮', '╰', '╯']
    } else {
        ['-', '|', '+', '+', '+', '+']
    };
    let (right, bottom) = (place.right() - 1, place.bottom() - 1);
    for y in place.y..=bottom {
        for x in place.x..=right {
            let c = match (x == place.x, x == right, y == place.y, y == bottom) {
                (true, _, true, _) => tl,
                (_, true, true, _) => tr,
                (true, _, _, true) => bl,
                (_, true, _, true) => br,
                (true, ..) | (_, true, ..) => v,
                (_, _, true, _) | (.., true) => h,
                _ => ' ',
            };
            let style = if c == ' ' { Style::reset() } else { style };
            stroke::dot(buf, (x, y), c, style);
        }
    }
}
