//! Patterns of paths: `*`, `?`, `[a-z]`, `{a,b}` within one part, `**` over any.

use crate::base::fs::Fs;
use globset::{GlobBuilder, GlobMatcher};
use std::path::{Path, PathBuf};

/// Files that one pattern may name.
const MOST_FILES: usize = 20_000;
/// Directories that `**` goes down.
const DEEPEST: usize = 16;

/// A pattern that a file's path may match.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    matcher: GlobMatcher,
    /// The part before the first sign.
    root: PathBuf,
    /// Parts behind the root; `None` with `**`.
    parts: Option<usize>,
}

/// What a pattern found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: Vec<PathBuf>,
    /// Directories that were looked into.
    pub(crate) folders: Vec<PathBuf>,
    /// Directories that cannot be read, with the reason.
    pub(crate) unread: Vec<String>,
    /// There are more files than are taken.
    pub(crate) cut: bool,
}

fn has_sign(part: &str) -> bool {
    part.contains(['*', '?', '[', '{'])
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let matcher = GlobBuilder::new(text)
            .literal_separator(true)
            .build()
            .map_err(|e| format!("{text:?} is not a pattern of paths: {e}"))?
            .compile_matcher();
        let parts: Vec<&str> = text.split('/').collect();
        // A brace may span parts: `/a/{b/c,d}/*.log`.
        let first = parts
            .iter()
            .position(|p| has_sign(p))
            .unwrap_or(parts.len());
        let root: String = parts[..first].join("/");
        let rest = &parts[first..];
        let any = rest.contains(&"**") || text.contains('{') && text.contains('/');
        Ok(Self {
            text: text.to_owned(),
            matcher,
            root: PathBuf::from(if root.is_empty() { "/" } else { &root }),
            parts: (!any).then_some(rest.len()),
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, path: &Path) -> bool {
        self.matcher.is_match(path)
    }

    /// The files that match, but for those that `except` matches.
    pub(crate) fn files(&self, fs: &Fs, except: Option<&Self>) -> Found {
        let mut found = Found::default();
        if self.parts == Some(0) {
            if fs.facts(&self.root).is_ok_and(|f| !f.is_dir) {
                found.files.push(self.root.clone());
            }
            found.folders.extend(self.root.parent().map(Path::to_owned));
            return found;
        }
        let deepest = self.parts.unwrap_or(DEEPEST);
        let mut todo = vec![(self.root.clone(), 1)];
        while let Some((folder, depth)) = todo.pop() {
            let entries = match fs.list(&folder) {
                Ok(entries) => entries,
                Err(e) if e.is_missing() => continue,
                Err(e) => {
                    found.unread.push(e.to_string());
                    continue;
                }
            };
            found.folders.push(folder.clone());
            for entry in entries {
                let path = folder.join(&entry.name);
                if entry.is_dir {
                    if depth < deepest {
                        todo.push((path, depth + 1));
                    }
                } else if self.matches(&path) && !except.is_some_and(|e| e.matches(&path)) {
                    if found.files.len() >= MOST_FILES {
                        found.cut = true;
                        return found;
                    }
                    found.files.push(path);
                }
            }
        }
        found.files.sort();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_promtails_do() {
        for (pattern, yes, no) in [
            ("/logs/*.log", "/logs/a.log", "/logs/b/a.log"),
            ("/var/log/**/*.log", "/var/log/a/b/c.log", "/var/log/a.txt"),
            ("/var/log/**/*.log", "/var/log/c.log", "/var/lib/c.log"),
            ("/a/{b,c}.log", "/a/b.log", "/a/d.log"),
            ("/a/{b/x,c}/*.log", "/a/b/x/1.log", "/a/b/1.log"),
            ("/a/app.log", "/a/app.log", "/a/app.log.1"),
            ("/a/[ab]?.log", "/a/ax.log", "/a/cx.log"),
        ] {
            let p = Pattern::new(pattern).unwrap();
            assert!(p.matches(Path::new(yes)), "{pattern} {yes}");
            assert!(!p.matches(Path::new(no)), "{pattern} {no}");
        }
        assert!(Pattern::new("/a/[").is_err());
    }

    #[test]
    fn files_are_found_below_folders_and_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("x/y")).unwrap();
        for name in ["a.log", "b.txt", "x/c.log", "x/y/d.log", "x/y/old.log"] {
            std::fs::write(root.join(name), "x").unwrap();
        }
        let pattern = |p: &str| Pattern::new(&format!("{}/{p}", root.display())).unwrap();
        let names = |found: Found| -> Vec<String> {
            let short = |p: &PathBuf| p.strip_prefix(root).unwrap().display().to_string();
            found.files.iter().map(short).collect()
        };
        let fs = Fs::real();
        assert_eq!(names(pattern("*.log").files(&fs, None)), ["a.log"]);
        let except = pattern("**/old*");
        let all = pattern("**/*.log").files(&fs, Some(&except));
        assert_eq!(names(all), ["a.log", "x/c.log", "x/y/d.log"]);
        assert_eq!(names(pattern("a.log").files(&fs, None)), ["a.log"]);
        assert_eq!(
            names(pattern("none/*.log").files(&fs, None)),
            Vec::<String>::new()
        );
    }
}
