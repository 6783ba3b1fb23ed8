//! Where files are looked for and kept when nobody says.

use std::path::{Path, PathBuf};

/// What decides: given by the caller, so that tests need no environment.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub root: bool,
    /// `$BONGSU_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// `$STATE_DIRECTORY`, which systemd gives to the service.
    pub state_directory: Option<PathBuf>,
    /// `$XDG_DATA_HOME`, where it is absolute.
    pub data_home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`, where it is absolute.
    pub config_home: Option<PathBuf>,
    pub home: Option<PathBuf>,
    pub uid: u32,
}

impl Surroundings {
    pub fn of_this_process() -> Self {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let absolute = |name: &str| path(name).filter(|p| p.is_absolute());
        let uid = rustix::process::geteuid();
        // The XDG folders, or what the account says where HOME is not set.
        let home = directories::BaseDirs::new();
        let of_home = |dir: fn(&directories::BaseDirs) -> &Path| home.as_ref().map(dir);
        Self {
            root: uid.is_root(),
            data_dir: path("BONGSU_DATA_DIR").filter(|p| !p.as_os_str().is_empty()),
            state_directory: absolute("STATE_DIRECTORY"),
            data_home: of_home(|d| d.data_dir()).map(Path::to_owned),
            config_home: of_home(|d| d.config_dir()).map(Path::to_owned),
            home: of_home(|d| d.home_dir()).map(Path::to_owned),
            uid: uid.as_raw(),
        }
    }

    /// The data folder: the flag, the environment, the configuration; else `/var/lib/bongsu` for
    /// root and the service, else the XDG data home, else (no HOME) a folder of this user under `/tmp`.
    pub fn data_dir(&self, flag: Option<&Path>, configured: Option<&Path>) -> PathBuf {
        let said = flag.or(self.data_dir.as_deref()).or(configured);
        if let Some(path) = said {
            return path.to_owned();
        }
        if let Some(path) = &self.state_directory {
            return path.clone();
        }
        if self.root {
            return PathBuf::from("/var/lib/bongsu");
        }
        let home = || self.home.as_ref().map(|h| h.join(".local/share"));
        match self.data_home.clone().or_else(home) {
            Some(home) => home.join("bongsu"),
            None => PathBuf::from(format!("/tmp/bongsu-{}", self.uid)),
        }
    }

    /// Where a configuration is looked for without `--config`, the first that exists.
    pub fn config_candidates(&self) -> Vec<PathBuf> {
        let home = || self.home.as_ref().map(|h| h.join(".config"));
        let xdg = self.config_home.clone().or_else(home);
        let mut out = vec![PathBuf::from("/etc/bongsu/config.yaml")];
        out.extend(xdg.map(|c| c.join("bongsu/config.yaml")));
        out
    }

    /// The configuration files to load: those given, else the first candidate that exists, else
    /// none, which is the defaults.
    pub fn config_files(&self, given: &[PathBuf]) -> Vec<PathBuf> {
        if !given.is_empty() {
            return given.to_vec();
        }
        let found = self.config_candidates().into_iter().find(|p| p.is_file());
        found.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_follows_flag_environment_file_user() {
        let user = Surroundings {
            home: Some(PathBuf::from("/home/kim")),
            uid: 1000,
            ..Surroundings::default()
        };
        let flag = Path::new("/flag");
        let file = Path::new("/file");
        let dir = |s: &Surroundings, flag, file| s.data_dir(flag, file).display().to_string();
        assert_eq!(dir(&user, Some(flag), Some(file)), "/flag");
        assert_eq!(dir(&user, None, Some(file)), "/file");
        assert_eq!(dir(&user, None, None), "/home/kim/.local/share/bongsu");
        let mut set = user.clone();
        set.data_home = Some(PathBuf::from("/data"));
        assert_eq!(dir(&set, None, None), "/data/bongsu");
        set.data_dir = Some(PathBuf::from("/env"));
        assert_eq!(dir(&set, None, Some(file)), "/env");
        let root = Surroundings {
            root: true,
            ..Surroundings::default()
        };
        assert_eq!(dir(&root, None, None), "/var/lib/bongsu");
        let mut service = user.clone();
        service.state_directory = Some(PathBuf::from("/var/lib/bongsu"));
        assert_eq!(dir(&service, None, None), "/var/lib/bongsu");
        assert_eq!(dir(&service, None, Some(file)), "/file");
    }

    #[test]
    fn without_home_there_is_still_a_folder() {
        let nobody = Surroundings {
            uid: 65534,
            ..Surroundings::default()
        };
        assert_eq!(nobody.data_dir(None, None), Path::new("/tmp/bongsu-65534"));
        assert_eq!(
            nobody.config_candidates(),
            [Path::new("/etc/bongsu/config.yaml")]
        );
    }
}
