//! The registry of panels: what the Overview's grid is made of.
//!
//! A panel says which questions it has for a stretch of time, and paints their answers. It keeps no
//! state and reads no clock, so that history, another instance and a rewound screen are the same
//! code. One file under `panel/` and one row in [`PANELS`] make a panel.

pub(crate) mod alerts;
pub(crate) mod blind;
pub(crate) mod containers;
pub(crate) mod cpu;
pub(crate) mod disks;
pub(crate) mod filesystems;
pub(crate) mod jvm;
pub(crate) mod load;
pub(crate) mod logs;
pub(crate) mod memory;
pub(crate) mod network;
pub(crate) mod own;
pub(crate) mod plot;
pub(crate) mod processes;
pub(crate) mod targets;
pub(crate) mod traces;

use crate::model::alert::Language;
use crate::model::answer::{Answer, Series, Value, VectorPoint};
use crate::model::log_entry::NanoRange;
use crate::model::request::{LogRequest, LogsQuery, PromQuery, Request, SpanRequest, ViewName};
use crate::model::time::Steps;
use crate::model::view::View;
use crate::source::api::SourceError;
use crate::tui::panel::own::OwnPanel;
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::time_cursor::Window;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// All panels but the user's own, in the order of the default grid.
pub(crate) const PANELS: &[&Panel] = &[
    &cpu::PANEL,
    &memory::PANEL,
    &network::PANEL,
    &filesystems::PANEL,
    &jvm::PANEL,
    &containers::PANEL,
    &logs::PANEL,
    &traces::PANEL,
    &processes::PANEL,
    &disks::PANEL,
    &load::PANEL,
    &alerts::PANEL,
    &targets::PANEL,
    &blind::PANEL,
];

/// A sentence for each name of `ui.overview` that is neither a panel nor the title of an own one.
pub fn unknown_panels<'a>(
    wanted: impl IntoIterator<Item = &'a str>,
    own: &[OwnPanel],
) -> Vec<String> {
    let known =
        |name: &str| PANELS.iter().any(|p| p.name == name) || own.iter().any(|p| p.title == name);
    let names: Vec<&str> = PANELS.iter().map(|p| p.name).collect();
    let say = |name: &str| {
        let names = names.join(", ");
        format!(
            "ui.overview: no panel is called {name:?}; there are {names} and those of ui.panels"
        )
    };
    let unknown = wanted.into_iter().filter(|name| !known(name));
    unknown.map(say).collect()
}

/// One panel.
pub(crate) struct Panel {
    /// Its word in `ui.overview`; the owner of its slots.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// A sentence for the help.
    pub(crate) help: &'static str,
    /// The tab that shows more of it, by name; empty where there is none.
    pub(crate) opens: &'static str,
    pub(crate) size: Size,
    /// Its questions. The n-th is answered in part n of its slots.
    pub(crate) requests: fn(&Ask<'_>) -> Vec<Request>,
    /// What stands in its border: the value that matters most.
    pub(crate) headline: fn(&Shown<'_>) -> Headline,
    /// Paints inside its border.
    pub(crate) view: fn(&Shown<'_>, &Theme, Rect, &mut Buffer),
}

/// How much room a panel wants in the grid.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// It takes two columns of a grid of at least so many.
    pub(crate) wide_from: u16,
    /// Rows inside its border below which it says nothing.
    pub(crate) least: u16,
    /// Its share of what is left over.
    pub(crate) weight: u16,
    /// Whether there is something to show; a panel without it is left out.
    pub(crate) shows: fn(&Shown<'_>) -> bool,
}

impl Size {
    pub(crate) const fn one(least: u16, weight: u16) -> Self {
        Self::wide_from(u16::MAX, least, weight)
    }

    pub(crate) const fn wide_from(columns: u16, least: u16, weight: u16) -> Self {
        Self {
            wide_from: columns,
            least,
            weight,
            shows: |_| true,
        }
    }

    pub(crate) const fn only_with_data(self, shows: fn(&Shown<'_>) -> bool) -> Self {
        Self { shows, ..self }
    }
}

/// The value that matters most, and how bad it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Headline {
    pub(crate) text: String,
    pub(crate) level: Level,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    Plain,
    Warn,
    Bad,
}

impl Headline {
    pub(crate) fn plain(text: String) -> Self {
        Self {
            text,
            level: Level::Plain,
        }
    }

    /// A warning from `warn` on, bad from `bad` on.
    pub(crate) fn at(text: String, value: f64, warn: f64, bad: f64) -> Self {
        let level = match value {
            v if v >= bad => Level::Bad,
            v if v >= warn => Level::Warn,
            _ => Level::Plain,
        };
        Self { text, level }
    }
}

/// What a panel may know when it asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// The window, cut to the dot columns of the panel's charts. Its last column is the one that
    /// the newest instant is in, and fills up while time goes on.
    pub(crate) window: Window,
    /// The newest instant of the window that has happened, milliseconds since the epoch.
    pub(crate) newest: i64,
    /// The instant that single numbers are about, milliseconds since the epoch.
    pub(crate) at: i64,
    /// The chosen instance; `None` means all of them.
    pub(crate) instance: Option<&'a str>,
    /// The same for series of containers: where a cAdvisor of this machine is scraped, theirs is
    /// another than the machine's.
    pub(crate) containers: Option<&'a str>,
    /// False where the screen is paused or rewound.
    pub(crate) live: bool,
    /// The instance is the machine the engine runs on: what is no series can be shown.
    pub(crate) local: bool,
    /// Which of the user's own panels asks, by its place in `ui.panels`.
    pub(crate) own: Option<(usize, &'a OwnPanel)>,
}

/// Steps of charts are no wider than this where the window allows it.
const FINE_MS: i64 = 5_000;
/// The stretch over which rules in TraceQL count spans.
const SPAN_STEP_MS: i64 = 5 * 60_000;
/// Questions a dot column, at most.
const PARTS: i64 = 4;

impl Ask<'_> {
    /// PromQL over the window, at several instants of each dot column: the column then shows the
    /// lowest and the highest of them.
    pub(crate) fn range(&self, expr: impl Into<String>) -> Request {
        let step = self.part();
        let end = self.newest.div_euclid(step) * step;
        let begin = self.window.start - self.window.step;
        let count = ((end - begin) / step).max(1);
        let steps = Steps {
            start: end - step * (count - 1),
            end,
            step,
        };
        self.prom(expr.into(), steps, false)
    }

    /// What a rule of that language watches, over the window.
    pub(crate) fn range_in(&self, language: Language, expr: impl Into<String>) -> Request {
        let request = self.range(expr);
        let (language, Request::Prom(query)) = (language, &request) else {
            return request;
        };
        let steps = query.steps;
        let nanoseconds = |ms: i64| ms.saturating_mul(1_000_000);
        match language {
            Language::PromQl => request,
            Language::LogQl => Request::Logs(LogRequest::Query(LogsQuery {
                step: nanoseconds(steps.step),
                ..LogsQuery::newest(
                    query.expr.clone(),
                    NanoRange::new(nanoseconds(steps.start), nanoseconds(steps.end)),
                    0,
                )
            })),
            // A step counts what lies between it and the one before, as an evaluation does.
            Language::TraceQl => Request::Spans(SpanRequest::Series {
                exemplars: 0,
                query: query.expr.clone(),
                steps: Steps {
                    step: steps.step.max(SPAN_STEP_MS),
                    ..steps
                },
            }),
        }
    }

    /// Milliseconds between two instants of a range question.
    fn part(&self) -> i64 {
        let column = self.window.step.max(1);
        let parts = ((column + FINE_MS - 1) / FINE_MS).clamp(1, PARTS);
        (column / parts).max(1)
    }

    /// Where the answer to the n-th question of a panel is kept.
    pub(crate) fn slot(&self, panel: &'static str, part: usize) -> SlotId {
        let before = self.own.map_or(0, |(place, _)| place * own::SLOTS);
        SlotId::new(panel, before + part)
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
        Self::matchers(self.instance, more)
    }

    /// The same for series of containers.
    pub(crate) fn only_containers(&self, more: &str) -> String {
        Self::matchers(self.containers, more)
    }

    fn matchers(instance: Option<&str>, more: &str) -> String {
        match instance {
            Some(instance) if more.is_empty() => format!("{{instance={instance:?}}}"),
            Some(instance) => format!("{{instance={instance:?},{more}}}"),
            None => format!("{{{more}}}"),
        }
    }

    /// A counter's pace for charts: between the last two samples where steps are close, so that no
    /// spike is averaged away; over the whole step where they are not.
    pub(crate) fn per_second(&self, counter: &str) -> String {
        let part = self.part();
        if part <= 15_000 {
            return per_second_now(counter);
        }
        let window = crate::base::units::format_duration_ms((part * 2).max(60_000));
        format!("rate({counter}[{window}])")
    }
}

/// A counter's pace between the last two samples, whatever the interval of its target.
pub(crate) fn per_second_now(counter: &str) -> String {
    format!("irate({counter}[2m])")
}

/// What a panel paints from.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) state: &'a State,
    pub(crate) panel: &'static str,
    /// The same as in the [`Ask`] of this paint.
    pub(crate) ask: Ask<'a>,
    pub(crate) focused: bool,
    /// It has much room.
    pub(crate) zoomed: bool,
    /// A table of the same stands beside it.
    pub(crate) chart_only: bool,
}

impl<'a> Shown<'a> {
    /// The instance as words: "web1", "any instance", "this server".
    pub(crate) fn whose(&self) -> String {
        match (self.ask.instance, self.ask.local) {
            (Some(name), _) => crate::base::text::display(name).into_owned(),
            (None, true) => "this server".to_owned(),
            (None, false) => "any instance".to_owned(),
        }
    }

    /// The first error of the first `parts` questions.
    pub(crate) fn error(&self, parts: usize) -> Option<&'a SourceError> {
        (0..parts).find_map(|part| self.slot(part)?.error())
    }

    pub(crate) fn slot(&self, part: usize) -> Option<&'a Slot> {
        self.state.slots.get(self.ask.slot(self.panel, part))
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
        let error = self.error(parts).map(ToString::to_string);
        let waits = || (!self.ready(parts)).then(|| "asking ...".to_owned());
        error.or_else(waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_knows_every_panel() {
        let names: Vec<&str> = PANELS.iter().map(|p| p.name).collect();
        assert_eq!(names, crate::config::ui::PANELS);
    }
}
