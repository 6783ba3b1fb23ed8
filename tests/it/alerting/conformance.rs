//! Alertmanager's own configuration files, those that people run, and the receivers that the
//! Prometheus operator makes.
//!
//! Set `BONGSU_CASES` to the folder of cases; without it this prints that it was skipped.

use bongsu::config::{self, Level};
use std::fs;
use std::path::{Path, PathBuf};

/// Files that amtool refuses as well, and why.
const REFUSED: [(&str, &str); 2] = [
    (
        "sapcc-stargate_Apache2_excerpt.yaml",
        "a chart's template that nobody filled in",
    ),
    (
        "swarmprom_MIT.yml",
        "its Slack address is a comment until it is filled in",
    ),
];

#[test]
fn alertmanager_config() {
    let Some(folder) = cases("alertmanager") else {
        return println!("\nconformance alertmanager-config: skipped, there are no cases");
    };
    let mut wanted: Vec<(PathBuf, bool)> = Vec::new();
    let table = fs::read_to_string(folder.join("config_testdata/EXPECTED.tsv")).unwrap();
    for line in table.lines().skip(1) {
        let mut cells = line.split('\t');
        let path = folder.join("config_testdata").join(cells.next().unwrap());
        if path.is_file() {
            wanted.push((path, cells.next() == Some("good")));
        }
    }
    for path in files(&folder.join("real")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let refused = REFUSED.iter().any(|(n, _)| *n == name);
        wanted.push((path, !refused));
    }
    let (mut passed, mut failures) = (0, Vec::new());
    for (path, good) in &wanted {
        let text = text_of(path);
        let loaded = load(&text);
        if loaded.is_accepted() == *good {
            passed += 1;
        } else {
            let first = loaded.findings.iter().find(|f| f.level == Level::Error);
            failures.push(format!(
                "{}: {:?}",
                path.display(),
                first.map(ToString::to_string)
            ));
        }
    }
    report("alertmanager-config", passed, wanted.len(), &failures);
}

/// Whatever the operator writes under `receivers` has keys and shapes that are known.
#[test]
fn operator_receivers() {
    let Some(folder) = cases("alertmanager/operator_golden") else {
        return println!("\nconformance alertmanager-receivers: skipped, there are no cases");
    };
    let (mut passed, mut total, mut failures) = (0, 0, Vec::new());
    for path in files(&folder) {
        let text = fs::read_to_string(&path).unwrap();
        if path.ends_with("LICENSE") || !text.contains("receivers:") {
            continue;
        }
        total += 1;
        let routed = text.lines().any(|l| l.starts_with("route:"));
        let text = if routed {
            text
        } else {
            format!("route: {{receiver: r}}\n{text}")
        };
        let loaded = load(&text);
        let said = loaded.findings.iter().map(ToString::to_string);
        let wrong = |f: &String| f.contains("unknown key") || f.contains("is needed here, this is");
        let unread: Vec<String> = said.filter(wrong).collect();
        if unread.is_empty() {
            passed += 1;
        } else {
            failures.push(format!("{}: {}", path.display(), unread[0]));
        }
    }
    report("alertmanager-receivers", passed, total, &failures);
}

/// A Kubernetes Secret holds the file as one of its texts, or in base64.
fn text_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let tree: serde_yaml::Value = match serde_yaml::from_str(&text) {
        Ok(tree) => tree,
        Err(_) => return text,
    };
    if tree["kind"].as_str() != Some("Secret") {
        return text;
    }
    let plain = tree["stringData"]["alertmanager.yaml"].as_str();
    if let Some(plain) = plain {
        return plain.to_owned();
    }
    use base64::Engine as _;
    let coded = tree["data"]["alertmanager.yaml"].as_str().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(coded.trim())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

fn load(text: &str) -> config::Loaded {
    let file = tempfile::Builder::new().suffix(".yml").tempfile().unwrap();
    fs::write(file.path(), text).unwrap();
    config::load(&[file.path().to_owned()])
}

fn report(name: &str, passed: usize, total: usize, failures: &[String]) {
    println!("\nconformance {name}: {passed}/{total}");
    for failure in failures {
        println!("  {failure}");
    }
    assert!(total > 0, "{name}: there is no case");
    assert!(passed * 100 >= total * 98, "{failures:#?}");
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
    out.retain(|p| p.is_file());
    out.sort();
    out
}
