//! The HTTP client, as every room that dials uses it: one per set of options.
//!
//! A client keeps its connections. Answers are read into the caller's buffer, which a scrape loop
//! keeps from one scrape to the next, and never beyond the size it names.

mod oauth2;

pub use oauth2::OAuth2;

use crate::base::net::cert;
use crate::base::net::tls::{self, ClientTls, Secret, TlsError};
use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What all requests of one client have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClientOptions {
    pub tls: ClientTls,
    pub proxy: Proxy,
    pub credentials: Credentials,
    /// Sent with every request.
    pub headers: Vec<(String, Secret)>,
    pub follow_redirects: bool,
    pub http2: bool,
    /// Every connection goes to this socket, whatever host the URL names.
    pub socket: Option<PathBuf>,
}

/// The way out to the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Proxy {
    #[default]
    None,
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`.
    Environment,
    /// `no_proxy` is a list of hosts, networks and domains parted by commas; the headers go to the
    /// proxy alone.
    Url {
        url: String,
        no_proxy: String,
        headers: Vec<(String, Secret)>,
    },
}

/// Who the client says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Credentials {
    #[default]
    None,
    Basic {
        user: String,
        password: Secret,
    },
    /// `Authorization: <scheme> <token>`; the scheme is nearly always `Bearer`.
    Token {
        scheme: String,
        token: Secret,
    },
    /// A token that a server of tokens gives out.
    OAuth2(Box<OAuth2>),
}

/// One request. `max_body` counts the bytes after decompression; zero is no limit.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub method: Method,
    pub url: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole exchange: name, connection, headers, body.
    pub timeout: Duration,
    pub max_body: u64,
}

impl<'a> Ask<'a> {
    pub fn get(url: &'a str, timeout: Duration, max_body: u64) -> Self {
        Self {
            method: Method::Get,
            url,
            headers: &[],
            timeout,
            max_body,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// What came back beside the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: String,
    /// The `Retry-After` header as it stands; empty where there is none.
    pub retry_after: String,
    /// Seconds since the epoch when the server's certificate ends; `None` over plain HTTP.
    pub certificate_ends: Option<i64>,
}

/// Why there is no reply. Each is a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    #[error("{0}")]
    Options(String),
    #[error("no answer within {}", crate::base::units::format_duration_ms(_0.as_millis() as i64))]
    Timeout(Duration),
    #[error("{0}")]
    Connect(String),
    #[error("the answer is larger than the limit of {0} bytes")]
    TooLarge(u64),
    #[error("{0}")]
    Broken(String),
}

impl From<TlsError> for ClientError {
    fn from(e: TlsError) -> Self {
        Self::Options(e.0)
    }
}

/// Addresses of names that DNS does not know: container names, for one.
pub trait Names: Send + Sync {
    fn look_up(&self, host: &str) -> Vec<IpAddr>;

    /// The addresses of `host` are being used.
    fn used(&self, host: &str);

    /// What stands behind a name that was used, in words.
    fn via(&self, host: &str) -> Option<String>;
}

/// Keeps connections to servers. Clones share them.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    credentials: Arc<Credentials>,
    headers: Arc<[(String, Secret)]>,
    tokens: Option<Arc<oauth2::Tokens>>,
}

impl Client {
    /// Reads the files of `tls` now. `names` is asked where DNS has no answer.
    pub fn new(
        options: &ClientOptions,
        names: Option<Arc<dyn Names>>,
    ) -> Result<Self, ClientError> {
        let mut config = options.tls.config()?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if options.http2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        let redirects = if options.follow_redirects {
            reqwest::redirect::Policy::limited(10)
        } else {
            reqwest::redirect::Policy::none()
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("bongsu/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(config)
            .tls_info(true)
            .redirect(redirects)
            .pool_max_idle_per_host(2)
            .dns_resolver(Arc::new(Resolver { names }));
        match &options.proxy {
            Proxy::Environment => {}
            Proxy::None => builder = builder.no_proxy(),
            Proxy::Url {
                url,
                no_proxy,
                headers,
            } => {
                let mut proxy = reqwest::Proxy::all(url)
                    .map_err(|_| ClientError::Options(format!("proxy_url {url:?} is no URL")))?
                    .no_proxy(reqwest::NoProxy::from_string(no_proxy));
                if !headers.is_empty() {
                    let mut map = HeaderMap::new();
                    for (name, value) in headers {
                        add_header(&mut map, name, value.read()?.trim())?;
                    }
                    proxy = proxy.headers(map);
                }
                builder = builder.proxy(proxy);
            }
        }
        if let Some(socket) = &options.socket {
            builder = builder.unix_socket(socket.clone());
        }
        let inner = builder.build().map_err(|e| {
            ClientError::Options(format!("no HTTP client with these settings: {}", why(&e)))
        })?;
        Ok(Self {
            inner,
            tokens: match &options.credentials {
                Credentials::OAuth2(of) => Some(oauth2::Tokens::new(of)?),
                _ => None,
            },
            credentials: Arc::new(options.credentials.clone()),
            headers: options.headers.clone().into(),
        })
    }

    /// Asks and reads the whole answer into `body`, which is cleared first. Any status is a reply.
    pub async fn send(&self, ask: Ask<'_>, body: &mut Vec<u8>) -> Result<Reply, ClientError> {
        self.exchange(ask, None, body).await
    }

    /// As [`Client::send`], with something to say.
    pub async fn send_body(
        &self,
        ask: Ask<'_>,
        payload: Vec<u8>,
        body: &mut Vec<u8>,
    ) -> Result<Reply, ClientError> {
        self.exchange(ask, Some(payload), body).await
    }

    async fn exchange(
        &self,
        ask: Ask<'_>,
        payload: Option<Vec<u8>>,
        body: &mut Vec<u8>,
    ) -> Result<Reply, ClientError> {
        body.clear();
        let all = self.talk(ask, payload, body);
        match tokio::time::timeout(ask.timeout, all).await {
            Ok(ended) => ended,
            Err(_) => Err(ClientError::Timeout(ask.timeout)),
        }
    }

    /// Asks and gives the answer in pieces as they come. `ask.timeout` is for its beginning alone:
    /// the rest may take as long as the reader waits.
    pub async fn stream(&self, ask: Ask<'_>) -> Result<Stream, ClientError> {
        match tokio::time::timeout(ask.timeout, self.begin(ask, None)).await {
            Ok(begun) => begun.map(Stream),
            Err(_) => Err(ClientError::Timeout(ask.timeout)),
        }
    }

    async fn talk(
        &self,
        ask: Ask<'_>,
        payload: Option<Vec<u8>>,
        body: &mut Vec<u8>,
    ) -> Result<Reply, ClientError> {
        let mut response = self.begin(ask, payload).await?;
        let reply = reply_of(&response);
        while let Some(chunk) = response.chunk().await.map_err(|e| broken(&e))? {
            if ask.max_body > 0 && (body.len() + chunk.len()) as u64 > ask.max_body {
                return Err(ClientError::TooLarge(ask.max_body));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(reply)
    }

    async fn begin(
        &self,
        ask: Ask<'_>,
        payload: Option<Vec<u8>>,
    ) -> Result<reqwest::Response, ClientError> {
        if ask.url.starts_with("https:") {
            // Read once for the process, and never on a worker of the runtime.
            let _ = tokio::task::spawn_blocking(tls::roots).await;
        }
        let method = match ask.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self
            .inner
            .request(method, ask.url)
            .headers(self.headers_of(ask)?);
        request = match &*self.credentials {
            Credentials::None => request,
            Credentials::OAuth2(_) => match &self.tokens {
                Some(tokens) => request.header("authorization", tokens.header(ask.timeout).await?),
                None => request,
            },
            Credentials::Basic { user, password } => {
                request.basic_auth(user, Some(password.read()?.trim_end_matches(['\n', '\r'])))
            }
            Credentials::Token { scheme, token } => {
                let token = token.read()?;
                request.header("authorization", format!("{scheme} {}", token.trim()))
            }
        };
        if let Some(payload) = payload {
            request = request.body(payload);
        }
        let response = request.send().await.map_err(|e| broken(&e))?;
        if let Some(tokens) = &self.tokens
            && response.status() == reqwest::StatusCode::UNAUTHORIZED
        {
            // The next request asks for another.
            tokens.refused().await;
        }
        Ok(response)
    }

    fn headers_of(&self, ask: Ask<'_>) -> Result<HeaderMap, ClientError> {
        let mut map = HeaderMap::new();
        for (name, value) in &*self.headers {
            add_header(&mut map, name, value.read()?.trim())?;
        }
        for (name, value) in ask.headers {
            add_header(&mut map, name, value)?;
        }
        Ok(map)
    }
}

fn add_header(map: &mut HeaderMap, name: &str, value: &str) -> Result<(), ClientError> {
    let bad = |name: &str| ClientError::Options(format!("{name:?} is no HTTP header"));
    let value = HeaderValue::from_str(value).map_err(|_| bad(name))?;
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(name))?;
    map.append(name, value);
    Ok(())
}

/// `a=b&c=d`, escaped: the body of a form.
pub fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let escaped = |s: &str| utf8_percent_encode(s, NON_ALPHANUMERIC).to_string();
    let pairs = pairs
        .iter()
        .map(|(k, v)| format!("{}={}", escaped(k), escaped(v)));
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}

/// An answer that is still coming. Dropping it closes the connection.
#[derive(Debug)]
pub struct Stream(reqwest::Response);

impl Stream {
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// The next piece, as the network cut it; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.0.chunk().await.map_err(|e| broken(&e))
    }
}

/// The host of a URL, without port and brackets.
pub fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(six) => six.split(']').next(),
        None => host.split(':').next(),
    }
}

fn reply_of(response: &reqwest::Response) -> Reply {
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let certificate = response
        .extensions()
        .get::<reqwest::tls::TlsInfo>()
        .and_then(|info| info.peer_certificate());
    Reply {
        status: response.status().as_u16(),
        content_type: header("content-type"),
        retry_after: header("retry-after"),
        certificate_ends: certificate.and_then(cert::not_after),
    }
}

fn broken(e: &reqwest::Error) -> ClientError {
    if e.is_builder() {
        return ClientError::Options(format!("this is no URL that can be asked: {}", why(e)));
    }
    if e.is_connect() {
        return ClientError::Connect(why(e));
    }
    ClientError::Broken(why(e))
}

/// The innermost cause: the rest of the chain repeats the URL and the names of crates.
fn why(e: &reqwest::Error) -> String {
    let mut cause: &dyn Error = e;
    while let Some(inner) = cause.source() {
        cause = inner;
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && let Some(text) = known(io.kind())
        {
            return text.to_owned();
        }
    }
    cause.to_string()
}

fn known(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "connection refused: nothing listens there",
        io::ErrorKind::ConnectionReset => "the server reset the connection",
        io::ErrorKind::HostUnreachable => "no route to the host",
        io::ErrorKind::NetworkUnreachable => "the network cannot be reached",
        io::ErrorKind::UnexpectedEof => "the server closed the connection early",
        io::ErrorKind::TimedOut => "the connection timed out",
        io::ErrorKind::PermissionDenied => "permission denied",
        _ => return None,
    })
}

/// A name server that says nothing must not use up the time of a request whose host is known here.
const DNS_BESIDE: Duration = Duration::from_secs(1);
const DNS_ALONE: Duration = Duration::from_mins(1);

/// DNS first, then the names that only this machine knows.
struct Resolver {
    names: Option<Arc<dyn Names>>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.names.clone();
        Box::pin(async move {
            let host = name.as_str();
            let names = names.map(|n| (n.look_up(host), n));
            let own = names.filter(|(own, _)| !own.is_empty());
            let patience = if own.is_some() { DNS_BESIDE } else { DNS_ALONE };
            // Port 0 is replaced by the URL's.
            let asked = tokio::time::timeout(patience, tokio::net::lookup_host((host, 0))).await;
            let why = match asked {
                Ok(Ok(found)) => {
                    return Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs);
                }
                Ok(Err(e)) => e.to_string(),
                Err(_) => "no name server answers".to_owned(),
            };
            let Some((own, names)) = own else {
                let text = format!("the name {host:?} is not known: {why}");
                return Err(Box::<dyn Error + Send + Sync>::from(text));
            };
            names.used(host);
            let own: Vec<SocketAddr> = own.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            Ok(Box::new(own.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
