//! Prometheus' own configuration files: the good are accepted, the bad are refused.
//!
//! Set `BONGSU_CASES` to the folder of cases; without it this prints that it was skipped.

use bongsu::config::{self, Level};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn prometheus_config() {
    let Some(folder) = cases("prometheus/config") else {
        return println!("\nconformance prometheus-config: skipped, there are no cases");
    };
    let (mut passed, mut total, mut failures) = (0, 0, Vec::new());
    for path in files(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let good = name.ends_with(".good.yml");
        if !good && !name.ends_with(".bad.yml") {
            continue;
        }
        total += 1;
        let loaded = config::load(std::slice::from_ref(&path));
        if loaded.is_accepted() == good {
            passed += 1;
        } else {
            failures.push(format!(
                "{name}: {:?}",
                loaded.findings.first().map(ToString::to_string)
            ));
        }
    }
    println!("\nconformance prometheus-config: {passed}/{total}");
    for failure in &failures {
        println!("  {failure}");
    }
    assert!(total > 0, "no case in {}", folder.display());
    assert!(passed * 100 >= total * 95, "{failures:#?}");
}

/// The rules of Prometheus' own tests, and rules that people run. Names as `legacy` would refuse
/// them are not judged, since the default accepts them.
#[test]
fn prometheus_rules() {
    let Some(folder) = cases("prometheus/rules") else {
        return println!("\nconformance prometheus-rules: skipped, there are no cases");
    };
    let mut paths: Vec<_> = files(&folder);
    for more in [
        "rules",
        "rules/awesome",
        "rules/kube-prometheus",
        "rules/mixins",
    ] {
        paths.extend(files(&cases(more).unwrap()));
    }
    paths.retain(|p| p.is_file() && !p.ends_with("LICENSE"));
    let (mut passed, mut total, mut failures) = (0, 0, Vec::new());
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("legacy_") {
            continue;
        }
        let good = !name.contains(".bad.") && name != "invalid_rules.yaml";
        total += 1;
        let findings = config::check(&path);
        let error = findings.iter().find(|f| f.level == Level::Error);
        if error.is_none() == good {
            passed += 1;
        } else {
            failures.push(format!("{name}: {:?}", error.map(ToString::to_string)));
        }
    }
    println!("\nconformance prometheus-rules: {passed}/{total}");
    for failure in &failures {
        println!("  {failure}");
    }
    assert!(passed * 100 >= total * 95, "{failures:#?}");
}

pub(crate) fn cases(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BONGSU_CASES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"),
        PathBuf::from,
    );
    Some(root.join(name)).filter(|p| p.is_dir())
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut out: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    out.sort();
    out
}
