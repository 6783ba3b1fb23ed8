//! Reading what the configuration names: bounded, and behind a seam so that tests need no disk.

use crate::config::place::MAX_BYTES;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Files that one pattern may match.
const MAX_MATCHES: usize = 1000;

pub trait Files {
    /// The whole file as text; refuses more than [`MAX_BYTES`] and what is not UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;
    fn exists(&self, path: &Path) -> bool;
    /// The files that match, in order; `*` and `?` stand in the last part only.
    fn matches(&self, pattern: &Path) -> Vec<PathBuf>;
    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The machine's own files and environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Files for System {
    fn read(&self, path: &Path) -> io::Result<String> {
        let mut bytes = Vec::new();
        let file = fs::File::open(path)?;
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        text(bytes)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn matches(&self, pattern: &Path) -> Vec<PathBuf> {
        let Some(name) = wild_name(pattern) else {
            let found = pattern.is_file().then(|| pattern.to_owned());
            return found.into_iter().collect();
        };
        let folder = pattern.parent().unwrap_or(Path::new("."));
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut out: Vec<PathBuf> = entries
            .filter(|e| fits(name, &e.file_name().to_string_lossy()))
            .map(|e| e.path())
            .filter(|p| p.is_file())
            .take(MAX_MATCHES)
            .collect();
        out.sort();
        out
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Files held in memory.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) files: std::collections::BTreeMap<PathBuf, String>,
    pub(crate) variables: std::collections::BTreeMap<String, String>,
}

#[cfg(test)]
impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<String> {
        let found = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        text(found.clone().into_bytes())
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    fn matches(&self, pattern: &Path) -> Vec<PathBuf> {
        let fits_path = |path: &PathBuf| match wild_name(pattern) {
            None => path == pattern,
            Some(name) => {
                path.parent() == pattern.parent()
                    && path
                        .file_name()
                        .is_some_and(|f| fits(name, &f.to_string_lossy()))
            }
        };
        self.files
            .keys()
            .filter(|p| fits_path(p))
            .cloned()
            .collect()
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    let refuse = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    if bytes.len() > MAX_BYTES {
        return Err(refuse(format!("it has more than {} MiB", MAX_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        refuse(format!("it is not UTF-8 text (byte {at})"))
    })
}

fn wild_name(pattern: &Path) -> Option<&str> {
    let name = pattern.file_name()?.to_str()?;
    name.contains(['*', '?']).then_some(name)
}

/// Whether `name` fits `pattern`; `*` is any text, `?` any character.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    n = from + 1;
                    star = Some((at, n));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, want) in [
            ("*.yml", "a.yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "aXbYbc", true),
            ("?.yml", "한.yml", true),
            ("*", "", true),
            ("a*", "b", false),
        ] {
            assert_eq!(fits(pattern, name), want, "{pattern} {name}");
        }
    }
}
