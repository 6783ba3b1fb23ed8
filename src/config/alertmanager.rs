//! `alertmanager`: who is told of alerts, when and how, in the form of alertmanager.yml.
//!
//! The keys of each receiver are one table of rows (`rows.rs`, with Alertmanager's defaults); what
//! holds between keys is in `receivers.rs`, routes in `route.rs`. A checked receiver is a list of
//! [`Integration`]s, each a vendor's name and its [`Settings`] with every default filled in, those
//! of `global` included. Source: Alertmanager's documentation, "Configuration", and `config.go`.

mod interval;
mod receivers;
mod route;
mod rows;
mod settings;

pub use interval::{Interval, IntervalError, TimeIntervals};
pub use receivers::{Integration, Receiver};
pub use route::{InhibitRule, Route};
pub use settings::{Setting, Settings};

use crate::base::clock::Duration;
use crate::base::template::Library;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::place::{Node, Value};
use crate::config::shape;
use std::path::PathBuf;

/// Everything of alertmanager.yml, valid by construction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alertmanager {
    /// Counts an alert as over when its sender gave no end and did not tell it again.
    pub resolve_timeout: Duration,
    pub route: Route,
    pub receivers: Vec<Receiver>,
    pub inhibit: Vec<InhibitRule>,
    pub intervals: Vec<TimeIntervals>,
    /// The texts of the template files, with their paths.
    pub templates: Vec<(PathBuf, String)>,
    /// The file as it was written, secrets left out, for `status` of the API.
    pub original: String,
}

impl Alertmanager {
    /// What is in force where nothing is configured: every alert is held, nobody is told.
    pub fn nobody() -> Self {
        Self {
            resolve_timeout: Duration::from_mins(5),
            ..Self::default()
        }
    }

    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|r| r.name == name)
    }

    pub fn interval(&self, name: &str) -> Option<&TimeIntervals> {
        self.intervals.iter().find(|i| i.name == name)
    }
}

/// Reads the mapping that alertmanager.yml is, or that stands under `alertmanager`.
pub(crate) fn read(tree: &Node, check: &mut Check<'_>) -> Option<Alertmanager> {
    shape::check(tree, &rows::FILE, check.report);
    if !matches!(tree.value, Value::Map(_)) {
        return None;
    }
    let of = Fields::new(tree, &rows::FILE);
    let global = receivers::read_global(of, check);
    let mut intervals = Vec::new();
    for key in ["mute_time_intervals", "time_intervals"] {
        interval::read_list(of, key, &mut intervals, check);
    }
    let receivers = receivers::read(of, &global, check);
    let names: Vec<&str> = receivers.iter().map(|r| r.name.as_str()).collect();
    let known: Vec<&str> = intervals.iter().map(|i| i.name.as_str()).collect();
    let route = if let Some(root) = of.section("route", &rows::ROUTE) {
        route::read_root(root, &names, &known, check)
    } else {
        let text = "there is no `route`: nobody would be told";
        check.report.error(of.place(), text);
        Route::default()
    };
    let inhibit = of.sections("inhibit_rules", &rows::INHIBIT);
    let inhibit = inhibit.into_iter().map(|i| route::read_inhibit(i, check));
    Some(Alertmanager {
        resolve_timeout: global.resolve_timeout,
        route,
        inhibit: inhibit.collect(),
        receivers,
        intervals,
        templates: read_templates(of, check),
        original: settings::shown(tree, &rows::FILE),
    })
}

/// The files of templates; one that does not read is an error, as in Alertmanager.
fn read_templates(of: Fields<'_>, check: &mut Check<'_>) -> Vec<(PathBuf, String)> {
    let mut library = Library::new(receivers::known_functions());
    let mut out = Vec::new();
    for (pattern, place) in of.texts("templates") {
        let found = check.patterns(vec![(pattern, place)]);
        let files = found.iter().flat_map(|p| check.files.matches(p));
        for path in files.collect::<Vec<_>>() {
            let text = match check.files.read(&path) {
                Ok(text) => text,
                Err(e) => {
                    let text = format!("{} cannot be read: {e}", path.display());
                    check.report.error(place, text);
                    continue;
                }
            };
            if let Err(fault) = library.add(&text) {
                let text = format!("the template {} does not read: {fault}", path.display());
                check.report.error(place, text);
            }
            out.push((path, text));
        }
    }
    out
}
