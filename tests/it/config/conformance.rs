//! Prometheus' own configuration files: the good are accepted, the bad are refused.
//!
//! Set `BONGSU_CASES` to the folder of cases; without it this prints that it was skipped.

use bongsu::config;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn prometheus_config() {
    let Some(folder) = cases("prometheus/config") else {
        return println!("conformance prometheus-config: skipped, there are no cases");
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
    println!("conformance prometheus-config: {passed}/{total}");
    for failure in &failures {
        println!("  {failure}");
    }
    assert!(total > 0, "no case in {}", folder.display());
    assert!(passed * 100 >= total * 95, "{failures:#?}");
}

fn cases(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BONGSU_CASES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"),
        PathBuf::from,
    );
    Some(root.join(name)).filter(|p| p.is_dir())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut out: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    out.sort();
    out
}
