//! Panel `traces`: requests by time and latency, and the slowest of them.

use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::model::answer::{Answer, TraceHit};
use crate::model::request::{Request, SpanRequest, TraceOrder, TraceQuery};
use crate::model::trace_report::{ReportAnswer, ReportKind, ReportPart, TracePick, TraceReport};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::tabs::traces::scatter;
use crate::tui::theme::Theme;
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "traces",
    title: "Traces",
    help: "requests by time and latency, and the slowest of them",
    opens: "Traces",
    size: Size::one(6, 3).only_with_data(has_requests),
    requests,
    headline,
    view,
};

/// Requests that are looked at: the newest.
const LOOKED_AT: usize = 5_000;
const SLOWEST: usize = 10;
/// Rows of the plot that the list leaves.
const PLOT: u16 = 5;

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let ns = |ms: i64| u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000);
    let (from, to) = (
        ns(ask.window.start),
        ns(ask.window.end.min(ask.at.max(ask.window.start))),
    );
    let whole = (ask.window.end - ask.window.start) / ask.window.step.max(1);
    let columns = whole.clamp(1, 1_000) as u16;
    let of = TraceQuery {
        query: "{ }".to_owned(),
        from,
        to,
        limit: LOOKED_AT,
        per_set: 0,
        order: TraceOrder::Newest,
        shortest: None,
        longest: None,
    };
    let dots = ReportKind::Dots {
        from,
        to: ns(ask.window.end),
        columns,
    };
    vec![Request::Spans(SpanRequest::Report(TraceReport {
        of: TracePick::Found(of),
        parts: vec![dots, ReportKind::Slowest(SLOWEST)],
    }))]
}

fn found<'a>(shown: &Shown<'a>) -> Option<&'a ReportAnswer> {
    match shown.answer(0)? {
        Answer::Report(answer) => Some(answer),
        _ => None,
    }
}

fn slowest<'a>(shown: &Shown<'a>) -> &'a [TraceHit] {
    let parts = found(shown).map_or(&[][..], |a| &a.parts);
    let hits = parts.iter().find_map(|p| match p {
        ReportPart::Slowest(hits) => Some(hits.as_slice()),
        _ => None,
    });
    hits.unwrap_or(&[])
}

fn has_requests(shown: &Shown<'_>) -> bool {
    found(shown).is_some_and(|a| a.traces > 0)
}

fn headline(shown: &Shown<'_>) -> Headline {
    let Some(dots) = scatter::dots(found(shown)) else {
        return Headline::default();
    };
    let (good, failed) = scatter::sums(dots);
    let share = failed as f64 / (good + failed).max(1) as f64;
    match failed {
        0 => Headline::plain("no errors".to_owned()),
        n => Headline::at(format!("{n} failed"), share, 0.0, 0.05),
    }
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let Some(dots) = scatter::dots(found(shown)).filter(|_| has_requests(shown)) else {
        let way = "Applications send spans to 127.0.0.1:4317 (OTLP gRPC), :4318 (OTLP HTTP) or :9411 (Zipkin).";
        let place = Place { area, buf, look };
        return plot::empty(shown, 1, "No request in this stretch of time.", way, place);
    };
    let hits = slowest(shown);
    let listed = (hits.len() as u16).min(area.height.saturating_sub(PLOT) / 2);
    let above = Rect {
        height: area.height - listed,
        ..area
    };
    let marks = shown.state.marks();
    let chart = scatter::Chart {
        dots,
        chosen: None,
        cursor: shown.state.time.cursor,
        marks: &marks,
        clock: &|t| shown.state.time.clock(t),
    };
    chart.paint(look, above, buf);
    for (hit, y) in hits.iter().zip(above.bottom()..area.bottom()) {
        let clock = shown.state.time.clock((hit.start / 1_000_000) as i64);
        let mut x = paint::put(buf, (area.x, y), area.right(), &clock, look.dim) + 1;
        let took = format!("{:>8}", format_nanoseconds(hit.duration));
        let style = if hit.errors > 0 { look.bad } else { look.text };
        x = paint::put(buf, (x, y), area.right(), &took, style) + 1;
        let service = hit.root_service.as_deref().unwrap_or("-");
        let service = text::display(service);
        let service = text::fit(&service, 12, look.symbols.ellipsis());
        x = paint::put(buf, (x, y), area.right(), &service, look.title) + 1;
        let name = hit
            .root_name
            .as_deref()
            .unwrap_or("root span not yet received");
        let room = usize::from(area.right().saturating_sub(x));
        let name = text::display(name);
        let name = text::fit(&name, room, look.symbols.ellipsis());
        paint::put(buf, (x, y), area.right(), &name, look.text);
    }
}
