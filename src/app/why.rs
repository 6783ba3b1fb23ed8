//! Why somebody was told of an alert, or nobody was: of one that is held, of one that only pends,
//! and of one that ended.

use crate::alert::pipeline::Pipeline;
use crate::app::engine::Shared;
use crate::base::units::format_duration_ms;
use crate::model::alert::AlertState;
use crate::model::view::{AlertRow, AlertStory, Standing, StoryStep, View};

/// The story of one alert, by its fingerprint.
pub(crate) fn view(shared: &Shared, pipeline: &Pipeline, alert: u64, now: i64) -> View {
    let known = shared.alerting.board.find(alert, now);
    let held = pipeline.held(alert, now);
    if let Some((told, standing, steps)) = held {
        let row = known.unwrap_or_else(|| AlertRow {
            fingerprint: alert,
            active_at: told.starts_at,
            alert: told,
            ..AlertRow::default()
        });
        let row = AlertRow { standing, ..row };
        return View::AlertStory(Box::new(AlertStory { row, steps }));
    }
    // One that ended may pend again already: what is now comes after what was.
    match (known, pipeline.past(alert)) {
        (Some(row), past) => {
            let before = past.map(|(_, steps)| steps).unwrap_or_default();
            let would = pipeline.would(&row.alert.labels, now);
            View::AlertStory(Box::new(not_held(row, before, would, now)))
        }
        (None, Some((told, steps))) => {
            let row = AlertRow {
                fingerprint: alert,
                active_at: told.starts_at,
                alert: told,
                ..AlertRow::default()
            };
            View::AlertStory(Box::new(AlertStory { row, steps }))
        }
        (None, None) => View::Nothing {
            why: format!("there is no alert {alert:016x}, and none of the last that ended is it"),
        },
    }
}

/// What can be said of an alert that a rule knows and nobody holds: it pends, or it is over.
fn not_held(row: AlertRow, before: Vec<StoryStep>, would: Standing, now: i64) -> AlertStory {
    let unknown = before.is_empty();
    let mut steps = before;
    let mut say = |t: i64, stage: &str, said: String| {
        steps.push(StoryStep {
            t,
            stage: stage.to_owned(),
            said,
        });
    };
    match row.alert.state {
        AlertState::Resolved => {
            if unknown {
                let said = "resolved; what was decided on it is no longer kept".to_owned();
                say(row.alert.ends_at, "rule", said);
            }
            let standing = Standing::default();
            return AlertStory {
                row: AlertRow { standing, ..row },
                steps,
            };
        }
        AlertState::Pending => {
            say(
                row.active_at,
                "rule",
                "pending: its condition holds".to_owned(),
            );
            say(now, "rule", left(&row, now));
        }
        AlertState::Firing => {
            let said = "fires, and is not held yet: nobody was told of it";
            say(row.alert.starts_at, "rule", said.to_owned());
        }
    }
    let said = match would.receivers.join(", ") {
        none if none.is_empty() => "would be told to nobody: no receiver is configured".to_owned(),
        names => format!("would be told to {names}"),
    };
    say(now, "route", said);
    for (stage, by) in [
        ("inhibit", &would.inhibited_by),
        ("silence", &would.silenced_by),
        ("mute", &would.muted_by),
    ] {
        if !by.is_empty() {
            say(
                now,
                stage,
                format!("would be kept quiet by {}", by.join(", ")),
            );
        }
    }
    let standing = would;
    AlertStory {
        row: AlertRow { standing, ..row },
        steps,
    }
}

/// How long `for` still runs.
fn left(row: &AlertRow, now: i64) -> String {
    let left = row.for_ms - (now - row.active_at);
    let hold = format_duration_ms(row.for_ms);
    if left <= 0 {
        return format!("its `for` of {hold} is over: it fires at the next evaluation");
    }
    let left = format_duration_ms((left + 999) / 1000 * 1000);
    format!("its `for` of {hold} has {left} left; then it fires")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::Alert;

    const MINUTE: i64 = 60_000;

    fn row(state: AlertState) -> AlertRow {
        AlertRow {
            active_at: 10 * MINUTE,
            for_ms: 5 * MINUTE,
            alert: Alert {
                state,
                starts_at: 10 * MINUTE,
                ends_at: 11 * MINUTE,
                ..Alert::default()
            },
            ..AlertRow::default()
        }
    }

    fn said(story: &AlertStory) -> Vec<String> {
        let line = |s: &StoryStep| format!("{} {}", s.stage, s.said);
        story.steps.iter().map(line).collect()
    }

    #[test]
    fn a_pending_alert_says_since_when_how_long_and_to_whom() {
        let would = Standing {
            receivers: vec!["team".into(), "oncall".into()],
            silenced_by: vec!["s1".into()],
            ..Standing::default()
        };
        let story = not_held(row(AlertState::Pending), Vec::new(), would, 12 * MINUTE);
        assert_eq!(story.steps[0].t, 10 * MINUTE);
        assert_eq!(
            said(&story),
            [
                "rule pending: its condition holds",
                "rule its `for` of 5m has 3m left; then it fires",
                "route would be told to team, oncall",
                "silence would be kept quiet by s1",
            ]
        );
        assert_eq!(story.row.standing.receivers, ["team", "oncall"]);
    }

    #[test]
    fn a_resolved_one_keeps_what_was_told() {
        let told = vec![StoryStep {
            t: 11 * MINUTE,
            stage: "send".into(),
            said: "told team: status 200 (slack)".into(),
        }];
        let (over, nobody) = (row(AlertState::Resolved), Standing::default());
        let story = not_held(over.clone(), told, nobody.clone(), 12 * MINUTE);
        assert_eq!(said(&story), ["send told team: status 200 (slack)"]);
        let story = not_held(over, Vec::new(), nobody, 12 * MINUTE);
        assert!(said(&story)[0].contains("no longer kept"));
    }
}
