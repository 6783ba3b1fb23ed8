//! Paints the query bar, the chart or table, and the legend.

use crate::base::text;
use crate::model::answer::{Answer, Value};
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::model::time::TimeRange;
use crate::model::view::Mark;
use crate::query::syntax::{self, Class};
use crate::source::api::SourceError;
use crate::tui::keymap::Act;
use crate::tui::msg::Mouse;
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::metrics::{Local, edit, exemplars, letter, slot};
use crate::tui::tabs::zoom::Zoom;
use crate::tui::theme::Theme;
use crate::tui::update::mouse::{is_over, on_chart};
use crate::tui::widget::axis::Window;
use crate::tui::widget::chart::{Chart, Curve, Form, GUTTER, Legend, summary};
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Clear, Widget};

/// More curves than this are one tangle; the legend lists them all.
const MOST_CURVES: usize = 32;
const GAP_MS: i64 = 130_000;

/// Columns of the plot: what a question's steps should match.
pub(crate) fn plot_width(body: Rect) -> u16 {
    body.width.saturating_sub(GUTTER + 2)
}

/// One series of all answers.
pub(crate) struct Row<'a> {
    query: usize,
    labels: &'a Labels,
    samples: &'a [Sample],
}

/// Every series of every answer, the largest newest value first.
pub(crate) fn legend_rows(state: &State) -> Vec<Row<'_>> {
    let local = &state.locals.metrics;
    let mut rows = Vec::new();
    for (query, _) in local.queries.iter().enumerate() {
        match slot(state, query).and_then(|s| s.value()) {
            Some(Value::Matrix(all)) => rows.extend(all.iter().map(|s| Row {
                query,
                labels: &s.labels,
                samples: &s.samples,
            })),
            Some(Value::Vector(all)) => rows.extend(all.iter().map(|p| Row {
                query,
                labels: &p.labels,
                samples: std::slice::from_ref(&p.sample),
            })),
            _ => {}
        }
    }
    if local.falling {
        let newest = |row: &Row<'_>| row.samples.last().map_or(f64::NEG_INFINITY, |s| s.v);
        rows.sort_by(|a, b| newest(b).total_cmp(&newest(a)));
    }
    rows
}

/// What all series have alike: it stands once above them, so that the rest has room. Nothing where
/// there is only one.
fn alike<'a>(rows: &[Row<'a>]) -> Vec<(&'a str, &'a str)> {
    let [first, rest @ ..] = rows else {
        return Vec::new();
    };
    if rest.is_empty() {
        return Vec::new();
    }
    let same = |(name, value): &(&str, &str)| rest.iter().all(|r| r.labels.get(name) == *value);
    let common: Vec<_> = first.labels.iter().filter(same).collect();
    // The same series of two queries: there is nothing else to call them by.
    let whole = |r: &Row<'_>| r.labels.iter().count() == common.len();
    if rows.iter().any(whole) {
        return Vec::new();
    }
    common
}

/// What a series has of its own.
fn own_name(row: &Row<'_>, alike: &[(&str, &str)]) -> String {
    if alike.is_empty() {
        return text::display(&row.labels.to_string()).into_owned();
    }
    let own = row.labels.iter().filter(|pair| !alike.contains(pair));
    let own = Labels::from_pairs(own);
    text::display(&own.to_string()).into_owned()
}

/// The chosen series as text.
pub(crate) fn legend_line(state: &State) -> Option<String> {
    let rows = legend_rows(state);
    let row = rows.get(state.locals.metrics.legend.at(rows.len()))?;
    let value = row
        .samples
        .last()
        .map_or_else(String::new, |s| s.v.to_string());
    Some(format!("{} {value}", row.labels))
}

pub(crate) fn view(
    state: &State,
    theme: &Theme,
    body: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let look = Look::of(theme);
    let rows = legend_rows(state);
    let (bar, plot, legend) = places(state, rows.len(), body);
    if rows.is_empty() {
        empty(state, &look, legend, buffer);
    } else {
        if !plot.is_empty() {
            paint_chart(state, &look, &rows, plot, buffer);
        }
        if !legend.is_empty() {
            paint_legend(state, theme, &rows, legend, buffer);
        }
    }
    // Last, since the list under the caret lies over the chart.
    paint_bar(state, theme, bar, body, buffer)
}

/// The query bar, the chart, and the series below it; a table is all series.
fn places(state: &State, rows: usize, body: Rect) -> (Rect, Rect, Rect) {
    let local = &state.locals.metrics;
    let bar = Rect {
        height: (local.queries.len() as u16 + 3).min(body.height),
        ..body
    };
    let rest = Rect::new(body.x, bar.bottom(), body.width, body.height - bar.height);
    let legend = match local.zoom {
        _ if local.table || rows == 0 => rest.height,
        Zoom::Both => {
            let wanted = (rows as u16).saturating_add(3).min(rest.height * 2 / 5);
            wanted.max(4).min(rest.height)
        }
        Zoom::Upper => 0,
        Zoom::Lower => rest.height,
    };
    let height = rest.height - legend;
    let plot = Rect { height, ..rest };
    let below = Rect::new(rest.x, plot.bottom(), rest.width, legend);
    (bar, plot, below)
}

/// A series by its row, the time cursor on the chart.
pub(crate) fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    let count = legend_rows(state).len();
    let (_, plot, legend) = places(state, count, body);
    if count > 0 && is_over(mouse, plot) {
        if plot.width > 2 * GUTTER {
            let x = plot.x + GUTTER;
            let width = plot.width - GUTTER;
            on_chart(state, Rect { x, width, ..plot }, mouse);
        }
        return true;
    }
    let at = state.locals.metrics.legend.at(count);
    let found = list::row_under(mouse, legend, (at, count));
    if let Some(row) = found {
        state.locals.metrics.legend.go(row);
    }
    found.is_some()
}

/// Why there is nothing, and what to type.
fn empty(state: &State, look: &Look, place: Rect, buffer: &mut Buffer) {
    let local = &state.locals.metrics;
    let key = |act| state.keymap.label(act);
    let scalar = (0..local.queries.len()).find_map(|n| match slot(state, n)?.value()? {
        Value::Scalar(s) => Some(s.v.to_string()),
        Value::Text { text, .. } => Some(text.clone()),
        _ => None,
    });
    let asked = local.queries.iter().any(|q| !q.ran.is_empty());
    let loading = (0..local.queries.len()).any(|n| slot(state, n).is_some_and(|s| s.is_loading()));
    let failed =
        (0..local.queries.len()).any(|n| slot(state, n).is_some_and(|s| s.error().is_some()));
    let hint = format!(
        "{} writes a query, {} browses all metrics",
        key(Act::Edit),
        key(Act::Browse)
    );
    let lines: Vec<(&str, Style)> = match (&scalar, asked) {
        (Some(value), _) => vec![(value, look.title)],
        (_, false) => vec![("Ask anything in PromQL", look.text), (&hint, look.dim)],
        _ if failed => vec![("the query was refused; the reason stands above", look.bad)],
        _ if loading => vec![("asking ...", look.dim)],
        _ => vec![
            ("nothing matches in this stretch of time", look.text),
            ("another name, fewer labels, or a longer range", look.dim),
        ],
    };
    frame::words(buffer, place, &lines);
}

fn paint_bar(
    state: &State,
    theme: &Theme,
    bar: Rect,
    body: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let local = &state.locals.metrics;
    let cost = cost(state);
    let inner = frame::Frame {
        title: "PromQL",
        remark: &cost,
        remark_style: theme.dim,
        focused: local.editing,
        ..frame::Frame::default()
    }
    .paint(buffer, bar, &Look::of(theme));
    let mut caret = None;
    for ((n, query), row) in local.queries.iter().enumerate().zip(inner.rows()) {
        let active = n == local.at;
        let sign = if active { theme.key } else { theme.dim };
        buffer.set_string(row.x, row.y, format!("{} ", letter(n)), sign);
        let line = Rect {
            x: row.x + 2,
            width: row.width.saturating_sub(2),
            ..row
        };
        let (visible, column) = query.edit.visible(line.width.into());
        let from = query.edit.caret() - visible_before(visible, column);
        paint_query(
            query.edit.text(),
            (from, visible),
            fault(state, n),
            theme,
            (line, buffer),
        );
        if active && local.editing {
            caret = Some(Position::new(line.x + column as u16, line.y));
        }
    }
    let last = Rect::new(inner.x, inner.bottom().saturating_sub(1), inner.width, 1);
    if let Some((said, _)) = fault(state, local.at) {
        let line = text::fit(&said, last.width.into(), theme.symbols.ellipsis).into_owned();
        buffer.set_string(last.x, last.y, line, theme.bad);
    } else if let Some(note) = note(state) {
        let line = text::fit(&note, last.width.into(), theme.symbols.ellipsis).into_owned();
        buffer.set_string(last.x, last.y, line, theme.warn);
    }
    if let Some(at) = caret {
        paint_offer(state, theme, at, body, buffer);
    }
    caret
}

/// Bytes of what is visible before a column.
fn visible_before(visible: &str, column: usize) -> usize {
    text::clip(visible, column).len()
}

/// Series, samples and milliseconds of each query.
fn cost(state: &State) -> String {
    let local = &state.locals.metrics;
    let one = |n: usize| {
        let slot = slot(state, n)?;
        let Answer::Prom(prom) = slot.answer()? else {
            return None;
        };
        let c = prom.cost;
        let wait = if slot.is_loading() { "..." } else { "" };
        Some(format!(
            "{} {} series {} samples {:.1} ms{wait}",
            letter(n),
            Unit::Short.tight(c.series as f64),
            Unit::Short.tight(c.samples as f64),
            c.millis
        ))
    };
    let all: Vec<String> = (0..local.queries.len()).filter_map(one).collect();
    all.join("  ")
}

/// What the answers want said: warnings, infos, that they are not complete.
fn note(state: &State) -> Option<String> {
    let local = &state.locals.metrics;
    (0..local.queries.len()).find_map(|n| match slot(state, n)?.answer()? {
        Answer::Prom(prom) => {
            let notes = &prom.notes;
            let first = notes.warnings.first().or_else(|| notes.infos.first());
            let partial = notes
                .partial
                .then(|| "the answer is not complete".to_owned());
            first.cloned().or(partial)
        }
        _ => None,
    })
}

/// What is wrong with a query, and at which bytes: as it stands under edit, else as it was asked.
fn fault(state: &State, n: usize) -> Option<(String, Option<(usize, usize)>)> {
    let local: &Local = &state.locals.metrics;
    let query = local.queries.get(n)?;
    let expr = query.edit.text();
    if expr.trim().is_empty() {
        return None;
    }
    if local.editing && n == local.at {
        // Half-written queries are wrong most of the time: only what Enter would not mend is told.
        let fault = syntax::check(expr).err()?;
        let at = (fault.span.start, fault.span.end);
        let told = at.0 < expr.trim_end().len() && !at_caret(state, at);
        return told.then_some((fault.message, Some(at)));
    }
    match slot(state, n)?.error()? {
        SourceError::BadRequest { said, at } => Some((text::display(said).into_owned(), *at)),
        other => Some((text::display(&other.to_string()).into_owned(), None)),
    }
}

fn at_caret(state: &State, (from, to): (usize, usize)) -> bool {
    let local = &state.locals.metrics;
    let caret = local.queries[local.at].edit.caret();
    (from..=to).contains(&caret)
}

/// One query with its colours, `visible` from byte `from` on; what is wrong is underlined.
fn paint_query(
    whole: &str,
    (from, visible): (usize, &str),
    fault: Option<(String, Option<(usize, usize)>)>,
    theme: &Theme,
    (line, buffer): (Rect, &mut Buffer),
) {
    let wrong = fault.and_then(|(_, at)| at);
    let pieces = syntax::highlight(whole);
    let mut x = line.x;
    for (at, c) in visible.char_indices() {
        let byte = from + at;
        let class = pieces
            .iter()
            .find(|p| (p.span.start..p.span.end).contains(&byte))
            .map(|p| p.class);
        let mut style = class.map_or(theme.input, |class| style_of(class, theme));
        if wrong.is_some_and(|(a, b)| (a..b.max(a + 1)).contains(&byte)) {
            style = theme.bad.add_modifier(Modifier::UNDERLINED);
        }
        let shown = c.to_string();
        let width = text::width(&shown) as u16;
        if x + width > line.right() {
            break;
        }
        buffer.set_string(x, line.y, &shown, style);
        x += width;
    }
    // A fault at the very end has no letter to stand under.
    if wrong.is_some_and(|(a, _)| a >= whole.len()) && x < line.right() {
        buffer.set_string(x, line.y, "_", theme.bad);
    }
}

fn style_of(class: Class, theme: &Theme) -> Style {
    match class {
        Class::Metric | Class::Operator | Class::Bracket => theme.text,
        Class::Function | Class::Aggregator | Class::Keyword => theme.accent,
        Class::Label => theme.key,
        Class::Text => theme.good,
        Class::Number | Class::Duration => theme.warn,
        Class::Comment => theme.dim,
        Class::Fault => theme.bad,
    }
}

/// The list under the caret.
fn paint_offer(state: &State, theme: &Theme, at: Position, body: Rect, buffer: &mut Buffer) {
    let offer = edit::offer(state);
    let room = usize::from(body.bottom().saturating_sub(at.y + 1));
    let count = offer.rows.len().min(edit::SHOWN).min(room);
    if count == 0 {
        return;
    }
    let name = offer
        .rows
        .iter()
        .map(|r| text::width(&r.text))
        .max()
        .unwrap_or(0)
        .min(48);
    let width = (name as u16 + 50).min(body.width.saturating_sub(2));
    let typed = offer.to.saturating_sub(offer.from) as u16;
    let x = at.x.saturating_sub(typed).min(body.right() - width);
    let place = Rect::new(x, at.y + 1, width, count as u16);
    Clear.render(place, buffer);
    let first = list::offset(offer.chosen, count, offer.rows.len());
    for ((n, candidate), row) in offer.rows.iter().enumerate().skip(first).zip(place.rows()) {
        let label = text::left(
            &text::display(&candidate.text),
            name,
            theme.symbols.ellipsis,
        );
        let line = format!(" {label}  {}", text::display(&candidate.detail));
        let line = text::left(&line, row.width.into(), theme.symbols.ellipsis);
        let style = if n == offer.chosen {
            theme.selected
        } else {
            theme.tab
        };
        buffer.set_string(row.x, row.y, line, style);
    }
}

fn unit(state: &State) -> Unit {
    let ran = state.locals.metrics.queries.iter().map(|q| q.ran.as_str());
    let all: Vec<&str> = ran.filter(|r| !r.is_empty()).collect();
    let every = |word: &str| all.iter().all(|q| q.contains(word));
    let rate = all
        .iter()
        .any(|q| q.contains("rate(") || q.contains("deriv("));
    match (every("_bytes"), rate) {
        (true, false) => Unit::Bytes,
        (true, true) => Unit::BytesPerSecond,
        (false, false) if every("_seconds") && !every("_total") => Unit::Seconds,
        _ => Unit::Short,
    }
}

fn chart_window(state: &State, body: Rect) -> Window {
    let window = state.time.window(state.tick, plot_width(body));
    Window {
        start: window.start - window.step,
        column: window.step,
        columns: ((window.end - window.start) / window.step + 1).max(1) as usize,
    }
}

fn paint_chart(state: &State, look: &Look, rows: &[Row<'_>], place: Rect, buffer: &mut Buffer) {
    let (time, local) = (&state.time, &state.locals.metrics);
    let chosen = local.legend.at(rows.len());
    let drawn = |n: usize| {
        if local.alone {
            n == chosen
        } else {
            n < MOST_CURVES || n == chosen
        }
    };
    let curves = rows.iter().enumerate().filter(|(n, _)| drawn(*n));
    let window = chart_window(state, place);
    let end = time.cursor.unwrap_or(window.end());
    let exemplars = exemplars::marks(state);
    let marks: Vec<&Mark> = state.marks().into_iter().chain(&exemplars).collect();
    Chart {
        curves: curves
            .map(|(n, row)| Curve {
                name: "",
                samples: row.samples,
                style: look.series(n),
                filled: false,
            })
            .collect(),
        window,
        unit: unit(state),
        form: Form::Curves,
        legend: Legend::None,
        log: false,
        low: None,
        high: None,
        gap: GAP_MS.max(window.column * 3),
        thresholds: &[],
        marks: &marks,
        cursor: time.cursor,
        selection: time
            .selection
            .map(|from| TimeRange::new(from.min(end), from.max(end))),
        offset: if time.utc { 0 } else { time.offset },
    }
    .paint(buffer, place, look);
}

const SUMMARY: &[Column] = &[
    Column::left("", 2, 0),
    Column::left("series", 20, 0).growing(),
    Column::right("last", 10, 0),
    Column::right("min", 10, 1),
    Column::right("mean", 10, 2),
    Column::right("max", 10, 1),
];

const VALUES: &[Column] = &[
    Column::left("", 2, 0),
    Column::left("series", 20, 0).growing(),
    Column::right("value", 24, 0),
];

/// The series with their numbers: over the window, or at the instant of a table.
fn paint_legend(state: &State, theme: &Theme, rows: &[Row<'_>], place: Rect, buffer: &mut Buffer) {
    let look = Look::of(theme);
    let local = &state.locals.metrics;
    let at = local.legend.at(rows.len());
    let headline = rows.len().to_string();
    let alike = alike(rows);
    let remark = if rows.len() > MOST_CURVES && !local.table {
        format!("the first {MOST_CURVES} are drawn")
    } else if alike.is_empty() {
        String::new()
    } else {
        let common = Labels::from_pairs(alike.iter().copied()).to_string();
        let room = usize::from(place.width).saturating_sub(20);
        text::fit(&text::display(&common), room, theme.symbols.ellipsis).into_owned()
    };
    let inner = frame::Frame {
        title: "Series",
        headline: &headline,
        remark: &remark,
        remark_style: theme.dim,
        focused: !local.editing,
        ..frame::Frame::default()
    }
    .paint(buffer, place, &look);
    let window = chart_window(state, place);
    let unit = unit(state);
    let cursor = state.time.cursor;
    let several = local.queries.len() > 1;
    Table {
        columns: if local.table { VALUES } else { SUMMARY },
        rows: rows.len(),
        offset: list::offset(at, inner.height.saturating_sub(1).into(), rows.len()),
        selected: (!local.editing).then_some(at),
        sort: Some((2, local.falling)),
        header: true,
    }
    .paint(buffer, inner, &look, |n, column| {
        let row = &rows[n];
        match column {
            0 if several => Entry::new(letter(row.query).to_string(), look.series(n)),
            0 => Entry::new(theme.symbols.horizontal.repeat(2), look.series(n)),
            1 => Entry::new(own_name(row, &alike), theme.text),
            2 if local.table => {
                let value = row.samples.last().map_or(f64::NAN, |s| s.v);
                Entry::new(value.to_string(), theme.text)
            }
            _ => {
                let numbers = summary(row.samples, window);
                let value = match column {
                    2 => value_at(row.samples, cursor).or(numbers.last),
                    3 => numbers.last.map(|_| numbers.min),
                    4 => numbers.last.map(|_| numbers.mean),
                    _ => numbers.last.map(|_| numbers.max),
                };
                let style = if column == 2 { theme.text } else { theme.dim };
                Entry::new(
                    value.map_or_else(|| "-".to_owned(), |v| unit.tight(v)),
                    style,
                )
            }
        }
    });
}

/// The value under the time cursor.
fn value_at(samples: &[Sample], cursor: Option<i64>) -> Option<f64> {
    let cursor = cursor?;
    let after = samples.partition_point(|s| s.t <= cursor);
    samples.get(after.checked_sub(1)?).map(|s| s.v)
}
