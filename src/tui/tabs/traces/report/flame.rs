//! The flame graph: as wide as a call and all below it took, deeper calls below.

use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::model::trace_report::CallRow;
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::traces::report::{Open, answer, calls_of};
use crate::tui::widget::{Look, paint as stroke};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Where a call stands: parts of the whole width.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bar {
    from: f64,
    to: f64,
}

/// The bars of the rows below `zoom`, which is as wide as all; none for rows elsewhere.
fn bars(rows: &[CallRow], zoom: Option<usize>) -> Vec<Option<Bar>> {
    let (first, base) = zoom.map_or((0, 0), |z| (z, rows[z].depth));
    let whole: u64 = match zoom {
        Some(z) => rows[z].weight,
        None => rows.iter().filter(|r| r.depth == 0).map(|r| r.weight).sum(),
    };
    let part = |ns: u64| ns as f64 / whole.max(1) as f64;
    let mut out = vec![None; rows.len()];
    // By depth where the next call begins.
    let mut next = vec![0.0];
    for (i, row) in rows.iter().enumerate().skip(first) {
        if zoom.is_some_and(|z| i > z && row.depth <= base) {
            break;
        }
        let level = (row.depth - base) as usize;
        next.truncate(level + 1);
        let from = next[level];
        let to = from + part(row.weight);
        out[i] = Some(Bar { from, to });
        next[level] = to;
        next.push(from);
    }
    out
}

fn parent(rows: &[CallRow], at: usize) -> Option<usize> {
    let depth = rows.get(at)?.depth;
    rows[..at].iter().rposition(|r| r.depth < depth)
}

/// The brother after or before.
fn brother(rows: &[CallRow], at: usize, forward: bool) -> Option<usize> {
    let depth = rows.get(at)?.depth;
    let is_in = |r: &&CallRow| r.depth >= depth;
    if forward {
        let after = rows[at + 1..].iter().take_while(is_in);
        let step = after.enumerate().find(|(_, r)| r.depth == depth)?.0;
        return Some(at + 1 + step);
    }
    let before = rows[..at].iter().rev().take_while(is_in);
    let step = before.enumerate().find(|(_, r)| r.depth == depth)?.0;
    Some(at - 1 - step)
}

pub(super) fn act(state: &mut State, act: Act) -> bool {
    let rows = calls_of(answer(state));
    let Some(open) = &state.locals.traces.report else {
        return false;
    };
    let at = open.rows.at(rows.len());
    let zoom = open.zoom;
    let inside = |to: usize| zoom.is_none_or(|z| to >= z);
    let go = match act {
        Act::Down => {
            Some(at + 1).filter(|b| rows.get(*b).is_some_and(|r| r.depth > rows[at].depth))
        }
        Act::Up => parent(rows, at).filter(|p| inside(*p)),
        Act::CursorRight => brother(rows, at, true).filter(|_| zoom != Some(at)),
        Act::CursorLeft => brother(rows, at, false).filter(|_| zoom != Some(at)),
        Act::Top => Some(zoom.unwrap_or(0)),
        Act::Sort | Act::Slowest => {
            let bars = bars(rows, zoom);
            let drawn = (0..rows.len()).filter(|i| bars[*i].is_some());
            drawn.max_by_key(|i| rows[*i].own)
        }
        Act::Open | Act::Escape | Act::Back => None,
        _ => return false,
    };
    let Some(open) = &mut state.locals.traces.report else {
        return false;
    };
    match act {
        Act::Open => open.zoom = Some(at),
        Act::Escape | Act::Back if open.zoom.is_some() => open.zoom = None,
        Act::Escape | Act::Back => return false,
        _ => open.rows.go(go.unwrap_or(at)),
    }
    true
}

pub(super) fn paint(state: &State, open: &Open, look: &Look, (area, buf): (Rect, &mut Buffer)) {
    let rows = calls_of(answer(state));
    if rows.is_empty() || area.height < 3 {
        return;
    }
    let zoom = open.zoom.filter(|z| *z < rows.len());
    let at = open.rows.at(rows.len());
    let graph = Rect {
        height: area.height - 2,
        ..area
    };
    let base = zoom.map_or(0, |z| rows[z].depth);
    // The chosen call stays in sight, however deep.
    let level = rows[at].depth.saturating_sub(base);
    let top = (level + 2).saturating_sub(u32::from(graph.height));
    for (i, bar) in bars(rows, zoom).into_iter().enumerate() {
        let Some(bar) = bar else { continue };
        let down = rows[i].depth - base;
        if down < top || down - top >= u32::from(graph.height) {
            continue;
        }
        let y = graph.y + (down - top) as u16;
        let x = |part: f64| (part * f64::from(graph.width)).round() as u16;
        let (from, to) = (x(bar.from), x(bar.to).min(graph.width));
        if to > from {
            let place = Rect::new(graph.x + from, y, to - from, 1);
            call(&rows[i], i == at, look, place, buf);
        }
    }
    legend(rows, at, zoom, look, (area, buf));
}

fn call(row: &CallRow, chosen: bool, look: &Look, place: Rect, buf: &mut Buffer) {
    let colour = row
        .service
        .bytes()
        .fold(7usize, |h, b| h.wrapping_mul(31) ^ usize::from(b));
    let style = match (chosen, row.errors > 0) {
        (true, _) => look.selected.add_modifier(Modifier::BOLD),
        (_, true) => look.bad.add_modifier(Modifier::REVERSED),
        _ if !look.colours => look.text,
        _ => look.series[colour % look.series.len()].add_modifier(Modifier::REVERSED),
    };
    let room = usize::from(place.width).saturating_sub(1);
    let mark = match (chosen, look.boxes) {
        (true, true) => "▸",
        (true, false) => ">",
        (false, true) => "▏",
        (false, false) => "|",
    };
    let name = text::display(&row.name);
    let label = if room >= 3 {
        text::fit(&name, room, look.symbols.ellipsis()).into_owned()
    } else {
        String::new()
    };
    for x in place.x..place.right() {
        stroke::dot(buf, (x, place.y), ' ', style);
    }
    let x = stroke::put(buf, (place.x, place.y), place.right(), mark, style);
    stroke::put(buf, (x, place.y), place.right(), &label, style);
}

/// What is chosen, in words, and which keys lead where.
fn legend(
    rows: &[CallRow],
    at: usize,
    zoom: Option<usize>,
    look: &Look,
    (area, buf): (Rect, &mut Buffer),
) {
    let row = &rows[at];
    let whole: u64 = rows.iter().filter(|r| r.depth == 0).map(|r| r.weight).sum();
    let percent = |ns: u64| 100.0 * ns as f64 / whole.max(1) as f64;
    let said = format!(
        "{} {}: {} calls, {} failed, with all below {:.1}%, own {} ({:.1}%), longest {}",
        text::display(&row.service),
        text::display(&row.name),
        row.calls,
        row.errors,
        percent(row.weight),
        format_nanoseconds(row.own),
        percent(row.own),
        format_nanoseconds(row.longest)
    );
    let put = |buf: &mut Buffer, y: u16, line: &str, style: Style| {
        let cut = text::fit(line, area.width.into(), look.symbols.ellipsis());
        stroke::put(buf, (area.x, y), area.right(), &cut, style);
    };
    put(buf, area.bottom() - 2, &said, look.text);
    let keys = match zoom {
        Some(_) => "j k: deeper, back   h l: beside   Esc: the whole width again",
        None => {
            "j k: deeper, back   h l: beside   Enter: this as wide as all   s: what took most itself"
        }
    };
    put(buf, area.bottom() - 1, keys, look.dim);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<CallRow> {
        let row = |depth, weight, own| CallRow {
            depth,
            own,
            weight,
            ..CallRow::default()
        };
        vec![
            row(0, 100, 40),
            row(1, 50, 50),
            row(1, 10, 5),
            row(2, 5, 5),
            row(0, 100, 100),
        ]
    }

    fn drawn(zoom: Option<usize>) -> Vec<String> {
        let all = bars(&rows(), zoom).into_iter();
        all.map(|b| b.map_or("-".to_owned(), |b| format!("{:.3}-{:.3}", b.from, b.to)))
            .collect()
    }

    #[test]
    fn children_stand_under_their_parents() {
        assert_eq!(
            drawn(None),
            [
                "0.000-0.500",
                "0.000-0.250",
                "0.250-0.300",
                "0.250-0.275",
                "0.500-1.000"
            ]
        );
        assert_eq!(
            drawn(Some(2)),
            ["-", "-", "0.000-1.000", "0.000-0.500", "-"]
        );
    }

    #[test]
    fn keys_go_to_parents_and_brothers() {
        let rows = rows();
        assert_eq!((parent(&rows, 3), parent(&rows, 0)), (Some(2), None));
        assert_eq!(brother(&rows, 1, true), Some(2));
        assert_eq!(brother(&rows, 2, false), Some(1));
        assert_eq!(brother(&rows, 0, true), Some(4));
        assert_eq!(brother(&rows, 3, true), None);
    }
}
