//! Families as text 0.0.4 and OpenMetrics 1.0.

use crate::model::answer::MetricKind;
use crate::model::family::{Family, Point};
use crate::wire::exposition::Format;
use crate::wire::exposition::series::is_bare;

/// What to send as `Content-Type`.
pub fn content_type(format: Format) -> &'static str {
    match format {
        Format::Text => "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8",
        Format::OpenMetrics => {
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        }
    }
}

/// The format that an `Accept` header prefers; text 0.0.4 where it names neither.
pub fn preferred(accept: &str) -> Format {
    let weight = |part: &str| {
        let q = part.split(';').find_map(|p| p.trim().strip_prefix("q="));
        q.and_then(|q| q.trim().parse::<f64>().ok()).unwrap_or(1.0)
    };
    let best = |media_type: &str| {
        accept
            .split(',')
            .filter(|part| part.split(';').next().unwrap_or_default().trim() == media_type)
            .map(weight)
            .fold(0.0, f64::max)
    };
    if best("application/openmetrics-text") > best("text/plain") {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

/// Appends the families to `out`; OpenMetrics is ended with `# EOF`. Families without points are
/// left out.
pub fn families(families: &[Family], format: Format, out: &mut String) {
    for family in families.iter().filter(|f| !f.points.is_empty()) {
        write_family(family, format, out);
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
}

fn write_family(family: &Family, format: Format, out: &mut String) {
    let is_counter = family.kind == MetricKind::Counter;
    // OpenMetrics names a counter without the `_total` that its samples carry.
    let bare = family.name.strip_suffix("_total").unwrap_or(&family.name);
    let family_name = match format {
        Format::OpenMetrics if is_counter => bare,
        Format::OpenMetrics if family.kind == MetricKind::Info => {
            family.name.strip_suffix("_info").unwrap_or(&family.name)
        }
        _ => &family.name,
    };
    let sample_name = match format {
        Format::OpenMetrics if is_counter => format!("{bare}_total"),
        _ => family.name.clone().into_owned(),
    };
    out.push_str("# HELP ");
    push_name(family_name, out);
    out.push(' ');
    push_escaped(&family.help, format == Format::OpenMetrics, out);
    out.push_str("\n# TYPE ");
    push_name(family_name, out);
    out.push(' ');
    out.push_str(kind_word(family.kind, format));
    out.push('\n');
    for point in &family.points {
        write_point(&sample_name, point, format, out);
    }
}

fn kind_word(kind: MetricKind, format: Format) -> &'static str {
    match (format, kind) {
        (Format::OpenMetrics, kind) => kind.as_str(),
        (Format::Text, MetricKind::Unknown) => "untyped",
        (Format::Text, MetricKind::Info | MetricKind::StateSet) => "gauge",
        (Format::Text, MetricKind::GaugeHistogram) => "histogram",
        (Format::Text, kind) => kind.as_str(),
    }
}

fn write_point(name: &str, point: &Point, format: Format, out: &mut String) {
    let full;
    let name = if point.suffix.is_empty() {
        name
    } else {
        full = format!("{name}{}", point.suffix);
        &full
    };
    let quoted = !is_bare(name, true);
    if !quoted {
        out.push_str(name);
    }
    if quoted || !point.labels.is_empty() {
        out.push('{');
        if quoted {
            push_name(name, out);
        }
        for (i, (label, value)) in point.labels.iter().enumerate() {
            if i > 0 || quoted {
                out.push(',');
            }
            if is_bare(label, false) {
                out.push_str(label);
            } else {
                push_quoted(label, out);
            }
            out.push('=');
            push_value(label, value, format, out);
        }
        out.push('}');
    }
    out.push(' ');
    push_float(point.value, out);
    out.push('\n');
}

/// OpenMetrics demands the canonical form of bounds: `1.0`, not `1`.
fn push_value(label: &str, value: &str, format: Format, out: &mut String) {
    let is_whole = format == Format::OpenMetrics
        && matches!(label, "le" | "quantile")
        && !value.is_empty()
        && value.bytes().all(|b| b.is_ascii_digit());
    if is_whole {
        out.push_str(&format!("\"{value}.0\""));
    } else {
        push_quoted(value, out);
    }
}

/// A metric's name, in quotes where it needs them.
pub fn push_name(name: &str, out: &mut String) {
    if is_bare(name, true) {
        out.push_str(name);
    } else {
        push_quoted(name, out);
    }
}

/// A series with its value and time, as one line: `name{labels} value milliseconds`. Names beyond
/// ASCII stand in quotes, the metric's then inside the braces.
pub fn push_sample<'a>(
    name: &str,
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    (t, v): (i64, f64),
    out: &mut String,
) {
    let bare = is_bare(name, true);
    if bare {
        out.push_str(name);
    }
    let mut before = '{';
    if !bare {
        out.push(before);
        push_quoted(name, out);
        before = ',';
    }
    for (label, value) in labels {
        out.push(before);
        if is_bare(label, false) {
            out.push_str(label);
        } else {
            push_quoted(label, out);
        }
        out.push('=');
        push_quoted(value, out);
        before = ',';
    }
    if before == ',' {
        out.push('}');
    }
    out.push(' ');
    push_float(v, out);
    out.push_str(&format!(" {t}\n"));
}

/// `text` in quotes, with backslash, quote and line feed escaped.
pub fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    push_escaped(text, true, out);
    out.push('"');
}

fn push_escaped(text: &str, quotes: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}

/// A double as Go's `strconv.FormatFloat(v, 'g', -1, 64)` writes it: the shortest digits that read
/// back, with an exponent of at least two digits below 1e-4 and from 1e6 on.
pub fn push_float(value: f64, out: &mut String) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        return out.push_str(&format!("{value}"));
    }
    // `1.2345e-7`: the shortest digits, one before the point.
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(below) => ('-', below),
        None => ('+', exponent),
    };
    out.push_str(&format!("{mantissa}e{sign}{exponent:0>2}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::exposition::families::read;
    use crate::wire::exposition::strict;

    #[test]
    fn floats_as_go_writes_them() {
        for (value, want) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (100000.0, "100000"),
            (999999.0, "999999"),
            (1000000.0, "1e+06"),
            (2478268416.0, "2.478268416e+09"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.1, "0.1"),
            (-1234567.5, "-1.2345675e+06"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            let mut out = String::new();
            push_float(value, &mut out);
            assert_eq!(out, want);
        }
    }

    fn sample_families() -> Vec<Family> {
        let mut requests = Family::new("requests_total", MetricKind::Counter, "a \\ \"b\"\nc");
        requests
            .add(&[("code", "200"), ("path", "/\"\\\n한")], 3.0)
            .add(&[("code", "500")], 1e9);
        let mut took = Family::new("took_seconds", MetricKind::Histogram, "");
        took.add(&[("le", "1")], 1.0)
            .add(&[("le", "+Inf")], 2.0)
            .add(&[], 2.0)
            .add(&[], 0.5);
        for (point, suffix) in took
            .points
            .iter_mut()
            .zip(["_bucket", "_bucket", "_count", "_sum"])
        {
            point.suffix = suffix;
        }
        let mut odd = Family::new("my.metric", MetricKind::Unknown, "quoted");
        odd.add(&[("a b", "1")], f64::NAN);
        let empty = Family::new("nothing", MetricKind::Gauge, "left out");
        vec![requests, took, odd, empty]
    }

    #[test]
    fn what_is_written_reads_back() {
        for format in [Format::Text, Format::OpenMetrics] {
            let mut out = String::new();
            families(&sample_families(), format, &mut out);
            let back = read(format, out.as_bytes()).unwrap();
            let names: Vec<&str> = back.iter().map(|f| f.name.as_str()).collect();
            assert_eq!(names, ["requests", "took_seconds", "my.metric"], "{out}");
            assert_eq!(back[0].help, "a \\ \"b\"\nc");
            assert_eq!(back[0].samples[0].labels[1].1, "/\"\\\n한");
            assert_eq!(back[0].samples[1].value, 1e9);
            assert_eq!(back[1].samples.len(), 4);
        }
        let mut out = String::new();
        families(&sample_families(), Format::OpenMetrics, &mut out);
        assert_eq!(strict::check(out.as_bytes()), Ok(()), "{out}");
    }

    #[test]
    fn the_wanted_format_is_chosen() {
        assert_eq!(preferred(""), Format::Text);
        assert_eq!(preferred("*/*"), Format::Text);
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";
        assert_eq!(preferred(prometheus), Format::OpenMetrics);
        assert_eq!(
            preferred("text/plain,application/openmetrics-text;q=0.1"),
            Format::Text
        );
    }
}
