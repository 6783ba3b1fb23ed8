//! The bar on the screen: chips, what is typed with its faults underlined, the list under it.

use crate::base::text;
use crate::query::syntax::logql;
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::logs::bar::{SHOWN, offer};
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::{Clear, Widget};

/// Chips, then what is being typed; below it the reason why that cannot be asked, or a hint.
pub(crate) fn bar(state: &State, area: Rect, buf: &mut Buffer, look: &Look) -> Option<Position> {
    let local = &state.locals.logs;
    let right = area.right();
    let mut x = paint::put(buf, (area.x, area.y), right, "/ ", look.focus);
    for chip in &local.chips {
        let on = chip.on && !local.bare;
        let (open, close) = if on { ("[", "]") } else { ("(off ", ")") };
        let said = format!("{open}{}{close} ", text::display(&chip.term.text));
        let style = if on { look.text } else { look.dim };
        x = paint::put(buf, (x, area.y), right, &said, style);
    }
    if !local.editing {
        let key = |act| state.keymap.label(act);
        let said = if local.chips.is_empty() {
            format!(
                "all lines; {} filters: word !word /regex/ level:error label=value or {{app=\"x\"}} |= \"y\"",
                key(Act::Filter)
            )
        } else if local.bare {
            format!("{} on again", key(Act::AllFilters))
        } else {
            format!(
                "{} all off  {} one by one",
                key(Act::AllFilters),
                key(Act::Filters)
            )
        };
        paint::put(buf, (x, area.y), right, &said, look.dim);
        return None;
    }
    // Where chips leave too little room, what is typed stands over them.
    x = x.min(right.saturating_sub(area.width / 3)).max(area.x);
    let room = usize::from(right.saturating_sub(x)).max(1);
    let rest = Rect::new(x, area.y, right.saturating_sub(x), 1);
    Clear.render(rest, buf);
    buf.set_style(rest, look.text);
    let (shown, column) = local.edit.visible(room);
    paint::put(buf, (x, area.y), right, shown, look.text);
    let fault = logql::fault(local.edit.text());
    if let Some(fault) = &fault {
        // The place in what is visible of the text.
        let caret = local.edit.caret();
        let hidden = (0..=caret)
            .filter(|at| local.edit.text().is_char_boundary(*at))
            .find(|at| text::width(&local.edit.text()[*at..caret]) == column)
            .unwrap_or(0);
        let width = |to: usize| {
            let to = to.clamp(hidden, local.edit.text().len());
            let whole = local.edit.text().get(hidden..to);
            whole.map_or(0, text::width) as u16
        };
        let from = x + width(fault.span.start);
        let to = (x + width(fault.span.end)).max(from + 1).min(right);
        let wrong = look.bad.add_modifier(Modifier::UNDERLINED);
        if from < right {
            buf.set_style(Rect::new(from, area.y, to.saturating_sub(from), 1), wrong);
        }
    }
    if area.height > 1 {
        let below = (area.x + 2, area.y + 1);
        if let Some(fault) = &fault {
            let said = format!("column {}: {}", fault.column, text::display(&fault.message));
            paint::put(buf, below, right, &said, look.bad);
        } else {
            let said = "Enter keeps the filter, Esc drops it, Tab completes, Up brings back";
            paint::put(buf, below, right, said, look.dim);
        }
    }
    Some(Position::new(x + column as u16, area.y))
}

/// The list under the bar, over what stands there.
pub(crate) fn list(state: &State, caret: Position, body: Rect, buf: &mut Buffer, look: &Look) {
    let offer = offer(state);
    let typed = state.locals.logs.edit.caret() - offer.from.min(state.locals.logs.edit.caret());
    let top = caret.y + 2;
    let rows = offer
        .rows
        .len()
        .min(SHOWN)
        .min(usize::from(body.bottom().saturating_sub(top)));
    if rows == 0 {
        return;
    }
    let first = offer.chosen.saturating_sub(rows - 1);
    let shown = &offer.rows[first..(first + rows).min(offer.rows.len())];
    let names = shown
        .iter()
        .map(|c| text::width(&c.text))
        .max()
        .unwrap_or(0);
    let names = names.min(40);
    let details = shown
        .iter()
        .map(|c| text::width(&c.detail))
        .max()
        .unwrap_or(0);
    let width = ((names + details + 4) as u16).min(body.width);
    let x = caret.x.saturating_sub(typed as u16 + 1);
    let x = x.min(body.right().saturating_sub(width)).max(body.x);
    let place = Rect::new(x, top, width, rows as u16);
    Clear.render(place, buf);
    buf.set_style(place, look.text);
    for (i, candidate) in shown.iter().enumerate() {
        let y = top + i as u16;
        let name = text::display(&candidate.text);
        let name = text::fit(&name, names, look.symbols.ellipsis());
        paint::put(buf, (x + 1, y), place.right(), &name, look.title);
        let at = (x + names as u16 + 3, y);
        paint::put(buf, at, place.right(), &candidate.detail, look.dim);
        if first + i == offer.chosen {
            buf.set_style(Rect::new(x, y, width, 1), look.selected);
        }
    }
}
