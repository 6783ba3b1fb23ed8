//! Panel `logs`: lines by level over time, and the latest errors.

use crate::base::text;
use crate::model::answer::{Answer, LogLine, LogReply, LogsValue};
use crate::model::log_entry::{Level, LevelSet, NanoRange};
use crate::model::request::{LevelsQuery, LogRequest, LogsQuery, Request};
use crate::query::syntax::logql;
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::state::State;
use crate::tui::tabs::logs::{composed, in_panel, level_tag, stack_style, stacked, stream_name};
use crate::tui::theme::Theme;
use crate::tui::widget::chart::{Form, Legend};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "logs",
    title: "Logs",
    help: "lines by level over time, and the latest errors",
    opens: "Logs",
    size: Size::one(6, 3).only_with_data(has_lines),
    requests,
    headline,
    view,
};

const MS: i64 = 1_000_000;
/// Rows of the bar inside the panel.
pub(crate) const BAR: u16 = 2;
/// Lines that are asked for.
const LINES: usize = 50;

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let step = ask.window.step.max(1);
    let start = ask.window.start - step;
    let worse = LevelSet::of(&[Level::Error, Level::Critical, Level::Fatal]);
    let levels = LevelsQuery {
        expr: logql::EVERYTHING.to_owned(),
        levels: LevelSet::ALL,
        start: start * MS,
        step: step * MS,
        count: ((ask.window.end - start) / step).max(1) as usize,
    };
    let range = NanoRange::new(start * MS, (ask.at + 1) * MS);
    let mut errors = LogsQuery::newest(logql::EVERYTHING, range, LINES);
    errors.levels = worse;
    vec![
        Request::Logs(LogRequest::Levels(levels)),
        Request::Logs(LogRequest::Query(errors)),
    ]
}

/// While the bar inside the panel has the keys, its questions are about what is typed there.
pub(crate) fn filtered(state: &State, request: Request) -> Request {
    let typed = composed(state);
    if !in_panel(state) || typed.metric {
        return request;
    }
    match request {
        Request::Logs(LogRequest::Levels(mut query)) => {
            (query.expr, query.levels) = (typed.expr, typed.levels);
            Request::Logs(LogRequest::Levels(query))
        }
        Request::Logs(LogRequest::Query(mut query)) => {
            (query.expr, query.levels) = (typed.expr, typed.levels);
            Request::Logs(LogRequest::Query(query))
        }
        other => other,
    }
}

fn levels<'a>(shown: &Shown<'a>) -> Option<&'a crate::model::answer::LevelHistogram> {
    match shown.answer(0)? {
        Answer::Logs(LogReply::Levels(found)) => Some(found),
        _ => None,
    }
}

fn errors<'a>(shown: &Shown<'a>) -> &'a [LogLine] {
    match shown.answer(1) {
        Some(Answer::Logs(LogReply::Value(answer))) => match &answer.value {
            LogsValue::Lines(lines) => lines,
            _ => &[],
        },
        _ => &[],
    }
}

fn has_lines(shown: &Shown<'_>) -> bool {
    let any = levels(shown).is_some_and(|l| l.counts.iter().flatten().any(|n| *n > 0));
    any || in_panel(shown.state)
}

fn headline(shown: &Shown<'_>) -> Headline {
    let Some(found) = levels(shown) else {
        return Headline::default();
    };
    let of = |level: Level| found.counts.iter().map(|c| c[level as usize]).sum::<u64>();
    let worse = of(Level::Error) + of(Level::Critical) + of(Level::Fatal);
    if worse == 0 {
        return Headline::plain("no errors".to_owned());
    }
    let word = if worse == 1 { "error" } else { "errors" };
    Headline::at(format!("{worse} {word}"), 1.0, 0.5, 2.0)
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    // The bar stands above.
    let bar = if in_panel(shown.state) {
        BAR.min(area.height)
    } else {
        0
    };
    let area = Rect {
        y: area.y + bar,
        height: area.height - bar,
        ..area
    };
    let Some(found) = levels(shown).filter(|_| has_lines(shown)) else {
        let way = "logs: in the configuration, or a Promtail file, says what is read.";
        return plot::empty(
            shown,
            2,
            "No lines in this stretch of time.",
            way,
            Place { area, buf, look },
        );
    };
    let errors = errors(shown);
    let listed = (errors.len() as u16).min(area.height.saturating_sub(4));
    let above = Rect {
        height: area.height - listed,
        ..area
    };
    let series = stacked(found);
    let marks = shown.state.marks();
    let mut chart = plot::chart(shown, &marks, Unit::Short);
    chart.form = Form::Stack;
    chart.legend = Legend::Row;
    chart.curves = plot::curves(&series, look, |labels| labels.get("level"));
    for (group, curve) in chart.curves.iter_mut().enumerate() {
        curve.style = stack_style(look, group);
        curve.filled = true;
    }
    chart.paint(buf, above, look);
    // The newest error stands last, as in a log.
    for (i, line) in errors.iter().take(usize::from(listed)).enumerate() {
        let y = area.bottom() - 1 - i as u16;
        let clock = shown.state.time.clock(line.t.div_euclid(MS));
        let mut x = paint::put(buf, (area.x, y), area.right(), &clock, look.dim) + 1;
        let (tag, style) = level_tag(line.level, look);
        x = paint::put(buf, (x, y), area.right(), tag, style) + 1;
        let name = stream_name(&line.stream);
        let name = text::fit(&name, 12, look.symbols.ellipsis()).into_owned();
        x = paint::put(buf, (x, y), area.right(), &text::display(&name), look.title) + 1;
        let said = logql::plain(&line.line);
        let first = said.lines().next().unwrap_or_default();
        let first = text::display(first);
        let room = usize::from(area.right().saturating_sub(x));
        let cut = text::fit(&first, room, look.symbols.ellipsis());
        paint::put(buf, (x, y), area.right(), &cut, look.text);
    }
}
