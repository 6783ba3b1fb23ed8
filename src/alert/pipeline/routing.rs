//! The configuration as a person looks at it: routes with what stands at them, inhibition, the
//! calendar; and two trials that change nothing: an alert at a time, and a template.

use crate::alert::pipeline::flush::muted_by;
use crate::alert::pipeline::{Core, Pipeline};
use crate::alert::route::Tree;
use crate::alert::sent::Reason;
use crate::alert::template::{Data, Speaking, Texts};
use crate::config::alertmanager::{Alertmanager, InhibitRule, Route};
use crate::model::alert::{ALERT_NAME, Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::matcher::parse::shown;
use crate::model::view::{CalendarRow, InhibitRow, RouteRow, RoutingView};
use std::collections::BTreeMap;
use std::sync::Arc;

const HOUR: i64 = 3_600_000;
/// A week of half hours.
const CELL: i64 = HOUR / 2;
const CELLS: i64 = 7 * 48;
/// Letters of a rendered template that are shown.
const MOST_SHOWN: usize = 8_000;

impl Pipeline {
    /// Who is told of what, now and in the week to come.
    pub fn routing(&self, now: i64) -> RoutingView {
        let core = self.0.core.lock();
        let config = &core.config;
        let from = now.div_euclid(HOUR) * HOUR;
        let calendar = config.intervals.iter().map(|interval| {
            let name = &interval.name;
            let inside = (0..CELLS).map(|i| interval.contains(from + i * CELL));
            let named = |n: &&crate::alert::route::Node| {
                let route = &n.route;
                route.mute.iter().chain(&route.active).any(|i| i == name)
            };
            CalendarRow {
                name: name.clone(),
                inside_now: interval.contains(now),
                cells: inside.map(|is| if is { '1' } else { '0' }).collect(),
                routes: core.tree.nodes.iter().filter(named).count() as u64,
            }
        });
        RoutingView {
            taken_at: now,
            calendar: calendar.collect(),
            calendar_from: from,
            calendar_step: CELL,
            routes: core.route_rows(now),
            inhibit: config
                .inhibit
                .iter()
                .map(|r| core.inhibits(r, now))
                .collect(),
        }
    }

    /// The text of a template for the group of one alert; without one, for a made-up alert.
    pub fn render(&self, alert: Option<u64>, text: &str, now: i64) -> Result<String, String> {
        let core = self.0.core.lock();
        let config = Arc::clone(&core.config);
        let held = alert.and_then(|f| core.alerts.get(&f));
        let group = held
            .and_then(|h| h.groups.first())
            .and_then(|id| Some((id, core.groups.get(id)?)));
        let example = Alert {
            labels: Labels::from_pairs([
                (ALERT_NAME, "Example"),
                ("instance", "web1:9100"),
                ("severity", "critical"),
            ]),
            annotations: Labels::from_pairs([("summary", "an example of an alert")]),
            starts_at: now - 5 * 60_000,
            updated_at: now,
            ..Alert::default()
        };
        let (alerts, labels, key, receiver, routes) = if let Some((id, group)) = group {
            let members = group.members.iter().filter_map(|f| core.alerts.get(f));
            let route = &core.tree.nodes[id.node].route;
            (
                members.map(|h| h.alert.clone()).collect(),
                group.labels.clone(),
                group.key.clone(),
                route.receiver.clone(),
                route.labels.clone(),
            )
        } else {
            let labels = example.labels.retain(|n| n == ALERT_NAME);
            let receiver = config.route.receiver.clone();
            let none = BTreeMap::new();
            (vec![example], labels, "{}:{}".to_owned(), receiver, none)
        };
        drop(core);
        let texts = Texts::new(&config);
        let speaking = Speaking {
            receiver: &receiver,
            external_url: "",
            group_key: &key,
            group_labels: &labels,
            route_labels: &routes,
            alerts: &alerts,
            reason: Some(Reason::First),
            now,
        };
        let data = Data::new(&speaking, &texts);
        let mut out = texts.render(text, &data).map_err(|e| e.to_string())?;
        if out.len() > MOST_SHOWN {
            out.truncate(out.floor_char_boundary(MOST_SHOWN));
            out.push('…');
        }
        Ok(out)
    }
}

/// Who would be told of an alert with these labels at a time: one line for each route that takes
/// it, with what would keep it quiet.
pub fn try_route(config: &Alertmanager, labels: &Labels, at: i64) -> Vec<String> {
    let tree = Tree::new(config);
    let line = |n: usize| {
        let node = &tree.nodes[n];
        let muted = muted_by(config, &node.route, at);
        let muted = if muted.is_empty() {
            String::new()
        } else {
            format!(", muted at that time by {}", muted.join(", "))
        };
        format!("{}  by {}{muted}", node.route.receiver, node.key)
    };
    tree.takers(labels).into_iter().map(line).collect()
}

fn texts(matchers: &[Matcher]) -> Vec<String> {
    matchers.iter().map(shown).collect()
}

impl Core {
    fn route_rows(&self, now: i64) -> Vec<RouteRow> {
        let mut out = Vec::new();
        let mut depths = vec![0u16; self.tree.nodes.len()];
        for (at, node) in self.tree.nodes.iter().enumerate() {
            for child in self.tree.children(at) {
                depths[*child] = depths[at] + 1;
            }
            let groups = self.groups.iter().filter(|(id, _)| id.node == at);
            let (mut alerts, mut count) = (0, 0);
            for (_, group) in groups {
                count += 1;
                let firing = group.members.iter().filter(|f| {
                    let held = self.alerts.get(f);
                    held.is_some_and(|h| h.alert.state == AlertState::Firing)
                });
                alerts += firing.count() as u64;
            }
            let row = self.route_row(&node.route, now);
            out.push(RouteRow {
                depth: depths[at],
                alerts,
                groups: count,
                ..row
            });
        }
        out
    }

    fn route_row(&self, route: &Route, now: i64) -> RouteRow {
        let ms = |d: crate::base::clock::Duration| d.as_millis() as i64;
        let receiver = self.config.receiver(&route.receiver);
        let ways = receiver.into_iter().flat_map(|r| &r.integrations);
        RouteRow {
            matchers: texts(&route.matchers),
            receiver: route.receiver.clone(),
            group_by: if route.group_by_all {
                vec!["...".to_owned()]
            } else {
                route.group_by.clone()
            },
            wait: ms(route.group_wait),
            interval: ms(route.group_interval),
            repeat: ms(route.repeat_interval),
            continues: route.continues,
            mute: route.mute.clone(),
            active: route.active.clone(),
            muted_by: muted_by(&self.config, route, now),
            ways: ways
                .map(crate::config::alertmanager::Integration::name)
                .collect(),
            ..RouteRow::default()
        }
    }

    fn inhibits(&self, rule: &InhibitRule, now: i64) -> InhibitRow {
        let rules = std::slice::from_ref(rule);
        let alerts = self.alerts.iter().map(|(f, h)| (*f, &h.alert));
        let sources = crate::alert::inhibit::Sources::new(rules, alerts, now);
        let firing = self
            .alerts
            .values()
            .filter(|h| !h.alert.is_resolved_at(now));
        let quiet = firing.filter(|h| !sources.inhibiting(&h.alert.labels).is_empty());
        InhibitRow {
            source: texts(&rule.source),
            target: texts(&rule.target),
            equal: rule.equal.clone(),
            quiet: quiet.count() as u64,
        }
    }
}
