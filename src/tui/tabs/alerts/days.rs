//! The last two weeks of one alert, day by day: how long it fired, and how often it began to. One
//! that comes and goes is seen at once.
//!
//! Both are asked of the series that rules write: `ALERTS` has a sample for each evaluation at which
//! it fired, and the value of `ALERTS_FOR_STATE` changes with each new beginning.

use crate::base::regex;
use crate::model::alert::ALERT_NAME;
use crate::model::answer::{Series, Value};
use crate::model::labels::METRIC_NAME;
use crate::model::matcher::{MatchOp, Matcher};
use crate::model::request::{PromQuery, Request};
use crate::model::time::Steps;
use crate::model::view::AlertRow;
use crate::query::syntax;
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::alerts::{BEGINNINGS, DAYS};

const DAY: i64 = 86_400_000;
const COUNT: i64 = 14;

/// One day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Day {
    /// Evaluations at which it fired.
    samples: f64,
    begun: f64,
}

/// The end of today, in the console's zone.
fn midnight(state: &State) -> i64 {
    let offset = i64::from(state.time.zone().local_minus_utc()) * 1000;
    ((state.tick + offset).div_euclid(DAY) + 1) * DAY - offset
}

/// Stored series are without the external labels that alerts are told with: any but the name may be
/// absent there.
fn matcher((name, value): (&str, &str)) -> Option<Matcher> {
    if name == ALERT_NAME {
        return Some(Matcher::equal(name, value));
    }
    let pattern = format!("{}|", regex::escape(value));
    // A value that is too long for a pattern is not asked for.
    Matcher::new(name, MatchOp::Regex, pattern).ok()
}

pub(super) fn requests(state: &State, row: &AlertRow) -> [(SlotId, Request); 2] {
    let own: Vec<Matcher> = row.alert.labels.iter().filter_map(matcher).collect();
    let selector = |metric: &str, firing: bool| {
        let mut matchers = vec![Matcher::equal(METRIC_NAME, metric)];
        matchers.extend(own.iter().cloned());
        if firing {
            matchers.push(Matcher::equal("alertstate", "firing"));
        }
        syntax::selector_text(&matchers)
    };
    let end = midnight(state);
    let ask = |expr: String| {
        Request::Prom(PromQuery {
            expr,
            steps: Steps {
                start: end - (COUNT - 1) * DAY,
                end,
                step: DAY,
            },
            instant: false,
            live: false,
            timeout_ms: None,
            lookback_ms: None,
        })
    };
    let fired = selector("ALERTS", true);
    let since = selector("ALERTS_FOR_STATE", false);
    [
        (DAYS, ask(format!("sum(count_over_time({fired}[1d]))"))),
        (BEGINNINGS, ask(format!("sum(changes({since}[1d]) + 1)"))),
    ]
}

fn series(state: &State, slot: SlotId) -> Option<&Series> {
    match state.slots.get(slot).and_then(Slot::value) {
        Some(Value::Matrix(all)) => all.first(),
        _ => None,
    }
}

/// The days, the oldest first; `None` where it is not known.
fn days(state: &State) -> Option<Vec<Day>> {
    let fired = series(state, DAYS)?;
    let end = midnight(state);
    let mut out = vec![Day::default(); COUNT as usize];
    let place = |t: i64| usize::try_from((COUNT - 1) - (end - t) / DAY).ok();
    for sample in &fired.samples {
        if let Some(day) = place(sample.t).and_then(|i| out.get_mut(i)) {
            day.samples = sample.v;
        }
    }
    for sample in series(state, BEGINNINGS).map_or(&[][..], |s| &s.samples) {
        if let Some(day) = place(sample.t).and_then(|i| out.get_mut(i)) {
            day.begun = sample.v;
        }
    }
    Some(out)
}

/// `··2·1··9···+·  two weeks, 17 beginnings, most on Thu 19 (12)`.
pub(super) fn line(state: &State) -> Option<String> {
    let days = days(state)?;
    let letter = |day: &Day| match (day.samples > 0.0, day.begun.max(1.0) as u32) {
        (false, _) => '·',
        (true, n @ 1..=9) => char::from_digit(n, 10).unwrap_or('+'),
        (true, _) => '+',
    };
    let firing: Vec<(usize, &Day)> = days
        .iter()
        .enumerate()
        .filter(|(_, d)| d.samples > 0.0)
        .collect();
    let begun: f64 = firing.iter().map(|(_, d)| d.begun.max(1.0)).sum();
    let most = firing
        .iter()
        .max_by(|a, b| a.1.begun.total_cmp(&b.1.begun))?;
    let day = midnight(state) - (COUNT - 1 - most.0 as i64) * DAY - 1;
    let strip: String = days.iter().map(letter).collect();
    let when = state.time.weekday(day);
    if begun <= 1.0 {
        return Some(format!("{strip}  once within {COUNT} days, on {when}"));
    }
    Some(format!(
        "{strip}  fired on {} of {COUNT} days, began {begun:.0} times, most on {when} ({:.0})",
        firing.len(),
        most.1.begun.max(1.0)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_without_the_external_labels_are_found() {
        let found = |name: &str, value: &str| matcher((name, value)).unwrap();
        assert_eq!(found(ALERT_NAME, "A|B").op, MatchOp::Equal);
        let site = found("site", "a.b|c");
        assert!(site.matches("a.b|c") && site.matches(""));
        assert!(!site.matches("axb|c") && !site.matches("c"));
        let text = syntax::selector_text(&[Matcher::equal(METRIC_NAME, "ALERTS"), site]);
        assert_eq!(syntax::selector(&text).map(|m| m.len()), Ok(2), "{text}");
    }
}
