//! The rules that come with the program: `defaults.yml` beside this file, a rule file as any other.

use crate::config;
use crate::config::rules::RuleGroup;

/// What stands in the place of a file's path.
pub const FILE: &str = "defaults";

const TEXT: &str = include_str!("defaults.yml");

/// Their groups.
pub fn groups() -> Vec<RuleGroup> {
    config::read_rules(FILE, TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Level;
    use crate::config::rules::RuleKind;

    #[test]
    fn they_are_a_rule_file_without_a_finding() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("defaults.yml");
        std::fs::write(&path, TEXT).unwrap();
        let findings = config::check(&path);
        let errors = findings.iter().filter(|f| f.level == Level::Error);
        assert_eq!(errors.count(), 0, "{findings:?}");
        assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn each_says_what_to_look_at() {
        let groups = groups();
        let rules: Vec<_> = groups.iter().flat_map(|g| &g.rules).collect();
        assert!(rules.len() >= 8);
        for rule in rules {
            let RuleKind::Alert { annotations, .. } = &rule.kind else {
                panic!("{} records", rule.name);
            };
            let names: Vec<&str> = annotations.iter().map(|(n, _)| n.as_str()).collect();
            assert_eq!(names, ["description", "summary"], "{}", rule.name);
            assert!(rule.labels.iter().any(|(n, _)| n == "severity"));
        }
    }
}
