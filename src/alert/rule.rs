//! A rule as it is evaluated: its templates parsed, its series named.

use crate::alert::eval::{Alerts, Found, Terms};
use crate::alert::expand::{Expander, One, Text};
use crate::alert::{Ask, Question};
use crate::config::rules::{Rule, RuleKind};
use crate::model::alert::{ALERT_NAME, AlertState, Language};
use crate::model::answer::{Value, VectorPoint};
use crate::model::labels::{Labels, METRIC_NAME};
use std::sync::Arc;

/// The series that say which alerts pend and fire.
pub(crate) const ALERTS: &str = "ALERTS";
/// The series from which a restart learns since when.
pub(crate) const FOR_STATE: &str = "ALERTS_FOR_STATE";

const SAME_LABELS: &str =
    "vector contains metrics with the same labelset after applying rule labels";

/// One rule, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) rule: Rule,
    labels: Vec<(String, Text)>,
    annotations: Vec<(String, Text)>,
}

impl Compiled {
    pub(crate) fn new(rule: Rule) -> Self {
        let texts = |pairs: &[(String, String)]| -> Vec<(String, Text)> {
            let text = |(name, text): &(String, String)| (name.clone(), Text::new(text));
            pairs.iter().map(text).collect()
        };
        let (labels, annotations) = match &rule.kind {
            RuleKind::Record => (Vec::new(), Vec::new()),
            RuleKind::Alert { annotations, .. } => (texts(&rule.labels), texts(annotations)),
        };
        Self {
            rule,
            labels,
            annotations,
        }
    }

    /// In milliseconds; zero for a recording rule.
    pub(crate) fn hold_and_keep(&self) -> (i64, i64) {
        match &self.rule.kind {
            RuleKind::Record => (0, 0),
            RuleKind::Alert {
                hold, keep_firing, ..
            } => (hold.as_millis() as i64, keep_firing.as_millis() as i64),
        }
    }

    pub(crate) fn terms(&self, limit: u64) -> Terms {
        let (hold, keep_firing) = self.hold_and_keep();
        Terms {
            hold,
            keep_firing,
            limit,
        }
    }

    /// The rule's answer as alerts, rendered.
    pub(crate) fn find(&self, points: Vec<VectorPoint>, expander: &Expander) -> Vec<Found> {
        let found = |point: VectorPoint| {
            let one = One::new(&point.labels, point.sample.v);
            let render =
                |(name, text): &(String, Text)| (name.clone(), text.render(&one, expander));
            let own: Vec<(String, String)> = self.labels.iter().map(render).collect();
            let mut set: Vec<(&str, &str)> = Vec::with_capacity(own.len() + 2);
            set.extend(own.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            // The alert's name stands over a label of the rule.
            set.retain(|(name, _)| *name != ALERT_NAME && *name != METRIC_NAME);
            set.extend([(METRIC_NAME, ""), (ALERT_NAME, self.rule.name.as_str())]);
            set.sort_unstable();
            Found {
                labels: point.labels.with(&set),
                annotations: Labels::from_pairs(self.annotations.iter().map(render)),
                value: point.sample.v,
            }
        };
        points.into_iter().map(found).collect()
    }

    /// The rule's answer as recorded series.
    pub(crate) fn recorded(
        &self,
        points: Vec<VectorPoint>,
        limit: u64,
    ) -> Result<Vec<(Labels, f64)>, String> {
        let mut set: Vec<(&str, &str)> = vec![(METRIC_NAME, &self.rule.name)];
        set.extend(
            self.rule
                .labels
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str())),
        );
        set.sort_unstable();
        let mut out: Vec<(Labels, f64)> = Vec::with_capacity(points.len());
        for point in points {
            out.push((point.labels.with(&set), point.sample.v));
        }
        let mut seen = std::collections::HashSet::with_capacity(out.len());
        if !out.iter().all(|(labels, _)| seen.insert(labels)) {
            return Err(SAME_LABELS.to_owned());
        }
        if limit > 0 && out.len() as u64 > limit {
            let n = out.len();
            return Err(format!("exceeded limit of {limit} with {n} series"));
        }
        Ok(out)
    }
}

/// The series that tell of the alerts that stand.
pub(crate) fn synthetic(alerts: &mut Alerts) -> Vec<(Labels, f64)> {
    let mut out = Vec::new();
    for alert in alerts.iter_mut() {
        if alert.state == AlertState::Resolved {
            continue;
        }
        let (state, since) = alert.series();
        let seconds = alert.active_at.div_euclid(1000);
        out.extend([(state, 1.0), (since, seconds as f64)]);
    }
    out
}

/// Labels of `ALERTS` and of `ALERTS_FOR_STATE` for an alert in a state.
pub(crate) fn series_of(labels: &Labels, state: AlertState) -> (Labels, Labels) {
    let state = match state {
        AlertState::Firing => "firing",
        AlertState::Pending | AlertState::Resolved => "pending",
    };
    (
        labels.with(&[(METRIC_NAME, ALERTS), ("alertstate", state)]),
        labels.with(&[(METRIC_NAME, FOR_STATE)]),
    )
}

/// The vector of an answer; a scalar is a vector of one.
pub(crate) fn points(value: Value) -> Result<Vec<VectorPoint>, String> {
    match value {
        Value::Vector(points) => Ok(points),
        Value::Scalar(sample) => Ok(vec![VectorPoint {
            labels: Labels::empty(),
            sample,
        }]),
        Value::Text { .. } | Value::Matrix(_) => {
            Err("rule result is not a vector or scalar".to_owned())
        }
    }
}

/// Asks one rule's query; its vector.
pub(crate) fn ask(ask: &Arc<dyn Ask>, question: &Question<'_>) -> Result<Vec<VectorPoint>, String> {
    let mut found = points(ask.ask(question)?)?;
    if question.language == Language::TraceQl {
        for point in &mut found {
            point.labels = plain_names(&point.labels);
        }
    }
    Ok(found)
}

/// `resource.service.name` as `resource_service_name`: routes and templates can name it then.
fn plain_names(labels: &Labels) -> Labels {
    let plain = |name: &str| -> String {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        name.chars().map(letter).collect()
    };
    Labels::from_pairs(labels.iter().map(|(n, v)| (plain(n), v.to_owned())))
}
