//! Targets added from the console: one file each under `targets/` of the data directory, in the
//! form of `file_sd_configs`, so that they are edited and removed like any other file of targets.

use crate::base::clock::Duration;
use crate::base::fs::Fs;
use crate::collect::discovery::ADDRESS;
use crate::config::files::{Files, System};
use crate::config::global::Scraping;
use crate::config::http::HttpClient;
use crate::config::scrape::{Scheme, ScrapeConfig};
use crate::config::targets::{FileSd, read_groups};
use crate::model::action::Outcome;
use crate::model::labels::Labels;
use crate::wire::exposition::series::is_bare;
use percent_encoding::percent_decode_str;
use std::path::{Path, PathBuf};

/// The job of a target that was given none.
const JOB: &str = "added";
/// The interval where the configuration gives none.
const INTERVAL: Duration = Duration::from_secs(15);
const FORMS: [&str; 3] = ["*.yaml", "*.yml", "*.json"];

/// What a person asked for.
pub(crate) struct New {
    pub(crate) url: String,
    pub(crate) job: String,
    pub(crate) labels: Vec<(String, String)>,
}

/// The job that reads the files of `data_dir`.
pub fn job(data_dir: &Path, interval: Duration) -> ScrapeConfig {
    let interval = if interval.is_zero() {
        INTERVAL
    } else {
        interval
    };
    ScrapeConfig {
        job_name: JOB.to_owned(),
        interval,
        timeout: Duration::from_secs(10).min(interval),
        scheme: Scheme::Http,
        metrics_path: "/metrics".to_owned(),
        params: Vec::new(),
        honor_labels: false,
        honor_timestamps: true,
        track_timestamps_staleness: false,
        enable_compression: true,
        fallback_protocol: None,
        scraping: Scraping::default(),
        http: HttpClient::default(),
        static_configs: Vec::new(),
        file_sd: vec![FileSd {
            files: FORMS
                .iter()
                .map(|form| folder(data_dir).join(form))
                .collect(),
            refresh_interval: Duration::from_mins(5),
        }],
        relabel: Vec::new(),
        metric_relabel: Vec::new(),
    }
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("targets")
}

/// A URL as a person types it, taken apart: `host:9100`, `https://host/path?a=b`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Address {
    scheme: String,
    host: String,
    path: String,
    params: Vec<(String, String)>,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        if !matches!(scheme, "http" | "https") {
            return Err(format!(
                "{text:?} is neither http nor https: write http://HOST:PORT/metrics"
            ));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = match place.find('/') {
            Some(at) => place.split_at(at),
            None => (place, ""),
        };
        if host.is_empty() || host.contains('@') || host.contains(char::is_whitespace) {
            return Err(format!(
                "{text:?} is not an address: write http://HOST:PORT/metrics"
            ));
        }
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let mut params = Vec::new();
        for part in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name);
            if !is_bare(&format!("_{name}"), false) {
                return Err(format!(
                    "the parameter {name:?} cannot be written down as a label: put this target \
                     under scrape_configs, with params"
                ));
            }
            params.push((name, decode(value)));
        }
        Ok(Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            path: if path.is_empty() || path == "/" {
                "/metrics"
            } else {
                path
            }
            .to_owned(),
            params,
        })
    }

    /// The labels that lead a scrape to this address.
    pub(crate) fn labels(&self) -> Labels {
        let mut pairs = vec![(ADDRESS.to_owned(), self.host.clone())];
        pairs.extend(self.leading());
        Labels::from_pairs(pairs)
    }

    /// The same without the address, and without what is the default.
    fn leading(&self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        if self.scheme != "http" {
            out.push(("__scheme__".to_owned(), self.scheme.clone()));
        }
        if self.path != "/metrics" {
            out.push(("__metrics_path__".to_owned(), self.path.clone()));
        }
        for (name, value) in &self.params {
            out.push((format!("__param_{name}"), value.clone()));
        }
        out
    }

    fn file_name(&self, job: &str) -> String {
        let safe = |c: char| {
            if c.is_ascii_alphanumeric() || ".-".contains(c) {
                c
            } else {
                '-'
            }
        };
        let host: String = self.host.chars().map(safe).take(80).collect();
        let whole = format!("{self:?} {job}");
        let sum = xxhash_rust::xxh3::xxh3_64(whole.as_bytes()) as u32;
        format!("{host}-{sum:08x}.yaml")
    }
}

/// Writes the target's file. Waits for the disk off the runtime's workers.
pub(crate) async fn write(data_dir: Option<PathBuf>, new: New) -> Outcome {
    let refused = |said: String| Outcome::Refused { said };
    let Some(data_dir) = data_dir else {
        return refused("there is no data directory to keep the target in".to_owned());
    };
    let work = tokio::task::spawn_blocking(move || write_file(&Fs::real(), &data_dir, &new));
    match work.await {
        Ok(Ok(said)) => Outcome::Done { said },
        Ok(Err(said)) => refused(said),
        Err(_) => refused("writing the target failed inside bongsu".to_owned()),
    }
}

fn write_file(fs: &Fs, data_dir: &Path, new: &New) -> Result<String, String> {
    let address = Address::parse(&new.url)?;
    let job = if new.job.is_empty() { JOB } else { &new.job };
    for (name, _) in &new.labels {
        if !is_bare(name, false) || name.starts_with("__") {
            return Err(format!(
                "{name:?} is not a label name: letters, digits and _"
            ));
        }
    }
    let folder = folder(data_dir);
    fs.create_dir_all(&folder).map_err(|e| e.to_string())?;
    let wanted = named(&address, job, &new.labels);
    if let Some(path) = existing(&folder, &address, &wanted) {
        return Err(format!(
            "{} is already a target, by {}",
            new.url,
            path.display()
        ));
    }
    let path = folder.join(address.file_name(job));
    let text = yaml(&address, &wanted)?;
    fs.write_atomic(&path, text.as_bytes())
        .map_err(|e| e.to_string())?;
    Ok(format!(
        "{} is scraped from now on; it is written in {}",
        new.url,
        path.display()
    ))
}

/// Labels of the group as they are written.
fn named(address: &Address, job: &str, labels: &[(String, String)]) -> Labels {
    let mut pairs = address.leading();
    pairs.extend_from_slice(labels);
    pairs.push(("job".to_owned(), job.to_owned()));
    Labels::from_pairs(pairs)
}

/// The file that already names this target.
fn existing(folder: &Path, address: &Address, labels: &Labels) -> Option<PathBuf> {
    let files = FORMS
        .iter()
        .flat_map(|form| System.matches(&folder.join(form)));
    let mut files = files.map(|path| (read_groups(&System, &path).0, path));
    let same = files.find(|(groups, _)| {
        groups
            .iter()
            .any(|g| g.labels == *labels && g.targets.contains(&address.host))
    });
    same.map(|(_, path)| path)
}

/// A group of `file_sd_configs`.
#[derive(serde::Serialize)]
struct Group<'a> {
    targets: [&'a str; 1],
    labels: &'a Labels,
}

fn yaml(address: &Address, labels: &Labels) -> Result<String, String> {
    let groups = [Group {
        targets: [&address.host],
        labels,
    }];
    let text = serde_yaml::to_string(&groups).map_err(|e| e.to_string())?;
    Ok(format!("# Added from the console.\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_type_them() {
        for (text, want) in [
            ("host:9100", "{__address__=\"host:9100\"}"),
            ("http://host:9100/", "{__address__=\"host:9100\"}"),
            (
                " https://host/a/b?x=1%202&y ",
                "{__address__=\"host\", __metrics_path__=\"/a/b\", __param_x=\"1 2\", __scheme__=\"https\"}",
            ),
        ] {
            assert_eq!(Address::parse(text).unwrap().labels().to_string(), want);
        }
        for text in ["", "ftp://x", "http://", "http://u:p@h/", "h/?a[]=1", "a b"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_target_is_written_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let new = New {
            url: "https://host:9100/probe?target=\"q\"".into(),
            job: String::new(),
            labels: vec![("env".into(), "개발: \"x\"".into())],
        };
        let said = write_file(&Fs::real(), dir.path(), &new).unwrap();
        assert!(said.contains("host-9100-"), "{said}");
        let again = write_file(&Fs::real(), dir.path(), &new).unwrap_err();
        assert!(again.contains("already"), "{again}");

        let mut watched = crate::collect::discovery::Watched::default();
        let job = job(dir.path(), Duration::ZERO);
        assert!(watched.look(&job.file_sd));
        let found = watched.targets(&job);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].get("job"), "added");
        assert_eq!(found[0].get("env"), "개발: \"x\"");
        assert_eq!(found[0].get("__param_target"), "\"q\"");
        assert_eq!(found[0].get("__scheme__"), "https");
    }

    #[test]
    fn bad_labels_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a b", "__address__", ""] {
            let labels = vec![(name.to_owned(), "x".to_owned())];
            let new = New {
                url: "h:1".into(),
                job: "j".into(),
                labels,
            };
            assert!(write_file(&Fs::real(), dir.path(), &new).is_err(), "{name}");
        }
    }
}
