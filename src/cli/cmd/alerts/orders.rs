//! `bongsu alerts ack|unack|silence|unsilence|why|route|test|receivers|silences`.

use crate::app::launch::Launch;
use crate::app::once;
use crate::base::units::{format_duration_ms, parse_duration_ms};
use crate::cli::print;
use crate::model::action::{Acknowledge, Action, Outcome, Silence};
use crate::model::alert::AlertState;
use crate::model::request::ViewName;
use crate::model::view::{AlertRow, View};
use crate::wire::alertmanager_json::time_text;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Order {
    /// Says that somebody is on it: no reminders until it was resolved and fires again
    Ack {
        /// Its name, its name with labels (`DiskFull instance=web1`), or its id as `list` shows it
        alert: String,
        /// Every alert of its notification group
        #[arg(long)]
        group: bool,
        #[arg(long, default_value = "")]
        note: String,
        /// Ends by itself after this time, such as 2h
        #[arg(long = "for", value_name = "DURATION")]
        lasts: Option<String>,
    },
    /// Takes an acknowledgement back
    Unack {
        /// As for `ack`
        alert: String,
    },
    /// Mutes what all the matchers fit, for a time
    Silence {
        /// Each as it is written: severity="warning", instance=~"web.*"
        #[arg(required = true, value_name = "MATCHER")]
        matchers: Vec<String>,
        #[arg(long = "for", value_name = "DURATION", default_value = "2h")]
        lasts: String,
        #[arg(long, default_value = "")]
        comment: String,
        /// Shows what it would mute, and makes nothing
        #[arg(long)]
        preview: bool,
        /// Makes it even where it mutes every alert
        #[arg(long)]
        even_all: bool,
    },
    /// Ends a silence now
    Unsilence { id: String },
    /// Why somebody was told of an alert, or nobody was
    Why {
        /// As for `ack`
        alert: String,
    },
    /// Who would be told of an alert with these labels; asks the configuration alone
    Route {
        /// name=value
        #[arg(required = true, value_name = "LABEL")]
        labels: Vec<String>,
        /// At this time (RFC 3339), for routes that are mute at times; now where it is not said
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Sends a made-up alert to a receiver
    Test { receiver: String },
    /// Who is told, with the last sends and failures
    Receivers,
    /// Silences in force, to come, and lately ended
    Silences,
}

pub(super) fn run(launch: &Launch, order: &Order) -> anyhow::Result<ExitCode> {
    let action = match order {
        Order::Ack {
            alert,
            group,
            note,
            lasts,
        } => Action::Acknowledge(Acknowledge {
            alert: which(launch, alert)?,
            group: *group,
            note: note.clone(),
            until: match lasts {
                Some(text) => Some(once::now() + parse_duration_ms(text)?),
                None => None,
            },
            remove: false,
        }),
        Order::Unack { alert } => Action::Acknowledge(Acknowledge {
            alert: which(launch, alert)?,
            remove: true,
            ..Acknowledge::default()
        }),
        Order::Silence {
            matchers,
            lasts,
            comment,
            preview,
            even_all,
        } => Action::Silence(Silence {
            matchers: matchers.clone(),
            duration_ms: parse_duration_ms(lasts)?,
            comment: comment.clone(),
            preview: *preview,
            even_all: *even_all,
            ..Silence::default()
        }),
        Order::Unsilence { id } => Action::ExpireSilence { id: id.clone() },
        Order::Test { receiver } => Action::TestReceiver {
            receiver: receiver.clone(),
        },
        Order::Route { labels, at } => {
            for line in once::route(launch, labels, at.as_deref())? {
                print::out(&format!("{line}\n"));
            }
            return Ok(ExitCode::SUCCESS);
        }
        Order::Why { alert } => return show(launch, ViewName::AlertStory(which(launch, alert)?)),
        Order::Receivers => return show(launch, ViewName::Receivers),
        Order::Silences => return show(launch, ViewName::Silences),
    };
    match once::act(launch, action)? {
        Outcome::Done { said } => print::out(&format!("{said}\n")),
        Outcome::Preview { lines } => print::out(&format!("{}\n", lines.join("\n"))),
        Outcome::Refused { said } => anyhow::bail!("{said}"),
        Outcome::Kept { .. } => anyhow::bail!("the engine answered something else"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The one alert that is meant: by its id, or by its name and labels.
fn which(launch: &Launch, text: &str) -> anyhow::Result<u64> {
    if text.len() == 16
        && let Ok(fingerprint) = u64::from_str_radix(text, 16)
    {
        return Ok(fingerprint);
    }
    let View::Alerts(view) = once::view(launch, ViewName::Alerts)? else {
        anyhow::bail!("the engine answered something else");
    };
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default();
    let labels: Vec<(&str, &str)> = words
        .map(|word| {
            let pair = word.split_once('=');
            pair.ok_or_else(|| anyhow::anyhow!("{word:?} is not label=value"))
        })
        .collect::<anyhow::Result<_>>()?;
    let fits = |row: &&AlertRow| {
        let own = &row.alert.labels;
        row.alert.name() == name && labels.iter().all(|(n, v)| own.get(n) == *v)
    };
    let found: Vec<&AlertRow> = view.rows.iter().filter(fits).collect();
    match found[..] {
        [one] => Ok(one.fingerprint),
        [] => anyhow::bail!("no alert is called {text:?}; `bongsu alerts` lists what there is"),
        _ => {
            let lines = found.iter().take(10);
            let lines = lines.map(|r| format!("  {:016x} {}", r.fingerprint, r.alert.labels));
            anyhow::bail!(
                "{} alerts are called that; take the id of one, or add labels:\n{}",
                found.len(),
                lines.collect::<Vec<_>>().join("\n")
            )
        }
    }
}

/// The alert and how it stands, a line each: what the story of its decisions is about.
fn facts(row: &AlertRow, now: i64) -> String {
    let since = match row.alert.state {
        AlertState::Resolved => row.alert.ends_at,
        AlertState::Pending | AlertState::Firing => row.active_at,
    };
    let word = match row.alert.state {
        AlertState::Resolved => "resolved",
        AlertState::Pending => "pending",
        AlertState::Firing => "firing",
    };
    let whole = |ms: i64| format_duration_ms(ms.max(0) / 1000 * 1000);
    let time = |t: i64| if t > 0 { time_text(t) } else { String::new() };
    let known = row.alert.value;
    let value = if known.is_nan() {
        String::new()
    } else {
        known.to_string()
    };
    let standing = &row.standing;
    let acknowledged = standing.acknowledged.as_ref();
    let lines = [
        ("alert", row.alert.labels.to_string()),
        (
            "state",
            format!("{word} since {} ({})", time_text(since), whole(now - since)),
        ),
        ("value", value),
        ("expression", row.expr.clone()),
        ("group", standing.groups.join("  ")),
        ("receivers", standing.receivers.join(", ")),
        (
            "acknowledged",
            acknowledged.map_or(String::new(), |a| format!("by {}", a.by)),
        ),
        ("last told", time(standing.last_sent)),
        ("next reminder", time(standing.next_reminder)),
    ];
    let full = lines.iter().filter(|(_, said)| !said.is_empty());
    let line =
        |(name, said): &(&str, String)| format!("{name:<15}{}\n", crate::base::text::display(said));
    full.map(line).chain(["\n".to_owned()]).collect()
}

fn show(launch: &Launch, view: ViewName) -> anyhow::Result<ExitCode> {
    let now = once::now();
    let ago = |t: i64| match t {
        0 => "never".to_owned(),
        t => format!("{} ago", format_duration_ms((now - t).max(0) / 1000 * 1000)),
    };
    let (head, rows): (&[&str], Vec<Vec<String>>) = match once::view(launch, view)? {
        View::Receivers(all) => (
            &["receiver", "by", "sent", "last", "failed", "last failure"],
            all.into_iter()
                .map(|r| {
                    let (sent, failed) = (r.sent.to_string(), r.failed.to_string());
                    vec![
                        r.receiver,
                        r.integration,
                        sent,
                        ago(r.last_sent),
                        failed,
                        r.last_error,
                    ]
                })
                .collect(),
        ),
        View::Silences(all) => (
            &["state", "id", "matchers", "left", "mutes", "by", "comment"],
            all.into_iter()
                .map(|s| {
                    let left = format_duration_ms((s.ends_at - now).max(0) / 1000 * 1000);
                    let (matchers, mutes) = (s.matchers.join(", "), s.mutes.to_string());
                    vec![
                        s.state,
                        s.id,
                        matchers,
                        left,
                        mutes,
                        s.created_by,
                        s.comment,
                    ]
                })
                .collect(),
        ),
        View::AlertStory(story) => {
            print::out(&facts(&story.row, now));
            (
                &["time", "stage", "what was decided"],
                story
                    .steps
                    .into_iter()
                    .map(|s| vec![time_text(s.t), s.stage, s.said])
                    .collect(),
            )
        }
        View::Nothing { why } => anyhow::bail!("{why}"),
        _ => anyhow::bail!("the engine answered something else"),
    };
    let shown = |cell: String| crate::base::text::display(&cell).into_owned();
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|r| r.into_iter().map(shown).collect())
        .collect();
    print::out(&print::table(head, &rows));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::Alert;
    use crate::model::labels::Labels;
    use crate::model::view::Standing;

    #[test]
    fn why_begins_with_the_alert_and_who_is_told() {
        let row = AlertRow {
            alert: Alert {
                labels: Labels::from_pairs([("alertname", "Heap")]),
                value: 0.93,
                ..Alert::default()
            },
            active_at: 1_000,
            standing: Standing {
                receivers: vec!["team".into()],
                groups: vec!["{}:{alertname=\"Heap\"}".into()],
                next_reminder: 3_600_000,
                ..Standing::default()
            },
            ..AlertRow::default()
        };
        let text = facts(&row, 61_000);
        let wanted = [
            "alert          {alertname=\"Heap\"}",
            "state          firing since 1970-01-01T00:00:01.000Z (1m)",
            "value          0.93",
            "group          {}:{alertname=\"Heap\"}",
            "receivers      team",
            "next reminder  1970-01-01T01:00:00.000Z",
            "",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), wanted);
    }
}
