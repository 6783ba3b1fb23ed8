//! The registry of panels: what the Overview's grid is made of.
//!
//! A panel says which questions it has for a stretch of time, and paints their answers. It keeps no
//! state and reads no clock, so that history, another instance and a rewound screen are the same
//! code. One file under `panel/` and one row in [`PANELS`] make a panel.

use crate::model::answer::{Answer, Series, Value, VectorPoint};
use crate::model::request::{PromQuery, Request, ViewName};
use crate::model::time::Steps;
use crate::model::view::View;
use crate::source::api::SourceError;
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::time_cursor::Window;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// All panels, in the order of the default grid.
pub(crate) const PANELS: &[&Panel] = &[];

/// One panel.
pub(crate) struct Panel {
    /// Its word in `ui.overview`; the owner of its slots.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// A sentence for the help.
    pub(crate) help: &'static str,
    /// The tab that shows more of it, by name; empty where there is none.
    pub(crate) opens: &'static str,
    /// Its questions. The n-th is answered in part n of its slots.
    pub(crate) requests: fn(&Ask<'_>) -> Vec<Request>,
    /// Paints inside its border.
    pub(crate) view: fn(&Shown<'_>, &Theme, Rect, &mut Buffer),
}

/// What a panel may know when it asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// The window, cut to the dot columns of the panel's inner width.
    pub(crate) window: Window,
    /// The instant that single numbers are about, milliseconds since the epoch.
    pub(crate) at: i64,
    /// The chosen instance; `None` means all of them.
    pub(crate) instance: Option<&'a str>,
    /// False where the screen is paused or rewound.
    pub(crate) live: bool,
    /// Lines the panel has inside its border.
    pub(crate) rows: u16,
}

/// How far back the console's ring of 2 s readings goes.
const RING_MS: i64 = 5 * 60_000;

impl Ask<'_> {
    /// PromQL over the window.
    pub(crate) fn range(&self, expr: impl Into<String>) -> Request {
        self.prom(expr.into(), self.window.steps(), false)
    }

    /// PromQL at [`Ask::at`].
    pub(crate) fn instant(&self, expr: impl Into<String>) -> Request {
        self.prom(expr.into(), Steps::at(self.at), true)
    }

    fn prom(&self, expr: String, steps: Steps, instant: bool) -> Request {
        Request::Prom(PromQuery {
            expr,
            steps,
            instant,
            live: self.live,
            timeout_ms: None,
            lookback_ms: None,
        })
    }

    /// A live view, or the stored record nearest before the instant where the screen is not live.
    pub(crate) fn view(&self, view: ViewName) -> Request {
        Request::View {
            view,
            at: (!self.live).then_some(self.at),
        }
    }

    /// `{instance="web1",more}`: the chosen instance and what the panel adds, which may be empty.
    pub(crate) fn only(&self, more: &str) -> String {
        match self.instance {
            Some(instance) if more.is_empty() => format!("{{instance={instance:?}}}"),
            Some(instance) => format!("{{instance={instance:?},{more}}}"),
            None => format!("{{{more}}}"),
        }
    }

    /// The window of `rate` for charts: wide enough for stored samples, and never narrower than a
    /// dot column; over the ring's five minutes it is short.
    pub(crate) fn rate(&self) -> String {
        let ring = self.live && self.window.end - self.window.start <= RING_MS;
        let least = if ring { 10_000 } else { 60_000 };
        crate::base::units::format_duration_ms(least.max(self.window.step * 2))
    }

    /// The window of `rate` for single numbers: short while live.
    pub(crate) fn rate_now(&self) -> &'static str {
        if self.live { "10s" } else { "1m" }
    }
}

/// What a panel paints from.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) state: &'a State,
    pub(crate) panel: &'static str,
    /// The same as in the [`Ask`] of this paint.
    pub(crate) ask: Ask<'a>,
    pub(crate) focused: bool,
}

impl<'a> Shown<'a> {
    pub(crate) fn slot(&self, part: usize) -> Option<&'a Slot> {
        self.state.slots.get(SlotId::new(self.panel, part))
    }

    pub(crate) fn answer(&self, part: usize) -> Option<&'a Answer> {
        self.slot(part)?.answer()
    }

    /// The series of a range question; none while there is no answer.
    pub(crate) fn matrix(&self, part: usize) -> &'a [Series] {
        match self.slot(part).and_then(Slot::value) {
            Some(Value::Matrix(series)) => series,
            _ => &[],
        }
    }

    /// The series of an instant question; none while there is no answer.
    pub(crate) fn vector(&self, part: usize) -> &'a [VectorPoint] {
        match self.slot(part).and_then(Slot::value) {
            Some(Value::Vector(points)) => points,
            _ => &[],
        }
    }

    /// The value of the first series of an instant question.
    pub(crate) fn number(&self, part: usize) -> Option<f64> {
        self.vector(part).first().map(|p| p.sample.v)
    }

    pub(crate) fn live_view(&self, part: usize) -> Option<&'a View> {
        match self.answer(part)? {
            Answer::View(view) => Some(view),
            _ => None,
        }
    }

    /// True once every one of the first `parts` questions has an answer.
    pub(crate) fn ready(&self, parts: usize) -> bool {
        (0..parts).all(|part| self.answer(part).is_some())
    }

    /// What to say in place of data, if anything: the first error, or that it is on its way.
    pub(crate) fn excuse(&self, parts: usize) -> Option<String> {
        let error = (0..parts).find_map(|part| self.slot(part)?.error().map(excuse_of));
        let waits = || (!self.ready(parts)).then(|| "asking ...".to_owned());
        error.or_else(waits)
    }
}

fn excuse_of(error: &SourceError) -> String {
    error.to_string()
}
