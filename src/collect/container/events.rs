//! What happened to containers, as marks on the time axis.

use crate::collect::container::docker::follow::Event;
use crate::collect::container::series::short;
use crate::model::view::{Mark, MarkKind};

/// The name under which events are kept: one mark as JSON per record.
pub const KIND: &str = "container_events";

/// The mark of an event that a person wants to see on charts; none for all others.
pub fn mark(event: &Event) -> Option<Mark> {
    let what = match (event.action.as_str(), event.exit_code) {
        ("start", _) => "started".to_owned(),
        ("die" | "died", None) => "ended".to_owned(),
        ("die" | "died", Some(0)) => "ended, exit code 0".to_owned(),
        // 128 and the signal's number.
        ("die" | "died", Some(137)) => "ended, exit code 137 (killed)".to_owned(),
        ("die" | "died", Some(139)) => "ended, exit code 139 (segmentation fault)".to_owned(),
        ("die" | "died", Some(143)) => "ended, exit code 143 (asked to end)".to_owned(),
        ("die" | "died", Some(code)) => format!("ended, exit code {code}"),
        ("oom", _) => "ran out of memory".to_owned(),
        ("pause", _) => "paused".to_owned(),
        ("unpause", _) => "goes on".to_owned(),
        (action, _) => {
            let health = action.strip_prefix("health_status")?;
            match health.trim_start_matches([':', ' ']) {
                "" => return None,
                health => format!("is {health}"),
            }
        }
    };
    let name = match (event.project.as_str(), event.service.as_str()) {
        ("", _) | (_, "") if event.name.is_empty() => short(&event.id).to_owned(),
        ("", _) | (_, "") => event.name.clone(),
        (project, service) => format!("{project}/{service}"),
    };
    let t = event.time / 1_000_000;
    Some(Mark {
        t,
        until: t,
        kind: MarkKind::Event,
        text: format!("{name} {what}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_read_as_sentences() {
        let event = |action: &str, exit_code| Event {
            time: 7_000_000,
            id: "7c7538533f86fae4".to_owned(),
            name: "web".to_owned(),
            action: action.to_owned(),
            exit_code,
            ..Event::default()
        };
        for (action, exit_code, want) in [
            ("start", None, Some("web started")),
            ("die", Some(3), Some("web ended, exit code 3")),
            ("died", Some(137), Some("web ended, exit code 137 (killed)")),
            ("oom", None, Some("web ran out of memory")),
            ("health_status: unhealthy", None, Some("web is unhealthy")),
            ("health_status", None, None),
            ("exec_start: /bin/sh", None, None),
            ("destroy", None, None),
        ] {
            let mark = mark(&event(action, exit_code));
            assert_eq!(mark.map(|m| m.text).as_deref(), want, "{action}");
        }
        let mut composed = event("start", None);
        (composed.project, composed.service) = ("shop".to_owned(), "api".to_owned());
        assert_eq!(mark(&composed).unwrap().text, "shop/api started");
        assert_eq!(mark(&composed).unwrap().t, 7);
        let mut nameless = event("start", None);
        nameless.name.clear();
        assert_eq!(mark(&nameless).unwrap().text, "7c7538533f86 started");
    }
}
