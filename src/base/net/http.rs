//! Serving HTTP/1.1 and HTTP/2 on one connection, within limits, and the body of an answer.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

/// What one connection may take. All of it is checked before a room sees the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections of one listener; when there are more, the longest idle one is closed.
    pub connections: usize,
    /// From the first byte waited for to the end of the headers; an idle connection ends then too.
    pub header_time: Duration,
    pub header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            header_time: Duration::from_secs(30),
            header_bytes: 64 << 10,
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    Tcp {
        from: SocketAddr,
        /// The address that was dialled.
        to: SocketAddr,
        /// Over TLS with a certificate that the listener's client_ca signed.
        certified: bool,
    },
    /// As the kernel says (`SO_PEERCRED`).
    Socket { uid: u32, gid: u32, pid: i32 },
}

/// Answers one request. Dropped when the other end goes away.
pub type Answering = Pin<Box<dyn Future<Output = Response<Payload>> + Send>>;

/// What a listener does with requests.
pub type Respond = Arc<dyn Fn(Request<Incoming>, Arc<Peer>) -> Answering + Send + Sync>;

/// The body of an answer: whole, or in pieces as they are made.
#[derive(Debug)]
pub enum Payload {
    Whole(Option<Bytes>),
    /// An `Err` breaks the connection off, so that a cut answer never looks complete.
    Pieces(mpsc::Receiver<io::Result<Bytes>>),
    /// Whole, with trailers behind it: what gRPC needs.
    Trailed(Option<Bytes>, Option<HeaderMap>),
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole((!bytes.is_empty()).then(|| Bytes::from(bytes)))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Pieces(pieces) => pieces
                .poll_recv(cx)
                .map(|next| next.map(|piece| piece.map(Frame::data))),
            Self::Trailed(bytes, trailers) => {
                let data = bytes.take().map(Frame::data);
                let next = data.or_else(|| trailers.take().map(Frame::trailers));
                Poll::Ready(next.map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Pieces(_) | Self::Trailed(..) => SizeHint::default(),
        }
    }
}

/// Why a request's body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than the limit of {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive within {} s", _0.as_secs())]
    Slow(Duration),
    #[error("the body broke off")]
    Broken,
    #[error("too many bodies arrive at once; try again in a moment")]
    Crowded,
}

/// What the bodies of all requests may hold at one time, in KiB.
static ROOM: Semaphore = Semaphore::const_new(128 << 10);

/// The room that a body takes; given back when this goes.
#[derive(Debug, Default)]
pub struct Room {
    held: Option<SemaphorePermit<'static>>,
    kib: usize,
}

impl Room {
    /// Takes what a body of so many bytes needs beyond what is taken already.
    fn reach(&mut self, bytes: usize) -> Result<(), BodyError> {
        let more = bytes.div_ceil(1 << 10) - self.kib;
        if more == 0 {
            return Ok(());
        }
        let taken = ROOM.try_acquire_many(more as u32);
        let taken = taken.map_err(|_| BodyError::Crowded)?;
        self.kib += more;
        match &mut self.held {
            Some(held) => held.merge(taken),
            None => self.held = Some(taken),
        }
        Ok(())
    }
}

/// Reads a request's body whole, within its size and time, and within what all bodies may hold: the
/// room is kept until the request is answered.
pub async fn read_body(
    body: Incoming,
    most: usize,
    time: Duration,
) -> Result<(Bytes, Room), BodyError> {
    let mut body = Limited::new(body, most);
    let mut room = Room::default();
    let all = async {
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| {
                if e.is::<http_body_util::LengthLimitError>() {
                    BodyError::TooLarge(most)
                } else {
                    BodyError::Broken
                }
            })?;
            if let Ok(data) = frame.into_data() {
                room.reach(all.len() + data.len())?;
                all.extend_from_slice(&data);
            }
        }
        Ok::<_, BodyError>(all.freeze())
    };
    let read = tokio::time::timeout(time, all).await;
    let bytes = read.map_err(|_| BodyError::Slow(time))??;
    Ok((bytes, room))
}

/// Pages that depend on their path alone: type and bytes, or none.
pub type Pages = Arc<dyn Fn(&str) -> Option<(&'static str, Vec<u8>)> + Send + Sync>;

/// A server of plain pages.
pub fn pages(pages: Pages) -> Respond {
    Arc::new(move |request, _| {
        let found = pages(request.uri().path());
        Box::pin(async move {
            let (status, kind, bytes) = match found {
                Some((kind, bytes)) => (200, kind, bytes),
                None => (404, "text/plain", b"there is nothing here\n".to_vec()),
            };
            let mut answer = Response::new(Payload::from(bytes));
            *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
            let kind = hyper::header::HeaderValue::from_static(kind);
            answer
                .headers_mut()
                .insert(hyper::header::CONTENT_TYPE, kind);
            answer
        })
    })
}

/// Serves one connection to its end. `busy` is true while a request is being answered.
pub(crate) async fn serve_connection<S>(
    stream: S,
    peer: Peer,
    limits: Limits,
    respond: Respond,
    busy: Arc<AtomicBool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = Arc::new(peer);
    let service = service_fn(move |request| {
        busy.store(true, Ordering::Relaxed);
        let done = SetIdle(busy.clone());
        let answer = respond(request, peer.clone());
        async move {
            let _done = done;
            Ok::<_, Infallible>(answer.await)
        }
    });
    // How the connection ended concerns nobody: the other end went away, or sent what is no HTTP.
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes);
    // A sender of spans keeps one connection and has a few requests under way.
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(limits.header_time))
        .max_concurrent_streams(64)
        .max_header_list_size(limits.header_bytes as u32)
        .max_frame_size(1 << 20)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    let _ = builder
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

struct SetIdle(Arc<AtomicBool>);

impl Drop for SetIdle {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
