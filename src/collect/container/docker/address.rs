//! Where engines listen.

use std::path::{Path, PathBuf};

/// How an engine is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Socket(PathBuf),
    /// `host:port`, over plain HTTP.
    Tcp(String),
    /// Over HTTPS, with the certificates of this folder (`ca.pem`, `cert.pem`, `key.pem`).
    Tls(String, PathBuf),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(host) | Self::Tls(host, _) => write!(f, "tcp://{host}"),
        }
    }
}

/// What of the surroundings says where engines are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `containers.sockets` of the configuration: these and no others.
    pub configured: Vec<String>,
    /// `DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`.
    pub docker_host: Option<String>,
    pub tls: bool,
    pub certificates: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    pub home: Option<PathBuf>,
    /// The numbers of users that have a folder in `/run/user`; looked at by root.
    pub users: Vec<String>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process(configured: Vec<String>) -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let root = rustix::process::geteuid().is_root();
        let users = std::fs::read_dir("/run/user").ok().filter(|_| root);
        let users = users.into_iter().flatten().flatten().take(1_000);
        Self {
            configured,
            docker_host: text("DOCKER_HOST"),
            tls: text("DOCKER_TLS_VERIFY").is_some_and(|v| v != "0"),
            certificates: text("DOCKER_CERT_PATH").map(PathBuf::from),
            runtime_dir: text("XDG_RUNTIME_DIR").map(PathBuf::from),
            home: text("HOME").map(PathBuf::from),
            users: users
                .filter_map(|e| e.file_name().into_string().ok())
                .collect(),
        }
    }

    /// Every place an engine may be, and sentences about what cannot be used.
    pub fn addresses(&self) -> (Vec<Address>, Vec<String>) {
        let (mut out, mut said) = (Vec::new(), Vec::new());
        let mut named = |text: &str| match self.parse(text) {
            Ok(address) => out.push(address),
            Err(why) => said.push(why),
        };
        if !self.configured.is_empty() {
            self.configured.iter().for_each(|t| named(t));
            return (out, said);
        }
        if let Some(host) = &self.docker_host {
            named(host);
        }
        let mut sockets: Vec<PathBuf> = vec![
            "/var/run/docker.sock".into(),
            "/run/podman/podman.sock".into(),
        ];
        let user_folder = |folder: &Path| {
            [
                folder.join("docker.sock"),
                folder.join("podman/podman.sock"),
            ]
        };
        sockets.extend(self.runtime_dir.iter().flat_map(|d| user_folder(d)));
        sockets.extend(self.home.iter().flat_map(|h| {
            [
                h.join(".docker/run/docker.sock"),
                h.join(".docker/desktop/docker.sock"),
            ]
        }));
        let users = self.users.iter().map(|u| Path::new("/run/user").join(u));
        sockets.extend(users.flat_map(|d| user_folder(&d)));
        for socket in sockets {
            let address = Address::Socket(socket);
            if !out.contains(&address) {
                out.push(address);
            }
        }
        (out, said)
    }

    /// As `DOCKER_HOST` is written; a bare path is a socket.
    fn parse(&self, text: &str) -> Result<Address, String> {
        let socket = text.strip_prefix("unix://");
        if let Some(path) = socket.or_else(|| text.starts_with('/').then_some(text)) {
            return Ok(Address::Socket(PathBuf::from(path)));
        }
        let host = ["tcp://", "http://", "https://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        let Some(host) = host
            .map(|h| h.trim_end_matches('/'))
            .filter(|h| !h.is_empty())
        else {
            return Err(format!(
                "{text:?} is no way to an engine; write unix:///var/run/docker.sock or tcp://host:2375"
            ));
        };
        if !self.tls && !text.starts_with("https://") {
            return Ok(Address::Tcp(host.to_owned()));
        }
        let own = self.home.as_ref().map(|h| h.join(".docker"));
        let folder = self.certificates.clone().or(own).unwrap_or_default();
        Ok(Address::Tls(host.to_owned(), folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(around: &Surroundings) -> Vec<String> {
        around
            .addresses()
            .0
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn engines_are_looked_for_where_they_listen() {
        let around = Surroundings {
            docker_host: Some("unix:///tmp/d.sock".to_owned()),
            runtime_dir: Some("/run/user/7".into()),
            users: vec!["7".to_owned(), "8".to_owned()],
            ..Surroundings::default()
        };
        assert_eq!(
            shown(&around),
            [
                "unix:///tmp/d.sock",
                "unix:///var/run/docker.sock",
                "unix:///run/podman/podman.sock",
                "unix:///run/user/7/docker.sock",
                "unix:///run/user/7/podman/podman.sock",
                "unix:///run/user/8/docker.sock",
                "unix:///run/user/8/podman/podman.sock",
            ]
        );
    }

    #[test]
    fn configured_sockets_stand_alone_and_mistakes_are_named() {
        let configured = ["/a.sock", "tcp://h:2375/", "ssh://me@h"];
        let mut around = Surroundings {
            configured: configured.map(str::to_owned).to_vec(),
            docker_host: Some("tcp://never".to_owned()),
            ..Surroundings::default()
        };
        assert_eq!(shown(&around), ["unix:///a.sock", "tcp://h:2375"]);
        assert!(around.addresses().1[0].contains("ssh://me@h"));
        around.tls = true;
        around.home = Some("/home/kim".into());
        let tls = Address::Tls("h:2375".to_owned(), "/home/kim/.docker".into());
        assert!(around.addresses().0.contains(&tls));
    }
}
