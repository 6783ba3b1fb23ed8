//! Tokens of OAuth 2.0 for a client that asks in its own name ("client credentials", RFC 6749
//! section 4.4).
//!
//! A token is fetched at its first use and again shortly before it ends. Servers differ in where
//! they want the client's name and secret: first the header is tried, as RFC 6749 asks for, then the
//! body, and what worked stays, as Go's `oauth2` does it.

use crate::base::clock::monotonic;
use crate::base::net::client::{Ask, Client, ClientError, ClientOptions, Method, form};
use crate::base::net::tls::Secret;
use serde::Deserialize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Bytes of an answer that are read.
const MAX_ANSWER: u64 = 256 << 10;
/// A token is taken for ended so long before it is.
const EARLY: Duration = Duration::from_secs(10);
/// Of a server that does not say how long its token lasts.
const LASTS: Duration = Duration::from_hours(1);

/// Who asks whom for a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OAuth2 {
    pub client_id: String,
    pub client_secret: Secret,
    pub token_url: String,
    pub scopes: Vec<String>,
    /// Further members of the request.
    pub params: Vec<(String, String)>,
    /// How the server of tokens is reached; its own credentials are not used.
    pub through: ClientOptions,
}

/// The token of one client, fetched when it is needed.
#[derive(Debug)]
pub(super) struct Tokens {
    of: OAuth2,
    client: Client,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    token: Option<(String, Instant)>,
    /// The server takes the secret in the body.
    in_body: Option<bool>,
}

/// A client that fetches tokens is a client itself: the box ends the circle of types.
type Header<'a> = Pin<Box<dyn Future<Output = Result<String, ClientError>> + Send + 'a>>;

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    token_type: String,
    expires_in: Option<serde_json::Value>,
}

impl Tokens {
    pub(super) fn new(of: &OAuth2) -> Result<Arc<Self>, ClientError> {
        Ok(Arc::new(Self {
            client: Client::new(&of.through, None)?,
            of: of.clone(),
            kept: Mutex::default(),
        }))
    }

    /// The value of the `Authorization` header.
    pub(super) fn header(&self, timeout: Duration) -> Header<'_> {
        Box::pin(self.find(timeout))
    }

    async fn find(&self, timeout: Duration) -> Result<String, ClientError> {
        let mut kept = self.kept.lock().await;
        if let Some((header, until)) = &kept.token
            && monotonic() < *until
        {
            return Ok(header.clone());
        }
        let (header, lasts) = match kept.in_body {
            Some(in_body) => self.fetch(in_body, timeout).await?,
            None => {
                if let Ok(found) = self.fetch(false, timeout).await {
                    kept.in_body = Some(false);
                    found
                } else {
                    let found = self.fetch(true, timeout).await?;
                    kept.in_body = Some(true);
                    found
                }
            }
        };
        kept.token = Some((header.clone(), monotonic() + lasts.saturating_sub(EARLY)));
        Ok(header)
    }

    /// The server refused a token before its time.
    pub(super) async fn refused(&self) {
        self.kept.lock().await.token = None;
    }

    async fn fetch(
        &self,
        in_body: bool,
        timeout: Duration,
    ) -> Result<(String, Duration), ClientError> {
        let of = &self.of;
        let secret = of.client_secret.read()?;
        let secret = secret.trim();
        let mut pairs = vec![("grant_type", "client_credentials")];
        let scopes = of.scopes.join(" ");
        if !scopes.is_empty() {
            pairs.push(("scope", &scopes));
        }
        pairs.extend(of.params.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        let basic = basic(&of.client_id, secret);
        if in_body {
            pairs.extend([
                ("client_id", of.client_id.as_str()),
                ("client_secret", secret),
            ]);
        } else {
            headers.push(("authorization", &basic));
        }
        let ask = Ask {
            method: Method::Post,
            url: &of.token_url,
            headers: &headers,
            timeout,
            max_body: MAX_ANSWER,
        };
        let mut body = Vec::new();
        let sent = self.client.send_body(ask, form(&pairs), &mut body).await;
        let failed = |why: String| ClientError::Connect(format!("no token of OAuth 2.0: {why}"));
        let reply = sent.map_err(|e| failed(e.to_string()))?;
        if !(200..300).contains(&reply.status) {
            return Err(failed(format!("the server answers {}", reply.status)));
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| failed("the answer holds no access_token".to_owned()))?;
        let kind = match answer.token_type.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer".to_owned(),
            _ => answer.token_type,
        };
        // Some servers write the number as a text.
        let seconds = answer.expires_in.and_then(|v| match v {
            serde_json::Value::Number(n) => n.as_u64(),
            serde_json::Value::String(s) => s.parse().ok(),
            _ => None,
        });
        let lasts = seconds
            .filter(|s| *s > 0)
            .map_or(LASTS, Duration::from_secs);
        Ok((format!("{kind} {}", answer.access_token), lasts))
    }
}

/// `Basic ...`, name and secret escaped as RFC 6749 section 2.3.1 asks for.
fn basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let escaped = |s: &str| utf8_percent_encode(s, NON_ALPHANUMERIC).to_string();
    let pair = format!("{}:{}", escaped(id), escaped(secret));
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}
