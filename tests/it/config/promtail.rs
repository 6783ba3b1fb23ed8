//! Promtail's configurations that people run are accepted.
//!
//! Set `BONGSU_CASES` to the folder of cases; without it this prints that it was skipped.

use bongsu::config::{self, Level};
use std::fs;
use std::path::PathBuf;

#[test]
fn conformance() {
    let Some(folder) = crate::config::conformance::cases("promtail/configs") else {
        return println!("\nconformance promtail-configs: skipped, there are no cases");
    };
    let skipped = include_str!("../../conformance/promtail-configs.skip");
    let (mut passed, mut total, mut failures) = (0, 0, Vec::new());
    for path in crate::config::conformance::files(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        total += 1;
        if skipped
            .lines()
            .any(|l| l.split_whitespace().next() == Some(name.as_str()))
        {
            println!("  skipped: {name}");
            continue;
        }
        let text = of_a_role(&fs::read_to_string(&path).unwrap());
        let copy = tempfile::tempdir().unwrap();
        let copied: PathBuf = copy.path().join("promtail.yml");
        fs::write(&copied, text).unwrap();
        let loaded = config::load(&[copied]);
        let errors = loaded.findings.iter().filter(|f| f.level == Level::Error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        let jobs = loaded.config.map_or(0, |c| c.logs.jobs.len());
        if errors.is_empty() && jobs > 0 {
            passed += 1;
        } else {
            failures.push(format!("{name}: {jobs} jobs, {errors:?}"));
        }
    }
    println!("\nconformance promtail-configs: {passed}/{total}");
    assert!(total > 0, "no case in {}", folder.display());
    assert!(failures.is_empty(), "{failures:#?}");
}

/// An Ansible role keeps the jobs in a variable: its list is what the role writes.
fn of_a_role(text: &str) -> String {
    let Some(at) = text.find("promtail_scrape_configs:") else {
        return text.to_owned();
    };
    let list = &text[at + "promtail_scrape_configs:".len()..];
    let inside = |l: &&str| l.is_empty() || l.starts_with([' ', '#', '-']);
    let lines: Vec<&str> = list.lines().skip(1).take_while(inside).collect();
    format!("server: {{}}\nscrape_configs:\n{}\n", lines.join("\n"))
}
