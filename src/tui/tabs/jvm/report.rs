//! The answers of JVMs: the list of those that are kept, and one of them open over the whole body.
//!
//! An open answer is rows with what belongs to the chosen one below: a thread dump by equal stacks,
//! by threads or by locks (`Tab`), a class histogram, or a text. `c` sets an earlier answer of the
//! same kind beside it, `/` searches.

mod rows;
mod threads;

use crate::model::answer::Answer;
use crate::model::jvm::{JvmQuestion, JvmReport, JvmReportBody, JvmReportHead};
use crate::model::request::{Request, ViewName};
use crate::model::view::View;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Act, Code, Key};
use crate::tui::line_edit::LineEdit;
use crate::tui::overlay::{Item, List, ListKind, Overlay, Run};
use crate::tui::panel::plot::Place;
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::Export;
use crate::tui::tabs::jvm::report::rows::{CLASS_SORTS, Rows, THREAD_SORTS};
use crate::tui::tabs::jvm::{OWNER, REPORTS, SECTIONS};
use crate::tui::tabs::list::{self, Empty};
use crate::tui::theme::Theme;
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, frame, paint, scrollbar};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Slots of the open answer and of the one beside it.
const OPEN: usize = 12;
const BESIDE: usize = 13;
/// The word of the list from which the other answer is chosen.
const COMPARE: &str = "compare";

/// Ways to look at a thread dump.
const WAYS: [&str; 3] = ["Equal stacks", "Threads", "Locks"];

/// The open answer, and how it is looked at.
#[derive(Debug)]
pub(super) struct Open {
    t: i64,
    /// The one it is compared with.
    beside: Option<i64>,
    /// Place in [`WAYS`].
    way: usize,
    sort: usize,
    reversed: bool,
    at: usize,
    filter: LineEdit,
    typing: bool,
    /// What is below the rows has the whole body, from this line on.
    below: Option<usize>,
}

impl Open {
    pub(super) fn new(t: i64) -> Self {
        Self {
            t,
            beside: None,
            way: 0,
            sort: 0,
            reversed: false,
            at: 0,
            filter: LineEdit::default(),
            typing: false,
            below: None,
        }
    }

    pub(super) fn requests(&self) -> Vec<(usize, Request)> {
        let of = |t| Request::View {
            view: ViewName::JvmReport,
            at: Some(t),
        };
        let mut asked = vec![(OPEN, of(self.t))];
        asked.extend(self.beside.map(|t| (BESIDE, of(t))));
        asked
    }

    fn sort_of(&self, sorts: &[(usize, bool)]) -> (usize, bool) {
        let (column, falls) = sorts[self.sort % sorts.len()];
        (column, falls != self.reversed)
    }
}

/// The answer of that time, once it is there.
fn report(state: &State, part: usize, t: i64) -> Option<&JvmReport> {
    match state.slots.get(SlotId::new(OWNER, part))?.answer()? {
        Answer::View(View::JvmReport(report)) if report.head.t == t => Some(report),
        _ => None,
    }
}

fn opened(state: &State) -> Option<(&Open, &JvmReport)> {
    let open = state.locals.jvm.open.as_ref()?;
    Some((open, report(state, OPEN, open.t)?))
}

fn rows(state: &State) -> Option<Rows<'_>> {
    let (open, now) = opened(state)?;
    let before = open.beside.and_then(|t| report(state, BESIDE, t));
    let filter = open.filter.text();
    Some(match (&now.body, before.map(|b| &b.body)) {
        (JvmReportBody::Threads(now), Some(JvmReportBody::Threads(before))) => {
            Rows::Changes(threads::changes(before, now, filter))
        }
        (JvmReportBody::Threads(dump), _) => match open.way {
            0 => Rows::Groups(threads::groups(dump, filter)),
            1 => Rows::Threads(sorted(dump, filter, open.sort_of(THREAD_SORTS))),
            _ => Rows::Locks(threads::locks(dump, filter)),
        },
        (JvmReportBody::Classes(now), before) => {
            let before = match before {
                Some(JvmReportBody::Classes(before)) => Some(before),
                _ => None,
            };
            let sorts = if before.is_some() {
                CLASS_SORTS
            } else {
                &CLASS_SORTS[..2]
            };
            Rows::Classes(rows::classes(now, before, filter, open.sort_of(sorts)))
        }
        (JvmReportBody::Text, _) => {
            let word = filter.to_lowercase();
            let fits = |l: &&str| word.is_empty() || l.to_lowercase().contains(&word);
            Rows::Text(now.text.lines().filter(fits).collect())
        }
    })
}

fn sorted<'a>(
    dump: &'a crate::model::jvm::ThreadDump,
    filter: &str,
    (column, falls): (usize, bool),
) -> Vec<&'a crate::model::jvm::Thread> {
    let mut all: Vec<_> = dump
        .threads
        .iter()
        .filter(|t| threads::fits(t, filter))
        .collect();
    let number = |v: Option<f64>| v.unwrap_or(-1.0);
    all.sort_by(|a, b| {
        let order = match column {
            0 => a.name.cmp(&b.name),
            1 => a.state.cmp(&b.state),
            2 => number(a.cpu).total_cmp(&number(b.cpu)),
            _ => number(a.cpu_ms).total_cmp(&number(b.cpu_ms)),
        };
        if falls { order.reverse() } else { order }
    });
    all
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let count = rows(state).map_or(0, |r| r.len());
    let page = usize::from(state.height / 3).max(1);
    let compares = opened(state).is_some_and(|(open, _)| open.beside.is_some());
    let open = state.locals.jvm.open.as_mut()?;
    if let Some(line) = &mut open.below {
        match act {
            Act::Down => *line += 1,
            Act::Up => *line = line.saturating_sub(1),
            Act::PageDown => *line += page,
            Act::PageUp => *line = line.saturating_sub(page),
            Act::Top => *line = 0,
            Act::Open | Act::Escape | Act::Back => open.below = None,
            _ => return None,
        }
        return Some(Vec::new());
    }
    let last = count.saturating_sub(1);
    let at = open.at.min(last);
    match act {
        Act::Down => open.at = (at + 1).min(last),
        Act::Up => open.at = at.saturating_sub(1),
        Act::PageDown => open.at = (at + page).min(last),
        Act::PageUp => open.at = at.saturating_sub(page),
        Act::Top => open.at = 0,
        Act::Bottom => open.at = last,
        Act::Open => open.below = Some(0),
        Act::NextPane if !compares => (open.way, open.at) = ((open.way + 1) % WAYS.len(), 0),
        Act::PrevPane if !compares => {
            (open.way, open.at) = ((open.way + WAYS.len() - 1) % WAYS.len(), 0);
        }
        Act::Sort => (open.sort, open.reversed, open.at) = (open.sort + 1, false, 0),
        Act::SortReverse => open.reversed = !open.reversed,
        Act::Filter => open.typing = true,
        Act::Compare => compare(state),
        Act::Escape | Act::Back if !open.filter.is_empty() => open.filter.set(""),
        Act::Escape | Act::Back if compares => open.beside = None,
        Act::Escape | Act::Back => state.locals.jvm.open = None,
        _ => return None,
    }
    Some(Vec::new())
}

pub(super) fn key(state: &mut State, key: Key) -> Option<Vec<Cmd>> {
    let open = state.locals.jvm.open.as_mut().filter(|o| o.typing)?;
    match key.code {
        Code::Enter => open.typing = false,
        Code::Esc => {
            open.typing = false;
            open.filter.set("");
        }
        _ => {
            open.filter.key(key);
            open.at = 0;
        }
    }
    Some(Vec::new())
}

pub(super) fn paste(state: &mut State, text: &str) -> bool {
    let open = state.locals.jvm.open.as_mut().filter(|o| o.typing);
    open.map(|o| o.filter.insert(text)).is_some()
}

/// An answer came: it is what the person waits for.
pub(super) fn kept(state: &mut State, at: i64) {
    state.locals.jvm.section = SECTIONS.len();
    state.locals.jvm.open = Some(Open::new(at));
}

/// Answers of the same JVM to the same question that are older than the open one.
fn earlier(state: &State) -> Vec<&JvmReportHead> {
    let Some((_, now)) = opened(state) else {
        return Vec::new();
    };
    let slot = state.slots.get(SlotId::new(OWNER, REPORTS));
    let Some(Answer::View(View::JvmReports(heads))) = slot.and_then(|s| s.answer()) else {
        return Vec::new();
    };
    let kind = |q: JvmQuestion| match q {
        JvmQuestion::ThreadsAndLocks => JvmQuestion::Threads,
        other => other,
    };
    let same = |h: &&JvmReportHead| {
        h.instance == now.head.instance
            && kind(h.question) == kind(now.head.question)
            && h.t < now.head.t
    };
    heads.iter().filter(same).collect()
}

pub(super) fn menu(state: &State) -> Vec<Item> {
    let Some((_, now)) = opened(state) else {
        return Vec::new();
    };
    if now.body == JvmReportBody::Text {
        return Vec::new();
    }
    let item = |head: &JvmReportHead| {
        let label = format!("compare with that of {}", state.time.date_clock(head.t));
        let give = Run::Give {
            tag: COMPARE,
            text: head.t.to_string(),
        };
        Item::new(label, head.summary.clone(), give)
    };
    earlier(state).into_iter().map(item).collect()
}

fn compare(state: &mut State) {
    let items = menu(state);
    let list = List::new(ListKind::Menu, "Compare with an earlier one", items)
        .or_say("There is no earlier answer of this kind; Esc, then . asks for another.");
    state.overlays.push(Overlay::List(list));
}

pub(super) fn prompted(
    state: &mut State,
    tag: &'static str,
    text: &str,
) -> Result<Vec<Cmd>, String> {
    let t = text
        .parse()
        .map_err(|_| format!("{text:?} is no time of an answer"))?;
    if tag == COMPARE
        && let Some(open) = &mut state.locals.jvm.open
    {
        open.beside = Some(t);
        (open.at, open.sort, open.reversed) = (0, 2, false);
    }
    Ok(Vec::new())
}

pub(super) fn line(state: &State) -> Option<String> {
    let (open, _) = opened(state)?;
    let rows = rows(state)?;
    let look = Look::of(&Theme::new(state.theme, state.depth, state.symbols));
    let at = open.at.min(rows.len().checked_sub(1)?);
    if let Some(lines) = rows.below(at, &look) {
        let lines: Vec<String> = lines.into_iter().map(|(l, _)| l).collect();
        return Some(lines.join("\n"));
    }
    Some(rows.cell(at, 0, &look).text.into_owned())
}

/// The answer as the JVM wrote it, for other tools.
pub(super) fn export(state: &State) -> Option<Export> {
    let (_, now) = opened(state)?;
    Some(Export {
        kind: "txt",
        text: now.text.clone(),
    })
}

pub(super) fn view(state: &State, open: &Open, place: Place<'_>) -> Option<Position> {
    let Place { area, buf, look } = place;
    let (Some((_, now)), Some(rows)) = (opened(state), rows(state)) else {
        let empty = Empty {
            slot: state.slots.get(SlotId::new(OWNER, OPEN)),
            nothing: "This answer is not kept any more.",
            way_out: "Esc goes back to the list.",
            filtered: false,
        };
        list::why_empty(buf, area, look, empty);
        return None;
    };
    let head = Rect {
        height: area.height.min(2),
        ..area
    };
    let caret = paint_head(
        state,
        (open, now),
        &rows,
        Place {
            area: head,
            buf,
            look,
        },
    );
    let rest = Rect {
        y: head.bottom(),
        height: area.height - head.height,
        ..area
    };
    let at = open.at.min(rows.len().saturating_sub(1));
    let below = rows.below(at, look);
    if let (Some(from), Some(lines)) = (open.below, &below) {
        paint_below(lines, from, rest, buf, look);
        return caret;
    }
    let top = match &below {
        Some(_) => (rest.height * 2 / 5).max(4).min(rest.height),
        None => rest.height,
    };
    let table = Rect {
        height: top,
        ..rest
    };
    if rows.len() == 0 {
        let way = if open.filter.is_empty() {
            "Esc goes back."
        } else {
            "Esc takes the filter away."
        };
        frame::words(
            buf,
            table,
            &[("Nothing to show.", look.text), (way, look.dim)],
        );
    } else {
        paint_rows(
            open,
            &rows,
            at,
            Place {
                area: table,
                buf,
                look,
            },
        );
    }
    if let Some(lines) = &below {
        let below = Rect {
            y: table.bottom(),
            height: rest.height - top,
            ..rest
        };
        paint_below(lines, 0, below, buf, look);
    }
    caret
}

/// Whose answer it is, and the filter; below it the ways to look at it and what matters most.
fn paint_head(
    state: &State,
    (open, now): (&Open, &JvmReport),
    rows: &Rows<'_>,
    place: Place<'_>,
) -> Option<Position> {
    let Place { area, buf, look } = place;
    let head = &now.head;
    let name = crate::base::text::display(&head.instance);
    let at = state.time.date_clock(head.t);
    let by = crate::base::text::display(&head.by);
    let said = format!(
        " {name}  {} of {at}, {} ms, asked by {by}",
        head.question.name(),
        head.took_ms
    );
    let mut x = paint::put(buf, (area.x, area.y), area.right(), &said, look.title);
    if let Some(t) = open.beside {
        let beside = format!("  against that of {}", state.time.date_clock(t));
        x = paint::put(buf, (x, area.y), area.right(), &beside, look.warn);
    }
    let mut caret = None;
    if open.typing || !open.filter.is_empty() {
        x = paint::put(buf, (x, area.y), area.right(), "  filter: ", look.dim);
        let (text, column) = open
            .filter
            .visible(usize::from(area.right().saturating_sub(x + 1)));
        paint::put(buf, (x, area.y), area.right(), text, look.text);
        caret = open
            .typing
            .then(|| Position::new(x + column as u16, area.y));
    }
    let y = area.y + 1;
    let mut x = area.x + 1;
    if y < area.bottom() {
        if let Rows::Groups(_) | Rows::Threads(_) | Rows::Locks(_) = rows {
            for (i, way) in WAYS.iter().enumerate() {
                let style = if i == open.way { look.focus } else { look.dim };
                x = paint::put(buf, (x, y), area.right(), way, style) + 2;
            }
        }
        let (text, style) = match &now.body {
            JvmReportBody::Threads(dump) if !dump.deadlocks.is_empty() => {
                let more = match dump.deadlocks.len() - 1 {
                    0 => String::new(),
                    n => format!("  and {n} more"),
                };
                (
                    format!("DEADLOCK {}{more}", threads::cycle(dump, 0)),
                    look.bad,
                )
            }
            JvmReportBody::Threads(dump) => (threads::states(dump), look.dim),
            _ => (head.summary.clone(), look.dim),
        };
        paint::put(
            buf,
            (x, y),
            area.right(),
            &crate::base::text::display(&text),
            style,
        );
    }
    caret
}

fn paint_rows(open: &Open, rows: &Rows<'_>, at: usize, place: Place<'_>) {
    let Place { area, buf, look } = place;
    let sort = match rows {
        Rows::Threads(_) => Some(open.sort_of(THREAD_SORTS)),
        Rows::Classes(lines) => {
            let compared = lines.first().is_some_and(|l| l.grown.is_some());
            Some(open.sort_of(if compared {
                CLASS_SORTS
            } else {
                &CLASS_SORTS[..2]
            }))
        }
        _ => None,
    };
    let visible = usize::from(area.height.saturating_sub(1));
    let table = Table {
        columns: rows.columns(),
        rows: rows.len(),
        offset: list::offset(at, visible, rows.len()),
        selected: Some(at),
        sort,
        header: !matches!(rows, Rows::Text(_)),
    };
    table.paint(buf, area, look, |row, column| rows.cell(row, column, look));
}

fn paint_below(
    lines: &[(String, ratatui::style::Style)],
    from: usize,
    area: Rect,
    buf: &mut Buffer,
    look: &Look,
) {
    let inside = Frame {
        title: "Stack",
        ..Frame::default()
    }
    .paint(buf, area, look);
    let visible = usize::from(inside.height);
    let from = from.min(lines.len().saturating_sub(visible));
    for (i, (line, style)) in lines.iter().skip(from).take(visible).enumerate() {
        let at = (inside.x, inside.y + i as u16);
        let room = usize::from(inside.width.saturating_sub(1));
        let line = crate::base::text::display(line);
        let line = crate::base::text::fit(&line, room, look.symbols.ellipsis());
        paint::put(buf, at, inside.right(), &line, *style);
    }
    let bar = Rect {
        x: inside.right().saturating_sub(1),
        width: inside.width.min(1),
        ..inside
    };
    if lines.len() > visible {
        scrollbar::vertical(buf, bar, from, lines.len(), look);
    }
}

const COLUMNS: &[Column] = &[
    Column::left("TIME", 19, 0),
    Column::left("ANSWER", 26, 0),
    Column::left("", 24, 0).growing(),
    Column::right("TOOK", 8, 1),
    Column::left("BY", 10, 2),
];

/// The kept answers of the chosen JVM.
pub(super) fn paint_list(state: &State, heads: &[&JvmReportHead], place: Place<'_>) {
    let Place { area, buf, look } = place;
    let frame = Frame {
        title: "Answers",
        focused: true,
        ..Frame::default()
    };
    let inside = frame.paint(buf, area, look);
    if heads.is_empty() {
        let empty = Empty {
            slot: state.slots.get(SlotId::new(OWNER, REPORTS)),
            nothing: "This JVM was not asked anything yet.",
            way_out: "d takes a thread dump; . asks for a class histogram, heap, flags and more.",
            filtered: false,
        };
        return list::why_empty(buf, inside, look, empty);
    }
    let at = state.locals.jvm.answer.at(heads.len());
    let table = Table {
        columns: COLUMNS,
        rows: heads.len(),
        offset: list::offset(
            at,
            usize::from(inside.height.saturating_sub(1)),
            heads.len(),
        ),
        selected: Some(at),
        sort: None,
        header: true,
    };
    table.paint(buf, inside, look, |row, column| {
        let head = heads[row];
        let bad = head.summary.contains("DEADLOCK");
        match column {
            0 => Entry::new(state.time.date_clock(head.t), look.text),
            1 => Entry::new(head.question.name(), look.text),
            2 => {
                let style = if bad { look.bad } else { look.dim };
                Entry::new(
                    crate::base::text::display(&head.summary).into_owned(),
                    style,
                )
            }
            3 => Entry::new(format!("{} ms", head.took_ms), look.dim),
            _ => Entry::new(crate::base::text::display(&head.by).into_owned(), look.dim),
        }
    });
}
