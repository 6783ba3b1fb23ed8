//! `alerting`: the Alertmanagers that alerts would be sent to. Checked as Prometheus checks it;
//! nothing is sent yet.

use crate::config::check::Check;
use crate::config::discovery;
use crate::config::fields::Fields;
use crate::config::http;
use crate::config::relabel;
use crate::config::shape::{Key, Section, Shape, field};
use crate::config::targets::{self, FILE_SD, GROUP};

pub(crate) static ALERTING: Section = Section {
    name: "alerting",
    keys: &[&[
        field(
            "alert_relabel_configs",
            Shape::List(&Shape::Section(&relabel::RULE)),
        ),
        field("alertmanagers", Shape::List(&Shape::Section(&ALERTMANAGER))),
    ]],
};

static ALERTMANAGER: Section = Section {
    name: "alertmanagers",
    keys: &[OWN, http::CLIENT, discovery::KINDS],
};

static OWN: &[Key] = &[
    field("api_version", Shape::Word(&["v2"])),
    field("timeout", Shape::Duration),
    field("scheme", Shape::Word(&["http", "https"])),
    field("path_prefix", Shape::Text),
    field("sigv4", Shape::Any),
    field("google_iam", Shape::Any),
    field("static_configs", Shape::List(&Shape::Section(&GROUP))),
    field("file_sd_configs", Shape::List(&Shape::Section(&FILE_SD))),
    field(
        "relabel_configs",
        Shape::List(&Shape::Section(&relabel::RULE)),
    ),
    field(
        "alert_relabel_configs",
        Shape::List(&Shape::Section(&relabel::RULE)),
    ),
];

pub(crate) fn check(of: Fields<'_>, check: &mut Check<'_>) {
    relabel::read_list(of, "alert_relabel_configs", check);
    for node in of.items("alertmanagers") {
        if node.is_null() {
            let text = "this Alertmanager is empty; remove the `-` or name its targets";
            check.report.error(node.place, text);
            continue;
        }
        let of = Fields::new(node, &ALERTMANAGER);
        http::read(of, check);
        let rules = relabel::read_list(of, "relabel_configs", check);
        relabel::read_list(of, "alert_relabel_configs", check);
        let judged = !rules.iter().any(|rule| rule.may_write("__address__"));
        targets::read_static(of, judged, check);
        targets::read_file_sd(of, check);
        discovery::check_kinds(of, check);
    }
}
