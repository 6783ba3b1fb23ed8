//! Names and values of the series: one row above a chart, or a table below it.

use crate::base::text;
use crate::model::view::{Mark, MarkKind};
use crate::tui::widget::chart::canvas::ASCII;
use crate::tui::widget::chart::{Chart, Curve, Form, columns};
use crate::tui::widget::{Look, Symbols, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// What stands before a series' name: its colour, letter or line pattern.
pub(crate) fn key(look: &Look, index: usize, filled: bool) -> &'static str {
    const LETTERS: [&str; 8] = ["*", "+", "o", "x", "#", "%", "@", "="];
    debug_assert!(
        LETTERS[0].starts_with(ASCII[0]),
        "the letters of the canvas"
    );
    if look.symbols == Symbols::Ascii {
        return LETTERS[index % 8];
    }
    if look.colours {
        return "▪";
    }
    if filled {
        return ["⣿", "⢕", "⠶", "⠅", "⢄"][index % 5];
    }
    ["⠒⠒", "⠒⠂", "⠂⠂", "⠒⠐"][index % 4]
}

/// The value that the legend names: under the cursor, else the newest.
fn value(chart: &Chart<'_>, curve: &Curve<'_>) -> Option<f64> {
    match chart.cursor {
        Some(t) => columns::value_at(curve.samples, t, chart.gap.max(chart.window.column * 2)),
        None => columns::summary(curve.samples, chart.window).last,
    }
}

pub(super) fn row(chart: &Chart<'_>, buf: &mut Buffer, row: Rect, look: &Look) {
    let mut x = row.x;
    if let Some(mark) = under_cursor(chart) {
        x = paint::put(buf, (x, row.y), row.right(), &mark.text, look.mark) + 2;
    }
    let order: Vec<usize> = (0..chart.curves.len()).collect();
    let tight = row.width < 24 * chart.curves.len() as u16;
    for (at, i) in order.iter().enumerate() {
        let curve = &chart.curves[*i];
        let shown = match value(chart, curve) {
            None => "-".to_owned(),
            Some(v) if tight => chart.unit.tight(v),
            Some(v) => chart.unit.show(v),
        };
        let key = key(look, *i, curve.filled || chart.form == Form::Stack);
        let room = usize::from(row.right().saturating_sub(x));
        let fixed = text::width(key) + text::width(&shown) + 2;
        let whole = fixed + text::width(curve.name);
        if whole > room && at > 0 {
            let more = format!("+{}", order.len() - at);
            paint::put(buf, (x, row.y), row.right(), &more, look.dim);
            return;
        }
        x = paint::put(buf, (x, row.y), row.right(), key, curve.style) + 1;
        let name = text::fit(
            curve.name,
            room.saturating_sub(fixed),
            look.symbols.ellipsis(),
        );
        x = paint::put(buf, (x, row.y), row.right(), &name, look.dim) + 1;
        let style = if chart.cursor.is_some() {
            look.mark
        } else {
            look.text
        };
        x = paint::put(buf, (x, row.y), row.right(), &shown, style) + 2;
        // What follows keeps its place while a value grows by a digit.
        if !tight {
            x += (8usize.saturating_sub(shown.len()) as u16).min(2);
        }
    }
}

/// The event or bookmark that the time cursor stands on.
fn under_cursor<'a>(chart: &'a Chart<'_>) -> Option<&'a Mark> {
    let column = chart.window.column_of(chart.cursor?)?;
    let near = |m: &&Mark| {
        let at = chart.window.column_of(m.t);
        m.kind != MarkKind::Gap && at.is_some_and(|at| at.abs_diff(column) <= 1)
    };
    chart.marks.iter().copied().find(near)
}

/// Columns of the table, right-aligned, each as wide.
const CELL: u16 = 12;

pub(super) fn table(chart: &Chart<'_>, buf: &mut Buffer, area: Rect, look: &Look) {
    let now = if chart.cursor.is_some() {
        "at cursor"
    } else {
        "last"
    };
    let heads = [now, "min", "mean", "max"];
    // Names and values stay together where there is much room.
    let names = area.width.saturating_sub(CELL * 4).min(32);
    for (i, head) in heads.iter().enumerate() {
        let right = area.x + names + CELL * (i as u16 + 1);
        paint::put_right(buf, (area.x, area.y), right, head, look.dim);
    }
    let rows = usize::from(area.height.saturating_sub(1));
    for i in 0..chart.curves.len().min(rows) {
        let y = area.y + 1 + i as u16;
        let cut = rows < chart.curves.len() && i + 1 == rows;
        if cut {
            let more = format!("{} more", chart.curves.len() - i);
            paint::put(buf, (area.x, y), area.right(), &more, look.dim);
            return;
        }
        let index = match chart.form {
            Form::Stack => chart.curves.len() - 1 - i,
            Form::Curves => i,
        };
        let curve = &chart.curves[index];
        let filled = curve.filled || chart.form == Form::Stack;
        let x = paint::put(
            buf,
            (area.x, y),
            area.right(),
            key(look, index, filled),
            curve.style,
        );
        let room = usize::from((area.x + names).saturating_sub(x + 1));
        let name = text::fit(curve.name, room, look.symbols.ellipsis());
        paint::put(buf, (x + 1, y), area.right(), &name, look.text);
        let s = columns::summary(curve.samples, chart.window);
        let empty = s.last.is_none();
        let values = [value(chart, curve), Some(s.min), Some(s.mean), Some(s.max)];
        for (i, v) in values.into_iter().enumerate() {
            let right = area.x + names + CELL * (i as u16 + 1);
            let shown = v
                .filter(|_| !empty)
                .map_or("-".to_owned(), |v| chart.unit.show(v));
            let style = if i == 0 { look.text } else { look.dim };
            paint::put_right(buf, (area.x + names, y), right, &shown, style);
        }
    }
}
