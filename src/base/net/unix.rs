//! The private socket: a server that knows who calls, and the client of an attached console.

use crate::base::net::http::{Limits, Peer, Respond, serve_connection};
use crate::base::net::listen::Crowd;
use crate::base::own;
use crate::base::task::{self, Stop};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};

/// A socket in the file system, removed when dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

/// What stands at a path where a socket is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A socket that nobody listens on any more.
    Dead,
    /// There, and not for this user.
    Forbidden,
    Alive,
}

/// Looks who listens, without saying anything.
pub fn probe(path: &Path) -> Found {
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Found::Alive,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Found::Nothing,
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => Found::Dead,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Found::Forbidden,
        // A full backlog: somebody is there.
        Err(_) => Found::Alive,
    }
}

impl Socket {
    /// Takes the place of a dead socket, never of a living one. `mode` is the file's, and `group`
    /// its group where it is given and may be set.
    pub fn bind(path: &Path, mode: u32, group: Option<u32>) -> io::Result<Self> {
        match probe(path) {
            Found::Nothing => {}
            Found::Dead => std::fs::remove_file(path)?,
            Found::Alive | Found::Forbidden => {
                let said = format!("another engine answers on {}", path.display());
                return Err(io::Error::new(io::ErrorKind::AddrInUse, said));
            }
        }
        let listener = UnixListener::bind(path)?;
        let socket = Self {
            listener,
            path: path.to_owned(),
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        if group.is_some() {
            std::os::unix::fs::chown(path, None, group)?;
        }
        Ok(socket)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Accepts until told to stop; then the file goes, and with it the way in.
    pub async fn serve(self, limits: Limits, respond: Respond, mut stop: Stop) {
        let crowd = Arc::new(Crowd::new(limits.connections));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.wait() => break,
            };
            let Ok((stream, _)) = accepted else {
                crowd.make_room();
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            };
            let Ok(who) = stream.peer_cred() else {
                continue;
            };
            let peer = Peer::Socket {
                uid: who.uid(),
                gid: who.gid(),
                pid: who.pid().unwrap_or(0),
            };
            let respond = respond.clone();
            crowd.admit(move |busy| serve_connection(stream, peer, limits, respond, busy));
        }
        drop(self);
        crowd.end_all();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Makes the folder for sockets that others may reach, unless it is there.
pub fn shared_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().mode(0o755).create(folder)
}

/// Makes a folder for this user alone. One in a place where others may write could be theirs: then
/// it is not used.
pub fn private_folder(folder: &Path, uid: u32) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    let found = std::fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        let said = format!(
            "{} is not a private folder of this user; remove it, or set XDG_RUNTIME_DIR",
            folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, said));
    }
    Ok(())
}

/// The header in which a client says what its environment knows of the person at its terminal.
pub const CALLER: &str = "x-bongsu-caller";

/// Posts to one socket; connections are kept and used again.
#[derive(Debug)]
pub struct SocketClient {
    path: PathBuf,
    /// For [`CALLER`].
    remark: String,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl SocketClient {
    pub fn new(path: PathBuf) -> Self {
        let plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
        Self {
            path,
            // A header takes no other letters.
            remark: own::remark().chars().filter(plain).collect(),
            idle: Mutex::default(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends `body` and gives the status with the whole answer. Dropping the future closes the
    /// connection, by which the other end learns that nobody waits.
    pub async fn post(&self, uri: &str, body: Vec<u8>) -> io::Result<(u16, Bytes)> {
        let body = Bytes::from(body);
        let kept = self.idle.lock().pop();
        if let Some(mut kept) = kept
            && kept.ready().await.is_ok()
            && let Ok(answer) = exchange(&mut kept, uri, &self.remark, body.clone()).await
        {
            self.idle.lock().push(kept);
            return Ok(answer);
        }
        self.post_once(uri, body).await
    }

    /// Over a connection of its own and never sent twice: for orders.
    pub async fn post_once(&self, uri: &str, body: impl Into<Bytes>) -> io::Result<(u16, Bytes)> {
        let stream = UnixStream::connect(&self.path).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        task::spawn("socket-client", async move {
            let _ = connection.await;
        });
        let answer = exchange(&mut sender, uri, &self.remark, body.into()).await?;
        self.idle.lock().push(sender);
        Ok(answer)
    }
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    uri: &str,
    remark: &str,
    body: Bytes,
) -> io::Result<(u16, Bytes)> {
    let request = Request::post(uri)
        .header("host", "localhost")
        .header(CALLER, remark)
        .header("content-type", "application/json")
        .body(Full::new(body))
        .map_err(io::Error::other)?;
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let status = response.status().as_u16();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(io::Error::other)?;
    Ok((status, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::net::http::Payload;
    use hyper::Response;

    #[test]
    fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bongsu.sock");
        assert_eq!(probe(&path), Found::Nothing);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert_eq!(probe(&path), Found::Dead);
        task::runtime().unwrap().block_on(async {
            let socket = Socket::bind(&path, 0o600, None).unwrap();
            assert_eq!(probe(&path), Found::Alive);
            let again = Socket::bind(&path, 0o600, None).unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
            let mode = std::fs::metadata(socket.path())
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        });
        assert_eq!(probe(&path), Found::Nothing);
    }

    #[test]
    fn the_caller_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bongsu.sock");
        let respond: Respond = Arc::new(|_, peer| {
            let said = format!("{peer:?}").into_bytes();
            Box::pin(async { Response::new(Payload::from(said)) })
        });
        task::runtime().unwrap().block_on(async {
            let socket = Socket::bind(&path, 0o600, None).unwrap();
            let (stop, heard) = task::stopper();
            let served = task::spawn(
                "test-socket",
                socket.serve(Limits::default(), respond, heard),
            );
            let client = SocketClient::new(path.clone());
            for _ in 0..3 {
                let (status, said) = client.post("/x", vec![]).await.unwrap();
                let said = String::from_utf8(said.to_vec()).unwrap();
                let own = format!("uid: {}", rustix::process::getuid().as_raw());
                assert!(status == 200 && said.contains(&own), "{said}");
            }
            assert_eq!(client.idle.lock().len(), 1);
            stop.stop();
            served.await.unwrap();
            assert!(client.post("/x", vec![]).await.is_err());
        });
    }
}
