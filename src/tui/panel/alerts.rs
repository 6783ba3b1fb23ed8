//! Panel `alerts`: what fires, the gravest first.

use crate::base::text;
use crate::model::alert::{AlertState, gravity};
use crate::model::request::{Request, ViewName};
use crate::model::view::{AlertRow, AlertsView, View};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::tabs::alerts::{age, place, state_style, state_word};
use crate::tui::theme::Theme;
use crate::tui::widget::Look;
use crate::tui::widget::table::{Column, Entry, Table};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "alerts",
    title: "Alerts",
    help: "what fires and what is about to, the gravest first",
    opens: "Alerts",
    size: Size::one(3, 1),
    requests,
    headline,
    view,
};

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    vec![ask.view(ViewName::Alerts)]
}

fn found<'a>(shown: &Shown<'a>) -> Option<&'a AlertsView> {
    match shown.live_view(0) {
        Some(View::Alerts(view)) => Some(view),
        _ => None,
    }
}

fn headline(shown: &Shown<'_>) -> Headline {
    let Some(view) = found(shown) else {
        return Headline::default();
    };
    let (firing, pending) = (view.counts.firing, view.counts.pending);
    if firing > 0 {
        return Headline::at(format!("{firing} firing"), 1.0, 0.5, 0.5);
    }
    if pending > 0 {
        return Headline::at(format!("{pending} pending"), 1.0, 0.5, 2.0);
    }
    Headline::plain("quiet".to_owned())
}

const COLUMNS: &[Column] = &[
    Column::left("", 9, 0),
    Column::left("ALERT", 12, 0).growing(),
    Column::left("WHERE", 12, 1).growing(),
    Column::right("SINCE", 6, 0),
];

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let all = found(shown).map_or(&[][..], |v| &v.rows);
    let mut rows: Vec<&AlertRow> = all.iter().collect();
    rows.retain(|r| r.alert.state != AlertState::Resolved);
    if rows.is_empty() {
        let (why, way) = match shown.live_view(0) {
            Some(View::Nothing { why }) => (why.as_str(), ""),
            _ if !shown.ask.live => ("Nothing fired then, and nothing was about to.", ""),
            _ => (
                "Nothing fires, and nothing is about to.",
                "rule_files in the configuration adds rules to those that come with bongsu.",
            ),
        };
        return plot::empty(shown, 1, why, way, Place { area, buf, look });
    }
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: area.height >= 4,
    };
    table.paint(buf, area, look, |row, column| {
        let r = rows[row];
        let labels = &r.alert.labels;
        let grave = gravity(labels.get("severity")) < 2;
        match column {
            0 => Entry::new(state_word(r), state_style(r, theme)),
            1 if grave => Entry::new(text::display(r.alert.name()), look.bad),
            1 => Entry::new(text::display(r.alert.name()), look.text),
            2 => Entry::new(text::display(&place(labels)).into_owned(), look.dim),
            _ => Entry::new(age(shown.state, r), look.text),
        }
    });
}
