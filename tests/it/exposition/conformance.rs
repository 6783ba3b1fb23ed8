//! The public conformance cases of OpenMetrics and of the Python client library.

use bongsu::wire::exposition::families::{Read, ReadSample, read};
use bongsu::wire::exposition::{Format, strict};
use serde_json::Value;
use std::path::PathBuf;

/// The folder of public cases, where there is one.
fn cases(below: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BONGSU_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"),
        PathBuf::from,
    );
    let path = root.join("exposition").join(below);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn openmetrics() {
    let Some(folder) = cases("openmetrics") else {
        return;
    };
    let (mut passed, mut total, mut failed) = (0, 0, Vec::new());
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    names.sort();
    for case in names {
        let about: Value =
            serde_json::from_slice(&std::fs::read(case.join("test.json")).unwrap()).unwrap();
        let body = std::fs::read(case.join(about["file"].as_str().unwrap())).unwrap();
        let found = strict::check(&body);
        total += 1;
        if found.is_ok() == about["shouldParse"].as_bool().unwrap() {
            passed += 1;
        } else {
            failed.push(format!("{}: {found:?}", case.display()));
        }
    }
    println!("\nconformance openmetrics: {passed}/{total}");
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
}

#[test]
fn exposition_text() {
    let (Some(text), Some(open)) = (
        cases("client_python/prom_text.json"),
        cases("client_python/openmetrics_text.json"),
    ) else {
        return;
    };
    let (mut passed, mut total, mut failed) = (0, 0, Vec::new());
    for (path, format) in [(text, Format::Text), (open, Format::OpenMetrics)] {
        let all: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for case in all {
            total += 1;
            match differs(&case, format) {
                None => passed += 1,
                Some(why) => failed.push(format!("{format:?} {}: {why}", case["input"])),
            }
        }
    }
    println!("\nconformance exposition-text: {passed}/{total}");
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
}

/// How what we read differs from what the case expects.
fn differs(case: &Value, format: Format) -> Option<String> {
    let input = case["input"].as_str().unwrap();
    let ok = case["ok"].as_bool().unwrap();
    let found = match format {
        Format::OpenMetrics => {
            strict::check(input.as_bytes()).and_then(|()| read(format, input.as_bytes()))
        }
        Format::Text => read(format, input.as_bytes()),
    };
    let families = match (found, ok) {
        (Ok(families), true) => families,
        (Err(_), false) => return None,
        (found, _) => return Some(format!("expected ok={ok}, found {found:?}")),
    };
    let want = case["families"].as_array().unwrap();
    if families.len() != want.len() {
        return Some(format!("found {families:?}"));
    }
    families
        .iter()
        .zip(want)
        .find_map(|(f, w)| family_differs(f, w))
}

fn family_differs(found: &Read, want: &Value) -> Option<String> {
    let about = [
        ("name", found.name.as_str()),
        ("type", found.kind.as_str()),
        ("help", found.help.as_str()),
        ("unit", found.unit.as_str()),
    ];
    for (key, value) in about {
        if want[key] != value {
            return Some(format!("{key}: found {value:?}, expected {}", want[key]));
        }
    }
    let samples = want["samples"].as_array().unwrap();
    if samples.len() != found.samples.len() {
        return Some(format!("found {:?}", found.samples));
    }
    let mut pairs = found.samples.iter().zip(samples);
    pairs.find_map(|(f, w)| sample_differs(f, w))
}

fn sample_differs(found: &ReadSample, want: &Value) -> Option<String> {
    let mut same = want["name"] == found.name.as_str();
    same &= labels_equal(&found.labels, &want["labels"]);
    same &= match &found.native {
        None => numbers_equal(Some(found.value), &want["value"]),
        Some(native) => native_equal(native, want["native_histogram"].as_str().unwrap()),
    };
    same &= numbers_equal(found.timestamp, &want["timestamp"]);
    same &= match &found.exemplar {
        None => want["exemplar"].is_null(),
        Some(e) => {
            let want = &want["exemplar"];
            labels_equal(&e.labels, &want["labels"])
                && numbers_equal(Some(e.value), &want["value"])
                && numbers_equal(e.timestamp, &want["timestamp"])
        }
    };
    (!same).then(|| format!("found {found:?}, expected {want}"))
}

fn labels_equal(found: &[(String, String)], want: &Value) -> bool {
    let empty = serde_json::Map::new();
    let want = want.as_object().unwrap_or(&empty);
    want.len() == found.len()
        && found
            .iter()
            .all(|(n, v)| want.get(n) == Some(&v.clone().into()))
}

/// `want` is null, a number in text, or `Timestamp(seconds, nanoseconds)`.
fn numbers_equal(found: Option<f64>, want: &Value) -> bool {
    let Some(text) = want.as_str() else {
        return want.is_null() && found.is_none();
    };
    let want: f64 = match text.strip_prefix("Timestamp(") {
        None => text.parse().unwrap(),
        Some(rest) => {
            let (s, ns) = rest.trim_end_matches(')').split_once(", ").unwrap();
            s.parse::<f64>().unwrap() + ns.parse::<f64>().unwrap() / 1e9
        }
    };
    found.is_some_and(|f| {
        f == want || (f.is_nan() && want.is_nan()) || ((f - want) / want).abs() < 1e-12
    })
}

/// Compares with the printed form of the Python library's class.
fn native_equal(native: &bongsu::wire::exposition::native::Native, want: &str) -> bool {
    let spans = |spans: &[(i32, u32)]| {
        let each: Vec<String> = spans
            .iter()
            .map(|(o, l)| format!("BucketSpan(offset={o}, length={l})"))
            .collect();
        format!("({})", each.join(", "))
    };
    let list = |deltas: &[i64]| {
        let each: Vec<String> = deltas.iter().map(i64::to_string).collect();
        format!("({})", each.join(", "))
    };
    let found = format!(
        "NativeHistogram(count_value={}, sum_value={:?}, schema={}, zero_threshold={:?}, \
         zero_count={}, pos_spans={}, neg_spans={}, pos_deltas={}, neg_deltas={}, nh_exemplars=None)",
        native.count,
        native.sum,
        native.schema,
        native.zero_threshold,
        native.zero_count,
        spans(&native.positive.spans),
        spans(&native.negative.spans),
        list(&native.positive.deltas),
        list(&native.negative.deltas),
    );
    found == want
}

/// Bodies of real programs read to their last line.
#[test]
fn real_bodies_read() {
    let Some(folder) = cases("textparse") else {
        return;
    };
    for (name, format, families, samples) in [
        ("alltypes.237mfs.prom.txt", Format::Text, 237, 1857),
        ("alltypes.237mfs.nometa.prom.txt", Format::Text, 0, 1857),
        ("alltypes.5mfs.om.txt", Format::OpenMetrics, 5, 0),
        ("1histogram.om.txt", Format::OpenMetrics, 1, 0),
    ] {
        let body = std::fs::read(folder.join(name)).unwrap();
        let found = read(format, &body).unwrap();
        let count: usize = found.iter().map(|f| f.samples.len()).sum();
        println!("{name}: {} families, {count} samples", found.len());
        assert!(
            families == 0 || found.len() == families,
            "{name}: {}",
            found.len()
        );
        assert!(samples == 0 || count == samples, "{name}: {count}");
    }
}
