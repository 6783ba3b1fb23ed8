//! Panel `blind`: what this engine cannot see, and the command that would allow it.

use crate::model::request::{Request, ViewName};
use crate::model::view::{BlindSpot, View};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::theme::Theme;
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "blind",
    title: "What I cannot see",
    help: "what this engine may not read, and the command that would allow it",
    opens: "",
    size: Size::one(3, 1).only_with_data(any),
    requests,
    headline,
    view,
};

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let view = ViewName::Blind;
    let _ = ask;
    vec![Request::View { view, at: None }]
}

fn spots<'a>(shown: &Shown<'a>) -> &'a [BlindSpot] {
    match shown.live_view(0) {
        Some(View::Blind(spots)) => spots,
        _ => &[],
    }
}

fn any(shown: &Shown<'_>) -> bool {
    !spots(shown).is_empty()
}

fn headline(shown: &Shown<'_>) -> Headline {
    match spots(shown).len() {
        0 => Headline::default(),
        n => Headline::plain(n.to_string()),
    }
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let spots = spots(shown);
    if spots.is_empty() {
        let why = "Everything this console shows can be read.";
        return plot::empty(shown, 1, why, "", Place { area, buf, look });
    }
    let columns = usize::from(area.width.saturating_sub(1));
    let mut y = area.y;
    for spot in spots {
        let said = format!("{}: {}", spot.what, spot.why);
        for (line, style) in [(&said, look.text), (&spot.way_out, look.dim)] {
            for row in paint::wrap(&crate::base::text::display(line), columns) {
                if y >= area.bottom() {
                    return;
                }
                paint::put(buf, (area.x, y), area.right(), &row, style);
                y += 1;
            }
        }
    }
}
