//! Which addresses there are: named in the configuration, or in files that are watched.
//!
//! Files are looked at every few seconds (size, time, inode) and read only where one of these
//! changed: a new target needs no restart and no signal. A file that became unreadable keeps the
//! targets it had, and the reason is told; a file that is gone takes its targets with it.

use crate::base::fs::{Facts, Fs};
use crate::config::files::{Files, System};
use crate::config::finding::Level;
use crate::config::scrape::ScrapeConfig;
use crate::config::targets::{FileSd, TargetGroup, read_groups};
use crate::model::labels::{Labels, LabelsBuilder};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The address of a target, before and after relabelling.
pub const ADDRESS: &str = "__address__";
/// The file that named a target.
const FILE_PATH: &str = "__meta_filepath";

/// The files of all jobs, with what they said when they were read last.
#[derive(Debug, Default)]
pub struct Watched {
    files: HashMap<PathBuf, Known>,
}

#[derive(Debug)]
struct Known {
    seen: Option<Facts>,
    groups: Vec<TargetGroup>,
    /// Why the last version was not taken; empty where it was.
    problem: String,
}

impl Watched {
    /// Looks at every file that the jobs name; true where something differs from the last look.
    /// Waits for the disk: not for the runtime's workers.
    pub fn look<'a>(&mut self, sources: impl IntoIterator<Item = &'a FileSd>) -> bool {
        let mut paths: Vec<PathBuf> = Vec::new();
        for source in sources {
            paths.extend(
                source
                    .files
                    .iter()
                    .flat_map(|pattern| System.matches(pattern)),
            );
        }
        let before = self.files.len();
        self.files.retain(|path, _| paths.contains(path));
        let mut changed = self.files.len() != before;
        for path in paths {
            changed |= self.look_at(path);
        }
        changed
    }

    fn look_at(&mut self, path: PathBuf) -> bool {
        let facts = Fs::real().facts(&path).ok();
        if self
            .files
            .get(&path)
            .is_some_and(|known| known.seen == facts)
        {
            return false;
        }
        let (groups, findings) = read_groups(&System, &path);
        let error = findings.into_iter().find(|f| f.level == Level::Error);
        let known = self.files.entry(path).or_insert(Known {
            seen: None,
            groups: Vec::new(),
            problem: String::new(),
        });
        known.seen = facts;
        known.problem = error.map(|e| e.to_string()).unwrap_or_default();
        if known.problem.is_empty() {
            known.groups = groups;
        }
        true
    }

    /// The targets of one job as they were found, `__address__` among their labels.
    pub fn targets(&self, job: &ScrapeConfig) -> Vec<Labels> {
        let mut out = Vec::new();
        for group in &job.static_configs {
            expand(group, |_| (), &mut out);
        }
        for (path, known) in self.of(&job.file_sd) {
            let from = |labels: &mut LabelsBuilder| {
                labels.set(FILE_PATH, &path.display().to_string());
            };
            known
                .groups
                .iter()
                .for_each(|group| expand(group, from, &mut out));
        }
        out
    }

    /// The groups that these files name now.
    pub fn groups(&self, sources: &[FileSd]) -> Vec<TargetGroup> {
        let all = self.of(sources).into_iter();
        all.flat_map(|(_, known)| known.groups.clone()).collect()
    }

    /// Why files of this job were not taken as they stand now.
    pub fn problems(&self, job: &ScrapeConfig) -> Vec<String> {
        let files = self.of(&job.file_sd).into_iter();
        files
            .map(|(_, known)| known.problem.clone())
            .filter(|p| !p.is_empty())
            .collect()
    }

    /// The files of these sources, in the order of their paths.
    fn of(&self, sources: &[FileSd]) -> Vec<(&Path, &Known)> {
        let mut paths: Vec<PathBuf> = sources
            .iter()
            .flat_map(|s| &s.files)
            .flat_map(|p| System.matches(p))
            .collect();
        paths.sort();
        paths.dedup();
        paths
            .iter()
            .filter_map(|path| self.files.get_key_value(path))
            .map(|(path, known)| (path.as_path(), known))
            .collect()
    }
}

fn expand(group: &TargetGroup, also: impl Fn(&mut LabelsBuilder), out: &mut Vec<Labels>) {
    for address in &group.targets {
        let mut labels = group.labels.edit();
        labels.set(ADDRESS, address);
        also(&mut labels);
        out.push(labels.finish());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Duration;

    fn source(dir: &Path) -> FileSd {
        FileSd {
            files: vec![dir.join("*.yml"), dir.join("more.json")],
            refresh_interval: Duration::from_mins(5),
        }
    }

    fn found(watched: &Watched, source: &FileSd) -> Vec<String> {
        let mut out = Vec::new();
        for (_, known) in watched.of(std::slice::from_ref(source)) {
            known
                .groups
                .iter()
                .for_each(|g| expand(g, |_| (), &mut out));
        }
        out.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_come_change_break_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        let mut watched = Watched::default();
        assert!(!watched.look([&source]));

        let path = dir.path().join("a.yml");
        std::fs::write(&path, "- targets: [one:1, two:2]\n  labels: {env: dev}\n").unwrap();
        assert!(watched.look([&source]));
        let first = [
            "{__address__=\"one:1\", env=\"dev\"}",
            "{__address__=\"two:2\", env=\"dev\"}",
        ];
        assert_eq!(found(&watched, &source), first);
        assert!(!watched.look([&source]), "nothing changed");

        std::fs::write(&path, "- targets: [one:1\n").unwrap();
        assert!(watched.look([&source]));
        assert_eq!(
            found(&watched, &source),
            first,
            "a broken file keeps its targets"
        );
        assert!(watched.files[&path].problem.contains("a.yml"));

        std::fs::write(
            dir.path().join("more.json"),
            "[{\"targets\": [\"three:3\"]}]",
        )
        .unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(watched.look([&source]));
        assert_eq!(found(&watched, &source), ["{__address__=\"three:3\"}"]);
    }
}
