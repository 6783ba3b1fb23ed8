//! From arguments and files to what an engine is started with.

use crate::app::listener::{container_port, spec_of};
use crate::base::net::listen::Spec;
use crate::config::paths::Surroundings;
use crate::config::{Config, Finding, Level, load};
use std::path::PathBuf;

/// What the command line said. `serve` and the console take the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    pub config: Vec<PathBuf>,
    pub data_dir: Option<PathBuf>,
    pub listen: Option<String>,
    pub read_only: bool,
}

/// Everything that is decided before anything is started.
#[derive(Clone, Debug)]
pub struct Launch {
    pub arguments: Arguments,
    pub config: Config,
    /// The files that were read: given or found.
    pub files: Vec<PathBuf>,
    /// What loading said; no errors among them.
    pub findings: Vec<Finding>,
    pub data_dir: PathBuf,
    pub listen: Spec,
    /// The port on the gateways of container networks, where the address word says so.
    pub container_port: Option<u16>,
    pub uid: u32,
}

/// Why nothing is started: lines for standard error.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Refused(pub Vec<String>);

impl Arguments {
    /// The same words for a new `bongsu serve`.
    pub(crate) fn for_serve(&self) -> Vec<std::ffi::OsString> {
        let mut out = vec!["serve".into()];
        for file in &self.config {
            out.push("--config".into());
            out.push(file.into());
        }
        if let Some(dir) = &self.data_dir {
            out.push("--data-dir".into());
            out.push(dir.into());
        }
        if let Some(listen) = &self.listen {
            out.push("--listen".into());
            out.push(listen.into());
        }
        out
    }

    /// Reads the configuration and decides where things are.
    pub fn prepare(self) -> Result<Launch, Refused> {
        let around = Surroundings::of_this_process();
        let files = around.config_files(&self.config);
        let loaded = load(&files);
        let Some(config) = loaded.config else {
            let errors = loaded.findings.iter();
            let errors = errors.filter(|f| f.level == Level::Error);
            return Err(Refused(errors.map(ToString::to_string).collect()));
        };
        let listen = spec_of(&config.api.listener, self.listen.as_deref())
            .and_then(|spec| spec.check().map(|()| spec).map_err(|e| e.to_string()))
            .map_err(|said| Refused(vec![said]))?;
        let container_port = container_port(&config.api.listener, self.listen.as_deref());
        let data_dir = around.data_dir(self.data_dir.as_deref(), config.storage.path.as_deref());
        Ok(Launch {
            data_dir: absolute(data_dir),
            arguments: self,
            config,
            files,
            findings: loaded.findings,
            container_port,
            listen,
            uid: around.uid,
        })
    }
}

impl Launch {
    /// Where a console looks for a living engine when nobody chose a directory: the system's too.
    pub(crate) fn chose_data_dir(&self) -> bool {
        let by_environment = std::env::var_os("BONGSU_DATA_DIR").is_some_and(|v| !v.is_empty());
        self.arguments.data_dir.is_some() || by_environment || self.config.storage.path.is_some()
    }
}

/// The engine that takes over is started elsewhere, and a socket's name is made of the path.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serve_gets_the_same_words() {
        let arguments = Arguments {
            config: vec!["a.yaml".into(), "b.yaml".into()],
            data_dir: Some("/d".into()),
            listen: Some("off".into()),
            read_only: true,
        };
        let words: Vec<_> = arguments.for_serve();
        let words: Vec<&str> = words.iter().filter_map(|w| w.to_str()).collect();
        assert_eq!(
            words,
            [
                "serve",
                "--config",
                "a.yaml",
                "--config",
                "b.yaml",
                "--data-dir",
                "/d",
                "--listen",
                "off"
            ]
        );
    }

    #[test]
    fn a_bad_file_is_refused_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bongsu.yaml");
        std::fs::write(&file, "global:\n  scrape_interval: 5x\n").unwrap();
        let arguments = Arguments {
            config: vec![file],
            ..Arguments::default()
        };
        let said = arguments.prepare().unwrap_err().to_string();
        assert!(said.contains("bongsu.yaml:2:"), "{said}");
    }
}
