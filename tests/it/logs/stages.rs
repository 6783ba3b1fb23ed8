//! Promtail's stages: its own cases, and what they do not touch.
//!
//! `$BONGSU_CASES/promtail/promtail_stage_cases.jsonl` holds rows of several forms: a pipeline
//! (`config`, `promtailConfig`, `pipelineStagesYaml`), an entry, and what becomes of it;
//! `promtail_pipeline_yaml.jsonl` holds pipelines that are accepted (`yaml_ok`) or not. Rows with
//! `$go` hold an expression of another language and are not counted, nor are rows that are only an
//! entry. Stages for Windows and for GeoIP pass when they are refused by name.

use crate::logql::set::{Set, rows};
use bongsu::collect::tail::stage::{Entry, Stages, Tally};
use bongsu::config::logs::stages::Stage;
use bongsu::config::{self, Level};
use bongsu::model::labels::Labels;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

const NAME: &str = "promtail-stages";
/// When the entries are read, nanoseconds since the epoch.
const NOW: i64 = 1_700_000_000_000_000_000;

#[test]
fn conformance() {
    let mut set = Set::new(NAME);
    let mut entries_alone = 0;
    for row in rows(NAME, "promtail/promtail_stage_cases.jsonl") {
        if row.to_string().contains("\"$go\"") {
            continue;
        }
        let stage = row["_stage"].as_str().unwrap_or_default();
        let key = format!(
            "{stage} {}: {row}",
            row["_test"].as_str().unwrap_or_default()
        );
        match judge(&row, stage) {
            Some(verdict) => set.add(&key, verdict),
            None => entries_alone += 1,
        }
    }
    for row in rows(NAME, "promtail/promtail_pipeline_yaml.jsonl") {
        if row.to_string().contains("\"$go\"") {
            continue;
        }
        let (Some(yaml), Some(good)) = (row["yaml"].as_str(), row["yaml_ok"].as_bool()) else {
            entries_alone += 1;
            continue;
        };
        let key = format!("{} {}", row["file"], row["name"]);
        let read = read(yaml);
        let verdict = match (read, good) {
            (Ok(_), true) | (Err(_), false) => Ok(()),
            (Ok(_), false) => Err("was accepted".to_owned()),
            (Err(why), true) => Err(why),
        };
        set.add(&key, verdict);
    }
    println!("\n{NAME}: {entries_alone} rows are an entry without a result");
    set.finish();
}

/// The stages of `pipeline_stages: ...`, as a job of a promtail.yml; `Err` holds what is wrong.
fn read(pipeline: &str) -> Result<(Vec<Stage>, Vec<String>), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("promtail.yml");
    let mut text = String::from("scrape_configs:\n- job_name: case\n");
    text += "  static_configs: [{targets: [localhost], labels: {__path__: /nowhere/*.log}}]\n";
    let body = pipeline.trim_start();
    let body = body.strip_prefix("---").unwrap_or(body);
    for line in body.lines() {
        writeln!(text, "  {line}").unwrap();
    }
    std::fs::write(&path, text).unwrap();
    let loaded = config::load(&[path]);
    let said = |level| {
        let all = loaded.findings.iter().filter(move |f| f.level == level);
        all.map(ToString::to_string).collect::<Vec<String>>()
    };
    let errors = said(Level::Error);
    if !errors.is_empty() {
        return Err(errors.join("; "));
    }
    let warnings = said(Level::Warning);
    let job = loaded.config.unwrap().logs.jobs.remove(0);
    Ok((job.stages.to_vec(), warnings))
}

/// What came out, and what was counted.
struct Out {
    entries: Vec<Entry>,
    tally: Tally,
}

fn run(stages: Vec<Stage>, entries: Vec<Entry>) -> Out {
    let stages: Arc<[Stage]> = stages.into();
    let mut stages = Stages::new(&stages);
    let (mut out, mut tally) = (Vec::new(), Tally::default());
    for entry in entries {
        stages.take(entry, &mut out, &mut tally);
    }
    stages.tick(None, &mut out, &mut tally);
    Out {
        entries: out,
        tally,
    }
}

fn first<'a>(row: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names
        .iter()
        .find_map(|n| row.get(n))
        .filter(|v| !v.is_null())
}

/// `None` for a row that says no result.
fn judge(row: &Value, stage: &str) -> Option<Result<(), String>> {
    if ["eventlogmessage", "geoip"].contains(&stage) {
        let (_, warnings) = read(&format!("pipeline_stages:\n- {stage}: {{a: b}}")).unwrap();
        let named = warnings
            .iter()
            .any(|w| w.contains(&format!("stage {stage}")));
        return Some(named.then_some(()).ok_or(format!("said {warnings:?}")));
    }
    let pipeline = first(
        row,
        &["config", "promtailConfig", "pipelineStagesYaml", "yaml"],
    )?;
    let refused = first(row, &["err", "wantErr", "expectedErr"]).is_some_and(is_fault);
    let stages = match (read(pipeline.as_str()?), refused) {
        (Err(_), true) => return Some(Ok(())),
        (Err(why), false) => return Some(Err(why)),
        (Ok(_), true) => return Some(Err("was accepted".to_owned())),
        (Ok((stages, _)), false) => stages,
    };
    let line = first(row, &["entry", "line", "logLine", "inputEntry"]);
    let line = line.and_then(Value::as_str).unwrap_or_default();
    let labels = first(row, &["labels", "inputLabels", "streamLabels"]);
    let labels = labels.and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    let labels = labels.filter_map(|(n, v)| Some((n.clone(), v.as_str()?.to_owned())));
    let mut entry = Entry::new(&Labels::from_pairs(labels), line.as_bytes(), NOW);
    let extracted = first(row, &["extracted", "inputExtracted"]).and_then(Value::as_object);
    for (name, value) in extracted.into_iter().flatten() {
        entry.extracted.insert(name.clone(), value.clone());
    }
    let out = run(stages, vec![entry]);
    let mut verdicts = Vec::new();
    for (name, want) in row.as_object()? {
        verdicts.extend(expect(name, want, &out));
    }
    let faults: Vec<String> = verdicts.iter().filter_map(|v| v.clone().err()).collect();
    (!verdicts.is_empty()).then(|| faults.is_empty().then_some(()).ok_or(faults.join("; ")))
}

fn is_fault(value: &Value) -> bool {
    !matches!(value, Value::Bool(false)) && value.as_str() != Some("")
}

fn expect(name: &str, want: &Value, out: &Out) -> Option<Result<(), String>> {
    let entry = out.entries.first();
    let line = entry.map(|e| String::from_utf8_lossy(&e.line).into_owned());
    let got = match (name, want) {
        ("expected" | "expectedEntry" | "expectedLine", Value::String(_)) => Value::from(line),
        ("expected" | "expectedExtract" | "expectedExtracted", Value::Object(_)) => {
            let extracted = entry.map(|e| e.extracted.clone()).unwrap_or_default();
            extracted.into_iter().collect()
        }
        ("expected", Value::Array(_)) => {
            let lines = out.entries.iter();
            lines
                .map(|e| String::from_utf8_lossy(&e.line).into_owned())
                .collect()
        }
        ("expectedLabels", Value::Object(_)) => entry
            .map(|e| labels(&e.labels.clone().finish()))
            .unwrap_or_default(),
        ("expectedStructuredMetadata", Value::Object(_)) => entry
            .map(|e| labels(&e.metadata.clone().finish()))
            .unwrap_or_default(),
        ("shouldDrop", Value::Bool(_)) => Value::Bool(entry.is_none()),
        ("expectedCollect", Value::String(want)) => {
            let got = collected(out);
            let want: Vec<&str> = want.lines().filter(|l| !l.trim().is_empty()).collect();
            let same = sorted(&want) == sorted(&got.lines().collect::<Vec<_>>());
            return Some(same.then_some(()).ok_or(format!("collected {got:?}")));
        }
        _ => return None,
    };
    let same = numbers_alike(&got) == numbers_alike(want);
    Some(same.then_some(()).ok_or(format!("{name}: {got}")))
}

fn sorted(lines: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(|l| in_order(l.trim())).collect();
    lines.sort();
    lines
}

/// A sample's labels in the order of their names.
fn in_order(line: &str) -> String {
    let (Some(open), Some(close)) = (line.find('{'), line.rfind('}')) else {
        return line.to_owned();
    };
    let mut labels: Vec<&str> = line[open + 1..close].split(',').collect();
    labels.sort_unstable();
    format!("{}{}{}", &line[..=open], labels.join(","), &line[close..])
}

fn labels(of: &Labels) -> Value {
    of.iter()
        .map(|(n, v)| (n.to_owned(), Value::from(v)))
        .collect()
}

/// 125 and 125.0 are one number.
fn numbers_alike(value: &Value) -> Value {
    match value {
        Value::Number(n) => n.as_f64().into(),
        Value::Array(items) => items.iter().map(numbers_alike).collect(),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(k, v)| (k.clone(), numbers_alike(v)));
            Value::Object(entries.collect())
        }
        other => other.clone(),
    }
}

/// What was counted, as an exposition.
fn collected(out: &Out) -> String {
    let mut text = String::new();
    for (name, help, kind, lines) in out.tally.shared.metrics.families() {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").unwrap();
        for (labels, value) in lines {
            let name = labels.get("__name__").to_owned();
            let pairs = labels.iter().filter(|(n, _)| *n != "__name__");
            let pairs: Vec<String> = pairs.map(|(n, v)| format!("{n}={v:?}")).collect();
            match pairs.as_slice() {
                [] => writeln!(text, "{name} {value}").unwrap(),
                pairs => writeln!(text, "{name}{{{}}} {value}", pairs.join(",")).unwrap(),
            }
        }
    }
    text
}

/// Lines through a pipeline, each a nanosecond after the other.
fn through(pipeline: &str, of: &[(&str, &str)], lines: &[&str]) -> Out {
    let (stages, _) = read(&format!("pipeline_stages:\n{pipeline}")).unwrap();
    let labels = Labels::from_pairs(of.iter().copied());
    let entry = |(i, line): (usize, &&str)| Entry::new(&labels, line.as_bytes(), NOW + i as i64);
    run(stages, lines.iter().enumerate().map(entry).collect())
}

fn lines(out: &Out) -> Vec<String> {
    let text = |e: &Entry| String::from_utf8_lossy(&e.line).into_owned();
    out.entries.iter().map(text).collect()
}

#[test]
fn replace_and_template_write_texts() {
    let nested = "- replace:\n    expression: '(?P<all>a(?P<in>b))(c)'\n    replace: '[{{ .Value | ToUpper }}]'\n";
    let out = through(nested, &[], &["abc abc"]);
    assert_eq!(lines(&out), ["[AB][C] [AB][C]"]);
    assert_eq!(out.entries[0].extracted["in"], "[B]");
    let gone = "- replace:\n    expression: '(b)'\n    replace: ''\n";
    assert_eq!(lines(&through(gone, &[], &["abab"])), ["aa"]);
    let made = "- regex:\n    expression: '(?P<user>\\w+)'\n- template:\n    source: greeting\n    template: 'hi {{ .user }} in {{ .app }}'\n- template:\n    source: user\n    template: ''\n- output:\n    source: greeting\n";
    let out = through(made, &[("app", "shop")], &["kim said"]);
    assert_eq!(lines(&out), ["hi kim in shop"]);
    assert!(!out.entries[0].extracted.contains_key("user"));
    let salted = "- template:\n    source: h\n    template: '{{ Sha2Hash \"salt\" \"x\" }} {{ Hash \"salt\" \"x\" }}'\n- output:\n    source: h\n";
    let hashes = &lines(&through(salted, &[], &["x"]))[0];
    assert_eq!(hashes.len(), 129);
}

#[test]
fn limits_drop_or_make_the_source_wait() {
    let drops = "- limit:\n    rate: 1\n    burst: 2\n    drop: true\n";
    let out = through(drops, &[], &["a", "b", "c", "d"]);
    assert_eq!(lines(&out), ["a", "b"]);
    assert_eq!(out.tally.dropped["limit_stage"], 2);
    let by_label = "- json:\n    expressions: {app: }\n- limit:\n    rate: 1\n    burst: 1\n    drop: true\n    by_label_name: app\n";
    let texts = [
        r#"{"app":"a"}"#,
        r#"{"app":"a"}"#,
        r#"{"app":"b"}"#,
        "{}",
        "{}",
    ];
    assert_eq!(lines(&through(by_label, &[], &texts)).len(), 4);
    let (stages, _) = read("pipeline_stages:\n- limit:\n    rate: 10\n    burst: 1\n").unwrap();
    let stages: Arc<[Stage]> = stages.into();
    let mut stages = Stages::new(&stages);
    let (mut out, mut tally) = (Vec::new(), Tally::default());
    assert!(!stages.waits(NOW, &tally));
    stages.take(
        Entry::new(&Labels::empty(), b"a", NOW),
        &mut out,
        &mut tally,
    );
    assert_eq!(out.len(), 1);
    assert!(stages.waits(NOW + 50_000_000, &tally));
    assert!(!stages.waits(NOW + 100_000_000, &tally));
}

#[test]
fn metrics_count_what_their_keys_say() {
    let pipeline = "- json:\n    expressions: {app: , took: }\n- metrics:\n    hits:\n      type: Counter\n      source: app\n      config: {value: shop, action: inc}\n    bytes:\n      type: counter\n      prefix: my_\n      config: {match_all: true, count_entry_bytes: true, action: add}\n    level:\n      type: Gauge\n      source: took\n      config: {action: sub}\n    took:\n      type: Histogram\n      config: {buckets: [0.5, 1]}\n";
    let texts = [
        r#"{"app":"shop","took":0.25}"#,
        r#"{"app":"else","took":"2"}"#,
        r#"{"app":"shop","took":"no number"}"#,
    ];
    let text = collected(&through(pipeline, &[("env", "dev"), ("__no", "1")], &texts));
    for want in [
        "promtail_custom_hits{env=\"dev\"} 2",
        "promtail_custom_level{env=\"dev\"} -2.25",
        "promtail_custom_took_bucket{env=\"dev\",le=\"0.5\"} 1",
        "promtail_custom_took_bucket{env=\"dev\",le=\"+Inf\"} 2",
        "promtail_custom_took_sum{env=\"dev\"} 2.25",
    ] {
        assert!(text.contains(want), "{want} in\n{text}");
    }
    let bytes: usize = texts.iter().map(|t| t.len()).sum();
    assert!(
        text.contains(&format!("my_bytes{{env=\"dev\"}} {bytes}")),
        "{text}"
    );
}

#[test]
fn parts_of_containers_are_joined_by_stream() {
    let cri = "- cri:\n    max_partial_lines: 2\n";
    let at = "2019-05-07T18:57:50.904275087+00:00";
    let part = |stream: &str, flag: &str, text: &str| format!("{at} {stream} {flag} {text}");
    let all = [
        part("stdout", "P", "one "),
        part("stderr", "P", "else "),
        part("stdout", "P", "two "),
        part("stdout", "F", "three"),
        part("stderr", "F", "end"),
    ];
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let out = through(cri, &[], &all);
    assert_eq!(lines(&out), ["one two three", "else end"]);
    assert_eq!(out.entries[0].t, 1_557_255_470_904_275_087);
    let short = "- cri:\n    max_partial_line_size: 5\n    max_partial_line_size_truncate: true\n";
    assert_eq!(lines(&through(short, &[], &all))[0], "one t");
}

#[test]
fn a_time_that_does_not_read_follows_the_last_of_its_labels() {
    let pipeline = "- json:\n    expressions: {time: , app: , msg: }\n- labels:\n    app:\n- timestamp:\n    source: time\n    format: RFC3339Nano\n    fallback_formats: [UnixMs]\n";
    let texts = [
        r#"{"app":"a","time":"2019-10-01T01:02:03Z"}"#,
        r#"{"app":"b"}"#,
        r#"{"app":"a"}"#,
        r#"{"app":"b","time":"1562708916919"}"#,
        r#"{"app":"a","time":"nonsense"}"#,
    ];
    let out = through(pipeline, &[], &texts);
    let t: Vec<i64> = out.entries.iter().map(|e| e.t).collect();
    let known = 1_569_891_723_000_000_000;
    assert_eq!(
        t,
        [
            known,
            NOW + 1,
            known + 1,
            1_562_708_916_919_000_000,
            known + 2
        ]
    );
}

#[test]
fn packed_lines_end_with_the_line() {
    let pipeline = "- static_labels:\n    pod: p1\n- tenant:\n    value: team\n- pack:\n    labels: [pod, none]\n";
    let out = through(pipeline, &[("app", "x")], &["say \"hi\""]);
    assert_eq!(lines(&out), [r#"{"pod":"p1","_entry":"say \"hi\""}"#]);
    let labels: BTreeMap<String, String> = out.entries[0]
        .labels
        .clone()
        .finish()
        .iter()
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    assert_eq!(labels.get("pod"), None);
    assert_eq!(labels["__tenant_id__"], "team");
}

#[test]
fn what_is_no_stage_is_refused() {
    for (yaml, want) in [
        ("- labels:\n", "a labels stage needs"),
        ("- labels:\n    'a-b': x\n", "not a label name"),
        ("- json:\n    source: x\n", "`expressions` are needed"),
        ("- json:\n    expressions: {a: 'x ['}\n", "JMESPath"),
        (
            "- template:\n    source: ''\n    template: x\n",
            "`source` is needed",
        ),
        (
            "- template:\n    source: a\n    template: '{{ nofunction }}'\n",
            "nofunction",
        ),
        ("- tenant:\n    value: a\n    label: b\n", "no more"),
        ("- limit:\n    rate: 0\n    burst: 1\n", "above zero"),
        (
            "- limit:\n    rate: 1\n    burst: 1\n    by_label_name: x\n",
            "drop: true",
        ),
        ("- sampling:\n    rate: 12\n", "between 0 and 1"),
        (
            "- metrics:\n    a: {type: Sum}\n",
            "Counter, Gauge or Histogram",
        ),
        (
            "- metrics:\n    a: {type: Counter, config: {action: set}}\n",
            "action",
        ),
        (
            "- match:\n    selector: '{a=\"b\"} | x > 1'\n    stages: []\n",
            "line filters",
        ),
        ("- labls:\n    a:\n", "did you mean `labels`"),
    ] {
        let why = read(&format!("pipeline_stages:\n{yaml}")).unwrap_err();
        assert!(why.contains(want), "{yaml}{why}");
    }
}
