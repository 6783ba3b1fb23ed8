//! What a span carries: status, attributes, events with their stacks, links, resource.

use crate::base::units::format_nanoseconds;
use crate::model::span::{Attributes, Span};
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::traces::requests::ms;
use crate::tui::tabs::traces::waterfall::title;
use crate::tui::theme::Theme;
use crate::tui::widget::Look;
use crate::tui::widget::frame::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Lines of a stack that are shown.
const STACK: usize = 6;

pub(super) fn paint(
    state: &State,
    span: &Span,
    (look, theme): (&Look, &Theme),
    place: Rect,
    buf: &mut Buffer,
) {
    let title = title(span);
    let id = span.id.to_string();
    let frame = Frame {
        title: &title,
        remark: &id,
        remark_style: look.dim,
        ..Frame::default()
    };
    let inside = frame.paint(buf, place, look);
    list::pairs(buf, inside, theme, &lines(state, span, look));
}

fn lines(state: &State, span: &Span, look: &Look) -> Vec<(String, String, Style)> {
    let mut out = Vec::new();
    let mut line = |name: &str, value: String, style| out.push((name.to_owned(), value, style));
    if span.is_error() {
        line("error", span.status_message.to_string(), look.bad);
    }
    let begun = state.time.date_clock(ms(span.start));
    line(
        "began",
        format!(
            "{begun}, took {}, {}",
            format_nanoseconds(span.duration()),
            span.kind.as_str()
        ),
        look.text,
    );
    if span.end < span.start {
        line(
            "clock",
            "it ends before it begins: the sender's clock is wrong".to_owned(),
            look.warn,
        );
    }
    for event in &span.events {
        let since = format_nanoseconds(event.time.saturating_sub(span.start));
        line("event", format!("+{since} {}", event.name), look.mark);
        for (name, value) in &event.attributes {
            let value = value.to_string();
            let mut stack = value.lines();
            for part in stack.by_ref().take(STACK) {
                line(&format!("  {name}"), part.trim_end().to_owned(), look.text);
            }
            let more = stack.count();
            if more > 0 {
                line("", format!("... {more} lines more"), look.dim);
            }
        }
    }
    attributes(&span.attributes, "", &mut line, look.text);
    for link in &span.links {
        line(
            "link",
            format!("trace {} span {}", link.trace, link.span),
            look.text,
        );
    }
    attributes(&span.resource.attributes, "resource.", &mut line, look.dim);
    if !span.scope.name.is_empty() {
        line(
            "scope",
            format!("{} {}", span.scope.name, span.scope.version),
            look.dim,
        );
    }
    out
}

fn attributes(
    list: &Attributes,
    scope: &str,
    line: &mut impl FnMut(&str, String, Style),
    style: Style,
) {
    for (name, value) in list {
        line(&format!("{scope}{name}"), value.to_string(), style);
    }
}
