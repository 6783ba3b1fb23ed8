//! Rules beside promtool: the same files are accepted, the same unit tests pass. Differences that are
//! expected are named here.

use bongsu::app::rule_tests;
use bongsu::config::{self, Level};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files on which Debian's promtool 2.42 differs, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "legacy_validation_annotation.bad.yaml",
        "it knows no other names than the legacy ones; here they are refused on request only",
    ),
    (
        "utf-8_annotation.good.yaml",
        "it is older than UTF-8 label names",
    ),
    (
        "utf-8_lname.good.yaml",
        "it is older than UTF-8 label names",
    ),
    (
        "defaults.yml",
        "one group of our own rules is in LogQL, which it does not know",
    ),
    (
        "legacy_validation_annotation.good.yaml",
        "it is older than UTF-8 label names",
    ),
];

fn cases(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BONGSU_CASES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"),
        PathBuf::from,
    );
    Some(root.join(name)).filter(|p| p.is_dir())
}

fn promtool(words: &[&str], file: &Path) -> bool {
    let mut command = Command::new("timeout");
    command.arg("60").arg("promtool").args(words).arg(file);
    command.output().unwrap().status.success()
}

/// Our own rules and those of the users need no cases; the rest is compared where there are some.
#[test]
fn files_are_accepted_as_promtool_accepts_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![
        root.join("src/alert/defaults.yml"),
        root.join("tests/data/seeds/rules.yml"),
    ];
    for folder in ["prometheus/rules", "rules/awesome", "rules/mixins"] {
        if let Some(folder) = cases(folder) {
            let entries = std::fs::read_dir(folder).unwrap();
            let paths = entries.map(|e| e.unwrap().path());
            let yaml = |p: &PathBuf| p.extension().is_some_and(|e| e == "yml" || e == "yaml");
            files.extend(paths.filter(yaml));
        }
    }
    files.sort();
    let (mut same, mut different) = (0, Vec::new());
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let findings = config::check(file);
        let ours = !findings.iter().any(|f| f.level == Level::Error);
        let theirs = promtool(&["check", "rules", "--lint=none"], file);
        if ours == theirs {
            same += 1;
        } else if let Some((_, why)) = DIFFERENCES.iter().find(|(n, _)| *n == name) {
            println!("promtool differs on {name}: {why}");
        } else {
            let error = findings.first().map(ToString::to_string);
            different.push(format!("{name}: promtool says {theirs}, we say {error:?}"));
        }
    }
    println!("\nrules beside promtool: {same}/{}", files.len());
    assert!(different.is_empty(), "{different:#?}");
}

/// A test file that promtool passes passes here, and one whose annotation is wrong by a digit
/// fails in both.
#[test]
fn unit_tests_have_promtools_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let rules = "groups:
- name: g
  rules:
  - {record: 'job:x:rate', expr: 'sum by (job) (rate(x[5m]))'}
  - alert: Fast
    expr: job:x:rate > 1
    for: 2m
    labels: {severity: '{{ if gt $value 5.0 }}critical{{ else }}warning{{ end }}'}
    annotations:
      a: '{{ $labels.job }} {{ $value }} {{ $value | humanize }} {{ humanize1024 2097152.0 }}'
      b: '{{ humanizeDuration 93784.0 }} {{ humanizePercentage 0.12345 }} {{ humanizeTimestamp 1435065584.128 }}'
      c: '{{ range query \"x\" | sortByLabel \"i\" }}{{ .Labels.i }}={{ .Value }};{{ end }}'
      d: '{{ reReplaceAll \"a(.)\" \"$1$1\" \"abac\" }} {{ title \"one two\" }} {{ stripPort \"h:1\" }}'
      e: '{{ with printf \"x{i=%q}\" \"1\" | query }}{{ . | first | value | printf \"%.1f\" }}{{ end }}'
      f: '{{ $labels }} {{ tableLink \"up\" }} {{ 1234567.5 }} {{ parseDuration \"1h30m\" }}'
";
    std::fs::write(dir.path().join("rules.yml"), rules).unwrap();
    let test = |f: &str| {
        format!(
            "rule_files: [rules.yml]
tests:
- interval: 1m
  input_series:
  - {{series: 'x{{job=\"a\",i=\"1\"}}', values: '0+600x20'}}
  - {{series: 'x{{job=\"a\",i=\"2\"}}', values: '0+60x20'}}
  alert_rule_test:
  - eval_time: 10m
    alertname: Fast
    exp_alerts:
    - exp_labels: {{job: a, severity: critical}}
      exp_annotations:
        a: 'a 11 11 2Mi'
        b: '1d 2h 3m 4s 12.35% 2015-06-23 13:19:44.128 +0000 UTC'
        c: '1=6000;2=600;'
        d: 'bbcc One Two h'
        e: '6000.0'
        f: '{f}'
  promql_expr_test:
  - {{expr: 'job:x:rate', eval_time: 10m, exp_samples: [{{labels: 'job:x:rate{{job=\"a\"}}', value: 11}}]}}
"
        )
    };
    let right = "map[__name__:job:x:rate job:a] /graph?g0.expr=up&g0.tab=1 1.2345675e+06 5400";
    for (name, f, passes) in [("good.yml", right, true), ("bad.yml", "map[job:b]", false)] {
        let file = dir.path().join(name);
        std::fs::write(&file, test(f)).unwrap();
        let theirs = promtool(&["test", "rules"], &file);
        let faults = rule_tests::run(&file);
        assert_eq!(theirs, passes, "promtool on {name}");
        assert_eq!(faults.is_empty(), passes, "{name}: {faults:#?}");
    }
}
