//! Who is told of alerts: the pipeline of this engine, its views, its orders, its place in the API.

use crate::alert::notice::Wanted;
use crate::alert::notify::Notifiers;
use crate::alert::perform;
use crate::alert::pipeline::{Author, Outcome as Sent, Pipeline, run};
use crate::api::Alerting;
use crate::app::engine::Shared;
use crate::app::rules;
use crate::app::why;
use crate::base::clock::{Clock, Duration};
use crate::base::task::{self, Stop};
use crate::config::Config;
use crate::config::alertmanager::Alertmanager;
use crate::model::action::{Action, Outcome};
use crate::model::alert::{Alert, AlertState, gravity};
use crate::model::request::ViewName;
use crate::model::view::{AlertCounts, AlertRow, AlertsView, ReceiverRow, Standing, View};
use crate::source::api::{Caller, SourceError};
use crate::source::embedded::OPENING;
use crate::store::open::Store;
use crate::wire::alertmanager_json::{
    AlertGroup, GettableAlert, MAX_ALERTS, PostableAlert, Receiver, Silence,
};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the pipeline takes of a configuration; without one alerts are held and nobody is told.
pub(crate) fn config_of(config: &Config) -> Arc<Alertmanager> {
    let nobody = || Arc::new(Alertmanager::nobody());
    config.alertmanager.clone().unwrap_or_else(nobody)
}

/// Which notices are told beside notifications.
pub(crate) fn wanted(config: &Config) -> Wanted {
    Wanted {
        acknowledge: config.alerts.tell_acknowledged,
        silence: config.alerts.tell_silence,
    }
}

/// Starts telling over an open store, where its state lies.
pub(crate) fn start(shared: &Shared, store: &Store, stop: Stop) {
    let clock = shared.clock.clone();
    let config = config_of(&shared.config.load());
    let pipeline = Pipeline::new(config, store.state().clone(), clock.now_ms());
    pipeline.notices(wanted(&shared.config.load()));
    let notifiers = Notifiers::new(rules::external_url(shared), clock.clone());
    notifiers.allow_programs(shared.config.load().alerts.exec);
    let _ = shared.notifiers.set(notifiers.clone());
    let running = run::run(pipeline.clone(), notifiers, clock, stop);
    drop(task::spawn("tell", running));
    let _ = shared.pipeline.set(pipeline);
}

/// Who is told, with the last sends and failures; nobody while history opens.
pub(crate) fn receivers(shared: &Shared) -> Vec<ReceiverRow> {
    shared
        .pipeline
        .get()
        .map(Pipeline::receivers)
        .unwrap_or_default()
}

/// Says of each alert how it stands, and adds those that were sent here by others.
pub(crate) fn stand(shared: &Shared, view: &mut AlertsView, most: usize, now: i64) {
    let Some(pipeline) = shared.pipeline.get() else {
        return;
    };
    let mut held: BTreeMap<u64, (Alert, Standing)> = pipeline
        .standings(now)
        .into_iter()
        .map(|(alert, standing)| (alert.fingerprint(), (alert, standing)))
        .collect();
    for row in &mut view.rows {
        if let Some((_, standing)) = held.remove(&row.fingerprint) {
            row.standing = standing;
        }
    }
    // Alerts of rules that did not fit are counted already.
    if view.left_out > 0 {
        return;
    }
    for (fingerprint, (alert, standing)) in held {
        if alert.is_resolved_at(now) {
            continue;
        }
        view.counts.firing += 1;
        if view.rows.len() >= most {
            view.left_out += 1;
            continue;
        }
        view.rows.push(AlertRow {
            fingerprint,
            active_at: alert.starts_at,
            alert,
            standing,
            ..AlertRow::default()
        });
    }
    // Those that were sent here stand among the others, as grave and as old as they are.
    gravest_first(&mut view.rows);
}

/// Firing before pending before resolved; within each by severity, the newest first.
pub(crate) fn gravest_first(rows: &mut [AlertRow]) {
    rows.sort_by_cached_key(|row| {
        let since = match row.alert.state {
            AlertState::Resolved => row.alert.ends_at,
            _ => row.active_at,
        };
        (
            Reverse(row.alert.state),
            gravity(row.alert.labels.get("severity")),
            Reverse(since),
            row.alert.labels.clone(),
        )
    });
}

/// How many alerts there are, those that others sent here among them.
pub(crate) fn counts(shared: &Shared, now: i64) -> AlertCounts {
    let mut counts = shared.alerting.board.counts();
    // What rules make fire is held by the pipeline too.
    let held = shared.pipeline.get().map_or(0, |p| p.firing(now));
    counts.firing = counts.firing.max(held);
    counts
}

fn opened(shared: &Shared) -> Result<&Pipeline, SourceError> {
    let opening = || SourceError::Unavailable(OPENING.to_owned());
    shared.pipeline.get().ok_or_else(opening)
}

/// Receivers, silences, and why one alert was told or not.
pub(crate) fn view(shared: &Shared, view: ViewName) -> Result<View, SourceError> {
    let pipeline = opened(shared)?;
    let now = shared.clock.now_ms();
    Ok(match view {
        ViewName::Receivers => View::Receivers(pipeline.receivers()),
        ViewName::Routing => View::Routing(Box::new(pipeline.routing(now))),
        ViewName::AlertStory(alert) => why::view(shared, pipeline, alert, now),
        _ => View::Silences(pipeline.silence_rows(now)),
    })
}

/// Orders on alerts and silences; on the disk before they are answered.
pub(crate) fn act(
    shared: &Shared,
    action: &Action,
    caller: &Caller,
) -> Result<Outcome, SourceError> {
    let pipeline = opened(shared)?;
    let by = Author {
        name: caller.name.clone(),
        remark: caller.remark.clone(),
    };
    let done = perform::perform(pipeline, action, &by, shared.clock.now_ms());
    Ok(done.unwrap_or_else(|| Outcome::Refused {
        said: "this order is carried out elsewhere".to_owned(),
    }))
}

/// Sends a made-up alert to every integration of a receiver, now.
pub(crate) async fn test(shared: &Shared, receiver: String) -> Result<Outcome, SourceError> {
    let pipeline = opened(shared)?;
    let Some(notifiers) = shared.notifiers.get() else {
        return Err(SourceError::Unavailable(OPENING.to_owned()));
    };
    let now = shared.clock.now_ms();
    let config = pipeline.config();
    let jobs = perform::test_jobs(&config, &receiver, now);
    if jobs.is_empty() {
        let said = format!("there is no receiver {receiver:?} that tells anybody");
        return Ok(Outcome::Refused { said });
    }
    let mut lines = Vec::new();
    let mut failed = false;
    for job in jobs {
        let way = perform::way_of(&config, &job);
        let sent = notifiers.send(&config, &job);
        let sent = tokio::time::timeout(TEST_TIME, sent).await;
        lines.push(match sent {
            Ok(Sent::Sent { said, .. }) => format!("{way}: told, {said}"),
            Ok(Sent::Retry { said, .. } | Sent::Refused { said }) => {
                failed = true;
                format!("{way}: {said}")
            }
            Err(_) => {
                failed = true;
                format!("{way}: no answer within {} s", TEST_TIME.as_secs())
            }
        });
    }
    let said = lines.join("; ");
    Ok(if failed {
        Outcome::Refused { said }
    } else {
        Outcome::Done { said }
    })
}

/// A test waits so long for one receiver.
const TEST_TIME: Duration = Duration::from_secs(30);

/// The pipeline as the API asks it.
pub(crate) struct Desk {
    pub(crate) pipeline: Pipeline,
    pub(crate) clock: Clock,
    pub(crate) started_at: i64,
}

impl Alerting for Desk {
    fn alerts(&self) -> Vec<GettableAlert> {
        self.pipeline.alerts(self.clock.now_ms())
    }

    fn groups(&self) -> Vec<AlertGroup> {
        self.pipeline.groups(self.clock.now_ms())
    }

    fn receive(&self, posted: Vec<PostableAlert>) -> Result<(), String> {
        if posted.len() > MAX_ALERTS {
            return Err(format!(
                "{} alerts at once; at most {MAX_ALERTS}",
                posted.len()
            ));
        }
        let now = self.clock.now_ms();
        let timeout = self.pipeline.config().resolve_timeout.as_millis() as i64;
        let mut alerts = Vec::with_capacity(posted.len());
        let mut faults = Vec::new();
        for alert in posted {
            match alert.into_alert(now, timeout) {
                Ok(alert) => alerts.push(alert),
                Err(said) => faults.push(said),
            }
        }
        debug_assert!(alerts.iter().all(|a| a.state != AlertState::Pending));
        let left_out = self.pipeline.receive(alerts, now);
        match faults.first() {
            None if left_out > 0 => Err(format!(
                "{left_out} alerts were not taken: as many fire as can be held"
            )),
            None => Ok(()),
            Some(first) => Err(format!("{} alerts were not taken: {first}", faults.len())),
        }
    }

    fn silences(&self) -> Vec<Silence> {
        self.pipeline.silences(self.clock.now_ms())
    }

    fn silence(&self, id: &str) -> Option<Silence> {
        self.pipeline.silence_by_id(id, self.clock.now_ms())
    }

    fn set_silence(&self, silence: Silence) -> Result<String, String> {
        self.pipeline.set_silence(silence, self.clock.now_ms())
    }

    fn expire(&self, id: &str) -> Result<(), String> {
        self.pipeline.expire_silence(id, self.clock.now_ms())
    }

    fn receivers(&self) -> Vec<Receiver> {
        let config = self.pipeline.config();
        let receiver = |r: &crate::config::alertmanager::Receiver| {
            let mut labels = r.labels.clone();
            labels.insert("name".to_owned(), r.name.clone());
            Receiver {
                name: r.name.clone(),
                labels,
            }
        };
        config.receivers.iter().map(receiver).collect()
    }

    fn original(&self) -> String {
        self.pipeline.config().original.clone()
    }

    fn started_at(&self) -> i64 {
        self.started_at
    }
}
