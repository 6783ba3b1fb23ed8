//! What a span carries: status, attributes, statements line by line, events with their stacks,
//! links, resource.

mod sql;

use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::model::span::{Attribute, Attributes, Span};
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::traces::ms;
use crate::tui::tabs::traces::waterfall::{Open, said, title};
use crate::tui::widget::frame::Frame;
use crate::tui::widget::{Look, paint as stroke, scrollbar};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Lines of a folded stack.
const STACK: usize = 3;
/// Lines of any other value.
const MOST_LINES: usize = 500;
/// Names are cut so that values have room.
const WIDEST_NAME: usize = 32;
/// Attributes that hold a database's statement, the newer name first.
const STATEMENTS: [&str; 2] = ["db.query.text", "db.statement"];

type Line = (String, String, Style);

/// The statement that a span sent to a database, as it was sent.
pub(super) fn statement(span: &Span) -> Option<String> {
    STATEMENTS
        .iter()
        .find_map(|name| match span.attribute(name) {
            Some(Attribute::Text(text)) => Some(text.to_string()),
            _ => None,
        })
}

pub(super) fn paint(
    state: &State,
    (span, skew): (&Span, Option<i64>),
    open: &Open,
    look: &Look,
    (place, buf): (Rect, &mut Buffer),
) {
    let title = title(span);
    let key = |act| state.keymap.label(act);
    let stacks = if open.stacks {
        "fold stacks"
    } else {
        "whole stacks"
    };
    let remark = format!(
        "{}: scroll here  {}: {stacks}",
        key(Act::NextPane),
        key(Act::Stacks)
    );
    let frame = Frame {
        title: &title,
        remark: &remark,
        remark_style: look.dim,
        focused: open.in_details(),
        ..Frame::default()
    };
    let inside = frame.paint(buf, place, look);
    let lines = lines(state, (span, skew), open, look);
    let names = lines.iter().map(|(n, ..)| text::width(n)).max();
    let indent = names.unwrap_or(0).min(WIDEST_NAME) + 2;
    let columns = usize::from(inside.width).saturating_sub(indent + 1).max(8);
    let rows: Vec<Line> = lines.iter().flat_map(|l| wrapped(l, columns)).collect();
    let visible = usize::from(inside.height);
    let first = open.top.min(rows.len().saturating_sub(visible));
    let right = inside.right().saturating_sub(1);
    for (i, (name, value, style)) in rows.iter().skip(first).take(visible).enumerate() {
        let y = inside.y + i as u16;
        let name = text::fit(name, indent - 2, look.symbols.ellipsis());
        stroke::put(buf, (inside.x, y), right, &name, look.dim);
        let x = inside.x + indent as u16;
        stroke::put(buf, (x, y), right, value, *style);
    }
    let column = Rect::new(right, inside.y, 1, inside.height);
    scrollbar::vertical(buf, column, first, rows.len(), look);
}

/// A line cut to the columns there are, its name before the first piece.
fn wrapped((name, value, style): &Line, columns: usize) -> Vec<Line> {
    let shown = text::display(value).into_owned();
    let mut out = vec![];
    let mut rest = shown.as_str();
    loop {
        let piece = whole_words(rest, text::clip(rest, columns));
        let name = if out.is_empty() {
            name.clone()
        } else {
            String::new()
        };
        out.push((name, piece.to_owned(), *style));
        rest = &rest[piece.len()..];
        if rest.is_empty() || piece.is_empty() || out.len() >= MOST_LINES {
            return out;
        }
    }
}

/// The beginning of `rest` without the word that was cut, where that leaves enough.
fn whole_words<'a>(rest: &'a str, piece: &'a str) -> &'a str {
    if piece.len() == rest.len() || rest[piece.len()..].starts_with(' ') {
        return piece;
    }
    match piece.rfind(' ') {
        Some(at) if at > piece.len() / 2 => &piece[..=at],
        _ => piece,
    }
}

/// What is told of a span.
struct Told<'a> {
    lines: Vec<Line>,
    open: &'a Open,
    look: &'a Look,
    /// The key that opens stacks.
    key: String,
}

impl Told<'_> {
    fn line(&mut self, name: &str, value: impl Into<String>, style: Style) {
        self.lines.push((name.to_owned(), value.into(), style));
    }

    fn attributes(&mut self, list: &Attributes, scope: &str, style: Style) {
        for (name, value) in list {
            self.attribute(&format!("{scope}{name}"), name, &value.to_string(), style);
        }
    }

    /// One value, in lines where it has some.
    fn attribute(&mut self, shown: &str, name: &str, value: &str, style: Style) {
        let pretty;
        let is_sql = STATEMENTS.contains(&name) && sql::is_sql(value);
        let value = if is_sql {
            pretty = sql::lines(value);
            pretty.as_str()
        } else {
            value
        };
        let folds = name.ends_with("stacktrace") && !self.open.stacks;
        let most = if folds { STACK } else { MOST_LINES };
        let mut parts = value.lines();
        for (i, part) in parts.by_ref().take(most).enumerate() {
            let part = part.trim_end().replace('\t', "    ");
            self.line(if i == 0 { shown } else { "" }, part, style);
        }
        let more = parts.count();
        if more > 0 {
            let key = if folds {
                format!(" ({} shows them)", self.key)
            } else {
                String::new()
            };
            let dim = self.look.dim;
            self.line("", format!("... {more} lines more{key}"), dim);
        }
        if value.is_empty() {
            self.line(shown, "", style);
        }
    }
}

fn lines(state: &State, (span, skew): (&Span, Option<i64>), open: &Open, look: &Look) -> Vec<Line> {
    let mut told = Told {
        lines: Vec::new(),
        open,
        look,
        key: state.keymap.label(Act::Stacks),
    };
    if span.is_error() {
        let message = match &*span.status_message {
            "" => "failed, without a message",
            message => message,
        };
        told.line("error", message, look.bad);
    }
    let took = format_nanoseconds(span.duration());
    let begun = state.time.date_clock(ms(span.start));
    let kind = span.kind.as_str();
    told.line("began", format!("{begun}, took {took}, {kind}"), look.text);
    if span.end < span.start {
        let said = "it ends before it begins: the sender's clock is wrong";
        told.line("clock", said, look.warn);
    }
    if let Some(skew) = skew {
        told.line("clock", said(skew), look.warn);
    }
    for event in &span.events {
        let sign = if event.time < span.start { "-" } else { "+" };
        let since = format_nanoseconds(event.time.abs_diff(span.start));
        told.line("event", format!("{sign}{since} {}", event.name), look.mark);
        told.attributes(&event.attributes, "  ", look.text);
    }
    told.attributes(&span.attributes, "", look.text);
    for link in &span.links {
        let to = format!("trace {} span {}", link.trace, link.span);
        told.line("link", to, look.text);
        told.attributes(&link.attributes, "  ", look.dim);
    }
    told.attributes(&span.resource.attributes, "resource.", look.dim);
    if !span.scope.name.is_empty() {
        let scope = format!("{} {}", span.scope.name, span.scope.version);
        told.line("scope", scope, look.dim);
    }
    let parent = span.parent.map_or("none".to_owned(), |p| p.to_string());
    told.line("span", format!("{}, parent {parent}", span.id), look.dim);
    told.lines
}
