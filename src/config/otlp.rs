//! `otlp` and `tracing` of Prometheus: checked as it checks them; neither is there yet.

use crate::config::check::{Check, Names};
use crate::config::fields::Fields;
use crate::config::http;
use crate::config::remote::RESERVED;
use crate::config::shape::{Section, Shape, field};

pub(crate) static OTLP: Section = Section {
    name: "otlp",
    keys: &[&[
        field("translation_strategy", Shape::Word(STRATEGIES)),
        field("promote_all_resource_attributes", Shape::Bool),
        field("promote_resource_attributes", Shape::List(&Shape::Text)),
        field("ignore_resource_attributes", Shape::List(&Shape::Text)),
        field("keep_identifying_resource_attributes", Shape::Bool),
        field("convert_histograms_to_nhcb", Shape::Bool),
        field("promote_scope_metadata", Shape::Bool),
        field("label_name_underscore_sanitization", Shape::Bool),
        field("label_name_preserve_multiple_underscores", Shape::Bool),
    ]],
};

const STRATEGIES: &[&str] = &[
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
];

pub(crate) static TRACING: Section = Section {
    name: "tracing",
    keys: &[&[
        field("client_type", Shape::Word(&["http", "grpc"])),
        field("endpoint", Shape::Text),
        field("sampling_fraction", Shape::Float),
        field("insecure", Shape::Bool),
        field("headers", Shape::Texts),
        field("compression", Shape::Word(&["", "gzip"])),
        field("timeout", Shape::Duration),
        field("tls_config", Shape::Section(&http::TLS)),
    ]],
};

pub(crate) fn check(of: Fields<'_>, check: &mut Check<'_>) {
    if let Some(of) = of.section("otlp", &OTLP) {
        check_otlp(of, check);
    }
    if let Some(of) = of.section("tracing", &TRACING) {
        check.require(of, &["endpoint"]);
        for (name, _, place) in of.pairs("headers") {
            check.header_name(name, place, RESERVED);
        }
        if let Some(tls) = of.section("tls_config", &http::TLS) {
            http::read_tls(tls, check);
        }
    }
}

fn check_otlp(of: Fields<'_>, check: &mut Check<'_>) {
    let strategy = of.text("translation_strategy").unwrap_or_default();
    if check.names == Names::Legacy
        && ["NoUTF8EscapingWithSuffixes", "NoTranslation"].contains(&strategy)
    {
        let text =
            format!("{strategy} makes names that `metric_name_validation_scheme: legacy` refuses");
        check
            .report
            .error(of.value_place("translation_strategy"), text);
    }
    let all = of.bool("promote_all_resource_attributes").unwrap_or(false);
    for (key, fits) in [
        ("promote_resource_attributes", !all),
        ("ignore_resource_attributes", all),
    ] {
        if of.has(key) && !fits && !of.items(key).is_empty() {
            let not = if all { "cannot stand beside" } else { "needs" };
            let text = format!("{not} `promote_all_resource_attributes: true`");
            check.report.error(of.place_of(key), text);
        }
        let mut seen: Vec<&str> = Vec::new();
        for (name, place) in of.texts(key) {
            let name = name.trim();
            if name.is_empty() {
                check.report.error(place, "an attribute's name is empty");
            } else if seen.contains(&name) {
                check
                    .report
                    .error(place, format!("{name:?} is named twice"));
            }
            seen.push(name);
        }
    }
}
