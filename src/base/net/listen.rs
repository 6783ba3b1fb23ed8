//! Listeners: what one may look like, and the loop that accepts.

use crate::base::clock::{Instant, monotonic};
use crate::base::net::http::{Limits, Peer, Respond, serve_connection};
use crate::base::net::network::Network;
use crate::base::net::tls::{Secret, ServerTls};
use crate::base::task::{self, Stop};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// One listener, as the configuration gives it. No address means off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    pub addresses: Vec<SocketAddr>,
    pub tls: Option<ServerTls>,
    pub users: Vec<User>,
    pub allow: Vec<Network>,
}

/// Who may speak with a password or a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub proof: Proof,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    Password(Secret),
    Token(Secret),
}

/// Why there is no listener. Sentences with the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    #[error(
        "{0} can be reached from outside: give users, tls.client_ca or allow (a list of networks), \
         or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
    #[error("{0} is taken by another program; choose another address with --listen, or `off`")]
    Taken(SocketAddr),
    #[error("cannot listen on {0}: {1}")]
    Io(SocketAddr, String),
    #[error("{0}")]
    Tls(String),
}

impl Spec {
    pub fn loopback(port: u16) -> Self {
        Self {
            addresses: vec![SocketAddr::from(([127, 0, 0, 1], port))],
            ..Self::default()
        }
    }

    pub fn off() -> Self {
        Self::default()
    }

    /// Refuses an open door: off loopback somebody must be named.
    pub fn check(&self) -> Result<(), ListenError> {
        let guarded = !self.users.is_empty()
            || !self.allow.is_empty()
            || self.tls.as_ref().is_some_and(|t| t.client_ca.is_some());
        match self.addresses.iter().find(|a| !a.ip().is_loopback()) {
            Some(open) if !guarded => Err(ListenError::Open(*open)),
            _ => Ok(()),
        }
    }

    /// What stands in the header as a warning: everybody may speak.
    pub fn is_open_to_everybody(&self) -> bool {
        let outside = self.addresses.iter().any(|a| !a.ip().is_loopback());
        outside && self.users.is_empty() && self.allow.iter().any(|n| n.is_everything())
    }

    /// Loopback may always speak; others where a network allows them, or where none is named and
    /// users or certificates decide.
    pub fn allows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_loopback() || self.allow.is_empty() || self.allow.iter().any(|n| n.contains(ip))
    }
}

/// A listener that has its ports and waits to accept.
pub struct Bound {
    listeners: Vec<TcpListener>,
    spec: Arc<Spec>,
    tls: Option<TlsAcceptor>,
}

impl Bound {
    /// Takes the ports. Must be called within the runtime.
    #[expect(
        clippy::unused_async,
        reason = "a socket can only be made within the runtime"
    )]
    pub async fn bind(spec: Spec) -> Result<Self, ListenError> {
        Self::take(spec)
    }

    /// The same from a thread that has entered the runtime.
    pub fn take(spec: Spec) -> Result<Self, ListenError> {
        spec.check()?;
        let tls = match &spec.tls {
            None => None,
            Some(tls) => {
                let config = tls.config().map_err(|e| ListenError::Tls(e.0))?;
                Some(TlsAcceptor::from(Arc::new(config)))
            }
        };
        let mut listeners = Vec::new();
        for address in &spec.addresses {
            listeners.push(listen(*address).map_err(|e| match e.kind() {
                io::ErrorKind::AddrInUse => ListenError::Taken(*address),
                _ => ListenError::Io(*address, e.to_string()),
            })?);
        }
        Ok(Self {
            listeners,
            spec: Arc::new(spec),
            tls,
        })
    }

    /// Where it listens; a port of 0 is known now.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let all = self.listeners.iter();
        all.filter_map(|l| l.local_addr().ok()).collect()
    }

    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Accepts until told to stop; open connections are cut off then.
    pub async fn serve(self, limits: Limits, respond: Respond, stop: Stop) {
        let tls = self.tls.clone();
        let admit: Admit = Arc::new(move |stream, from, crowd| {
            accept_one(stream, from, tls.clone(), limits, &respond, crowd);
        });
        self.accept(limits.connections, admit, stop).await;
    }

    /// The same for connections that speak no HTTP, at most `most` at once.
    pub async fn serve_streams(self, most: usize, converse: Converse, stop: Stop) {
        let tls = self.tls.clone();
        let admit: Admit = Arc::new(move |stream, from, crowd| {
            let (tls, converse) = (tls.clone(), converse.clone());
            crowd.admit(move |_| async move {
                let Some(tls) = tls else {
                    return converse(Box::new(stream), from).await;
                };
                let shaken = tokio::time::timeout(SHAKE, tls.accept(stream)).await;
                if let Ok(Ok(stream)) = shaken {
                    converse(Box::new(stream), from).await;
                }
            });
        });
        self.accept(most, admit, stop).await;
    }

    async fn accept(self, most: usize, admit: Admit, stop: Stop) {
        let crowd = Arc::new(Crowd::new(most));
        let mut loops = Vec::new();
        for listener in self.listeners {
            let spec = self.spec.clone();
            let (admit, crowd, mut stop) = (admit.clone(), crowd.clone(), stop.clone());
            loops.push(task::spawn("listener", async move {
                loop {
                    let accepted = tokio::select! {
                        accepted = listener.accept() => accepted,
                        () = stop.wait() => break,
                    };
                    let Ok((stream, from)) = accepted else {
                        // Out of handles: those that are open must end first.
                        crowd.make_room();
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        continue;
                    };
                    if spec.allows(from.ip()) {
                        admit(stream, from, &crowd);
                    }
                }
            }));
        }
        for ended in loops {
            let _ = ended.await;
        }
        crowd.end_all();
    }
}

/// How long a TLS handshake may take.
const SHAKE: Duration = Duration::from_secs(30);

type Admit = Arc<dyn Fn(TcpStream, SocketAddr, &Arc<Crowd>) + Send + Sync>;

/// A connection that speaks something other than HTTP.
pub type Connection = Box<dyn Duplex>;

pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// What is done with such a connection, to its end.
pub type Converse =
    Arc<dyn Fn(Connection, SocketAddr) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A port for datagrams.
pub struct Datagrams {
    socket: UdpSocket,
    spec: Spec,
}

impl Datagrams {
    /// Takes the port of the one address. Must be called within the runtime.
    pub fn take(spec: Spec) -> Result<Self, ListenError> {
        spec.check()?;
        let Some(address) = spec.addresses.first().copied() else {
            return Err(ListenError::Tls("no address is given".to_owned()));
        };
        let made = std::net::UdpSocket::bind(address).and_then(|socket| {
            socket.set_nonblocking(true)?;
            UdpSocket::from_std(socket)
        });
        let socket = made.map_err(|e| match e.kind() {
            io::ErrorKind::AddrInUse => ListenError::Taken(address),
            _ => ListenError::Io(address, e.to_string()),
        })?;
        Ok(Self { socket, spec })
    }

    /// Where it listens; a port of 0 is known now.
    pub fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// The next datagram of somebody who may come: its length, and whose it is.
    pub async fn receive(&self, into: &mut [u8]) -> (usize, SocketAddr) {
        loop {
            match self.socket.recv_from(into).await {
                Ok((n, from)) if self.spec.allows(from.ip()) => return (n, from),
                Ok(_) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the loop's own state, used once")]
fn accept_one(
    stream: TcpStream,
    from: SocketAddr,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    respond: &Respond,
    crowd: &Arc<Crowd>,
) {
    let respond = respond.clone();
    let _ = stream.set_nodelay(true);
    let to = stream.local_addr().unwrap_or(from);
    crowd.admit(move |busy| async move {
        let Some(tls) = tls else {
            let peer = Peer::Tcp {
                from,
                to,
                certified: false,
            };
            return serve_connection(stream, peer, limits, respond, busy).await;
        };
        let shaken = tokio::time::timeout(limits.header_time, tls.accept(stream)).await;
        if let Ok(Ok(stream)) = shaken {
            let certified = stream.get_ref().1.peer_certificates().is_some();
            let peer = Peer::Tcp {
                from,
                to,
                certified,
            };
            serve_connection(stream, peer, limits, respond, busy).await;
        }
    });
}

/// Takes a port. As many connections may wait to be accepted as the system allows: a flood of them
/// must not keep others from knocking.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(4096)
}

/// The open connections of a listener, never more than its limit.
pub(crate) struct Crowd {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    members: HashMap<u64, Member>,
}

struct Member {
    busy: Arc<AtomicBool>,
    since: Instant,
    task: Option<tokio::task::AbortHandle>,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            open: Mutex::default(),
        }
    }

    /// Runs a connection; a full crowd loses its longest idle member first.
    pub(crate) fn admit<F>(self: &Arc<Self>, work: impl FnOnce(Arc<AtomicBool>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.open.lock().members.len() >= self.most {
            self.make_room();
        }
        let busy = Arc::new(AtomicBool::new(false));
        let work = work(busy.clone());
        // In the table first, so that it cannot leave before it came; and never under the lock
        // while spawning, for a runtime that ends drops the task, which then leaves, at once.
        let id = {
            let mut open = self.open.lock();
            open.next += 1;
            let (id, since) = (open.next, monotonic());
            let member = Member {
                busy,
                since,
                task: None,
            };
            open.members.insert(id, member);
            id
        };
        let leave = Leave(self.clone(), id);
        let task = task::spawn("connection", async move {
            let _leave = leave;
            work.await;
        });
        if let Some(member) = self.open.lock().members.get_mut(&id) {
            member.task = Some(task.abort_handle());
        }
    }

    /// Ends the oldest connection that answers nothing now, or, where all are busy, the oldest.
    pub(crate) fn make_room(&self) {
        let mut open = self.open.lock();
        let oldest = open
            .members
            .iter()
            .min_by_key(|(_, m)| (m.busy.load(Ordering::Relaxed), m.since))
            .map(|(id, _)| *id);
        let ended = oldest.and_then(|id| open.members.remove(&id));
        drop(open);
        if let Some(task) = ended.and_then(|member| member.task) {
            task.abort();
        }
    }

    pub(crate) fn end_all(&self) {
        let members = std::mem::take(&mut self.open.lock().members);
        for task in members.into_values().filter_map(|m| m.task) {
            task.abort();
        }
    }
}

struct Leave(Arc<Crowd>, u64);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.open.lock().members.remove(&self.1);
    }
}

#[cfg(test)]
mod tests;
