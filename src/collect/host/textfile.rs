//! `*.prom` files that scripts leave in a directory.
//!
//! A file is taken whole or not at all: one that cannot be read, does not parse, carries
//! timestamps, or names a family that stands already with another type, counts as an error and
//! the others still stand.

use crate::collect::host::Reading;
use crate::collect::host::families::{Families, gauge};
use crate::collect::host::files::Failure;
use crate::model::answer::MetricKind;
use crate::model::family::{Family, Point};
use crate::model::labels::Labels;
use crate::wire::exposition::{Format, families};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Bytes of one file, and files of one directory.
const LARGEST: u64 = 4 << 20;
const MOST_FILES: usize = 1000;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let error = gauge(
        "node_textfile_scrape_error",
        "1 where a text file could not be read or understood.",
    );
    let mtime = gauge(
        "node_textfile_mtime_seconds",
        "When the text file was last written, in seconds since 1970.",
    );
    let Some(directory) = &r.options.textfile_directory else {
        r.out.one(&error, 0.0);
        return Ok(());
    };
    let mut failed = None;
    for path in prom_files(directory).unwrap_or_else(|e| {
        failed = Some(format!("{} cannot be read: {e}", directory.display()));
        Vec::new()
    }) {
        match take(&path, r.out) {
            Ok(seconds) => {
                let file = path.display().to_string();
                r.out.add(&mtime, &[("file", &file)], seconds);
            }
            Err(why) => failed = Some(format!("{}: {why}", path.display())),
        }
    }
    r.out.one(&error, f64::from(u8::from(failed.is_some())));
    failed.map_or(Ok(()), |said| Err(Failure::Said(said)))
}

fn prom_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.take(MOST_FILES).flatten();
    let mut paths: Vec<PathBuf> = entries.map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "prom"));
    paths.sort();
    Ok(paths)
}

/// Adds a file's families; when it was written, in seconds.
fn take(path: &Path, out: &mut Families) -> Result<f64, String> {
    let open = |e: std::io::Error| format!("it cannot be read: {e}");
    let file = fs::File::open(path).map_err(open)?;
    let meta = file.metadata().map_err(open)?;
    if !meta.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut body = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut body)
        .map_err(open)?;
    if body.len() as u64 > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    let read =
        families::read(Format::Text, &body).map_err(|e| format!("line {}: {}", e.line, e.what))?;
    let all: Result<Vec<Family>, String> = read.into_iter().filter_map(family).collect();
    let all = all?;
    for family in &all {
        if out.kind_of(&family.name).is_some_and(|k| k != family.kind) {
            return Err(format!("{} stands already with another type", family.name));
        }
    }
    for family in all {
        out.join(family);
    }
    let written = meta
        .modified()
        .ok()
        .and_then(|m| m.duration_since(UNIX_EPOCH).ok());
    Ok(written.map_or(0.0, |w| w.as_secs_f64()))
}

/// `None` for a family without samples.
fn family(read: families::Read) -> Option<Result<Family, String>> {
    let first = read.samples.first()?;
    let parts = matches!(
        read.kind,
        MetricKind::Histogram | MetricKind::Summary | MetricKind::GaugeHistogram
    );
    // A counter's samples carry the name that is exposed.
    let name = if parts { &read.name } else { &first.name };
    let mut family = Family {
        name: name.clone().into(),
        kind: read.kind,
        help: read.help.clone().into(),
        points: Vec::with_capacity(read.samples.len()),
    };
    for sample in &read.samples {
        if sample.timestamp.is_some() {
            return Some(Err(format!(
                "{} carries a timestamp, which text files must not",
                sample.name
            )));
        }
        let suffix = match sample.name.strip_prefix(family.name.as_ref()) {
            Some("") => "",
            Some("_bucket") => "_bucket",
            Some("_sum") => "_sum",
            Some("_count") => "_count",
            _ => {
                return Some(Err(format!(
                    "{} is no part of {}",
                    sample.name, family.name
                )));
            }
        };
        let labels = sample.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        family.points.push(Point {
            suffix,
            labels: Labels::from_pairs(labels),
            value: sample.value,
        });
    }
    Some(Ok(family))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::host::{Host, Options};

    fn read_files(files: &[(&str, &str)]) -> (Vec<Family>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let mut host = Host::new(Options {
            root: dir.path().join("no-machine"),
            textfile_directory: Some(dir.path().to_owned()),
            ..Options::default()
        });
        let families = host.read();
        let failures = host.failures().iter();
        let said = failures.filter(|(name, _)| *name == "textfile");
        (families, said.map(|(_, said)| said.clone()).collect())
    }

    fn find<'a>(families: &'a [Family], name: &str) -> Option<&'a Family> {
        families.iter().find(|f| f.name == name)
    }

    #[test]
    fn good_files_stand_beside_bad_ones() {
        let (families, said) = read_files(&[
            (
                "a.prom",
                "# TYPE backup_done counter\nbackup_done_total{db=\"x\"} 3\nplain 1\n",
            ),
            ("b.prom", "late 1 1700000000000\n"),
            ("c.prom", "not { a line\n"),
            (
                "d.prom",
                "# TYPE took histogram\ntook_bucket{le=\"+Inf\"} 2\ntook_sum 1.5\ntook_count 2\n",
            ),
            ("e.txt", "ignored 1\n"),
        ]);
        assert_eq!(
            find(&families, "backup_done_total").unwrap().points[0].value,
            3.0
        );
        assert!(find(&families, "plain").is_some());
        assert!(find(&families, "late").is_none() && find(&families, "ignored").is_none());
        let parts: Vec<_> = find(&families, "took")
            .unwrap()
            .points
            .iter()
            .map(|p| p.suffix)
            .collect();
        assert_eq!(parts, ["_bucket", "_sum", "_count"]);
        assert_eq!(
            find(&families, "node_textfile_mtime_seconds")
                .unwrap()
                .points
                .len(),
            2
        );
        assert_eq!(
            find(&families, "node_textfile_scrape_error")
                .unwrap()
                .points[0]
                .value,
            1.0
        );
        assert!(said[0].contains("c.prom: line 1"), "{said:?}");
    }

    #[test]
    fn files_that_are_fine_are_no_error() {
        let (families, said) = read_files(&[("a.prom", "x 1\n"), ("b.prom", "x{a=\"1\"} 2\n")]);
        assert_eq!(find(&families, "x").unwrap().points.len(), 2);
        assert_eq!(
            find(&families, "node_textfile_scrape_error")
                .unwrap()
                .points[0]
                .value,
            0.0
        );
        assert!(said.is_empty());
    }

    #[test]
    fn a_type_that_differs_is_refused() {
        let (families, said) = read_files(&[
            ("a.prom", "# TYPE x counter\nx_total 1\n"),
            ("b.prom", "# TYPE x_total gauge\nx_total{a=\"1\"} 2\n"),
        ]);
        assert_eq!(find(&families, "x_total").unwrap().points.len(), 1);
        assert!(said[0].contains("another type"));
    }
}
