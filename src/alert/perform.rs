//! Orders of people on alerts and silences.

use crate::alert::pipeline::{Author, Job, Pipeline, try_route};
use crate::config::alertmanager::Alertmanager;
use crate::model::action::{Action, Outcome, Silence};
use crate::model::alert::Alert;
use crate::model::labels::Labels;

/// Carries out an order of this room; `None` where it belongs to another.
pub fn perform(pipeline: &Pipeline, action: &Action, by: &Author, now: i64) -> Option<Outcome> {
    let answer = |result: Result<String, String>| match result {
        Ok(said) => Outcome::Done { said },
        Err(said) => Outcome::Refused { said },
    };
    Some(match action {
        Action::Acknowledge(order) => answer(pipeline.acknowledge(order, by, now)),
        Action::Silence(order) if order.preview => preview(pipeline, order, now),
        Action::Silence(order) => answer(
            pipeline
                .silence(order, by, now)
                .map(|id| format!("the silence {id} is set")),
        ),
        Action::ExpireSilence { id } => answer(
            pipeline
                .expire_silence(id, now)
                .map(|()| format!("the silence {id} has ended")),
        ),
        Action::TryRoute { labels, at } => {
            let pairs = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            let labels = Labels::from_pairs(pairs);
            let lines = try_route(&pipeline.config(), &labels, at.unwrap_or(now));
            Outcome::Preview { lines }
        }
        Action::TryTemplate { alert, text } => match pipeline.render(*alert, text, now) {
            Ok(text) => Outcome::Preview {
                lines: text.lines().map(str::to_owned).collect(),
            },
            Err(said) => Outcome::Refused {
                said: format!("the template failed: {said}"),
            },
        },
        _ => return None,
    })
}

fn preview(pipeline: &Pipeline, order: &Silence, now: i64) -> Outcome {
    match pipeline.preview(order, now) {
        Err(said) => Outcome::Refused { said },
        Ok(found) => {
            let mut lines = vec![match found.firing {
                0 => "mutes nothing that fires now".to_owned(),
                1 => "mutes one alert that fires now".to_owned(),
                n => format!("mutes {n} alerts that fire now"),
            }];
            if found.everything {
                lines.push("it mutes every alert there can be".to_owned());
            }
            let more = found.firing.saturating_sub(found.examples.len() as u64);
            lines.extend(found.examples);
            if more > 0 {
                lines.push(format!("and {more} more"));
            }
            Outcome::Preview { lines }
        }
    }
}

/// One job for each integration of a receiver, with a made-up alert that says what it is.
pub fn test_jobs(config: &Alertmanager, receiver: &str, now: i64) -> Vec<Job> {
    let alert = Alert {
        labels: Labels::from_pairs([("alertname", "Test"), ("severity", "info")]),
        annotations: Labels::from_pairs([(
            "summary",
            "This is a test of the receiver; nothing is wrong.",
        )]),
        starts_at: now,
        updated_at: now,
        ..Alert::default()
    };
    let ways = config
        .receiver(receiver)
        .map_or(0, |r| r.integrations.len());
    (0..ways)
        .map(|way| Job::made_up(receiver, way, alert.clone(), now))
        .collect()
}

/// `slack`, or `slack[1]`: the integration of a job.
pub fn way_of(config: &Alertmanager, job: &Job) -> String {
    let receiver = config.receiver(&job.receiver);
    let way = receiver.and_then(|r| r.integrations.get(job.integration));
    way.map_or_else(String::new, |w| w.name())
}
