//! `GET /loki/api/v1/tail`: lines as they arrive, over a WebSocket.
//!
//! First the newest lines since `start`, then what arrives. A frame is a text:
//! `{"streams":[...],"dropped_entries":[...]}`. What is wrong with the question is said before the
//! switch, with status 400; what goes wrong later closes with code 1011.

use crate::api::loki::params::{self, limit};
use crate::api::loki::{LINES, ask, bad, encoding, expr, unexpected, value};
use crate::api::reply::Failed;
use crate::api::server::{Call, Done};
use crate::base::clock::{Duration, Instant, monotonic};
use crate::base::net::http::Payload;
use crate::base::task;
use crate::model::answer::{Followed, LogLine, LogReply, LogsValue};
use crate::model::log_entry::{LevelSet, NanoRange};
use crate::model::request::{FollowQuery, LogRequest, LogsQuery};
use crate::query::syntax;
use crate::wire::loki_json::{self, Encoding};
use futures_util::{SinkExt, StreamExt};
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// Loki's own default of tails at once.
const MOST: usize = 10;
/// How often what arrived is asked for.
const TURN: Duration = Duration::from_millis(250);
/// How often the other end is asked whether it is there, and how long it may take a frame.
const PING: Duration = Duration::from_secs(15);
const SLOW: Duration = Duration::from_secs(10);
/// Lines of one asking, and bytes of what a reader may send.
const AT_ONCE: usize = 1000;
const HEARD: usize = 64 << 10;
/// Seconds that lines may be held back, and how far back `start` lies where nothing is said.
const DELAY: u64 = 5;
const HOUR: i64 = 3_600_000_000_000;

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// A wish to switch protocols.
#[derive(Debug)]
pub(crate) struct Switch {
    pub(crate) upgrade: OnUpgrade,
    /// `Sec-WebSocket-Key`
    pub(crate) key: String,
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

struct Tail {
    call: Call,
    query: FollowQuery,
    start: i64,
    delay: Duration,
    encoding: Encoding,
    _open: Counted,
}

/// One of the tails that are open.
struct Counted;

impl Counted {
    fn new() -> Result<Self, usize> {
        let before = OPEN.fetch_add(1, Ordering::Relaxed);
        let counted = Self;
        if before >= MOST {
            return Err(before + 1);
        }
        Ok(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) async fn tail(call: Call) -> Done {
    let text = expr(&call)?;
    if !syntax::logql::is_log(&text).map_err(|e| bad(e.to_string()))? {
        return Err(bad("lines are asked for here: a metric query gives none"));
    }
    let delay = match call.params.get("delay_for") {
        "" => 0,
        text => text
            .parse()
            .ok()
            .filter(|s| *s <= DELAY)
            .ok_or_else(|| bad("delay_for can't be greater than 5"))?,
    };
    let now = params::now(&call);
    let tail = Tail {
        start: params::time_of(&call, "start")?.unwrap_or(now - HOUR),
        query: FollowQuery {
            expr: text,
            levels: LevelSet::ALL,
            after: None,
            limit: limit(&call, LINES)?,
        },
        delay: Duration::from_secs(delay),
        encoding: encoding(&call),
        _open: Counted::new().map_err(|n| {
            let said = format!(
                "max concurrent tail requests limit exceeded, count > limit ({n} > {MOST})"
            );
            Failed::Plain(429, said)
        })?,
        call: {
            let Some(_) = &call.switch else {
                return Err(bad(
                    "this path speaks WebSocket: ws://HOST:PORT/loki/api/v1/tail",
                ));
            };
            call
        },
    };
    switched(tail)
}

/// Says that the protocol changes, and starts what comes then.
fn switched(mut tail: Tail) -> Done {
    let Some(Switch { upgrade, key }) = tail.call.switch.take() else {
        return Err(unexpected());
    };
    let mut answer = Response::new(Payload::Whole(None));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
    let headers = answer.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(
        SEC_WEBSOCKET_ACCEPT,
        accept.map_err(|_| bad("Sec-WebSocket-Key is none"))?,
    );
    task::spawn("live-tail", async move {
        let Ok(Ok(upgraded)) = tokio::time::timeout(SLOW, upgrade).await else {
            return;
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(HEARD))
            .max_frame_size(Some(HEARD));
        let io = TokioIo::new(upgraded);
        let mut socket = Socket::from_raw_socket(io, Role::Server, Some(config)).await;
        let frame = match tail.run(&mut socket).await {
            Ok(()) => None,
            Err(said) => Some(CloseFrame {
                code: CloseCode::Error,
                // A close frame has room for so much.
                reason: said.chars().take(40).collect::<String>().into(),
            }),
        };
        let _ = tokio::time::timeout(SLOW, socket.close(frame)).await;
    });
    Ok(answer)
}

impl Tail {
    /// Until the reader goes; `Err` is why it is sent away.
    async fn run(mut self, socket: &mut Socket) -> Result<(), String> {
        // The place first: what arrives while the past is read is not missed.
        self.query.after = Some(self.follow().await?.next);
        let past = self.past().await?;
        let mut seen: HashSet<(i64, String)> = past.iter().map(|l| (l.t, l.line.clone())).collect();
        let opened = monotonic();
        self.send(socket, &past, 0).await?;
        let mut waiting: VecDeque<(Instant, Followed)> = VecDeque::new();
        let mut pinged = monotonic();
        loop {
            tokio::select! {
                heard = socket.next() => match heard {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return Ok(()),
                    Some(Ok(_)) => continue,
                },
                () = tokio::time::sleep(TURN) => {}
            }
            self.query.limit = AT_ONCE;
            let mut arrived = self.follow().await?;
            self.query.after = Some(arrived.next);
            arrived
                .lines
                .retain(|l| !seen.contains(&(l.t, l.line.clone())));
            if opened.elapsed() > SLOW {
                seen.clear();
            }
            if !arrived.lines.is_empty() || arrived.missed > 0 {
                waiting.push_back((monotonic(), arrived));
            }
            while waiting
                .front()
                .is_some_and(|(at, _)| at.elapsed() >= self.delay)
            {
                if let Some((_, due)) = waiting.pop_front() {
                    self.send(socket, &due.lines, due.missed).await?;
                }
            }
            if pinged.elapsed() >= PING {
                pinged = monotonic();
                put(socket, Message::Ping(Bytes::new())).await?;
            }
        }
    }

    async fn follow(&self) -> Result<Followed, String> {
        match ask(&self.call, LogRequest::Follow(self.query.clone())).await {
            Ok(LogReply::Followed(followed)) => Ok(followed),
            Ok(_) => Err(said(&unexpected())),
            Err(e) => Err(said(&e)),
        }
    }

    /// The newest lines up to now, oldest first.
    async fn past(&self) -> Result<Vec<LogLine>, String> {
        let end = params::now(&self.call) + 1;
        let range = NanoRange::new(self.start.min(end), end);
        let query = LogsQuery::newest(self.query.expr.clone(), range, self.query.limit);
        match value(&self.call, query).await.map_err(|e| said(&e))?.value {
            LogsValue::Lines(mut lines) => {
                lines.reverse();
                Ok(lines)
            }
            _ => Err(said(&unexpected())),
        }
    }

    async fn send(
        &self,
        socket: &mut Socket,
        lines: &[LogLine],
        missed: u64,
    ) -> Result<(), String> {
        if lines.is_empty() && missed == 0 {
            return Ok(());
        }
        let now = params::now(&self.call);
        let text = loki_json::tail(lines, (missed, now), self.encoding);
        let text = String::from_utf8_lossy(&text).into_owned();
        put(socket, Message::Text(text.into())).await
    }
}

async fn put(socket: &mut Socket, message: Message) -> Result<(), String> {
    match tokio::time::timeout(SLOW, socket.send(message)).await {
        Ok(sent) => sent.map_err(|e| e.to_string()),
        Err(_) => Err("the reader takes too long".to_owned()),
    }
}

fn said(failed: &Failed) -> String {
    match failed {
        Failed::Api(_, said) | Failed::Plain(_, said) | Failed::Json(_, said) => said.clone(),
    }
}
