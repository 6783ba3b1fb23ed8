//! Where the socket of an engine is, and how a console finds it.
//!
//! The system's engine has its socket where every user finds it. A private one lies where only its
//! user may go, since a data directory can be on a file system without sockets; the file `socket`
//! in the data directory names it.

use crate::base::fs::{self, Fs};
use crate::base::net::unix::{Found, private_folder, probe, shared_folder};
use std::io;
use std::path::{Path, PathBuf};

/// The system engine's socket.
pub const SYSTEM_SOCKET: &str = "/run/bongsu/bongsu.sock";
/// The data directory of the system's engine.
pub const SYSTEM_DATA: &str = "/var/lib/bongsu";
/// Its members may look at the system's engine and give it orders.
const GROUP: &str = "bongsu";
/// Names the private socket, in the data directory.
const NOTE: &str = "socket";
/// Longer paths do not fit a socket's address.
const LONGEST: usize = 100;

/// Where an engine with this data directory is to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketPlace {
    pub path: PathBuf,
    /// 0660 for the system's, 0600 for a private one.
    pub mode: u32,
    /// The group `bongsu` for the system's, where there is one.
    pub group: Option<u32>,
}

/// Which engine a console finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Answers on this socket.
    Here(PathBuf),
    /// Is there, and not for this user.
    Closed(PathBuf),
    Nowhere,
}

/// The engine that a console with this data directory should use: its own, or, where the user chose
/// no directory, the system's.
pub fn find(data_dir: &Path, chosen: bool) -> Engine {
    let noted = fs::read_text(&data_dir.join(NOTE), 4096)
        .ok()
        .map(|text| PathBuf::from(text.trim_end()));
    let system = (!chosen || data_dir == Path::new(SYSTEM_DATA)).then(|| SYSTEM_SOCKET.into());
    let all = noted.into_iter().chain(system);
    first_of(all.filter(|p| p.is_absolute()).map(|p| (probe(&p), p)))
}

/// The first that is alive; where none is, the first that is closed to this user.
fn first_of(found: impl Iterator<Item = (Found, PathBuf)>) -> Engine {
    let mut closed = None;
    for (found, path) in found {
        match found {
            Found::Alive => return Engine::Here(path),
            Found::Forbidden => closed = closed.or(Some(path)),
            Found::Nothing | Found::Dead => {}
        }
    }
    closed.map_or(Engine::Nowhere, Engine::Closed)
}

/// [`find`], where only one that answers is of use.
pub fn living(data_dir: &Path, chosen: bool) -> Option<PathBuf> {
    match find(data_dir, chosen) {
        Engine::Here(socket) => Some(socket),
        Engine::Closed(_) | Engine::Nowhere => None,
    }
}

/// What somebody is told for whom a running engine is closed, with the ways out.
pub fn closed(socket: &Path) -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "YOUR_NAME".to_owned());
    let socket = socket.display();
    format!(
        "an engine runs here already, and its socket {socket} is not for you. Either join the group \
         whose members may look, then log in again:\n  sudo usermod -aG {GROUP} {user}\nor look as \
         root:\n  sudo bongsu\nor collect a second time, for yourself alone:\n  bongsu --data-dir \
         ~/.local/share/bongsu"
    )
}

/// The place for the socket of an engine that is starting, with its folder made.
pub fn place(data_dir: &Path, uid: u32, runtime_dir: Option<&Path>) -> io::Result<SocketPlace> {
    let system = Path::new(SYSTEM_SOCKET);
    if data_dir == Path::new(SYSTEM_DATA) {
        let folder = system.parent().unwrap_or(system);
        if shared_folder(folder).is_ok() {
            return Ok(SocketPlace {
                path: system.to_owned(),
                mode: 0o660,
                group: fs::read_text(Path::new("/etc/group"), 1 << 20)
                    .ok()
                    .and_then(|groups| group_id(&groups, GROUP)),
            });
        }
    }
    let folder = match runtime_dir.filter(|d| d.is_dir()) {
        Some(dir) => dir.join("bongsu"),
        None => PathBuf::from(format!("/tmp/bongsu-{uid}")),
    };
    private_folder(&folder, uid)?;
    let name = xxhash_rust::xxh3::xxh3_64(data_dir.as_os_str().as_encoded_bytes());
    let path = folder.join(format!("{name:016x}.sock"));
    if path.as_os_str().len() > LONGEST {
        let said = format!("{} is too long for a socket", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, said));
    }
    Ok(SocketPlace {
        path,
        mode: 0o600,
        group: None,
    })
}

/// A group's number in the text of `/etc/group`: `name:password:number:members`.
fn group_id(groups: &str, name: &str) -> Option<u32> {
    let mut lines = groups.lines().map(|l| l.split(':'));
    let mut line = lines.find(|l| l.clone().next() == Some(name))?;
    line.nth(2)?.parse().ok()
}

/// Writes which socket the engine of this directory has.
pub fn note(data_dir: &Path, socket: &Path) -> io::Result<()> {
    let text = format!("{}\n", socket.display());
    Fs::real()
        .write_atomic(&data_dir.join(NOTE), text.as_bytes())
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_engine_is_not_taken_for_none() {
        let of = |found: &[Found]| {
            let all = (0..).zip(found);
            first_of(all.map(|(n, f)| (*f, PathBuf::from(format!("/s{n}")))))
        };
        assert_eq!(of(&[Found::Dead, Found::Nothing]), Engine::Nowhere);
        assert_eq!(
            of(&[Found::Forbidden, Found::Dead]),
            Engine::Closed("/s0".into())
        );
        assert_eq!(
            of(&[Found::Forbidden, Found::Alive]),
            Engine::Here("/s1".into())
        );
        let said = closed(Path::new(SYSTEM_SOCKET));
        assert!(said.contains("usermod -aG bongsu") && said.contains("--data-dir"));
    }

    #[test]
    fn a_group_is_found_by_its_name() {
        let groups = "root:x:0:\nbongsu2:x:7:\nbongsu:x:998:kim,lee\nbad\n";
        assert_eq!(group_id(groups, "bongsu"), Some(998));
        assert_eq!(group_id(groups, "bad"), None);
        assert_eq!(group_id(groups, "adm"), None);
    }

    #[test]
    fn a_console_finds_the_living_and_passes_the_dead() {
        let dir = tempfile::tempdir().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let runtime = dir.path().join("run");
        std::fs::create_dir(&runtime).unwrap();
        let place = place(dir.path(), uid, Some(&runtime)).unwrap();
        assert!(place.path.starts_with(runtime.join("bongsu")) && place.mode == 0o600);
        assert_eq!(living(dir.path(), true), None);
        note(dir.path(), &place.path).unwrap();
        assert_eq!(living(dir.path(), true), None);
        let socket = std::os::unix::net::UnixListener::bind(&place.path).unwrap();
        assert_eq!(living(dir.path(), true), Some(place.path.clone()));
        drop(socket);
        assert_eq!(living(dir.path(), true), None);
    }
}
