//! The alerts of an instant of the past, read back from the series that rules write: `ALERTS` says
//! which pended and fired, `ALERTS_FOR_STATE` since when.
//!
//! Annotations, values, silences and who was told are not kept as series: they stay empty. What the
//! rule asks is that of the rule of this name today.

use crate::alert::board::CONSOLE_ROWS;
use crate::app::engine::Shared;
use crate::app::telling;
use crate::base::cancel::Cancel;
use crate::model::alert::{ALERT_NAME, Alert, AlertState};
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::matcher::Matcher;
use crate::model::sample::{Sample, Samples, is_stale};
use crate::model::time::TimeRange;
use crate::model::view::{
    AlertCounts, AlertRow, AlertsView, Mark, MarkKind, RuleGroupRow, RuleRow, View,
};
use crate::source::api::SourceError;
use crate::store::read::{ReadError, Select, SeriesSource};
use std::collections::HashMap;

/// A sample stands for so long where none follows it, as in an instant question.
const LOOKBACK: i64 = 5 * 60_000;
/// Beyond the interval of a rule that is evaluated less often.
const LATE: i64 = 60_000;

/// The alerts as of `at`; where nothing was collected then, that and why.
pub(crate) fn view(
    shared: &Shared,
    series: &dyn SeriesSource,
    marks: &[Mark],
    at: i64,
) -> Result<View, SourceError> {
    let gap = |m: &&Mark| m.kind == MarkKind::Gap && m.t < at && at < m.until;
    if let Some(gap) = marks.iter().find(gap) {
        let why = format!("nothing was collected then: {}", gap.text);
        return Ok(View::Nothing { why });
    }
    let external = shared.config.load().global.external_labels.clone();
    let rules = shared.alerting.board.rules();
    Ok(View::Alerts(alerts_at(series, &rules, &external, at)?))
}

fn alerts_at(
    series: &dyn SeriesSource,
    rules: &[RuleGroupRow],
    external: &Labels,
    at: i64,
) -> Result<AlertsView, ReadError> {
    let reach = |interval: i64| LOOKBACK.max(interval + LATE);
    let longest = reach(rules.iter().map(|g| g.interval_ms).max().unwrap_or(0));
    let range = TimeRange::new(at - longest + 1, at);
    let since: HashMap<Labels, i64> = last_samples(series, "ALERTS_FOR_STATE", range)?
        .into_iter()
        .map(|(labels, sample)| (labels.without_name(), (sample.v * 1000.0) as i64))
        .collect();
    let mut found: HashMap<Labels, AlertState> = HashMap::new();
    for (labels, sample) in last_samples(series, "ALERTS", range)? {
        let rule = only_rule(rules, labels.get(ALERT_NAME));
        if at - sample.t >= reach(rule.map_or(0, |(group, _)| group.interval_ms)) {
            continue;
        }
        let state = match labels.get("alertstate") {
            "firing" => AlertState::Firing,
            "pending" => AlertState::Pending,
            _ => continue,
        };
        let own = labels.retain(|n| n != METRIC_NAME && n != "alertstate");
        let held = found.entry(own).or_insert(state);
        *held = (*held).max(state);
    }
    let count = |wanted| found.values().filter(|s| **s == wanted).count() as u64;
    let counts = AlertCounts {
        firing: count(AlertState::Firing),
        pending: count(AlertState::Pending),
        begun: 0,
    };
    let row = |(own, state): (Labels, AlertState)| {
        let active_at = since.get(&own).copied().unwrap_or(0);
        row(own, state, active_at, rules, external)
    };
    let mut view = AlertsView {
        taken_at: at,
        rows: found.into_iter().map(row).collect(),
        left_out: 0,
        counts,
    };
    telling::gravest_first(&mut view.rows);
    view.left_out = view.rows.len().saturating_sub(CONSOLE_ROWS) as u64;
    view.rows.truncate(CONSOLE_ROWS);
    Ok(view)
}

/// The newest sample of each series of a metric that had not ended.
fn last_samples(
    series: &dyn SeriesSource,
    metric: &str,
    range: TimeRange,
) -> Result<Vec<(Labels, Sample)>, ReadError> {
    let select = Select {
        matchers: &[Matcher::equal(METRIC_NAME, metric)],
        range,
        live: false,
    };
    let mut out = Vec::new();
    let mut samples = Samples::default();
    for mut one in series.select(&select, &Cancel::never())?.series {
        samples.clear();
        one.read(range, &mut samples)?;
        if let Some(last) = samples.iter().last().filter(|s| !is_stale(s.v)) {
            out.push((one.labels().clone(), last));
        }
    }
    Ok(out)
}

fn row(
    own: Labels,
    state: AlertState,
    active_at: i64,
    rules: &[RuleGroupRow],
    external: &Labels,
) -> AlertRow {
    // Others are told of it with these, and know it by them.
    let missing: Vec<(&str, &str)> = external.iter().filter(|(n, _)| !own.has(n)).collect();
    let alert = Alert {
        labels: own.with(&missing),
        starts_at: active_at,
        value: f64::NAN,
        state,
        ..Alert::default()
    };
    let mut out = AlertRow {
        fingerprint: alert.fingerprint(),
        active_at,
        ..AlertRow::default()
    };
    if let Some((group, rule)) = only_rule(rules, alert.name()) {
        out.group.clone_from(&group.name);
        out.file.clone_from(&group.file);
        out.expr.clone_from(&rule.expr);
        (out.language, out.for_ms) = (group.language, rule.for_ms);
    }
    out.alert = alert;
    out
}

/// The rule that makes alerts of this name, where no other does.
fn only_rule<'a>(
    groups: &'a [RuleGroupRow],
    name: &str,
) -> Option<(&'a RuleGroupRow, &'a RuleRow)> {
    let all = groups
        .iter()
        .flat_map(|g| g.rules.iter().map(move |r| (g, r)));
    let mut named = all.filter(|(_, r)| r.alerts && r.name == name);
    let first = named.next()?;
    named.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::stale_marker;
    use crate::store::open::{Options, Store};
    use crate::store::write::{Append, MetricSink};

    const T: i64 = 1_795_219_200_000;

    fn empty(dir: &std::path::Path) -> Store {
        let options = Options {
            background: false,
            ..Options::new(dir)
        };
        Store::open(options).unwrap()
    }

    #[test]
    fn a_rule_that_is_seldom_evaluated_stands_until_its_next_turn() {
        let dir = tempfile::tempdir().unwrap();
        let store = empty(dir.path());
        for name in ["Slow", "Unknown"] {
            let labels = [
                ("__name__", "ALERTS"),
                ("alertname", name),
                ("alertstate", "firing"),
            ];
            let series = store.resolve(&Labels::from_pairs(labels)).unwrap();
            store
                .append(&[Append {
                    series,
                    t: T,
                    v: 1.0,
                }])
                .unwrap();
        }
        let rules = [RuleGroupRow {
            interval_ms: 15 * 60_000,
            rules: vec![RuleRow {
                name: "Slow".into(),
                alerts: true,
                ..RuleRow::default()
            }],
            ..RuleGroupRow::default()
        }];
        let none = Labels::empty();
        let names = |minutes: i64| -> Vec<String> {
            let view = alerts_at(&store, &rules, &none, T + minutes * 60_000).unwrap();
            let rows = view.rows.iter();
            rows.map(|r| r.alert.name().to_owned()).collect()
        };
        assert_eq!(names(4), ["Slow", "Unknown"]);
        assert_eq!(names(15), ["Slow"]);
        assert_eq!(names(17), [""; 0]);
        store.close();
    }

    fn store(dir: &std::path::Path) -> Store {
        let store = empty(dir);
        let samples = |pairs: &[(&str, &str)], samples: &[(i64, f64)]| {
            let labels = Labels::from_pairs(pairs.iter().copied());
            let series = store.resolve(&labels).unwrap();
            let one = |(t, v): &(i64, f64)| Append {
                series,
                t: T + t * 1000,
                v: *v,
            };
            let all: Vec<Append> = samples.iter().map(one).collect();
            store.append(&all).unwrap();
        };
        let since = (T / 1000) as f64;
        let heap = [("alertname", "Heap"), ("severity", "critical")];
        let of = |metric, state| {
            let mut all = vec![("__name__", metric)];
            all.extend(heap);
            all.extend((!str::is_empty(state)).then_some(("alertstate", state)));
            all
        };
        let end = stale_marker();
        // Pends for half a minute, fires for one, then it is over.
        samples(&of("ALERTS", "pending"), &[(0, 1.0), (15, 1.0), (30, end)]);
        samples(&of("ALERTS", "firing"), &[(30, 1.0), (60, 1.0), (90, end)]);
        samples(
            &of("ALERTS_FOR_STATE", ""),
            &[(0, since), (30, since), (60, since), (90, end)],
        );
        store
    }

    #[test]
    fn the_alerts_are_those_of_the_instant() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let rules = [RuleGroupRow {
            name: "jvm".into(),
            rules: vec![RuleRow {
                name: "Heap".into(),
                expr: "heap > 0.9".into(),
                alerts: true,
                for_ms: 30_000,
                ..RuleRow::default()
            }],
            ..RuleGroupRow::default()
        }];
        let external = Labels::from_pairs([("site", "seoul")]);
        let ask = |seconds: i64| alerts_at(&store, &rules, &external, T + seconds * 1000).unwrap();
        assert_eq!(ask(-1).rows, []);
        let pending = ask(20);
        assert_eq!((pending.counts.firing, pending.counts.pending), (0, 1));
        let firing = ask(75);
        assert_eq!((firing.counts.firing, firing.counts.pending), (1, 0));
        let row = &firing.rows[0];
        assert_eq!(row.alert.state, AlertState::Firing);
        assert_eq!(row.active_at, T);
        let labels = &row.alert.labels;
        assert_eq!(
            labels.to_string(),
            "{alertname=\"Heap\", severity=\"critical\", site=\"seoul\"}"
        );
        assert_eq!(row.fingerprint, row.alert.fingerprint());
        assert_eq!(
            (row.group.as_str(), row.expr.as_str()),
            ("jvm", "heap > 0.9")
        );
        assert!(row.alert.annotations.is_empty() && row.alert.value.is_nan());
        assert_eq!(ask(90).rows, [], "it was over");
        store.close();
    }
}
