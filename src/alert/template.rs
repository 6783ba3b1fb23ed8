//! What notifications are written with: the data of a group, Alertmanager's functions, and the
//! templates that every receiver's defaults name.
//!
//! Source: Alertmanager `template/template.go` and its documentation, "Notification template
//! reference". The default templates are made from a table here; their output is Alertmanager's,
//! held by tests beside a real one.

mod defaults;
mod functions;

use crate::alert::sent::Reason;
use crate::base::task;
use crate::base::template::{
    Fault, Library, Limits, Template, Value, list, map, structure, time_value,
};
use crate::config::alertmanager::Alertmanager;
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::wire::alertmanager_json::{Told, ToldAlert, pairs};
use chrono::DateTime;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Templates of one configuration.
#[derive(Clone)]
pub struct Texts {
    library: Library,
}

impl Texts {
    /// The defaults, and the configuration's files over them. A file that does not read was
    /// refused when the configuration was checked.
    pub fn new(config: &Alertmanager) -> Self {
        let mut library = Library::new(functions::functions());
        let _ = library.add(&defaults::source());
        for (_, text) in &config.templates {
            let _ = library.add(text);
        }
        Self { library }
    }

    /// Renders one text for a group.
    pub fn render(&self, source: &str, data: &Data) -> Result<String, Fault> {
        if !source.contains("{{") {
            return Ok(source.to_owned());
        }
        Self::run(&self.library.text(source)?, data)
    }

    /// As [`Texts::render`], escaped as HTML asks.
    pub fn render_html(&self, source: &str, data: &Data) -> Result<String, Fault> {
        Self::run(&self.library.html(source)?, data)
    }

    fn run(template: &Template, data: &Data) -> Result<String, Fault> {
        let context = Arc::clone(&data.routes) as Arc<dyn Any + Send + Sync>;
        let limits = bounds(data.told.alerts.len());
        // A text may take its whole time, and the runtime's few workers are for sockets.
        task::at_length(|| template.render_within(&data.value, &limits, Some(context)))
    }
}

/// So many alerts fit into the usual bounds with ease.
const USUAL_ALERTS: usize = 500;
/// The usual bounds at most so many times.
const MOST_TIMES: usize = 32;

/// A text over many alerts is long: what a vendor does not take is cut afterwards. The largest
/// outage must not be the one that nobody hears of.
fn bounds(alerts: usize) -> Limits {
    let usual = Limits::default();
    let times = alerts.div_ceil(USUAL_ALERTS).clamp(1, MOST_TIMES);
    Limits {
        output: usual.output * times,
        steps: usual.steps * times as u64,
        time: usual.time * times.min(5) as u32,
    }
}

/// What a template sees of one notification.
#[derive(Clone, Debug)]
pub struct Data {
    pub told: Told,
    value: Value,
    routes: Arc<BTreeMap<String, String>>,
}

/// What one notification speaks of.
pub struct Speaking<'a> {
    pub receiver: &'a str,
    pub external_url: &'a str,
    pub group_key: &'a str,
    pub group_labels: &'a Labels,
    pub route_labels: &'a BTreeMap<String, String>,
    pub alerts: &'a [Alert],
    pub reason: Option<Reason>,
    pub now: i64,
}

impl Data {
    /// Alerts are sorted by name, then by their other labels, as Alertmanager does. Labels of the
    /// route are rendered first, with what is known of the group.
    pub fn new(of: &Speaking<'_>, texts: &Texts) -> Self {
        let told = told(of, BTreeMap::new());
        let mut data = Self::of(told, of);
        // A label may speak of others: those are rendered before it, so far as they need no more.
        for _ in 0..3 {
            let rendered: BTreeMap<String, String> = of
                .route_labels
                .iter()
                .map(|(name, text)| {
                    let shown = texts.render(text, &data);
                    let shown = shown.unwrap_or_else(|e| format!("<error: {e}>"));
                    (name.clone(), shown)
                })
                .collect();
            if rendered == *data.routes {
                break;
            }
            data = Self::of(self::told(of, rendered), of);
        }
        data
    }

    fn of(told: Told, of: &Speaking<'_>) -> Self {
        let routes = Arc::new(told.route_labels.clone());
        let value = value(&told, of);
        Self {
            told,
            value,
            routes,
        }
    }
}

fn told(of: &Speaking<'_>, route_labels: BTreeMap<String, String>) -> Told {
    let mut alerts: Vec<&Alert> = of.alerts.iter().collect();
    alerts.sort_by(|a, b| {
        let other = |x: &Alert| {
            x.labels
                .iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect::<Vec<_>>()
        };
        a.name().cmp(b.name()).then_with(|| other(a).cmp(&other(b)))
    });
    let firing = alerts.iter().any(|a| a.state != AlertState::Resolved);
    let common = |get: fn(&Alert) -> &Labels| -> BTreeMap<String, String> {
        let Some(first) = alerts.first() else {
            return BTreeMap::new();
        };
        let shared = |name: &str, value: &str| {
            alerts.iter().all(|a| {
                let labels = get(a);
                labels.has(name) && labels.get(name) == value
            })
        };
        let all = get(first).iter().filter(|(n, v)| shared(n, v));
        all.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    };
    Told {
        receiver: of.receiver.to_owned(),
        status: if firing { "firing" } else { "resolved" }.to_owned(),
        group_labels: pairs(of.group_labels),
        common_labels: common(|a| &a.labels),
        common_annotations: common(|a| &a.annotations),
        route_labels,
        external_url: of.external_url.to_owned(),
        notification_reason: of.reason.map_or("unknown", Reason::as_str).to_owned(),
        version: "4".to_owned(),
        group_key: of.group_key.to_owned(),
        truncated_alerts: 0,
        alerts: alerts.into_iter().map(told_alert).collect(),
    }
}

fn told_alert(alert: &Alert) -> ToldAlert {
    let resolved = alert.state == AlertState::Resolved;
    ToldAlert {
        status: if resolved { "resolved" } else { "firing" }.to_owned(),
        labels: pairs(&alert.labels),
        annotations: pairs(&alert.annotations),
        starts_at: alert.starts_at,
        ends_at: if resolved { alert.ends_at } else { 0 },
        generator_url: alert.generator_url.clone(),
        fingerprint: format!("{:016x}", alert.fingerprint()),
    }
}

fn texts_of(pairs: &BTreeMap<String, String>) -> Value {
    map(pairs.iter().map(|(name, value)| (name, text(value))))
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

/// A time as Go's `time.Time`; 0 is its zero time.
fn time(t: i64) -> Value {
    let zero = || DateTime::parse_from_rfc3339("0001-01-01T00:00:00Z").ok();
    let at = match t {
        0 => zero(),
        t => DateTime::from_timestamp_millis(t).map(|at| at.fixed_offset()),
    };
    at.or_else(zero)
        .map_or(Value::Nil, |at| time_value(at, "UTC"))
}

fn value(told: &Told, of: &Speaking<'_>) -> Value {
    let alerts = told.alerts.iter().map(|alert| {
        structure(
            "Alert",
            [
                ("Status", text(&alert.status)),
                ("Labels", texts_of(&alert.labels)),
                ("Annotations", texts_of(&alert.annotations)),
                ("StartsAt", time(alert.starts_at)),
                ("EndsAt", time(alert.ends_at)),
                ("GeneratorURL", text(&alert.generator_url)),
                ("Fingerprint", text(&alert.fingerprint)),
            ],
        )
    });
    structure(
        "Data",
        [
            ("Receiver", text(&told.receiver)),
            ("Status", text(&told.status)),
            ("Alerts", list(alerts)),
            ("GroupLabels", texts_of(&told.group_labels)),
            ("CommonLabels", texts_of(&told.common_labels)),
            ("CommonAnnotations", texts_of(&told.common_annotations)),
            ("RouteLabels", texts_of(&told.route_labels)),
            ("NotificationReason", text(&told.notification_reason)),
            ("ExternalURL", text(of.external_url)),
        ],
    )
}
