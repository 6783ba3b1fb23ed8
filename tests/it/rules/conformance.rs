//! Rule files and rule tests of Prometheus and of those who use it.
//!
//! Set `BONGSU_CASES` to the folder of cases; without it this prints that it was skipped. Verdicts of
//! promtool's own test files are those of its `main_test.go`; `tests/conformance/*.skip` names what
//! is not expected to hold, and why.

use bongsu::app::rule_tests;
use bongsu::config::{self, Level};
use std::fs;
use std::path::{Path, PathBuf};

fn cases(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BONGSU_CASES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"),
        PathBuf::from,
    );
    Some(root.join(name)).filter(|p| p.is_dir())
}

/// Every file below a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

/// Lines `NAME reason` of a list of exceptions.
fn skipped(list: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/conformance")
        .join(list);
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    let split = |l: &str| l.split_once(' ').map(|(n, r)| (n.to_owned(), r.to_owned()));
    lines.filter_map(split).collect()
}

fn is_rule_file(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let top = |key: &str| text.lines().any(|l| l.starts_with(key));
    !top("tests:") && (top("groups:") || top("kind: PrometheusRule") || top("\"groups\""))
}

/// Whether Prometheus' own tests expect the file to be refused: its name says so.
fn is_bad(name: &str) -> bool {
    name.contains(".bad.")
        || name.contains("bad-")
        || name.contains("rules-bad")
        || name.contains("extrafields")
        || name.ends_with("invalid_rules.yaml")
}

#[test]
fn rules() {
    let (Some(rules), Some(prometheus)) = (cases("rules"), cases("prometheus/rules")) else {
        return println!("\nconformance rules: skipped, there are no cases");
    };
    let skip = skipped("rules.skip");
    let (mut passed, mut total, mut failures) = (0, 0, Vec::new());
    for path in files(&rules).into_iter().chain(files(&prometheus)) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !is_rule_file(&path) {
            continue;
        }
        total += 1;
        if let Some((_, why)) = skip.iter().find(|(n, _)| *n == name) {
            println!("skipped {name}: {why}");
            continue;
        }
        let findings = config::check(&path);
        let error = findings.iter().find(|f| f.level == Level::Error);
        if error.is_some() == is_bad(&name) {
            passed += 1;
        } else {
            failures.push(format!("{name}: {:?}", error.map(ToString::to_string)));
        }
    }
    println!("\nconformance rules: {passed}/{total}");
    assert!(total > 100, "only {total} rule files");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn rule_unit_tests() {
    let Some(folder) = cases("prometheus/promtool") else {
        return println!("\nconformance rule-unit-tests: skipped, there are no cases");
    };
    // The file, and whether its tests pass.
    let verdicts = [
        ("unittest.yml", true),
        ("long-period.yml", true),
        ("no-test-group-interval.yml", true),
        ("at-modifier-test.yml", true),
        ("negative-offset-test.yml", true),
        ("start-time-test.yml", true),
        ("bad-input-series.yml", false),
        ("bad-promql.yml", false),
        ("bad-rules-syntax-test.yml", false),
        ("bad-rules-error-test.yml", false),
        ("failing.yml", false),
        // One of two tests is wrong on purpose.
        ("rules_run.yml", false),
        ("rules_run_fuzzy.yml", false),
        ("rules_run_no_fuzzy.yml", false),
        ("rules_run_extrafields.yml", false),
    ];
    let skip = skipped("rule-unit-tests.skip");
    let (mut passed, mut total, mut failures) = (0, 0, Vec::new());
    for (name, good) in verdicts {
        total += 1;
        if let Some((_, why)) = skip.iter().find(|(n, _)| *n == name) {
            println!("skipped {name}: {why}");
            continue;
        }
        let faults = rule_tests::run(&folder.join(name));
        if faults.is_empty() == good {
            passed += 1;
        } else {
            failures.push(format!("{name}: {faults:#?}"));
        }
    }
    println!("\nconformance rule-unit-tests: {passed}/{total}");
    assert!(failures.is_empty(), "{failures:#?}");
}
