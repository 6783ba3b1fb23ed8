//! The tree of routes, and inhibition: their keys, and the rules between them.

use crate::base::clock::Duration;
use crate::config::alertmanager::rows;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::model::matcher::parse::parse;
use crate::model::matcher::{MatchOp, Matcher};
use std::collections::BTreeMap;

/// One node of the tree, with what it inherits filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub receiver: String,
    pub matchers: Vec<Matcher>,
    /// Labels that make groups; none is one group for all.
    pub group_by: Vec<String>,
    /// `group_by: ['...']`: every set of labels is a group of its own.
    pub group_by_all: bool,
    pub group_wait: Duration,
    pub group_interval: Duration,
    pub repeat_interval: Duration,
    pub mute: Vec<String>,
    pub active: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub continues: bool,
    pub routes: Vec<Route>,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            receiver: String::new(),
            matchers: Vec::new(),
            group_by: Vec::new(),
            group_by_all: false,
            group_wait: Duration::from_secs(30),
            group_interval: Duration::from_mins(5),
            repeat_interval: Duration::from_hours(4),
            mute: Vec::new(),
            active: Vec::new(),
            labels: BTreeMap::new(),
            continues: false,
            routes: Vec::new(),
        }
    }
}

/// What mutes what while it fires.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InhibitRule {
    pub name: String,
    pub source: Vec<Matcher>,
    pub target: Vec<Matcher>,
    /// Labels that must be the same on both sides; absent is the empty text.
    pub equal: Vec<String>,
}

/// The names that routes may speak of.
struct Known<'a> {
    receivers: &'a [&'a str],
    intervals: &'a [&'a str],
}

pub(super) fn read_root(
    of: Fields<'_>,
    receivers: &[&str],
    intervals: &[&str],
    check: &mut Check<'_>,
) -> Route {
    if of.text("receiver").is_none_or(str::is_empty) {
        let text = "the root route must name a `receiver`";
        check.report.error(of.place(), text);
    }
    for key in [
        "match",
        "match_re",
        "matchers",
        "mute_time_intervals",
        "active_time_intervals",
    ] {
        let written = of
            .get(key)
            .is_some_and(|n| !n.items().is_empty() || !n.entries().is_empty());
        if written {
            let text = format!("the root route takes every alert at any time; it has no `{key}`");
            check.report.error(of.place_of(key), text);
        }
    }
    if of.bool("continue") == Some(true) {
        let text = "nothing comes behind the root route, so it has no `continue`";
        check.report.error(of.place_of("continue"), text);
    }
    let known = Known {
        receivers,
        intervals,
    };
    read(of, &Route::default(), &known, check)
}

fn read(of: Fields<'_>, above: &Route, known: &Known<'_>, check: &mut Check<'_>) -> Route {
    let receiver = of.string("receiver").filter(|r| !r.is_empty());
    if let Some(name) = &receiver
        && !known.receivers.contains(&name.as_str())
    {
        let text = format!("there is no receiver {name:?}");
        check.report.error(of.value_place("receiver"), text);
    }
    for key in ["group_interval", "repeat_interval"] {
        if of.duration(key).is_some_and(|d| d.is_zero()) && of.text(key) != Some("") {
            check.report.error(of.value_place(key), "cannot be zero");
        }
    }
    let names = |key: &str, check: &mut Check<'_>| {
        let mut out = Vec::new();
        for (name, place) in of.texts(key) {
            if !known.intervals.contains(&name) {
                let text = format!("there is no time interval {name:?}");
                check.report.error(place, text);
            }
            out.push(name.to_owned());
        }
        out
    };
    let (mute, active) = (
        names("mute_time_intervals", check),
        names("active_time_intervals", check),
    );
    let (group_by, group_by_all) = if of.has("group_by") {
        read_group_by(of, check)
    } else {
        (above.group_by.clone(), above.group_by_all)
    };
    let mut labels = above.labels.clone();
    for (name, value, place) in of.pairs("labels") {
        check.label_name(name, place);
        labels.insert(name.to_owned(), value.to_owned());
    }
    let mut route = Route {
        receiver: receiver.unwrap_or_else(|| above.receiver.clone()),
        matchers: read_matchers(of, ["match", "match_re", "matchers"], check),
        group_by,
        group_by_all,
        group_wait: of.duration("group_wait").unwrap_or(above.group_wait),
        group_interval: of
            .positive("group_interval")
            .unwrap_or(above.group_interval),
        repeat_interval: of
            .positive("repeat_interval")
            .unwrap_or(above.repeat_interval),
        mute,
        active,
        labels,
        continues: of.bool("continue").unwrap_or(false),
        routes: Vec::new(),
    };
    let below = of.sections("routes", &rows::ROUTE);
    route.routes = below
        .into_iter()
        .map(|r| read(r, &route, known, check))
        .collect();
    route
}

fn read_group_by(of: Fields<'_>, check: &mut Check<'_>) -> (Vec<String>, bool) {
    let mut out: Vec<String> = Vec::new();
    let texts = of.texts("group_by");
    let all = texts.iter().any(|(name, _)| *name == "...");
    for (name, place) in &texts {
        if out.iter().any(|n| n == name) {
            let text = format!("{name:?} stands here twice");
            check.report.error(*place, text);
        } else if *name != "..." {
            check.label_name(name, *place);
            out.push((*name).to_owned());
        }
    }
    if all && !out.is_empty() {
        let text = "`...` means every label, so no other can stand beside it";
        check.report.error(of.place_of("group_by"), text);
    }
    (out, all)
}

/// Equalities, expressions and matchers, of the keys of these names.
fn read_matchers(of: Fields<'_>, keys: [&str; 3], check: &mut Check<'_>) -> Vec<Matcher> {
    let mut out = Vec::new();
    for (key, op) in [(keys[0], MatchOp::Equal), (keys[1], MatchOp::Regex)] {
        let entries = of.get(key).map_or(&[][..], |n| n.entries());
        for entry in entries {
            if op == MatchOp::Regex && entry.value.is_null() {
                let text = format!("`{}` needs an expression", entry.key);
                check.report.error(entry.place, text);
                continue;
            }
            check.label_name(&entry.key, entry.place);
            let value = if entry.value.is_null() {
                ""
            } else {
                entry.value.text().unwrap_or_default()
            };
            match Matcher::new(&entry.key, op, value) {
                Ok(matcher) => out.push(matcher),
                Err(e) => check.report.error(entry.value.place, e.to_string()),
            }
        }
    }
    for (text, place) in of.texts(keys[2]) {
        match parse(text) {
            Ok(parsed) => {
                if parsed.classic {
                    let text = format!(
                        "{text:?} is read in the classic way; quote names and values as in name=\"value\""
                    );
                    check.report.warning(place, text);
                }
                out.extend(parsed.matchers);
            }
            Err(e) => check.report.error(place, e),
        }
    }
    out.sort_by(|a, b| (&a.name, &a.value, a.op.as_str()).cmp(&(&b.name, &b.value, b.op.as_str())));
    out
}

pub(super) fn read_inhibit(of: Fields<'_>, check: &mut Check<'_>) -> InhibitRule {
    let mut source = read_matchers(
        of,
        ["source_match", "source_match_re", "source_matchers"],
        check,
    );
    let mut target = read_matchers(
        of,
        ["target_match", "target_match_re", "target_matchers"],
        check,
    );
    source.dedup();
    target.dedup();
    InhibitRule {
        name: of.string("name").unwrap_or_default(),
        source,
        target,
        equal: of.strings("equal"),
    }
}
