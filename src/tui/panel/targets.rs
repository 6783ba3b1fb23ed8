//! Panel `targets`: what is scraped, the failing ones first with their error.

use crate::model::request::{Request, ViewName};
use crate::model::view::{Health, TargetRow, View};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::theme::Theme;
use crate::tui::widget::Look;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "targets",
    title: "Targets",
    help: "what is scraped; failing targets first, with their error",
    opens: "Targets",
    size: Size::one(3, 1),
    requests,
    headline,
    view,
};

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    vec![ask.view(ViewName::Targets)]
}

fn found<'a>(shown: &Shown<'a>) -> Vec<&'a TargetRow> {
    let Some(View::Targets(rows)) = shown.live_view(0) else {
        return Vec::new();
    };
    let mut rows: Vec<&TargetRow> = rows.iter().filter(|r| !r.dropped).collect();
    let rank = |r: &TargetRow| match r.health {
        Health::Down => 0,
        Health::Unknown => 1,
        Health::Up => 2,
        Health::BuiltIn => 3,
    };
    rows.sort_by_key(|r| (rank(r), r.job.clone(), r.instance.clone()));
    rows
}

fn headline(shown: &Shown<'_>) -> Headline {
    let rows = found(shown);
    if rows.is_empty() {
        return Headline::default();
    }
    let count = |health| rows.iter().filter(|r| r.health == health).count();
    let (all, down, unknown) = (rows.len(), count(Health::Down), count(Health::Unknown));
    match (down, unknown) {
        (0, 0) => Headline::plain(format!("all {all} up")),
        // Not scraped yet is neither up nor down.
        (0, _) => Headline::plain(format!("{} of {all} up, {unknown} to come", all - unknown)),
        _ => Headline::at(format!("{down} of {all} down"), 1.0, 0.5, 0.5),
    }
}

const COLUMNS: &[Column] = &[
    Column::left("", 4, 0),
    Column::left("JOB", 8, 1).growing(),
    Column::left("INSTANCE", 12, 0).growing(),
    Column::right("TOOK", 7, 3),
    Column::left("SAYS", 8, 2).growing(),
];

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let rows = found(shown);
    if rows.is_empty() {
        let why = match shown.live_view(0) {
            Some(View::Nothing { why }) => why.as_str(),
            _ => "Nothing is scraped yet.",
        };
        let way = "Start with --config prometheus.yml, as Prometheus reads it.";
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
        match column {
            0 => health(r.health, look),
            1 => Entry::new(crate::base::text::display(&r.job), look.text),
            2 => Entry::new(crate::base::text::display(&r.instance), look.text),
            3 if r.last_scrape > 0 => {
                Entry::new(Unit::Seconds.tight(r.duration_ms / 1000.0), look.dim)
            }
            3 => Entry::new("-", look.faint),
            _ if r.error.is_empty() => Entry::new(crate::base::text::display(&r.remark), look.dim),
            _ => Entry::new(crate::base::text::display(&r.error), look.bad),
        }
    });
}

/// A word, since a colour alone says nothing to many.
fn health<'a>(health: Health, look: &Look) -> Entry<'a> {
    match health {
        Health::Up => Entry::new("up", look.good),
        Health::Down => Entry::new("down", look.bad),
        Health::Unknown => Entry::new("?", look.warn),
        Health::BuiltIn => Entry::new("own", look.good),
    }
}
