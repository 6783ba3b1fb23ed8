//! `config.example.yaml` names every key, with the default that the registry says.
//!
//! Its convention: `# text` is a remark, `#key: value` and `#  more` are settings that are off.

use bongsu::config;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[test]
fn the_example_loads_without_a_finding_and_says_the_defaults() {
    let loaded = config::load(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml")]);
    assert_eq!(loaded.findings, []);
    let mut config = loaded.config.unwrap();
    config.files.clear();
    assert_eq!(config, config::Config::default());
}

#[test]
fn every_key_has_its_line_and_its_default() {
    let text = switched_on(&example());
    let tree: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    collect(&tree, "", &mut found);
    let mut errors = Vec::new();
    for row in config::keys() {
        let name = &row.path;
        assert!(!row.doc.is_empty(), "{name} has no line of why");
        match found.get(name) {
            None => errors.push(format!("{name} is missing: {}", row.doc)),
            Some(values) if !row.default.is_empty() && !values.iter().any(|v| v == row.default) => {
                errors.push(format!(
                    "{name} does not show its default {}: {values:?}",
                    row.default
                ));
            }
            Some(_) => {}
        }
    }
    assert!(errors.is_empty(), "\n{}\n", errors.join("\n"));
}

/// Several settings exclude each other, so what is switched on is not accepted as a whole; but no
/// key is unknown and no value has the wrong shape.
#[test]
fn what_is_off_would_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    let text = switched_on(&example()).replace("/etc/prometheus", "/nonexistent");
    fs::write(&path, text).unwrap();
    let allowed = [
        "cannot both",
        "cannot stand beside",
        "there is no file",
        "no file matches",
        "cannot be read",
        "the environment has no",
        "bongsu does not have",
        "everybody hears twice",
    ];
    for finding in config::load(&[path]).findings {
        let text = finding.to_string();
        assert!(allowed.iter().any(|a| text.contains(a)), "{text}");
    }
}

fn example() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml")).unwrap()
}

fn switched_on(text: &str) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let (before, rest) = line.split_at(indent);
        match rest.strip_prefix('#') {
            Some(code) if !code.starts_with(' ') || code.starts_with("  ") => {
                // A remark within a block that is off keeps its own `#`.
                format!("{before}{code}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

/// Path to the values found there, as the registry writes them.
fn collect(value: &serde_yaml::Value, path: &str, out: &mut BTreeMap<String, Vec<String>>) {
    match value {
        serde_yaml::Value::Mapping(map) => {
            for (key, value) in map {
                let key = key.as_str().unwrap();
                // A header's name is the user's own.
                let key = if path.ends_with("http_headers")
                    || path.ends_with("proxy_connect_header")
                    || path.ends_with("endpoint_params")
                {
                    "*"
                } else {
                    key
                };
                let path = match path {
                    "" => key.to_owned(),
                    path => format!("{path}.{key}"),
                };
                out.entry(path.clone()).or_default().push(shown(value));
                collect(value, &path, out);
            }
        }
        serde_yaml::Value::Sequence(items) => {
            for item in items {
                collect(item, &format!("{path}[]"), out);
            }
        }
        _ => {}
    }
}

fn shown(value: &serde_yaml::Value) -> String {
    match value {
        serde_yaml::Value::Sequence(items) => {
            format!(
                "[{}]",
                items.iter().map(shown).collect::<Vec<_>>().join(", ")
            )
        }
        serde_yaml::Value::String(text) => text.clone(),
        serde_yaml::Value::Bool(yes) => yes.to_string(),
        serde_yaml::Value::Number(n) => n.to_string(),
        _ => String::new(),
    }
}

#[test]
fn collectors_are_known_by_their_names() {
    let table = bongsu::collect::host::COLLECTORS.iter();
    let names: Vec<_> = table.map(|c| c.name).collect();
    assert_eq!(names, config::host::COLLECTORS);
}
