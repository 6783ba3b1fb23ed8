//! What a scraper asks for and what it was given: `Accept` and `Content-Type`.

use crate::wire::exposition::Format;

/// The protocols a scraper can ask for, by the names that `scrape_protocols` uses.
pub const PROTOCOLS: &[(&str, &str)] = &[
    ("PrometheusProto", ""), // not read here: never asked for
    (
        "OpenMetricsText1.0.0",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    ),
    (
        "OpenMetricsText0.0.1",
        "application/openmetrics-text;version=0.0.1",
    ),
    (
        "PrometheusText1.0.0",
        "text/plain;version=1.0.0;escaping=allow-utf-8",
    ),
    ("PrometheusText0.0.4", "text/plain;version=0.0.4"),
];

/// The order where the configuration gives none.
pub const DEFAULT_PROTOCOLS: &[&str] = &[
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
];

/// The `Accept` header for these protocols, the most wanted first. Unknown names are left out.
pub fn accept_header(protocols: &[&str]) -> String {
    let types = |name: &&str| PROTOCOLS.iter().find(|(n, _)| n == name).map(|(_, t)| *t);
    let wanted: Vec<&str> = protocols
        .iter()
        .filter_map(types)
        .filter(|t| !t.is_empty())
        .collect();
    let mut weight = wanted.len() + 1;
    let mut out = String::new();
    for media_type in wanted {
        out.push_str(&format!("{media_type};q=0.{weight},"));
        weight -= 1;
    }
    out.push_str(&format!("*/*;q=0.{weight}"));
    out
}

/// The format of a body by its `Content-Type`.
///
/// `fallback` is the configuration's word for a type that says nothing. Without it, a missing or
/// unknown type is read as text 0.0.4, as Prometheus 2 did: a body that is something else fails
/// in its first line. A type that is certainly something else is refused at once.
pub fn format_of(content_type: &str, fallback: Option<Format>) -> Result<Format, String> {
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match media_type.as_str() {
        "application/openmetrics-text" => Ok(Format::OpenMetrics),
        "text/plain" => Ok(Format::Text),
        "application/vnd.google.protobuf" => Err(
            "the target answered in protobuf, which was not asked for and is not read".to_owned(),
        ),
        "text/html" if fallback.is_none() => Err(
            "the target answered with a web page (text/html) instead of metrics; is metrics_path right?"
                .to_owned(),
        ),
        other if fallback.is_none() && is_something_else(other) => Err(format!(
            "the target answered with {other} instead of metrics; is metrics_path right?"
        )),
        _ => Ok(fallback.unwrap_or(Format::Text)),
    }
}

fn is_something_else(media_type: &str) -> bool {
    ["image/", "video/", "audio/", "font/", "multipart/"]
        .iter()
        .any(|p| media_type.starts_with(p))
        || media_type.ends_with("json")
        || media_type.ends_with("xml")
        || media_type.ends_with("javascript")
        || media_type == "text/css"
}

/// The format that a name of `scrape_protocols` or `fallback_scrape_protocol` means.
pub fn format_named(protocol: &str) -> Option<Format> {
    match protocol {
        "OpenMetricsText1.0.0" | "OpenMetricsText0.0.1" => Some(Format::OpenMetrics),
        "PrometheusText1.0.0" | "PrometheusText0.0.4" => Some(Format::Text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_the_wanted_first() {
        let header = accept_header(DEFAULT_PROTOCOLS);
        assert_eq!(
            header,
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
             text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        );
    }

    #[test]
    fn knows_what_it_was_given() {
        let of = |t| format_of(t, None);
        assert_eq!(
            of("text/plain; version=0.0.4; charset=utf-8"),
            Ok(Format::Text)
        );
        assert_eq!(
            of("application/openmetrics-text; version=1.0.0"),
            Ok(Format::OpenMetrics)
        );
        assert_eq!(of(""), Ok(Format::Text));
        assert!(
            of("text/html; charset=utf-8")
                .unwrap_err()
                .contains("metrics_path")
        );
        assert!(of("application/json").is_err());
        assert_eq!(format_of("text/html", Some(Format::Text)), Ok(Format::Text));
    }
}
