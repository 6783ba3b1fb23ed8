//! Who is told, with the last sends and failures, and what is silenced: two lists, one above the
//! other, with one cursor through both.

use crate::base::{text, units};
use crate::model::action::Action;
use crate::model::view::{ReceiverRow, SilenceRow, View};
use crate::tui::msg::Mouse;
use crate::tui::overlay::{Item, PromptKind, Run};
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::alerts::{RECEIVERS, SILENCES, Which, lists, order};
use crate::tui::tabs::list;
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

const RECEIVER_COLUMNS: &[Column] = &[
    Column::left("receiver", 16, 0).growing(),
    Column::left("by", 10, 0),
    Column::right("sent", 6, 1),
    Column::right("failed", 6, 1),
    Column::right("alerts", 7, 3),
    Column::right("took", 7, 3),
    Column::right("waits", 5, 3),
    Column::right("last sent", 9, 1),
    Column::left("last failure", 24, 2).growing(),
];

const SILENCE_COLUMNS: &[Column] = &[
    Column::left("state", 8, 0),
    Column::left("matchers", 24, 0).growing(),
    Column::right("left", 7, 0),
    Column::right("mutes", 5, 1),
    Column::left("by", 10, 1),
    Column::left("comment", 16, 2).growing(),
];

fn view(state: &State, slot: SlotId) -> Option<&View> {
    state.slots.get(slot).and_then(Slot::view)
}

fn receivers(state: &State) -> &[ReceiverRow] {
    match view(state, RECEIVERS) {
        Some(View::Receivers(rows)) => rows,
        _ => &[],
    }
}

/// Those in force or to come first, the expired last.
fn silences(state: &State) -> Vec<&SilenceRow> {
    let Some(View::Silences(rows)) = view(state, SILENCES) else {
        return Vec::new();
    };
    let mut rows: Vec<&SilenceRow> = rows.iter().collect();
    rows.sort_by_key(|r| (r.state == "expired", r.ends_at));
    rows
}

pub(super) fn count(state: &State) -> usize {
    receivers(state).len() + silences(state).len()
}

/// What the cursor stands on.
enum Chosen<'a> {
    Receiver(&'a ReceiverRow),
    Silence(&'a SilenceRow),
}

fn current(state: &State) -> Option<Chosen<'_>> {
    if state.locals.alerts.which != Which::Receivers {
        return None;
    }
    let at = state.locals.alerts.list().at(count(state));
    let first = receivers(state);
    if let Some(row) = first.get(at) {
        return Some(Chosen::Receiver(row));
    }
    let row = silences(state).get(at - first.len()).copied()?;
    Some(Chosen::Silence(row))
}

/// The silence that the cursor stands on.
pub(super) fn silence(state: &State) -> Option<&SilenceRow> {
    match current(state)? {
        Chosen::Silence(row) => Some(row),
        Chosen::Receiver(_) => None,
    }
}

/// What can be done here; `None` where another list is shown.
pub(super) fn menu(state: &State) -> Option<Vec<Item>> {
    let run = |action| Run::Order {
        action,
        confirm: None,
    };
    if state.locals.alerts.which != Which::Receivers {
        return None;
    }
    Some(match current(state) {
        Some(Chosen::Receiver(row)) => {
            let receiver = row.receiver.clone();
            vec![Item::new(
                "test this receiver",
                "sends a made-up alert now",
                run(Action::TestReceiver { receiver }),
            )]
        }
        Some(Chosen::Silence(row)) if row.state != "expired" => {
            let id = row.id.clone();
            vec![
                Item::new(
                    "change this silence",
                    "its matchers, its time, its comment",
                    Run::Prompt(PromptKind::Tab(order::CHANGE)),
                ),
                Item::new(
                    "end this silence",
                    row.matchers.join(", "),
                    run(Action::ExpireSilence { id }),
                ),
            ]
        }
        _ => Vec::new(),
    })
}

pub(super) fn paint(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) {
    let (first, second) = (receivers(state), silences(state));
    let (top, below) = places(first.len(), body);
    let at = state.locals.alerts.list().at(first.len() + second.len());
    let in_first = at < first.len();
    paint_receivers(state, theme, (first, in_first.then_some(at)), top, buffer);
    let chosen = (!in_first).then(|| at - first.len());
    paint_silences(state, theme, (&second, chosen), below, buffer);
}

/// The receivers, and the silences below them.
fn places(receivers: usize, body: Rect) -> (Rect, Rect) {
    let wanted = (receivers as u16).saturating_add(3);
    let height = wanted.clamp(5, (body.height / 2).max(5)).min(body.height);
    let below = Rect::new(body.x, body.y + height, body.width, body.height - height);
    (Rect { height, ..body }, below)
}

/// The row under the mouse, silences counted behind the receivers.
pub(super) fn row_under(state: &State, body: Rect, mouse: Mouse) -> Option<usize> {
    let (first, second) = (receivers(state).len(), silences(state).len());
    let (top, below) = places(first, body);
    let at = state.locals.alerts.list().at(first + second);
    // A list without the keys begins at its first row.
    let in_first = if at < first { at } else { 0 };
    let in_second = at.saturating_sub(first);
    let row = list::row_under(mouse, top, (in_first, first));
    row.or_else(|| {
        let row = list::row_under(mouse, below, (in_second, second))?;
        Some(first + row)
    })
}

fn paint_receivers(
    state: &State,
    theme: &Theme,
    (rows, at): (&[ReceiverRow], Option<usize>),
    place: Rect,
    buffer: &mut Buffer,
) {
    let look = &Look::of(theme);
    let failing = rows.iter().filter(|r| is_failing(r)).count();
    let headline = match failing {
        0 => String::new(),
        n => format!("{n} of {} fail", rows.len()),
    };
    let remark = lists(state);
    let inner = frame::Frame {
        title: "Receivers",
        headline: &headline,
        headline_style: theme.bad,
        remark: &remark,
        remark_style: theme.dim,
        focused: at.is_some(),
    }
    .paint(buffer, place, look);
    if rows.is_empty() {
        let empty = list::Empty {
            slot: state.slots.get(RECEIVERS),
            nothing: "nobody is told of alerts",
            way_out: "write route and receivers under alertmanager:, or load an alertmanager.yml",
            filtered: false,
        };
        return list::why_empty(buffer, inner, look, empty);
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    table(RECEIVER_COLUMNS, rows.len(), at, visible).paint(buffer, inner, look, |row, column| {
        receiver_entry(state, theme, &rows[row], column)
    });
}

fn is_failing(row: &ReceiverRow) -> bool {
    row.last_failed > row.last_sent
}

fn receiver_entry<'a>(
    state: &State,
    theme: &Theme,
    row: &'a ReceiverRow,
    column: usize,
) -> Entry<'a> {
    match column {
        0 => Entry::new(text::display(&row.receiver), theme.text),
        1 => Entry::new(text::display(&row.integration), theme.dim),
        2 => Entry::new(row.sent.to_string(), theme.text),
        3 if row.failed > 0 => Entry::new(row.failed.to_string(), theme.warn),
        3 => Entry::new("0", theme.dim),
        4 => Entry::new(row.alerts.to_string(), theme.dim),
        5 if row.sent + row.failed == 0 => Entry::new("-", theme.dim),
        5 => Entry::new(units::format_duration_ms(row.took_ms as i64), theme.dim),
        6 => Entry::new(row.waiting.to_string(), theme.dim),
        7 if row.last_sent > 0 => Entry::new(state.time.clock(row.last_sent), theme.text),
        7 => Entry::new("-", theme.dim),
        _ => {
            let style = if is_failing(row) {
                theme.bad
            } else {
                theme.dim
            };
            Entry::new(text::display(&row.last_error), style)
        }
    }
}

fn paint_silences(
    state: &State,
    theme: &Theme,
    (rows, at): (&[&SilenceRow], Option<usize>),
    place: Rect,
    buffer: &mut Buffer,
) {
    let look = &Look::of(theme);
    let active = rows.iter().filter(|r| r.state == "active").count();
    let headline = match active {
        0 => String::new(),
        n => format!("{n} in force"),
    };
    let inner = frame::Frame {
        title: "Silences",
        headline: &headline,
        headline_style: theme.warn,
        focused: at.is_some(),
        ..frame::Frame::default()
    }
    .paint(buffer, place, look);
    if rows.is_empty() {
        let empty = list::Empty {
            slot: state.slots.get(SILENCES),
            nothing: "nothing is silenced",
            way_out: "x on an alert silences what it is about",
            filtered: false,
        };
        return list::why_empty(buffer, inner, look, empty);
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    table(SILENCE_COLUMNS, rows.len(), at, visible).paint(buffer, inner, look, |row, column| {
        silence_entry(state, theme, rows[row], column)
    });
}

fn silence_entry<'a>(
    state: &State,
    theme: &Theme,
    row: &'a SilenceRow,
    column: usize,
) -> Entry<'a> {
    let style = silence_style(row, theme);
    match column {
        0 => Entry::new(text::display(&row.state), style),
        1 => Entry::new(
            text::display(&row.matchers.join(", ")).into_owned(),
            theme.text,
        ),
        2 => Entry::new(left(state, row), style),
        3 => Entry::new(row.mutes.to_string(), theme.dim),
        4 => Entry::new(text::display(&row.created_by), theme.dim),
        _ => Entry::new(text::display(&row.comment), theme.dim),
    }
}

fn silence_style(row: &SilenceRow, theme: &Theme) -> Style {
    match row.state.as_str() {
        "active" => theme.warn,
        "pending" => theme.text,
        _ => theme.dim,
    }
}

/// How long it is still in force.
fn left(state: &State, row: &SilenceRow) -> String {
    match (row.ends_at - state.tick) / 1000 {
        s if s <= 0 => "over".to_owned(),
        s if s < 100 => format!("{s}s"),
        s if s < 6000 => format!("{}m", s / 60),
        s if s < 360_000 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

fn table(
    columns: &'static [Column],
    rows: usize,
    at: Option<usize>,
    visible: usize,
) -> Table<'static> {
    Table {
        columns,
        rows,
        offset: list::offset(at.unwrap_or(0), visible, rows),
        selected: at,
        sort: None,
        header: true,
    }
}
